/* Delivery: its life, what is in force, and a queue for each partner. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "delivery/internal.h"

#define STOP_MS 2000   /* messages under way may end */
#define CANCEL_MS 1000 /* after they were cut off */

/* ---- what is in force ---- */

struct in_force *in_force_take(struct delivery *delivery)
{
    if (delivery->held != NULL)
        atomic_fetch_add(&delivery->held->refs, 1);
    return delivery->held;
}

void in_force_drop(struct in_force **held)
{
    struct in_force *gone = *held;
    *held = NULL;
    if (gone == NULL || atomic_fetch_sub(&gone->refs, 1) != 1)
        return;
    directory_free(&gone->force.directory);
    crypto_keyring_free(&gone->force.ring);
    free(gone);
}

static struct in_force *in_force_new(const struct delivery_force *force)
{
    struct in_force *held = xcalloc(1, sizeof *held);
    atomic_store(&held->refs, 1);
    held->force = *force;
    held->force.directory = directory_ref(force->directory);
    held->force.ring = crypto_keyring_ref(force->ring);
    return held;
}

/* ---- life ---- */

struct delivery *delivery_new(const struct delivery_options *options)
{
    struct delivery *delivery = xcalloc(1, sizeof *delivery);
    pthread_condattr_t mono;
    delivery->options = *options;
    delivery->gateway = xstrdup(options->gateway);
    delivery->round = 1;
    pthread_mutex_init(&delivery->lock, NULL);
    pthread_mutex_init(&delivery->set_lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&delivery->wake, &mono);
    pthread_condattr_destroy(&mono);
    ledger_on_commit(options->ledger, engine_news, delivery);
    return delivery;
}

static void queue_free(struct queue *queue)
{
    answer_clear(&queue->answer);
    buf_free(&queue->parcel);
    free(queue);
}

void delivery_free(struct delivery **delivery)
{
    struct delivery *d = *delivery;
    if (d == NULL)
        return;
    *delivery = NULL;
    delivery_stop(d);
    for (size_t i = 0; i < d->queue_n; i++)
        queue_free(d->queues[i]);
    free(d->queues);
    in_force_drop(&d->held);
    pthread_mutex_destroy(&d->lock);
    pthread_mutex_destroy(&d->set_lock);
    pthread_cond_destroy(&d->wake);
    free(d->gateway);
    free(d);
}

/* ---- queues ---- */

static int compare(const void *a, const void *b)
{
    return strcmp((*(struct queue *const *)a)->id, (*(struct queue *const *)b)->id);
}

struct queue *queue_find(struct delivery *delivery, const char *partner)
{
    struct queue wanted, *key = &wanted, **found;
    if (delivery->queue_n == 0 || strlen(partner) >= sizeof wanted.id)
        return NULL;
    snprintf(wanted.id, sizeof wanted.id, "%s", partner);
    found = bsearch(&key, delivery->queues, delivery->queue_n, sizeof(struct queue *), compare);
    return found == NULL ? NULL : *found;
}

/* With the lock held. */
static struct queue *queue_add(struct delivery *delivery, const char *partner)
{
    struct queue *queue = xcalloc(1, sizeof *queue);
    queue->delivery = delivery;
    snprintf(queue->id, sizeof queue->id, "%s", partner);
    delivery->queues = xrealloc(delivery->queues, (delivery->queue_n + 1) * sizeof(struct queue *));
    delivery->queues[delivery->queue_n++] = queue;
    qsort(delivery->queues, delivery->queue_n, sizeof(struct queue *), compare);
    return queue;
}

bool queue_post(struct delivery *delivery, const char *partner, struct post *out, struct err *err)
{
    struct store_txn *txn = store_read(delivery->options.store, err);
    bool ok = txn != NULL && post_read(txn, partner, out, err);
    store_read_end(&txn);
    return ok;
}

void queue_reload(struct queue *queue)
{
    struct err err = {0};
    struct post post;
    if (queue_post(queue->delivery, queue->id, &post, &err))
        queue->post = post;
    else
        log_err(LOG_WARN, "delivery.post", &err);
    queue->looked_round = queue->waited_round = 0;
    queue->counted_to = queue->counted = 0;
    queue_wake(queue->delivery);
}

void queue_count_troubles(struct delivery *delivery)
{
    size_t stopped = 0, unreachable = 0;
    for (size_t i = 0; i < delivery->queue_n; i++) {
        stopped += delivery->queues[i]->known && delivery->queues[i]->post.state == QUEUE_STOPPED;
        unreachable += delivery->queues[i]->known && (delivery->queues[i]->post.state == QUEUE_UNREACHABLE ||
                                                      delivery->queues[i]->post.state == QUEUE_UNCERTAIN);
    }
    metric_set(METRIC_DELIVERY_STOPPED, (int64_t)stopped);
    metric_set(METRIC_DELIVERY_UNREACHABLE, (int64_t)unreachable);
}

bool queue_lists(const struct catalog *catalog, const struct partner *partner)
{
    static const char kind[] = "whitelist.change";
    struct err err = {0};
    for (size_t i = 0; partner->receives != NULL && partner->receives[i] != NULL; i++) {
        if (strcmp(partner->receives[i], kind) == 0)
            return true;
    }
    const struct message_kind *known = catalog_find(catalog, kind, 1, &err);
    return partner->receives == NULL && known != NULL && role_among(partner->roles, known->roles);
}

/* ---- adapters ---- */

static void channel_digest(const struct partner_channel *channel, char out[65])
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    settings_digest(channel->adapter, channel->settings, channel->setting_n, digest);
    (void)hex_encode(digest, sizeof digest, out);
}

static bool open_channel(struct delivery *delivery, const struct partner_channel *channel, struct host_instance **out,
                         struct err *err)
{
    struct host_setting *settings = xcalloc(channel->setting_n + 1, sizeof *settings);
    for (size_t i = 0; i < channel->setting_n; i++)
        settings[i] = (struct host_setting){channel->settings[i].name, channel->settings[i].value};
    bool ok =
        host_open(delivery->options.host, channel->adapter, settings, channel->setting_n, channel->place, out, err);
    free(settings);
    if (!ok || host_sends(*out))
        return ok;
    host_close(out);
    return err_set(err, ERR_DELIVERY_CHANNEL, channel->place, "the adapter %.64s carries no messages",
                   channel->adapter);
}

/* With the lock held. What was waiting to be used is never used. */
static struct host_instance *put_fresh(struct queue *queue, struct host_instance *fresh, const char *digest)
{
    struct host_instance *unused = queue->fresh;
    queue->fresh = fresh;
    queue->renew = true;
    snprintf(queue->digest, sizeof queue->digest, "%s", digest);
    return unused;
}

/* The same settings keep their instance. */
static bool set_channel(struct delivery *delivery, const struct partner *partner, struct err *err)
{
    struct host_instance *fresh = NULL, *unused = NULL;
    char digest[65] = "";
    pthread_mutex_lock(&delivery->lock);
    struct queue *queue = queue_find(delivery, partner->id);
    pthread_mutex_unlock(&delivery->lock);
    if (partner->channel.adapter != NULL)
        channel_digest(&partner->channel, digest);
    if (strcmp(digest, queue->digest) == 0)
        return true;
    if (partner->channel.adapter != NULL)
        CHECK(open_channel(delivery, &partner->channel, &fresh, err));
    pthread_mutex_lock(&delivery->lock);
    unused = put_fresh(queue, fresh, digest);
    queue_wake(delivery);
    pthread_mutex_unlock(&delivery->lock);
    host_close(&unused);
    return true;
}

/* ---- taking what is in force ---- */

/* With the lock held. */
static void set_queue(struct delivery *delivery, const struct catalog *catalog, const struct partner *partner)
{
    struct queue *queue = queue_find(delivery, partner->id);
    if (queue == NULL)
        queue = queue_add(delivery, partner->id);
    queue->known = true;
    queue->closed = partner->paused;
    queue->lists = queue_lists(catalog, partner);
    queue->give_up_ms = partner->channel.give_up_ms;
    queue->deadline_ms = partner->channel.deadline_ms;
    queue->skip_refused = partner->channel.skip_refused;
}

static void set_queues(struct delivery *delivery, const struct delivery_force *force)
{
    struct in_force *fresh = in_force_new(force), *old;
    pthread_mutex_lock(&delivery->lock);
    for (size_t i = 0; i < delivery->queue_n; i++)
        delivery->queues[i]->known = false;
    for (size_t i = 0; i < directory_partners(force->directory); i++) {
        const struct partner *partner = directory_partner(force->directory, i);
        if (!partner->person)
            set_queue(delivery, force->catalog, partner);
    }
    old = delivery->held;
    delivery->held = fresh;
    delivery->round++;
    queue_wake(delivery);
    pthread_mutex_unlock(&delivery->lock);
    in_force_drop(&old);
}

/* ---- partners seen for the first time, and those whose file says something else about the list ---- */

struct arrival {
    struct delivery *delivery;
    const char *id;
    bool lists;
};

/* It begins with the snapshot, from what is in the journal now. */
static void arrive(const struct view *view, const char *partner, bool lists, struct post *post, int64_t now)
{
    uint64_t head = journal_size(view->journal, view->txn);
    uint64_t n = lists ? order_free(view, partner, 0, head) : head;
    *post =
        (struct post){.cursor = (int64_t)(lists && n > 0 ? n - 1 : n), .start = (int64_t)n, .list_from = (int64_t)n};
    post->subscribed = lists;
    if (lists && n > 0)
        (void)post_restart(view, partner, post, now);
    post_enter(post, QUEUE_OK, now);
}

static bool arrival_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct arrival *arrival = arg;
    struct view view;
    struct post post;
    CHECK(post_read(ledger_txn(tx), arrival->id, &post, err));
    view_init(&view, ledger_txn(tx), arrival->delivery->options.journal);
    if (!post.seen)
        arrive(&view, arrival->id, arrival->lists, &post, ledger_now(tx));
    else if (arrival->lists && !post.subscribed)
        post.relist = !post_restart(&view, arrival->id, &post, ledger_now(tx));
    post.subscribed = arrival->lists;
    post_put(ledger_txn(tx), arrival->id, &post);
    return !store_failed(ledger_txn(tx), err);
}

static bool note_queue(struct delivery *delivery, struct queue *queue, struct err *err)
{
    struct arrival arrival = {.delivery = delivery, .id = queue->id};
    struct post post;
    pthread_mutex_lock(&delivery->lock);
    bool known = queue->known;
    arrival.lists = queue->lists;
    pthread_mutex_unlock(&delivery->lock);
    CHECK(queue_post(delivery, queue->id, &post, err));
    if (known && (!post.seen || (bool)post.subscribed != arrival.lists))
        CHECK(ledger_run(delivery->options.ledger, arrival_job, &arrival, err));
    pthread_mutex_lock(&delivery->lock);
    queue_reload(queue);
    pthread_mutex_unlock(&delivery->lock);
    return true;
}

/* Queues are only ever added, and only by who holds the set lock. */
static bool note_queues(struct delivery *delivery, struct err *err)
{
    for (size_t i = 0; i < delivery->queue_n; i++)
        CHECK(note_queue(delivery, delivery->queues[i], err));
    pthread_mutex_lock(&delivery->lock);
    queue_count_troubles(delivery);
    pthread_mutex_unlock(&delivery->lock);
    return true;
}

static bool set_channels(struct delivery *delivery, const struct delivery_force *force, struct config_faults *faults)
{
    bool ok = true;
    for (size_t i = 0; i < directory_partners(force->directory); i++) {
        const struct partner *partner = directory_partner(force->directory, i);
        struct err err = {0};
        if (partner->person || set_channel(delivery, partner, &err))
            continue;
        config_fault(faults, &err);
        ok = false;
    }
    return ok;
}

bool delivery_set(struct delivery *delivery, const struct delivery_force *force, struct config_faults *faults)
{
    struct err err = {0};
    pthread_mutex_lock(&delivery->set_lock);
    set_queues(delivery, force);
    bool ok = set_channels(delivery, force, faults);
    if (delivery->started && !note_queues(delivery, &err)) {
        config_fault(faults, &err);
        ok = false;
    }
    pthread_mutex_unlock(&delivery->set_lock);
    return ok;
}

/* ---- start and stop ---- */

bool delivery_start(struct delivery *delivery, struct err *err)
{
    CHECK(ledger_run(delivery->options.ledger, cut_begin_job, NULL, err));
    pthread_mutex_lock(&delivery->set_lock);
    bool ok = note_queues(delivery, err);
    pthread_mutex_unlock(&delivery->set_lock);
    CHECK(ok);
    int rc = pthread_create(&delivery->thread, NULL, engine_main, delivery);
    delivery->started = rc == 0;
    return rc == 0 || err_set(err, ERR_INTERNAL, "delivery", "thread: %s", strerror(rc));
}

static bool any_busy(const struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->queue_n; i++) {
        if (delivery->queues[i]->phase != PHASE_IDLE && delivery->queues[i]->phase != PHASE_CLAIMED)
            return true;
    }
    return delivery->waiter_n > 0;
}

/* With the lock held. */
static void wait_idle(struct delivery *delivery, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    struct timespec at = {.tv_sec = (time_t)(until / 1000), .tv_nsec = (long)(until % 1000) * 1000000};
    while (any_busy(delivery) && clock_mono_ms() < until)
        (void)pthread_cond_timedwait(&delivery->wake, &delivery->lock, &at);
}

static void cancel_all(struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->queue_n; i++) {
        if (delivery->queues[i]->job != NULL)
            host_cancel(delivery->queues[i]->job);
    }
}

/* One whose job would not end is left to the host. */
static void close_all(struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->queue_n; i++) {
        struct queue *queue = delivery->queues[i];
        if (queue->phase != PHASE_SENDING && queue->trials == 0)
            host_close(&queue->instance);
        host_close(&queue->fresh);
    }
}

void delivery_stop(struct delivery *delivery)
{
    pthread_mutex_lock(&delivery->lock);
    bool running = delivery->started && !delivery->ended;
    delivery->stopping = true;
    queue_wake(delivery);
    if (running) {
        wait_idle(delivery, STOP_MS);
        cancel_all(delivery);
        wait_idle(delivery, CANCEL_MS);
    }
    delivery->ended = true;
    queue_wake(delivery);
    pthread_mutex_unlock(&delivery->lock);
    if (running)
        pthread_join(delivery->thread, NULL);
    close_all(delivery);
}
