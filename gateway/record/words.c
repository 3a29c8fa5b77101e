/* words: the names of states, actions, grounds and reasons, in code, on the wire and for people. */
#include "record/record.h"

#include <string.h>

#include "record/words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const kind_names[RECORD_KIND_COUNT] = {
    [RECORD_CERTIFICATION] = "certification",
    [RECORD_EXCLUSION] = "exclusion",
    [RECORD_LISTING] = "listing",
    [RECORD_PROPOSAL] = "proposal",
    [RECORD_APPROVAL] = "approval",
    [RECORD_RUN] = "run",
    [RECORD_CONFIG] = "config",
    [RECORD_ACCESS] = "access",
    [RECORD_KEY] = "key",
    [RECORD_PURGE] = "purge",
    [RECORD_MESSAGE] = "message",
    [RECORD_RECEIPT] = "receipt",
    [RECORD_CREDIT] = "credit",
    [RECORD_PLEDGE] = "pledge",
    [RECORD_RIGHT] = "right",
    [RECORD_ENTERPRISE] = "enterprise",
    [RECORD_OBJECTION] = "objection",
};
static const char *const listing_names[LISTING_COUNT] = {
    [LISTING_NONE] = "not_listed",     [LISTING_CHECKING] = "checking", [LISTING_LISTED] = "listed",
    [LISTING_SUSPENDED] = "suspended", [LISTING_REMOVED] = "removed",   [LISTING_EXPIRED] = "expired",
};
static const char *const listing_zhs[LISTING_COUNT] = {
    [LISTING_NONE] = "未入名单",    [LISTING_CHECKING] = "核查中", [LISTING_LISTED] = "已入名单",
    [LISTING_SUSPENDED] = "已暂停", [LISTING_REMOVED] = "已移出",  [LISTING_EXPIRED] = "已到期",
};
static const char *const lane_names[LANE_COUNT] = {"", "priority", "ordinary"};
static const char *const cert_names[CERT_STATE_COUNT] = {
    [CERT_NONE] = "",
    [CERT_IN_FORCE] = "in_force",
    [CERT_WITHDRAWN] = "withdrawn",
    [CERT_ABSENT_FROM_LIST] = "absent_from_list",
    [CERT_EXPIRED] = "expired",
    [CERT_PENDING] = "pending",
};
static const char *const action_names[CERT_ACTION_COUNT] = {
    [CERT_GRANT] = "grant",   [CERT_RENEW] = "renew",   [CERT_AMEND] = "amend", [CERT_WITHDRAW] = "withdraw",
    [CERT_ABSENT] = "absent", [CERT_EXPIRE] = "expire", [CERT_BEGIN] = "begin",   [CERT_REVERT] = "revert",
};
static const char *const actor_names[ACTOR_COUNT] = {
    [ACTOR_TIMER] = "timer",   [ACTOR_SOURCE] = "source",   [ACTOR_PARTNER] = "partner",
    [ACTOR_PERSON] = "person", [ACTOR_GATEWAY] = "gateway",
};
static const char *const ground_names[GROUND_COUNT] = {
#define GROUND(id, name, category, en, zh) name,
#include "record/ground.def"
#undef GROUND
};
static const char *const ground_categories[GROUND_COUNT] = {
#define GROUND(id, name, category, en, zh) category,
#include "record/ground.def"
#undef GROUND
};
static const char *const ground_texts[GROUND_COUNT][2] = {
#define GROUND(id, name, category, en, zh) {en, zh},
#include "record/ground.def"
#undef GROUND
};
static const char *const reason_names[REASON_COUNT] = {
#define REASON(id, name, en, zh) name,
#include "record/reason.def"
#undef REASON
};
static const char *const reason_texts[REASON_COUNT][2] = {
#define REASON(id, name, en, zh) {en, zh},
#include "record/reason.def"
#undef REASON
};

const struct words words_kind = {kind_names, COUNT(kind_names)};
const struct words words_listing = {listing_names, COUNT(listing_names)};
const struct words words_lane = {lane_names, COUNT(lane_names)};
const struct words words_action = {action_names, COUNT(action_names)};
const struct words words_cert = {cert_names, COUNT(cert_names)};
const struct words words_actor = {actor_names, COUNT(actor_names)};
const struct words words_ground = {ground_names, COUNT(ground_names)};
const struct words words_reason = {reason_names, COUNT(reason_names)};

const char *words_name(const struct words *words, unsigned value)
{
    return value < words->n ? words->names[value] : "";
}

bool words_find(const struct words *words, const char *name, unsigned *out)
{
    for (unsigned i = 0; i < words->n; i++) {
        if (strcmp(words->names[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

const char *record_kind_name(enum record_kind kind)
{
    return words_name(&words_kind, kind);
}

bool record_decides(enum record_kind kind)
{
    return kind == RECORD_CERTIFICATION || kind == RECORD_EXCLUSION || kind == RECORD_LISTING ||
           kind == RECORD_ENTERPRISE || kind == RECORD_OBJECTION;
}

const char *listing_name(enum listing_status status)
{
    return words_name(&words_listing, status);
}

const char *listing_zh(enum listing_status status)
{
    return status < LISTING_COUNT ? listing_zhs[status] : "";
}

bool listing_parse(const char *name, enum listing_status *out)
{
    unsigned value;
    CHECK(words_find(&words_listing, name, &value));
    *out = (enum listing_status)value;
    return true;
}

const char *lane_name(enum listing_lane lane)
{
    return words_name(&words_lane, lane);
}

const char *cert_action_name(enum cert_action action)
{
    return words_name(&words_action, action);
}

const char *cert_state_name(enum cert_state state)
{
    return words_name(&words_cert, state);
}

const char *actor_kind_name(enum actor_kind kind)
{
    return words_name(&words_actor, kind);
}

const char *ground_name(enum ground ground)
{
    return words_name(&words_ground, ground);
}

const char *ground_category(enum ground ground)
{
    return ground < GROUND_COUNT ? ground_categories[ground] : "";
}

bool ground_parse(const char *name, enum ground *out)
{
    unsigned value;
    CHECK(words_find(&words_ground, name, &value));
    *out = (enum ground)value;
    return true;
}

const char *ground_text(enum ground ground, bool zh)
{
    return ground < GROUND_COUNT ? ground_texts[ground][zh] : "";
}

const char *reason_name(enum reason reason)
{
    return words_name(&words_reason, reason);
}

const char *reason_text(enum reason reason, bool zh)
{
    return reason < REASON_COUNT ? reason_texts[reason][zh] : "";
}
