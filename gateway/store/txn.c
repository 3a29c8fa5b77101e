/* Transactions. A reader is cached per thread and renewed, because beginning one anew costs a slot search; a
 * writer carries its first error until the commit reports it. */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

static void reader_link(struct store_txn *txn)
{
    struct store *store = txn->store;
    pthread_mutex_lock(&store->readers_lock);
    txn->next = store->readers;
    txn->prev = &store->readers;
    if (txn->next != NULL)
        txn->next->prev = &txn->next;
    store->readers = txn;
    pthread_mutex_unlock(&store->readers_lock);
}

static void reader_unlink(struct store_txn *txn)
{
    *txn->prev = txn->next;
    if (txn->next != NULL)
        txn->next->prev = txn->prev;
}

/* A thread ends: its cached reader goes with it. */
void store_reader_gone(void *arg)
{
    struct store_txn *txn = arg;
    pthread_mutex_t *lock = &txn->store->readers_lock;
    pthread_mutex_lock(lock);
    reader_unlink(txn);
    pthread_mutex_unlock(lock);
    mdb_txn_abort(txn->txn);
    free(txn);
}

void store_readers_end(struct store *store)
{
    while (store->readers != NULL) {
        struct store_txn *txn = store->readers;
        reader_unlink(txn);
        mdb_txn_abort(txn->txn);
        free(txn);
    }
}

static struct store_txn *reader_new(struct store *store, struct err *err)
{
    struct store_txn *txn = xcalloc(1, sizeof *txn);
    txn->store = store;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn->txn);
    if (rc != 0) {
        free(txn);
        store_lmdb_err(err, rc, "reader");
        return NULL;
    }
    reader_link(txn);
    pthread_setspecific(store->reader_key, txn);
    return txn;
}

struct store_txn *store_read(struct store *store, struct err *err)
{
    struct store_txn *txn = pthread_getspecific(store->reader_key);
    if (txn == NULL) {
        txn = reader_new(store, err);
        if (txn == NULL)
            return NULL;
    } else if (txn->in_use) {
        err_set(err, ERR_INTERNAL, "store", "nested read transaction");
        return NULL;
    } else {
        int rc = mdb_txn_renew(txn->txn);
        if (rc != 0) {
            store_lmdb_err(err, rc, "reader");
            return NULL;
        }
    }
    txn->in_use = true;
    txn->failed = 0;
    return txn;
}

void store_read_end(struct store_txn **txn)
{
    struct store_txn *t = *txn;
    if (t == NULL)
        return;
    *txn = NULL;
    mdb_txn_reset(t->txn);
    t->in_use = false;
}

struct store_txn *store_write(struct store *store, struct err *err)
{
    struct store_txn *txn = xcalloc(1, sizeof *txn);
    txn->store = store;
    txn->write = true;
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn->txn);
    if (rc != 0) {
        free(txn);
        store_lmdb_err(err, rc, "writer");
        return NULL;
    }
    /* tools may die while a daemon runs for months; being the writer guards checked_ms */
    int64_t now = clock_mono_ms();
    if (now - store->checked_ms >= STORE_STALE_CHECK_MS) {
        store->checked_ms = now;
        store_clear_stale_readers(store);
    }
    return txn;
}

bool store_failed(const struct store_txn *txn, struct err *err)
{
    if (txn->failed == 0)
        return false;
    store_lmdb_err(err, txn->failed, store_table_name(txn->failed_table));
    return true;
}

bool store_commit(struct store_txn **txn, struct err *err)
{
    struct store_txn *t = *txn;
    if (store_failed(t, err)) {
        store_abort(txn);
        return false;
    }
    *txn = NULL;
    int rc = mdb_txn_commit(t->txn);
    free(t);
    return rc == 0 ? true : store_lmdb_err(err, rc, "commit");
}

void store_abort(struct store_txn **txn)
{
    struct store_txn *t = *txn;
    if (t == NULL)
        return;
    *txn = NULL;
    mdb_txn_abort(t->txn);
    free(t);
}

uint64_t store_writes(const struct store_txn *txn)
{
    return txn->writes;
}

struct store *store_of(const struct store_txn *txn)
{
    return txn->store;
}

void store_txn_fail(struct store_txn *txn, int rc, enum store_table table)
{
    if (txn->failed == 0) {
        txn->failed = rc;
        txn->failed_table = table;
    }
}

static MDB_val val(const void *p, size_t n)
{
    return (MDB_val){.mv_size = n, .mv_data = (void *)(uintptr_t)p};
}

bool store_get(struct store_txn *txn, enum store_table table, const struct store_key *key, struct bytes *value_out)
{
    if (key->n == 0)
        return false;
    MDB_val k = val(key->b, key->n), v;
    int rc = mdb_get(txn->txn, txn->store->dbi[table], &k, &v);
    if (rc == 0) {
        *value_out = bytes_of(v.mv_data, v.mv_size);
        return true;
    }
    if (rc != MDB_NOTFOUND)
        store_txn_fail(txn, rc, table);
    return false;
}

static void put(struct store_txn *txn, enum store_table table, const struct store_key *key, struct bytes value,
                unsigned flags)
{
    if (txn->failed != 0)
        return;
    txn->writes++;
    MDB_val k = val(key->b, key->n), v = val(value.p, value.n);
    int rc = mdb_put(txn->txn, txn->store->dbi[table], &k, &v, flags);
    if (rc != 0)
        store_txn_fail(txn, rc, table);
}

void store_put(struct store_txn *txn, enum store_table table, const struct store_key *key, struct bytes value)
{
    put(txn, table, key, value, 0);
}

void store_append(struct store_txn *txn, enum store_table table, const struct store_key *key, struct bytes value)
{
    put(txn, table, key, value, MDB_APPEND);
}

void store_delete(struct store_txn *txn, enum store_table table, const struct store_key *key)
{
    if (txn->failed != 0)
        return;
    txn->writes++;
    MDB_val k = val(key->b, key->n);
    int rc = mdb_del(txn->txn, txn->store->dbi[table], &k, NULL);
    if (rc != 0 && rc != MDB_NOTFOUND)
        store_txn_fail(txn, rc, table);
}

uint64_t store_number(struct store_txn *txn, enum store_table table, const char *name)
{
    struct store_key key = key_text(name);
    struct bytes value;
    if (!store_get(txn, table, &key, &value) || value.n != 8)
        return 0;
    return get_be64(value.p);
}

void store_set_number(struct store_txn *txn, enum store_table table, const char *name, uint64_t value)
{
    struct store_key key = key_text(name);
    uint8_t b[8];
    put_be64(b, value);
    store_put(txn, table, &key, bytes_of(b, sizeof b));
}
