/* Holding back what banks are told: changes of a run are told when its record is there, those of a first list not one
 * by one. */
#include "ledger/internal.h"

#include <string.h>

#define HOLD_SIZE (1 + 8)

static void put_hold(struct ledger_tx *tx, uint64_t first, uint64_t last, bool snapshot)
{
    struct store_key key = key_seq(first);
    uint8_t value[HOLD_SIZE] = {snapshot};
    put_be64(value + 1, last);
    store_put(tx->txn, TABLE_HOLD, &key, bytes_of(value, sizeof value));
}

void ledger_hold(struct ledger_tx *tx, uint64_t first)
{
    put_hold(tx, first, 0, false);
}

void ledger_hold_end(struct ledger_tx *tx, uint64_t first, uint64_t last, bool snapshot)
{
    if (snapshot && last >= first)
        put_hold(tx, first, last, true);
    else
        ledger_hold_told(tx, first);
}

void ledger_hold_told(struct ledger_tx *tx, uint64_t first)
{
    struct store_key key = key_seq(first);
    store_delete(tx->txn, TABLE_HOLD, &key);
}

bool ledger_hold_find(struct store_txn *txn, uint64_t from, struct ledger_hold *out)
{
    struct store_key key = key_seq(from);
    struct store_walk walk;
    store_walk(&walk, txn, TABLE_HOLD, &key, NULL);
    bool found = store_next(&walk) && walk.key.n == 8 && walk.value.n == HOLD_SIZE;
    if (found)
        *out = (struct ledger_hold){get_be64(walk.key.p), get_be64(walk.value.p + 1), walk.value.p[0] != 0};
    store_walk_end(&walk);
    return found;
}
