/* What the guard holds, and how it goes on once a person has decided: exactly once, whatever happens in between. */
#include "fixture.h"

#define FIRMS 30

static struct answer batch(struct world *w, const char *id, const char *body)
{
    return SAY(w, .id = id, .kind = "certification.batch", .body = body);
}

static uint64_t seq_of(struct world *w, const char *id)
{
    return state_of(w, "bureau-1", id).seq;
}

static size_t listed_of(struct world *w, unsigned first, unsigned n)
{
    size_t listed = 0;
    for (unsigned i = 0; i < n; i++)
        listed += status_of(w, code(w, first + i)) == LISTING_LISTED;
    return listed;
}

/* ---- held ---- */

static void withdrawing_a_third_of_the_list_waits(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, FIRMS);
    struct answer answer = batch(w, "m-1", many_rows(w, "withdraw", 1, FIRMS / 3));
    assert_true(answer.pending);
    assert_string_equal(told(answer.body, "result"), "pending");
    row_is(answer.body, 0, "pending", "guard.held");
    row_is(answer.body, FIRMS / 3 - 1, "pending", "guard.held");
    assert_int_equal(listed_of(w, 1, FIRMS), FIRMS);
    assert_int_equal(guard_of(w, "bureau-1"), 0);
    (void)open_proposal(w, "message", "bureau-1/m-1");
    rebuild_is_equal(w);
}

static void only_rows_that_remove_are_held(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, FIRMS);
    const char *rows = many_rows(w, "withdraw", 1, FIRMS / 3);
    const char *body = arena_printf(w->arena, "%.*s,%s,%s]}", (int)(strlen(rows) - 2), rows,
                                    cert_row(w, "grant", code(w, 100), ""), cert_row(w, "grant", "91140100", ""));
    struct answer answer = batch(w, "m-1", body);
    assert_false(answer.pending);
    assert_string_equal(told(answer.body, "result"), "partial");
    assert_int_equal(status_of(w, code(w, 100)), LISTING_LISTED);
    row_is(answer.body, 0, "pending", "guard.held");
    assert_string_equal(told(row_told(answer.body, FIRMS / 3 + 1), "result"), "rejected");
    assert_null(row_told(answer.body, FIRMS / 3));
}

static void a_few_withdrawals_pass_until_their_sum_is_too_large(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, FIRMS);
    assert_string_equal(told(batch(w, "m-1", many_rows(w, "withdraw", 1, 2)).body, "result"), "accepted");
    assert_int_equal(guard_of(w, "bureau-1"), 2);
    assert_string_equal(told(batch(w, "m-2", many_rows(w, "withdraw", 3, 1)).body, "result"), "pending");
    /* another bureau has its own sum */
    w->lister = "bureau-2";
    list_firms(w, FIRMS + 1, 1);
    struct answer other =
        SAY(w, .from = &w->other, .id = "m-1", .kind = "certification.batch", .body = many_rows(w, "withdraw", FIRMS + 1, 1));
    assert_string_equal(told(other.body, "result"), "accepted");
}

/* ---- decided ---- */

static void granted_rows_are_carried_out_once_and_not_counted(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, FIRMS);
    batch(w, "m-1", many_rows(w, "withdraw", 1, 10));
    decide_by(w, open_proposal(w, "message", "bureau-1/m-1"), true, "the bureau confirmed it");
    const json_value *later = later_receipt(w, "bureau-1", "m-1", seq_of(w, "m-1"));
    assert_string_equal(told(later, "of"), "m-1");
    assert_string_equal(told(later, "result"), "accepted");
    assert_int_equal(json_count(json_member(later, "rows")), 10);
    assert_int_equal(listed_of(w, 1, FIRMS), FIRMS - 10);
    assert_int_equal(guard_of(w, "bureau-1"), 0);
    assert_int_equal(entries(w, TABLE_HELD), 0);
    uint64_t length = journal_length(w);
    intake_tick(w->intake);
    assert_int_equal(journal_length(w), length);
    /* the first receipt is what the message's bytes are answered with, as long as there is a record */
    struct answer again = batch(w, "m-1", many_rows(w, "withdraw", 1, 10));
    assert_true(again.duplicate && again.pending);
    rebuild_is_equal(w);
}

static void rejected_rows_are_told_and_change_nothing(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, FIRMS);
    batch(w, "m-1", many_rows(w, "withdraw", 1, 10));
    uint64_t length = journal_length(w);
    decide_by(w, open_proposal(w, "message", "bureau-1/m-1"), false, "a mistake of the sender's");
    const json_value *later = later_receipt(w, "bureau-1", "m-1", seq_of(w, "m-1"));
    assert_string_equal(told(later, "result"), "rejected");
    row_is(later, 9, "rejected", "approval.rejected");
    assert_string_equal(told(row_told(later, 9), "detail"), "a mistake of the sender's");
    assert_int_equal(listed_of(w, 1, FIRMS), FIRMS);
    assert_int_equal(journal_length(w), length + 2); /* the decision and the receipt */
    rebuild_is_equal(w);
}

/* What became of a firm in the meantime is seen when its row's turn comes. */
static void granted_rows_are_judged_by_what_is_then(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, FIRMS);
    batch(w, "m-1", many_rows(w, "withdraw", 1, 10));
    assert_string_equal(told(batch(w, "m-2", many_rows(w, "withdraw", 1, 1)).body, "result"), "accepted");
    decide_by(w, open_proposal(w, "message", "bureau-1/m-1"), true, "yes");
    const json_value *later = later_receipt(w, "bureau-1", "m-1", seq_of(w, "m-1"));
    assert_string_equal(told(later, "result"), "accepted");
    assert_int_equal(guard_of(w, "bureau-1"), 1);
    assert_int_equal(listed_of(w, 1, FIRMS), FIRMS - 10);
}

static void all_forms_are_read_again(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, 3 * FIRMS);
    for (unsigned form = INTAKE_JSON; form <= INTAKE_XML; form++) {
        const char *id = arena_printf(w->arena, "m-%u", form);
        struct answer answer = SAY(w, .form = (enum intake_form)form, .id = id, .kind = "certification.batch",
                                   .body = many_rows(w, "withdraw", 1 + 20 * form, 20));
        assert_true(answer.pending);
        decide_by(w, open_proposal(w, "message", NULL), true, "yes");
        assert_string_equal(told(later_receipt(w, "bureau-1", id, seq_of(w, id)), "result"), "accepted");
        assert_int_equal(listed_of(w, 1 + 20 * form, 20), 0);
    }
}

/* Who did not certify a firm may say that it is withdrawn, and a person decides. */
static void another_bureau_withdraws_with_a_person(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, FIRMS);
    SAY(w, .from = &w->other, .id = "m-1", .kind = "certification.batch", .body = many_rows(w, "withdraw", 1, 1));
    assert_int_equal(listed_of(w, 1, 1), 1);
    decide_by(w, open_proposal(w, "message", "bureau-2/m-1"), true, "the other bureau agrees");
    const json_value *later = later_receipt(w, "bureau-2", "m-1", state_of(w, "bureau-2", "m-1").seq);
    assert_string_equal(told(later, "result"), "accepted");
    assert_int_equal(listed_of(w, 1, 1), 0);
}

/* The partner file no longer names it: it is still the one who said so. */
static void a_sender_may_have_left(void **state)
{
    struct world *w = *state;
    w->lister = "bureau-2";
    list_firms(w, 1, FIRMS);
    SAY(w, .from = &w->other, .id = "m-1", .kind = "certification.batch", .body = many_rows(w, "withdraw", 1, 10));
    decide_by(w, open_proposal(w, "message", "bureau-2/m-1"), true, "yes");
    const json_value *later = later_receipt(w, "bureau-2", "m-1", state_of(w, "bureau-2", "m-1").seq);
    assert_string_equal(told(later, "result"), "accepted");
}

/* ---- what can no longer be carried out ---- */

static bool erase_raw(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct world *w = arg;
    struct store_key key = key_seq(seq_of(w, "m-1"));
    (void)err;
    store_delete(ledger_txn(tx), TABLE_RAW, &key);
    return true;
}

static void erased_bytes_are_answered_with_a_rejection(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    list_firms(w, 1, FIRMS);
    batch(w, "m-1", many_rows(w, "withdraw", 1, 10));
    NEED(ledger_run(w->ledger, erase_raw, w, &err), err);
    decide_by(w, open_proposal(w, "message", "bureau-1/m-1"), true, "yes");
    const json_value *later = later_receipt(w, "bureau-1", "m-1", seq_of(w, "m-1"));
    assert_string_equal(told(later, "result"), "rejected");
    row_is(later, 0, "rejected", "journal.unknown");
    assert_int_equal(listed_of(w, 1, FIRMS), FIRMS);
    assert_int_equal(entries(w, TABLE_HELD), 0);
}

static void a_changed_schema_is_answered_with_a_rejection(void **state)
{
    struct world *w = *state;
    struct catalog *other;
    struct err err = {0};
    list_firms(w, 1, FIRMS);
    batch(w, "m-1", many_rows(w, "withdraw", 1, 10));
    shell(w,
          "cp -r %s/schemas schemas && sed -i 's/^certification.batch,1,/certification.batch,2,/' "
          "schemas/catalog.csv",
          SOURCE_DIR);
    NEED(catalog_load(in_dir(w, "schemas"), &other, &err), err);
    intake_set(w->intake, other, w->partners);
    decide_by(w, open_proposal(w, "message", "bureau-1/m-1"), true, "yes");
    const json_value *later = later_receipt(w, "bureau-1", "m-1", seq_of(w, "m-1"));
    row_is(later, 0, "rejected", "schema.version_unknown");
    assert_int_equal(listed_of(w, 1, FIRMS), FIRMS);
    world_close(w); /* nothing under way may use it any more */
    catalog_free(&other);
    world_open(w);
    world_start(w);
}

/* ---- crashes ---- */

/* The grant is durable, what follows is not. */
static void die_after_decision(struct world *w, const char *proposal, bool grant)
{
    struct err err = {0};
    world_close(w);
    world_open_store(w);
    NEED(ledger_start(w->ledger, &err), err);
    decide_by(w, proposal, grant, "yes");
    world_close(w);
}

static void what_was_granted_before_a_crash_is_done_once(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, FIRMS);
    batch(w, "m-1", many_rows(w, "withdraw", 1, 10));
    die_after_decision(w, open_proposal(w, "message", "bureau-1/m-1"), true);
    world_open(w);
    world_start(w);
    /* before ready, hence already */
    assert_true(state_of(w, "bureau-1", "m-1").latest > seq_of(w, "m-1"));
    assert_int_equal(listed_of(w, 1, FIRMS), FIRMS - 10);
    uint64_t length = journal_length(w);
    world_close(w);
    world_open(w);
    world_start(w);
    assert_int_equal(journal_length(w), length);
    rebuild_is_equal(w);
}

/* ---- many questions ---- */

#define MANY 1100 /* more than are gathered at a time */

static const char *doubtful_rows(struct world *w, unsigned n)
{
    struct buf rows;
    buf_init(&rows, MESSAGE_MAX);
    for (unsigned i = 0; i < n; i++)
        buf_printf(&rows, "%s%s", i == 0 ? "" : ",", cert_row(w, "grant", code_of(w, i + 1, true), ""));
    return batch_of(w, (const char *)kept(w, &rows).p);
}

/* The ids sort as text and the last of them is the last to be looked at. */
static void open_questions_keep_no_others_waiting(void **state)
{
    struct world *w = *state;
    batch(w, "m-1", doubtful_rows(w, MANY));
    assert_int_equal(entries(w, TABLE_HELD), MANY);
    struct view view = view_open(w);
    struct store_walk walk;
    char last[32] = "";
    store_walk_down(&walk, view.txn, TABLE_HELD, NULL, NULL);
    assert_true(store_next(&walk));
    snprintf(last, sizeof(last), "%s", (const char *)walk.key.p);
    store_walk_end(&walk);
    view_close(&view);
    die_after_decision(w, last, true);
    world_open(w);
    world_start(w);
    assert_int_equal(entries(w, TABLE_HELD), MANY - 1);
    assert_true(state_of(w, "bureau-1", "m-1").latest > seq_of(w, "m-1"));
}

static bool decide_all(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct world *w = arg;
    struct store_key prefix = key_waiting(STORE_PREFIX);
    struct store_walk walk;
    const char *ids[MANY];
    size_t n = 0;
    for (store_walk(&walk, ledger_txn(tx), TABLE_APPROVAL, NULL, &prefix); n < MANY && store_next(&walk);)
        ids[n++] = arena_strndup(w->arena, (const char *)walk.value.p, walk.value.n);
    store_walk_end(&walk);
    for (size_t i = 0; i < n; i++)
        CHECK(ledger_close_proposal(tx, ids[i], "overtaken", err));
    return true;
}

static void more_decided_questions_than_one_round_are_all_answered(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    batch(w, "m-1", doubtful_rows(w, MANY));
    NEED(ledger_run(w->ledger, decide_all, w, &err), err); /* no watcher is told of these */
    intake_tick(w->intake);
    assert_int_equal(entries(w, TABLE_HELD), 0);
    assert_int_equal(entries(w, TABLE_OUTBOX), MANY);
}

/* ---- a gateway that stops ---- */

static void nothing_is_lost_when_the_gateway_stops_at_once(void **state)
{
    struct world *w = *state;
    list_firms(w, 1, FIRMS);
    batch(w, "m-1", many_rows(w, "withdraw", 1, 10));
    decide_by(w, open_proposal(w, "message", "bureau-1/m-1"), true, "yes");
    world_close(w);
    world_open(w);
    world_start(w);
    assert_int_equal(listed_of(w, 1, FIRMS), FIRMS - 10);
    assert_int_equal(entries(w, TABLE_OUTBOX), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(withdrawing_a_third_of_the_list_waits),
        TEST(only_rows_that_remove_are_held),
        TEST(a_few_withdrawals_pass_until_their_sum_is_too_large),
        TEST(granted_rows_are_carried_out_once_and_not_counted),
        TEST(rejected_rows_are_told_and_change_nothing),
        TEST(granted_rows_are_judged_by_what_is_then),
        TEST(all_forms_are_read_again),
        TEST(another_bureau_withdraws_with_a_person),
        TEST(a_sender_may_have_left),
        TEST(erased_bytes_are_answered_with_a_rejection),
        TEST(a_changed_schema_is_answered_with_a_rejection),
        TEST(what_was_granted_before_a_crash_is_done_once),
        TEST(open_questions_keep_no_others_waiting),
        TEST(more_decided_questions_than_one_round_are_all_answered),
        TEST(nothing_is_lost_when_the_gateway_stops_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
