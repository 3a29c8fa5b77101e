/* What waits for a person, and what the person decided. */
#include "ledger/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

/* ---- stored bytes ---- */

void approval_encode(const struct approval *approval, struct buf *out)
{
    struct json_out json;
    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_string(&json, "id", approval->id);
    json_add_string(&json, "what", approval->what);
    json_add_string(&json, "object", approval->object);
    json_add_string_opt(&json, "digest", approval->digest);
    json_add_integer(&json, "maker_kind", approval->maker.kind);
    json_add_string_opt(&json, "maker", approval->maker.id);
    json_add_integer(&json, "made_ms", approval->made_ms);
    json_add_string_opt(&json, "note", approval->note);
    json_add_string_opt(&json, "payload", approval->payload);
    json_add_string(&json, "state", approval->state);
    json_add_string_opt(&json, "decided_by", approval->decided_by);
    json_add_string_opt(&json, "comment", approval->comment);
    json_add_integer(&json, "decided_ms", approval->decided_ms);
    json_add_integer(&json, "seq", (int64_t)approval->seq);
    json_add_integer(&json, "decision_seq", (int64_t)approval->decision_seq);
    json_end_object(&json);
}

static const char *text(struct arena *arena, const json_value *object, const char *name)
{
    const char *s = json_string(json_member(object, name));
    return s == NULL ? "" : arena_strdup(arena, s);
}

static int64_t number(const json_value *object, const char *name)
{
    int64_t v = 0;
    json_integer(json_member(object, name), &v);
    return v;
}

bool approval_decode(struct arena *arena, struct bytes in, struct approval *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    if (!json_parse(in, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, "approval", "not JSON");
    const json_value *o = json_root(doc);
    *out = (struct approval){
        .id = text(arena, o, "id"),
        .what = text(arena, o, "what"),
        .object = text(arena, o, "object"),
        .digest = text(arena, o, "digest"),
        .maker = {(enum actor_kind)number(o, "maker_kind"), text(arena, o, "maker")},
        .made_ms = number(o, "made_ms"),
        .note = text(arena, o, "note"),
        .payload = text(arena, o, "payload"),
        .state = text(arena, o, "state"),
        .decided_by = text(arena, o, "decided_by"),
        .comment = text(arena, o, "comment"),
        .decided_ms = number(o, "decided_ms"),
        .seq = (uint64_t)number(o, "seq"),
        .decision_seq = (uint64_t)number(o, "decision_seq"),
    };
    return true;
}

bool approval_read(struct store_txn *txn, struct arena *arena, const char *id, struct approval *out, struct err *err)
{
    struct store_key key = key_text(id);
    struct bytes value;
    if (strncmp(id, "p-", 2) != 0 || !store_get(txn, TABLE_APPROVAL, &key, &value))
        return err_set(err, ERR_APPROVAL_UNKNOWN, "approval", "%.40s", id);
    return approval_decode(arena, value, out, err);
}

bool approval_is_open(struct store_txn *txn, uint64_t seq)
{
    struct store_key key = key_waiting(seq);
    struct bytes id;
    return store_get(txn, TABLE_APPROVAL, &key, &id);
}

uint64_t approval_about(struct store_txn *txn, const char *uscc)
{
    struct store_key key = key_pair("open", uscc);
    struct bytes id;
    char digits[24] = {0};
    if (!store_get(txn, TABLE_APPROVAL, &key, &id) || id.n < 2 || id.n - 2 >= sizeof digits)
        return 0;
    memcpy(digits, id.p + 2, id.n - 2);
    return strtoull(digits, NULL, 10);
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static bool list_open(struct store_txn *txn, struct arena *arena, approval_each *each, void *arg, struct err *err)
{
    struct store_key prefix = key_waiting(STORE_PREFIX);
    struct store_walk walk;
    bool ok = true;
    for (store_walk_down(&walk, txn, TABLE_APPROVAL, NULL, &prefix); ok && store_next(&walk);) {
        struct approval approval;
        const char *id = arena_strndup(arena, (const char *)walk.value.p, walk.value.n);
        ok = approval_read(txn, arena, id, &approval, err);
        if (ok && !each(arg, &approval))
            break;
    }
    store_walk_end(&walk);
    return ok;
}

/* Ids sort as text (p-10 before p-9), so the numbers are gathered and sorted. The caller frees them. */
static uint64_t *numbers_of_all(struct store_txn *txn, size_t *n_out)
{
    struct store_key prefix = key_text("p-");
    struct store_walk walk;
    size_t n = 0, room = 0;
    uint64_t *seqs = NULL;
    for (store_walk(&walk, txn, TABLE_APPROVAL, NULL, &prefix); store_next(&walk);) {
        if (n == room) {
            room = room == 0 ? 256 : room * 2;
            seqs = xrealloc(seqs, room * sizeof *seqs);
        }
        char digits[24] = {0};
        size_t take = walk.key.n - 2 < sizeof digits - 1 ? walk.key.n - 2 : sizeof digits - 1;
        memcpy(digits, walk.key.p + 2, take);
        seqs[n++] = strtoull(digits, NULL, 10);
    }
    store_walk_end(&walk);
    if (n > 0)
        qsort(seqs, n, sizeof *seqs, newest_first);
    *n_out = n;
    return seqs;
}

static bool list_all(struct store_txn *txn, struct arena *arena, approval_each *each, void *arg, struct err *err)
{
    size_t n;
    uint64_t *seqs = numbers_of_all(txn, &n);
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++) {
        struct approval approval;
        ok = approval_read(txn, arena, arena_printf(arena, "p-%llu", (unsigned long long)seqs[i]), &approval, err);
        if (ok && !each(arg, &approval))
            break;
    }
    free(seqs);
    return ok;
}

bool approval_list(struct store_txn *txn, struct arena *arena, bool open_only, approval_each *each, void *arg,
                   struct err *err)
{
    bool ok = open_only ? list_open(txn, arena, each, arg, err) : list_all(txn, arena, each, arg, err);
    return ok && !store_failed(txn, err);
}

/* ---- proposing ---- */

bool ledger_propose(struct ledger_tx *tx, const struct approval *proposal, char *id_out, struct err *err)
{
    struct record record;
    record_init(&record, RECORD_PROPOSAL);
    record.actor = proposal->maker;
    record.what = proposal->what;
    record.object = proposal->object;
    record.object_digest = proposal->digest;
    record.note = proposal->note;
    record.payload = proposal->payload;
    if (strcmp(proposal->what, "run") == 0 || strcmp(proposal->what, "admit") == 0 ||
        strcmp(proposal->what, "message") == 0)
        record.origin = proposal->object;
    CHECK(tx_add(tx, &record, NULL, (struct bytes){0}, err));
    if (id_out != NULL)
        snprintf(id_out, PROPOSAL_ID_SIZE, "%s", record.approval_id);
    return true;
}

bool firm_proposal(struct ledger_tx *tx, const char *uscc, const struct actor *maker, const char *why,
                   uint64_t *seq_out, struct err *err)
{
    char digest[65], id[PROPOSAL_ID_SIZE];
    const char *old;
    CHECK(ledger_firm_digest(tx, uscc, digest, err));
    CHECK(apply_open_question(&tx->apply, uscc, &old, err));
    struct approval proposal = {.what = "firm",
                                .object = uscc,
                                .digest = digest,
                                .maker = *maker,
                                .note = why == NULL ? "" : why,
                                .payload = "{\"act\":\"confirm\"}"};
    CHECK(ledger_propose(tx, &proposal, id, err));
    *seq_out = tx->head + tx->entry_n;
    if (old != NULL)
        tx_move_held(tx, old, id);
    return true;
}

struct propose_act {
    const struct fact *fact;
    char *id_out;
};

/* NULL when it is too large. */
static const char *act_payload(struct arena *arena, const struct fact *fact)
{
    struct buf out;
    struct json_out json;
    buf_init(&out, APPROVAL_VALUE_MAX);
    json_out_init(&json, &out);
    json_begin_object(&json);
    json_add_string(&json, "act", fact_kind_name(fact->kind));
    if (fact->kind == FACT_SUSPEND || fact->kind == FACT_REMOVE || fact->kind == FACT_LIFT)
        json_add_string(&json, "ground", ground_name(fact->ground));
    json_add_string_opt(&json, "name", fact->row.name);
    json_add_string_opt(&json, "document_no", fact->document_no);
    json_add_date_opt(&json, "effective", fact->effective);
    json_add_date_opt(&json, "until", fact->until);
    json_add_boolean(&json, "doubtful", fact->uscc_doubtful);
    json_end_object(&json);
    const char *payload = out.overflow ? NULL : arena_strdup(arena, (const char *)out.p);
    buf_free(&out);
    return payload;
}

static bool propose_act_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct propose_act *act = arg;
    struct ledger_outcome outcome;
    CHECK(ledger_look(tx, act->fact, &outcome, err));
    if (!outcome.changed)
        return err_set(err, ERR_FIRM_STATE, act->fact->uscc, "%s changes nothing", fact_kind_name(act->fact->kind));
    char digest[65];
    CHECK(ledger_firm_digest(tx, act->fact->uscc, digest, err));
    struct approval proposal = {.what = "act",
                                .object = act->fact->uscc,
                                .digest = digest,
                                .maker = act->fact->actor,
                                .note = act->fact->note,
                                .payload = act_payload(tx->arena, act->fact)};
    if (proposal.payload == NULL)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, act->fact->uscc, "over %u bytes", APPROVAL_VALUE_MAX);
    return ledger_propose(tx, &proposal, act->id_out, err);
}

bool ledger_propose_act(struct ledger *ledger, const struct fact *fact, char id_out[32], struct err *err)
{
    if (fact->note == NULL || fact->note[0] == '\0')
        return err_set(err, ERR_APPROVAL_REASON, "/reason", "empty");
    if (strlen(fact->note) > RECORD_REASON_MAX)
        return err_set(err, ERR_SCHEMA_INVALID, "/reason", "over %d bytes", RECORD_REASON_MAX);
    struct propose_act act = {fact, id_out};
    return ledger_run(ledger, propose_act_job, &act, err);
}

bool ledger_close_proposal(struct ledger_tx *tx, const char *id, const char *note, struct err *err)
{
    struct approval approval;
    CHECK(approval_read(tx->txn, tx->arena, id, &approval, err));
    if (strcmp(approval.state, "open") != 0)
        return true;
    struct record record;
    record_init(&record, RECORD_APPROVAL);
    record.actor = (struct actor){ACTOR_GATEWAY, ""};
    record.approval_id = approval.id;
    record.what = "reject";
    record.object = approval.object;
    record.note = note;
    return ledger_record(tx, &record, err);
}
