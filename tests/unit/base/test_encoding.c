/* Hexadecimal, base64 and UTF-8: one spelling each, everything else refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/base.h"

static void hex_both_ways(void **state)
{
    (void)state;
    char text[9];
    uint8_t out[4];
    assert_string_equal(hex_encode((const uint8_t *)"\x00\x9f\xff\x10", 4, text), "009fff10");
    assert_true(hex_decode("009FfF10", out, 4));
    assert_memory_equal(out, "\x00\x9f\xff\x10", 4);
    assert_false(hex_decode("009fff1", out, 4));
    assert_false(hex_decode("009fff100", out, 4));
    assert_false(hex_decode("009fff1g", out, 4));
    assert_false(hex_decode("009fff 1", out, 4));
    assert_true(hex_decode("", out, 0));
}

static void check_encoding(const char *plain, const char *standard, const char *url)
{
    struct buf buf;
    buf_init(&buf, 100);
    base64_encode(&buf, bytes_str(plain), false);
    assert_string_equal((char *)buf.p, standard);
    buf_reset(&buf);
    base64_encode(&buf, bytes_str(plain), true);
    assert_string_equal((char *)buf.p, url);
    buf_reset(&buf);
    assert_true(base64_decode(&buf, bytes_str(standard), false));
    assert_true(bytes_equal(buf_bytes(&buf), bytes_str(plain)));
    buf_reset(&buf);
    assert_true(base64_decode(&buf, bytes_str(url), true));
    assert_true(bytes_equal(buf_bytes(&buf), bytes_str(plain)));
    buf_free(&buf);
}

static void base64_of_the_rfc(void **state)
{
    (void)state;
    /* RFC 4648 section 10 */
    check_encoding("", "", "");
    check_encoding("f", "Zg==", "Zg");
    check_encoding("fo", "Zm8=", "Zm8");
    check_encoding("foo", "Zm9v", "Zm9v");
    check_encoding("foob", "Zm9vYg==", "Zm9vYg");
    check_encoding("fooba", "Zm9vYmE=", "Zm9vYmE");
    check_encoding("foobar", "Zm9vYmFy", "Zm9vYmFy");
    check_encoding("\xfb\xff\xbf", "+/+/", "-_-_");
}

static void base64_refuses_other_spellings(void **state)
{
    (void)state;
    static const char *const bad_standard[] = {"Zg",     "Zg=",   "Zg===", "Zh==",  "Zm9=",  "Zm8",  "=",     "==",
                                               "===",    "====",  "A===",  "Zm9v ", " Zm9v", "Zm\n9v", "Zm9v\n", "Zg==Zg==",
                                               "-_-_",   "Zm9v=", "Zm=v",  "Z=9v",  "Zm9v====", "汾汾"};
    static const char *const bad_url[] = {"Zg==", "Zm8=", "Z", "Zm9vY", "Zh", "Zm9", "+/+/", "Zm9v\n", "Zm 9v", "Zg=", "\x80gAA"};
    struct buf buf;
    buf_init(&buf, 100);
    buf_str(&buf, "kept");
    for (size_t i = 0; i < sizeof(bad_standard) / sizeof(bad_standard[0]); i++)
        assert_false(base64_decode(&buf, bytes_str(bad_standard[i]), false));
    for (size_t i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++)
        assert_false(base64_decode(&buf, bytes_str(bad_url[i]), true));
    assert_false(base64_decode(&buf, BYTES_LIT("Zm9\0"), false));
    assert_string_equal((char *)buf.p, "kept");
    assert_false(buf.overflow);
    buf_free(&buf);
}

static void base64_round_trips_every_length(void **state)
{
    (void)state;
    uint8_t data[300];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + 3);
    struct buf text, back;
    buf_init(&text, 1000);
    buf_init(&back, sizeof(data));
    for (size_t n = 0; n <= sizeof(data); n++) {
        for (int url = 0; url < 2; url++) {
            buf_reset(&text);
            buf_reset(&back);
            base64_encode(&text, bytes_of(data, n), url);
            assert_true(base64_decode(&back, buf_bytes(&text), url));
            assert_true(bytes_equal(buf_bytes(&back), bytes_of(data, n)));
        }
    }
    buf_free(&text);
    buf_free(&back);
}

static void base64_respects_the_bound(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 7);
    base64_encode(&buf, bytes_str("abcdef"), false);
    assert_true(buf.overflow);
    buf_reset(&buf);
    assert_false(base64_decode(&buf, bytes_str("Zm9vYmFyZm9v"), false));
    assert_true(buf.overflow);
    buf_free(&buf);
}

static void utf8_table(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain ASCII that is longer than eight bytes", true},
        {"山西杏花村汾酒厂股份有限公司", true},
        {"eight..." "𠮷", true},
        {"\x7f", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},
        {"\xbf", false},
        {"\xc0\x80", false},
        {"\xc1\xbf", false},
        {"\xe0\x9f\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xed\xbf\xbf", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"\xfe", false},
        {"\xc2", false},
        {"\xe5\xb1", false},
        {"\xf0\xa0\xae", false},
        {"\xe5\xb1x", false},
        {"12345678\xe5\xb1", false},
        {"1234567\xe5", false},
        {"\xe5\xb1\xb1\xb1", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(utf8_valid(bytes_str(cases[i].text)), cases[i].valid);
    assert_true(utf8_valid(BYTES_LIT("a\0b")));
    assert_true(utf8_valid((struct bytes){0}));
}

/* Every scalar value is spelled by hand and must be read back; every surrogate must be refused. */
static void utf8_every_character(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        uint8_t p[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
        for (size_t i = 0; i < n; i++)
            p[i] = (uint8_t)(i == 0 ? lead[n] | c >> (6 * (n - 1)) : 0x80 | (c >> (6 * (n - 1 - i)) & 0x3F));
        bool surrogate = c >= 0xD800 && c < 0xE000;
        uint32_t read = 0;
        if (utf8_next(bytes_of(p, n), &read) != (surrogate ? 0 : n) || (!surrogate && read != c))
            fail_msg("U+%04X", c);
    }
    uint32_t read;
    assert_int_equal(utf8_next((struct bytes){0}, &read), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_both_ways),
        cmocka_unit_test(base64_of_the_rfc),
        cmocka_unit_test(base64_refuses_other_spellings),
        cmocka_unit_test(base64_round_trips_every_length),
        cmocka_unit_test(base64_respects_the_bound),
        cmocka_unit_test(utf8_table),
        cmocka_unit_test(utf8_every_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
