/* The store as a whole: copied while it is in use, compared with another, and the format it is in. */
#include "store/internal.h"

#include <string.h>

bool store_copy(struct store *store, int fd, struct err *err)
{
    int rc = mdb_env_copyfd2(store->env, fd, MDB_CP_COMPACT);
    return rc == 0 || store_lmdb_err(err, rc, "copy");
}

/* ---- format ---- */

unsigned store_format(const struct store *store)
{
    return store->format;
}

void store_set_format(struct store_txn *txn, unsigned reached)
{
    struct store_key key = key_text(STORE_UPGRADING);
    store_set_number(txn, TABLE_META, "format", STORE_FORMAT);
    if (reached == STORE_FORMAT)
        store_delete(txn, TABLE_META, &key);
    else
        store_set_number(txn, TABLE_META, STORE_UPGRADING, reached);
    txn->store->format = reached;
}

/* ---- comparing ---- */

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

bool store_same(struct store_txn *a, struct store_txn *b, enum store_table table, uint64_t *entries_out,
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
        (*entries_out)++;
    }
    store_walk_end(&x);
    store_walk_end(&y);
    return same && !store_failed(a, err) && !store_failed(b, err);
}
