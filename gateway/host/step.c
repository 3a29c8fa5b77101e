/* Step threads and the watcher.
 *
 * A step thread takes a job that is ready, runs one step without the lock and settles what the adapter answered. The
 * watcher ends jobs at their deadlines and samples running steps: time found in the adapter's own code adds up, and
 * at the limit the thread is abandoned with its job and another takes its place. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "host/internal.h"

#define SAMPLES_PER_LIMIT 16
#define SAMPLE_LEAST_MS 2

static void *step_thread(void *arg);

int64_t host_mono_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- steps ------------------------------------------------------------------------------------------ */

static struct host_job *take_ready(struct host *host)
{
    struct host_job *job = host->ready_first;

    if (job == NULL)
        return NULL;
    host->ready_first = job->next_ready;
    if (host->ready_first == NULL)
        host->ready_last = NULL;
    job->queued = false;
    return job;
}

static enum gwa_verdict call_adapter(struct host_job *job)
{
    const struct gwa_adapter *entry = &job->instance->adapter->entry;

    switch (job->kind) {
    case JOB_OPEN:
        return entry->open(&job->face, &job->instance->instance) ? GWA_DONE : GWA_REJECTED;
    case JOB_CLOSE:
        entry->close(job->instance->instance);
        return GWA_DONE;
    case JOB_SEND:
        return entry->send(&job->face);
    case JOB_RESOLVE:
        return entry->resolve(&job->face);
    case JOB_FETCH:
        break;
    }
    return entry->fetch(&job->face);
}

/* Files are read and written here, on the step thread, as the host's time and not the adapter's. */
static void answer_now(struct host_job *job)
{
    struct host_answer answer = {.state = GWA_IO_FAILED};

    if (job->ask.fault != NULL)
        host_line_copy(answer.why, sizeof(answer.why), job->ask.fault);
    else
        host_file_run(job, &answer);
    host_answer_set(job, &answer);
    job->ask.asked = false;
}

static enum gwa_verdict run_unlocked(struct host_job *job)
{
    if (job->ask.asked) {
        (void)host_gate_enter(job);
        answer_now(job);
        host_gate_leave(job);
    }
    return call_adapter(job);
}

/* What settled as waiting for the network goes out, without the lock. */
static void send_ask(struct host_job *job)
{
    struct host_ask ask = job->ask;

    if (job->phase != JOB_WAITING || !ask.asked)
        return;
    job->ask = (struct host_ask){0};
    pthread_mutex_unlock(&job->host->lock);
    host_http_start(job, &ask);
    pthread_mutex_lock(&job->host->lock);
}

static int64_t sample_ms(const struct host *host)
{
    int64_t ms = host->options.step_limit_ms / SAMPLES_PER_LIMIT;

    return ms < SAMPLE_LEAST_MS ? SAMPLE_LEAST_MS : ms;
}

static void run_step(struct stepper *self, struct host_job *job)
{
    struct host *host = self->host;
    enum gwa_verdict verdict;

    job->phase = JOB_STEPPING;
    job->gate = GATE_OWN;
    job->refs++;
    self->job = job;
    self->step++;
    host_watch_wake(host, host_mono_ms() + sample_ms(host));
    pthread_mutex_unlock(&host->lock);
    verdict = run_unlocked(job);
    pthread_mutex_lock(&host->lock);
    self->job = NULL;
    if (!self->abandoned) {
        host_job_settle(job, verdict);
        send_ask(job);
    }
    host_job_drop(job);
}

static void *step_thread(void *arg)
{
    struct stepper *self = arg;
    struct host *host = self->host;

    pthread_mutex_lock(&host->lock);
    while (!self->abandoned && !host->stopping) {
        struct host_job *job = take_ready(host);

        if (job == NULL)
            pthread_cond_wait(&host->work, &host->lock);
        else if (job->phase == JOB_ENDING)
            host_job_deliver(job);
        else
            run_step(self, job);
    }
    if (self->abandoned) {
        host->abandoned_n--;
        free(self);
    }
    pthread_mutex_unlock(&host->lock);
    host_drop(host);
    return NULL;
}

/* Under the lock. Going on without a pool would hang every job in silence. */
static void add_stepper(struct host *host)
{
    struct stepper *self = xcalloc(1, sizeof(*self));

    self->host = host;
    self->next = host->steppers;
    host->steppers = self;
    host->refs++;
    if (pthread_create(&self->thread, NULL, step_thread, self) != 0) {
        log_event(LOG_ERROR, "host.threads", "what=pthread_create");
        abort();
    }
}

/* ---- the watcher -------------------------------------------------------------------------------------- */

static void unlink_stepper(struct host *host, struct stepper *self)
{
    struct stepper **at = &host->steppers;

    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
}

/* From here on the thread, its job's memory and the adapter's code are its own; a late answer meets nobody. */
static void abandon(struct host *host, struct stepper *self, const char *detail)
{
    unlink_stepper(host, self);
    self->abandoned = true;
    host->abandoned_n++;
    (void)pthread_detach(self->thread);
    host_job_end(self->job, GWA_UNCERTAIN, ERR_ADAPTER_QUARANTINED, detail);
    add_stepper(host);
}

static bool shut_gate(struct host_job *job)
{
    int own = GATE_OWN;

    return atomic_compare_exchange_strong(&job->gate, &own, GATE_SHUT);
}

void host_quarantine(struct host *host, struct host_adapter *adapter)
{
    if (adapter->quarantined)
        return;
    adapter->quarantined = true;
    __atomic_store_n(&adapter->report.quarantined, true, __ATOMIC_RELAXED);
    metric_add(METRIC_ADAPTER_QUARANTINED, 1);
    log_event(LOG_ERROR, "adapter.quarantined", "adapter=%s limit_ms=%lld", adapter->name,
              (long long)host->options.step_limit_ms);
    for (struct host_job *job = host->jobs; job != NULL; job = job->behind) {
        if (job->instance->adapter != adapter || job->phase == JOB_ENDING)
            continue;
        job->stop_code = ERR_ADAPTER_QUARANTINED;
        job->stop = true;
        if (job->phase != JOB_STEPPING)
            host_job_end(job, GWA_UNCERTAIN, ERR_ADAPTER_QUARANTINED, "another job's step did not return");
    }
}

/* A sample counts for no more than two: when the watcher itself came late, the machine was busy or stopped, and the
 * step may have had no more of it than the watcher. */
static bool is_over(struct host *host, struct stepper *self, int64_t now)
{
    int64_t most = 2 * sample_ms(host), passed = now - self->looked_ms;

    if (self->seen != self->step) {
        self->seen = self->step;
        self->own_ms = 0;
    } else if (self->job->gate == GATE_OWN) {
        self->own_ms += passed < most ? passed : most;
    }
    self->looked_ms = now;
    return self->own_ms >= host->options.step_limit_ms;
}

static bool watch_steps(struct host *host, int64_t now)
{
    struct stepper *next;
    bool any = false;

    for (struct stepper *self = host->steppers; self != NULL; self = next) {
        next = self->next;
        if (self->job == NULL)
            continue;
        any = true;
        if (is_over(host, self, now) && shut_gate(self->job)) {
            host_quarantine(host, self->job->instance->adapter);
            abandon(host, self, "the step did not return within its limit");
        }
    }
    return any;
}

static int64_t watch_deadlines(struct host *host, int64_t now)
{
    int64_t next = INT64_MAX;

    for (struct host_job *job = host->jobs; job != NULL; job = job->behind) {
        if (job->phase == JOB_ENDING || job->stop)
            continue;
        if (job->deadline_ms <= now)
            host_job_stop(job, ERR_ADAPTER_DEADLINE);
        else if (job->deadline_ms < next)
            next = job->deadline_ms;
    }
    return next;
}

static void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
    struct timespec at = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};

    if (until_ms == INT64_MAX)
        pthread_cond_wait(cond, lock);
    else
        (void)pthread_cond_timedwait(cond, lock, &at);
}

static void *watch_thread(void *arg)
{
    struct host *host = arg;

    pthread_mutex_lock(&host->lock);
    while (!host->stopping) {
        int64_t now = host_mono_ms();
        bool stepping = watch_steps(host, now);
        int64_t until = watch_deadlines(host, now);

        if (stepping && now + sample_ms(host) < until)
            until = now + sample_ms(host);
        host->watch_until = until;
        wait_until(&host->watch, &host->lock, until);
    }
    pthread_mutex_unlock(&host->lock);
    return NULL;
}

void host_watch_wake(struct host *host, int64_t until_ms)
{
    if (until_ms >= host->watch_until)
        return;
    host->watch_until = until_ms;
    pthread_cond_signal(&host->watch);
}

/* ---- start and stop ----------------------------------------------------------------------------------- */

void host_threads_start(struct host *host)
{
    pthread_mutex_lock(&host->lock);
    for (int i = 0; i < HOST_STEP_THREADS; i++)
        add_stepper(host);
    pthread_mutex_unlock(&host->lock);
    if (pthread_create(&host->watcher, NULL, watch_thread, host) != 0) {
        log_event(LOG_ERROR, "host.threads", "what=pthread_create");
        abort();
    }
}

void host_give_up(struct host *host)
{
    struct stepper *next;

    for (struct stepper *self = host->steppers; self != NULL; self = next) {
        next = self->next;
        if (self->job == NULL || !shut_gate(self->job))
            continue;
        host_quarantine(host, self->job->instance->adapter);
        abandon(host, self, "the step did not return before the stop");
    }
}

/* A thread still inside a sink cannot be joined within any deadline; it leaves when the sink lets it. */
static struct stepper *take_joinable(struct host *host)
{
    while (host->steppers != NULL) {
        struct stepper *self = host->steppers;

        host->steppers = self->next;
        if (self->job == NULL)
            return self;
        self->abandoned = true;
        host->abandoned_n++;
        (void)pthread_detach(self->thread);
    }
    return NULL;
}

void host_threads_stop(struct host *host)
{
    struct stepper *self;

    pthread_mutex_lock(&host->lock);
    host->stopping = true;
    pthread_cond_broadcast(&host->work);
    pthread_cond_broadcast(&host->watch);
    pthread_mutex_unlock(&host->lock);
    (void)pthread_join(host->watcher, NULL);
    pthread_mutex_lock(&host->lock);
    while ((self = take_joinable(host)) != NULL) {
        pthread_mutex_unlock(&host->lock);
        (void)pthread_join(self->thread, NULL);
        free(self);
        pthread_mutex_lock(&host->lock);
    }
    pthread_mutex_unlock(&host->lock);
}
