/* persons: what people decide about a firm's place. That two of them agreed is the ledger's to know. */
#include "policy/internal.h"

/* The membership's last day: as proposed, else by the rules' term. */
static date_day ordinary_until(const struct ask *ask)
{
    int64_t term = ask->rules->ordinary_term_days;

    if (ask->fact->until != DATE_NONE || term == 0)
        return ask->fact->until;
    return (date_day)(ask->today + term - 1);
}

bool decide_add(const struct ask *ask, struct decision *out, struct err *err)
{
    struct listing *listing = &out->record.listing;
    struct firm next;

    if (stand_on_list(&ask->firm->listing))
        return decide_refused(ask, err, "the firm is on the list already");
    if (ask->firm->listing.status == LISTING_CHECKING && ask->firm->listing.lane == LANE_ORDINARY)
        return decide_refused(ask, err, "the firm was added already and waits to be confirmed");
    if (ask->firm->exclusion_n > 0)
        return decide_refused(ask, err, "an exclusion lives");
    if (ordinary_until(ask) != DATE_NONE && ordinary_until(ask) < ask->today)
        return decide_refused(ask, err, "the membership would be over already");
    decide_record(ask, out, RECORD_LISTING);
    out->record.act = "add";
    out->record.row = ask->fact->row;
    out->record.row.doubtful = ask->fact->row.doubtful || ask->fact->uscc_doubtful;
    out->record.name_waits = policy_another_name(ask);
    decide_look_ahead(ask, out, &next);
    listing->lane = LANE_ORDINARY;
    listing->valid_until = ordinary_until(ask);
    /* the proposers may vouch for the region, but a code or name has to be confirmed on its own */
    out->needs_person = stand_doubtful(&next) || next.name_pending[0] != '\0';
    if (out->needs_person)
        stand_wait(listing, ask->today);
    else
        stand_list(listing, &next, ask->today);
    decide_why(out, reason_text(REASON_PROPOSED, false), reason_text(REASON_PROPOSED, true));
    return true;
}

/* ---- what waited in checking ------------------------------------------------------------------------------ */

/* A confirmation by persons admits as well: nobody else would be asked about this firm again. */
static bool confirm_checking(const struct ask *ask, const struct firm *next, struct decision *out, struct err *err)
{
    struct listing *listing = &out->record.listing;

    if (listing->lane == LANE_ORDINARY) {
        if (!stand_ordinary(next, ask->today))
            return decide_refused(ask, err, "the proposed membership is over");
        stand_list(listing, next, ask->today);
        return true;
    }
    if (stand_certified(next, ask->today)) {
        listing->lane = LANE_PRIORITY;
        stand_list(listing, next, ask->today);
        return true;
    }
    if (next->certification.state != CERT_PENDING)
        return decide_refused(ask, err, "no certification is in force");
    listing->lane = LANE_PRIORITY;
    return true;
}

bool decide_confirm(const struct ask *ask, struct decision *out, struct err *err)
{
    bool checking = ask->firm->listing.status == LISTING_CHECKING;
    bool named = ask->firm->name_pending[0] != '\0';
    bool admitted = ask->firm->listing.lane == LANE_PRIORITY;
    struct firm next;

    if (!named && (!checking || (admitted && !stand_blocked(ask->rules, ask->firm))))
        return decide_refused(ask, err, "nothing waits to be confirmed");
    decide_record(ask, out, RECORD_LISTING);
    out->record.act = "confirm";
    decide_look_ahead(ask, out, &next);
    if (checking)
        CHECK(confirm_checking(ask, &next, out, err));
    decide_say(out, "a person confirmed the firm");
    return true;
}

static enum reason refused_reason(const struct listing *listing)
{
    if (listing->reason_n > 1)
        return listing->reasons[1];
    return listing->listed_since == DATE_NONE ? REASON_NEVER_LISTED : REASON_UNDER_REVIEW;
}

static enum listing_status status_after(enum reason how)
{
    if (how == REASON_NEVER_LISTED)
        return LISTING_NONE;
    return how == REASON_EXPIRED ? LISTING_EXPIRED : LISTING_REMOVED;
}

bool decide_refuse(const struct ask *ask, struct decision *out, struct err *err)
{
    struct listing *listing = &out->record.listing;
    bool checking = ask->firm->listing.status == LISTING_CHECKING;

    if (!checking && ask->firm->name_pending[0] == '\0')
        return decide_refused(ask, err, "nothing waits to be refused");
    decide_record(ask, out, RECORD_LISTING);
    out->record.act = "refuse";
    decide_say(out, "a person refused the firm or its new name");
    if (!checking)
        return true;
    /* back to how the last membership had ended; never listed when there was none */
    enum reason how = refused_reason(listing);
    stand_move(listing, status_after(how), ask->today);
    stand_reason(listing, how);
    listing->lane = LANE_NONE;
    listing->valid_until = DATE_NONE;
    return true;
}

/* ---- admission and restoring -------------------------------------------------------------------------------- */

bool decide_admit(const struct ask *ask, struct decision *out, struct err *err)
{
    struct listing *listing = &out->record.listing;
    const struct firm *firm = ask->firm;
    bool certified = stand_certified(firm, ask->today);
    bool pending = firm->certification.state == CERT_PENDING && firm->listing.lane != LANE_ORDINARY;
    bool excluded = firm->listing.status == LISTING_SUSPENDED || stand_excluded_only(&firm->listing);

    if (firm->listing.lane == LANE_PRIORITY)
        return decide_nothing(out, "the firm is admitted already");
    if (!certified && !pending)
        return decide_refused(ask, err, "no certification is in force");
    if (stand_blocked(ask->rules, firm))
        return decide_refused(ask, err, "a person must confirm the firm first");
    if (firm->listing.status != LISTING_LISTED && firm->listing.status != LISTING_CHECKING && !excluded)
        return decide_refused(ask, err, "the firm does not wait for admission");
    decide_record(ask, out, RECORD_LISTING);
    out->record.act = "admit";
    listing->lane = LANE_PRIORITY;
    if (excluded)
        listing->valid_until = firm->certification.valid_until;
    else if (certified)
        stand_list(listing, firm, ask->today);
    decide_why(out, reason_text(REASON_CERTIFIED, false), reason_text(REASON_CERTIFIED, true));
    return true;
}

/* The earlier decision was wrong: membership goes on as if it had not been taken. */
bool decide_restore(const struct ask *ask, struct decision *out, struct err *err)
{
    struct listing *listing = &out->record.listing;
    const struct listing *before = &ask->firm->listing;
    struct firm next;

    if (before->status != LISTING_SUSPENDED && before->status != LISTING_REMOVED)
        return decide_refused(ask, err, "only a suspended or removed firm can be restored");
    if (before->listed_since == DATE_NONE)
        return decide_refused(ask, err, "the firm was never listed");
    decide_record(ask, out, RECORD_LISTING);
    out->record.act = "restore";
    decide_look_ahead(ask, out, &next);
    if (stand_certified(&next, ask->today) && listing->lane != LANE_ORDINARY)
        listing->lane = LANE_PRIORITY;
    else if (!stand_ordinary(&next, ask->today))
        return decide_refused(ask, err, "no certification or membership is in force");
    if (stand_blocked(ask->rules, &next))
        return decide_refused(ask, err, "a person must confirm the firm first");
    stand_list(listing, &next, ask->today);
    listing->listed_since = before->listed_since;
    listing->reasons[listing->reason_n++] = REASON_RECTIFIED;
    out->record.corrects = true;
    decide_why(out, reason_text(REASON_RECTIFIED, false), reason_text(REASON_RECTIFIED, true));
    return true;
}
