/* Questions against a real store and ledger: what is signed, what is kept, and when it is told no more. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static void later(int64_t ms)
{
    clock_test_set(clock_wall_ms() + ms, clock_mono_ms() + ms);
}

static void assert_refused(struct world *w, const char *uscc, enum err_code code)
{
    const struct statement *out;
    struct err err = {0};
    assert_false(try_ask(w, uscc, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JSON, &out, NULL, &err));
    assert_int_equal(err.code, code);
}

/* True when asking twice gave one and the same signed text. */
static bool same(const struct statement *a, const struct statement *b)
{
    return bytes_equal(a->body, b->body) && strcmp(a->etag, b->etag) == 0;
}

/* Asks and tells whether the answer differs from *last, which it becomes. */
static bool changed(struct world *w, const char *uscc, const struct statement **last)
{
    const struct statement *now = ask(w, uscc);
    bool differs = *last == NULL || !same(now, *last);
    if (*last != NULL)
        assert_int_equal(differs, strcmp(now->etag, (*last)->etag) != 0);
    statement_release(last);
    *last = now;
    return differs;
}

/* ---- sources ---- */

static void without_any_whole_list_nothing_is_told(void **state)
{
    struct world *w = *state;
    struct firm firm = listed_firm(USCC, 7);
    put_firm(w, &firm);
    assert_refused(w, USCC, ERR_SOURCE_STALE);
    contact(w, "batch-sx", "b-1", T0 - HOUR);
    assert_refused(w, USCC, ERR_SOURCE_STALE);
    contact(w, "bureau-sx", "2026-11", T0 - HOUR);
    const struct statement *statement = ask(w, USCC);
    assert_string_equal(statement->status, "listed");
    statement_release(&statement);
}

static void assert_source(struct world *w, const char *uscc, const char *id, const char *completed,
                          const char *freshness)
{
    const struct statement *statement = ask(w, uscc);
    struct json_doc *doc = parse(statement->body);
    assert_string_equal(text_of(doc, "source", "id"), id);
    assert_string_equal(text_of(doc, "source", "completed_at"), completed);
    assert_string_equal(text_of(doc, "source", "freshness"), freshness);
    json_free(&doc);
    statement_release(&statement);
}

static void the_source_is_that_of_the_certification_or_the_oldest_whole_list(void **state)
{
    struct world *w = *state;
    struct firm firm = listed_firm(USCC, 7), batch = listed_firm("91140100MA0BATCH01", 8),
                gone = listed_firm("91140100MA0G0NE001", 9);
    batch.certification.source = "batch-sx";
    gone.certification.source = "no-longer-configured";
    put_firm(w, &firm);
    put_firm(w, &batch);
    put_firm(w, &gone);
    contact(w, "bureau-sx", "2026-11", T0 - 2 * HOUR);
    assert_source(w, "91140100MA0NEVER01", "bureau-sx", "2026-11-24T08:00:00+08:00", "on_time");
    contact(w, "bureau-ty", "7", T0 - 4 * HOUR);
    contact(w, "batch-sx", "b", T0 - 5 * HOUR);
    assert_source(w, USCC, "bureau-sx", "2026-11-24T08:00:00+08:00", "on_time");
    assert_source(w, "91140100MA0BATCH01", "batch-sx", "2026-11-24T05:00:00+08:00", "on_time");
    assert_source(w, "91140100MA0NEVER02", "bureau-ty", "2026-11-24T06:00:00+08:00", "delayed");
    assert_source(w, "91140100MA0G0NE001", "bureau-ty", "2026-11-24T06:00:00+08:00", "delayed");
}

static void too_old_is_refused_and_new_contact_ends_that(void **state)
{
    struct world *w = *state;
    struct firm firm = listed_firm(USCC, 7);
    put_firm(w, &firm);
    contact(w, "bureau-sx", "2026-11", T0);
    later(30 * DAY - 1);
    assert_source(w, USCC, "bureau-sx", "2026-11-24T10:00:00+08:00", "stale");
    later(1);
    assert_refused(w, USCC, ERR_SOURCE_STALE);
    assert_refused(w, "91140100MA0NEVER01", ERR_SOURCE_STALE);
    contact(w, "bureau-sx", "2026-12", clock_wall_ms());
    assert_source(w, USCC, "bureau-sx", "2026-12-24T10:00:00+08:00", "on_time");
}

static void a_late_source_is_looked_at_again_each_time(void **state)
{
    struct world *w = *state;
    const struct statement *last = NULL;
    contact(w, "bureau-sx", "2026-11", T0 - 2 * DAY);
    assert_true(changed(w, USCC, &last));
    assert_false(changed(w, USCC, &last));
    contact(w, "bureau-sx", "2026-11", T0);
    assert_true(changed(w, USCC, &last));
    assert_source(w, USCC, "bureau-sx", "2026-11-24T10:00:00+08:00", "on_time");
    statement_release(&last);
}

/* ---- the cache ---- */

static void signed_once_and_told_many_times(void **state)
{
    struct world *w = *state;
    struct firm firm = listed_firm(USCC, 7);
    const struct statement *first, *again;
    struct err err = {0};
    bool signed_now;
    put_firm(w, &firm);
    contact(w, "bureau-sx", "2026-11", T0 - HOUR);
    int64_t signatures = metric_get(METRIC_SIGNATURES), hits = metric_get(METRIC_STATEMENT_CACHE_HITS);
    assert_true(try_ask(w, USCC, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JSON, &first, &signed_now, &err));
    assert_true(signed_now);
    for (int i = 0; i < 100; i++) {
        assert_true(try_ask(w, USCC, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JSON, &again, &signed_now, &err));
        assert_false(signed_now);
        assert_true(same(first, again));
        assert_string_equal(first->signature, again->signature);
        statement_release(&again);
        later(SECOND);
    }
    assert_int_equal(metric_get(METRIC_SIGNATURES), signatures + 1);
    assert_int_equal(metric_get(METRIC_STATEMENT_CACHE_HITS), hits + 100);
    assert_int_equal(first->sequence, 7);
    assert_int_equal(first->this_update_ms, T0);
    assert_int_equal(first->next_update_ms, T0 + 11 * HOUR); /* twelve hours after the last contact */
    uint8_t digest[32];
    crypto_digest(CRYPTO_SHA256, first->body, digest);
    assert_memory_equal(digest, first->digest, 32);
    assert_int_equal(first->etag[0], '"');
    assert_int_equal(strspn(first->etag + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") + 2,
                     strlen(first->etag));
    statement_release(&first);
    assert_null(first);
}

static void *ask_anew(void *arg)
{
    struct world *w = arg;
    const struct statement *statement = ask(w, USCC);
    assert_int_equal(statement->sequence, 8);
    statement_release(&statement);
    return NULL;
}

static void in_another_thread(struct world *w)
{
    pthread_t thread;
    pthread_create(&thread, NULL, ask_anew, w);
    pthread_join(thread, NULL);
}

static void a_reader_of_yesterday_spoils_nothing(void **state)
{
    struct world *w = *state;
    struct firm firm = listed_firm(USCC, 7);
    const struct statement *old;
    struct err err = {0};
    put_firm(w, &firm);
    contact(w, "bureau-sx", "2026-11", T0);
    struct store_txn *txn = store_read(w->store, &err);
    firm.listing.sequence = firm.last_sequence = 8;
    put_firm(w, &firm);
    in_another_thread(w);
    NEED(statement_get(w->statements, &w->context, txn, USCC, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JSON, T0, &old,
                       NULL, &err),
         err);
    assert_int_equal(old->sequence, 7);
    int64_t signatures = metric_get(METRIC_SIGNATURES);
    in_another_thread(w);
    assert_int_equal(metric_get(METRIC_SIGNATURES), signatures);
    store_read_end(&txn);
    statement_release(&old);
}

static void everything_that_matters_makes_a_new_one(void **state)
{
    struct world *w = *state;
    struct firm firm = listed_firm(USCC, 7);
    const struct statement *last = NULL;
    contact(w, "bureau-sx", "2026-11", T0);
    assert_true(changed(w, USCC, &last));
    put_firm(w, &firm);
    assert_true(changed(w, USCC, &last));
    assert_false(changed(w, USCC, &last));
    firm.last_sequence = 8; /* a record that left the listing alone */
    put_firm(w, &firm);
    assert_true(changed(w, USCC, &last));
    assert_int_equal(last->sequence, 7);
    w->context.generation++;
    assert_true(changed(w, USCC, &last));
    assert_false(changed(w, USCC, &last));
    int64_t end = last->next_update_ms;
    clock_test_set(end - 1, 5000);
    assert_false(changed(w, USCC, &last));
    clock_test_set(end, 6000);
    assert_true(changed(w, USCC, &last));
    clock_test_set(T0 - DAY, 7000); /* the clock was set back: not signed tomorrow */
    assert_true(changed(w, USCC, &last));
    statement_release(&last);
}

/* The certificate runs out three hours after T0, which is 02:00 in London. */
static void nothing_is_promised_beyond_the_key(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char cert[128], key[128];
    shell(w, "mkdir ca && touch ca/index && openssl req -new -key ES256.key -subj /CN=gateway -out gateway.csr && "
             "printf '[ca]\ndefault_ca=d\n[d]\ndatabase=ca/index\nnew_certs_dir=ca\nrand_serial=yes\n"
             "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' >ca.cnf && openssl ca -batch -selfsign -config "
             "ca.cnf -keyfile ES256.key -in gateway.csr -out gateway.pem -notext -startdate 20261101000000Z -enddate "
             "20261124050000Z");
    snprintf(cert, sizeof(cert), "%s", in_dir(w, "gateway.pem"));
    snprintf(key, sizeof(key), "%s", in_dir(w, "ES256.key"));
    NEED(crypto_keyring_load(w->ring, CRYPTO_SIGN_ES256, cert, key, NULL, &err), err);
    contact(w, "bureau-sx", "2026-11", T0);
    const struct statement *statement = ask(w, USCC);
    assert_int_equal(statement->next_update_ms, T0 + 3 * HOUR);
    statement_release(&statement);
    later(3 * HOUR + SECOND);
    assert_refused(w, USCC, ERR_KEY_ENDED);
}

static void views_algorithms_and_forms_are_kept_apart(void **state)
{
    static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256, CRYPTO_PS256};
    struct world *w = *state;
    const struct statement *all[16];
    struct err err = {0};
    contact(w, "bureau-sx", "2026-11", T0);
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < 16; i++) {
            const struct statement *statement;
            bool signed_now;
            NEED(try_ask(w, USCC, i & 1 ? POLICY_VIEW_FULL : POLICY_VIEW_BANK, algs[i >> 2],
                         i & 2 ? STATEMENT_JOSE : STATEMENT_JSON, &statement, &signed_now, &err),
                 err);
            assert_int_equal(signed_now, round == 0);
            assert_true((statement->signature == NULL) == ((i & 2) != 0));
            if (round == 0)
                all[i] = statement;
            else
                assert_true(same(statement, all[i]));
            if (round == 1)
                statement_release(&statement);
        }
    for (unsigned i = 0; i < 16; i++)
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(all[i]->id, all[k]->id);
    for (unsigned i = 0; i < 16; i++)
        statement_release(&all[i]);
}

static void only_the_cache_is_asked_when_so_wished(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    contact(w, "bureau-sx", "2026-11", T0);
    struct store_txn *txn = store_read(w->store, &err);
    assert_null(
        statement_cached(w->statements, &w->context, txn, USCC, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JSON, T0));
    store_read_end(&txn);
    const struct statement *made = ask(w, USCC);
    txn = store_read(w->store, &err);
    const struct statement *kept =
        statement_cached(w->statements, &w->context, txn, USCC, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JSON, T0);
    assert_non_null(kept);
    assert_true(same(made, kept));
    assert_null(
        statement_cached(w->statements, &w->context, txn, USCC, POLICY_VIEW_FULL, CRYPTO_ES256, STATEMENT_JSON, T0));
    store_read_end(&txn);
    statement_release(&made);
    statement_release(&kept);
}

static void without_room_each_answer_is_signed_anew(void **state)
{
    struct world *w = *state;
    const struct statement *last = NULL;
    contact(w, "bureau-sx", "2026-11", T0);
    statements_free(&w->statements);
    new_statements(w, 0);
    for (int i = 0; i < 3; i++)
        assert_true(changed(w, USCC, &last));
    statements_free(&w->statements); /* what was given out lives on */
    assert_string_equal(last->status, "not_listed");
    statement_release(&last);
    new_statements(w, 16);
}

static void a_small_cache_keeps_what_is_asked_for_and_forgets_the_rest(void **state)
{
    struct world *w = *state;
    const struct statement *held[200], *popular = NULL;
    struct err err = {0};
    contact(w, "bureau-sx", "2026-11", T0);
    statements_free(&w->statements);
    new_statements(w, 64);
    assert_true(changed(w, "91140100MA0P0PULAR", &popular));
    int again = 0;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 200; i++) {
            char uscc[USCC_SIZE];
            bool signed_now;
            const struct statement *statement;
            snprintf(uscc, sizeof(uscc), "9114%014d", i);
            NEED(try_ask(w, uscc, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JSON, &statement, &signed_now, &err), err);
            assert_false(changed(w, "91140100MA0P0PULAR", &popular));
            if (round == 0) {
                held[i] = statement;
                continue;
            }
            again += signed_now;
            struct json_doc *doc = parse(held[i]->body); /* forgotten by the cache, still whole for its holder */
            assert_string_equal(text_of(doc, NULL, "uscc"), uscc);
            json_free(&doc);
            statement_release(&held[i]);
            statement_release(&statement);
        }
    assert_true(again >= 136);
    statement_release(&popular);
}

/* ---- signatures ---- */

static void others_verify_both_forms(void **state)
{
    struct world *w = *state;
    struct firm firm = listed_firm(USCC, 7);
    const struct statement *json, *jose;
    struct err err = {0};
    put_firm(w, &firm);
    contact(w, "bureau-sx", "2026-11", T0);
    json = ask(w, USCC);
    NEED(try_ask(w, USCC, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JOSE, &jose, NULL, &err), err);
    if (system("/usr/bin/python3 -c 'import jwcrypto' 2>/dev/null") != 0) {
        print_message("skipped: no python3-jwcrypto\n");
        statement_release(&json);
        statement_release(&jose);
        skip();
    }
    write_text(w, "body", (const char *)json->body.p, json->body.n);
    write_text(w, "detached", json->signature, strlen(json->signature));
    write_text(w, "compact", (const char *)jose->body.p, jose->body.n);
    shell(w, "/usr/bin/python3 " SOURCE_DIR "/tests/unit/statement/peer.py ES256.pub body detached compact " USCC);
    statement_release(&json);
    statement_release(&jose);
}

static void every_algorithm_verifies_and_a_changed_body_does_not(void **state)
{
    static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256, CRYPTO_PS256};
    struct world *w = *state;
    contact(w, "bureau-sx", "2026-11", T0);
    for (size_t i = 0; i < 4; i++) {
        const struct statement *statement;
        enum crypto_purpose purpose;
        struct jws_seen seen;
        struct err err = {0};
        NEED(try_ask(w, USCC, POLICY_VIEW_BANK, algs[i], STATEMENT_JSON, &statement, NULL, &err), err);
        assert_true(crypto_keyring_purpose(algs[i], &purpose));
        const struct crypto_key *key = crypto_keyring_public(w->ring, purpose);
        struct jws_expect expect = {.alg = algs[i], .keys = {key}, .key_n = 1};
        NEED(jws_verify_detached(&expect, bytes_str(statement->signature), statement->body, &seen, &err), err);
        assert_string_equal(seen.kid, crypto_key_kid(key));
        assert_int_equal(seen.iat_ms, T0);
        assert_false(jws_verify_detached(&expect, bytes_str(statement->signature),
                                         bytes_of(statement->body.p, statement->body.n - 1), &seen, &err));
        statement_release(&statement);
    }
}

/* The element verifies in the profile asked for and in no other; PS256 is signed by the same key as RS256. */
static void xml_is_signed_as_agreed(void **state)
{
    static const enum crypto_alg asked[] = {CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256, CRYPTO_PS256};
    static const struct message_profile profiles[] = {
        {0}, {.inclusive = true}, {.der = true, .signature_uri = "urn:x#s"}, {.digest_uri = "urn:x#d"}};
    enum { N = sizeof(profiles) / sizeof(profiles[0]) };
    struct world *w = *state;
    struct firm firm = listed_firm(USCC, 7);
    struct err err = {0};
    put_firm(w, &firm);
    contact(w, "bureau-sx", "2026-11", T0);
    for (size_t i = 0; i < 4 * N; i++) {
        enum crypto_alg alg = asked[i / N] == CRYPTO_PS256 ? CRYPTO_RS256 : asked[i / N];
        const struct statement *first, *again;
        bool signed_now;
        w->context.profile = profiles[i % N];
        NEED(try_ask(w, USCC, POLICY_VIEW_BANK, asked[i / N], STATEMENT_XML, &first, &signed_now, &err), err);
        assert_int_equal(signed_now, asked[i / N] != CRYPTO_PS256);
        NEED(try_ask(w, USCC, POLICY_VIEW_BANK, asked[i / N], STATEMENT_XML, &again, &signed_now, &err), err);
        assert_false(signed_now);
        assert_true(first == again && first->signature == NULL);
        for (size_t k = 0; k < N; k++) {
            enum crypto_purpose purpose;
            struct message *message;
            assert_true(crypto_keyring_purpose(alg, &purpose));
            const struct jws_expect expect = {
                .alg = alg, .keys = {crypto_keyring_public(w->ring, purpose)}, .key_n = 1};
            NEED(message_read_xml(first->body, &message, &err), err);
            assert_int_equal(message_verify_xml(message, &expect, &profiles[k], NULL, &err), k == i % N);
            message_free(&message);
        }
        statement_release(&first);
        statement_release(&again);
    }
}

static void the_unsigned_text_is_the_same_statement(void **state)
{
    struct world *w = *state;
    struct firm firm = listed_firm(USCC, 7);
    struct err err = {0};
    struct buf out;
    put_firm(w, &firm);
    contact(w, "bureau-sx", "2026-11", T0);
    const struct statement *statement = ask(w, USCC);
    struct store_txn *txn = store_read(w->store, &err);
    buf_init(&out, 1 << 16);
    buf_str(&out, "[");
    NEED(statement_write(w->statements, &w->context, txn, USCC, POLICY_VIEW_BANK, T0, &out, &err), err);
    store_read_end(&txn);
    /* apart from its own id */
    const size_t id = strlen("{\"id\":\"st-") + 26;
    assert_int_equal(out.n, statement->body.n + 1);
    assert_memory_equal(out.p + 1 + id, statement->body.p + id, statement->body.n - id);
    assert_memory_not_equal(out.p + 1, statement->body.p, id);
    buf_free(&out);
    statement_release(&statement);
}

static void no_rules_no_answer(void **state)
{
    struct world *w = *state;
    contact(w, "bureau-sx", "2025-11", T0 - 400 * DAY);
    clock_test_set(T0 - 400 * DAY, 1000);
    assert_refused(w, USCC, ERR_RULES_NONE);
}

/* ---- a firm's life, decided by the rules ---- */

static bool decide_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct ledger_outcome outcome;
    return ledger_fact(tx, arg, (struct bytes){0}, &outcome, err);
}

static struct fact fact_of(enum fact_kind kind, struct actor actor)
{
    const struct cert_row row = {.name = "汾酒",
                                 .region_code = "140100",
                                 .industry_code = "",
                                 .scale = "",
                                 .ownership = "private",
                                 .level = "省级",
                                 .batch = "2026-1",
                                 .document_no = "晋1号",
                                 .reason = "",
                                 .valid_from = day("2026-03-01"),
                                 .valid_until = day("2026-11-25")};
    return (struct fact){.kind = kind,
                         .actor = actor,
                         .origin = "run-1",
                         .approval_id = "",
                         .uscc = USCC,
                         .row = row,
                         .list_version = "2026-11",
                         .document_no = "",
                         .effective = DATE_NONE,
                         .until = DATE_NONE,
                         .note = "because"};
}

static void decide(struct world *w, struct fact fact)
{
    struct err err = {0};
    NEED(ledger_run(w->ledger, decide_job, &fact, &err), err);
}

static void assert_reads(struct world *w, const char *status, const char *reason, const char *next_update)
{
    const struct statement *statement = ask(w, USCC);
    struct json_doc *doc = parse(statement->body);
    assert_string_equal(text_of(doc, NULL, "status"), status);
    const json_value *reasons = json_member(json_root(doc), "reasons");
    assert_int_equal(json_count(reasons), 1);
    assert_string_equal(json_string(json_at(reasons, 0)), reason);
    assert_string_equal(text_of(doc, NULL, "next_update"), next_update);
    json_free(&doc);
    statement_release(&statement);
}

static void a_firms_life_as_a_bank_reads_it(void **state)
{
    struct world *w = *state;
    const struct actor source = {ACTOR_SOURCE, "bureau-sx"}, partner = {ACTOR_PARTNER, "ippublic-sx"};
    int64_t next;
    struct err err = {0};
    contact(w, "bureau-sx", "2026-11", T0);
    assert_reads(w, "not_listed", "never_listed", "2026-11-24T22:00:00+08:00");
    decide(w, fact_of(FACT_ROW, source));
    assert_reads(w, "listed", "certified", "2026-11-24T22:00:00+08:00");
    struct fact imposed = fact_of(FACT_IMPOSE, partner);
    imposed.ground = GROUND_ABNORMAL_PATENTS;
    imposed.effective = imposed.until = day("2026-11-24");
    decide(w, imposed);
    contact(w, "bureau-sx", "2026-11", clock_wall_ms() + 4 * HOUR);
    later(4 * HOUR);
    w->context.generation++;
    assert_reads(w, "suspended", "exclusion.ip", "2026-11-25T00:00:00+08:00");
    later(10 * HOUR); /* midnight: the exclusion ran out, and the certification has one day left */
    assert_reads(w, "suspended", "exclusion.ip", "2026-11-25T00:00:01+08:00");
    NEED(ledger_time(w->ledger, &next, &err), err);
    assert_reads(w, "listed", "certified", "2026-11-25T02:00:00+08:00");
    contact(w, "bureau-sx", "2026-11", clock_wall_ms() + 20 * HOUR);
    later(24 * HOUR);
    NEED(ledger_time(w->ledger, &next, &err), err);
    assert_reads(w, "expired", "expired", "2026-11-26T08:00:00+08:00");
}

/* ---- against a naive model ---- */

#define FIRMS 5
#define STEPS 6000

struct model {
    struct firm firms[FIRMS];
    bool known[FIRMS];
    int64_t contact_sx, contact_ty; /* 0: never */
    uint64_t sequence;
};

static uint32_t rnd(uint32_t below)
{
    static uint64_t x = 20261124;
    x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(x >> 33) % below;
}

static void change_firm(struct world *w, struct model *m)
{
    static const char *const sources[] = {"bureau-sx", "bureau-ty"};
    unsigned i = rnd(FIRMS);
    char uscc[USCC_SIZE];
    snprintf(uscc, sizeof(uscc), "91140100MA0M0DEL0%u", i);
    struct firm firm = listed_firm(uscc, ++m->sequence);
    date_day today = date_of_ms(clock_wall_ms());
    firm.certification.source = sources[rnd(2)];
    firm.listing.status = (enum listing_status)(LISTING_CHECKING + rnd(5));
    if (rnd(2))
        firm.certification.valid_until = firm.listing.valid_until = today + (date_day)rnd(4);
    if (firm.listing.status == LISTING_SUSPENDED) {
        firm.exclusion_n = 1;
        firm.exclusions[0] = (struct exclusion){.ground = GROUND_ABNORMAL_PATENTS,
                                                .imposed_by = "o",
                                                .document_no = "",
                                                .effective = today,
                                                .until = today + (date_day)rnd(3),
                                                .sequence = m->sequence};
        firm.listing.reasons[0] = REASON_EXCLUSION;
    }
    put_firm(w, &firm);
    m->firms[i] = firm;
    m->known[i] = true;
}

static int64_t naive_contact(const struct model *m, unsigned i)
{
    int64_t sx = m->contact_sx, ty = m->contact_ty;
    if (m->known[i]) {
        int64_t own = strcmp(m->firms[i].certification.source, "bureau-sx") == 0 ? sx : ty;
        if (own != 0)
            return own;
    }
    return sx == 0 ? ty : ty == 0 || sx < ty ? sx : ty;
}

static int64_t time_of(struct json_doc *doc, const char *outer, const char *name)
{
    int64_t ms;
    assert_true(time_parse(bytes_str(text_of(doc, outer, name)), &ms));
    return ms;
}

static void assert_true_now(const struct model *m, unsigned i, const struct statement *statement, struct json_doc *doc)
{
    const struct firm *firm = &m->firms[i];
    int64_t now = clock_wall_ms(), ignored, sequence = -1;
    bool checking = m->known[i] && firm->listing.status == LISTING_CHECKING;
    const char *status = !m->known[i] || checking ? "not_listed" : listing_name(firm->listing.status);
    assert_string_equal(text_of(doc, NULL, "status"), status);
    assert_string_equal(statement->status, status);
    assert_true(json_integer(json_member(json_root(doc), "sequence"), &sequence));
    assert_int_equal(sequence, m->known[i] ? firm->listing.sequence : 0);
    int64_t this_update = time_of(doc, NULL, "this_update"), next = time_of(doc, NULL, "next_update");
    assert_true(this_update <= now && now - this_update < DAY && next <= this_update + DAY);
    assert_true(now < next || statement->this_update_ms == now);
    assert_int_equal(time_of(doc, NULL, "as_of"), this_update);
    /* what it says of its source is still true, and it names the newest contact when that is late */
    int64_t completed = time_of(doc, "source", "completed_at");
    int64_t period = strcmp(text_of(doc, "source", "id"), "bureau-sx") == 0 ? 6 * HOUR : HOUR;
    const char *said = text_of(doc, "source", "freshness");
    assert_string_equal(said, freshness_name(freshness_of(completed, period, 7 * DAY, 30 * DAY, now, &ignored)));
    if (strcmp(said, "on_time") != 0)
        assert_int_equal(completed, naive_contact(m, i));
    /* never told on the day after */
    if (m->known[i] && firm_due(firm) != DATE_NONE && firm_due(firm) > date_of_ms(now))
        assert_true(next <= date_start_ms(firm_due(firm)));
}

static void ask_model(struct world *w, struct model *m)
{
    unsigned i = rnd(FIRMS);
    enum statement_form form = rnd(2) ? STATEMENT_JOSE : STATEMENT_JSON;
    int64_t contact_ms = naive_contact(m, i);
    const struct statement *statement;
    struct err err = {0};
    char uscc[USCC_SIZE];
    snprintf(uscc, sizeof(uscc), "91140100MA0M0DEL0%u", i);
    bool told =
        try_ask(w, uscc, rnd(2) ? POLICY_VIEW_FULL : POLICY_VIEW_BANK, CRYPTO_ES256, form, &statement, NULL, &err);
    assert_int_equal(told, contact_ms != 0 && clock_wall_ms() - contact_ms < 30 * DAY);
    if (!told) {
        assert_int_equal(err.code, ERR_SOURCE_STALE);
        return;
    }
    struct jws_expect expect = {
        .alg = CRYPTO_ES256, .keys = {crypto_keyring_public(w->ring, CRYPTO_SIGN_ES256)}, .key_n = 1};
    struct buf payload;
    buf_init(&payload, 1 << 16);
    if (form == STATEMENT_JSON) {
        buf_put(&payload, statement->body.p, statement->body.n);
        NEED(jws_verify_detached(&expect, bytes_str(statement->signature), statement->body, NULL, &err), err);
    } else {
        NEED(jws_verify_compact(&expect, statement->body, &payload, NULL, &err), err);
    }
    struct json_doc *doc = parse(buf_bytes(&payload));
    assert_true_now(m, i, statement, doc);
    json_free(&doc);
    buf_free(&payload);
    statement_release(&statement);
}

static void the_cache_never_tells_what_has_passed(void **state)
{
    struct world *w = *state;
    struct model *m = calloc(1, sizeof(*m));
    int64_t hits = metric_get(METRIC_STATEMENT_CACHE_HITS);
    for (int step = 0; step < STEPS; step++) {
        unsigned what = rnd(100);
        if (what < 80)
            ask_model(w, m);
        else if (what < 84)
            change_firm(w, m);
        else if (what < 86)
            contact(w, "bureau-sx", "v", m->contact_sx = clock_wall_ms() - clock_wall_ms() % SECOND);
        else if (what < 88)
            contact(w, "bureau-ty", "v", m->contact_ty = clock_wall_ms() - clock_wall_ms() % SECOND);
        else if (what < 89)
            w->context.generation++;
        else
            later(what < 95 ? rnd(2000) : what < 99 ? rnd((uint32_t)(6 * HOUR)) : rnd((uint32_t)(20 * DAY)));
    }
    hits = metric_get(METRIC_STATEMENT_CACHE_HITS) - hits;
    print_message("%lld of about %d questions from the cache\n", (long long)hits, STEPS * 80 / 100);
    assert_true(hits > STEPS / 10);
    free(m);
}

/* ---- many threads ---- */

struct asker {
    struct world *w;
    _Atomic bool *stop;
    _Atomic uint64_t *committed; /* what the firm's sequence is at least */
    int wrong, asked;
};

static void *asks(void *arg)
{
    struct asker *asker = arg;
    for (asker->asked = 0; !atomic_load(asker->stop) || asker->asked < 50; asker->asked++) {
        const struct statement *statement;
        struct err err = {0};
        char uscc[USCC_SIZE];
        snprintf(uscc, sizeof(uscc), "91140100MA0THREAD%u", (unsigned)asker->asked % 3);
        uint64_t least = atomic_load(asker->committed);
        if (!try_ask(asker->w, uscc, POLICY_VIEW_BANK, CRYPTO_ES256, STATEMENT_JSON, &statement, NULL, &err)) {
            asker->wrong++;
            continue;
        }
        if (statement->sequence < least || memcmp(statement->body.p, "{\"id\":\"st-", 10) != 0)
            asker->wrong++;
        statement_release(&statement);
    }
    return NULL;
}

static void threads_are_never_told_less_than_what_was_committed(void **state)
{
    struct world *w = *state;
    pthread_t threads[4];
    struct asker askers[4];
    _Atomic bool stop = false;
    _Atomic uint64_t committed = 1;
    contact(w, "bureau-sx", "v", T0);
    for (uint64_t sequence = 1; sequence <= 200; sequence++) {
        for (int i = 0; i < 3; i++) {
            char uscc[USCC_SIZE];
            snprintf(uscc, sizeof(uscc), "91140100MA0THREAD%u", (unsigned)i);
            struct firm firm = listed_firm(uscc, sequence);
            put_firm(w, &firm);
        }
        atomic_store(&committed, sequence);
        if (sequence == 1)
            for (int i = 0; i < 4; i++) {
                askers[i] = (struct asker){.w = w, .stop = &stop, .committed = &committed};
                pthread_create(&threads[i], NULL, asks, &askers[i]);
            }
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(askers[i].wrong, 0);
        assert_true(askers[i].asked >= 50);
    }
}

#define ANSWER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ANSWER_TEST(without_any_whole_list_nothing_is_told),
        ANSWER_TEST(the_source_is_that_of_the_certification_or_the_oldest_whole_list),
        ANSWER_TEST(too_old_is_refused_and_new_contact_ends_that),
        ANSWER_TEST(a_late_source_is_looked_at_again_each_time),
        ANSWER_TEST(signed_once_and_told_many_times),
        ANSWER_TEST(a_reader_of_yesterday_spoils_nothing),
        ANSWER_TEST(everything_that_matters_makes_a_new_one),
        ANSWER_TEST(nothing_is_promised_beyond_the_key),
        ANSWER_TEST(views_algorithms_and_forms_are_kept_apart),
        ANSWER_TEST(only_the_cache_is_asked_when_so_wished),
        ANSWER_TEST(without_room_each_answer_is_signed_anew),
        ANSWER_TEST(a_small_cache_keeps_what_is_asked_for_and_forgets_the_rest),
        ANSWER_TEST(others_verify_both_forms),
        ANSWER_TEST(every_algorithm_verifies_and_a_changed_body_does_not),
        ANSWER_TEST(xml_is_signed_as_agreed),
        ANSWER_TEST(the_unsigned_text_is_the_same_statement),
        ANSWER_TEST(no_rules_no_answer),
        ANSWER_TEST(a_firms_life_as_a_bank_reads_it),
        ANSWER_TEST(the_cache_never_tells_what_has_passed),
        ANSWER_TEST(threads_are_never_told_less_than_what_was_committed),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
