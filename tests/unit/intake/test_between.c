/* What follows from pledges, objections, credit and rights where persons and other partners come between. */
#include "fixture.h"


static const char *const all_kinds[] = {"pledge.registration", "credit.report", "objection", "exclusion.notice",
                                        "right.status", "enterprise.update", "reconciliation", NULL};

static struct partner partner_of(const struct partner *like, const char *id, unsigned roles)
{
    struct partner partner = *like;
    partner.id = partner.name = id;
    partner.roles = roles;
    partner.kinds = all_kinds;
    return partner;
}

static struct answer say(struct world *w, const char *who, unsigned role, const char *id, const char *kind,
                         const char *body)
{
    struct partner partner = partner_of(&w->platform, who, role);
    return SAY(w, .from = &partner, .id = id, .kind = kind, .body = body);
}

static bool disputed(struct world *w, const char *uscc)
{
    struct view view = view_open(w);
    struct store_key key = key_text(uscc);
    struct bytes value;
    struct firm firm;
    struct err err = {0};
    assert_true(store_get(view.txn, TABLE_FIRM, &key, &value));
    NEED(firm_decode(value, uscc, &firm, &err), err);
    view_close(&view);
    return firm.listing.disputed;
}

/* ---- pledges ---- */

static struct answer pledge(struct world *w, const char *id, const char *number, const char *event, const char *rights)
{
    return say(w, "registry-ty", ROLE_REGISTRY, id, "pledge.registration",
               arena_printf(w->arena,
                            "{\"registration_no\":\"%s\",\"event\":\"%s\",\"date\":\"2026-11-23\",\"right_kind\":"
                            "\"patent\",\"pledgors\":[{\"uscc\":\"%s\",\"name\":\"firm\"}],\"pledgee\":{\"name\":"
                            "\"bank\"},\"rights\":[%s]}",
                            number, event, code(w, 1), rights));
}

static const char *right_of(struct world *w, const char *number)
{
    return arena_printf(w->arena, "{\"number\":\"%s\"}", number);
}

/* The state under a registration number, "" when it is not known. */
static const char *pledge_state(struct world *w, const char *number)
{
    struct view view = view_open(w);
    struct pledge found;
    bool known;
    struct err err = {0};
    NEED(pledge_read(view.txn, view.arena, number, &found, &known, &err), err);
    const char *state = known ? pledge_state_name(found.note.state) : "";
    view_close(&view);
    return state;
}

/* A valid number made of the first 12 digits. */
static const char *patent(struct world *w, const char *twelve)
{
    int sum = 0;
    for (int i = 0; i < 12; i++)
        sum += (twelve[i] - '0') * (i % 8 + 2);
    return arena_printf(w->arena, "%s%c", twelve, "0123456789X"[sum % 11]);
}

static void a_filing_for_a_pledged_right_is_let_through_and_takes_nothing(void **state)
{
    struct world *w = *state;
    const char *right = right_of(w, patent(w, "202010123456"));
    assert_string_equal(told(pledge(w, "m-1", "Y1", "registered", right).body, "result"), "accepted");
    struct answer filed = pledge(w, "m-2", "Y2", "filed", right);
    assert_true(filed.pending);
    assert_string_equal(told(filed.body, "code"), "pledge.live_elsewhere");
    assert_string_equal(pledge_state(w, "Y2"), "");
    uint64_t seq = state_of(w, "registry-ty", "m-2").seq;
    decide_by(w, open_proposal(w, "pledge", "Y2"), true, "let it through");
    assert_string_equal(told(later_receipt(w, "registry-ty", "m-2", seq), "result"), "accepted");
    assert_string_equal(pledge_state(w, "Y2"), "filed");
    assert_string_equal(pledge_state(w, "Y1"), "registered");
    assert_string_equal(told(pledge(w, "m-3", "Y2", "accepted", right).body, "result"), "accepted");
    assert_true(pledge(w, "m-4", "Y2", "registered", right).pending);
    assert_string_equal(pledge_state(w, "Y1"), "registered");
    seq = state_of(w, "registry-ty", "m-4").seq;
    decide_by(w, open_proposal(w, "pledge", "Y2"), true, "it stands");
    assert_string_equal(told(later_receipt(w, "registry-ty", "m-4", seq), "result"), "accepted");
    assert_string_equal(pledge_state(w, "Y1"), "superseded");
    assert_string_equal(pledge_state(w, "Y2"), "registered");
    rebuild_is_equal(w);
}

/* The register went on while the question waited: what is granted is judged as things stand then. */
static void what_was_granted_must_still_be_possible(void **state)
{
    struct world *w = *state;
    const char *one = right_of(w, patent(w, "202010123456")), *two = right_of(w, patent(w, "202010123457"));
    pledge(w, "m-1", "Y1", "registered", one);
    assert_true(pledge(w, "m-2", "Y2", "registered", one).pending);
    assert_string_equal(told(pledge(w, "m-3", "Y2", "registered", two).body, "result"), "accepted");
    uint64_t seq = state_of(w, "registry-ty", "m-2").seq;
    decide_by(w, open_proposal(w, "pledge", "Y2"), true, "yes");
    const json_value *later = later_receipt(w, "registry-ty", "m-2", seq);
    assert_string_equal(told(later, "result"), "rejected");
    assert_string_equal(told(later, "code"), "pledge.state");
    assert_string_equal(pledge_state(w, "Y1"), "registered");
    rebuild_is_equal(w);
}

/* ---- objections ---- */

static void exclude(struct world *w, const char *id, const char *action, const char *ground)
{
    const char *body = arena_printf(w->arena,
                                    "{\"rows\":[{\"action\":\"%s\",\"uscc\":\"%s\",\"name\":\"firm\",\"ground\":\"%s\","
                                    "\"effective\":\"2026-11-01\"}]}",
                                    action, code(w, 1), ground);
    struct answer answer = say(w, "onestop-sx", ROLE_PLATFORM, id, "exclusion.notice", body);
    assert_string_equal(told(answer.body, "result"), "accepted");
}

static struct answer object(struct world *w, const char *id, const char *against)
{
    const char *body = arena_printf(w->arena,
                                    "{\"uscc\":\"%s\",\"name\":\"firm\",\"against\":\"%s\",\"statement\":\"\\\"no\\\"\"}",
                                    code(w, 1), against);
    return say(w, "onestop-sx", ROLE_PLATFORM, id, "objection", body);
}

static const char *grant(struct world *w, const char *id)
{
    uint64_t seq = state_of(w, "onestop-sx", id).seq;
    decide_by(w, open_proposal(w, "objection", code(w, 1)), true, "they are right");
    return told(later_receipt(w, "onestop-sx", id, seq), "result");
}

static void only_what_was_objected_to_is_put_right(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 1);
    exclude(w, "m-1", "impose", "abnormal_operation");
    exclude(w, "m-2", "impose", "rights_lapsed");
    assert_true(object(w, "o-1", "rights_lapsed").pending);
    assert_true(disputed(w, code(w, 1)));
    assert_string_equal(grant(w, "o-1"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_SUSPENDED);
    assert_false(disputed(w, code(w, 1)));
    assert_string_equal(told(object(w, "o-2", "rights_lapsed").body, "code"), "objection.against");
    assert_true(object(w, "o-3", "abnormal_operation").pending);
    assert_string_equal(grant(w, "o-3"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
    rebuild_is_equal(w);
}

/* What was objected to has ended by itself: nothing else is undone in its name. */
static void what_has_ended_meanwhile_is_left_alone(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 1);
    exclude(w, "m-1", "impose", "abnormal_operation");
    assert_true(object(w, "o-1", "abnormal_operation").pending);
    exclude(w, "m-2", "impose", "deregistered");
    exclude(w, "m-3", "lift", "abnormal_operation");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_REMOVED);
    assert_true(disputed(w, code(w, 1)));
    assert_string_equal(grant(w, "o-1"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_REMOVED);
    assert_false(disputed(w, code(w, 1)));
    rebuild_is_equal(w);
}

static bool absent_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct ledger_outcome outcome;
    struct fact fact;
    ledger_fact_init(&fact, FACT_ABSENT, arg);
    fact.actor = (struct actor){ACTOR_SOURCE, "bureau-1"};
    return ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err);
}

/* Restoring would undo an absence, which was not what the objection was about. */
static void an_absence_since_then_is_not_undone(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char uscc[USCC_SIZE];
    list_firms(w, 1, 1);
    exclude(w, "m-1", "impose", "abnormal_operation");
    const char *seq = arena_printf(w->arena, "%d", (int)state_of(w, "onestop-sx", "m-1").seq - 1);
    assert_true(object(w, "o-1", seq).pending);
    exclude(w, "m-2", "lift", "abnormal_operation");
    memcpy(uscc, code(w, 1), USCC_SIZE);
    NEED(ledger_run(w->ledger, absent_job, uscc, &err), err);
    assert_int_equal(status_of(w, code(w, 1)), LISTING_REMOVED);
    assert_string_equal(grant(w, "o-1"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_REMOVED);
    assert_false(disputed(w, code(w, 1)));
}

static void the_dispute_ends_with_the_last_objection(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 1);
    exclude(w, "m-1", "impose", "abnormal_operation");
    assert_true(object(w, "o-1", "abnormal_operation").pending);
    const char *first = open_proposal(w, "objection", code(w, 1));
    assert_true(object(w, "o-2", "abnormal_operation").pending);
    uint64_t seq = state_of(w, "onestop-sx", "o-1").seq;
    decide_by(w, first, false, "no");
    assert_string_equal(told(later_receipt(w, "onestop-sx", "o-1", seq), "code"), "objection.dismissed");
    assert_true(disputed(w, code(w, 1)));
    assert_string_equal(grant(w, "o-2"), "accepted");
    assert_false(disputed(w, code(w, 1)));
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
}

static void a_withdrawal_is_the_bureaus_to_put_right(void **state)
{
    struct world *w = *state;
    SAY(w, .id = "m-1", .kind = "certification.batch", .body = one_row(w, "grant", code(w, 1)));
    SAY(w, .id = "m-2", .kind = "certification.batch", .body = one_row(w, "withdraw", code(w, 1)));
    assert_int_equal(status_of(w, code(w, 1)), LISTING_REMOVED);
    const char *seq = arena_printf(w->arena, "%d", (int)state_of(w, "bureau-1", "m-2").seq - 1);
    assert_true(object(w, "o-1", seq).pending);
    assert_string_equal(grant(w, "o-1"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_REMOVED);
    assert_false(disputed(w, code(w, 1)));
    /* the record of the message itself is about no firm */
    seq = arena_printf(w->arena, "%d", (int)state_of(w, "bureau-1", "m-2").seq);
    assert_string_equal(told(object(w, "o-2", seq).body, "code"), "objection.against");
}

/* ---- credit ---- */

static void a_row_of_the_same_message_is_taken_back(void **state)
{
    struct world *w = *state;
    const char *draw = arena_printf(w->arena, "{\"event\":\"drawdown\",\"uscc\":\"%s\",\"loan_no\":\"A\",\"amount_fen\":5,"
                                              "\"date\":\"2026-11-24\"}", code(w, 1));
    const char *back = arena_printf(w->arena, "{\"event\":\"void\",\"uscc\":\"%s\",\"date\":\"2026-11-24\",\"corrects\":"
                                              "\"m-1#0\"}", code(w, 1));
    const char *more = arena_printf(w->arena, "{\"event\":\"drawdown\",\"uscc\":\"%s\",\"loan_no\":\"B\",\"amount_fen\":7,"
                                              "\"date\":\"2026-11-24\",\"corrects\":\"m-1/0\"}", code(w, 1));
    struct answer answer = say(w, "bank-a", ROLE_BANK, "m-1", "credit.report",
                               arena_printf(w->arena, "{\"rows\":[%s,%s,%s]}", draw, back, more));
    assert_string_equal(told(answer.body, "result"), "partial");
    assert_null(row_told(answer.body, 1));
    row_is(answer.body, 2, "rejected", "credit.corrects");
    struct view view = view_open(w);
    struct credit_account account;
    struct err err = {0};
    NEED(credit_account_read(view.txn, view.arena, "bank-a", false, "A", &account, &err), err);
    assert_true(credit_account_balance(&account) == 0 && account.drawn == 0);
    NEED(credit_account_read(view.txn, view.arena, "bank-a", false, "B", &account, &err), err);
    assert_string_equal(account.uscc, "");
    view_close(&view);
    rebuild_is_equal(w);
}

static const char *under_line(struct world *w, const char *loan, int fen, const char *more)
{
    return arena_printf(w->arena,
                        "{\"rows\":[{\"event\":\"drawdown\",\"uscc\":\"%s\",\"credit_no\":\"L\",\"loan_no\":\"%s\","
                        "\"amount_fen\":%d,\"date\":\"2026-11-24\"%s}]}",
                        code(w, 1), loan, fen, more);
}

static void a_better_row_stands_for_a_wrong_one(void **state)
{
    struct world *w = *state;
    say(w, "bank-a", ROLE_BANK, "m-1", "credit.report", under_line(w, "A", 500, ""));
    struct answer answer =
        say(w, "bank-a", ROLE_BANK, "m-2", "credit.report", under_line(w, "B", 50, ",\"corrects\":\"m-1/0\""));
    assert_string_equal(told(answer.body, "result"), "accepted");
    struct view view = view_open(w);
    struct credit_account loan, line;
    struct err err = {0};
    NEED(credit_account_read(view.txn, view.arena, "bank-a", false, "A", &loan, &err), err);
    NEED(credit_account_read(view.txn, view.arena, "bank-a", true, "L", &line, &err), err);
    assert_true(credit_account_balance(&loan) == 0 && credit_account_balance(&line) == 50);
    view_close(&view);
    rebuild_is_equal(w);
}

static const char *on_loan(struct world *w, const char *event, int fen, const char *more)
{
    return arena_printf(w->arena,
                        "{\"rows\":[{\"event\":\"%s\",\"uscc\":\"%s\",\"loan_no\":\"A\",\"amount_fen\":%d,\"date\":"
                        "\"2026-11-24\"%s}]}",
                        event, code(w, 1), fen, more);
}

/* Taking the drawdown back alone would leave repayments of nothing. */
static void a_better_row_on_the_same_loan_is_judged_with_it(void **state)
{
    struct world *w = *state;
    say(w, "bank-a", ROLE_BANK, "m-1", "credit.report", on_loan(w, "drawdown", 600, ""));
    say(w, "bank-a", ROLE_BANK, "m-2", "credit.report", on_loan(w, "repayment", 500, ""));
    struct answer less = say(w, "bank-a", ROLE_BANK, "m-3", "credit.report",
                             on_loan(w, "drawdown", 499, ",\"corrects\":\"m-1/0\""));
    row_is(less.body, 0, "rejected", "credit.sums");
    struct answer enough = say(w, "bank-a", ROLE_BANK, "m-4", "credit.report",
                               on_loan(w, "drawdown", 500, ",\"corrects\":\"m-1/0\""));
    assert_string_equal(told(enough.body, "result"), "accepted");
    rebuild_is_equal(w);
}

/* ---- rights ---- */

static struct answer status_row(struct world *w, const char *id, const char *number, const char *status,
                                const char *uscc)
{
    const char *of = uscc == NULL ? "" : arena_printf(w->arena, "\"uscc\":\"%s\",", uscc);
    return say(w, "onestop-sx", ROLE_PLATFORM, id, "right.status",
               arena_printf(w->arena,
                            "{\"rows\":[{\"right_kind\":\"patent\",\"number\":\"%s\",%s\"status\":\"%s\",\"since\":"
                            "\"2026-11-20\"}]}",
                            number, of, status));
}

static void several_pledgors_are_not_blamed_for_one_right(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 2);
    const char *number = patent(w, "202010123456");
    const char *body = arena_printf(w->arena,
                                    "{\"registration_no\":\"Y1\",\"event\":\"registered\",\"date\":\"2026-11-23\","
                                    "\"right_kind\":\"patent\",\"pledgors\":[{\"uscc\":\"%s\",\"name\":\"a\"},{\"uscc\":"
                                    "\"%s\",\"name\":\"b\"}],\"pledgee\":{\"name\":\"bank\"},\"rights\":[{\"number\":\"%s\"}]}",
                                    code(w, 1), code(w, 2), number);
    say(w, "registry-ty", ROLE_REGISTRY, "m-1", "pledge.registration", body);
    status_row(w, "m-2", number, "lapsed", NULL);
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
    assert_int_equal(status_of(w, code(w, 2)), LISTING_LISTED);
    status_row(w, "m-3", number, "lapsed", code(w, 2));
    assert_int_equal(status_of(w, code(w, 2)), LISTING_SUSPENDED);
    rebuild_is_equal(w);
}

static void a_firm_returns_with_the_last_of_its_rights(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 1);
    const char *one = patent(w, "202010123456"), *two = patent(w, "202010123457");
    status_row(w, "m-1", one, "lapsed", code(w, 1));
    status_row(w, "m-2", two, "invalidated", code(w, 1));
    status_row(w, "m-3", one, "valid", NULL);
    assert_int_equal(status_of(w, code(w, 1)), LISTING_SUSPENDED);
    status_row(w, "m-4", two, "preserved", NULL);
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
}

static void a_lost_right_is_blamed_on_one_firm_at_a_time(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 2);
    const char *number = patent(w, "202010123456");
    status_row(w, "m-1", number, "lapsed", code(w, 1));
    status_row(w, "m-2", number, "lapsed", code(w, 2));
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
    assert_int_equal(status_of(w, code(w, 2)), LISTING_SUSPENDED);
    status_row(w, "m-3", number, "transferred", code(w, 1));
    assert_int_equal(status_of(w, code(w, 2)), LISTING_LISTED);
    rebuild_is_equal(w);
}

static void the_same_word_twice_is_recorded_once(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 1);
    const char *number = patent(w, "202010123456");
    status_row(w, "m-1", number, "lapsed", code(w, 1));
    uint64_t before = journal_length(w);
    assert_string_equal(told(status_row(w, "m-2", number, "lapsed", code(w, 1)).body, "result"), "accepted");
    assert_true(journal_length(w) == before + 1); /* the message alone */
    assert_int_equal(status_of(w, code(w, 1)), LISTING_SUSPENDED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_filing_for_a_pledged_right_is_let_through_and_takes_nothing),
        TEST(what_was_granted_must_still_be_possible),
        TEST(only_what_was_objected_to_is_put_right),
        TEST(what_has_ended_meanwhile_is_left_alone),
        TEST(an_absence_since_then_is_not_undone),
        TEST(the_dispute_ends_with_the_last_objection),
        TEST(a_withdrawal_is_the_bureaus_to_put_right),
        TEST(a_better_row_on_the_same_loan_is_judged_with_it),
        TEST(a_row_of_the_same_message_is_taken_back),
        TEST(a_better_row_stands_for_a_wrong_one),
        TEST(several_pledgors_are_not_blamed_for_one_right),
        TEST(a_firm_returns_with_the_last_of_its_rights),
        TEST(a_lost_right_is_blamed_on_one_firm_at_a_time),
        TEST(the_same_word_twice_is_recorded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
