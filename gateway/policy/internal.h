/* policy/internal: what the deciding functions share.
 *
 * Each fact kind has one function. It fills the record's fact part, looks ahead at the firm as the record
 * would leave it (firm_apply, the same the ledger uses), and places that firm on the list with the helpers of
 * stand.c. decision.record.listing starts as the firm's listing; what is not touched stays.
 */
#ifndef POLICY_INTERNAL_H
#define POLICY_INTERNAL_H

#include "policy/policy.h"

#define POLICY_TERM_MAX 36500   /* days */

/* A question put to the policy. */
struct ask {
    const struct rules *rules;
    const struct firm *firm;
    const struct fact *fact;
    date_day today;
};

/* One per fact kind. False: refused, err says why. Leaving out->outcome at POLICY_NOTHING is an answer too. */
typedef bool decider(const struct ask *ask, struct decision *out, struct err *err);
decider decide_row, decide_absent, decide_impose, decide_lift, decide_add, decide_confirm, decide_refuse;
decider decide_suspend, decide_restore, decide_remove, decide_admit, decide_time, decide_rules, decide_revert;
decider decide_enterprise;

/* Lifts the first exclusion whose last day has passed; false when there is none. */
bool policy_lift_over(const struct ask *ask, struct decision *out);
/* The fact's row gives a name that is not the known one, and the rules want a person to see that. */
bool policy_another_name(const struct ask *ask);

/* The row says something else about the firm itself than is known. */
bool policy_enterprise_differs(const struct firm *firm, const struct cert_row *row);
/* Confirming a firm confirmed its region: one outside the province has to be confirmed anew, unless it is listed. */
void policy_region_moved(const struct ask *ask, struct decision *out, struct firm *next);

/* ---- decide.c: steps of every decision ---------------------------------------------------------------- */

/* The outcome is a record of this kind; actor, subject, rules and note are filled. */
void decide_record(const struct ask *ask, struct decision *out, enum record_kind kind);
bool decide_nothing(struct decision *out, const char *why);                             /* returns true */
/* Why, with its Chinese from base/phrase.def or from another table. */
void decide_say(struct decision *out, const char *why);
void decide_why(struct decision *out, const char *why_en, const char *why_zh);
bool decide_refused(const struct ask *ask, struct err *err, const char *why);           /* firm.state; returns false */
/* The firm as the record would leave it, with its listing unchanged. */
void decide_look_ahead(const struct ask *ask, const struct decision *out, struct firm *next);

/* ---- stand.c: where a firm may stand, and placing it there -------------------------------------------- */

bool stand_certified(const struct firm *firm, date_day today);      /* its certification covers today */
bool stand_ordinary(const struct firm *firm, date_day today);       /* its ordinary membership covers today */
bool stand_doubtful(const struct firm *firm);                       /* the code is doubtful and nobody confirmed it */
bool stand_outside(const struct rules *rules, const struct firm *firm);      /* not known to be of the province */
/* Something about the firm waits for a person: its code, name or region. */
bool stand_blocked(const struct rules *rules, const struct firm *firm);
bool stand_on_list(const struct listing *listing);                  /* listed or suspended */
bool stand_has(const struct listing *listing, enum reason reason);
/* Removed because of exclusions and nothing else: a lift brings it back. */
bool stand_excluded_only(const struct listing *listing);
/* Some live exclusion removes rather than suspends. */
bool stand_any_removes(const struct rules *rules, const struct firm *firm);

void stand_reason(struct listing *listing, enum reason reason);     /* this one alone */
void stand_move(struct listing *listing, enum listing_status status, date_day day);   /* since = day when it changes */
void stand_list(struct listing *listing, const struct firm *next, date_day day);      /* on its lane */
void stand_wait(struct listing *listing, date_day day);             /* in checking; remembers how it had ended */
void stand_exclude(const struct rules *rules, struct listing *listing, const struct firm *next, date_day day);
void stand_end(struct listing *listing, const struct firm *next, enum reason reason, date_day day);
/* Places a firm whose certification is in force or pending. */
void stand_place(const struct ask *ask, const struct firm *next, struct decision *out, date_day day);
/* Places a firm after its last exclusion ended. */
void stand_return(const struct ask *ask, const struct firm *next, struct decision *out, date_day day);

#endif
