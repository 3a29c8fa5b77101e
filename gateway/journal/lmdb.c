/* The embedded journal: puts into the ledger's own store transaction. Everything here only ever appends, so
 * each table is written at its right edge. */
#include "journal/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"

struct journal {
    struct buf value; /* salt ‖ record, reused */
};

#define SALT_POOL 4096 /* one call to the random generator for many salts */

struct journal *journal_lmdb(void)
{
    struct journal *journal = xcalloc(1, sizeof *journal);
    buf_init(&journal->value, RECORD_SALT_SIZE + RECORD_BYTES_MAX);
    return journal;
}

void journal_free(struct journal **journal)
{
    if (*journal == NULL)
        return;
    buf_free(&(*journal)->value);
    free(*journal);
    *journal = NULL;
}

uint64_t journal_size(struct journal *journal, struct store_txn *txn)
{
    (void)journal;
    struct store_walk walk;
    uint64_t size = 0;
    store_walk_down(&walk, txn, TABLE_LEAF, NULL, NULL);
    if (store_next(&walk) && walk.key.n == 8)
        size = get_be64(walk.key.p);
    store_walk_end(&walk);
    return size;
}

bool journal_broken(struct err *err, uint64_t seq, const char *format, ...)
{
    char place[32];
    va_list args;
    snprintf(place, sizeof place, "record %llu", (unsigned long long)seq);
    va_start(args, format);
    err_set_v(err, ERR_JOURNAL_BROKEN, place, format, args);
    va_end(args);
    return false;
}

bool journal_node(void *arg, unsigned level, uint64_t index, struct merkle_hash *out, struct err *err)
{
    struct journal_nodes *nodes = arg;
    struct store_key key = key_seq(merkle_position(level, index));
    struct bytes value;
    if (!store_get(nodes->txn, TABLE_NODE, &key, &value) || value.n != MERKLE_HASH) {
        /* the record whose append completed this node */
        uint64_t seq = (index + 1) << level;
        return journal_broken(err, seq, "tree node of level %u is missing or damaged", level);
    }
    memcpy(out->b, value.p, MERKLE_HASH);
    return true;
}

bool journal_frontier(struct journal_nodes *nodes, uint64_t size, struct merkle_frontier *out, struct err *err)
{
    *out = (struct merkle_frontier){.size = size};
    uint64_t begin = 0;
    for (int level = MERKLE_LEVELS - 1; level >= 0; level--) {
        if (((size >> level) & 1) == 0)
            continue;
        CHECK(journal_node(nodes, (unsigned)level, begin >> level, &out->peak[level], err));
        begin += (uint64_t)1 << level;
    }
    return true;
}

static bool load_frontier(struct journal *journal, struct store_txn *txn, struct merkle_frontier *out, struct err *err)
{
    struct journal_nodes nodes = {journal, txn};
    return journal_frontier(&nodes, journal_size(journal, txn), out, err);
}

static bool emit_node(void *arg, unsigned level, uint64_t index, const struct merkle_hash *hash, struct err *err)
{
    (void)err;
    struct store_key key = key_seq(merkle_position(level, index));
    store_append(arg, TABLE_NODE, &key, bytes_of(hash->b, MERKLE_HASH));
    return true;
}

static bool append_one(struct journal *journal, struct store_txn *txn, struct merkle_frontier *frontier, uint64_t seq,
                       const uint8_t salt[RECORD_SALT_SIZE], const struct journal_entry *entry, struct err *err)
{
    buf_reset(&journal->value);
    buf_put(&journal->value, salt, RECORD_SALT_SIZE);
    buf_put(&journal->value, entry->record.p, entry->record.n);
    if (journal->value.overflow)
        return err_set(err, ERR_INTERNAL, entry->kind, "record of %zu bytes", entry->record.n);
    uint8_t commitment[CRYPTO_DIGEST_SIZE], leaf[RECORD_LEAF_MAX];
    crypto_digest(CRYPTO_SHA256, buf_bytes(&journal->value), commitment);
    size_t leaf_n = record_leaf(seq, entry->time_ms, entry->kind, commitment, leaf);
    struct store_key key = key_seq(seq);
    store_append(txn, TABLE_RECORD, &key, buf_bytes(&journal->value));
    store_append(txn, TABLE_LEAF, &key, bytes_of(leaf, leaf_n));
    if (entry->raw.n > 0)
        store_append(txn, TABLE_RAW, &key, entry->raw);
    struct merkle_hash hash;
    merkle_leaf_hash(bytes_of(leaf, leaf_n), &hash);
    return merkle_append(frontier, &hash, emit_node, txn, err);
}

static bool append_all(struct journal *journal, struct store_txn *txn, struct merkle_frontier *frontier,
                       const struct journal_entry *entries, size_t n, struct err *err)
{
    uint8_t salts[SALT_POOL];
    const size_t pool = SALT_POOL / RECORD_SALT_SIZE;
    for (size_t i = 0; i < n; i++) {
        if (i % pool == 0) {
            size_t left = n - i < pool ? n - i : pool;
            crypto_random(salts, left * RECORD_SALT_SIZE);
        }
        const uint8_t *salt = salts + (i % pool) * RECORD_SALT_SIZE;
        CHECK(append_one(journal, txn, frontier, frontier->size + 1, salt, &entries[i], err));
    }
    return true;
}

enum journal_result journal_append(struct journal *journal, struct store_txn *txn, uint64_t expect,
                                   const struct journal_entry *entries, size_t n, uint64_t *first_out, struct err *err)
{
    /* the peaks are read back each time: at most one node per bit of the size, all near the right edge, and
     * nothing cached can outlive an aborted transaction */
    struct merkle_frontier frontier;
    if (!load_frontier(journal, txn, &frontier, err))
        return JOURNAL_DOWN;
    if (frontier.size != expect) {
        err_set(err, ERR_JOURNAL_CONFLICT, "journal", "expected %llu, is %llu", (unsigned long long)expect,
                (unsigned long long)frontier.size);
        return JOURNAL_CONFLICT;
    }
    if (!append_all(journal, txn, &frontier, entries, n, err))
        return JOURNAL_DOWN;
    if (store_failed(txn, err))
        return JOURNAL_DOWN;
    *first_out = expect + 1;
    return JOURNAL_OK;
}

static bool read_value(struct store_txn *txn, enum store_table table, uint64_t seq, struct bytes *out, struct err *err)
{
    struct store_key key = key_seq(seq);
    if (store_get(txn, table, &key, out))
        return true;
    if (store_failed(txn, err))
        return false;
    return err_set(err, ERR_JOURNAL_UNKNOWN, store_table_name(table), "%llu", (unsigned long long)seq);
}

/* salt ‖ record; nothing of either when it was purged. */
static bool read_record(struct store_txn *txn, uint64_t seq, struct bytes *out, struct err *err)
{
    CHECK(read_value(txn, TABLE_RECORD, seq, out, err));
    if (out->n > 0 && out->n < RECORD_SALT_SIZE)
        return err_set(err, ERR_STORE_CORRUPT, "record", "%llu", (unsigned long long)seq);
    return true;
}

bool journal_read(struct journal *journal, struct store_txn *txn, uint64_t seq, struct bytes *record_out,
                  struct err *err)
{
    (void)journal;
    struct bytes value;
    CHECK(read_record(txn, seq, &value, err));
    *record_out = value.n == 0 ? (struct bytes){0} : bytes_of(value.p + RECORD_SALT_SIZE, value.n - RECORD_SALT_SIZE);
    return true;
}

bool journal_read_salt(struct journal *journal, struct store_txn *txn, uint64_t seq, uint8_t salt_out[RECORD_SALT_SIZE],
                       struct err *err)
{
    (void)journal;
    struct bytes value;
    CHECK(read_record(txn, seq, &value, err));
    if (value.n == 0)
        return err_set(err, ERR_JOURNAL_UNKNOWN, "salt", "%llu was purged", (unsigned long long)seq);
    memcpy(salt_out, value.p, RECORD_SALT_SIZE);
    return true;
}

bool journal_read_leaf(struct journal *journal, struct store_txn *txn, uint64_t seq, struct bytes *leaf_out,
                       struct err *err)
{
    (void)journal;
    return read_value(txn, TABLE_LEAF, seq, leaf_out, err);
}

bool journal_read_raw(struct journal *journal, struct store_txn *txn, uint64_t seq, struct bytes *raw_out,
                      struct err *err)
{
    (void)journal;
    return read_value(txn, TABLE_RAW, seq, raw_out, err);
}

/* The empty value stays, so that an erased record is not a missing one. */
void journal_erase_record(struct journal *journal, struct store_txn *txn, uint64_t seq)
{
    (void)journal;
    struct store_key key = key_seq(seq);
    store_put(txn, TABLE_RECORD, &key, (struct bytes){0});
}

void journal_erase_raw(struct journal *journal, struct store_txn *txn, uint64_t seq)
{
    (void)journal;
    struct store_key key = key_seq(seq);
    store_delete(txn, TABLE_RAW, &key);
}

static bool leaf_time(struct journal *journal, struct store_txn *txn, uint64_t seq, int64_t *out, struct err *err)
{
    struct bytes leaf;
    CHECK(journal_read_leaf(journal, txn, seq, &leaf, err));
    if (leaf.n < 17)
        return err_set(err, ERR_STORE_CORRUPT, "leaf", "%llu", (unsigned long long)seq);
    *out = (int64_t)get_be64(leaf.p + 9);
    return true;
}

bool journal_head(struct journal *journal, struct store_txn *txn, struct journal_head *out, struct err *err)
{
    struct merkle_frontier frontier;
    CHECK(load_frontier(journal, txn, &frontier, err));
    *out = (struct journal_head){.size = frontier.size};
    merkle_root(&frontier, &out->root);
    if (frontier.size == 0)
        return true;
    return leaf_time(journal, txn, frontier.size, &out->time_ms, err);
}

bool journal_size_at(struct journal *journal, struct store_txn *txn, int64_t moment_ms, uint64_t *out, struct err *err)
{
    uint64_t low = 0, high = journal_size(journal, txn);
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        int64_t time_ms = 0;
        CHECK(leaf_time(journal, txn, middle, &time_ms, err));
        if (time_ms <= moment_ms)
            low = middle;
        else
            high = middle - 1;
    }
    *out = low;
    return true;
}

/* ---- lease and cursors ---- */

bool journal_lease_take(struct journal *journal, struct store_txn *txn, const char *holder, int64_t until_ms,
                        struct err *err)
{
    (void)journal;
    struct store_key key = key_text("lease");
    uint8_t value[8 + RECORD_ID_MAX];
    size_t n = strlen(holder);
    if (n > RECORD_ID_MAX)
        return err_set(err, ERR_INTERNAL, "lease", "holder too long");
    put_be64(value, (uint64_t)until_ms);
    memcpy(value + 8, holder, n);
    store_put(txn, TABLE_CURSOR, &key, bytes_of(value, 8 + n));
    return !store_failed(txn, err);
}

static struct store_key cursor_key(const char *name)
{
    return key_pair("cursor", name);
}

uint64_t journal_cursor(struct journal *journal, struct store_txn *txn, const char *name)
{
    (void)journal;
    struct store_key key = cursor_key(name);
    struct bytes value;
    return store_get(txn, TABLE_CURSOR, &key, &value) && value.n == 8 ? get_be64(value.p) : 0;
}

bool journal_cursor_cas(struct journal *journal, struct store_txn *txn, const char *name, uint64_t from, uint64_t to,
                        struct err *err)
{
    uint64_t now = journal_cursor(journal, txn, name);
    if (now != from)
        return err_set(err, ERR_JOURNAL_CONFLICT, name, "cursor stands at %llu", (unsigned long long)now);
    struct store_key key = cursor_key(name);
    uint8_t value[8];
    put_be64(value, to);
    store_put(txn, TABLE_CURSOR, &key, bytes_of(value, sizeof value));
    return !store_failed(txn, err);
}
