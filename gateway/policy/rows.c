/* rows: what a list says about a firm: certified, changed, withdrawn, no longer there. */
#include "policy/internal.h"

#include <string.h>

static bool live(const struct firm *firm)
{
    return firm->certification.state == CERT_IN_FORCE || firm->certification.state == CERT_PENDING;
}

/* ---- comparing a row with what is known ---------------------------------------------------------------- */

static bool said_otherwise(const char *row, const char *known)
{
    return row[0] != '\0' && strcmp(row, known) != 0;
}

/* Names differ when they still do without width, case, spaces and kinds of brackets. */
static bool another_name(const char *row, const char *known)
{
    char a[2 * RECORD_NAME_MAX], b[2 * RECORD_NAME_MAX];

    if (row[0] == '\0' || known[0] == '\0' || strcmp(row, known) == 0)
        return false;
    if (!ident_name_fold(bytes_str(row), a, sizeof(a)) || !ident_name_fold(bytes_str(known), b, sizeof(b)))
        return true;
    return strcmp(a, b) != 0;
}

bool policy_another_name(const struct ask *ask)
{
    return ask->rules->name_mismatch_checks && another_name(ask->fact->row.name, ask->firm->name);
}

bool policy_enterprise_differs(const struct firm *firm, const struct cert_row *row)
{
    const char *name = firm->name_pending[0] != '\0' ? firm->name_pending : firm->name;

    return said_otherwise(row->name, name) || said_otherwise(row->region_code, firm->region_code) ||
           said_otherwise(row->industry_code, firm->industry_code) || said_otherwise(row->scale, firm->scale) ||
           said_otherwise(row->ownership, firm->ownership) || row->doubtful != firm->doubtful;
}

/* What makes it another certification rather than a correction of the same. */
static bool certificate_differs(const struct certification *known, const struct cert_row *row)
{
    return row->valid_until != known->valid_until || strcmp(row->document_no, known->document_no) != 0 ||
           strcmp(row->batch, known->batch) != 0;
}

static bool row_differs(const struct firm *firm, const struct cert_row *row)
{
    const struct certification *known = &firm->certification;

    return certificate_differs(known, row) || row->valid_from != known->valid_from ||
           strcmp(row->level, known->level) != 0 || policy_enterprise_differs(firm, row);
}

/* The end that holds: the row's, else that of the rules' default term. Without a first day the term runs from
 * the day the certification was first seen, so that the same row does not prolong itself. */
static date_day end_of(const struct ask *ask, const struct cert_row *row)
{
    const struct certification *known = &ask->firm->certification;
    int64_t term = ask->rules->default_term_days;

    if (row->valid_until != DATE_NONE || term == 0)
        return row->valid_until;
    if (row->valid_from != DATE_NONE)
        return (date_day)(row->valid_from + term - 1);
    if (known->state != CERT_NONE && known->valid_from == DATE_NONE && known->valid_until != DATE_NONE &&
        strcmp(known->document_no, row->document_no) == 0)
        return known->valid_until;
    return (date_day)(ask->today + term - 1);
}

/* A certification announced ahead begins on its first day, unless it continues the one in force without a gap. */
static bool begins_later(const struct ask *ask, const struct cert_row *row)
{
    const struct certification *known = &ask->firm->certification;

    if (row->valid_from == DATE_NONE || row->valid_from <= ask->today)
        return false;
    if (!stand_certified(ask->firm, ask->today))
        return true;
    return known->valid_until != DATE_NONE && row->valid_from > known->valid_until + 1;
}

/* ---- certified ----------------------------------------------------------------------------------------- */

static enum cert_action action_of(const struct ask *ask, const struct cert_row *row)
{
    if (!live(ask->firm))
        return CERT_GRANT;
    return certificate_differs(&ask->firm->certification, row) ? CERT_RENEW : CERT_AMEND;
}

static void fill_row(const struct ask *ask, const struct cert_row *row, struct decision *out)
{
    const struct fact *fact = ask->fact;
    struct record *record = &out->record;

    decide_record(ask, out, RECORD_CERTIFICATION);
    record->row = *row;
    record->list_version = fact->list_version;
    memcpy(record->row_digest, fact->row_digest, sizeof(record->row_digest));
    if (fact->actor.kind == ACTOR_SOURCE || fact->actor.kind == ACTOR_PARTNER)
        record->source = fact->actor.id;
}

/* Confirming a firm confirmed the region it then had; a new one outside the province is asked about again. */
void policy_region_moved(const struct ask *ask, struct decision *out, struct firm *next)
{
    bool moved = strcmp(next->region_code, ask->firm->region_code) != 0;

    if (stand_on_list(&ask->firm->listing) || !moved || !next->confirmed || !stand_outside(ask->rules, next))
        return;
    out->record.unconfirmed = true;
    next->confirmed = false;
}

static void explain_row(const struct ask *ask, const struct firm *next, struct decision *out)
{
    if (out->record.listing.status == LISTING_LISTED && out->needs_person)
        decide_say(out, "stays listed; a person must look at the new name or region");
    else if (next->exclusion_n > 0)
        decide_say(out, "certified, but excluded");
    else if (stand_doubtful(next))
        decide_say(out, "the code is doubtful; a person must confirm it");
    else if (next->name_pending[0] != '\0')
        decide_say(out, "the name is not the one known under this code");
    else if (out->needs_person && stand_outside(ask->rules, next))
        decide_say(out, "the firm is not known to be of this province");
    else if (next->certification.state == CERT_PENDING)
        decide_say(out, "the certification begins on a later day");
    else if (out->awaits_admission)
        decide_say(out, "certified; waits for the approval that admits");
    else
        decide_say(out, "certified and on the list");
}

static bool decide_certified(const struct ask *ask, const struct cert_row *row, struct decision *out)
{
    struct firm next;

    fill_row(ask, row, out);
    out->record.action = action_of(ask, row);
    out->record.begins_later = begins_later(ask, row);
    out->record.name_waits = policy_another_name(ask);
    decide_look_ahead(ask, out, &next);
    policy_region_moved(ask, out, &next);
    stand_place(ask, &next, out, ask->today);
    explain_row(ask, &next, out);
    return true;
}

/* Over before it arrived. It ends a priority membership; an ordinary one has its own term. */
static bool decide_over(const struct ask *ask, const struct cert_row *row, struct decision *out)
{
    struct listing *listing = &out->record.listing;
    struct firm next;

    fill_row(ask, row, out);
    out->record.action = CERT_EXPIRE;
    out->record.name_waits = policy_another_name(ask);
    decide_look_ahead(ask, out, &next);
    if (listing->lane != LANE_ORDINARY && listing->status != LISTING_REMOVED)
        stand_end(listing, &next, REASON_EXPIRED, ask->today);
    else if (listing->status == LISTING_LISTED && stand_doubtful(&next))
        stand_wait(listing, ask->today);
    out->needs_person = listing->lane == LANE_ORDINARY && stand_blocked(ask->rules, &next);
    decide_say(out, "the certification's validity is over already");
    return true;
}

/* ---- withdrawn or absent --------------------------------------------------------------------------------- */

static bool end_certification(const struct ask *ask, struct decision *out, enum cert_action action, enum reason reason)
{
    struct listing *listing = &out->record.listing;
    struct firm next;

    out->record.action = action;
    decide_look_ahead(ask, out, &next);
    if (listing->lane == LANE_ORDINARY) {
        decide_say(out, "the certification ended; the ordinary membership stays");
        return true;
    }
    if (listing->status != LISTING_NONE && listing->status != LISTING_EXPIRED)
        stand_end(listing, &next, reason, ask->today);
    decide_why(out, reason_text(reason, false), reason_text(reason, true));
    return true;
}

/* Only who certified a firm last takes that back, unless a person granted it. */
static bool of_another_source(const struct ask *ask)
{
    const struct actor *actor = &ask->fact->actor;
    bool of_source = actor->kind == ACTOR_SOURCE || actor->kind == ACTOR_PARTNER;

    return of_source && ask->fact->approval_id[0] == '\0' &&
           strcmp(actor->id, ask->firm->certification.source) != 0;
}

static bool decide_withdrawn(const struct ask *ask, const struct cert_row *row, struct decision *out)
{
    enum cert_state state = ask->firm->certification.state;

    if (state == CERT_NONE || state == CERT_WITHDRAWN)
        return decide_nothing(out, "there is no certification to withdraw");
    if (of_another_source(ask))
        return decide_nothing(out, "another source certified this firm last");
    fill_row(ask, row, out);
    return end_certification(ask, out, CERT_WITHDRAW, REASON_WITHDRAWN);
}

bool decide_absent(const struct ask *ask, struct decision *out, struct err *err)
{
    (void)err;
    if (!live(ask->firm))
        return decide_nothing(out, "no certification is in force");
    if (of_another_source(ask))
        return decide_nothing(out, "another source certified this firm last");
    decide_record(ask, out, RECORD_CERTIFICATION);
    out->record.list_version = ask->fact->list_version;
    out->record.source = ask->firm->certification.source;
    return end_certification(ask, out, CERT_ABSENT, REASON_ABSENT_FROM_LIST);
}

bool decide_row(const struct ask *ask, struct decision *out, struct err *err)
{
    enum cert_state state = ask->firm->certification.state;
    struct cert_row row = ask->fact->row;

    (void)err;
    row.doubtful = row.doubtful || ask->fact->uscc_doubtful;
    if (row.withdrawn)
        return decide_withdrawn(ask, &row, out);
    row.valid_until = end_of(ask, &row);
    bool over = row.valid_until != DATE_NONE && row.valid_until < ask->today;
    if ((live(ask->firm) || (over && state == CERT_EXPIRED)) && !row_differs(ask->firm, &row))
        return decide_nothing(out, "the row says what is known");
    return over ? decide_over(ask, &row, out) : decide_certified(ask, &row, out);
}
