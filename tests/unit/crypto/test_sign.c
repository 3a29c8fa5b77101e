/* Keys, signatures and verification, with the openssl command line as the other side. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/crypto.h"

static char dir[64];

/* Runs a command in the test's own directory. */
__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
    char command[1024];
    int n = snprintf(command, sizeof command, "cd %s && (", dir);
    va_list args;
    va_start(args, format);
    n += vsnprintf(command + n, sizeof command - (size_t)n, format, args);
    va_end(args);
    snprintf(command + n, sizeof command - (size_t)n, ") >>log 2>&1");
    if (system(command) != 0)
        fail_msg("%s", command);
}

static char *path(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", dir, name);
    return out;
}

static void write_file(const char *name, struct bytes content)
{
    char full[128];
    FILE *file = fopen(path(name, full), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content.p, 1, content.n, file), content.n);
    fclose(file);
}

static size_t read_file(const char *name, uint8_t *out, size_t max)
{
    char full[128];
    FILE *file = fopen(path(name, full), "rb");
    assert_non_null(file);
    size_t n = fread(out, 1, max, file);
    fclose(file);
    return n;
}

static int make_keys(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test-crypto-XXXXXX");
    assert_non_null(mkdtemp(dir));
    run("openssl ecparam -name prime256v1 -genkey -noout -out ES256.key && openssl ecparam -name SM2 -genkey -out "
        "SM2.key");
    run("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out RS256.key && cp RS256.key PS256.key");
    run("for a in ES256 RS256 PS256; do openssl req -x509 -new -key $a.key -subj '/CN=甲银行 test' -utf8 -days 30 -out "
        "$a.pem; done");
    run("openssl req -x509 -new -key SM2.key -sm3 -sigopt distid:1234567812345678 -subj /CN=sm2 -days 30 -out SM2.pem");
    run("for a in ES256 RS256 SM2; do openssl pkey -in $a.key -pubout -out $a.pub; done");
    return 0;
}

static int remove_keys(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static struct crypto_key *load_key(const char *name)
{
    char full[128];
    struct crypto_key *key = NULL;
    struct err err = {0};
    if (!crypto_key_from_file(path(name, full), &key, &err))
        fail_msg("%s: %s", name, err.detail);
    return key;
}

static struct crypto_keyring *load_ring(enum crypto_alg alg, const char *sm2_id)
{
    char cert[128], key[128], name[32];
    struct crypto_keyring *ring = crypto_keyring_new();
    struct err err = {0};
    enum crypto_purpose purpose;
    assert_true(crypto_keyring_purpose(alg, &purpose));
    snprintf(name, sizeof name, "%s.pem", crypto_alg_name(alg));
    path(name, cert);
    snprintf(name, sizeof name, "%s.key", crypto_alg_name(alg));
    if (!crypto_keyring_load(ring, purpose, cert, path(name, key), sm2_id, &err))
        fail_msg("%s: %s", err.place, err.detail);
    return ring;
}

static void every_algorithm_signs_and_verifies(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "质押融资白名单"};
    for (int a = CRYPTO_ES256; a <= CRYPTO_PS256; a++) {
        enum crypto_alg alg = (enum crypto_alg)a;
        struct crypto_keyring *ring = load_ring(alg, NULL);
        enum crypto_purpose purpose;
        crypto_keyring_purpose(alg, &purpose);
        const struct crypto_key *key = crypto_keyring_public(ring, purpose);
        assert_true(crypto_key_fits(key, alg));
        for (size_t i = 0; i < 3; i++) {
            uint8_t signature[CRYPTO_SIGNATURE_MAX];
            size_t n = 0;
            struct err err = {0};
            assert_true(crypto_sign(ring, alg, bytes_str(texts[i]), signature, &n, &err));
            if (crypto_alg_signature_size(alg))
                assert_int_equal(n, crypto_alg_signature_size(alg));
            assert_true(crypto_verify(key, alg, NULL, bytes_str(texts[i]), bytes_of(signature, n), &err));
            assert_false(crypto_verify(key, alg, NULL, BYTES_LIT("other"), bytes_of(signature, n), &err));
            assert_int_equal(err.code, ERR_SIGNATURE_INVALID);
            assert_false(crypto_verify(key, alg, NULL, bytes_str(texts[i]), bytes_of(signature, n - 1), &err));
            assert_int_equal(err.code, ERR_SIGNATURE_MALFORMED);
        }
        crypto_keyring_free(&ring);
        assert_null(ring);
    }
}

/* openssl's command line takes and gives DER. */
static void openssl_verifies_ours(void **state)
{
    (void)state;
    static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_SM2};
    for (int i = 0; i < 100; i++) { /* leading zeros and set top bits come up by chance */
        enum crypto_alg alg = algs[i % 2];
        const char *name = crypto_alg_name(alg);
        struct crypto_keyring *ring = load_ring(alg, "bank-own-id");
        uint8_t raw[CRYPTO_SIGNATURE_MAX], der[CRYPTO_DER_MAX];
        size_t n = 0, der_n = 0;
        struct err err = {0};
        char text[32];
        snprintf(text, sizeof text, "message %d", i);
        write_file("message", bytes_str(text));
        assert_true(crypto_sign(ring, alg, bytes_str(text), raw, &n, &err));
        assert_true(crypto_raw_to_der(alg, bytes_of(raw, n), der, &der_n, &err));
        write_file("signature", bytes_of(der, der_n));
        if (alg == CRYPTO_SM2)
            run("openssl pkeyutl -verify -pubin -inkey %s.pub -in message -sigfile signature -rawin -digest sm3 "
                "-pkeyopt distid:bank-own-id",
                name);
        else
            run("openssl dgst -sha256 -verify %s.pub -signature signature message", name);
        crypto_keyring_free(&ring);
    }
}

static void we_verify_openssl(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        enum crypto_alg alg = i % 2 ? CRYPTO_SM2 : CRYPTO_ES256;
        char text[32], name[32];
        snprintf(text, sizeof text, "text %d", i);
        write_file("message", bytes_str(text));
        if (alg == CRYPTO_SM2)
            run("openssl pkeyutl -sign -inkey SM2.key -in message -out signature -rawin -digest sm3 -pkeyopt distid:%s",
                CRYPTO_SM2_ID_DEFAULT);
        else
            run("openssl dgst -sha256 -sign ES256.key -out signature message");
        uint8_t der[200], raw[CRYPTO_RAW_SIZE];
        size_t n = read_file("signature", der, sizeof der);
        struct err err = {0};
        assert_true(crypto_raw_from_der(alg, bytes_of(der, n), raw, &err));
        snprintf(name, sizeof name, "%s.pub", crypto_alg_name(alg));
        struct crypto_key *key = load_key(name);
        assert_true(crypto_verify(key, alg, NULL, bytes_str(text), bytes_of(raw, sizeof raw), &err));
        if (alg == CRYPTO_SM2) {
            assert_false(crypto_verify(key, alg, "another id", bytes_str(text), bytes_of(raw, sizeof raw), &err));
            assert_int_equal(err.code, ERR_SIGNATURE_INVALID);
        }
        crypto_key_free(&key);
    }
}

static void rsa_agrees_with_openssl(void **state)
{
    (void)state;
    uint8_t signature[CRYPTO_SIGNATURE_MAX];
    struct err err = {0};
    struct crypto_key *key = load_key("RS256.pub");
    write_file("message", BYTES_LIT("rsa"));
    run("openssl dgst -sha256 -sign RS256.key -out signature message");
    size_t n = read_file("signature", signature, sizeof signature);
    assert_true(crypto_verify(key, CRYPTO_RS256, NULL, BYTES_LIT("rsa"), bytes_of(signature, n), &err));
    assert_false(crypto_verify(key, CRYPTO_PS256, NULL, BYTES_LIT("rsa"), bytes_of(signature, n), &err));
    run("openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign RS256.key -out signature "
        "message");
    n = read_file("signature", signature, sizeof signature);
    assert_true(crypto_verify(key, CRYPTO_PS256, NULL, BYTES_LIT("rsa"), bytes_of(signature, n), &err));
    run("openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20 -sign RS256.key -out signature "
        "message");
    n = read_file("signature", signature, sizeof signature);
    assert_false(crypto_verify(key, CRYPTO_PS256, NULL, BYTES_LIT("rsa"), bytes_of(signature, n), &err));
    crypto_key_free(&key);
}

static void certificate_and_bare_key_are_one_identity(void **state)
{
    (void)state;
    struct crypto_key *cert = load_key("ES256.pem"), *bare = load_key("ES256.pub");
    assert_string_equal(crypto_key_kid(cert), crypto_key_kid(bare));
    assert_memory_equal(crypto_key_digest(cert), crypto_key_digest(bare), CRYPTO_DIGEST_SIZE);
    assert_true(bytes_equal(crypto_key_spki(cert), crypto_key_spki(bare)));
    assert_int_equal(strlen(crypto_key_kid(cert)), CRYPTO_KID_SIZE - 1);
    assert_string_equal(crypto_key_subject(cert), "CN=甲银行 test");
    assert_int_equal(crypto_key_not_after(cert) - crypto_key_not_before(cert), 30ll * 86400 * 1000);
    assert_int_equal(crypto_key_certificate(bare).n, 0);
    assert_int_equal(crypto_key_not_after(bare), 0);
    assert_string_equal(crypto_key_subject(bare), "");
    /* what `openssl` says about the same key */
    run("openssl pkey -pubin -in ES256.pub -outform DER | openssl dgst -sha256 -binary > digest");
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    assert_int_equal(read_file("digest", digest, sizeof digest), sizeof digest);
    assert_memory_equal(crypto_key_digest(cert), digest, sizeof digest);
    struct crypto_key *again = crypto_key_ref(cert);
    crypto_key_free(&cert);
    assert_string_equal(crypto_key_kid(again), crypto_key_kid(bare));
    crypto_key_free(&again);
    crypto_key_free(&bare);
}

static void encode(struct buf *out, const void *p, size_t n)
{
    buf_init(out, 2048);
    base64_encode(out, bytes_of(p, n), true);
}

static void jwk_members_give_the_same_key(void **state)
{
    (void)state;
    static const char *const names[] = {"ES256.pub", "SM2.pub"}, *const curves[] = {"P-256", "SM2"};
    for (size_t i = 0; i < 2; i++) {
        struct crypto_key *key = load_key(names[i]), *other = NULL;
        uint8_t x[32], y[32];
        struct buf tx, ty;
        struct err err = {0};
        assert_true(crypto_key_ec_point(key, x, y));
        encode(&tx, x, 32);
        encode(&ty, y, 32);
        assert_true(crypto_key_from_ec(curves[i], buf_bytes(&tx), buf_bytes(&ty), &other, &err));
        assert_string_equal(crypto_key_kid(key), crypto_key_kid(other));
        crypto_key_free(&other);
        assert_false(
            crypto_key_from_ec(curves[i], buf_bytes(&ty), buf_bytes(&tx), &other, &err)); /* not on the curve */
        assert_false(crypto_key_from_ec("P-384", buf_bytes(&tx), buf_bytes(&ty), &other, &err));
        buf_free(&tx);
        encode(&tx, x, 31);
        assert_false(crypto_key_from_ec(curves[i], buf_bytes(&tx), buf_bytes(&ty), &other, &err));
        assert_null(other);
        buf_free(&tx);
        buf_free(&ty);
        crypto_key_free(&key);
    }
    struct crypto_key *rsa = load_key("RS256.pub"), *other = NULL;
    struct buf n, e, tn, te;
    struct err err = {0};
    buf_init(&n, 1024);
    buf_init(&e, 1024);
    assert_true(crypto_key_rsa(rsa, &n, &e));
    assert_false(crypto_key_ec_point(rsa, (uint8_t[32]){0}, (uint8_t[32]){0}));
    encode(&tn, n.p, n.n);
    encode(&te, e.p, e.n);
    assert_true(crypto_key_from_rsa(buf_bytes(&tn), buf_bytes(&te), &other, &err));
    assert_string_equal(crypto_key_kid(rsa), crypto_key_kid(other));
    crypto_key_free(&other);
    crypto_key_free(&rsa);
    buf_free(&n);
    buf_free(&e);
    buf_free(&tn);
    buf_free(&te);
}

static void assert_not_a_key(const char *name)
{
    char full[128];
    struct crypto_key *key = NULL;
    struct err err = {0};
    assert_false(crypto_key_from_file(path(name, full), &key, &err));
    assert_int_equal(err.code, ERR_KEY_FILE);
    assert_string_equal(err.place, full);
    assert_null(key);
}

static void unusable_files_are_refused_with_their_name(void **state)
{
    (void)state;
    write_file("empty", BYTES_LIT(""));
    write_file("garbage", BYTES_LIT("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"));
    assert_not_a_key("absent");
    assert_not_a_key("empty");
    assert_not_a_key("garbage");
    assert_not_a_key("ES256.key");
    assert_not_a_key("RS256.key");
}

static void ring_refuses_what_does_not_belong_together(void **state)
{
    (void)state;
    char cert[128], key[128];
    struct crypto_keyring *ring = crypto_keyring_new();
    struct err err = {0};
    run("openssl ecparam -name prime256v1 -genkey -noout -out other.key");
    run("openssl ec -in ES256.key -aes128 -passout pass:x -out locked.key");
    run("openssl x509 -in ES256.pem -pubkey -noout > bare.pem");
    assert_false(
        crypto_keyring_load(ring, CRYPTO_SIGN_ES256, path("ES256.pem", cert), path("other.key", key), NULL, &err));
    assert_int_equal(err.code, ERR_KEY_MISMATCH);
    assert_false(
        crypto_keyring_load(ring, CRYPTO_SIGN_ES256, path("ES256.pem", cert), path("locked.key", key), NULL, &err));
    assert_int_equal(err.code, ERR_KEY_FILE);
    assert_false(
        crypto_keyring_load(ring, CRYPTO_SIGN_ES256, path("bare.pem", cert), path("ES256.key", key), NULL, &err));
    assert_false(
        crypto_keyring_load(ring, CRYPTO_SIGN_SM2, path("ES256.pem", cert), path("ES256.key", key), NULL, &err));
    assert_null(crypto_keyring_public(ring, CRYPTO_SIGN_ES256));
    uint8_t signature[CRYPTO_SIGNATURE_MAX];
    size_t n;
    assert_false(crypto_sign(ring, CRYPTO_ES256, BYTES_LIT("x"), signature, &n, &err));
    clock_test_set(clock_wall_ms() + 31ll * 86400 * 1000, 1);
    assert_false(
        crypto_keyring_load(ring, CRYPTO_SIGN_ES256, path("ES256.pem", cert), path("ES256.key", key), NULL, &err));
    assert_int_equal(err.code, ERR_KEY_EXPIRED);
    clock_test_set(0, 0);
    crypto_keyring_free(&ring);
}

static bool stage(struct crypto_keyring *ring, const char *name, struct err *err)
{
    char cert[128], key[128], file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    path(file, cert);
    snprintf(file, sizeof file, "%s.key", name);
    *err = (struct err){0};
    return crypto_keyring_stage(ring, CRYPTO_SIGN_ES256, cert, path(file, key), err);
}

static void an_ended_key_signs_nothing(void **state)
{
    (void)state;
    struct crypto_keyring *ring = load_ring(CRYPTO_ES256, NULL);
    struct err err = {0};
    uint8_t signature[CRYPTO_SIGNATURE_MAX];
    size_t n;
    assert_true(crypto_sign(ring, CRYPTO_ES256, BYTES_LIT("x"), signature, &n, &err));
    clock_test_set(crypto_key_not_after(crypto_keyring_public(ring, CRYPTO_SIGN_ES256)) + 1, 1);
    bool signs = crypto_sign(ring, CRYPTO_ES256, BYTES_LIT("x"), signature, &n, &err);
    clock_test_set(0, 0);
    assert_false(signs);
    assert_int_equal(err.code, ERR_KEY_ENDED);
    crypto_keyring_free(&ring);
}

static void a_staged_key_is_known_but_signs_nothing(void **state)
{
    (void)state;
    struct crypto_keyring *ring = load_ring(CRYPTO_ES256, NULL);
    struct crypto_key *next;
    struct err err = {0};
    uint8_t signature[CRYPTO_SIGNATURE_MAX];
    size_t n;
    run("for n in next past; do openssl ecparam -name prime256v1 -genkey -noout -out $n.key; done && "
        "mkdir -p ca && touch ca/index && openssl req -new -key next.key -subj /CN=next -out next.csr && "
        "openssl req -new -key past.key -subj /CN=past -out past.csr && "
        "printf '[ca]\ndefault_ca=d\n[d]\ndatabase=ca/index\nnew_certs_dir=ca\nrand_serial=yes\ndefault_md=sha256\n"
        "policy=p\n[p]\ncommonName=supplied\n' >ca.cnf && "
        "openssl ca -batch -config ca.cnf -cert ES256.pem -keyfile ES256.key -in next.csr -out next.pem -notext "
        "-startdate 20900101000000Z -enddate 20910101000000Z");
    run("openssl ca -batch -config ca.cnf -cert ES256.pem -keyfile ES256.key -in past.csr -out past.pem -notext "
        "-startdate 20200101000000Z -enddate 20210101000000Z");
    assert_null(crypto_keyring_staged(ring, CRYPTO_SIGN_ES256));
    if (!stage(ring, "next", &err))
        fail_msg("a certificate that begins later: %s", err.detail);
    next = load_key("next.pem");
    assert_string_equal(crypto_key_kid(crypto_keyring_staged(ring, CRYPTO_SIGN_ES256)), crypto_key_kid(next));
    assert_true(crypto_sign(ring, CRYPTO_ES256, BYTES_LIT("x"), signature, &n, &err));
    assert_false(crypto_verify(next, CRYPTO_ES256, NULL, BYTES_LIT("x"), bytes_of(signature, n), &err));
    assert_false(stage(ring, "past", &err));
    assert_int_equal(err.code, ERR_KEY_EXPIRED);
    assert_false(stage(ring, "ES256", &err)); /* the one in use */
    assert_int_equal(err.code, ERR_KEY_FILE);
    assert_false(stage(ring, "RS256", &err));
    assert_int_equal(err.code, ERR_KEY_FILE);
    crypto_key_free(&next);
    crypto_keyring_free(&ring);
}

static void bare_private_key_signs(void **state)
{
    (void)state;
    uint8_t pem[4096], signature[CRYPTO_SIGNATURE_MAX];
    size_t n = read_file("SM2.key", pem, sizeof pem), size = 0;
    struct crypto_keyring *ring = crypto_keyring_new();
    struct crypto_key *key = load_key("SM2.pub");
    struct err err = {0};
    assert_true(crypto_keyring_load_key(ring, CRYPTO_SIGN_SM2, bytes_of(pem, n), "own", &err));
    assert_string_equal(crypto_keyring_sm2_id(ring), "own");
    assert_true(crypto_sign(ring, CRYPTO_SM2, BYTES_LIT("x"), signature, &size, &err));
    assert_true(crypto_verify(key, CRYPTO_SM2, "own", BYTES_LIT("x"), bytes_of(signature, size), &err));
    crypto_key_free(&key);
    crypto_keyring_free(&ring);
}

struct signer {
    const struct crypto_keyring *ring;
    uint8_t mark;
    size_t wrong;
};

static void *sign_many(void *arg)
{
    struct signer *signer = arg;
    const struct crypto_key *key = crypto_keyring_public(signer->ring, CRYPTO_SIGN_ES256);
    for (unsigned i = 0; i < 200; i++) {
        uint8_t message[2] = {signer->mark, (uint8_t)i}, signature[CRYPTO_SIGNATURE_MAX];
        struct err err = {0};
        size_t n;
        if (!crypto_sign(signer->ring, CRYPTO_ES256, bytes_of(message, 2), signature, &n, &err) ||
            !crypto_verify(key, CRYPTO_ES256, NULL, bytes_of(message, 2), bytes_of(signature, n), &err))
            signer->wrong++;
    }
    return NULL;
}

static void threads_sign_with_one_ring(void **state)
{
    (void)state;
    struct crypto_keyring *ring = load_ring(CRYPTO_ES256, NULL);
    struct signer signers[4] = {{ring, 0, 0}, {ring, 1, 0}, {ring, 2, 0}, {ring, 3, 0}};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &signers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(signers[i].wrong, 0);
    }
    crypto_keyring_free(&ring);
}

static void key_of_another_algorithm_is_named(void **state)
{
    (void)state;
    struct crypto_key *key = load_key("SM2.pub");
    uint8_t signature[64] = {1};
    struct err err = {0};
    assert_false(crypto_verify(key, CRYPTO_ES256, NULL, BYTES_LIT("x"), bytes_of(signature, 64), &err));
    assert_int_equal(err.code, ERR_SIGNATURE_ALG);
    assert_false(crypto_verify(key, CRYPTO_RS256, NULL, BYTES_LIT("x"), bytes_of(signature, 64), &err));
    assert_int_equal(err.code, ERR_SIGNATURE_ALG);
    crypto_key_free(&key);
    enum crypto_alg alg;
    assert_true(crypto_alg_parse("PS256", &alg));
    assert_string_equal(crypto_alg_name(alg), "PS256");
    assert_false(crypto_alg_parse("none", &alg));
    assert_false(crypto_alg_parse("es256", &alg));
    assert_false(crypto_alg_parse(NULL, &alg));
}

/* How long a signature takes; printed to be compared with `openssl speed ecdsap256`, judged only by the bench tier. */
static void print_speed(void **state)
{
    (void)state;
    struct crypto_keyring *ring = load_ring(CRYPTO_ES256, NULL);
    const struct crypto_key *key = crypto_keyring_public(ring, CRYPTO_SIGN_ES256);
    uint8_t signature[CRYPTO_SIGNATURE_MAX], digest[CRYPTO_DIGEST_SIZE];
    size_t n = 0;
    struct err err = {0};
    enum { ROUNDS = 2000 };
    clock_t t0 = clock();
    for (int i = 0; i < ROUNDS; i++)
        assert_true(crypto_sign(ring, CRYPTO_ES256, BYTES_LIT("speed"), signature, &n, &err));
    clock_t t1 = clock();
    for (int i = 0; i < ROUNDS; i++)
        assert_true(crypto_verify(key, CRYPTO_ES256, NULL, BYTES_LIT("speed"), bytes_of(signature, n), &err));
    clock_t t2 = clock();
    for (int i = 0; i < ROUNDS; i++)
        crypto_digest(CRYPTO_SHA256, BYTES_LIT("speed"), digest);
    clock_t t3 = clock();
    print_message("ES256 sign %.1f us, verify %.1f us, SHA-256 of 5 bytes %.2f us\n", (double)(t1 - t0) / ROUNDS,
                  (double)(t2 - t1) / ROUNDS, (double)(t3 - t2) / ROUNDS);
    crypto_keyring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_signs_and_verifies),
        cmocka_unit_test(openssl_verifies_ours),
        cmocka_unit_test(we_verify_openssl),
        cmocka_unit_test(rsa_agrees_with_openssl),
        cmocka_unit_test(certificate_and_bare_key_are_one_identity),
        cmocka_unit_test(jwk_members_give_the_same_key),
        cmocka_unit_test(unusable_files_are_refused_with_their_name),
        cmocka_unit_test(ring_refuses_what_does_not_belong_together),
        cmocka_unit_test(an_ended_key_signs_nothing),
        cmocka_unit_test(a_staged_key_is_known_but_signs_nothing),
        cmocka_unit_test(bare_private_key_signs),
        cmocka_unit_test(threads_sign_with_one_ring),
        cmocka_unit_test(key_of_another_algorithm_is_named),
        cmocka_unit_test(print_speed),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
