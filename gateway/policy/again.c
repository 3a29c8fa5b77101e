/* again: a firm judged once more although nothing new was said about it: under new rules, or because the run that
 * changed it is undone. */
#include "policy/internal.h"

#include <string.h>

/* A ground may now suspend where it removed, or remove where it suspended. */
static bool judge_excluded(const struct ask *ask, struct decision *out)
{
    enum listing_status now = ask->firm->listing.status;
    bool removes = stand_any_removes(ask->rules, ask->firm);
    enum listing_status then = removes ? LISTING_REMOVED : LISTING_SUSPENDED;

    if (now == then || (now != LISTING_SUSPENDED && !stand_excluded_only(&ask->firm->listing)))
        return decide_nothing(out, "the rules change nothing for this firm");
    decide_record(ask, out, RECORD_LISTING);
    out->record.act = "rules";
    stand_move(&out->record.listing, then, ask->today);
    decide_say(out, "the effect of its exclusion changed with the rules");
    return true;
}

/* Rules that admit by themselves let in who waited only for that. */
static bool judge_waiting(const struct ask *ask, struct decision *out)
{
    struct firm next = *ask->firm;

    decide_record(ask, out, RECORD_LISTING);
    out->record.act = "rules";
    stand_place(ask, &next, out, ask->today);
    out->needs_person = false;
    out->awaits_admission = false;
    if (out->record.listing.status == ask->firm->listing.status)
        return decide_nothing(out, "it still waits for a person");
    decide_say(out, "the rules now admit it");
    return true;
}

bool decide_rules(const struct ask *ask, struct decision *out, struct err *err)
{
    const struct firm *firm = ask->firm;

    (void)err;
    if (firm->exclusion_n > 0)
        return judge_excluded(ask, out);
    if (firm->listing.status == LISTING_CHECKING && stand_certified(firm, ask->today) &&
        !stand_blocked(ask->rules, firm))
        return judge_waiting(ask, out);
    return decide_nothing(out, "the rules change nothing for this firm");
}

static void row_of(const struct firm *firm, struct cert_row *row)
{
    const struct certification *certification = &firm->certification;

    row->name = firm->name;
    row->region_code = firm->region_code;
    row->industry_code = firm->industry_code;
    row->scale = firm->scale;
    row->ownership = firm->ownership;
    row->level = certification->level;
    row->batch = certification->batch;
    row->document_no = certification->document_no;
    row->valid_from = certification->valid_from;
    row->valid_until = certification->valid_until;
    row->doubtful = firm->doubtful;
}

/* Who was wrongly taken off is put right and keeps the day it joined; time that passed since acts by itself. */
bool decide_revert(const struct ask *ask, struct decision *out, struct err *err)
{
    const struct firm *before = ask->fact->before;
    struct listing *listing = &out->record.listing;

    (void)err;
    decide_record(ask, out, RECORD_CERTIFICATION);
    out->record.action = CERT_REVERT;
    out->record.reverted = before->certification.state;
    out->record.source = before->certification.source;
    out->record.list_version = before->certification.list_version;
    row_of(before, &out->record.row);
    *listing = before->listing;
    listing->disputed = ask->firm->listing.disputed;
    if (listing->status != ask->firm->listing.status && listing->status == LISTING_LISTED &&
        !stand_has(listing, REASON_RECTIFIED) && listing->reason_n < FIRM_REASONS_MAX)
        listing->reasons[listing->reason_n++] = REASON_RECTIFIED;
    out->record.corrects = listing->status != ask->firm->listing.status;
    decide_say(out, "the run that changed it was undone");
    return true;
}
