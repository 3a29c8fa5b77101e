/* Private to delivery: letters in their order, rows that are kept, and a partner's queue. */
#ifndef DELIVERY_INTERNAL_H
#define DELIVERY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "delivery/delivery.h"
#include "intake/intake.h"
#include "json/json.h"

#define PARCEL_ID_SIZE 65
#define STYLE_SIZE 40
#define CODE_SIZE 48
#define ROW_MAX 4096
#define DURATIONS 64
#define PARCEL_MAX (2 * MESSAGE_MAX)
#define EXPIRE_CHUNK 1000

/* ---- order.c: letters, what is to be sent, in the order of n -------------------------------------------------------- */

enum letter_kind { LETTER_CUT, LETTER_RESTART /* take the snapshot */, LETTER_RECEIPT, LETTER_FORWARD };
struct letter {
    uint64_t n;
    enum letter_kind kind;
    uint64_t first;                   /* LETTER_CUT, LETTER_RESTART */
    bool snapshot;
    int64_t created_ms;
};
const char *letter_kind_name(const struct letter *letter);      /* "whitelist.change", "receipt"; "" for LETTER_FORWARD */
void letter_id(const struct letter *letter, char out[PARCEL_ID_SIZE]);

/* ---- row.c: what is kept of a partner, and of a message to it -------------------------------------------------------- */

enum queue_state { QUEUE_OK, QUEUE_RETRYING, QUEUE_UNCERTAIN, QUEUE_UNREACHABLE, QUEUE_STOPPED, QUEUE_STATE_COUNT };
const char *queue_state_name(enum queue_state state);

/* All zero: never seen. Numbers are int64_t so that one table reads and writes them. */
struct post {
    int64_t seen;                     /* the row exists */
    int64_t subscribed;               /* it is sent changes of the list */
    int64_t start;                    /* nothing up to here was ever for it */
    int64_t list_from;                /* changes up to here are in the snapshot */
    int64_t restart, restart_ms;      /* n of the last word to take the snapshot, and when that was; 0: none */
    int64_t relist;                   /* the list begins anew as soon as there is a number for it */
    int64_t cursor;
    int64_t flying;                   /* n of the message tried last; 0: none */
    int64_t unsure;                   /* it may have arrived: ask first */
    int64_t attempts, failures;       /* of that message; in a row, of any */
    int64_t wait_ms, next_ms;         /* the next attempt is at next_ms, at most wait_ms from when it was set */
    int64_t state, since_ms;
    int64_t paused;
    int64_t ok_ms, bad_ms;            /* last success and last error */
    char style[STYLE_SIZE];           /* in which form the message under way was signed */
    char code[CODE_SIZE];             /* of the last error */
    char detail[ERR_DETAIL_SIZE];
};
bool post_read(struct store_txn *txn, const char *partner, struct post *out, struct err *err);
void post_put(struct store_txn *txn, const char *partner, const struct post *post);
/* Moves to a state; since_ms only when it is another one. */
void post_enter(struct post *post, enum queue_state state, int64_t now_ms);

enum sent_state { SENT_NONE, SENT_TRIED, SENT_DELIVERED, SENT_FAILED, SENT_EXPIRED, SENT_SKIPPED, SENT_STATE_COUNT };
const char *sent_state_name(enum sent_state state);
struct sent_try {
    int64_t time_ms;
    char code[CODE_SIZE];             /* "" it was delivered */
};
struct sent {
    enum sent_state state;
    int64_t ended_ms, attempts;
    char receipt[65];                 /* SHA-256 of it, hex; "" none */
    size_t try_n;
    struct sent_try tries[DELIVERY_TRIES_KEPT];
};
bool sent_read(struct store_txn *txn, const char *partner, uint64_t n, struct sent *out, struct err *err);
void sent_put(struct store_txn *txn, const char *partner, uint64_t n, const struct sent *sent);
void sent_note(struct sent *sent, int64_t now_ms, const char *code);
void sent_write(struct json_out *json, const struct sent *sent);

/* ---- order.c ---------------------------------------------------------------------------------------------------------- */

/* What one read or write transaction sees. */
struct view {
    struct store_txn *txn;
    struct journal *journal;
    uint64_t horizon;                 /* what comes behind it may still be preceded by changes not yet cut */
};
void view_init(struct view *view, struct store_txn *txn, struct journal *journal);
/* The first letter behind `after`, or none (n 0). */
bool order_next(const struct view *view, const char *partner, const struct post *post, uint64_t after,
                struct letter *out, struct err *err);
/* The letter n of the partner; message.unknown. */
bool order_at(const struct view *view, const char *partner, const struct post *post, uint64_t n, struct letter *out,
              struct err *err);
/* The largest n that the partner may see now; 0: none. */
uint64_t order_newest(const struct view *view, const char *partner, const struct post *post);
/* The largest n < before that the partner may see; 0: none. */
uint64_t order_before(const struct view *view, const char *partner, const struct post *post, uint64_t before);
/* Cuts waiting behind the cursor: by their numbers, not by walking. */
uint64_t order_cuts(const struct view *view, const struct post *post);
/* Direct messages with after < n ≤ upto. */
uint64_t order_direct(const struct view *view, const char *partner, uint64_t after, uint64_t upto);
/* The first message that a person wants sent once more; n 0: none. *since_out: since when. */
bool order_again(const struct view *view, const char *partner, const struct post *post, struct letter *out,
                 int64_t *since_out, struct err *err);
/* A number ≤ head and > floor that is no direct message's; 0: none. */
uint64_t order_free(const struct view *view, const char *partner, uint64_t floor, uint64_t head);
/* When the record was written. */
bool order_time(const struct view *view, uint64_t seq, int64_t *ms_out, struct err *err);

/* ---- cut.c: ranges of changes ------------------------------------------------------------------------------------------- */

struct cut {
    uint64_t first, last, number;
    int64_t created_ms;
    bool snapshot;
};
bool cut_find(struct store_txn *txn, uint64_t from, struct cut *out);       /* the first with last ≥ from */
bool cut_newest(struct store_txn *txn, uint64_t upto, struct cut *out);     /* the last with last ≤ upto */
uint64_t cut_horizon(struct store_txn *txn);
/* True when there is something to cut now. */
bool cut_due(struct store_txn *txn);
/* Cuts one range, if there is any; a ledger_decide. */
bool cut_job(struct ledger_tx *tx, void *arg, struct err *err);
/* What was there before the first start is never cut; a ledger_decide. */
bool cut_begin_job(struct ledger_tx *tx, void *arg, struct err *err);

/* ---- body.c, parcel.c: what a letter says, signed once ------------------------------------------------------------------- */

struct in_force {                         /* what is in force, counted */
    _Atomic unsigned refs;
    struct delivery_force force;
};
struct in_force *in_force_take(struct delivery *delivery);       /* with the lock held */
void in_force_drop(struct in_force **held);

struct writer {                       /* who writes, for whom, from what */
    const struct view *view;
    const struct in_force *held;
    const char *gateway;
    const struct partner *partner;
    struct arena *arena;
};
/* The message as JSON text, unsigned. */
bool body_write(const struct writer *writer, const struct letter *letter, struct buf *out, struct err *err);

struct parcel {
    const char *id, *media_type, *signature;
    struct bytes body;
};
/* How messages to the partner are formed and signed: "json ES256"; with a profile of its own, its digest. */
void parcel_style(const struct partner *partner, char out[STYLE_SIZE]);
struct store_key parcel_key(const char *partner, const struct letter *letter, const char *style);
bool parcel_read(struct store_txn *txn, const struct store_key *key, struct parcel *out);
/* Writes and signs; the value as kept. */
bool parcel_make(const struct writer *writer, const struct letter *letter, struct buf *out, struct err *err);
/* Seals any message of ours as the partner is sent them. */
bool parcel_seal(const struct in_force *held, const struct partner *partner, struct bytes json, struct buf *body,
                 struct buf *signature, struct err *err);
/* Unless it is there already: id and bytes never change. */
void parcel_put(struct store_txn *txn, const struct store_key *key, struct bytes value);

/* ---- judge.c: what an answer means ---------------------------------------------------------------------------------------- */

enum meaning { MEANS_DONE, MEANS_RETRY, MEANS_UNCERTAIN, MEANS_ABSENT, MEANS_REFUSED, MEANS_BROKEN };
struct answer {
    enum gwa_verdict verdict;
    struct err err;
    uint8_t *reply;                   /* owned */
    size_t reply_n;
    char *media_type, *signature;     /* owned; NULL: not said */
    int64_t retry_after_ms;
};
void answer_take(struct answer *answer, const struct host_outcome *outcome);
void answer_clear(struct answer *answer);
struct judged {
    enum meaning meaning;
    struct err err;                   /* of anything but DONE */
    char receipt[65];
    int64_t retry_after_ms;
    bool unclaimed;                   /* it could not even be written */
};
void judge(const struct in_force *held, const struct partner *partner, const char *gateway, const char *id, bool asked,
           const struct answer *answer, struct judged *out);
/* Whether the partner signed this echo. */
bool judge_echo(const struct in_force *held, const struct partner *partner, const char *gateway, const struct answer *answer,
                struct err *err);

/* ---- a partner's queue ------------------------------------------------------------------------------------------------------ */

enum phase { PHASE_IDLE, PHASE_CLAIMING, PHASE_CLAIMED, PHASE_SENDING, PHASE_ANSWERED, PHASE_SETTLING };
struct waiter {
    struct waiter *next;
    uint64_t after;
    int64_t until_mono_ms;
    delivery_told *told;
    void *arg;
};
struct queue {
    struct delivery *delivery;
    char id[RECORD_ID_MAX + 1];
    bool known;                       /* in the directory in force */
    bool lists;                       /* is sent changes of the list */
    bool closed;                      /* paused in the partners file */
    int64_t give_up_ms, deadline_ms;
    bool skip_refused;
    struct host_instance *instance;   /* NULL: mailbox only */
    char digest[65];                  /* of its adapter and settings */
    struct host_instance *fresh;      /* takes its place when nothing is under way */
    bool renew;
    struct post post;                 /* as kept */
    /* the delivery's lock guards what follows, and what is above */
    enum phase phase;
    int64_t hold_mono_ms;             /* not before: the ledger or the host had no room */
    struct letter letter;             /* under way */
    bool again, asks;                 /* sent once more by a person; a question about it */
    int64_t again_ms;
    char style[STYLE_SIZE];
    struct host_job *job;
    struct answer answer;
    struct judged judged;
    int64_t began_mono_ms;
    uint64_t looked_round;            /* there was nothing to send then */
    uint64_t waited_round;            /* its waiters were looked at then */
    size_t trials;                    /* echoes under way */
    struct buf parcel;                /* made for the claim, when it was not there */
    struct waiter *waiters;
    int32_t durations[DURATIONS];
    size_t duration_n;                /* ever */
    uint64_t counted_to, counted;     /* direct messages between the cursor and there */
    uint64_t relist_size;             /* of the journal, when the list could not begin anew */
    bool failing;                     /* the last attempt failed: what waited too long is given up */
};
struct delivery {
    struct delivery_options options;
    char *gateway;
    pthread_mutex_t lock;
    pthread_cond_t wake;              /* of the engine */
    pthread_mutex_t set_lock;         /* one delivery_set at a time */
    pthread_t thread;
    bool started, stopping, ended;
    uint64_t round;                   /* counts what was committed that may bring something to send */
    uint64_t round_seen;              /* up to where the engine looked, and when */
    int64_t round_mono_ms;
    bool dirty;                       /* the engine has something to look at */
    bool cutting;                     /* a cut is being committed */
    int64_t cut_hold_mono_ms;
    struct in_force *held;
    struct queue **queues;            /* sorted by id */
    size_t queue_n;
    size_t flying;                    /* jobs of the host under way */
    size_t waiter_n;
    size_t turn;                      /* who is served first next */
    int64_t awake_mono_ms;            /* when the engine must look again */
    enum err_code told_code;          /* what was complained about last, and when */
    int64_t told_mono_ms;
};
struct queue *queue_find(struct delivery *delivery, const char *partner);
void queue_wake(struct delivery *delivery);                           /* with the lock held */
/* Whether the partner's file, or the catalogue for its roles, has it sent changes of the list. */
bool queue_lists(const struct catalog *catalog, const struct partner *partner);
/* Sets the gauges; with the lock held. */
void queue_count_troubles(struct delivery *delivery);
/* Reads the post again; with the lock held. */
void queue_reload(struct queue *queue);
/* The partner's post as a read transaction sees it. */
bool queue_post(struct delivery *delivery, const char *partner, struct post *out, struct err *err);

/* ---- attempt.c: jobs of the ledger about one attempt. Each is a ledger_decide with a struct step. --------------------------- */

struct step {
    struct queue *queue;
    struct delivery *delivery;
    char id[RECORD_ID_MAX + 1];
    struct letter letter;
    bool again, asks;
    char style[STYLE_SIZE];
    struct bytes parcel;              /* claim: to be kept, when n > 0 */
    struct judged judged;
    bool skip_refused;
    struct post post;                 /* as it stands afterwards */
};
bool claim_job(struct ledger_tx *tx, void *arg, struct err *err);
bool settle_job(struct ledger_tx *tx, void *arg, struct err *err);
/* Gives up what waited longer than give_up; a struct sweep. */
struct sweep {
    struct delivery *delivery;
    struct queue *queue;
    const char *id;
    int64_t give_up_ms;
    struct post post;
    size_t expired;
    bool more;
};
bool sweep_job(struct ledger_tx *tx, void *arg, struct err *err);
/* A list subscriber begins anew. False: there is no number for it yet. */
bool post_restart(const struct view *view, const char *partner, struct post *post, int64_t now_ms);

/* One look at all queues. */
struct pass {
    struct delivery *delivery;
    struct in_force *held;
    struct store_txn *txn; /* NULL: none could be had */
    struct view view;
    uint64_t round;
    int64_t wall_ms, mono_ms;
};
/* send.c: with the lock held, which it gives up while it signs, verifies or closes an adapter. */
void queue_step(struct pass *pass, struct queue *queue);

/* ---- engine.c ------------------------------------------------------------------------------------------------------------------ */

void *engine_main(void *delivery);
/* Looks again at this monotonic time at the latest; with the lock held. */
void engine_want(struct delivery *delivery, int64_t mono_ms);
void engine_news(void *delivery, const struct ledger_news *news);
/* When the next attempt is allowed, in wall time; a clock that was set back does not prolong a wait. */
int64_t post_due(const struct post *post, int64_t now_ms);

#endif
