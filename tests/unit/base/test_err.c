/* The error table and error values: what a caller, a log reader and a terminal see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/base.h"

static void table_is_complete(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        const struct err_info *info = err_info((enum err_code)i);
        assert_true(info->code[0] && info->en[0] && info->zh[0]);
        assert_true(utf8_valid(bytes_str(info->zh)));
        assert_int_not_equal(info->en[strlen(info->en) - 1], '.');
        assert_in_range(info->http, 200, 599);
        assert_in_range(info->exit_code, 0, 8);
        assert_int_equal(err_by_name(info->code), i);
    }
    assert_int_equal(err_by_name("no.such.code"), ERR_COUNT);
    assert_int_equal(err_by_name(""), ERR_COUNT);
}

static void set_says_where_and_what(void **state)
{
    (void)state;
    struct err err = {0};
    char text[256];
    assert_false(err_set(&err, ERR_USCC_LENGTH, "/codes/3", "%d characters", 17));
    assert_string_equal(err_text(&err, false, text, sizeof(text)),
                        "a unified social credit code has 18 characters: 17 characters (/codes/3)");
    assert_string_equal(err_text(&err, true, text, sizeof(text)), "统一社会信用代码应为 18 位：17 characters（/codes/3）");
    assert_false(err_set(&err, ERR_USCC_LENGTH, NULL, "%s", ""));
    assert_string_equal(err_text(&err, false, text, sizeof(text)), "a unified social credit code has 18 characters");
}

static void context_reads_outside_in(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_IO, "a.yaml", "disk gone");
    assert_false(err_context(&err, "reading %s", "partner file"));
    assert_false(err_context(&err, "starting"));
    assert_string_equal(err.detail, "starting: reading partner file: disk gone");
    assert_string_equal(err.place, "a.yaml");
    err_set(&err, ERR_IO, NULL, "%s", "");
    err_context(&err, "alone");
    assert_string_equal(err.detail, "alone");
}

static void own_detail_may_be_reused(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_IO, "here", "first");
    err_set(&err, ERR_INTERNAL, err.place, "again: %s", err.detail);
    assert_string_equal(err.detail, "again: first");
    assert_string_equal(err.place, "here");
}

static void errno_is_spelled_out(void **state)
{
    (void)state;
    struct err err = {0};
    errno = ENOENT;
    assert_false(err_errno(&err, ERR_IO, "/x", "open"));
    assert_string_equal(err.detail, "open: No such file or directory");
}

static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct err err = {0};
    char long_text[1200];
    for (size_t offset = 0; offset < 3; offset++) {
        memset(long_text, 'a', offset);
        for (size_t i = offset; i + 3 < sizeof(long_text); i += 3)
            memcpy(long_text + i, "汾", 4);
        err_set(&err, ERR_IO, long_text, "%s", long_text);
        assert_true(utf8_valid(bytes_str(err.detail)));
        assert_true(utf8_valid(bytes_str(err.place)));
        assert_true(strlen(err.detail) >= sizeof(err.detail) - 3);
        char text[100];
        assert_true(utf8_valid(bytes_str(err_text(&err, true, text, sizeof(text)))));
        assert_true(strlen(text) >= sizeof(text) - 3);
    }
}

static void foreign_bytes_become_harmless(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_IO, "row\t1\n", "seen \xff\xfe\x1b[31m");
    assert_string_equal(err.place, "row?1?");
    assert_string_equal(err.detail, "seen ???[31m");
    char one[1] = {'x'};
    assert_string_equal(err_text(&err, false, one, sizeof(one)), "");
}

static void unknown_number_is_internal(void **state)
{
    (void)state;
    assert_string_equal(err_info((enum err_code)(ERR_COUNT + 7))->code, "internal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_complete),
        cmocka_unit_test(set_says_where_and_what),
        cmocka_unit_test(context_reads_outside_in),
        cmocka_unit_test(own_detail_may_be_reused),
        cmocka_unit_test(errno_is_spelled_out),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(foreign_bytes_become_harmless),
        cmocka_unit_test(unknown_number_is_internal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
