/* JSON Web Keys: public keys as the gateway shows them, and sets read for offline verification. */
#include <string.h>

#include "jws/internal.h"

#define NUMBER_MAX 1024

static void add_number(struct json_out *json, const char *name, struct bytes number)
{
    struct buf text;
    buf_init(&text, 2 * NUMBER_MAX);
    base64_encode(&text, number, true);
    json_key(json, name);
    json_put_bytes(json, buf_bytes(&text));
    buf_free(&text);
}

static void add_ec(struct json_out *json, const struct crypto_key *key, enum crypto_alg alg)
{
    uint8_t x[32], y[32];
    if (!crypto_key_ec_point(key, x, y))
        return;
    json_add_string(json, "kty", "EC");
    json_add_string(json, "crv", alg == CRYPTO_SM2 ? "SM2" : "P-256");
    add_number(json, "x", bytes_of(x, sizeof x));
    add_number(json, "y", bytes_of(y, sizeof y));
}

static void add_rsa(struct json_out *json, const struct crypto_key *key)
{
    struct buf n, e;
    buf_init(&n, NUMBER_MAX);
    buf_init(&e, NUMBER_MAX);
    if (crypto_key_rsa(key, &n, &e)) {
        json_add_string(json, "kty", "RSA");
        add_number(json, "n", buf_bytes(&n));
        add_number(json, "e", buf_bytes(&e));
    }
    buf_free(&n);
    buf_free(&e);
}

static void add_certificate(struct json_out *json, const struct crypto_key *key)
{
    struct bytes der = crypto_key_certificate(key);
    struct buf text;
    if (der.n == 0)
        return;
    buf_init(&text, 2 * der.n + 4);
    base64_encode(&text, der, false);
    json_key(json, "x5c");
    json_begin_array(json);
    json_put_bytes(json, buf_bytes(&text));
    json_end_array(json);
    buf_free(&text);
    json_add_integer(json, "nbf", crypto_key_not_before(key) / 1000);
    json_add_integer(json, "exp", crypto_key_not_after(key) / 1000);
}

void jws_write_jwk(struct buf *out, const struct crypto_key *key, enum crypto_alg alg, const char *state)
{
    struct json_out json;
    json_out_init(&json, out);
    json_begin_object(&json);
    if (alg == CRYPTO_ES256 || alg == CRYPTO_SM2)
        add_ec(&json, key, alg);
    else
        add_rsa(&json, key);
    json_add_string(&json, "kid", crypto_key_kid(key));
    json_add_string(&json, "use", "sig");
    json_add_string(&json, "alg", crypto_alg_name(alg));
    add_certificate(&json, key);
    json_add_string_opt(&json, "state", state);
    json_end_object(&json);
}

/* Absent, or exactly this text. */
static bool free_or(const json_value *jwk, const char *name, const char *wanted)
{
    const json_value *value = json_member(jwk, name);
    const char *text = json_string(value);
    return !value || (text && strcmp(text, wanted) == 0);
}

static bool may_verify(const json_value *jwk)
{
    const json_value *ops = json_member(jwk, "key_ops");
    if (!free_or(jwk, "use", "sig"))
        return false;
    for (size_t i = 0; i < json_count(ops); i++) {
        const char *op = json_string(json_at(ops, i));
        if (op && strcmp(op, "verify") == 0)
            return true;
    }
    return !ops;
}

static const char *curve_of(enum crypto_alg alg)
{
    return alg == CRYPTO_ES256 ? "P-256" : alg == CRYPTO_SM2 ? "SM2" : NULL;
}

static bool suits(const json_value *jwk, enum crypto_alg alg)
{
    const char *kty = json_string(json_member(jwk, "kty")), *curve = curve_of(alg);
    const char *seen = json_string(json_member(jwk, "crv"));
    if (!kty || strcmp(kty, curve ? "EC" : "RSA") != 0 || !free_or(jwk, "alg", crypto_alg_name(alg)))
        return false;
    return may_verify(jwk) && (!curve || (seen && strcmp(seen, curve) == 0));
}

static bool read_key(const json_value *jwk, enum crypto_alg alg, struct crypto_key **key_out, struct err *err)
{
    const char *curve = curve_of(alg);
    const char *first = json_string(json_member(jwk, curve ? "x" : "n"));
    const char *second = json_string(json_member(jwk, curve ? "y" : "e"));
    if (!first || !second)
        return err_set(err, ERR_KEY_FILE, "/keys", curve ? "x or y is missing" : "n or e is missing");
    if (curve)
        return crypto_key_from_ec(curve, bytes_str(first), bytes_str(second), key_out, err);
    return crypto_key_from_rsa(bytes_str(first), bytes_str(second), key_out, err);
}

static bool read_suitable(const json_value *jwk, enum crypto_alg alg, struct crypto_key *keys[JWS_KEYS_MAX], size_t *n,
                          struct err *err)
{
    if (!suits(jwk, alg))
        return true;
    if (*n == JWS_KEYS_MAX)
        return err_set(err, ERR_KEY_FILE, "/keys", "more than %d keys for %s", JWS_KEYS_MAX, crypto_alg_name(alg));
    CHECK(read_key(jwk, alg, &keys[*n], err));
    (*n)++;
    return true;
}

static bool read_all(const json_value *root, enum crypto_alg alg, struct crypto_key *keys[JWS_KEYS_MAX], size_t *n,
                     struct err *err)
{
    const json_value *list = json_member(root, "keys");
    if (!list)
        CHECK(read_suitable(root, alg, keys, n, err));
    for (size_t i = 0; i < json_count(list); i++)
        CHECK(read_suitable(json_at(list, i), alg, keys, n, err));
    return *n > 0 || err_set(err, ERR_SIGNATURE_KEY_UNKNOWN, "/keys", "no key for %s", crypto_alg_name(alg));
}

bool jws_read_jwks(struct bytes jwks, enum crypto_alg alg, struct crypto_key *keys_out[JWS_KEYS_MAX], size_t *n_out,
                   struct err *err)
{
    AUTO_JSON doc = NULL;
    *n_out = 0;
    CHECK(json_parse(jwks, &doc, err));
    if (read_all(json_root(doc), alg, keys_out, n_out, err))
        return true;
    while (*n_out > 0)
        crypto_key_free(&keys_out[--*n_out]);
    return false;
}
