/* One run on its own thread: fetch, judge, then hold or apply, then tell. */
#include "sync/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_BASE_MS 1000

/* ---- life ---- */

static struct run *run_new(struct sync *sync, struct plan *plan)
{
    struct run *run = xcalloc(1, sizeof *run);
    run->sync = sync;
    run->plan = plan;
    run->directory = directory_ref(sync->directory);
    run->source = directory_source_find(run->directory, plan->id);
    run->pages = crypto_hash_new(CRYPTO_SHA256);
    run->row_arena = arena_new();
    run->spill = spill_new();
    settings_digest(run->source->adapter, run->source->settings, run->source->setting_n, run->map_digest);
    pthread_mutex_init(&run->lock, NULL);
    pthread_condattr_t mono;
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&run->changed, &mono);
    pthread_condattr_destroy(&mono);
    return run;
}

void run_free(struct run **run)
{
    struct run *r = *run;
    if (r == NULL)
        return;
    *run = NULL;
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    directory_free(&r->directory);
    crypto_hash_free(&r->pages);
    arena_free(&r->row_arena);
    spill_free(&r->spill);
    store_finder_close(&r->known);
    free(r->seen);
    free(r->file);
    free(r->batch);
    free(r);
}

bool run_is_cancelled(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    bool cancelled = run->cancelled;
    pthread_mutex_unlock(&run->lock);
    return cancelled;
}

void run_cancel(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    run->cancelled = true;
    if (run->job != NULL)
        host_cancel(run->job);
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

/* ---- fetching ---- */

static void fetch_ended(void *arg, const struct host_outcome *outcome)
{
    struct run *run = arg;
    pthread_mutex_lock(&run->lock);
    run->verdict = outcome->verdict;
    run->err = outcome->err;
    run->job = NULL;
    run->fetch_done = true;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

static int64_t since_ms(struct run *run, struct err *err)
{
    struct story_last last;
    if (!story_last(run->sync->store, run->source->id, &last, err))
        return 0;
    return story_since_ms(&last, run->sync->overlap_ms);
}

static enum gwa_scope job_scope(const struct run *run)
{
    if (run->story.full)
        return GWA_FULL;
    return run->source->scope == SOURCE_BATCH ? GWA_BATCH : GWA_DELTA;
}

/* One attempt. True when the adapter was started; its verdict is in run. */
static bool fetch_once(struct run *run, struct err *err)
{
    struct host_sink sink;
    run_sink(run, &sink);
    run_reset_rows(run);
    enum gwa_scope scope = job_scope(run);
    struct host_fetch fetch = {
        .scope = scope,
        .updated_since_ms = scope == GWA_DELTA ? since_ms(run, err) : 0,
        .file = run->file,
        .deadline_ms = run->source->deadline_ms,
    };
    pthread_mutex_lock(&run->lock);
    run->fetch_done = false;
    bool started = !run->cancelled && host_fetch_start(run->sync->host, run->plan->instance, &fetch, &sink, fetch_ended,
                                                       run, &run->job, err);
    while (started && !run->fetch_done)
        pthread_cond_wait(&run->changed, &run->lock);
    if (run->cancelled) {
        started = false;
        err_set(err, ERR_CANCELLED, run->story.id, "cancelled by a person or by stopping");
    }
    pthread_mutex_unlock(&run->lock);
    return started;
}

/* Waits before another attempt, unless cancelled. */
static void pause_between(struct run *run, int64_t ms)
{
    struct timespec until = clock_deadline(ms);
    pthread_mutex_lock(&run->lock);
    while (!run->cancelled && pthread_cond_timedwait(&run->changed, &run->lock, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&run->lock);
}

static enum err_code code_of(enum gwa_verdict verdict)
{
    switch (verdict) {
    case GWA_RETRY:
        return ERR_ADAPTER_RETRY;
    case GWA_REJECTED:
        return ERR_ADAPTER_REJECTED;
    case GWA_UNCERTAIN:
        return ERR_ADAPTER_UNCERTAIN;
    default:
        return ERR_ADAPTER_BROKEN;
    }
}

/* What the attempt came to; ERR_NONE: the whole list is staged. */
static void attempt_outcome(struct run *run, struct err *err)
{
    if (run->sink_err.code != ERR_NONE)
        *err = run->sink_err;
    else if (run->too_many)
        err_set(err, ERR_CLIENT_TOO_LARGE, "list", "over %u rows", ROWS_MAX);
    else if (run->list_changed)
        err_set(err, ERR_LIST_CHANGED, "list", "version or total differs between pages");
    else if (run->verdict == GWA_DONE)
        stage_write(run, err);
    else if (run->err.code != ERR_NONE)
        *err = run->err;
    else
        err_set(err, code_of(run->verdict), "fetch", "the adapter gave no reason");
}

static bool says_list_changed(const struct err *err)
{
    return err->code == ERR_LIST_CHANGED || strstr(err->detail, "list.changed") != NULL;
}

/* A list that changes under its pages is begun anew at once; a source that is away is tried again a little later. */
static bool may_try_again(struct run *run, const struct err *err)
{
    struct story *s = &run->story;
    if (says_list_changed(err)) {
        if (s->restarts >= SYNC_RESTARTS_MAX)
            return false;
        s->restarts++;
        return true;
    }
    if (err_info(err->code)->kind != ERR_KIND_TRANSIENT || s->attempts >= ATTEMPTS_MAX)
        return false;
    pause_between(run, RETRY_BASE_MS << (2 * (s->attempts - 1)));
    return !run_is_cancelled(run);
}

static bool fetch(struct run *run, struct err *err)
{
    for (;;) {
        *err = (struct err){0};
        run->story.attempts++;
        if (!fetch_once(run, err))
            return false;
        attempt_outcome(run, err);
        if (err->code == ERR_NONE)
            return true;
        log_err(LOG_NOTICE, "sync.attempt", err);
        if (!may_try_again(run, err))
            return false;
        struct err clear = {0};
        if (!stage_clear(run->sync, run->story.id, &clear)) {
            *err = clear;
            return false;
        }
    }
}

/* ---- the run ---- */

static void name_the_list(struct run *run)
{
    struct story *s = &run->story;
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    crypto_hash_end(run->pages, digest);
    hex_encode(digest, sizeof digest, s->pages);
    s->fetched_ms = clock_wall_ms();
    /* a source that names no version: the same bytes are the same version */
    if (s->list_version[0] == '\0')
        snprintf(s->list_version, sizeof s->list_version, "sha256:%.16s", s->pages);
}

static enum run_state failed_state(const struct run *run, const struct err *err)
{
    if (err->code == ERR_CANCELLED)
        return RUN_CANCELLED;
    return run->page_n > 0 ? RUN_INCOMPLETE : RUN_FAILED;
}

/* Who sees the run's end in the store may start the next one: that start waits for what is still to be told. */
static bool finish(struct run *run, enum run_state state, const struct err *why, struct err *err)
{
    pthread_mutex_lock(&run->sync->lock);
    run->ending = true;
    pthread_mutex_unlock(&run->sync->lock);
    return run_finish(run->sync, &run->story, state, why, err);
}

static bool carry_out(struct run *run, struct err *err)
{
    bool hold = false;
    CHECK(run_prepare_seen(run, err));
    CHECK(fetch(run, err));
    store_finder_close(&run->known); /* an old reader would keep every page that is now replaced */
    /* the source was looked at and had nothing to offer: no list, so nothing to judge */
    if (run->page_n == 0) {
        run->story.full = false;
        run->story.fetched_ms = clock_wall_ms();
        return finish(run, RUN_DONE, NULL, err);
    }
    name_the_list(run);
    run->story.phase = PHASE_JUDGE;
    CHECK(run_judge(run, &hold, err));
    if (run->story.dry_run || hold)
        return finish(run, run->story.dry_run ? RUN_DONE : RUN_HELD, NULL, err);
    CHECK(run_apply(run->sync, &run->story, err));
    return finish(run, RUN_DONE, NULL, err);
}

#define BACKOFF_MS (60 * 1000LL)

static void ended(struct run *run, bool ok)
{
    struct sync *sync = run->sync;
    struct plan *plan = run->plan;
    pthread_mutex_lock(&sync->lock);
    int64_t period = run->source->period_ms, now = clock_mono_ms();
    plan->failures = ok ? 0 : plan->failures + 1;
    int shift = plan->failures < 10 ? plan->failures - 1 : 9;
    int64_t wait = ok || period < BACKOFF_MS ? period : BACKOFF_MS << shift;
    plan->next_ms = now + (wait < period ? wait : period);
    plan->run = NULL;
    run->next = sync->ended;
    sync->ended = run;
    pthread_cond_broadcast(&sync->idle);
    pthread_mutex_unlock(&sync->lock);
}

#define ROOM_WAIT_MS 1000

/* Waits before what could not be written is tried again; false when the gateway stops: then it is left to the next
 * start. A person's cancelling does not end this: it is about what was decided already. */
static bool wait_for_room(struct run *run)
{
    struct timespec until = clock_deadline(ROOM_WAIT_MS);
    pthread_mutex_lock(&run->lock);
    while (!run->sync->stopping && pthread_cond_timedwait(&run->changed, &run->lock, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&run->lock);
    return !run->sync->stopping;
}

static bool end_once(struct run *run, enum run_state state, const struct err *why, struct err *err)
{
    if (state == RUN_DONE)
        CHECK(run_apply(run->sync, &run->story, err));
    return finish(run, state, why, err);
}

/* Brings a run to its end however often a full disk is in the way: no other run of its source begins before, so an
 * older list is never carried forward over a newer one. */
static bool end_at_last(struct run *run, enum run_state state, const struct err *why)
{
    enum err_code told = ERR_NONE;
    for (;;) {
        struct err err = {0};
        if (end_once(run, state, why, &err))
            return true;
        if (err.code != told)
            log_err(LOG_ERROR, "sync.unfinished", &err);
        told = err.code;
        if (!wait_for_room(run))
            return false;
    }
}

static void tell(const struct run *run, bool ok, const struct err *why)
{
    const struct sync *sync = run->sync;
    const struct story_teller teller = {sync->host, run->plan->instance, sync->store, &sync->stopping};
    story_tell(&teller, &run->story, ok, why);
}

static void *run_main(void *arg)
{
    struct run *run = arg;
    struct err err = {0};
    bool ok = carry_out(run, &err);
    if (!ok) {
        struct err kept = err;
        log_err(LOG_WARN, "sync.failed", &kept);
        /* what was being applied is rolled forward; everything else is as if it never ran */
        if (run->story.phase == PHASE_APPLY)
            ok = end_at_last(run, RUN_DONE, NULL);
        else
            (void)end_at_last(run, failed_state(run, &kept), &kept);
        if (ok)
            err = (struct err){0};
    }
    tell(run, ok, &err);
    ended(run, ok);
    return NULL;
}

static void *resume_main(void *arg)
{
    struct run *run = arg;
    struct err err = {0};
    bool ok = end_at_last(run, RUN_DONE, NULL);
    tell(run, ok, &err);
    ended(run, ok);
    return NULL;
}

static bool run_spawn(struct run *run, void *(*main)(void *), struct err *err)
{
    memcpy(run->id, run->story.id, sizeof run->id);
    int rc = pthread_create(&run->thread, NULL, main, run);
    if (rc != 0)
        return err_set(err, ERR_INTERNAL, "sync", "thread: %s", strerror(rc));
    run->plan->run = run;
    return true;
}

/* ---- starting ---- */

static bool full_is_due(struct run *run)
{
    const struct source *source = run->source;
    if (source->scope == SOURCE_FULL)
        return true;
    if (source->scope == SOURCE_BATCH)
        return false;
    struct err err = {0};
    struct story_last last;
    if (!story_last(run->sync->store, source->id, &last, &err))
        return false;
    return last.full_ms == 0 ||
           (source->full_every_ms > 0 && clock_wall_ms() - last.full_ms >= source->full_every_ms);
}

/* Called with the sync's lock held. */
bool run_start(struct sync *sync, struct plan *plan, const struct sync_request *request, char *run_id_out,
               struct err *err)
{
    struct run *run = run_new(sync, plan);
    struct story *s = &run->story;
    s->state = RUN_RUNNING;
    s->phase = PHASE_FETCH;
    s->actor_kind = request->actor.kind;
    snprintf(s->actor, sizeof s->actor, "%s", request->actor.id);
    snprintf(s->source, sizeof s->source, "%s", plan->id);
    s->full = request->full || full_is_due(run);
    s->dry_run = request->dry_run;
    s->initial = request->initial;
    s->started_ms = clock_wall_ms();
    s->total = -1;
    if (request->file != NULL)
        run->file = xstrdup(request->file);
    if (!story_begin(sync->ledger, s, err) || !run_spawn(run, run_main, err)) {
        run_free(&run);
        return false;
    }
    if (run_id_out != NULL)
        snprintf(run_id_out, RUN_ID_SIZE, "%s", s->id);
    return true;
}

/* A held run that a person granted. Called with the sync's lock held. */
bool run_resume(struct sync *sync, struct plan *plan, const char *run_id, struct err *err)
{
    struct run *run = run_new(sync, plan);
    struct store_txn *txn = store_read(sync->store, err);
    bool ok = txn != NULL && story_get(txn, run_id, &run->story, err);
    store_read_end(&txn);
    if (ok && run_spawn(run, resume_main, err))
        return true;
    run_free(&run);
    return false;
}
