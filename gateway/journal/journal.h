/* journal: the append-only, totally ordered record of everything that happened, as an interface with one
 * implementation (LMDB, inside the ledger's own transaction: one fsync). Nothing above may assume which
 * implementation runs: a second one will need a quorum to append and may answer UNKNOWN or DOWN.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "base/base.h"
#include "merkle/merkle.h"
#include "record/record.h"
#include "store/store.h"

struct journal;
enum journal_result {
    JOURNAL_OK,
    JOURNAL_CONFLICT, /* the head was not `expect`: abort, look again */
    JOURNAL_UNKNOWN,  /* it may have been appended: ask head before going on */
    JOURNAL_DOWN      /* it was not appended */
};
struct journal_entry {
    struct bytes record; /* JSON bytes */
    int64_t time_ms;
    const char *kind; /* record_kind_name */
    struct bytes raw; /* original bytes; may be empty */
};
struct journal_head {
    uint64_t size;
    int64_t time_ms; /* of the last record; 0 when empty */
    struct merkle_hash root;
};

struct journal *journal_lmdb(void);
void journal_free(struct journal **journal);
/* Appends n entries as sequence expect+1 …; salts are drawn here. The write becomes durable with txn. */
enum journal_result journal_append(struct journal *journal, struct store_txn *txn, uint64_t expect,
                                   const struct journal_entry *entries, size_t n, uint64_t *first_out, struct err *err);
/* The record's JSON bytes (borrowed from txn); journal.unknown when there is none, purged ones give empty bytes. */
bool journal_read(struct journal *journal, struct store_txn *txn, uint64_t seq, struct bytes *record_out,
                  struct err *err);
bool journal_read_salt(struct journal *journal, struct store_txn *txn, uint64_t seq, uint8_t salt_out[RECORD_SALT_SIZE],
                       struct err *err);
bool journal_read_leaf(struct journal *journal, struct store_txn *txn, uint64_t seq, struct bytes *leaf_out,
                       struct err *err);
bool journal_read_raw(struct journal *journal, struct store_txn *txn, uint64_t seq, struct bytes *raw_out,
                      struct err *err);
/* Erases record and salt, or the original bytes; the leaf stays. Only for what a granted retention.purge allows; an
 * error sticks to txn. */
void journal_erase_record(struct journal *journal, struct store_txn *txn, uint64_t seq);
void journal_erase_raw(struct journal *journal, struct store_txn *txn, uint64_t seq);
bool journal_head(struct journal *journal, struct store_txn *txn, struct journal_head *out, struct err *err);
/* Cheap: only the size. */
uint64_t journal_size(struct journal *journal, struct store_txn *txn);
/* The size it had at that moment: how many records were written up to it. Times never run backwards. */
bool journal_size_at(struct journal *journal, struct store_txn *txn, int64_t moment_ms, uint64_t *out, struct err *err);
/* One writer at a time: `holder` holds the lease until until_ms. Embedded, the directory's lock is the lease
 * and this only records who holds it. */
bool journal_lease_take(struct journal *journal, struct store_txn *txn, const char *holder, int64_t until_ms,
                        struct err *err);
/* A named cursor moves from `from` to `to`, or journal.conflict when it stands elsewhere. */
bool journal_cursor_cas(struct journal *journal, struct store_txn *txn, const char *name, uint64_t from, uint64_t to,
                        struct err *err);
uint64_t journal_cursor(struct journal *journal, struct store_txn *txn, const char *name);
/* Recomputes every leaf, node and the root from `from` (1: all) up to the head; calls progress (may be NULL) now and
 * then and at the end. The first difference is journal.broken at "record <sequence>". Original bytes (raw) are
 * not committed to by the leaf itself, only by a digest inside the record where its kind has one. */
typedef bool journal_progress(void *arg, uint64_t done, uint64_t total); /* false stops (cancelled) */
bool journal_verify(struct journal *journal, struct store_txn *txn, uint64_t from, journal_progress *progress,
                    void *arg, struct journal_head *head_out, struct err *err);
/* Stored node look-up for merkle proofs. arg is a struct journal_nodes. */
struct journal_nodes {
    struct journal *journal;
    struct store_txn *txn;
};
bool journal_node(void *arg, unsigned level, uint64_t index, struct merkle_hash *out, struct err *err);

#endif
