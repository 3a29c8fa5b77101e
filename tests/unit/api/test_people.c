/* Dialogues of people with the gateway: on the admin listener and on the socket. */
#include "fixture.h"

#define ADMIN(person, ...) SAY(person, .admin = true, __VA_ARGS__)
#define SOCKET(...) SAY(NULL, __VA_ARGS__)

static int start(void **state)
{
    (void)state;
    begin_world("");
    seed(true);
    api_set_ready(w.api, true, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    end_world();
    return 0;
}

static int64_t number(const json_value *object, const char *name)
{
    int64_t value = -1;
    json_integer(json_member(object, name), &value);
    return value;
}

static const json_value *first_item(void)
{
    return json_at(member("items"), 0);
}

static void status_is_one_page(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(i ? SOCKET(.path = "/admin/v1/status") : ADMIN("auditor-1", .path = "/admin/v1/status"), 200);
        assert_string_equal(text("gateway"), "ippledge-sx");
        assert_int_equal(number(member("counts"), "listed"), 1);
        assert_int_equal(number(member("counts"), "checking"), 0);
        assert_true(number(member("journal"), "size") >= 2);
        assert_int_equal(json_count(member("keys")), 2);
        assert_true(number(json_at(member("keys"), 0), "days_left") > 800);
        assert_int_equal(json_count(member("sources")), 1);
        assert_true(number(member("store"), "free_bytes") > 0);
    }
}

static void doctor_says_what_to_do(void **state)
{
    bool found = false;
    (void)state;
    assert_int_equal(ADMIN("observer-1", .path = "/admin/v1/doctor"), 200);
    for (size_t i = 0; i < json_count(member("checks")); i++) {
        const json_value *check = json_at(member("checks"), i);
        found = found || strcmp(inner(check, "name"), "sign.sm2") == 0;
        bool ok = false;
        assert_true(json_boolean(json_member(check, "ok"), &ok));
        assert_true(ok || json_member(check, "next"));
        assert_non_null(json_member(check, "detail_zh"));
    }
    assert_true(found);
}

static void probes_are_open(void **state)
{
    (void)state;
    assert_int_equal(SAY("", .path = "/livez"), 200);
    assert_int_equal(SAY("", .path = "/readyz?verbose"), 200);
    assert_non_null(strstr((const char *)bytes_dup(w.arena, w.answer.body).p, "ok sign.es256"));
    assert_int_equal(SAY("", .path = "/metrics"), 200);
    assert_non_null(strstr((const char *)bytes_dup(w.arena, w.answer.body).p, "pledged_http_requests_total"));
    assert_int_equal(SOCKET(.path = "/metrics"), 200);
    assert_int_equal(ADMIN("bad/unknown", .path = "/livez"), 200);
    SAY("", .path = "/admin/v1/status");
    refused(404, "http.not_found");
    SAY("", .path = "/v1/whoami");
    refused(404, "http.not_found");
}

static void deny_by_default(void **state)
{
    (void)state;
    ADMIN("bad/unknown", .path = "/admin/v1/status");
    refused(403, "sender.unknown_partner");
    ADMIN("observer-1", .path = "/admin/v1/runs", .body = "{\"source\":\"bureau-sx\"}", JSON_BODY);
    refused(403, "sender.role");
    ADMIN("operator-1", .path = "/admin/v1/config/reload", .body = "{}", JSON_BODY);
    refused(403, "sender.role");
    SOCKET(.path = "/admin/v1/approvals/p-1/grant", .body = "{\"comment\":\"x\"}", JSON_BODY);
    refused(403, "sender.role");
}

static void config_and_reload(void **state)
{
    (void)state;
    assert_int_equal(ADMIN("observer-1", .path = "/admin/v1/config"), 200);
    assert_non_null(strstr(text("text"), "ippledge-sx"));
    assert_string_equal(inner(json_member(member("files"), "partners"), "digest"), directory_digest(w.directory, 0));
    assert_int_equal(ADMIN("sysadmin-1", .method = "POST", .path = "/admin/v1/config/reload"), 200);
    assert_int_equal(number(json_root(w.doc), "generation"), 1);
    assert_string_equal(text("text"), "all: well\n");
    ADMIN("sysadmin-1", .method = "POST", .path = "/admin/v1/config/reload");
    refused(422, "config.value");
    assert_int_equal(json_count(member("errors")), 2);
    assert_string_equal(inner(json_at(member("errors"), 0), "place"), "partners.yaml:3:5");
    assert_string_equal(inner(json_at(member("errors"), 0), "code"), "config.unknown");
    assert_string_equal(inner(json_at(member("errors"), 1), "code"), "config.missing");
}

static void firms_are_found(void **state)
{
    static const char *const found[] = {
        "", "?name=%E6%A0%B7%E4%BE%8B", "?city=1401", "?city=140100", "?city=%E5%A4%AA%E5%8E%9F", "?state=listed",
        "?expiring=30d", "?state=listed&city=140105&name=%E7%A7%91%E6%8A%80",
    };
    static const char *const not_found[] = {"?name=nobody", "?city=1402", "?state=removed", "?expiring=5d"};
    (void)state;
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        assert_int_equal(SOCKET(.path = arena_printf(w.arena, "/admin/v1/firms%s", found[i])), 200);
        assert_int_equal(json_count(member("items")), 1);
        assert_string_equal(inner(first_item(), "uscc"), LISTED);
        assert_string_equal(inner(first_item(), "status"), "listed");
    }
    for (size_t i = 0; i < sizeof(not_found) / sizeof(not_found[0]); i++) {
        assert_int_equal(SOCKET(.path = arena_printf(w.arena, "/admin/v1/firms%s", not_found[i])), 200);
        assert_int_equal(json_count(member("items")), 0);
    }
    assert_int_equal(SOCKET(.path = "/admin/v1/firms?after=" LISTED), 200);
    assert_int_equal(json_count(member("items")), 0);
    SOCKET(.path = "/admin/v1/firms?state=happy");
    refused(422, "http.query");
    SOCKET(.path = "/admin/v1/firms?city=atlantis");
    refused(422, "http.query");
}

static void a_firm_and_its_history(void **state)
{
    (void)state;
    assert_int_equal(SOCKET(.path = "/admin/v1/firms/" LISTED), 200);
    assert_string_equal(inner(member("listing"), "status"), "listed");
    assert_string_equal(inner(member("certification"), "source"), "bureau-sx");
    assert_string_equal(json_string(json_at(json_member(member("listing"), "reasons"), 0)), "certified");
    assert_int_equal(SOCKET(.path = "/admin/v1/firms/" LISTED "/history"), 200);
    assert_int_equal(json_count(member("items")), 1);
    assert_string_equal(inner(first_item(), "kind"), "certification");
    assert_string_equal(inner(first_item(), "from"), "not_listed");
    assert_string_equal(inner(first_item(), "to"), "listed");
    assert_string_equal(inner(json_member(first_item(), "actor"), "id"), "bureau-sx");
    SOCKET(.path = "/admin/v1/firms/" NEVER);
    refused(404, "firm.unknown");
    SOCKET(.path = "/admin/v1/firms/123");
    refused(422, "uscc.length");
    assert_int_equal(SOCKET(.path = "/admin/v1/stats"), 200);
    assert_int_equal(number(member("lanes"), "priority"), 1);
    assert_int_equal(json_count(member("cities")), 11);
    assert_int_equal(number(json_at(member("cities"), 0), "listed"), 1);
}

static const char *propose(const char *person)
{
    assert_int_equal(
        ADMIN(person, .path = "/admin/v1/firms/" LISTED "/propose", JSON_BODY,
              .body = "{\"act\":\"suspend\",\"reason\":\"court letter\",\"ground\":\"abnormal_operation\"}"),
        202);
    return arena_strdup(w.arena, text("approval"));
}

static int decide(const char *person, const char *id, const char *how, const char *body)
{
    return ADMIN(person, .path = arena_printf(w.arena, "/admin/v1/approvals/%s/%s", id, how), .body = body, JSON_BODY);
}

static void two_persons_change_a_firm(void **state)
{
    (void)state;
    const char *id = propose("operator-1");
    assert_int_equal(ADMIN("observer-1", .path = "/admin/v1/approvals"), 200);
    assert_int_equal(json_count(member("items")), 1);
    assert_string_equal(inner(first_item(), "id"), id);
    assert_string_equal(inner(json_member(first_item(), "maker"), "id"), "operator-1");
    assert_string_equal(inner(json_member(first_item(), "payload"), "act"), "suspend");
    assert_non_null(strstr(inner(first_item(), "text_zh"), LISTED));
    decide("operator-1", id, "grant", "{\"comment\":\"mine\"}");
    refused(403, "approval.same_person");
    decide("operator-2", id, "grant", "{\"comment\":\"\"}");
    refused(422, "approval.reason");
    assert_int_equal(decide("operator-2", id, "grant", "{\"comment\":\"seen\"}"), 200);
    assert_true(number(json_root(w.doc), "sequence") > 0);
    decide("operator-2", id, "reject", "{\"comment\":\"seen\"}");
    refused(409, "approval.closed");
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" LISTED), 200);
    assert_string_equal(text("status"), "suspended");
    assert_string_equal(json_string(json_at(member("reasons"), 0)), "exclusion.operation");
    assert_int_equal(ADMIN("observer-1", .path = arena_printf(w.arena, "/admin/v1/approvals/%s", id)), 200);
    assert_string_equal(inner(json_member(member("subject"), "listing"), "status"), "suspended");
    assert_int_equal(ADMIN("observer-1", .path = "/admin/v1/approvals"), 200);
    assert_int_equal(json_count(member("items")), 0);
    assert_int_equal(ADMIN("observer-1", .path = "/admin/v1/approvals?all=true"), 200);
    assert_int_equal(json_count(member("items")), 2);
    ADMIN("observer-1", .path = "/admin/v1/approvals/p-999");
    refused(404, "approval.unknown");
}

static void a_region_scope_is_kept(void **state)
{
    (void)state;
    ADMIN("secadmin-1", .path = "/admin/v1/firms/" LISTED "/propose", JSON_BODY,
          .body = "{\"act\":\"restore\",\"reason\":\"x\"}");
    refused(403, "sender.role");
    assert_non_null(strstr(text("detail"), "1402"));
    const char *id = propose("operator-1");
    decide("secadmin-1", id, "grant", "{\"comment\":\"not mine to say\"}");
    refused(403, "sender.role");
    assert_int_equal(ADMIN("secadmin-1", .path = "/admin/v1/firms/" LISTED), 200);
    assert_int_equal(decide("operator-2", id, "reject", "{\"comment\":\"no\"}"), 200);
}

static void proposals_need_sense(void **state)
{
    static const struct { const char *body, *code, *place; } bad[] = {
        {"{\"act\":\"praise\",\"reason\":\"x\"}", "schema.invalid", "/act"},
        {"{\"reason\":\"x\"}", "schema.invalid", "/act"},
        {"{\"act\":\"remove\",\"reason\":\"x\"}", "schema.invalid", "/ground"},
        {"{\"act\":\"remove\",\"reason\":\"x\",\"ground\":\"bad_luck\"}", "schema.invalid", "/ground"},
        {"{\"act\":\"restore\",\"reason\":\" \"}", "approval.reason", "/reason"},
        {"{\"act\":\"restore\"}", "approval.reason", "/reason"},
        {"{\"act\":\"restore\",\"reason\":7}", "schema.type", "/reason"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ADMIN("operator-1", .path = "/admin/v1/firms/" LISTED "/propose", .body = bad[i].body, JSON_BODY);
        refused(422, bad[i].code);
        assert_string_equal(inner(json_at(member("errors"), 0), "pointer"), bad[i].place);
    }
}

static int propose_with(const char *person, const char *key, const char *reason)
{
    return ADMIN(person, .path = "/admin/v1/firms/" NEVER "/propose",
                 .body = arena_printf(w.arena, "{\"act\":\"add\",\"reason\":\"%s\",\"name\":\"someone\"}", reason),
                 .headers = {"Content-Type: application/json", key});
}

static void the_same_key_acts_once(void **state)
{
    (void)state;
    assert_int_equal(propose_with("operator-1", "Idempotency-Key: k-1", "good firm"), 202);
    const char *id = arena_strdup(w.arena, text("approval"));
    assert_null(header("X-Duplicate"));
    assert_int_equal(propose_with("operator-1", "Idempotency-Key: k-1", "good firm"), 202);
    assert_string_equal(text("approval"), id);
    assert_string_equal(header("X-Duplicate"), "true");
    propose_with("operator-1", "Idempotency-Key: k-1", "another reason");
    refused(409, "idempotency.reused");
    propose_with("operator-1", "Idempotency-Key: with space", "good firm");
    refused(400, "http.bad_request");
    /* another person's key is another key */
    propose_with("operator-2", "Idempotency-Key: k-1", "");
    refused(422, "approval.reason");
    propose_with("operator-2", "Idempotency-Key: k-1", "");
    refused(422, "approval.reason");
    assert_string_equal(header("X-Duplicate"), "true");
}

static void other_sites_cannot_post(void **state)
{
    const char *own = arena_printf(w.arena, "Origin: https://127.0.0.1:%d", w.admin_port);
    (void)state;
    ADMIN("operator-1", .method = "POST", .path = "/admin/v1/runs/r-1/cancel",
          .headers = {"Origin: https://evil.example"});
    refused(403, "http.origin");
    ADMIN("operator-1", .method = "POST", .path = "/admin/v1/runs/r-1/cancel", .headers = {"Origin: null"});
    refused(403, "http.origin");
    ADMIN("operator-1", .method = "POST", .path = "/admin/v1/runs/r-1/cancel", .headers = {own});
    refused(404, "run.unknown");
}

static void runs_and_sources(void **state)
{
    (void)state;
    assert_int_equal(SOCKET(.path = "/admin/v1/sources"), 200);
    assert_string_equal(inner(first_item(), "id"), "bureau-sx");
    assert_int_equal(SOCKET(.path = "/admin/v1/runs"), 200);
    assert_int_equal(json_count(member("items")), 0);
    SOCKET(.path = "/admin/v1/runs", .body = "{\"source\":\"nobody\"}", JSON_BODY);
    refused(404, "source.unknown");
    SOCKET(.method = "POST", .path = "/admin/v1/sources/nobody/pause");
    refused(404, "source.unknown");
    SOCKET(.path = "/admin/v1/runs", .body = "{}", JSON_BODY);
    refused(422, "schema.invalid");
    SOCKET(.path = "/admin/v1/runs/r-404");
    refused(404, "run.unknown");
    SOCKET(.path = "/admin/v1/runs/r-404/diff");
    refused(404, "run.unknown");
}

static void partners_and_adapters(void **state)
{
    (void)state;
    assert_int_equal(SOCKET(.path = "/admin/v1/partners"), 200);
    assert_true(json_count(member("items")) >= 10);
    assert_int_equal(SOCKET(.path = "/admin/v1/partners/bank-b"), 200);
    assert_string_equal(text("alg"), "SM2");
    assert_int_equal(json_count(member("tls_keys")), 1);
    assert_string_equal(inner(member("delivery"), "state"), "ok");
    SOCKET(.path = "/admin/v1/partners/nobody");
    refused(404, "partner.unknown");
    assert_int_equal(SOCKET(.method = "POST", .path = "/admin/v1/partners/bank-a/test"), 200);
    assert_int_equal(json_count(member("steps")), 3);
    /* nobody listens at the bureau's address */
    assert_int_equal(SOCKET(.method = "POST", .path = "/admin/v1/partners/bureau-sx/test"), 200);
    const json_value *last = json_at(member("steps"), json_count(member("steps")) - 1);
    bool ok = true;
    assert_string_equal(inner(last, "name"), "tcp");
    assert_true(json_boolean(json_member(last, "ok"), &ok) && !ok);
    assert_int_equal(SOCKET(.path = "/admin/v1/adapters"), 200);
    SOCKET(.path = "/admin/v1/adapters/nothing");
    refused(404, "adapter.unknown");
}

static void the_journal_can_be_checked(void **state)
{
    (void)state;
    assert_int_equal(SOCKET(.path = "/admin/v1/journal/head"), 200);
    assert_string_equal(text("origin"), "ippledge-sx.log");
    int64_t size = number(json_root(w.doc), "size");
    const char *root = arena_strdup(w.arena, text("root"));
    assert_int_equal(SOCKET(.method = "POST", .path = "/admin/v1/journal/verify"), 200);
    assert_string_equal(text("root"), root);
    assert_int_equal(number(json_root(w.doc), "verified"), size);
    assert_int_equal(SOCKET(.path = "/admin/v1/journal/verify", .body = "{\"from\":2}", JSON_BODY), 200);
    assert_int_equal(number(json_root(w.doc), "verified"), size - 1);
    assert_int_equal(SOCKET(.path = "/admin/v1/journal/export?limit=2"), 200);
    assert_string_equal(header("Content-Type"), "application/x-ndjson");
    const char *lines = (const char *)bytes_dup(w.arena, w.answer.body).p;
    assert_int_equal(strncmp(lines, "{\"seq\":1,\"leaf\":\"", 17), 0);
    assert_ptr_equal(strchr(strchr(lines, '\n') + 1, '\n') + 1, lines + w.answer.body.n);
    assert_int_equal(SOCKET(.path = "/admin/v1/journal/export?from=100000"), 200);
    assert_int_equal(w.answer.body.n, 0);
}

static void what_was_asked_can_be_found(void **state)
{
    (void)state;
    assert_int_equal(SAY("bank-a", .path = "/v1/whitelist/" NEVER), 200);
    const char *id = arena_strdup(w.arena, header("X-Request-Id"));
    assert_int_equal(ADMIN("auditor-1", .path = "/admin/v1/access?uscc=91140105ma0kaaa27j&partner=bank-a&since=1h"),
                     200);
    assert_int_equal(json_count(member("items")), 1);
    assert_string_equal(inner(first_item(), "request_id"), id);
    assert_string_equal(inner(first_item(), "outcome"), "not_listed");
    assert_string_equal(inner(first_item(), "route"), "whitelist.get");
    assert_int_equal(ADMIN("auditor-1", .path = "/admin/v1/access?partner=bank-b"), 200);
    assert_int_equal(json_count(member("items")), 0);
    ADMIN("auditor-1", .path = "/admin/v1/access?since=yesterday");
    refused(422, "http.query");
}

static void the_state_follows_from_the_journal(void **state)
{
    bool equal = false;
    (void)state;
    assert_int_equal(SOCKET(.path = "/admin/v1/db/stat"), 200);
    assert_int_equal(json_count(member("tables")), TABLE_COUNT);
    ADMIN("observer-1", .method = "POST", .path = "/admin/v1/db/rebuild");
    refused(403, "sender.role");
    if (SOCKET(.method = "POST", .path = "/admin/v1/db/rebuild") != 200)
        fail_msg("%s", text("detail"));
    assert_true(json_boolean(member("equal"), &equal) && equal);
    assert_true(number(json_root(w.doc), "records") >= 4);
}

static void the_description_is_here_too(void **state)
{
    (void)state;
    assert_int_equal(SOCKET(.path = "/v1/openapi.json"), 200);
    assert_int_equal(SOCKET(.path = "/v1/whoami"), 200);
    assert_string_equal(text("partner"), getuid() == 0 ? "root" : "local");
    SOCKET(.path = "/v1/whitelist/" LISTED);
    refused(404, "http.not_found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_one_page),
        cmocka_unit_test(doctor_says_what_to_do),
        cmocka_unit_test(probes_are_open),
        cmocka_unit_test(deny_by_default),
        cmocka_unit_test(config_and_reload),
        cmocka_unit_test(firms_are_found),
        cmocka_unit_test(a_firm_and_its_history),
        cmocka_unit_test(a_region_scope_is_kept),
        cmocka_unit_test(two_persons_change_a_firm),
        cmocka_unit_test(proposals_need_sense),
        cmocka_unit_test(the_same_key_acts_once),
        cmocka_unit_test(other_sites_cannot_post),
        cmocka_unit_test(runs_and_sources),
        cmocka_unit_test(partners_and_adapters),
        cmocka_unit_test(the_journal_can_be_checked),
        cmocka_unit_test(what_was_asked_can_be_found),
        cmocka_unit_test(the_state_follows_from_the_journal),
        cmocka_unit_test(the_description_is_here_too),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
