/* Proving the journal to ourselves: every leaf follows from its record, every node and the root from the
 * leaves. */
#include "journal/internal.h"

#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"

#define PROGRESS_EVERY 4096

struct check {
    struct journal_nodes nodes;
    uint64_t seq;
};

static bool broken(struct err *err, uint64_t seq, const char *what)
{
    char place[32];
    snprintf(place, sizeof place, "record %llu", (unsigned long long)seq);
    return err_set(err, ERR_JOURNAL_BROKEN, place, "%s", what);
}

/* A purged record keeps its leaf but neither salt nor bytes. */
static bool leaf_follows(struct check *check, struct bytes leaf, struct err *err)
{
    struct store_key key = key_seq(check->seq);
    struct bytes value;
    if (!store_get(check->nodes.txn, TABLE_RECORD, &key, &value))
        return broken(err, check->seq, "the record is missing");
    if (value.n == 0)
        return true;
    if (leaf.n < 1 + 8 + 8 + 1 + 32 || leaf.p[0] != 1 || get_be64(leaf.p + 1) != check->seq)
        return broken(err, check->seq, "the leaf is malformed");
    uint8_t commitment[CRYPTO_DIGEST_SIZE];
    crypto_digest(CRYPTO_SHA256, value, commitment);
    if (memcmp(leaf.p + leaf.n - 32, commitment, 32) != 0)
        return broken(err, check->seq, "the leaf does not commit to the record");
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
        return broken(err, check->seq, "the record cannot be read");
    uint8_t expected[RECORD_LEAF_MAX];
    size_t n = record_leaf(check->seq, record.time_ms, record_kind_name(record.kind), leaf.p + leaf.n - 32, expected);
    if (n != leaf.n || memcmp(expected, leaf.p, n) != 0)
        return broken(err, check->seq, "the leaf's time or kind is not the record's");
    return true;
}

static bool node_matches(void *arg, unsigned level, uint64_t index, const struct merkle_hash *hash, struct err *err)
{
    struct check *check = arg;
    struct merkle_hash stored;
    if (!journal_node(&check->nodes, level, index, &stored, err) || memcmp(stored.b, hash->b, MERKLE_HASH) != 0)
        return broken(err, check->seq, "a stored tree node differs");
    return true;
}

static bool check_one(struct check *check, struct arena *arena, struct merkle_frontier *frontier, struct err *err)
{
    struct bytes leaf;
    if (!journal_read_leaf(check->nodes.journal, check->nodes.txn, check->seq, &leaf, err))
        return broken(err, check->seq, "the leaf is missing");
    CHECK(leaf_follows(check, leaf, err));
    CHECK(leaf_tells_the_truth(check, arena, leaf, err));
    struct merkle_hash hash;
    merkle_leaf_hash(leaf, &hash);
    return merkle_append(frontier, &hash, node_matches, check, err);
}

bool journal_verify(struct journal *journal, struct store_txn *txn, uint64_t from, journal_progress *progress, void *arg,
                    struct journal_head *head_out, struct err *err)
{
    CHECK(journal_head(journal, txn, head_out, err));
    struct check check = {.nodes = {journal, txn}};
    struct merkle_frontier frontier;
    uint64_t first = from == 0 ? 1 : from;
    if (first > head_out->size + 1)
        return err_set(err, ERR_JOURNAL_UNKNOWN, "from", "%llu of %llu", (unsigned long long)from,
                       (unsigned long long)head_out->size);
    /* a partial check trusts what lies before it */
    CHECK(journal_frontier(&check.nodes, first - 1, &frontier, err));
    AUTO_ARENA arena = arena_new();
    for (check.seq = first; check.seq <= head_out->size; check.seq++) {
        CHECK(check_one(&check, arena, &frontier, err));
        if (progress != NULL && check.seq % PROGRESS_EVERY == 0 && !progress(arg, check.seq, head_out->size))
            return err_set(err, ERR_CANCELLED, "journal verify", "at %llu", (unsigned long long)check.seq);
    }
    struct merkle_hash root;
    merkle_root(&frontier, &root);
    if (memcmp(root.b, head_out->root.b, MERKLE_HASH) != 0)
        return broken(err, head_out->size, "the root differs");
    return true;
}
