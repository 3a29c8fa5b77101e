/* store: the embedded store. One LMDB environment in <data>/store, one table per line of table.def, all keys
 * made in key.c.
 *
 * Three classes of tables. journal: facts, never changed. state: follows from the journal, byte-equal after a
 * rebuild. local: progress of work (stage, runs, row digests), never rebuilt.
 *
 * Transactions: any number of readers, which never wait; one writer, which is the ledger's committer. The
 * first error of a write transaction sticks and store_commit reports it, so writing code reads without error
 * branches; the one rule: check store_failed before using what was read for a decision. Values read are
 * borrowed from the map and die with the transaction (and, in a write transaction, with the next write).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/base.h"

enum store_class { STORE_JOURNAL, STORE_STATE, STORE_LOCAL };
enum store_table {
#define TABLE(id, name, class, help) TABLE_##id,
#include "store/table.def"
#undef TABLE
    TABLE_COUNT
};
const char *store_table_name(enum store_table table);
enum store_class store_table_class(enum store_table table);

struct store;
/* What this program writes: the bytes of stored values, the kinds of record in the journal, and what a record does to
 * state. Anything that an older program would misread raises it, with a step in ledger/upgrade.c.
 * 1: the first. 2: own keys and purges as records; open questions counted; grants kept for the guard.
 * 3: messages and what follows from them; changes of the list by sequence. 4: contacts of sources and rules files by
 * sequence, for answers about the past; signed heads. */
#define STORE_FORMAT 4u
#define STORE_FILE "data.mdb"
#define STORE_LOCK_FILE "lock.mdb"                /* readers; made anew when missing */
#define STORE_OLD_FILE "data.before-compact.mdb"  /* removed by the next exclusive open */
struct store_options {
    const char *directory; /* made when missing, mode 0700 */
    int64_t map_size;      /* address space reserved; the file grows by use */
    int readers;           /* concurrent read transactions at most */
    bool exclusive;        /* a daemon: takes the directory's lock or fails with store.locked */
    bool read_only;        /* tools: never writes, no lock */
    bool no_sync;          /* scratch copies only (rebuild) */
    bool alone;            /* with read_only: a copy that nobody else opens, left without a lock file */
    bool older;            /* an older format may be opened too: to upgrade it, or to look at its journal */
};
bool store_open(const struct store_options *options, struct store **store_out, struct err *err);
void store_close(struct store **store);
/* Takes a directory's lock without opening what is in it; close(fd) gives it back. store.locked. */
bool store_lock(const char *directory, int *fd_out, struct err *err);
/* The format of what is stored; STORE_FORMAT unless `older` was asked for. An upgrade that was cut off counts as the
 * format that it has reached, and no other program opens it. */
unsigned store_format(const struct store *store);
/* Free bytes of the file system under the directory; -1 when unknown. */
int64_t store_free_bytes(const struct store *store);
/* True when `directory` is the store's own, under whatever name. */
bool store_is_in(const struct store *store, const char *directory);

/* ---- keys ------------------------------------------------------------------------------------------- */

#define STORE_KEY_MAX 200
struct store_key {
    size_t n;
    uint8_t b[STORE_KEY_MAX];
};
struct store_key key_seq(uint64_t seq);                           /* be64 */
struct store_key key_text(const char *text);                      /* firm, source, run, approval … by id */
#define STORE_PREFIX UINT64_MAX                                   /* as seq: the prefix alone */
struct store_key key_history(const char *uscc, uint64_t seq);     /* uscc ‖ be64 */
struct store_key key_status(int status, const char *uscc);        /* u8 ‖ uscc */
struct store_key key_due(date_day day, const char *uscc);         /* be32 ‖ uscc */
date_day key_due_day(struct bytes key);                           /* read back from a key of the table due */
struct store_key key_pair(const char *first, const char *second); /* first ‖ 0 ‖ second: (source, code), (run, code) */
struct store_key key_waiting(uint64_t seq);                       /* "waiting" ‖ 0 ‖ be64 */
struct store_key key_outbox(const char *partner, uint64_t seq);   /* partner ‖ 0 ‖ be64 */
/* proposal ‖ 0 ‖ be64 ‖ be64; either number STORE_PREFIX: the prefix */
struct store_key key_beyond(const char *first);                   /* behind every key first ‖ 0 ‖ … */
struct store_key key_held(const char *proposal, uint64_t message, uint64_t row);
/* kind ‖ 0 ‖ number ‖ 0 ‖ class */
struct store_key key_right(const char *kind, const char *number, const char *class);
/* bank ‖ 0 ‖ "line" or "loan" ‖ 0 ‖ number */
struct store_key key_credit(const char *bank, const char *what, const char *number);
/* uscc ‖ 0 ‖ partner ‖ 0 ‖ kind ‖ 0 ‖ number; kind NULL: the prefix */
struct store_key key_lapsed(const char *uscc, const char *partner, const char *kind, const char *number);
struct store_key key_guard(const char *source, int64_t hour);     /* source ‖ 0 ‖ be64 */
struct store_key key_past(const char *what, const char *name, uint64_t seq); /* what ‖ 0 ‖ name ‖ 0 ‖ be64 */

/* ---- transactions ------------------------------------------------------------------------------------ */

struct store_txn;
/* A read transaction of this thread, renewed from a cached one; NULL with err (busy.queue) when no reader slot is free.
 * Not nested. End it soon: an old reader keeps old pages alive. */
struct store_txn *store_read(struct store *store, struct err *err);
void store_read_end(struct store_txn **txn);
struct store_txn *store_write(struct store *store, struct err *err);
bool store_commit(struct store_txn **txn, struct err *err); /* durable when it returns true */
void store_abort(struct store_txn **txn);
bool store_failed(const struct store_txn *txn, struct err *err); /* copies the sticky error when there is one */
/* Puts and deletes so far: tells whether a job wrote anything before it failed. */
uint64_t store_writes(const struct store_txn *txn);
struct store *store_of(const struct store_txn *txn);

/* True when found; value_out is left alone otherwise. The empty key is never found. */
bool store_get(struct store_txn *txn, enum store_table table, const struct store_key *key, struct bytes *value_out);
void store_put(struct store_txn *txn, enum store_table table, const struct store_key *key, struct bytes value);
/* For keys that only grow (journal tables): cheaper, fails when the key is not the largest. */
void store_append(struct store_txn *txn, enum store_table table, const struct store_key *key, struct bytes value);
void store_delete(struct store_txn *txn, enum store_table table, const struct store_key *key); /* absent is fine */

/* Walks keys from `from` (NULL: the start) upward while they start with `prefix` (may be NULL).
 * for (store_walk(&w, txn, table, from, prefix); store_next(&w);) use w.key, w.value.
 * In a write transaction the table walked may be changed only through store_walk_delete. */
struct store_walk {
    struct store_txn *txn;
    void *cursor;
    enum store_table table;
    bool started, down;
    struct store_key from, prefix;
    struct bytes key, value;
};
void store_walk(struct store_walk *walk, struct store_txn *txn, enum store_table table, const struct store_key *from,
                const struct store_key *prefix);
/* Downward from the largest key ≤ from (NULL: from the prefix's or table's end). */
void store_walk_down(struct store_walk *walk, struct store_txn *txn, enum store_table table,
                     const struct store_key *from, const struct store_key *prefix);
bool store_next(struct store_walk *walk);
void store_walk_delete(struct store_walk *walk); /* the present entry; go on with store_next */
/* Needed only when left before the end, and then before the transaction ends. */
void store_walk_end(struct store_walk *walk);

/* Many look-ups in one table whose keys lie near each other: a cursor that stays where it found the last one, in a read
 * transaction of its own. May pass from thread to thread; renew it now and then, an old reader keeps old pages alive.
 * Close it before the store. */
struct store_finder;
struct store_finder *store_finder_open(struct store *store, enum store_table table, struct err *err);
bool store_finder_renew(struct store_finder *finder, struct err *err);   /* sees what is committed now */
/* True when found; the value is borrowed until renewed. */
bool store_find(struct store_finder *finder, const struct store_key *key, struct bytes *value_out);
void store_finder_close(struct store_finder **finder);

/* Numbers by name in a table of the caller's class (be64), absent = 0. */
uint64_t store_number(struct store_txn *txn, enum store_table table, const char *name);
void store_set_number(struct store_txn *txn, enum store_table table, const char *name, uint64_t value);

/* Written with the first and the last transaction of an upgrade step: `reached` STORE_FORMAT ends it. */
void store_set_format(struct store_txn *txn, unsigned reached);
/* Writes the whole as it stands at one moment to a file or pipe, without free pages, while others read and write. The
 * moment's pages stay in use until it ends. Blocking; store.failed also when the other end of the pipe is closed. */
bool store_copy(struct store *store, int fd, struct err *err);
/* True when both tables hold the same; else store.rebuild_differs at the first key. *entries_out grows by those
 * alike. */
bool store_same(struct store_txn *a, struct store_txn *b, enum store_table table, uint64_t *entries_out,
                struct err *err);

/* Text for `db stat`: per table entries, pages, bytes; map; readers. As JSON object members. */
struct store_stat {
    const char *name;
    enum store_class class;
    uint64_t entries, bytes;
};
bool store_stats(struct store *store, struct store_stat out[TABLE_COUNT], uint64_t *map_used_out, struct err *err);

#endif
