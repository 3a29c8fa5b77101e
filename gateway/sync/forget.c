/* Stories and row diffs that are older than their term go, a chunk a transaction: a diff may have a million rows. */
#include "sync/internal.h"

#include <string.h>

#define FORGET_CHUNK 1000

struct forgetting {
    int64_t before_ms;
    bool more;
};

/* The oldest run that has ended before the moment. Ids grow with time; one that is still held may be old. */
static bool find_old(struct store_txn *txn, struct arena *arena, int64_t before_ms, const char **id_out,
                     struct err *err)
{
    struct store_walk walk;
    bool ok = true;
    *id_out = NULL;
    for (store_walk(&walk, txn, TABLE_RUN, NULL, NULL); ok && *id_out == NULL && store_next(&walk);) {
        struct story story;
        ok = story_decode(walk.value, &story, err);
        if (!ok || story.started_ms >= before_ms)
            break;
        bool ended = story.state != RUN_RUNNING && story.state != RUN_HELD;
        if (ended && story.ended_ms > 0 && story.ended_ms < before_ms)
            *id_out = arena_strndup(arena, (const char *)walk.key.p, walk.key.n);
    }
    store_walk_end(&walk);
    return ok;
}

static size_t forget_diff(struct store_txn *txn, const char *id)
{
    const struct store_key prefix = key_pair(id, "");
    struct store_walk walk;
    size_t n = 0;
    for (store_walk(&walk, txn, TABLE_DIFF, NULL, &prefix); n < FORGET_CHUNK && store_next(&walk); n++)
        store_walk_delete(&walk);
    store_walk_end(&walk);
    return n;
}

static bool forget_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct forgetting *forgetting = arg;
    struct store_txn *txn = ledger_txn(tx);
    const char *id;
    CHECK(find_old(txn, ledger_arena(tx), forgetting->before_ms, &id, err));
    forgetting->more = id != NULL;
    if (id == NULL)
        return true;
    if (forget_diff(txn, id) < FORGET_CHUNK) {
        const struct store_key key = key_text(id);
        store_delete(txn, TABLE_RUN, &key);
        log_event(LOG_INFO, "sync.forgotten", "run=%s", id);
    }
    return !store_failed(txn, err);
}

bool sync_forget(struct sync *sync, int64_t before_ms, struct err *err)
{
    struct forgetting forgetting = {.before_ms = before_ms, .more = true};
    while (forgetting.more && !sync->stopping)
        CHECK(ledger_run(sync->ledger, forget_job, &forgetting, err));
    return true;
}
