/* apply: what a record does to the firm it is about, and when time alone will do something. */
#include "record/record.h"

#include <string.h>

static const char *or_old(const char *fresh, const char *old)
{
    return fresh[0] != '\0' ? fresh : old;
}

static void take_enterprise(struct firm *firm, const struct record *record)
{
    const struct cert_row *row = &record->row;

    if (record->name_waits)
        firm->name_pending = row->name;
    else if (row->name[0] != '\0')
        firm->name = row->name, firm->name_pending = "";
    firm->region_code = or_old(row->region_code, firm->region_code);
    firm->industry_code = or_old(row->industry_code, firm->industry_code);
    firm->scale = or_old(row->scale, firm->scale);
    firm->ownership = or_old(row->ownership, firm->ownership);
    firm->doubtful = row->doubtful;
    if (record->unconfirmed)
        firm->confirmed = false;
}

static const char *granting_source(const struct record *record, const char *old)
{
    if (record->source[0] != '\0')
        return record->source;
    return record->actor.kind == ACTOR_SOURCE || record->actor.kind == ACTOR_PARTNER ? record->actor.id : old;
}

static void take_row(struct firm *firm, const struct record *record)
{
    struct certification *certification = &firm->certification;
    const struct cert_row *row = &record->row;

    take_enterprise(firm, record);
    certification->state = record->begins_later ? CERT_PENDING : CERT_IN_FORCE;
    certification->source = granting_source(record, certification->source);
    certification->level = row->level;
    certification->batch = row->batch;
    certification->document_no = row->document_no;
    certification->list_version = record->list_version;
    certification->valid_from = row->valid_from;
    certification->valid_until = row->valid_until;
    certification->granted_ms = record->time_ms;
}

/* Exactly as before, also where that was nothing: the row holds every field of then. */
static void apply_revert(struct firm *firm, const struct record *record)
{
    const struct cert_row *row = &record->row;

    take_row(firm, record);
    firm->region_code = row->region_code;
    firm->industry_code = row->industry_code;
    firm->scale = row->scale;
    firm->ownership = row->ownership;
    firm->certification.state = record->reverted;
    firm->certification.source = record->source;
    firm->certification.sequence = record->seq;
}

static void apply_certification(struct firm *firm, const struct record *record)
{
    if (record->action == CERT_REVERT) {
        apply_revert(firm, record);
        return;
    }
    static const enum cert_state after[CERT_ACTION_COUNT] = {
        [CERT_WITHDRAW] = CERT_WITHDRAWN,
        [CERT_ABSENT] = CERT_ABSENT_FROM_LIST,
        [CERT_EXPIRE] = CERT_EXPIRED,
        [CERT_BEGIN] = CERT_IN_FORCE,
    };

    enum cert_state state = after[record->action];

    /* a row may arrive whose validity is over already */
    if (state == CERT_NONE || (record->action == CERT_EXPIRE && record->row.name[0] != '\0'))
        take_row(firm, record);
    if (state != CERT_NONE)
        firm->certification.state = state;
    firm->certification.sequence = record->seq;
}

static bool same_exclusion(const struct exclusion *a, const struct exclusion *b)
{
    return a->ground == b->ground && strcmp(a->imposed_by, b->imposed_by) == 0;
}

static void impose(struct firm *firm, const struct record *record)
{
    size_t i = 0;

    while (i < firm->exclusion_n && !same_exclusion(&firm->exclusions[i], &record->exclusion))
        i++;
    if (i == FIRM_EXCLUSIONS_MAX)
        return;
    firm->exclusions[i] = record->exclusion;
    firm->exclusions[i].sequence = record->seq;
    firm->exclusion_n += i == firm->exclusion_n;
}

/* Without a name in imposed_by: the ground, whoever imposed it. */
static void lift(struct firm *firm, const struct exclusion *lifted)
{
    size_t kept = 0;

    for (size_t i = 0; i < firm->exclusion_n; i++) {
        const struct exclusion *exclusion = &firm->exclusions[i];
        bool any = lifted->imposed_by[0] == '\0' && exclusion->ground == lifted->ground;
        if (!any && !same_exclusion(exclusion, lifted))
            firm->exclusions[kept++] = *exclusion;
    }
    firm->exclusion_n = kept;
}

static void apply_exclusion(struct firm *firm, const struct record *record)
{
    if (record->lift)
        lift(firm, &record->exclusion);
    else
        impose(firm, record);
}

/* The decision was wrong: what excluded the firm is gone, and so is an absence, which was only inferred. */
static void restore(struct firm *firm)
{
    firm->exclusion_n = 0;
    if (firm->certification.state == CERT_ABSENT_FROM_LIST)
        firm->certification.state = CERT_IN_FORCE;
}

static void apply_listing(struct firm *firm, const struct record *record)
{
    if (strcmp(record->act, "add") == 0) {
        take_enterprise(firm, record);
    } else if (strcmp(record->act, "confirm") == 0) {
        firm->confirmed = true;
        firm->name = or_old(firm->name_pending, firm->name);
        firm->name_pending = "";
    } else if (strcmp(record->act, "refuse") == 0) {
        firm->name_pending = "";
    } else if (strcmp(record->act, "restore") == 0) {
        restore(firm);
    }
}

/* Data of the firm alone: what a certified row said about its code stands. */
static void apply_enterprise(struct firm *firm, const struct record *record)
{
    bool doubtful = firm->doubtful;

    take_enterprise(firm, record);
    firm->doubtful = doubtful;
}

static bool listing_differs(const struct listing *a, const struct listing *b)
{
    return a->status != b->status || a->lane != b->lane || a->since != b->since || a->listed_since != b->listed_since ||
           a->valid_until != b->valid_until || a->reason_n != b->reason_n ||
           memcmp(a->reasons, b->reasons, a->reason_n * sizeof(a->reasons[0])) != 0;
}

static void take_listing(struct firm *firm, const struct record *record)
{
    uint64_t sequence = firm->listing.sequence;

    if (listing_differs(&firm->listing, &record->listing))
        sequence = record->seq;
    firm->listing = record->listing;
    firm->listing.sequence = sequence;
}

void firm_apply(struct firm *firm, const struct record *record)
{
    static void (*const apply[RECORD_KIND_COUNT])(struct firm *, const struct record *) = {
        [RECORD_CERTIFICATION] = apply_certification,
        [RECORD_EXCLUSION] = apply_exclusion,
        [RECORD_LISTING] = apply_listing,
        [RECORD_ENTERPRISE] = apply_enterprise,
    };

    if (apply[record->kind] != NULL)
        apply[record->kind](firm, record);
    if (record_decides(record->kind))
        take_listing(firm, record);
    firm->last_sequence = record->seq;
}

static date_day earlier(date_day a, date_day b)
{
    return a == DATE_NONE ? b : b == DATE_NONE || a < b ? a : b;
}

static date_day day_after(date_day day)
{
    return day == DATE_NONE || day == INT32_MAX ? DATE_NONE : day + 1;
}

date_day firm_due(const struct firm *firm)
{
    const struct listing *listing = &firm->listing;
    date_day due = DATE_NONE;

    if (firm->certification.state == CERT_PENDING)
        due = firm->certification.valid_from;
    if (firm->certification.state == CERT_IN_FORCE)
        due = day_after(firm->certification.valid_until);
    if (listing->status == LISTING_LISTED || listing->status == LISTING_SUSPENDED)
        due = earlier(due, day_after(listing->valid_until));
    for (size_t i = 0; i < firm->exclusion_n; i++)
        due = earlier(due, day_after(firm->exclusions[i].until));
    return due;
}

bool listing_leaves(const struct listing *before, const struct listing *after, date_day today)
{
    if (before->status != LISTING_LISTED)
        return false;
    if (after->status != LISTING_LISTED)
        return true;
    bool shorter = before->valid_until == DATE_NONE || after->valid_until < before->valid_until;
    return after->valid_until != DATE_NONE && shorter && after->valid_until <= today + RECORD_SOON;
}
