/* Mailbox: a partner fetches what waits for it, the same bytes that would be carried to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/internal.h"

/* One answer: its letters, and the parcels that had to be made for it. */
struct page {
    struct delivery *delivery;
    struct in_force *held;
    const struct partner *partner;
    struct arena *arena;
    char style[STYLE_SIZE];
    struct letter letters[DELIVERY_PAGE_MAX];
    size_t n, bytes, bytes_max;
    struct {
        struct store_key key;
        struct bytes value;
    } made[DELIVERY_PAGE_MAX];
    size_t made_n;
};

/* ---- which, and whether they are there ---- */

static bool make(struct page *page, const struct view *view, const struct letter *letter, const struct store_key *key,
                 size_t *bytes_out, struct err *err)
{
    const struct writer writer = {view, page->held, page->delivery->gateway, page->partner, page->arena};
    struct buf out;
    buf_init(&out, PARCEL_MAX + STYLE_SIZE + JWS_HEADER_MAX);
    bool ok = parcel_make(&writer, letter, &out, err);
    if (ok) {
        page->made[page->made_n].key = *key;
        page->made[page->made_n++].value = bytes_dup(page->arena, buf_bytes(&out));
        *bytes_out = out.n;
    }
    buf_free(&out);
    return ok;
}

/* *full_out: it no longer fits, so it is the next page's. */
static bool add_letter(struct page *page, const struct view *view, const struct letter *letter, bool *full_out,
                       struct err *err)
{
    struct store_key key = parcel_key(page->partner->id, letter, page->style);
    struct parcel parcel;
    size_t bytes = 0, made = page->made_n;
    if (parcel_read(view->txn, &key, &parcel))
        bytes = parcel.body.n;
    else
        CHECK(make(page, view, letter, &key, &bytes, err));
    *full_out = page->n > 0 && page->bytes + bytes > page->bytes_max;
    if (*full_out) {
        page->made_n = made;
        return true;
    }
    page->bytes += bytes;
    page->letters[page->n++] = *letter;
    return true;
}

static bool gather(struct page *page, uint64_t after, struct err *err)
{
    struct store_txn *txn = store_read(page->delivery->options.store, err);
    struct letter letter = {.n = after};
    struct view view;
    struct post post;
    bool full = false;
    if (txn == NULL)
        return false;
    bool ok = post_read(txn, page->partner->id, &post, err);
    view_init(&view, txn, page->delivery->options.journal);
    while (ok && !full && page->n < DELIVERY_PAGE_MAX) {
        ok = order_next(&view, page->partner->id, &post, letter.n, &letter, err);
        if (ok && letter.n == 0)
            break;
        ok = ok && add_letter(page, &view, &letter, &full, err);
    }
    store_read_end(&txn);
    return ok;
}

/* ---- kept before they are given ---- */

static bool keep_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct page *page = arg;
    for (size_t i = 0; i < page->made_n; i++)
        parcel_put(ledger_txn(tx), &page->made[i].key, page->made[i].value);
    return !store_failed(ledger_txn(tx), err);
}

static bool give(struct page *page, delivery_item_fn *each, void *arg, uint64_t *last_out, struct err *err)
{
    struct store_txn *txn = store_read(page->delivery->options.store, err);
    bool ok = txn != NULL;
    for (size_t i = 0; ok && i < page->n; i++) {
        struct store_key key = parcel_key(page->partner->id, &page->letters[i], page->style);
        struct parcel parcel;
        ok = parcel_read(txn, &key, &parcel) || err_set(err, ERR_STORE_CORRUPT, "parcel", "%s", page->partner->id);
        if (!ok)
            break;
        const struct delivery_item item = {page->letters[i].n, parcel.id, parcel.media_type, parcel.signature,
                                           parcel.body};
        each(arg, &item);
        *last_out = item.n;
    }
    store_read_end(&txn);
    return ok;
}

static bool fill(struct page *page, uint64_t after, delivery_item_fn *each, void *arg, uint64_t *last_out,
                 struct err *err)
{
    CHECK(gather(page, after, err));
    if (page->made_n > 0)
        CHECK(ledger_run(page->delivery->options.ledger, keep_job, page, err));
    return give(page, each, arg, last_out, err);
}

bool delivery_mailbox(struct delivery *delivery, const char *partner, uint64_t after, size_t bytes_max,
                      delivery_item_fn *each, void *arg, uint64_t *last_out, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct page *page = arena_alloc(arena, sizeof *page);
    page->delivery = delivery;
    page->arena = arena;
    page->bytes_max = bytes_max;
    *last_out = after;
    pthread_mutex_lock(&delivery->lock);
    page->held = in_force_take(delivery);
    pthread_mutex_unlock(&delivery->lock);
    page->partner = page->held == NULL ? NULL : directory_find(page->held->force.directory, partner);
    bool ok = page->partner != NULL || err_set(err, ERR_PARTNER_UNKNOWN, NULL, "%.64s", partner);
    if (ok) {
        parcel_style(page->partner, page->style);
        ok = fill(page, after, each, arg, last_out, err);
    }
    in_force_drop(&page->held);
    return ok;
}

/* ---- waiting ---- */

bool delivery_wait(struct delivery *delivery, const char *partner, uint64_t after, int64_t wait_ms, delivery_told *told,
                   void *arg, struct err *err)
{
    pthread_mutex_lock(&delivery->lock);
    struct queue *queue = queue_find(delivery, partner);
    bool ok = queue != NULL && delivery->started && !delivery->stopping;
    if (ok) {
        struct waiter *waiter = xcalloc(1, sizeof *waiter);
        *waiter = (struct waiter){queue->waiters, after, clock_mono_ms() + wait_ms, told, arg};
        queue->waiters = waiter;
        queue->waited_round = 0;
        delivery->waiter_n++;
        queue_wake(delivery);
    }
    pthread_mutex_unlock(&delivery->lock);
    return ok || err_set(err, ERR_STOPPING, "mailbox", "nobody is told any more");
}

/* ---- an echo ---- */

struct trial {
    struct delivery *delivery;
    struct queue *queue;
    struct in_force *held;
    delivery_tried *done;
    void *arg;
    int64_t began_ms;
};

static void tried(void *arg, const struct host_outcome *outcome)
{
    struct trial *trial = arg;
    struct delivery *delivery = trial->delivery;
    const struct partner *partner = directory_find(trial->held->force.directory, trial->queue->id);
    struct answer answer;
    struct err err = {0};
    answer_take(&answer, outcome);
    (void)judge_echo(trial->held, partner, delivery->gateway, &answer, &err);
    answer_clear(&answer);
    pthread_mutex_lock(&delivery->lock);
    trial->queue->trials--;
    delivery->flying--;
    queue_wake(delivery);
    pthread_mutex_unlock(&delivery->lock);
    trial->done(trial->arg, &err, clock_mono_ms() - trial->began_ms);
    in_force_drop(&trial->held);
    free(trial);
}

static void write_echo(const struct delivery *delivery, const char *partner, char id_out[PARCEL_ID_SIZE],
                       struct buf *out)
{
    struct json_out json;
    uint8_t random[12];
    char hex[25];
    crypto_random(random, sizeof random);
    (void)snprintf(id_out, PARCEL_ID_SIZE, "echo-%s", hex_encode(random, sizeof random, hex));
    const struct message_envelope envelope = {
        .id = id_out, .kind = "echo", .sender = delivery->gateway, .receiver = partner, .created_ms = clock_wall_ms()};
    json_out_init(&json, out);
    json_begin_object(&json);
    message_put_envelope(&json, &envelope);
    json_key(&json, "body");
    json_begin_object(&json);
    json_add_string(&json, "text", "partner test");
    json_end_object(&json);
    json_end_object(&json);
}

static bool send_echo(struct trial *trial, const struct partner *partner, struct err *err)
{
    struct delivery *delivery = trial->delivery;
    char id[PARCEL_ID_SIZE];
    struct buf json, body, signature;
    struct host_job *job;
    buf_init(&json, ROW_MAX);
    buf_init(&body, MESSAGE_MAX);
    buf_init(&signature, JWS_HEADER_MAX);
    write_echo(delivery, partner->id, id, &json);
    bool ok = parcel_seal(trial->held, partner, buf_bytes(&json), &body, &signature, err);
    const struct host_send send = {
        .message_id = id,
        .media_type = partner->channel.xml ? "application/xml" : "application/json",
        .message = buf_bytes(&body),
        .signature = signature.n > 0 ? (const char *)signature.p : NULL,
        .deadline_ms = trial->queue->deadline_ms,
    };
    pthread_mutex_lock(&delivery->lock);
    ok = ok && host_send_start(delivery->options.host, trial->queue->instance, &send, tried, trial, &job, err);
    trial->queue->trials += ok;
    delivery->flying += ok;
    pthread_mutex_unlock(&delivery->lock);
    buf_free(&json);
    buf_free(&body);
    buf_free(&signature);
    return ok;
}

bool delivery_try(struct delivery *delivery, const char *partner, delivery_tried *done, void *arg, struct err *err)
{
    struct trial *trial = xcalloc(1, sizeof *trial);
    const struct partner *known = NULL;
    *trial = (struct trial){.delivery = delivery, .done = done, .arg = arg, .began_ms = clock_mono_ms()};
    pthread_mutex_lock(&delivery->lock);
    trial->queue = queue_find(delivery, partner);
    trial->held = in_force_take(delivery);
    bool channel = trial->queue != NULL && trial->queue->instance != NULL && !delivery->stopping;
    pthread_mutex_unlock(&delivery->lock);
    if (channel)
        known = directory_find(trial->held->force.directory, partner);
    bool ok = known != NULL || err_set(err, ERR_DELIVERY_CHANNEL, partner, "it has a mailbox only");
    if (ok && send_echo(trial, known, err))
        return true;
    in_force_drop(&trial->held);
    free(trial);
    return false;
}
