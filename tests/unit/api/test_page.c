/* The console's files as a browser gets them: who may, with which headers, once or again, packed or plain. */
#include "fixture.h"

static const char first[] = "<!doctype html><title>first</title>";
static const char packed[] = "\x1f\x8bpacked";

static bool page(const char *name, struct api_page *out)
{
    if (strcmp(name, "index.html") != 0 && strcmp(name, "app.js") != 0)
        return false;
    *out = (struct api_page){.media_type = "text/html; charset=utf-8", .tag = "abc123", .plain = bytes_str(first)};
    if (strcmp(name, "app.js") == 0)
        out->gzip = bytes_str(packed);
    return true;
}

static bool no_page(const char *name, struct api_page *out)
{
    (void)name;
    (void)out;
    return false;
}

static int begin(void **state)
{
    (void)state;
    begin_world_with("", page);
    return 0;
}

static int end(void **state)
{
    (void)state;
    end_world();
    return 0;
}

#define ADMIN(who, ...) SAY(.as = who, .admin = true, __VA_ARGS__)

static void body_is(const char *text)
{
    assert_int_equal(w.answer.body.n, strlen(text));
    assert_memory_equal(w.answer.body.p, text, strlen(text));
}

static void the_first_page_comes_with_every_header(void **state)
{
    (void)state;
    assert_int_equal(ADMIN("observer-1", .path = "/console/"), 200);
    body_is(first);
    assert_string_equal(header("Content-Type"), "text/html; charset=utf-8");
    assert_string_equal(
        header("Content-Security-Policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'none'");
    assert_string_equal(header("X-Content-Type-Options"), "nosniff");
    assert_string_equal(header("Referrer-Policy"), "no-referrer");
    assert_string_equal(header("Cross-Origin-Opener-Policy"), "same-origin");
    assert_string_equal(header("Cross-Origin-Resource-Policy"), "same-origin");
    assert_string_equal(header("Cache-Control"), "private, no-cache");
    assert_string_equal(header("Vary"), "Accept-Encoding");
    assert_string_equal(header("ETag"), "\"abc123\"");
    assert_null(header("Content-Encoding"));
}

static void the_socket_serves_it_too(void **state)
{
    (void)state;
    assert_int_equal(SAY(.path = "/console/app.js"), 200);
    assert_int_equal(SAY(.path = "/console/index.html"), 200);
}

static void what_a_browser_has_is_not_sent_again(void **state)
{
    (void)state;
    assert_int_equal(ADMIN("observer-1", .path = "/console/", .headers = {"If-None-Match: \"old\", W/\"abc123\""}),
                     304);
    assert_int_equal(w.answer.body.n, 0);
    assert_string_equal(header("ETag"), "\"abc123\"");
    assert_string_equal(header("Cache-Control"), "private, no-cache");
    assert_non_null(header("Content-Security-Policy"));
    assert_int_equal(ADMIN("observer-1", .path = "/console/", .headers = {"If-None-Match: \"abc12\""}), 200);
    assert_int_equal(ADMIN("observer-1", .path = "/console/", .headers = {"If-None-Match: *"}), 200);
}

static void packed_only_when_wanted_and_there(void **state)
{
    (void)state;
    assert_int_equal(ADMIN("observer-1", .path = "/console/app.js", .headers = {"Accept-Encoding: br, gzip"}), 200);
    body_is(packed);
    assert_string_equal(header("Content-Encoding"), "gzip");
    assert_string_equal(header("ETag"), "\"abc123-gzip\"");
    /* the plain file's tag does not stand for the packed one */
    assert_int_equal(ADMIN("observer-1", .path = "/console/app.js",
                           .headers = {"Accept-Encoding: gzip", "If-None-Match: \"abc123\""}),
                     200);
    assert_int_equal(ADMIN("observer-1", .path = "/console/app.js",
                           .headers = {"Accept-Encoding: gzip", "If-None-Match: \"abc123-gzip\""}),
                     304);
    assert_int_equal(ADMIN("observer-1", .path = "/console/app.js", .headers = {"Accept-Encoding: gzip;q=0, *"}), 200);
    body_is(first);
    assert_int_equal(ADMIN("observer-1", .path = "/console/", .headers = {"Accept-Encoding: gzip"}), 200);
    body_is(first);
    assert_null(header("Content-Encoding"));
}

static void the_api_is_never_packed(void **state)
{
    (void)state;
    assert_int_equal(ADMIN("observer-1", .path = "/admin/v1/status", .headers = {"Accept-Encoding: gzip"}), 200);
    assert_null(header("Content-Encoding"));
}

static void other_files_are_not_there(void **state)
{
    (void)state;
    ADMIN("observer-1", .path = "/console/app.css");
    refused(404, "http.not_found");
    assert_non_null(strstr(text("detail"), "the console has no such file"));
    ADMIN("observer-1", .path = "/console/a/b");
    refused(404, "http.not_found");
    ADMIN("observer-1", .path = "/console/..%2findex.html");
    refused(404, "http.not_found");
    ADMIN("observer-1", .path = "/console/", .body = "{}", JSON_BODY);
    refused(405, "http.method");
    ADMIN("observer-1", .path = "/console/?lang=en");
    refused(422, "http.query");
}

static void a_word_without_its_slash_leads_there(void **state)
{
    (void)state;
    assert_int_equal(ADMIN("observer-1", .path = "/console"), 303);
    assert_string_equal(header("Location"), "/console/");
}

static void only_people_who_may_read(void **state)
{
    (void)state;
    ADMIN("foreign", .path = "/console/");
    assert_true(!w.answer.ok || w.answer.status == 403);
    ADMIN("bureau-ty", .path = "/console/"); /* a certificate that no file names */
    refused(403, "sender.unknown_partner");
    ADMIN("bank-a", .path = "/console/app.js");
    refused(403, "sender.role");
    SAY(.as = "bank-a", .path = "/console/"); /* the partners' listener has none */
    refused(404, "http.not_found");
    SAY(.as = "", .path = "/console/");
    assert_int_equal(w.answer.status, 404);
}

static void a_build_without_it_says_so(void **state)
{
    (void)state;
    end_world();
    begin_world_with("", no_page);
    ADMIN("observer-1", .path = "/console/");
    refused(404, "http.not_found");
    assert_non_null(strstr(text("detail"), "built without the console"));
    assert_non_null(strstr(text("detail_zh"), "未包含控制台"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_page_comes_with_every_header),
        cmocka_unit_test(the_socket_serves_it_too),
        cmocka_unit_test(what_a_browser_has_is_not_sent_again),
        cmocka_unit_test(packed_only_when_wanted_and_there),
        cmocka_unit_test(the_api_is_never_packed),
        cmocka_unit_test(other_files_are_not_there),
        cmocka_unit_test(a_word_without_its_slash_leads_there),
        cmocka_unit_test(only_people_who_may_read),
        cmocka_unit_test(a_build_without_it_says_so),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
