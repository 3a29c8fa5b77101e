/* What the tests of this folder share: a journal that grows, and a ring with a key of each algorithm. */
#ifndef HEAD_FIXTURE_H
#define HEAD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "head/head.h"

#define T0 INT64_C(1795485600000) /* 2026-11-24T10:00:00+08:00 */
#define ORIGIN "test.log"

#define NEED(call, err)                                                                                                \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s at %s: %s", #call, err_info((err).code)->code, (err).place, (err).detail);                \
    } while (0)

struct world {
    char directory[64];
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;
    struct arena *arena;
};

static inline struct crypto_keyring *new_ring(const char *directory)
{
    static const char *const how[][2] = {{"ES256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"},
                                         {"SM2", "-algorithm SM2"}};
    struct crypto_keyring *ring = crypto_keyring_new();
    struct err err = {0};
    for (int i = 0; i < 2; i++) {
        char command[512], path[128], pem[4096];
        snprintf(path, sizeof path, "%s/%s.key", directory, how[i][0]);
        snprintf(command, sizeof command, "openssl genpkey %s -out %s 2>/dev/null", how[i][1], path);
        assert_int_equal(system(command), 0);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t n = fread(pem, 1, sizeof pem, file);
        fclose(file);
        NEED(crypto_keyring_load_key(ring, i == 0 ? CRYPTO_SIGN_ES256 : CRYPTO_SIGN_SM2, bytes_of(pem, n), NULL, &err),
             err);
    }
    return ring;
}

/* Both keys of a ring, as those to trust. */
static inline void trust(const struct crypto_keyring *ring, struct head_key keys[2])
{
    keys[0] = (struct head_key){.key = crypto_keyring_public(ring, CRYPTO_SIGN_ES256), .alg = CRYPTO_ES256};
    keys[1] = (struct head_key){.key = crypto_keyring_public(ring, CRYPTO_SIGN_SM2), .alg = CRYPTO_SM2};
}

static inline void world_open(struct world *w)
{
    struct store_options options = {
        .directory = w->directory, .map_size = (int64_t)1 << 30, .readers = 16, .exclusive = true, .no_sync = true};
    struct err err = {0};
    NEED(store_open(&options, &w->store, &err), err);
    struct ledger_options ledger = {.store = w->store, .journal = w->journal, .queue_max = 256};
    w->ledger = ledger_new(&ledger);
}

static inline void world_close(struct world *w)
{
    ledger_free(&w->ledger);
    store_close(&w->store);
}

static inline int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    snprintf(w->directory, sizeof w->directory, "/tmp/test-head-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    w->arena = arena_new();
    w->journal = journal_lmdb();
    clock_test_set(T0, 1000);
    world_open(w);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    char command[128];
    world_close(w);
    journal_free(&w->journal);
    arena_free(&w->arena);
    snprintf(command, sizeof command, "rm -r %s", w->directory);
    assert_int_equal(system(command), 0);
    free(w);
    clock_test_set(0, 0);
    return 0;
}

/* ---- records ---- */

static inline bool record_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    for (unsigned i = 0; i < *(unsigned *)arg; i++) {
        struct record record;
        record_init(&record, RECORD_ACCESS);
        record.actor = (struct actor){ACTOR_GATEWAY, ""};
        record.object = "segment";
        record.object_digest = "00ff";
        CHECK(ledger_record(tx, &record, err));
    }
    return true;
}

static inline void grow(struct world *w, unsigned n)
{
    struct err err = {0};
    NEED(ledger_run(w->ledger, record_job, &n, &err), err);
}

static inline struct journal_head journal_now(struct world *w)
{
    struct err err = {0};
    struct journal_head head;
    struct store_txn *txn = store_read(w->store, &err);
    assert_non_null(txn);
    NEED(journal_head(w->journal, txn, &head, &err), err);
    store_read_end(&txn);
    return head;
}

#endif
