/* What the dialogues of this folder share: a gateway without its daemon on loopback, with real certificates, store,
 * ledger and access log, and a client that speaks as any party of the development PKI. */
#ifndef API_FIXTURE_H
#define API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/api.h"
#include "json/json.h"
#include "jws/jws.h"

#define LISTED "91140105MA0KAAA19P"
#define NEVER "91140105MA0KAAA27J"
#define DOUBTFUL "91140105MA0KAAA55F"
#define CITY "140105"

#define NEED(call, err)                                                                                                \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s at %s: %s", #call, err_info((err).code)->code, (err).place, (err).detail);                \
    } while (0)

struct world {
    char dir[64];
    int api_port, admin_port, plain_port;
    struct arena *arena;
    struct config *config;
    const struct policy *policy;
    struct catalog *catalog;
    struct directory *directory;
    struct crypto_tls *tls;
    struct crypto_keyring *ring;
    struct net *net;
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;
    struct host *host;
    struct sync *sync;
    struct intake *intake;
    struct feed *feed;
    struct delivery *delivery;
    struct heads *heads;
    struct statements *statements;
    struct access_log *access;
    struct api *api;
    int reloads;
    bool (*page)(const char *name, struct api_page *out);
    struct net_fetch_result answer;
    struct json_doc *doc;
};
static struct world w;

static inline const char *in_dir(const char *name)
{
    return arena_printf(w.arena, "%s/%s", w.dir, name);
}

static inline void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_dir(name), "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#define PARTY(id, roles, more)                                                                                         \
    "  - {id: " id ", name: " id ", roles: [" roles "], tls_certificates: [pki/" id ".pem]" more "}\n"
#define SIGNS(id, alg) ", signing: {alg: " alg ", certificates: [pki/" id "-sign.pem]}"
static const char partners_text[] = "partners:\n" PARTY("bank-a", "bank", SIGNS("bank-a", "ES256"))
    PARTY("bank-b", "bank", SIGNS("bank-b", "SM2")) PARTY("registry-ty", "registry", "")
    PARTY("bureau-sx", "bureau", "") PARTY("onestop-sx", "platform", ", paused: true");
static const char operators_text[] =
    "operators:\n" PARTY("operator-1", "operator, approver", "") PARTY("operator-2", "operator, approver", "")
        PARTY("observer-1", "observer", "") PARTY("sysadmin-1", "sysadmin", "")
            PARTY("auditor-1", "auditor", "") "  - {id: regional, name: regional, roles: [operator, approver], "
                                              "tls_certificates: [pki/secadmin-1.pem], region: \"1402\"}\n";
static const char sources_text[] = "sources:\n"
                                   "  - {id: bureau-sx, name: province, adapter: bureau, scope: full, period: 6h, "
                                   "settings: {url: \"http://127.0.0.1:9\"}}\n";

static inline void load_directory(uint64_t generation)
{
    struct err items[8] = {{0}};
    struct config_faults faults = {.items = items, .max = 8};
    const struct directory_files files = {in_dir("partners.yaml"), in_dir("operators.yaml"), in_dir("sources.yaml")};
    directory_free(&w.directory);
    NEED(directory_load(&files, generation, &w.directory, &faults), items[0]);
}

static inline void write_config(const char *more)
{
    write_file(
        "pledged.yaml",
        arena_printf(
            w.arena,
            "gateway: {name: ippledge-sx, origin: ippledge-sx.log, issuer: {name: office, uscc: 11140000MB1234567X}}\n"
            "data: {directory: data, map_size: 1GiB}\n"
            "files: {rules: rules.yaml, partners: partners.yaml, sources: sources.yaml, operators: operators.yaml}\n"
            "admin: {socket: s}\n"
            "tls: {certificate: pki/server.pem, key: pki/server.key, client_ca: pki/ca.pem}\n"
            "signing: {es256: {certificate: pki/gateway-sign.pem, key: pki/gateway-sign.key}, "
            "sm2: {certificate: pki/gateway-sign-sm2.pem, key: pki/gateway-sign-sm2.key}}\n"
            "adapters: {directory: adapters}\npolicy: {admission: automatic}\n%s",
            more));
}

static inline void load_files(void)
{
    struct err items[8] = {{0}};
    struct config_faults faults = {.items = items, .max = 8};
    const struct yaml_node *root;
    struct err err = {0};
    write_file("partners.yaml", partners_text);
    /* uid 0 is root without being named */
    write_file("operators.yaml",
               getuid() == 0
                   ? operators_text
                   : arena_printf(w.arena, "%s  - {id: local, name: local, roles: [observer, operator], uid: %u}\n",
                                  operators_text, getuid()));
    write_file("sources.yaml", sources_text);
    NEED(config_load(in_dir("pledged.yaml"), &w.config, w.arena, &faults), items[0]);
    NEED(yaml_load(w.arena, SOURCE_DIR "/gateway/policy/rules-sample.yaml", &root, NULL, &err), err);
    NEED(policy_load(w.arena, root, POLICY_ADMISSION_AUTOMATIC, &w.policy, &err), err);
    NEED(catalog_load(SOURCE_DIR "/schemas", &w.catalog, &err), err);
    load_directory(1);
}

static inline void load_keys(void)
{
    struct err err = {0};
    const struct crypto_tls_files tls = {w.config->tls_cert, w.config->tls_key, w.config->tls_ca, NULL};
    w.ring = crypto_keyring_new();
    NEED(
        crypto_keyring_load(w.ring, CRYPTO_SIGN_ES256, w.config->sign_es256_cert, w.config->sign_es256_key, NULL, &err),
        err);
    NEED(crypto_keyring_load(w.ring, CRYPTO_SIGN_SM2, w.config->sign_sm2_cert, w.config->sign_sm2_key,
                             w.config->sign_sm2_id, &err),
         err);
    NEED(crypto_tls_server(&tls, &w.tls, &err), err);
}

/* ---- what is known: one firm listed, one full list seen ------------------------------------------------------- */

static inline bool seed_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct ledger_outcome outcome;
    struct record run;
    struct fact fact = {.kind = FACT_ROW,
                        .actor = {ACTOR_SOURCE, "bureau-sx"},
                        .origin = "run-1",
                        .approval_id = "",
                        .uscc = LISTED,
                        .list_version = "2026-11",
                        .document_no = "",
                        .note = "",
                        .effective = DATE_NONE,
                        .until = DATE_NONE};
    fact.row = (struct cert_row){.name = "太原样例科技有限公司",
                                 .region_code = CITY,
                                 .industry_code = "",
                                 .scale = "",
                                 .ownership = "",
                                 .level = "省级",
                                 .batch = "2026-1",
                                 .document_no = "晋民营发〔2026〕1号",
                                 .reason = "",
                                 .valid_from = date_of_ms(clock_wall_ms()) - 1,
                                 .valid_until = date_of_ms(clock_wall_ms()) + 20};
    CHECK(ledger_fact(tx, &fact, BYTES_LIT("{}"), &outcome, err));
    record_init(&run, RECORD_RUN);
    run.actor = (struct actor){ACTOR_TIMER, ""};
    run.origin = "run-1";
    run.source = "bureau-sx";
    run.list_version = "2026-11";
    run.run_state = "done";
    run.started_ms = run.completed_ms = clock_wall_ms();
    run.full = *(bool *)arg;
    return ledger_record(tx, &run, err);
}

static inline void seed(bool full)
{
    struct err err = {0};
    NEED(ledger_run(w.ledger, seed_job, &full, &err), err);
}

/* ---- the gateway ------------------------------------------------------------------------------------------------ */

static inline void open_data(void)
{
    struct err err = {0};
    const struct store_options store = {
        .directory = in_dir("store"), .map_size = 1 << 30, .readers = 64, .exclusive = true};
    const struct access_options access = {
        .directory = in_dir("access"), .segment_size = 1 << 20, .retention_ms = INT64_C(86400000) * 365};
    NEED(store_open(&store, &w.store, &err), err);
    w.journal = journal_lmdb();
    const struct ledger_options ledger = {
        .store = w.store, .journal = w.journal, .policy = w.policy, .queue_max = 64, .min_free = 1};
    w.ledger = ledger_new(&ledger);
    NEED(ledger_start(w.ledger, &err), err);
    NEED(ledger_saw_keys(w.ledger, w.ring, &err), err);
    NEED(access_open(&access, &w.access, &err), err);
    const struct statements_options statements = {.journal = w.journal,
                                                  .issuer_name = "office",
                                                  .issuer_uscc = "11140000MB1234567X",
                                                  .validity_ms = 86400000,
                                                  .stale_after_ms = INT64_C(7) * 86400000,
                                                  .refuse_after_ms = INT64_C(30) * 86400000,
                                                  .cache_max = 100};
    w.statements = statements_new(&statements);
}

static inline bool reload(void *arg, struct buf *report, struct err *err)
{
    struct err fault = {0};
    (void)arg;
    if (++w.reloads == 1) {
        buf_str(report, "all: well\n");
        return true;
    }
    err_set(&fault, ERR_CONFIG_UNKNOWN, "partners.yaml:3:5", "colour");
    api_fault(report, &fault);
    err_set(&fault, ERR_CONFIG_MISSING, "sources.yaml:1:1", "sources");
    api_fault(report, &fault);
    return err_set(err, ERR_CONFIG_VALUE, NULL, "2 faults");
}

static inline struct api_state in_force(uint64_t generation)
{
    return (struct api_state){.generation = generation,
                              .config = w.config,
                              .directory = w.directory,
                              .policy = w.policy,
                              .catalog = w.catalog,
                              .server_tls = w.tls,
                              .ring = w.ring};
}

static inline void serve(void)
{
    struct err err = {0};
    const struct net_options net = {.threads = 2, .workers = 2, .connections = 256, .header_ms = 5000, .body_ms = 5000,
                                    .idle_ms = 20000, .write_ms = 5000, .stop_ms = 3000};
    w.net = net_new(&net);
    const struct host_options host = {.net = w.net, .adapters_dir = in_dir("adapters"), .step_limit_ms = 1000};
    w.host = host_new(&host);
    const struct sync_options sync = {.host = w.host, .ledger = w.ledger, .store = w.store, .overlap_ms = 600000};
    w.sync = sync_new(&sync);
    const struct intake_options intake = {
        .ledger = w.ledger, .store = w.store, .journal = w.journal, .net = w.net, .gateway = w.config->gateway_name};
    w.intake = intake_new(&intake);
    intake_set(w.intake, w.catalog, w.directory);
    const struct feed_options feed = {.host = w.host, .ledger = w.ledger, .store = w.store, .intake = w.intake};
    w.feed = feed_new(&feed);
    struct err items[8] = {{0}};
    struct config_faults faults = {.items = items, .max = 8};
    feed_set_directory(w.feed, w.directory, &faults);
    sync_set_directory(w.sync, w.directory, &faults);      /* no adapter is installed: the source stays closed */
    const struct delivery_options delivery = {
        .store = w.store, .journal = w.journal, .ledger = w.ledger, .host = w.host, .gateway = w.config->gateway_name};
    const struct delivery_force force = {w.catalog, w.policy, w.directory, w.ring};
    w.delivery = delivery_new(&delivery);
    NEED(delivery_set(w.delivery, &force, &faults) && delivery_start(w.delivery, &err), err);
    const struct heads_options heads = {.store = w.store, .journal = w.journal, .ledger = w.ledger, .origin = w.config->gateway_origin};
    w.heads = heads_new(&heads);
    heads_set_ring(w.heads, w.ring);
    NEED(heads_start(w.heads, &err), err);
    const struct api_options options = {.net = w.net,
                                        .heads = w.heads,
                                        .store = w.store,
                                        .journal = w.journal,
                                        .ledger = w.ledger,
                                        .sync = w.sync,
                                        .intake = w.intake,
                                        .feed = w.feed,
                                        .delivery = w.delivery,
                                        .host = w.host,
                                        .statements = w.statements,
                                        .access = w.access,
                                        .access_dir = in_dir("access"),
                                        .scratch_dir = in_dir("scratch"),
                                        .reload = reload,
                                        .page = w.page};
    const struct api_state state = in_force(1);
    w.api = api_new(&options, &state);
    const struct net_service *service = api_service(w.api);
    NEED(net_listen_tcp(w.net, "127.0.0.1:0", w.tls, API_LISTENER_PARTNER, service, &w.api_port, &err), err);
    NEED(net_listen_tcp(w.net, "127.0.0.1:0", w.tls, API_LISTENER_ADMIN, service, &w.admin_port, &err), err);
    NEED(net_listen_tcp(w.net, "127.0.0.1:0", NULL, API_LISTENER_PLAIN, service, &w.plain_port, &err), err);
    NEED(net_listen_unix(w.net, in_dir("s"), API_LISTENER_SOCKET, service, &err), err);
    NEED(net_start(w.net, &err), err);
}

/* One PKI for all dialogues of a program; it takes a second to make. `page` has the console's files. */
static inline void begin_world_with(const char *config, bool (*page)(const char *name, struct api_page *out))
{
    w = (struct world){.arena = arena_new(), .page = page};
    log_set_level(LOG_ERROR + 1);
    snprintf(w.dir, sizeof(w.dir), "/tmp/test-api-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    if (system(arena_printf(w.arena, "sh %s/certs/make-dev-pki.sh %s/pki >/dev/null && mkdir %s/adapters", SOURCE_DIR,
                            w.dir, w.dir)) != 0)
        fail_msg("no PKI");
    write_config(config);
    load_files();
    load_keys();
    open_data();
    serve();
}

static inline void begin_world(const char *config)
{
    begin_world_with(config, NULL);
}

static inline void end_world(void)
{
    json_free(&w.doc);
    sync_stop(w.sync);
    feed_stop(w.feed);
    delivery_stop(w.delivery);
    heads_stop(w.heads);
    net_stop(w.net);
    api_free(&w.api);
    heads_free(&w.heads);
    sync_free(&w.sync);
    feed_free(&w.feed);
    host_free(&w.host);
    ledger_stop(w.ledger);
    delivery_free(&w.delivery);
    intake_free(&w.intake);
    ledger_free(&w.ledger);
    net_free(&w.net);
    statements_free(&w.statements);
    access_close(&w.access);
    journal_free(&w.journal);
    store_close(&w.store);
    directory_free(&w.directory);
    crypto_tls_free(&w.tls);
    crypto_keyring_free(&w.ring);
    catalog_free(&w.catalog);
    config_free(&w.config);
    if (system(arena_printf(w.arena, "rm -rf %s", w.dir)) != 0)
        fail_msg("%s stays", w.dir);
    arena_free(&w.arena);
}

/* ---- the client -----------------------------------------------------------------------------------------------------
 */

#define MAX_HEADERS 6
struct say {
    const char *as;                        /* a party of the PKI; NULL: on the socket; "": plain */
    bool admin;
    const char *method, *path, *body;
    const char *headers[MAX_HEADERS];
};

static inline int exchange(const struct say *say)
{
    const bool plain = say->as && !say->as[0];
    int port = !say->as || plain ? w.plain_port : say->admin ? w.admin_port : w.api_port;
    const char *const none[] = {NULL};
    const struct net_fetch_request request = {
        .method = say->method ? say->method : say->body ? "POST" : "GET",
        .url = arena_printf(w.arena, "%s://127.0.0.1:%d%s", say->as && !plain ? "https" : "http", port, say->path),
        .headers = say->headers[0] ? say->headers : none,
        .body = bytes_str(say->body),
        .cert = say->as && !plain ? in_dir(arena_printf(w.arena, "pki/%s.pem", say->as)) : NULL,
        .key = say->as && !plain ? in_dir(arena_printf(w.arena, "pki/%s.key", say->as)) : NULL,
        .ca = in_dir("pki/ca.pem"),
        .connect_ms = 5000,
        .total_ms = 15000,
        .body_max = 8 << 20,
    };
    w.answer = (struct net_fetch_result){0};
    json_free(&w.doc);
    net_fetch_wait(&request, say->as ? NULL : in_dir("s"), w.arena, &w.answer);
    if (!w.answer.ok)
        return -(int)w.answer.err.code;
    struct err err = {0};
    json_parse(w.answer.body, &w.doc, &err);
    return w.answer.status;
}

#define SAY(...) exchange(&(const struct say){__VA_ARGS__})
#define JSON_BODY .headers = {"Content-Type: application/json"}

static inline const char *header(const char *name)
{
    size_t n = strlen(name);
    for (const char *line = w.answer.headers; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncasecmp(line, name, n) != 0 || line[n] != ':')
            continue;
        const char *value = line + n + 1 + strspn(line + n + 1, " ");
        return arena_strndup(w.arena, value, strcspn(value, "\r\n"));
    }
    return NULL;
}

static inline const json_value *member(const char *name)
{
    return w.doc ? json_member(json_root(w.doc), name) : NULL;
}

static inline const char *text(const char *name)
{
    const char *value = json_string(member(name));
    return value ? value : "(absent)";
}

static inline const char *inner(const json_value *value, const char *name)
{
    const char *found = json_string(json_member(value, name));
    return found ? found : "(absent)";
}

/* The answer is a problem with this code. */
static inline void refused(int status, const char *code)
{
    assert_int_equal(w.answer.status, status);
    assert_string_equal(header("Content-Type"), "application/problem+json");
    assert_string_equal(text("code"), code);
    assert_int_equal(strlen(text("trace_id")), 32);
}

static inline void verified(const char *cert, enum crypto_alg alg)
{
    struct crypto_key *key;
    struct err err = {0};
    NEED(crypto_key_from_file(in_dir(cert), &key, &err), err);
    const struct jws_expect expect = {.alg = alg, .keys = {key}, .key_n = 1};
    assert_non_null(header("x-jws-signature"));
    NEED(jws_verify_detached(&expect, bytes_str(header("x-jws-signature")), w.answer.body, NULL, &err), err);
    crypto_key_free(&key);
}

struct seen { size_t n; const char *last; };
static inline bool see(void *arg, const struct access_found *found)
{
    struct seen *seen = arg;
    seen->n++;
    seen->last = arena_strndup(w.arena, (const char *)found->line.p, found->line.n);
    return true;
}

static inline struct seen logged(const char *uscc, const char *partner)
{
    struct seen seen = {0};
    const struct access_filter filter = {.uscc = uscc, .partner = partner};
    struct err err = {0};
    NEED(access_find(in_dir("access"), &filter, see, &seen, &err), err);
    return seen;
}

#endif
