/* The engine: one thread that wakes on commits, on answers and by time, cuts changes, moves every queue on by one step
 * and tells who waits for a mailbox. It never waits for a partner or for a commit: both call back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "delivery/internal.h"

#define LOOK_MS 1000 /* wall time may jump */
#define SPACING_MS 1 /* between two looks */
#define NEWS_MS 10   /* between two looks for what was committed */
#define KEY_MS 60000 /* after a signing key has ended */
#define HOLD_MS 1000 /* after the ledger had no room */
#define BUSY_MS 200  /* after the host had none */

void engine_want(struct delivery *delivery, int64_t mono_ms)
{
    if (mono_ms < delivery->awake_mono_ms)
        delivery->awake_mono_ms = mono_ms;
}

void queue_wake(struct delivery *delivery)
{
    delivery->dirty = true;
    pthread_cond_broadcast(&delivery->wake);
}

void engine_news(void *arg, const struct ledger_news *news)
{
    struct delivery *delivery = arg;
    (void)news;
    pthread_mutex_lock(&delivery->lock);
    delivery->round++;
    pthread_cond_broadcast(&delivery->wake);
    pthread_mutex_unlock(&delivery->lock);
}

/* Many commits a second are looked at together. */
static uint64_t round_now(struct delivery *delivery, int64_t mono_ms)
{
    if (delivery->round != delivery->round_seen && mono_ms - delivery->round_mono_ms < NEWS_MS) {
        engine_want(delivery, delivery->round_mono_ms + NEWS_MS);
    } else {
        delivery->round_mono_ms = delivery->round_seen == delivery->round ? delivery->round_mono_ms : mono_ms;
        delivery->round_seen = delivery->round;
    }
    return delivery->round_seen;
}

/* ---- cutting ---- */

static void cut_done(void *arg, const struct err *err)
{
    struct delivery *delivery = arg;
    pthread_mutex_lock(&delivery->lock);
    delivery->cutting = false;
    if (err->code != ERR_NONE)
        delivery->cut_hold_mono_ms = clock_mono_ms() + HOLD_MS;
    delivery->round++;
    queue_wake(delivery);
    pthread_mutex_unlock(&delivery->lock);
    if (err->code != ERR_NONE)
        log_err(LOG_WARN, "delivery.cut", err);
}

static void start_cut(struct pass *pass)
{
    struct delivery *delivery = pass->delivery;
    struct err err = {0};
    if (delivery->cutting || delivery->stopping || delivery->cut_hold_mono_ms > pass->mono_ms || !cut_due(pass->txn))
        return;
    delivery->cutting = ledger_submit(delivery->options.ledger, cut_job, cut_done, delivery, &err);
    if (!delivery->cutting)
        delivery->cut_hold_mono_ms = pass->mono_ms + HOLD_MS;
}

/* ---- who waits for a mailbox ---- */

static struct waiter *take_told(struct delivery *delivery, struct queue *queue, uint64_t newest, int64_t now,
                                struct waiter *told)
{
    for (struct waiter **at = &queue->waiters; *at != NULL;) {
        struct waiter *waiter = *at;
        if (newest <= waiter->after && waiter->until_mono_ms > now && !delivery->stopping) {
            engine_want(delivery, waiter->until_mono_ms);
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        waiter->next = told;
        told = waiter;
        delivery->waiter_n--;
    }
    return told;
}

static void tell_waiters(struct pass *pass)
{
    struct delivery *delivery = pass->delivery;
    struct waiter *told = NULL;
    for (size_t i = 0; i < delivery->queue_n; i++) {
        struct queue *queue = delivery->queues[i];
        if (queue->waiters == NULL)
            continue;
        bool looked = queue->waited_round == pass->round || pass->txn == NULL;
        uint64_t newest = looked ? 0 : order_newest(&pass->view, queue->id, &queue->post);
        queue->waited_round = pass->round;
        told = take_told(delivery, queue, newest, pass->mono_ms, told);
    }
    metric_set(METRIC_MAILBOX_WAITERS, (int64_t)delivery->waiter_n);
    pthread_mutex_unlock(&delivery->lock);
    while (told != NULL) {
        struct waiter *waiter = told;
        told = waiter->next;
        waiter->told(waiter->arg);
        free(waiter);
    }
    pthread_mutex_lock(&delivery->lock);
}

/* ---- the loop ---- */

static void pass_begin(struct pass *pass, struct delivery *delivery)
{
    struct err err = {0};
    *pass = (struct pass){.delivery = delivery, .wall_ms = clock_wall_ms(), .mono_ms = clock_mono_ms()};
    pass->held = in_force_take(delivery);
    pass->round = round_now(delivery, pass->mono_ms);
    pass->txn = store_read(delivery->options.store, &err);
    if (pass->txn != NULL)
        view_init(&pass->view, pass->txn, delivery->options.journal);
    else
        log_err(LOG_WARN, "delivery.read", &err);
}

static void pass_end(struct pass *pass)
{
    store_read_end(&pass->txn);
    in_force_drop(&pass->held);
}

static void look_around(struct delivery *delivery)
{
    struct pass pass;
    pass_begin(&pass, delivery);
    if (pass.txn != NULL) {
        start_cut(&pass);
        for (size_t i = 0; i < delivery->queue_n; i++)
            queue_step(&pass, delivery->queues[(delivery->turn + i) % delivery->queue_n]);
        delivery->turn++;
    }
    tell_waiters(&pass);
    pass_end(&pass);
}

static struct timespec at_mono(int64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

static int64_t wake_at(const struct delivery *delivery)
{
    int64_t news = delivery->round_mono_ms + NEWS_MS;
    return delivery->round != delivery->round_seen && news < delivery->awake_mono_ms ? news : delivery->awake_mono_ms;
}

static void sleep_a_while(struct delivery *delivery)
{
    while (!delivery->dirty && !delivery->ended && clock_mono_ms() < wake_at(delivery)) {
        struct timespec at = at_mono(wake_at(delivery));
        (void)pthread_cond_timedwait(&delivery->wake, &delivery->lock, &at);
    }
}

static void rest(struct delivery *delivery, int64_t began_mono_ms)
{
    struct timespec a_little = {.tv_nsec = SPACING_MS * 1000000L};
    sleep_a_while(delivery);
    if (clock_mono_ms() - began_mono_ms >= SPACING_MS || delivery->ended)
        return;
    pthread_mutex_unlock(&delivery->lock);
    nanosleep(&a_little, NULL);
    pthread_mutex_lock(&delivery->lock);
}

void *engine_main(void *arg)
{
    struct delivery *delivery = arg;
    pthread_mutex_lock(&delivery->lock);
    while (!delivery->ended) {
        int64_t began = clock_mono_ms();
        delivery->dirty = false;
        delivery->awake_mono_ms = began + LOOK_MS;
        look_around(delivery);
        rest(delivery, began);
    }
    pthread_mutex_unlock(&delivery->lock);
    return NULL;
}
