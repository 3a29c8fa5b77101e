/* What signing and verifying a message of 2 KB cost, in x: one ECDSA P-256 signature, taken beside them. Printed, not
 * judged: a machine that does other things and a sanitized build say nothing about the budget. */
#include <time.h>

#include "dsig_fixture.h"

#define ROUNDS 15
#define TIMES 40

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void sign_bytes(const char *xml)
{
    uint8_t out[CRYPTO_SIGNATURE_MAX];
    size_t n;
    struct err err = {0};
    assert_true(crypto_sign(ring, CRYPTO_ES256, bytes_str(xml), out, &n, &err));
}

static void sign_message(const char *xml)
{
    free(sign(CRYPTO_ES256, xml));
}

static void verify_message(const char *xml)
{
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    assert_string_equal(verdict(bytes_str(xml), &expect, NULL), "ok");
}

static void read_message(const char *xml)
{
    struct message *message = NULL;
    struct err err = {0};
    assert_true(message_read_xml(bytes_str(xml), &message, &err));
    message_free(&message);
}

static double round_of(void (*work)(const char *), const char *xml)
{
    double start = cpu_us();
    for (int i = 0; i < TIMES; i++)
        work(xml);
    return (cpu_us() - start) / TIMES;
}

static void costs(void **state)
{
    (void)state;
    void (*const works[])(const char *) = {sign_bytes, sign_message, verify_message, read_message};
    double best[4] = {1e9, 1e9, 1e9, 1e9};
    struct buf text;
    buf_init(&text, MESSAGE_MAX);
    buf_str(&text, "<Message xmlns=\"urn:cn:sx:ip-pledge:1\">" ENVELOPE "<Body>");
    while (text.n < 1950)
        buf_str(&text,
                "<Row><Event>drawdown</Event><Uscc>91140000110013064X</Uscc><AmountFen>500000000</AmountFen></Row>");
    buf_str(&text, "</Body></Message>");
    char *xml = sign(CRYPTO_ES256, (char *)text.p);
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < 4; k++) {
            double took = round_of(works[k], k < 2 ? (char *)text.p : xml);
            best[k] = took < best[k] ? took : best[k];
        }
    }
    print_message("%zu bytes: x = %.1f us; sign %.2f x with reading; verify %.2f x, with reading %.2f x\n", text.n,
                  best[0], best[1] / best[0], (best[2] - best[3]) / best[0], best[2] / best[0]);
    free(xml);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(costs)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
