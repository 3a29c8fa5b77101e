/* Proving the journal to ourselves: every leaf follows from its record, every node and the root from the
 * leaves. */
#include "journal/internal.h"

#include <string.h>

#include "crypto/crypto.h"

#define PROGRESS_EVERY 4096

struct check {
    struct journal_nodes nodes;
    uint64_t seq;
};

/* A purged record keeps its leaf but neither salt nor bytes. */
static bool leaf_follows(struct check *check, struct bytes leaf, struct err *err)
{
    struct store_key key = key_seq(check->seq);
    struct bytes value;
    if (!store_get(check->nodes.txn, TABLE_RECORD, &key, &value))
        return journal_broken(err, check->seq, "the record is missing");
    if (leaf.n < 1 + 8 + 8 + 1 + 32 || leaf.n > RECORD_LEAF_MAX || leaf.p[0] != 1 || get_be64(leaf.p + 1) != check->seq)
        return journal_broken(err, check->seq, "the leaf is malformed");
    if (value.n == 0)
        return true;
    if (value.n < RECORD_SALT_SIZE)
        return journal_broken(err, check->seq, "the record is cut off");
    uint8_t commitment[CRYPTO_DIGEST_SIZE];
    crypto_digest(CRYPTO_SHA256, value, commitment);
    if (memcmp(leaf.p + leaf.n - 32, commitment, 32) != 0)
        return journal_broken(err, check->seq, "the leaf does not commit to the record");
    return true;
}

/* time and kind of the record are public in the leaf and must be the record's own. */
static bool leaf_tells_the_truth(struct check *check, struct arena *arena, struct bytes leaf, struct err *err)
{
    struct bytes bytes;
    CHECK(journal_read(check->nodes.journal, check->nodes.txn, check->seq, &bytes, err));
    if (bytes.n == 0)
        return true;
    struct record record;
    arena_reset(arena);
    if (!record_decode(arena, check->seq, bytes, &record, err))
        return journal_broken(err, check->seq, "the record cannot be read");
    uint8_t expected[RECORD_LEAF_MAX];
    size_t n = record_leaf(check->seq, record.time_ms, record_kind_name(record.kind), leaf.p + leaf.n - 32, expected);
    if (n != leaf.n || memcmp(expected, leaf.p, n) != 0)
        return journal_broken(err, check->seq, "the leaf's time or kind is not the record's");
    return true;
}

static bool node_matches(void *arg, unsigned level, uint64_t index, const struct merkle_hash *hash, struct err *err)
{
    struct check *check = arg;
    struct merkle_hash stored;
    if (!journal_node(&check->nodes, level, index, &stored, err) || memcmp(stored.b, hash->b, MERKLE_HASH) != 0)
        return journal_broken(err, check->seq, "a stored tree node differs");
    return true;
}

static bool check_one(struct check *check, struct arena *arena, struct merkle_frontier *frontier, struct err *err)
{
    struct bytes leaf;
    if (!journal_read_leaf(check->nodes.journal, check->nodes.txn, check->seq, &leaf, err))
        return journal_broken(err, check->seq, "the leaf is missing");
    CHECK(leaf_follows(check, leaf, err));
    CHECK(leaf_tells_the_truth(check, arena, leaf, err));
    struct merkle_hash hash;
    merkle_leaf_hash(leaf, &hash);
    return merkle_append(frontier, &hash, node_matches, check, err);
}

/* Nothing stands behind the last leaf: else the end of the journal was cut off. */
static bool nothing_behind(struct store_txn *txn, enum store_table table, uint64_t count, uint64_t size,
                           struct err *err)
{
    struct store_key from = key_seq(count);
    struct store_walk walk;
    store_walk(&walk, txn, table, &from, NULL);
    bool more = store_next(&walk);
    store_walk_end(&walk);
    if (store_failed(txn, err))
        return false;
    return !more ||
           journal_broken(err, size + 1, "the table %s goes on, but the leaf is missing", store_table_name(table));
}

static bool ends_together(struct store_txn *txn, uint64_t size, struct err *err)
{
    return nothing_behind(txn, TABLE_RECORD, size + 1, size, err) &&
           nothing_behind(txn, TABLE_RAW, size + 1, size, err) &&
           nothing_behind(txn, TABLE_NODE, merkle_positions(size), size, err);
}

static bool check_range(struct check *check, uint64_t last, struct merkle_frontier *frontier,
                        journal_progress *progress, void *arg, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    for (; check->seq <= last; check->seq++) {
        CHECK(check_one(check, arena, frontier, err));
        bool tell = progress != NULL && (check->seq % PROGRESS_EVERY == 0 || check->seq == last);
        if (tell && !progress(arg, check->seq, last))
            return err_set(err, ERR_CANCELLED, "journal verify", "at %llu", (unsigned long long)check->seq);
    }
    return true;
}

bool journal_verify(struct journal *journal, struct store_txn *txn, uint64_t from, journal_progress *progress,
                    void *arg, struct journal_head *head_out, struct err *err)
{
    uint64_t size = journal_size(journal, txn);
    struct check check = {.nodes = {journal, txn}, .seq = from == 0 ? 1 : from};
    struct merkle_frontier frontier;
    if (check.seq > size + 1)
        return err_set(err, ERR_JOURNAL_UNKNOWN, "from", "%llu of %llu", (unsigned long long)from,
                       (unsigned long long)size);
    /* a partial check trusts what lies before it */
    CHECK(journal_frontier(&check.nodes, check.seq - 1, &frontier, err));
    CHECK(check_range(&check, size, &frontier, progress, arg, err));
    CHECK(ends_together(txn, size, err));
    CHECK(journal_head(journal, txn, head_out, err));
    struct merkle_hash root;
    merkle_root(&frontier, &root);
    if (memcmp(root.b, head_out->root.b, MERKLE_HASH) != 0)
        return journal_broken(err, size, "the root differs");
    return !store_failed(txn, err);
}
