/* What the tests of this folder share: a data directory, two rules files, a ledger that can be stopped and opened
 * again, and facts written in a line. */
#ifndef LEDGER_FIXTURE_H
#define LEDGER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/ledger.h"

#define T0 INT64_C(1795485600000) /* 2026-11-24T10:00:00+08:00 */
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)

#define NEED(call, err)                                                                                                \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s at %s: %s", #call, err_info((err).code)->code, (err).place, (err).detail);                \
    } while (0)

struct world {
    char directory[64];
    struct store_options store_options;
    struct ledger_options options;
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;
    struct arena *arena;
    const struct policy *automatic, *approval;
};

#define RULES                                                                                                          \
    "versions:\n  - version: \"2026-1\"\n    document_no: no\n    decided_by: office\n"                                \
    "    review: {body: joint, date: 2025-12-01}\n    valid_from: 2025-12-08\n"                                        \
    "    grounds: {serious_dishonesty: remove, abnormal_operation: suspend, deregistered: remove, "                    \
    "abnormal_patents: suspend, false_material: remove, rights_lapsed: suspend, moved_out: remove, own_request: "      \
    "remove}\n"

static inline const struct policy *load_policy(struct world *w, enum policy_admission admission)
{
    const struct yaml_node *root;
    const struct policy *policy;
    struct err err = {0};
    NEED(yaml_parse(w->arena, "rules.yaml", BYTES_LIT(RULES), &root, &err), err);
    NEED(policy_load(w->arena, root, admission, &policy, &err), err);
    return policy;
}

static inline void world_open(struct world *w)
{
    struct err err = {0};
    NEED(store_open(&w->store_options, &w->store, &err), err);
    w->options.store = w->store;
    w->options.journal = w->journal;
    w->ledger = ledger_new(&w->options);
}

static inline void world_start(struct world *w)
{
    struct err err = {0};
    NEED(ledger_start(w->ledger, &err), err);
}

static inline void world_close(struct world *w)
{
    ledger_free(&w->ledger);
    store_close(&w->store);
}

static inline void world_restart(struct world *w)
{
    world_close(w);
    world_open(w);
    world_start(w);
}

static inline struct world *world_new(void)
{
    struct world *w = xcalloc(1, sizeof *w);
    snprintf(w->directory, sizeof w->directory, "/tmp/test-ledger-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    w->arena = arena_new();
    w->automatic = load_policy(w, POLICY_ADMISSION_AUTOMATIC);
    w->approval = load_policy(w, POLICY_ADMISSION_APPROVAL);
    w->journal = journal_lmdb();
    w->store_options = (struct store_options){
        .directory = w->directory, .map_size = (int64_t)1 << 30, .readers = 16, .exclusive = true, .no_sync = true};
    w->options = (struct ledger_options){.policy = w->automatic, .queue_max = 4096};
    clock_test_set(T0, 1000);
    world_open(w);
    return w;
}

static inline void world_free(struct world *w)
{
    world_close(w);
    journal_free(&w->journal);
    arena_free(&w->arena);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", w->directory);
    assert_int_equal(system(command), 0);
    free(w);
    clock_test_set(0, 0);
}

static inline int setup(void **state)
{
    struct world *w = world_new();
    world_start(w);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* ---- facts ---- */

/* The i-th firm's code: of this province, 18 characters. */
static inline const char *code(unsigned i)
{
    static _Thread_local char text[8][USCC_SIZE];
    static _Thread_local unsigned next;
    char *out = text[next++ % 8];
    snprintf(out, USCC_SIZE, "911401%012u", i);
    return out;
}

static inline struct fact fact_of(enum fact_kind kind, enum actor_kind actor, const char *id, const char *uscc)
{
    return (struct fact){
        .kind = kind,
        .actor = {actor, id},
        .origin = "run-1",
        .approval_id = "",
        .uscc = uscc,
        .list_version = "2026-11",
        .document_no = "",
        .effective = DATE_NONE,
        .until = DATE_NONE,
        .note = "",
        .row = {.name = "",
                .region_code = "",
                .industry_code = "",
                .scale = "",
                .ownership = "",
                .level = "",
                .batch = "",
                .document_no = "",
                .reason = "",
                .valid_from = DATE_NONE,
                .valid_until = DATE_NONE},
    };
}

/* A row of the bureau's list. */
static inline struct fact row_of(const char *uscc, const char *name)
{
    struct fact fact = fact_of(FACT_ROW, ACTOR_SOURCE, "bureau-sx", uscc);
    fact.row.name = name;
    fact.row.document_no = "doc 1";
    return fact;
}

static inline struct fact withdrawal_of(const char *uscc)
{
    struct fact fact = row_of(uscc, "firm");
    fact.row.withdrawn = true;
    return fact;
}

struct decided {
    const struct fact *facts;
    size_t n;
    struct ledger_outcome outcome; /* of the last */
};

static inline bool decide_facts(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct decided *decided = arg;
    for (size_t i = 0; i < decided->n; i++)
        CHECK(ledger_fact(tx, &decided->facts[i], BYTES_LIT("raw"), &decided->outcome, err));
    return true;
}

/* Durable when it returns. */
static inline struct ledger_outcome write_fact(struct world *w, struct fact fact)
{
    struct decided decided = {&fact, 1, {0}};
    struct err err = {0};
    NEED(ledger_run(w->ledger, decide_facts, &decided, &err), err);
    return decided.outcome;
}

static inline void list_firms(struct world *w, unsigned first, unsigned n)
{
    struct fact *facts = xcalloc(n, sizeof *facts);
    char(*codes)[USCC_SIZE] = xcalloc(n, sizeof *codes);
    struct err err = {0};
    for (unsigned i = 0; i < n; i++) {
        memcpy(codes[i], code(first + i), USCC_SIZE);
        facts[i] = row_of(codes[i], "firm");
    }
    struct decided decided = {facts, n, {0}};
    NEED(ledger_run(w->ledger, decide_facts, &decided, &err), err);
    free(codes);
    free(facts);
}

/* ---- what a user sees ---- */

struct view {
    struct store_txn *txn;
    struct arena *arena;
};

static inline struct view view_open(struct world *w)
{
    struct err err = {0};
    struct view view = {store_read(w->store, &err), arena_new()};
    assert_non_null(view.txn);
    return view;
}

static inline void view_close(struct view *view)
{
    store_read_end(&view->txn);
    arena_free(&view->arena);
}

/* firm_init'ed when unknown. Text dies with the view. */
static inline struct firm firm_in(struct view *view, const char *uscc)
{
    struct store_key key = key_text(uscc);
    struct bytes value;
    struct firm firm;
    struct err err = {0};
    firm_init(&firm, uscc);
    if (store_get(view->txn, TABLE_FIRM, &key, &value))
        NEED(firm_decode(value, uscc, &firm, &err), err);
    return firm;
}

static inline enum listing_status status_of(struct world *w, const char *uscc)
{
    struct view view = view_open(w);
    enum listing_status status = firm_in(&view, uscc).listing.status;
    view_close(&view);
    return status;
}

static inline uint64_t tally_of(struct world *w, const char *name)
{
    struct view view = view_open(w);
    uint64_t n = store_number(view.txn, TABLE_TALLY, name);
    view_close(&view);
    return n;
}

static inline uint64_t journal_length(struct world *w)
{
    struct view view = view_open(w);
    uint64_t n = journal_size(w->journal, view.txn);
    view_close(&view);
    return n;
}

static inline struct record record_in(struct world *w, struct view *view, uint64_t seq)
{
    struct bytes bytes;
    struct record record;
    struct err err = {0};
    NEED(journal_read(w->journal, view->txn, seq, &bytes, &err), err);
    NEED(record_decode(view->arena, seq, bytes, &record, &err), err);
    return record;
}

static inline void journal_is_good(struct world *w)
{
    struct view view = view_open(w);
    struct journal_head head;
    struct err err = {0};
    NEED(journal_verify(w->journal, view.txn, 0, NULL, NULL, &head, &err), err);
    view_close(&view);
}

static inline bool rebuilds(struct world *w, struct err *err)
{
    char scratch[80];
    struct ledger_rebuild out;
    snprintf(scratch, sizeof scratch, "%s/scratch", w->directory);
    bool ok = ledger_rebuild(w->store, w->journal, scratch, NULL, NULL, &out, err);
    assert_int_not_equal(access(scratch, F_OK), 0);
    return ok;
}

static inline void rebuild_is_equal(struct world *w)
{
    struct err err = {0};
    NEED(rebuilds(w, &err), err);
}

/* ---- approvals ---- */

static inline struct approval approval_in(struct view *view, const char *id)
{
    struct approval approval;
    struct err err = {0};
    NEED(approval_read(view->txn, view->arena, id, &approval, &err), err);
    return approval;
}

static inline bool decide_by(struct world *w, const char *id, bool grant, const char *person, struct err *err)
{
    struct actor actor = {ACTOR_PERSON, person};
    return ledger_decide_approval(w->ledger, id, grant, &actor, "looked at it", NULL, err);
}

struct proposing {
    struct approval approval;
    char id[32];
};

static inline bool propose_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct proposing *proposing = arg;
    return ledger_propose(tx, &proposing->approval, proposing->id, err);
}

/* A proposal about a run, as sync makes them. */
static inline void propose_run(struct world *w, const char *what, const char *run, const char *payload, char id[32])
{
    struct err err = {0};
    struct proposing proposing = {.approval = {.what = what,
                                               .object = run,
                                               .digest = "",
                                               .note = "held",
                                               .maker = {ACTOR_SOURCE, "bureau-sx"},
                                               .payload = payload}};
    NEED(ledger_run(w->ledger, propose_job, &proposing, &err), err);
    memcpy(id, proposing.id, 32);
}

static inline bool put_held_run(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct store_key key = key_text(arg);
    store_put(ledger_txn(tx), TABLE_RUN, &key, BYTES_LIT("{\"state\":\"held\"}"));
    return !store_failed(ledger_txn(tx), err);
}

static inline bool nothing_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    (void)tx;
    (void)arg;
    (void)err;
    return true;
}

/* ---- holding the committer still ---- */

/* A job that keeps the committer busy until it is let go, so that others gather behind it. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool inside, open, done;
};

static inline void gate_init(struct gate *gate)
{
    *gate = (struct gate){0};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->moved, NULL);
}

static inline void gate_set(struct gate *gate, bool *what)
{
    pthread_mutex_lock(&gate->lock);
    *what = true;
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->lock);
}

static inline void gate_wait(struct gate *gate, const bool *what)
{
    pthread_mutex_lock(&gate->lock);
    while (!*what)
        pthread_cond_wait(&gate->moved, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static inline bool gate_decide(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct gate *gate = arg;
    (void)tx;
    (void)err;
    gate_set(gate, &gate->inside);
    gate_wait(gate, &gate->open);
    return true;
}

static inline void gate_done(void *arg, const struct err *err)
{
    struct gate *gate = arg;
    (void)err;
    gate_set(gate, &gate->done);
}

static inline void gate_close(struct world *w, struct gate *gate)
{
    struct err err = {0};
    gate_init(gate);
    NEED(ledger_submit(w->ledger, gate_decide, gate_done, gate, &err), err);
    gate_wait(gate, &gate->inside);
}

static inline void gate_open(struct gate *gate)
{
    gate_set(gate, &gate->open);
}

static inline void gate_free(struct gate *gate)
{
    gate_wait(gate, &gate->done);
    pthread_mutex_destroy(&gate->lock);
    pthread_cond_destroy(&gate->moved);
}

#endif
