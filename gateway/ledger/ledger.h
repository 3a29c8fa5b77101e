/* ledger: the only writer. One committer thread opens one store transaction, lets each waiting job decide
 * against what it sees, applies the records, appends them to the journal and commits once for all of them.
 * Nothing that depends on a record leaves the gateway before that commit.
 *
 * A job's decide function runs on the committer, must not block, and may run more than once: when another
 * job of the same transaction fails after writing, the transaction is aborted and the rest are decided again;
 * and the commit itself may fail. So decide reads what its caller gave it and writes elsewhere: what it moves on
 * in place would move twice.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "journal/journal.h"
#include "policy/policy.h"
#include "record/record.h"
#include "store/store.h"

struct ledger;
struct ledger_tx;

struct ledger_options {
    struct store *store;
    struct journal *journal;
    const struct policy *policy; /* borrowed; replaced by ledger_set_policy */
    int queue_max;
    int64_t min_free; /* free disk below which jobs fail with store.full */
};
struct ledger *ledger_new(const struct ledger_options *options);
void ledger_free(struct ledger **ledger);
/* Rolls forward what a crash left half done (timed facts due, granted approvals) and starts the committer. Before
 * this returns the gateway is not ready. */
bool ledger_start(struct ledger *ledger, struct err *err); /* stopped: may be started again */
/* Finishes the queue, stops the committer. */
void ledger_stop(struct ledger *ledger);
void ledger_set_policy(struct ledger *ledger,
                       const struct policy *policy); /* the old one must outlive running jobs: kept by the caller */

/* ---- jobs ------------------------------------------------------------------------------------------- */

typedef bool ledger_decide(struct ledger_tx *tx, void *arg, struct err *err);
/* After the commit (err->code ERR_NONE) or the failure, on the committer thread; must not block. Called exactly once
 * for each job that ledger_submit took, also when the ledger stops. */
typedef void ledger_done(void *arg, const struct err *err);
/* busy.queue when the queue is full; never blocks. */
bool ledger_submit(struct ledger *ledger, ledger_decide *decide, ledger_done *done, void *arg, struct err *err);
/* The same for what nobody waits for: it may wait 20 ms for others, so that one commit does for many. */
bool ledger_submit_patient(struct ledger *ledger, ledger_decide *decide, ledger_done *done, void *arg, struct err *err);
/* The same for the work of an owner (from 1: a partner) that decides so many rows. Owners take turns: none has more than 64
 * rows in one transaction. A job of more goes alone and behind small ones that wait; while other owners' small jobs come,
 * the next large one of the same owner is held back until 400 times its duration has passed, at most a minute, and
 * a further one is busy.queue: one transaction cannot be interrupted, so others must rarely meet a long one. */
bool ledger_submit_for(struct ledger *ledger, unsigned owner, size_t rows, ledger_decide *decide, ledger_done *done,
                       void *arg, struct err *err);
/* Waits for the outcome; true when durable. Waits for room in the queue as well. Not from the committer. */
bool ledger_run(struct ledger *ledger, ledger_decide *decide, void *arg, struct err *err);

/* Inside decide: */
struct store_txn *ledger_txn(struct ledger_tx *tx);     /* local tables may be written directly */
struct arena *ledger_arena(struct ledger_tx *tx);       /* lives until the commit */
int64_t ledger_now(struct ledger_tx *tx);               /* one moment for the transaction */
const struct rules *ledger_rules(struct ledger_tx *tx); /* in force today; NULL: none */
/* Firms that stand in this status now, as this transaction sees it. */
int64_t ledger_tally(struct ledger_tx *tx, enum listing_status status);
/* The sequence the next record of this transaction will get. */
uint64_t ledger_next_sequence(struct ledger_tx *tx);
/* Reads a firm (firm_init'ed when unknown; *known_out may be NULL). */
bool ledger_firm(struct ledger_tx *tx, const char *uscc, struct firm *out, bool *known_out, struct err *err);

/* A fact of this kind with every text empty and no dates, by the gateway. */
void ledger_fact_init(struct fact *fact, enum fact_kind kind, const char *uscc);

struct ledger_outcome {
    bool changed; /* a record was written */
    uint64_t seq; /* of it */
    enum listing_status from, to;
    enum cert_action action;
    bool removes, needs_person, awaits_admission;
    uint64_t proposal_seq; /* of the proposal written with it when it needs a person; 0 */
    const char *why_en, *why_zh;
};
/* Decides one fact and writes what follows: record, state, and a proposal when the firm needs a person of its
 * own. `raw` are the original bytes. False with err when policy refuses. */
bool ledger_fact(struct ledger_tx *tx, const struct fact *fact, struct bytes raw, struct ledger_outcome *out,
                 struct err *err);
/* The same decision without writing. */
bool ledger_look(struct ledger_tx *tx, const struct fact *fact, struct ledger_outcome *out, struct err *err);
/* Appends a record that is not about a firm's listing (run, config, access). Sets record->seq and time. */
bool ledger_record(struct ledger_tx *tx, struct record *record, struct err *err);

/* ---- messages ------------------------------------------------------------------------------------------------ */

/* Appends the record of a message, behind those of its rows, with the bytes that came; or of a receipt that follows
 * later (no bytes). Sets record->seq and time. */
bool ledger_message(struct ledger_tx *tx, struct record *record, struct bytes raw, struct err *err);
/* What is known of a message by its sender and id. */
struct message_state {
    uint64_t seq;                    /* of its record: receipt r-<seq> */
    uint64_t latest;                 /* of the latest receipt: seq itself until one follows later */
    uint8_t digest[32];              /* SHA-256 of its bytes */
};
bool message_find(struct store_txn *txn, const char *sender, const char *id, struct message_state *out, bool *found_out,
                  struct err *err);
/* Records are read back from the journal; a purged one leaves ERR_JOURNAL_UNKNOWN. Text borrowed from the arena. */
bool ledger_read_record(struct journal *journal, struct store_txn *txn, struct arena *arena, uint64_t seq,
                        struct record *out, struct err *err);
/* The same inside decide, also of records that this transaction wrote itself. */
bool ledger_written(struct ledger_tx *tx, struct arena *arena, uint64_t seq, struct record *out, struct err *err);

/* ---- what banks are told of the list ------------------------------------------------------------------------- */

/* Changes of a run that takes several transactions are not told before it ends: `first` is the sequence of its first
 * record, held back in that record's transaction. Also what comes behind it waits, so that order holds. */
void ledger_hold(struct ledger_tx *tx, uint64_t first);
/* In the transaction of the run's own record. snapshot: banks are told to take the snapshot instead of first … last. */
void ledger_hold_end(struct ledger_tx *tx, uint64_t first, uint64_t last, bool snapshot);
struct ledger_hold {
    uint64_t first, last; /* last 0: still under way */
    bool snapshot;
};
/* The first that begins at or behind `from`. */
bool ledger_hold_find(struct store_txn *txn, uint64_t from, struct ledger_hold *out);
/* Banks are told to take the snapshot. */
void ledger_hold_told(struct ledger_tx *tx, uint64_t first);

/* ---- what partners report beside the list ------------------------------------------------------------------- */

/* Read in any transaction; text in the arena. */

/* What one bank's rows add up to: `line` true for a credit line, else a loan. init'ed when never heard of. */
bool credit_account_read(struct store_txn *txn, struct arena *arena, const char *bank, bool line, const char *number,
                         struct credit_account *out, struct err *err);
/* One row of a bank's report, by "<message id>/<row>". */
struct credit_row {
    struct credit_note note; /* event, numbers, amount and row; the rest is in its record */
    char uscc[USCC_SIZE];
    uint64_t seq;
    uint64_t taken_back; /* by the record with this sequence; 0: it stands */
};
bool credit_row_read(struct store_txn *txn, struct arena *arena, const char *bank, const char *row,
                     struct credit_row *out, bool *found_out, struct err *err);

struct pledge {
    struct pledge_note note;  /* as told last */
    const char *registry;     /* who told it */
    date_day live_since;      /* DATE_NONE unless it is or was registered */
    int64_t time_ms;          /* of its last record */
    uint64_t seq;
};
bool pledge_read(struct store_txn *txn, struct arena *arena, const char *registration_no, struct pledge *out,
                 bool *found_out, struct err *err);
/* Registered and not ended by its own last day: pledges of trademarks have one, those of patents do not. */
bool pledge_is_live(const struct pledge *pledge, date_day today);

struct right_state {
    enum right_status status;       /* as told last; RIGHT_UNTOLD */
    date_day since;
    const char *told_by;            /* partner, "" */
    int64_t told_ms;
    char uscc[USCC_SIZE];           /* the firm named with it; "" */
    const char *pledge;             /* registration number of the pledge that holds it; "" */
    uint64_t seq;                   /* of the last record about its status; 0: none */
};
/* `class` of a trademark; "" for patents and for what is told of a trademark number as a whole, its status. Empty when
 * nothing is known. */
bool right_read(struct store_txn *txn, struct arena *arena, enum right_kind kind, const char *number, const char *class,
                struct right_state *out, struct err *err);
/* The classes in which a trademark number is held by a pledge, at most `max`; returns how many there are. */
size_t right_classes(struct store_txn *txn, struct arena *arena, const char *number, const char **classes, size_t max);
/* The partner told that the firm's right lapsed or was invalidated, and not otherwise since. */
bool right_told_lapsed(struct store_txn *txn, const char *uscc, const char *partner, enum right_kind kind,
                       const char *number);
/* A right of the firm other than this one that the partner told has lapsed, and not otherwise since. */
bool right_other_lapsed(struct store_txn *txn, const char *uscc, const char *partner, enum right_kind kind,
                        const char *number);
/* When the partner's last message of the kind was taken; NULL kind: of any kind. 0: never. */
int64_t partner_heard(struct store_txn *txn, const char *partner, const char *kind);

struct objection {
    const char *origin;             /* "sender/id" of its message */
    const char *against;
    date_day answer_by;
    uint64_t seq;
};
/* Those of a firm (of all firms for "") that are not answered, oldest first, until `each` returns false. */
typedef bool objection_each(void *arg, const struct objection *objection);
bool objection_list(struct store_txn *txn, struct arena *arena, const char *uscc, objection_each *each, void *arg,
                    struct err *err);

/* ---- guard ------------------------------------------------------------------------------------------ */

struct ledger_guard {
    int64_t listed; /* firms listed now */
    int64_t limit;  /* max(floor, percent of listed) */
    int64_t taken;  /* by this source within 24 h, without a person */
    bool allowed;   /* taken + wanted ≤ limit */
};
bool ledger_guard_judge(struct ledger_tx *tx, const char *source, int64_t wanted, struct ledger_guard *out,
                        struct err *err);

/* ---- approvals --------------------------------------------------------------------------------------- */

/* What waits for a person. `maker` started it: a person's own proposal needs another person; what a timer or
 * source started needs one approver. */
struct approval {
    const char *id;     /* "p-<seq>" */
    const char *what;   /* "run" (held), "admit" (run's firms), "firm" (checking), "act" (propose …), "purge",
                            "message" (its held rows); other words are those of what a message asks a person */
    const char *object; /* run id or uscc */
    const char *digest; /* hex, of the object's state when proposed */
    struct actor maker;
    int64_t made_ms;
    const char *note;    /* why */
    const char *payload; /* JSON: what is done on grant */
    const char *state;   /* open granted rejected; superseded: a newer question or nothing left to ask */
    const char *decided_by, *comment;
    int64_t decided_ms;
    uint64_t seq; /* of the proposal */
    uint64_t decision_seq;
};
/* Writes a proposal (inside a job). id_out may be NULL (else ≥ 32 bytes). */
bool ledger_propose(struct ledger_tx *tx, const struct approval *proposal, char *id_out, struct err *err);
/* Closes an open proposal that was overtaken (recorded as a rejection by the gateway); a closed one is left alone. */
bool ledger_close_proposal(struct ledger_tx *tx, const char *id, const char *note, struct err *err);
/* The digest that proposal.digest must carry for a firm: of its state value. */
bool ledger_firm_digest(struct ledger_tx *tx, const char *uscc, char out[65], struct err *err);
/* Decides a proposal: approval.unknown, closed, same_person, changed (the object's digest moved), reason (empty
 * comment). `firm` and `act` take effect in the same transaction, `admit` in chunks rolled forward by the ledger,
 * `run` by the watcher below. Blocking, from any thread but the committer. */
bool ledger_decide_approval(struct ledger *ledger, const char *id, bool grant, const struct actor *person,
                            const char *comment, uint64_t *seq_out, struct err *err);
bool approval_read(struct store_txn *txn, struct arena *arena, const char *id, struct approval *out, struct err *err);
bool approval_is_open(struct store_txn *txn, uint64_t seq); /* the proposal of this sequence */
/* The sequence of the open question about the firm itself; 0: none. */
uint64_t approval_about(struct store_txn *txn, const char *uscc);
/* Newest first; `open_only`; calls each until it returns false. */
typedef bool approval_each(void *arg, const struct approval *approval);
bool approval_list(struct store_txn *txn, struct arena *arena, bool open_only, approval_each *each, void *arg,
                   struct err *err);
/* A person proposes an act on a firm (list propose …): checks that policy would allow it, writes the proposal. */
bool ledger_propose_act(struct ledger *ledger, const struct fact *fact, char id_out[32], struct err *err);

/* Told on the committer thread after each commit: the new head and the approvals decided in it. */
struct ledger_news {
    uint64_t head;
    const char *approval_id; /* NULL: none decided; else one call per decided approval */
    const char *what, *object;
    bool granted;
};
typedef void ledger_watch(void *arg, const struct ledger_news *news);
void ledger_on_commit(struct ledger *ledger, ledger_watch *watch, void *arg); /* before ledger_start; a few watchers */

/* ---- undoing a run, following new rules ------------------------------------------------------------------ */

/* A person proposes to undo a run: what it did to each firm that nothing has changed since. */
struct ledger_revert {
    const char *run, *source;
    uint64_t first, last;            /* sequences of its rows' records */
    struct actor maker;
    const char *reason;
};
bool ledger_propose_revert(struct ledger *ledger, const struct ledger_revert *of, char id_out[32], struct err *err);

/* What a sweep under other rules would do. */
struct ledger_sweep {
    char version[RECORD_ID_MAX + 1];
    int64_t firms, removes;
    int64_t changes[LISTING_COUNT][LISTING_COUNT];   /* firms by status before and after */
    struct ledger_guard guard;
};
/* Looks only. `policy` NULL: the one in force. Blocking; reads every firm. */
bool ledger_look_rules(struct ledger *ledger, const struct policy *policy, struct ledger_sweep *out, struct err *err);
/* Starts the sweep of a version newly in force, or asks a person when the guard holds it. Cheap when there is none. */
bool ledger_follow_rules(struct ledger *ledger, struct err *err);

/* ---- configuration, sources, timed facts ------------------------------------------------------------------ */

/* Writes a config record when the digest differs from the last one seen. Blocking. */
bool ledger_saw_config(struct ledger *ledger, const char *object, const char *digest_hex, const char *version,
                       struct err *err);
/* The gateway's own signing keys, as the journal tells of them. A key that is no longer configured stays, retired. */
struct ledger_key {
    const char *kid, *alg;           /* alg: ES256 SM2 RSA */
    const char *state;               /* staged active retired */
    const char *certificate;         /* DER in base64 */
    int64_t since_ms;                /* of the present state */
    uint64_t seq;                    /* of the record that made it so */
};
/* Compares the certificates in use and staged with what is known and writes a record for each key that is new or
 * changed, then one for each that retires; all or none. Before the keyring is used. Blocking. */
bool ledger_saw_keys(struct ledger *ledger, const struct crypto_keyring *ring, struct err *err);
/* All of them in the order of their kid, borrowed from the arena, until `each` returns false. */
typedef bool ledger_key_each(void *arg, const struct ledger_key *key);
bool ledger_keys(struct store_txn *txn, struct arena *arena, ledger_key_each *each, void *arg, struct err *err);

/* Timed facts due now are decided in code order, in chunks. *more_out tells the next moment (ms) at which time
 * alone will change something, 0: none known. Blocking. */
bool ledger_time(struct ledger *ledger, int64_t *next_out, struct err *err);

struct source_state {
    const char *id, *list_version;
    int64_t completed_ms; /* last good contact; 0: never */
    bool full;            /* a whole list was ever applied */
    uint64_t seq;
};
/* All text borrowed from the arena. completed_ms 0 when there was none. */
bool source_state_read(struct store_txn *txn, struct arena *arena, const char *source, struct source_state *out,
                       struct err *err);

/* ---- as it was (README.md tells what the records of a past moment tell and what they do not) --------------------- */

/* A past moment in the journal. */
struct past {
    struct journal *journal;
    struct store_txn *txn;
    struct arena *arena;             /* what is read lives here */
    uint64_t size;                   /* of the journal then: journal_size_at */
};
/* The firm as it then was (firm_init'ed when unknown), made of its own records in their order. *corrected_out (may be
 * NULL): the sequence of a later record that put right what was then told of it; 0. */
bool past_firm(const struct past *past, const char *uscc, struct firm *out, uint64_t *corrected_out, struct err *err);
/* As source_state_read would have said. */
bool past_source(const struct past *past, const char *source, struct source_state *out, struct err *err);
/* As partner_heard of any kind would have said, of a partner who certified by message; 0 for others. */
bool past_heard(const struct past *past, const char *partner, int64_t *time_out, struct err *err);
/* The version of the rules that was in force: found in `policy` by the name that the records tell, else by its date; with
 * the name told. Copied. rules.none. */
bool past_rules(const struct past *past, const struct policy *policy, date_day day, struct rules *out, struct err *err);

/* Brings a store opened with `older` to STORE_FORMAT, one step a version; may be cut off and called again. Before
 * ledger_new. */
bool ledger_upgrade(struct store *store, struct journal *journal, struct err *err);

/* ---- erasing (README.md tells what may be erased and why the rest may not) ------------------------------------ */

/* What a purge of everything written before a moment would erase. The sequences looked at are first … last. */
struct ledger_purge {
    int64_t before_ms;
    bool records, raw; /* which of the two terms are over: erases records of the kinds allowed; original bytes */
    uint64_t first, last;
    uint64_t record_n, raw_n; /* out: how many there are to erase now */
};
/* Counts; writes nothing. */
bool ledger_purge_look(struct store *store, struct journal *journal, struct ledger_purge *purge, struct err *err);
/* Writes a proposal ("purge") that another person must grant; then it is done in chunks, rolled forward after a crash,
 * and ends with a record of its own. retention.nothing when there is nothing to erase. Blocking. */
bool ledger_propose_purge(struct ledger *ledger, const struct ledger_purge *purge, const struct actor *person,
                          const char *reason, char id_out[32], struct err *err);

/* ---- proofs of ourselves ------------------------------------------------------------------------------------ */

/* Rebuilds every state table from the journal of `store` into a scratch environment under `scratch`, compares byte
 * by byte, removes the scratch. store.rebuild_differs names the first table and key. */
struct ledger_rebuild {
    uint64_t records, entries;
};
bool ledger_rebuild(struct store *store, struct journal *journal, const char *scratch, journal_progress *progress,
                    void *arg, struct ledger_rebuild *out, struct err *err);

#endif
