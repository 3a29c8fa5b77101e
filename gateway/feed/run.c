/* One run on its own thread: fetch, judge rows as they come, then tell. */
#include "feed/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_BASE_MS 1000
#define BACKOFF_MS (60 * 1000LL)
#define ROOM_WAIT_MS 1000

/* ---- life ---- */

static struct run *feeding_new(struct feed *feed, struct plan *plan)
{
    struct run *run = xcalloc(1, sizeof(*run));
    pthread_condattr_t mono;

    run->feed = feed;
    run->plan = plan;
    run->directory = directory_ref(feed->directory);
    run->source = directory_source_find(run->directory, plan->id);
    run->digest = crypto_hash_new(CRYPTO_SHA256);
    pthread_mutex_init(&run->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&run->changed, &mono);
    pthread_condattr_destroy(&mono);
    return run;
}

void feeding_free(struct run **run)
{
    struct run *r = *run;

    if (r == NULL)
        return;
    *run = NULL;
    fetched_free(r->waiting, r->waiting_n);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    directory_free(&r->directory);
    crypto_hash_free(&r->digest);
    free(r->file);
    free(r);
}

bool feeding_is_cancelled(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    bool cancelled = run->cancelled;
    pthread_mutex_unlock(&run->lock);
    return cancelled;
}

void feeding_cancel(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    run->cancelled = true;
    if (run->job != NULL)
        host_cancel(run->job);
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

/* Unless cancelled; false then. */
static bool wait_ms(struct run *run, int64_t ms)
{
    const struct timespec until = clock_deadline(ms);

    pthread_mutex_lock(&run->lock);
    while (!run->cancelled && pthread_cond_timedwait(&run->changed, &run->lock, &until) != ETIMEDOUT)
        ;
    bool cancelled = run->cancelled;
    pthread_mutex_unlock(&run->lock);
    return !cancelled;
}

/* ---- since when ---- */

static bool full_is_due(const struct run *run)
{
    struct err err = {0};
    struct story_last last;
    int64_t every_ms = run->source->full_every_ms;

    (void)story_last(run->feed->options.store, run->source->id, &last, &err);
    return last.full_ms == 0 || (every_ms > 0 && clock_wall_ms() - last.full_ms >= every_ms);
}

static int64_t since_ms(const struct run *run)
{
    struct err err = {0};
    struct story_last last;

    (void)story_last(run->feed->options.store, run->source->id, &last, &err);
    return story_since_ms(&last, run->feed->options.overlap_ms);
}

/* ---- fetching ---- */

static void fetch_ended(void *arg, const struct host_outcome *outcome)
{
    struct run *run = arg;

    pthread_mutex_lock(&run->lock);
    run->err = outcome->err;
    if (outcome->verdict != GWA_DONE && run->err.code == ERR_NONE)
        err_set(&run->err, ERR_ADAPTER_BROKEN, "fetch", "the adapter gave no reason");
    run->job = NULL;
    run->fetch_done = true;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

static bool fetch_start(struct run *run, struct err *err)
{
    const bool full = run->story.full;
    const struct host_fetch fetch = {
        .scope = full ? GWA_FULL : GWA_DELTA,
        .updated_since_ms = full ? 0 : since_ms(run),
        .file = run->file,
        .deadline_ms = run->source->deadline_ms,
    };
    struct host_sink sink;

    rows_sink(run, &sink);
    pthread_mutex_lock(&run->lock);
    bool started = !run->cancelled && host_fetch_start(run->feed->options.host, run->plan->instance, &fetch, &sink,
                                                       fetch_ended, run, &run->job, err);
    pthread_mutex_unlock(&run->lock);
    if (!started && err->code == ERR_NONE)
        err_set(err, ERR_CANCELLED, run->id, "cancelled by a person or by stopping");
    return started;
}

/* The store failed under the rows: the adapter need not go on. */
static void stop_listening(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    run->deaf = true;
    if (run->job != NULL)
        host_cancel(run->job);
    pthread_cond_broadcast(&run->changed);
    while (!run->fetch_done)
        pthread_cond_wait(&run->changed, &run->lock);
    pthread_mutex_unlock(&run->lock);
}

static bool judge_all(struct run *run, struct err *err)
{
    struct fetched rows[BATCH_ROWS];
    size_t n;
    bool ok = true;

    while (ok && (n = rows_take(run, rows, BATCH_ROWS)) > 0) {
        ok = judge_rows(run, rows, n, err);
        fetched_free(rows, n);
    }
    if (!ok)
        stop_listening(run);
    return ok;
}

static void note_fetch(struct run *run)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    struct story *story = &run->story;

    story->counts.received = run->received;
    memcpy(story->origin, run->origin, sizeof(story->origin));
    if (run->pages == 0)
        return;
    crypto_hash_end(run->digest, digest);
    hex_encode(digest, sizeof(digest), story->pages);
}

/* One attempt: rows are judged while they come, so what was taken stays taken if it breaks off. */
static bool attempt(struct run *run, struct err *err)
{
    run->story.attempts++;
    run->story.counts = (struct run_counts){0};
    rows_reset(run);
    CHECK(fetch_start(run, err));
    bool ok = judge_all(run, err);
    note_fetch(run);
    CHECK(ok);
    if (feeding_is_cancelled(run))
        return err_set(err, ERR_CANCELLED, run->id, "cancelled by a person or by stopping");
    *err = run->err;
    return err->code == ERR_NONE;
}

/* A list that changes under its pages is begun anew at once; a source that is away is tried again a little later. */
static bool may_try_again(struct run *run, const struct err *err)
{
    struct story *story = &run->story;

    if (strstr(err->detail, "list.changed") != NULL)
        return story->restarts++ < FEED_RESTARTS_MAX;
    if (err_info(err->code)->kind != ERR_KIND_TRANSIENT || story->attempts >= FEED_ATTEMPTS_MAX)
        return false;
    return wait_ms(run, RETRY_BASE_MS << (2 * (story->attempts - 1)));
}

static bool fetch(struct run *run, struct err *err)
{
    for (;;) {
        *err = (struct err){0};
        if (attempt(run, err))
            return true;
        log_err(LOG_NOTICE, "feed.attempt", err);
        if (err->code == ERR_CANCELLED || !may_try_again(run, err))
            return false;
    }
}

/* ---- the end ---- */

/* What rows say by themselves makes no whole list, however many they are. */
static bool write_record(struct ledger_tx *tx, const struct story *story, struct err *err)
{
    struct record record;

    story_record(story, &record);
    record.full = false;
    return ledger_record(tx, &record, err);
}

/* What a file holds says nothing of what the source has changed since. */
static bool moves_on(const struct story *story)
{
    return story->state == RUN_DONE && !story->dry_run && story->origin[0] == '\0';
}

static bool finish_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct story story = *(struct story *)arg;

    story.ended_ms = ledger_now(tx);
    story.phase = PHASE_END;
    if (!story.dry_run)
        CHECK(write_record(tx, &story, err));
    if (moves_on(&story))
        story_note_last(ledger_txn(tx), &story);
    story_put(ledger_txn(tx), &story);
    *(struct story *)arg = story;
    return !store_failed(ledger_txn(tx), err);
}

bool feeding_finish(struct feed *feed, struct story *story, enum run_state state, const struct err *why,
                    struct err *err)
{
    story->state = state;
    story_blame(story, why);
    CHECK(ledger_run(feed->options.ledger, finish_job, story, err));
    metric_add(state == RUN_DONE ? METRIC_RUNS_DONE : METRIC_RUNS_FAILED, 1);
    metric_add(METRIC_ROWS_RECEIVED, story->counts.received);
    metric_add(METRIC_ROWS_REJECTED, story->counts.rejected);
    log_event(state == RUN_DONE ? LOG_INFO : LOG_NOTICE, "feed.run",
              "run=%s source=%s state=%s received=%lld added=%lld unchanged=%lld rejected=%lld pending=%lld error=%s",
              story->id, story->source, story_state_name(state), (long long)story->counts.received,
              (long long)story->counts.added, (long long)story->counts.unchanged, (long long)story->counts.rejected,
              (long long)story->counts.doubtful, story->error[0] == '\0' ? "-" : story->error);
    return true;
}

/* Who sees the run's end in the store may start the next one: that start waits for what is still to be told. A full
 * disk is waited for, unless the gateway stops. */
static bool finish(struct run *run, enum run_state state, const struct err *why)
{
    pthread_mutex_lock(&run->feed->lock);
    run->ending = true;
    pthread_mutex_unlock(&run->feed->lock);
    for (;;) {
        struct err err = {0};
        if (feeding_finish(run->feed, &run->story, state, why, &err))
            return true;
        log_err(LOG_ERROR, "feed.unfinished", &err);
        if (run->feed->stopping || !wait_ms(run, ROOM_WAIT_MS))
            return false;
    }
}

static enum run_state failed_state(const struct run *run, const struct err *err)
{
    if (err->code == ERR_CANCELLED)
        return RUN_CANCELLED;
    return run->story.counts.received > 0 ? RUN_INCOMPLETE : RUN_FAILED;
}

static void ended(struct run *run, bool ok)
{
    struct feed *feed = run->feed;
    struct plan *plan = run->plan;

    pthread_mutex_lock(&feed->lock);
    int64_t period = run->source->period_ms;
    plan->failures = ok ? 0 : plan->failures + 1;
    int shift = plan->failures < 10 ? plan->failures - 1 : 9;
    int64_t wait = ok || period < BACKOFF_MS ? period : BACKOFF_MS << shift;
    plan->next_ms = clock_mono_ms() + (wait < period ? wait : period);
    plan->run = NULL;
    run->next = feed->ended;
    feed->ended = run;
    pthread_cond_broadcast(&feed->idle);
    pthread_mutex_unlock(&feed->lock);
}

static void *run_main(void *arg)
{
    struct run *run = arg;
    struct feed *feed = run->feed;
    const struct story_teller teller = {feed->options.host, run->plan->instance, feed->options.store, &feed->stopping};
    struct err err = {0};
    bool ok = fetch(run, &err);

    run->story.fetched_ms = clock_wall_ms();
    if (!ok)
        log_err(LOG_WARN, "feed.failed", &err);
    if (finish(run, ok ? RUN_DONE : failed_state(run, &err), &err))
        story_tell(&teller, &run->story, ok, &err);
    ended(run, ok);
    return NULL;
}

/* ---- the start ---- */

static void fill_story(struct run *run, const struct feed_request *request)
{
    struct story *story = &run->story;

    story->state = RUN_RUNNING;
    story->phase = PHASE_FETCH;
    story->actor_kind = request->actor.kind;
    (void)snprintf(story->actor, sizeof(story->actor), "%s", request->actor.id);
    (void)snprintf(story->source, sizeof(story->source), "%s", run->plan->id);
    (void)snprintf(story->feeds, sizeof(story->feeds), "%s", run->source->feeds);
    story->full = request->full || full_is_due(run);
    story->dry_run = request->dry_run;
    story->started_ms = clock_wall_ms();
    story->total = -1;
}

static bool spawn(struct run *run, struct err *err)
{
    memcpy(run->id, run->story.id, sizeof(run->id));
    int rc = pthread_create(&run->thread, NULL, run_main, run);
    if (rc != 0)
        return err_set(err, ERR_INTERNAL, "feed", "thread: %s", strerror(rc));
    run->plan->run = run;
    return true;
}

bool feeding_start(struct feed *feed, struct plan *plan, const struct feed_request *request, char *run_id_out,
                   struct err *err)
{
    struct run *run = feeding_new(feed, plan);

    fill_story(run, request);
    if (request->file != NULL)
        run->file = xstrdup(request->file);
    if (!story_begin(feed->options.ledger, &run->story, err) || !spawn(run, err)) {
        feeding_free(&run);
        return false;
    }
    if (run_id_out != NULL)
        (void)snprintf(run_id_out, RUN_ID_SIZE, "%s", run->id);
    return true;
}
