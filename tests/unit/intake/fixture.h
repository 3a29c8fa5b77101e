/* What the tests of this folder share: a gateway's store, ledger, workers and catalogue without its network, partners
 * with keys, and messages written, signed and sent in a line. */
#ifndef INTAKE_FIXTURE_H
#define INTAKE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "intake/internal.h"
#include "json/json.h"

#define T0 INT64_C(1795485600000) /* 2026-11-24T10:00:00+08:00 */
#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define GATEWAY "ippledge-sx"

#define NEED(call, err)                                                                                                \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s at %s: %s", #call, err_info((err).code)->code, (err).place, (err).detail);                \
    } while (0)

/* Test keys known to everyone: RFC 6979 A.2.5, and one made for these tests. */
#define KEY_PEM                                                                                                        \
    "-----BEGIN PRIVATE KEY-----\n"                                                                                    \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"                                               \
    "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth\n"                                               \
    "+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ\n"                                                       \
    "-----END PRIVATE KEY-----\n"

struct world {
    const char *lister; /* whom list_firms has them certified by */
    char directory[64];
    struct arena *arena;
    struct crypto_keyring *ring; /* of the partners and of the gateway: one key for all */
    struct catalog *catalog;
    struct directory *partners;
    struct store_options store_options;
    const struct policy *policy;
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;
    struct net *net;
    struct intake *intake;
    struct partner bureau, other, platform, bank;

    pthread_mutex_t lock;
    pthread_cond_t committed;
    uint64_t commits;
    struct json_doc *docs[256]; /* receipts parsed, freed at the end */
    size_t doc_n;
};

__attribute__((format(printf, 2, 3))) static inline void shell(struct world *w, const char *format, ...)
{
    char command[1024];
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
    return arena_printf(w->arena, "%s/%s", w->directory, name);
}

static inline void write_file(struct world *w, const char *name, const char *text)
{
    FILE *file = fopen(in_dir(w, name), "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* ---- the world -----------------------------------------------------------------------------------------------------
 */

#define RULES                                                                                                          \
    "versions:\n  - version: \"2026-1\"\n    document_no: no\n    decided_by: office\n"                                \
    "    review: {body: joint, date: 2025-12-01}\n    valid_from: 2025-12-08\n"                                        \
    "    grounds: {serious_dishonesty: remove, abnormal_operation: suspend, deregistered: remove, "                    \
    "abnormal_patents: suspend, false_material: remove, rights_lapsed: suspend, moved_out: remove, own_request: "      \
    "remove}\n"

static inline const struct policy *load_policy(struct world *w, enum policy_admission admission)
{
    const struct yaml_node *root;
    const struct policy *policy;
    struct err err = {0};
    NEED(yaml_parse(w->arena, "rules.yaml", BYTES_LIT(RULES), &root, &err), err);
    NEED(policy_load(w->arena, root, admission, &policy, &err), err);
    return policy;
}

/* bureau-2 and onestop-sx are not in the file: partners that have left it since. */
static inline void load_directory(struct world *w)
{
    struct err items[8] = {{0}};
    struct config_faults faults = {.items = items, .max = 8};
    const struct directory_files files = {in_dir(w, "partners.yaml"), in_dir(w, "operators.yaml"),
                                          in_dir(w, "sources.yaml")};
    write_file(w, "partners.yaml",
               "partners:\n  - {id: bureau-1, name: b, roles: [bureau], kinds: [certification.batch], tls_keys: "
               "[6b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918]}\n");
    write_file(w, "operators.yaml", "operators: []\n");
    write_file(w, "sources.yaml", "sources: []\n");
    NEED(directory_load(&files, 1, &w->partners, &faults), items[0]);
}

static inline void partner_init(struct world *w, struct partner *partner, const char *id, unsigned roles, uint32_t slot)
{
    static const char *const kinds[] = {
        "certification.batch", "exclusion.notice", "echo", "receipt", "reconciliation", NULL};
    *partner = (struct partner){
        .id = id, .name = id, .roles = roles, .kinds = kinds, .answer_alg = CRYPTO_ES256, .slot = slot};
    partner->signing = (struct jws_expect){
        .alg = CRYPTO_ES256, .keys = {crypto_keyring_public(w->ring, CRYPTO_SIGN_ES256)}, .key_n = 1};
}

static inline void on_commit(void *arg, const struct ledger_news *news)
{
    struct world *w = arg;
    (void)news;
    pthread_mutex_lock(&w->lock);
    w->commits++;
    pthread_cond_broadcast(&w->committed);
    pthread_mutex_unlock(&w->lock);
}

/* Without intake, as a gateway that died before it could carry on. */
static inline void world_open_store(struct world *w)
{
    struct err err = {0};
    NEED(store_open(&w->store_options, &w->store, &err), err);
    const struct ledger_options options = {
        .store = w->store, .journal = w->journal, .policy = w->policy, .queue_max = 4096};
    w->ledger = ledger_new(&options);
    ledger_on_commit(w->ledger, on_commit, w);
}

static inline void world_open(struct world *w)
{
    struct err err = {0};
    const struct net_options net = {.threads = 1, .workers = 2, .connections = 4, .stop_ms = 1000};
    world_open_store(w);
    w->net = net_new(&net);
    const struct intake_options options = {.ledger = w->ledger,
                                           .store = w->store,
                                           .journal = w->journal,
                                           .net = w->net,
                                           .gateway = GATEWAY,
                                           .objection_days = 15};
    w->intake = intake_new(&options);
    intake_set(w->intake, w->catalog, w->partners);
    NEED(net_start(w->net, &err), err);
}

static inline void world_start(struct world *w)
{
    struct err err = {0};
    NEED(ledger_start(w->ledger, &err), err);
    if (w->intake != NULL)
        NEED(intake_recover(w->intake, &err), err);
}

/* In the order of the daemon. */
static inline void world_close(struct world *w)
{
    if (w->net != NULL)
        net_stop(w->net);
    ledger_stop(w->ledger);
    net_free(&w->net);
    intake_free(&w->intake);
    ledger_free(&w->ledger);
    store_close(&w->store);
}

static inline struct world *world_new(void)
{
    struct world *w = xcalloc(1, sizeof(*w));
    struct err err = {0};
    log_set_level(LOG_ERROR + 1);
    snprintf(w->directory, sizeof(w->directory), "/tmp/test-intake-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->committed, NULL);
    w->arena = arena_new();
    w->ring = crypto_keyring_new();
    NEED(crypto_keyring_load_key(w->ring, CRYPTO_SIGN_ES256, BYTES_LIT(KEY_PEM), NULL, &err), err);
    NEED(catalog_load(SOURCE_DIR "/schemas", &w->catalog, &err), err);
    load_directory(w);
    w->lister = "bureau-1";
    partner_init(w, &w->bureau, "bureau-1", ROLE_BUREAU, 0);
    partner_init(w, &w->other, "bureau-2", ROLE_BUREAU, 1);
    partner_init(w, &w->platform, "onestop-sx", ROLE_PLATFORM, 2);
    partner_init(w, &w->bank, "bank-a", ROLE_BANK, 3);
    w->policy = load_policy(w, POLICY_ADMISSION_AUTOMATIC);
    w->journal = journal_lmdb();
    w->store_options = (struct store_options){.directory = in_dir(w, "store"),
                                              .map_size = (int64_t)1 << 32,
                                              .readers = 32,
                                              .exclusive = true,
                                              .no_sync = true};
    clock_test_set(T0, 1000);
    world_open(w);
    return w;
}

static inline void world_free(struct world *w)
{
    world_close(w);
    while (w->doc_n > 0)
        json_free(&w->docs[--w->doc_n]);
    journal_free(&w->journal);
    directory_free(&w->partners);
    catalog_free(&w->catalog);
    crypto_keyring_free(&w->ring);
    shell(w, "rm -r %s", w->directory);
    arena_free(&w->arena);
    pthread_cond_destroy(&w->committed);
    pthread_mutex_destroy(&w->lock);
    free(w);
    clock_test_set(0, 0);
}

static inline int setup(void **state)
{
    struct world *w = world_new();
    world_start(w);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* ---- codes ---------------------------------------------------------------------------------------------------------
 */

/* The check character of an organisation code (GB 11714) of eight digits. */
static inline char organisation_check(const char *eight)
{
    static const int weights[] = {3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (int i = 0; i < 8; i++)
        sum += (eight[i] - '0') * weights[i];
    int check = 11 - sum % 11;
    return check == 10 ? 'X' : check == 11 ? '0' : (char)('0' + check);
}

/* Of a whole code (GB 32100) of digits, and the X of an organisation code. */
static inline char code_check(const char *seventeen)
{
    static const char letters[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    int sum = 0, weight = 1;
    for (int i = 0; i < 17; i++, weight = weight * 3 % 31)
        sum += (int)(strchr(letters, seventeen[i]) - letters) * weight;
    return letters[(31 - sum % 31) % 31];
}

static inline const char *code_of(struct world *w, unsigned i, bool doubtful)
{
    char eight[9], text[19];
    snprintf(eight, sizeof(eight), "%08u", i);
    char check = organisation_check(eight);
    if (doubtful)
        check = check == '1' ? '2' : '1';
    snprintf(text, sizeof(text), "91140100%s%c", eight, check);
    text[17] = code_check(text);
    text[18] = '\0';
    return arena_strdup(w->arena, text);
}

/* The i-th firm of Taiyuan. */
static inline const char *code(struct world *w, unsigned i)
{
    return code_of(w, i, false);
}

/* ---- a message -----------------------------------------------------------------------------------------------------
 */

struct say {
    const struct partner *from; /* NULL: the bureau */
    enum intake_form form;
    const char *id, *kind, *body;
    const char *sender, *receiver; /* NULL: as they should be */
    int version;                   /* 0: 1 */
    int64_t created_ms, now_ms;    /* 0: T0 */
};

static inline const char *envelope_and_body(struct world *w, const struct say *say)
{
    char created[TIME_TEXT_SIZE];
    const struct partner *from = say->from != NULL ? say->from : &w->bureau;
    return arena_printf(
        w->arena,
        "{\"envelope\":{\"id\":\"%s\",\"kind\":\"%s\",\"version\":%d,\"sender\":\"%s\",\"receiver\":\"%s\","
        "\"created\":\"%s\"},\"body\":%s}",
        say->id, say->kind, say->version == 0 ? 1 : say->version, say->sender != NULL ? say->sender : from->id,
        say->receiver != NULL ? say->receiver : GATEWAY,
        time_format(say->created_ms != 0 ? say->created_ms : T0, created), say->body);
}

static inline struct bytes kept(struct world *w, struct buf *buf)
{
    struct bytes bytes = bytes_dup(w->arena, buf_bytes(buf));
    assert_false(buf->overflow);
    buf_free(buf);
    return bytes;
}

static inline struct bytes signature_of(struct world *w, struct bytes body)
{
    struct err err = {0};
    struct buf out;
    buf_init(&out, 4096);
    NEED(jws_sign_detached(w->ring, CRYPTO_ES256, NULL, T0, body, &out, &err), err);
    return kept(w, &out);
}

/* The three parts of a compact JWS over the text. */
static inline char **compact_parts(struct world *w, const char *text)
{
    struct err err = {0};
    struct buf out;
    buf_init(&out, JWS_COMPACT_MAX);
    NEED(jws_sign_compact(w->ring, CRYPTO_ES256, NULL, T0, bytes_str(text), &out, &err), err);
    char *all = (char *)kept(w, &out).p, **parts = arena_alloc(w->arena, 3 * sizeof(*parts));
    parts[0] = all;
    parts[1] = strchr(parts[0], '.') + 1;
    parts[2] = strchr(parts[1], '.') + 1;
    parts[1][-1] = parts[2][-1] = '\0';
    return parts;
}

static inline struct bytes as_jose(struct world *w, const char *text)
{
    char **parts = compact_parts(w, text);
    return bytes_str(arena_printf(w->arena, "{\"payload\":\"%s\",\"protected\":\"%s\",\"signature\":\"%s\"}", parts[1],
                                  parts[0], parts[2]));
}

static inline struct bytes as_xml(struct world *w, const char *text)
{
    const struct message_profile profile = {0};
    struct err err = {0};
    struct buf plain, out;
    buf_init(&plain, MESSAGE_MAX);
    buf_init(&out, MESSAGE_MAX);
    NEED(message_write(w->catalog, bytes_str(text), MESSAGE_XML, &plain, &err), err);
    NEED(message_sign_xml(buf_bytes(&plain), w->ring, CRYPTO_ES256, &profile, &out, &err), err);
    buf_free(&plain);
    return kept(w, &out);
}

static inline struct intake_in letter(struct world *w, const struct say *say)
{
    const char *text = envelope_and_body(w, say);
    struct intake_in in = {.sender = say->from != NULL ? say->from : &w->bureau,
                           .form = say->form,
                           .now_ms = say->now_ms != 0 ? say->now_ms : T0,
                           .address = "192.0.2.1",
                           .trace_id = "0af7651916cd43dd8448eb211c80319c"};
    in.body = say->form == INTAKE_XML ? as_xml(w, text) : say->form == INTAKE_JOSE ? as_jose(w, text) : bytes_str(text);
    if (say->form == INTAKE_JSON)
        in.signature = signature_of(w, in.body);
    return in;
}

/* ---- sending -------------------------------------------------------------------------------------------------------
 */

struct outcome {
    bool ended;
    struct err err;
    pthread_mutex_t lock;
    pthread_cond_t done;
};

static inline void outcome_done(void *arg, const struct err *err)
{
    struct outcome *outcome = arg;
    pthread_mutex_lock(&outcome->lock);
    outcome->err = *err;
    outcome->ended = true;
    pthread_cond_signal(&outcome->done);
    pthread_mutex_unlock(&outcome->lock);
}

static inline void outcome_init(struct outcome *outcome)
{
    *outcome = (struct outcome){0};
    pthread_mutex_init(&outcome->lock, NULL);
    pthread_cond_init(&outcome->done, NULL);
}

static inline void outcome_wait(struct outcome *outcome)
{
    pthread_mutex_lock(&outcome->lock);
    while (!outcome->ended)
        pthread_cond_wait(&outcome->done, &outcome->lock);
    pthread_mutex_unlock(&outcome->lock);
    pthread_mutex_destroy(&outcome->lock);
    pthread_cond_destroy(&outcome->done);
}

/* What the sender gets: a refusal with its code, or a receipt. */
struct answer {
    const char *code, *place; /* "" when it was taken */
    bool duplicate, pending;
    struct bytes receipt;
    const json_value *body; /* of the receipt in JSON */
    const char *id;         /* of the receipt */
};

static inline const json_value *parsed(struct world *w, struct bytes json)
{
    struct err err = {0};
    assert_true(w->doc_n < sizeof(w->docs) / sizeof(w->docs[0]));
    NEED(json_parse(json, &w->docs[w->doc_n], &err), err);
    return json_root(w->docs[w->doc_n++]);
}

/* A receipt is itself a message of the catalogue, whatever it says. */
static inline void is_valid(struct world *w, struct bytes json)
{
    struct message *message = NULL;
    struct err err = {0};
    size_t n;
    NEED(message_read_json(json, &message, &err), err);
    if (!message_validate(w->catalog, message, &err, 1, &n))
        fail_msg("receipt: %s at %s: %s", err_info(err.code)->code, err.place, err.detail);
    message_free(&message);
}

static inline void take_receipt(struct world *w, struct intake_case *c, bool json, struct answer *answer)
{
    struct err err = {0};
    struct buf body, signature;
    const struct jws_expect expect = {
        .alg = CRYPTO_ES256, .keys = {crypto_keyring_public(w->ring, CRYPTO_SIGN_ES256)}, .key_n = 1};
    buf_init(&body, MESSAGE_MAX);
    buf_init(&signature, 4096);
    NEED(intake_receipt(c, w->ring, &body, &signature, &err), err);
    answer->duplicate = intake_duplicate(c);
    answer->pending = intake_pending(c);
    if (json)
        NEED(jws_verify_detached(&expect, buf_bytes(&signature), buf_bytes(&body), NULL, &err), err);
    answer->receipt = kept(w, &body);
    buf_free(&signature);
    if (!json)
        return;
    is_valid(w, answer->receipt);
    const json_value *root = parsed(w, answer->receipt);
    answer->body = json_member(root, "body");
    answer->id = json_string(json_member(json_member(root, "envelope"), "id"));
}

static inline struct answer refusal_of(struct world *w, const struct err *err)
{
    return (struct answer){.code = err_info(err->code)->code, .place = arena_strdup(w->arena, err->place)};
}

static inline struct answer deliver(struct world *w, const struct intake_in *in)
{
    struct answer answer = {.code = "", .place = ""};
    struct intake_case *c;
    struct outcome outcome;
    struct err err = {0};
    if (!intake_read(w->intake, in, &c, &err)) {
        answer = refusal_of(w, &err);
        intake_close(&c);
        return answer;
    }
    outcome_init(&outcome);
    NEED(intake_decide(c, outcome_done, &outcome, &err), err);
    outcome_wait(&outcome);
    if (outcome.err.code != ERR_NONE)
        answer = refusal_of(w, &outcome.err);
    else
        take_receipt(w, c, in->form != INTAKE_XML, &answer);
    intake_close(&c);
    return answer;
}

static inline struct answer send_message(struct world *w, const struct say *say)
{
    struct intake_in in = letter(w, say);
    return deliver(w, &in);
}
#define SAY(w, ...) send_message(w, &(const struct say){__VA_ARGS__})

/* ---- bodies --------------------------------------------------------------------------------------------------------
 */

static inline const char *cert_row(struct world *w, const char *action, const char *uscc, const char *more)
{
    return arena_printf(w->arena,
                        "{\"action\":\"%s\",\"uscc\":\"%s\",\"name\":\"firm\",\"document_no\":\"doc 1\","
                        "\"valid_from\":\"2026-01-01\"%s}",
                        action, uscc, more);
}

static inline const char *batch_of(struct world *w, const char *rows)
{
    return arena_printf(w->arena, "{\"list_version\":\"2026-11\",\"rows\":[%s]}", rows);
}

static inline const char *one_row(struct world *w, const char *action, const char *uscc)
{
    return batch_of(w, cert_row(w, action, uscc, ""));
}

/* n firms from the first on. */
static inline const char *many_rows(struct world *w, const char *action, unsigned first, unsigned n)
{
    struct buf rows;
    buf_init(&rows, MESSAGE_MAX);
    for (unsigned i = 0; i < n; i++)
        buf_printf(&rows, "%s%s", i == 0 ? "" : ",", cert_row(w, action, code(w, first + i), ""));
    return batch_of(w, (const char *)kept(w, &rows).p);
}

/* ---- what a receipt says -------------------------------------------------------------------------------------------
 */

static inline const char *told(const json_value *object, const char *name)
{
    const char *text = json_string(json_member(object, name));
    return text != NULL ? text : "";
}

static inline const json_value *row_told(const json_value *body, int64_t index)
{
    const json_value *rows = json_member(body, "rows");
    for (size_t i = 0; i < json_count(rows); i++) {
        int64_t at = -1;
        if (json_integer(json_member(json_at(rows, i), "index"), &at) && at == index)
            return json_at(rows, i);
    }
    return NULL;
}

static inline void row_is(const json_value *body, int64_t index, const char *result, const char *code_name)
{
    const json_value *row = row_told(body, index);
    assert_non_null(row);
    assert_string_equal(told(row, "result"), result);
    assert_string_equal(told(row, "code"), code_name);
}

/* ---- what is stored ------------------------------------------------------------------------------------------------
 */

struct view {
    struct store_txn *txn;
    struct arena *arena;
};

static inline struct view view_open(struct world *w)
{
    struct err err = {0};
    struct view view = {store_read(w->store, &err), arena_new()};
    assert_non_null(view.txn);
    return view;
}

static inline void view_close(struct view *view)
{
    store_read_end(&view->txn);
    arena_free(&view->arena);
}

static inline enum listing_status status_of(struct world *w, const char *uscc)
{
    struct view view = view_open(w);
    struct store_key key = key_text(uscc);
    struct bytes value;
    struct firm firm;
    struct err err = {0};
    firm_init(&firm, uscc);
    if (store_get(view.txn, TABLE_FIRM, &key, &value))
        NEED(firm_decode(value, uscc, &firm, &err), err);
    view_close(&view);
    return firm.listing.status;
}

static inline uint64_t journal_length(struct world *w)
{
    struct view view = view_open(w);
    uint64_t n = journal_size(w->journal, view.txn);
    view_close(&view);
    return n;
}

static inline uint64_t tally_of(struct world *w, const char *name)
{
    struct view view = view_open(w);
    uint64_t n = store_number(view.txn, TABLE_TALLY, name);
    view_close(&view);
    return n;
}

static inline size_t entries(struct world *w, enum store_table table)
{
    struct view view = view_open(w);
    struct store_walk walk;
    size_t n = 0;
    for (store_walk(&walk, view.txn, table, NULL, NULL); store_next(&walk);)
        n++;
    view_close(&view);
    return n;
}

/* Firms counted against the guard of this source. */
static inline uint64_t guard_of(struct world *w, const char *source)
{
    struct view view = view_open(w);
    struct store_key prefix = key_pair(source, "");
    struct store_walk walk;
    uint64_t n = 0;
    for (store_walk(&walk, view.txn, TABLE_GUARD, NULL, &prefix); store_next(&walk);)
        n += get_be64(walk.value.p);
    view_close(&view);
    return n;
}

static inline struct message_state state_of(struct world *w, const char *sender, const char *id)
{
    struct view view = view_open(w);
    struct message_state state = {0};
    struct err err = {0};
    bool found;
    NEED(message_find(view.txn, sender, id, &state, &found, &err), err);
    view_close(&view);
    return state;
}

/* The short way to a receipt in XML leads to the bytes that the long one makes of its JSON. */
static inline void same_in_xml(struct world *w, const struct record *record, struct bytes json)
{
    struct buf plain, written;
    struct err err = {0};
    if (!receipt_is_simple(GATEWAY, record))
        return;
    buf_init(&plain, MESSAGE_MAX);
    buf_init(&written, MESSAGE_MAX);
    receipt_xml(GATEWAY, record, &plain);
    NEED(message_write(w->catalog, json, MESSAGE_XML, &written, &err), err);
    assert_true(bytes_equal(buf_bytes(&plain), buf_bytes(&written)));
    buf_free(&plain);
    buf_free(&written);
}

/* The receipt that a record stands for. */
static inline struct bytes receipt_of(struct world *w, uint64_t seq)
{
    struct view view = view_open(w);
    struct record record;
    struct bytes receipt;
    struct err err = {0};
    NEED(ledger_read_record(w->journal, view.txn, w->arena, seq, &record, &err), err);
    NEED(intake_receipt_json(GATEWAY, &record, w->arena, &receipt, &err), err);
    same_in_xml(w, &record, receipt);
    view_close(&view);
    is_valid(w, receipt);
    return receipt;
}

static inline uint64_t commits_of(struct world *w)
{
    pthread_mutex_lock(&w->lock);
    uint64_t n = w->commits;
    pthread_mutex_unlock(&w->lock);
    return n;
}

/* False when a minute passed without a commit: a watchdog, not a measure. */
static inline bool wait_for_commit(struct world *w, uint64_t seen)
{
    struct timespec end;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 60;
    pthread_mutex_lock(&w->lock);
    while (w->commits == seen && rc == 0)
        rc = pthread_cond_timedwait(&w->committed, &w->lock, &end);
    pthread_mutex_unlock(&w->lock);
    return rc == 0;
}

/* The body of the latest receipt once there is one after `seq`. */
static inline const json_value *later_receipt(struct world *w, const char *sender, const char *id, uint64_t seq)
{
    for (;;) {
        uint64_t seen = commits_of(w);
        struct message_state state = state_of(w, sender, id);
        if (state.latest > seq)
            return json_member(parsed(w, receipt_of(w, state.latest)), "body");
        if (!wait_for_commit(w, seen))
            fail_msg("no later receipt of %s", id);
    }
}

static inline void rebuild_is_equal(struct world *w)
{
    struct ledger_rebuild out;
    struct err err = {0};
    NEED(ledger_rebuild(w->store, w->journal, in_dir(w, "scratch"), NULL, NULL, &out, &err), err);
}

/* ---- persons -------------------------------------------------------------------------------------------------------
 */

static inline void decide_by(struct world *w, const char *id, bool grant, const char *comment)
{
    struct actor actor = {ACTOR_PERSON, "operator-1"};
    struct err err = {0};
    NEED(ledger_decide_approval(w->ledger, id, grant, &actor, comment, NULL, &err), err);
}

struct search {
    struct world *w;
    const char *what, *object;
    size_t n;
    const char *id;
};

static inline bool search_one(void *arg, const struct approval *approval)
{
    struct search *search = arg;
    if (strcmp(approval->what, search->what) == 0 &&
        (search->object == NULL || strcmp(approval->object, search->object) == 0)) {
        search->n++;
        search->id = arena_strdup(search->w->arena, approval->id);
    }
    return true;
}

/* The one open proposal of this kind (about this object, unless NULL). */
static inline const char *open_proposal(struct world *w, const char *what, const char *object)
{
    struct view view = view_open(w);
    struct search search = {w, what, object, 0, NULL};
    struct err err = {0};
    NEED(approval_list(view.txn, view.arena, true, search_one, &search, &err), err);
    view_close(&view);
    if (search.n != 1)
        fail_msg("%zu open proposals '%s' about %s", search.n, what, object != NULL ? object : "anything");
    return search.id;
}

/* ---- the list ------------------------------------------------------------------------------------------------------
 */

struct listing_job {
    struct world *w;
    unsigned first, n;
};

static inline bool list_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct listing_job *job = arg;
    for (unsigned i = 0; i < job->n; i++) {
        struct ledger_outcome outcome;
        struct fact fact;
        ledger_fact_init(&fact, FACT_ROW, code(job->w, job->first + i));
        fact.actor = (struct actor){ACTOR_SOURCE, job->w->lister};
        fact.origin = "run-1";
        fact.row.name = "firm";
        fact.row.document_no = "doc 1";
        CHECK(ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err));
    }
    return true;
}

static inline void list_firms(struct world *w, unsigned first, unsigned n)
{
    struct listing_job job = {w, first, n};
    struct err err = {0};
    NEED(ledger_run(w->ledger, list_job, &job, &err), err);
}

#endif
