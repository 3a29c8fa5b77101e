/* What the tests of this folder share: a journal with changes and messages in it, keys, a partner, and a delivery whose
 * steps are taken by hand. */
#ifndef DELIVERY_FIXTURE_H
#define DELIVERY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "delivery/internal.h"

#define T0 INT64_C(1795485600000) /* 2026-11-24T10:00:00+08:00 */
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define GATEWAY "ippledge-sx"

#define NEED(call, err)                                                                                                \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s at %s: %s", #call, err_info((err).code)->code, (err).place, (err).detail);                \
    } while (0)

#define RULES                                                                                                          \
    "versions:\n  - version: \"2026-1\"\n    document_no: no\n    decided_by: office\n"                                \
    "    review: {body: joint, date: 2025-12-01}\n    valid_from: 2025-12-08\n"                                        \
    "    grounds: {serious_dishonesty: remove, abnormal_operation: suspend, deregistered: remove, "                    \
    "abnormal_patents: suspend, false_material: remove, rights_lapsed: suspend, moved_out: remove, own_request: "      \
    "remove}\n"

struct world {
    char directory[64];
    struct arena *arena;
    const struct policy *policy;
    struct catalog *catalog;
    struct crypto_keyring *ring;       /* of the gateway and of the banks: one PKI, the gateway's own keys */
    struct directory *partners;
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;
    struct net *net;
    struct host *host;
    struct delivery *delivery;
    int64_t now;
};
static struct world w;

static inline const char *in_dir(const char *name)
{
    return arena_printf(w.arena, "%s/%s", w.directory, name);
}

static inline void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_dir(name), "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static inline void set_time(int64_t ms)
{
    w.now = ms;
    clock_test_set(ms, 1000 + ms - T0);
}

/* ---- the world ---------------------------------------------------------------------------------------------------- */

static inline void load_policy(void)
{
    const struct yaml_node *root;
    struct err err = {0};
    NEED(yaml_parse(w.arena, "rules.yaml", BYTES_LIT(RULES), &root, &err), err);
    NEED(policy_load(w.arena, root, POLICY_ADMISSION_AUTOMATIC, &w.policy, &err), err);
}

static inline struct directory *read_directory(const char *partners)
{
    struct err items[8] = {{0}};
    struct config_faults faults = {.items = items, .max = 8};
    struct directory *directory = NULL;
    write_file("partners.yaml", partners);
    write_file("operators.yaml", "operators: []\n");
    write_file("sources.yaml", "sources: []\n");
    const struct directory_files files = {in_dir("partners.yaml"), in_dir("operators.yaml"), in_dir("sources.yaml")};
    if (!directory_load(&files, 1, &directory, &faults))
        fail_msg("%s: %s", items[0].place, items[0].detail);
    return directory;
}

/* bank-a signs as the gateway does, so that one keyring writes for both. */
#define BANK(id, key, more)                                                                                            \
    "  - id: " id "\n    name: N\n    roles: [bank]\n    tls_keys: [" key "]\n"                                        \
    "    signing: {alg: ES256, certificates: [pki/gateway-sign.pem]}\n" more
#define KEY_A "6b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918"
#define KEY_B "7b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918"
#define KEY_C "8b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918"
#define PARTNERS                                                                                                       \
    "partners:\n" BANK("bank-a", KEY_A, "") BANK("bank-x", KEY_B, "    channel: {adapter: sender, form: xml}\n")       \
    "  - {id: registry-ty, name: R, roles: [registry], tls_keys: [" KEY_C "]}\n"

static inline void open_host(void)
{
    const struct net_options net = {.threads = 1, .workers = 1, .connections = 16, .header_ms = 5000, .body_ms = 5000,
                                    .idle_ms = 5000, .write_ms = 5000, .stop_ms = 1000};
    w.net = net_new(&net);
    const struct host_options host = {
        .net = w.net, .adapters_dir = BINARY_DIR "/test-adapters", .step_limit_ms = 5000};
    w.host = host_new(&host);
}

static inline void open_data(void)
{
    struct err err = {0};
    open_host();
    const struct store_options store = {
        .directory = in_dir("store"), .map_size = (int64_t)1 << 30, .readers = 16, .exclusive = true, .no_sync = true};
    NEED(store_open(&store, &w.store, &err), err);
    const struct ledger_options ledger = {
        .store = w.store, .journal = w.journal, .policy = w.policy, .queue_max = 4096};
    w.ledger = ledger_new(&ledger);
    const struct delivery_options delivery = {
        .store = w.store, .journal = w.journal, .ledger = w.ledger, .host = w.host, .gateway = GATEWAY};
    w.delivery = delivery_new(&delivery);
    NEED(ledger_start(w.ledger, &err), err);
}

static inline void set_force(const char *partners)
{
    struct err items[8] = {{0}};
    struct config_faults faults = {.items = items, .max = 8};
    struct directory *directory = read_directory(partners);
    const struct delivery_force force = {w.catalog, w.policy, directory, w.ring};
    if (!delivery_set(w.delivery, &force, &faults))
        fail_msg("%s: %s", items[0].place, items[0].detail);
    directory_free(&w.partners);
    w.partners = directory;
}

static inline void begin_world(void)
{
    struct err err = {0};
    w = (struct world){.arena = arena_new(), .journal = journal_lmdb()};
    log_set_level(LOG_ERROR + 1);
    snprintf(w.directory, sizeof w.directory, "/tmp/test-delivery-XXXXXX");
    assert_non_null(mkdtemp(w.directory));
    if (system(arena_printf(w.arena, "sh %s/certs/make-dev-pki.sh %s/pki >/dev/null", SOURCE_DIR, w.directory)) != 0)
        fail_msg("no PKI");
    load_policy();
    NEED(catalog_load(SOURCE_DIR "/schemas", &w.catalog, &err), err);
    w.ring = crypto_keyring_new();
    NEED(crypto_keyring_load(w.ring, CRYPTO_SIGN_ES256, in_dir("pki/gateway-sign.pem"), in_dir("pki/gateway-sign.key"),
                             NULL, &err),
         err);
}

static inline void end_world(void)
{
    catalog_free(&w.catalog);
    crypto_keyring_free(&w.ring);
    journal_free(&w.journal);
    if (system(arena_printf(w.arena, "rm -rf %s", w.directory)) != 0)
        fail_msg("%s stays", w.directory);
    arena_free(&w.arena);
}

static inline void close_data(void)
{
    delivery_stop(w.delivery);
    host_free(&w.host);
    net_stop(w.net);
    net_free(&w.net);
    ledger_stop(w.ledger);
    delivery_free(&w.delivery);
    ledger_free(&w.ledger);
    store_close(&w.store);
    directory_free(&w.partners);
    clock_test_set(0, 0);
    if (system(arena_printf(w.arena, "rm -rf %s/store", w.directory)) != 0)
        fail_msg("the store stays");
}

/* ---- what is in the journal ---------------------------------------------------------------------------------------- */

static inline const char *code(unsigned i)
{
    static _Thread_local char text[8][USCC_SIZE];
    static _Thread_local unsigned next;
    char *out = text[next++ % 8];
    snprintf(out, USCC_SIZE, "911401%012u", i);
    return out;
}

struct rows {
    unsigned first, n;
    bool withdrawn;
    bool begins, ends, snapshot;       /* a run's first chunk, its end */
    uint64_t hold;                     /* first of the run; out */
    uint64_t last;                     /* out */
};

static inline bool decide_rows(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct rows *rows = arg;
    struct ledger_outcome outcome = {0};
    if (rows->begins)
        rows->hold = ledger_next_sequence(tx);
    for (unsigned i = rows->first; i < rows->first + rows->n; i++) {
        struct fact fact = {.kind = FACT_ROW, .actor = {ACTOR_SOURCE, "bureau-sx"}, .origin = "run-1", .approval_id = "",
                            .uscc = code(i), .list_version = "1", .document_no = "", .effective = DATE_NONE,
                            .until = DATE_NONE, .note = ""};
        fact.row = (struct cert_row){"firm", "140105", "", "", "", "", "", "d", "", DATE_NONE, DATE_NONE,
                                     rows->withdrawn, false};
        CHECK(ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err));
    }
    rows->last = outcome.seq;
    if (rows->begins)
        ledger_hold(tx, rows->hold);
    if (rows->ends)
        ledger_hold_end(tx, rows->hold, ledger_next_sequence(tx) - 1, rows->snapshot);
    return true;
}

/* The sequence of the last. */
static inline uint64_t write_rows(struct rows *rows)
{
    struct err err = {0};
    NEED(ledger_run(w.ledger, decide_rows, rows, &err), err);
    return rows->last;
}

static inline uint64_t list_firms(unsigned first, unsigned n)
{
    struct rows rows = {.first = first, .n = n};
    return write_rows(&rows);
}

struct mail {
    struct record record;
    struct bytes raw;
};

static inline bool decide_mail(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct mail *mail = arg;
    struct record record = mail->record;
    bool ok = ledger_message(tx, &record, mail->raw, err);
    mail->record.seq = record.seq;
    return ok;
}

/* A message of this sender that is passed on to `to`, or (later) its receipt. */
static inline uint64_t write_mail(enum record_kind kind, const char *sender, const char *id, const char *to,
                                  const char *raw)
{
    struct mail mail = {.raw = bytes_str(raw)};
    struct err err = {0};
    record_init(&mail.record, kind);
    mail.record.actor = (struct actor){ACTOR_PARTNER, sender};
    mail.record.message.id = id;
    mail.record.message.sender = sender;
    mail.record.message.kind = "guidance.request";
    mail.record.message.form = "json";
    mail.record.message.bytes = (int64_t)mail.raw.n;
    mail.record.result = "accepted";
    mail.record.to = to;
    NEED(ledger_run(w.ledger, decide_mail, &mail, &err), err);
    return mail.record.seq;
}

/* As at the start, but without the engine: steps are taken by hand. */
static inline void see_partners(void)
{
    struct err err = {0};
    NEED(ledger_run(w.ledger, cut_begin_job, NULL, &err), err);
    w.delivery->started = w.delivery->ended = true;
    set_force(PARTNERS);
}

/* ---- steps by hand --------------------------------------------------------------------------------------------------- */

static inline void cut_all(void)
{
    struct err err = {0};
    for (;;) {
        struct store_txn *txn = store_read(w.store, &err);
        bool due = cut_due(txn);
        store_read_end(&txn);
        if (!due)
            return;
        NEED(ledger_run(w.ledger, cut_job, NULL, &err), err);
    }
}

static inline struct post post_of(const char *partner)
{
    struct post post;
    struct err err = {0};
    NEED(queue_post(w.delivery, partner, &post, &err), err);
    return post;
}

/* Every letter of a partner behind a number, as "wc-1-2 r-5 " … */
static inline const char *letters(const char *partner, uint64_t after)
{
    struct err err = {0};
    struct post post = post_of(partner);
    struct store_txn *txn = store_read(w.store, &err);
    struct letter letter = {.n = after};
    struct view view;
    const char *all = "";
    char id[PARCEL_ID_SIZE];
    view_init(&view, txn, w.journal);
    for (;;) {
        NEED(order_next(&view, partner, &post, letter.n, &letter, &err), err);
        if (letter.n == 0)
            break;
        letter_id(&letter, id);
        all = arena_printf(w.arena, "%s%s ", all, id);
    }
    store_read_end(&txn);
    return all;
}

static inline struct letter first_letter(const char *partner)
{
    struct err err = {0};
    struct post post = post_of(partner);
    struct store_txn *txn = store_read(w.store, &err);
    struct letter letter;
    struct view view;
    view_init(&view, txn, w.journal);
    NEED(order_next(&view, partner, &post, (uint64_t)post.cursor, &letter, &err), err);
    store_read_end(&txn);
    return letter;
}

/* ---- for cmocka: close_data behind the group, the world around each test --------------------------------------------- */

static inline int stop(void **state)
{
    (void)state;
    close_data();
    return 0;
}

static inline int make(void **state)
{
    (void)state;
    begin_world();
    return 0;
}

static inline int unmake(void **state)
{
    (void)state;
    end_world();
    return 0;
}

#endif
