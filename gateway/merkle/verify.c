/* verify: the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2. Nothing is stored and nothing trusted. */
#include "merkle/merkle.h"

#include <string.h>

#define PROOF_MAX (2 * MERKLE_LEVELS)

static bool equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->b, b->b, MERKLE_HASH) == 0;
}

/* Where the walk up from a leaf stands: its index and that of the last leaf, at the present level. */
struct climb {
    uint64_t fn, sn;
};

/* One level up with a sibling: true when the sibling is on the left. */
static bool climb_left(struct climb *climb)
{
    bool left = (climb->fn & 1) || climb->fn == climb->sn;

    /* a node without a right sibling rises to the level where it is a right child */
    while (left && !(climb->fn & 1) && climb->fn != 0) {
        climb->fn >>= 1;
        climb->sn >>= 1;
    }
    climb->fn >>= 1;
    climb->sn >>= 1;
    return left;
}

bool merkle_verify_inclusion(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                             const struct merkle_proof *proof, const struct merkle_hash *root)
{
    CHECK(index < size && proof->n <= PROOF_MAX);
    struct climb climb = {index, size - 1};
    struct merkle_hash hash = *leaf;

    for (size_t i = 0; i < proof->n; i++) {
        CHECK(climb.sn != 0);
        if (climb_left(&climb))
            merkle_node_hash(&proof->hash[i], &hash, &hash);
        else
            merkle_node_hash(&hash, &proof->hash[i], &hash);
    }
    return climb.sn == 0 && equal(&hash, root);
}

/* from < to. Both roots are recomputed from the same hashes: the old one of those to the left alone. */
static bool verify_growth(uint64_t from, uint64_t to, const struct merkle_proof *proof,
                          const struct merkle_hash *root_from, const struct merkle_hash *root_to)
{
    struct climb climb = {from - 1, to - 1};
    size_t i = 0;
    /* a complete old tree is a node of the new one: its root is not repeated in the proof */
    struct merkle_hash old = (from & (from - 1)) == 0 ? *root_from : proof->hash[i++];
    struct merkle_hash new = old;

    while (climb.fn & 1) {
        climb.fn >>= 1;
        climb.sn >>= 1;
    }
    for (; i < proof->n; i++) {
        CHECK(climb.sn != 0);
        if (climb_left(&climb)) {
            merkle_node_hash(&proof->hash[i], &old, &old);
            merkle_node_hash(&proof->hash[i], &new, &new);
        } else {
            merkle_node_hash(&new, &proof->hash[i], &new);
        }
    }
    return climb.sn == 0 && equal(&old, root_from) && equal(&new, root_to);
}

bool merkle_verify_consistency(uint64_t from, uint64_t to, const struct merkle_proof *proof,
                               const struct merkle_hash *root_from, const struct merkle_hash *root_to)
{
    /* nothing can be said about an empty tree */
    CHECK(from != 0 && from <= to && proof->n <= PROOF_MAX);
    if (from == to)
        return proof->n == 0 && equal(root_from, root_to);
    return proof->n > 0 && verify_growth(from, to, proof, root_from, root_to);
}
