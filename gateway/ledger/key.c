/* The gateway's own signing keys: what is configured is compared with what the journal tells, each change is a record,
 * and a key once in use is never forgotten, so that what it signed can be verified for ever. */
#include "ledger/internal.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

/* ---- the stored row ---- */

struct row {
    struct ledger_key key;
    bool used;                       /* was active once: signatures exist */
};

static const char *text_of(struct arena *arena, const json_value *object, const char *name)
{
    const char *text = json_string(json_member(object, name));
    return text == NULL ? "" : arena_strdup(arena, text);
}

static bool read_row(struct arena *arena, struct bytes kid, struct bytes value, struct row *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    int64_t seq = 0;
    *out = (struct row){.key.kid = arena_strndup(arena, (const char *)kid.p, kid.n)};
    if (!json_parse(value, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, out->key.kid, "signing key");
    const json_value *o = json_root(doc);
    out->key.alg = text_of(arena, o, "alg");
    out->key.state = text_of(arena, o, "state");
    out->key.certificate = text_of(arena, o, "certificate");
    json_boolean(json_member(o, "used"), &out->used);
    json_integer(json_member(o, "since_ms"), &out->key.since_ms);
    json_integer(json_member(o, "seq"), &seq);
    out->key.seq = (uint64_t)seq;
    return true;
}

static bool find_row(struct store_txn *txn, struct arena *arena, const char *kid, struct row *out, bool *known_out,
                     struct err *err)
{
    struct store_key key = key_text(kid);
    struct bytes value;
    *known_out = store_get(txn, TABLE_KEY, &key, &value);
    if (*known_out)
        return read_row(arena, bytes_str(kid), value, out, err);
    *out = (struct row){.used = false};
    return !store_failed(txn, err);
}

static void write_row(struct apply *apply, const struct record *record, bool used)
{
    struct json_out out;
    buf_reset(&apply->value);
    json_out_init(&out, &apply->value);
    json_begin_object(&out);
    json_add_string(&out, "alg", record->alg);
    json_add_string(&out, "state", record->key_state);
    json_add_boolean(&out, "used", used);
    json_add_integer(&out, "since_ms", record->time_ms);
    json_add_integer(&out, "seq", (int64_t)record->seq);
    json_add_string(&out, "certificate", record->certificate);
    json_end_object(&out);
}

/* A staged key that is taken back was never used: nothing signed with it may be believed, so it is not kept. */
bool apply_key(struct apply *apply, const struct record *record, struct err *err)
{
    struct store_key key = key_text(record->kid);
    struct row old;
    bool known;
    CHECK(find_row(apply->txn, apply->arena, record->kid, &old, &known, err));
    bool used = old.used || strcmp(record->key_state, "active") == 0;
    if (!used && strcmp(record->key_state, "retired") == 0) {
        store_delete(apply->txn, TABLE_KEY, &key);
        return true;
    }
    write_row(apply, record, used);
    if (apply->value.overflow)
        return err_set(err, ERR_INTERNAL, record->kid, "key value too large");
    store_put(apply->txn, TABLE_KEY, &key, buf_bytes(&apply->value));
    return true;
}

bool ledger_keys(struct store_txn *txn, struct arena *arena, ledger_key_each *each, void *arg, struct err *err)
{
    struct store_walk walk;
    for (store_walk(&walk, txn, TABLE_KEY, NULL, NULL); store_next(&walk);) {
        struct row row;
        bool ok = read_row(arena, walk.key, walk.value, &row, err);
        if (!ok || !each(arg, &row.key)) {
            store_walk_end(&walk);
            return ok;
        }
    }
    return !store_failed(txn, err);
}

/* ---- what changed ---- */

#define KEYS_MAX (2 * CRYPTO_PURPOSE_COUNT) /* staged or in use at one time, and so the most that retire at once */

struct seen_keys {
    struct ledger_key keys[KEYS_MAX];
    size_t n;
    struct {
        char kid[CRYPTO_KID_SIZE];
        const char *state;
    } changes[2 * KEYS_MAX]; /* for the log, once they are durable */
    size_t change_n;
};
/* Those known that are no longer configured. */
struct leaving {
    const struct seen_keys *seen;
    struct ledger_key keys[KEYS_MAX];
    size_t n;
};

/* A bare key has nothing to be published with: tools and tests use them. */
static void see(struct seen_keys *seen, struct arena *arena, const struct crypto_key *key, enum crypto_purpose purpose,
                const char *state)
{
    struct buf text;
    if (key == NULL || crypto_key_certificate(key).n == 0)
        return;
    buf_init(&text, RECORD_CERTIFICATE_MAX + 4);
    base64_encode(&text, crypto_key_certificate(key), false);
    seen->keys[seen->n++] = (struct ledger_key){
        .kid = crypto_key_kid(key),
        .alg = crypto_purpose_name(purpose),
        .state = state,
        .certificate = arena_strndup(arena, (const char *)text.p, text.n),
    };
    buf_free(&text);
}

static bool is_seen(const struct seen_keys *seen, const char *kid)
{
    for (size_t i = 0; i < seen->n; i++) {
        if (strcmp(seen->keys[i].kid, kid) == 0)
            return true;
    }
    return false;
}

static bool note_leaving(void *arg, const struct ledger_key *key)
{
    struct leaving *leaving = arg;
    if (strcmp(key->state, "retired") != 0 && !is_seen(leaving->seen, key->kid))
        leaving->keys[leaving->n++] = *key;
    return leaving->n < KEYS_MAX;
}

static bool write_key(struct ledger_tx *tx, struct seen_keys *seen, const struct ledger_key *key, const char *state,
                      struct err *err)
{
    struct record record;
    record_init(&record, RECORD_KEY);
    record.actor = (struct actor){ACTOR_GATEWAY, ""};
    record.kid = key->kid;
    record.alg = key->alg;
    record.key_state = state;
    record.certificate = key->certificate;
    CHECK(ledger_record(tx, &record, err));
    snprintf(seen->changes[seen->change_n].kid, CRYPTO_KID_SIZE, "%s", key->kid);
    seen->changes[seen->change_n++].state = state;
    return true;
}

static bool write_when_new(struct ledger_tx *tx, struct seen_keys *seen, const struct ledger_key *key, struct err *err)
{
    struct row row;
    bool known;
    CHECK(find_row(tx->txn, tx->arena, key->kid, &row, &known, err));
    if (known && strcmp(row.key.state, key->state) == 0 && strcmp(row.key.certificate, key->certificate) == 0)
        return true;
    return write_key(tx, seen, key, key->state, err);
}

static bool saw_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct seen_keys *seen = arg;
    struct leaving leaving = {.seen = seen};
    seen->change_n = 0;
    for (size_t i = 0; i < seen->n; i++)
        CHECK(write_when_new(tx, seen, &seen->keys[i], err));
    CHECK(ledger_keys(tx->txn, tx->arena, note_leaving, &leaving, err));
    for (size_t i = 0; i < leaving.n; i++)
        CHECK(write_key(tx, seen, &leaving.keys[i], "retired", err));
    return true;
}

bool ledger_saw_keys(struct ledger *ledger, const struct crypto_keyring *ring, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct seen_keys seen = {.n = 0};
    for (int i = 0; i < CRYPTO_PURPOSE_COUNT; i++) {
        enum crypto_purpose purpose = (enum crypto_purpose)i;
        see(&seen, arena, crypto_keyring_public(ring, purpose), purpose, "active");
        see(&seen, arena, crypto_keyring_staged(ring, purpose), purpose, "staged");
    }
    CHECK(ledger_run(ledger, saw_job, &seen, err));
    for (size_t i = 0; i < seen.change_n; i++)
        log_event(LOG_NOTICE, "key.state", "kid=%s state=%s", seen.changes[i].kid, seen.changes[i].state);
    return true;
}
