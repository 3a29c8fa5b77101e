/* Signing: detached and compact. */
#include "jws/internal.h"

static bool signing_key(const struct crypto_keyring *ring, enum crypto_alg alg, const struct crypto_key **key_out,
                        struct err *err)
{
    enum crypto_purpose purpose;
    *key_out = crypto_keyring_purpose(alg, &purpose) ? crypto_keyring_public(ring, purpose) : NULL;
    return *key_out || err_set(err, ERR_KEY_FILE, NULL, "no signing key is loaded for %s", crypto_alg_name(alg));
}

static bool too_large(struct err *err)
{
    return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "no room for the signed form");
}

/* Appends `.<signature>` over what stands in out from `from` on. */
static bool append_signature(const struct crypto_keyring *ring, enum crypto_alg alg, struct bytes input,
                             struct buf *out, struct err *err)
{
    uint8_t signature[CRYPTO_SIGNATURE_MAX];
    size_t n = 0;
    CHECK(crypto_sign(ring, alg, input, signature, &n, err));
    buf_byte(out, '.');
    base64_encode(out, bytes_of(signature, n), true);
    return !out->overflow || too_large(err);
}

bool jws_sign_compact(const struct crypto_keyring *ring, enum crypto_alg alg, const char *typ, int64_t now_ms,
                      struct bytes payload, struct buf *out, struct err *err)
{
    const struct crypto_key *key;
    size_t from = out->n;
    CHECK(signing_key(ring, alg, &key, err));
    jws_header_write(key, alg, typ, now_ms, out);
    buf_byte(out, '.');
    base64_encode(out, payload, true);
    if (out->overflow)
        return too_large(err);
    return append_signature(ring, alg, bytes_of(out->p + from, out->n - from), out, err);
}

static bool sign_detached(const struct crypto_keyring *ring, enum crypto_alg alg, struct bytes payload,
                          struct buf *input, struct buf *out, struct err *err)
{
    buf_put(out, input->p, input->n);
    buf_byte(out, '.');
    buf_byte(input, '.');
    base64_encode(input, payload, true);
    if (input->overflow || out->overflow)
        return too_large(err);
    return append_signature(ring, alg, buf_bytes(input), out, err);
}

bool jws_sign_detached(const struct crypto_keyring *ring, enum crypto_alg alg, const char *typ, int64_t now_ms,
                       struct bytes payload, struct buf *out, struct err *err)
{
    const struct crypto_key *key;
    struct buf input;
    CHECK(signing_key(ring, alg, &key, err));
    buf_init(&input, JWS_COMPACT_MAX);
    jws_header_write(key, alg, typ, now_ms, &input);
    bool ok = sign_detached(ring, alg, payload, &input, out, err);
    buf_free(&input);
    return ok;
}
