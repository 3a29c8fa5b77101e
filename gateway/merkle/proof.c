/* proof: roots and proofs from stored nodes (RFC 9162 sections 2.1.3.1 and 2.1.4.1).
 *
 * A walk goes down from the whole tree and notes at each fork the side it does not take; that is the proof
 * from the top, so it is turned round at the end. */
#include "merkle/merkle.h"

struct source {
    merkle_get *get;
    void *arg;
};

/* A range of leaves; `start` is a multiple of the power of two that covers n. */
struct range {
    uint64_t start, n;
};

/* The root of a range: its complete subtrees, joined from the right. */
static bool range_root(const struct source *source, struct range range, struct merkle_hash *out, struct err *err)
{
    uint64_t left = range.n;
    bool any = false;

    for (unsigned level = 0; left != 0; level++) {
        struct merkle_hash peak;

        if (!(left >> level & 1))
            continue;
        left -= UINT64_C(1) << level;
        CHECK(source->get(source->arg, level, (range.start + left) >> level, &peak, err));
        if (any)
            merkle_node_hash(&peak, out, out);
        else
            *out = peak;
        any = true;
    }
    return true;
}

/* The largest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* Moves *range to the half that holds leaf `at` and adds the root of the other half. */
static bool descend(const struct source *source, uint64_t at, struct range *range, struct merkle_proof *proof,
                    struct err *err)
{
    uint64_t k = split(range->n);
    struct range left = {range->start, k};
    struct range right = {range->start + k, range->n - k};
    bool go_left = at < right.start;

    *range = go_left ? left : right;
    return range_root(source, go_left ? right : left, &proof->hash[proof->n++], err);
}

static void turn_round(struct merkle_proof *proof)
{
    for (size_t i = 0; i < proof->n / 2; i++) {
        struct merkle_hash swap = proof->hash[i];
        proof->hash[i] = proof->hash[proof->n - 1 - i];
        proof->hash[proof->n - 1 - i] = swap;
    }
}

bool merkle_root_at(uint64_t size, merkle_get *get, void *arg, struct merkle_hash *out, struct err *err)
{
    struct source source = {get, arg};

    if (size == 0) {
        merkle_root(&(struct merkle_frontier){0}, out);
        return true;
    }
    return range_root(&source, (struct range){0, size}, out, err);
}

bool merkle_inclusion(uint64_t index, uint64_t size, merkle_get *get, void *arg, struct merkle_proof *out,
                      struct err *err)
{
    struct source source = {get, arg};
    struct range range = {0, size};

    if (index >= size)
        return err_set(err, ERR_PROOF_NOT_YET, NULL, "leaf %llu of %llu", (unsigned long long)index,
                       (unsigned long long)size);
    out->n = 0;
    while (range.n > 1)
        CHECK(descend(&source, index, &range, out, err));
    turn_round(out);
    return true;
}

bool merkle_consistency(uint64_t from, uint64_t to, merkle_get *get, void *arg, struct merkle_proof *out,
                        struct err *err)
{
    struct source source = {get, arg};
    struct range range = {0, to};

    if (from == 0 || from > to)
        return err_set(err, ERR_PROOF_NOT_YET, NULL, "from size %llu to %llu", (unsigned long long)from,
                       (unsigned long long)to);
    out->n = 0;
    /* towards the last leaf of the old tree, until the range ends with the old tree */
    while (range.start + range.n != from)
        CHECK(descend(&source, from - 1, &range, out, err));
    /* a range that starts at 0 is the old tree itself, whose root the verifier has */
    if (range.start != 0)
        CHECK(range_root(&source, range, &out->hash[out->n++], err));
    turn_round(out);
    return true;
}
