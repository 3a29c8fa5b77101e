/* Digests and MACs against published values. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"

#define HEX_SIZE (2 * CRYPTO_DIGEST_SIZE + 1)

static void assert_hex(const uint8_t digest[CRYPTO_DIGEST_SIZE], const char *expected)
{
    char hex[HEX_SIZE];
    assert_string_equal(hex_encode(digest, CRYPTO_DIGEST_SIZE, hex), expected);
}

static void assert_digest(enum crypto_digest which, const char *text, const char *expected)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    crypto_digest(which, bytes_str(text), digest);
    assert_hex(digest, expected);
}

/* FIPS 180-4 examples */
static void sha256_of_published_texts(void **state)
{
    (void)state;
    assert_digest(CRYPTO_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest(CRYPTO_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest(CRYPTO_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* GB/T 32905-2016 annex A */
static void sm3_of_published_texts(void **state)
{
    (void)state;
    assert_digest(CRYPTO_SM3, "", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b");
    assert_digest(CRYPTO_SM3, "abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    assert_digest(CRYPTO_SM3, "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd",
                  "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

/* RFC 4231 case 2; the sharing platform's request signature of the contract */
static void hmac_sha256(void **state)
{
    (void)state;
    uint8_t mac[CRYPTO_DIGEST_SIZE];
    crypto_hmac_sha256(BYTES_LIT("Jefe"), BYTES_LIT("what do ya want for nothing?"), mac);
    assert_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    crypto_hmac_sha256(BYTES_LIT("TEST-SECRET-32-CHARS-ABCDEFGHIJKL"), BYTES_LIT("s_TEST_0001rid-TEST1700000000000"),
                       mac);
    struct buf text;
    buf_init(&text, 100);
    base64_encode(&text, bytes_of(mac, sizeof mac), false);
    assert_string_equal((char *)text.p, "KAtvfHG/Q7zMjmKbhg3jx31mBq7oFIpHL/DrDDGdIt4=");
    buf_free(&text);
}

static void hmac_sm3(void **state)
{
    (void)state;
    uint8_t mac[CRYPTO_DIGEST_SIZE];
    crypto_hmac_sm3(BYTES_LIT("key"), BYTES_LIT("abc"), mac);
    assert_hex(mac, "28e63256e7c5a087b1f073265dc53092163f7b82729735d06f28f10af9d52393");
}

static void parts_and_running_digest_equal_the_whole(void **state)
{
    (void)state;
    struct bytes parts[] = {BYTES_LIT("ab"), {NULL, 0}, BYTES_LIT("c")};
    uint8_t whole[CRYPTO_DIGEST_SIZE], other[CRYPTO_DIGEST_SIZE];
    for (int which = CRYPTO_SHA256; which <= CRYPTO_SM3; which++) {
        crypto_digest((enum crypto_digest)which, BYTES_LIT("abc"), whole);
        crypto_digest_parts((enum crypto_digest)which, parts, 3, other);
        assert_memory_equal(whole, other, sizeof whole);
        struct crypto_hash *hash = crypto_hash_new((enum crypto_digest)which);
        for (int round = 0; round < 2; round++) { /* the second shows that it starts again */
            crypto_hash_add(hash, parts[0]);
            crypto_hash_add(hash, parts[2]);
            crypto_hash_end(hash, other);
            assert_memory_equal(whole, other, sizeof whole);
        }
        crypto_hash_free(&hash);
        assert_null(hash);
    }
}

static void *digest_many(void *arg)
{
    for (int i = 0; i < 2000; i++)
        crypto_digest(CRYPTO_SHA256, BYTES_LIT("abc"), arg);
    return NULL;
}

static void threads_do_not_share_state(void **state)
{
    (void)state;
    pthread_t threads[4];
    uint8_t digests[4][CRYPTO_DIGEST_SIZE];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, digest_many, digests[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_hex(digests[i], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[16] = {0}, b[16] = {0};
    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    assert_false(crypto_equal(a, b, sizeof a));
    assert_true(crypto_equal(a, a, sizeof a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_published_texts),
        cmocka_unit_test(sm3_of_published_texts),
        cmocka_unit_test(hmac_sha256),
        cmocka_unit_test(hmac_sm3),
        cmocka_unit_test(parts_and_running_digest_equal_the_whole),
        cmocka_unit_test(threads_do_not_share_state),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
