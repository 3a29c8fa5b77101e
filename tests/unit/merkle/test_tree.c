/* The stored tree against the recursive definitions of RFC 9162, for every size up to 130. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "merkle/merkle.h"

#define SIZES 130
#define NODES (2 * SIZES)

struct tree {
    struct merkle_frontier frontier;
    struct merkle_hash leaf[SIZES];
    struct merkle_hash stored[NODES];
    uint64_t emitted;
};

static bool keep(void *arg, unsigned level, uint64_t index, const struct merkle_hash *hash, struct err *err)
{
    struct tree *tree = arg;
    (void)err;
    assert_true(merkle_position(level, index) == tree->emitted);
    tree->stored[tree->emitted++] = *hash;
    return true;
}

static bool get(void *arg, unsigned level, uint64_t index, struct merkle_hash *out, struct err *err)
{
    struct tree *tree = arg;
    (void)err;
    assert_true(merkle_position(level, index) < tree->emitted);
    *out = tree->stored[merkle_position(level, index)];
    return true;
}

static void grow(struct tree *tree, unsigned n)
{
    struct err err = {0};
    memset(tree, 0, sizeof(*tree));
    for (unsigned i = 0; i < n; i++) {
        char text[16];
        snprintf(text, sizeof(text), "leaf %u", i);
        merkle_leaf_hash(bytes_str(text), &tree->leaf[i]);
        assert_true(merkle_append(&tree->frontier, &tree->leaf[i], keep, tree, &err));
        assert_true(merkle_positions(i + 1) == tree->emitted);
    }
}

/* MTH of section 2.1.1, word for word. */
static struct merkle_hash mth(const struct merkle_hash *leaf, size_t n)
{
    struct merkle_hash out;
    if (n == 0) {
        assert_true(hex_decode("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", out.b, 32));
        return out;
    }
    if (n == 1)
        return leaf[0];
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    struct merkle_hash l = mth(leaf, k), r = mth(leaf + k, n - k);
    merkle_node_hash(&l, &r, &out);
    return out;
}

/* PATH of section 2.1.3.1. */
static void path(size_t m, const struct merkle_hash *leaf, size_t n, struct merkle_proof *out)
{
    if (n == 1)
        return;
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    if (m < k) {
        path(m, leaf, k, out);
        out->hash[out->n++] = mth(leaf + k, n - k);
    } else {
        path(m - k, leaf + k, n - k, out);
        out->hash[out->n++] = mth(leaf, k);
    }
}

/* SUBPROOF of section 2.1.4.1. */
static void subproof(size_t m, const struct merkle_hash *leaf, size_t n, bool b, struct merkle_proof *out)
{
    if (m == n) {
        if (!b)
            out->hash[out->n++] = mth(leaf, n);
        return;
    }
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    if (m <= k) {
        subproof(m, leaf, k, b, out);
        out->hash[out->n++] = mth(leaf + k, n - k);
    } else {
        subproof(m - k, leaf + k, n - k, false, out);
        out->hash[out->n++] = mth(leaf, k);
    }
}

static void same(const struct merkle_proof *a, const struct merkle_proof *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->hash, b->hash, a->n * sizeof(a->hash[0]));
}

static void roots_are_those_of_the_definition(void **unused)
{
    (void)unused;
    static struct tree tree;
    struct err err = {0};
    for (unsigned n = 0; n <= SIZES; n++) {
        struct merkle_hash want, root, at;
        grow(&tree, n);
        want = mth(tree.leaf, n);
        merkle_root(&tree.frontier, &root);
        assert_memory_equal(root.b, want.b, 32);
        for (unsigned m = 0; m <= n; m++) {
            want = mth(tree.leaf, m);
            assert_true(merkle_root_at(m, get, &tree, &at, &err));
            assert_memory_equal(at.b, want.b, 32);
        }
    }
}

static void inclusion_proofs_are_those_of_the_definition(void **unused)
{
    (void)unused;
    static struct tree tree;
    struct err err = {0};
    grow(&tree, SIZES);
    for (unsigned n = 1; n <= SIZES; n++) {
        struct merkle_hash root = mth(tree.leaf, n);
        for (unsigned i = 0; i < n; i++) {
            struct merkle_proof proof, want = {0};
            assert_true(merkle_inclusion(i, n, get, &tree, &proof, &err));
            path(i, tree.leaf, n, &want);
            same(&proof, &want);
            assert_true(merkle_verify_inclusion(&tree.leaf[i], i, n, &proof, &root));
            assert_false(merkle_verify_inclusion(&tree.leaf[(i + 1) % SIZES], i, n, &proof, &root));
            if (n > 1)
                assert_false(merkle_verify_inclusion(&tree.leaf[i], i ^ 1, n, &proof, &root));
        }
    }
}

static void consistency_proofs_are_those_of_the_definition(void **unused)
{
    (void)unused;
    static struct tree tree;
    struct err err = {0};
    grow(&tree, SIZES);
    for (unsigned to = 1; to <= SIZES; to++) {
        struct merkle_hash root_to = mth(tree.leaf, to);
        for (unsigned from = 1; from <= to; from++) {
            struct merkle_hash root_from = mth(tree.leaf, from);
            struct merkle_proof proof, want = {0};
            assert_true(merkle_consistency(from, to, get, &tree, &proof, &err));
            subproof(from, tree.leaf, to, true, &want);
            same(&proof, &want);
            assert_true(merkle_verify_consistency(from, to, &proof, &root_from, &root_to));
            if (from < to) {
                assert_false(merkle_verify_consistency(from, to, &proof, &root_to, &root_to));
                assert_false(merkle_verify_consistency(from, to, &proof, &root_from, &root_from));
            }
        }
    }
}

static void positions_only_grow(void **unused)
{
    (void)unused;
    uint64_t next = 0;
    for (uint64_t leaf = 0; leaf < 100000; leaf++) {
        assert_true(merkle_positions(leaf) == next);
        unsigned level = 0;
        assert_true(merkle_position(0, leaf) == next++);
        for (; leaf >> level & 1; level++)
            assert_true(merkle_position(level + 1, leaf >> (level + 1)) == next++);
    }
}

static void proofs_beyond_the_tree_are_not_made(void **unused)
{
    (void)unused;
    static struct tree tree;
    struct merkle_proof proof;
    struct err err = {0};
    grow(&tree, 5);
    assert_false(merkle_inclusion(5, 5, get, &tree, &proof, &err));
    assert_int_equal(err.code, ERR_PROOF_NOT_YET);
    assert_false(merkle_consistency(0, 5, get, &tree, &proof, &err));
    assert_false(merkle_consistency(5, 4, get, &tree, &proof, &err));
    assert_int_equal(err.code, ERR_PROOF_NOT_YET);
}

static bool refuse(void *arg, unsigned level, uint64_t index, const struct merkle_hash *hash, struct err *err)
{
    (void)arg, (void)index, (void)hash;
    return level == 0 || err_set(err, ERR_STORE_FULL, NULL, "no room");
}

static void a_failed_append_leaves_the_frontier(void **unused)
{
    (void)unused;
    static struct tree tree;
    struct merkle_hash before, after;
    struct err err = {0};
    grow(&tree, 3);
    merkle_root(&tree.frontier, &before);
    assert_false(merkle_append(&tree.frontier, &tree.leaf[0], refuse, NULL, &err));
    assert_int_equal(err.code, ERR_STORE_FULL);
    merkle_root(&tree.frontier, &after);
    assert_memory_equal(before.b, after.b, 32);
    assert_true(tree.frontier.size == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_the_definition),
        cmocka_unit_test(inclusion_proofs_are_those_of_the_definition),
        cmocka_unit_test(consistency_proofs_are_those_of_the_definition),
        cmocka_unit_test(positions_only_grow),
        cmocka_unit_test(proofs_beyond_the_tree_are_not_made),
        cmocka_unit_test(a_failed_append_leaves_the_frontier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
