/* Extents found without a tree: the right bytes, and nothing read beyond the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static void expect_member(const char *text, const char *name, const char *value)
{
    struct bytes found = {NULL, 0};

    if (!json_scan_member(bytes_str(text), name, &found))
        fail_msg("%s not found in %s", name, text);
    assert_int_equal(found.n, strlen(value));
    assert_memory_equal(found.p, value, found.n);
}

static void expect_no_member(const char *text, const char *name)
{
    struct bytes found = {NULL, 0};

    if (json_scan_member(bytes_str(text), name, &found))
        fail_msg("%s found in %s", name, text);
}

static void finds_members(void **state)
{
    const char *text = " { \"a\" : 1 , \"b\":{\"c\":[1,{\"x\":\"}\"}]},\"c\":\"q\\\"}\", \"d\" :[ ] ,\"e\":null\n}";

    (void)state;
    expect_member(text, "a", "1");
    expect_member(text, "b", "{\"c\":[1,{\"x\":\"}\"}]}");
    expect_member(text, "c", "\"q\\\"}\"");
    expect_member(text, "d", "[ ]");
    expect_member(text, "e", "null");
    expect_no_member(text, "x");
    expect_no_member(text, "");
}

static void broken_objects_have_no_members(void **state)
{
    (void)state;
    expect_no_member("", "a");
    expect_no_member("{}", "a");
    expect_no_member("[\"a\",1]", "a");
    expect_no_member("{\"a\"", "a");
    expect_no_member("{\"a\":", "a");
    expect_no_member("{\"a\":\"x", "a");
    expect_no_member("{\"a\":[1}", "a");
    expect_no_member("{\"a\":{\"b\":1]}", "a");
    expect_no_member("{\"b\" 1,\"a\":1}", "a");
    expect_no_member("{\"b\":1;\"a\":1}", "a");
    expect_no_member("{a:1}", "a");
    expect_no_member("{\"a\\", "a");
}

/* Walks text; answers the number of elements, or -1 when broken. */
static int count(const char *text)
{
    struct bytes element;
    size_t pos = 0;
    bool broken = true;
    int n = 0;

    while (json_scan_next(bytes_str(text), &pos, &element, &broken))
        n++;
    assert_false(json_scan_next(bytes_str(text), &pos, &element, &(bool){false}));
    return broken ? -1 : n;
}

static void iterates_elements(void **state)
{
    const char *text = "\t[ {\"a\":\"],[\"} , [1,[2]],\"x\\\\\", 12.5e3,true\n] ";
    const char *expected[] = {"{\"a\":\"],[\"}", "[1,[2]]", "\"x\\\\\"", "12.5e3", "true"};
    struct bytes element;
    size_t pos = 0, n = 0;
    bool broken = true;

    (void)state;
    while (json_scan_next(bytes_str(text), &pos, &element, &broken)) {
        assert_int_equal(element.n, strlen(expected[n]));
        assert_memory_equal(element.p, expected[n], element.n);
        n++;
    }
    assert_int_equal(n, 5);
    assert_false(broken);
}

static void counts_elements(void **state)
{
    (void)state;
    assert_int_equal(count("[]"), 0);
    assert_int_equal(count(" [ ] "), 0);
    assert_int_equal(count("[1]"), 1);
    assert_int_equal(count("[[],{},\"\"]"), 3);
}

static void broken_arrays_are_reported(void **state)
{
    const char *texts[] = {"",       " ",     "{}",      "1",      "[",       "[1",      "[1,",    "[1,]",     "[,1]",
                           "[1 2]",  "[1}",   "[{]",     "[{]}]",  "[\"a]",   "[\"\\\"]", "[\"\\", "[[1,2]",   "[1]x",
                           "[1]]",   "[:]",   "[1:2]",   "[\"a\"\"b\"]", "[\"a\nb\"]", "[]]", "]", ",", "[1],"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (count(texts[i]) != -1)
            fail_msg("not broken: %s", texts[i]);
    }
}

static void nesting_is_bounded(void **state)
{
    char text[2 * (JSON_DEPTH_MAX + 2) + 1];

    (void)state;
    for (int depth = JSON_DEPTH_MAX + 1; depth <= JSON_DEPTH_MAX + 2; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        assert_int_equal(count(text), depth == JSON_DEPTH_MAX + 1 ? 1 : -1);
    }
}

/* Every prefix, in memory that ends exactly there, so that a sanitizer sees any step too far. */
static void prefixes_stay_inside(void **state)
{
    const char *text = "{\"data\":{\"rows\":[{\"name\":\"a\\\"b\\\\\",\"n\":[1,2,{\"x\":\"yyyyyyyyyyyyyyyyyyyyyyy\"}]},\"s\",1]}}";
    size_t n = strlen(text);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        uint8_t *exact = xrealloc(NULL, i == 0 ? 1 : i);
        struct bytes value = {NULL, 0};
        size_t pos = 0;
        bool broken = false;

        memcpy(exact, text, i);
        assert_false(json_scan_member(bytes_of(exact, i), "none", &value));
        if (json_scan_member(bytes_of(exact, i), "data", &value))
            assert_int_equal(i, n - 1);
        while (i > 16 && json_scan_next(bytes_of(exact + 16, i - 16), &pos, &value, &broken))
            assert_true(value.p + value.n <= exact + i);
        free(exact);
    }
}

static void plain_strings(void **state)
{
    struct bytes inside = {NULL, 0};

    (void)state;
    assert_true(json_scan_string(BYTES_LIT("\"汉字\""), &inside));
    assert_true(bytes_equal(inside, BYTES_LIT("汉字")));
    assert_true(json_scan_string(BYTES_LIT("\"\""), &inside));
    assert_int_equal(inside.n, 0);
    assert_false(json_scan_string(BYTES_LIT("\""), &inside));
    assert_false(json_scan_string(BYTES_LIT(""), &inside));
    assert_false(json_scan_string(BYTES_LIT("12"), &inside));
    assert_false(json_scan_string(BYTES_LIT("\"a\\n\""), &inside));
    assert_false(json_scan_string(BYTES_LIT("\"a\\\""), &inside));
    assert_false(json_scan_string(BYTES_LIT("\"a\"b\""), &inside));
}

static void page_of_a_bureau(void **state)
{
    struct buf page;
    struct bytes data, rows, row, code;
    size_t pos = 0, n = 0;
    bool broken = true;

    (void)state;
    buf_init(&page, 1 << 20);
    buf_str(&page, "{\"code\":\"0\",\"data\":{\"total\":500,\"rows\":[");
    for (int i = 0; i < 500; i++)
        buf_printf(&page, "%s{\"uscc\":\"%018d\",\"name\":\"太原第%d\\\"厂\",\"level\":\"省级\"}", i == 0 ? "" : ",", i, i);
    buf_str(&page, "],\"pageNo\":1}}");
    assert_true(json_scan_member(buf_bytes(&page), "data", &data));
    assert_true(json_scan_member(data, "rows", &rows));
    while (json_scan_next(rows, &pos, &row, &broken)) {
        assert_true(json_scan_member(row, "uscc", &code));
        assert_true(json_scan_string(code, &code));
        assert_int_equal(strtol((const char *)code.p, NULL, 10), (long)n);
        n++;
    }
    assert_int_equal(n, 500);
    assert_false(broken);
    buf_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_members),
        cmocka_unit_test(broken_objects_have_no_members),
        cmocka_unit_test(iterates_elements),
        cmocka_unit_test(counts_elements),
        cmocka_unit_test(broken_arrays_are_reported),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(prefixes_stay_inside),
        cmocka_unit_test(plain_strings),
        cmocka_unit_test(page_of_a_bureau),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
