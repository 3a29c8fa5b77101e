/* rules: the version in force, so that anybody can see by what a decision was made and who reviewed it. */
#include "api/internal.h"

static void write_effects(struct json_out *json, const struct rules *rules)
{
    json_key(json, "effects");
    json_begin_object(json);
    for (int ground = 0; ground < GROUND_COUNT; ground++)
        json_add_string(json, ground_name((enum ground)ground),
                        rules->effect[ground] == POLICY_REMOVE ? "remove" : "suspend");
    json_end_object(json);
}

static void write_review(struct json_out *json, const struct rules *rules)
{
    json_key(json, "review");
    json_begin_object(json);
    json_add_string_opt(json, "body", rules->review_body);
    json_add_date_opt(json, "date", rules->review_date);
    json_end_object(json);
}

static void write_rules(struct json_out *json, const struct rules *rules)
{
    static const char *const disclose[] = {"none", "category", "full"};

    json_begin_object(json);
    json_add_string(json, "version", rules->version);
    json_add_string_opt(json, "document_no", rules->document_no);
    json_add_string_opt(json, "decided_by", rules->decided_by);
    write_review(json, rules);
    json_add_date_opt(json, "valid_from", rules->valid_from);
    json_add_string(json, "admission", rules->admission == POLICY_ADMISSION_AUTOMATIC ? "automatic" : "approval");
    json_add_string(json, "absence", rules->absence == POLICY_ABSENCE_CONFIRM ? "confirm" : "twice");
    json_add_string(json, "disclose_grounds", disclose[rules->disclose]);
    json_key(json, "guard");
    json_begin_object(json);
    json_add_integer(json, "floor", rules->guard_floor);
    json_add_integer(json, "percent", rules->guard_percent);
    json_end_object(json);
    write_effects(json, rules);
    json_end_object(json);
}

bool api_do_rules(struct ask *ask, struct err *err)
{
    const struct rules *rules = policy_in_force(ask->held->state.policy, date_of_ms(ask->now_ms));

    if (!rules)
        return err_set(err, ERR_RULES_NONE, NULL, "%s", "");
    if (ask_slow(ask) && !ask->on_worker) {
        ask->move = true;
        return true;
    }
    write_rules(&ask->json, rules);
    return ask_sign(ask, "rules+jws", err);
}
