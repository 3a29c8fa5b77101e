/* Forgetting: what was carried long ago goes, a chunk a transaction. Sequences grow with time, so the records before a
 * moment are those up to one sequence, and each partner's rows up to it lie together. */
#include <string.h>

#include "delivery/internal.h"

#define FORGET_CHUNK 1000
#define LEAF_TIME 9 /* where its time stands in a leaf */

struct forgetting {
    struct delivery *delivery;
    uint64_t last;               /* sequence */
    bool more;
};

static bool time_of(struct journal *journal, struct store_txn *txn, uint64_t seq, int64_t *ms_out, struct err *err)
{
    struct bytes leaf;
    CHECK(journal_read_leaf(journal, txn, seq, &leaf, err));
    if (leaf.n < LEAF_TIME + 8)
        return err_set(err, ERR_STORE_CORRUPT, "leaf", "%llu", (unsigned long long)seq);
    *ms_out = (int64_t)get_be64(leaf.p + LEAF_TIME);
    return true;
}

/* The newest sequence written before the moment; 0: none. Times in the journal never run backwards. */
static bool last_before(struct delivery *delivery, struct store_txn *txn, int64_t before_ms, uint64_t *last_out,
                        struct err *err)
{
    uint64_t low = 0, high = journal_size(delivery->options.journal, txn);
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        int64_t ms = 0;
        CHECK(time_of(delivery->options.journal, txn, middle, &ms, err));
        if (ms < before_ms)
            low = middle;
        else
            high = middle - 1;
    }
    *last_out = low;
    return true;
}

/* Of keys text ‖ 0 ‖ seq: the old ones of one text, then on behind the rest of that text. */
static size_t forget_by_text(struct store_txn *txn, enum store_table table, uint64_t last, size_t room)
{
    struct store_key from = {0};
    struct store_walk walk;
    size_t n = 0;
    bool more = true;
    while (more && n < room) {
        more = false;
        for (store_walk(&walk, txn, table, &from, NULL); n < room && store_next(&walk);) {
            char text[STORE_KEY_MAX] = "";
            size_t length = walk.key.n > 9 ? walk.key.n - 9 : 0;
            if (length > 0 && length < sizeof text && get_be64(walk.key.p + walk.key.n - 8) <= last) {
                store_walk_delete(&walk);
                n++;
                continue;
            }
            memcpy(text, walk.key.p, length < sizeof text ? length : 0);
            from = key_beyond(text);
            more = text[0] != '\0';
            break;
        }
        store_walk_end(&walk);
    }
    return n;
}

static size_t forget_cuts(struct store_txn *txn, uint64_t last, size_t room)
{
    struct store_walk walk;
    size_t n = 0;
    for (store_walk(&walk, txn, TABLE_CUT, NULL, NULL); n < room && store_next(&walk); n++) {
        if (walk.key.n != 8 || get_be64(walk.key.p) > last)
            break;
        store_walk_delete(&walk);
    }
    store_walk_end(&walk);
    return n;
}

static bool forget_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct forgetting *forgetting = arg;
    struct store_txn *txn = ledger_txn(tx);
    size_t n = forget_by_text(txn, TABLE_PARCEL, forgetting->last, FORGET_CHUNK);
    n += forget_by_text(txn, TABLE_SENT, forgetting->last, FORGET_CHUNK - n);
    n += forget_cuts(txn, forgetting->last, FORGET_CHUNK - n);
    forgetting->more = n == FORGET_CHUNK;
    return !store_failed(txn, err);
}

bool delivery_forget(struct delivery *delivery, int64_t before_ms, struct err *err)
{
    struct forgetting forgetting = {.delivery = delivery, .more = true};
    struct store_txn *txn = store_read(delivery->options.store, err);
    if (txn == NULL)
        return false;
    bool ok = last_before(delivery, txn, before_ms, &forgetting.last, err);
    store_read_end(&txn);
    while (ok && forgetting.last > 0 && forgetting.more)
        ok = ledger_run(delivery->options.ledger, forget_job, &forgetting, err);
    return ok;
}
