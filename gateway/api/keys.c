/* keys: the gateway's own verification keys, and how long keys still hold. */
#include "api/internal.h"

#define DAY_MS (24 * 3600 * 1000LL)
#define JWK_MAX (16u << 10)

int64_t api_days_left(int64_t not_after_ms, int64_t now_ms)
{
    int64_t left = not_after_ms - now_ms;
    return left >= 0 ? left / DAY_MS : -1 - (-1 - left) / DAY_MS;
}

void api_signing_keys(struct json_out *json, const struct jws_expect *signing, int64_t now_ms)
{
    json_key(json, "signing_keys");
    json_begin_array(json);
    for (size_t i = 0; signing && i < signing->key_n; i++) {
        int64_t not_after = crypto_key_not_after(signing->keys[i]);
        json_begin_object(json);
        json_add_string(json, "kid", crypto_key_kid(signing->keys[i]));
        json_add_time(json, "not_after", not_after);
        if (not_after != 0)
            json_add_integer(json, "days_left", api_days_left(not_after, now_ms));
        json_end_object(json);
    }
    json_end_array(json);
}

/* Each algorithm that a keyring's purpose can sign with has its own JWK, since a JWK names one. */
bool api_do_keys(struct ask *ask, struct err *err)
{
    static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256, CRYPTO_PS256};
    struct buf jwk;

    (void)err;
    buf_init(&jwk, JWK_MAX);
    json_begin_object(&ask->json);
    json_key(&ask->json, "keys");
    json_begin_array(&ask->json);
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        enum crypto_purpose purpose;
        const struct crypto_key *key = NULL;
        if (crypto_keyring_purpose(algs[i], &purpose))
            key = crypto_keyring_public(ask->api->options.ring, purpose);
        if (!key)
            continue;
        buf_reset(&jwk);
        jws_write_jwk(&jwk, key, algs[i], "active");
        json_put_raw(&ask->json, buf_bytes(&jwk));
    }
    json_end_array(&ask->json);
    json_end_object(&ask->json);
    buf_free(&jwk);
    return true;
}
