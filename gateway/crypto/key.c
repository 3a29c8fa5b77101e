/* Public keys: read from PEM or JWK members, with the facts of their certificate. */
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/internal.h"

#define EC_PREFIX_SIZE 26
#define COORDINATE_SIZE 32

/* SubjectPublicKeyInfo of an uncompressed point up to and including the 27th byte's place, RFC 5480:
 * SEQUENCE { SEQUENCE { id-ecPublicKey, curve }, BIT STRING }. */
static const uint8_t p256_prefix[EC_PREFIX_SIZE] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
static const uint8_t sm2_prefix[EC_PREFIX_SIZE] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x81, 0x1c,
                                                   0xcf, 0x55, 0x01, 0x82, 0x2d, 0x03, 0x42, 0x00};

bool crypto_fail(struct err *err, enum err_code code, const char *place, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    err_set(err, code, place, reason ? "%s: %s" : "%s", what, reason);
    ERR_clear_error();
    return false;
}

enum crypto_kind crypto_kind_of(EVP_PKEY *pkey)
{
    char group[32] = "";
    if (EVP_PKEY_is_a(pkey, "SM2"))
        return CRYPTO_KIND_SM2;
    if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1 &&
        strcmp(group, "prime256v1") == 0)
        return CRYPTO_KIND_P256;
    int bits = EVP_PKEY_get_bits(pkey);
    if (EVP_PKEY_is_a(pkey, "RSA") && bits >= CRYPTO_RSA_BITS_MIN && bits <= CRYPTO_RSA_BITS_MAX)
        return CRYPTO_KIND_RSA;
    ERR_clear_error();
    return CRYPTO_KIND_OTHER;
}

bool crypto_kind_fits(enum crypto_kind kind, enum crypto_alg alg)
{
    switch (alg) {
    case CRYPTO_ES256:
        return kind == CRYPTO_KIND_P256;
    case CRYPTO_SM2:
        return kind == CRYPTO_KIND_SM2;
    case CRYPTO_RS256:
    case CRYPTO_PS256:
        return kind == CRYPTO_KIND_RSA;
    }
    return false;
}

/* Takes spki, which OpenSSL allocated; pkey gains an owner. */
static struct crypto_key *key_new(EVP_PKEY *pkey, uint8_t *spki, size_t spki_n)
{
    struct crypto_key *key = xcalloc(1, sizeof *key);
    EVP_PKEY_up_ref(pkey);
    key->refs = 1;
    key->pkey = pkey;
    key->kind = crypto_kind_of(pkey);
    key->spki = spki;
    key->spki_n = spki_n;
    crypto_digest(CRYPTO_SHA256, bytes_of(spki, spki_n), key->digest);
    struct buf kid;
    buf_init(&kid, CRYPTO_KID_SIZE);
    base64_encode(&kid, bytes_of(key->digest, sizeof key->digest), true);
    memcpy(key->kid, kid.p, CRYPTO_KID_SIZE - 1);
    buf_free(&kid);
    return key;
}

static bool key_from_spki(X509_PUBKEY *spki, const char *place, struct crypto_key **key_out, struct err *err)
{
    EVP_PKEY *pkey = X509_PUBKEY_get0(spki);
    if (!pkey)
        return crypto_fail(err, ERR_KEY_FILE, place, "the public key cannot be read");
    uint8_t *der = NULL;
    int n = i2d_X509_PUBKEY(spki, &der);
    if (n <= 0)
        return crypto_fail(err, ERR_KEY_FILE, place, "the public key cannot be written");
    *key_out = key_new(pkey, der, (size_t)n);
    return true;
}

static void take_subject(struct crypto_key *key, X509 *cert)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *p = NULL;
    if (text &&
        X509_NAME_print_ex(text, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long n = BIO_get_mem_data(text, &p);
        size_t take = n < 0 ? 0 : (size_t)n < sizeof key->subject ? (size_t)n : sizeof key->subject - 1;
        while (take > 0 && !utf8_valid(bytes_of(p, take))) /* the cut may have split a character */
            take--;
        memcpy(key->subject, p ? p : "", take);
    }
    BIO_free(text);
    ERR_clear_error();
}

static bool key_from_x509(X509 *cert, const char *place, struct crypto_key **key_out, struct err *err)
{
    struct crypto_key *key = NULL;
    CHECK(key_from_spki(X509_get_X509_PUBKEY(cert), place, &key, err));
    int n = i2d_X509(cert, &key->cert);
    if (n <= 0 || !crypto_asn1_ms(X509_get0_notBefore(cert), &key->not_before) ||
        !crypto_asn1_ms(X509_get0_notAfter(cert), &key->not_after)) {
        crypto_key_free(&key);
        return crypto_fail(err, ERR_KEY_FILE, place, "the certificate cannot be read");
    }
    key->cert_n = (size_t)n;
    take_subject(key, cert);
    *key_out = key;
    return true;
}

static bool from_certificate(const uint8_t *der, long n, const char *place, struct crypto_key **key_out,
                             struct err *err)
{
    const uint8_t *p = der;
    X509 *cert = d2i_X509(NULL, &p, n);
    if (!cert || p != der + n) {
        X509_free(cert);
        return crypto_fail(err, ERR_KEY_FILE, place, "not a certificate");
    }
    bool ok = key_from_x509(cert, place, key_out, err);
    X509_free(cert);
    return ok;
}

bool crypto_key_from_certificate(struct bytes der, const char *place, struct crypto_key **key_out, struct err *err)
{
    if (der.n == 0 || der.n > CRYPTO_FILE_MAX)
        return err_set(err, ERR_KEY_FILE, place, "a certificate of %zu bytes", der.n);
    bool ok = from_certificate(der.p, (long)der.n, place, key_out, err);
    ERR_clear_error();
    return ok;
}

static bool from_public(const uint8_t *der, long n, const char *place, struct crypto_key **key_out, struct err *err)
{
    const uint8_t *p = der;
    X509_PUBKEY *spki = d2i_X509_PUBKEY(NULL, &p, n);
    if (!spki || p != der + n) {
        X509_PUBKEY_free(spki);
        return crypto_fail(err, ERR_KEY_FILE, place, "not a public key");
    }
    bool ok = key_from_spki(spki, place, key_out, err);
    X509_PUBKEY_free(spki);
    return ok;
}

bool crypto_key_from_pkey(EVP_PKEY *pkey, const char *place, struct crypto_key **key_out, struct err *err)
{
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(pkey, &der);
    if (n <= 0)
        return crypto_fail(err, ERR_KEY_FILE, place, "the public key cannot be written");
    bool ok = from_public(der, n, place, key_out, err);
    OPENSSL_free(der);
    return ok;
}

static bool from_block(const char *name, const uint8_t *der, long n, const char *place, struct crypto_key **key_out,
                       struct err *err)
{
    if (strcmp(name, PEM_STRING_PUBLIC) == 0)
        return from_public(der, n, place, key_out, err);
    if (strcmp(name, PEM_STRING_X509) == 0)
        return from_certificate(der, n, place, key_out, err);
    return err_set(err, ERR_KEY_FILE, place, "expected a certificate or public key, found %.40s", name);
}

static bool skippable(const char *name)
{
    return strcmp(name, PEM_STRING_ECPARAMETERS) == 0;
}

bool crypto_key_from_pem(struct bytes pem, const char *place, struct crypto_key **key_out, struct err *err)
{
    if (pem.n > CRYPTO_FILE_MAX)
        return err_set(err, ERR_KEY_FILE, place, "larger than %u bytes", CRYPTO_FILE_MAX);
    BIO *bio = BIO_new_mem_buf(pem.n ? (const void *)pem.p : "", (int)pem.n);
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long n = 0;
    bool found = false, ok = false;
    while (!found && bio && PEM_read_bio(bio, &name, &header, &der, &n) == 1) {
        if (!skippable(name)) {
            found = true;
            ok = from_block(name, der, n, place, key_out, err);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)n); /* may have been a private key given by mistake */
    }
    BIO_free(bio);
    if (!found)
        return crypto_fail(err, ERR_KEY_FILE, place, "no certificate or public key in PEM");
    ERR_clear_error();
    return ok;
}

bool crypto_key_from_file(const char *path, struct crypto_key **key_out, struct err *err)
{
    struct buf pem;
    buf_init(&pem, CRYPTO_FILE_MAX);
    bool ok = crypto_read_file(path, &pem, err) && crypto_key_from_pem(buf_bytes(&pem), path, key_out, err);
    if (pem.n)
        wipe(pem.p, pem.n);
    buf_free(&pem);
    return ok;
}

static bool decode_coordinate(struct bytes text, uint8_t out[COORDINATE_SIZE])
{
    struct buf raw;
    buf_init(&raw, COORDINATE_SIZE + 1);
    bool ok = base64_decode(&raw, text, true) && raw.n == COORDINATE_SIZE;
    if (ok)
        memcpy(out, raw.p, COORDINATE_SIZE);
    buf_free(&raw);
    return ok;
}

bool crypto_key_from_ec(const char *curve, struct bytes x, struct bytes y, struct crypto_key **key_out, struct err *err)
{
    uint8_t der[EC_PREFIX_SIZE + 1 + 2 * COORDINATE_SIZE];
    bool sm2 = strcmp(curve, "SM2") == 0;
    if (!sm2 && strcmp(curve, "P-256") != 0)
        return err_set(err, ERR_KEY_FILE, "/crv", "only P-256 and SM2 are known");
    memcpy(der, sm2 ? sm2_prefix : p256_prefix, EC_PREFIX_SIZE);
    der[EC_PREFIX_SIZE] = 0x04;
    if (!decode_coordinate(x, der + EC_PREFIX_SIZE + 1))
        return err_set(err, ERR_KEY_FILE, "/x", "must be 32 bytes in base64url");
    if (!decode_coordinate(y, der + EC_PREFIX_SIZE + 1 + COORDINATE_SIZE))
        return err_set(err, ERR_KEY_FILE, "/y", "must be 32 bytes in base64url");
    return from_public(der, (long)sizeof der, "/x", key_out, err);
}

static BIGNUM *decode_number(struct bytes text)
{
    struct buf raw;
    buf_init(&raw, CRYPTO_RSA_BITS_MAX / 8 + 1);
    BIGNUM *number = NULL;
    if (base64_decode(&raw, text, true) && raw.n > 0 && raw.p[0] != 0)
        number = BN_bin2bn(raw.p, (int)raw.n, NULL);
    buf_free(&raw);
    return number;
}

static EVP_PKEY *rsa_from_numbers(const BIGNUM *n, const BIGNUM *e)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    if (ctx && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        params = OSSL_PARAM_BLD_to_param(build);
    if (params && EVP_PKEY_fromdata_init(ctx) == 1)
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

bool crypto_key_from_rsa(struct bytes n, struct bytes e, struct crypto_key **key_out, struct err *err)
{
    BIGNUM *modulus = decode_number(n), *exponent = decode_number(e);
    EVP_PKEY *pkey = NULL;
    if (modulus && exponent && BN_is_odd(exponent) && !BN_is_one(exponent))
        pkey = rsa_from_numbers(modulus, exponent);
    BN_free(modulus);
    BN_free(exponent);
    if (!pkey)
        return crypto_fail(err, ERR_KEY_FILE, "/n", "not an RSA public key in base64url");
    bool ok = crypto_key_from_pkey(pkey, "/n", key_out, err);
    EVP_PKEY_free(pkey);
    return ok;
}

struct crypto_key *crypto_key_ref(struct crypto_key *key)
{
    key->refs++;
    return key;
}

void crypto_key_free(struct crypto_key **key)
{
    if (!key || !*key)
        return;
    if (--(*key)->refs == 0) {
        EVP_PKEY_free((*key)->pkey);
        OPENSSL_free((*key)->spki);
        OPENSSL_free((*key)->cert);
        free(*key);
    }
    *key = NULL;
}

const char *crypto_key_kid(const struct crypto_key *key)
{
    return key->kid;
}

const uint8_t *crypto_key_digest(const struct crypto_key *key)
{
    return key->digest;
}

struct bytes crypto_key_spki(const struct crypto_key *key)
{
    return bytes_of(key->spki, key->spki_n);
}

bool crypto_key_fits(const struct crypto_key *key, enum crypto_alg alg)
{
    return crypto_kind_fits(key->kind, alg);
}

int64_t crypto_key_not_before(const struct crypto_key *key)
{
    return key->not_before;
}

int64_t crypto_key_not_after(const struct crypto_key *key)
{
    return key->not_after;
}

struct bytes crypto_key_certificate(const struct crypto_key *key)
{
    return bytes_of(key->cert, key->cert_n);
}

const char *crypto_key_subject(const struct crypto_key *key)
{
    return key->subject;
}

static bool number_param(const struct crypto_key *key, const char *name, BIGNUM **out)
{
    if (EVP_PKEY_get_bn_param(key->pkey, name, out) == 1)
        return true;
    ERR_clear_error();
    return false;
}

bool crypto_key_ec_point(const struct crypto_key *key, uint8_t x[32], uint8_t y[32])
{
    if (key->kind != CRYPTO_KIND_P256 && key->kind != CRYPTO_KIND_SM2)
        return false;
    BIGNUM *bx = NULL, *by = NULL;
    bool ok = number_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &bx) && number_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &by) &&
              BN_bn2binpad(bx, x, COORDINATE_SIZE) == COORDINATE_SIZE &&
              BN_bn2binpad(by, y, COORDINATE_SIZE) == COORDINATE_SIZE;
    BN_free(bx);
    BN_free(by);
    return ok;
}

static bool put_number(const struct crypto_key *key, const char *name, struct buf *out)
{
    BIGNUM *number = NULL;
    CHECK(number_param(key, name, &number));
    size_t n = (size_t)BN_num_bytes(number);
    uint8_t *p = buf_reserve(out, n);
    if (p) {
        BN_bn2bin(number, p);
        out->n += n;
    }
    BN_free(number);
    return p != NULL;
}

bool crypto_key_rsa(const struct crypto_key *key, struct buf *n, struct buf *e)
{
    return key->kind == CRYPTO_KIND_RSA && put_number(key, OSSL_PKEY_PARAM_RSA_N, n) &&
           put_number(key, OSSL_PKEY_PARAM_RSA_E, e);
}
