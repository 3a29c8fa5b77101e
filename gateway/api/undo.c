/* undo: proposing to undo a run, and looking at what other rules would do, before anything is done. */
#include <stdio.h>
#include <string.h>

#include "api/internal.h"

#define REASON_MAX RECORD_REASON_MAX
#define RULES_TEXT_MAX (256u << 10)

bool api_do_run_revert(struct ask *ask, struct err *err)
{
    static const char *const members[] = {"reason", NULL};
    const struct actor actor = ask_actor(ask);
    const char *reason;
    char id[32];

    CHECK(json_only(ask_object(ask), "", members, err));
    CHECK(json_need_string(ask_object(ask), "", "reason", REASON_MAX, &reason, err));
    CHECK(sync_revert(ask->api->options.sync, ask->values[0], &actor, reason, id, err));
    ask->reply.status = 202;
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "approval", id);
    json_end_object(&ask->json);
    return true;
}

/* ---- other rules --------------------------------------------------------------------------------------- */

static void set(struct json_out *json, const char *name, const char *from, const char *to)
{
    if (strcmp(from, to) == 0)
        return;
    json_begin_object(json);
    json_add_string(json, "setting", name);
    json_add_string(json, "from", from);
    json_add_string(json, "to", to);
    json_end_object(json);
}

static void set_number(struct json_out *json, const char *name, int64_t from, int64_t to)
{
    char a[24], b[24];

    snprintf(a, sizeof(a), "%lld", (long long)from);
    snprintf(b, sizeof(b), "%lld", (long long)to);
    set(json, name, a, b);
}

static void set_date(struct json_out *json, const char *name, date_day from, date_day to)
{
    char a[DATE_TEXT_SIZE] = "", b[DATE_TEXT_SIZE] = "";

    if (from != DATE_NONE)
        date_format(from, a);
    if (to != DATE_NONE)
        date_format(to, b);
    set(json, name, a, b);
}

static const char *effect_name(enum policy_effect effect)
{
    return effect == POLICY_REMOVE ? "remove" : "suspend";
}

static void write_settings(struct json_out *json, const struct rules *a, const struct rules *b)
{
    static const char *const admission[] = {"approval", "automatic"}, *const absence[] = {"twice", "confirm"};
    static const char *const disclose[] = {"none", "category", "full"}, *const no_yes[] = {"false", "true"};

    json_key(json, "settings");
    json_begin_array(json);
    set(json, "version", a->version, b->version);
    set(json, "document_no", a->document_no, b->document_no);
    set(json, "decided_by", a->decided_by, b->decided_by);
    set(json, "review.body", a->review_body, b->review_body);
    set_date(json, "review.date", a->review_date, b->review_date);
    set_date(json, "valid_from", a->valid_from, b->valid_from);
    set(json, "admission", admission[a->admission], admission[b->admission]);
    for (int g = 0; g < GROUND_COUNT; g++)
        set(json, ground_name((enum ground)g), effect_name(a->effect[g]), effect_name(b->effect[g]));
    set_number(json, "guard.floor", a->guard_floor, b->guard_floor);
    set_number(json, "guard.percent", a->guard_percent, b->guard_percent);
    set(json, "absence", absence[a->absence], absence[b->absence]);
    set(json, "disclose_grounds", disclose[a->disclose], disclose[b->disclose]);
    set_number(json, "certification.default_term", a->default_term_days, b->default_term_days);
    set_number(json, "ordinary.term", a->ordinary_term_days, b->ordinary_term_days);
    set(json, "name_mismatch", no_yes[a->name_mismatch_checks], no_yes[b->name_mismatch_checks]);
    set(json, "home_region", a->home_region, b->home_region);
    json_end_array(json);
}

static void write_sweep(struct json_out *json, const struct ledger_sweep *sweep)
{
    json_key(json, "firms");
    json_begin_object(json);
    json_add_integer(json, "judged", sweep->firms);
    json_add_integer(json, "removes", sweep->removes);
    json_add_integer(json, "guard_limit", sweep->guard.limit);
    json_add_boolean(json, "held", !sweep->guard.allowed);
    json_key(json, "changes");
    json_begin_array(json);
    for (int from = 0; from < LISTING_COUNT; from++) {
        for (int to = 0; to < LISTING_COUNT; to++) {
            if (sweep->changes[from][to] == 0)
                continue;
            json_begin_object(json);
            json_add_string(json, "from", listing_name((enum listing_status)from));
            json_add_string(json, "to", listing_name((enum listing_status)to));
            json_add_integer(json, "firms", sweep->changes[from][to]);
            json_end_object(json);
        }
    }
    json_end_array(json);
    json_end_object(json);
}

/* The file is judged as a start would judge it; what it would do is looked at, not done. */
bool api_do_rules_diff(struct ask *ask, struct err *err)
{
    static const char *const members[] = {"file", "text", NULL};
    const char *file = "rules.yaml", *text;
    const struct yaml_node *root;
    const struct policy *policy;
    struct ledger_sweep sweep;
    const date_day today = date_of_ms(ask->now_ms);

    CHECK(json_only(ask_object(ask), "", members, err));
    CHECK(json_opt_string(ask_object(ask), "", "file", 1024, &file, err));
    CHECK(json_need_string(ask_object(ask), "", "text", RULES_TEXT_MAX, &text, err));
    CHECK(yaml_parse(ask->arena, file, bytes_str(text), &root, err));
    CHECK(policy_load(ask->arena, root, (enum policy_admission)ask_config(ask)->admission, &policy, err));
    const struct rules *now = policy_in_force(ask->held->state.policy, today), *then = policy_in_force(policy, today);
    if (!now || !then)
        return err_set(err, ERR_RULES_NONE, file, "no version is in force today");
    CHECK(ledger_look_rules(ask->api->options.ledger, policy, &sweep, err));
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "from", now->version);
    json_add_string(&ask->json, "to", then->version);
    write_settings(&ask->json, now, then);
    write_sweep(&ask->json, &sweep);
    json_end_object(&ask->json);
    return true;
}
