/* firms: firms in the states that the tests start from, and facts spelt as in golden.tsv. */
#ifndef FIRMS_H
#define FIRMS_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

#define CODE "91140100MA0KQ8UR0T"
#define CODE_BEIJING "91110108MA0KQ8UR02"
#define NAME "山西示例科技有限公司"
#define NEW_NAME "山西新名科技有限公司"
#define DOCUMENT "晋民营发〔2026〕1号"

static inline date_day day(const char *text)
{
    date_day out = DATE_NONE;
    if (strcmp(text, "-") != 0)
        assert_true(date_parse(bytes_str(text), &out));
    return out;
}

/* ---- rules ------------------------------------------------------------------------------------------- */

/* The sample's rules with one thing changed. */
static inline const struct rules *rules_of(const char *name)
{
    static struct arena *arena;
    static const struct policy *policy;
    static struct rules rules;
    struct err err = {0};
    const struct yaml_node *root;
    if (arena == NULL) {
        arena = arena_new();
        if (!yaml_load(arena, SOURCE_DIR "/gateway/policy/rules-sample.yaml", &root, NULL, &err) ||
            !policy_load(arena, root, POLICY_ADMISSION_APPROVAL, &policy, &err))
            fail_msg("%s: %s", err.place, err.detail);
    }
    rules = *policy_version(policy, 0);
    if (strcmp(name, "approval") == 0)
        rules.admission = POLICY_ADMISSION_APPROVAL;
    else if (strcmp(name, "term") == 0)
        rules.default_term_days = 365;
    else if (strcmp(name, "accept") == 0)
        rules.name_mismatch_checks = false;
    else if (strcmp(name, "full") == 0)
        rules.disclose = POLICY_DISCLOSE_FULL;
    else if (strcmp(name, "none") == 0)
        rules.disclose = POLICY_DISCLOSE_NONE;
    else
        assert_string_equal(name, "auto");
    return &rules;
}

/* ---- firms ------------------------------------------------------------------------------------------- */

static inline void certify(struct firm *f, enum cert_state state, const char *from, const char *until)
{
    f->name = NAME;
    f->region_code = "140105";
    f->industry_code = "C2669";
    f->scale = "3";
    f->certification = (struct certification){state, "bureau-sx", "省级", "2026-1", DOCUMENT, "2026-11",
                                              day(from), day(until), 1772415000000, 11};
}

static inline void stand(struct firm *f, enum listing_status status, enum listing_lane lane, enum reason reason,
                         const char *since, const char *listed_since, const char *until)
{
    f->listing = (struct listing){.status = status, .lane = lane, .reasons = {reason}, .reason_n = 1,
                                  .since = day(since), .listed_since = day(listed_since), .valid_until = day(until),
                                  .sequence = 11};
    f->last_sequence = 11;
}

static inline void exclude(struct firm *f, enum ground ground, const char *until)
{
    f->exclusions[f->exclusion_n++] = (struct exclusion){ground, "onestop-sx", "", day("2026-05-06"), day(until), 12};
}

static inline void firm_named(const char *name, struct firm *f)
{
    bool is_certified = true;
    firm_init(f, strcmp(name, "unknown_beijing") == 0 ? CODE_BEIJING : CODE);
#define IS(text) (strcmp(name, text) == 0)
    if (IS("unknown") || IS("unknown_beijing"))
        return;
    if (IS("excluded_unknown")) {
        exclude(f, GROUND_SERIOUS_DISHONESTY, "-");
        return;
    }
    certify(f, CERT_IN_FORCE, "2026-03-01", "2027-02-28");
    stand(f, LISTING_LISTED, LANE_PRIORITY, REASON_CERTIFIED, "2026-03-02", "2026-03-02", "2027-02-28");
    if (IS("listed"))
        return;
    if (IS("listed_named")) {
        f->name_pending = NEW_NAME;
    } else if (IS("waiting") || IS("doubtful") || IS("outside")) {
        stand(f, LISTING_CHECKING, LANE_NONE, REASON_UNDER_REVIEW, "2026-03-02", "-", "-");
        f->doubtful = IS("doubtful");
        f->region_code = IS("outside") ? "110108" : "140105";
    } else if (IS("future") || IS("future_waiting")) {
        certify(f, CERT_PENDING, "2026-07-01", "2027-02-28");
        stand(f, LISTING_CHECKING, IS("future") ? LANE_PRIORITY : LANE_NONE, REASON_UNDER_REVIEW, "2026-06-01", "-", "-");
    } else if (IS("gap")) {
        certify(f, CERT_PENDING, "2026-08-01", "2027-07-31");
        stand(f, LISTING_LISTED, LANE_PRIORITY, REASON_CERTIFIED, "2026-03-02", "2026-03-02", "2026-06-30");
    } else if (IS("suspended") || IS("suspended_two") || IS("suspended_until")) {
        stand(f, LISTING_SUSPENDED, LANE_PRIORITY, REASON_EXCLUSION, "2026-05-06", "2026-03-02", "2027-02-28");
        exclude(f, GROUND_ABNORMAL_OPERATION, IS("suspended_until") ? "2026-05-31" : "-");
        if (IS("suspended_two"))
            exclude(f, GROUND_RIGHTS_LAPSED, "-");
    } else if (IS("suspended_waiting") || IS("suspended_doubtful")) {
        stand(f, LISTING_SUSPENDED, LANE_NONE, REASON_EXCLUSION, "2026-05-06", "-", "2027-02-28");
        exclude(f, GROUND_ABNORMAL_OPERATION, "-");
        f->doubtful = IS("suspended_doubtful");
    } else if (IS("deregistered")) {
        stand(f, LISTING_REMOVED, LANE_PRIORITY, REASON_EXCLUSION, "2026-05-06", "2026-03-02", "2027-02-28");
        exclude(f, GROUND_DEREGISTERED, "-");
    } else if (IS("withdrawn") || IS("withdrawn_excluded")) {
        f->certification.state = CERT_WITHDRAWN;
        stand(f, LISTING_REMOVED, LANE_NONE, REASON_WITHDRAWN, "2026-05-01", "2026-03-02", "-");
        if (IS("withdrawn_excluded")) {
            exclude(f, GROUND_ABNORMAL_OPERATION, "-");
            f->listing.reasons[f->listing.reason_n++] = REASON_EXCLUSION;
            f->listing.since = day("2026-05-20");
        }
    } else if (IS("absent")) {
        f->certification.state = CERT_ABSENT_FROM_LIST;
        stand(f, LISTING_REMOVED, LANE_NONE, REASON_ABSENT_FROM_LIST, "2026-05-01", "2026-03-02", "-");
    } else if (IS("expired")) {
        certify(f, CERT_EXPIRED, "2025-05-01", "2026-04-30");
        stand(f, LISTING_EXPIRED, LANE_NONE, REASON_EXPIRED, "2026-05-01", "2025-05-02", "-");
    } else {
        is_certified = false;
    }
    if (is_certified)
        return;
    stand(f, LISTING_LISTED, LANE_ORDINARY, REASON_PROPOSED, "2026-04-01", "2026-04-01", "2027-03-31");
    if (IS("ordinary_certified"))
        return;
    struct firm bare;
    firm_init(&bare, CODE);
    f->certification = bare.certification;
    if (IS("suspended_ordinary")) {
        stand(f, LISTING_SUSPENDED, LANE_ORDINARY, REASON_EXCLUSION, "2026-05-06", "2026-04-01", "2027-03-31");
        exclude(f, GROUND_RIGHTS_LAPSED, "-");
    } else if (IS("added_doubtful")) {
        stand(f, LISTING_CHECKING, LANE_ORDINARY, REASON_UNDER_REVIEW, "2026-05-20", "-", "2027-05-31");
        f->doubtful = true;
    } else if (!IS("ordinary")) {
        fail_msg("no such firm: %s", name);
    }
#undef IS
}

/* ---- facts ------------------------------------------------------------------------------------------- */

static inline void fact_init(struct fact *fact)
{
    *fact = (struct fact){
        .actor = {ACTOR_SOURCE, "bureau-sx"}, .origin = "run-1", .approval_id = "", .uscc = CODE,
        .row = {NAME, "140105", "C2669", "3", "", "省级", "2026-1", DOCUMENT, "", day("2026-03-01"), day("2027-02-28"),
                false, false},
        .list_version = "2026-11", .document_no = "", .effective = DATE_NONE, .until = DATE_NONE, .note = ""};
}

static inline const char *value_or_empty(const char *value)
{
    return strcmp(value, "-") == 0 ? "" : value;
}

static inline void fact_kind_of(const char *word, struct fact *fact)
{
    fact->row.withdrawn = strcmp(word, "withdraw") == 0;
    if (fact->row.withdrawn)
        word = "row";
    for (int kind = FACT_ROW; kind <= FACT_ENTERPRISE; kind++) {
        if (strcmp(fact_kind_name((enum fact_kind)kind), word) == 0) {
            fact->kind = (enum fact_kind)kind;
            if (kind == FACT_TIME)
                fact->actor = (struct actor){ACTOR_TIMER, ""};
            else if (kind == FACT_IMPOSE || kind == FACT_LIFT || kind == FACT_ENTERPRISE)
                fact->actor = (struct actor){ACTOR_PARTNER, "onestop-sx"};
            else if (kind != FACT_ROW && kind != FACT_ABSENT)
                fact->actor = (struct actor){ACTOR_PERSON, "operator-1"};
            return;
        }
    }
    fail_msg("no such fact: %s", word);
}

static inline void fact_member(const char *key, const char *value, struct fact *fact, date_day *today)
{
    const char *text = value_or_empty(value);
    bool of_row = fact->kind == FACT_ROW;
#define IS(word) (strcmp(key, word) == 0)
    if (IS("name"))
        fact->row.name = text;
    else if (IS("region"))
        fact->row.region_code = text;
    else if (IS("industry"))
        fact->row.industry_code = text;
    else if (IS("level"))
        fact->row.level = text;
    else if (IS("batch"))
        fact->row.batch = text;
    else if (IS("doc"))
        fact->row.document_no = text;
    else if (IS("list"))
        fact->list_version = text;
    else if (IS("from"))
        fact->row.valid_from = day(value);
    else if (IS("until"))
        *(of_row ? &fact->row.valid_until : &fact->until) = day(value);
    else if (IS("effective"))
        fact->effective = day(value);
    else if (IS("doubt"))
        fact->uscc_doubtful = true;
    else if (IS("by"))
        fact->actor.id = text;
    else if (IS("person"))
        fact->actor = (struct actor){ACTOR_PERSON, text};
    else if (IS("today"))
        *today = day(value);
    else if (IS("ground"))
        assert_true(ground_parse(value, &fact->ground));
    else
        fail_msg("no such member: %s", key);
#undef IS
}

/* "row until=2026-05-31 doubt=1"; the text is cut up and stays borrowed. */
static inline void fact_parse(char *text, struct fact *fact, date_day *today)
{
    char *save = NULL;
    fact_init(fact);
    *today = day("2026-06-01");
    fact_kind_of(strtok_r(text, " ", &save), fact);
    for (char *word = strtok_r(NULL, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        assert_non_null(value);
        *value++ = '\0';
        fact_member(word, value, fact, today);
    }
}

#endif
