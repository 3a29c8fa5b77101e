/* Private to store: the environment and a transaction from the inside. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>

#include "store/store.h"

#define STORE_STALE_CHECK_MS 60000
#define STORE_UPGRADING "upgrading"

struct store {
    MDB_env *env;
    MDB_dbi dbi[TABLE_COUNT];
    char *directory;
    int lock_fd;
    bool read_only;
    unsigned format;
    bool has_key;
    pthread_key_t reader_key; /* this thread's cached read transaction */
    int64_t checked_ms;       /* when stale readers were looked for last; the writer's */
    pthread_mutex_t readers_lock;
    struct store_txn *readers; /* all cached ones, so that close can end them */
};

struct store_txn {
    struct store *store;
    MDB_txn *txn;
    bool write, in_use;
    int failed; /* first LMDB or errno code, sticky */
    enum store_table failed_table;
    uint64_t writes;
    struct store_txn *next, **prev; /* in store->readers */
};

bool store_lmdb_err(struct err *err, int code, const char *place);
void store_txn_fail(struct store_txn *txn, int code, enum store_table table);
/* A reader that died with its process would keep old pages alive for ever. */
void store_clear_stale_readers(struct store *store);
void store_readers_end(struct store *store);
void store_reader_gone(void *txn);

#endif
