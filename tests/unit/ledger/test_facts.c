/* Facts: what becomes of a firm, what the tables then say, the guard, and what time alone does. */
#include "fixture.h"

static void a_certified_firm_is_listed_and_found_everywhere(void **state)
{
    struct world *w = *state;
    struct fact fact = row_of(code(1), "山西样例有限公司");
    fact.row.valid_until = date_of_ms(T0) + 100;
    struct ledger_outcome outcome = write_fact(w, fact);
    assert_true(outcome.changed && outcome.seq == 1 && outcome.from == LISTING_NONE && outcome.to == LISTING_LISTED);
    assert_int_equal(outcome.action, CERT_GRANT);
    struct view view = view_open(w);
    struct firm firm = firm_in(&view, code(1));
    assert_string_equal(firm.name, "山西样例有限公司");
    assert_string_equal(firm.certification.source, "bureau-sx");
    assert_true(firm.listing.sequence == 1 && firm.last_sequence == 1);
    struct bytes value;
    struct store_key history = key_history(code(1), 1), status = key_status(LISTING_LISTED, code(1));
    struct store_key due = key_due(date_of_ms(T0) + 101, code(1));
    assert_true(store_get(view.txn, TABLE_HISTORY, &history, &value) && value.n == 8 &&
                get_be64(value.p) == (uint64_t)T0);
    assert_true(store_get(view.txn, TABLE_STATUS, &status, &value));
    assert_true(store_get(view.txn, TABLE_DUE, &due, &value));
    struct record record = record_in(w, &view, 1);
    assert_int_equal(record.kind, RECORD_CERTIFICATION);
    assert_true(record.time_ms == T0);
    assert_string_equal(record.rules, "2026-1");
    struct err err = {0};
    NEED(journal_read_raw(w->journal, view.txn, 1, &value, &err), err);
    assert_true(bytes_equal(value, BYTES_LIT("raw")));
    view_close(&view);
    assert_int_equal(tally_of(w, "listed"), 1);
    rebuild_is_equal(w);
}

static void a_row_that_says_nothing_new_writes_nothing(void **state)
{
    struct world *w = *state;
    write_fact(w, row_of(code(1), "firm"));
    int64_t commits = metric_get(METRIC_COMMITS);
    struct ledger_outcome outcome = write_fact(w, row_of(code(1), "firm"));
    assert_false(outcome.changed);
    assert_true(outcome.seq == 0);
    assert_int_equal(journal_length(w), 1);
    assert_true(metric_get(METRIC_COMMITS) == commits);
}

static void a_withdrawal_moves_the_firm_in_every_index(void **state)
{
    struct world *w = *state;
    struct fact fact = row_of(code(1), "firm");
    fact.row.valid_until = date_of_ms(T0) + 100;
    write_fact(w, fact);
    struct ledger_outcome outcome = write_fact(w, withdrawal_of(code(1)));
    assert_true(outcome.removes && outcome.from == LISTING_LISTED && outcome.to == LISTING_REMOVED);
    struct view view = view_open(w);
    struct bytes value;
    struct store_key listed = key_status(LISTING_LISTED, code(1)), removed = key_status(LISTING_REMOVED, code(1));
    assert_false(store_get(view.txn, TABLE_STATUS, &listed, &value));
    assert_true(store_get(view.txn, TABLE_STATUS, &removed, &value));
    struct store_walk walk;
    store_walk(&walk, view.txn, TABLE_DUE, NULL, NULL);
    assert_false(store_next(&walk));
    view_close(&view);
    assert_int_equal(tally_of(w, "listed"), 0);
    assert_int_equal(tally_of(w, "removed"), 1);
    rebuild_is_equal(w);
}

struct looked {
    struct ledger_outcome look;
    struct firm known;
    bool is_known;
    uint64_t next;
};

static bool look_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct looked *looked = arg;
    struct fact fact = row_of(code(5), "firm");
    CHECK(ledger_look(tx, &fact, &looked->look, err));
    looked->next = ledger_next_sequence(tx);
    return ledger_firm(tx, code(5), &looked->known, &looked->is_known, err);
}

static void looking_writes_nothing(void **state)
{
    struct world *w = *state;
    struct looked looked = {0};
    struct err err = {0};
    NEED(ledger_run(w->ledger, look_job, &looked, &err), err);
    assert_true(looked.look.changed && looked.look.to == LISTING_LISTED && looked.next == 1);
    assert_false(looked.is_known);
    assert_int_equal(journal_length(w), 0);
    assert_int_equal(status_of(w, code(5)), LISTING_NONE);
}

static void without_rules_nothing_is_decided(void **state)
{
    struct world *w = *state;
    struct fact fact = row_of(code(1), "firm");
    struct decided decided = {&fact, 1, {0}};
    struct err err = {0};
    clock_test_set(T0 - 800 * DAY, 1000); /* before the first version */
    assert_false(ledger_run(w->ledger, decide_facts, &decided, &err));
    assert_int_equal(err.code, ERR_RULES_NONE);
}

/* ---- guard ---- */

struct judged {
    const char *source;
    int64_t wanted;
    struct ledger_guard guard;
};

static bool judge_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct judged *judged = arg;
    return ledger_guard_judge(tx, judged->source, judged->wanted, &judged->guard, err);
}

static struct ledger_guard judge(struct world *w, const char *source, int64_t wanted)
{
    struct judged judged = {source, wanted, {0}};
    struct err err = {0};
    NEED(ledger_run(w->ledger, judge_job, &judged, &err), err);
    return judged.guard;
}

static void what_leaves_is_summed_over_a_day_and_source(void **state)
{
    struct world *w = *state;
    list_firms(w, 0, 200);
    struct ledger_guard guard = judge(w, "bureau-sx", 10);
    assert_true(guard.listed == 200 && guard.limit == 10 && guard.taken == 0 && guard.allowed);
    assert_false(judge(w, "bureau-sx", 11).allowed);
    for (unsigned i = 0; i < 6; i++)
        write_fact(w, withdrawal_of(code(i)));
    guard = judge(w, "bureau-sx", 4);
    assert_true(guard.listed == 194 && guard.taken == 6 && guard.allowed);
    assert_false(judge(w, "bureau-sx", 5).allowed);
    assert_true(judge(w, "bureau-ty", 5).taken == 0);
    assert_true(judge(w, "bureau-s", 5).taken == 0); /* a name that begins alike */
    clock_test_set(T0 + 23 * HOUR, 1000);
    assert_true(judge(w, "bureau-sx", 1).taken == 6);
    write_fact(w, withdrawal_of(code(7)));
    clock_test_set(T0 + 26 * HOUR, 1000);
    assert_true(judge(w, "bureau-sx", 1).taken == 1);
    rebuild_is_equal(w);
}

static void a_small_list_may_lose_two(void **state)
{
    struct world *w = *state;
    list_firms(w, 0, 3);
    assert_true(judge(w, "bureau-sx", 2).allowed);
    assert_false(judge(w, "bureau-sx", 3).allowed);
}

static void what_a_person_granted_does_not_count(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    list_firms(w, 0, 20);
    NEED(ledger_run(w->ledger, put_held_run, (void *)(uintptr_t) "run-9", &err), err);
    propose_run(w, "run", "run-9", "", id);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    for (unsigned i = 0; i < 5; i++) {
        struct fact fact = withdrawal_of(code(i));
        fact.origin = "run-9";
        fact.approval_id = id;
        write_fact(w, fact);
    }
    assert_int_equal(tally_of(w, "removed"), 5);
    assert_true(judge(w, "bureau-sx", 0).taken == 0);
    write_fact(w, withdrawal_of(code(6)));
    assert_true(judge(w, "bureau-sx", 0).taken == 1);
    rebuild_is_equal(w);
}

/* ---- time ---- */

static int64_t pass_time(struct world *w)
{
    int64_t next;
    struct err err = {0};
    NEED(ledger_time(w->ledger, &next, &err), err);
    return next;
}

static void list_until(struct world *w, unsigned i, date_day until)
{
    struct fact fact = row_of(code(i), "firm");
    fact.row.valid_until = until;
    write_fact(w, fact);
}

static void a_certification_ends_with_its_last_day(void **state)
{
    struct world *w = *state;
    date_day today = date_of_ms(T0);
    list_until(w, 1, today + 3);
    list_until(w, 2, today + 9);
    assert_true(pass_time(w) == date_start_ms(today + 4));
    clock_test_set(date_start_ms(today + 4) - 1, 1000);
    pass_time(w);
    assert_int_equal(status_of(w, code(1)), LISTING_LISTED);
    clock_test_set(date_start_ms(today + 4), 1000);
    assert_true(pass_time(w) == date_start_ms(today + 10));
    assert_int_equal(status_of(w, code(1)), LISTING_EXPIRED);
    assert_int_equal(status_of(w, code(2)), LISTING_LISTED);
    rebuild_is_equal(w);
}

static void what_came_due_while_the_daemon_was_down_is_written_before_ready(void **state)
{
    struct world *w = *state;
    date_day today = date_of_ms(T0);
    list_until(w, 1, today + 3);
    world_close(w);
    clock_test_set(T0 + 30 * DAY, 1000);
    world_open(w);
    world_start(w);
    struct view view = view_open(w);
    struct firm firm = firm_in(&view, code(1));
    assert_int_equal(firm.listing.status, LISTING_EXPIRED);
    assert_int_equal(firm.listing.since, today + 4); /* as of the day it was due */
    struct record record = record_in(w, &view, 2);
    assert_true(record.due_ms == date_start_ms(today + 4) && record.time_ms == T0 + 30 * DAY);
    assert_int_equal(record.actor.kind, ACTOR_TIMER);
    view_close(&view);
    rebuild_is_equal(w);
}

static void two_things_of_one_firm_on_one_day(void **state)
{
    struct world *w = *state;
    date_day today = date_of_ms(T0);
    list_until(w, 1, today + 3);
    struct fact impose = fact_of(FACT_IMPOSE, ACTOR_PARTNER, "onestop-sx", code(1));
    impose.ground = GROUND_ABNORMAL_OPERATION;
    impose.until = today + 3;
    write_fact(w, impose);
    assert_int_equal(status_of(w, code(1)), LISTING_SUSPENDED);
    clock_test_set(date_start_ms(today + 4), 1000);
    assert_true(pass_time(w) == 0);
    assert_int_equal(status_of(w, code(1)), LISTING_EXPIRED);
    struct view view = view_open(w);
    assert_int_equal(firm_in(&view, code(1)).exclusion_n, 0);
    view_close(&view);
    rebuild_is_equal(w);
}

/* A job that fails beside the sweep makes the committer decide the sweep again. */
static bool write_and_fail(struct ledger_tx *tx, void *arg, struct err *err)
{
    (void)arg;
    store_set_number(ledger_txn(tx), TABLE_META, "nothing", 1);
    return err_set(err, ERR_CANCELLED, "test", "fails after writing");
}

static void *submit_failures(void *arg)
{
    struct world *w = arg;
    for (int i = 0; i < 200; i++) {
        struct err err = {0};
        assert_false(ledger_run(w->ledger, write_and_fail, NULL, &err));
    }
    return NULL;
}

static void thousands_come_due_on_one_day(void **state)
{
    enum { FIRMS = 2500 };
    struct world *w = *state;
    pthread_t thread;
    date_day today = date_of_ms(T0);
    for (unsigned i = 0; i < FIRMS; i += 500) {
        struct fact facts[500];
        char codes[500][USCC_SIZE];
        struct err err = {0};
        for (unsigned k = 0; k < 500; k++) {
            memcpy(codes[k], code(i + k), USCC_SIZE);
            facts[k] = row_of(codes[k], "firm");
            facts[k].row.valid_until = today + 3;
        }
        struct decided decided = {facts, 500, {0}};
        NEED(ledger_run(w->ledger, decide_facts, &decided, &err), err);
    }
    clock_test_set(T0 + 10 * DAY, 1000);
    assert_int_equal(pthread_create(&thread, NULL, submit_failures, w), 0);
    assert_true(pass_time(w) == 0);
    pthread_join(thread, NULL);
    assert_int_equal(tally_of(w, "expired"), FIRMS);
    assert_int_equal(tally_of(w, "listed"), 0);
    assert_int_equal(journal_length(w), 2 * FIRMS);
    rebuild_is_equal(w);
}

static void a_clock_that_steps_back_does_not_turn_the_journal_back(void **state)
{
    struct world *w = *state;
    clock_test_set(T0 + HOUR, 1000);
    write_fact(w, row_of(code(1), "firm"));
    clock_test_set(T0, 1000);
    write_fact(w, row_of(code(2), "firm"));
    world_restart(w);
    write_fact(w, row_of(code(3), "firm"));
    clock_test_set(T0 + 2 * HOUR, 1000);
    write_fact(w, row_of(code(4), "firm"));
    struct view view = view_open(w);
    static const int64_t times[] = {T0 + HOUR, T0 + HOUR, T0 + HOUR, T0 + 2 * HOUR};
    for (uint64_t seq = 1; seq <= 4; seq++)
        assert_true(record_in(w, &view, seq).time_ms == times[seq - 1]);
    view_close(&view);
    journal_is_good(w);
}

/* ---- configuration and sources ---- */

static void a_configuration_is_recorded_when_it_changes(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    NEED(ledger_saw_config(w->ledger, "rules", "aa", "2026-1", &err), err);
    NEED(ledger_saw_config(w->ledger, "rules", "aa", "2026-1", &err), err);
    NEED(ledger_saw_config(w->ledger, "partners", "aa", "", &err), err);
    assert_int_equal(journal_length(w), 2);
    NEED(ledger_saw_config(w->ledger, "rules", "bb", "2026-2", &err), err);
    NEED(ledger_saw_config(w->ledger, "rules", "aa", "2026-1", &err), err);
    assert_int_equal(journal_length(w), 4);
    struct view view = view_open(w);
    struct record record = record_in(w, &view, 3);
    assert_int_equal(record.kind, RECORD_CONFIG);
    assert_string_equal(record.object, "rules");
    assert_string_equal(record.object_digest, "bb");
    assert_string_equal(record.note, "2026-2");
    view_close(&view);
    rebuild_is_equal(w);
}

static bool run_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct record record = *(const struct record *)arg;
    return ledger_record(tx, &record, err);
}

static void record_run(struct world *w, const char *state, const char *version, int64_t completed, bool full)
{
    struct record record;
    struct err err = {0};
    record_init(&record, RECORD_RUN);
    record.actor = (struct actor){ACTOR_TIMER, ""};
    record.source = "bureau-sx";
    record.run_state = state;
    record.list_version = version;
    record.completed_ms = completed;
    record.full = full;
    NEED(ledger_run(w->ledger, run_job, &record, &err), err);
}

static void good_contact_is_a_run_that_was_carried_out(void **state)
{
    struct world *w = *state;
    struct source_state source;
    struct err err = {0};
    struct view view = view_open(w);
    NEED(source_state_read(view.txn, view.arena, "bureau-sx", &source, &err), err);
    assert_true(source.completed_ms == 0 && source.seq == 0 && !source.full);
    view_close(&view);
    record_run(w, "done", "2026-10", T0, true);
    record_run(w, "failed", "2026-11", T0 + HOUR, true);
    record_run(w, "done", "2026-12", T0 + 2 * HOUR, false);
    record_run(w, "held", "2027-01", T0 + 3 * HOUR, true);
    view = view_open(w);
    NEED(source_state_read(view.txn, view.arena, "bureau-sx", &source, &err), err);
    assert_int_equal(source.completed_ms, T0 + 2 * HOUR);
    assert_int_equal(source.seq, 3);
    assert_true(source.full);
    assert_string_equal(source.list_version, "2026-12");
    view_close(&view);
    rebuild_is_equal(w);
}

static void a_text_out_of_bounds_is_refused_alone(void **state)
{
    struct world *w = *state;
    char name[RECORD_NAME_MAX + 2];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct fact fact = row_of(code(1), name);
    struct decided decided = {&fact, 1, {0}};
    struct err err = {0};
    assert_false(ledger_run(w->ledger, decide_facts, &decided, &err));
    assert_int_equal(err_info(err.code)->kind, ERR_KIND_INPUT);
    assert_int_equal(journal_length(w), 0);
    write_fact(w, row_of(code(2), "firm"));
    rebuild_is_equal(w);
}

int main(void)
{
    log_set_level(LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_certified_firm_is_listed_and_found_everywhere),
        TEST(a_row_that_says_nothing_new_writes_nothing),
        TEST(a_withdrawal_moves_the_firm_in_every_index),
        TEST(looking_writes_nothing),
        TEST(without_rules_nothing_is_decided),
        TEST(what_leaves_is_summed_over_a_day_and_source),
        TEST(a_small_list_may_lose_two),
        TEST(what_a_person_granted_does_not_count),
        TEST(a_certification_ends_with_its_last_day),
        TEST(what_came_due_while_the_daemon_was_down_is_written_before_ready),
        TEST(two_things_of_one_firm_on_one_day),
        TEST(thousands_come_due_on_one_day),
        TEST(a_clock_that_steps_back_does_not_turn_the_journal_back),
        TEST(a_configuration_is_recorded_when_it_changes),
        TEST(good_contact_is_a_run_that_was_carried_out),
        TEST(a_text_out_of_bounds_is_refused_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
