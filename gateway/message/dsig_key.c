/* KeyInfo: what it may say about keys that are known already. It never brings one. */
#include <string.h>

#include "message/dsig.h"

#define CERTIFICATE_MAX (8u << 10) /* bytes of DER */
#define NUMBER_MAX 1024            /* bytes of an RSA modulus or a point */

#define WORDS_MAX 8 /* names, certificates and keys: each costs, and one is enough */

struct choice {
    const struct jws_expect *expect;
    bool *usable;
    size_t n, words;
};

/* Keeps of the keys still usable those that `is` says; false when none is left. */
static bool keep(struct choice *choice, bool (*is)(const struct jws_expect *, size_t, const void *), const void *what)
{
    bool some = false;
    choice->words++;
    for (size_t i = 0; i < choice->n; i++) {
        choice->usable[i] = choice->usable[i] && is(choice->expect, i, what);
        some = some || choice->usable[i];
    }
    return some;
}

static bool has_name(const struct jws_expect *expect, size_t i, const void *name)
{
    return strcmp(expect->kids[i] ? expect->kids[i] : crypto_key_kid(expect->keys[i]), name) == 0;
}

static bool has_digest(const struct jws_expect *expect, size_t i, const void *digest)
{
    return memcmp(crypto_key_digest(expect->keys[i]), digest, CRYPTO_DIGEST_SIZE) == 0;
}

static bool has_spki(const struct jws_expect *expect, size_t i, const void *spki)
{
    return bytes_equal(crypto_key_spki(expect->keys[i]), buf_bytes(spki));
}

/* An uncompressed point: 4, x, y. */
static bool has_point(const struct jws_expect *expect, size_t i, const void *point)
{
    const struct buf *given = point;
    uint8_t mine[65] = {4};
    return crypto_key_ec_point(expect->keys[i], mine + 1, mine + 33) &&
           bytes_equal(bytes_of(mine, sizeof mine), buf_bytes(given));
}

static bool has_modulus(const struct jws_expect *expect, size_t i, const void *modulus)
{
    struct buf n, e;
    buf_init(&n, NUMBER_MAX);
    buf_init(&e, NUMBER_MAX);
    bool same = crypto_key_rsa(expect->keys[i], &n, &e) && bytes_equal(buf_bytes(&n), buf_bytes(modulus));
    buf_free(&n);
    buf_free(&e);
    return same;
}

static bool few(const struct choice *choice, const xmlNode *node, struct err *err)
{
    return choice->words < WORDS_MAX ||
           dsig_fault(err, ERR_SIGNATURE_PROFILE, node, "KeyInfo says more than %d things", WORDS_MAX);
}

static bool read_name(struct choice *choice, xmlNode *node, struct err *err)
{
    CHECK(few(choice, node, err));
    const char *name = message_node_text(node);
    return keep(choice, has_name, name) ||
           dsig_fault(err, ERR_SIGNATURE_KEY_UNKNOWN, node, "KeyName is not the name of one of the signer's keys");
}

static bool read_certificate(struct choice *choice, xmlNode *node, struct err *err)
{
    struct buf der;
    struct crypto_key *key = NULL;
    CHECK(few(choice, node, err));
    buf_init(&der, CERTIFICATE_MAX);
    bool ok = dsig_base64(node, &der, err);
    if (ok && !crypto_key_from_certificate(buf_bytes(&der), "X509Certificate", &key, err))
        ok = dsig_fault(err, ERR_SIGNATURE_MALFORMED, node, "not a certificate that can be read");
    if (ok && !keep(choice, has_digest, crypto_key_digest(key)))
        ok = dsig_fault(err, ERR_SIGNATURE_KEY_UNKNOWN, node, "the certificate is not the signer's");
    crypto_key_free(&key);
    buf_free(&der);
    return ok;
}

static bool read_x509(struct choice *choice, xmlNode *node, struct err *err)
{
    for (xmlNode *child = node->children; child; child = child->next)
        if (message_is(child, DSIG_NAMESPACE, "X509Certificate"))
            CHECK(read_certificate(choice, child, err));
    return true;
}

/* A key written out is fine when it is the signer's own, and an attempt otherwise. */
static bool read_key(struct choice *choice, xmlNode *node, xmlNode *number,
                     bool (*is)(const struct jws_expect *, size_t, const void *), struct err *err)
{
    struct buf bytes;
    CHECK(few(choice, node, err));
    buf_init(&bytes, NUMBER_MAX);
    bool own = number && dsig_base64(number, &bytes, err) && keep(choice, is, &bytes);
    buf_free(&bytes);
    return own || dsig_fault(err, ERR_SIGNATURE_PROFILE, node, "a key that is not the signer's");
}

static xmlNode *child_of(const xmlNode *node, const char *space, const char *name)
{
    xmlNode *child = node->children;
    while (child && !message_is(child, space, name))
        child = child->next;
    return child;
}

static bool read_key_value(struct choice *choice, xmlNode *node, struct err *err)
{
    xmlNode *rsa = child_of(node, DSIG_NAMESPACE, "RSAKeyValue"), *ec = child_of(node, DSIG11_NAMESPACE, "ECKeyValue");
    if (rsa)
        return read_key(choice, node, child_of(rsa, DSIG_NAMESPACE, "Modulus"), has_modulus, err);
    return read_key(choice, node, ec ? child_of(ec, DSIG11_NAMESPACE, "PublicKey") : NULL, has_point, err);
}

static bool read_child(struct choice *choice, xmlNode *node, struct err *err)
{
    if (message_is(node, DSIG_NAMESPACE, "KeyName"))
        return read_name(choice, node, err);
    if (message_is(node, DSIG_NAMESPACE, "X509Data"))
        return read_x509(choice, node, err);
    if (message_is(node, DSIG_NAMESPACE, "KeyValue"))
        return read_key_value(choice, node, err);
    if (message_is(node, DSIG11_NAMESPACE, "DEREncodedKeyValue"))
        return read_key(choice, node, node, has_spki, err);
    return true; /* ignored, as agreed; nothing is ever fetched */
}

bool dsig_keys(xmlNode *key_info, const struct jws_expect *expect, bool usable_out[JWS_KEYS_MAX], struct err *err)
{
    struct choice choice = {expect, usable_out, expect->key_n < JWS_KEYS_MAX ? expect->key_n : JWS_KEYS_MAX, 0};
    for (size_t i = 0; i < JWS_KEYS_MAX; i++)
        usable_out[i] = i < choice.n;
    for (xmlNode *node = key_info ? key_info->children : NULL; node; node = node->next)
        CHECK(read_child(&choice, node, err));
    return true;
}
