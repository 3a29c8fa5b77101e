/* The journal as an auditor sees it: what a leaf is, that the root is the tree's, that damage is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "journal/journal.h"

#define T0 INT64_C(1795485600000) /* 2026-11-24T10:00:00+08:00 */

struct world {
    char directory[64];
    struct store *store;
    struct journal *journal;
};

#define NEED(call, err)                                                                                                \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s at %s: %s", #call, err_info((err).code)->code, (err).place, (err).detail);                \
    } while (0)

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct err err = {0};
    snprintf(w->directory, sizeof w->directory, "/tmp/test-journal-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    struct store_options options = {.directory = w->directory, .map_size = 256 << 20, .readers = 8, .no_sync = true};
    NEED(store_open(&options, &w->store, &err), err);
    w->journal = journal_lmdb();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char path[128];
    journal_free(&w->journal);
    store_close(&w->store);
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", w->directory, files[i]);
        unlink(path);
    }
    rmdir(w->directory);
    free(w);
    return 0;
}

static struct store_txn *writer(struct world *w)
{
    struct err err = {0};
    struct store_txn *txn = store_write(w->store, &err);
    assert_non_null(txn);
    return txn;
}

static void commit(struct store_txn **txn)
{
    struct err err = {0};
    NEED(store_commit(txn, &err), err);
}

/* The bytes of an access record: the kind with the fewest members. */
static struct bytes record_bytes(struct arena *arena, uint64_t seq, int64_t time_ms)
{
    struct record record;
    struct buf out;
    record_init(&record, RECORD_ACCESS);
    record.time_ms = time_ms;
    record.actor.kind = ACTOR_GATEWAY;
    record.object = arena_printf(arena, "segment-%llu", (unsigned long long)seq);
    record.object_digest = "00ff";
    buf_init(&out, RECORD_BYTES_MAX);
    record_encode(&record, &out);
    assert_false(out.overflow);
    struct bytes kept = bytes_dup(arena, buf_bytes(&out));
    buf_free(&out);
    return kept;
}

/* Entries expect+1 … expect+n; every third has original bytes. */
static enum journal_result append(struct world *w, struct store_txn *txn, uint64_t expect, size_t n, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct journal_entry *entries = arena_alloc(arena, (n + 1) * sizeof *entries);
    for (size_t i = 0; i < n; i++) {
        uint64_t seq = expect + 1 + i;
        int64_t time = T0 + (int64_t)seq;
        struct bytes raw = seq % 3 == 0 ? BYTES_LIT("original bytes") : (struct bytes){0};
        entries[i] = (struct journal_entry){record_bytes(arena, seq, time), time, "access", raw};
    }
    uint64_t first = 0;
    enum journal_result result = journal_append(w->journal, txn, expect, entries, n, &first, err);
    if (result == JOURNAL_OK)
        assert_true(first == expect + 1);
    return result;
}

static void grow(struct world *w, uint64_t expect, size_t n)
{
    struct err err = {0};
    struct store_txn *txn = writer(w);
    if (append(w, txn, expect, n, &err) != JOURNAL_OK)
        fail_msg("%s: %s", err.place, err.detail);
    commit(&txn);
}

static bool verify(struct world *w, uint64_t from, struct journal_head *head, struct err *err)
{
    struct store_txn *txn = store_read(w->store, err);
    bool ok = txn != NULL && journal_verify(w->journal, txn, from, NULL, NULL, head, err);
    store_read_end(&txn);
    return ok;
}

/* ---- what an outsider recomputes, with nothing but SHA-256 ---- */

static void sha256(struct bytes a, struct bytes b, uint8_t out[32])
{
    uint8_t whole[4096];
    assert_true(a.n + b.n <= sizeof whole);
    memcpy(whole, a.p, a.n);
    memcpy(whole + a.n, b.p, b.n);
    crypto_digest(CRYPTO_SHA256, bytes_of(whole, a.n + b.n), out);
}

/* MTH of RFC 9162 section 2.1.1 over leaf hashes. */
static void mth(uint8_t (*leaf)[32], size_t n, uint8_t out[32])
{
    if (n == 1) {
        memcpy(out, leaf[0], 32);
        return;
    }
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    uint8_t pair[65] = {1};
    mth(leaf, k, pair + 1);
    mth(leaf + k, n - k, pair + 33);
    crypto_digest(CRYPTO_SHA256, bytes_of(pair, sizeof pair), out);
}

/* Contract section 2: version(1) ‖ seq(8) ‖ time_ms(8) ‖ len(1) kind ‖ SHA-256(salt[16] ‖ record), big-endian. */
static void a_leaf_is_what_the_contract_says(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    grow(w, 0, 300);
    struct store_txn *txn = store_read(w->store, &err);
    uint8_t last_salt[16] = {0};
    for (uint64_t seq = 1; seq <= 300; seq++) {
        struct bytes record, leaf;
        uint8_t salt[16], commitment[32];
        NEED(journal_read(w->journal, txn, seq, &record, &err), err);
        NEED(journal_read_salt(w->journal, txn, seq, salt, &err), err);
        NEED(journal_read_leaf(w->journal, txn, seq, &leaf, &err), err);
        sha256(bytes_of(salt, 16), record, commitment);
        uint64_t time = (uint64_t)T0 + seq;
        uint8_t expected[1 + 8 + 8 + 1 + 6 + 32] = {1};
        for (int i = 0; i < 8; i++) {
            expected[1 + i] = (uint8_t)(seq >> (56 - 8 * i));
            expected[9 + i] = (uint8_t)(time >> (56 - 8 * i));
        }
        expected[17] = 6;
        memcpy(expected + 18, "access", 6);
        memcpy(expected + 24, commitment, 32);
        assert_int_equal(leaf.n, sizeof expected);
        assert_memory_equal(leaf.p, expected, sizeof expected);
        assert_memory_not_equal(salt, last_salt, 16);
        memcpy(last_salt, salt, 16);
    }
    store_read_end(&txn);
}

static void the_root_is_the_tree_over_the_leaves(void **state)
{
    struct world *w = *state;
    static uint8_t hashes[70][32];
    for (uint64_t size = 1; size <= 70; size++) {
        struct err err = {0};
        struct journal_head head;
        grow(w, size - 1, 1);
        struct store_txn *txn = store_read(w->store, &err);
        struct bytes leaf;
        uint8_t zero = 0, root[32];
        NEED(journal_read_leaf(w->journal, txn, size, &leaf, &err), err);
        sha256(bytes_of(&zero, 1), leaf, hashes[size - 1]);
        mth(hashes, size, root);
        NEED(journal_head(w->journal, txn, &head, &err), err);
        assert_true(head.size == size && journal_size(w->journal, txn) == size);
        assert_true(head.time_ms == T0 + (int64_t)size);
        assert_memory_equal(head.root.b, root, 32);
        store_read_end(&txn);
    }
}

static void an_empty_journal_has_the_empty_root(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct journal_head head;
    char hex[65];
    NEED(verify(w, 0, &head, &err), err);
    assert_true(head.size == 0 && head.time_ms == 0);
    assert_string_equal(hex_encode(head.root.b, 32, hex),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* ---- appending and reading ---- */

static void what_was_appended_is_read_back(void **state)
{
    struct world *w = *state;
    AUTO_ARENA arena = arena_new();
    struct err err = {0};
    grow(w, 0, 5);
    grow(w, 5, 7);
    struct store_txn *txn = store_read(w->store, &err);
    for (uint64_t seq = 1; seq <= 12; seq++) {
        struct bytes record, raw;
        NEED(journal_read(w->journal, txn, seq, &record, &err), err);
        assert_true(bytes_equal(record, record_bytes(arena, seq, T0 + (int64_t)seq)));
        bool has_raw = journal_read_raw(w->journal, txn, seq, &raw, &err);
        assert_int_equal(has_raw, seq % 3 == 0);
        if (has_raw)
            assert_true(bytes_equal(raw, BYTES_LIT("original bytes")));
    }
    struct bytes none;
    err = (struct err){0};
    assert_false(journal_read(w->journal, txn, 13, &none, &err));
    assert_int_equal(err.code, ERR_JOURNAL_UNKNOWN);
    assert_false(journal_read(w->journal, txn, 0, &none, &err));
    store_read_end(&txn);
}

static void another_head_is_a_conflict(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    grow(w, 0, 3);
    struct store_txn *txn = writer(w);
    assert_int_equal(append(w, txn, 2, 1, &err), JOURNAL_CONFLICT);
    assert_int_equal(err.code, ERR_JOURNAL_CONFLICT);
    assert_int_equal(append(w, txn, 4, 1, &err), JOURNAL_CONFLICT);
    store_abort(&txn);
    struct journal_head head;
    NEED(verify(w, 1, &head, &err), err);
    assert_true(head.size == 3);
}

static void an_aborted_append_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct journal_head head;
    grow(w, 0, 3);
    struct store_txn *txn = writer(w);
    assert_int_equal(append(w, txn, 3, 6, &err), JOURNAL_OK);
    assert_true(journal_size(w->journal, txn) == 9);
    store_abort(&txn);
    grow(w, 3, 1);
    grow(w, 4, 600);
    NEED(verify(w, 0, &head, &err), err);
    assert_true(head.size == 604);
}

static void two_appends_in_one_transaction(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct journal_head head;
    struct store_txn *txn = writer(w);
    assert_int_equal(append(w, txn, 0, 3, &err), JOURNAL_OK);
    assert_int_equal(append(w, txn, 3, 0, &err), JOURNAL_OK);
    assert_int_equal(append(w, txn, 3, 2, &err), JOURNAL_OK);
    commit(&txn);
    NEED(verify(w, 0, &head, &err), err);
    assert_true(head.size == 5);
}

static void a_record_too_large_is_not_appended(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    uint64_t first;
    char *big = xcalloc(1, RECORD_BYTES_MAX + 1);
    struct journal_entry entry = {bytes_of(big, RECORD_BYTES_MAX + 1), T0, "access", {0}};
    struct store_txn *txn = writer(w);
    assert_int_equal(journal_append(w->journal, txn, 0, &entry, 1, &first, &err), JOURNAL_DOWN);
    store_abort(&txn);
    free(big);
    grow(w, 0, 1);
}

/* ---- damage ---- */

/* Changes one byte (at from the end) of a stored value, or removes it when at is 0. */
static void damage(struct world *w, enum store_table table, struct store_key key, size_t at)
{
    AUTO_ARENA arena = arena_new();
    struct store_txn *txn = writer(w);
    struct bytes value;
    assert_true(store_get(txn, table, &key, &value));
    if (at == 0) {
        store_delete(txn, table, &key);
    } else {
        uint8_t *copy = arena_alloc(arena, value.n);
        memcpy(copy, value.p, value.n);
        copy[value.n - at] ^= 1;
        store_put(txn, table, &key, bytes_of(copy, value.n));
    }
    commit(&txn);
}

static void broken_at(struct world *w, uint64_t from, uint64_t seq)
{
    struct err err = {0};
    struct journal_head head;
    char place[32];
    assert_false(verify(w, from, &head, &err));
    assert_int_equal(err.code, ERR_JOURNAL_BROKEN);
    snprintf(place, sizeof place, "record %llu", (unsigned long long)seq);
    assert_string_equal(err.place, place);
}

static void a_changed_record_is_named(void **state)
{
    grow(*state, 0, 100);
    damage(*state, TABLE_RECORD, key_seq(37), 20);
    broken_at(*state, 0, 37);
}

static void a_changed_salt_is_named(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    grow(w, 0, 9);
    struct store_txn *txn = store_read(w->store, &err);
    struct store_key key = key_seq(4);
    struct bytes value;
    assert_true(store_get(txn, TABLE_RECORD, &key, &value));
    size_t n = value.n;
    store_read_end(&txn);
    damage(w, TABLE_RECORD, key, n);
    broken_at(w, 0, 4);
}

static void a_changed_leaf_is_named(void **state)
{
    static const size_t places[] = {1, 40, 48, 56}; /* commitment, kind, time, version, from the end */
    for (size_t i = 0; i < 4; i++) {
        if (i > 0) {
            teardown(state);
            setup(state);
        }
        grow(*state, 0, 10);
        damage(*state, TABLE_LEAF, key_seq(6), places[i]);
        broken_at(*state, 0, 6);
    }
}

/* Someone who changes record and leaf alike is found by the tree. */
static void a_consistent_forgery_breaks_the_tree(void **state)
{
    struct world *w = *state;
    AUTO_ARENA arena = arena_new();
    grow(w, 0, 21);
    struct store_txn *txn = writer(w);
    struct bytes forged = record_bytes(arena, 999, T0 + 13);
    uint8_t value[4096] = {0}, commitment[32], leaf[RECORD_LEAF_MAX];
    memcpy(value + 16, forged.p, forged.n);
    crypto_digest(CRYPTO_SHA256, bytes_of(value, 16 + forged.n), commitment);
    size_t n = record_leaf(13, T0 + 13, "access", commitment, leaf);
    struct store_key key = key_seq(13);
    store_put(txn, TABLE_RECORD, &key, bytes_of(value, 16 + forged.n));
    store_put(txn, TABLE_LEAF, &key, bytes_of(leaf, n));
    commit(&txn);
    broken_at(w, 0, 13);
}

static void every_changed_node_is_named(void **state)
{
    struct world *w = *state;
    grow(w, 0, 21);
    for (unsigned level = 0; level <= 4; level++) {
        for (uint64_t index = 0; (index + 1) << level <= 21; index++) {
            struct store_key key = key_seq(merkle_position(level, index));
            damage(w, TABLE_NODE, key, 7);
            broken_at(w, 0, (index + 1) << level);
            damage(w, TABLE_NODE, key, 7);
        }
    }
    struct err err = {0};
    struct journal_head head;
    NEED(verify(w, 0, &head, &err), err);
}

static void what_is_missing_is_named(void **state)
{
    static const enum store_table tables[] = {TABLE_RECORD, TABLE_LEAF};
    for (size_t t = 0; t < 2; t++) {
        teardown(state);
        setup(state);
        grow(*state, 0, 12);
        damage(*state, tables[t], key_seq(5), 0);
        broken_at(*state, 0, 5);
    }
    teardown(state);
    setup(state);
    grow(*state, 0, 12);
    damage(*state, TABLE_NODE, key_seq(merkle_position(3, 0)), 0); /* a peak of the present tree */
    broken_at(*state, 0, 8);
    broken_at(*state, 9, 8);
}

/* The last record's leaf is gone: the journal must not just look one shorter. */
static void a_cut_end_is_named(void **state)
{
    grow(*state, 0, 12);
    damage(*state, TABLE_LEAF, key_seq(12), 0);
    broken_at(*state, 0, 12);
    damage(*state, TABLE_RECORD, key_seq(12), 0);
    damage(*state, TABLE_RAW, key_seq(12), 0);
    broken_at(*state, 0, 12);
}

static void a_partial_check_looks_from_there_on(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct journal_head whole, part;
    grow(w, 0, 200);
    NEED(verify(w, 0, &whole, &err), err);
    for (uint64_t from = 1; from <= 201; from++) {
        NEED(verify(w, from, &part, &err), err);
        assert_memory_equal(part.root.b, whole.root.b, 32);
    }
    assert_false(verify(w, 202, &part, &err));
    assert_int_equal(err.code, ERR_JOURNAL_UNKNOWN);
    damage(w, TABLE_RECORD, key_seq(100), 5);
    broken_at(w, 1, 100);
    broken_at(w, 100, 100);
    NEED(verify(w, 101, &part, &err), err);
}

struct told {
    uint64_t done, calls, stop_at;
};

static bool told(void *arg, uint64_t done, uint64_t total)
{
    struct told *t = arg;
    assert_true(total == 9000 && done > t->done && done <= total);
    t->done = done;
    t->calls++;
    return t->stop_at == 0 || done < t->stop_at;
}

static void a_long_check_tells_and_may_be_stopped(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct journal_head head;
    struct told t = {0};
    grow(w, 0, 9000);
    struct store_txn *txn = store_read(w->store, &err);
    NEED(journal_verify(w->journal, txn, 0, told, &t, &head, &err), err);
    assert_true(t.done == 9000 && t.calls >= 2);
    t = (struct told){.stop_at = 1};
    assert_false(journal_verify(w->journal, txn, 0, told, &t, &head, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_true(t.calls == 1);
    store_read_end(&txn);
}

/* retention.purge takes record and salt away; the leaf and with it every proof stays. */
static void a_purged_record_keeps_its_leaf(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct journal_head before, after;
    struct bytes record;
    uint8_t salt[16];
    grow(w, 0, 30);
    NEED(verify(w, 0, &before, &err), err);
    struct store_txn *txn = writer(w);
    struct store_key key = key_seq(12);
    store_put(txn, TABLE_RECORD, &key, (struct bytes){0});
    commit(&txn);
    NEED(verify(w, 0, &after, &err), err);
    assert_memory_equal(before.root.b, after.root.b, 32);
    txn = store_read(w->store, &err);
    NEED(journal_read(w->journal, txn, 12, &record, &err), err);
    assert_true(record.n == 0);
    assert_false(journal_read_salt(w->journal, txn, 12, salt, &err));
    assert_int_equal(err.code, ERR_JOURNAL_UNKNOWN);
    store_read_end(&txn);
    damage(w, TABLE_LEAF, key, 3);
    broken_at(w, 0, 12);
}

/* ---- cursors and lease ---- */

static void a_cursor_moves_only_from_where_it_stands(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct store_txn *txn = writer(w);
    assert_true(journal_cursor(w->journal, txn, "bank-a/changes") == 0);
    NEED(journal_cursor_cas(w->journal, txn, "bank-a/changes", 0, 17, &err), err);
    NEED(journal_cursor_cas(w->journal, txn, "bank-a/changes", 17, 18, &err), err);
    assert_false(journal_cursor_cas(w->journal, txn, "bank-a/changes", 17, 19, &err));
    assert_int_equal(err.code, ERR_JOURNAL_CONFLICT);
    assert_true(journal_cursor(w->journal, txn, "bank-a/changes") == 18);
    assert_true(journal_cursor(w->journal, txn, "bank-a") == 0);
    err = (struct err){0};
    NEED(journal_lease_take(w->journal, txn, "host-1", T0, &err), err);
    assert_true(journal_cursor(w->journal, txn, "bank-a/changes") == 18);
    commit(&txn);
}

static void proofs_come_from_the_stored_nodes(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct journal_head head;
    grow(w, 0, 45);
    struct store_txn *txn = store_read(w->store, &err);
    NEED(journal_head(w->journal, txn, &head, &err), err);
    struct journal_nodes nodes = {w->journal, txn};
    for (uint64_t seq = 1; seq <= 45; seq++) {
        struct merkle_proof proof;
        struct merkle_hash leaf_hash;
        struct bytes leaf;
        NEED(journal_read_leaf(w->journal, txn, seq, &leaf, &err), err);
        merkle_leaf_hash(leaf, &leaf_hash);
        NEED(merkle_inclusion(seq - 1, 45, journal_node, &nodes, &proof, &err), err);
        assert_true(merkle_verify_inclusion(&leaf_hash, seq - 1, 45, &proof, &head.root));
    }
    store_read_end(&txn);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_leaf_is_what_the_contract_says),
        TEST(the_root_is_the_tree_over_the_leaves),
        TEST(an_empty_journal_has_the_empty_root),
        TEST(what_was_appended_is_read_back),
        TEST(another_head_is_a_conflict),
        TEST(an_aborted_append_leaves_nothing),
        TEST(two_appends_in_one_transaction),
        TEST(a_record_too_large_is_not_appended),
        TEST(a_changed_record_is_named),
        TEST(a_changed_salt_is_named),
        TEST(a_changed_leaf_is_named),
        TEST(a_consistent_forgery_breaks_the_tree),
        TEST(every_changed_node_is_named),
        TEST(what_is_missing_is_named),
        TEST(a_cut_end_is_named),
        TEST(a_partial_check_looks_from_there_on),
        TEST(a_long_check_tells_and_may_be_stopped),
        TEST(a_purged_record_keeps_its_leaf),
        TEST(a_cursor_moves_only_from_where_it_stands),
        TEST(proofs_come_from_the_stored_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
