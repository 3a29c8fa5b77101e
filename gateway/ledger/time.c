/* Facts that only time makes: a certification, membership or exclusion ends on its day, also when the daemon was
 * down then. */
#include "ledger/internal.h"

#include <string.h>

#define PASSES_MAX 16 /* two things of one firm may end on one day; more passes than this is a defect */

/* Only who waits for a job moves this on: the job itself may be decided more than once. */
struct sweep {
    struct store_key from; /* first due key to look at */
    bool started;
    bool more;
    int64_t changed;
    int64_t next_ms;
    bool work_waits;
};
struct sweep_chunk {
    struct sweep before, after;
};

static bool time_one(struct ledger_tx *tx, date_day day, const char *uscc, struct sweep *sweep, struct err *err)
{
    struct fact fact;
    ledger_fact_init(&fact, FACT_TIME, uscc);
    fact.actor = (struct actor){ACTOR_TIMER, ""};
    fact.due_ms = date_start_ms(day);
    struct ledger_outcome outcome;
    CHECK(ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err));
    if (outcome.changed)
        sweep->changed++;
    else
        log_event(LOG_WARN, "time.nothing", "uscc=%s", uscc);
    return true;
}

/* The keys of one chunk are gathered before anything is written: writing moves entries of this very table. */
static size_t gather(struct ledger_tx *tx, struct sweep *sweep, struct store_key keys[LEDGER_CHUNK])
{
    struct store_walk walk;
    date_day today = date_of_ms(tx->now);
    size_t n = 0;
    sweep->more = false;
    sweep->next_ms = 0;
    for (store_walk(&walk, tx->txn, TABLE_DUE, sweep->started ? &sweep->from : NULL, NULL); store_next(&walk);) {
        struct store_key key = {.n = walk.key.n};
        memcpy(key.b, walk.key.p, walk.key.n);
        if (key_due_day(walk.key) > today) {
            sweep->next_ms = date_start_ms(key_due_day(walk.key));
            break;
        }
        if (n == LEDGER_CHUNK) {
            sweep->from = key;
            sweep->more = true;
            break;
        }
        keys[n++] = key;
    }
    store_walk_end(&walk);
    return n;
}

static bool chunk_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct sweep_chunk *chunk = arg;
    struct sweep after = chunk->before;
    struct store_key *keys = arena_alloc(tx->arena, LEDGER_CHUNK * sizeof *keys);
    size_t n = gather(tx, &after, keys);
    for (size_t i = 0; i < n; i++) {
        const char *uscc = arena_strndup(tx->arena, (const char *)keys[i].b + 4, keys[i].n - 4);
        CHECK(time_one(tx, key_due_day(bytes_of(keys[i].b, keys[i].n)), uscc, &after, err));
    }
    after.started = true;
    after.work_waits = work_waits(tx);
    chunk->after = after;
    return true;
}

static bool sweep_once(struct ledger *ledger, struct sweep *out, struct err *err)
{
    struct sweep_chunk chunk = {.after = {.more = true}};
    while (chunk.after.more) {
        chunk.before = chunk.after;
        CHECK(ledger_run(ledger, chunk_job, &chunk, err));
    }
    *out = chunk.after;
    return true;
}

bool ledger_time(struct ledger *ledger, int64_t *next_out, struct err *err)
{
    for (int pass = 0; pass < PASSES_MAX; pass++) {
        struct sweep sweep;
        CHECK(sweep_once(ledger, &sweep, err));
        *next_out = sweep.next_ms;
        if (sweep.changed == 0) {
            if (sweep.work_waits)
                work_kick(ledger);
            return true;
        }
        log_event(LOG_INFO, "time.facts", "changed=%lld", (long long)sweep.changed);
    }
    return err_set(err, ERR_INTERNAL, "time", "facts of one day do not settle");
}
