/* times: what the passing of a date does. One record at a time: the ledger asks again until nothing is due.
 * A status begins on the day it was due, also where the gateway was not running then. */
#include "policy/internal.h"

static bool over(date_day until, date_day today)
{
    return until != DATE_NONE && until < today;
}

static void due_on(struct decision *out, date_day day)
{
    if (out->record.due_ms == 0)
        out->record.due_ms = date_start_ms(day);
}

/* An ordinary membership and a removal do not depend on the certification. */
static void expire_certification(const struct ask *ask, struct decision *out)
{
    struct listing *listing = &out->record.listing;
    date_day day = ask->firm->certification.valid_until + 1;
    struct firm next;

    decide_record(ask, out, RECORD_CERTIFICATION);
    out->record.action = CERT_EXPIRE;
    out->record.source = ask->firm->certification.source;
    decide_look_ahead(ask, out, &next);
    if (listing->lane != LANE_ORDINARY && (stand_on_list(listing) || listing->status == LISTING_CHECKING))
        stand_end(listing, &next, REASON_EXPIRED, day);
    due_on(out, day);
}

static void expire_membership(const struct ask *ask, struct decision *out)
{
    struct listing *listing = &out->record.listing;
    date_day day = ask->firm->listing.valid_until + 1;
    bool goes_on = ask->firm->certification.state == CERT_PENDING && ask->firm->listing.lane == LANE_PRIORITY;

    decide_record(ask, out, RECORD_LISTING);
    out->record.act = "expire";
    stand_end(listing, ask->firm, REASON_EXPIRED, day);
    if (goes_on)
        listing->lane = LANE_PRIORITY;
    due_on(out, day);
}

/* A firm that a person refused stays refused; one between two certifications, still on its lane, goes on. */
static bool waits_for_beginning(const struct listing *listing)
{
    return stand_on_list(listing) || listing->status == LISTING_CHECKING || stand_excluded_only(listing) ||
           (listing->status == LISTING_EXPIRED && listing->lane == LANE_PRIORITY);
}

static void begin_certification(const struct ask *ask, struct decision *out)
{
    date_day day = ask->firm->certification.valid_from;
    struct firm next;

    decide_record(ask, out, RECORD_CERTIFICATION);
    out->record.action = CERT_BEGIN;
    out->record.source = ask->firm->certification.source;
    decide_look_ahead(ask, out, &next);
    if (waits_for_beginning(&out->record.listing))
        stand_place(ask, &next, out, day);
    due_on(out, day);
    decide_say(out, "the certification began");
}

/* Ends come before exclusions that run out, so that none of these puts a firm on the list for a moment. */
bool decide_time(const struct ask *ask, struct decision *out, struct err *err)
{
    const struct firm *firm = ask->firm;
    const struct certification *certification = &firm->certification;

    (void)err;
    decide_why(out, reason_text(REASON_EXPIRED, false), reason_text(REASON_EXPIRED, true));
    if (certification->state == CERT_IN_FORCE && over(certification->valid_until, ask->today))
        expire_certification(ask, out);
    else if (stand_on_list(&firm->listing) && over(firm->listing.valid_until, ask->today))
        expire_membership(ask, out);
    else if (policy_lift_over(ask, out))
        due_on(out, out->record.exclusion.until + 1);
    else if (certification->state == CERT_PENDING && certification->valid_from <= ask->today)
        begin_certification(ask, out);
    else
        return decide_nothing(out, "nothing is due");
    return true;
}
