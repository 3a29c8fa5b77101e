/* The plans: which source runs when, what a person asked for, what happens to held runs, and what a crash left. */
#include "sync/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json/json.h"
#include "sync/internal.h"

static void on_news(void *arg, const struct ledger_news *news);

struct sync *sync_new(const struct sync_options *options)
{
    struct sync *sync = xcalloc(1, sizeof *sync);
    sync->host = options->host;
    sync->ledger = options->ledger;
    sync->store = options->store;
    sync->spill_dir = xstrdup(options->spill_dir != NULL ? options->spill_dir : P_tmpdir);
    sync->overlap_ms = options->overlap_ms > 0 ? options->overlap_ms : 600000;
    pthread_mutex_init(&sync->lock, NULL);
    pthread_mutex_init(&sync->granted_lock, NULL);
    pthread_condattr_t mono;
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&sync->idle, &mono);
    pthread_condattr_destroy(&mono);
    ledger_on_commit(sync->ledger, on_news, sync);
    return sync;
}

static void plan_free(struct plan *plan)
{
    host_close(&plan->instance);
    free(plan->instance_digest);
    free(plan);
}

static void join_ended(struct sync *sync)
{
    pthread_mutex_lock(&sync->lock);
    struct run *runs = sync->ended;
    sync->ended = NULL;
    pthread_mutex_unlock(&sync->lock);
    while (runs != NULL) {
        struct run *run = runs;
        runs = run->next;
        pthread_join(run->thread, NULL);
        run_free(&run);
    }
}

void sync_free(struct sync **sync)
{
    struct sync *s = *sync;
    if (s == NULL)
        return;
    *sync = NULL;
    sync_stop(s);
    while (s->plans != NULL) {
        struct plan *plan = s->plans;
        s->plans = plan->next;
        plan_free(plan);
    }
    directory_free(&s->directory);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->granted_lock);
    pthread_cond_destroy(&s->idle);
    free(s->spill_dir);
    free(s);
}

/* ---- sources ---- */

static struct plan *plan_find(struct sync *sync, const char *id)
{
    for (struct plan *plan = sync->plans; plan != NULL; plan = plan->next) {
        if (strcmp(plan->id, id) == 0 && !plan->gone)
            return plan;
    }
    return NULL;
}

static char *digest_of(const struct source *source)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    char hex[2 * CRYPTO_DIGEST_SIZE + 1];
    settings_digest(source->adapter, source->settings, source->setting_n, digest);
    return xstrdup(hex_encode(digest, sizeof digest, hex));
}

static bool open_instance(struct sync *sync, const struct source *source, struct host_instance **out, struct err *err)
{
    struct host_setting *settings = xcalloc(source->setting_n + 1, sizeof *settings);
    for (size_t i = 0; i < source->setting_n; i++)
        settings[i] = (struct host_setting){source->settings[i].name, source->settings[i].value};
    bool ok = host_open(sync->host, source->adapter, settings, source->setting_n, source->place, out, err);
    free(settings);
    return ok;
}

static bool is_paused(const struct plan *plan, const struct source *source)
{
    return plan->said == SAID_PAUSE || (plan->said == SAID_NOTHING && source->paused);
}

/* When a source was last carried out and whether it is paused, as the store remembers. */
static void plan_remember(struct sync *sync, struct plan *plan, const struct source *source)
{
    struct err err = {0};
    struct store_txn *txn = store_read(sync->store, &err);
    if (txn == NULL)
        return;
    AUTO_ARENA arena = arena_new();
    struct source_state state;
    char name[RECORD_ID_MAX + 16];
    snprintf(name, sizeof name, "paused:%s", plan->id);
    plan->said = (enum said)store_number(txn, TABLE_META, name);
    int64_t wait = 0;
    if (source_state_read(txn, arena, plan->id, &state, &err) && state.completed_ms > 0) {
        int64_t age = clock_wall_ms() - state.completed_ms;
        wait = age < 0 ? source->period_ms : age < source->period_ms ? source->period_ms - age : 0;
    }
    plan->next_ms = clock_mono_ms() + wait;
    store_read_end(&txn);
}

static bool plan_update(struct sync *sync, const struct source *source, struct err *err)
{
    struct plan *plan = plan_find(sync, source->id);
    char *digest = digest_of(source);
    bool same = plan != NULL && strcmp(plan->instance_digest, digest) == 0;
    struct host_instance *instance = NULL;
    if (same || !open_instance(sync, source, &instance, err)) {
        free(digest);
        return same;
    }
    if (plan != NULL)
        plan->gone = true; /* freed when its run has ended */
    struct plan *fresh = xcalloc(1, sizeof *fresh);
    snprintf(fresh->id, sizeof fresh->id, "%s", source->id);
    fresh->instance = instance;
    fresh->instance_digest = digest;
    plan_remember(sync, fresh, source);
    fresh->next = sync->plans;
    sync->plans = fresh;
    return true;
}

static void drop_gone(struct sync *sync)
{
    for (struct plan **at = &sync->plans; *at != NULL;) {
        struct plan *plan = *at;
        bool used = plan->run != NULL;
        for (struct run *run = sync->ended; run != NULL; run = run->next)
            used = used || run->plan == plan;
        if (!plan->gone || used) {
            at = &plan->next;
            continue;
        }
        *at = plan->next;
        plan_free(plan);
    }
}

static bool is_list(const struct source *source)
{
    return source != NULL && source->feeds == NULL;
}

bool sync_set_directory(struct sync *sync, struct directory *directory, struct config_faults *faults)
{
    size_t before = faults->n;
    pthread_mutex_lock(&sync->lock);
    for (size_t i = 0; i < directory_sources(directory); i++) {
        const struct source *source = directory_source(directory, i);
        struct err err = {0};
        if (source->feeds == NULL && !plan_update(sync, source, &err))
            config_fault(faults, &err);
    }
    for (struct plan *plan = sync->plans; plan != NULL; plan = plan->next)
        plan->gone = plan->gone || !is_list(directory_source_find(directory, plan->id));
    directory_free(&sync->directory);
    sync->directory = directory_ref(directory);
    drop_gone(sync);
    pthread_mutex_unlock(&sync->lock);
    return faults->n == before;
}

/* ---- held runs that a person decided ---- */

/* On the committer: only remember; the next tick acts. A full list is found again at the next start. */
static void on_news(void *arg, const struct ledger_news *news)
{
    struct sync *sync = arg;
    if (news->approval_id == NULL || strcmp(news->what, "run") != 0)
        return;
    pthread_mutex_lock(&sync->granted_lock);
    if (sync->granted_n < GRANTED_MAX) {
        struct granted *slot = &sync->granted[sync->granted_n++];
        slot->granted = news->granted;
        snprintf(slot->run_id, sizeof slot->run_id, "%s", news->object);
    }
    pthread_mutex_unlock(&sync->granted_lock);
}

static bool close_held(struct sync *sync, const char *run_id, struct err *err)
{
    struct story story;
    struct store_txn *txn = store_read(sync->store, err);
    bool ok = txn != NULL && story_get(txn, run_id, &story, err);
    store_read_end(&txn);
    CHECK(ok);
    return run_finish(sync, &story, RUN_CANCELLED, NULL, err);
}

/* True when nothing is left to do for it now; false: its source is busy, look again. */
static bool act_on_one(struct sync *sync, const struct granted *granted)
{
    struct err err = {0};
    struct story story;
    struct store_txn *txn = store_read(sync->store, &err);
    bool held = txn != NULL && story_get(txn, granted->run_id, &story, &err) && story.state == RUN_HELD;
    store_read_end(&txn);
    if (!held)
        return true;
    struct plan *plan = plan_find(sync, story.source);
    if (granted->granted && plan != NULL && plan->run != NULL)
        return false;
    bool go_on = granted->granted && plan != NULL;
    bool ok = go_on ? run_resume(sync, plan, granted->run_id, &err) : close_held(sync, granted->run_id, &err);
    if (!ok)
        log_err(LOG_ERROR, "sync.granted", &err);
    return true;
}

/* Called with the sync's lock held. */
static void act_on_granted(struct sync *sync)
{
    struct granted todo[GRANTED_MAX];
    pthread_mutex_lock(&sync->granted_lock);
    size_t n = sync->granted_n;
    memcpy(todo, sync->granted, n * sizeof *todo);
    sync->granted_n = 0;
    pthread_mutex_unlock(&sync->granted_lock);
    for (size_t i = 0; i < n; i++) {
        if (act_on_one(sync, &todo[i]))
            continue;
        pthread_mutex_lock(&sync->granted_lock);
        if (sync->granted_n < GRANTED_MAX)
            sync->granted[sync->granted_n++] = todo[i];
        pthread_mutex_unlock(&sync->granted_lock);
    }
}

/* ---- time ---- */

void sync_tick(struct sync *sync)
{
    join_ended(sync);
    pthread_mutex_lock(&sync->lock);
    drop_gone(sync);
    if (!sync->stopping)
        act_on_granted(sync);
    int64_t now = clock_mono_ms();
    for (struct plan *plan = sync->plans; plan != NULL && !sync->stopping; plan = plan->next) {
        const struct source *source = directory_source_find(sync->directory, plan->id);
        bool due =
            source != NULL && !plan->gone && plan->run == NULL && !is_paused(plan, source) && plan->next_ms <= now;
        if (!due)
            continue;
        struct sync_request request = {.source = plan->id, .actor = {ACTOR_TIMER, ""}};
        struct err err = {0};
        plan->next_ms = now + source->period_ms;
        if (!run_start(sync, plan, &request, NULL, &err))
            log_err(LOG_WARN, "sync.start", &err);
    }
    pthread_mutex_unlock(&sync->lock);
}

static bool any_running(const struct sync *sync)
{
    for (const struct plan *plan = sync->plans; plan != NULL; plan = plan->next) {
        if (plan->run != NULL)
            return true;
    }
    return false;
}

void sync_stop(struct sync *sync)
{
    pthread_mutex_lock(&sync->lock);
    sync->stopping = true;
    for (struct plan *plan = sync->plans; plan != NULL; plan = plan->next) {
        if (plan->run != NULL)
            run_cancel(plan->run);
    }
    while (any_running(sync))
        pthread_cond_wait(&sync->idle, &sync->lock);
    pthread_mutex_unlock(&sync->lock);
    join_ended(sync);
}

/* ---- people ---- */

#define ENDING_WAIT_MS 5000

/* A run whose end was kept may still be telling its source of it. */
static struct plan *plan_settled(struct sync *sync, const char *id)
{
    struct plan *plan = plan_find(sync, id);
    const struct timespec until = clock_deadline(ENDING_WAIT_MS);
    while (plan != NULL && plan->run != NULL && plan->run->ending &&
           pthread_cond_timedwait(&sync->idle, &sync->lock, &until) == 0)
        plan = plan_find(sync, id);
    return plan;
}

bool sync_start(struct sync *sync, const struct sync_request *request, char *run_id_out, struct err *err)
{
    pthread_mutex_lock(&sync->lock);
    struct plan *plan = plan_settled(sync, request->source);
    bool ok = false;
    if (plan == NULL)
        err_set(err, ERR_SOURCE_UNKNOWN, "source", "%.64s", request->source);
    else if (sync->stopping)
        err_set(err, ERR_STOPPING, "sync", "no new runs");
    else if (plan->run != NULL)
        err_set(err, ERR_RUN_BUSY, plan->id, "%s", plan->run->id);
    else if (request->file != NULL && !host_may_read(plan->instance, request->file))
        err_set(err, ERR_RUN_FILE, plan->id, "%.256s", request->file);
    else
        ok = run_start(sync, plan, request, run_id_out, err);
    pthread_mutex_unlock(&sync->lock);
    return ok;
}

bool sync_cancel(struct sync *sync, const char *run_id, const struct actor *actor, struct err *err)
{
    pthread_mutex_lock(&sync->lock);
    for (struct plan *plan = sync->plans; plan != NULL; plan = plan->next) {
        if (plan->run != NULL && strcmp(plan->run->id, run_id) == 0) {
            log_event(LOG_NOTICE, "sync.cancel", "run=%s by=%s", plan->run->id, actor->id);
            run_cancel(plan->run);
            pthread_mutex_unlock(&sync->lock);
            return true;
        }
    }
    pthread_mutex_unlock(&sync->lock);
    struct story story;
    struct store_txn *txn = store_read(sync->store, err);
    bool ok = txn != NULL && story_get(txn, run_id, &story, err);
    store_read_end(&txn);
    CHECK(ok);
    return err_set(err, ERR_RUN_STATE, run_id, "%s; a held run is decided by approve grant or reject",
                   story_state_name(story.state));
}

struct pause {
    const char *source;
    enum said said;
};

static bool pause_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct pause *pause = arg;
    store_set_number(ledger_txn(tx), TABLE_META, arena_printf(ledger_arena(tx), "paused:%s", pause->source),
                     pause->said);
    return !store_failed(ledger_txn(tx), err);
}

bool sync_pause(struct sync *sync, const char *source, bool paused, const struct actor *actor, struct err *err)
{
    enum said said = paused ? SAID_PAUSE : SAID_RESUME;
    pthread_mutex_lock(&sync->lock);
    struct plan *plan = plan_find(sync, source);
    if (plan != NULL)
        plan->said = said;
    pthread_mutex_unlock(&sync->lock);
    if (plan == NULL)
        return err_set(err, ERR_SOURCE_UNKNOWN, "source", "%.64s", source);
    log_event(LOG_NOTICE, paused ? "sync.pause" : "sync.resume", "source=%s by=%s", source, actor->id);
    struct pause pause = {source, said};
    return ledger_run(sync->ledger, pause_job, &pause, err);
}

/* ---- after a crash ---- */

static bool recover_one(struct sync *sync, struct story *story, struct err *err)
{
    if (story->phase == PHASE_APPLY) {
        log_event(LOG_NOTICE, "sync.roll_forward", "run=%s source=%s", story->id, story->source);
        return run_apply(sync, story, err) && run_finish(sync, story, RUN_DONE, NULL, err);
    }
    struct err why = {0};
    err_set(&why, ERR_CANCELLED, story->id,
            "the gateway stopped while the list was being fetched; nothing was changed");
    return run_finish(sync, story, RUN_CANCELLED, &why, err);
}

/* A held run whose approval is decided but was not acted on before the stop. */
static bool recover_held(struct sync *sync, struct story *story, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct approval approval;
    struct store_txn *txn = store_read(sync->store, err);
    bool ok = txn != NULL && approval_read(txn, arena, story->approval, &approval, err);
    store_read_end(&txn);
    CHECK(ok);
    if (strcmp(approval.state, "granted") == 0)
        return run_apply(sync, story, err) && run_finish(sync, story, RUN_DONE, NULL, err);
    if (strcmp(approval.state, "open") != 0)
        return run_finish(sync, story, RUN_CANCELLED, NULL, err);
    return true;
}

bool sync_recover(struct sync *sync, struct err *err)
{
    struct story story = {0};
    bool found = true;
    char after[RUN_ID_SIZE] = "";
    for (;;) {
        CHECK(story_next(sync->store, after, &story, &found, err));
        if (!found)
            return true;
        memcpy(after, story.id, sizeof after);
        if (story.feeds[0] != '\0')
            continue; /* not of a list */
        if (story.state == RUN_RUNNING)
            CHECK(recover_one(sync, &story, err));
        else if (story.state == RUN_HELD)
            CHECK(recover_held(sync, &story, err));
    }
}

/* ---- status ---- */

bool sync_source_status(struct sync *sync, const char *source, struct buf *out, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct source_state state;
    struct store_txn *txn = store_read(sync->store, err);
    bool ok = txn != NULL && source_state_read(txn, arena, source, &state, err);
    store_read_end(&txn);
    CHECK(ok);
    pthread_mutex_lock(&sync->lock);
    struct plan *plan = plan_find(sync, source);
    const struct source *known = sync->directory == NULL ? NULL : directory_source_find(sync->directory, source);
    if (plan == NULL || known == NULL) {
        pthread_mutex_unlock(&sync->lock);
        return err_set(err, ERR_SOURCE_UNKNOWN, "source", "%.64s", source);
    }
    static const char *const scopes[] = {"full", "batch", "delta"};
    struct json_out json;
    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_string(&json, "id", source);
    json_add_string(&json, "name", known->name);
    json_add_string(&json, "adapter", known->adapter);
    json_add_string(&json, "scope", scopes[known->scope]);
    json_add_integer(&json, "period_ms", known->period_ms);
    json_add_boolean(&json, "paused", is_paused(plan, known));
    if (plan->run != NULL)
        json_add_string(&json, "running", plan->run->id);
    json_add_integer(&json, "failures", plan->failures);
    int64_t wait = plan->next_ms - clock_mono_ms();
    json_add_time(&json, "next_run", clock_wall_ms() + (wait > 0 ? wait : 0));
    json_add_string_opt(&json, "list_version", state.list_version);
    json_add_time(&json, "completed_at", state.completed_ms);
    json_add_boolean(&json, "complete_list", state.full);
    json_end_object(&json);
    pthread_mutex_unlock(&sync->lock);
    return true;
}
