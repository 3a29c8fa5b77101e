/* jws: JSON Web Signature, detached (RFC 7515 appendix F) and compact, in the profile of the contract.
 *
 * The algorithm and the key come from configuration, never from the message. Thread-safe.
 */
#ifndef JWS_JWS_H
#define JWS_JWS_H

#include "base/base.h"
#include "crypto/crypto.h"

#define JWS_HEADER_MAX 4096               /* bytes of a decoded protected header */
#define JWS_COMPACT_MAX (6u << 20)
#define JWS_KEYS_MAX 8

/* Whose signature is expected. */
struct jws_expect {
    enum crypto_alg alg;
    const char *sm2_id;                   /* NULL: the default */
    const struct crypto_key *keys[JWS_KEYS_MAX];   /* borrowed; each is tried unless kid names one */
    size_t key_n;
    const char *kids[JWS_KEYS_MAX];       /* names of the keys in headers; NULL: the key's own kid */
};
struct jws_seen {
    char kid[CRYPTO_KID_SIZE];            /* own kid of the key that verified */
    int64_t iat_ms;                       /* 0 when absent */
};

/* Appends `<protected>..<signature>` (detached) over exactly `payload`. `typ` is written when not NULL. */
bool jws_sign_detached(const struct crypto_keyring *ring, enum crypto_alg alg, const char *typ, int64_t now_ms,
                       struct bytes payload, struct buf *out, struct err *err);
bool jws_sign_compact(const struct crypto_keyring *ring, enum crypto_alg alg, const char *typ, int64_t now_ms,
                      struct bytes payload, struct buf *out, struct err *err);

/* Header members `kid`, `typ`, `cty`, `iat` are optional and only checked for their type; unknown ones are ignored.
 * Errors: signature.missing (empty), malformed (segments, base64url, JSON), header (crit, b64, jwk, jku, x5u,
 * x5c, duplicates, wrong types), alg, key_unknown, invalid. `seen_out` may be NULL. */
bool jws_verify_detached(const struct jws_expect *expect, struct bytes jws, struct bytes payload,
                         struct jws_seen *seen_out, struct err *err);
/* The payload is decoded into *payload_out (initialised by the caller) and holds only when true is returned. */
bool jws_verify_compact(const struct jws_expect *expect, struct bytes jws, struct buf *payload_out,
                        struct jws_seen *seen_out, struct err *err);

/* The compact form of one flattened JWS (RFC 7515 section 7.2.2): exactly the members protected, payload and signature, an
 * unprotected header is not covered by the signature. Appends to out. signature.malformed, header, and those of reading. */
bool jws_compact_of_flattened(struct bytes flattened, struct buf *out, struct err *err);

/* A public key as JWK: kty, crv or n/e, x, y, kid, use "sig", alg, x5c, nbf, exp, state. Appends to out. */
void jws_write_jwk(struct buf *out, const struct crypto_key *key, enum crypto_alg alg, const char *state);
/* Keys of a JWK Set (or of one bare JWK) that may verify under alg; at most JWS_KEYS_MAX. Those of another kty,
 * crv, alg, use or key_ops are passed over; none left is signature.key_unknown, a broken one key.file. The caller
 * frees each. */
bool jws_read_jwks(struct bytes jwks, enum crypto_alg alg, struct crypto_key *keys_out[JWS_KEYS_MAX], size_t *n_out,
                   struct err *err);
/* The alg member of an (unverified) protected header, for tools that say what was seen; false when unreadable. */
bool jws_peek_alg(struct bytes jws, char alg_out[16]);

#endif
