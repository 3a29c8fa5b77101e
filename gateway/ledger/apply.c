/* What a record does to the state tables. The committer uses it when it writes, the rebuild when it reads: the
 * same function, so state follows from the journal by construction. It decides nothing. */
#include "ledger/internal.h"

#include <string.h>

#include "json/json.h"

/* The largest: a pledge has the lists of its record, a question a payload. */
#define VALUE_MAX (RECORD_BYTES_MAX + APPROVAL_VALUE_MAX)

void apply_init(struct apply *apply, struct store_txn *txn, struct arena *arena)
{
    *apply = (struct apply){.txn = txn, .arena = arena};
    buf_init(&apply->value, VALUE_MAX);
}

void apply_begin(struct apply *apply, struct store_txn *txn)
{
    apply->txn = txn;
    memset(apply->tally, 0, sizeof apply->tally);
    apply->proposals = 0;
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

/* What a person granted as a whole (a held run, the held rows of a message): the rows that it takes off the list
 * carry its object as their origin. */
static struct store_key granted_key(const char *object)
{
    return key_pair("granted", object);
}

/* A source or partner took a listed firm off the list without a person. Judged by what the stored record says and
 * what stands in state, so that a rebuild comes to the same. */
static bool counts_for_guard(struct apply *apply, const struct record *record, const struct listing *before)
{
    bool machine = record->actor.kind == ACTOR_SOURCE || record->actor.kind == ACTOR_PARTNER;
    if (!machine || !listing_leaves(before, &record->listing, date_of_ms(record->time_ms)))
        return false;
    struct store_key key = granted_key(record->origin);
    struct bytes none;
    return !store_get(apply->txn, TABLE_APPROVAL, &key, &none);
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

bool apply_open_question(struct apply *apply, const char *uscc, const char **id_out, struct err *err)
{
    struct store_key key = open_key(uscc);
    struct bytes id;
    *id_out = NULL;
    if (store_get(apply->txn, TABLE_APPROVAL, &key, &id))
        *id_out = arena_strndup(apply->arena, (const char *)id.p, id.n);
    return !store_failed(apply->txn, err);
}

static bool put_approval(struct apply *apply, const struct approval *approval, struct err *err)
{
    buf_reset(&apply->value);
    approval_encode(approval, &apply->value);
    if (apply->value.overflow)
        return err_set(err, ERR_INTERNAL, approval->id, "approval value too large");
    struct store_key key = key_text(approval->id);
    store_put(apply->txn, TABLE_APPROVAL, &key, buf_bytes(&apply->value));
    return true;
}

/* Open proposals are counted, and listed by their number so that nobody reads through the closed ones. */
static void proposal_opened(struct apply *apply, const struct approval *approval)
{
    struct store_key key = key_waiting(approval->seq);
    store_put(apply->txn, TABLE_APPROVAL, &key, bytes_str(approval->id));
    apply->proposals++;
}

static void proposal_closed(struct apply *apply, const struct approval *approval)
{
    struct store_key key = key_waiting(approval->seq);
    store_delete(apply->txn, TABLE_APPROVAL, &key);
    apply->proposals--;
}

/* A firm that stopped waiting for a person leaves no question behind. */
static bool close_question(struct apply *apply, const char *uscc, struct err *err)
{
    const char *id;
    CHECK(apply_open_question(apply, uscc, &id, err));
    if (id == NULL)
        return true;
    struct approval approval;
    CHECK(approval_read(apply->txn, apply->arena, id, &approval, err));
    struct store_key key = open_key(uscc);
    store_delete(apply->txn, TABLE_APPROVAL, &key);
    proposal_closed(apply, &approval);
    approval.state = "superseded";
    return put_approval(apply, &approval, err);
}

static bool waits(const struct firm *firm)
{
    return firm->listing.status == LISTING_CHECKING || firm->name_pending[0] != '\0';
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
    if (apply->value.overflow || apply->value.n > FIRM_VALUE_MAX)
        return err_set(err, ERR_INTERNAL, record->uscc, "firm value too large");
    struct store_key key = key_text(record->uscc);
    store_put(apply->txn, TABLE_FIRM, &key, buf_bytes(&apply->value));
    uint8_t time[8];
    put_be64(time, (uint64_t)record->time_ms);
    key = key_history(record->uscc, record->seq);
    store_put(apply->txn, TABLE_HISTORY, &key, bytes_of(time, sizeof time));
    move_status(apply, record->uscc, before->listing.status, after.listing.status);
    move_due(apply, record->uscc, firm_due(before), firm_due(&after));
    apply_change(apply, record);
    if (counts_for_guard(apply, record, &before->listing))
        count_guard(apply, record);
    return waits(before) && !waits(&after) ? close_question(apply, record->uscc, err) : true;
}

/* ---- the other kinds ---- */

static bool apply_proposal(struct apply *apply, const struct record *record, struct err *err)
{
    struct approval approval = {
        .id = record->approval_id,
        .what = record->what,
        .object = record->object,
        .digest = record->object_digest,
        .maker = record->actor,
        .made_ms = record->time_ms,
        .note = record->note,
        .payload = record->payload,
        .state = "open",
        .decided_by = "",
        .comment = "",
        .seq = record->seq,
    };
    if (strcmp(record->what, "firm") == 0) {
        CHECK(close_question(apply, record->object, err));
        struct store_key key = open_key(record->object);
        store_put(apply->txn, TABLE_APPROVAL, &key, bytes_str(record->approval_id));
    }
    proposal_opened(apply, &approval);
    return put_approval(apply, &approval, err);
}

/* Its question about the firm is answered; one that granted a whole run or batch stands for all its rows. */
static void settle(struct apply *apply, const struct approval *approval, bool granted)
{
    struct store_key key = open_key(approval->object);
    if (strcmp(approval->what, "firm") == 0) {
        store_delete(apply->txn, TABLE_APPROVAL, &key);
    } else if (granted && strcmp(approval->what, "act") != 0) {
        key = granted_key(approval->object);
        store_put(apply->txn, TABLE_APPROVAL, &key, bytes_str(approval->id));
    }
}

static bool apply_approval(struct apply *apply, const struct record *record, struct err *err)
{
    struct approval approval;
    CHECK(approval_read(apply->txn, apply->arena, record->approval_id, &approval, err));
    bool granted = strcmp(record->what, "grant") == 0;
    approval.state = granted ? "granted" : "rejected";
    approval.decided_by = record->actor.id;
    approval.comment = record->note;
    approval.decided_ms = record->time_ms;
    approval.decision_seq = record->seq;
    proposal_closed(apply, &approval);
    settle(apply, &approval, granted);
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
    past_contact(apply, record);
    return true;
}

static bool apply_config(struct apply *apply, const struct record *record, struct err *err)
{
    (void)err;
    struct store_key key = key_text(record->object);
    store_put(apply->txn, TABLE_CONFIG, &key, bytes_str(record->object_digest));
    past_config(apply, record);
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
    case RECORD_KEY:
        return apply_key(apply, record, err);
    case RECORD_MESSAGE:
    case RECORD_RECEIPT:
        return apply_message(apply, record, err);
    case RECORD_ENTERPRISE:
        return apply_firm(apply, record, before, err);
    case RECORD_OBJECTION:
        return apply_firm(apply, record, before, err) && apply_objection(apply, record, err);
    case RECORD_CREDIT:
        return apply_credit(apply, record, err);
    case RECORD_PLEDGE:
        return apply_pledge(apply, record, err);
    case RECORD_RIGHT:
        return apply_right(apply, record, err);
    case RECORD_PURGE:
        return true; /* what it erased leaves no trace in state by choice of what may be erased */
    case RECORD_KIND_COUNT:
        break;
    }
    return err_set(err, ERR_STORE_CORRUPT, "record", "kind %d", (int)record->kind);
}

int64_t apply_tally(struct apply *apply, enum listing_status status)
{
    return (int64_t)store_number(apply->txn, TABLE_TALLY, listing_name(status)) + apply->tally[status];
}

#define OPEN_PROPOSALS "open_proposals"

int64_t apply_proposals(struct apply *apply)
{
    return (int64_t)store_number(apply->txn, TABLE_TALLY, OPEN_PROPOSALS) + apply->proposals;
}

/* Absent when 0: how many transactions it took to get there must not show. */
static void put_tally(struct apply *apply, const char *name, int64_t n)
{
    struct store_key key = key_text(name);
    if (n != 0)
        store_set_number(apply->txn, TABLE_TALLY, name, (uint64_t)n);
    else
        store_delete(apply->txn, TABLE_TALLY, &key);
}

void apply_flush(struct apply *apply)
{
    for (int s = 1; s < LISTING_COUNT; s++) {
        enum listing_status status = (enum listing_status)s;
        if (apply->tally[s] != 0)
            put_tally(apply, listing_name(status), apply_tally(apply, status));
        apply->tally[s] = 0;
    }
    if (apply->proposals != 0)
        put_tally(apply, OPEN_PROPOSALS, apply_proposals(apply));
    apply->proposals = 0;
}
