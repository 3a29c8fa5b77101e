/* firm: one firm as people see it, with everything the gateway knows, its history, and acts proposed on it. */
#include <string.h>

#include "api/internal.h"
#include "api/items.h"

#define HISTORY_DEFAULT 200
#define HISTORY_MAX 1000

bool api_firm(struct ask *ask, struct store_txn *txn, const char *uscc, struct firm *out, struct err *err)
{
    const struct store_key key = key_text(uscc);
    struct bytes value;

    if (!store_get(txn, TABLE_FIRM, &key, &value))
        return err_set(err, ERR_FIRM_UNKNOWN, NULL, "%s", uscc);
    /* the firm outlives the transaction */
    return firm_decode(bytes_dup(ask->arena, value), uscc, out, err);
}

static void write_reasons(struct json_out *json, const struct policy_reason *reasons, size_t n, bool zh)
{
    json_key(json, zh ? "reasons_zh" : "reasons");
    json_begin_array(json);
    for (size_t i = 0; i < n; i++)
        json_put_string(json, zh ? reasons[i].zh : reasons[i].word);
    json_end_array(json);
}

static void write_listing(struct ask *ask, const struct rules *rules, const struct firm *firm)
{
    struct policy_reason reasons[FIRM_REASONS_MAX + FIRM_EXCLUSIONS_MAX];
    size_t n = rules ? policy_reasons(rules, firm, POLICY_VIEW_FULL, reasons) : 0;
    const struct listing *listing = &firm->listing;
    struct json_out *json = &ask->json;

    json_key(json, "listing");
    json_begin_object(json);
    json_add_string(json, "status", listing_name(listing->status));
    json_add_string(json, "status_zh", listing_zh(listing->status));
    json_add_string_opt(json, "lane", lane_name(listing->lane));
    write_reasons(json, reasons, n, false);
    write_reasons(json, reasons, n, true);
    json_add_date_opt(json, "since", listing->since);
    json_add_date_opt(json, "listed_since", listing->listed_since);
    json_add_date_opt(json, "valid_until", listing->valid_until);
    json_add_integer(json, "sequence", (int64_t)listing->sequence);
    json_add_boolean(json, "disputed", listing->disputed);
    json_end_object(json);
}

static void write_certification(struct json_out *json, const struct certification *certification)
{
    if (certification->state == CERT_NONE)
        return;
    json_key(json, "certification");
    json_begin_object(json);
    json_add_string(json, "state", cert_state_name(certification->state));
    json_add_string_opt(json, "source", certification->source);
    json_add_string_opt(json, "level", certification->level);
    json_add_string_opt(json, "batch", certification->batch);
    json_add_string_opt(json, "document_no", certification->document_no);
    json_add_string_opt(json, "list_version", certification->list_version);
    json_add_date_opt(json, "valid_from", certification->valid_from);
    json_add_date_opt(json, "valid_until", certification->valid_until);
    json_add_time(json, "granted", certification->granted_ms);
    json_add_integer(json, "sequence", (int64_t)certification->sequence);
    json_end_object(json);
}

static void write_exclusions(struct json_out *json, const struct firm *firm)
{
    json_key(json, "exclusions");
    json_begin_array(json);
    for (size_t i = 0; i < firm->exclusion_n; i++) {
        const struct exclusion *exclusion = &firm->exclusions[i];
        json_begin_object(json);
        json_add_string(json, "ground", ground_name(exclusion->ground));
        json_add_string(json, "ground_zh", ground_text(exclusion->ground, true));
        json_add_string(json, "category", ground_category(exclusion->ground));
        json_add_string(json, "imposed_by", exclusion->imposed_by);
        json_add_string_opt(json, "document_no", exclusion->document_no);
        json_add_date_opt(json, "effective", exclusion->effective);
        json_add_date_opt(json, "until", exclusion->until);
        json_add_integer(json, "sequence", (int64_t)exclusion->sequence);
        json_end_object(json);
    }
    json_end_array(json);
}

struct about {
    struct json_out *json;
    const char *uscc;
};

static bool add_open(void *arg, const struct approval *approval)
{
    struct about *about = arg;
    if (strcmp(approval->object, about->uscc) == 0)
        json_put_string(about->json, approval->id);
    return true;
}

static bool add_objection(void *arg, const struct objection *objection)
{
    struct json_out *json = arg;

    json_begin_object(json);
    json_add_integer(json, "sequence", (int64_t)objection->seq);
    json_add_string(json, "message", objection->origin);
    json_add_string(json, "against", objection->against);
    json_add_date_opt(json, "answer_by", objection->answer_by);
    json_end_object(json);
    return true;
}

static void write_known(struct ask *ask, const struct rules *rules, const struct firm *firm)
{
    struct json_out *json = &ask->json;

    json_add_string(json, "uscc", firm->uscc);
    json_add_string(json, "name", firm->name);
    json_add_string_opt(json, "region_code", firm->region_code);
    json_add_string_opt(json, "industry_code", firm->industry_code);
    json_add_string_opt(json, "scale", firm->scale);
    json_add_string_opt(json, "ownership", firm->ownership);
    write_certification(json, &firm->certification);
    write_exclusions(json, firm);
    write_listing(ask, rules, firm);
    json_add_boolean(json, "doubtful", firm->doubtful);
    json_add_boolean(json, "confirmed", firm->confirmed);
    json_add_integer(json, "last_sequence", (int64_t)firm->last_sequence);
}

bool api_firm_full(struct ask *ask, struct store_txn *txn, const struct firm *firm, struct err *err)
{
    struct json_out *json = &ask->json;
    struct about about = {json, firm->uscc};

    json_begin_object(json);
    write_known(ask, policy_in_force(ask->held->state.policy, date_of_ms(ask->now_ms)), firm);
    json_key(json, "objections_open");
    json_begin_array(json);
    CHECK(objection_list(txn, ask->arena, firm->uscc, add_objection, json, err));
    json_end_array(json);
    json_key(json, "approvals_open");
    json_begin_array(json);
    CHECK(approval_list(txn, ask->arena, true, add_open, &about, err));
    json_end_array(json);
    json_end_object(json);
    return true;
}

void api_firm_row(struct json_out *json, const struct firm *firm)
{
    json_begin_object(json);
    json_add_string(json, "uscc", firm->uscc);
    json_add_string(json, "name", firm->name);
    json_add_string(json, "status", listing_name(firm->listing.status));
    json_add_string_opt(json, "lane", lane_name(firm->listing.lane));
    json_add_string_opt(json, "region_code", firm->region_code);
    json_add_date_opt(json, "valid_until", firm->listing.valid_until);
    json_add_date_opt(json, "since", firm->listing.since);
    json_end_object(json);
}

/* As it was known then; what waited for a person or an answer is not told of the past. */
static bool firm_past(struct ask *ask, struct store_txn *txn, const char *uscc, struct err *err)
{
    struct past past = {.journal = ask->api->options.journal, .txn = txn, .arena = ask->arena};
    int64_t as_of_ms = 0;
    uint64_t corrected_by;
    struct firm firm;
    struct rules rules;

    CHECK(ask_past(ask, "as_of", &as_of_ms, err));
    CHECK(journal_size_at(past.journal, txn, as_of_ms, &past.size, err));
    CHECK(past_firm(&past, uscc, &firm, &corrected_by, err));
    if (firm.last_sequence == 0)
        return err_set(err, ERR_FIRM_UNKNOWN, NULL, "%s", uscc);
    CHECK(past_rules(&past, ask->held->state.policy, date_of_ms(as_of_ms), &rules, err));
    json_begin_object(&ask->json);
    write_known(ask, &rules, &firm);
    json_add_time(&ask->json, "as_of", as_of_ms);
    if (corrected_by != 0)
        json_add_integer(&ask->json, "corrected_by", (int64_t)corrected_by);
    json_end_object(&ask->json);
    return true;
}

bool api_do_firm(struct ask *ask, struct err *err)
{
    char uscc[USCC_SIZE];
    struct firm firm;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(ask_uscc(ask, ask->values[0], "uscc", uscc, err));
    if (net_parameter(ask->request, "as_of", NULL))
        return firm_past(ask, txn, uscc, err);
    CHECK(api_firm(ask, txn, uscc, &firm, err));
    return api_firm_full(ask, txn, &firm, err);
}

/* ---- history --------------------------------------------------------------------------------------------- */

static const char *action_of(const struct record *record)
{
    switch (record->kind) {
    case RECORD_CERTIFICATION:
        return cert_action_name(record->action);
    case RECORD_EXCLUSION:
        return record->lift ? "lift" : "impose";
    case RECORD_LISTING:
    case RECORD_OBJECTION:
        return record->act;
    default:
        return record->what;
    }
}

static void write_record(struct json_out *json, const struct record *record)
{
    bool decided = record_decides(record->kind);

    json_begin_object(json);
    json_add_integer(json, "seq", (int64_t)record->seq);
    json_add_time(json, "time", record->time_ms);
    json_add_string(json, "kind", record_kind_name(record->kind));
    json_add_string_opt(json, "action", action_of(record));
    if (record->kind == RECORD_EXCLUSION)
        json_add_string(json, "ground", ground_name(record->exclusion.ground));
    if (decided) {
        json_add_string(json, "from", listing_name(record->from));
        json_add_string(json, "to", listing_name(record->listing.status));
    }
    json_key(json, "actor");
    json_begin_object(json);
    json_add_string(json, "kind", actor_kind_name(record->actor.kind));
    json_add_string_opt(json, "id", record->actor.id);
    json_end_object(json);
    json_add_string_opt(json, "origin", record->origin);
    json_add_string_opt(json, "rules", record->rules);
    json_add_string_opt(json, "note", record->note);
    json_end_object(json);
}

static bool add_record(struct items *items, struct store_txn *txn, uint64_t seq, struct err *err)
{
    struct ask *ask = items->ask;
    struct bytes bytes;
    struct record record;

    CHECK(journal_read(ask->api->options.journal, txn, seq, &bytes, err));
    if (bytes.n == 0)
        return true;                   /* purged: the leaf stays, the record is gone */
    CHECK(record_decode(ask->arena, seq, bytes, &record, err));
    if (!items_room(items))
        return true;
    write_record(&ask->json, &record);
    items->next = arena_printf(ask->arena, "%llu", (unsigned long long)seq);
    return true;
}

static bool walk_history(struct items *items, struct store_txn *txn, const char *uscc, uint64_t after, struct err *err)
{
    const struct store_key from = key_history(uscc, after + 1);
    const struct store_key prefix = key_text(uscc);
    struct store_walk walk;

    store_walk(&walk, txn, TABLE_HISTORY, &from, &prefix);
    while (items_open(items) && store_next(&walk)) {
        uint64_t seq = walk.key.n >= 8 ? get_be64(walk.key.p + walk.key.n - 8) : 0;
        if (!add_record(items, txn, seq, err)) {
            store_walk_end(&walk);
            return false;
        }
    }
    store_walk_end(&walk);
    return true;
}

bool api_do_firm_history(struct ask *ask, struct err *err)
{
    uint64_t limit = HISTORY_DEFAULT;
    uint64_t after = 0;
    char uscc[USCC_SIZE];
    struct firm firm;
    struct items items;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(ask_number(ask, "limit", 1, HISTORY_MAX, &limit, err));
    CHECK(ask_number(ask, "after", 0, INT64_MAX, &after, err));
    CHECK(ask_uscc(ask, ask->values[0], "uscc", uscc, err));
    CHECK(api_firm(ask, txn, uscc, &firm, err));
    items_begin(&items, ask, limit);
    CHECK(walk_history(&items, txn, uscc, after, err));
    items_end(&items);
    return true;
}

/* ---- proposing an act -------------------------------------------------------------------------------------- */

static bool read_act(struct ask *ask, struct fact *fact, struct err *err)
{
    static const struct { const char *name; enum fact_kind kind; } acts[] = {
        {"add", FACT_ADD},         {"confirm", FACT_CONFIRM}, {"suspend", FACT_SUSPEND},
        {"restore", FACT_RESTORE}, {"remove", FACT_REMOVE},   {"lift", FACT_LIFT},
    };
    const char *act;

    CHECK(json_need_string(ask_object(ask), "", "act", RECORD_ID_MAX, &act, err));
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (strcmp(acts[i].name, act) == 0) {
            fact->kind = acts[i].kind;
            return true;
        }
    }
    return err_set(err, ERR_SCHEMA_INVALID, "/act", "one of add confirm suspend restore remove lift is expected");
}

static bool needs_ground(const struct fact *fact)
{
    return fact->kind == FACT_SUSPEND || fact->kind == FACT_REMOVE || fact->kind == FACT_LIFT;
}

static bool read_proposal(struct ask *ask, struct fact *fact, struct err *err)
{
    static const char *const members[] = {"act", "reason", "ground", "name", NULL};
    const char *ground = NULL;

    CHECK(json_only(ask_object(ask), "", members, err));
    CHECK(read_act(ask, fact, err));
    CHECK(json_opt_string(ask_object(ask), "", "reason", RECORD_REASON_MAX, &fact->note, err));
    CHECK(json_opt_string(ask_object(ask), "", "name", RECORD_NAME_MAX, &fact->row.name, err));
    CHECK(json_opt_string(ask_object(ask), "", "ground", RECORD_ID_MAX, &ground, err));
    if (!fact->note || strspn(fact->note, " \t\r\n") == strlen(fact->note))
        return err_set(err, ERR_APPROVAL_REASON, "/reason", "%s", "");
    if (!fact->row.name)
        fact->row.name = "";
    if (!ground && needs_ground(fact))
        return err_set(err, ERR_SCHEMA_INVALID, "/ground", "this act needs a ground");
    if (ground && !ground_parse(ground, &fact->ground))
        return err_set(err, ERR_SCHEMA_INVALID, "/ground", "GET /v1/rules names the grounds");
    return true;
}

static bool find_scope(struct ask *ask, const char *uscc, struct err *err)
{
    struct firm firm;
    struct err unknown = {0};
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    bool found = api_firm(ask, txn, uscc, &firm, &unknown);
    return ask_scope(ask, found && firm.region_code[0] ? firm.region_code : arena_strndup(ask->arena, uscc + 2, 6),
                     err);
}

bool api_do_firm_propose(struct ask *ask, struct err *err)
{
    struct ident_result ident;
    char uscc[USCC_SIZE], id[32];
    struct fact fact = {
        .actor = ask_actor(ask), .origin = "", .approval_id = "", .uscc = uscc, .list_version = "", .document_no = "",
        .row = {.name = "", .region_code = "", .industry_code = "", .scale = "", .ownership = "", .level = "",
                .batch = "", .document_no = "", .reason = "", .valid_from = DATE_NONE, .valid_until = DATE_NONE},
        .effective = date_of_ms(ask->now_ms), .until = DATE_NONE,
    };

    CHECK(ask_uscc(ask, ask->values[0], "uscc", uscc, err));
    ident_uscc(bytes_str(uscc), &ident);
    fact.uscc_doubtful = ident.verdict == IDENT_DOUBTFUL;
    fact.uscc_other_province = ident_has(&ident, ERR_USCC_OTHER_PROVINCE);
    CHECK(read_proposal(ask, &fact, err));
    CHECK(find_scope(ask, uscc, err));
    CHECK(ledger_propose_act(ask->api->options.ledger, &fact, id, err));
    ask->reply.status = 202;
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "approval", id);
    json_end_object(&ask->json);
    return true;
}
