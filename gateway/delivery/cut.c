/* Cuts: the journal's changes of the list in ranges, each of which becomes one message for everybody. */
#include "delivery/internal.h"

#define CUT_SIZE (8 + 8 + 8 + 1)
#define BEGIN "delivery:begin" /* meta: 1 + what was in the journal before the first start */

static bool cut_decode(struct bytes key, struct bytes value, struct cut *out)
{
    if (key.n != 8 || value.n != CUT_SIZE)
        return false;
    *out = (struct cut){.last = get_be64(key.p),
                        .first = get_be64(value.p),
                        .created_ms = (int64_t)get_be64(value.p + 8),
                        .number = get_be64(value.p + 16),
                        .snapshot = value.p[24] != 0};
    return true;
}

static void cut_put(struct store_txn *txn, const struct cut *cut)
{
    struct store_key key = key_seq(cut->last);
    uint8_t value[CUT_SIZE];
    put_be64(value, cut->first);
    put_be64(value + 8, (uint64_t)cut->created_ms);
    put_be64(value + 16, cut->number);
    value[24] = cut->snapshot;
    store_put(txn, TABLE_CUT, &key, bytes_of(value, sizeof value));
}

bool cut_find(struct store_txn *txn, uint64_t from, struct cut *out)
{
    struct store_key key = key_seq(from);
    struct store_walk walk;
    store_walk(&walk, txn, TABLE_CUT, &key, NULL);
    bool found = store_next(&walk) && cut_decode(walk.key, walk.value, out);
    store_walk_end(&walk);
    return found;
}

bool cut_newest(struct store_txn *txn, uint64_t upto, struct cut *out)
{
    struct store_key key = key_seq(upto);
    struct store_walk walk;
    store_walk_down(&walk, txn, TABLE_CUT, &key, NULL);
    bool found = store_next(&walk) && cut_decode(walk.key, walk.value, out);
    store_walk_end(&walk);
    return found;
}

/* The first change with a sequence ≥ from. */
static bool change_find(struct store_txn *txn, uint64_t from, uint64_t *seq_out)
{
    struct store_key key = key_seq(from);
    struct store_walk walk;
    store_walk(&walk, txn, TABLE_CHANGE, &key, NULL);
    bool found = store_next(&walk) && walk.key.n == 8;
    if (found)
        *seq_out = get_be64(walk.key.p);
    store_walk_end(&walk);
    return found;
}

/* Where the next cut begins looking. */
static uint64_t cut_from(struct store_txn *txn)
{
    struct cut newest;
    uint64_t begin = store_number(txn, TABLE_META, BEGIN);
    if (cut_newest(txn, UINT64_MAX, &newest) && newest.last + 1 > begin)
        return newest.last + 1;
    return begin > 0 ? begin : 1;
}

uint64_t cut_horizon(struct store_txn *txn)
{
    struct ledger_hold hold;
    uint64_t from = cut_from(txn), change, horizon = UINT64_MAX;
    if (change_find(txn, from, &change))
        horizon = change - 1;
    if (ledger_hold_find(txn, 1, &hold) && hold.first - 1 < horizon)
        horizon = hold.first - 1;
    return horizon;
}

/* The last change in [from, upto], at most DELIVERY_CHANGES_MAX of them; 0: none. */
static uint64_t range_end(struct store_txn *txn, uint64_t from, uint64_t upto)
{
    struct store_key key = key_seq(from);
    struct store_walk walk;
    uint64_t last = 0;
    store_walk(&walk, txn, TABLE_CHANGE, &key, NULL);
    for (int n = 0; n < DELIVERY_CHANGES_MAX && store_next(&walk) && get_be64(walk.key.p) <= upto; n++)
        last = get_be64(walk.key.p);
    store_walk_end(&walk);
    return last;
}

/* The newest change in [from, upto]; 0: none. */
static uint64_t newest_change(struct store_txn *txn, uint64_t from, uint64_t upto)
{
    struct store_key key = key_seq(upto);
    struct store_walk walk;
    store_walk_down(&walk, txn, TABLE_CHANGE, &key, NULL);
    uint64_t last = store_next(&walk) ? get_be64(walk.key.p) : 0;
    store_walk_end(&walk);
    return last >= from ? last : 0;
}

/* A first list that has ended becomes one cut, unless another run that began within it is still under way. */
static bool plan_snapshot(struct store_txn *txn, const struct ledger_hold *hold, struct cut *out)
{
    struct ledger_hold inside;
    for (uint64_t at = hold->first + 1; ledger_hold_find(txn, at, &inside) && inside.first <= hold->last;
         at = inside.first + 1) {
        if (inside.last == 0)
            return false;
    }
    out->snapshot = true;
    out->first = hold->first;
    out->last = newest_change(txn, hold->first, hold->last);
    return true;
}

/* What is to be cut next. A snapshot of nothing has last 0. False: nothing. */
static bool plan(struct store_txn *txn, struct cut *out, struct ledger_hold *hold_out)
{
    struct ledger_hold hold = {.first = UINT64_MAX};
    uint64_t change = 0, from = cut_from(txn);
    bool held = ledger_hold_find(txn, 1, &hold);
    bool any = change_find(txn, from, &change);
    *out = (struct cut){.first = change};
    *hold_out = hold;
    if (any && change < hold.first) {
        out->last = range_end(txn, change, hold.first - 1);
        return true;
    }
    return held && hold.snapshot && plan_snapshot(txn, &hold, out);
}

bool cut_due(struct store_txn *txn)
{
    struct ledger_hold hold;
    struct cut cut;
    return plan(txn, &cut, &hold);
}

bool cut_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct store_txn *txn = ledger_txn(tx);
    struct ledger_hold hold;
    struct cut cut, newest;
    (void)arg;
    if (!plan(txn, &cut, &hold))
        return true;
    if (cut.snapshot)
        ledger_hold_told(tx, hold.first);
    if (cut.last > 0) {
        cut.number = cut_newest(txn, UINT64_MAX, &newest) ? newest.number + 1 : 1;
        cut.created_ms = ledger_now(tx);
        cut_put(txn, &cut);
    }
    return !store_failed(txn, err);
}

bool cut_begin_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct store_txn *txn = ledger_txn(tx);
    (void)arg;
    if (store_number(txn, TABLE_META, BEGIN) == 0)
        store_set_number(txn, TABLE_META, BEGIN, ledger_next_sequence(tx));
    return !store_failed(txn, err);
}
