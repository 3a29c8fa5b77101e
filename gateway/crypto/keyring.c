/* The keyring: purpose -> private key. Private keys never leave this module. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/internal.h"

struct slot {
    EVP_PKEY *private;
    struct crypto_key *public;
};

struct crypto_keyring {
    struct slot slots[CRYPTO_PURPOSE_COUNT];
    char sm2_id[CRYPTO_SM2_ID_MAX + 1];
};

static const enum crypto_kind kind_of_purpose[CRYPTO_PURPOSE_COUNT] = {
    [CRYPTO_SIGN_ES256] = CRYPTO_KIND_P256,
    [CRYPTO_SIGN_SM2] = CRYPTO_KIND_SM2,
    [CRYPTO_SIGN_RSA] = CRYPTO_KIND_RSA,
};

struct crypto_keyring *crypto_keyring_new(void)
{
    struct crypto_keyring *ring = xcalloc(1, sizeof *ring);
    strcpy(ring->sm2_id, CRYPTO_SM2_ID_DEFAULT);
    return ring;
}

static void clear_slot(struct slot *slot)
{
    EVP_PKEY_free(slot->private);
    crypto_key_free(&slot->public);
    slot->private = NULL;
}

void crypto_keyring_free(struct crypto_keyring **ring)
{
    if (!ring || !*ring)
        return;
    for (size_t i = 0; i < CRYPTO_PURPOSE_COUNT; i++)
        clear_slot(&(*ring)->slots[i]);
    free(*ring);
    *ring = NULL;
}

static bool set_id(struct crypto_keyring *ring, const char *sm2_id, struct err *err)
{
    if (!sm2_id)
        return true;
    size_t n = strlen(sm2_id);
    if (n == 0 || n > CRYPTO_SM2_ID_MAX)
        return err_set(err, ERR_CONFIG_VALUE, NULL, "an SM2 id has 1 to %d bytes", CRYPTO_SM2_ID_MAX);
    memcpy(ring->sm2_id, sm2_id, n + 1);
    return true;
}

/* Replaces what the slot held; takes both on success and failure. */
static bool fill(struct crypto_keyring *ring, enum crypto_purpose purpose, EVP_PKEY *private, struct crypto_key *public,
                 const char *place, const char *sm2_id, struct err *err)
{
    struct slot fresh = {private, public};
    bool ok = public->kind == kind_of_purpose[purpose]
                  ? set_id(ring, purpose == CRYPTO_SIGN_SM2 ? sm2_id : NULL, err)
                  : err_set(err, ERR_KEY_FILE, place, "the key is of another type than its purpose");
    if (!ok) {
        clear_slot(&fresh);
        return false;
    }
    clear_slot(&ring->slots[purpose]);
    ring->slots[purpose] = fresh;
    return true;
}

static bool certificate_usable(const struct crypto_key *key, EVP_PKEY *private, const char *cert_path,
                               const char *key_path, struct err *err)
{
    if (key->cert_n == 0)
        return err_set(err, ERR_KEY_FILE, cert_path, "a certificate is needed, not a bare key");
    if (EVP_PKEY_eq(key->pkey, private) != 1) {
        ERR_clear_error();
        return err_set(err, ERR_KEY_MISMATCH, key_path, "certificate %s", cert_path);
    }
    int64_t now = clock_wall_ms();
    if (now < key->not_before || now > key->not_after) {
        char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
        return err_set(err, ERR_KEY_EXPIRED, cert_path, "valid from %s until %s", time_format(key->not_before, from),
                       time_format(key->not_after, until));
    }
    return true;
}

bool crypto_keyring_load(struct crypto_keyring *ring, enum crypto_purpose purpose, const char *cert_path,
                         const char *key_path, const char *sm2_id, struct err *err)
{
    struct crypto_key *public = NULL;
    EVP_PKEY *private = NULL;
    if (!crypto_key_from_file(cert_path, &public, err) || !crypto_private_from_file(key_path, &private, err) ||
        !certificate_usable(public, private, cert_path, key_path, err)) {
        EVP_PKEY_free(private);
        crypto_key_free(&public);
        return false;
    }
    return fill(ring, purpose, private, public, cert_path, sm2_id, err);
}

bool crypto_keyring_load_key(struct crypto_keyring *ring, enum crypto_purpose purpose, struct bytes pem,
                             const char *sm2_id, struct err *err)
{
    struct crypto_key *public = NULL;
    EVP_PKEY *private = NULL;
    CHECK(crypto_private_from_pem(pem, "private key", &private, err));
    if (!crypto_key_from_pkey(private, "private key", &public, err)) {
        EVP_PKEY_free(private);
        return false;
    }
    return fill(ring, purpose, private, public, "private key", sm2_id, err);
}

const struct crypto_key *crypto_keyring_public(const struct crypto_keyring *ring, enum crypto_purpose purpose)
{
    return ring->slots[purpose].public;
}

const char *crypto_keyring_sm2_id(const struct crypto_keyring *ring)
{
    return ring->sm2_id;
}

bool crypto_keyring_purpose(enum crypto_alg alg, enum crypto_purpose *out)
{
    static const enum crypto_purpose purposes[] = {
        [CRYPTO_ES256] = CRYPTO_SIGN_ES256,
        [CRYPTO_SM2] = CRYPTO_SIGN_SM2,
        [CRYPTO_RS256] = CRYPTO_SIGN_RSA,
        [CRYPTO_PS256] = CRYPTO_SIGN_RSA,
    };
    if ((unsigned)alg >= sizeof purposes / sizeof purposes[0])
        return false;
    *out = purposes[alg];
    return true;
}

bool crypto_sign(const struct crypto_keyring *ring, enum crypto_alg alg, struct bytes message,
                 uint8_t out[CRYPTO_SIGNATURE_MAX], size_t *n_out, struct err *err)
{
    enum crypto_purpose purpose;
    if (!crypto_keyring_purpose(alg, &purpose) || !ring->slots[purpose].private)
        return err_set(err, ERR_KEY_FILE, NULL, "no signing key is loaded for %s", crypto_alg_name(alg));
    CHECK(crypto_sign_with(ring->slots[purpose].private, alg, ring->sm2_id, message, out, n_out, err));
    metric_add(METRIC_SIGNATURES, 1);
    return true;
}
