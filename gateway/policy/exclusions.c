/* exclusions: grounds imposed and lifted, by partners and by persons. */
#include "policy/internal.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static struct exclusion exclusion_of(const struct ask *ask)
{
    const struct fact *fact = ask->fact;

    return (struct exclusion){
        .ground = fact->ground,
        .imposed_by = fact->actor.id,
        .document_no = fact->document_no,
        .effective = fact->effective != DATE_NONE ? fact->effective : ask->today,
        .until = fact->until,
    };
}

/* An exclusion without a first day keeps the one it has. */
static bool imposed_already(const struct ask *ask)
{
    const struct fact *fact = ask->fact;

    for (size_t i = 0; i < ask->firm->exclusion_n; i++) {
        const struct exclusion *known = &ask->firm->exclusions[i];
        if (known->ground == fact->ground && same_text(known->imposed_by, fact->actor.id) &&
            same_text(known->document_no, fact->document_no) && known->until == fact->until &&
            (fact->effective == DATE_NONE || known->effective == fact->effective))
            return true;
    }
    return false;
}

static bool has_room(const struct firm *firm, const struct fact *fact)
{
    for (size_t i = 0; i < firm->exclusion_n; i++) {
        if (firm->exclusions[i].ground == fact->ground && same_text(firm->exclusions[i].imposed_by, fact->actor.id))
            return true;
    }
    return firm->exclusion_n < FIRM_EXCLUSIONS_MAX;
}

static void impose(const struct ask *ask, struct decision *out, struct firm *next)
{
    decide_record(ask, out, RECORD_EXCLUSION);
    out->record.exclusion = exclusion_of(ask);
    decide_look_ahead(ask, out, next);
    decide_why(out, ground_text(ask->fact->ground, false), ground_text(ask->fact->ground, true));
}

/* Takes effect when recorded, also where `effective` is a later day: a bank is rather told early than late. */
bool decide_impose(const struct ask *ask, struct decision *out, struct err *err)
{
    const struct listing *listing = &ask->firm->listing;
    const struct fact *fact = ask->fact;
    struct firm next;

    if (fact->until != DATE_NONE && fact->until < ask->today)
        return decide_nothing(out, "the exclusion is over already");
    if (imposed_already(ask))
        return decide_nothing(out, "this exclusion is known");
    if (!has_room(ask->firm, fact))
        return decide_refused(ask, err, "too many exclusions");
    impose(ask, out, &next);
    /* who is not on the list, nor about to be, is only remembered as excluded */
    if (stand_on_list(listing) || listing->status == LISTING_CHECKING)
        stand_exclude(ask->rules, &out->record.listing, &next, ask->today);
    else if (listing->status == LISTING_REMOVED && !stand_has(listing, REASON_EXCLUSION))
        stand_end(&out->record.listing, &next, listing->reason_n > 0 ? listing->reasons[0] : REASON_EXPIRED,
                  ask->today);
    return true;
}

/* ---- lifting --------------------------------------------------------------------------------------------- */

/* How many exclusions on this ground `by` may lift: persons (two of them) any, others their own. */
static size_t count_liftable(const struct firm *firm, enum ground ground, const char *by, const struct exclusion **one)
{
    size_t n = 0;

    for (size_t i = 0; i < firm->exclusion_n; i++) {
        const struct exclusion *exclusion = &firm->exclusions[i];
        if (exclusion->ground != ground || (by != NULL && !same_text(exclusion->imposed_by, by)))
            continue;
        *one = exclusion;
        n++;
    }
    return n;
}

/* With exclusions left, the status follows from those; a removal for another reason stays. */
static void place_lifted(const struct ask *ask, const struct firm *next, struct decision *out, date_day day)
{
    struct listing *listing = &out->record.listing;
    bool by_exclusion = listing->status == LISTING_SUSPENDED || stand_excluded_only(listing);

    if (!by_exclusion) {
        if (listing->status == LISTING_REMOVED && next->exclusion_n == 0 && stand_has(listing, REASON_EXCLUSION))
            stand_reason(listing, listing->reasons[0]);
    } else if (next->exclusion_n == 0) {
        stand_return(ask, next, out, day);
    } else {
        listing->reason_n = 0;
        stand_exclude(ask->rules, listing, next, day);
    }
}

static void lift(const struct ask *ask, const struct exclusion *exclusion, struct decision *out, date_day day)
{
    struct firm next;

    decide_record(ask, out, RECORD_EXCLUSION);
    out->record.lift = true;
    out->record.exclusion = *exclusion;
    decide_look_ahead(ask, out, &next);
    place_lifted(ask, &next, out, day);
}

bool decide_lift(const struct ask *ask, struct decision *out, struct err *err)
{
    const struct fact *fact = ask->fact;
    const struct exclusion *found = NULL;
    const char *by = fact->actor.kind == ACTOR_PERSON ? NULL : fact->actor.id;
    size_t n = count_liftable(ask->firm, fact->ground, by, &found);

    if (n == 0 && by != NULL && count_liftable(ask->firm, fact->ground, NULL, &found) > 0)
        return decide_refused(ask, err, "only who imposed it or two operators may lift it");
    if (n == 0)
        return decide_refused(ask, err, "no exclusion on this ground lives");
    struct exclusion exclusion = *found;
    if (n > 1)
        exclusion.imposed_by = "";
    lift(ask, &exclusion, out, ask->today);
    decide_say(out, "the exclusion was lifted");
    return true;
}

bool policy_lift_over(const struct ask *ask, struct decision *out)
{
    for (size_t i = 0; i < ask->firm->exclusion_n; i++) {
        const struct exclusion *exclusion = &ask->firm->exclusions[i];
        if (exclusion->until == DATE_NONE || exclusion->until >= ask->today)
            continue;
        lift(ask, exclusion, out, exclusion->until + 1);
        decide_say(out, "the exclusion ran out");
        return true;
    }
    return false;
}

/* ---- persons ----------------------------------------------------------------------------------------------- */

bool decide_suspend(const struct ask *ask, struct decision *out, struct err *err)
{
    struct firm next;

    if (ask->firm->listing.status != LISTING_LISTED)
        return decide_refused(ask, err, "only a listed firm can be suspended");
    if (ask->fact->until != DATE_NONE && ask->fact->until < ask->today)
        return decide_refused(ask, err, "the suspension would be over already");
    impose(ask, out, &next);
    stand_move(&out->record.listing, LISTING_SUSPENDED, ask->today);
    stand_reason(&out->record.listing, REASON_EXCLUSION);
    return true;
}

bool decide_remove(const struct ask *ask, struct decision *out, struct err *err)
{
    struct firm next;

    if (!stand_on_list(&ask->firm->listing))
        return decide_refused(ask, err, "only a listed or suspended firm can be removed");
    if (ask->fact->until != DATE_NONE && ask->fact->until < ask->today)
        return decide_refused(ask, err, "the removal would be over already");
    if (!has_room(ask->firm, ask->fact))
        return decide_refused(ask, err, "too many exclusions");
    impose(ask, out, &next);
    stand_move(&out->record.listing, LISTING_REMOVED, ask->today);
    stand_reason(&out->record.listing, REASON_EXCLUSION);
    return true;
}
