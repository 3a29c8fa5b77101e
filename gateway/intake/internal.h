/* internal: a message on its way, and what each kind of message brings about.
 *
 * read.c reads it and verifies its signature; judge.c holds replay, schema, age and authorisation against it; decide.c
 * runs its kind's consequence in the ledger's transaction and writes the record; receipt.c answers; held.c goes on when
 * a person has decided; refused.c keeps what was refused. One file per kind or two: certification.c, exclusion.c …
 */
#ifndef INTAKE_INTERNAL_H
#define INTAKE_INTERNAL_H

#include <pthread.h>

#include "ident/ident.h"
#include "intake/intake.h"
#include "json/json.h"
#include "policy/policy.h"

#define REFUSED_SLOTS 1024

struct intake {
    struct intake_options options;
    char *gateway;
    pthread_mutex_t lock; /* what follows */
    const struct catalog *catalog;
    struct directory *directory;
    size_t waiting;                    /* bytes of messages that wait for their decision */
    struct {
        int64_t second;
        unsigned n;                    /* refusals kept in that second */
    } refused[REFUSED_SLOTS];          /* by the sender's slot */
};

enum verdict { VERDICT_ACCEPTED, VERDICT_REJECTED, VERDICT_PENDING };
/* What became of a row, or of a message that is judged as a whole. */
struct row_verdict {
    size_t index;
    enum verdict verdict;
    enum err_code code;        /* ERR_NONE when there is nothing to say; an accepted row may carry a finding */
    const char *field;         /* JSON name of the member at fault, "" */
    char detail[160];          /* English, "" */
    uint64_t proposal;         /* pending: sequence of the proposal that a person decides; 0: the message's own */
};

struct intake_case {
    struct intake *intake;
    struct intake_in in;
    struct arena *arena;       /* of the case */
    struct arena *texts;       /* of the transaction in which it is decided: nothing of it outlives that */
    const struct catalog *catalog;
    struct directory *directory;
    struct buf opened;         /* INTAKE_JOSE: what was signed */
    struct message *message;
    struct message_envelope envelope;
    const struct message_kind *kind;
    const struct consequence *consequence; /* NULL: none */
    struct jws_seen seen;
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    struct err *errors;
    size_t error_n;
    bool duplicate;

    /* of the decision: begun anew each time it is decided */
    const char *object;        /* "sender/id": origin of the records of its rows */
    const char *approval_id;   /* a person's approval under which held rows are decided; "" */
    bool looking;              /* only counts what would be taken off the list: nothing is written */
    bool holding;              /* what takes a firm off the list waits for a person */
    int64_t removes;
    char (*leaving)[USCC_SIZE]; /* firms counted in it, a hash table of leaving_room; in texts */
    size_t leaving_room;
    uint64_t first;            /* sequence of the first record of a row; 0: none */
    const char *to;            /* partners it is passed on to, "" */
    struct row_verdict *rows;  /* those worth telling */
    size_t row_n, row_room;
    size_t accepted, rejected, pending;
    bool admits;               /* rows wait for the one approval that admits them */
    struct err lost;           /* held.c: why what was granted can no longer be carried out */

    const struct source *source; /* INTAKE_ROW: whose row it is; NULL when it is gone on with later */
    struct intake_outcome outcome;

    /* its record, for the receipt */
    struct record record;
    intake_done *done;
    void *arg;
    size_t waits;              /* its share of intake->waiting */
};

/* ---- consequences (consequence.c) ---------------------------------------------------------------------------------- */

/* One row, in the ledger's transaction: what follows is written through case_fact and case_record, `out` (accepted when
 * called) says what became of it. False only when the store fails: a refusal is a verdict. */
typedef bool row_consequence(struct ledger_tx *tx, struct intake_case *c, const struct message_node *row,
                             struct row_verdict *out, struct err *err);
/* The message as a whole: `body`. */
typedef bool whole_consequence(struct ledger_tx *tx, struct intake_case *c, const struct message_node *body,
                               struct row_verdict *out, struct err *err);
/* A person decided what waited as the proposal `approval`: carries it out (granted or not). */
typedef bool resolve_consequence(struct ledger_tx *tx, struct intake_case *c, const struct approval *approval,
                                 struct row_verdict *out, struct err *err);
struct consequence {
    const char *kind;
    bool removes;              /* may take firms off the list: looked at as a whole before */
    row_consequence *row;      /* for each of `rows`; NULL: none */
    whole_consequence *whole;  /* NULL: none; it may tell rows of its own before (case_tell): then no code is told */
    resolve_consequence *resolve; /* for proposals that `row` or `whole` made themselves; NULL: there are none */
    bool blind;                /* `resolve` asks nothing of the message itself, whose bytes may be gone */
};
const struct consequence *consequence_of(const char *kind);

row_consequence certification_row, exclusion_row, right_row, enterprise_row, basedata_row, credit_row;
whole_consequence pledge_whole, objection_whole, question_whole, answer_whole, document_whole, reconciliation_whole;
resolve_consequence pledge_resolve, objection_resolve;

/* ---- what consequences use (decide.c) ------------------------------------------------------------------------------ */

/* A fact about a firm by the sender, origin the message, with every text empty. */
void case_fact_init(const struct intake_case *c, struct fact *fact, enum fact_kind kind, const char *uscc);
/* Decides it: looks only, or holds it when it takes a firm off the list and the guard says so, or writes what follows.
 * The verdict becomes pending where a person must look, rejected with the code where policy refuses. */
bool case_fact(struct ledger_tx *tx, struct intake_case *c, const struct fact *fact, struct row_verdict *out,
               struct err *err);
/* Writes a record that is not a decision about a firm's listing: actor, origin are filled in. Nothing when looking. */
bool case_record(struct ledger_tx *tx, struct intake_case *c, struct record *record, struct err *err);
/* Makes the row wait for a proposal of its own kind: `what` is a word of its own, resolved by the consequence. Nothing
 * when looking. */
bool case_propose(struct ledger_tx *tx, struct intake_case *c, const char *what, const char *object, const char *note,
                  const char *payload, struct row_verdict *out, struct err *err);
/* Names the partners that the message goes on to in its record: who lists its kind, and of these roles who lists none. */
void case_pass_on(struct intake_case *c, unsigned roles);
/* The number of a right in normal form; false with the finding that makes it none. */
bool right_number(enum right_kind kind, const char *text, char out[IDENT_NORMAL_SIZE], enum err_code *cause);
/* The class of a trademark, 1 to 45, without a leading 0; "" for a patent. */
bool right_class(enum right_kind kind, const char *text, char out[3]);
/* Puts an English detail into the verdict, cut between characters where it is too long. */
void row_detail(struct row_verdict *out, const char *detail);
/* Rejects; both return true, so that a consequence ends with them. */
bool reject(struct row_verdict *out, enum err_code code, const char *field);
bool reject_text(struct row_verdict *out, enum err_code code, const char *field, const char *detail);
/* The row's identifier in normal form into out[USCC_SIZE]; false with a rejection when it is none. */
bool row_uscc(const struct message_node *row, struct row_verdict *out, char uscc[USCC_SIZE], bool *doubtful_out,
              bool *other_province_out);
/* The text of a member without blanks around it, at most `max` bytes; false with a rejection. */
bool row_text(struct intake_case *c, const struct message_node *row, const char *name, size_t max, const char **text,
              struct row_verdict *out);
/* A date of the row, DATE_NONE when absent; the schema has seen to its form. */
bool row_date(const struct message_node *row, const char *name, date_day *day, struct row_verdict *out);

/* ---- the way (read.c, judge.c, decide.c, refused.c, held.c, receipt.c) ---------------------------------------------- */

bool case_read(struct intake_case *c, struct err *err);          /* limits, form, signature */
bool case_row(struct intake_case *c, struct err *err);           /* limits, form, the id that follows from it */
bool case_row_again(struct intake_case *c, struct bytes raw, struct err *err);
bool case_fed(const struct intake_case *c, struct err *err);     /* the source may tell this kind */
void case_note_outcome(struct intake_case *c);
struct intake_case *case_of_row(struct intake *intake, const struct intake_row *row);
struct actor case_actor(const struct intake_case *c);
bool case_replayed(struct intake_case *c, struct err *err);      /* the id was used before */
bool case_schema(struct intake_case *c, struct err *err);
bool case_kind(struct intake_case *c, struct err *err);          /* finds its kind in the catalogue */
bool case_age(const struct intake_case *c, struct err *err);
bool case_authorised(const struct intake_case *c, struct err *err);
void case_leave(struct intake_case *c);                          /* it waits no longer */
struct intake_case *case_new(struct intake *intake, const struct intake_in *in);
/* *seq_out: of the record of the same bytes, 0 when the id is new; message.id_reused when it had other bytes. */
bool case_known(struct intake_case *c, struct store_txn *txn, uint64_t *seq_out, struct err *err);
bool case_decide(struct ledger_tx *tx, void *c, struct err *err);        /* ledger_decide */
void case_decided(void *c, const struct err *err);                       /* ledger_done */
/* Judges rows (only NULL: all) or the whole, and asks what has to be asked of persons; used by held.c, too. */
void case_begin(struct intake_case *c, struct ledger_tx *tx);
bool case_rows(struct ledger_tx *tx, struct intake_case *c, const size_t *only, size_t n, struct err *err);
bool case_whole(struct ledger_tx *tx, struct intake_case *c, struct err *err);
bool case_ask(struct ledger_tx *tx, struct intake_case *c, struct err *err);
void case_tell(struct intake_case *c, const struct row_verdict *verdict);
/* JSON of the verdicts in the transaction's arena, "" when there are none. */
const char *case_rows_json(const struct intake_case *c, struct arena *arena, bool all);
const char *case_result(const struct intake_case *c);
const char *case_form(const struct intake_case *c);              /* "json" "jose" "xml" */
/* Keeps the rows of the message with this sequence that wait for a proposal, so that its decision is carried out. */
bool held_keep(struct ledger_tx *tx, const struct intake_case *c, uint64_t seq, struct err *err);
void held_watch(void *intake, const struct ledger_news *news);   /* ledger_watch */
/* A receipt of few rows as XML, unsigned: the very bytes that message_write makes of its JSON. */
bool receipt_is_simple(const char *gateway, const struct record *record);
void receipt_xml(const char *gateway, const struct record *record, struct buf *out);
void refused_keep(struct intake_case *c, const struct err *err);

#endif
