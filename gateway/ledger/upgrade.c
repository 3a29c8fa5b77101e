/* A store of an older format is brought to this program's, one step a version, before anything else opens it. A step
 * that was cut off begins again from its own beginning: until it ends, the store says which format it has reached. */
#include "ledger/internal.h"

typedef bool upgrade_step(struct store *store, struct journal *journal, struct err *err);

/* At most n entries of the state tables; *more_out: there were that many. */
static bool clear_some(struct store *store, size_t n, bool *more_out, struct err *err)
{
    struct store_txn *txn = store_write(store, err);
    if (txn == NULL)
        return false;
    for (int t = 0; t < TABLE_COUNT; t++) {
        struct store_walk walk;
        if (store_table_class((enum store_table)t) != STORE_STATE)
            continue;
        for (store_walk(&walk, txn, (enum store_table)t, NULL, NULL); n > 0 && store_next(&walk); n--)
            store_walk_delete(&walk);
        store_walk_end(&walk);
    }
    *more_out = n == 0;
    return store_commit(&txn, err);
}

static bool replay_some(struct store *store, struct journal *journal, uint64_t first, uint64_t *size_out,
                        struct err *err)
{
    struct store_txn *from = store_read(store, err);
    if (from == NULL)
        return false;
    *size_out = journal_size(journal, from);
    uint64_t last = first + REPLAY_CHUNK - 1 < *size_out ? first + REPLAY_CHUNK - 1 : *size_out;
    bool ok = replay(journal, from, store, first, last, err);
    store_read_end(&from);
    return ok;
}

/* What records do to state has changed, or how state is written: it is made again from the journal. */
static bool make_state_again(struct store *store, struct journal *journal, struct err *err)
{
    bool more = true;
    while (more)
        CHECK(clear_some(store, REPLAY_CHUNK, &more, err));
    uint64_t size = 1;
    for (uint64_t first = 1; first <= size; first += REPLAY_CHUNK)
        CHECK(replay_some(store, journal, first, &size, err));
    return true;
}

/* steps[n] makes format n + 1 of format n. State that a later step makes again need not be made before. */
static upgrade_step *const steps[STORE_FORMAT] = {
    /* 1 to 2: open questions are counted and listed; what persons granted no longer counts for the guard. 2 to 3: changes of
     * the list are kept by sequence. 3 to 4: what a past moment is judged by is found by sequence */
    [3] = make_state_again,
};

static bool reach(struct store *store, unsigned format, struct err *err)
{
    struct store_txn *txn = store_write(store, err);
    if (txn == NULL)
        return false;
    store_set_format(txn, format);
    return store_commit(&txn, err);
}

bool ledger_upgrade(struct store *store, struct journal *journal, struct err *err)
{
    for (unsigned format = store_format(store); format < STORE_FORMAT; format++) {
        log_event(LOG_NOTICE, "store.upgrade", "from=%u to=%u", format, format + 1);
        CHECK(reach(store, format, err));
        CHECK(steps[format] == NULL || steps[format](store, journal, err));
        CHECK(reach(store, format + 1, err));
    }
    return true;
}
