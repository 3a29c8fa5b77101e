/* What adapters read off a peer's answer: when to come again, its code, the form of its receipt and its signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "adapters/common/answer.h"

#define NOW INT64_C(784111777000) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define JSON "HTTP/1.1 400 Bad\r\nContent-Type: application/problem+json\r\n\r\n"

static struct gwa_bytes bytes(const char *text)
{
    return (struct gwa_bytes){(const uint8_t *)text, strlen(text)};
}

static int64_t wait_of(const char *value)
{
    char block[256];

    (void)snprintf(block, sizeof(block), "HTTP/1.1 503 x\r\nServer: y\r\nretry-AFTER:%s\r\n\r\n", value);
    return answer_retry_after(block, NOW);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    assert_int_equal(wait_of(" 0"), 0);
    assert_int_equal(wait_of("120"), 120000);
    assert_int_equal(wait_of(" 7 \t"), 7000);
    assert_int_equal(wait_of("Sun, 06 Nov 1994 08:49:47 GMT"), 10000);
    assert_int_equal(wait_of("Sunday, 06-Nov-94 08:49:47 GMT"), 10000);
    assert_int_equal(wait_of("Sun Nov  6 08:49:47 1994"), 10000);
    assert_int_equal(wait_of("Sun, 06 Nov 1994 08:49:00 GMT"), 0);
}

static void a_long_wait_is_cut_to_a_day(void **state)
{
    (void)state;
    assert_int_equal(wait_of("86401"), ANSWER_RETRY_MAX_MS);
    assert_int_equal(wait_of("99999999999999999999999999999"), ANSWER_RETRY_MAX_MS);
    assert_int_equal(wait_of("Fri, 06 Nov 2099 08:49:47 GMT"), ANSWER_RETRY_MAX_MS);
}

static void what_is_no_wait_is_none(void **state)
{
    static const char *const values[] = {
        "",
        "-1",
        "+5",
        "1.5",
        "1s",
        "0x10",
        "soon",
        "5, 6",
        "Sun, 06 Nov 1994 08:49:47",
        "Sun, 06 Nov 1994 08:49:47 +0800",
        "Sun, 32 Nov 1994 08:49:47 GMT",
        "Sun, 06 Nix 1995 08:49:47 GMT",
        "Sun, 06 anF 1995 08:49:47 GMT",
        "Sun, 06 Nov 1995 24:49:47 GMT",
        "Sun, 06 Nov 1995 08:49:47 GMT;",
        "Sun, 06 Nov 1969 08:49:47 GMT",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        if (wait_of(values[i]) != 0)
            fail_msg("\"%s\"", values[i]);
    assert_int_equal(answer_retry_after("HTTP/1.1 503 x\r\nRetry-After: 1\r\nRetry-After: 2\r\n\r\n", NOW), 0);
    assert_int_equal(answer_retry_after("", NOW), 0);
}

static void only_a_machine_word_of_a_peer_goes_on(void **state)
{
    static const struct {
        const char *body, *code;
    } cases[] = {
        {"{\"title\":\"x\",\"code\":\"schema.invalid\"}", "schema.invalid"},
        {" {\"code\" : \"E-100_a\"}\n", "E-100_a"},
        {"{\"code\":500}", ""},
        {"{\"code\":\"\"}", ""},
        {"{\"code\":\"9lives\"}", ""},
        {"{\"code\":\"a b\"}", ""},
        {"{\"code\":\"\\u0061\"}", ""},
        {"{\"code\":\"代码\"}", ""},
        {"{\"code\":\"firm.91140100123\"}", ""},
        {"{\"code\":\"a\",\"code\":\"b\"}", ""},
        {"{\"error\":{\"code\":\"a\"}}", ""},
        {"{\"code\":\"a\"} x", ""},
        {"[\"code\"]", ""},
        {"", ""},
    };
    char code[ANSWER_CODE_SIZE], at[128], full[160];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(answer_code(JSON, bytes(cases[i].body), code), cases[i].code[0] != '\0');
        assert_string_equal(code, cases[i].code);
    }
    memset(at, 'a', sizeof(at));
    (void)snprintf(full, sizeof(full), "{\"code\":\"%.64s\"}", at);
    assert_true(answer_code(JSON, bytes(full), code));
    (void)snprintf(full, sizeof(full), "{\"code\":\"%.65s\"}", at);
    assert_false(answer_code(JSON, bytes(full), code));
    assert_false(answer_code("Content-Type: text/html\r\n", bytes("{\"code\":\"a\"}"), code));
}

static void the_form_is_what_is_said_and_seen(void **state)
{
    static const struct {
        const char *type, *body;
        enum answer_form form;
        const char *media;
    } cases[] = {
        {"Content-Type: Application/JSON; charset=utf-8\r\n", " {}", ANSWER_JSON, "application/json"},
        {"Content-Type: application/jose+json\r\n", "{}", ANSWER_JSON, "application/jose+json"},
        {"content-type:text/xml\r\n", "<a/>", ANSWER_XML, "text/xml"},
        {"", "{}", ANSWER_JSON, "application/json"},
        {"", "<a/>", ANSWER_XML, "application/xml"},
        {"", "ok", ANSWER_GARBAGE, NULL},
        {"Content-Type: text/plain\r\n", "{}", ANSWER_NOTHING, NULL},
        {"Content-Type: text/html\r\n", " \r\n", ANSWER_NOTHING, NULL},
        {"Content-Type: text/html\r\n", "<html>", ANSWER_GARBAGE, NULL},
        {"Content-Type: application/xhtml+xml\r\n", "<html/>", ANSWER_GARBAGE, NULL},
        {"Content-Type: application/json\r\n", "<a/>", ANSWER_GARBAGE, NULL},
        {"Content-Type: application/xml\r\n", "{}", ANSWER_GARBAGE, NULL},
        {"Content-Type: application/octet-stream\r\n", "{}", ANSWER_GARBAGE, NULL},
    };
    char media[ANSWER_MEDIA_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (answer_form(cases[i].type, bytes(cases[i].body), media) != cases[i].form)
            fail_msg("%s%s", cases[i].type, cases[i].body);
        if (cases[i].media != NULL)
            assert_string_equal(media, cases[i].media);
    }
}

static void a_signature_is_one_header_of_a_jws(void **state)
{
    struct gwa_bytes value;

    (void)state;
    assert_true(answer_signature("X-JWS-Signature: eyJ_-9..AbC\r\n", &value));
    assert_int_equal(value.n, 11);
    assert_true(answer_signature("x-jws-signatures: a\r\nax-jws-signature: b\r\n", &value));
    assert_int_equal(value.n, 0);
    assert_false(answer_signature("x-jws-signature: a..b\r\nx-jws-signature: a..b\r\n", &value));
    assert_false(answer_signature("x-jws-signature: a..b c\r\n", &value));
    assert_false(answer_signature("x-jws-signature: \xe7\xad\xbe..b\r\n", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after_is_seconds_or_a_date),  cmocka_unit_test(a_long_wait_is_cut_to_a_day),
        cmocka_unit_test(what_is_no_wait_is_none),           cmocka_unit_test(only_a_machine_word_of_a_peer_goes_on),
        cmocka_unit_test(the_form_is_what_is_said_and_seen), cmocka_unit_test(a_signature_is_one_header_of_a_jws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
