/* delivery: carries what follows from the journal to the partners, and tells them what waits for them.
 *
 * A message to a partner has a number n, the sequence of the record that caused it: a range of changes of the list (n is
 * its last), what became of a message that waited, or a message passed on. Id and bytes are made once and kept. Each
 * partner has one cursor: everything up to it is done, moved by a delivery that succeeded or by an ack of its mailbox.
 * One message is under way per partner, in the order of n; what may have arrived is asked about before it is sent again.
 * README.md tells the states.
 *
 * Threads: one of its own, which never waits for a partner. Everything here may be called from any thread but the
 * committer's; what is said to block waits for a commit.
 */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "host/host.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "message/message.h"
#include "partner/partner.h"
#include "policy/policy.h"
#include "store/store.h"

#define DELIVERY_CHANGES_MAX 500          /* in one message */
#define DELIVERY_PAGE_MAX 100             /* messages in one answer of the mailbox */
#define DELIVERY_PAGE_BYTES (4u << 20)    /* of them together */
#define DELIVERY_JOBS_MAX (HOST_JOBS_MAX - 32) /* under way at once; the rest of the host's are for lists */
#define DELIVERY_TRIES_KEPT 20            /* attempts told of one message */

struct delivery;
struct delivery_options {
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;                /* delivery_new before ledger_start */
    struct host *host;
    const char *gateway;                  /* its name: sender of what goes out */
};
struct delivery *delivery_new(const struct delivery_options *options);
/* After host_free: what was under way has ended. */
void delivery_free(struct delivery **delivery);

/* What is in force, at the start and after each reload. Directory and keyring are referenced; catalogue and policy must
 * outlive the delivery. */
struct delivery_force {
    const struct catalog *catalog;
    const struct policy *policy;
    struct directory *directory;
    struct crypto_keyring *ring;
};
/* Opens the partners' adapters; every fault is collected, and a partner whose channel has one keeps the channel it had.
 * Blocking while adapters open. */
bool delivery_set(struct delivery *delivery, const struct delivery_force *force, struct config_faults *faults);
/* Notes partners seen for the first time and begins. After ledger_start. Blocking. */
bool delivery_start(struct delivery *delivery, struct err *err);
/* Answers who waits for a mailbox, lets messages under way end for a moment, then leaves them: at the next start they are
 * asked about. Before net_stop and host_free. */
void delivery_stop(struct delivery *delivery);

/* Deletes signed bytes, outcomes and cuts of messages whose records were written before the moment: what a partner has
 * not fetched by then it no longer finds. Blocking. */
bool delivery_forget(struct delivery *delivery, int64_t before_ms, struct err *err);

/* ---- people (blocking) -------------------------------------------------------------------------------------- */

/* partner.unknown. Resuming also tries a stopped queue again, at once. */
bool delivery_pause(struct delivery *delivery, const char *partner, bool paused, const struct actor *person,
                    struct err *err);
/* The message `id` once more to the partner, or to all (NULL) for whom it failed, expired or was skipped; or, where it
 * stops the queue, `skip` goes past it. message.unknown, delivery.state. *n_out: partners concerned. */
bool delivery_resend(struct delivery *delivery, const char *id, const char *partner, bool skip,
                     const struct actor *person, size_t *n_out, struct err *err);
/* Everything since a moment is sent again, with the ids and bytes it had. *cursor_out: where it goes on from. */
bool delivery_recover(struct delivery *delivery, const char *partner, int64_t since_ms, const struct actor *person,
                      uint64_t *cursor_out, struct err *err);

/* ---- looking -------------------------------------------------------------------------------------------------- */

/* Members of a JSON object about a partner's queue: state (ok retrying uncertain unreachable stopped paused), since,
 * waiting, oldest_waiting, cursor, adapter, form, attempts, next_attempt, last_success, last_error, p50_ms, p95_ms. */
bool delivery_status(struct delivery *delivery, const char *partner, struct json_out *out, struct err *err);
/* How many partners' queues a person must see to, and how many partners are not reached or do not answer. */
void delivery_troubles(size_t *stopped_out, size_t *unreachable_out);
/* A partner's messages behind `after`, oldest first, until `each` returns false: {"n","id","kind","state","created",
 * "tries":[{"time","code"}],"attempts","ended","receipt"}; states waiting sending uncertain delivered failed expired
 * skipped fetched. */
typedef bool delivery_each_fn(void *arg, struct bytes json);
bool delivery_each(struct delivery *delivery, const char *partner, uint64_t after, size_t max, delivery_each_fn *each,
                   void *arg, struct err *err);
/* The same newest first, those below `before` (UINT64_MAX: from the newest), in a transaction of the caller's. */
bool delivery_back(struct delivery *delivery, struct store_txn *txn, const char *partner, uint64_t before, size_t max,
                   delivery_each_fn *each, void *arg, struct err *err);

/* ---- mailbox -------------------------------------------------------------------------------------------------- */

struct delivery_item {                    /* borrowed during the call */
    uint64_t n;
    const char *id, *media_type, *signature;   /* signature "" when it is inside */
    struct bytes body;
};
typedef void delivery_item_fn(void *arg, const struct delivery_item *item);
/* At most DELIVERY_PAGE_MAX, and so many bytes of them together, behind `after`; one is always given. *last_out: the last
 * n given, `after` when there is none. Blocking: what was never asked for is signed first, so from a worker. */
bool delivery_mailbox(struct delivery *delivery, const char *partner, uint64_t after, size_t bytes_max,
                      delivery_item_fn *each, void *arg, uint64_t *last_out, struct err *err);
/* Everything up to n is done. Blocking. mailbox.future beyond the newest; going back changes nothing. */
bool delivery_ack(struct delivery *delivery, const char *partner, uint64_t upto, uint64_t *cursor_out, struct err *err);
/* Calls told(arg) once, when there is something behind `after`, when the time is over, or when the gateway stops; on
 * delivery's thread, which must not be kept. False (busy.stopping): not called. */
typedef void delivery_told(void *arg);
bool delivery_wait(struct delivery *delivery, const char *partner, uint64_t after, int64_t wait_ms, delivery_told *told,
                   void *arg, struct err *err);

/* ---- trying a partner ------------------------------------------------------------------------------------------ */

/* Sends a signed echo through the partner's adapter. `done` is called once, on delivery's or a step thread: err ERR_NONE
 * when the partner answered with its own signature. delivery.channel when it has no channel. */
typedef void delivery_tried(void *arg, const struct err *err, int64_t duration_ms);
bool delivery_try(struct delivery *delivery, const char *partner, delivery_tried *done, void *arg, struct err *err);

#endif
