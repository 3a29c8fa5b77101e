/* statement: from a question to a signed answer. A cached one is told while the firm's last record, the
 * configuration and the clock agree with it; otherwise a new one is built, signed and kept. */
#include "statement/internal.h"

#include <stdlib.h>
#include <string.h>

/* Threads read the clock a moment apart; a statement from further ahead was signed before the clock was set back. */
#define AHEAD_MS 1000
#define ETAG_BYTES 18
#define BODY_USUAL 1024
#define SIGNATURE_USUAL 511
#define ETAG_SIZE (2 + ETAG_BYTES / 3 * 4 + 1)

struct statements {
    struct statements_options options;
    char *issuer_name, *issuer_uscc;
    struct statement_cache *cache;
    struct statement_contacts *contacts;
    struct statement_ids ids;
};

struct statements *statements_new(const struct statements_options *options)
{
    struct statements *statements = xcalloc(1, sizeof(*statements));

    statements->options = *options;
    statements->issuer_name = xstrdup(options->issuer_name);
    statements->issuer_uscc = xstrdup(options->issuer_uscc);
    statements->cache = statement_cache_new(options->cache_max);
    statements->contacts = statement_contacts_new();
    pthread_mutex_init(&statements->ids.lock, NULL);
    return statements;
}

void statements_free(struct statements **statements)
{
    if (*statements == NULL)
        return;
    statement_cache_free(&(*statements)->cache);
    statement_contacts_free(&(*statements)->contacts);
    pthread_mutex_destroy(&(*statements)->ids.lock);
    wipe(&(*statements)->ids, sizeof((*statements)->ids));
    free((*statements)->issuer_name);
    free((*statements)->issuer_uscc);
    free(*statements);
    *statements = NULL;
}

struct question {
    struct statements *statements;
    const struct statement_context *context;
    struct store_txn *txn;
    struct statement_key key;
    int64_t now_ms;
    struct firm firm; /* as the store has it, empty when not known; text borrowed from the transaction */
    const struct past *past; /* NULL: about now; else now_ms is that moment */
    const struct rules *past_rules;
    uint64_t corrected_by;
    int64_t signed_ms;
};

static void question_init(struct question *question, struct statements *statements,
                          const struct statement_context *context, struct store_txn *txn, const char *uscc,
                          int64_t now_ms)
{
    question->statements = statements;
    question->context = context;
    question->txn = txn;
    question->now_ms = question->signed_ms = now_ms;
    question->past = NULL;
    question->past_rules = NULL;
    question->corrected_by = 0;
    question->key = (struct statement_key){0};
    strncat(question->key.uscc, uscc, USCC_SIZE - 1);
}

static bool read_firm(struct question *question, struct err *err)
{
    struct store_key key = key_text(question->key.uscc);
    struct bytes value;

    if (store_get(question->txn, TABLE_FIRM, &key, &value))
        return firm_decode(value, question->key.uscc, &question->firm, err);
    firm_init(&question->firm, question->key.uscc);
    return !store_failed(question->txn, err);
}

/* ---- from memory --------------------------------------------------------------------------------------------- */

static bool has_new_contact(const struct question *question, const struct statement_entry *entry)
{
    AUTO_ARENA arena = arena_new();
    struct source_state state;
    struct err err = {0};

    return !statement_contacts_read(question->statements->contacts, question->txn, arena, entry->source_id, &state,
                                    &err) ||
           state.completed_ms != entry->source_completed_ms;
}

static bool may_be_told(const struct question *question, const struct statement_entry *entry)
{
    const struct statement *statement = &entry->statement;

    if (entry->last_sequence != question->firm.last_sequence || entry->generation != question->context->generation)
        return false;
    if (question->now_ms >= statement->next_update_ms || question->now_ms + AHEAD_MS < statement->this_update_ms)
        return false;
    return !entry->late || !has_new_contact(question, entry);
}

static const struct statement *recall(const struct question *question)
{
    struct statement_entry *entry = statement_cache_find(question->statements->cache, &question->key);

    if (entry == NULL)
        return NULL;
    if (!may_be_told(question, entry)) {
        statement_entry_release(entry);
        return NULL;
    }
    metric_add(METRIC_STATEMENTS, 1);
    metric_add(METRIC_STATEMENT_CACHE_HITS, 1);
    return &entry->statement;
}

/* ---- a new one ------------------------------------------------------------------------------------------------ */

/* What is signed may be relied on no longer than the key that signs it. */
static int64_t until_key_ends(const struct question *question, int64_t next_update_ms)
{
    enum crypto_purpose purpose;
    const struct crypto_key *key = NULL;
    int64_t end;

    if (crypto_keyring_purpose((enum crypto_alg)question->key.alg, &purpose))
        key = crypto_keyring_public(question->context->ring, purpose);
    end = key == NULL ? 0 : crypto_key_not_after(key);
    return end > question->now_ms && end < next_update_ms ? end : next_update_ms;
}

static bool gather(const struct question *question, enum policy_view view, struct arena *arena,
                   struct statement_facts *out, struct err *err)
{
    struct statements *statements = question->statements;
    const struct statements_options *options = &statements->options;
    const struct statement_view sources = {.options = options,
                                           .directory = question->context->directory,
                                           .contacts = statements->contacts,
                                           .txn = question->txn,
                                           .arena = arena,
                                           .now_ms = question->now_ms,
                                           .past = question->past};
    char *id = arena_alloc(arena, STATEMENT_ID_SIZE);

    statement_new_id(&statements->ids, id);
    *out = (struct statement_facts){.id = id,
                                    .firm = &question->firm,
                                    .view = view,
                                    .issuer_name = statements->issuer_name,
                                    .issuer_uscc = statements->issuer_uscc,
                                    .now_ms = question->now_ms,
                                    .signed_ms = question->past != NULL ? question->signed_ms : 0,
                                    .corrected_by = question->corrected_by};
    out->rules = question->past != NULL ? question->past_rules
                                        : policy_in_force(question->context->policy, date_of_ms(question->now_ms));
    if (out->rules == NULL)
        return err_set(err, ERR_RULES_NONE, NULL, "%s", "");
    CHECK(statement_source_choose(&sources, out->firm, &out->source, err));
    out->head = journal_size(options->journal, question->txn);
    if (question->past != NULL)
        return true;
    out->next_update_ms = until_key_ends(
        question, statement_next_update(out, question->context->policy, options->validity_ms));
    return true;
}

static bool build(const struct question *question, enum policy_view view, struct arena *arena,
                  struct statement_facts *facts, struct buf *out, struct err *err)
{
    CHECK(gather(question, view, arena, facts, err));
    statement_build(facts, out);
    return !out->overflow || err_set(err, ERR_INTERNAL, question->key.uscc, "a statement is too long");
}

/* Room at once for what is usual, instead of doubling up to it. */
static void with_room(struct buf *buf, size_t max, size_t usual)
{
    uint8_t *p;

    buf_init(buf, max);
    p = buf_reserve(buf, usual);
    *p = '\0';
}

/* JSON: body and detached signature. The other forms take the body's place. */
static bool sign(const struct question *question, struct buf *body, struct buf *signature, struct err *err)
{
    const struct crypto_keyring *ring = question->context->ring;
    enum crypto_alg alg = (enum crypto_alg)question->key.alg;
    struct buf plain;
    bool ok;

    if (question->key.form == STATEMENT_JSON)
        return jws_sign_detached(ring, alg, STATEMENT_TYP, question->signed_ms, buf_bytes(body), signature, err);
    plain = *body;
    if (question->key.form == STATEMENT_XML) {
        with_room(body, STATEMENT_XML_MAX, 4 * BODY_USUAL);
        ok = statement_sign_xml(question->context, alg, buf_bytes(&plain), body, err);
    } else {
        with_room(body, JWS_COMPACT_MAX, 3 * BODY_USUAL);
        ok = jws_sign_compact(ring, alg, STATEMENT_TYP, question->signed_ms, buf_bytes(&plain), body, err);
    }
    buf_free(&plain);
    return ok;
}

/* Changes with every signing, because each body has an id of its own. */
static void make_etag(const uint8_t digest[CRYPTO_DIGEST_SIZE], char out[ETAG_SIZE])
{
    struct buf text;

    buf_init(&text, ETAG_SIZE);
    buf_byte(&text, '"');
    base64_encode(&text, bytes_of(digest, ETAG_BYTES), true);
    buf_byte(&text, '"');
    memcpy(out, text.p, text.n + 1);
    buf_free(&text);
}

static const char *copy_text(char **at, struct bytes text)
{
    char *copy = *at;

    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    *at += text.n + 1;
    return copy;
}

/* One block of memory, with the text behind the entry. */
static struct statement_entry *new_entry(const struct question *question, const struct statement_facts *facts,
                                         const struct buf *body, const struct buf *signature)
{
    struct bytes id = bytes_str(facts->id), source = bytes_str(facts->source.id);
    size_t text = body->n + signature->n + ETAG_SIZE + id.n + source.n + 4;
    struct statement_entry *entry = statement_entry_new(statement_cache_memory(question->statements->cache), text);
    struct statement *out = &entry->statement;
    char etag[ETAG_SIZE], *at = (char *)(entry + 1);

    crypto_digest(CRYPTO_SHA256, buf_bytes(body), out->digest);
    make_etag(out->digest, etag);
    out->body = bytes_of(copy_text(&at, buf_bytes(body)), body->n);
    out->signature = signature->n == 0 ? NULL : copy_text(&at, buf_bytes(signature));
    out->etag = question->past != NULL ? NULL : copy_text(&at, bytes_str(etag));
    out->id = copy_text(&at, id);
    out->status = listing_name(statement_status(&question->firm));
    out->sequence = question->firm.listing.sequence;
    out->head = facts->head;
    out->this_update_ms = question->signed_ms;
    out->next_update_ms = facts->next_update_ms;
    entry->key = question->key;
    entry->last_sequence = question->firm.last_sequence;
    entry->generation = question->context->generation;
    entry->source_completed_ms = facts->source.completed_ms;
    entry->source_id = copy_text(&at, source);
    entry->late = facts->source.freshness != FRESH_ON_TIME;
    return entry;
}

static bool make(const struct question *question, const struct statement **out, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct statement_facts facts;
    struct buf body, signature;
    struct statement_entry *entry = NULL;

    with_room(&body, STATEMENT_BODY_MAX, 2 * BODY_USUAL);
    with_room(&signature, JWS_COMPACT_MAX, SIGNATURE_USUAL);
    if (build(question, (enum policy_view)question->key.view, arena, &facts, &body, err) &&
        sign(question, &body, &signature, err)) {
        entry = new_entry(question, &facts, &body, &signature);
        if (question->past == NULL)
            statement_cache_put(question->statements->cache, entry);
        *out = &entry->statement;
        metric_add(METRIC_STATEMENTS, 1);
    }
    buf_free(&body);
    buf_free(&signature);
    return entry != NULL;
}

/* ---- what others call ----------------------------------------------------------------------------------------- */

static void set_form(struct question *question, enum policy_view view, enum crypto_alg alg, enum statement_form form)
{
    question->key.view = (uint8_t)view;
    question->key.alg = (uint8_t)alg;
    question->key.form = (uint8_t)form;
    if (form != STATEMENT_XML)
        return;
    if (alg == CRYPTO_PS256)
        question->key.alg = CRYPTO_RS256;
    statement_profile_key(&question->context->profile, question->key.profile);
}

bool statement_get(struct statements *statements, const struct statement_context *context, struct store_txn *txn,
                   const char *uscc, enum policy_view view, enum crypto_alg alg, enum statement_form form,
                   int64_t now_ms, const struct statement **out, bool *signed_out, struct err *err)
{
    struct question question;

    question_init(&question, statements, context, txn, uscc, now_ms);
    set_form(&question, view, alg, form);
    CHECK(read_firm(&question, err));
    *out = recall(&question);
    if (signed_out != NULL)
        *signed_out = *out == NULL;
    return *out != NULL || make(&question, out, err);
}

const struct statement *statement_cached(struct statements *statements, const struct statement_context *context,
                                         struct store_txn *txn, const char *uscc, enum policy_view view,
                                         enum crypto_alg alg, enum statement_form form, int64_t now_ms)
{
    struct question question;
    struct err err = {0};

    question_init(&question, statements, context, txn, uscc, now_ms);
    set_form(&question, view, alg, form);
    return read_firm(&question, &err) ? recall(&question) : NULL;
}

/* Everything that depends on the moment, read from the records up to it. */
static bool question_past(struct question *question, struct past *past, struct rules *rules, struct err *err)
{
    CHECK(journal_size_at(past->journal, past->txn, question->now_ms, &past->size, err));
    CHECK(past_firm(past, question->key.uscc, &question->firm, &question->corrected_by, err));
    CHECK(past_rules(past, question->context->policy, date_of_ms(question->now_ms), rules, err));
    question->past = past;
    question->past_rules = rules;
    return true;
}

bool statement_past(struct statements *statements, const struct statement_context *context, struct store_txn *txn,
                    const char *uscc, enum policy_view view, enum crypto_alg alg, enum statement_form form,
                    int64_t as_of_ms, int64_t now_ms, const struct statement **out, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct past past = {.journal = statements->options.journal, .txn = txn, .arena = arena};
    struct question question;
    struct rules rules;

    if (as_of_ms > now_ms)
        return err_set(err, ERR_HTTP_QUERY, "as_of", "a moment that has passed is expected");
    question_init(&question, statements, context, txn, uscc, as_of_ms);
    question.signed_ms = now_ms;
    set_form(&question, view, alg, form);
    CHECK(question_past(&question, &past, &rules, err));
    return make(&question, out, err);
}

void statement_release(const struct statement **statement)
{
    if (*statement != NULL)
        statement_entry_release(
            (struct statement_entry *)((uintptr_t)*statement - offsetof(struct statement_entry, statement)));
    *statement = NULL;
}

bool statement_write(struct statements *statements, const struct statement_context *context, struct store_txn *txn,
                     const char *uscc, enum policy_view view, int64_t now_ms, struct buf *out, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct statement_facts facts;
    struct question question;

    question_init(&question, statements, context, txn, uscc, now_ms);
    CHECK(read_firm(&question, err));
    CHECK(build(&question, view, arena, &facts, out, err));
    metric_add(METRIC_STATEMENTS, 1);
    return true;
}
