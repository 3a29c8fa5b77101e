/* crypto: digests, keys, signatures, certificates, TLS. The only module that sees OpenSSL, and its keyring
 * the only holder of private keys.
 *
 * Parsed keys are immutable and shared by any number of threads. Signatures of ECDSA and SM2 are raw
 * r || s, 64 bytes (RFC 7518 section 3.4; GM/T 0009 values as fixed-width integers).
 */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "base/base.h"

/* ---- digests, MAC, random --------------------------------------------------------------------------- */

#define CRYPTO_DIGEST_SIZE 32
enum crypto_digest { CRYPTO_SHA256, CRYPTO_SM3 };
void crypto_digest(enum crypto_digest which, struct bytes in, uint8_t out[CRYPTO_DIGEST_SIZE]);
/* The digest of the parts one after another. */
void crypto_digest_parts(enum crypto_digest which, const struct bytes *parts, size_t n,
                         uint8_t out[CRYPTO_DIGEST_SIZE]);
struct crypto_hash;                       /* a running digest */
struct crypto_hash *crypto_hash_new(enum crypto_digest which);
void crypto_hash_add(struct crypto_hash *hash, struct bytes in);
void crypto_hash_end(struct crypto_hash *hash, uint8_t out[CRYPTO_DIGEST_SIZE]);   /* and starts again */
void crypto_hash_free(struct crypto_hash **hash);
void crypto_hmac_sha256(struct bytes key, struct bytes in, uint8_t out[CRYPTO_DIGEST_SIZE]);
void crypto_hmac_sm3(struct bytes key, struct bytes in, uint8_t out[CRYPTO_DIGEST_SIZE]);
void crypto_random(void *out, size_t n);
bool crypto_equal(const void *a, const void *b, size_t n);        /* constant time */

/* ---- keys and signatures ---------------------------------------------------------------------------- */

#define CRYPTO_SIGNATURE_MAX 512
#define CRYPTO_KID_SIZE 44                /* base64url(SHA-256(SPKI)) and NUL */
#define CRYPTO_SM2_ID_MAX 128
#define CRYPTO_SM2_ID_DEFAULT "1234567812345678"
enum crypto_alg { CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256, CRYPTO_PS256 };
const char *crypto_alg_name(enum crypto_alg alg);
bool crypto_alg_parse(const char *name, enum crypto_alg *out);
size_t crypto_alg_signature_size(enum crypto_alg alg);            /* 64 for ES256 and SM2; 0 = by key size */

/* A public key, from a certificate or bare SPKI in PEM, with its identity. */
struct crypto_key;
bool crypto_key_from_pem(struct bytes pem, const char *place, struct crypto_key **key_out, struct err *err);
bool crypto_key_from_file(const char *path, struct crypto_key **key_out, struct err *err);
/* From a certificate in DER. */
bool crypto_key_from_certificate(struct bytes der, const char *place, struct crypto_key **key_out, struct err *err);
/* From a JWK's members, as the text that stands there (base64url): curve "P-256" or "SM2" and coordinates of 32
 * bytes each; or an RSA modulus and exponent. key.file with the member as place. */
bool crypto_key_from_ec(const char *curve, struct bytes x, struct bytes y, struct crypto_key **key_out,
                        struct err *err);
bool crypto_key_from_rsa(struct bytes n, struct bytes e, struct crypto_key **key_out, struct err *err);
struct crypto_key *crypto_key_ref(struct crypto_key *key);        /* one more owner */
void crypto_key_free(struct crypto_key **key);
const char *crypto_key_kid(const struct crypto_key *key);
const uint8_t *crypto_key_digest(const struct crypto_key *key);   /* SHA-256 of the DER SPKI, 32 bytes */
struct bytes crypto_key_spki(const struct crypto_key *key);
bool crypto_key_fits(const struct crypto_key *key, enum crypto_alg alg);
/* Certificate facts, 0 / empty when the key came bare. Times in ms. */
int64_t crypto_key_not_before(const struct crypto_key *key);
int64_t crypto_key_not_after(const struct crypto_key *key);
struct bytes crypto_key_certificate(const struct crypto_key *key);   /* DER, empty when bare */
const char *crypto_key_subject(const struct crypto_key *key);
/* JWK coordinates of an EC or SM2 key, 32 bytes each; false for others. */
bool crypto_key_ec_point(const struct crypto_key *key, uint8_t x[32], uint8_t y[32]);
/* RSA modulus and exponent, big-endian, into buffers; false for others. */
bool crypto_key_rsa(const struct crypto_key *key, struct buf *n, struct buf *e);

/* Raw r || s of ECDSA and SM2 to and from DER (SEQUENCE of two INTEGER). Strict: r and s from 1 to n - 1 of the
 * algorithm's curve, minimal encodings, nothing behind. signature.malformed otherwise. */
#define CRYPTO_RAW_SIZE 64
#define CRYPTO_DER_MAX 72
bool crypto_raw_from_der(enum crypto_alg alg, struct bytes der, uint8_t raw_out[CRYPTO_RAW_SIZE], struct err *err);
bool crypto_raw_to_der(enum crypto_alg alg, struct bytes raw, uint8_t der_out[CRYPTO_DER_MAX], size_t *n_out,
                       struct err *err);

/* signature.invalid when it does not verify; signature.malformed when it cannot be one (length, r or s of 0
 * or >= n); signature.alg when the key does not fit. sm2_id may be NULL for the default. */
bool crypto_verify(const struct crypto_key *key, enum crypto_alg alg, const char *sm2_id, struct bytes message,
                   struct bytes signature, struct err *err);

/* ---- keyring: purpose -> private key ---------------------------------------------------------------- */

/* A keyring is filled once and then shared: a reload makes another one, so that what is signed names the key it is
 * signed with. Counted; README.md tells the life of a key. */
enum crypto_purpose { CRYPTO_SIGN_ES256, CRYPTO_SIGN_SM2, CRYPTO_SIGN_RSA, CRYPTO_PURPOSE_COUNT };
#define CRYPTO_CERTIFICATE_MAX (6u << 10) /* bytes of DER of a signing key's certificate: it is kept in a record */
const char *crypto_purpose_name(enum crypto_purpose purpose);     /* "ES256", "SM2", "RSA" */
bool crypto_purpose_parse(const char *name, enum crypto_purpose *out);
struct crypto_keyring;
struct crypto_keyring *crypto_keyring_new(void);
struct crypto_keyring *crypto_keyring_ref(struct crypto_keyring *ring);
void crypto_keyring_free(struct crypto_keyring **ring);           /* gives up one reference */
/* Loads certificate and private key (PEM), checks that they belong together and are valid now. */
bool crypto_keyring_load(struct crypto_keyring *ring, enum crypto_purpose purpose, const char *cert_path,
                         const char *key_path, const char *sm2_id, struct err *err);
/* Loads the pair that will follow: it may begin later and signs nothing yet. key.file when it is the one in use. */
bool crypto_keyring_stage(struct crypto_keyring *ring, enum crypto_purpose purpose, const char *cert_path,
                          const char *key_path, struct err *err);
/* Loads a private key alone (bare PEM); for tools and tests. */
bool crypto_keyring_load_key(struct crypto_keyring *ring, enum crypto_purpose purpose, struct bytes pem,
                             const char *sm2_id, struct err *err);
/* Both NULL when there is none. */
const struct crypto_key *crypto_keyring_public(const struct crypto_keyring *ring, enum crypto_purpose purpose);
const struct crypto_key *crypto_keyring_staged(const struct crypto_keyring *ring, enum crypto_purpose purpose);
const char *crypto_keyring_sm2_id(const struct crypto_keyring *ring);
bool crypto_keyring_purpose(enum crypto_alg alg, enum crypto_purpose *out);
/* Signs message under alg with the key of its purpose. *n_out ≤ CRYPTO_SIGNATURE_MAX. key.ended when its certificate
 * has run out since it was loaded. */
bool crypto_sign(const struct crypto_keyring *ring, enum crypto_alg alg, struct bytes message,
                 uint8_t out[CRYPTO_SIGNATURE_MAX], size_t *n_out, struct err *err);

/* ---- TLS: opaque contexts and memory-driven sessions ------------------------------------------------ */

/* The network module moves bytes; this module makes TLS of them. A context is immutable and reference
 * counted, so that a reload swaps contexts without touching sessions that run. */
struct crypto_tls;
struct crypto_tls_files {
    const char *cert, *key;               /* chain and private key; may be NULL for a client without identity */
    const char *ca;                       /* trust anchors of the other side */
    const char *crl;                      /* may be NULL; checked for the leaf when given */
};
/* Server: TLS 1.2 and 1.3, client certificate required, session resumption by tickets, 0-RTT off, no
 * renegotiation. A resumed session keeps the client's certificate. A revocation list must be signed by one of the
 * authorities; when it is out of date, or an authority has none, its clients are refused. Errors: key.file,
 * key.mismatch with the file as place. */
bool crypto_tls_server(const struct crypto_tls_files *files, struct crypto_tls **tls_out, struct err *err);
/* Client: TLS 1.2 and 1.3; shows cert when there is one; the server's chain must lead to an authority of ca. */
bool crypto_tls_client(const struct crypto_tls_files *files, struct crypto_tls **tls_out, struct err *err);
struct crypto_tls *crypto_tls_ref(struct crypto_tls *tls);
void crypto_tls_free(struct crypto_tls **tls);

struct crypto_session;                    /* belongs to one thread at a time */
struct crypto_session *crypto_session_new(struct crypto_tls *tls);   /* a server's; keeps a reference */
/* A client's, to `host`, a name or an address that must stand in the certificate. NULL with client.tls when it can be
 * neither. The first read begins the handshake. */
struct crypto_session *crypto_session_connect(struct crypto_tls *tls, const char *host, struct err *err);
void crypto_session_free(struct crypto_session **session);
enum crypto_io { CRYPTO_IO_OK, CRYPTO_IO_WANT, CRYPTO_IO_CLOSED, CRYPTO_IO_FAILED };
/* Ciphertext from the network. False when its bounded input is full (then read first); after a read that said
 * WANT at least CRYPTO_SESSION_FEED_MAX bytes fit. */
#define CRYPTO_SESSION_FEED_MAX (64u << 10)
#define CRYPTO_SESSION_OUTPUT_MAX (32u << 20)
bool crypto_session_feed(struct crypto_session *session, struct bytes cipher);
/* The handshake alone, as far as what was fed goes, so that its cost may be borne elsewhere; reading goes on from there. */
enum crypto_io crypto_session_handshake(struct crypto_session *session);
/* Plaintext into buf (at most n); drives the handshake. WANT: feed more. */
enum crypto_io crypto_session_read(struct crypto_session *session, uint8_t *buf, size_t n, size_t *n_out);
/* OK: all of plain is taken (it is copied as ciphertext). WANT: nothing is, the handshake has not ended. FAILED
 * also when more than CRYPTO_SESSION_OUTPUT_MAX would wait. */
enum crypto_io crypto_session_write(struct crypto_session *session, struct bytes plain);
/* Ciphertext waiting to be sent, also after FAILED (the alert); valid until the next call; then _sent. */
struct bytes crypto_session_pending(struct crypto_session *session);
void crypto_session_sent(struct crypto_session *session, size_t n);
void crypto_session_close(struct crypto_session *session);           /* queues close_notify */
bool crypto_session_ready(const struct crypto_session *session);     /* handshake completed */
bool crypto_session_resumed(const struct crypto_session *session);
/* SHA-256 of the peer's SPKI; false when there is no verified peer certificate. */
bool crypto_session_peer(const struct crypto_session *session, uint8_t digest_out[CRYPTO_DIGEST_SIZE],
                         int64_t *not_after_ms_out);
/* Checks the peer again at this moment: validity period, and chain and revocation list of `tls` (the context now
 * in force), because a kept connection outlives them. Cheap enough for every request. */
bool crypto_session_peer_still_good(const struct crypto_session *session, const struct crypto_tls *tls, int64_t now_ms);
/* Behind FAILED: the other side does not take our certificate. It says so before anything written here reaches whoever
 * stands behind its TLS. */
bool crypto_session_refused(const struct crypto_session *session);
const char *crypto_session_failure(const struct crypto_session *session);   /* text of the last TLS error */

#endif
