/* Dialogues of partners with the gateway: who is let in, what is signed, what is logged. */
#include "fixture.h"

static int start(void **state)
{
    (void)state;
    begin_world("");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    end_world();
    return 0;
}

static void before_ready_nothing_is_told_about_firms(void **state)
{
    (void)state;
    SAY("bank-a", .path = "/v1/whitelist/" LISTED);
    refused(503, "busy.starting");
    assert_non_null(header("Retry-After"));
    assert_int_equal(SAY("", .path = "/livez"), 200);
    assert_int_equal(SAY("", .path = "/readyz"), 503);
    assert_int_equal(SAY("bank-a", .path = "/v1/whoami"), 200);
    api_set_ready(w.api, true, NULL);
    assert_int_equal(SAY("", .path = "/readyz"), 200);
}

static void without_a_list_there_is_no_answer(void **state)
{
    (void)state;
    SAY("bank-a", .path = "/v1/whitelist/" NEVER);
    refused(503, "source.stale");
    assert_int_equal(logged(NEVER, "bank-a").n, 1);
    assert_non_null(strstr(logged(NEVER, "bank-a").last, "source.stale"));
    seed(true);
}

static void whoami_answers_everybody(void **state)
{
    (void)state;
    assert_int_equal(SAY("bank-a", .path = "/v1/whoami"), 200);
    assert_string_equal(text("partner"), "bank-a");
    assert_int_equal(strlen(text("key")), 64);
    assert_string_equal(json_string(json_at(member("roles"), 0)), "bank");
    int64_t days = 0;
    assert_true(json_integer(json_member(json_at(member("signing_keys"), 0), "days_left"), &days) && days > 800);
    assert_int_equal(SAY("bad/unknown", .path = "/v1/whoami"), 200);
    assert_string_equal(text("partner"), "unknown");
    assert_int_equal(json_count(member("roles")), 0);
    assert_int_equal(SAY("onestop-sx", .path = "/v1/whoami"), 200);
}

static void strangers_and_paused_are_denied(void **state)
{
    (void)state;
    SAY("bad/unknown", .path = "/v1/whitelist/" LISTED);
    refused(403, "sender.unknown_partner");
    SAY("bad/unknown", .path = "/v1/nowhere");
    refused(403, "sender.unknown_partner");
    SAY("onestop-sx", .path = "/v1/whitelist/" LISTED);
    refused(403, "sender.paused");
    assert_true(SAY("bad/foreign-client", .path = "/v1/whoami") < 0);
}

static void roles_are_kept_apart(void **state)
{
    (void)state;
    SAY("bureau-sx", .path = "/v1/whitelist/" LISTED);
    refused(403, "sender.role");
    assert_int_equal(SAY("registry-ty", .path = "/v1/whitelist/" LISTED), 200);
    assert_int_equal(SAY("observer-1", .path = "/v1/whitelist/" LISTED), 200);
    SAY("registry-ty", .path = "/v1/whitelist/query", .body = "{\"codes\":[]}", JSON_BODY);
    refused(403, "sender.role");
    SAY("bank-a", .path = "/admin/v1/status");
    refused(404, "http.not_found");
    SAY("bank-a", .admin = true, .path = "/admin/v1/status");
    refused(403, "sender.role");
}

static void a_statement_is_signed_by_the_partners_algorithm(void **state)
{
    (void)state;
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" LISTED), 200);
    assert_string_equal(text("status"), "listed");
    assert_string_equal(header("Content-Type"), "application/json");
    verified("pki/gateway-sign.pem", CRYPTO_ES256);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(SAY("bank-b", .path = "/v1/whitelist/" LISTED), 200);
        verified("pki/gateway-sign-sm2.pem", CRYPTO_SM2);
    }
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" NEVER), 200);
    assert_string_equal(text("status"), "not_listed");
}

static void jose_is_one_compact_token(void **state)
{
    struct crypto_key *key;
    struct err err = {0};
    struct buf payload;
    (void)state;
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" LISTED, .headers = {"Accept: application/jose"}), 200);
    assert_string_equal(header("Content-Type"), "application/jose");
    assert_null(header("x-jws-signature"));
    NEED(crypto_key_from_file(in_dir("pki/gateway-sign.pem"), &key, &err), err);
    const struct jws_expect expect = {.alg = CRYPTO_ES256, .keys = {key}, .key_n = 1};
    buf_init(&payload, 1 << 16);
    NEED(jws_verify_compact(&expect, w.answer.body, &payload, NULL, &err), err);
    assert_non_null(strstr((const char *)payload.p, LISTED));
    buf_free(&payload);
    crypto_key_free(&key);
    SAY("bank-a", .path = "/v1/whitelist/" LISTED, .headers = {"Accept: text/html"});
    refused(406, "http.not_acceptable");
    assert_non_null(strstr(text("detail"), "application/jose, application/xml"));
}

static void xml_is_one_signed_element(void **state)
{
    static const struct {
        const char *as, *cert;
        enum crypto_alg alg;
    } banks[] = {{"bank-a", "pki/gateway-sign.pem", CRYPTO_ES256}, {"bank-b", "pki/gateway-sign-sm2.pem", CRYPTO_SM2}};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(banks) / sizeof(banks[0]); i++) {
        struct crypto_key *key;
        struct message *message;
        struct err err = {0};
        assert_int_equal(
            SAY(banks[i / 2].as, .path = "/v1/whitelist/" LISTED, .headers = {"Accept: application/xml"}), 200);
        assert_string_equal(header("Content-Type"), "application/xml");
        assert_string_equal(header("Vary"), "Accept");
        assert_null(header("x-jws-signature"));
        NEED(crypto_key_from_file(in_dir(banks[i / 2].cert), &key, &err), err);
        NEED(message_read_xml(w.answer.body, &message, &err), err);
        const struct jws_expect expect = {.alg = banks[i / 2].alg, .keys = {key}, .key_n = 1};
        NEED(message_verify_xml(message, &expect, NULL, NULL, &err), err);
        assert_non_null(memmem(w.answer.body.p, w.answer.body.n, "<Status>listed</Status>", 23));
        message_free(&message);
        crypto_key_free(&key);
    }
    SAY("bank-a", .path = "/v1/whitelist/query", .body = "{\"codes\":[\"" LISTED "\"]}",
        .headers = {"Accept: application/xml"});
    refused(406, "http.not_acceptable");
}

static void schemas_are_handed_out_by_name(void **state)
{
    static const char *const wrong[] = {"echo", "echo-1.xs", "..%2fcatalog.csv", "%2e%2e%2fcatalog.csv", "README.md",
                                        "catalog.csv%00"};
    (void)state;
    assert_int_equal(SAY("registry-ty", .path = "/v1/schemas/echo-1.xsd"), 200);
    assert_string_equal(header("Content-Type"), "application/xml");
    const char *again = arena_printf(w.arena, "If-None-Match: %s", header("ETag"));
    assert_int_equal(SAY("registry-ty", .path = "/v1/schemas/echo-1.xsd", .headers = {again}), 304);
    assert_int_equal(SAY("registry-ty", .path = "/v1/schemas/catalog.csv"), 200);
    assert_string_equal(header("Content-Type"), "text/csv");
    assert_non_null(memmem(w.answer.body.p, w.answer.body.n, "echo,1,both", 11));
    assert_int_equal(SAY("registry-ty", .path = "/v1/schemas"), 200);
    assert_string_equal(json_string(json_member(json_at(json_member(json_root(w.doc), "schemas"), 1), "name")), "common.xsd");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        SAY("registry-ty", .path = arena_printf(w.arena, "/v1/schemas/%s", wrong[i]));
        assert_true(w.answer.status == 404 || w.answer.status == 400);
    }
}

static void the_same_statement_is_not_sent_twice(void **state)
{
    (void)state;
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" LISTED), 200);
    const char *etag = header("ETag");
    assert_non_null(etag);
    const char *named = arena_printf(w.arena, "If-None-Match: \"other\", %s", etag);
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" LISTED, .headers = {named}), 304);
    assert_int_equal(w.answer.body.n, 0);
    assert_string_equal(header("ETag"), etag);
    assert_non_null(strstr(logged(LISTED, "bank-a").last, "\"status\":304"));
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" LISTED, .headers = {"If-None-Match: *"}), 200);
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" LISTED, .headers = {"If-None-Match: \"other\""}), 200);
}

static void folded_and_doubtful_codes_are_answered_in_normal_form(void **state)
{
    (void)state;
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/91140105ma0kaaa19p"), 200);
    assert_string_equal(text("uscc"), LISTED);
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/%EF%BC%99" "1140105%20MA0KAAA19P"), 200);
    assert_string_equal(text("uscc"), LISTED);
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" DOUBTFUL), 200);
    assert_string_equal(text("uscc"), DOUBTFUL);
}

static void invalid_codes_are_told_and_logged(void **state)
{
    (void)state;
    SAY("bank-a", .path = "/v1/whitelist/91140105MA0KAAA19X");
    refused(422, "uscc.check_char");
    assert_true(json_count(member("errors")) >= 1);
    assert_int_equal(logged("91140105MA0KAAA19X", "bank-a").n, 1);
    SAY("bank-a", .path = "/v1/whitelist/1234");
    refused(422, "uscc.length");
    /* a citizen's number typed by mistake is not kept whole */
    SAY("bank-a", .path = "/v1/whitelist/140105199001011234");
    assert_int_equal(w.answer.status, 422);
    assert_null(strstr((const char *)bytes_dup(w.arena, w.answer.body).p, "19900101"));
    assert_int_equal(logged("140105199001011234", NULL).n, 0);
    assert_int_equal(logged("140105********1234", "bank-a").n, 1);
}

static void parameters_nobody_knows_are_refused(void **state)
{
    (void)state;
    SAY("bank-a", .path = "/v1/whitelist/" LISTED "?nobody=2026-01-01");
    refused(422, "http.query");
    assert_string_equal(inner(json_at(member("errors"), 0), "place"), "nobody");
    SAY("operator-1", .admin = true, .path = "/admin/v1/runs?limit=1&limit=2");
    refused(422, "http.query");
    SAY("operator-1", .admin = true, .path = "/admin/v1/runs?limit=0");
    refused(422, "http.query");
    assert_string_equal(inner(json_at(member("errors"), 0), "place"), "limit");
}

static void methods_and_paths(void **state)
{
    (void)state;
    SAY("bank-a", .method = "DELETE", .path = "/v1/whoami");
    refused(405, "http.method");
    assert_string_equal(header("Allow"), "GET, HEAD");
    SAY("bank-a", .path = "/v1/whitelist/query");
    refused(405, "http.method");
    SAY("bank-a", .path = "/v1/whoami/");
    refused(404, "http.not_found");
}

static void queries_keep_order_and_duplicates(void **state)
{
    (void)state;
    size_t before = logged(LISTED, "bank-a").n;
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/query", JSON_BODY,
                         .body = "{\"codes\":[\"" NEVER "\",\"91140105ma0kaaa19p\",\"" NEVER "\",\"" LISTED "\"]}"),
                     200);
    const json_value *statements = member("statements");
    assert_int_equal(json_count(statements), 4);
    assert_string_equal(inner(json_at(statements, 0), "uscc"), NEVER);
    assert_string_equal(inner(json_at(statements, 1), "status"), "listed");
    assert_string_equal(inner(json_at(statements, 2), "uscc"), NEVER);
    assert_string_equal(inner(json_at(statements, 3), "uscc"), LISTED);
    verified("pki/gateway-sign.pem", CRYPTO_ES256);
    assert_int_equal(logged(LISTED, "bank-a").n, before + 2);
    assert_int_equal(SAY("bank-b", .path = "/v1/whitelist/query", JSON_BODY, .body = "{\"codes\":[\"" LISTED "\"]}"),
                     200);
    verified("pki/gateway-sign-sm2.pem", CRYPTO_SM2);
}

static void queries_as_tokens(void **state)
{
    (void)state;
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/query", .body = "{\"codes\":[\"" LISTED "\",\"" NEVER "\"]}",
                         .headers = {"Content-Type: application/json; charset=utf-8", "Accept: application/jose"}),
                     200);
    assert_string_equal(header("Content-Type"), "application/json");
    assert_int_equal(json_count(member("statements")), 2);
    const char *token = json_string(json_at(member("statements"), 1));
    assert_non_null(token);
    assert_non_null(strchr(token, '.'));
}

static const char *codes_body(size_t n)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_str(&body, "{\"codes\":[");
    for (size_t i = 0; i < n; i++)
        buf_printf(&body, "%s\"" LISTED "\"", i ? "," : "");
    buf_str(&body, "]}");
    const char *text = arena_strdup(w.arena, (const char *)body.p);
    buf_free(&body);
    return text;
}

static void queries_have_bounds(void **state)
{
    (void)state;
    SAY("bank-a", .path = "/v1/whitelist/query", .body = "{\"codes\":[]}", JSON_BODY);
    refused(422, "query.too_many");
    SAY("bank-a", .path = "/v1/whitelist/query", .body = codes_body(1001), JSON_BODY);
    refused(422, "query.too_many");
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/query", .body = codes_body(1000), JSON_BODY), 200);
    assert_int_equal(json_count(member("statements")), 1000);
}

static void queries_are_strict_json(void **state)
{
    (void)state;
    SAY("bank-a", .path = "/v1/whitelist/query", .body = "{\"codes\":[\"" LISTED "\"]}",
        .headers = {"Content-Type: text/plain"});
    refused(415, "message.media_type");
    SAY("bank-a", .path = "/v1/whitelist/query", .body = "{\"codes\":[\"" LISTED "\"],\"codes\":[]}", JSON_BODY);
    refused(422, "schema.invalid");
    SAY("bank-a", .path = "/v1/whitelist/query", .body = "{\"codes\":[\"" LISTED "\"],\"x\":1}", JSON_BODY);
    refused(422, "schema.invalid");
    SAY("bank-a", .path = "/v1/whitelist/query", .body = "{\"codes\":\"" LISTED "\"}", JSON_BODY);
    refused(422, "schema.type");
    SAY("bank-a", .path = "/v1/whitelist/query", .body = "{\"codes\":[\"" LISTED "\"", JSON_BODY);
    refused(400, "message.malformed");
    SAY("bank-a", .path = "/v1/whitelist/query", .body = "[]", JSON_BODY);
    refused(422, "schema.type");
    SAY("bank-a", .path = "/v1/whitelist/query", .body = "{\"codes\":[\"" LISTED "\",7,\"1234\"]}", JSON_BODY);
    assert_int_equal(w.answer.status, 422);
    assert_int_equal(json_count(member("errors")), 2);
    assert_string_equal(inner(json_at(member("errors"), 0), "pointer"), "/codes/1");
    assert_string_equal(inner(json_at(member("errors"), 1), "pointer"), "/codes/2");
    assert_string_equal(inner(json_at(member("errors"), 1), "code"), "uscc.length");
}

static void the_gateway_describes_itself(void **state)
{
    (void)state;
    assert_int_equal(SAY("bank-a", .path = "/v1/keys"), 200);
    assert_int_equal(json_count(member("keys")), 2);
    assert_string_equal(inner(json_at(member("keys"), 1), "crv"), "SM2");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(SAY(i ? "bank-b" : "bank-a", .path = "/v1/rules"), 200);
        assert_string_equal(text("version"), "2026-1");
        verified(i ? "pki/gateway-sign-sm2.pem" : "pki/gateway-sign.pem", i ? CRYPTO_SM2 : CRYPTO_ES256);
    }
    assert_int_equal(SAY("bank-a", .path = "/v1/errors"), 200);
    assert_int_equal(json_count(member("errors")), ERR_COUNT - 1);
    assert_int_equal(SAY("bank-a", .path = "/v1/openapi.json"), 200);
    assert_string_equal(text("openapi"), "3.1.0");
}

static void a_reload_cuts_removed_keys_off(void **state)
{
    (void)state;
    assert_int_equal(SAY("registry-ty", .path = "/v1/keys"), 200);
    char *without = arena_strdup(w.arena, partners_text);
    char *line = strstr(without, "  - {id: registry-ty");
    memmove(line, strchr(line, '\n') + 1, strlen(strchr(line, '\n') + 1) + 1);
    write_file("partners.yaml", without);
    load_directory(2);
    const struct api_state next = in_force(2);
    api_swap(w.api, &next);
    SAY("registry-ty", .path = "/v1/keys");
    refused(403, "sender.unknown_partner");
    assert_int_equal(SAY("bank-a", .path = "/v1/keys"), 200);
}

static void an_answer_that_cannot_be_logged_is_not_given(void **state)
{
    const char *all = codes_body(1000);
    int status = 200;
    (void)state;
    /* the open segment goes on until it is full; the next one has no place */
    assert_int_equal(system(arena_printf(w.arena, "rm -rf %s/access", w.dir)), 0);
    for (int i = 0; i < 20 && status == 200; i++)
        status = SAY("bank-a", .path = "/v1/whitelist/query", .body = all, JSON_BODY);
    refused(503, "store.full");
    assert_null(member("statements"));
    SAY("bank-b", .path = "/v1/whitelist/" LISTED);
    refused(503, "store.full");
    assert_null(header("x-jws-signature"));
    SAY("bank-a", .path = "/v1/whitelist/1234");
    refused(503, "store.full");
    assert_int_equal(SAY("bank-a", .path = "/v1/whoami"), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_ready_nothing_is_told_about_firms),
        cmocka_unit_test(without_a_list_there_is_no_answer),
        cmocka_unit_test(whoami_answers_everybody),
        cmocka_unit_test(strangers_and_paused_are_denied),
        cmocka_unit_test(roles_are_kept_apart),
        cmocka_unit_test(a_statement_is_signed_by_the_partners_algorithm),
        cmocka_unit_test(jose_is_one_compact_token),
        cmocka_unit_test(xml_is_one_signed_element),
        cmocka_unit_test(schemas_are_handed_out_by_name),
        cmocka_unit_test(the_same_statement_is_not_sent_twice),
        cmocka_unit_test(folded_and_doubtful_codes_are_answered_in_normal_form),
        cmocka_unit_test(invalid_codes_are_told_and_logged),
        cmocka_unit_test(parameters_nobody_knows_are_refused),
        cmocka_unit_test(methods_and_paths),
        cmocka_unit_test(queries_keep_order_and_duplicates),
        cmocka_unit_test(queries_as_tokens),
        cmocka_unit_test(queries_have_bounds),
        cmocka_unit_test(queries_are_strict_json),
        cmocka_unit_test(the_gateway_describes_itself),
        cmocka_unit_test(a_reload_cuts_removed_keys_off),
        cmocka_unit_test(an_answer_that_cannot_be_logged_is_not_given),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
