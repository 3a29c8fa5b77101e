/* The stage: what differs, keyed by (run, code). Rows come in by the spill; when the list is whole they are merged,
 * what stands twice is judged, and the stage is written through the committer in code order. */
#include "sync/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The run's story is told anew each time a part of the list has been put aside. */
bool stage_add(struct run *run, const struct staged *staged, struct err *err)
{
    bool written = false;
    if (err->code != ERR_NONE)
        return false;
    CHECK(spill_add(run->spill, run->sync, staged, &written, err));
    return !written || story_save(run->sync->ledger, &run->story, err);
}

/* ---- one firm's rows become one ---- */

#define LINES_MAX 120                     /* bytes: a firm told a hundred times does not need a hundred line numbers */

/* The rows of one code are folded in the order they came in. */
struct fold {
    bool any;                         /* false: nothing to stage so far */
    struct staged row;                /* what will be staged */
    struct bytes value;               /* as encoded; empty when it must be encoded anew */
    char lines[LINES_MAX];            /* of the list, that contradict each other */
};

static void tell_lines(struct fold *fold, const struct staged *now)
{
    unsigned long long first = fold->row.line, line = now->line;
    size_t n = strlen(fold->lines);
    if (!fold->any)
        snprintf(fold->lines, LINES_MAX, "line %llu and one before it", line);
    else if (fold->row.kind != STAGE_CONFLICT)
        snprintf(fold->lines, LINES_MAX, "lines %llu, %llu", first, line);
    else if (n + 24 < LINES_MAX)
        snprintf(fold->lines + n, LINES_MAX - n, ", %llu", line);
}

/* Two different rows for one code are both a conflict. */
static void fold_conflict(struct fold *fold, const struct staged *now, uint32_t rows, bool again)
{
    tell_lines(fold, now);
    fold->any = true;
    fold->value = (struct bytes){0};
    staged_init(&fold->row, STAGE_CONFLICT, now->uscc, now->line);
    fold->row.rows = rows;
    fold->row.again = again;
    fold->row.code = ERR_LIST_ROW_CONFLICT;
    fold->row.field = "uscc";
    fold->row.detail = fold->lines;
}

/* The stored row came first and was passed over as unchanged. */
static bool fold_stored(const struct run *run, struct fold *fold, const struct staged *now, bool *known_out,
                        struct err *err)
{
    struct known_row known;
    struct store_txn *txn = store_read(run->sync->store, err);
    if (txn == NULL)
        return false;
    *known_out = known_row_get(txn, run->source->id, now->uscc, &known);
    if (*known_out && memcmp(known.digest, now->digest, sizeof known.digest) != 0)
        fold_conflict(fold, now, 2, true);
    store_read_end(&txn);
    return true;
}

static bool fold_row(const struct run *run, struct fold *fold, const char *uscc, struct bytes value, struct err *err)
{
    struct staged now;
    bool known = false;
    CHECK(staged_decode(value, uscc, &now, err));
    if (fold->any) {
        const struct staged *first = &fold->row;
        if (first->kind == STAGE_BAD || now.kind == STAGE_BAD)
            return true; /* the first fault of a firm is told; both were counted */
        if (first->kind == STAGE_CONFLICT || memcmp(first->digest, now.digest, sizeof now.digest) != 0)
            fold_conflict(fold, &now, first->rows + 1, first->again);
        return true;
    }
    if (now.again)
        CHECK(fold_stored(run, fold, &now, &known, err));
    if (!known)
        *fold = (struct fold){.any = true, .row = now, .value = value};
    return true;
}

static bool fold_next(struct run *run, struct fold *fold, const char *uscc, struct err *err)
{
    const char *next;
    struct bytes value;
    *fold = (struct fold){0};
    while (spill_peek(run->spill, &next, &value) && strcmp(next, uscc) == 0) {
        CHECK(fold_row(run, fold, uscc, value, err));
        spill_next(run->spill);
    }
    return true;
}

/* ---- writing, a chunk at a time ---- */

struct chunk {
    const char *run_id;
    struct arena *arena;              /* of values that are not in the spill */
    struct { const char *uscc; struct bytes value; } rows[SYNC_CHUNK_ROWS];
    size_t n, bytes;
};

static bool write_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct chunk *chunk = arg;
    for (size_t i = 0; i < chunk->n; i++) {
        struct store_key key = key_pair(chunk->run_id, chunk->rows[i].uscc);
        store_put(ledger_txn(tx), TABLE_STAGE, &key, chunk->rows[i].value);
    }
    return !store_failed(ledger_txn(tx), err);
}

static void chunk_add(struct chunk *chunk, const char *uscc, const struct fold *fold)
{
    struct bytes value = fold->value;
    if (value.n == 0) {
        struct buf encoded;
        buf_init(&encoded, STAGE_VALUE_MAX);
        staged_encode(&fold->row, &encoded);
        value = bytes_dup(chunk->arena, buf_bytes(&encoded));
        buf_free(&encoded);
    }
    chunk->rows[chunk->n].uscc = uscc;
    chunk->rows[chunk->n++].value = value;
    chunk->bytes += value.n;
}

static bool chunk_fill(struct run *run, struct chunk *chunk, struct err *err)
{
    const char *uscc;
    struct bytes value;
    struct fold fold;
    chunk->n = chunk->bytes = 0;
    arena_reset(chunk->arena);
    while (chunk->n < SYNC_CHUNK_ROWS && chunk->bytes < STAGE_CHUNK_BYTES && spill_peek(run->spill, &uscc, &value)) {
        CHECK(fold_next(run, &fold, uscc, err));
        if (fold.any)
            chunk_add(chunk, uscc, &fold);
    }
    return true;
}

static bool write_chunks(struct run *run, struct chunk *chunk, struct err *err)
{
    for (;;) {
        CHECK(chunk_fill(run, chunk, err));
        if (chunk->n == 0)
            return true;
        if (run_is_cancelled(run))
            return err_set(err, ERR_CANCELLED, run->story.id, "cancelled by a person or by stopping");
        CHECK(ledger_run(run->sync->ledger, write_job, chunk, err));
    }
}

bool stage_write(struct run *run, struct err *err)
{
    CHECK(spill_merge(run->spill, run->sync, err));
    struct chunk *chunk = xcalloc(1, sizeof *chunk);
    chunk->run_id = run->story.id;
    chunk->arena = arena_new();
    bool ok = write_chunks(run, chunk, err);
    arena_free(&chunk->arena);
    free(chunk);
    spill_reset(run->spill);
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

size_t stage_read(struct store_txn *txn, struct arena *arena, const char *run_id, const char *after, struct staged *out,
                  size_t max, struct err *err)
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
