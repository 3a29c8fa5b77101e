/* Sources' last good contact, and the configuration files that were seen. */
#include "ledger/internal.h"

#include <string.h>

#include "json/json.h"

bool source_state_read(struct store_txn *txn, struct arena *arena, const char *source, struct source_state *out,
                       struct err *err)
{
    *out = (struct source_state){.id = source, .list_version = ""};
    struct store_key key = key_text(source);
    struct bytes value;
    if (!store_get(txn, TABLE_SOURCE, &key, &value))
        return !store_failed(txn, err);
    AUTO_JSON doc = NULL;
    if (!json_parse(value, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, source, "source state");
    const json_value *o = json_root(doc);
    const char *version = json_string(json_member(o, "list_version"));
    int64_t seq = 0;
    if (version != NULL)
        out->list_version = arena_strdup(arena, version);
    json_integer(json_member(o, "completed_ms"), &out->completed_ms);
    json_boolean(json_member(o, "full"), &out->full);
    json_integer(json_member(o, "seq"), &seq);
    out->seq = (uint64_t)seq;
    return true;
}

struct seen {
    const char *object, *digest, *version;
    bool changed;
};

static bool saw_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct seen *seen = arg;
    struct store_key key = key_text(seen->object);
    struct bytes known;
    seen->changed = !store_get(tx->txn, TABLE_CONFIG, &key, &known) || !bytes_equal(known, bytes_str(seen->digest));
    if (!seen->changed)
        return !store_failed(tx->txn, err);
    struct record record;
    record_init(&record, RECORD_CONFIG);
    record.actor = (struct actor){ACTOR_GATEWAY, ""};
    record.object = seen->object;
    record.object_digest = seen->digest;
    record.note = seen->version;
    return ledger_record(tx, &record, err);
}

bool ledger_saw_config(struct ledger *ledger, const char *object, const char *digest_hex, const char *version,
                       struct err *err)
{
    struct seen seen = {object, digest_hex, version, false};
    CHECK(ledger_run(ledger, saw_job, &seen, err));
    if (seen.changed)
        log_event(LOG_NOTICE, "config.seen", "file=%s digest=%.16s", object, digest_hex);
    return true;
}
