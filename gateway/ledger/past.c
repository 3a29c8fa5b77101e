/* past: what was known at an earlier moment, told from the records up to it. A firm's history names its records; runs
 * and configuration records are found by sequence in the table `past`. */
#include "ledger/internal.h"

#include <string.h>

#define CONTACT "contact" /* runs that were carried out, by source */
#define WHOLE "whole"     /* of them, those of a whole list */
#define HEARD "heard"     /* messages of those who certify by message, by partner */
#define CERTIFIES "certification.batch"
#define RULES "rules" /* by object: "rules" a file that was seen, "rules-version" a sweep that ended */
#define RULES_FILE "rules"
#define RULES_VERSION "rules-version"

/* ---- finding them -------------------------------------------------------------------------------------------- */

static void put(struct apply *apply, const char *what, const char *name, uint64_t seq)
{
    struct store_key key = key_past(what, name, seq);
    store_put(apply->txn, TABLE_PAST, &key, (struct bytes){0});
}

void past_contact(struct apply *apply, const struct record *record)
{
    put(apply, CONTACT, record->source, record->seq);
    if (record->full)
        put(apply, WHOLE, record->source, record->seq);
}

void past_config(struct apply *apply, const struct record *record)
{
    if (strcmp(record->object, RULES_FILE) == 0 || strcmp(record->object, RULES_VERSION) == 0)
        put(apply, RULES, record->object, record->seq);
}

/* A bureau's messages are contact with it: only of those who certify is it asked. */
void past_message(struct apply *apply, const struct record *record)
{
    if (partner_heard(apply->txn, record->message.sender, CERTIFIES) != 0)
        put(apply, HEARD, record->message.sender, record->seq);
}

void past_forget(struct store_txn *txn, const struct record *record)
{
    struct store_key key = key_past(CONTACT, record->source, record->seq);
    store_delete(txn, TABLE_PAST, &key);
    key = key_past(WHOLE, record->source, record->seq);
    store_delete(txn, TABLE_PAST, &key);
}

/* The last one up to then; 0: none. */
static uint64_t last_of(const struct past *past, const char *what, const char *name)
{
    struct store_key from = key_past(what, name, past->size), prefix = key_past(what, name, STORE_PREFIX);
    struct store_walk walk;
    uint64_t seq = 0;
    store_walk_down(&walk, past->txn, TABLE_PAST, &from, &prefix);
    if (store_next(&walk) && walk.key.n >= 8)
        seq = get_be64(walk.key.p + walk.key.n - 8);
    store_walk_end(&walk);
    return seq;
}

static bool read_record(const struct past *past, uint64_t seq, struct record *out, struct err *err)
{
    struct bytes bytes;
    CHECK(journal_read(past->journal, past->txn, seq, &bytes, err));
    return record_decode(past->arena, seq, bytes_dup(past->arena, bytes), out, err);
}

/* ---- a firm -------------------------------------------------------------------------------------------------- */

static enum listing_status as_told(enum listing_status status)
{
    return status == LISTING_CHECKING ? LISTING_NONE : status;
}

/* Looks through the later records for one that puts right what was told. It says how the firm should have stood: if the
 * firm stood so then or in between, something else was put right. */
struct later {
    unsigned stood; /* bit by bit: how the firm stood, from then on */
    uint64_t corrected;
};

static void look_at_later(struct later *later, const struct record *record)
{
    unsigned stands = 1u << as_told(record->listing.status);
    if (later->corrected == 0 && record->corrects && !(later->stood & stands))
        later->corrected = record->seq;
    later->stood |= stands;
}

static bool walk_history(const struct past *past, const char *uscc, struct firm *firm, struct later *later,
                         struct err *err)
{
    struct store_key prefix = key_history(uscc, STORE_PREFIX);
    struct store_walk walk;
    bool ok = true;
    for (store_walk(&walk, past->txn, TABLE_HISTORY, &prefix, &prefix); ok && store_next(&walk);) {
        struct record record;
        uint64_t seq = get_be64(walk.key.p + walk.key.n - 8);
        if (seq > past->size && (later == NULL || later->corrected != 0))
            break;
        ok = read_record(past, seq, &record, err);
        if (ok && seq <= past->size) {
            firm_apply(firm, &record);
        } else if (ok) {
            if (later->stood == 0)
                later->stood = 1u << as_told(firm->listing.status);
            look_at_later(later, &record);
        }
    }
    store_walk_end(&walk);
    return ok && !store_failed(past->txn, err);
}

bool past_firm(const struct past *past, const char *uscc, struct firm *out, uint64_t *corrected_out, struct err *err)
{
    struct later later = {0};
    firm_init(out, uscc);
    CHECK(walk_history(past, uscc, out, corrected_out != NULL ? &later : NULL, err));
    if (corrected_out != NULL)
        *corrected_out = later.corrected;
    return true;
}

/* ---- sources and rules --------------------------------------------------------------------------------------- */

bool past_source(const struct past *past, const char *source, struct source_state *out, struct err *err)
{
    struct record record;
    uint64_t seq = last_of(past, CONTACT, source);
    *out = (struct source_state){.id = source, .list_version = "", .seq = seq};
    if (seq == 0)
        return !store_failed(past->txn, err);
    CHECK(read_record(past, seq, &record, err));
    out->list_version = record.list_version;
    out->completed_ms = record.completed_ms;
    out->full = last_of(past, WHOLE, source) != 0;
    return !store_failed(past->txn, err);
}

bool past_heard(const struct past *past, const char *partner, int64_t *time_out, struct err *err)
{
    uint64_t seq = last_of(past, HEARD, partner);
    struct bytes leaf;
    *time_out = 0;
    if (seq == 0)
        return !store_failed(past->txn, err);
    CHECK(journal_read_leaf(past->journal, past->txn, seq, &leaf, err));
    *time_out = leaf.n < 17 ? 0 : (int64_t)get_be64(leaf.p + 9);
    return true;
}

/* The name of the version that the records tell: of the file then seen, or of a sweep that ended later. "" when the
 * same file is in force today, for then its dates tell, or when there is none. */
static bool told_version(const struct past *past, const char **out, struct err *err)
{
    uint64_t file = last_of(past, RULES, RULES_FILE), sweep = last_of(past, RULES, RULES_VERSION);
    struct store_key key = key_text(RULES_FILE);
    struct record record;
    struct bytes now;
    *out = "";
    if (file == 0)
        return !store_failed(past->txn, err);
    CHECK(read_record(past, file, &record, err));
    if (store_get(past->txn, TABLE_CONFIG, &key, &now) && bytes_equal(now, bytes_str(record.object_digest)))
        return true;
    *out = record.note;
    if (sweep < file)
        return true;
    CHECK(read_record(past, sweep, &record, err));
    *out = record.object_digest;
    return true;
}

static const struct rules *named(const struct policy *policy, const char *version)
{
    for (size_t i = 0; i < policy_versions(policy); i++)
        if (strcmp(policy_version(policy, i)->version, version) == 0)
            return policy_version(policy, i);
    return NULL;
}

bool past_rules(const struct past *past, const struct policy *policy, date_day day, struct rules *out, struct err *err)
{
    const struct rules *rules = NULL;
    const char *told;
    CHECK(told_version(past, &told, err));
    if (told[0] != '\0')
        rules = named(policy, told);
    if (rules == NULL)
        rules = policy_in_force(policy, day);
    if (rules == NULL)
        return err_set(err, ERR_RULES_NONE, NULL, "%s", told);
    *out = *rules;
    if (told[0] != '\0')
        out->version = told;
    return true;
}
