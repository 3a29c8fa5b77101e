/* The gateway's own signing keys: what is configured is compared with what the journal tells, each change is a record,
 * and a key once in use is never forgotten, so that what it signed can be verified for ever. */
#include "ledger/internal.h"

#include <string.h>

#include "json/json.h"

static bool is_retired(const struct ledger_key *key)
{
    return strcmp(key->state, "retired") == 0;
}

/* ---- the stored row ---- */

bool apply_key(struct apply *apply, const struct record *record, struct err *err)
{
    struct json_out out;
    buf_reset(&apply->value);
    json_out_init(&out, &apply->value);
    json_begin_object(&out);
    json_add_string(&out, "alg", record->alg);
    json_add_string(&out, "state", record->key_state);
    json_add_integer(&out, "since_ms", record->time_ms);
    json_add_integer(&out, "seq", (int64_t)record->seq);
    json_add_string(&out, "certificate", record->certificate);
    json_end_object(&out);
    if (apply->value.overflow)
        return err_set(err, ERR_INTERNAL, record->kid, "key value too large");
    struct store_key key = key_text(record->kid);
    store_put(apply->txn, TABLE_KEY, &key, buf_bytes(&apply->value));
    return true;
}

static const char *text_of(struct arena *arena, const json_value *object, const char *name)
{
    const char *text = json_string(json_member(object, name));
    return text == NULL ? "" : arena_strdup(arena, text);
}

static bool read_row(struct arena *arena, struct bytes kid, struct bytes value, struct ledger_key *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    int64_t seq = 0;
    *out = (struct ledger_key){.kid = arena_strndup(arena, (const char *)kid.p, kid.n)};
    if (!json_parse(value, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, out->kid, "signing key");
    const json_value *o = json_root(doc);
    out->alg = text_of(arena, o, "alg");
    out->state = text_of(arena, o, "state");
    out->certificate = text_of(arena, o, "certificate");
    json_integer(json_member(o, "since_ms"), &out->since_ms);
    json_integer(json_member(o, "seq"), &seq);
    out->seq = (uint64_t)seq;
    return true;
}

bool ledger_keys(struct store_txn *txn, struct arena *arena, ledger_key_each *each, void *arg, struct err *err)
{
    struct store_walk walk;
    for (store_walk(&walk, txn, TABLE_KEY, NULL, NULL); store_next(&walk);) {
        struct ledger_key key;
        bool ok = read_row(arena, walk.key, walk.value, &key, err);
        if (!ok || !each(arg, &key)) {
            store_walk_end(&walk);
            return ok;
        }
    }
    return !store_failed(txn, err);
}

/* ---- what changed ---- */

struct seen_keys {
    const struct ledger_key *keys;
    size_t n;
};
/* Those known that are in use and no longer configured. */
struct leaving {
    const struct seen_keys *seen;
    struct ledger_key keys[LEDGER_KEYS_MAX];
    size_t n;
};

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
    if (!is_retired(key) && !is_seen(leaving->seen, key->kid))
        leaving->keys[leaving->n++] = *key;
    return leaving->n < LEDGER_KEYS_MAX;
}

static bool write_key(struct ledger_tx *tx, const struct ledger_key *key, const char *state, struct err *err)
{
    struct record record;
    record_init(&record, RECORD_KEY);
    record.actor = (struct actor){ACTOR_GATEWAY, ""};
    record.kid = key->kid;
    record.alg = key->alg;
    record.key_state = state;
    record.certificate = key->certificate;
    return ledger_record(tx, &record, err);
}

static bool write_when_new(struct ledger_tx *tx, const struct ledger_key *key, struct err *err)
{
    struct store_key id = key_text(key->kid);
    struct ledger_key known;
    struct bytes value;
    if (store_get(tx->txn, TABLE_KEY, &id, &value)) {
        CHECK(read_row(tx->arena, bytes_str(key->kid), value, &known, err));
        if (strcmp(known.state, key->state) == 0 && strcmp(known.certificate, key->certificate) == 0)
            return true;
    }
    return !store_failed(tx->txn, err) && write_key(tx, key, key->state, err);
}

static bool saw_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct seen_keys *seen = arg;
    struct leaving leaving = {.seen = seen};
    for (size_t i = 0; i < seen->n; i++)
        CHECK(write_when_new(tx, &seen->keys[i], err));
    do {
        leaving.n = 0;
        CHECK(ledger_keys(tx->txn, tx->arena, note_leaving, &leaving, err));
        for (size_t i = 0; i < leaving.n; i++)
            CHECK(write_key(tx, &leaving.keys[i], "retired", err));
    } while (leaving.n == LEDGER_KEYS_MAX);
    return true;
}

bool ledger_saw_keys(struct ledger *ledger, const struct ledger_key *keys, size_t n, struct err *err)
{
    struct seen_keys seen = {keys, n};
    return ledger_run(ledger, saw_job, &seen, err);
}
