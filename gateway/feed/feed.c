/* The plans: which source runs when, what a person asked for, and what a crash left. */
#include "feed/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "feed/internal.h"
#include "json/json.h"

#define ENDING_WAIT_MS 5000

struct feed *feed_new(const struct feed_options *options)
{
    struct feed *feed = xcalloc(1, sizeof(*feed));
    pthread_condattr_t mono;

    feed->options = *options;
    pthread_mutex_init(&feed->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&feed->idle, &mono);
    pthread_condattr_destroy(&mono);
    return feed;
}

static void plan_free(struct plan *plan)
{
    host_close(&plan->instance);
    free(plan);
}

static void join_ended(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    struct run *runs = feed->ended;
    feed->ended = NULL;
    pthread_mutex_unlock(&feed->lock);
    while (runs != NULL) {
        struct run *run = runs;
        runs = run->next;
        pthread_join(run->thread, NULL);
        feeding_free(&run);
    }
}

void feed_free(struct feed **feed)
{
    struct feed *f = *feed;

    if (f == NULL)
        return;
    *feed = NULL;
    feed_stop(f);
    while (f->plans != NULL) {
        struct plan *plan = f->plans;
        f->plans = plan->next;
        plan_free(plan);
    }
    directory_free(&f->directory);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->idle);
    free(f);
}

/* ---- sources ---- */

static struct plan *plan_find(struct feed *feed, const char *id)
{
    for (struct plan *plan = feed->plans; plan != NULL; plan = plan->next)
        if (strcmp(plan->id, id) == 0 && !plan->gone)
            return plan;
    return NULL;
}

static bool open_instance(struct feed *feed, const struct source *source, struct host_instance **out, struct err *err)
{
    struct host_setting *settings = xcalloc(source->setting_n + 1, sizeof(*settings));

    for (size_t i = 0; i < source->setting_n; i++)
        settings[i] = (struct host_setting){source->settings[i].name, source->settings[i].value};
    bool ok = host_open(feed->options.host, source->adapter, settings, source->setting_n, source->place, out, err);
    free(settings);
    return ok;
}

/* When a source was last carried out and whether it is paused, as the store remembers. */
static void plan_remember(struct feed *feed, struct plan *plan, const struct source *source)
{
    AUTO_ARENA arena = arena_new();
    struct err err = {0};
    struct source_state state;
    char name[RECORD_ID_MAX + 16];
    int64_t wait = 0;
    struct store_txn *txn = store_read(feed->options.store, &err);

    if (txn == NULL)
        return;
    (void)snprintf(name, sizeof(name), "paused:%s", plan->id);
    plan->said = (enum said)store_number(txn, TABLE_META, name);
    if (source_state_read(txn, arena, plan->id, &state, &err) && state.completed_ms > 0) {
        int64_t age = clock_wall_ms() - state.completed_ms;
        wait = age < 0 ? source->period_ms : age < source->period_ms ? source->period_ms - age : 0;
    }
    plan->next_ms = clock_mono_ms() + wait;
    store_read_end(&txn);
}

static bool plan_update(struct feed *feed, const struct source *source, struct err *err)
{
    struct plan *plan = plan_find(feed, source->id), *fresh;
    struct host_instance *instance = NULL;
    uint8_t sum[CRYPTO_DIGEST_SIZE];
    char digest[sizeof(plan->digest)];

    settings_digest(source->adapter, source->settings, source->setting_n, sum);
    (void)hex_encode(sum, sizeof(sum), digest);
    if (plan != NULL && strcmp(plan->digest, digest) == 0)
        return true;
    CHECK(open_instance(feed, source, &instance, err));
    if (plan != NULL)
        plan->gone = true; /* freed when its run has ended */
    fresh = xcalloc(1, sizeof(*fresh));
    (void)snprintf(fresh->id, sizeof(fresh->id), "%s", source->id);
    fresh->instance = instance;
    memcpy(fresh->digest, digest, sizeof(digest));
    plan_remember(feed, fresh, source);
    fresh->next = feed->plans;
    feed->plans = fresh;
    return true;
}

static bool is_used(const struct feed *feed, const struct plan *plan)
{
    bool used = plan->run != NULL;

    for (const struct run *run = feed->ended; run != NULL; run = run->next)
        used = used || run->plan == plan;
    return used;
}

static void drop_gone(struct feed *feed)
{
    for (struct plan **at = &feed->plans; *at != NULL;) {
        struct plan *plan = *at;
        if (!plan->gone || is_used(feed, plan)) {
            at = &plan->next;
            continue;
        }
        *at = plan->next;
        plan_free(plan);
    }
}

static bool feeds(const struct source *source)
{
    return source != NULL && source->feeds != NULL;
}

bool feed_set_directory(struct feed *feed, struct directory *directory, struct config_faults *faults)
{
    size_t before = faults->n;

    pthread_mutex_lock(&feed->lock);
    for (size_t i = 0; i < directory_sources(directory); i++) {
        const struct source *source = directory_source(directory, i);
        struct err err = {0};
        if (feeds(source) && !plan_update(feed, source, &err))
            config_fault(faults, &err);
    }
    for (struct plan *plan = feed->plans; plan != NULL; plan = plan->next)
        plan->gone = plan->gone || !feeds(directory_source_find(directory, plan->id));
    directory_free(&feed->directory);
    feed->directory = directory_ref(directory);
    drop_gone(feed);
    pthread_mutex_unlock(&feed->lock);
    return faults->n == before;
}

/* ---- time ---- */

static bool is_paused(const struct plan *plan, const struct source *source)
{
    return plan->said == SAID_PAUSE || (plan->said == SAID_NOTHING && source->paused);
}

static void start_due(struct feed *feed, struct plan *plan, int64_t now_ms)
{
    const struct source *source = directory_source_find(feed->directory, plan->id);
    const struct feed_request request = {.source = plan->id, .actor = {ACTOR_TIMER, ""}};
    struct err err = {0};

    if (!feeds(source) || plan->gone || plan->run != NULL || is_paused(plan, source) || plan->next_ms > now_ms)
        return;
    plan->next_ms = now_ms + source->period_ms;
    if (!feeding_start(feed, plan, &request, NULL, &err))
        log_err(LOG_WARN, "feed.start", &err);
}

void feed_tick(struct feed *feed)
{
    join_ended(feed);
    pthread_mutex_lock(&feed->lock);
    drop_gone(feed);
    for (struct plan *plan = feed->plans; plan != NULL && !feed->stopping; plan = plan->next)
        start_due(feed, plan, clock_mono_ms());
    pthread_mutex_unlock(&feed->lock);
}

static bool any_running(const struct feed *feed)
{
    for (const struct plan *plan = feed->plans; plan != NULL; plan = plan->next)
        if (plan->run != NULL)
            return true;
    return false;
}

void feed_stop(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    feed->stopping = true;
    for (struct plan *plan = feed->plans; plan != NULL; plan = plan->next)
        if (plan->run != NULL)
            feeding_cancel(plan->run);
    while (any_running(feed))
        pthread_cond_wait(&feed->idle, &feed->lock);
    pthread_mutex_unlock(&feed->lock);
    join_ended(feed);
}

/* ---- people ---- */

/* A run whose end was kept may still be telling its source of it. */
static struct plan *plan_settled(struct feed *feed, const char *id)
{
    struct plan *plan = plan_find(feed, id);
    const struct timespec until = clock_deadline(ENDING_WAIT_MS);

    while (plan != NULL && plan->run != NULL && plan->run->ending &&
           pthread_cond_timedwait(&feed->idle, &feed->lock, &until) == 0)
        plan = plan_find(feed, id);
    return plan;
}

bool feed_start(struct feed *feed, const struct feed_request *request, char *run_id_out, struct err *err)
{
    pthread_mutex_lock(&feed->lock);
    struct plan *plan = plan_settled(feed, request->source);
    bool ok = false;
    if (plan == NULL)
        err_set(err, ERR_SOURCE_UNKNOWN, "source", "%.64s", request->source);
    else if (feed->stopping)
        err_set(err, ERR_STOPPING, "feed", "no new runs");
    else if (plan->run != NULL)
        err_set(err, ERR_RUN_BUSY, plan->id, "%s", plan->run->id);
    else if (request->file != NULL && !host_may_read(plan->instance, request->file))
        err_set(err, ERR_RUN_FILE, plan->id, "%.256s", request->file);
    else
        ok = feeding_start(feed, plan, request, run_id_out, err);
    pthread_mutex_unlock(&feed->lock);
    return ok;
}

bool feed_cancel(struct feed *feed, const char *run_id, const struct actor *actor, struct err *err)
{
    bool found = false;

    pthread_mutex_lock(&feed->lock);
    for (struct plan *plan = feed->plans; plan != NULL && !found; plan = plan->next) {
        found = plan->run != NULL && strcmp(plan->run->id, run_id) == 0;
        if (found)
            feeding_cancel(plan->run);
    }
    pthread_mutex_unlock(&feed->lock);
    if (!found)
        return err_set(err, ERR_RUN_UNKNOWN, "run", "%.40s", run_id);
    log_event(LOG_NOTICE, "feed.cancel", "run=%s by=%s", run_id, actor->id);
    return true;
}

struct pause {
    const char *source;
    enum said said;
};

static bool pause_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct pause *pause = arg;
    const char *name = arena_printf(ledger_arena(tx), "paused:%s", pause->source);

    store_set_number(ledger_txn(tx), TABLE_META, name, (uint64_t)pause->said);
    return !store_failed(ledger_txn(tx), err);
}

bool feed_pause(struct feed *feed, const char *source, bool paused, const struct actor *actor, struct err *err)
{
    struct pause pause = {source, paused ? SAID_PAUSE : SAID_RESUME};

    pthread_mutex_lock(&feed->lock);
    struct plan *plan = plan_find(feed, source);
    if (plan != NULL)
        plan->said = pause.said;
    pthread_mutex_unlock(&feed->lock);
    if (plan == NULL)
        return err_set(err, ERR_SOURCE_UNKNOWN, "source", "%.64s", source);
    log_event(LOG_NOTICE, paused ? "feed.pause" : "feed.resume", "source=%s by=%s", source, actor->id);
    return ledger_run(feed->options.ledger, pause_job, &pause, err);
}

/* ---- after a crash ---- */

static bool recover_one(struct feed *feed, struct story *story, struct err *err)
{
    struct err why = {0};

    err_set(&why, ERR_CANCELLED, story->id,
            "the gateway stopped; the rows that were taken stay, the next run takes the rest");
    return feeding_finish(feed, story, RUN_CANCELLED, &why, err);
}

bool feed_recover(struct feed *feed, struct err *err)
{
    struct story story = {0};
    char after[RUN_ID_SIZE] = "";
    bool found;

    for (;;) {
        CHECK(story_next(feed->options.store, after, &story, &found, err));
        if (!found)
            return true;
        memcpy(after, story.id, sizeof(after));
        if (story.feeds[0] != '\0' && story.state == RUN_RUNNING)
            CHECK(recover_one(feed, &story, err));
    }
}

/* ---- status ---- */

/* Called with feed's lock held. */
static void write_status(const struct plan *plan, const struct source *source, const struct source_state *state,
                         struct buf *out)
{
    int64_t wait = plan->next_ms - clock_mono_ms();
    struct json_out json;

    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_string(&json, "id", source->id);
    json_add_string(&json, "name", source->name);
    json_add_string(&json, "adapter", source->adapter);
    json_add_string(&json, "feeds", source->feeds);
    json_add_integer(&json, "period_ms", source->period_ms);
    json_add_boolean(&json, "paused", is_paused(plan, source));
    if (plan->run != NULL)
        json_add_string(&json, "running", plan->run->id);
    json_add_integer(&json, "failures", plan->failures);
    json_add_time(&json, "next_run", clock_wall_ms() + (wait > 0 ? wait : 0));
    json_add_time(&json, "completed_at", state->completed_ms);
    json_end_object(&json);
}

bool feed_source_status(struct feed *feed, const char *source, struct buf *out, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct source_state state;
    struct store_txn *txn = store_read(feed->options.store, err);
    bool ok = txn != NULL && source_state_read(txn, arena, source, &state, err);

    store_read_end(&txn);
    CHECK(ok);
    pthread_mutex_lock(&feed->lock);
    struct plan *plan = plan_find(feed, source);
    const struct source *known = feed->directory == NULL ? NULL : directory_source_find(feed->directory, source);
    if (plan != NULL && known != NULL)
        write_status(plan, known, &state, out);
    pthread_mutex_unlock(&feed->lock);
    return (plan != NULL && known != NULL) || err_set(err, ERR_SOURCE_UNKNOWN, "source", "%.64s", source);
}
