/* What the reader accepts, what it refuses and how it names the place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static struct json_doc *parse(const char *text)
{
    struct json_doc *doc = NULL;
    struct err err = {0};

    if (!json_parse(bytes_str(text), &doc, &err))
        fail_msg("%s: %s (%s)", text, err.detail, err.place);
    return doc;
}

static void expect_refused(struct bytes in, enum err_code code, const char *place)
{
    struct json_doc *doc = NULL;
    struct err err = {0};

    if (json_parse(in, &doc, &err))
        fail_msg("accepted: %.*s", (int)in.n, (const char *)in.p);
    assert_null(doc);
    if (err.code != code)
        fail_msg("%.*s: %s", (int)in.n, (const char *)in.p, err_info(err.code)->code);
    if (place != NULL)
        assert_string_equal(err.place, place);
}

static void refused(const char *text, enum err_code code, const char *place)
{
    expect_refused(bytes_str(text), code, place);
}

static void reads_every_type(void **state)
{
    AUTO_JSON doc = parse("{\"s\":\"\\u6c49\\n\\ud83d\\ude00\",\"i\":-9223372036854775808,\"r\":1.5,\"b\":true,\"n\":null,\"a\":[1,2]}");
    const json_value *root = json_root(doc);
    int64_t i = 0;
    bool b = false;

    (void)state;
    assert_int_equal(json_type_of(root), JSON_TYPE_OBJECT);
    assert_string_equal(json_string(json_member(root, "s")), "汉\n😀");
    assert_true(json_integer(json_member(root, "i"), &i));
    assert_true(i == INT64_MIN);
    assert_int_equal(json_type_of(json_member(root, "r")), JSON_TYPE_REAL);
    assert_true(json_boolean(json_member(root, "b"), &b));
    assert_true(b);
    assert_int_equal(json_type_of(json_member(root, "b")), JSON_TYPE_BOOL);
    assert_int_equal(json_type_of(json_member(root, "n")), JSON_TYPE_NULL);
    assert_int_equal(json_count(json_member(root, "a")), 2);
    assert_true(json_integer(json_at(json_member(root, "a"), 1), &i));
    assert_int_equal(i, 2);
}

static void look_ups_of_another_type_are_empty(void **state)
{
    AUTO_JSON doc = parse("{\"s\":\"x\",\"i\":1}");
    const json_value *root = json_root(doc);
    int64_t i = 7;
    bool b = false;

    (void)state;
    assert_null(json_member(root, "none"));
    assert_null(json_member(json_member(root, "s"), "x"));
    assert_null(json_string(json_member(root, "i")));
    assert_null(json_string(NULL));
    assert_false(json_integer(json_member(root, "s"), &i));
    assert_false(json_boolean(json_member(root, "i"), &b));
    assert_int_equal(i, 7);
    assert_int_equal(json_count(root), 0);
    assert_null(json_at(root, 0));
}

static void members_come_in_document_order(void **state)
{
    AUTO_JSON doc = parse("{\"zz\":1,\"a\":2,\"m\":3,\"b\":4}");
    const char *name, *order[] = {"zz", "a", "m", "b"};
    const json_value *value;
    void *cursor = NULL;
    size_t n = 0;

    (void)state;
    while (json_next(json_root(doc), &cursor, &name, &value))
        assert_string_equal(name, order[n++]);
    assert_int_equal(n, 4);
}

static void scalars_are_documents(void **state)
{
    const char *texts[] = {"1", "\"x\"", "true", "null", " [] ", "{}\n", "-0", "1e3"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        AUTO_JSON doc = parse(texts[i]);
        assert_non_null(json_root(doc));
    }
}

static void refuses_what_is_not_json(void **state)
{
    const char *texts[] = {"",     " ",        "{",       "[1,]",   "{\"a\":1,}", "{'a':1}", "{a:1}",  "01",    "+1",
                           ".5",   "1.",       "NaN",     "[1 2]",  "\"\t\"",     "\"\\x\"", "tru",    "[1]]",  "1 2",
                           "[1,2", "\"\\ud8\"", "//x\n1", "\xef\xbb\xbf{}", "{\"a\" 1}", "nul", "[1}", "\"abc", "\"\\"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        refused(texts[i], ERR_MESSAGE_MALFORMED, NULL);
}

static void names_line_and_column(void **state)
{
    (void)state;
    refused("{\n  \"a\": x\n}", ERR_MESSAGE_MALFORMED, "2:8");
    refused("{\"a\":1,\n \"a\":2}", ERR_SCHEMA_INVALID, "2:4");
    refused("[[[[[[[[[[[[[[[[\n[[[[[[[[[[[[[[[[ [", ERR_MESSAGE_MALFORMED, "2:18");
}

static void refuses_doubtful_meanings(void **state)
{
    (void)state;
    refused("{\"a\":1,\"a\":1}", ERR_SCHEMA_INVALID, "1:10");
    refused("{\"x\":{\"a\":1,\"\\u0061\":2}}", ERR_SCHEMA_INVALID, NULL);
    refused("\"a\\u0000b\"", ERR_SCHEMA_INVALID, NULL);
    refused("{\"a\\u0000b\":1}", ERR_SCHEMA_INVALID, NULL);
    refused("9223372036854775808", ERR_SCHEMA_INVALID, NULL);
    refused("-9223372036854775809", ERR_SCHEMA_INVALID, NULL);
    refused("1e999", ERR_SCHEMA_INVALID, NULL);
    expect_refused(BYTES_LIT("[1]\0"), ERR_MESSAGE_MALFORMED, NULL);
    expect_refused(BYTES_LIT("\"a\0b\""), ERR_MESSAGE_MALFORMED, NULL);
    expect_refused(BYTES_LIT("[7\0]"), ERR_MESSAGE_MALFORMED, "1:3");
    expect_refused(BYTES_LIT("[true\0]"), ERR_MESSAGE_MALFORMED, "1:6");
}

static void refuses_bad_utf8(void **state)
{
    const char *texts[] = {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe6\xb1\"", "{\"\x80\":1}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        refused(texts[i], ERR_SCHEMA_ENCODING, NULL);
}

static void details_do_not_quote_the_document(void **state)
{
    const char *texts[] = {"[SECRETWORD]", "{\"SECRETWORD\":1,\"SECRETWORD\":2}", "\"SECRETWORD", "[1] SECRETWORD"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct json_doc *doc = NULL;
        struct err err = {0};

        assert_false(json_parse(bytes_str(texts[i]), &doc, &err));
        assert_null(strstr(err.detail, "SECRET"));
        assert_null(strstr(err.place, "SECRET"));
    }
}

static void depth_is_bounded(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 3];

    (void)state;
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * JSON_DEPTH_MAX] = '\0';
    AUTO_JSON doc = parse(text);
    assert_int_equal(json_count(json_root(doc)), 1);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    text[2 * JSON_DEPTH_MAX + 2] = '\0';
    refused(text, ERR_MESSAGE_MALFORMED, "1:33");
    AUTO_JSON strings = parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[\",\"\\\\\",\"[\"]");
    assert_int_equal(json_count(json_root(strings)), 3);
}

static void size_is_bounded(void **state)
{
    size_t n = JSON_BYTES_MAX + 1;
    uint8_t *spaces = xcalloc(n, 1);

    (void)state;
    memset(spaces, ' ', n);
    spaces[0] = '1';
    expect_refused(bytes_of(spaces, n), ERR_MESSAGE_TOO_LARGE, NULL);
    free(spaces);
}

static void needed_members_are_read(void **state)
{
    AUTO_JSON doc = parse("{\"s\":\"汉字\",\"i\":5,\"d\":\"2026-02-28\",\"b\":false}");
    const json_value *root = json_root(doc);
    const char *s = NULL;
    int64_t i = 0;
    date_day day = 0, expected = 0;
    bool b = true;
    struct err err = {0};

    (void)state;
    assert_true(json_need_string(root, "", "s", 6, &s, &err));
    assert_string_equal(s, "汉字");
    assert_true(json_need_integer(root, "", "i", 5, 5, &i, &err));
    assert_int_equal(i, 5);
    assert_true(json_need_date(root, "", "d", &day, &err));
    assert_true(date_parse(bytes_str("2026-02-28"), &expected));
    assert_int_equal(day, expected);
    assert_true(json_opt_boolean(root, "", "b", &b, &err));
    assert_false(b);
}

static void absent_optional_members(void **state)
{
    AUTO_JSON doc = parse("{}");
    const json_value *root = json_root(doc);
    const char *s = "old";
    int64_t i = 42;
    date_day day = 3;
    bool b = true;
    struct err err = {0};

    (void)state;
    assert_true(json_opt_string(root, "", "s", 6, &s, &err));
    assert_null(s);
    assert_true(json_opt_integer(root, "", "i", 0, 9, &i, &err));
    assert_int_equal(i, 42);
    assert_true(json_opt_date(root, "", "d", &day, &err));
    assert_int_equal(day, DATE_NONE);
    assert_true(json_opt_boolean(root, "", "b", &b, &err));
    assert_true(b);
}

static void expect_error(bool ok, struct err *err, enum err_code code, const char *place)
{
    assert_false(ok);
    assert_int_equal(err->code, code);
    assert_string_equal(err->place, place);
    *err = (struct err){0};
}

static void wrong_members_are_pointed_at(void **state)
{
    AUTO_JSON doc = parse("{\"s\":\"1234567\",\"i\":10,\"r\":1.0,\"n\":null,\"d\":\"2026-02-30\",\"a/b~c\":1}");
    const json_value *root = json_root(doc);
    static const char *const names[] = {"s", "i", "r", "n", "d", NULL};
    const char *s;
    int64_t i;
    date_day day;
    bool b;
    struct err err = {0};

    (void)state;
    expect_error(json_need_string(root, "/rows/3", "x", 9, &s, &err), &err, ERR_SCHEMA_INVALID, "/rows/3/x");
    expect_error(json_need_string(root, "/rows/3", "s", 6, &s, &err), &err, ERR_SCHEMA_INVALID, "/rows/3/s");
    expect_error(json_need_string(root, "", "i", 6, &s, &err), &err, ERR_SCHEMA_TYPE, "/i");
    expect_error(json_opt_string(root, "", "n", 6, &s, &err), &err, ERR_SCHEMA_TYPE, "/n");
    expect_error(json_need_integer(root, "", "i", 0, 9, &i, &err), &err, ERR_SCHEMA_INVALID, "/i");
    expect_error(json_opt_integer(root, "", "i", 11, 19, &i, &err), &err, ERR_SCHEMA_INVALID, "/i");
    expect_error(json_need_integer(root, "", "r", 0, 9, &i, &err), &err, ERR_SCHEMA_TYPE, "/r");
    expect_error(json_opt_boolean(root, "", "i", &b, &err), &err, ERR_SCHEMA_TYPE, "/i");
    expect_error(json_need_date(root, "", "d", &day, &err), &err, ERR_SCHEMA_INVALID, "/d");
    expect_error(json_only(root, "/x", names, &err), &err, ERR_SCHEMA_INVALID, "/x/a~1b~0c");
    expect_error(json_need_string(json_member(root, "i"), "/i", "s", 6, &s, &err), &err, ERR_SCHEMA_TYPE, "/i");
    expect_error(json_need_string(NULL, "/x", "s", 6, &s, &err), &err, ERR_SCHEMA_TYPE, "/x");
}

static void known_members_only(void **state)
{
    AUTO_JSON doc = parse("{\"a\":1,\"b\":2}");
    static const char *const names[] = {"b", "c", "a", NULL};
    struct err err = {0};

    (void)state;
    assert_true(json_only(json_root(doc), "", names, &err));
}

/* A member name of any length and script keeps the place readable text. */
static void long_names_stay_utf8(void **state)
{
    static const char *const none[] = {NULL};

    (void)state;
    for (int lead = 0; lead < 4; lead++) {
        struct buf buf;
        struct err err = {0};

        buf_init(&buf, 4096);
        buf_str(&buf, "{\"");
        for (int i = 0; i < lead; i++)
            buf_byte(&buf, 'a');
        for (int i = 0; i < 200; i++)
            buf_str(&buf, "汉");
        buf_str(&buf, "\":1}");
        AUTO_JSON doc = parse((const char *)buf.p);
        assert_false(json_only(json_root(doc), "", none, &err));
        assert_true(strlen(err.place) > 100);
        assert_true(utf8_valid(bytes_str(err.place)));
        buf_free(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(look_ups_of_another_type_are_empty),
        cmocka_unit_test(members_come_in_document_order),
        cmocka_unit_test(scalars_are_documents),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(names_line_and_column),
        cmocka_unit_test(refuses_doubtful_meanings),
        cmocka_unit_test(refuses_bad_utf8),
        cmocka_unit_test(details_do_not_quote_the_document),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(needed_members_are_read),
        cmocka_unit_test(absent_optional_members),
        cmocka_unit_test(wrong_members_are_pointed_at),
        cmocka_unit_test(known_members_only),
        cmocka_unit_test(long_names_stay_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
