/* crypto, private: what the files of this module share. */
#ifndef CRYPTO_INTERNAL_H
#define CRYPTO_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/crypto.h"

#define CRYPTO_FILE_MAX (16u << 20) /* a revocation list is the largest file read here */
#define CRYPTO_SUBJECT_MAX 256
#define CRYPTO_RSA_BITS_MIN 2048
#define CRYPTO_RSA_BITS_MAX 4096 /* CRYPTO_SIGNATURE_MAX holds its signature */

enum crypto_kind { CRYPTO_KIND_P256, CRYPTO_KIND_SM2, CRYPTO_KIND_RSA, CRYPTO_KIND_OTHER };

struct crypto_key {
    _Atomic unsigned refs;
    EVP_PKEY *pkey;
    enum crypto_kind kind;
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    char kid[CRYPTO_KID_SIZE];
    uint8_t *spki;
    size_t spki_n;
    uint8_t *cert; /* DER; NULL for a bare key */
    size_t cert_n;
    int64_t not_before, not_after;
    char subject[CRYPTO_SUBJECT_MAX];
};

/* Fetched once: looking an algorithm up costs as much as a short digest. */
const EVP_MD *crypto_md(enum crypto_digest which);

enum crypto_kind crypto_kind_of(EVP_PKEY *pkey);
bool crypto_kind_fits(enum crypto_kind kind, enum crypto_alg alg);
/* The public half alone: it keeps no reference to a secret one. */
bool crypto_key_from_pkey(EVP_PKEY *pkey, const char *place, struct crypto_key **key_out, struct err *err);
/* SHA-256 of the SubjectPublicKeyInfo as the certificate writes it. */
bool crypto_x509_spki_digest(X509 *cert, uint8_t out[CRYPTO_DIGEST_SIZE]);
bool crypto_asn1_ms(const ASN1_TIME *time, int64_t *ms_out);

/* Wipe and free the buffer when it held a secret. */
bool crypto_read_file(const char *path, struct buf *out, struct err *err);
/* The text of OpenSSL's newest error as detail; empties its queue. Returns false. */
bool crypto_fail(struct err *err, enum err_code code, const char *place, const char *what);

/* A private key in PEM without a passphrase. */
bool crypto_private_from_pem(struct bytes pem, const char *place, EVP_PKEY **pkey_out, struct err *err);

/* From a file; warns when others can read it. */
bool crypto_private_from_file(const char *path, EVP_PKEY **pkey_out, struct err *err);

/* A private key and, unless it is SM2's, a context ready to sign with it: setting one up costs a twelfth of an ES256
 * signature, copying it a sixtieth. The context is only copied, never used itself; any thread. */
struct crypto_signer {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *prepared;
};
/* NULL when OpenSSL cannot; its error is in the queue. */
EVP_PKEY_CTX *crypto_sign_prepare(EVP_PKEY *pkey);
/* Signature over message with a private key; sign.c. */
bool crypto_sign_with(const struct crypto_signer *signer, enum crypto_alg alg, const char *sm2_id, struct bytes message,
                      uint8_t out[CRYPTO_SIGNATURE_MAX], size_t *n_out, struct err *err);
/* Sets padding and digests of an initialised RSA context. */
bool crypto_rsa_setup(EVP_PKEY_CTX *ctx, enum crypto_alg alg);
/* A digest context ready for SM2 with the signer's id; NULL when the id is not acceptable. */
EVP_MD_CTX *crypto_sm2_context(EVP_PKEY *pkey, const char *sm2_id);
void crypto_sm2_context_free(EVP_MD_CTX *ctx);

#endif
