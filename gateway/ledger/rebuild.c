/* State follows from the journal: proved by doing it again beside and comparing byte by byte. */
#include "ledger/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void remove_scratch(const char *scratch)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "daemon.lock"};
    char path[4096];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", scratch, files[i]);
        unlink(path);
    }
    rmdir(scratch);
}

bool replay(struct journal *journal, struct store_txn *from, struct store *to, uint64_t first, uint64_t last,
            struct err *err)
{
    struct store_txn *txn = store_write(to, err);
    if (txn == NULL)
        return false;
    AUTO_ARENA arena = arena_new();
    struct apply apply;
    apply_init(&apply, txn, arena);
    bool ok = true;
    for (uint64_t seq = first; seq <= last && ok; seq++) {
        struct bytes bytes;
        struct record record;
        arena_reset(arena);
        ok = journal_read(journal, from, seq, &bytes, err);
        if (ok && bytes.n > 0)
            ok = record_decode(arena, seq, bytes, &record, err) && apply_record(&apply, &record, NULL, err);
    }
    if (ok)
        apply_flush(&apply);
    apply_free(&apply);
    if (ok)
        return store_commit(&txn, err);
    store_abort(&txn);
    return false;
}

static bool compare(struct store_txn *from, struct store *scratch, uint64_t *entries, struct err *err)
{
    struct store_txn *built = store_read(scratch, err);
    if (built == NULL)
        return false;
    bool same = true;
    for (int t = 0; t < TABLE_COUNT && same; t++) {
        if (store_table_class((enum store_table)t) == STORE_STATE)
            same = store_same(from, built, (enum store_table)t, entries, err);
    }
    store_read_end(&built);
    return same;
}

static bool rebuild_into(struct store_txn *from, struct journal *journal, struct store *scratch,
                         journal_progress *progress, void *arg, struct ledger_rebuild *out, struct err *err)
{
    uint64_t size = journal_size(journal, from);
    for (uint64_t first = 1; first <= size; first += REPLAY_CHUNK) {
        uint64_t last = first + REPLAY_CHUNK - 1 < size ? first + REPLAY_CHUNK - 1 : size;
        CHECK(replay(journal, from, scratch, first, last, err));
        if (progress != NULL && !progress(arg, last, size))
            return err_set(err, ERR_CANCELLED, "rebuild", "at %llu", (unsigned long long)last);
    }
    out->records = size;
    return compare(from, scratch, &out->entries, err);
}

bool ledger_rebuild(struct store *store, struct journal *journal, const char *scratch, journal_progress *progress,
                    void *arg, struct ledger_rebuild *out, struct err *err)
{
    *out = (struct ledger_rebuild){0};
    if (store_is_in(store, scratch))
        return err_set(err, ERR_STORE_OPEN, scratch, "the scratch directory is the store's own");
    remove_scratch(scratch);
    struct store *copy = NULL;
    struct store_options options = {.directory = scratch, .map_size = (int64_t)1 << 40, .readers = 8, .no_sync = true};
    CHECK(store_open(&options, &copy, err));
    struct store_txn *from = store_read(store, err);
    bool ok = from != NULL && rebuild_into(from, journal, copy, progress, arg, out, err);
    store_read_end(&from);
    store_close(&copy);
    remove_scratch(scratch);
    return ok;
}
