/* Walking a table in key order, up or down, within a prefix. */
#include "store/internal.h"

#include <string.h>

static void walk_init(struct store_walk *walk, struct store_txn *txn, enum store_table table,
                      const struct store_key *from, const struct store_key *prefix, bool down)
{
    *walk = (struct store_walk){.txn = txn, .table = table, .down = down};
    if (prefix != NULL)
        walk->prefix = *prefix;
    if (from != NULL)
        walk->from = *from;
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn->txn, txn->store->dbi[table], &cursor);
    if (rc != 0)
        store_txn_fail(txn, rc, table);
    walk->cursor = cursor;
}

void store_walk(struct store_walk *walk, struct store_txn *txn, enum store_table table, const struct store_key *from,
                const struct store_key *prefix)
{
    walk_init(walk, txn, table, from, prefix, false);
}

void store_walk_down(struct store_walk *walk, struct store_txn *txn, enum store_table table,
                     const struct store_key *from, const struct store_key *prefix)
{
    walk_init(walk, txn, table, from, prefix, true);
}

void store_walk_end(struct store_walk *walk)
{
    if (walk->cursor != NULL)
        mdb_cursor_close(walk->cursor);
    walk->cursor = NULL;
}

static int seek_up(struct store_walk *walk, MDB_val *k, MDB_val *v)
{
    const struct store_key *start = walk->from.n > 0 ? &walk->from : &walk->prefix;
    if (start->n == 0)
        return mdb_cursor_get(walk->cursor, k, v, MDB_FIRST);
    *k = (MDB_val){start->n, (void *)(uintptr_t)start->b};
    return mdb_cursor_get(walk->cursor, k, v, MDB_SET_RANGE);
}

static int seek_down(struct store_walk *walk, MDB_val *k, MDB_val *v)
{
    struct store_key bound = walk->from.n > 0 ? walk->from : walk->prefix;
    if (walk->from.n == 0 && bound.n > 0) {
        /* behind everything that starts with the prefix */
        memset(bound.b + bound.n, 0xff, STORE_KEY_MAX - bound.n);
        bound.n = STORE_KEY_MAX;
    }
    if (bound.n == 0)
        return mdb_cursor_get(walk->cursor, k, v, MDB_LAST);
    *k = (MDB_val){bound.n, bound.b};
    int rc = mdb_cursor_get(walk->cursor, k, v, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND)
        return mdb_cursor_get(walk->cursor, k, v, MDB_LAST);
    if (rc == 0 && (k->mv_size != bound.n || memcmp(k->mv_data, bound.b, bound.n) != 0))
        return mdb_cursor_get(walk->cursor, k, v, MDB_PREV);
    return rc;
}

bool store_next(struct store_walk *walk)
{
    if (walk->cursor == NULL)
        return false;
    MDB_val k, v;
    int rc;
    if (!walk->started)
        rc = walk->down ? seek_down(walk, &k, &v) : seek_up(walk, &k, &v);
    else
        rc = mdb_cursor_get(walk->cursor, &k, &v, walk->down ? MDB_PREV : MDB_NEXT);
    walk->started = true;
    bool inside = rc == 0 && k.mv_size >= walk->prefix.n && memcmp(k.mv_data, walk->prefix.b, walk->prefix.n) == 0;
    if (!inside) {
        if (rc != 0 && rc != MDB_NOTFOUND)
            store_txn_fail(walk->txn, rc, walk->table);
        store_walk_end(walk);
        return false;
    }
    walk->key = bytes_of(k.mv_data, k.mv_size);
    walk->value = bytes_of(v.mv_data, v.mv_size);
    return true;
}

void store_walk_delete(struct store_walk *walk)
{
    if (walk->txn->failed != 0)
        return;
    walk->txn->writes++;
    int rc = mdb_cursor_del(walk->cursor, 0);
    if (rc != 0)
        store_txn_fail(walk->txn, rc, walk->table);
}
