/* Which route a path means, which methods it allows, and what the description says about all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "api/api.h"
#include "api/route.h"
#include "json/json.h"

static struct arena *arena;
static const struct route *route;
static const char *values[ROUTE_VALUES_MAX];
static char allow[ROUTE_ALLOW_SIZE];
static struct err err;

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const char *find(const char *method, const char *path, unsigned listener)
{
    memset(values, 0, sizeof(values));
    allow[0] = '\0';
    err = (struct err){0};
    if (route_find(method, path, listener, arena, &route, values, allow, &err))
        return route->pattern;
    assert_null(route);
    return err_info(err.code)->code;
}

static void paths_find_their_route(void **state)
{
    (void)state;
    assert_string_equal(find("GET", "/v1/whoami", ROUTE_ON_PARTNER), "/v1/whoami");
    assert_string_equal(find("GET", "/v1/whitelist/91140100MA0XXXXXXX", ROUTE_ON_PARTNER), "/v1/whitelist/{uscc}");
    assert_string_equal(values[0], "91140100MA0XXXXXXX");
    assert_string_equal(find("GET", "/admin/v1/runs/r-1/diff", ROUTE_ON_SOCKET), "/admin/v1/runs/{id}/diff");
    assert_string_equal(values[0], "r-1");
    assert_string_equal(find("POST", "/admin/v1/approvals/p-7/grant", ROUTE_ON_ADMIN),
                        "/admin/v1/approvals/{id}/grant");
}

static void a_named_path_is_no_value(void **state)
{
    (void)state;
    assert_string_equal(find("POST", "/v1/whitelist/query", ROUTE_ON_PARTNER), "/v1/whitelist/query");
    assert_string_equal(find("GET", "/v1/whitelist/query", ROUTE_ON_PARTNER), "http.method");
    assert_string_equal(allow, "POST");
}

static void wrong_methods_are_told_the_right_ones(void **state)
{
    (void)state;
    assert_string_equal(find("DELETE", "/v1/whoami", ROUTE_ON_PARTNER), "http.method");
    assert_string_equal(allow, "GET, HEAD");
    assert_string_equal(find("PUT", "/admin/v1/runs", ROUTE_ON_ADMIN), "http.method");
    assert_string_equal(allow, "GET, HEAD, POST");
    assert_string_equal(find("OPTIONS", "/v1/whitelist/x", ROUTE_ON_PARTNER), "http.method");
    assert_string_equal(find("get", "/v1/whoami", ROUTE_ON_PARTNER), "http.method");
}

static void near_misses_are_not_found(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "/v1",
        "/v1/",
        "/v1/whoami/",
        "//v1/whoami",
        "/v1//whoami",
        "/V1/whoami",
        "/v1/whoami/x",
        "v1/whoami",
        "/v1/whitelist",
        "/v1/whitelist/",
        "/v1/whitelist//",
        "/v1/whitelist/a/",
        "/v1/whitelist/a/b",
        "/v1/whitelist//a",
        "/v1/whoam",
        "/v1/whoamix",
        "/v1/./whoami",
        "/v1/../v1/whoami",
        "/admin/v1/runs//diff",
        "*",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_string_equal(find("GET", paths[i], ROUTE_ON_PARTNER | ROUTE_ON_ADMIN), "http.not_found");
}

static void a_slash_that_was_escaped_is_a_slash(void **state)
{
    /* net decodes the path first: /v1/whitelist/9114%2F0100 */
    (void)state;
    assert_string_equal(find("GET", "/v1/whitelist/9114/0100", ROUTE_ON_PARTNER), "http.not_found");
}

static void listeners_are_apart(void **state)
{
    (void)state;
    assert_string_equal(find("GET", "/admin/v1/status", ROUTE_ON_PARTNER), "http.not_found");
    assert_string_equal(find("GET", "/v1/whitelist/x", ROUTE_ON_ADMIN), "http.not_found");
    assert_string_equal(find("GET", "/metrics", ROUTE_ON_PARTNER), "http.not_found");
    assert_string_equal(find("GET", "/metrics", ROUTE_ON_PLAIN), "/metrics");
    assert_string_equal(find("GET", "/v1/whoami", ROUTE_ON_PLAIN), "http.not_found");
    for (size_t i = 0; i < route_n; i++)
        if (routes[i].listeners & ROUTE_ON_PLAIN)
            assert_true(strncmp(routes[i].pattern, "/v1", 3) != 0 && strncmp(routes[i].pattern, "/admin", 6) != 0);
}

/* Frames are no HTTP: their one route stands in the table for its role and form only. */
static bool framed(const struct route *one)
{
    return strcmp(one->method, "FRAME") == 0;
}

static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_n; i++) {
        bool get = strcmp(routes[i].method, "GET") == 0;
        assert_true(get || framed(&routes[i]) || strcmp(routes[i].method, "POST") == 0);
        assert_int_equal(framed(&routes[i]), routes[i].listeners == ROUTE_ON_FRAMES);
        assert_true(routes[i].roles != 0 && routes[i].listeners != 0);
        assert_true(get == (routes[i].takes[0] == '\0'));
        for (size_t j = 0; j < i; j++)
            assert_true(strcmp(routes[i].method, routes[j].method) != 0 ||
                        strcmp(routes[i].pattern, routes[j].pattern) != 0);
    }
}

static void partners_have_no_admin_role(void **state)
{
    const unsigned partners = ROLE_BANK | ROLE_BUREAU | ROLE_REGISTRY | ROLE_PLATFORM;
    (void)state;
    for (size_t i = 0; i < route_n; i++)
        if (strncmp(routes[i].pattern, "/admin", 6) == 0)
            assert_int_equal(routes[i].roles & (partners | ROUTE_OPEN | ROUTE_KNOWN), 0);
}

static void root_never_approves(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_n; i++)
        if (strstr(routes[i].pattern, "/grant") || strstr(routes[i].pattern, "/reject"))
            assert_int_equal(routes[i].roles, ROLE_APPROVER);
}

static void words_are_whole(void **state)
{
    (void)state;
    assert_true(route_has_word("after limit", "limit", 5));
    assert_true(route_has_word("after limit", "after", 5));
    assert_false(route_has_word("after limit", "aft", 3));
    assert_false(route_has_word("after limit", "after limit", 11));
    assert_false(route_has_word("", "after", 5));
    assert_false(route_has_word("after", "", 0));
}

/* ---- openapi.json ------------------------------------------------------------------------------------------- */

static struct json_doc *describe(void)
{
    struct json_doc *doc = NULL;
    struct buf out;
    struct err why = {0};
    buf_init(&out, 1 << 20);
    api_openapi(&out);
    assert_false(out.overflow);
    assert_true(json_parse(buf_bytes(&out), &doc, &why));
    buf_free(&out);
    return doc;
}

static void every_route_is_described(void **state)
{
    AUTO_JSON doc = describe();
    const json_value *paths = json_member(json_root(doc), "paths");
    (void)state;
    assert_string_equal(json_string(json_member(json_root(doc), "openapi")), "3.1.0");
    for (size_t i = 0; i < route_n; i++) {
        if (framed(&routes[i]))
            continue;
        const json_value *path = json_member(paths, routes[i].pattern);
        const json_value *operation = json_member(path, strcmp(routes[i].method, "GET") == 0 ? "get" : "post");
        assert_non_null(operation);
        assert_string_equal(json_string(json_member(operation, "summary")), routes[i].en);
        assert_non_null(json_member(json_member(operation, "responses"), "default"));
        assert_true(json_count(json_member(operation, "x-roles")) > 0);
    }
}

static void no_route_is_invented(void **state)
{
    AUTO_JSON doc = describe();
    void *at = NULL, *in = NULL;
    const char *name, *method;
    const json_value *path, *operation;
    size_t n = 0;
    (void)state;
    for (; json_next(json_member(json_root(doc), "paths"), &at, &name, &path); in = NULL)
        while (json_next(path, &in, &method, &operation))
            n++;
    for (size_t i = 0; i < route_n; i++)
        n += framed(&routes[i]);
    assert_int_equal(n, route_n);
}

static void check_reference(const json_value *schemas, const json_value *content)
{
    static const char prefix[] = "#/components/schemas/";
    const char *media;
    const json_value *value;
    void *at = NULL;
    while (json_next(content, &at, &media, &value)) {
        const char *ref = json_string(json_member(json_member(value, "schema"), "$ref"));
        assert_non_null(ref);
        assert_int_equal(strncmp(ref, prefix, sizeof(prefix) - 1), 0);
        assert_non_null(json_member(schemas, ref + sizeof(prefix) - 1));
    }
}

static void schemas_named_exist(void **state)
{
    AUTO_JSON doc = describe();
    const json_value *paths = json_member(json_root(doc), "paths");
    const json_value *schemas = json_member(json_member(json_root(doc), "components"), "schemas");
    (void)state;
    for (size_t i = 0; i < route_n; i++) {
        const json_value *operation = json_member(json_member(paths, routes[i].pattern),
                                                  strcmp(routes[i].method, "GET") == 0 ? "get" : "post");
        const json_value *responses = json_member(operation, "responses");
        check_reference(schemas, json_member(json_member(responses, "2XX"), "content"));
        check_reference(schemas, json_member(json_member(responses, "default"), "content"));
        if (routes[i].takes[0])
            check_reference(schemas, json_member(json_member(operation, "requestBody"), "content"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_route),
        cmocka_unit_test(a_named_path_is_no_value),
        cmocka_unit_test(wrong_methods_are_told_the_right_ones),
        cmocka_unit_test(near_misses_are_not_found),
        cmocka_unit_test(a_slash_that_was_escaped_is_a_slash),
        cmocka_unit_test(listeners_are_apart),
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(partners_have_no_admin_role),
        cmocka_unit_test(root_never_approves),
        cmocka_unit_test(words_are_whole),
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(no_route_is_invented),
        cmocka_unit_test(schemas_named_exist),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
