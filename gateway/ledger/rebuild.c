/* State follows from the journal: proved by doing it again beside and comparing byte by byte. */
#include "ledger/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REBUILD_CHUNK 10000

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

static bool rebuild_chunk(struct journal *journal, struct store_txn *from, struct store *scratch, uint64_t first,
                          uint64_t last, struct err *err)
{
    struct store_txn *txn = store_write(scratch, err);
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

static bool differs(struct err *err, enum store_table table, struct bytes key)
{
    char hex[2 * STORE_KEY_MAX + 1];
    hex_encode(key.p, key.n < STORE_KEY_MAX ? key.n : STORE_KEY_MAX, hex);
    return err_set(err, ERR_REBUILD_DIFFERS, store_table_name(table), "key %s", hex);
}

static bool before(struct bytes a, struct bytes b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order < 0 || (order == 0 && a.n < b.n);
}

static bool compare_table(struct store_txn *a, struct store_txn *b, enum store_table table, uint64_t *entries,
                          struct err *err)
{
    struct store_walk x, y;
    store_walk(&x, a, table, NULL, NULL);
    store_walk(&y, b, table, NULL, NULL);
    bool same = true;
    for (;;) {
        bool more_x = store_next(&x), more_y = store_next(&y);
        if (!more_x && !more_y)
            break;
        same = more_x && more_y && bytes_equal(x.key, y.key) && bytes_equal(x.value, y.value);
        if (!same) {
            bool x_first = more_x && (!more_y || before(x.key, y.key));
            differs(err, table, x_first ? x.key : y.key);
            break;
        }
        (*entries)++;
    }
    store_walk_end(&x);
    store_walk_end(&y);
    return same && !store_failed(a, err) && !store_failed(b, err);
}

static bool compare(struct store_txn *from, struct store *scratch, uint64_t *entries, struct err *err)
{
    struct store_txn *built = store_read(scratch, err);
    if (built == NULL)
        return false;
    bool same = true;
    for (int t = 0; t < TABLE_COUNT && same; t++) {
        if (store_table_class((enum store_table)t) == STORE_STATE)
            same = compare_table(from, built, (enum store_table)t, entries, err);
    }
    store_read_end(&built);
    return same;
}

static bool rebuild_into(struct store_txn *from, struct journal *journal, struct store *scratch,
                         journal_progress *progress, void *arg, struct ledger_rebuild *out, struct err *err)
{
    uint64_t size = journal_size(journal, from);
    for (uint64_t first = 1; first <= size; first += REBUILD_CHUNK) {
        uint64_t last = first + REBUILD_CHUNK - 1 < size ? first + REBUILD_CHUNK - 1 : size;
        CHECK(rebuild_chunk(journal, from, scratch, first, last, err));
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
