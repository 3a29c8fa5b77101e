/* merkle: the hash tree of RFC 9162 section 2.1 over leaves that are appended one by one. Pure; the caller
 * stores nodes.
 *
 * Stored nodes are the roots of complete subtrees, (level, index) with level 0 the leaf hashes. They become
 * known in the order in which merkle_append emits them; that running number is merkle_position, so a table
 * keyed by it is only ever appended to.
 */
#ifndef MERKLE_MERKLE_H
#define MERKLE_MERKLE_H

#include "base/base.h"

#define MERKLE_HASH 32
#define MERKLE_LEVELS 64

struct merkle_hash { uint8_t b[MERKLE_HASH]; };

/* The peaks of a tree of `size` leaves: complete subtrees from left to right, one per set bit of size. */
struct merkle_frontier {
    uint64_t size;
    struct merkle_hash peak[MERKLE_LEVELS];   /* peak[l] is valid where bit l of size is set */
};

void merkle_leaf_hash(struct bytes leaf, struct merkle_hash *out);                        /* SHA-256(0x00 || leaf) */
void merkle_node_hash(const struct merkle_hash *l, const struct merkle_hash *r, struct merkle_hash *out);
/* Called for each node that becomes complete, lowest level first. */
typedef bool merkle_emit(void *arg, unsigned level, uint64_t index, const struct merkle_hash *hash, struct err *err);
bool merkle_append(struct merkle_frontier *frontier, const struct merkle_hash *leaf, merkle_emit *emit, void *arg,
                   struct err *err);
void merkle_root(const struct merkle_frontier *frontier, struct merkle_hash *out);        /* SHA-256("") when empty */
/* 0-based running number of node (level, index) among all emitted nodes. */
uint64_t merkle_position(unsigned level, uint64_t index);
/* How many nodes have been emitted for `size` leaves: 2 size - popcount(size). */
uint64_t merkle_positions(uint64_t size);

/* Reading a stored complete node. */
typedef bool merkle_get(void *arg, unsigned level, uint64_t index, struct merkle_hash *out, struct err *err);
struct merkle_proof { size_t n; struct merkle_hash hash[2 * MERKLE_LEVELS]; };
bool merkle_inclusion(uint64_t index, uint64_t size, merkle_get *get, void *arg, struct merkle_proof *out,
                      struct err *err);
bool merkle_consistency(uint64_t from, uint64_t to, merkle_get *get, void *arg, struct merkle_proof *out,
                        struct err *err);
/* The root of the first `size` leaves from stored nodes. */
bool merkle_root_at(uint64_t size, merkle_get *get, void *arg, struct merkle_hash *out, struct err *err);

bool merkle_verify_inclusion(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                             const struct merkle_proof *proof, const struct merkle_hash *root);
bool merkle_verify_consistency(uint64_t from, uint64_t to, const struct merkle_proof *proof,
                               const struct merkle_hash *root_from, const struct merkle_hash *root_to);

#endif
