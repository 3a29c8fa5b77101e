/* keys: the gateway's own verification keys, and how long keys still hold. */
#include <stdlib.h>
#include <string.h>

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

/* ---- our own, as the journal tells of them --------------------------------------------------------------------- */

struct reading {
    struct own_keys *keys;
    size_t room;
    bool retired;                      /* these too */
    struct err err;
};

static bool read_certificate(const struct ledger_key *key, struct crypto_key **out, struct err *err)
{
    struct buf der;
    buf_init(&der, CRYPTO_CERTIFICATE_MAX);
    bool ok = base64_decode(&der, bytes_str(key->certificate), false) &&
              crypto_key_from_certificate(buf_bytes(&der), key->kid, out, err);
    buf_free(&der);
    return ok || err_set(err, ERR_STORE_CORRUPT, key->kid, "the certificate of a signing key");
}

static bool add_own_key(void *arg, const struct ledger_key *key)
{
    struct reading *reading = arg;
    struct own_keys *keys = reading->keys;
    struct own_key item = {.kid = key->kid, .state = key->state, .seq = key->seq};

    if (!reading->retired && strcmp(key->state, "retired") == 0)
        return true;
    if (!crypto_purpose_parse(key->alg, &item.purpose))
        return err_set(&reading->err, ERR_STORE_CORRUPT, key->kid, "the algorithm of a signing key");
    if (!read_certificate(key, &item.key, &reading->err))
        return false;
    if (keys->n == reading->room) {
        reading->room = reading->room == 0 ? 16 : reading->room * 2;
        keys->items = xrealloc(keys->items, reading->room * sizeof(*keys->items));
    }
    keys->items[keys->n++] = item;
    return true;
}

static int rank(const char *state)
{
    return strcmp(state, "active") == 0 ? 0 : strcmp(state, "staged") == 0 ? 1 : 2;
}

static int in_order(const void *one, const void *other)
{
    const struct own_key *a = one, *b = other;
    if (a->purpose != b->purpose)
        return (int)a->purpose - (int)b->purpose;
    if (rank(a->state) != rank(b->state))
        return rank(a->state) - rank(b->state);
    return a->seq > b->seq ? -1 : 1;
}

bool own_keys_read(struct ask *ask, bool retired, struct own_keys *out, struct err *err)
{
    struct reading reading = {.keys = out, .retired = retired};
    AUTO_READ txn = store_read(ask->api->options.store, err);

    *out = (struct own_keys){0};
    CHECK(txn != NULL);
    CHECK(ledger_keys(txn, ask->arena, add_own_key, &reading, err));
    if (reading.err.code != ERR_NONE) {
        *err = reading.err;
        return false;
    }
    if (out->n > 1)
        qsort(out->items, out->n, sizeof(*out->items), in_order);
    return true;
}

void own_keys_free(struct own_keys *keys)
{
    while (keys->n > 0)
        crypto_key_free(&keys->items[--keys->n].key);
    free(keys->items);
    keys->items = NULL;
}

/* Each algorithm that a key can sign with has its own JWK, since a JWK names one. */
static void write_jwks(struct json_out *json, const struct own_key *key, struct buf *jwk)
{
    static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256, CRYPTO_PS256};

    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (!crypto_key_fits(key->key, algs[i]))
            continue;
        buf_reset(jwk);
        jws_write_jwk(jwk, key->key, algs[i], key->state);
        json_put_raw(json, buf_bytes(jwk));
    }
}

bool api_do_keys(struct ask *ask, struct err *err)
{
    AUTO_OWN_KEYS keys = {0};
    struct buf jwk;

    CHECK(own_keys_read(ask, true, &keys, err));
    buf_init(&jwk, JWK_MAX);
    json_begin_object(&ask->json);
    json_key(&ask->json, "keys");
    json_begin_array(&ask->json);
    for (size_t i = 0; i < keys.n; i++)
        write_jwks(&ask->json, &keys.items[i], &jwk);
    json_end_array(&ask->json);
    json_end_object(&ask->json);
    buf_free(&jwk);
    return true;
}
