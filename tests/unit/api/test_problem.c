/* Errors as RFC 9457 problems in two languages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "api/problem.h"
#include "json/json.h"

static struct json_doc *doc;
static struct buf out;

static const json_value *render(const struct err *err, const struct err *errors, size_t n, bool in_body)
{
    struct err why = {0};
    buf_reset(&out);
    json_free(&doc);
    problem_write(&out, err, errors, n, in_body, "0123456789abcdef0123456789abcdef");
    assert_true(json_parse(buf_bytes(&out), &doc, &why));
    return json_root(doc);
}

static int start(void **state)
{
    (void)state;
    buf_init(&out, 1 << 20);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buf_free(&out);
    json_free(&doc);
    return 0;
}

static const char *text(const json_value *object, const char *name)
{
    return json_string(json_member(object, name));
}

static void every_member_is_there(void **state)
{
    struct err err = {0};
    int64_t status = 0;
    (void)state;
    err_set(&err, ERR_SENDER_ROLE, NULL, "one of bank is needed");
    const json_value *problem = render(&err, NULL, 0, false);
    assert_string_equal(text(problem, "type"), "/v1/errors#sender.role");
    assert_string_equal(text(problem, "title"), err_info(ERR_SENDER_ROLE)->en);
    assert_true(json_integer(json_member(problem, "status"), &status));
    assert_int_equal(status, 403);
    assert_string_equal(text(problem, "code"), "sender.role");
    assert_non_null(strstr(text(problem, "detail"), "one of bank is needed"));
    assert_non_null(strstr(text(problem, "detail_zh"), "角色"));
    assert_string_equal(text(problem, "trace_id"), "0123456789abcdef0123456789abcdef");
    assert_null(json_member(problem, "errors"));
}

static void chinese_is_chinese_to_the_end(void **state)
{
    struct err err = {0};
    (void)state;
    err_set(&err, ERR_SENDER_ROLE, NULL, "one of %s is needed", "approver");
    assert_string_equal(text(render(&err, NULL, 0, false), "detail_zh"), "该机构的角色不允许此操作：需要以下角色之一：approver");
    err_set(&err, ERR_SCHEMA_TYPE, "/codes", "an array is expected");
    const json_value *one = json_at(json_member(render(&err, NULL, 0, true), "errors"), 0);
    assert_string_equal(text(one, "detail_zh"), "成员类型错误：应为数组（/codes）");
    assert_string_equal(text(one, "detail"), "a member has the wrong type: an array is expected (/codes)");
    err.place[0] = err.detail[0] = '\0';
    assert_string_equal(text(render(&err, NULL, 0, true), "detail_zh"), "成员类型错误");
}

static void a_place_in_the_body_is_a_pointer(void **state)
{
    struct err err = {0};
    (void)state;
    err_set(&err, ERR_SCHEMA_TYPE, "/codes", "an array is expected");
    const json_value *errors = json_member(render(&err, NULL, 0, true), "errors");
    assert_int_equal(json_count(errors), 1);
    assert_string_equal(text(json_at(errors, 0), "pointer"), "/codes");
    assert_string_equal(text(json_at(errors, 0), "code"), "schema.type");
}

static void a_file_is_a_place(void **state)
{
    struct err err = {0};
    (void)state;
    err_set(&err, ERR_CONFIG_VALUE, "/etc/pledged/partners.yaml:3:5", "x");
    const json_value *one = json_at(json_member(render(&err, NULL, 0, true), "errors"), 0);
    assert_null(json_member(one, "pointer"));
    assert_string_equal(text(one, "place"), "/etc/pledged/partners.yaml:3:5");
}

static void all_findings_are_told(void **state)
{
    struct err errors[2] = {{0}, {0}};
    (void)state;
    err_set(&errors[0], ERR_USCC_CHECK_CHAR, "/codes/3", "%s", "");
    err_set(&errors[1], ERR_USCC_LENGTH, "/codes/9", "%s", "");
    const json_value *list = json_member(render(&errors[0], errors, 2, true), "errors");
    assert_int_equal(json_count(list), 2);
    assert_string_equal(text(json_at(list, 1), "pointer"), "/codes/9");
    assert_string_equal(text(json_at(list, 1), "code"), "uscc.length");
    assert_non_null(text(json_at(list, 1), "detail_zh"));
}

static void every_code_can_be_told(void **state)
{
    (void)state;
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        struct err err = {0};
        err_set(&err, (enum err_code)code, "at\"\\", "line\nbreak \x01");
        const json_value *problem = render(&err, NULL, 0, false);
        assert_string_equal(text(problem, "code"), err_info((enum err_code)code)->code);
    }
}

static void busy_says_when_to_come_back(void **state)
{
    (void)state;
    assert_true(problem_retry_after(ERR_BUSY_QUEUE) > 0);
    assert_true(problem_retry_after(ERR_STORE_FULL) > 0);
    assert_true(problem_retry_after(ERR_SOURCE_STALE) > 0);
    assert_int_equal(problem_retry_after(ERR_SENDER_ROLE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_is_there),
        cmocka_unit_test(chinese_is_chinese_to_the_end),
        cmocka_unit_test(a_place_in_the_body_is_a_pointer),
        cmocka_unit_test(a_file_is_a_place),
        cmocka_unit_test(all_findings_are_told),
        cmocka_unit_test(every_code_can_be_told),
        cmocka_unit_test(busy_says_when_to_come_back),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
