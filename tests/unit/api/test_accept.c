/* Which form a client gets: RFC 9110's rules, and what real clients send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "api/accept.h"

static const enum api_media both[] = {API_MEDIA_JSON, API_MEDIA_JOSE};

static int choose(const char *header)
{
    enum api_media media = API_MEDIA_COUNT;
    return api_accept(bytes_str(header), both, 2, &media) ? (int)media : -1;
}

static void json_is_the_default(void **state)
{
    (void)state;
    assert_int_equal(choose(""), API_MEDIA_JSON);
    assert_int_equal(choose(" "), API_MEDIA_JSON);
    assert_int_equal(choose("*/*"), API_MEDIA_JSON);
    assert_int_equal(choose("application/*"), API_MEDIA_JSON);
    assert_int_equal(choose("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), API_MEDIA_JSON);
}

static void named_form_wins(void **state)
{
    (void)state;
    assert_int_equal(choose("application/jose"), API_MEDIA_JOSE);
    assert_int_equal(choose("Application/JOSE"), API_MEDIA_JOSE);
    assert_int_equal(choose("application/jose;version=1"), API_MEDIA_JOSE);
    assert_int_equal(choose("text/plain, application/jose"), API_MEDIA_JOSE);
    assert_int_equal(choose("application/json, application/jose"), API_MEDIA_JSON);
}

static void weights_decide(void **state)
{
    (void)state;
    assert_int_equal(choose("application/json;q=0.5, application/jose"), API_MEDIA_JOSE);
    assert_int_equal(choose("application/json;q=0.5, application/jose;q=0.501"), API_MEDIA_JOSE);
    assert_int_equal(choose("application/json; q=1.000 , application/jose; Q=0.999"), API_MEDIA_JSON);
    assert_int_equal(choose("*/*;q=0.1, application/jose;q=0.2"), API_MEDIA_JOSE);
    /* the closer range decides, even when its weight is smaller */
    assert_int_equal(choose("*/*, application/json;q=0.1"), API_MEDIA_JOSE);
    assert_int_equal(choose("application/*;q=0.4, application/json;q=0"), API_MEDIA_JOSE);
}

static void nothing_fits(void **state)
{
    (void)state;
    assert_int_equal(choose("application/xml"), -1);
    assert_int_equal(choose("text/*"), -1);
    assert_int_equal(choose("application/json;q=0, application/jose;q=0.0"), -1);
    assert_int_equal(choose("*/*;q=0"), -1);
    assert_int_equal(choose("application/jos"), -1);
    assert_int_equal(choose("application/jose-json"), -1);
    assert_int_equal(choose("application"), -1);
}

static void malformed_ranges_are_passed_over(void **state)
{
    (void)state;
    assert_int_equal(choose(",, ,application/jose,,"), API_MEDIA_JOSE);
    assert_int_equal(choose("application/jose;q=2, application/json;q=0.1"), API_MEDIA_JSON);
    assert_int_equal(choose("application/jose;q=0.0001, application/json;q=0.1"), API_MEDIA_JSON);
    assert_int_equal(choose("application/jose;q="), -1);
    assert_int_equal(choose("application/jose;q=1.001"), -1);
    assert_int_equal(choose("application/jose;a=\",application/json\";q=0.5"), API_MEDIA_JOSE);
    assert_int_equal(choose("application/jose;a=\"unclosed"), API_MEDIA_JOSE);
}

static void a_body_has_one_media_type(void **state)
{
    (void)state;
    assert_true(api_is_media(bytes_str("application/json"), "application/json"));
    assert_true(api_is_media(bytes_str("Application/Json; charset=utf-8"), "application/json"));
    assert_false(api_is_media(bytes_str("application/jsonx"), "application/json"));
    assert_false(api_is_media(bytes_str("text/plain;application/json"), "application/json"));
    assert_false(api_is_media(bytes_str(""), "application/json"));
}

static void a_character_set_is_utf8_or_unsaid(void **state)
{
    (void)state;
    static const char *const good[] = {"", "application/xml", "a/b; charset=UTF-8", "a/b;x=y; Charset = \"utf-8\"",
                                       "a/b; x=\"; charset=gbk\""};
    static const char *const bad[] = {"a/b;charset=gbk", "a/b; charset=utf-8; charset=gb18030", "a/b;charset",
                                      "a/b;charset=", "a/b; charset=\"utf-16\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(api_is_utf8(bytes_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(api_is_utf8(bytes_str(bad[i])));
}

static bool gzip(const char *header)
{
    return api_accepts_coding(bytes_str(header), "gzip");
}

static void a_coding_is_wanted_by_name_or_by_star(void **state)
{
    (void)state;
    assert_true(gzip("gzip"));
    assert_true(gzip("br;q=1, GZip;q=0.5"));
    assert_true(gzip("deflate, *"));
    assert_false(gzip(""));
    assert_false(gzip("br, deflate"));
    assert_false(gzip("gzip;q=0"));
    assert_false(gzip("*, gzip;q=0.000"));
    assert_false(gzip("*;q=0"));
    assert_false(gzip("gzipped"));
    assert_false(gzip("gzip;q=2"));
}

static void a_tag_is_named_strong_or_weak(void **state)
{
    (void)state;
    assert_true(api_names_tag(bytes_str("\"a\""), "\"a\""));
    assert_true(api_names_tag(bytes_str("\"b\" , W/\"a\""), "\"a\""));
    assert_true(api_names_tag(bytes_str("\"b,c\",\"a,b\""), "\"a,b\""));
    assert_false(api_names_tag(bytes_str("*"), "\"a\""));
    assert_false(api_names_tag(bytes_str("a"), "\"a\""));
    assert_false(api_names_tag(bytes_str(""), "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_the_default),
        cmocka_unit_test(named_form_wins),
        cmocka_unit_test(weights_decide),
        cmocka_unit_test(nothing_fits),
        cmocka_unit_test(malformed_ranges_are_passed_over),
        cmocka_unit_test(a_body_has_one_media_type),
        cmocka_unit_test(a_character_set_is_utf8_or_unsaid),
        cmocka_unit_test(a_coding_is_wanted_by_name_or_by_star),
        cmocka_unit_test(a_tag_is_named_strong_or_weak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
