/* What a proof costs in a long journal: CPU microseconds from the question to the JSON of the answer, without HTTP.
 *
 *     bench_prove DIRECTORY RECORDS [COUNT]
 *
 * Makes DIRECTORY with leaves and tree of RECORDS records (their text is not needed), proves COUNT (20000) of them at
 * random, and as many pairs of sizes, and prints one JSON object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "head/head.h"

#define CHUNK 100000

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static _Noreturn void die(const struct err *err)
{
    char text[1024];
    fprintf(stderr, "%s\n", err_text(err, false, text, sizeof(text)));
    exit(1);
}

/* ---- a long journal ---------------------------------------------------------------------------------------- */

static bool keep_node(void *arg, unsigned level, uint64_t index, const struct merkle_hash *hash, struct err *err)
{
    struct store_key key = key_seq(merkle_position(level, index));

    (void)err;
    store_append(arg, TABLE_NODE, &key, bytes_of(hash->b, MERKLE_HASH));
    return true;
}

static bool grow(struct store *store, struct merkle_frontier *frontier, uint64_t until, struct err *err)
{
    struct store_txn *txn = store_write(store, err);

    if (txn == NULL)
        return false;
    while (frontier->size < until) {
        uint64_t seq = frontier->size + 1;
        uint8_t leaf[RECORD_LEAF_MAX], commitment[32] = {0};
        struct store_key key = key_seq(seq);
        struct merkle_hash hash;

        put_be64(commitment, seq * UINT64_C(0x9e3779b97f4a7c15));
        size_t n = record_leaf(seq, (int64_t)seq, "certification", commitment, leaf);
        store_append(txn, TABLE_LEAF, &key, bytes_of(leaf, n));
        merkle_leaf_hash(bytes_of(leaf, n), &hash);
        CHECK(merkle_append(frontier, &hash, keep_node, txn, err));
    }
    return store_commit(&txn, err);
}

static struct store *make(const char *directory, uint64_t records)
{
    const struct store_options options = {
        .directory = directory, .map_size = (int64_t)1 << 40, .readers = 8, .no_sync = true};
    struct merkle_frontier frontier = {0};
    struct store *store;
    struct err err = {0};

    if (!store_open(&options, &store, &err))
        die(&err);
    while (frontier.size < records)
        if (!grow(store, &frontier, frontier.size + CHUNK < records ? frontier.size + CHUNK : records, &err))
            die(&err);
    return store;
}

/* ---- measuring ----------------------------------------------------------------------------------------------- */

static uint64_t below(uint64_t n)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 16) % n;
}

static bool one(struct store *store, struct journal *journal, uint64_t records, bool growth, struct buf *out,
                struct head_proof *proof, struct err *err)
{
    struct store_txn *txn = store_read(store, err);
    struct json_out json;

    if (txn == NULL)
        return false;
    const struct journal_nodes nodes = {journal, txn};
    uint64_t a = 1 + below(records), size = records - below(records / 8);
    bool ok = growth ? head_prove_growth(&nodes, a < size ? a : size, size, proof, err)
                     : head_prove(&nodes, a < size ? a : size, size, proof, err);
    store_read_end(&txn);
    CHECK(ok);
    buf_reset(out);
    json_out_init(&json, out);
    json_begin_object(&json);
    head_proof_write(&json, proof);
    json_end_object(&json);
    return !out->overflow;
}

static double measure(struct store *store, struct journal *journal, uint64_t records, long count, bool growth,
                      double *hashes_out)
{
    struct head_proof *proof = xcalloc(1, sizeof(*proof));
    struct buf out;
    struct err err = {0};
    double begun = 0;

    buf_init(&out, 64u << 10);
    *hashes_out = 0;
    /* the first tenth only makes the pages known to this process */
    for (long i = -count / 10; i < count; i++) {
        if (i == 0)
            begun = cpu_us();
        if (!one(store, journal, records, growth, &out, proof, &err))
            die(&err);
        *hashes_out += i < 0 ? 0 : (double)proof->path.n / (double)count;
    }
    double spent = cpu_us() - begun;
    buf_free(&out);
    free(proof);
    return spent / (double)count;
}

int main(int argc, char **argv)
{
    uint64_t records = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    long count = argc > 3 ? atol(argv[3]) : 20000;
    double hashes, growth_hashes;

    if (records < 8 || count < 10) {
        fprintf(stderr, "usage: bench_prove DIRECTORY RECORDS [COUNT]\n");
        return 2;
    }
    double begun = cpu_us();
    struct store *store = make(argv[1], records);
    double made = cpu_us() - begun;
    struct journal *journal = journal_lmdb();
    double proof = measure(store, journal, records, count, false, &hashes);
    double growth = measure(store, journal, records, count, true, &growth_hashes);
    printf("{\"records\":%llu,\"append_us\":%.3f,\"proof_us\":%.3f,\"hashes\":%.1f,\"growth_us\":%.3f,\"growth_"
           "hashes\":%.1f}\n",
           (unsigned long long)records, made / (double)records, proof, hashes, growth, growth_hashes);
    journal_free(&journal);
    store_close(&store);
    return 0;
}
