/* Rows of a source: taken without a signature under the source's authority, once each, by the same judgement as messages. */
#include "fixture.h"

static const struct source registry = {.id = "registry-ty", .name = "agency", .adapter = "registry",
                                       .feeds = "pledge.registration"};

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static const char *pledge(struct world *w, const char *number, const char *more)
{
    return arena_printf(w->arena,
                        "{\"registration_no\":\"%s\",\"event\":\"registered\",\"date\":\"2026-11-20\",\"right_kind\":"
                        "\"trademark\",\"pledgors\":[{\"uscc\":\"%s\",\"name\":\"firm\"}],\"pledgee\":{\"name\":\"bank\"},"
                        "\"rights\":[{\"number\":\"10000000\",\"class\":\"9\"}]%s}",
                        number, code(w, 1), more);
}

/* What became of a row; texts in the world's memory. */
struct told_row {
    const char *code, *result, *field;
    bool duplicate;
    uint64_t sequence, proposal;
    const char *id;
};

static void decide(struct world *w, struct intake_case *c, struct told_row *told)
{
    struct outcome outcome;
    struct intake_outcome seen;
    struct err err = {0};

    outcome_init(&outcome);
    NEED(intake_decide(c, outcome_done, &outcome, &err), err);
    outcome_wait(&outcome);
    NEED(outcome.err.code == ERR_NONE, outcome.err);
    intake_outcome(c, &seen);
    *told = (struct told_row){arena_strdup(w->arena, seen.code), arena_strdup(w->arena, seen.result),
                              arena_strdup(w->arena, seen.field), intake_duplicate(c), seen.sequence, seen.proposal,
                              arena_strdup(w->arena, intake_envelope(c)->id)};
}

static struct told_row row_of(struct world *w, const struct source *source, const char *body)
{
    const struct intake_row row = {.source = source, .body = bytes_str(body), .now_ms = clock_wall_ms(), .trace_id = "run-1"};
    struct told_row told = {.result = "", .field = ""};
    struct intake_case *c = NULL;
    struct err err = {0};

    if (intake_row(w->intake, &row, &c, &err))
        decide(w, c, &told);
    else
        told.code = err_info(err.code)->code;
    intake_close(&c);
    return told;
}

/* ---- what follows ------------------------------------------------------------------------------------------------ */

static void a_row_is_taken_once(void **state)
{
    struct world *w = *state;
    struct told_row first = row_of(w, &registry, pledge(w, "Y1", "")), again;

    assert_string_equal(first.result, "accepted");
    assert_int_equal(strlen(first.id), 4 + 48);
    assert_int_equal(state_of(w, "registry-ty", first.id).seq, first.sequence);
    uint64_t length = journal_length(w);
    again = row_of(w, &registry, pledge(w, "Y1", ""));
    assert_true(again.duplicate && again.sequence == first.sequence && strcmp(again.id, first.id) == 0);
    assert_int_equal(journal_length(w), length);
    assert_int_equal(entries(w, TABLE_PLEDGE), 1);
    assert_int_equal(entries(w, TABLE_OUTBOX), 0);
    rebuild_is_equal(w);
}

static void a_rejected_row_is_told_each_time(void **state)
{
    struct world *w = *state;

    row_of(w, &registry, pledge(w, "Y1", ""));
    for (int i = 0; i < 2; i++) {
        struct told_row told = row_of(w, &registry, pledge(w, "Y1", ",\"valid_until\":\"2030-01-01\""));
        if (i == 0) { /* order of members is no matter */
            assert_string_equal(told.field, "event");
            assert_false(told.duplicate);
        }
        assert_string_equal(told.result, "rejected");
        assert_string_equal(told.code, "pledge.state");
    }
}

static void a_row_that_waits_goes_on_when_granted(void **state)
{
    struct world *w = *state;
    struct told_row told;

    row_of(w, &registry, pledge(w, "Y1", ""));
    told = row_of(w, &registry, pledge(w, "Y2", ""));
    assert_string_equal(told.result, "pending");
    assert_string_equal(told.code, "pledge.live_elsewhere");
    const char *proposal = open_proposal(w, "pledge", "Y2");
    assert_string_equal(proposal, arena_printf(w->arena, "p-%llu", (unsigned long long)told.proposal));
    decide_by(w, proposal, true, "the register is right");
    const json_value *later = later_receipt(w, "registry-ty", told.id, told.sequence);
    assert_string_equal(json_string(json_member(later, "result")), "accepted");
    assert_int_equal(entries(w, TABLE_OUTBOX), 0); /* nobody sent it, so nobody is written to */
    rebuild_is_equal(w);
}

static void what_is_no_body_of_its_kind_is_refused(void **state)
{
    static const char *const bodies[][2] = {
        {"", "message.malformed"},
        {"[]", "message.malformed"},
        {"{}", "schema.invalid"},
        {"{},\"envelope\":{}", "message.malformed"},
        {"{\"registration_no\":\"Y1\",\"registration_no\":\"Y2\"}", NULL},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        struct told_row told = row_of(w, &registry, bodies[i][0]);
        assert_string_equal(told.result, "");
        if (bodies[i][1] != NULL)
            assert_string_equal(told.code, bodies[i][1]);
    }
    assert_int_equal(entries(w, TABLE_PLEDGE), 0);
}

static void a_list_tells_no_messages(void **state)
{
    const struct source list = {.id = "bureau-1", .name = "bureau"}, asks = {.id = "x", .name = "x", .feeds = "echo"},
                        outward = {.id = "x", .name = "x", .feeds = "whitelist.change"};
    struct world *w = *state;

    assert_string_equal(row_of(w, &list, pledge(w, "Y1", "")).code, "sender.kind");
    assert_string_equal(row_of(w, &asks, "{}").code, "sender.kind");
    assert_string_not_equal(row_of(w, &outward, "{}").code, "");
    assert_int_equal(entries(w, TABLE_MESSAGE), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_row_is_taken_once),
        TEST(a_rejected_row_is_told_each_time),
        TEST(a_row_that_waits_goes_on_when_granted),
        TEST(what_is_no_body_of_its_kind_is_refused),
        TEST(a_list_tells_no_messages),
    };

    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
