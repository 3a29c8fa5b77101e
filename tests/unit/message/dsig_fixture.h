/* What the tests of XML signatures share: keys of every algorithm in a directory of their own, a message, and edits. */
#ifndef MESSAGE_DSIG_FIXTURE_H
#define MESSAGE_DSIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/message.h"

#define DS "http://www.w3.org/2000/09/xmldsig#"
#define EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define INCLUSIVE "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define CHINAPORT "http://www.chinaport.gov.cn/2022/04/xmldsig#"
#define ENVELOPE                                                                                                       \
    "<Envelope><Id>m-1</Id><Kind>echo</Kind><Version>1</Version><Sender>bank-a</Sender><Receiver>gateway</Receiver>"   \
    "<Created>2026-11-24T10:00:00+08:00</Created></Envelope>"
#define BODY "<Body><Text>山西杏花村汾酒厂股份有限公司 &amp; &lt;1&gt;</Text></Body>"
#define MESSAGE "<Message xmlns=\"urn:cn:sx:ip-pledge:1\">" ENVELOPE BODY "</Message>"

static char dir[64];
static struct crypto_keyring *ring, *foreign_ring;

__attribute__((format(printf, 1, 2))) static inline int try_run(const char *format, ...)
{
    char command[1024];
    int n = snprintf(command, sizeof command, "cd %s && (", dir);
    va_list args;
    va_start(args, format);
    n += vsnprintf(command + n, sizeof command - (size_t)n, format, args);
    va_end(args);
    snprintf(command + n, sizeof command - (size_t)n, ") >>log 2>&1");
    return system(command);
}

static inline const char *in_dir(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

/* NUL-terminated; the caller frees. */
static inline char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s", path);
    char *text = xcalloc(1, MESSAGE_MAX);
    text[fread(text, 1, MESSAGE_MAX - 1, file)] = '\0';
    fclose(file);
    return text;
}

static inline void write_in_dir(const char *name, struct bytes content)
{
    FILE *file = fopen(in_dir(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content.p, 1, content.n, file), content.n);
    fclose(file);
}

static struct crypto_keyring *load_ring(const char *prefix)
{
    static const char *const names[CRYPTO_PURPOSE_COUNT] = {"es256", "sm2", "rsa"};
    struct crypto_keyring *loaded = crypto_keyring_new();
    for (int i = 0; i < CRYPTO_PURPOSE_COUNT; i++) {
        char name[64];
        struct err err = {0};
        snprintf(name, sizeof name, "%s%s.key", prefix, names[i]);
        char *pem = read_file(in_dir(name));
        if (!crypto_keyring_load_key(loaded, (enum crypto_purpose)i, bytes_str(pem), NULL, &err))
            fail_msg("%s", err.detail);
        free(pem);
    }
    return loaded;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test-dsig-XXXXXX");
    assert_non_null(mkdtemp(dir));
    if (try_run("for p in '' other-; do openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ${p}es256.key && "
                "openssl genpkey -algorithm SM2 -out ${p}sm2.key && "
                "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out ${p}rsa.key && "
                "openssl req -x509 -new -key ${p}es256.key -subj /CN=test -days 30 -out ${p}es256.pem && "
                "openssl x509 -in ${p}es256.pem -outform DER -out ${p}es256.der && "
                "for a in es256 sm2 rsa; do openssl pkey -in $p$a.key -pubout -out $p$a.pub || exit 1; done; done") != 0)
        fail_msg("no keys");
    ring = load_ring("");
    foreign_ring = load_ring("other-");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[96];
    crypto_keyring_free(&ring);
    crypto_keyring_free(&foreign_ring);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static inline const struct crypto_key *public_of(const struct crypto_keyring *of, enum crypto_alg alg)
{
    enum crypto_purpose purpose;
    crypto_keyring_purpose(alg, &purpose);
    return crypto_keyring_public(of, purpose);
}

static inline struct jws_expect expect_of(enum crypto_alg alg)
{
    return (struct jws_expect){.alg = alg, .keys = {public_of(ring, alg)}, .key_n = 1};
}

/* The caller frees. */
static inline char *sign_with(const struct crypto_keyring *with, enum crypto_alg alg,
                              const struct message_profile *profile, const char *xml)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, MESSAGE_MAX);
    if (!message_sign_xml(bytes_str(xml), with, alg, profile, &out, &err))
        fail_msg("%s: %s (%s)", err_info(err.code)->code, err.detail, err.place);
    return (char *)out.p;
}

static inline char *sign(enum crypto_alg alg, const char *xml)
{
    return sign_with(ring, alg, NULL, xml);
}

/* "ok", or the code of the refusal. */
static inline const char *verdict(struct bytes xml, const struct jws_expect *expect, const struct message_profile *profile)
{
    struct message *message = NULL;
    struct err err = {0};
    bool ok = message_read_xml(xml, &message, &err) && message_verify_xml(message, expect, profile, NULL, &err);
    if (ok == (err.code != ERR_NONE))
        fail_msg("true and an error, or neither");
    message_free(&message);
    return ok ? "ok" : err_info(err.code)->code;
}

/* With the first `from` replaced by `to`; an empty `from` means before the root's end tag. The caller frees. */
static inline char *edit(const char *xml, const char *from, const char *to)
{
    const char *at = *from ? strstr(xml, from) : strrchr(xml, '<');
    if (!at)
        fail_msg("\"%s\" is not in the sample", from);
    char *out = xcalloc(1, strlen(xml) + strlen(to) + 1);
    sprintf(out, "%.*s%s%s", (int)(at - xml), xml, to, at + strlen(from));
    return out;
}

/* The text between two marks, the marks included; the caller frees. */
static inline char *part(const char *xml, const char *from, const char *to)
{
    const char *start = strstr(xml, from), *end = start ? strstr(start, to) : NULL;
    if (!end)
        fail_msg("no %s", from);
    size_t n = (size_t)(end - start) + strlen(to);
    char *out = xcalloc(1, n + 1);
    memcpy(out, start, n);
    return out;
}

#endif
