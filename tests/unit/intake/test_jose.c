/* The whole message as one flattened JWS: exactly three members, nothing beside what is signed. */
#include "fixture.h"

static const char *text_of(struct world *w, const char *id)
{
    return envelope_and_body(
        w, &(const struct say){.id = id, .kind = "certification.batch", .body = one_row(w, "grant", code(w, 1))});
}

static struct answer post(struct world *w, const char *body)
{
    const struct intake_in in = {.sender = &w->bureau,
                                 .form = INTAKE_JOSE,
                                 .body = bytes_str(body),
                                 .now_ms = T0,
                                 .address = "192.0.2.1",
                                 .trace_id = "0af7651916cd43dd8448eb211c80319c"};
    return deliver(w, &in);
}

static struct answer flattened(struct world *w, const char *protected, const char *payload, const char *signature,
                               const char *more)
{
    return post(w, arena_printf(w->arena, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"%s}", protected,
                                payload, signature, more));
}

static void is_refused(struct world *w, struct answer answer, const char *code_name)
{
    assert_string_equal(answer.code, code_name);
    assert_int_equal(journal_length(w), 0);
}

static void what_was_signed_is_what_is_read(void **state)
{
    struct world *w = *state;
    char **parts = compact_parts(w, text_of(w, "m-1"));
    struct answer answer = flattened(w, parts[0], parts[1], parts[2], "");
    assert_string_equal(told(answer.body, "result"), "accepted");
}

static void an_unprotected_header_is_refused(void **state)
{
    struct world *w = *state;
    char **parts = compact_parts(w, text_of(w, "m-1"));
    is_refused(w, flattened(w, parts[0], parts[1], parts[2], ",\"header\":{\"kid\":\"x\"}"), "signature.header");
    is_refused(w, flattened(w, parts[0], parts[1], parts[2], ",\"header\":{}"), "signature.header");
}

static void further_members_are_refused(void **state)
{
    struct world *w = *state;
    char **parts = compact_parts(w, text_of(w, "m-1"));
    is_refused(w, flattened(w, parts[0], parts[1], parts[2], ",\"extra\":1"), "signature.malformed");
    is_refused(w, flattened(w, parts[0], parts[1], parts[2], ",\"signatures\":[]"), "signature.malformed");
    is_refused(w, flattened(w, parts[0], parts[1], parts[2], ",\"payload\":\"e30\""), "schema.invalid");
}

static void a_member_that_is_missing_or_no_string_is_refused(void **state)
{
    struct world *w = *state;
    char **parts = compact_parts(w, text_of(w, "m-1"));
    is_refused(w, post(w, arena_printf(w->arena, "{\"protected\":\"%s\",\"payload\":\"%s\"}", parts[0], parts[1])),
               "signature.malformed");
    is_refused(w,
               post(w, arena_printf(w->arena, "{\"protected\":{},\"payload\":\"%s\",\"signature\":\"%s\"}", parts[1],
                                    parts[2])),
               "signature.malformed");
    is_refused(w, post(w, "[]"), "signature.malformed");
    is_refused(w, post(w, "{"), "message.malformed");
    is_refused(w, post(w, arena_printf(w->arena, "%s.%s.%s", parts[0], parts[1], parts[2])), "message.malformed");
}

static void another_payload_is_refused(void **state)
{
    struct world *w = *state;
    char **parts = compact_parts(w, text_of(w, "m-1")), **others = compact_parts(w, text_of(w, "m-2"));
    is_refused(w, flattened(w, parts[0], others[1], parts[2], ""), "signature.invalid");
}

/* Joined by dots the parts would read as a good compact JWS; they are none of this form. */
static void parts_that_hold_several_are_refused(void **state)
{
    struct world *w = *state;
    char **parts = compact_parts(w, text_of(w, "m-1"));
    const char *two = arena_printf(w->arena, "%s.%s", parts[0], parts[1]);
    is_refused(w, flattened(w, "", two, parts[2], ""), "signature.malformed");
    is_refused(w, flattened(w, two, parts[2], "", ""), "signature.malformed");
    is_refused(w, flattened(w, parts[0], "", parts[2], ""), "signature.malformed");
}

static void the_algorithm_is_that_of_the_partner_file(void **state)
{
    struct world *w = *state;
    char **parts = compact_parts(w, text_of(w, "m-1"));
    struct buf none;
    buf_init(&none, 100);
    base64_encode(&none, BYTES_LIT("{\"alg\":\"none\"}"), true);
    is_refused(w, flattened(w, (const char *)none.p, parts[1], parts[2], ""), "signature.alg");
    buf_free(&none);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_signed_is_what_is_read),
        TEST(an_unprotected_header_is_refused),
        TEST(further_members_are_refused),
        TEST(a_member_that_is_missing_or_no_string_is_refused),
        TEST(another_payload_is_refused),
        TEST(parts_that_hold_several_are_refused),
        TEST(the_algorithm_is_that_of_the_partner_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
