/* New rules never rewrite history: they start a sweep that judges every firm again and records what follows. The whole
 * is looked at first; when it would take too many firms off the list it waits for a person. */
#include "ledger/internal.h"

#include <stdio.h>
#include <string.h>

#define RULES_OBJECT "rules-version"     /* in the state table config: the version whose sweep is complete */
#define RULES_SWEEP "rules-sweep" /* in the local table meta: the version whose sweep was started or asked about */
#define RULES_SOURCE "rules"             /* the guard counts a sweep by itself */

/* ---- one firm ---- */

/* A firm is met once: at its newest record. */
static bool newest_of_firm(struct ledger_tx *tx, uint64_t seq, struct firm *out, bool *found_out, struct err *err)
{
    struct bytes bytes;
    struct record record;
    *found_out = false;
    CHECK(journal_read(tx->ledger->journal, tx->txn, seq, &bytes, err));
    if (bytes.n == 0)
        return true; /* purged */
    CHECK(record_decode(tx->arena, seq, bytes_dup(tx->arena, bytes), &record, err));
    if (record.uscc[0] == '\0')
        return true;
    CHECK(ledger_firm(tx, record.uscc, out, found_out, err));
    *found_out = *found_out && out->last_sequence == seq;
    return true;
}

static bool rules_one(struct ledger_tx *tx, struct work *work, struct err *err)
{
    struct firm firm;
    bool found;
    CHECK(newest_of_firm(tx, (uint64_t)work->next, &firm, &found, err));
    if (!found)
        return true;
    struct fact fact;
    struct ledger_outcome outcome;
    ledger_fact_init(&fact, FACT_RULES, firm.uscc);
    fact.actor = (struct actor){ACTOR_GATEWAY, ""};
    fact.origin = work->id;
    CHECK(ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err));
    work->records += outcome.changed;
    return true;
}

bool rules_chunk(struct ledger_tx *tx, struct work *work, struct err *err)
{
    for (int i = 0; i < LEDGER_CHUNK && work->next <= work->last; i++, work->next++)
        CHECK(rules_one(tx, work, err));
    return true;
}

/* The activation: from here on the version is the one that every firm was judged by. */
bool rules_end(struct ledger_tx *tx, const struct work *work, struct err *err)
{
    struct record record;
    record_init(&record, RECORD_CONFIG);
    record.actor = (struct actor){ACTOR_GATEWAY, ""};
    record.origin = work->id;
    record.object = RULES_OBJECT;
    record.object_digest = work->object;
    record.rules = work->object;
    record.note = arena_printf(tx->arena, "firms changed: %lld", (long long)work->records);
    return ledger_record(tx, &record, err);
}

/* ---- looking ahead ---- */

struct look {
    const struct policy *policy;     /* NULL: what is in force */
    uint64_t next;
    bool more;
    struct ledger_sweep sweep;
};
/* A job may be decided more than once, so it never changes what it started from. */
struct look_step {
    const struct look *before;
    struct look after;
};

static const struct rules *rules_of(struct ledger_tx *tx, const struct policy *policy)
{
    return policy == NULL ? ledger_rules(tx) : policy_in_force(policy, date_of_ms(tx->now));
}

static bool look_one(struct ledger_tx *tx, const struct rules *rules, struct look *look, struct err *err)
{
    struct firm firm;
    bool found;
    CHECK(newest_of_firm(tx, look->next, &firm, &found, err));
    if (!found)
        return true;
    struct fact fact;
    struct decision decision;
    ledger_fact_init(&fact, FACT_RULES, firm.uscc);
    policy_decide(rules, &firm, &fact, date_of_ms(tx->now), &decision, err);
    if (decision.outcome == POLICY_REFUSED)
        return false;
    look->sweep.firms++;
    if (decision.outcome == POLICY_RECORD) {
        look->sweep.changes[firm.listing.status][decision.record.listing.status]++;
        look->sweep.removes += decision.removes;
    }
    return true;
}

static bool look_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct look_step *step = arg;
    struct look look = *step->before;
    const struct rules *rules = rules_of(tx, look.policy);
    if (rules == NULL)
        return err_set(err, ERR_RULES_NONE, "rules", "today");
    snprintf(look.sweep.version, sizeof look.sweep.version, "%s", rules->version);
    for (int i = 0; i < LEDGER_CHUNK && look.next <= tx->head; i++, look.next++)
        CHECK(look_one(tx, rules, &look, err));
    look.more = look.next <= tx->head;
    if (!look.more)
        CHECK(ledger_guard_judge(tx, RULES_SOURCE, look.sweep.removes, &look.sweep.guard, err));
    step->after = look;
    return true;
}

bool ledger_look_rules(struct ledger *ledger, const struct policy *policy, struct ledger_sweep *out, struct err *err)
{
    struct look look = {.policy = policy, .next = 1, .more = true};
    while (look.more) {
        struct look_step step = {.before = &look};
        CHECK(ledger_run(ledger, look_job, &step, err));
        look = step.after;
    }
    *out = look.sweep;
    return true;
}

/* ---- following what is in force ---- */

static bool same_text(struct ledger_tx *tx, enum store_table table, const char *name, const char *text)
{
    struct store_key key = key_text(name);
    struct bytes value;
    return store_get(tx->txn, table, &key, &value) && bytes_equal(value, bytes_str(text));
}

/* True when the version in force has neither been swept nor asked about. */
static bool is_new_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct rules *rules = ledger_rules(tx);
    *(bool *)arg = rules != NULL && !same_text(tx, TABLE_CONFIG, RULES_OBJECT, rules->version) &&
                   !same_text(tx, TABLE_META, RULES_SWEEP, rules->version);
    return !store_failed(tx->txn, err);
}

static bool begin_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct ledger_sweep *sweep = arg;
    struct store_key key = key_text(RULES_SWEEP);
    store_put(tx->txn, TABLE_META, &key, bytes_str(sweep->version));
    struct approval sweeping = {
        .what = "rules", .object = sweep->version, .digest = "", .maker = {ACTOR_GATEWAY, ""},
        .note = "the new rules would take more firms off the list than allowed without a person",
        .payload = arena_printf(tx->arena, "{\"first\":1,\"last\":%llu,\"firms\":%lld,\"removes\":%lld}",
                                (unsigned long long)tx->head, (long long)sweep->firms, (long long)sweep->removes),
    };
    if (!sweep->guard.allowed)
        return ledger_propose(tx, &sweeping, NULL, err);
    sweeping.id = arena_printf(tx->arena, "rules-%s", sweep->version);
    const struct actor nobody = {ACTOR_GATEWAY, ""};
    return work_begin(tx, &sweeping, &nobody, err);
}

bool ledger_follow_rules(struct ledger *ledger, struct err *err)
{
    bool is_new = false;
    struct ledger_sweep sweep;
    CHECK(ledger_run(ledger, is_new_job, &is_new, err));
    if (!is_new)
        return true;
    CHECK(ledger_look_rules(ledger, NULL, &sweep, err));
    log_event(LOG_NOTICE, "rules.sweep", "version=%s firms=%lld removes=%lld held=%d", sweep.version,
              (long long)sweep.firms, (long long)sweep.removes, !sweep.guard.allowed);
    CHECK(ledger_run(ledger, begin_job, &sweep, err));
    if (sweep.guard.allowed)
        work_kick(ledger);
    return true;
}
