/* decide: the table of fact kinds, and the steps that every decision shares. */
#include "policy/internal.h"

#include <string.h>

static const struct {
    const char *name;
    decider *decide;
} kinds[] = {
    [FACT_ROW] = {"row", decide_row},
    [FACT_ABSENT] = {"absent", decide_absent},
    [FACT_IMPOSE] = {"impose", decide_impose},
    [FACT_LIFT] = {"lift", decide_lift},
    [FACT_ADD] = {"add", decide_add},
    [FACT_CONFIRM] = {"confirm", decide_confirm},
    [FACT_REFUSE] = {"refuse", decide_refuse},
    [FACT_SUSPEND] = {"suspend", decide_suspend},
    [FACT_RESTORE] = {"restore", decide_restore},
    [FACT_REMOVE] = {"remove", decide_remove},
    [FACT_ADMIT] = {"admit", decide_admit},
    [FACT_TIME] = {"time", decide_time},
    [FACT_RULES] = {"rules", decide_rules},
    [FACT_REVERT] = {"revert", decide_revert},
    [FACT_ENTERPRISE] = {"enterprise", decide_enterprise},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *fact_kind_name(enum fact_kind kind)
{
    return kind < KINDS ? kinds[kind].name : "";
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

void decide_record(const struct ask *ask, struct decision *out, enum record_kind kind)
{
    struct record *record = &out->record;
    const struct fact *fact = ask->fact;

    record_init(record, kind);
    record->actor = (struct actor){fact->actor.kind, or_empty(fact->actor.id)};
    record->origin = or_empty(fact->origin);
    record->approval_id = or_empty(fact->approval_id);
    record->uscc = ask->firm->uscc;
    record->rules = ask->rules->version;
    record->note = or_empty(fact->note);
    record->due_ms = fact->due_ms;
    record->from = ask->firm->listing.status;
    record->listing = ask->firm->listing;
    out->outcome = POLICY_RECORD;
}

void decide_why(struct decision *out, const char *why_en, const char *why_zh)
{
    out->why_en = why_en;
    out->why_zh = why_zh;
}

void decide_say(struct decision *out, const char *why)
{
    decide_why(out, why, err_phrase(why));
}

bool decide_nothing(struct decision *out, const char *why)
{
    out->outcome = POLICY_NOTHING;
    decide_say(out, why);
    return true;
}

bool decide_refused(const struct ask *ask, struct err *err, const char *why)
{
    return err_set(err, ERR_FIRM_STATE, ask->firm->uscc, "%s (%s)", why, listing_name(ask->firm->listing.status));
}

void decide_look_ahead(const struct ask *ask, const struct decision *out, struct firm *next)
{
    *next = *ask->firm;
    firm_apply(next, &out->record);
}

void policy_decide(const struct rules *rules, const struct firm *firm, const struct fact *fact, date_day today,
                   struct decision *out, struct err *err)
{
    struct ask ask = {rules, firm, fact, today};

    memset(out, 0, sizeof(*out));
    record_init(&out->record, RECORD_CERTIFICATION);
    decide_why(out, "", "");
    if (fact->kind >= KINDS || !kinds[fact->kind].decide(&ask, out, err)) {
        out->outcome = POLICY_REFUSED;
        decide_say(out, "not possible in the present state of the firm");
        return;
    }
    if (out->outcome == POLICY_RECORD && fact->kind != FACT_TIME)
        out->removes = listing_leaves(&ask.firm->listing, &out->record.listing, ask.today);
}

int64_t policy_guard_limit(const struct rules *rules, int64_t listed)
{
    int64_t share = listed / 100 * rules->guard_percent + listed % 100 * rules->guard_percent / 100;

    return share > rules->guard_floor ? share : rules->guard_floor;
}
