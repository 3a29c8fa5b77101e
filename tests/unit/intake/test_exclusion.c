/* Exclusions: imposed by whoever may, lifted by the one who imposed them, compared by a person where the name is
 * another. */
#include "fixture.h"

static const char *notice(struct world *w, const char *action, unsigned firm, const char *name, const char *ground)
{
    return arena_printf(w->arena,
                        "{\"rows\":[{\"action\":\"%s\",\"uscc\":\"%s\",\"name\":\"%s\",\"ground\":\"%s\","
                        "\"effective\":\"2026-11-20\"}]}",
                        action, code(w, firm), name, ground);
}

static struct answer platform(struct world *w, const char *id, const char *body)
{
    return SAY(w, .from = &w->platform, .id = id, .kind = "exclusion.notice", .body = body);
}

static void an_exclusion_takes_effect_at_once(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 5);
    struct answer answer = platform(w, "m-1", notice(w, "impose", 1, "FIRM", "serious_dishonesty"));
    assert_string_equal(told(answer.body, "result"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_REMOVED);
    assert_int_equal(guard_of(w, "onestop-sx"), 1);
    rebuild_is_equal(w);
}

static void another_name_waits_and_is_carried_out_when_granted(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 5);
    struct answer answer = platform(w, "m-1", notice(w, "impose", 1, "somebody else", "serious_dishonesty"));
    assert_true(answer.pending);
    row_is(answer.body, 0, "pending", "firm.name");
    assert_string_equal(told(row_told(answer.body, 0), "field"), "name");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
    decide_by(w, open_proposal(w, "message", "onestop-sx/m-1"), true, "renamed");
    const json_value *later = later_receipt(w, "onestop-sx", "m-1", state_of(w, "onestop-sx", "m-1").seq);
    assert_string_equal(told(later, "result"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_REMOVED);
    assert_int_equal(guard_of(w, "onestop-sx"), 0);
    rebuild_is_equal(w);
}

static void another_name_is_not_carried_out_when_rejected(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 5);
    platform(w, "m-1", notice(w, "impose", 1, "somebody else", "serious_dishonesty"));
    decide_by(w, open_proposal(w, "message", "onestop-sx/m-1"), false, "not this one");
    row_is(later_receipt(w, "onestop-sx", "m-1", state_of(w, "onestop-sx", "m-1").seq), 0, "rejected",
           "approval.rejected");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
}

static void only_the_imposer_lifts(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 5);
    platform(w, "m-1", notice(w, "impose", 1, "firm", "abnormal_operation"));
    assert_int_equal(status_of(w, code(w, 1)), LISTING_SUSPENDED);
    struct answer other =
        SAY(w, .id = "m-1", .kind = "exclusion.notice", .body = notice(w, "lift", 1, "firm", "abnormal_operation"));
    assert_string_equal(told(other.body, "result"), "rejected");
    row_is(other.body, 0, "rejected", "firm.state");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_SUSPENDED);
    struct answer own = platform(w, "m-2", notice(w, "lift", 1, "firm", "abnormal_operation"));
    assert_string_equal(told(own.body, "result"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
    rebuild_is_equal(w);
}

static void an_end_before_its_beginning_is_refused(void **state)
{
    struct world *w = *state;
    const char *body =
        arena_printf(w->arena,
                     "{\"rows\":[{\"action\":\"impose\",\"uscc\":\"%s\",\"name\":\"firm\",\"ground\":\"moved_out\","
                     "\"effective\":\"2026-11-20\",\"until\":\"2026-11-19\"}]}",
                     code(w, 1));
    struct answer answer = platform(w, "m-1", body);
    row_is(answer.body, 0, "rejected", "list.row_field");
    assert_string_equal(told(row_told(answer.body, 0), "field"), "until");
}

static void too_many_exclusions_wait_like_withdrawals(void **state)
{
    struct world *w = *state;
    struct buf rows;
    buf_init(&rows, 1 << 20);
    list_firms(w, 1, 30);
    for (unsigned i = 1; i <= 10; i++)
        buf_printf(&rows,
                   "%s{\"action\":\"impose\",\"uscc\":\"%s\",\"name\":\"firm\",\"ground\":\"moved_out\","
                   "\"effective\":\"2026-11-20\"}",
                   i == 1 ? "" : ",", code(w, i));
    struct answer answer =
        platform(w, "m-1", arena_printf(w->arena, "{\"rows\":[%s]}", (const char *)kept(w, &rows).p));
    assert_true(answer.pending);
    row_is(answer.body, 9, "pending", "guard.held");
    assert_int_equal(tally_of(w, "listed"), 30);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_exclusion_takes_effect_at_once),
        TEST(another_name_waits_and_is_carried_out_when_granted),
        TEST(another_name_is_not_carried_out_when_rejected),
        TEST(only_the_imposer_lifts),
        TEST(an_end_before_its_beginning_is_refused),
        TEST(too_many_exclusions_wait_like_withdrawals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
