/* People: pausing, sending again, going back; and a partner's own word of how far it has read. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/internal.h"

enum act { ACT_PAUSE, ACT_RESUME, ACT_RESEND, ACT_SKIP, ACT_RECOVER, ACT_ACK };

struct order {
    struct delivery *delivery;
    const char *partner;
    enum act act;
    uint64_t n;       /* resend, skip, ack */
    int64_t since_ms; /* recover */
    uint64_t cursor;  /* out */
    bool done;        /* out: it concerned this partner */
};

static void land(struct post *post)
{
    post->flying = post->unsure = post->attempts = 0;
}

static void at_once(struct post *post, int64_t now)
{
    post->failures = post->wait_ms = post->next_ms = 0;
    post_enter(post, QUEUE_OK, now);
}

/* ---- one message ---- */

static bool mark(struct ledger_tx *tx, const struct order *order, enum sent_state state, struct err *err)
{
    struct sent sent;
    CHECK(sent_read(ledger_txn(tx), order->partner, order->n, &sent, err));
    sent.state = state;
    sent.ended_ms = state == SENT_SKIPPED ? ledger_now(tx) : 0;
    sent_put(ledger_txn(tx), order->partner, order->n, &sent);
    return true;
}

/* The one that stops the queue: tried again, or gone past. */
static bool unstop(struct ledger_tx *tx, struct order *order, struct post *post, struct err *err)
{
    struct store_key key = key_outbox(order->partner, order->n);
    bool skip = order->act == ACT_SKIP;
    CHECK(mark(tx, order, skip ? SENT_SKIPPED : SENT_TRIED, err));
    if (skip)
        store_delete(ledger_txn(tx), TABLE_AGAIN, &key);
    if (skip && (uint64_t)post->cursor < order->n)
        post->cursor = (int64_t)order->n;
    land(post);
    at_once(post, ledger_now(tx));
    order->done = true;
    return true;
}

static bool once_more(struct ledger_tx *tx, struct order *order, struct err *err)
{
    struct store_key key = key_outbox(order->partner, order->n);
    uint8_t since[8];
    put_be64(since, (uint64_t)ledger_now(tx));
    store_put(ledger_txn(tx), TABLE_AGAIN, &key, bytes_of(since, sizeof since));
    order->done = true;
    return mark(tx, order, SENT_TRIED, err);
}

static bool resend(struct ledger_tx *tx, struct order *order, struct post *post, struct err *err)
{
    struct sent sent;
    if (post->state == QUEUE_STOPPED && (uint64_t)post->flying == order->n)
        return unstop(tx, order, post, err);
    CHECK(sent_read(ledger_txn(tx), order->partner, order->n, &sent, err));
    bool lost = sent.state == SENT_FAILED || sent.state == SENT_EXPIRED || sent.state == SENT_SKIPPED;
    return !lost || order->act == ACT_SKIP || once_more(tx, order, err);
}

/* ---- moving the cursor ---- */

/* The last record written before the moment: times of the journal never run backwards. */
static bool last_before(const struct view *view, int64_t since_ms, uint64_t *out, struct err *err)
{
    uint64_t low = 0, high = journal_size(view->journal, view->txn);
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        int64_t time_ms;
        CHECK(order_time(view, middle, &time_ms, err));
        if (time_ms < since_ms)
            low = middle;
        else
            high = middle - 1;
    }
    *out = low;
    return true;
}

/* Never to before the partner was first seen. */
static bool go_back(struct ledger_tx *tx, struct order *order, struct post *post, struct err *err)
{
    struct view view;
    uint64_t to;
    view_init(&view, ledger_txn(tx), order->delivery->options.journal);
    CHECK(last_before(&view, order->since_ms, &to, err));
    int64_t floor = post->subscribed && post->start > 0 ? post->start - 1 : post->start;
    int64_t cursor = (int64_t)to < floor ? floor : (int64_t)to;
    if (cursor < post->cursor)
        post->cursor = cursor;
    int64_t listed = post->cursor > post->start ? post->cursor : post->start;
    if (listed < post->list_from)
        post->list_from = listed;
    land(post);
    at_once(post, ledger_now(tx));
    order->cursor = (uint64_t)post->cursor;
    order->done = true;
    return true;
}

static bool acknowledge(struct ledger_tx *tx, struct order *order, struct post *post, struct err *err)
{
    struct view view;
    view_init(&view, ledger_txn(tx), order->delivery->options.journal);
    uint64_t newest = order_newest(&view, order->partner, post);
    if (order->n > newest && order->n > (uint64_t)post->cursor)
        return err_set(err, ERR_MAILBOX_FUTURE, "/upto", "%llu is the newest", (unsigned long long)newest);
    if (order->n > (uint64_t)post->cursor)
        post->cursor = (int64_t)order->n;
    bool passed = post->flying != 0 && (uint64_t)post->flying <= order->n;
    if (passed) {
        land(post);
        at_once(post, ledger_now(tx));
    }
    order->cursor = (uint64_t)post->cursor;
    order->done = true;
    return true;
}

/* ---- the job ---- */

static bool pause(struct ledger_tx *tx, struct order *order, struct post *post)
{
    post->paused = order->act == ACT_PAUSE;
    if (order->act == ACT_RESUME && post->state == QUEUE_STOPPED)
        land(post);
    if (order->act == ACT_RESUME)
        at_once(post, ledger_now(tx));
    order->done = true;
    return true;
}

static bool do_act(struct ledger_tx *tx, struct order *order, struct post *post, struct err *err)
{
    switch (order->act) {
    case ACT_RESEND:
    case ACT_SKIP:
        return resend(tx, order, post, err);
    case ACT_RECOVER:
        return go_back(tx, order, post, err);
    case ACT_ACK:
        return acknowledge(tx, order, post, err);
    default:
        return pause(tx, order, post);
    }
}

static bool order_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct order *order = arg;
    struct post post;
    order->done = false;
    CHECK(post_read(ledger_txn(tx), order->partner, &post, err));
    CHECK(do_act(tx, order, &post, err));
    if (order->done)
        post_put(ledger_txn(tx), order->partner, &post);
    return !store_failed(ledger_txn(tx), err);
}

/* A resumed uncertain message is asked about at once, not sent. */
static bool carry_out(struct order *order, struct err *err)
{
    struct delivery *delivery = order->delivery;
    pthread_mutex_lock(&delivery->lock);
    struct queue *queue = queue_find(delivery, order->partner);
    pthread_mutex_unlock(&delivery->lock);
    if (queue == NULL)
        return err_set(err, ERR_PARTNER_UNKNOWN, NULL, "%.64s", order->partner);
    CHECK(ledger_run(delivery->options.ledger, order_job, order, err));
    pthread_mutex_lock(&delivery->lock);
    if (order->done)
        queue_reload(queue);
    queue_count_troubles(delivery);
    pthread_mutex_unlock(&delivery->lock);
    return true;
}

bool delivery_pause(struct delivery *delivery, const char *partner, bool paused, const struct actor *person,
                    struct err *err)
{
    struct order order = {.delivery = delivery, .partner = partner, .act = paused ? ACT_PAUSE : ACT_RESUME};
    CHECK(carry_out(&order, err));
    log_event(LOG_NOTICE, paused ? "delivery.pause" : "delivery.resume", "partner=%s by=%s", partner, person->id);
    return true;
}

bool delivery_recover(struct delivery *delivery, const char *partner, int64_t since_ms, const struct actor *person,
                      uint64_t *cursor_out, struct err *err)
{
    struct order order = {.delivery = delivery, .partner = partner, .act = ACT_RECOVER, .since_ms = since_ms};
    CHECK(carry_out(&order, err));
    *cursor_out = order.cursor;
    log_event(LOG_NOTICE, "delivery.recover", "partner=%s cursor=%" PRIu64 " by=%s", partner, order.cursor, person->id);
    return true;
}

bool delivery_ack(struct delivery *delivery, const char *partner, uint64_t upto, uint64_t *cursor_out, struct err *err)
{
    struct order order = {.delivery = delivery, .partner = partner, .act = ACT_ACK, .n = upto};
    CHECK(carry_out(&order, err));
    *cursor_out = order.cursor;
    return true;
}

/* ---- by its id ---- */

/* Ids end in the number: wc-<first>-<last>, r-<seq>, f-<seq>. */
static uint64_t number_of(const char *id)
{
    const char *dash = strrchr(id, '-');
    if (dash == NULL || dash[1] == '\0' || strspn(dash + 1, "0123456789") != strlen(dash + 1) || strlen(dash) > 20)
        return 0;
    return strtoull(dash + 1, NULL, 10);
}

/* Whether the partner has a message of that id. */
static bool has(struct delivery *delivery, const char *partner, const char *id, bool *has_out, struct err *err)
{
    char seen[PARCEL_ID_SIZE];
    struct letter letter;
    struct view view;
    struct post post;
    struct err none = {0};
    struct store_txn *txn = store_read(delivery->options.store, err);
    *has_out = false;
    if (txn == NULL)
        return false;
    view_init(&view, txn, delivery->options.journal);
    if (post_read(txn, partner, &post, &none) && order_at(&view, partner, &post, number_of(id), &letter, &none)) {
        letter_id(&letter, seen);
        *has_out = strcmp(seen, id) == 0;
    }
    store_read_end(&txn);
    return true;
}

static bool resend_to(struct delivery *delivery, const char *id, const char *partner, bool skip, bool *known_out,
                      size_t *n_out, struct err *err)
{
    struct order order = {
        .delivery = delivery, .partner = partner, .act = skip ? ACT_SKIP : ACT_RESEND, .n = number_of(id)};
    bool known;
    CHECK(has(delivery, partner, id, &known, err));
    if (!known)
        return true;
    *known_out = true;
    CHECK(carry_out(&order, err));
    *n_out += order.done;
    return true;
}

bool delivery_resend(struct delivery *delivery, const char *id, const char *partner, bool skip,
                     const struct actor *person, size_t *n_out, struct err *err)
{
    bool known = false;
    *n_out = 0;
    pthread_mutex_lock(&delivery->lock);
    size_t n = delivery->queue_n;
    struct queue **queues = xcalloc(n + 1, sizeof *queues);
    memcpy(queues, delivery->queues, n * sizeof *queues);
    pthread_mutex_unlock(&delivery->lock);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        if (partner == NULL || strcmp(queues[i]->id, partner) == 0)
            ok = resend_to(delivery, id, queues[i]->id, skip, &known, n_out, err);
    }
    free(queues);
    CHECK(ok);
    if (!known)
        return err_set(err, ERR_MESSAGE_UNKNOWN, NULL, "%.64s", id);
    if (*n_out == 0)
        return err_set(err, ERR_DELIVERY_STATE, NULL, "%.64s", id);
    log_event(LOG_NOTICE, skip ? "delivery.skip" : "delivery.resend", "message=%.64s partners=%zu by=%s", id, *n_out,
              person->id);
    return true;
}
