/* Send: one queue moved on by one step. Its phases: idle, claiming, claimed, sending, answered, settling, and idle
 * again. Only the engine's thread moves a queue out of idle, claimed and answered; the other phases end in a callback.
 */
#include <stdlib.h>
#include <string.h>

#include "delivery/internal.h"

#define HOLD_MS 1000 /* after the ledger had no room */
#define BUSY_MS 200  /* after the host had none */
#define KEY_MS 60000 /* after a signing key has ended */
#define TOLD_MS 60000 /* between two complaints of one kind */

static void hold(struct queue *queue, int64_t ms)
{
    queue->hold_mono_ms = clock_mono_ms() + ms;
    engine_want(queue->delivery, queue->hold_mono_ms);
}

/* A full disk fails every queue each second: it is told once a minute. */
static void hold_after(struct queue *queue, const struct err *err)
{
    struct delivery *delivery = queue->delivery;
    int64_t now = clock_mono_ms();
    hold(queue, HOLD_MS);
    if (err->code == delivery->told_code && now - delivery->told_mono_ms < TOLD_MS)
        return;
    delivery->told_code = err->code;
    delivery->told_mono_ms = now;
    log_err(LOG_WARN, "delivery.held", err);
}

/* ---- what a step of the ledger came to ---- */

static struct step *step_new(struct queue *queue)
{
    struct step *step = xcalloc(1, sizeof *step);
    step->queue = queue;
    step->delivery = queue->delivery;
    memcpy(step->id, queue->id, sizeof step->id);
    step->letter = queue->letter;
    step->again = queue->again;
    step->asks = queue->asks;
    memcpy(step->style, queue->style, sizeof step->style);
    return step;
}

static void claim_done(void *arg, const struct err *err)
{
    struct step *step = arg;
    struct queue *queue = step->queue;
    pthread_mutex_lock(&step->delivery->lock);
    queue->phase = err->code == ERR_NONE ? PHASE_CLAIMED : PHASE_IDLE;
    if (err->code == ERR_NONE) {
        queue->post = step->post; /* its parcel is freed by the first look that sees it kept */
    } else {
        buf_free(&queue->parcel);
        hold(queue, HOLD_MS);
    }
    queue_wake(step->delivery);
    pthread_mutex_unlock(&step->delivery->lock);
    free(step);
}

static bool is_failure(enum meaning meaning)
{
    return meaning == MEANS_RETRY || meaning == MEANS_UNCERTAIN;
}

/* People are told once, when a queue enters the state, not at each attempt. */
static void tell(const struct step *step, enum queue_state before)
{
    enum queue_state now = (enum queue_state)step->post.state;
    const char *code = err_info(step->judged.err.code)->code;
    char id[PARCEL_ID_SIZE];
    letter_id(&step->letter, id);
    if (step->judged.meaning == MEANS_DONE)
        metric_add(METRIC_DELIVERY_DONE, 1);
    if (step->judged.meaning == MEANS_REFUSED || step->judged.meaning == MEANS_BROKEN) {
        metric_add(METRIC_DELIVERY_FAILED, 1);
        log_event(LOG_ERROR, "delivery.failed", "partner=%s message=%s code=%s stopped=%s", step->id, id, code,
                  now == QUEUE_STOPPED ? "true" : "false");
    } else if (now == QUEUE_OK && before != QUEUE_OK) {
        log_event(LOG_NOTICE, "delivery.again", "partner=%s message=%s", step->id, id);
    } else if (now != before) {
        log_event(LOG_WARN, "delivery.trouble", "partner=%s state=%s message=%s code=%s", step->id,
                  queue_state_name(now), id, code);
    }
}

/* Direct messages waiting are counted once and then kept up. */
static void count_past(struct queue *queue, const struct step *step)
{
    bool direct = step->letter.kind == LETTER_RECEIPT || step->letter.kind == LETTER_FORWARD;
    if (direct && !step->again && queue->post.cursor < step->post.cursor && step->letter.n <= queue->counted_to &&
        queue->counted > 0)
        queue->counted--;
}

static void settled(struct queue *queue, const struct step *step)
{
    enum queue_state before = (enum queue_state)queue->post.state;
    int64_t since = queue->again ? queue->again_ms : queue->letter.created_ms;
    count_past(queue, step);
    queue->post = step->post;
    answer_clear(&queue->answer);
    queue->phase = PHASE_IDLE;
    queue->looked_round = 0;
    queue->failing = is_failure(step->judged.meaning) && since + queue->give_up_ms < clock_wall_ms();
    tell(step, before);
    if ((enum queue_state)queue->post.state != before)
        queue_count_troubles(queue->delivery);
}

static void settle_done(void *arg, const struct err *err)
{
    struct step *step = arg;
    pthread_mutex_lock(&step->delivery->lock);
    if (err->code == ERR_NONE) {
        settled(step->queue, step);
    } else {
        step->queue->phase = step->judged.unclaimed ? PHASE_IDLE : PHASE_ANSWERED;
        hold_after(step->queue, err);
    }
    queue_wake(step->delivery);
    pthread_mutex_unlock(&step->delivery->lock);
    free(step);
}

/* ---- an answer ---- */

static void submit_settle(struct queue *queue, const struct judged *judged)
{
    struct step *step = step_new(queue);
    struct err err = {0};
    step->judged = *judged;
    step->skip_refused = queue->skip_refused;
    queue->phase = PHASE_SETTLING;
    if (ledger_submit_patient(queue->delivery->options.ledger, settle_job, settle_done, step, &err))
        return;
    free(step);
    queue->phase = judged->unclaimed ? PHASE_IDLE : PHASE_ANSWERED;
    hold(queue, HOLD_MS);
}

/* The phase keeps others away while the lock is given up. */
static void settle_answer(struct pass *pass, struct queue *queue)
{
    const struct partner *partner = directory_find(pass->held->force.directory, queue->id);
    struct judged judged = {.meaning = MEANS_UNCERTAIN};
    char id[PARCEL_ID_SIZE];
    if (queue->hold_mono_ms > pass->mono_ms)
        return;
    letter_id(&queue->letter, id);
    pthread_mutex_unlock(&pass->delivery->lock);
    if (partner != NULL)
        judge(pass->held, partner, pass->delivery->gateway, id, queue->asks, &queue->answer, &judged);
    else
        err_set(&judged.err, ERR_PARTNER_UNKNOWN, queue->id, "no longer in the partners file");
    pthread_mutex_lock(&pass->delivery->lock);
    submit_settle(queue, &judged);
}

static void answered(void *arg, const struct host_outcome *outcome)
{
    struct queue *queue = arg;
    struct delivery *delivery = queue->delivery;
    pthread_mutex_lock(&delivery->lock);
    int64_t took = clock_mono_ms() - queue->began_mono_ms;
    answer_take(&queue->answer, outcome);
    queue->durations[queue->duration_n++ % DURATIONS] = took < INT32_MAX ? (int32_t)took : INT32_MAX;
    queue->phase = PHASE_ANSWERED;
    queue->hold_mono_ms = 0;
    queue->job = NULL;
    delivery->flying--;
    queue_wake(delivery);
    pthread_mutex_unlock(&delivery->lock);
}

/* ---- sending ---- */

static bool start_job(struct queue *queue, const struct parcel *parcel, struct err *err)
{
    const struct host_send send = {
        .resolve = queue->asks,
        .message_id = parcel->id,
        .media_type = parcel->media_type,
        .message = parcel->body,
        .signature = parcel->signature[0] == '\0' ? NULL : parcel->signature,
        .deadline_ms = queue->deadline_ms,
    };
    queue->began_mono_ms = clock_mono_ms();
    queue->phase = PHASE_SENDING;
    /* the callback waits for the lock, so queue->job is there before it is cleared */
    if (!host_send_start(queue->delivery->options.host, queue->instance, &send, answered, queue, &queue->job, err))
        return false;
    queue->delivery->flying++;
    metric_add(METRIC_DELIVERY_ATTEMPTS, 1);
    return true;
}

static void not_started(struct queue *queue, const struct err *err)
{
    if (err->code == ERR_BUSY_QUEUE) {
        queue->phase = PHASE_CLAIMED;
        hold(queue, BUSY_MS);
        return;
    }
    queue->answer = (struct answer){.verdict = queue->asks ? GWA_UNCERTAIN : GWA_RETRY, .err = *err};
    queue->phase = PHASE_ANSWERED;
    queue->hold_mono_ms = 0;
    queue->delivery->dirty = true;
}

static void send_claimed(struct pass *pass, struct queue *queue)
{
    struct store_key key = parcel_key(queue->id, &queue->letter, queue->style);
    struct parcel parcel;
    struct err err = {0};
    bool room = pass->delivery->flying < DELIVERY_JOBS_MAX && !pass->delivery->stopping;
    if (queue->hold_mono_ms > pass->mono_ms || !room)
        return;
    /* claimed after this look began: the next one sees it */
    if (!parcel_read(pass->txn, &key, &parcel)) {
        pass->delivery->dirty = true;
        return;
    }
    buf_free(&queue->parcel);
    if (!start_job(queue, &parcel, &err))
        not_started(queue, &err);
}

/* ---- choosing what is next ---- */

static bool choose(struct pass *pass, struct queue *queue, struct err *err)
{
    const struct post *post = &queue->post;
    queue->again_ms = 0;
    queue->asks = post->flying != 0 && post->unsure;
    if (queue->asks) {
        queue->again = post->flying <= post->cursor;
        return order_at(&pass->view, queue->id, post, (uint64_t)post->flying, &queue->letter, err);
    }
    CHECK(order_again(&pass->view, queue->id, post, &queue->letter, &queue->again_ms, err));
    queue->again = queue->letter.n != 0;
    if (!queue->again)
        CHECK(order_next(&pass->view, queue->id, post, (uint64_t)post->cursor, &queue->letter, err));
    return true;
}

static bool make_parcel(struct pass *pass, struct queue *queue, const struct partner *partner, struct err *err)
{
    struct store_key key = parcel_key(queue->id, &queue->letter, queue->style);
    struct bytes there;
    AUTO_ARENA arena = arena_new();
    const struct writer writer = {&pass->view, pass->held, pass->delivery->gateway, partner, arena};
    if (queue->parcel.n > 0 || store_get(pass->txn, TABLE_PARCEL, &key, &there))
        return true;
    return parcel_make(&writer, &queue->letter, &queue->parcel, err);
}

static bool same_key(const struct store_key *a, const struct store_key *b)
{
    return a->n == b->n && memcmp(a->b, b->b, a->n) == 0;
}

/* Another queue may have made the very parcel just now, and its claim is not kept yet: one signature serves all. */
static void borrow_parcel(struct queue *queue)
{
    const struct delivery *delivery = queue->delivery;
    struct store_key wanted = parcel_key(queue->id, &queue->letter, queue->style);
    for (size_t i = 0; i < delivery->queue_n; i++) {
        const struct queue *other = delivery->queues[i];
        bool claimed = other->phase == PHASE_CLAIMING || other->phase == PHASE_CLAIMED;
        if (other == queue || !claimed || other->parcel.n == 0)
            continue;
        struct store_key key = parcel_key(other->id, &other->letter, other->style);
        if (!same_key(&key, &wanted))
            continue;
        buf_put(&queue->parcel, other->parcel.p, other->parcel.n);
        return;
    }
}

static void submit_claim(struct queue *queue)
{
    struct step *step = step_new(queue);
    struct err err = {0};
    step->parcel = buf_bytes(&queue->parcel);
    queue->phase = PHASE_CLAIMING;
    if (ledger_submit(queue->delivery->options.ledger, claim_job, claim_done, step, &err))
        return;
    free(step);
    buf_free(&queue->parcel);
    queue->phase = PHASE_IDLE;
    hold(queue, HOLD_MS);
}

/* What cannot be written or signed stops the queue as a refusal would: the same will fail again. */
static void cannot_write(struct queue *queue, const struct err *err)
{
    struct judged judged = {.meaning = MEANS_BROKEN, .err = *err, .unclaimed = true};
    enum err_kind kind = err_info(err->code)->kind;
    log_err(LOG_ERROR, "delivery.write", err);
    buf_free(&queue->parcel);
    if (kind == ERR_KIND_BUSY || kind == ERR_KIND_TRANSIENT || err->code == ERR_KEY_ENDED) {
        queue->phase = PHASE_IDLE;
        hold(queue, err->code == ERR_KEY_ENDED ? KEY_MS : HOLD_MS);
        return;
    }
    submit_settle(queue, &judged);
}

static void begin(struct pass *pass, struct queue *queue, const struct partner *partner)
{
    struct err err = {0};
    parcel_style(partner, queue->style);
    buf_init(&queue->parcel, PARCEL_MAX + STYLE_SIZE + JWS_HEADER_MAX);
    borrow_parcel(queue);
    queue->phase = PHASE_CLAIMING;
    pthread_mutex_unlock(&pass->delivery->lock);
    bool ok = make_parcel(pass, queue, partner, &err);
    pthread_mutex_lock(&pass->delivery->lock);
    if (ok)
        submit_claim(queue);
    else
        cannot_write(queue, &err);
}

static void look(struct pass *pass, struct queue *queue)
{
    const struct partner *partner = directory_find(pass->held->force.directory, queue->id);
    struct err err = {0};
    if (partner == NULL || queue->looked_round == pass->round)
        return;
    if (!choose(pass, queue, &err)) {
        hold_after(queue, &err);
    } else if (queue->letter.n == 0) {
        queue->looked_round = pass->round;
    } else if (queue->asks) {
        memcpy(queue->style, queue->post.style, sizeof queue->style);
        queue->phase = PHASE_CLAIMED;
        send_claimed(pass, queue);
    } else {
        begin(pass, queue, partner);
    }
}

/* ---- giving up ---- */

static void sweep_done(void *arg, const struct err *err)
{
    struct sweep *sweep = arg;
    struct queue *queue = sweep->queue;
    pthread_mutex_lock(&sweep->delivery->lock);
    queue->phase = PHASE_IDLE;
    queue->failing = err->code == ERR_NONE ? sweep->more : queue->failing;
    if (err->code == ERR_NONE) {
        queue->post = sweep->post;
        queue->counted_to = queue->counted = 0;
    } else {
        hold_after(queue, err);
    }
    queue_wake(sweep->delivery);
    pthread_mutex_unlock(&sweep->delivery->lock);
    if (err->code == ERR_NONE && sweep->expired > 0) {
        metric_add(METRIC_DELIVERY_EXPIRED, (int64_t)sweep->expired);
        log_event(LOG_ERROR, "delivery.expired", "partner=%s messages=%zu", queue->id, sweep->expired);
    }
    free(sweep);
}

static void start_sweep(struct pass *pass, struct queue *queue)
{
    struct sweep *sweep = xcalloc(1, sizeof *sweep);
    struct err err = {0};
    *sweep =
        (struct sweep){.delivery = queue->delivery, .queue = queue, .id = queue->id, .give_up_ms = queue->give_up_ms};
    queue->relist_size = journal_size(pass->view.journal, pass->txn);
    queue->phase = PHASE_CLAIMING;
    if (ledger_submit(queue->delivery->options.ledger, sweep_job, sweep_done, sweep, &err))
        return;
    free(sweep);
    queue->phase = PHASE_IDLE;
    hold(queue, HOLD_MS);
}

/* The list could not begin anew when there was no number left for it. */
static bool waits_to_relist(const struct pass *pass, const struct queue *queue)
{
    return queue->post.relist && journal_size(pass->view.journal, pass->txn) > queue->relist_size;
}

/* ---- one queue ---- */

static void renew(struct queue *queue)
{
    struct host_instance *old = queue->instance;
    queue->instance = queue->fresh;
    queue->fresh = NULL;
    queue->renew = false;
    queue->phase = PHASE_CLAIMING;
    pthread_mutex_unlock(&queue->delivery->lock);
    host_close(&old);
    pthread_mutex_lock(&queue->delivery->lock);
    queue->phase = PHASE_IDLE;
}

static bool may_send(const struct queue *queue, const struct pass *pass)
{
    return queue->known && queue->instance != NULL && !queue->closed && !queue->post.paused &&
           queue->post.state != QUEUE_STOPPED && queue->hold_mono_ms <= pass->mono_ms && !pass->delivery->stopping;
}

static void consider(struct pass *pass, struct queue *queue)
{
    int64_t due = post_due(&queue->post, pass->wall_ms);
    if (queue->renew && queue->trials == 0)
        renew(queue);
    if (!may_send(queue, pass))
        return;
    if (queue->failing || waits_to_relist(pass, queue)) {
        start_sweep(pass, queue);
        return;
    }
    if (due > pass->wall_ms) {
        engine_want(pass->delivery, pass->mono_ms + (due - pass->wall_ms));
        return;
    }
    if (pass->delivery->flying < DELIVERY_JOBS_MAX)
        look(pass, queue);
}

void queue_step(struct pass *pass, struct queue *queue)
{
    if (queue->phase == PHASE_CLAIMED)
        send_claimed(pass, queue);
    else if (queue->phase == PHASE_ANSWERED)
        settle_answer(pass, queue);
    else if (queue->phase == PHASE_IDLE)
        consider(pass, queue);
}
