/* What the tests of this folder share: a data directory, keys of every algorithm, two rules versions, three sources,
 * and a ledger through which contacts and firms are written. */
#ifndef STATEMENT_FIXTURE_H
#define STATEMENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jws/jws.h"
#include "statement/statement.h"
#include "json/json.h"

#define T0 INT64_C(1795485600000) /* 2026-11-24T10:00:00+08:00 */
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define USCC "91140100MA0KXXXX1A"
#define ISSUER "山西省知识产权局"
#define ISSUER_USCC "11140000MB1234567X"

struct world {
    char directory[64];
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;
    struct crypto_keyring *ring;
    struct arena *arena;
    struct statement_context context;
    struct directory *sources;
    struct statements *statements;
};

#define NEED(call, err)                                                                                                \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s at %s: %s", #call, err_info((err).code)->code, (err).place, (err).detail);                \
    } while (0)

__attribute__((format(printf, 2, 3))) static void shell(struct world *w, const char *format, ...)
{
    char command[2048];
    int n = snprintf(command, sizeof(command), "cd %s && (", w->directory);
    va_list args;
    va_start(args, format);
    n += vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
    va_end(args);
    snprintf(command + n, sizeof(command) - (size_t)n, ") 2>>log");
    if (system(command) != 0)
        fail_msg("%s", command);
}

static inline const char *in_dir(struct world *w, const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", w->directory, name);
    return path;
}

static inline void write_text(struct world *w, const char *name, const char *text, size_t n)
{
    FILE *file = fopen(in_dir(w, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    fclose(file);
}

static inline void load_keys(struct world *w)
{
    static const char *const names[] = {
        [CRYPTO_SIGN_ES256] = "ES256", [CRYPTO_SIGN_SM2] = "SM2", [CRYPTO_SIGN_RSA] = "RSA"};
    struct err err = {0};
    shell(w, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ES256.key && openssl genpkey "
             "-algorithm SM2 -out SM2.key && "
             "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out RSA.key && openssl pkey -in ES256.key "
             "-pubout -out ES256.pub");
    w->ring = crypto_keyring_new();
    for (int purpose = 0; purpose < CRYPTO_PURPOSE_COUNT; purpose++) {
        char name[16];
        char pem[8192];
        snprintf(name, sizeof(name), "%s.key", names[purpose]);
        FILE *file = fopen(in_dir(w, name), "rb");
        assert_non_null(file);
        size_t n = fread(pem, 1, sizeof(pem), file);
        fclose(file);
        NEED(crypto_keyring_load_key(w->ring, (enum crypto_purpose)purpose, bytes_of(pem, n), NULL, &err), err);
    }
}

#define GROUNDS                                                                                                        \
    "    grounds: {serious_dishonesty: remove, abnormal_operation: suspend, deregistered: remove, "                    \
    "abnormal_patents: suspend, false_material: remove, rights_lapsed: suspend, moved_out: remove, own_request: "      \
    "remove}\n"
#define VERSION(name, from)                                                                                            \
    "  - version: " name                                                                                               \
    "\n    document_no: no\n    decided_by: office\n    review: {body: joint, date: 2025-12-01}\n"                     \
    "    valid_from: " from "\n"
static const char rules_text[] = "versions:\n" VERSION("\"2026-1\"", "2025-12-08")
    GROUNDS VERSION("\"2027-1\"", "2027-01-01") "    disclose_grounds: none\n" GROUNDS;
static const char sources_text[] =
    "sources:\n"
    "  - {id: batch-sx, name: batches, adapter: bureau, scope: batch, period: 1d}\n"
    "  - {id: bureau-sx, name: province, adapter: bureau, scope: full, period: 6h}\n"
    "  - {id: bureau-ty, name: city, adapter: bureau, scope: delta, period: 1h, full_every: 7d}\n";

static inline void load_files(struct world *w, uint64_t generation)
{
    struct config_faults faults = {0};
    struct err items[8] = {{0}};
    const struct yaml_node *root;
    struct err err = {0};
    faults.items = items;
    faults.max = 8;
    write_text(w, "rules.yaml", rules_text, sizeof(rules_text) - 1);
    write_text(w, "sources.yaml", sources_text, sizeof(sources_text) - 1);
    write_text(w, "partners.yaml", "partners: []\n", 13);
    write_text(w, "operators.yaml", "operators: []\n", 14);
    NEED(yaml_load(w->arena, in_dir(w, "rules.yaml"), &root, NULL, &err), err);
    NEED(policy_load(w->arena, root, POLICY_ADMISSION_AUTOMATIC, &w->context.policy, &err), err);
    char paths[3][128];
    snprintf(paths[0], 128, "%s", in_dir(w, "partners.yaml"));
    snprintf(paths[1], 128, "%s", in_dir(w, "operators.yaml"));
    snprintf(paths[2], 128, "%s", in_dir(w, "sources.yaml"));
    struct directory_files files = {paths[0], paths[1], paths[2]};
    NEED(directory_load(&files, generation, &w->sources, &faults), items[0]);
    w->context.directory = w->sources;
    w->context.ring = w->ring;
    w->context.generation = generation;
    static struct catalog *catalog; /* of all tests: reading it takes longer than any of them */
    if (!catalog)
        NEED(catalog_load(SOURCE_DIR "/schemas", &catalog, &err), err);
    w->context.catalog = catalog;
}

static inline void new_statements(struct world *w, size_t cache_max)
{
    struct statements_options options = {.journal = w->journal,
                                         .issuer_name = ISSUER,
                                         .issuer_uscc = ISSUER_USCC,
                                         .validity_ms = DAY,
                                         .stale_after_ms = 7 * DAY,
                                         .refuse_after_ms = 30 * DAY,
                                         .cache_max = cache_max};
    w->statements = statements_new(&options);
}

static inline int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct err err = {0};
    snprintf(w->directory, sizeof(w->directory), "/tmp/test-statement-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    clock_test_set(T0, 1000);
    char path[128];
    snprintf(path, sizeof(path), "%s/store", w->directory);
    struct store_options options = {.directory = path, .map_size = INT64_C(1) << 30, .readers = 32, .exclusive = true};
    NEED(store_open(&options, &w->store, &err), err);
    w->journal = journal_lmdb();
    w->arena = arena_new();
    load_keys(w);
    load_files(w, 1);
    struct ledger_options ledger = {
        .store = w->store, .journal = w->journal, .policy = w->context.policy, .queue_max = 64};
    w->ledger = ledger_new(&ledger);
    NEED(ledger_start(w->ledger, &err), err);
    new_statements(w, 1024);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    char command[96];
    snprintf(command, sizeof(command), "rm -rf %s", w->directory);
    statements_free(&w->statements);
    ledger_stop(w->ledger);
    ledger_free(&w->ledger);
    crypto_keyring_free(&w->ring);
    directory_free(&w->sources);
    journal_free(&w->journal);
    store_close(&w->store);
    arena_free(&w->arena);
    free(w);
    clock_test_set(0, 0);
    return system(command);
}

/* ---- writing through the ledger ---- */

struct contact {
    const char *source, *version;
    int64_t at;
    bool full;
};

static inline bool contact_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct contact *contact = arg;
    struct record record;
    record_init(&record, RECORD_RUN);
    record.actor = (struct actor){ACTOR_TIMER, ""};
    record.origin = "run-1";
    record.source = contact->source;
    record.list_version = contact->version;
    record.run_state = "done";
    record.started_ms = contact->at - SECOND;
    record.completed_ms = contact->at;
    record.full = contact->full;
    return ledger_record(tx, &record, err);
}

static inline void contact(struct world *w, const char *source, const char *version, int64_t at)
{
    struct contact arg = {source, version, at, true};
    struct err err = {0};
    NEED(ledger_run(w->ledger, contact_job, &arg, &err), err);
}

static inline bool firm_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct firm *firm = arg;
    struct store_key key = key_text(firm->uscc);
    struct buf value;
    (void)err;
    buf_init(&value, 1 << 16);
    firm_encode(firm, &value);
    assert_false(value.overflow);
    store_put(ledger_txn(tx), TABLE_FIRM, &key, buf_bytes(&value));
    buf_free(&value);
    return true;
}

/* As if the ledger had decided so. */
static inline void put_firm(struct world *w, const struct firm *firm)
{
    struct err err = {0};
    NEED(ledger_run(w->ledger, firm_job, (void *)(uintptr_t)firm, &err), err);
}

static inline date_day day(const char *text)
{
    date_day out;
    assert_true(date_parse(bytes_str(text), &out));
    return out;
}

/* A firm certified by bureau-sx and listed, open-ended. */
static inline struct firm listed_firm(const char *uscc, uint64_t sequence)
{
    struct firm firm;
    firm_init(&firm, uscc);
    firm.name = "山西杏花村汾酒厂股份有限公司";
    firm.certification.state = CERT_IN_FORCE;
    firm.certification.source = "bureau-sx";
    firm.certification.level = "省级";
    firm.certification.batch = "2026-1";
    firm.certification.document_no = "晋民营发〔2026〕1号";
    firm.certification.valid_from = day("2026-03-01");
    firm.listing.status = LISTING_LISTED;
    firm.listing.lane = LANE_PRIORITY;
    firm.listing.reasons[0] = REASON_CERTIFIED;
    firm.listing.reason_n = 1;
    firm.listing.since = firm.listing.listed_since = day("2026-03-01");
    firm.listing.sequence = firm.last_sequence = sequence;
    return firm;
}

/* ---- asking ---- */

static inline bool try_ask(struct world *w, const char *uscc, enum policy_view view, enum crypto_alg alg,
                           enum statement_form form, const struct statement **out, bool *signed_out, struct err *err)
{
    struct store_txn *txn = store_read(w->store, err);
    assert_non_null(txn);
    bool ok =
        statement_get(w->statements, &w->context, txn, uscc, view, alg, form, clock_wall_ms(), out, signed_out, err);
    store_read_end(&txn);
    return ok;
}

static inline const struct statement *ask(struct world *w, const char *uscc)
{
    const struct statement *out;
    struct err err = {0};
    NEED(try_ask(w, uscc, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JSON, &out, NULL, &err), err);
    return out;
}

static inline struct json_doc *parse(struct bytes body)
{
    struct json_doc *doc;
    struct err err = {0};
    NEED(json_parse(body, &doc, &err), err);
    return doc;
}

static inline const char *text_of(const struct json_doc *doc, const char *outer, const char *name)
{
    const json_value *value = json_root(doc);
    if (outer != NULL)
        value = json_member(value, outer);
    return json_string(json_member(value, name));
}

#endif
