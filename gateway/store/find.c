/* Look-ups in nearly sorted order. LMDB's cursor first asks whether the key lies on the page where it stands, so a
 * list in code order costs a fraction of searching the tree from its root each time. */
#include "store/internal.h"

#include <stdlib.h>

struct store_finder {
    struct store *store;
    enum store_table table;
    MDB_txn *txn;
    MDB_cursor *cursor;
};

struct store_finder *store_finder_open(struct store *store, enum store_table table, struct err *err)
{
    struct store_finder *finder = xcalloc(1, sizeof *finder);
    finder->store = store;
    finder->table = table;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &finder->txn);
    if (rc == 0)
        rc = mdb_cursor_open(finder->txn, store->dbi[table], &finder->cursor);
    if (rc == 0)
        return finder;
    store_lmdb_err(err, rc, store_table_name(table));
    store_finder_close(&finder);
    return NULL;
}

bool store_finder_renew(struct store_finder *finder, struct err *err)
{
    mdb_txn_reset(finder->txn);
    int rc = mdb_txn_renew(finder->txn);
    if (rc == 0)
        rc = mdb_cursor_renew(finder->txn, finder->cursor);
    return rc == 0 || store_lmdb_err(err, rc, store_table_name(finder->table));
}

bool store_find(struct store_finder *finder, const struct store_key *key, struct bytes *value_out)
{
    MDB_val k = {key->n, (void *)(uintptr_t)key->b}, v;
    if (mdb_cursor_get(finder->cursor, &k, &v, MDB_SET) != 0)
        return false;
    *value_out = bytes_of(v.mv_data, v.mv_size);
    return true;
}

void store_finder_close(struct store_finder **finder)
{
    struct store_finder *f = *finder;
    if (f == NULL)
        return;
    *finder = NULL;
    if (f->cursor != NULL)
        mdb_cursor_close(f->cursor);
    if (f->txn != NULL)
        mdb_txn_abort(f->txn);
    free(f);
}
