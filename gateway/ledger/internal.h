/* Private to ledger: the transaction of the committer, and what a record does to the state tables. */
#ifndef LEDGER_INTERNAL_H
#define LEDGER_INTERNAL_H

#include <pthread.h>

#include "json/json.h"
#include "ledger/ledger.h"

#define LEDGER_BATCH_JOBS 256  /* jobs in one transaction at most */
#define LEDGER_TX_WRITES 20000 /* puts and deletes after which no further job joins a transaction */
#define LEDGER_TX_BYTES (32u << 20) /* original bytes likewise: they are in memory twice until the commit */
#define LEDGER_OWNERS 256      /* that are told apart; more share */
#define LEDGER_COMPANY 64      /* so many that nobody waits for go without waiting for more */
#define LEDGER_OWNER_ROWS 64   /* rows of one owner in a transaction at most; a job of more is large and goes alone */
#define LEDGER_LARGE_SHARE 400 /* a large job's owner lets so many times its duration pass before the next … */
#define LEDGER_LARGE_WAIT 60000 /* … but no longer than this, ms */
#define LEDGER_ACTIVE_MS 1000  /* another owner's small job this lately: there are others */
#define LEDGER_CHUNK 1000      /* firms one internal job touches */
#define LEDGER_WATCHERS 8
#define REPLAY_CHUNK 10000     /* records one transaction of a rebuild or upgrade applies */
#define FIRM_VALUE_MAX (16u << 10)
#define APPROVAL_VALUE_MAX (96u << 10) /* a payload, and its quotes and backslashes twice escaped */
#define PROPOSAL_ID_SIZE 32

/* ---- apply: state follows from records; shared by the committer and the rebuild ---- */

struct apply {
    struct store_txn *txn;
    struct arena *arena;          /* of the transaction or of one record */
    int64_t tally[LISTING_COUNT]; /* changes not yet written */
    int64_t proposals;            /* change of the number of open ones */
    struct buf value;             /* reused for encoding */
};
void apply_init(struct apply *apply, struct store_txn *txn, struct arena *arena);
void apply_begin(struct apply *apply, struct store_txn *txn); /* a new transaction: forgets what was gathered */
void apply_free(struct apply *apply);
/* Writes what `record` (seq and time set) does to the state tables. `before` is the firm as stored, or NULL to read it.
 */
bool apply_record(struct apply *apply, const struct record *record, const struct firm *before, struct err *err);
/* Writes what was gathered; before commit. */
void apply_flush(struct apply *apply);
bool apply_firm_read(struct apply *apply, const char *uscc, struct firm *out, bool *known_out, struct err *err);
int64_t apply_tally(struct apply *apply, enum listing_status status);
int64_t apply_proposals(struct apply *apply);
/* The id of the open proposal that asks about the firm itself; *id_out NULL when there is none. */
bool apply_open_question(struct apply *apply, const char *uscc, const char **id_out, struct err *err);

/* key.c: the row of the gateway's own signing key. */
bool apply_key(struct apply *apply, const struct record *record, struct err *err);

/* past.c: by which records a past moment will be judged. */
void past_contact(struct apply *apply, const struct record *record);   /* a run that was carried out */
void past_config(struct apply *apply, const struct record *record);
void past_message(struct apply *apply, const struct record *record);   /* one that told us something */
void past_forget(struct store_txn *txn, const struct record *record);  /* a run that is erased */

/* message.c: the rows of a message and of what is to be sent; that a firm's place changed as banks see it. */
bool apply_message(struct apply *apply, const struct record *record, struct err *err);
void apply_change(struct apply *apply, const struct record *record);

/* deal.c, credit.c, pledge.c, right.c, objection.c: what partners report beside the list. */
void apply_subject(struct apply *apply, const char *uscc, const struct record *record);
bool apply_put_json(struct apply *apply, enum store_table table, const struct store_key *key, const char *place,
                    struct err *err); /* what stands in apply->value */
bool apply_credit(struct apply *apply, const struct record *record, struct err *err);
bool apply_pledge(struct apply *apply, const struct record *record, struct err *err);
bool apply_right(struct apply *apply, const struct record *record, struct err *err);
/* Which pledge holds a right; with `old` only where that one holds it now. */
bool right_hold(struct apply *apply, enum right_kind kind, const char *number, const char *class, const char *old,
                const char *pledge, struct err *err);
bool apply_objection(struct apply *apply, const struct record *record, struct err *err);

/* deal.c: members of stored JSON. Text in the arena, "" when absent. */
const char *deal_text(struct arena *arena, const json_value *object, const char *name);
int64_t deal_integer(const json_value *object, const char *name, int64_t otherwise);
date_day deal_date(const json_value *object, const char *name);
void deal_uscc(const json_value *object, const char *name, char out[USCC_SIZE]);
void deal_amount(struct json_out *out, const char *name, int64_t amount); /* nothing for AMOUNT_NONE */

/* rebuild.c: applies the records first … last, as they stand in `from`, to the state tables of `to` in one
 * transaction. */
bool replay(struct journal *journal, struct store_txn *from, struct store *to, uint64_t first, uint64_t last,
            struct err *err);

/* ---- the committer's transaction ---- */

struct tx_news {
    const char *id, *what, *object;
    bool granted;
};
struct ledger_tx {
    struct ledger *ledger;
    struct store_txn *txn;
    struct arena *arena;
    struct apply apply;
    struct buf record; /* reused for encoding */
    const struct policy *policy;
    int64_t now;
    struct err spoiled; /* a record was written in part: the job must not count as done */
    uint64_t head;      /* records durable before this transaction */
    struct journal_entry *entries;
    size_t entry_n, entry_room;
    size_t raw_n; /* original bytes in them */
    struct tx_news *news;
    size_t news_n, news_room;
};
/* Encodes, applies and queues a record for the append at the end of the transaction. */
bool tx_add(struct ledger_tx *tx, struct record *record, const struct firm *before, struct bytes raw, struct err *err);
/* message.c: rows of messages that waited for one proposal wait for another. */
void tx_move_held(struct ledger_tx *tx, const char *from, const char *to);
void tx_news_add(struct ledger_tx *tx, const struct approval *approval, bool granted);

enum job_state { JOB_UNDECIDED, JOB_DECIDED, JOB_REFUSED, JOB_FAILED };
struct job {
    ledger_decide *decide;
    ledger_done *done;
    void *arg;
    bool patient; /* nobody waits for it: a moment later will do */
    struct err err;
    enum job_state state; /* refused: wrote nothing; failed: after writing, never decided again */
    unsigned owner;       /* 0: the gateway itself, which is never held back */
    size_t rows;
    struct job *next;
};

/* ---- queue.c: what waits for the committer, and what comes next; all with the ledger's lock held ---- */

struct job_list {
    struct job *first, **last;
};
struct job_queue {
    struct job_list small, large;
    int patient; /* of those that wait */
    int waiting;
    bool large_next;              /* small ones had their turn */
    unsigned owner;               /* of the latest small job … */
    int64_t owner_ms, others_ms;  /* … and when; when one of any other owner came */
    int64_t ready_ms[LEDGER_OWNERS]; /* when each owner's next large job may come though others are there */
};
void queue_init(struct job_queue *queue);
bool job_is_large(const struct job *job);
void queue_put(struct job_queue *queue, struct job *job, int64_t now_ms);
/* False when one of its owner's large jobs is held back already. */
bool queue_takes(const struct job_queue *queue, const struct job *like, int64_t now_ms);
/* The jobs of the next transaction: small ones of all owners, or a large one; NULL when none may run now. `all`: nobody is
 * held back. */
struct job *queue_take(struct job_queue *queue, int64_t now_ms, bool all);
/* Only what nobody waits for is there, and not much of it. */
bool queue_patient(const struct job_queue *queue);
/* A large job of this owner took so long. */
void queue_charge(struct job_queue *queue, unsigned owner, int64_t now_ms, int64_t took_ms);
struct ledger {
    struct store *store;
    struct journal *journal;
    _Atomic(const struct policy *) policy;
    int64_t min_free;
    int queue_max;
    struct {
        ledger_watch *watch;
        void *arg;
    } watchers[LEDGER_WATCHERS];
    size_t watcher_n;
    struct ledger_tx tx;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t more, room;
    bool started;
    struct job_queue queue;
    bool stopping;
};

/* ---- approvals ---- */

void approval_encode(const struct approval *approval, struct buf *out);
bool approval_decode(struct arena *arena, struct bytes in, struct approval *out, struct err *err);
/* Asks a person about the firm as it stands now; an older question about it is superseded. */
bool firm_proposal(struct ledger_tx *tx, const char *uscc, const struct actor *maker, const char *why,
                   uint64_t *seq_out, struct err *err);

/* As ledger_submit, but never turned away by a full queue: for work that must not be lost. */
bool committer_submit(struct ledger *ledger, ledger_decide *decide, ledger_done *done, void *arg, struct err *err);

/* ---- what granted approvals still have to do (work.c): rows of the local table `work` ---- */

struct work {
    const char *id; /* of the approval */
    const char *what; /* admit purge revert rules */
    const char *object, *person;
    int64_t next, last; /* sequences to look at */
    int64_t before_ms, records, raw; /* purge: erases what is older; what it erased so far */
    bool erases_records, erases_raw;
    bool initial;                    /* admit: banks take the snapshot instead of each change */
    int64_t held;                    /* its first record, from which on changes are held back; 0: none yet */
    char digest[65];
};
/* Puts the work that a granted approval's payload asks for; `person` granted it. */
bool work_begin(struct ledger_tx *tx, const struct approval *approval, const struct actor *person, struct err *err);
/* Queues chunks until the work is done; called after a grant and when a chunk was left over. */
void work_kick(struct ledger *ledger);
bool work_waits(struct ledger_tx *tx);
bool work_all(struct ledger *ledger, struct err *err);
bool work_is_of(const char *what);

/* One chunk each: looks at sequences from work->next on and moves it. */
bool admit_chunk(struct ledger_tx *tx, struct work *work, struct err *err);
bool purge_chunk(struct ledger_tx *tx, struct work *work, struct err *err);
bool revert_chunk(struct ledger_tx *tx, struct work *work, struct err *err);
bool rules_chunk(struct ledger_tx *tx, struct work *work, struct err *err);
/* After the last chunk, in its transaction. */
bool purge_end(struct ledger_tx *tx, const struct work *work, struct err *err);
bool rules_end(struct ledger_tx *tx, const struct work *work, struct err *err);

#endif
