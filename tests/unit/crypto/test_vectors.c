/* Signatures against vectors made by others: GM/T 0003.5 annex A (SM2) and Wycheproof (ECDSA P-256, raw form). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"

#define LINE_MAX_SIZE 4096
#define GMT_FILE OWN_VECTORS "/sm2/gmt0003-annex-a.txt"
#define WYCHEPROOF_FILE SHARED_VECTORS "/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json"

/* The value of a name in the file of `name value` lines. */
static const char *gmt(const char *name)
{
    static char line[LINE_MAX_SIZE];
    FILE *file = fopen(GMT_FILE, "r");
    assert_non_null(file);
    size_t n = strlen(name);
    const char *value = NULL;
    while (!value && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, name, n) == 0 && line[n] == ' ')
            value = line + n + 1;
    }
    fclose(file);
    assert_non_null(value);
    return value;
}

static size_t gmt_hex(const char *name, uint8_t *out)
{
    const char *hex = gmt(name);
    size_t n = strlen(hex) / 2;
    assert_true(hex_decode(hex, out, n));
    return n;
}

static struct crypto_key *gmt_key(void)
{
    uint8_t x[32], y[32];
    struct buf tx, ty;
    struct crypto_key *key = NULL;
    struct err err = {0};
    gmt_hex("x", x);
    gmt_hex("y", y);
    buf_init(&tx, 64);
    buf_init(&ty, 64);
    base64_encode(&tx, bytes_of(x, 32), true);
    base64_encode(&ty, bytes_of(y, 32), true);
    assert_true(crypto_key_from_ec("SM2", buf_bytes(&tx), buf_bytes(&ty), &key, &err));
    buf_free(&tx);
    buf_free(&ty);
    return key;
}

static void sm2_signature_of_the_standard_verifies(void **state)
{
    (void)state;
    uint8_t raw[CRYPTO_RAW_SIZE], der[CRYPTO_DER_MAX], made[CRYPTO_DER_MAX], back[CRYPTO_RAW_SIZE];
    char text[64];
    struct err err = {0};
    struct crypto_key *key = gmt_key();
    gmt_hex("r", raw);
    gmt_hex("s", raw + 32);
    snprintf(text, sizeof text, "%s", gmt("message_text"));
    assert_true(crypto_verify(key, CRYPTO_SM2, NULL, bytes_str(text), bytes_of(raw, 64), &err));
    assert_true(crypto_verify(key, CRYPTO_SM2, "1234567812345678", bytes_str(text), bytes_of(raw, 64), &err));
    assert_false(crypto_verify(key, CRYPTO_SM2, "ALICE123@YAHOO.COM", bytes_str(text), bytes_of(raw, 64), &err));
    assert_false(crypto_verify(key, CRYPTO_SM2, NULL, BYTES_LIT("message digesu"), bytes_of(raw, 64), &err));
    size_t der_n = gmt_hex("der", der), made_n = 0;
    assert_true(crypto_raw_to_der(CRYPTO_SM2, bytes_of(raw, 64), made, &made_n, &err));
    assert_int_equal(made_n, der_n);
    assert_memory_equal(made, der, der_n);
    assert_true(crypto_raw_from_der(CRYPTO_SM2, bytes_of(der, der_n), back, &err));
    assert_memory_equal(back, raw, sizeof raw);
    crypto_key_free(&key);
}

/* The digest that is signed: SM3(Z || M), Z from the id, the curve and the key. */
static void sm2_digest_of_the_standard(void **state)
{
    (void)state;
    uint8_t z[32], e[32], got[32];
    gmt_hex("z", z);
    gmt_hex("e", e);
    struct bytes parts[] = {bytes_of(z, 32), bytes_str(gmt("message_text"))};
    crypto_digest_parts(CRYPTO_SM3, parts, 2, got);
    assert_memory_equal(got, e, 32);
}

static void numbers_out_of_range_are_malformed(void **state)
{
    (void)state;
    static const char *const orders[] = {
        [CRYPTO_ES256] = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
        [CRYPTO_SM2] = "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123",
    };
    struct crypto_key *key = gmt_key();
    for (int alg = CRYPTO_ES256; alg <= CRYPTO_SM2; alg++) {
        uint8_t der[CRYPTO_DER_MAX];
        size_t n;
        for (int half = 0; half < 2; half++) {
            uint8_t raw[64] = {[31] = 1, [63] = 1};
            struct err err = {0};
            assert_true(crypto_raw_to_der((enum crypto_alg)alg, bytes_of(raw, 64), der, &n, &err));
            raw[half * 32 + 31] = 0;
            assert_false(crypto_raw_to_der((enum crypto_alg)alg, bytes_of(raw, 64), der, &n, &err));
            assert_int_equal(err.code, ERR_SIGNATURE_MALFORMED);
            assert_true(hex_decode(orders[alg], raw + half * 32, 32));
            assert_false(crypto_raw_to_der((enum crypto_alg)alg, bytes_of(raw, 64), der, &n, &err));
            raw[half * 32 + 31] -= 1;
            assert_true(crypto_raw_to_der((enum crypto_alg)alg, bytes_of(raw, 64), der, &n, &err));
        }
    }
    uint8_t zero[64] = {0};
    struct err err = {0};
    assert_false(crypto_verify(key, CRYPTO_SM2, NULL, BYTES_LIT("x"), bytes_of(zero, 64), &err));
    assert_int_equal(err.code, ERR_SIGNATURE_MALFORMED);
    crypto_key_free(&key);
}

static void only_minimal_der_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool good;
    } cases[] = {
        {"3006020101020101", true},
        {"3008020200ff020200ff", true},
        {"30070202000102010100", false}, /* padded */
        {"300602010102010100", false},   /* something behind */
        {"3006020181020101", false},     /* negative */
        {"3006020100020101", false},     /* zero */
        {"308106020101020101", false},   /* long form of a short length */
        {"3005020101020101", false},     /* length too short */
        {"3007020101020101", false},     /* and too long */
        {"30060201010201", false},       /* cut off */
        {"3006030101020101", false},     /* not an INTEGER */
        {"3103020101", false},
        {"300702000203010101", false}, /* empty number */
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t der[64], raw[CRYPTO_RAW_SIZE];
        size_t n = strlen(cases[i].hex) / 2;
        struct err err = {0};
        assert_true(hex_decode(cases[i].hex, der, n));
        bool good = crypto_raw_from_der(CRYPTO_ES256, bytes_of(der, n), raw, &err);
        if (good != cases[i].good)
            fail_msg("%s: %s", cases[i].hex, good ? "accepted" : "refused");
    }
}

/* The string member of a line of the pretty-printed file, or NULL. */
static char *member(char *line, const char *name)
{
    char *p = strstr(line, name);
    if (!p || p[strlen(name)] != '"')
        return NULL;
    p = strchr(p, ':');
    p = p ? strchr(p, '"') : NULL;
    char *end = p ? strchr(p + 1, '"') : NULL;
    if (!end)
        return NULL;
    *end = '\0';
    return p + 1;
}

struct wycheproof {
    struct crypto_key *key;
    uint8_t msg[LINE_MAX_SIZE], sig[LINE_MAX_SIZE];
    size_t msg_n, sig_n;
    unsigned valid, invalid, total;
};

static void judge(struct wycheproof *w, const char *result, int id)
{
    struct err err = {0};
    bool ok = w->key &&
              crypto_verify(w->key, CRYPTO_ES256, NULL, bytes_of(w->msg, w->msg_n), bytes_of(w->sig, w->sig_n), &err);
    if (ok != (strcmp(result, "valid") == 0))
        fail_msg("case %d is %s", id, result);
    if (!ok && err.code != ERR_SIGNATURE_INVALID && err.code != ERR_SIGNATURE_MALFORMED)
        fail_msg("case %d refused with %s", id, err_info(err.code)->code);
    *(ok ? &w->valid : &w->invalid) += 1;
}

static void take_key(struct wycheproof *w, const char *hex)
{
    uint8_t spki[200];
    size_t n = strlen(hex) / 2;
    struct err err = {0};
    struct buf pem;
    assert_true(hex_decode(hex, spki, n));
    buf_init(&pem, 1000);
    buf_str(&pem, "-----BEGIN PUBLIC KEY-----\n");
    base64_encode(&pem, bytes_of(spki, n), false);
    buf_str(&pem, "\n-----END PUBLIC KEY-----\n");
    crypto_key_free(&w->key);
    assert_true(crypto_key_from_pem(buf_bytes(&pem), "vector", &w->key, &err));
    buf_free(&pem);
}

static void take_line(struct wycheproof *w, char *line, int *id)
{
    char *value;
    if (sscanf(line, " \"numberOfTests\" : %u", &w->total) == 1 || sscanf(line, " \"tcId\" : %d", id) == 1)
        return;
    if ((value = member(line, "\"publicKeyDer")))
        take_key(w, value);
    else if ((value = member(line, "\"msg")))
        assert_true(hex_decode(value, w->msg, w->msg_n = strlen(value) / 2));
    else if ((value = member(line, "\"sig")))
        assert_true(hex_decode(value, w->sig, w->sig_n = strlen(value) / 2));
    else if ((value = member(line, "\"result")))
        judge(w, value, *id);
}

static void wycheproof_p1363(void **state)
{
    (void)state;
    FILE *file = fopen(WYCHEPROOF_FILE, "r");
    if (!file) {
        print_message("skipped: no vectors (1 file)\n");
        skip();
    }
    struct wycheproof w = {0};
    char line[LINE_MAX_SIZE];
    int id = 0;
    while (fgets(line, sizeof line, file))
        take_line(&w, line, &id);
    fclose(file);
    crypto_key_free(&w.key);
    print_message("Wycheproof ECDSA P-256 raw: %u valid, %u refused of %u\n", w.valid, w.invalid, w.total);
    assert_int_equal(w.valid + w.invalid, w.total);
    assert_true(w.valid > 0 && w.invalid > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sm2_signature_of_the_standard_verifies),
        cmocka_unit_test(sm2_digest_of_the_standard),
        cmocka_unit_test(numbers_out_of_range_are_malformed),
        cmocka_unit_test(only_minimal_der_is_read),
        cmocka_unit_test(wycheproof_p1363),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
