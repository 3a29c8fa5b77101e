/* The committer: drains what waits, lets each job decide in one transaction, commits once for all. */
#include "ledger/internal.h"

#include <stdlib.h>

struct ledger *ledger_new(const struct ledger_options *options)
{
    struct ledger *ledger = xcalloc(1, sizeof *ledger);
    ledger->store = options->store;
    ledger->journal = options->journal;
    ledger->policy = options->policy;
    ledger->min_free = options->min_free;
    ledger->queue_max = options->queue_max > 0 ? options->queue_max : 1024;
    ledger->last = &ledger->first;
    ledger->tx.ledger = ledger;
    ledger->tx.arena = arena_new();
    apply_init(&ledger->tx.apply, NULL, ledger->tx.arena);
    pthread_mutex_init(&ledger->lock, NULL);
    pthread_cond_init(&ledger->more, NULL);
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
    if (ledger->watcher_n < LEDGER_WATCHERS) {
        ledger->watchers[ledger->watcher_n].watch = watch;
        ledger->watchers[ledger->watcher_n++].arg = arg;
    }
}

/* ---- one transaction ---- */

static bool tx_begin(struct ledger *ledger, struct err *err)
{
    struct ledger_tx *tx = &ledger->tx;
    tx->txn = store_write(ledger->store, err);
    if (tx->txn == NULL)
        return false;
    struct journal_head head = {.size = journal_size(ledger->journal, tx->txn)};
    struct bytes leaf;
    int64_t last_ms = 0;
    if (head.size > 0 && journal_read_leaf(ledger->journal, tx->txn, head.size, &leaf, err) && leaf.n >= 17)
        last_ms = (int64_t)get_be64(leaf.p + 9);
    /* a clock that stepped back must not make the journal's times run backwards */
    int64_t now = clock_wall_ms();
    tx->now = now > last_ms ? now : last_ms;
    tx->head = head.size;
    tx->policy = ledger->policy;
    tx->entry_n = 0;
    tx->news_n = 0;
    arena_reset(tx->arena);
    struct buf value = tx->apply.value;
    apply_init(&tx->apply, tx->txn, tx->arena);
    buf_free(&tx->apply.value);
    tx->apply.value = value;
    return true;
}

static void tx_abort(struct ledger *ledger)
{
    store_abort(&ledger->tx.txn);
}

static bool tx_finish(struct ledger *ledger, struct err *err)
{
    struct ledger_tx *tx = &ledger->tx;
    apply_flush(&tx->apply);
    if (store_writes(tx->txn) == 0 && tx->entry_n == 0) {
        tx_abort(ledger);
        return true;
    }
    if (tx->entry_n > 0) {
        uint64_t first;
        if (journal_append(ledger->journal, tx->txn, tx->head, tx->entries, tx->entry_n, &first, err) != JOURNAL_OK) {
            tx_abort(ledger);
            return false;
        }
    }
    int64_t listed = apply_tally(&tx->apply, LISTING_LISTED), checking = apply_tally(&tx->apply, LISTING_CHECKING);
    CHECK(store_commit(&tx->txn, err));
    metric_add(METRIC_COMMITS, 1);
    metric_add(METRIC_RECORDS, (int64_t)tx->entry_n);
    metric_set(METRIC_JOURNAL_SIZE, (int64_t)(tx->head + tx->entry_n));
    metric_set(METRIC_FIRMS_LISTED, listed);
    metric_set(METRIC_FIRMS_CHECKING, checking);
    return true;
}

enum decided { DECIDED_OK, DECIDED_FAILED_CLEAN, DECIDED_FAILED_DIRTY };

static enum decided decide_one(struct ledger_tx *tx, struct job *job)
{
    uint64_t writes = store_writes(tx->txn);
    size_t entries = tx->entry_n;
    job->err = (struct err){0};
    if (job->decide(tx, job->arg, &job->err))
        return DECIDED_OK;
    if (job->err.code == ERR_NONE)
        err_set(&job->err, ERR_INTERNAL, "ledger", "a job failed without saying why");
    return store_writes(tx->txn) == writes && tx->entry_n == entries ? DECIDED_FAILED_CLEAN : DECIDED_FAILED_DIRTY;
}

static void fail_all(struct job *jobs, const struct err *err)
{
    for (struct job *job = jobs; job != NULL; job = job->next) {
        if (!job->decided)
            job->err = *err;
        job->decided = true;
    }
}

/* Lets every undecided job decide. False: one failed after writing; it is marked, the rest must decide again. */
static bool decide_all(struct ledger_tx *tx, struct job *jobs)
{
    for (struct job *job = jobs; job != NULL; job = job->next) {
        if (job->decided)
            continue;
        enum decided result = decide_one(tx, job);
        if (result == DECIDED_OK)
            continue;
        job->decided = true;
        if (result == DECIDED_FAILED_DIRTY)
            return false;
    }
    return true;
}

static bool room_on_disk(struct ledger *ledger, struct err *err)
{
    int64_t bytes = store_free_bytes(ledger->store);
    if (bytes >= 0 && bytes < ledger->min_free)
        return err_set(err, ERR_STORE_FULL, "data.min_free", "%lld bytes free", (long long)bytes);
    return true;
}

/* True when the transaction of these jobs is durable (or had nothing to write). */
static bool commit_jobs(struct ledger *ledger, struct job *jobs, struct err *err)
{
    CHECK(room_on_disk(ledger, err));
    for (;;) {
        CHECK(tx_begin(ledger, err));
        if (decide_all(&ledger->tx, jobs))
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
            struct ledger_news told = {news.head, tx->news[i].id, tx->news[i].what, tx->news[i].object, tx->news[i].granted};
            ledger->watchers[w].watch(ledger->watchers[w].arg, &told);
        }
    }
}

/* ---- the queue ---- */

static struct job *take_jobs(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    while (ledger->first == NULL && !ledger->stopping)
        pthread_cond_wait(&ledger->more, &ledger->lock);
    struct job *jobs = ledger->first, **end = &ledger->first;
    int n = 0;
    while (*end != NULL && n < LEDGER_BATCH_JOBS) {
        end = &(*end)->next;
        n++;
    }
    ledger->first = *end;
    if (n > 0)
        *end = NULL;
    if (ledger->first == NULL)
        ledger->last = &ledger->first;
    ledger->waiting -= n;
    metric_set(METRIC_QUEUE_LEDGER, ledger->waiting);
    pthread_cond_broadcast(&ledger->room);
    pthread_mutex_unlock(&ledger->lock);
    return n > 0 ? jobs : NULL;
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

static void *committer(void *arg)
{
    struct ledger *ledger = arg;
    struct job *jobs;
    while ((jobs = take_jobs(ledger)) != NULL) {
        struct err err = {0};
        if (commit_jobs(ledger, jobs, &err)) {
            tell_watchers(ledger);
        } else {
            log_err(LOG_ERROR, "ledger.commit", &err);
            fail_all(jobs, &err);
        }
        finish_jobs(jobs);
    }
    return NULL;
}

static bool enqueue(struct ledger *ledger, ledger_decide *decide, ledger_done *done, void *arg, bool wait, struct err *err)
{
    struct job *job = xcalloc(1, sizeof *job);
    *job = (struct job){.decide = decide, .done = done, .arg = arg};
    pthread_mutex_lock(&ledger->lock);
    while (wait && ledger->waiting >= ledger->queue_max && !ledger->stopping)
        pthread_cond_wait(&ledger->room, &ledger->lock);
    bool full = ledger->waiting >= ledger->queue_max, stopping = ledger->stopping || !ledger->started;
    if (!full && !stopping) {
        *ledger->last = job;
        ledger->last = &job->next;
        ledger->waiting++;
        pthread_cond_signal(&ledger->more);
    }
    pthread_mutex_unlock(&ledger->lock);
    if (!full && !stopping)
        return true;
    free(job);
    return err_set(err, stopping ? ERR_STOPPING : ERR_BUSY_QUEUE, "ledger", "%d jobs wait", ledger->queue_max);
}

bool ledger_submit(struct ledger *ledger, ledger_decide *decide, ledger_done *done, void *arg, struct err *err)
{
    return enqueue(ledger, decide, done, arg, false, err);
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
    bool queued = enqueue(ledger, waiter_decide, waiter_done, &waiter, true, err);
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

bool ledger_start(struct ledger *ledger, struct err *err)
{
    int rc = pthread_create(&ledger->thread, NULL, committer, ledger);
    if (rc != 0)
        return err_set(err, ERR_INTERNAL, "ledger", "thread: %d", rc);
    ledger->started = true;
    int64_t next;
    CHECK(ledger_time(ledger, &next, err));
    return admit_all(ledger, err);
}

void ledger_stop(struct ledger *ledger)
{
    if (!ledger->started)
        return;
    pthread_mutex_lock(&ledger->lock);
    ledger->stopping = true;
    pthread_cond_broadcast(&ledger->more);
    pthread_cond_broadcast(&ledger->room);
    pthread_mutex_unlock(&ledger->lock);
    pthread_join(ledger->thread, NULL);
    ledger->started = false;
}
