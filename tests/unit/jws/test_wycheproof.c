/* Wycheproof's JSON Web Signatures, judged by the verdicts in the file: ES256, RS256 and PS256 as they stand there.
 *
 * A valid case whose algorithm is not offered counts as refused with signature.alg. Listed by number:
 * 346, 350  the key says PS256 but the header PS384: refused with signature.alg as well
 * 367, 370  marked invalid, but byte-identical to the valid 357 (HS256, so refused here anyway)
 * 372, 373  marked valid, but hold `?` in base64url: treated as invalid
 */
#include "fixture.h"

#include "json/json.h"

#define FILE_MAX (1 << 20)
#define VECTORS SHARED_VECTORS "/wycheproof/json_web_signature_test.json"

struct count {
    unsigned valid, refused_alg, refused;
    unsigned due; /* valid by the file, of an algorithm we offer */
    unsigned by_alg[CRYPTO_PS256 + 1];
};

static bool marked_valid_but_malformed(int64_t id)
{
    return id == 372 || id == 373;
}

static struct crypto_key *fallback; /* stands in where the group's key is of no algorithm we offer */

/* What a configuration for this group would expect: its alg and key, or ES256 where we offer no such thing. */
static bool expectation(const json_value *jwk, struct crypto_key *keys[JWS_KEYS_MAX], struct jws_expect *out)
{
    const char *name = json_string(json_member(jwk, "alg")), *kty = json_string(json_member(jwk, "kty"));
    struct buf text;
    struct json_out json;
    struct err err = {0};
    size_t n = 0;
    void *cursor = NULL;
    const char *member;
    const json_value *value;
    *out = (struct jws_expect){.alg = CRYPTO_ES256, .keys = {fallback}, .key_n = 1};
    if (!name)
        name = strcmp(kty, "RSA") == 0 ? "RS256" : "ES256";
    if (!crypto_alg_parse(name, &out->alg))
        return false;
    buf_init(&text, 16384);
    json_out_init(&json, &text);
    json_begin_object(&json);
    while (json_next(jwk, &cursor, &member, &value)) {
        json_key(&json, member);
        if (json_string(value))
            json_put_string(&json, json_string(value));
        else
            json_begin_array(&json), json_put_string(&json, json_string(json_at(value, 0))), json_end_array(&json);
    }
    json_end_object(&json);
    out->key_n = jws_read_jwks(buf_bytes(&text), out->alg, keys, &n, &err) ? n : 0;
    if (out->key_n == 0)
        assert_int_equal(err.code, ERR_SIGNATURE_KEY_UNKNOWN);
    out->keys[0] = keys[0];
    out->kids[0] = json_string(json_member(jwk, "kid"));
    buf_free(&text);
    return true;
}

static void judge(const json_value *test, const struct jws_expect *expect, bool offered, struct count *count)
{
    const char *jws = json_string(json_member(test, "jws"));
    int64_t id = 0;
    struct buf payload;
    struct err err = {0};
    buf_init(&payload, JWS_COMPACT_MAX);
    json_integer(json_member(test, "tcId"), &id);
    bool valid = strcmp(json_string(json_member(test, "result")), "valid") == 0 && !marked_valid_but_malformed(id);
    bool ok = jws_verify_compact(expect, bytes_str(jws), &payload, NULL, &err);
    buf_free(&payload);
    count->due += valid && offered && id != 346 && id != 350;
    count->by_alg[expect->alg] += ok;
    if (ok && (!valid || !offered))
        fail_msg("case %d accepted", (int)id);
    if (valid && !ok && err.code != ERR_SIGNATURE_ALG)
        fail_msg("case %d: %s %s", (int)id, err_info(err.code)->code, err.detail);
    if (valid && !ok && offered && id != 346 && id != 350)
        fail_msg("case %d refused: %s", (int)id, err.detail);
    if (marked_valid_but_malformed(id))
        assert_int_equal(err.code, ERR_SIGNATURE_MALFORMED);
    unsigned *which = ok ? &count->valid : valid ? &count->refused_alg : &count->refused;
    (*which)++;
}

static void judge_group(const json_value *group, struct count *count)
{
    struct crypto_key *keys[JWS_KEYS_MAX] = {0};
    struct jws_expect expect;
    const json_value *jwk = json_member(group, "public"), *tests = json_member(group, "tests");
    bool offered = expectation(jwk ? jwk : json_member(group, "private"), keys, &expect);
    for (size_t i = 0; i < json_count(tests); i++)
        judge(json_at(tests, i), &expect, offered, count);
    crypto_key_free(&keys[0]);
}

static void web_signatures(void **state)
{
    (void)state;
    FILE *file = fopen(VECTORS, "r");
    if (!file) {
        print_message("skipped: no vectors (1 file)\n");
        skip();
    }
    static uint8_t text[FILE_MAX];
    size_t n = fread(text, 1, sizeof text, file);
    fclose(file);
    AUTO_JSON doc = NULL;
    struct err err = {0};
    struct count count = {0};
    int64_t total = 0;
    assert_true(json_parse(bytes_of(text, n), &doc, &err));
    assert_true(crypto_key_from_file(in_dir("ES256.pub"), &fallback, &err));
    const json_value *groups = json_member(json_root(doc), "testGroups");
    for (size_t i = 0; i < json_count(groups); i++)
        judge_group(json_at(groups, i), &count);
    crypto_key_free(&fallback);
    json_integer(json_member(json_root(doc), "numberOfTests"), &total);
    print_message("Wycheproof JWS: %u valid, %u refused with signature.alg, %u refused of %d\n", count.valid,
                  count.refused_alg, count.refused, (int)total);
    assert_int_equal(count.valid + count.refused_alg + count.refused, total);
    assert_int_equal(count.valid, count.due);
    print_message("accepted: ES256 %u, RS256 %u, PS256 %u\n", count.by_alg[CRYPTO_ES256], count.by_alg[CRYPTO_RS256],
                  count.by_alg[CRYPTO_PS256]);
    assert_true(count.by_alg[CRYPTO_ES256] > 0 && count.by_alg[CRYPTO_RS256] > 0 && count.by_alg[CRYPTO_PS256] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(web_signatures)};
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
