/* What the tests of this folder share: keys of every algorithm in a directory of their own, and the keyring of them. */
#ifndef JWS_FIXTURE_H
#define JWS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "jws/jws.h"

static char dir[64];

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
    char command[1024];
    int n = snprintf(command, sizeof command, "cd %s && (", dir);
    va_list args;
    va_start(args, format);
    n += vsnprintf(command + n, sizeof command - (size_t)n, format, args);
    va_end(args);
    snprintf(command + n, sizeof command - (size_t)n, ") 2>>log");
    if (system(command) != 0)
        fail_msg("%s", command);
}

static const char *in_dir(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static int make_keys(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test-jws-XXXXXX");
    assert_non_null(mkdtemp(dir));
    run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ES256.key && "
        "openssl genpkey -algorithm SM2 -out SM2.key && "
        "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out RSA.key && "
        "for a in ES256 SM2 RSA; do openssl pkey -in $a.key -pubout -out $a.pub; done && "
        "openssl req -x509 -new -key ES256.key -subj /CN=test -days 30 -out ES256.pem");
    return 0;
}

static int remove_keys(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static inline struct bytes read_in_dir(const char *name, uint8_t *out, size_t max)
{
    FILE *file = fopen(in_dir(name), "rb");
    assert_non_null(file);
    size_t n = fread(out, 1, max, file);
    fclose(file);
    return bytes_of(out, n);
}

static inline void write_in_dir(const char *name, struct bytes content)
{
    FILE *file = fopen(in_dir(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content.p, 1, content.n, file), content.n);
    fclose(file);
}

static inline const char *key_name(enum crypto_alg alg)
{
    return alg == CRYPTO_ES256 ? "ES256" : alg == CRYPTO_SM2 ? "SM2" : "RSA";
}

static inline struct crypto_keyring *make_ring(void)
{
    static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256};
    struct crypto_keyring *ring = crypto_keyring_new();
    for (size_t i = 0; i < 3; i++) {
        uint8_t pem[4096];
        char name[32];
        enum crypto_purpose purpose;
        struct err err = {0};
        snprintf(name, sizeof name, "%s.key", key_name(algs[i]));
        crypto_keyring_purpose(algs[i], &purpose);
        if (!crypto_keyring_load_key(ring, purpose, read_in_dir(name, pem, sizeof pem), NULL, &err))
            fail_msg("%s", err.detail);
    }
    return ring;
}

static inline const struct crypto_key *public_of(const struct crypto_keyring *ring, enum crypto_alg alg)
{
    enum crypto_purpose purpose;
    crypto_keyring_purpose(alg, &purpose);
    return crypto_keyring_public(ring, purpose);
}

#endif
