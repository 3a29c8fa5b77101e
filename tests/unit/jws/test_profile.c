/* The profile: what we write, what is accepted and which code refuses the rest. */
#include "fixture.h"

#include "json/json.h"

#define NOW_MS 1795485600123
#define PAYLOAD "{\"name\":\"太原某某科技\"}"

static struct crypto_keyring *ring;

static int begin(void **state)
{
    make_keys(state);
    ring = make_ring();
    return 0;
}

static int end(void **state)
{
    crypto_keyring_free(&ring);
    return remove_keys(state);
}

static struct jws_expect expect_of(enum crypto_alg alg)
{
    return (struct jws_expect){.alg = alg, .keys = {public_of(ring, alg)}, .key_n = 1};
}

static void every_algorithm_both_forms(void **state)
{
    (void)state;
    for (int a = CRYPTO_ES256; a <= CRYPTO_PS256; a++) {
        enum crypto_alg alg = (enum crypto_alg)a;
        struct jws_expect expect = expect_of(alg);
        struct jws_seen seen;
        struct buf out, payload;
        struct err err = {0};
        buf_init(&out, 4096);
        buf_init(&payload, 4096);
        assert_true(jws_sign_compact(ring, alg, "statement", NOW_MS, BYTES_LIT(PAYLOAD), &out, &err));
        assert_true(jws_verify_compact(&expect, buf_bytes(&out), &payload, &seen, &err));
        assert_true(bytes_equal(buf_bytes(&payload), BYTES_LIT(PAYLOAD)));
        assert_string_equal(seen.kid, crypto_key_kid(expect.keys[0]));
        assert_int_equal(seen.iat_ms, NOW_MS / 1000 * 1000);
        buf_reset(&out);
        assert_true(jws_sign_detached(ring, alg, NULL, NOW_MS, BYTES_LIT(PAYLOAD), &out, &err));
        assert_non_null(strstr((char *)out.p, ".."));
        assert_true(jws_verify_detached(&expect, buf_bytes(&out), BYTES_LIT(PAYLOAD), NULL, &err));
        assert_false(jws_verify_detached(&expect, buf_bytes(&out), BYTES_LIT(PAYLOAD " "), NULL, &err));
        assert_int_equal(err.code, ERR_SIGNATURE_INVALID);
        buf_free(&out);
        buf_free(&payload);
    }
}

static void our_header_has_a_fixed_order(void **state)
{
    (void)state;
    struct buf out, header;
    struct err err = {0};
    char expected[256];
    buf_init(&out, 4096);
    buf_init(&header, 4096);
    buf_str(&out, "kept "); /* signing appends */
    assert_true(jws_sign_detached(ring, CRYPTO_ES256, "ip-pledge-statement", NOW_MS, BYTES_LIT("x"), &out, &err));
    assert_memory_equal(out.p, "kept ", 5);
    assert_true(
        base64_decode(&header, bytes_of(out.p + 5, (size_t)(strchr((char *)out.p, '.') - (char *)out.p) - 5), true));
    snprintf(expected, sizeof expected,
             "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"ip-pledge-statement\",\"iat\":1795485600}",
             crypto_key_kid(public_of(ring, CRYPTO_ES256)));
    assert_string_equal((char *)header.p, expected);
    buf_free(&out);
    buf_free(&header);
}

static void signing_needs_a_key_and_room(void **state)
{
    (void)state;
    struct crypto_keyring *empty = crypto_keyring_new();
    struct buf out;
    struct err err = {0};
    buf_init(&out, 4096);
    assert_false(jws_sign_compact(empty, CRYPTO_ES256, NULL, NOW_MS, BYTES_LIT("x"), &out, &err));
    assert_int_equal(err.code, ERR_KEY_FILE);
    buf_free(&out);
    buf_init(&out, 100);
    assert_false(jws_sign_compact(ring, CRYPTO_ES256, NULL, NOW_MS, BYTES_LIT("x"), &out, &err));
    assert_false(jws_sign_detached(ring, CRYPTO_ES256, NULL, NOW_MS, BYTES_LIT("x"), &out, &err));
    buf_free(&out);
    crypto_keyring_free(&empty);
}

/* A compact JWS with this header, truly signed with ES256. */
static void sign_with_header(const char *header, struct buf *out)
{
    uint8_t signature[CRYPTO_SIGNATURE_MAX];
    size_t n = 0;
    struct err err = {0};
    buf_reset(out);
    base64_encode(out, bytes_str(header), true);
    buf_str(out, ".");
    base64_encode(out, BYTES_LIT("body"), true);
    assert_true(crypto_sign(ring, CRYPTO_ES256, buf_bytes(out), signature, &n, &err));
    buf_str(out, ".");
    base64_encode(out, bytes_of(signature, n), true);
}

static enum err_code verdict(const struct jws_expect *expect, struct bytes jws)
{
    struct buf payload;
    struct err err = {0};
    buf_init(&payload, 4096);
    bool ok = jws_verify_compact(expect, jws, &payload, NULL, &err);
    assert_int_equal(ok, err.code == ERR_NONE);
    assert_true(ok || payload.n == 0);
    buf_free(&payload);
    return err.code;
}

static void headers_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum err_code code;
    } cases[] = {
        {"{\"alg\":\"ES256\"}", ERR_NONE},
        {" { \"alg\" : \"ES256\" }\n", ERR_NONE},
        {"{\"alg\":\"ES256\",\"typ\":\"JOSE\",\"cty\":\"json\",\"iat\":1795485600}", ERR_NONE},
        {"{\"alg\":\"ES256\",\"http://example.com/x\":{\"a\":[1]},\"zip\":\"DEF\",\"x5t\":\"a\"}", ERR_NONE},
        {"{\"alg\":\"ES256\",\"kid\":\"somebody\"}", ERR_SIGNATURE_KEY_UNKNOWN},
        {"{\"alg\":\"ES256\",\"kid\":\"\"}", ERR_SIGNATURE_KEY_UNKNOWN},
        {"{\"alg\":\"SM2\"}", ERR_SIGNATURE_ALG},
        {"{\"alg\":\"HS256\"}", ERR_SIGNATURE_ALG},
        {"{\"alg\":\"none\"}", ERR_SIGNATURE_ALG},
        {"{\"alg\":\"\"}", ERR_SIGNATURE_ALG},
        {"{\"alg\":\"es256\"}", ERR_SIGNATURE_ALG},
        {"{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"crit\":[]}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"b64\":true}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"b64\":false}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"jwk\":{}}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"jku\":\"https://example.com\"}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"x5u\":\"https://example.com\"}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"x5c\":null}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"\\u0063rit\":[\"x\"]}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"alg\":\"ES256\"}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"x\":1,\"x\":1}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"x\":{\"y\":1,\"y\":2}}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":7}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"kid\":7}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"typ\":null}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"iat\":\"1795485600\"}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"iat\":1.5}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"iat\":-1}", ERR_SIGNATURE_HEADER},
        {"{\"alg\":\"ES256\",\"iat\":9223372036854775807}", ERR_SIGNATURE_HEADER},
        {"{}", ERR_SIGNATURE_HEADER},
        {"[\"ES256\"]", ERR_SIGNATURE_MALFORMED},
        {"\"ES256\"", ERR_SIGNATURE_MALFORMED},
        {"{\"alg\":\"ES256\"} x", ERR_SIGNATURE_MALFORMED},
        {"{\"alg\":\"ES256\"", ERR_SIGNATURE_MALFORMED},
        {"", ERR_SIGNATURE_MALFORMED},
    };
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    struct buf jws;
    buf_init(&jws, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sign_with_header(cases[i].header, &jws);
        enum err_code code = verdict(&expect, buf_bytes(&jws));
        if (code != cases[i].code)
            fail_msg("%s: %s instead of %s", cases[i].header, err_info(code)->code, err_info(cases[i].code)->code);
    }
    buf_free(&jws);
}

static void header_has_a_limit(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    struct buf jws;
    char header[JWS_HEADER_MAX + 2];
    buf_init(&jws, 16384);
    for (size_t size = JWS_HEADER_MAX; size <= JWS_HEADER_MAX + 1; size++) {
        memset(header, ' ', sizeof header);
        memcpy(header, "{\"alg\":\"ES256\"}", 15);
        header[size] = '\0';
        sign_with_header(header, &jws);
        assert_int_equal(verdict(&expect, buf_bytes(&jws)),
                         size == JWS_HEADER_MAX ? ERR_NONE : ERR_SIGNATURE_MALFORMED);
    }
    buf_free(&jws);
}

static void form_is_strict(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    struct buf good, bad;
    struct err err = {0};
    buf_init(&good, 4096);
    buf_init(&bad, 4096);
    sign_with_header("{\"alg\":\"ES256\"}", &good);
    const char *text = (const char *)good.p, *dot = strchr(text, '.');
    assert_int_equal(verdict(&expect, buf_bytes(&good)), ERR_NONE);
    assert_int_equal(verdict(&expect, bytes_of(NULL, 0)), ERR_SIGNATURE_MISSING);
    static const char *const shapes[] = {"%.*s",   "%.*s.",    "%.*s..", "..%.*s",
                                         ".%.*s.", "%.*s....", "a.%.*s", "%.*s.b.c.d"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        buf_reset(&bad);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_printf(&bad, shapes[i], (int)(dot - text), text);
#pragma GCC diagnostic pop
        assert_int_equal(verdict(&expect, buf_bytes(&bad)), ERR_SIGNATURE_MALFORMED);
    }
    /* padding, white space, the other alphabet, a cut or grown signature */
    static const char *const tails[] = {"=", "==", " ", "\n", "+", "/", ".", "A", "AA"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        buf_reset(&bad);
        buf_printf(&bad, "%s%s", text, tails[i]);
        assert_int_equal(verdict(&expect, buf_bytes(&bad)), ERR_SIGNATURE_MALFORMED);
    }
    assert_int_equal(verdict(&expect, bytes_of(good.p, good.n - 4)), ERR_SIGNATURE_MALFORMED);
    /* a compact one is no detached one */
    assert_false(jws_verify_detached(&expect, buf_bytes(&good), BYTES_LIT("body"), NULL, &err));
    assert_int_equal(err.code, ERR_SIGNATURE_MALFORMED);
    buf_free(&good);
    buf_free(&bad);
}

static void one_of_several_keys(void **state)
{
    (void)state;
    struct crypto_key *other = NULL;
    struct buf jws;
    struct err err = {0};
    run("openssl ecparam -name prime256v1 -genkey -noout -out o.key && openssl pkey -in o.key -pubout -out o.pub");
    assert_true(crypto_key_from_file(in_dir("o.pub"), &other, &err));
    buf_init(&jws, 4096);
    struct jws_expect expect = {.alg = CRYPTO_ES256, .keys = {other, public_of(ring, CRYPTO_ES256)}, .key_n = 2};
    sign_with_header("{\"alg\":\"ES256\"}", &jws);
    assert_int_equal(verdict(&expect, buf_bytes(&jws)), ERR_NONE);
    assert_true(jws_sign_compact(ring, CRYPTO_ES256, NULL, NOW_MS, BYTES_LIT("x"), (buf_reset(&jws), &jws), &err));
    assert_int_equal(verdict(&expect, buf_bytes(&jws)), ERR_NONE);
    expect.key_n = 1;
    assert_int_equal(verdict(&expect, buf_bytes(&jws)), ERR_SIGNATURE_KEY_UNKNOWN);
    sign_with_header("{\"alg\":\"ES256\"}", &jws);
    assert_int_equal(verdict(&expect, buf_bytes(&jws)), ERR_SIGNATURE_INVALID);
    expect.key_n = 0;
    assert_int_equal(verdict(&expect, buf_bytes(&jws)), ERR_SIGNATURE_KEY_UNKNOWN);
    /* a key named by others */
    sign_with_header("{\"alg\":\"ES256\",\"kid\":\"theirs\"}", &jws);
    expect = expect_of(CRYPTO_ES256);
    expect.kids[0] = "theirs";
    assert_int_equal(verdict(&expect, buf_bytes(&jws)), ERR_NONE);
    crypto_key_free(&other);
    buf_free(&jws);
}

static void sm2_id_is_part_of_the_agreement(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_SM2);
    struct buf jws;
    struct err err = {0};
    buf_init(&jws, 4096);
    assert_true(jws_sign_compact(ring, CRYPTO_SM2, NULL, NOW_MS, BYTES_LIT("x"), &jws, &err));
    assert_int_equal(verdict(&expect, buf_bytes(&jws)), ERR_NONE);
    expect.sm2_id = "bank-own-id";
    assert_int_equal(verdict(&expect, buf_bytes(&jws)), ERR_SIGNATURE_INVALID);
    buf_free(&jws);
}

static void jwk_reads_back_as_the_same_key(void **state)
{
    (void)state;
    for (int a = CRYPTO_ES256; a <= CRYPTO_PS256; a++) {
        enum crypto_alg alg = (enum crypto_alg)a;
        struct crypto_key *keys[JWS_KEYS_MAX] = {0};
        struct buf out;
        struct err err = {0};
        size_t n;
        buf_init(&out, 65536);
        buf_str(&out, "{\"keys\":[");
        for (int b = CRYPTO_ES256; b <= CRYPTO_PS256; b++) {
            jws_write_jwk(&out, public_of(ring, (enum crypto_alg)b), (enum crypto_alg)b, "active");
            buf_str(&out, b == CRYPTO_PS256 ? "]}" : ",");
        }
        if (!jws_read_jwks(buf_bytes(&out), alg, keys, &n, &err))
            fail_msg("%s %s", err.place, err.detail);
        assert_int_equal(n, 1);
        assert_string_equal(crypto_key_kid(keys[0]), crypto_key_kid(public_of(ring, alg)));
        crypto_key_free(&keys[0]);
        buf_free(&out);
    }
}

static void jwk_shows_the_certificate(void **state)
{
    (void)state;
    struct crypto_key *key = NULL;
    struct buf out, der;
    struct err err = {0};
    AUTO_JSON doc = NULL;
    int64_t nbf = 0, exp = 0;
    assert_true(crypto_key_from_file(in_dir("ES256.pem"), &key, &err));
    buf_init(&out, 65536);
    buf_init(&der, 65536);
    jws_write_jwk(&out, key, CRYPTO_ES256, "retired");
    assert_true(json_parse(buf_bytes(&out), &doc, &err));
    const json_value *root = json_root(doc);
    static const char *const names[] = {"kty", "crv", "x",   "y",   "kid",   "use",
                                        "alg", "x5c", "nbf", "exp", "state", NULL};
    assert_true(json_only(root, "", names, &err));
    assert_string_equal(json_string(json_member(root, "state")), "retired");
    assert_true(json_integer(json_member(root, "nbf"), &nbf) && json_integer(json_member(root, "exp"), &exp));
    assert_int_equal(exp - nbf, 30 * 86400);
    assert_true(base64_decode(&der, bytes_str(json_string(json_at(json_member(root, "x5c"), 0))), false));
    assert_true(bytes_equal(buf_bytes(&der), crypto_key_certificate(key)));
    crypto_key_free(&key);
    buf_free(&out);
    buf_free(&der);
}

static void unsuitable_keys_are_passed_over(void **state)
{
    (void)state;
    static const struct {
        const char *jwks;
        enum err_code code;
    } cases[] = {
        {"{\"keys\":[]}", ERR_SIGNATURE_KEY_UNKNOWN},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"a\"}]}", ERR_SIGNATURE_KEY_UNKNOWN},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"a\",\"y\":\"b\"}]}", ERR_SIGNATURE_KEY_UNKNOWN},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"enc\",\"x\":\"a\",\"y\":\"b\"}]}",
         ERR_SIGNATURE_KEY_UNKNOWN},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"key_ops\":[\"sign\"],\"x\":\"a\",\"y\":\"b\"}]}",
         ERR_SIGNATURE_KEY_UNKNOWN},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"SM2\",\"x\":\"a\",\"y\":\"b\"}]}",
         ERR_SIGNATURE_KEY_UNKNOWN},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\",\"y\":\"b\"}]}", ERR_KEY_FILE},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\"}]}", ERR_KEY_FILE},
        {"{\"keys\":[7,null]}", ERR_SIGNATURE_KEY_UNKNOWN},
        {"[]", ERR_SIGNATURE_KEY_UNKNOWN},
        {"{", ERR_MESSAGE_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct crypto_key *keys[JWS_KEYS_MAX] = {0};
        size_t n = 7;
        struct err err = {0};
        assert_false(jws_read_jwks(bytes_str(cases[i].jwks), CRYPTO_ES256, keys, &n, &err));
        if (err.code != cases[i].code)
            fail_msg("%s: %s", cases[i].jwks, err_info(err.code)->code);
        assert_int_equal(n, 0);
    }
}

static void too_many_keys_leave_none(void **state)
{
    (void)state;
    struct crypto_key *keys[JWS_KEYS_MAX] = {0};
    struct buf out;
    struct err err = {0};
    size_t n;
    buf_init(&out, 65536);
    buf_str(&out, "{\"keys\":[");
    for (int i = 0; i <= JWS_KEYS_MAX; i++) {
        jws_write_jwk(&out, public_of(ring, CRYPTO_ES256), CRYPTO_ES256, NULL);
        buf_str(&out, i == JWS_KEYS_MAX ? "]}" : ",");
    }
    assert_false(jws_read_jwks(buf_bytes(&out), CRYPTO_ES256, keys, &n, &err));
    assert_int_equal(err.code, ERR_KEY_FILE);
    assert_int_equal(n, 0);
    assert_null(keys[0]);
    buf_free(&out);
}

static void peek_tells_what_was_seen(void **state)
{
    (void)state;
    struct buf jws;
    char alg[16] = "";
    buf_init(&jws, 4096);
    sign_with_header("{\"alg\":\"HS256\",\"crit\":[]}", &jws);
    assert_true(jws_peek_alg(buf_bytes(&jws), alg));
    assert_string_equal(alg, "HS256");
    sign_with_header("{\"alg\":\"a very long algorithm name\"}", &jws);
    assert_false(jws_peek_alg(buf_bytes(&jws), alg));
    sign_with_header("{\"alg\":1}", &jws);
    assert_false(jws_peek_alg(buf_bytes(&jws), alg));
    assert_false(jws_peek_alg(BYTES_LIT("x"), alg));
    buf_free(&jws);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_both_forms),
        cmocka_unit_test(our_header_has_a_fixed_order),
        cmocka_unit_test(signing_needs_a_key_and_room),
        cmocka_unit_test(headers_are_judged),
        cmocka_unit_test(header_has_a_limit),
        cmocka_unit_test(form_is_strict),
        cmocka_unit_test(one_of_several_keys),
        cmocka_unit_test(sm2_id_is_part_of_the_agreement),
        cmocka_unit_test(jwk_reads_back_as_the_same_key),
        cmocka_unit_test(jwk_shows_the_certificate),
        cmocka_unit_test(unsuitable_keys_are_passed_over),
        cmocka_unit_test(too_many_keys_leave_none),
        cmocka_unit_test(peek_tells_what_was_seen),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
