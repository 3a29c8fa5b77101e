/* What waits for a person: who may decide, what then happens, and that nothing waits in vain. */
#include "fixture.h"

#include <sched.h>

/* A firm whose code is doubtful waits in checking; returns its proposal. */
static void doubtful_firm(struct world *w, unsigned i, char id[32])
{
    struct fact fact = row_of(code(i), "firm");
    fact.uscc_doubtful = true;
    struct ledger_outcome outcome = write_fact(w, fact);
    assert_true(outcome.needs_person && outcome.to == LISTING_CHECKING && outcome.proposal_seq == outcome.seq + 1);
    snprintf(id, 32, "p-%llu", (unsigned long long)outcome.proposal_seq);
}

static const char *state_of(struct world *w, const char *id)
{
    static char text[16];
    struct view view = view_open(w);
    snprintf(text, sizeof text, "%s", approval_in(&view, id).state);
    view_close(&view);
    return text;
}

static enum err_code refused(struct world *w, const char *id, bool grant, const char *person)
{
    struct err err = {0};
    assert_false(decide_by(w, id, grant, person, &err));
    return err.code;
}

static void a_doubtful_firm_is_listed_once_confirmed(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    doubtful_firm(w, 1, id);
    assert_int_equal(tally_of(w, "open_proposals"), 1);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    assert_int_equal(status_of(w, code(1)), LISTING_LISTED);
    struct view view = view_open(w);
    struct approval approval = approval_in(&view, id);
    assert_string_equal(approval.state, "granted");
    assert_string_equal(approval.decided_by, "operator-1");
    assert_string_equal(approval.comment, "looked at it");
    assert_int_equal(approval.maker.kind, ACTOR_SOURCE);
    assert_true(approval.decision_seq == 3 && approval.seq == 2);
    assert_string_equal(record_in(w, &view, 4).approval_id, id);
    view_close(&view);
    assert_int_equal(tally_of(w, "open_proposals"), 0);
    assert_int_equal(metric_get(METRIC_APPROVALS_OPEN), 0);
    rebuild_is_equal(w);
}

static void a_doubtful_firm_is_not_listed_when_refused(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    doubtful_firm(w, 1, id);
    NEED(decide_by(w, id, false, "operator-1", &err), err);
    assert_int_equal(status_of(w, code(1)), LISTING_NONE);
    assert_string_equal(state_of(w, id), "rejected");
    rebuild_is_equal(w);
}

static void who_decides_must_say_why_and_only_once(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct actor person = {ACTOR_PERSON, "operator-1"};
    char id[32], long_text[RECORD_REASON_MAX + 2];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    doubtful_firm(w, 1, id);
    assert_false(ledger_decide_approval(w->ledger, id, true, &person, "", NULL, &err));
    assert_int_equal(err.code, ERR_APPROVAL_REASON);
    assert_false(ledger_decide_approval(w->ledger, id, true, &person, NULL, NULL, &err));
    assert_false(ledger_decide_approval(w->ledger, id, true, &person, long_text, NULL, &err));
    assert_int_equal(refused(w, "p-77", true, "operator-1"), ERR_APPROVAL_UNKNOWN);
    assert_int_equal(refused(w, "", true, "operator-1"), ERR_APPROVAL_UNKNOWN);
    assert_int_equal(refused(w, "open", true, "operator-1"), ERR_APPROVAL_UNKNOWN);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    assert_int_equal(refused(w, id, true, "operator-2"), ERR_APPROVAL_CLOSED);
    assert_int_equal(refused(w, id, false, "operator-2"), ERR_APPROVAL_CLOSED);
}

/* ---- acts ---- */

static bool propose_act(struct world *w, enum fact_kind kind, const char *person, unsigned i, char id[32],
                        struct err *err)
{
    struct fact fact = fact_of(kind, ACTOR_PERSON, person, code(i));
    fact.row.name = "ordinary firm";
    fact.ground = GROUND_FALSE_MATERIAL;
    fact.note = "because of the visit";
    fact.effective = date_of_ms(T0);
    return ledger_propose_act(w->ledger, &fact, id, err);
}

static void an_act_needs_another_person(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    NEED(propose_act(w, FACT_ADD, "operator-1", 1, id, &err), err);
    assert_int_equal(status_of(w, code(1)), LISTING_NONE);
    assert_int_equal(refused(w, id, true, "operator-1"), ERR_APPROVAL_SAME_PERSON);
    assert_int_equal(refused(w, id, false, "operator-1"), ERR_APPROVAL_SAME_PERSON);
    NEED(decide_by(w, id, true, "operator-2", &err), err);
    struct view view = view_open(w);
    struct firm firm = firm_in(&view, code(1));
    assert_int_equal(firm.listing.status, LISTING_LISTED);
    assert_int_equal(firm.listing.lane, LANE_ORDINARY);
    assert_string_equal(firm.name, "ordinary firm");
    struct record record = record_in(w, &view, 3);
    assert_string_equal(record.actor.id, "operator-2");
    assert_string_equal(record.note, "because of the visit");
    view_close(&view);
    rebuild_is_equal(w);
}

static void a_rejected_act_does_nothing(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    write_fact(w, row_of(code(1), "firm"));
    NEED(propose_act(w, FACT_REMOVE, "operator-1", 1, id, &err), err);
    NEED(decide_by(w, id, false, "operator-2", &err), err);
    assert_int_equal(status_of(w, code(1)), LISTING_LISTED);
    rebuild_is_equal(w);
}

static void an_act_that_policy_refuses_is_not_proposed(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    assert_false(propose_act(w, FACT_SUSPEND, "operator-1", 1, id, &err));
    assert_int_equal(err.code, ERR_FIRM_STATE);
    struct fact fact = fact_of(FACT_ADD, ACTOR_PERSON, "operator-1", code(1));
    assert_false(ledger_propose_act(w->ledger, &fact, id, &err));
    assert_int_equal(err.code, ERR_APPROVAL_REASON);
    assert_int_equal(journal_length(w), 0);
}

static void what_changed_since_must_be_looked_at_again(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    write_fact(w, row_of(code(1), "firm"));
    NEED(propose_act(w, FACT_REMOVE, "operator-1", 1, id, &err), err);
    struct fact amended = row_of(code(1), "firm");
    amended.row.level = "省级";
    write_fact(w, amended);
    assert_int_equal(refused(w, id, true, "operator-2"), ERR_APPROVAL_CHANGED);
    assert_int_equal(status_of(w, code(1)), LISTING_LISTED);
    NEED(decide_by(w, id, false, "operator-2", &err), err); /* but it can be put away */
    assert_string_equal(state_of(w, id), "rejected");
    rebuild_is_equal(w);
}

static void grounds_survive_the_proposal(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    write_fact(w, row_of(code(1), "firm"));
    NEED(propose_act(w, FACT_REMOVE, "operator-1", 1, id, &err), err);
    NEED(decide_by(w, id, true, "operator-2", &err), err);
    struct view view = view_open(w);
    struct firm firm = firm_in(&view, code(1));
    assert_int_equal(firm.listing.status, LISTING_REMOVED);
    assert_int_equal(firm.exclusion_n, 1);
    assert_int_equal(firm.exclusions[0].ground, GROUND_FALSE_MATERIAL);
    assert_int_equal(firm.exclusions[0].effective, date_of_ms(T0));
    view_close(&view);
    rebuild_is_equal(w);
}

/* ---- questions about a firm follow the firm ---- */

struct open_one {
    unsigned n;
    char id[32];
};

static bool keep_open(void *arg, const struct approval *approval)
{
    struct open_one *open = arg;
    open->n++;
    snprintf(open->id, sizeof open->id, "%s", approval->id);
    return true;
}

static struct open_one open_of(struct world *w)
{
    struct open_one open = {0};
    struct view view = view_open(w);
    struct err err = {0};
    NEED(approval_list(view.txn, view.arena, true, keep_open, &open, &err), err);
    view_close(&view);
    assert_int_equal(tally_of(w, "open_proposals"), open.n);
    return open;
}

static void a_newer_row_asks_anew(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    doubtful_firm(w, 1, id);
    struct fact amended = row_of(code(1), "firm");
    amended.uscc_doubtful = true;
    amended.row.level = "省级";
    write_fact(w, amended);
    assert_string_equal(state_of(w, id), "superseded");
    assert_int_equal(refused(w, id, true, "operator-1"), ERR_APPROVAL_CLOSED);
    struct open_one open = open_of(w);
    assert_int_equal(open.n, 1);
    NEED(decide_by(w, open.id, true, "operator-1", &err), err);
    assert_int_equal(status_of(w, code(1)), LISTING_LISTED);
    assert_int_equal(open_of(w).n, 0);
    rebuild_is_equal(w);
}

static void a_firm_that_stops_waiting_leaves_no_question(void **state)
{
    struct world *w = *state;
    char id[32];
    doubtful_firm(w, 1, id);
    write_fact(w, withdrawal_of(code(1)));
    assert_string_equal(state_of(w, id), "superseded");
    assert_int_equal(open_of(w).n, 0);
    rebuild_is_equal(w);
}

/* A listed firm under a new name is suspended while the name waits: the question must stay answerable. */
static void a_question_stays_answerable_when_the_firm_moves(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char act[32];
    write_fact(w, row_of(code(1), "old name"));
    assert_true(write_fact(w, row_of(code(1), "new name")).needs_person);
    struct open_one before = open_of(w);
    assert_int_equal(before.n, 1);
    NEED(propose_act(w, FACT_SUSPEND, "operator-1", 1, act, &err), err);
    NEED(decide_by(w, act, true, "operator-2", &err), err);
    struct open_one open = open_of(w);
    assert_int_equal(open.n, 1);
    assert_string_not_equal(open.id, before.id);
    NEED(decide_by(w, open.id, true, "operator-2", &err), err);
    struct view view = view_open(w);
    assert_string_equal(firm_in(&view, code(1)).name, "new name");
    view_close(&view);
    assert_int_equal(open_of(w).n, 0);
    rebuild_is_equal(w);
}

static void a_name_that_is_taken_back_asks_nothing(void **state)
{
    struct world *w = *state;
    write_fact(w, row_of(code(1), "old name"));
    write_fact(w, row_of(code(1), "new name"));
    assert_int_equal(open_of(w).n, 1);
    write_fact(w, row_of(code(1), "old name"));
    assert_int_equal(open_of(w).n, 0);
    rebuild_is_equal(w);
}

/* Policy finds nothing to refuse; the question can be closed all the same. */
static void a_question_can_always_be_rejected(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct fact moved = row_of(code(1), "firm");
    write_fact(w, moved);
    moved.row.region_code = "110101";
    if (write_fact(w, moved).needs_person) {
        struct open_one open = open_of(w);
        assert_int_equal(open.n, 1);
        NEED(decide_by(w, open.id, false, "operator-1", &err), err);
        assert_int_equal(open_of(w).n, 0);
    }
    rebuild_is_equal(w);
}

static bool count_down(void *arg, const struct approval *approval)
{
    uint64_t *last = arg;
    assert_true(approval->seq < *last);
    *last = approval->seq;
    return approval->seq > 4;
}

static void the_newest_comes_first(void **state)
{
    struct world *w = *state;
    char id[32];
    for (unsigned i = 0; i < 8; i++)
        doubtful_firm(w, i, id); /* p-2 … p-16: text order is not number order */
    uint64_t last = UINT64_MAX;
    struct err err = {0};
    struct view view = view_open(w);
    NEED(approval_list(view.txn, view.arena, false, count_down, &last, &err), err);
    assert_true(last == 4);
    last = UINT64_MAX;
    NEED(approval_list(view.txn, view.arena, true, count_down, &last, &err), err);
    assert_true(last == 4);
    view_close(&view);
}

/* ---- runs ---- */

struct heard {
    unsigned granted, rejected;
};

static void hear(void *arg, const struct ledger_news *news)
{
    struct heard *heard = arg;
    if (news->approval_id == NULL)
        return;
    assert_string_equal(news->what, "run");
    assert_string_equal(news->object, "run-9");
    heard->granted += news->granted;
    heard->rejected += !news->granted;
}

static bool drop_run(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct store_key key = key_text("run-9");
    (void)arg;
    (void)err;
    store_delete(ledger_txn(tx), TABLE_RUN, &key);
    return true;
}

static void a_held_run_is_told_to_its_watcher(void **state)
{
    struct world *w = *state;
    struct heard heard = {0};
    struct err err = {0};
    char id[32];
    world_close(w);
    world_open(w);
    ledger_on_commit(w->ledger, hear, &heard);
    world_start(w);
    propose_run(w, "run", "run-9", "", id);
    assert_int_equal(refused(w, id, true, "operator-1"), ERR_APPROVAL_CHANGED); /* no such run is held */
    NEED(ledger_run(w->ledger, put_held_run, (void *)(uintptr_t) "run-9", &err), err);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    propose_run(w, "run", "run-9", "", id);
    NEED(ledger_run(w->ledger, drop_run, NULL, &err), err);
    NEED(decide_by(w, id, false, "operator-1", &err), err);
    NEED(ledger_run(w->ledger, nothing_job, NULL, &err), err);
    assert_int_equal(heard.granted, 1);
    assert_int_equal(heard.rejected, 1);
}

static bool close_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    return ledger_close_proposal(tx, arg, "superseded by run-10", err);
}

static void an_overtaken_proposal_is_closed_by_the_gateway(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    propose_run(w, "run", "run-9", "", id);
    NEED(ledger_run(w->ledger, close_job, id, &err), err);
    assert_string_equal(state_of(w, id), "rejected");
    uint64_t length = journal_length(w);
    NEED(ledger_run(w->ledger, close_job, id, &err), err);
    assert_int_equal(journal_length(w), length);
    assert_int_equal(refused(w, id, true, "operator-1"), ERR_APPROVAL_CLOSED);
    rebuild_is_equal(w);
}

/* ---- admission ---- */

enum { FIRMS = 2500 };

/* FIRMS certified firms that wait for one approval; one of them is withdrawn again. */
static void certify(struct world *w, char id[32])
{
    world_close(w);
    w->options.policy = w->approval;
    world_open(w);
    world_start(w);
    for (unsigned i = 0; i < FIRMS; i += 500)
        list_firms(w, i, 500);
    assert_int_equal(tally_of(w, "checking"), FIRMS);
    struct fact withdrawn = withdrawal_of(code(7));
    withdrawn.origin = "run-2";
    write_fact(w, withdrawn);
    propose_run(w, "admit", "run-1", "{\"first\":1,\"last\":2500}", id);
}

static void admitted(struct world *w)
{
    assert_int_equal(tally_of(w, "listed"), FIRMS - 1);
    assert_int_equal(tally_of(w, "checking"), 0);
    assert_int_equal(status_of(w, code(7)), LISTING_NONE);
    assert_int_equal(journal_length(w), FIRMS + 1 + 2 + FIRMS - 1);
    struct view view = view_open(w);
    struct store_walk walk;
    store_walk(&walk, view.txn, TABLE_WORK, NULL, NULL);
    assert_false(store_next(&walk));
    view_close(&view);
    journal_is_good(w);
    rebuild_is_equal(w);
}

static void one_approval_admits_a_run(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    certify(w, id);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    for (int i = 0; i < 10; i++) /* each lets one chunk at least pass before it */
        NEED(ledger_run(w->ledger, nothing_job, NULL, &err), err);
    admitted(w);
}

static void a_rejected_admission_lists_nobody(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    certify(w, id);
    NEED(decide_by(w, id, false, "operator-1", &err), err);
    world_restart(w);
    assert_int_equal(tally_of(w, "listed"), 0);
    rebuild_is_equal(w);
}

/* Blocks the committer behind the first chunk of an admission. */
struct brake {
    struct gate gate;
    uint64_t head;
};

static void brake(void *arg, const struct ledger_news *news)
{
    struct brake *b = arg;
    if (news->approval_id != NULL || news->head < b->head || b->gate.inside)
        return;
    gate_set(&b->gate, &b->gate.inside);
    gate_wait(&b->gate, &b->gate.open);
}

static void *stop_it(void *arg)
{
    ledger_stop(arg);
    return NULL;
}

static void ignore(void *arg, const struct err *err)
{
    (void)arg;
    (void)err;
}

static void an_admission_cut_off_between_chunks_is_finished_at_the_next_start(void **state)
{
    struct world *w = *state;
    struct brake b = {.head = FIRMS + 4};
    struct err err = {0};
    pthread_t stopper;
    char id[32];
    certify(w, id);
    world_close(w);
    world_open(w);
    gate_init(&b.gate);
    ledger_on_commit(w->ledger, brake, &b);
    world_start(w);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    gate_wait(&b.gate, &b.gate.inside);
    assert_int_equal(pthread_create(&stopper, NULL, stop_it, w->ledger), 0);
    while (ledger_submit(w->ledger, nothing_job, ignore, NULL, &err) || err.code != ERR_STOPPING)
        sched_yield();
    gate_open(&b.gate);
    pthread_join(stopper, NULL);
    uint64_t listed = tally_of(w, "listed");
    assert_in_range(listed, 1, FIRMS - 2);
    world_close(w);
    world_open(w);
    world_start(w);
    admitted(w);
}

static void an_admission_of_what_is_not_there_does_not_stop_the_gateway(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char id[32];
    write_fact(w, row_of(code(1), "firm"));
    propose_run(w, "admit", "run-1", "{\"first\":1,\"last\":999999}", id);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    world_restart(w);
    propose_run(w, "admit", "run-1", "{\"first\":9,\"last\":3}", id);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    world_restart(w);
    assert_int_equal(tally_of(w, "listed"), 1);
    rebuild_is_equal(w);
}

int main(void)
{
    log_set_level(LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_doubtful_firm_is_listed_once_confirmed),
        TEST(a_doubtful_firm_is_not_listed_when_refused),
        TEST(who_decides_must_say_why_and_only_once),
        TEST(an_act_needs_another_person),
        TEST(a_rejected_act_does_nothing),
        TEST(an_act_that_policy_refuses_is_not_proposed),
        TEST(what_changed_since_must_be_looked_at_again),
        TEST(grounds_survive_the_proposal),
        TEST(a_newer_row_asks_anew),
        TEST(a_firm_that_stops_waiting_leaves_no_question),
        TEST(a_question_stays_answerable_when_the_firm_moves),
        TEST(a_name_that_is_taken_back_asks_nothing),
        TEST(a_question_can_always_be_rejected),
        TEST(the_newest_comes_first),
        TEST(a_held_run_is_told_to_its_watcher),
        TEST(an_overtaken_proposal_is_closed_by_the_gateway),
        TEST(one_approval_admits_a_run),
        TEST(a_rejected_admission_lists_nobody),
        TEST(an_admission_cut_off_between_chunks_is_finished_at_the_next_start),
        TEST(an_admission_of_what_is_not_there_does_not_stop_the_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
