/* time: what is done because time passes. Two threads that may block: one keeps the access log, the other watches the
 * clock, starts runs and lets dates take effect. */
#include "daemon/internal.h"

#include <inttypes.h>
#include <stdlib.h>

#define STEP_MS 2000                     /* more between wall and monotonic time than drift in a second can be */
#define FORGET_MS (60 * 60 * 1000)
#define TAKE_UP_MS (60 * 1000)
#define REFUSED_MS (1096LL * 24 * 60 * 60 * 1000) /* refused messages are kept three years */
#define LOOK_MS 60000                    /* new facts may be due earlier than what was known */

static bool segment_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct record record = *(const struct record *)arg;

    return ledger_record(tx, &record, err);
}

bool time_access_ended(void *arg, const char *segment, const char *digest_hex, uint64_t lines, struct err *err)
{
    struct daemon *daemon = arg;
    AUTO_ARENA arena = arena_new();
    struct record record;

    record_init(&record, RECORD_ACCESS);
    record.actor = (struct actor){ACTOR_GATEWAY, ""};
    record.object = segment;
    record.object_digest = digest_hex;
    record.note = arena_printf(arena, "lines=%" PRIu64, lines);
    return ledger_run(daemon->ledger, segment_job, &record, err);
}

static void access_beat(void *arg)
{
    struct daemon *daemon = arg;

    access_tick(daemon->access);
}

/* Answers carry times: a clock that jumps must leave a trace. */
static void watch_clock(struct watch *watch)
{
    int64_t difference = clock_wall_ms() - clock_mono_ms();
    int64_t step = difference - watch->difference;

    if (llabs(step) > STEP_MS) {
        log_event(LOG_WARN, "clock.step", "by_ms=%" PRId64, step);
        watch->due_ms = clock_wall_ms();
    }
    watch->difference = difference;
}

static bool is_due(const struct watch *watch, int64_t wall_ms, int64_t mono_ms)
{
    return (watch->due_ms != 0 && wall_ms >= watch->due_ms) || mono_ms - watch->looked_ms >= LOOK_MS ||
           date_of_ms(wall_ms) != watch->day;
}

static void let_dates_pass(struct daemon *daemon)
{
    struct watch *watch = &daemon->watch;
    int64_t wall_ms = clock_wall_ms(), mono_ms = clock_mono_ms(), next_ms = 0;
    struct err err = {0};

    if (!is_due(watch, wall_ms, mono_ms))
        return;
    watch->looked_ms = mono_ms;
    watch->day = date_of_ms(wall_ms);
    if (ledger_time(daemon->ledger, &next_ms, &err))
        watch->due_ms = next_ms;
    else
        log_err(LOG_ERROR, "time.facts", &err);
}

/* A version comes into force by its date or by a reload. */
static void follow_rules(struct daemon *daemon)
{
    struct watch *watch = &daemon->watch;
    date_day today = date_of_ms(clock_wall_ms());
    uint64_t generation = (uint64_t)metric_get(METRIC_CONFIG_GENERATION);
    struct err err = {0};

    if (watch->rules_day == today && watch->rules_generation == generation)
        return;
    if (ledger_follow_rules(daemon->ledger, &err)) {
        watch->rules_day = today;
        watch->rules_generation = generation;
    } else {
        log_err(LOG_ERROR, "rules.follow", &err);
    }
}

/* Of runs that are long over only the journal's record stays. */
static void forget_runs(struct daemon *daemon)
{
    struct watch *watch = &daemon->watch;
    int64_t wall_ms = clock_wall_ms(), mono_ms = clock_mono_ms();
    struct err err = {0};

    if (mono_ms - watch->forgot_ms < FORGET_MS && date_of_ms(wall_ms) == watch->forgot_day)
        return;
    watch->forgot_ms = mono_ms;
    watch->forgot_day = date_of_ms(wall_ms);
    pthread_mutex_lock(&daemon->lock);
    int64_t term_ms = daemon->force.config->retention_runs;
    pthread_mutex_unlock(&daemon->lock);
    if (!sync_forget(daemon->sync, wall_ms - term_ms, &err))
        log_err(LOG_WARN, "sync.forget", &err);
    if (!delivery_forget(daemon->delivery, wall_ms - term_ms, &err))
        log_err(LOG_WARN, "delivery.forget", &err);
    if (!intake_forget(daemon->intake, wall_ms - REFUSED_MS, &err))
        log_err(LOG_WARN, "message.forget", &err);
}

/* What persons decided is carried out at once; this takes up what then found no room. */
static void take_up_messages(struct daemon *daemon)
{
    int64_t mono_ms = clock_mono_ms();

    if (mono_ms - daemon->watch.took_up_ms < TAKE_UP_MS)
        return;
    daemon->watch.took_up_ms = mono_ms;
    intake_tick(daemon->intake);
}

static void time_beat(void *arg)
{
    struct daemon *daemon = arg;

    watch_clock(&daemon->watch);
    sync_tick(daemon->sync);
    feed_tick(daemon->feed);
    let_dates_pass(daemon);
    follow_rules(daemon);
    forget_runs(daemon);
    take_up_messages(daemon);
}

bool time_start(struct daemon *daemon, struct err *err)
{
    daemon->watch = (struct watch){.difference = clock_wall_ms() - clock_mono_ms()};
    CHECK(beat_start(access_beat, daemon, &daemon->access_beat, err));
    return beat_start(time_beat, daemon, &daemon->time_beat, err);
}

void time_stop(struct daemon *daemon)
{
    beat_stop(&daemon->time_beat);
    beat_stop(&daemon->access_beat);
}
