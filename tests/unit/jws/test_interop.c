/* Both directions with others' tools: python3-jwcrypto for ES256, RS256, PS256; openssl's command line for SM2. */
#include "fixture.h"

#define PEER "/usr/bin/python3 " SOURCE_DIR "/tests/unit/jws/peer.py"
#define NOW_MS 1795485600000
#define PAYLOAD "{\"name\":\"山西杏花村汾酒厂股份有限公司\"}"

static const enum crypto_alg jose_algs[] = {CRYPTO_ES256, CRYPTO_RS256, CRYPTO_PS256};

static bool have_peer(void)
{
    if (system("/usr/bin/python3 -c 'import jwcrypto' 2>/dev/null") == 0)
        return true;
    print_message("skipped: no python3-jwcrypto\n");
    return false;
}

static void jwcrypto_verifies_ours(void **state)
{
    (void)state;
    if (!have_peer())
        skip();
    struct crypto_keyring *ring = make_ring();
    for (size_t i = 0; i < 3; i++) {
        struct buf out;
        struct err err = {0};
        uint8_t got[1000];
        buf_init(&out, 65536);
        assert_true(jws_sign_compact(ring, jose_algs[i], "x", NOW_MS, BYTES_LIT(PAYLOAD), &out, &err));
        write_in_dir("jws", buf_bytes(&out));
        run("%s verify %s %s.pub <jws >payload", PEER, crypto_alg_name(jose_algs[i]), key_name(jose_algs[i]));
        assert_true(bytes_equal(read_in_dir("payload", got, sizeof got), BYTES_LIT(PAYLOAD)));
        buf_free(&out);
        buf_init(&out, 65536);
        jws_write_jwk(&out, public_of(ring, jose_algs[i]), jose_algs[i], "active");
        write_in_dir("jwk", buf_bytes(&out));
        run("%s verify-jwk %s jwk <jws >payload", PEER, crypto_alg_name(jose_algs[i]));
        buf_free(&out);
    }
    crypto_keyring_free(&ring);
}

static void we_verify_jwcrypto(void **state)
{
    (void)state;
    if (!have_peer())
        skip();
    struct crypto_keyring *ring = make_ring();
    write_in_dir("payload", BYTES_LIT(PAYLOAD));
    for (size_t i = 0; i < 3; i++) {
        struct jws_expect expect = {.alg = jose_algs[i], .keys = {public_of(ring, jose_algs[i])}, .key_n = 1};
        const char *alg = crypto_alg_name(jose_algs[i]), *key = key_name(jose_algs[i]);
        uint8_t jws[4000];
        struct jws_seen seen;
        struct buf payload;
        struct err err = {0};
        buf_init(&payload, 4000);
        run("%s sign %s %s.key '{\"typ\":\"x\",\"iat\":1795485600}' <payload >jws", PEER, alg, key);
        assert_true(jws_verify_compact(&expect, read_in_dir("jws", jws, sizeof jws), &payload, &seen, &err));
        assert_true(bytes_equal(buf_bytes(&payload), BYTES_LIT(PAYLOAD)));
        assert_int_equal(seen.iat_ms, NOW_MS);
        run("%s detach %s %s.key '{}' <payload >jws", PEER, alg, key);
        assert_true(jws_verify_detached(&expect, read_in_dir("jws", jws, sizeof jws), BYTES_LIT(PAYLOAD), &seen, &err));
        assert_int_equal(seen.iat_ms, 0);
        buf_free(&payload);
    }
    crypto_keyring_free(&ring);
}

/* JWS input and raw signature as a bank without JOSE library would take them apart. */
static void openssl_verifies_our_sm2(void **state)
{
    (void)state;
    struct crypto_keyring *ring = make_ring();
    struct buf out, raw;
    struct err err = {0};
    uint8_t der[CRYPTO_DER_MAX];
    size_t n;
    buf_init(&out, 4000);
    buf_init(&raw, 4000);
    assert_true(jws_sign_compact(ring, CRYPTO_SM2, NULL, NOW_MS, BYTES_LIT(PAYLOAD), &out, &err));
    const char *last = strrchr((char *)out.p, '.');
    write_in_dir("input", bytes_of(out.p, (size_t)(last - (char *)out.p)));
    assert_true(base64_decode(&raw, bytes_str(last + 1), true));
    assert_true(crypto_raw_to_der(CRYPTO_SM2, buf_bytes(&raw), der, &n, &err));
    write_in_dir("signature", bytes_of(der, n));
    run("openssl pkeyutl -verify -pubin -inkey SM2.pub -in input -sigfile signature -rawin -digest sm3 "
        "-pkeyopt distid:1234567812345678 >/dev/null");
    buf_free(&out);
    buf_free(&raw);
    crypto_keyring_free(&ring);
}

static void we_verify_openssl_sm2(void **state)
{
    (void)state;
    struct crypto_keyring *ring = make_ring();
    struct jws_expect expect = {.alg = CRYPTO_SM2, .sm2_id = "own", .keys = {public_of(ring, CRYPTO_SM2)}, .key_n = 1};
    struct buf jws, payload;
    struct err err = {0};
    uint8_t der[200], raw[CRYPTO_RAW_SIZE];
    buf_init(&jws, 4000);
    buf_init(&payload, 4000);
    base64_encode(&jws, BYTES_LIT("{\"alg\":\"SM2\"}"), true);
    buf_str(&jws, ".");
    base64_encode(&jws, BYTES_LIT(PAYLOAD), true);
    write_in_dir("input", buf_bytes(&jws));
    run("openssl pkeyutl -sign -inkey SM2.key -in input -out signature -rawin -digest sm3 -pkeyopt distid:own");
    assert_true(crypto_raw_from_der(CRYPTO_SM2, read_in_dir("signature", der, sizeof der), raw, &err));
    buf_str(&jws, ".");
    base64_encode(&jws, bytes_of(raw, sizeof raw), true);
    assert_true(jws_verify_compact(&expect, buf_bytes(&jws), &payload, NULL, &err));
    assert_true(bytes_equal(buf_bytes(&payload), BYTES_LIT(PAYLOAD)));
    buf_free(&jws);
    buf_free(&payload);
    crypto_keyring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jwcrypto_verifies_ours),
        cmocka_unit_test(we_verify_jwcrypto),
        cmocka_unit_test(openssl_verifies_our_sm2),
        cmocka_unit_test(we_verify_openssl_sm2),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
