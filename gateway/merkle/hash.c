/* hash: how leaves and nodes are hashed, and how a tree grows leaf by leaf. */
#include "crypto/crypto.h"
#include "merkle/merkle.h"

#include <string.h>

void merkle_leaf_hash(struct bytes leaf, struct merkle_hash *out)
{
    struct bytes parts[2] = {BYTES_LIT("\x00"), leaf};

    crypto_digest_parts(CRYPTO_SHA256, parts, 2, out->b);
}

void merkle_node_hash(const struct merkle_hash *l, const struct merkle_hash *r, struct merkle_hash *out)
{
    uint8_t text[1 + 2 * MERKLE_HASH] = {0x01};

    memcpy(text + 1, l->b, MERKLE_HASH);
    memcpy(text + 1 + MERKLE_HASH, r->b, MERKLE_HASH);
    crypto_digest(CRYPTO_SHA256, bytes_of(text, sizeof(text)), out->b);
}

/* On an error the frontier is as before, but nodes may have been emitted: the caller's transaction aborts. */
bool merkle_append(struct merkle_frontier *frontier, const struct merkle_hash *leaf, merkle_emit *emit, void *arg,
                   struct err *err)
{
    struct merkle_hash node = *leaf;
    unsigned level = 0;

    CHECK(emit(arg, 0, frontier->size, &node, err));
    /* like adding 1 to a binary number: every carry completes a subtree */
    for (; frontier->size >> level & 1; level++) {
        merkle_node_hash(&frontier->peak[level], &node, &node);
        CHECK(emit(arg, level + 1, frontier->size >> (level + 1), &node, err));
    }
    frontier->peak[level] = node;
    frontier->size++;
    return true;
}

void merkle_root(const struct merkle_frontier *frontier, struct merkle_hash *out)
{
    bool any = false;

    if (frontier->size == 0)
        crypto_digest(CRYPTO_SHA256, bytes_of(NULL, 0), out->b);
    for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
        if (!(frontier->size >> level & 1))
            continue;
        if (any)
            merkle_node_hash(&frontier->peak[level], out, out);
        else
            *out = frontier->peak[level];
        any = true;
    }
}

uint64_t merkle_positions(uint64_t size)
{
    return 2 * size - (uint64_t)__builtin_popcountll(size);
}

uint64_t merkle_position(unsigned level, uint64_t index)
{
    /* the leaf whose arrival completes the node; before it came all nodes of the smaller tree */
    uint64_t leaf = ((index + 1) << level) - 1;

    return merkle_positions(leaf) + level;
}
