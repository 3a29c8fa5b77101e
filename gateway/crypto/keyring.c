/* The keyring: purpose -> private key, and the public half of the key that will follow. Private keys never leave
 * this module. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/internal.h"

struct slot {
    struct crypto_signer private;
    struct crypto_key *public;
};

struct crypto_keyring {
    _Atomic unsigned refs;
    struct crypto_key *staged[CRYPTO_PURPOSE_COUNT];
    struct slot slots[CRYPTO_PURPOSE_COUNT];
    char sm2_id[CRYPTO_SM2_ID_MAX + 1];
};

static const enum crypto_kind kind_of_purpose[CRYPTO_PURPOSE_COUNT] = {
    [CRYPTO_SIGN_ES256] = CRYPTO_KIND_P256,
    [CRYPTO_SIGN_SM2] = CRYPTO_KIND_SM2,
    [CRYPTO_SIGN_RSA] = CRYPTO_KIND_RSA,
};
static const char *const purpose_names[CRYPTO_PURPOSE_COUNT] = {"ES256", "SM2", "RSA"};

const char *crypto_purpose_name(enum crypto_purpose purpose)
{
    return (unsigned)purpose < CRYPTO_PURPOSE_COUNT ? purpose_names[purpose] : "unknown";
}

bool crypto_purpose_parse(const char *name, enum crypto_purpose *out)
{
    for (size_t i = 0; name && i < CRYPTO_PURPOSE_COUNT; i++) {
        if (strcmp(name, purpose_names[i]) == 0) {
            *out = (enum crypto_purpose)i;
            return true;
        }
    }
    return false;
}

struct crypto_keyring *crypto_keyring_new(void)
{
    struct crypto_keyring *ring = xcalloc(1, sizeof *ring);
    ring->refs = 1;
    strcpy(ring->sm2_id, CRYPTO_SM2_ID_DEFAULT);
    return ring;
}

struct crypto_keyring *crypto_keyring_ref(struct crypto_keyring *ring)
{
    ring->refs++;
    return ring;
}

static void clear_slot(struct slot *slot)
{
    EVP_PKEY_CTX_free(slot->private.prepared);
    EVP_PKEY_free(slot->private.pkey);
    crypto_key_free(&slot->public);
    slot->private = (struct crypto_signer){NULL, NULL};
}

void crypto_keyring_free(struct crypto_keyring **ring)
{
    if (!ring || !*ring)
        return;
    if (--(*ring)->refs == 0) {
        for (size_t i = 0; i < CRYPTO_PURPOSE_COUNT; i++) {
            clear_slot(&(*ring)->slots[i]);
            crypto_key_free(&(*ring)->staged[i]);
        }
        free(*ring);
    }
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
    struct slot fresh = {{private, NULL}, public};
    bool ok = public->kind == kind_of_purpose[purpose]
                  ? set_id(ring, purpose == CRYPTO_SIGN_SM2 ? sm2_id : NULL, err)
                  : err_set(err, ERR_KEY_FILE, place, "the key is of another type than its purpose");
    if (ok && purpose != CRYPTO_SIGN_SM2) {
        fresh.private.prepared = crypto_sign_prepare(private);
        ok = fresh.private.prepared || crypto_fail(err, ERR_KEY_FILE, place, "the key cannot sign");
    }
    if (!ok) {
        clear_slot(&fresh);
        return false;
    }
    clear_slot(&ring->slots[purpose]);
    ring->slots[purpose] = fresh;
    return true;
}

static bool certificate_belongs(const struct crypto_key *key, EVP_PKEY *private, const char *cert_path,
                                const char *key_path, struct err *err)
{
    if (key->cert_n == 0)
        return err_set(err, ERR_KEY_FILE, cert_path, "a certificate is needed, not a bare key");
    if (key->cert_n > CRYPTO_CERTIFICATE_MAX)
        return err_set(err, ERR_KEY_FILE, cert_path, "the certificate is larger than %u bytes", CRYPTO_CERTIFICATE_MAX);
    if (EVP_PKEY_eq(key->pkey, private) != 1) {
        ERR_clear_error();
        return err_set(err, ERR_KEY_MISMATCH, key_path, "certificate %s", cert_path);
    }
    return true;
}

static bool certificate_runs(const struct crypto_key *key, bool may_begin_later, const char *cert_path, struct err *err)
{
    int64_t now = clock_wall_ms();
    char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
    if (now <= key->not_after && (may_begin_later || now >= key->not_before))
        return true;
    return err_set(err, ERR_KEY_EXPIRED, cert_path, "valid from %s until %s", time_format(key->not_before, from),
                   time_format(key->not_after, until));
}

/* Both halves of a pair that belong together; the caller frees them. */
static bool read_pair(const char *cert_path, const char *key_path, bool may_begin_later, struct slot *out,
                      struct err *err)
{
    if (crypto_key_from_file(cert_path, &out->public, err) &&
        crypto_private_from_file(key_path, &out->private.pkey, err) &&
        certificate_belongs(out->public, out->private.pkey, cert_path, key_path, err) &&
        certificate_runs(out->public, may_begin_later, cert_path, err))
        return true;
    clear_slot(out);
    return false;
}

bool crypto_keyring_load(struct crypto_keyring *ring, enum crypto_purpose purpose, const char *cert_path,
                         const char *key_path, const char *sm2_id, struct err *err)
{
    struct slot pair = {0};
    CHECK(read_pair(cert_path, key_path, false, &pair, err));
    return fill(ring, purpose, pair.private.pkey, pair.public, cert_path, sm2_id, err);
}

static bool may_follow(const struct crypto_keyring *ring, enum crypto_purpose purpose, const struct crypto_key *key,
                       const char *place, struct err *err)
{
    const struct crypto_key *active = ring->slots[purpose].public;
    if (key->kind != kind_of_purpose[purpose])
        return err_set(err, ERR_KEY_FILE, place, "the key is of another type than its purpose");
    if (active && strcmp(active->kid, key->kid) == 0)
        return err_set(err, ERR_KEY_FILE, place, "the key that is staged is the one in use");
    return true;
}

bool crypto_keyring_stage(struct crypto_keyring *ring, enum crypto_purpose purpose, const char *cert_path,
                          const char *key_path, struct err *err)
{
    struct slot pair = {0};
    CHECK(read_pair(cert_path, key_path, true, &pair, err));
    bool ok = may_follow(ring, purpose, pair.public, cert_path, err);
    if (ok) {
        crypto_key_free(&ring->staged[purpose]);
        ring->staged[purpose] = crypto_key_ref(pair.public);
    }
    clear_slot(&pair); /* its private half is read again when it is in use */
    return ok;
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

const struct crypto_key *crypto_keyring_staged(const struct crypto_keyring *ring, enum crypto_purpose purpose)
{
    return ring->staged[purpose];
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

/* A bare key has no end. */
static bool still_holds(const struct crypto_key *key, struct err *err)
{
    char until[TIME_TEXT_SIZE];
    if (key->not_after == 0 || clock_wall_ms() <= key->not_after)
        return true;
    return err_set(err, ERR_KEY_ENDED, key->kid, "valid until %s", time_format(key->not_after, until));
}

bool crypto_sign(const struct crypto_keyring *ring, enum crypto_alg alg, struct bytes message,
                 uint8_t out[CRYPTO_SIGNATURE_MAX], size_t *n_out, struct err *err)
{
    enum crypto_purpose purpose;
    if (!crypto_keyring_purpose(alg, &purpose) || !ring->slots[purpose].private.pkey)
        return err_set(err, ERR_KEY_FILE, NULL, "no signing key is loaded for %s", crypto_alg_name(alg));
    CHECK(still_holds(ring->slots[purpose].public, err));
    CHECK(crypto_sign_with(&ring->slots[purpose].private, alg, ring->sm2_id, message, out, n_out, err));
    metric_add(METRIC_SIGNATURES, 1);
    return true;
}
