/* What the writer puts into its buffer, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static struct buf buf;
static struct json_out out;

static int start(void **state)
{
    (void)state;
    buf_init(&buf, 1 << 16);
    json_out_init(&out, &buf);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buf_free(&buf);
    return 0;
}

static void expect(const char *text)
{
    assert_false(buf.overflow);
    assert_int_equal(buf.n, strlen(text));
    assert_memory_equal(buf.p, text, buf.n);
}

static void commas_and_order(void **state)
{
    (void)state;
    json_begin_object(&out);
    json_add_string(&out, "z", "x");
    json_key(&out, "list");
    json_begin_array(&out);
    json_put_integer(&out, 1);
    json_begin_array(&out);
    json_end_array(&out);
    json_begin_object(&out);
    json_end_object(&out);
    json_put_null(&out);
    json_put_raw(&out, BYTES_LIT("{\"r\":[1]}"));
    json_put_boolean(&out, false);
    json_end_array(&out);
    json_add_boolean(&out, "a", true);
    json_add_string(&out, "n", NULL);
    json_end_object(&out);
    expect("{\"z\":\"x\",\"list\":[1,[],{},null,{\"r\":[1]},false],\"a\":true,\"n\":null}");
}

static void integers(void **state)
{
    (void)state;
    json_begin_array(&out);
    json_put_integer(&out, 0);
    json_put_integer(&out, -1);
    json_put_integer(&out, INT64_MAX);
    json_put_integer(&out, INT64_MIN);
    json_end_array(&out);
    expect("[0,-1,9223372036854775807,-9223372036854775808]");
}

static void escapes(void **state)
{
    (void)state;
    json_put_bytes(&out, BYTES_LIT("a\"b\\c/\b\f\n\r\t\0\x01\x1f\x7f 汉😀"));
    expect("\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\x7f 汉😀\"");
}

static void empty_strings(void **state)
{
    (void)state;
    json_begin_array(&out);
    json_put_string(&out, "");
    json_put_bytes(&out, (struct bytes){NULL, 0});
    json_end_array(&out);
    expect("[\"\",\"\"]");
}

/* One special byte at every distance from the start, among every neighbour: none may be missed or doubled. */
static void escapes_anywhere(void **state)
{
    const char special[] = {'"', '\\', '\n', '\x1f', '\x01'};
    char text[40], neighbours[] = {'!', '[', ']', '#', ' ', '\x80', '\xff', '\xa2', '\xdc'};

    (void)state;
    for (size_t s = 0; s < sizeof(special); s++) {
        for (size_t k = 0; k < sizeof(neighbours); k++) {
            for (size_t at = 0; at < sizeof(text); at++) {
                memset(text, neighbours[k], sizeof(text));
                text[at] = special[s];
                buf_reset(&buf);
                json_out_init(&out, &buf);
                json_put_bytes(&out, bytes_of(text, sizeof(text)));
                assert_memory_equal(buf.p + 1, text, at);
                assert_int_equal(buf.p[at + 1], '\\');
                assert_memory_equal(buf.p + buf.n - (sizeof(text) - at), text + at + 1, sizeof(text) - at - 1);
                assert_int_equal(buf.n, sizeof(text) + 2 + (special[s] < ' ' && special[s] != '\n' ? 5 : 1));
            }
        }
    }
}

static void optional_members(void **state)
{
    date_day day = DATE_NONE;

    (void)state;
    json_begin_object(&out);
    json_add_string_opt(&out, "a", NULL);
    json_add_string_opt(&out, "b", "");
    json_add_string_opt(&out, "c", "x");
    json_add_time(&out, "d", 0);
    json_add_time(&out, "e", 1764000000000);
    json_add_date_opt(&out, "f", DATE_NONE);
    assert_true(date_parse(BYTES_LIT("2026-03-01"), &day));
    json_add_date_opt(&out, "g", day);
    json_add_integer(&out, "h", 3);
    json_end_object(&out);
    expect("{\"c\":\"x\",\"e\":\"2025-11-25T00:00:00+08:00\",\"g\":\"2026-03-01\",\"h\":3}");
}

static void what_is_written_can_be_read(void **state)
{
    struct err err = {0};
    char all[256];

    (void)state;
    for (int i = 1; i < 128; i++)
        all[i - 1] = (char)i;
    all[127] = '\0';
    json_begin_object(&out);
    json_add_string(&out, all, all);
    json_end_object(&out);
    AUTO_JSON doc = NULL;
    assert_true(json_parse(buf_bytes(&buf), &doc, &err));
    assert_string_equal(json_string(json_member(json_root(doc), all)), all);
}

static void overflow_is_seen(void **state)
{
    struct buf small;
    struct json_out tight;

    (void)state;
    buf_init(&small, 8);
    json_out_init(&tight, &small);
    json_put_string(&tight, "123456789");
    assert_true(small.overflow);
    buf_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commas_and_order, start, stop),
        cmocka_unit_test_setup_teardown(integers, start, stop),
        cmocka_unit_test_setup_teardown(escapes, start, stop),
        cmocka_unit_test_setup_teardown(empty_strings, start, stop),
        cmocka_unit_test_setup_teardown(escapes_anywhere, start, stop),
        cmocka_unit_test_setup_teardown(optional_members, start, stop),
        cmocka_unit_test_setup_teardown(what_is_written_can_be_read, start, stop),
        cmocka_unit_test(overflow_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
