/* The committer: drains what waits, lets each job decide in one transaction, commits once for all. */
#include "ledger/internal.h"

#include <stdlib.h>
#include <time.h>

#define COMPANY_MS 20     /* how long what nobody waits for waits for others */
#define LOOK_AGAIN_MS 100 /* how late a large job that was held back may be noticed */

/* Waits on it may end by the clock that nobody sets. */
static void init_monotonic(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct ledger *ledger_new(const struct ledger_options *options)
{
    struct ledger *ledger = xcalloc(1, sizeof *ledger);
    ledger->store = options->store;
    ledger->journal = options->journal;
    ledger->policy = options->policy;
    ledger->min_free = options->min_free;
    ledger->queue_max = options->queue_max > 0 ? options->queue_max : 1024;
    queue_init(&ledger->queue);
    ledger->tx.ledger = ledger;
    ledger->tx.arena = arena_new();
    apply_init(&ledger->tx.apply, NULL, ledger->tx.arena);
    buf_init(&ledger->tx.record, RECORD_BYTES_MAX);
    pthread_mutex_init(&ledger->lock, NULL);
    init_monotonic(&ledger->more);
    pthread_cond_init(&ledger->room, NULL);
    return ledger;
}

void ledger_free(struct ledger **ledger)
{
    struct ledger *l = *ledger;
    if (l == NULL)
        return;
    ledger_stop(l);
    *ledger = NULL;
    apply_free(&l->tx.apply);
    buf_free(&l->tx.record);
    arena_free(&l->tx.arena);
    free(l->tx.entries);
    free(l->tx.news);
    pthread_cond_destroy(&l->more);
    pthread_cond_destroy(&l->room);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void ledger_set_policy(struct ledger *ledger, const struct policy *policy)
{
    ledger->policy = policy;
}

void ledger_on_commit(struct ledger *ledger, ledger_watch *watch, void *arg)
{
    if (ledger->watcher_n == LEDGER_WATCHERS) {
        log_event(LOG_ERROR, "ledger.watchers", "more than %d", LEDGER_WATCHERS);
        return;
    }
    ledger->watchers[ledger->watcher_n].watch = watch;
    ledger->watchers[ledger->watcher_n++].arg = arg;
}

/* ---- one transaction ---- */

/* A clock that stepped back must not make the journal's times run backwards. */
static bool tx_clock(struct ledger *ledger, struct ledger_tx *tx, struct err *err)
{
    tx->now = clock_wall_ms();
    if (tx->head == 0)
        return true;
    struct bytes leaf;
    CHECK(journal_read_leaf(ledger->journal, tx->txn, tx->head, &leaf, err));
    if (leaf.n < 17)
        return err_set(err, ERR_STORE_CORRUPT, "leaf", "%llu", (unsigned long long)tx->head);
    int64_t last_ms = (int64_t)get_be64(leaf.p + 9);
    tx->now = tx->now > last_ms ? tx->now : last_ms;
    return true;
}

static bool tx_begin(struct ledger *ledger, struct err *err)
{
    struct ledger_tx *tx = &ledger->tx;
    tx->txn = store_write(ledger->store, err);
    if (tx->txn == NULL)
        return false;
    tx->head = journal_size(ledger->journal, tx->txn);
    tx->policy = ledger->policy;
    tx->entry_n = 0;
    tx->raw_n = 0;
    tx->news_n = 0;
    tx->spoiled = (struct err){0};
    arena_reset(tx->arena);
    apply_begin(&tx->apply, tx->txn);
    if (tx_clock(ledger, tx, err))
        return true;
    store_abort(&tx->txn);
    return false;
}

static void tx_abort(struct ledger *ledger)
{
    store_abort(&ledger->tx.txn);
}

static bool tx_append(struct ledger *ledger, struct err *err)
{
    struct ledger_tx *tx = &ledger->tx;
    uint64_t first;
    return tx->entry_n == 0 ||
           journal_append(ledger->journal, tx->txn, tx->head, tx->entries, tx->entry_n, &first, err) == JOURNAL_OK;
}

/* Asked only when something is to be written, so that a full disk stops new facts and nothing else. */
static bool room_on_disk(struct ledger *ledger, struct err *err)
{
    int64_t bytes = store_free_bytes(ledger->store);
    if (bytes >= 0 && bytes < ledger->min_free)
        return err_set(err, ERR_STORE_FULL, "data.min_free", "%lld bytes free", (long long)bytes);
    return true;
}

static bool tx_finish(struct ledger *ledger, struct err *err)
{
    struct ledger_tx *tx = &ledger->tx;
    apply_flush(&tx->apply);
    int64_t listed = apply_tally(&tx->apply, LISTING_LISTED), checking = apply_tally(&tx->apply, LISTING_CHECKING);
    int64_t proposals = apply_proposals(&tx->apply);
    if (store_writes(tx->txn) == 0 && tx->entry_n == 0 && !store_failed(tx->txn, err)) {
        tx_abort(ledger);
    } else if (!room_on_disk(ledger, err) || !tx_append(ledger, err)) {
        tx_abort(ledger);
        return false;
    } else {
        CHECK(store_commit(&tx->txn, err));
        metric_add(METRIC_COMMITS, 1);
    }
    metric_add(METRIC_RECORDS, (int64_t)tx->entry_n);
    metric_set(METRIC_JOURNAL_SIZE, (int64_t)(tx->head + tx->entry_n));
    metric_set(METRIC_FIRMS_LISTED, listed);
    metric_set(METRIC_FIRMS_CHECKING, checking);
    metric_set(METRIC_APPROVALS_OPEN, proposals);
    return true;
}

/* True when the job stands in this transaction. What it wrote in part, or what broke the transaction under it,
 * counts as its failure even when it did not look. */
static bool decide_one(struct ledger_tx *tx, struct job *job)
{
    uint64_t writes = store_writes(tx->txn);
    size_t entries = tx->entry_n; /* some records do nothing to state */
    job->err = (struct err){0};
    bool ok = job->decide(tx, job->arg, &job->err);
    if (ok && tx->spoiled.code == ERR_NONE && !store_failed(tx->txn, &job->err)) {
        job->err = (struct err){0}; /* it may have got over an error of its own */
        job->state = JOB_DECIDED;
        return true;
    }
    if (tx->spoiled.code != ERR_NONE)
        job->err = tx->spoiled;
    if (job->err.code == ERR_NONE)
        err_set(&job->err, ERR_INTERNAL, "ledger", "a job failed without saying why");
    bool clean = store_writes(tx->txn) == writes && tx->entry_n == entries && tx->spoiled.code == ERR_NONE;
    job->state = clean ? JOB_REFUSED : JOB_FAILED;
    return clean;
}

/* A refusal may rest on what another job of the same transaction wrote, so it falls with the transaction. */
static void fail_all(struct job *jobs, const struct err *err)
{
    for (struct job *job = jobs; job != NULL; job = job->next) {
        if (job->state != JOB_FAILED)
            job->err = *err;
    }
}

/* Lets the jobs decide, except those that failed in an earlier round. False: one failed after writing, so the
 * transaction is void and the others must decide again. When the transaction has grown large, the jobs behind
 * are cut off into *rest for the next one. */
static bool decide_all(struct ledger_tx *tx, struct job *jobs, struct job **rest)
{
    for (struct job *job = jobs; job != NULL; job = job->next) {
        if (job->state != JOB_FAILED && !decide_one(tx, job))
            return false;
        if (store_writes(tx->txn) >= LEDGER_TX_WRITES || tx->raw_n >= LEDGER_TX_BYTES) {
            *rest = job->next;
            job->next = NULL;
        }
    }
    return true;
}

/* True when the transaction of these jobs is durable (or had nothing to write). */
static bool commit_jobs(struct ledger *ledger, struct job *jobs, struct job **rest, struct err *err)
{
    for (;;) {
        CHECK(tx_begin(ledger, err));
        if (decide_all(&ledger->tx, jobs, rest))
            break;
        tx_abort(ledger);
    }
    return tx_finish(ledger, err);
}

static void tell_watchers(struct ledger *ledger)
{
    const struct ledger_tx *tx = &ledger->tx;
    struct ledger_news news = {.head = tx->head + tx->entry_n};
    for (size_t w = 0; w < ledger->watcher_n; w++) {
        if (tx->entry_n > 0)
            ledger->watchers[w].watch(ledger->watchers[w].arg, &news);
        for (size_t i = 0; i < tx->news_n; i++) {
            struct ledger_news told = {news.head, tx->news[i].id, tx->news[i].what, tx->news[i].object,
                                       tx->news[i].granted};
            ledger->watchers[w].watch(ledger->watchers[w].arg, &told);
        }
    }
}

/* ---- the queue ---- */

/* With the lock held: until something has come, or what is held back may come. */
static void wait_for_jobs(struct ledger *ledger)
{
    if (ledger->queue.large.first == NULL) {
        pthread_cond_wait(&ledger->more, &ledger->lock);
        return;
    }
    struct timespec until = clock_deadline(LOOK_AGAIN_MS);
    pthread_cond_timedwait(&ledger->more, &ledger->lock, &until);
}

/* With the lock held: what nobody waits for waits a moment for others to share its commit. */
static void wait_for_company(struct ledger *ledger)
{
    struct timespec until = clock_deadline(COMPANY_MS);
    while (!ledger->stopping && queue_patient(&ledger->queue) &&
           pthread_cond_timedwait(&ledger->more, &ledger->lock, &until) == 0)
        ;
}

/* NULL: stopping, and none is left. */
static struct job *take_jobs(struct ledger *ledger)
{
    struct job *jobs;
    pthread_mutex_lock(&ledger->lock);
    wait_for_company(ledger);
    while ((jobs = queue_take(&ledger->queue, clock_mono_ms(), ledger->stopping)) == NULL && !ledger->stopping) {
        wait_for_jobs(ledger);
        wait_for_company(ledger);
    }
    metric_set(METRIC_QUEUE_LEDGER, ledger->queue.waiting);
    pthread_cond_broadcast(&ledger->room);
    pthread_mutex_unlock(&ledger->lock);
    return jobs;
}

static void finish_jobs(struct job *jobs)
{
    while (jobs != NULL) {
        struct job *job = jobs;
        jobs = job->next;
        if (job->done != NULL)
            job->done(job->arg, &job->err);
        free(job);
    }
}

/* Returns the jobs that did not fit. */
static struct job *commit_some(struct ledger *ledger, struct job *jobs)
{
    struct err err = {0};
    struct job *rest = NULL;
    if (commit_jobs(ledger, jobs, &rest, &err)) {
        tell_watchers(ledger);
    } else {
        log_err(LOG_ERROR, "ledger.commit", &err);
        fail_all(jobs, &err);
    }
    finish_jobs(jobs);
    return rest;
}

static void commit_all(struct ledger *ledger, struct job *jobs)
{
    while (jobs != NULL)
        jobs = commit_some(ledger, jobs);
}

static void commit_large(struct ledger *ledger, struct job *job)
{
    unsigned owner = job->owner;
    int64_t began = clock_mono_ms();
    commit_all(ledger, job);
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&ledger->lock);
    queue_charge(&ledger->queue, owner, now, now - began);
    pthread_mutex_unlock(&ledger->lock);
}

static void *committer(void *arg)
{
    struct ledger *ledger = arg;
    struct job *jobs;
    while ((jobs = take_jobs(ledger)) != NULL) {
        if (job_is_large(jobs))
            commit_large(ledger, jobs);
        else
            commit_all(ledger, jobs);
    }
    return NULL;
}

enum pressure { TURN_AWAY, WAIT_FOR_ROOM, ALWAYS };

/* With the lock held. */
static bool may_enqueue(struct ledger *ledger, const struct job *like, enum pressure pressure, struct err *err)
{
    if (!ledger->started)
        return err_set(err, ledger->stopping ? ERR_STOPPING : ERR_STARTING, "ledger", "not running");
    bool own = pthread_equal(pthread_self(), ledger->thread) != 0;
    if (own && pressure == WAIT_FOR_ROOM)
        return err_set(err, ERR_INTERNAL, "ledger", "the committer would wait for itself");
    while (pressure == WAIT_FOR_ROOM && ledger->queue.waiting >= ledger->queue_max && !ledger->stopping)
        pthread_cond_wait(&ledger->room, &ledger->lock);
    if (ledger->stopping)
        return err_set(err, ERR_STOPPING, "ledger", "no new jobs");
    if (pressure == TURN_AWAY && ledger->queue.waiting >= ledger->queue_max)
        return err_set(err, ERR_BUSY_QUEUE, "ledger", "%d jobs wait", ledger->queue.waiting);
    return queue_takes(&ledger->queue, like, clock_mono_ms()) ||
           err_set(err, ERR_BUSY_QUEUE, "ledger", "a large message of this sender waits already");
}

static bool enqueue(struct ledger *ledger, const struct job *like, enum pressure pressure, struct err *err)
{
    pthread_mutex_lock(&ledger->lock);
    bool ok = may_enqueue(ledger, like, pressure, err);
    if (ok) {
        struct job *job = xcalloc(1, sizeof *job);
        *job = *like;
        queue_put(&ledger->queue, job, clock_mono_ms());
        metric_set(METRIC_QUEUE_LEDGER, ledger->queue.waiting);
        pthread_cond_signal(&ledger->more);
    }
    pthread_mutex_unlock(&ledger->lock);
    return ok;
}

bool ledger_submit(struct ledger *ledger, ledger_decide *decide, ledger_done *done, void *arg, struct err *err)
{
    return enqueue(ledger, &(struct job){.decide = decide, .done = done, .arg = arg}, TURN_AWAY, err);
}

bool ledger_submit_patient(struct ledger *ledger, ledger_decide *decide, ledger_done *done, void *arg, struct err *err)
{
    return enqueue(ledger, &(struct job){.decide = decide, .done = done, .arg = arg, .patient = true}, TURN_AWAY, err);
}

bool ledger_submit_for(struct ledger *ledger, unsigned owner, size_t rows, ledger_decide *decide, ledger_done *done,
                       void *arg, struct err *err)
{
    const struct job like = {.decide = decide, .done = done, .arg = arg, .owner = owner, .rows = rows > 0 ? rows : 1};
    return enqueue(ledger, &like, TURN_AWAY, err);
}

bool committer_submit(struct ledger *ledger, ledger_decide *decide, ledger_done *done, void *arg, struct err *err)
{
    return enqueue(ledger, &(struct job){.decide = decide, .done = done, .arg = arg}, ALWAYS, err);
}

/* ---- waiting for one's own job ---- */

struct waiter {
    ledger_decide *decide;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool ended;
    struct err err;
};

static bool waiter_decide(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct waiter *waiter = arg;
    return waiter->decide(tx, waiter->arg, err);
}

static void waiter_done(void *arg, const struct err *err)
{
    struct waiter *waiter = arg;
    pthread_mutex_lock(&waiter->lock);
    waiter->err = *err;
    waiter->ended = true;
    pthread_cond_signal(&waiter->done);
    pthread_mutex_unlock(&waiter->lock);
}

bool ledger_run(struct ledger *ledger, ledger_decide *decide, void *arg, struct err *err)
{
    struct waiter waiter = {.decide = decide, .arg = arg};
    pthread_mutex_init(&waiter.lock, NULL);
    pthread_cond_init(&waiter.done, NULL);
    struct job job = {.decide = waiter_decide, .done = waiter_done, .arg = &waiter};
    bool queued = enqueue(ledger, &job, WAIT_FOR_ROOM, err);
    if (queued) {
        pthread_mutex_lock(&waiter.lock);
        while (!waiter.ended)
            pthread_cond_wait(&waiter.done, &waiter.lock);
        pthread_mutex_unlock(&waiter.lock);
        if (waiter.err.code != ERR_NONE)
            *err = waiter.err;
    }
    pthread_mutex_destroy(&waiter.lock);
    pthread_cond_destroy(&waiter.done);
    return queued && waiter.err.code == ERR_NONE;
}

/* ---- life ---- */

static bool start_thread(struct ledger *ledger, struct err *err)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->stopping = false;
    int rc = pthread_create(&ledger->thread, NULL, committer, ledger);
    ledger->started = rc == 0;
    pthread_mutex_unlock(&ledger->lock);
    return rc == 0 || err_set(err, ERR_INTERNAL, "ledger", "thread: %d", rc);
}

bool ledger_start(struct ledger *ledger, struct err *err)
{
    CHECK(start_thread(ledger, err));
    int64_t next;
    CHECK(ledger_time(ledger, &next, err));
    return work_all(ledger, err);
}

void ledger_stop(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    bool started = ledger->started && !ledger->stopping;
    ledger->stopping = true;
    pthread_cond_broadcast(&ledger->more);
    pthread_cond_broadcast(&ledger->room);
    pthread_mutex_unlock(&ledger->lock);
    if (!started)
        return;
    pthread_join(ledger->thread, NULL);
    pthread_mutex_lock(&ledger->lock);
    ledger->started = false;
    pthread_mutex_unlock(&ledger->lock);
}
