/* record: what the gateway knows about a firm, and what a journal record is. Shapes, their stored bytes and
 * their sample dump. Pure.
 *
 * Two encodings. Journal records are JSON (ordered, no white space), because an auditor must be able to read
 * them in twenty years. State values are compact binary, because they are read at every question. Both decode
 * to the structs below; decode(encode(x)) equals x.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/base.h"

/* Bounds of text fields, in bytes of UTF-8 without NUL. Names of firms stay below 100 characters. */
#define RECORD_NAME_MAX 300
#define RECORD_TEXT_MAX 200
#define RECORD_ID_MAX 64
#define RECORD_REASON_MAX 600
#define RECORD_PAYLOAD_MAX (32u << 10)
#define RECORD_CERTIFICATE_MAX (8u << 10)
#define RECORD_ROWS_MAX (3u << 19)          /* bytes of the verdicts on a message's rows */
#define RECORD_SIGNATURE_MAX (8u << 10)
#define RECORD_TO_MAX (32u << 10)           /* bytes of the list of partners a message goes on to */
#define RECORD_LIST_MAX (2u << 19)          /* bytes of a pledge's pledgors, and of its rights */
#define RECORD_BYTES_MAX (2u << 20)

/* ---- words ------------------------------------------------------------------------------------------ */

enum listing_status {
    LISTING_NONE,
    LISTING_CHECKING,
    LISTING_LISTED,
    LISTING_SUSPENDED,
    LISTING_REMOVED,
    LISTING_EXPIRED,
    LISTING_COUNT
};
enum listing_lane { LANE_NONE, LANE_PRIORITY, LANE_ORDINARY, LANE_COUNT };
/* BEGIN: a certification granted for a later day came into force. */
enum cert_action {
    CERT_GRANT,
    CERT_RENEW,
    CERT_AMEND,
    CERT_WITHDRAW,
    CERT_ABSENT,
    CERT_EXPIRE,
    CERT_BEGIN,
    CERT_REVERT,
    CERT_ACTION_COUNT
};
/* PENDING: granted, but in force only from valid_from. */
enum cert_state {
    CERT_NONE,
    CERT_IN_FORCE,
    CERT_WITHDRAWN,
    CERT_ABSENT_FROM_LIST,
    CERT_EXPIRED,
    CERT_PENDING,
    CERT_STATE_COUNT
};
enum ground {
#define GROUND(id, name, category, en, zh) GROUND_##id,
#include "record/ground.def"
#undef GROUND
    GROUND_COUNT
};
/* Why a firm stands where it stands; statements carry them as words. */
enum reason {
#define REASON(id, name, en, zh) REASON_##id,
#include "record/reason.def"
#undef REASON
    REASON_COUNT
};
enum record_kind {
    RECORD_CERTIFICATION,   /* one row of a list or batch that changed something, or its expiry */
    RECORD_EXCLUSION,       /* an exclusion imposed, lifted or run out */
    RECORD_LISTING,         /* a person's decision about a firm's place on the list */
    RECORD_PROPOSAL,        /* something that waits for a person */
    RECORD_APPROVAL,        /* what the person decided */
    RECORD_RUN,             /* a finished sync run */
    RECORD_CONFIG,          /* a new digest of rules, partners, sources or operators was seen */
    RECORD_ACCESS,          /* digest of an hour of the access log */
    RECORD_KEY,             /* a signing key of the gateway was staged, came into use or left it */
    RECORD_PURGE,           /* records and original bytes were erased by a granted retention.purge */
    RECORD_MESSAGE,         /* a partner's message was decided, wholly or in part, or waits for a person */
    RECORD_RECEIPT,         /* what became of a message that waited */
    RECORD_CREDIT,          /* a bank reported an event of credit for a firm */
    RECORD_PLEDGE,          /* the register told what happened to a pledge */
    RECORD_RIGHT,           /* the legal status of a patent or trademark was told */
    RECORD_ENTERPRISE,      /* a platform told other data of a firm */
    RECORD_OBJECTION,       /* a firm objects, or its objection was answered */
    RECORD_KIND_COUNT
};
/* Rights and what is done with them; spelt as in the messages. */
enum right_kind { RIGHT_PATENT, RIGHT_TRADEMARK, RIGHT_KIND_COUNT };
enum right_status {
    RIGHT_UNTOLD,
    RIGHT_VALID,
    RIGHT_LAPSED,
    RIGHT_INVALIDATED,
    RIGHT_TRANSFERRED,
    RIGHT_PRESERVED,
    RIGHT_STATUS_COUNT
};
enum pledge_event {
    PLEDGE_FILED,
    PLEDGE_CORRECTION_REQUESTED,
    PLEDGE_ACCEPTED,
    PLEDGE_REGISTERED,
    PLEDGE_CHANGED,
    PLEDGE_CANCELLED,
    PLEDGE_REFUSED,
    PLEDGE_WITHDRAWN,
    PLEDGE_SUPERSEDED,      /* ours: a person found that another registration holds its right */
    PLEDGE_EVENT_COUNT
};
enum pledge_state {
    PLEDGE_IS_UNKNOWN,
    PLEDGE_IS_FILED,
    PLEDGE_IS_CORRECTING,
    PLEDGE_IS_ACCEPTED,
    PLEDGE_IS_LIVE,
    PLEDGE_IS_CANCELLED,
    PLEDGE_IS_REFUSED,
    PLEDGE_IS_WITHDRAWN,
    PLEDGE_IS_SUPERSEDED,
    PLEDGE_STATE_COUNT
};
enum credit_event {
    CREDIT_CONTACT,
    CREDIT_REFUSED,
    CREDIT_LINE,
    CREDIT_OPENING,
    CREDIT_DRAWDOWN,
    CREDIT_REPAYMENT,
    CREDIT_SETTLED,
    CREDIT_OVERDUE,
    CREDIT_WRITTEN_OFF,
    CREDIT_VOID,
    CREDIT_EVENT_COUNT
};
const char *right_kind_name(enum right_kind kind);                 /* "patent" "trademark" */
bool right_kind_parse(const char *name, enum right_kind *out);
const char *right_status_name(enum right_status status);           /* "" for UNTOLD */
bool right_status_parse(const char *name, enum right_status *out); /* not "" */
const char *pledge_event_name(enum pledge_event event);
bool pledge_event_parse(const char *name, enum pledge_event *out);
const char *pledge_state_name(enum pledge_state state);            /* "" for UNKNOWN, "registered" for LIVE */
bool pledge_state_parse(const char *name, enum pledge_state *out);
const char *credit_event_name(enum credit_event event);
bool credit_event_parse(const char *name, enum credit_event *out);
const char *record_kind_name(enum record_kind kind);               /* "certification" … */
/* Kinds that are a decision about the firm they name: its value and history are made of them. */
bool record_decides(enum record_kind kind);
const char *listing_name(enum listing_status status);              /* "listed" … "not_listed" for NONE */
const char *listing_zh(enum listing_status status);
bool listing_parse(const char *name, enum listing_status *out);
const char *lane_name(enum listing_lane lane);                     /* "" for NONE */
const char *cert_action_name(enum cert_action action);
const char *cert_state_name(enum cert_state state);             /* "" for CERT_NONE */
const char *ground_name(enum ground ground);
const char *ground_category(enum ground ground);
bool ground_parse(const char *name, enum ground *out);
const char *reason_name(enum reason reason);                       /* "certified" … */
const char *reason_text(enum reason reason, bool zh);
const char *ground_text(enum ground ground, bool zh);

/* ---- a firm ------------------------------------------------------------------------------------------ */

#define USCC_SIZE 19
#define FIRM_EXCLUSIONS_MAX 16
#define FIRM_REASONS_MAX 4

struct certification {
    enum cert_state state;
    const char *source;             /* id of the source that granted it last; "" when none */
    const char *level, *batch, *document_no, *list_version;
    date_day valid_from, valid_until;   /* DATE_NONE: until withdrawn */
    int64_t granted_ms;             /* when the record that granted or renewed it last was written */
    uint64_t sequence;
};
struct exclusion {
    enum ground ground;
    const char *imposed_by;         /* partner or operator id */
    const char *document_no;        /* "" when none */
    date_day effective, until;      /* until DATE_NONE: until lifted */
    uint64_t sequence;
};
struct listing {
    enum listing_status status;
    enum listing_lane lane;
    enum reason reasons[FIRM_REASONS_MAX];
    size_t reason_n;
    date_day since;                 /* start of the present status; DATE_NONE when never known */
    /* Start of the present membership; of the last one while removed or expired, so that a wrong decision
     * can be put right; DATE_NONE when never listed. Statements show it only for listed and suspended. */
    date_day listed_since;
    date_day valid_until;           /* of the membership; DATE_NONE: open */
    bool disputed;
    uint64_t sequence;              /* the record that made it so; 0: none */
};
struct firm {
    char uscc[USCC_SIZE];
    const char *name;
    const char *name_pending;       /* another name a row gave under the same code; "" when none. Waits for a person */
    const char *region_code, *industry_code, *scale, *ownership;    /* "" when unknown */
    bool doubtful;                  /* the code carries a finding that needs a person, and none confirmed it */
    bool confirmed;                 /* a person confirmed the code or name */
    struct certification certification;
    struct exclusion exclusions[FIRM_EXCLUSIONS_MAX];
    size_t exclusion_n;
    struct listing listing;
    uint64_t last_sequence;         /* newest record about this firm */
};
/* All text pointers non-NULL after this. */
void firm_init(struct firm *firm, const char *uscc);
/* Binary state value (README.md shows its layout). buf overflow also when a text is over its bound. Decoded text is
 * borrowed from `in` (NUL-terminated there). store.corrupt on damage. */
void firm_encode(const struct firm *firm, struct buf *out);
bool firm_decode(struct bytes in, const char *uscc, struct firm *out, struct err *err);

/* ---- a fact: what came in, before a decision ---------------------------------------------------------- */

enum actor_kind { ACTOR_TIMER, ACTOR_SOURCE, ACTOR_PARTNER, ACTOR_PERSON, ACTOR_GATEWAY, ACTOR_COUNT };
struct actor {
    enum actor_kind kind;
    const char *id;                 /* source, partner or person; "" for timer and gateway */
};
const char *actor_kind_name(enum actor_kind kind);

/* One certified row, parsed. Borrowed text; "" when absent. */
struct cert_row {
    const char *name, *region_code, *industry_code, *scale, *ownership, *level, *batch, *document_no, *reason;
    date_day valid_from, valid_until;
    bool withdrawn;                 /* the row says the certification was withdrawn */
    bool doubtful;                  /* its code is doubtful */
};

/* ---- a journal record --------------------------------------------------------------------------------- */

/* Counts of a run, in the order shown to people. */
struct run_counts {
    int64_t received, added, renewed, amended, withdrawn, absent, unchanged, rejected, doubtful;
};

/* A message as its record names it. Text is "" when absent. */
struct message_note {
    const char *id, *kind, *sender, *in_reply_to;
    int64_t created_ms;             /* as its envelope says */
    const char *form;               /* json, jose or xml */
    int64_t bytes;                  /* of what came: kept beside the record as its original bytes */
    uint8_t digest[32];             /* SHA-256 of them */
    const char *signature;          /* json: the detached JWS; "" in the other forms, which hold it */
    const char *kid;                /* of the key that verified */
    const char *trace_id;
};

/* Money is fen; AMOUNT_NONE: not told. */
#define AMOUNT_NONE (-1)
#define AMOUNT_MAX INT64_C(9007199254740991)

/* One row of a bank's report. Text is "" when absent. The bank is the record's actor, the firm its uscc. */
struct credit_note {
    enum credit_event event;
    const char *credit_no, *loan_no, *pledge_no, *consent_no, *reason;
    int64_t amount_fen, rate_bp;    /* AMOUNT_NONE when absent */
    date_day date, due;
    int64_t row;                    /* its place in the message, from 0 */
    const char *corrects;           /* "<message id>/<row>": the row of this bank that it takes back */
};
/* What a bank's rows about one credit line or loan add up to. */
struct credit_account {
    char uscc[USCC_SIZE];           /* "" when never heard of */
    const char *credit_no;          /* of a loan: the line it is under; "" */
    int64_t limit_fen;              /* of a line; AMOUNT_NONE */
    int64_t opening_fen, drawn_fen, repaid_fen, written_fen;
    int64_t granted, opened, drawn, settled, overdue, written;   /* how many such rows stand */
};
void credit_account_init(struct credit_account *account);
/* A line that was granted, a loan that was opened or drawn: from then on its sums are judged. */
bool credit_account_known(const struct credit_account *account);
int64_t credit_account_balance(const struct credit_account *account);
/* Adds a row (sign 1) or takes it back (-1): `main` is the loan, or the line where the row names no loan or grants the
 * line; `upper` the line of a loan, NULL when there is none. The one place where sums follow from rows. */
void credit_account_add(struct credit_account *main, struct credit_account *upper, const struct credit_note *note,
                        int sign);

/* What the register told of one pledge, as its record names it. */
struct pledge_note {
    enum pledge_event event;
    enum pledge_state state;        /* after it */
    const char *registration_no;
    enum right_kind right_kind;
    date_day date, debt_from, debt_until, valid_until;
    int64_t secured_fen;            /* AMOUNT_NONE when absent */
    const char *pledgee_uscc, *pledgee_name;
    const char *pledgors;           /* JSON array of {"uscc"?,"name"} */
    const char *rights;             /* JSON array of {"number","class"?,"title"?}, numbers in normal form */
    const char *superseded_by;      /* registration number; "" */
};
/* The legal status of one right. */
struct right_note {
    enum right_kind kind;
    const char *number;             /* normal form */
    enum right_status status;
    date_day since;
};

struct record {
    uint64_t seq;                   /* set by the journal */
    int64_t time_ms;                /* of writing */
    int64_t due_ms;                 /* timed facts: the moment it was due; 0 otherwise */
    enum record_kind kind;
    struct actor actor;             /* who or what started it */
    const char *origin;             /* run, message or proposal id; "" */
    const char *uscc;               /* subject; "" when none */
    const char *rules;              /* rules version decided under; "" */
    const char *note;               /* a person's reason or comment, or what a machine says; "" */
    /* RECORD_CERTIFICATION */
    enum cert_action action;
    struct cert_row row; /* valid_until already with the rules' default term; also of RECORD_LISTING act add */
    bool name_waits;                /* row.name differs from the known name: kept as name_pending */
    bool unconfirmed;               /* the row brought something a person has to confirm (again) */
    bool begins_later;              /* the certification is in force only from row.valid_from */
    enum cert_state reverted;       /* CERT_REVERT: the state the certification had before, with row as it stood then */
    const char *list_version;
    uint8_t row_digest[32];         /* SHA-256 of the row's original bytes; zero when none */
    /* RECORD_EXCLUSION */
    bool lift;                      /* with exclusion.imposed_by "": the ground, whoever imposed it */
    struct exclusion exclusion;
    /* RECORD_LISTING */
    const char *act;                /* add admit confirm refuse restore remove expire */
    /* kinds with a uscc: the decision, as the firm's listing stands after it. */
    enum listing_status from;       /* status before */
    struct listing listing;
    bool corrects;                  /* an earlier answer was wrong and is put right */
    /* RECORD_PROPOSAL, RECORD_APPROVAL */
    const char *approval_id;        /* "p-<seq of the proposal>" for APPROVAL; set by the ledger for PROPOSAL */
    const char *what;               /* proposal: run firm admit … and for approval: grant reject */
    const char *object;             /* what it is about: run id, uscc */
    const char *object_digest;      /* hex digest of the object's state at proposal; changed → approval.changed */
    const char *payload;            /* JSON text of what will be done on grant; "" */
    /* RECORD_RUN; source also of RECORD_CERTIFICATION: who granted */
    const char *source, *run_state;
    int64_t started_ms, completed_ms;
    struct run_counts counts;
    bool full;                      /* whole list */
    const char *pages;              /* hex digest of the pages' digests in order; "" */
    /* RECORD_CONFIG: object = rules partners sources operators; object_digest = SHA-256 of the file; note = version */
    /* RECORD_ACCESS: object = segment name; object_digest = digest */
    /* RECORD_PURGE: object = "first-last", the sequences looked at; object_digest: for each that was erased, in the
     * order of the work, SHA-256(digest so far ‖ be64 sequence), from nothing; note = counts; origin = the approval */
    /* RECORD_KEY */
    const char *kid, *alg;          /* alg: ES256 SM2 RSA (which signs RS256 and PS256) */
    const char *key_state;          /* staged active retired */
    const char *certificate;        /* its certificate, DER in base64 */
    /* RECORD_MESSAGE: raw are the bytes as they came; actor = the sender. RECORD_RECEIPT: message has id, kind, sender
     * and form only; actor = who decided; approval_id = what was decided, "" */
    struct message_note message;
    const char *result;             /* accepted partial rejected pending */
    const char *code;               /* of a whole that is rejected or pending; "" */
    const char *rows;               /* JSON: the receipt's `rows`, those that were not accepted; "" when there are none */
    const char *to;                 /* ids of the partners it is passed on to, or the receipt is sent to; by spaces */
    int64_t first;                  /* sequence of the first record of its rows; 0: none */
    /* RECORD_CREDIT: origin = "sender/id" of its message, code = a finding; "" */
    struct credit_note credit;
    /* RECORD_PLEDGE: origin as there, actor = who told it; approval_id = under which it was taken */
    struct pledge_note pledge;
    /* RECORD_RIGHT: uscc = the firm that holds it; "" */
    struct right_note right;
    /* RECORD_ENTERPRISE: row with the enterprise's data, name_waits, and the decision */
    /* RECORD_OBJECTION: act = raised upheld dismissed; object = against what; answer_by; answers = sequence of the
     * raised one; approval_id; and the decision, of which `disputed` changes */
    date_day answer_by;
    int64_t answers;
};
void record_init(struct record *record, enum record_kind kind);    /* all text "", dates DATE_NONE */
/* JSON bytes, members in fixed order, absent when empty (README.md shows a sample). buf overflow = too large, or a
 * text longer than record_decode would take. Sequences inside (listing, exclusion) are not written: they follow from
 * the record's own when firm_apply runs. */
void record_encode(const struct record *record, struct buf *out);
/* Text is borrowed from the arena. Any damage, unknown member or unknown word is store.corrupt with the member's
 * pointer as place. */
bool record_decode(struct arena *arena, uint64_t seq, struct bytes in, struct record *out, struct err *err);

/* What the record does to the firm it is about: the one place where state follows from a record. The caller
 * has decoded `firm` (or firm_init'ed it) and record->seq is set. Text is borrowed from the record. Used by
 * the policy to look ahead and by the ledger to write, so that both agree. The decision in record->listing is
 * authoritative for the kinds of record_decides; other kinds with a uscc (a proposal about a firm)
 * only move last_sequence. One exclusion per ground and imposer: the same imposer's newer one replaces the older. */
void firm_apply(struct firm *firm, const struct record *record);
/* Whether this takes a firm off the list: at once, or within RECORD_SOON days by an end that is earlier than it was. What
 * leaves is counted, so that nobody empties the list by shortening what stands on it. */
#define RECORD_SOON 31
bool listing_leaves(const struct listing *before, const struct listing *after, date_day today);
/* The day at whose start (00:00+08:00) time alone changes this firm: the day after its certification, membership or
 * an exclusion ends, or the day a pending certification begins; the earliest of them. DATE_NONE: never. */
date_day firm_due(const struct firm *firm);

/* The public leaf: version(1) ‖ seq(8) ‖ time_ms(8) ‖ len(1) kind ‖ commitment(32), big-endian. */
#define RECORD_SALT_SIZE 16
#define RECORD_LEAF_MAX (1 + 8 + 8 + 1 + 32 + 32)
size_t record_leaf(uint64_t seq, int64_t time_ms, const char *kind, const uint8_t commitment[32],
                   uint8_t out[RECORD_LEAF_MAX]);

#endif
