/* A random history of everything that can be written: rows, acts, approvals, runs, reports, days that pass, restarts. */
#ifndef LEDGER_HISTORY_H
#define LEDGER_HISTORY_H

#include <sys/random.h>

#include "fixture.h"

enum { FIRMS = 60 };

struct history {
    struct world *w;
    uint64_t random;
    int64_t now;
    unsigned facts, approvals, granted, expiries;
    bool reported; /* bank-a's row m-1/0 */
};

/* The seed is printed; TEST_SEED repeats a run. */
static struct history history_begin(struct world *w)
{
    const char *given = getenv("TEST_SEED");
    struct history h = {.w = w, .now = T0};
    if (given != NULL)
        h.random = strtoull(given, NULL, 10);
    else
        assert_int_equal(getrandom(&h.random, sizeof h.random, 0), sizeof h.random);
    print_message("seed %llu\n", (unsigned long long)h.random);
    return h;
}

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
    /* closed: what was granted before goes on by itself and answers questions */
    bool expected = err.code == ERR_APPROVAL_SAME_PERSON || err.code == ERR_APPROVAL_CLOSED ||
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
    step.record.message.id = PICK(h, "m-1", "m-2", "m-3", "m-4", "m-5", "m-6", "m-7", "m-8");
    step.record.message.kind = PICK(h, "credit.report", "certification.batch");
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

#endif
