/* policy: dated rules in, decisions with reasons out. Pure: no input or output, no clock, no randomness.
 *
 * A rules file holds versions; each says from when it is in force, who decided it, and its fair-competition
 * review. The ledger asks policy_decide inside its transaction and records the answer; nothing is ever
 * recomputed from a record.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/base.h"
#include "config/config.h"
#include "ident/ident.h"
#include "record/record.h"

#define POLICY_VERSIONS_MAX 200
#define POLICY_TEXT_MAX 400

enum policy_admission { POLICY_ADMISSION_APPROVAL, POLICY_ADMISSION_AUTOMATIC };
enum policy_effect { POLICY_SUSPEND, POLICY_REMOVE };
enum policy_absence { POLICY_ABSENCE_TWICE, POLICY_ABSENCE_CONFIRM };
enum policy_disclosure { POLICY_DISCLOSE_NONE, POLICY_DISCLOSE_CATEGORY, POLICY_DISCLOSE_FULL };

/* One version of the rules. Text borrowed from the policy's arena. */
struct rules {
    const char *version, *document_no, *decided_by, *review_body;
    date_day review_date, valid_from;
    enum policy_admission admission;         /* from pledged.yaml (policy.admission) unless the version names one */
    enum policy_effect effect[GROUND_COUNT];
    int guard_floor;                         /* firms; default 2 */
    int guard_percent;                       /* of the listed firms; default 5 */
    enum policy_absence absence;
    enum policy_disclosure disclose;
    int64_t default_term_days;               /* certification without valid_until; 0: until withdrawn */
    int64_t ordinary_term_days;              /* ordinary lane's membership; 0: open */
    bool name_mismatch_checks;               /* a changed name waits for a person */
    const char *home_region;                 /* "14": region codes of the province */
};
struct policy;
/* From a parsed rules file. rules.invalid / config.* with place. */
bool policy_load(struct arena *arena, const struct yaml_node *root, enum policy_admission admission,
                 const struct policy **policy_out, struct err *err);
/* The version in force on a day, or NULL. */
const struct rules *policy_in_force(const struct policy *policy, date_day day);
size_t policy_versions(const struct policy *policy);
const struct rules *policy_version(const struct policy *policy, size_t i);

enum fact_kind {
    FACT_ROW,            /* a certified row (granted, renewed, amended or withdrawn: policy tells which) */
    FACT_ABSENT,         /* absence from the list counts now */
    FACT_IMPOSE,         /* an exclusion */
    FACT_LIFT,           /* lifted by its imposer or by two operators */
    FACT_ADD,            /* person: ordinary lane */
    FACT_CONFIRM,        /* person: what `checking` waited for is confirmed */
    FACT_REFUSE,         /* person: what `checking` waited for is refused */
    FACT_SUSPEND,        /* person, with a ground */
    FACT_RESTORE,        /* person: the decision was wrong; rectified. Ends all exclusions and an inferred absence */
    FACT_REMOVE,         /* person, with a ground */
    FACT_ADMIT,          /* the run's or batch's approval admits this firm */
    FACT_TIME,           /* a date passed */
    FACT_RULES,          /* new rules are in force: judged again, without anything new about the firm */
    FACT_REVERT,         /* a run is undone: the firm as it stood before (`before`) */
    FACT_ENTERPRISE      /* other data of a firm that is known: name, region, industry, scale, ownership */
};
struct fact {
    enum fact_kind kind;
    struct actor actor;
    const char *origin;              /* run, message or proposal id */
    const char *approval_id;         /* "" unless a person approved it */
    const char *uscc;                /* normal form */
    bool uscc_doubtful;              /* identifier verdict */
    bool uscc_other_province;        /* a remark; what is decided follows from the code and region_code themselves */
    struct cert_row row;             /* FACT_ROW */
    const char *list_version;
    uint8_t row_digest[32];
    enum ground ground;              /* exclusions, SUSPEND, REMOVE, LIFT */
    const char *document_no;
    date_day effective, until;       /* of exclusions; until also of FACT_ADD's membership */
    const char *note;                /* a person's reason */
    int64_t due_ms;                  /* FACT_TIME */
    const struct firm *before;       /* FACT_REVERT; borrowed */
};
const char *fact_kind_name(enum fact_kind kind);

enum policy_outcome {
    POLICY_NOTHING,      /* the fact changes nothing */
    POLICY_RECORD,       /* `record` says what follows */
    POLICY_REFUSED       /* err says why (firm.state, …) */
};
struct decision {
    enum policy_outcome outcome;
    struct record record;            /* without seq and time; text borrowed from fact, firm and rules */
    bool removes;                    /* takes a listed firm off the list: counts for the guard */
    /* A person of its own must look at the firm (doubt, name, region): it waits in `checking`, or it is on the list
     * and stays there, under its known name, until FACT_CONFIRM or FACT_REFUSE. */
    bool needs_person;
    bool awaits_admission;           /* it waits for the run's one approval */
    const char *why_en, *why_zh;     /* one sentence for people; static or from the rules' arena */
};
/* Decides one fact about one firm (firm_init'ed when unknown) on `today`. Texts of the fact are never NULL.
 *
 * A FACT_TIME yields one record at a time: ask again with the firm as applied until POLICY_NOTHING; firm_due says
 * when to ask. `today` must be the day in which the record will be written. For the other facts, what a source said
 * twice is POLICY_NOTHING, and what persons ask for where it is not possible is POLICY_REFUSED with firm.state.
 * FACT_LIFT from a person lifts the ground whoever imposed it, from others only their own. README.md lists what was
 * chosen where the province has not said. */
void policy_decide(const struct rules *rules, const struct firm *firm, const struct fact *fact, date_day today,
                   struct decision *out, struct err *err);

/* ---- pledges and credit ------------------------------------------------------------------------------------------ */

/* What the event makes of a pledge; `known`: as told last, NULL when the number is new. False: pledge.unknown,
 * pledge.state, pledge.member, pledge.date with the member as place. */
bool policy_pledge(const struct pledge_note *note, const struct pledge_note *known, date_day today,
                   enum pledge_state *after_out, struct err *err);
/* The event claims its rights: none of them may be held by a live pledge elsewhere. */
bool policy_pledge_claims(enum pledge_event event);

/* One row of a bank's report against what the bank reported before. The accounts are copies: they stand as after the
 * row when true is returned. `main` is the loan (or the line where no loan is named, or the line is granted), `upper`
 * the line of a named loan; old_ those of the row that is taken back, which may be the same copies. NULL: none. */
struct credit_question {
    const struct credit_note *note;
    const char *uscc;
    date_day today;
    struct credit_account *main, *upper, *old_main, *old_upper;
    const struct credit_note *taken_back;    /* NULL: no row stands under note->corrects */
    const char *taken_back_uscc;
};
/* False: credit.member, credit.date, credit.corrects, credit.firm, credit.state, credit.sums with the member as place.
 * A finding (credit.unknown_no, credit.balance) is told and the row kept. */
bool policy_credit(const struct credit_question *ask, enum err_code *finding_out, struct err *err);

/* The n-th day from Monday to Friday after `day`: holidays are not known here. */
date_day policy_workdays_after(date_day day, int64_t n);

/* The guard: how many firms may leave the list within 24 h per source without a person. */
int64_t policy_guard_limit(const struct rules *rules, int64_t listed);

/* The reason words of a firm for one view (exclusions as category or ground); returns how many. */
enum policy_view { POLICY_VIEW_BANK, POLICY_VIEW_FULL };
struct policy_reason { char word[64]; const char *en, *zh; };
size_t policy_reasons(const struct rules *rules, const struct firm *firm, enum policy_view view,
                      struct policy_reason out[FIRM_REASONS_MAX + FIRM_EXCLUSIONS_MAX]);

#endif
