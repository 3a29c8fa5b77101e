/* Verification of signatures. */
#include <openssl/err.h>

#include "crypto/internal.h"

static int verify_sm2(EVP_PKEY *pkey, const char *sm2_id, struct bytes message, struct bytes der)
{
    EVP_MD_CTX *ctx = crypto_sm2_context(pkey, sm2_id);
    int verdict = -1;
    if (ctx && EVP_DigestVerifyInit(ctx, NULL, crypto_md(CRYPTO_SM3), NULL, pkey) == 1)
        verdict = EVP_DigestVerify(ctx, der.p, der.n, message.p, message.n);
    crypto_sm2_context_free(ctx);
    return verdict;
}

static int verify_digest(EVP_PKEY *pkey, enum crypto_alg alg, struct bytes message, struct bytes signature)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    crypto_digest(CRYPTO_SHA256, message, digest);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    int verdict = -1;
    if (ctx && EVP_PKEY_verify_init(ctx) == 1 && (alg == CRYPTO_ES256 || crypto_rsa_setup(ctx, alg)))
        verdict = EVP_PKEY_verify(ctx, signature.p, signature.n, digest, sizeof digest);
    EVP_PKEY_CTX_free(ctx);
    return verdict;
}

static bool invalid_unless(int verdict, struct err *err)
{
    if (verdict == 1)
        return true;
    ERR_clear_error();
    return err_set(err, ERR_SIGNATURE_INVALID, NULL, "the signature does not belong to these bytes and this key");
}

bool crypto_verify(const struct crypto_key *key, enum crypto_alg alg, const char *sm2_id, struct bytes message,
                   struct bytes signature, struct err *err)
{
    if (!crypto_key_fits(key, alg))
        return err_set(err, ERR_SIGNATURE_ALG, NULL, "the key is not one for %s", crypto_alg_name(alg));
    if (alg == CRYPTO_RS256 || alg == CRYPTO_PS256) {
        size_t size = (size_t)EVP_PKEY_get_size(key->pkey);
        if (signature.n != size)
            return err_set(err, ERR_SIGNATURE_MALFORMED, NULL, "%zu bytes where the key needs %zu", signature.n, size);
        return invalid_unless(verify_digest(key->pkey, alg, message, signature), err);
    }
    uint8_t buffer[CRYPTO_DER_MAX];
    struct bytes der = {buffer, 0};
    CHECK(crypto_raw_to_der(alg, signature, buffer, &der.n, err));
    int verdict =
        alg == CRYPTO_SM2 ? verify_sm2(key->pkey, sm2_id, message, der) : verify_digest(key->pkey, alg, message, der);
    return invalid_unless(verdict, err);
}
