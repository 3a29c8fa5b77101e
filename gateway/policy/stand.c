/* stand: where a firm may stand on the list, and placing it there.
 *
 * The lane says who let the firm in: priority once admitted after certification, ordinary once proposed and
 * approved. It is set already while a firm waits in checking or is suspended, so that it need not be admitted
 * twice; it is cleared when a membership ends. */
#include "policy/internal.h"

#include <string.h>

static bool covers(date_day until, date_day today)
{
    return until == DATE_NONE || until >= today;
}

bool stand_on_list(const struct listing *listing)
{
    return listing->status == LISTING_LISTED || listing->status == LISTING_SUSPENDED;
}

bool stand_certified(const struct firm *firm, date_day today)
{
    return firm->certification.state == CERT_IN_FORCE && covers(firm->certification.valid_until, today);
}

bool stand_ordinary(const struct firm *firm, date_day today)
{
    return firm->listing.lane == LANE_ORDINARY && covers(firm->listing.valid_until, today);
}

bool stand_doubtful(const struct firm *firm)
{
    return firm->doubtful && !firm->confirmed;
}

/* By the region a list gave, else by that of first registration in the code itself. */
bool stand_outside(const struct rules *rules, const struct firm *firm)
{
    const char *region = firm->region_code[0] != '\0' ? firm->region_code : firm->uscc + 2;

    return strlen(firm->uscc) == USCC_LENGTH && strncmp(region, rules->home_region, strlen(rules->home_region)) != 0;
}

bool stand_blocked(const struct rules *rules, const struct firm *firm)
{
    return stand_doubtful(firm) || firm->name_pending[0] != '\0' || (stand_outside(rules, firm) && !firm->confirmed);
}

bool stand_has(const struct listing *listing, enum reason reason)
{
    for (size_t i = 0; i < listing->reason_n; i++) {
        if (listing->reasons[i] == reason)
            return true;
    }
    return false;
}

bool stand_excluded_only(const struct listing *listing)
{
    return listing->status == LISTING_REMOVED && listing->reason_n > 0 && listing->reasons[0] == REASON_EXCLUSION;
}

void stand_reason(struct listing *listing, enum reason reason)
{
    listing->reasons[0] = reason;
    listing->reason_n = 1;
}

static void add_reason(struct listing *listing, enum reason reason)
{
    if (listing->reason_n < FIRM_REASONS_MAX)
        listing->reasons[listing->reason_n++] = reason;
}

void stand_move(struct listing *listing, enum listing_status status, date_day day)
{
    if (listing->status == status)
        return;
    listing->status = status;
    listing->since = day;
}

void stand_list(struct listing *listing, const struct firm *next, date_day day)
{
    bool moved = listing->status != LISTING_LISTED || next->listing.lane != listing->lane;

    if (listing->status != LISTING_LISTED)
        listing->listed_since = day;
    stand_move(listing, LISTING_LISTED, day);
    if (moved)
        stand_reason(listing, listing->lane == LANE_PRIORITY ? REASON_CERTIFIED : REASON_PROPOSED);
    if (listing->lane == LANE_PRIORITY)
        listing->valid_until = next->certification.valid_until;
}

/* How an earlier membership ended is kept behind, for the case that the person refuses. */
void stand_wait(struct listing *listing, date_day day)
{
    bool ended = listing->listed_since != DATE_NONE && listing->status != LISTING_LISTED && listing->reason_n > 0;
    enum reason how = listing->reasons[0];

    if (listing->status == LISTING_CHECKING)
        return;
    stand_move(listing, LISTING_CHECKING, day);
    stand_reason(listing, REASON_UNDER_REVIEW);
    if (ended)
        add_reason(listing, how);
}

bool stand_any_removes(const struct rules *rules, const struct firm *firm)
{
    for (size_t i = 0; i < firm->exclusion_n; i++) {
        if (rules->effect[firm->exclusions[i].ground] == POLICY_REMOVE)
            return true;
    }
    return false;
}

void stand_exclude(const struct rules *rules, struct listing *listing, const struct firm *next, date_day day)
{
    bool removed = stand_excluded_only(listing) || stand_any_removes(rules, next);

    /* no membership was interrupted, so none can be restored */
    if (!stand_on_list(listing) && !stand_excluded_only(listing))
        listing->listed_since = DATE_NONE;
    stand_move(listing, removed ? LISTING_REMOVED : LISTING_SUSPENDED, day);
    stand_reason(listing, REASON_EXCLUSION);
}

void stand_end(struct listing *listing, const struct firm *next, enum reason reason, date_day day)
{
    enum listing_status status = reason == REASON_EXPIRED ? LISTING_EXPIRED : LISTING_REMOVED;

    /* who never was on the list cannot leave it; an expired firm merely waited too long */
    if (listing->status == LISTING_CHECKING && listing->listed_since == DATE_NONE && reason != REASON_EXPIRED)
        status = LISTING_NONE;
    stand_move(listing, status, day);
    stand_reason(listing, reason);
    if (status == LISTING_REMOVED && next->exclusion_n > 0)
        add_reason(listing, REASON_EXCLUSION);
    listing->lane = LANE_NONE;
    listing->valid_until = DATE_NONE;
}

/* ---- a certified firm ---------------------------------------------------------------------------------- */

/* Priority is not automatic unless the rules say so: else one approval per run or batch admits. An ordinary
 * member keeps its lane until the certification begins. */
static void take_lane(const struct ask *ask, const struct firm *next, bool blocked, struct decision *out)
{
    struct listing *listing = &out->record.listing;
    bool present = stand_on_list(listing) || listing->status == LISTING_CHECKING || stand_excluded_only(listing);

    if (!present)
        listing->lane = LANE_NONE;
    if (blocked || (listing->lane == LANE_ORDINARY && next->certification.state == CERT_PENDING))
        return;
    if (ask->rules->admission == POLICY_ADMISSION_AUTOMATIC)
        listing->lane = LANE_PRIORITY;
    out->awaits_admission = listing->lane != LANE_PRIORITY;
}

static void place_free(const struct firm *next, struct listing *listing, bool blocked, date_day day)
{
    bool pending = next->certification.state == CERT_PENDING;

    if (listing->status == LISTING_LISTED && !stand_doubtful(next)) {
        if (!pending)
            stand_list(listing, next, day);
    } else if (listing->lane == LANE_PRIORITY && !blocked && !pending) {
        stand_list(listing, next, day);
    } else {
        stand_wait(listing, day);
    }
}

void stand_place(const struct ask *ask, const struct firm *next, struct decision *out, date_day day)
{
    struct listing *listing = &out->record.listing;
    bool blocked = stand_blocked(ask->rules, next);

    take_lane(ask, next, blocked, out);
    out->needs_person = blocked;
    if (next->exclusion_n == 0) {
        place_free(next, listing, blocked, day);
        return;
    }
    if (listing->status != LISTING_SUSPENDED)
        stand_exclude(ask->rules, listing, next, day);
    if (listing->lane != LANE_ORDINARY && next->certification.state == CERT_IN_FORCE)
        listing->valid_until = next->certification.valid_until;
}

/* ---- after the last exclusion --------------------------------------------------------------------------- */

/* How a membership that no longer has a basis ended. */
static enum reason ended_by(const struct firm *next)
{
    switch (next->certification.state) {
    case CERT_WITHDRAWN:
        return REASON_WITHDRAWN;
    case CERT_ABSENT_FROM_LIST:
        return REASON_ABSENT_FROM_LIST;
    default:
        return REASON_EXPIRED;
    }
}

void stand_return(const struct ask *ask, const struct firm *next, struct decision *out, date_day day)
{
    struct listing *listing = &out->record.listing;
    bool member = listing->lane != LANE_NONE && listing->listed_since != DATE_NONE;
    /* a member's new name or region never takes it off the list; a doubtful code never lets one on */
    bool blocked = member ? stand_doubtful(next) : stand_blocked(ask->rules, next);
    bool certified = stand_certified(next, ask->today);

    out->needs_person = stand_blocked(ask->rules, next);
    if (stand_ordinary(next, ask->today) && !blocked) {
        stand_list(listing, next, day);
    } else if (certified || next->certification.state == CERT_PENDING) {
        take_lane(ask, next, blocked, out);
        /* who looks at the firm itself lets it on: there is nothing left to admit */
        out->awaits_admission = out->awaits_admission && !out->needs_person;
        if (certified && !blocked && listing->lane == LANE_PRIORITY)
            stand_list(listing, next, day);
        else
            stand_wait(listing, day);
    } else if (stand_ordinary(next, ask->today)) {
        stand_wait(listing, day);
    } else {
        stand_end(listing, next, ended_by(next), day);
    }
}
