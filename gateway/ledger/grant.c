/* A person decides a proposal: the checks, the record, and what follows in the same transaction. */
#include "ledger/internal.h"

#include <string.h>

#include "json/json.h"

struct verdict {
    const char *id;
    bool grant;
    const struct actor *person;
    const char *comment;
    uint64_t seq;
    bool works;
};

/* Acts as written into proposals by fact_kind_name. */
static bool act_kind(const char *name, enum fact_kind *out)
{
    static const enum fact_kind acts[] = {FACT_ADD, FACT_CONFIRM, FACT_SUSPEND, FACT_RESTORE, FACT_REMOVE, FACT_LIFT};
    for (size_t i = 0; name != NULL && i < sizeof acts / sizeof acts[0]; i++) {
        if (strcmp(name, fact_kind_name(acts[i])) == 0) {
            *out = acts[i];
            return true;
        }
    }
    return false;
}

static const char *payload_text(struct ledger_tx *tx, const json_value *payload, const char *name)
{
    const char *s = json_string(json_member(payload, name));
    return s == NULL ? "" : arena_strdup(tx->arena, s);
}

static bool payload_date(const json_value *payload, const char *name, date_day *out)
{
    const char *s = json_string(json_member(payload, name));
    return s == NULL || date_parse(bytes_str(s), out);
}

static bool fact_from_payload(struct ledger_tx *tx, const struct approval *approval, struct fact *fact, struct err *err)
{
    AUTO_JSON doc = NULL;
    CHECK(json_parse(bytes_str(approval->payload), &doc, err));
    const json_value *payload = json_root(doc);
    const char *ground = json_string(json_member(payload, "ground"));
    bool good = act_kind(json_string(json_member(payload, "act")), &fact->kind) &&
                (ground == NULL || ground_parse(ground, &fact->ground)) &&
                payload_date(payload, "effective", &fact->effective) && payload_date(payload, "until", &fact->until);
    if (!good)
        return err_set(err, ERR_STORE_CORRUPT, approval->id, "payload");
    fact->row.name = payload_text(tx, payload, "name");
    fact->document_no = payload_text(tx, payload, "document_no");
    json_boolean(json_member(payload, "doubtful"), &fact->uscc_doubtful);
    return true;
}

static void fact_init(struct fact *fact, const struct approval *approval, const struct verdict *verdict)
{
    ledger_fact_init(fact, FACT_REFUSE, approval->object);
    fact->actor = *verdict->person;
    fact->origin = approval->id;
    fact->approval_id = approval->id;
    fact->note = approval->note;
}

/* ---- the checks ---- */

static bool run_still_held(struct ledger_tx *tx, const struct approval *approval, struct err *err)
{
    struct store_key key = key_text(approval->object);
    struct bytes value;
    struct bytes state = {0}, inside = {0};
    if (store_get(tx->txn, TABLE_RUN, &key, &value) && json_scan_member(value, "state", &state) &&
        json_scan_string(state, &inside) && bytes_equal(inside, BYTES_LIT("held")))
        return true;
    return err_set(err, ERR_APPROVAL_CHANGED, approval->object, "the run is no longer held");
}

static bool is_about_firm(const char *what)
{
    return strcmp(what, "firm") == 0 || strcmp(what, "act") == 0;
}

static bool object_unchanged(struct ledger_tx *tx, const struct approval *approval, struct err *err)
{
    if (strcmp(approval->what, "run") == 0)
        return run_still_held(tx, approval, err);
    if (!is_about_firm(approval->what))
        return true; /* each firm or record is judged again when its turn comes */
    char digest[65];
    CHECK(ledger_firm_digest(tx, approval->object, digest, err));
    if (strcmp(digest, approval->digest) != 0)
        return err_set(err, ERR_APPROVAL_CHANGED, approval->object, "the firm has newer records");
    return true;
}

static bool may_decide(struct ledger_tx *tx, const struct verdict *verdict, const struct approval *approval,
                       struct err *err)
{
    if (strcmp(approval->state, "open") != 0)
        return err_set(err, ERR_APPROVAL_CLOSED, approval->id, "%s", approval->state);
    if (approval->maker.kind == ACTOR_PERSON && strcmp(approval->maker.id, verdict->person->id) == 0)
        return err_set(err, ERR_APPROVAL_SAME_PERSON, approval->id, "%s", verdict->person->id);
    /* what can no longer be carried out may still be closed by a rejection */
    return verdict->grant ? object_unchanged(tx, approval, err) : true;
}

/* ---- what follows ---- */

static bool firm_effect(struct ledger_tx *tx, const struct verdict *verdict, const struct approval *approval,
                        struct err *err)
{
    struct fact fact;
    struct ledger_outcome outcome;
    fact_init(&fact, approval, verdict);
    if (verdict->grant)
        CHECK(fact_from_payload(tx, approval, &fact, err));
    return ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err);
}

static bool pass_on(const struct err *from, struct err *err)
{
    *err = *from;
    return false;
}

static bool effect(struct ledger_tx *tx, const struct verdict *verdict, const struct approval *approval,
                   struct err *err)
{
    if (strcmp(approval->what, "firm") == 0) {
        struct err unchanged = {0};
        if (verdict->grant)
            return firm_effect(tx, verdict, approval, err);
        /* a rejection closes the question also where there is nothing left to refuse */
        return !object_unchanged(tx, approval, &unchanged) || firm_effect(tx, verdict, approval, &unchanged) ||
               unchanged.code == ERR_FIRM_STATE || pass_on(&unchanged, err);
    }
    if (!verdict->grant)
        return true;
    if (strcmp(approval->what, "act") == 0)
        return firm_effect(tx, verdict, approval, err);
    if (work_is_of(approval->what))
        return work_begin(tx, approval, verdict->person, err);
    return true; /* a held run, or what a message holds, goes on by its watcher */
}

static bool decide_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct verdict *verdict = arg;
    struct approval approval;
    CHECK(approval_read(tx->txn, tx->arena, verdict->id, &approval, err));
    CHECK(may_decide(tx, verdict, &approval, err));
    struct record record;
    record_init(&record, RECORD_APPROVAL);
    record.actor = *verdict->person;
    record.approval_id = approval.id;
    record.what = verdict->grant ? "grant" : "reject";
    record.object = approval.object;
    record.note = verdict->comment;
    CHECK(ledger_record(tx, &record, err));
    verdict->seq = record.seq;
    CHECK(effect(tx, verdict, &approval, err));
    verdict->works = verdict->grant && work_is_of(approval.what);
    tx_news_add(tx, &approval, verdict->grant);
    return true;
}

void tx_news_add(struct ledger_tx *tx, const struct approval *approval, bool granted)
{
    if (tx->news_n == tx->news_room) {
        tx->news_room = tx->news_room == 0 ? 16 : tx->news_room * 2;
        tx->news = xrealloc(tx->news, tx->news_room * sizeof *tx->news);
    }
    tx->news[tx->news_n++] = (struct tx_news){approval->id, approval->what, approval->object, granted};
}

bool ledger_decide_approval(struct ledger *ledger, const char *id, bool grant, const struct actor *person,
                            const char *comment, uint64_t *seq_out, struct err *err)
{
    if (comment == NULL || comment[0] == '\0')
        return err_set(err, ERR_APPROVAL_REASON, "/comment", "empty");
    if (strlen(comment) > RECORD_REASON_MAX)
        return err_set(err, ERR_SCHEMA_INVALID, "/comment", "over %d bytes", RECORD_REASON_MAX);
    struct verdict verdict = {id, grant, person, comment, 0, false};
    CHECK(ledger_run(ledger, decide_job, &verdict, err));
    if (seq_out != NULL)
        *seq_out = verdict.seq;
    if (verdict.works)
        work_kick(ledger);
    return true;
}
