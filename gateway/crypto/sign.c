/* Algorithms, signing, and the two forms of an elliptic-curve signature.
 *
 * OpenSSL speaks DER, the contract raw r || s. Both directions are written here by hand and strict, so that one
 * signature has one form only.
 */
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "crypto/internal.h"

#define NUMBER_SIZE 32

static const char *const alg_names[] = {
    [CRYPTO_ES256] = "ES256",
    [CRYPTO_SM2] = "SM2",
    [CRYPTO_RS256] = "RS256",
    [CRYPTO_PS256] = "PS256",
};
#define ALG_COUNT (sizeof alg_names / sizeof alg_names[0])

/* Orders of the two curves (FIPS 186-4 D.1.2.3; GB/T 32918.5). */
static const uint8_t p256_order[NUMBER_SIZE] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                                0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                                0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
static const uint8_t sm2_order[NUMBER_SIZE] = {0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                               0xff, 0xff, 0xff, 0xff, 0xff, 0x72, 0x03, 0xdf, 0x6b, 0x21, 0xc6,
                                               0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x23};

const char *crypto_alg_name(enum crypto_alg alg)
{
    return (unsigned)alg < ALG_COUNT ? alg_names[alg] : "unknown";
}

bool crypto_alg_parse(const char *name, enum crypto_alg *out)
{
    for (size_t i = 0; name && i < ALG_COUNT; i++) {
        if (strcmp(name, alg_names[i]) == 0) {
            *out = (enum crypto_alg)i;
            return true;
        }
    }
    return false;
}

size_t crypto_alg_signature_size(enum crypto_alg alg)
{
    return alg == CRYPTO_ES256 || alg == CRYPTO_SM2 ? CRYPTO_RAW_SIZE : 0;
}

static bool in_range(enum crypto_alg alg, const uint8_t number[NUMBER_SIZE])
{
    static const uint8_t zero[NUMBER_SIZE];
    const uint8_t *order = alg == CRYPTO_SM2 ? sm2_order : p256_order;
    return memcmp(number, zero, NUMBER_SIZE) != 0 && memcmp(number, order, NUMBER_SIZE) < 0;
}

static bool check_range(enum crypto_alg alg, const uint8_t raw[CRYPTO_RAW_SIZE], struct err *err)
{
    if (in_range(alg, raw) && in_range(alg, raw + NUMBER_SIZE))
        return true;
    return err_set(err, ERR_SIGNATURE_MALFORMED, NULL, "r or s is out of range");
}

/* Reads INTEGER at *at, positive and minimal, at most 32 bytes, into a fixed width. */
static bool read_number(struct bytes der, size_t *at, uint8_t out[NUMBER_SIZE])
{
    if (der.n - *at < 3 || der.p[*at] != 0x02)
        return false;
    size_t n = der.p[*at + 1];
    const uint8_t *p = der.p + *at + 2;
    if (n == 0 || n > NUMBER_SIZE + 1 || n > der.n - *at - 2 || (p[0] & 0x80))
        return false;
    *at += 2 + n;
    if (p[0] == 0 && n > 1) {
        if (!(p[1] & 0x80))
            return false;
        p++;
        n--;
    }
    if (n > NUMBER_SIZE)
        return false;
    memset(out, 0, NUMBER_SIZE - n);
    memcpy(out + NUMBER_SIZE - n, p, n);
    return true;
}

bool crypto_raw_from_der(enum crypto_alg alg, struct bytes der, uint8_t raw_out[CRYPTO_RAW_SIZE], struct err *err)
{
    size_t at = 2;
    if (der.n < 8 || der.n > CRYPTO_DER_MAX || der.p[0] != 0x30 || der.p[1] != der.n - 2 ||
        !read_number(der, &at, raw_out) || !read_number(der, &at, raw_out + NUMBER_SIZE) || at != der.n)
        return err_set(err, ERR_SIGNATURE_MALFORMED, NULL, "not a minimal DER signature");
    return check_range(alg, raw_out, err);
}

static size_t write_number(const uint8_t number[NUMBER_SIZE], uint8_t *out)
{
    size_t skip = 0;
    while (skip < NUMBER_SIZE - 1 && number[skip] == 0)
        skip++;
    size_t pad = number[skip] & 0x80 ? 1 : 0, n = NUMBER_SIZE - skip;
    out[0] = 0x02;
    out[1] = (uint8_t)(n + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, number + skip, n);
    return 2 + pad + n;
}

bool crypto_raw_to_der(enum crypto_alg alg, struct bytes raw, uint8_t der_out[CRYPTO_DER_MAX], size_t *n_out,
                       struct err *err)
{
    if (raw.n != CRYPTO_RAW_SIZE)
        return err_set(err, ERR_SIGNATURE_MALFORMED, NULL, "%zu bytes where r and s take %d", raw.n, CRYPTO_RAW_SIZE);
    CHECK(check_range(alg, raw.p, err));
    size_t n = 2 + write_number(raw.p, der_out + 2);
    n += write_number(raw.p + NUMBER_SIZE, der_out + n);
    der_out[0] = 0x30;
    der_out[1] = (uint8_t)(n - 2);
    *n_out = n;
    return true;
}

bool crypto_rsa_setup(EVP_PKEY_CTX *ctx, enum crypto_alg alg)
{
    const EVP_MD *md = crypto_md(CRYPTO_SHA256);
    if (EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
        return false;
    if (alg == CRYPTO_RS256)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    /* RFC 7518 section 3.5: MGF1 with the same digest, salt as long as the digest */
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

EVP_MD_CTX *crypto_sm2_context(EVP_PKEY *pkey, const char *sm2_id)
{
    const char *id = sm2_id ? sm2_id : CRYPTO_SM2_ID_DEFAULT;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new(pkey, NULL);
    if (ctx && pctx && strlen(id) <= CRYPTO_SM2_ID_MAX && EVP_PKEY_CTX_set1_id(pctx, id, (int)strlen(id)) == 1) {
        EVP_MD_CTX_set_pkey_ctx(ctx, pctx);
        return ctx;
    }
    EVP_PKEY_CTX_free(pctx);
    EVP_MD_CTX_free(ctx);
    return NULL;
}

void crypto_sm2_context_free(EVP_MD_CTX *ctx)
{
    if (!ctx)
        return;
    EVP_PKEY_CTX_free(EVP_MD_CTX_get_pkey_ctx(ctx));
    EVP_MD_CTX_free(ctx);
}

static bool sign_sm2(EVP_PKEY *pkey, const char *sm2_id, struct bytes message, uint8_t *der, size_t *n)
{
    EVP_MD_CTX *ctx = crypto_sm2_context(pkey, sm2_id);
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, crypto_md(CRYPTO_SM3), NULL, pkey) == 1 &&
              EVP_DigestSign(ctx, der, n, message.p, message.n) == 1;
    crypto_sm2_context_free(ctx);
    return ok;
}

EVP_PKEY_CTX *crypto_sign_prepare(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    if (ctx && EVP_PKEY_sign_init(ctx) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static bool sign_digest(const struct crypto_signer *signer, enum crypto_alg alg, struct bytes message, uint8_t *out,
                        size_t *n)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    crypto_digest(CRYPTO_SHA256, message, digest);
    /* a copy for each signature, because threads share the prepared one */
    EVP_PKEY_CTX *ctx = signer->prepared ? EVP_PKEY_CTX_dup(signer->prepared) : NULL;
    bool ok = ctx && (alg == CRYPTO_ES256 || crypto_rsa_setup(ctx, alg)) &&
              EVP_PKEY_sign(ctx, out, n, digest, sizeof digest) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

bool crypto_sign_with(const struct crypto_signer *signer, enum crypto_alg alg, const char *sm2_id, struct bytes message,
                      uint8_t out[CRYPTO_SIGNATURE_MAX], size_t *n_out, struct err *err)
{
    size_t n = CRYPTO_SIGNATURE_MAX;
    if (alg == CRYPTO_RS256 || alg == CRYPTO_PS256) {
        if (!sign_digest(signer, alg, message, out, &n))
            return crypto_fail(err, ERR_INTERNAL, NULL, "signing failed");
        *n_out = n;
        return true;
    }
    uint8_t der[CRYPTO_SIGNATURE_MAX];
    bool ok = alg == CRYPTO_SM2 ? sign_sm2(signer->pkey, sm2_id, message, der, &n)
                                : sign_digest(signer, alg, message, der, &n);
    if (!ok)
        return crypto_fail(err, ERR_INTERNAL, NULL, "signing failed");
    *n_out = CRYPTO_RAW_SIZE;
    return crypto_raw_from_der(alg, bytes_of(der, n), out, err);
}
