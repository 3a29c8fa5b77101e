/* What a record does to the state tables. The committer uses it when it writes, the rebuild when it reads: the
 * same function, so state follows from the journal by construction. It decides nothing. */
#include "ledger/internal.h"

#include <string.h>

#include "json/json.h"

void apply_init(struct apply *apply, struct store_txn *txn, struct arena *arena)
{
    *apply = (struct apply){.txn = txn, .arena = arena};
    buf_init(&apply->value, FIRM_VALUE_MAX);
}

void apply_free(struct apply *apply)
{
    buf_free(&apply->value);
}

bool apply_firm_read(struct apply *apply, const char *uscc, struct firm *out, bool *known_out, struct err *err)
{
    struct store_key key = key_text(uscc);
    struct bytes value;
    bool known = store_get(apply->txn, TABLE_FIRM, &key, &value);
    if (known_out != NULL)
        *known_out = known;
    if (!known) {
        firm_init(out, uscc);
        return !store_failed(apply->txn, err);
    }
    /* copied, because the next write of this transaction may move the page */
    return firm_decode(bytes_dup(apply->arena, value), uscc, out, err);
}

/* ---- a firm ---- */

static void move_status(struct apply *apply, const char *uscc, enum listing_status from, enum listing_status to)
{
    if (from == to)
        return;
    if (from != LISTING_NONE) {
        struct store_key key = key_status((int)from, uscc);
        store_delete(apply->txn, TABLE_STATUS, &key);
        apply->tally[from]--;
    }
    if (to != LISTING_NONE) {
        struct store_key key = key_status((int)to, uscc);
        store_put(apply->txn, TABLE_STATUS, &key, (struct bytes){0});
        apply->tally[to]++;
    }
}

static void move_due(struct apply *apply, const char *uscc, date_day from, date_day to)
{
    if (from == to)
        return;
    if (from != DATE_NONE) {
        struct store_key key = key_due(from, uscc);
        store_delete(apply->txn, TABLE_DUE, &key);
    }
    if (to != DATE_NONE) {
        struct store_key key = key_due(to, uscc);
        store_put(apply->txn, TABLE_DUE, &key, (struct bytes){0});
    }
}

bool record_counts_for_guard(const struct record *record)
{
    bool machine = record->actor.kind == ACTOR_SOURCE || record->actor.kind == ACTOR_PARTNER;
    return machine && record->approval_id[0] == '\0' && record->from == LISTING_LISTED &&
           record->listing.status != LISTING_LISTED;
}

#define HOUR_MS (60 * 60 * 1000LL)

static void count_guard(struct apply *apply, const struct record *record)
{
    struct store_key key = key_guard(record->actor.id, record->time_ms / HOUR_MS);
    struct bytes old;
    uint64_t n = store_get(apply->txn, TABLE_GUARD, &key, &old) && old.n == 8 ? get_be64(old.p) : 0;
    uint8_t value[8];
    put_be64(value, n + 1);
    store_put(apply->txn, TABLE_GUARD, &key, bytes_of(value, sizeof value));
}

static struct store_key open_key(const char *uscc)
{
    return key_pair("open", uscc);
}

/* A firm that stopped waiting for a person leaves no question behind. */
static bool close_firm_proposal(struct apply *apply, const char *uscc, struct err *err)
{
    struct store_key key = open_key(uscc);
    struct bytes id;
    if (!store_get(apply->txn, TABLE_APPROVAL, &key, &id))
        return !store_failed(apply->txn, err);
    struct approval approval;
    const char *text = arena_strndup(apply->arena, (const char *)id.p, id.n);
    CHECK(approval_read(apply->txn, apply->arena, text, &approval, err));
    store_delete(apply->txn, TABLE_APPROVAL, &key);
    if (strcmp(approval.state, "open") != 0)
        return true;
    approval.state = "superseded";
    buf_reset(&apply->value);
    approval_encode(&approval, &apply->value);
    key = key_text(approval.id);
    store_put(apply->txn, TABLE_APPROVAL, &key, buf_bytes(&apply->value));
    return true;
}

static bool apply_firm(struct apply *apply, const struct record *record, const struct firm *before, struct err *err)
{
    struct firm stored;
    if (before == NULL) {
        CHECK(apply_firm_read(apply, record->uscc, &stored, NULL, err));
        before = &stored;
    }
    struct firm after = *before;
    firm_apply(&after, record);
    buf_reset(&apply->value);
    firm_encode(&after, &apply->value);
    if (apply->value.overflow)
        return err_set(err, ERR_INTERNAL, record->uscc, "firm value too large");
    struct store_key key = key_text(record->uscc);
    store_put(apply->txn, TABLE_FIRM, &key, buf_bytes(&apply->value));
    uint8_t time[8];
    put_be64(time, (uint64_t)record->time_ms);
    key = key_history(record->uscc, record->seq);
    store_put(apply->txn, TABLE_HISTORY, &key, bytes_of(time, sizeof time));
    move_status(apply, record->uscc, before->listing.status, after.listing.status);
    move_due(apply, record->uscc, firm_due(before), firm_due(&after));
    if (record_counts_for_guard(record))
        count_guard(apply, record);
    if (before->listing.status == LISTING_CHECKING && after.listing.status != LISTING_CHECKING)
        return close_firm_proposal(apply, record->uscc, err);
    return true;
}

/* ---- the other kinds ---- */

static bool put_approval(struct apply *apply, const struct approval *approval, struct err *err)
{
    struct buf value;
    buf_init(&value, APPROVAL_VALUE_MAX);
    approval_encode(approval, &value);
    bool fits = !value.overflow;
    struct store_key key = key_text(approval->id);
    if (fits)
        store_put(apply->txn, TABLE_APPROVAL, &key, buf_bytes(&value));
    buf_free(&value);
    return fits ? true : err_set(err, ERR_INTERNAL, approval->id, "approval value too large");
}

static bool apply_proposal(struct apply *apply, const struct record *record, struct err *err)
{
    struct approval approval = {
        .id = record->approval_id, .what = record->what, .object = record->object, .digest = record->object_digest,
        .maker = record->actor, .made_ms = record->time_ms, .note = record->note, .payload = record->payload,
        .state = "open", .decided_by = "", .comment = "", .seq = record->seq,
    };
    if (strcmp(record->what, "firm") == 0) {
        CHECK(close_firm_proposal(apply, record->object, err));
        struct store_key key = open_key(record->object);
        store_put(apply->txn, TABLE_APPROVAL, &key, bytes_str(record->approval_id));
    }
    return put_approval(apply, &approval, err);
}

static bool apply_approval(struct apply *apply, const struct record *record, struct err *err)
{
    struct approval approval;
    CHECK(approval_read(apply->txn, apply->arena, record->approval_id, &approval, err));
    approval.state = strcmp(record->what, "grant") == 0 ? "granted" : "rejected";
    approval.decided_by = record->actor.id;
    approval.comment = record->note;
    approval.decided_ms = record->time_ms;
    approval.decision_seq = record->seq;
    if (strcmp(approval.what, "firm") == 0) {
        struct store_key key = open_key(approval.object);
        store_delete(apply->txn, TABLE_APPROVAL, &key);
    }
    return put_approval(apply, &approval, err);
}

/* Only a run that was carried out is good contact with its source. */
static bool apply_run(struct apply *apply, const struct record *record, struct err *err)
{
    if (strcmp(record->run_state, "done") != 0)
        return true;
    struct source_state state;
    CHECK(source_state_read(apply->txn, apply->arena, record->source, &state, err));
    bool full = state.full || record->full;
    buf_reset(&apply->value);
    struct json_out out;
    json_out_init(&out, &apply->value);
    json_begin_object(&out);
    json_add_string_opt(&out, "list_version", record->list_version);
    json_add_integer(&out, "completed_ms", record->completed_ms);
    json_add_boolean(&out, "full", full);
    json_add_integer(&out, "seq", (int64_t)record->seq);
    json_end_object(&out);
    struct store_key key = key_text(record->source);
    store_put(apply->txn, TABLE_SOURCE, &key, buf_bytes(&apply->value));
    return true;
}

static bool apply_config(struct apply *apply, const struct record *record, struct err *err)
{
    (void)err;
    struct store_key key = key_text(record->object);
    store_put(apply->txn, TABLE_CONFIG, &key, bytes_str(record->object_digest));
    return true;
}

static bool apply_access(struct apply *apply, const struct record *record, struct err *err)
{
    (void)err;
    store_set_number(apply->txn, TABLE_SEGMENT, record->object, record->seq);
    return true;
}

bool apply_record(struct apply *apply, const struct record *record, const struct firm *before, struct err *err)
{
    switch (record->kind) {
    case RECORD_CERTIFICATION:
    case RECORD_EXCLUSION:
    case RECORD_LISTING:
        return apply_firm(apply, record, before, err);
    case RECORD_PROPOSAL:
        return apply_proposal(apply, record, err);
    case RECORD_APPROVAL:
        return apply_approval(apply, record, err);
    case RECORD_RUN:
        return apply_run(apply, record, err);
    case RECORD_CONFIG:
        return apply_config(apply, record, err);
    case RECORD_ACCESS:
        return apply_access(apply, record, err);
    case RECORD_KIND_COUNT:
        break;
    }
    return err_set(err, ERR_STORE_CORRUPT, "record", "kind %d", (int)record->kind);
}

int64_t apply_tally(struct apply *apply, enum listing_status status)
{
    return (int64_t)store_number(apply->txn, TABLE_TALLY, listing_name(status)) + apply->tally[status];
}

void apply_flush(struct apply *apply)
{
    for (int s = 1; s < LISTING_COUNT; s++) {
        if (apply->tally[s] == 0)
            continue;
        store_set_number(apply->txn, TABLE_TALLY, listing_name((enum listing_status)s),
                         (uint64_t)apply_tally(apply, (enum listing_status)s));
        apply->tally[s] = 0;
    }
}
