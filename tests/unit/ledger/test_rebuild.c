/* State follows from the journal: after any history the rebuild is equal, every index says the same as the firms,
 * and a flipped byte is found. The seed is printed; TEST_SEED repeats a run. */
#include "fixture.h"

#include <sys/random.h>

enum { STEPS = 2500, FIRMS = 60, RUNS = 12 };

struct history {
    struct world *w;
    uint64_t random;
    int64_t now;
    unsigned facts, approvals, granted, expiries;
    bool reported; /* bank-a's row m-1/0 */
};

/* splitmix64 */
static uint64_t next(struct history *h)
{
    uint64_t z = (h->random += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static unsigned below(struct history *h, unsigned n)
{
    return (unsigned)(next(h) % n);
}

static bool chance(struct history *h, unsigned percent)
{
    return below(h, 100) < percent;
}

#define PICK(h, ...)                                                                                                   \
    ((const char *const[]){__VA_ARGS__})[below(h, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))]

static date_day some_day(struct history *h)
{
    return chance(h, 30) ? DATE_NONE : (date_day)(date_of_ms(h->now) + (int)below(h, 40) - 4);
}

static struct fact some_row(struct history *h, const char *uscc)
{
    struct fact fact = row_of(uscc, PICK(h, "firm", "firm", "firm", "another firm", "（山西）firm"));
    fact.actor.id = PICK(h, "bureau-sx", "bureau-sx", "bureau-ty");
    fact.actor.kind = chance(h, 80) ? ACTOR_SOURCE : ACTOR_PARTNER;
    fact.origin = PICK(h, "run-1", "run-2", "run-3", "run-4");
    fact.approval_id = PICK(h, "", "", "p-1"); /* not part of a certification's record */
    fact.list_version = PICK(h, "2026-11", "2026-12");
    fact.row.level = PICK(h, "省级", "市级", "");
    fact.row.region_code = PICK(h, "", "140105", "140171", "110101");
    fact.row.document_no = PICK(h, "doc 1", "doc 2");
    fact.row.valid_from = chance(h, 20) ? some_day(h) : DATE_NONE;
    fact.row.valid_until = some_day(h);
    fact.row.withdrawn = chance(h, 15);
    fact.uscc_doubtful = chance(h, 10);
    return fact;
}

static struct fact some_fact(struct history *h, const char *uscc)
{
    unsigned kind = below(h, 11);
    if (kind < 6)
        return some_row(h, uscc);
    static const enum fact_kind kinds[] = {FACT_ABSENT, FACT_IMPOSE, FACT_IMPOSE, FACT_LIFT, FACT_ENTERPRISE};
    struct fact fact = fact_of(kinds[kind - 6], ACTOR_PARTNER, PICK(h, "onestop-sx", "bureau-sx", "bureau-ty"), uscc);
    fact.ground = (enum ground)below(h, GROUND_COUNT);
    fact.until = some_day(h);
    if (fact.kind == FACT_ENTERPRISE) {
        fact.row.name = PICK(h, "", "firm", "another firm");
        fact.row.scale = PICK(h, "", "2", "3");
        fact.row.region_code = PICK(h, "", "140105", "110101");
    }
    return fact;
}

struct step {
    struct fact fact;
    bool record_only;
    struct record record;
};

static bool fact_step(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct step *step = arg;
    struct ledger_outcome outcome;
    if (ledger_fact(tx, &step->fact, BYTES_LIT("raw"), &outcome, err))
        return true;
    /* a row that policy refuses does not stop its run */
    return err->code == ERR_FIRM_STATE || err->code == ERR_FIRM_UNKNOWN;
}

static void write_some_fact(struct history *h)
{
    struct step step = {.fact = some_fact(h, code(below(h, FIRMS)))};
    struct err err = {0};
    NEED(ledger_run(h->w->ledger, fact_step, &step, &err), err);
    h->facts++;
}

static void propose_some_act(struct history *h)
{
    static const enum fact_kind kinds[] = {FACT_ADD, FACT_CONFIRM, FACT_SUSPEND, FACT_RESTORE, FACT_REMOVE, FACT_LIFT};
    char id[32];
    struct err err = {0};
    struct fact fact =
        fact_of(kinds[below(h, 6)], ACTOR_PERSON, PICK(h, "operator-1", "operator-2"), code(below(h, FIRMS)));
    fact.ground = (enum ground)below(h, GROUND_COUNT);
    fact.until = some_day(h);
    fact.note = "reason";
    if (!ledger_propose_act(h->w->ledger, &fact, id, &err))
        assert_int_equal(err.code, ERR_FIRM_STATE);
}

/* ---- approvals ---- */

struct open_ones {
    unsigned n;
    char ids[64][32];
};

static bool keep(void *arg, const struct approval *approval)
{
    struct open_ones *open = arg;
    snprintf(open->ids[open->n++], 32, "%s", approval->id);
    return open->n < 64;
}

static void decide_one_of_the_open(struct history *h)
{
    struct open_ones open = {0};
    struct err err = {0};
    struct view view = view_open(h->w);
    NEED(approval_list(view.txn, view.arena, true, keep, &open, &err), err);
    view_close(&view);
    if (open.n == 0)
        return;
    bool grant = chance(h, 60);
    h->approvals++;
    if (decide_by(h->w, open.ids[below(h, open.n)], grant, PICK(h, "operator-1", "operator-2"), &err)) {
        h->granted += grant;
        return;
    }
    bool expected = err.code == ERR_APPROVAL_SAME_PERSON ||
                    (grant && (err.code == ERR_APPROVAL_CHANGED || err.code == ERR_FIRM_STATE));
    if (!expected)
        fail_msg("%s at %s: %s", err_info(err.code)->code, err.place, err.detail);
}

static void propose_some_run(struct history *h)
{
    char payload[64], id[32];
    struct err err = {0};
    const char *run = PICK(h, "run-1", "run-2", "run-3", "run-4");
    uint64_t length = journal_length(h->w);
    snprintf(payload, sizeof payload, "{\"first\":%u,\"last\":%llu}", 1 + below(h, 20), (unsigned long long)length);
    if (chance(h, 50))
        NEED(ledger_run(h->w->ledger, put_held_run, (void *)(uintptr_t)run, &err), err);
    propose_run(h->w, chance(h, 50) ? "admit" : "run", run, payload, id);
}

/* ---- the rest ---- */

static bool record_step(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct record record = ((struct step *)arg)->record;
    return ledger_record(tx, &record, err);
}

static void write_some_key(struct history *h)
{
    struct step step = {0};
    struct err err = {0};
    record_init(&step.record, RECORD_KEY);
    step.record.actor = (struct actor){ACTOR_GATEWAY, ""};
    step.record.kid = PICK(h, "one", "another", "a third");
    step.record.alg = PICK(h, "ES256", "SM2", "RSA");
    step.record.key_state = PICK(h, "staged", "active", "retired");
    step.record.certificate = "MIIB";
    NEED(ledger_run(h->w->ledger, record_step, &step, &err), err);
}

static bool message_step(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct record record = ((struct step *)arg)->record;
    struct message_state state;
    bool known;
    CHECK(message_find(ledger_txn(tx), record.message.sender, record.message.id, &state, &known, err));
    if (known)
        record.kind = RECORD_RECEIPT; /* what is known already is answered later */
    return ledger_message(tx, &record, known ? (struct bytes){0} : BYTES_LIT("raw"), err);
}

static void write_some_message(struct history *h)
{
    struct step step = {0};
    struct err err = {0};
    record_init(&step.record, RECORD_MESSAGE);
    step.record.actor = (struct actor){ACTOR_PARTNER, "bank-a"};
    step.record.message.sender = PICK(h, "bank-a", "bank-b");
    step.record.message.id = PICK(h, "m-1", "m-2", "m-3", "m-4");
    step.record.message.kind = "credit.report";
    step.record.message.form = "json";
    step.record.result = PICK(h, "accepted", "pending");
    step.record.to = PICK(h, "", "registry-ty", "registry-ty onestop-sx");
    NEED(ledger_run(h->w->ledger, message_step, &step, &err), err);
}

/* ---- what partners report beside the list ---- */

static void write_some_credit(struct history *h)
{
    struct step step = {0};
    struct err err = {0};
    static const enum credit_event events[] = {CREDIT_CONTACT, CREDIT_LINE, CREDIT_OPENING, CREDIT_DRAWDOWN,
                                               CREDIT_REPAYMENT, CREDIT_SETTLED, CREDIT_VOID};
    struct record *record = &step.record;
    record_init(record, RECORD_CREDIT);
    record->actor = (struct actor){ACTOR_PARTNER, PICK(h, "bank-a", "bank-b")};
    record->origin = PICK(h, "bank-a/m-1", "bank-a/m-2");
    record->uscc = code(below(h, FIRMS));
    record->credit.event = events[below(h, 7)];
    record->credit.credit_no = PICK(h, "", "L1", "L2");
    record->credit.loan_no = PICK(h, "", "A", "B");
    record->credit.amount_fen = chance(h, 20) ? AMOUNT_NONE : (int64_t)below(h, 1000);
    record->credit.date = date_of_ms(h->now);
    record->credit.row = below(h, 50);
    if (record->credit.event == CREDIT_VOID || chance(h, 10))
        record->credit.corrects = h->reported ? "m-1/0" : "";
    if (record->credit.event == CREDIT_VOID && !h->reported)
        record->credit.event = CREDIT_CONTACT;
    if (!h->reported) { /* what is taken back was reported */
        record->actor.id = "bank-a";
        record->origin = "bank-a/m-1";
        record->credit.row = 0;
        h->reported = true;
    } else if (record->credit.corrects[0] != '\0') {
        record->actor.id = "bank-a";
    }
    NEED(ledger_run(h->w->ledger, record_step, &step, &err), err);
}

static void write_some_pledge(struct history *h)
{
    struct step step = {0};
    struct err err = {0};
    struct record *record = &step.record;
    record_init(record, RECORD_PLEDGE);
    record->actor = (struct actor){ACTOR_PARTNER, "registry-ty"};
    record->origin = "registry-ty/p-1";
    record->pledge.registration_no = PICK(h, "Y1", "Y2", "Y3");
    record->pledge.event = (enum pledge_event)below(h, PLEDGE_EVENT_COUNT);
    record->pledge.state = (enum pledge_state)(1 + below(h, PLEDGE_STATE_COUNT - 1));
    record->pledge.right_kind = chance(h, 50) ? RIGHT_PATENT : RIGHT_TRADEMARK;
    record->pledge.date = date_of_ms(h->now);
    record->pledge.pledgee_name = "a bank";
    record->pledge.pledgors = arena_printf(h->w->arena, "[{\"uscc\":\"%s\",\"name\":\"firm\"}]", code(below(h, FIRMS)));
    record->pledge.rights = PICK(h, "[{\"number\":\"1\"}]", "[{\"number\":\"1\"},{\"number\":\"2\"}]",
                                 "[{\"number\":\"2\",\"class\":\"9\"}]");
    NEED(ledger_run(h->w->ledger, record_step, &step, &err), err);
}

static void write_some_right(struct history *h)
{
    struct step step = {0};
    struct err err = {0};
    struct record *record = &step.record;
    record_init(record, RECORD_RIGHT);
    record->actor = (struct actor){ACTOR_PARTNER, PICK(h, "onestop-sx", "ippublic-sx")};
    record->uscc = chance(h, 80) ? code(below(h, 4)) : "";
    record->right.kind = chance(h, 50) ? RIGHT_PATENT : RIGHT_TRADEMARK;
    record->right.number = PICK(h, "1", "2", "3");
    record->right.status = (enum right_status)(1 + below(h, RIGHT_STATUS_COUNT - 1));
    record->right.since = some_day(h);
    NEED(ledger_run(h->w->ledger, record_step, &step, &err), err);
}

/* As intake writes it: the firm as it stands, disputed or not. */
static bool objection_step(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct record record = ((struct step *)arg)->record;
    struct firm firm;
    bool known;
    CHECK(ledger_firm(tx, record.uscc, &firm, &known, err));
    if (!known)
        return true;
    record.from = firm.listing.status;
    record.listing = firm.listing;
    record.listing.disputed = strcmp(record.act, "raised") == 0;
    return ledger_record(tx, &record, err);
}

static void write_some_objection(struct history *h)
{
    struct step step = {0};
    struct err err = {0};
    struct record *record = &step.record;
    uint64_t length = journal_length(h->w);
    record_init(record, RECORD_OBJECTION);
    record->actor = (struct actor){ACTOR_PARTNER, "onestop-sx"};
    record->origin = "onestop-sx/o-1";
    record->uscc = code(below(h, FIRMS));
    record->act = PICK(h, "raised", "raised", "upheld", "dismissed");
    record->object = "abnormal_operation";
    record->answer_by = some_day(h);
    record->answers = strcmp(record->act, "raised") == 0 ? 0 : (int64_t)(1 + below(h, (unsigned)length + 1));
    NEED(ledger_run(h->w->ledger, objection_step, &step, &err), err);
}

static void write_some_report(struct history *h)
{
    switch (below(h, 4)) {
    case 0:
        write_some_credit(h);
        break;
    case 1:
        write_some_pledge(h);
        break;
    case 2:
        write_some_right(h);
        break;
    default:
        write_some_objection(h);
    }
}

static void write_some_record(struct history *h)
{
    struct step step = {0};
    struct err err = {0};
    char segment[32];
    bool run = chance(h, 60);
    record_init(&step.record, run ? RECORD_RUN : RECORD_ACCESS);
    step.record.actor = (struct actor){ACTOR_TIMER, ""};
    step.record.source = PICK(h, "bureau-sx", "bureau-ty");
    step.record.run_state = PICK(h, "done", "done", "failed", "held");
    step.record.list_version = PICK(h, "2026-11", "", "2026-12");
    step.record.completed_ms = h->now;
    step.record.full = chance(h, 50);
    snprintf(segment, sizeof segment, "2026112%u", below(h, 10));
    step.record.object = run ? "" : segment;
    step.record.object_digest = run ? "" : "00ff";
    NEED(ledger_run(h->w->ledger, record_step, &step, &err), err);
    NEED(ledger_saw_config(h->w->ledger, PICK(h, "rules", "partners"), PICK(h, "aa", "bb"), "", &err), err);
    if (chance(h, 50))
        write_some_key(h);
    write_some_message(h);
}

static void pass_some_time(struct history *h)
{
    int64_t due;
    struct err err = {0};
    uint64_t before = journal_length(h->w);
    h->now += chance(h, 5) ? -(int64_t)below(h, 1000) * 1000 : (int64_t)below(h, 30 * 3600) * 1000;
    clock_test_set(h->now, 1000);
    NEED(ledger_time(h->w->ledger, &due, &err), err);
    assert_true(due == 0 || due > h->now);
    h->expiries += (unsigned)(journal_length(h->w) - before);
}

static void restart_with_some_rules(struct history *h)
{
    h->w->options.policy = chance(h, 50) ? h->w->automatic : h->w->approval;
    world_restart(h->w);
}

static void take_a_step(struct history *h)
{
    unsigned what = below(h, 100);
    if (what < 55)
        write_some_fact(h);
    else if (what < 65)
        propose_some_act(h);
    else if (what < 85)
        decide_one_of_the_open(h);
    else if (what < 88)
        propose_some_run(h);
    else if (what < 91)
        write_some_record(h);
    else if (what < 95)
        write_some_report(h);
    else if (what < 99)
        pass_some_time(h);
    else
        restart_with_some_rules(h);
}

/* ---- the same said twice must be the same ---- */

struct counted {
    uint64_t of_status[LISTING_COUNT], due, waiting;
};

static bool has(struct view *view, enum store_table table, struct store_key key)
{
    struct bytes value;
    return store_get(view->txn, table, &key, &value);
}

static void count_firms(struct view *view, struct counted *counted)
{
    struct store_walk walk;
    for (store_walk(&walk, view->txn, TABLE_FIRM, NULL, NULL); store_next(&walk);) {
        char uscc[USCC_SIZE] = {0};
        memcpy(uscc, walk.key.p, walk.key.n);
        struct firm firm = firm_in(view, uscc);
        counted->of_status[firm.listing.status]++;
        assert_int_equal(has(view, TABLE_STATUS, key_status((int)firm.listing.status, uscc)),
                         firm.listing.status != LISTING_NONE);
        if (firm_due(&firm) != DATE_NONE) {
            counted->due++;
            assert_true(has(view, TABLE_DUE, key_due(firm_due(&firm), uscc)));
        }
        assert_true(has(view, TABLE_HISTORY, key_history(uscc, firm.last_sequence)));
    }
}

static uint64_t entries(struct view *view, enum store_table table)
{
    struct store_walk walk;
    uint64_t n = 0;
    for (store_walk(&walk, view->txn, table, NULL, NULL); store_next(&walk);)
        n++;
    return n;
}

static bool is_erased(struct world *w, struct view *view, uint64_t seq)
{
    struct bytes bytes;
    struct err err = {0};
    NEED(journal_read(w->journal, view->txn, seq, &bytes, &err), err);
    return bytes.n == 0;
}

static void count_records(struct world *w, struct view *view)
{
    uint64_t about_firms = 0, size = journal_size(w->journal, view->txn);
    int64_t last = 0;
    for (uint64_t seq = 1; seq <= size; seq++) {
        if (is_erased(w, view, seq))
            continue; /* never one about a firm */
        struct record record = record_in(w, view, seq);
        assert_true(record.time_ms >= last);
        last = record.time_ms;
        if (record_decides(record.kind)) {
            about_firms++;
            assert_true(has(view, TABLE_HISTORY, key_history(record.uscc, seq)));
        }
    }
    assert_true(entries(view, TABLE_HISTORY) == about_firms);
}

static bool count_open(void *arg, const struct approval *approval)
{
    *(uint64_t *)arg += strcmp(approval->state, "open") == 0;
    return true;
}

static bool count_listed_open(void *arg, const struct approval *approval)
{
    assert_string_equal(approval->state, "open");
    ++*(uint64_t *)arg;
    return true;
}

/* An open question is about a firm that waits, in the state in which it stands. */
static void questions_fit(struct view *view)
{
    struct store_key prefix = key_pair("open", "");
    struct store_walk walk;
    for (store_walk(&walk, view->txn, TABLE_APPROVAL, NULL, &prefix); store_next(&walk);) {
        char uscc[USCC_SIZE] = {0}, id[32] = {0};
        memcpy(uscc, walk.key.p + prefix.n, walk.key.n - prefix.n);
        memcpy(id, walk.value.p, walk.value.n);
        assert_string_equal(approval_in(view, id).state, "open");
        assert_string_equal(approval_in(view, id).object, uscc);
    }
}

static void everything_agrees(struct world *w)
{
    struct view view = view_open(w);
    struct counted counted = {{0}, 0, 0};
    struct err err = {0};
    uint64_t indexed = 0, open = 0, listed_open = 0;
    count_firms(&view, &counted);
    for (int s = 1; s < LISTING_COUNT; s++) {
        indexed += counted.of_status[s];
        assert_true(store_number(view.txn, TABLE_TALLY, listing_name((enum listing_status)s)) == counted.of_status[s]);
    }
    assert_true(entries(&view, TABLE_STATUS) == indexed);
    assert_true(entries(&view, TABLE_DUE) == counted.due);
    count_records(w, &view);
    NEED(approval_list(view.txn, view.arena, false, count_open, &open, &err), err);
    NEED(approval_list(view.txn, view.arena, true, count_listed_open, &listed_open, &err), err);
    assert_true(listed_open == open);
    assert_true(store_number(view.txn, TABLE_TALLY, "open_proposals") == open);
    questions_fit(&view);
    view_close(&view);
    journal_is_good(w);
    rebuild_is_equal(w);
}

static void any_history_is_rebuilt(void **state)
{
    const char *given = getenv("TEST_SEED");
    struct history h = {.w = *state, .now = T0};
    if (given != NULL)
        h.random = strtoull(given, NULL, 10);
    else
        assert_int_equal(getrandom(&h.random, sizeof h.random, 0), sizeof h.random);
    print_message("seed %llu\n", (unsigned long long)h.random);
    for (unsigned i = 1; i <= STEPS; i++) {
        take_a_step(&h);
        if (i % 500 == 0)
            everything_agrees(h.w);
    }
    print_message("%u facts, %u decisions (%u granted), %u timed facts, %llu records\n", h.facts, h.approvals,
                  h.granted, h.expiries, (unsigned long long)journal_length(h.w));
    assert_true(h.facts > 1000 && h.approvals > 100 && h.granted > 20 && h.expiries > 20);
}

/* ---- erasing ---- */

static uint64_t erased(struct world *w)
{
    struct view view = view_open(w);
    uint64_t n = 0, size = journal_size(w->journal, view.txn);
    for (uint64_t seq = 1; seq <= size; seq++)
        n += is_erased(w, &view, seq);
    view_close(&view);
    return n;
}

/* Proposed by one person and granted by another; `cut` leaves the work half done and starts again. */
static void purge(struct world *w, int64_t before_ms, bool raw, bool cut)
{
    struct ledger_purge purge = {.before_ms = before_ms, .records = true, .raw = raw};
    struct actor maker = {ACTOR_PERSON, "sysadmin-1"};
    struct err err = {0};
    char id[32];
    uint64_t gone = erased(w);
    NEED(ledger_purge_look(w->store, w->journal, &purge, &err), err);
    if (purge.record_n + purge.raw_n == 0) {
        assert_false(ledger_propose_purge(w->ledger, &purge, &maker, "term over", id, &err));
        assert_int_equal(err.code, ERR_RETENTION_NOTHING);
        return;
    }
    NEED(ledger_propose_purge(w->ledger, &purge, &maker, "term over", id, &err), err);
    assert_false(decide_by(w, id, true, "sysadmin-1", &err));
    assert_int_equal(err.code, ERR_APPROVAL_SAME_PERSON);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    if (cut)
        world_restart(w);
    int64_t due;
    for (bool done = false; !done;) {
        NEED(ledger_time(w->ledger, &due, &err), err);
        struct view view = view_open(w);
        struct store_key key = key_text(id);
        done = !has(&view, TABLE_WORK, key);
        view_close(&view);
    }
    assert_true(erased(w) == gone + purge.record_n);
    NEED(ledger_purge_look(w->store, w->journal, &purge, &err), err);
    assert_true(purge.record_n == 0 && purge.raw_n == 0);
}

static void what_may_be_erased_is_not_missed(void **state)
{
    struct history h = {.w = *state, .now = T0};
    assert_int_equal(getrandom(&h.random, sizeof h.random, 0), sizeof h.random);
    const char *given = getenv("TEST_SEED");
    if (given != NULL)
        h.random = strtoull(given, NULL, 10);
    print_message("seed %llu\n", (unsigned long long)h.random);
    for (int round = 0; round < 5; round++) {
        int64_t began = h.now;
        for (unsigned i = 0; i < 400; i++)
            take_a_step(&h);
        purge(h.w, began + (h.now - began) / 2, round % 2 == 1, round == 2);
        everything_agrees(h.w);
    }
    print_message("%llu of %llu records erased\n", (unsigned long long)erased(h.w),
                  (unsigned long long)journal_length(h.w));
    assert_true(erased(h.w) > 50);
}

/* ---- damage ---- */

static bool flip(struct ledger_tx *tx, void *arg, struct err *err)
{
    enum store_table table = *(enum store_table *)arg;
    struct store_txn *txn = ledger_txn(tx);
    struct store_walk walk;
    store_walk(&walk, txn, table, NULL, NULL);
    if (!store_next(&walk))
        return err_set(err, ERR_INTERNAL, "test", "nothing in %s", store_table_name(table));
    struct store_key key = {.n = walk.key.n};
    memcpy(key.b, walk.key.p, walk.key.n);
    uint8_t value[4096];
    size_t n = walk.value.n;
    memcpy(value, walk.value.p, n);
    store_walk_end(&walk);
    if (n == 0) {
        store_delete(txn, table, &key);
        return true;
    }
    value[n / 2] ^= 1;
    store_put(txn, table, &key, bytes_of(value, n));
    return true;
}

static void a_flipped_byte_is_found_in_every_table(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    unsigned tried = 0;
    char id[32];
    for (int t = 0; t < TABLE_COUNT; t++) {
        if (store_table_class((enum store_table)t) != STORE_STATE)
            continue;
        if (tried++ > 0) {
            teardown(state);
            setup(state);
            w = *state;
        }
        struct history h = {.w = w, .now = T0, .random = 1};
        for (int i = 0; i < 20; i++)
            write_some_record(&h);
        write_fact(w, row_of(code(3), "firm"));
        for (int i = 0; i < 60; i++)
            write_some_report(&h);
        struct step raised = {0};
        record_init(&raised.record, RECORD_OBJECTION);
        raised.record.uscc = code(3);
        raised.record.act = "raised";
        NEED(ledger_run(w->ledger, objection_step, &raised, &err), err);
        struct fact fact = row_of(code(1), "firm");
        fact.row.valid_until = date_of_ms(T0) + 9;
        write_fact(w, fact);
        write_fact(w, row_of(code(2), "firm"));
        write_fact(w, withdrawal_of(code(2)));
        propose_run(w, "run", "run-1", "", id);
        rebuild_is_equal(w);
        enum store_table table = (enum store_table)t;
        err = (struct err){0};
        NEED(ledger_run(w->ledger, flip, &table, &err), err);
        assert_false(rebuilds(w, &err));
        assert_int_equal(err.code, ERR_REBUILD_DIFFERS);
        assert_string_equal(err.place, store_table_name(table));
    }
    assert_true(tried >= 9);
}

static bool add_stray(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct store_key key = key_text(arg);
    (void)err;
    store_put(ledger_txn(tx), TABLE_CONFIG, &key, BYTES_LIT("x"));
    return true;
}

static void an_entry_too_many_is_named(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    NEED(ledger_saw_config(w->ledger, "rules", "aa", "", &err), err);
    NEED(ledger_run(w->ledger, add_stray, (void *)(uintptr_t) "zz", &err), err);
    assert_false(rebuilds(w, &err));
    assert_string_equal(err.place, "config");
    assert_string_equal(err.detail, "key 7a7a");
    err = (struct err){0};
    NEED(ledger_run(w->ledger, add_stray, (void *)(uintptr_t) "aa", &err), err);
    assert_false(rebuilds(w, &err));
    assert_string_equal(err.detail, "key 6161");
}

static bool stop_at_once(void *arg, uint64_t done, uint64_t total)
{
    (void)arg;
    (void)done;
    (void)total;
    return false;
}

static void a_rebuild_never_touches_the_store_itself(void **state)
{
    struct world *w = *state;
    struct ledger_rebuild out;
    struct err err = {0};
    char path[128];
    write_fact(w, row_of(code(1), "firm"));
    assert_false(ledger_rebuild(w->store, w->journal, w->directory, NULL, NULL, &out, &err));
    assert_int_equal(err.code, ERR_STORE_OPEN);
    snprintf(path, sizeof path, "%s/.", w->directory);
    assert_false(ledger_rebuild(w->store, w->journal, path, NULL, NULL, &out, &err));
    snprintf(path, sizeof path, "%s/scratch", w->directory);
    assert_false(ledger_rebuild(w->store, w->journal, path, stop_at_once, NULL, &out, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    NEED(ledger_rebuild(w->store, w->journal, path, NULL, NULL, &out, &err), err);
    assert_true(out.records == 1 && out.entries >= 4);
    world_restart(w);
    assert_int_equal(status_of(w, code(1)), LISTING_LISTED);
}

int main(void)
{
    log_set_level(LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(any_history_is_rebuilt),
        TEST(what_may_be_erased_is_not_missed),
        TEST(a_flipped_byte_is_found_in_every_table),
        TEST(an_entry_too_many_is_named),
        TEST(a_rebuild_never_touches_the_store_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
