/* intake: bytes from a partner become a verified fact, the fact a decision in the ledger, the decision a receipt.
 *
 * Order of judgement: limits, signature, replay, schema, age, authorisation; then policy and ledger in one
 * transaction, whatever the size of the message: the records of its rows, and last the message's own with the bytes
 * that came. A receipt is a pure function of that record and is written only when it is durable. What waits for a
 * person is answered later by a record of its own.
 *
 * Threads: intake_read may be called from any; it spends CPU on signatures, so from a worker. The rest as said there.
 */
#ifndef INTAKE_INTAKE_H
#define INTAKE_INTAKE_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "message/message.h"
#include "net/net.h"
#include "partner/partner.h"
#include "store/store.h"

#define INTAKE_FUTURE_MS (5 * 60 * 1000LL) /* how far ahead a sender's clock may be */
#define INTAKE_ERRORS_MAX 100              /* faults of the schema told at once */
#define INTAKE_REFUSED_BYTES (64u << 10)   /* bytes kept of a refused message */
#define INTAKE_REFUSED_RATE 20             /* refused messages of one sender kept a second; more are only counted */
#define INTAKE_REFUSED_MAX 20000           /* refused messages kept at all: the oldest make room */
#define INTAKE_WAITING_MAX (32u << 20)     /* bytes of large messages that wait: a tree is ten times as large */
#define INTAKE_SMALL (64u << 10)           /* up to this a message is not counted there: large ones keep none out */

struct intake;
struct intake_options {
    struct ledger *ledger;
    struct store *store;
    struct journal *journal;
    struct net *net; /* what a person decided is carried out on its workers */
    const char *gateway; /* name of this gateway: receiver of what comes, sender of what goes */
    int64_t objection_days; /* working days in which an objection is to be answered */
};
struct intake *intake_new(const struct intake_options *options);
void intake_free(struct intake **intake); /* when no message is under way */
/* What is in force, at start and after each reload; both are kept by reference or by the caller for life. */
void intake_set(struct intake *intake, const struct catalog *catalog, struct directory *directory);
/* Goes on with what persons decided before a crash. Before ready. */
bool intake_recover(struct intake *intake, struct err *err);
void intake_tick(struct intake *intake); /* now and then, such as each minute: takes up what was left behind */

enum intake_form { INTAKE_JSON, INTAKE_JOSE, INTAKE_XML, INTAKE_ROW /* of a source: intake_row */ };
struct intake_in {                     /* all borrowed until intake_close */
    const struct partner *sender;      /* who the connection belongs to */
    enum intake_form form;
    struct bytes body;
    struct bytes signature;            /* INTAKE_JSON: x-jws-signature; empty: none came */
    int64_t now_ms;
    const char *address, *trace_id;    /* for the log of refusals and the record */
};
struct intake_case;                    /* one message under way */
/* Judges up to authorisation. False with *errors of the schema (at most INTAKE_ERRORS_MAX, in the case's arena) when
 * it is refused; a refusal is kept in the local log. *case_out is set in any event and must be closed. */
bool intake_read(struct intake *intake, const struct intake_in *in, struct intake_case **case_out, struct err *err);
/* A row of a source that feeds is the body of a message of that kind. It comes without a signature, under the authority
 * of the source; its id follows from its bytes, so that the same row again is a duplicate. Judged as by intake_read. */
struct intake_row {
    const struct source *source;
    struct bytes body;
    int64_t now_ms;
    const char *trace_id;
};
bool intake_row(struct intake *intake, const struct intake_row *row, struct intake_case **case_out, struct err *err);
void intake_close(struct intake_case **c);
size_t intake_errors(const struct intake_case *c, const struct err **errors_out);

const struct message_envelope *intake_envelope(const struct intake_case *c);
const struct message *intake_message(const struct intake_case *c);   /* validated, its signature taken out */
/* The kind only asks (whitelist.query, mailbox.pull, echo): the caller answers, nothing is recorded. */
bool intake_asks(const struct intake_case *c);
/* The same bytes were decided before: the receipt is there already. */
bool intake_duplicate(const struct intake_case *c);

/* Decides in the ledger. `done` is called once, on the committer's thread or, for a duplicate, before this returns;
 * it must not block. False (busy.queue, also when too many bytes wait; busy.stopping): done will not be called. */
typedef void intake_done(void *arg, const struct err *err);
bool intake_decide(struct intake_case *c, intake_done *done, void *arg, struct err *err);
/* After done without error: true when nothing could be decided without a person. */
bool intake_pending(const struct intake_case *c);
/* After done without error, of a message that is judged as a whole. */
struct intake_outcome {
    const char *result;                /* accepted rejected pending */
    const char *code, *field, *detail; /* "" when there is nothing to say; of a duplicate the code alone is known */
    uint64_t sequence, proposal;       /* of its record; of the question that it waits for, 0 */
};
void intake_outcome(const struct intake_case *c, struct intake_outcome *out);
/* The receipt, in the form of the message (INTAKE_JOSE is answered as JSON), signed for its sender. `signature`
 * (initialised by the caller) stays empty for XML, where it is inside. On a worker. */
bool intake_receipt(struct intake_case *c, const struct crypto_keyring *ring, struct buf *body, struct buf *signature,
                    struct err *err);

/* The receipt that a record of kind message or receipt stands for, as a JSON message without signature: always the
 * same bytes for the same record. */
bool intake_receipt_json(const char *gateway, const struct record *record, struct arena *arena, struct bytes *out,
                         struct err *err);
/* What its file says of XML signatures; the URIs are borrowed from it. */
struct message_profile intake_profile(const struct partner *partner);
/* Any JSON message of ours in one form, signed for the partner by its algorithm and profile. */
bool intake_seal(const struct catalog *catalog, const struct crypto_keyring *ring, const struct partner *partner,
                 bool xml, struct bytes json, int64_t now_ms, struct buf *body, struct buf *signature, struct err *err);

/* Deletes refused messages older than the moment. Blocking. */
bool intake_forget(struct intake *intake, int64_t before_ms, struct err *err);
/* A refused message as JSON {"number","time","time_ms","sender","address","form","id","kind","code","place","detail","bytes",
 * "digest"} without its bytes; newest first, before number `before` (0: from the newest), until each returns false. */
typedef bool intake_each(void *arg, struct bytes json);
bool intake_refused(struct store_txn *txn, uint64_t before, size_t max, intake_each *each, void *arg, struct err *err);

#endif
