/* The stage: what differs, keyed by (run, code), written through the committer in code order. */
#include "sync/internal.h"

#include <stdlib.h>
#include <string.h>

static struct bytes keep(struct arena *arena, struct bytes b)
{
    return b.n == 0 ? b : bytes_dup(arena, b);
}

/* The row's text already lives in the batch arena; the raw bytes are the page's and are copied. */
bool stage_add(struct run *run, const struct staged *staged, struct err *err)
{
    if (err->code != ERR_NONE)
        return false;
    struct staged *slot = &run->batch_rows[run->batch_n++];
    *slot = *staged;
    slot->raw = keep(run->batch_arena, staged->raw);
    run->batch_bytes += staged->raw.n + 512;
    if (run->batch_n < STAGE_BATCH && run->batch_bytes < STAGE_BATCH_BYTES)
        return true;
    return stage_flush(run, err);
}

static int by_code(const void *a, const void *b)
{
    const struct staged *x = a, *y = b;
    int order = strcmp(x->uscc, y->uscc);
    if (order != 0)
        return order;
    return x->line < y->line ? -1 : x->line > y->line;
}

static void put(struct store_txn *txn, const struct run *run, const struct staged *staged, struct buf *value)
{
    struct store_key key = key_pair(run->story.id, staged->uscc);
    buf_reset(value);
    staged_encode(staged, value);
    store_put(txn, TABLE_STAGE, &key, buf_bytes(value));
}

/* Two different rows for one code are both a conflict. `before` is the row of this run that came first. */
static void put_conflict(struct store_txn *txn, struct run *run, const struct staged *now, uint32_t rows, bool again,
                         struct buf *value)
{
    struct staged conflict;
    staged_init(&conflict, STAGE_CONFLICT, now->uscc, now->line);
    conflict.rows = rows;
    conflict.again = again;
    conflict.code = ERR_LIST_ROW_CONFLICT;
    conflict.field = "uscc";
    put(txn, run, &conflict, value);
}

static bool stage_one(struct ledger_tx *tx, struct run *run, const struct staged *now, struct buf *value, struct err *err)
{
    struct store_txn *txn = ledger_txn(tx);
    struct store_key key = key_pair(run->story.id, now->uscc);
    struct bytes stored;
    struct staged before;
    if (store_get(txn, TABLE_STAGE, &key, &stored)) {
        CHECK(staged_decode(bytes_dup(ledger_arena(tx), stored), now->uscc, &before, err));
        if (before.kind == STAGE_BAD || now->kind == STAGE_BAD)
            return true; /* the first fault of a firm is told; both were counted */
        if (before.kind == STAGE_CONFLICT || memcmp(before.digest, now->digest, sizeof now->digest) != 0)
            put_conflict(txn, run, now, before.rows + 1, before.again, value);
        return true;
    }
    struct known_row known;
    if (now->again && known_row_get(txn, run->source->id, now->uscc, &known)) {
        /* the stored row came first and was passed over as unchanged */
        if (memcmp(known.digest, now->digest, sizeof known.digest) != 0)
            put_conflict(txn, run, now, 2, true, value);
        return true;
    }
    put(txn, run, now, value);
    return true;
}

static bool flush_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct run *run = arg;
    struct buf value;
    buf_init(&value, STAGE_VALUE_MAX);
    bool ok = true;
    for (size_t i = 0; i < run->batch_n && ok; i++)
        ok = stage_one(tx, run, &run->batch_rows[i], &value, err);
    buf_free(&value);
    if (ok)
        story_put(ledger_txn(tx), &run->story);
    return ok && !store_failed(ledger_txn(tx), err);
}

bool stage_flush(struct run *run, struct err *err)
{
    if (run->batch_n == 0) {
        run->batch_bytes = 0;
        arena_reset(run->batch_arena);
        return true;
    }
    qsort(run->batch_rows, run->batch_n, sizeof *run->batch_rows, by_code);
    bool ok = ledger_run(run->sync->ledger, flush_job, run, err);
    run->batch_n = 0;
    run->batch_bytes = 0;
    arena_reset(run->batch_arena);
    return ok;
}

/* ---- clearing ---- */

struct clear {
    const char *run_id;
    bool more;
};

static bool clear_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct clear *clear = arg;
    struct store_key prefix = key_pair(clear->run_id, "");
    struct store_walk walk;
    int n = 0;
    clear->more = false;
    for (store_walk(&walk, ledger_txn(tx), TABLE_STAGE, NULL, &prefix); store_next(&walk);) {
        if (n++ == SYNC_CHUNK_ROWS) {
            clear->more = true;
            break;
        }
        store_walk_delete(&walk);
    }
    store_walk_end(&walk);
    return !store_failed(ledger_txn(tx), err);
}

bool stage_clear(struct sync *sync, const char *run_id, struct err *err)
{
    struct clear clear = {run_id, true};
    while (clear.more)
        CHECK(ledger_run(sync->ledger, clear_job, &clear, err));
    return true;
}

/* ---- reading ---- */

size_t stage_read(struct store_txn *txn, struct arena *arena, const char *run_id, const char *after, struct staged *out, size_t max,
                  struct err *err)
{
    struct store_key prefix = key_pair(run_id, ""), from = key_pair(run_id, after);
    struct store_walk walk;
    size_t n = 0;
    for (store_walk(&walk, txn, TABLE_STAGE, &from, &prefix); n < max && store_next(&walk);) {
        const char *uscc = arena_strndup(arena, (const char *)walk.key.p + prefix.n, walk.key.n - prefix.n);
        if (strcmp(uscc, after) == 0)
            continue;
        if (!staged_decode(bytes_dup(arena, walk.value), uscc, &out[n], err))
            break;
        n++;
    }
    store_walk_end(&walk);
    return n;
}

void stage_delete(struct store_txn *txn, const char *run_id, const char *uscc)
{
    struct store_key key = key_pair(run_id, uscc);
    store_delete(txn, TABLE_STAGE, &key);
}
