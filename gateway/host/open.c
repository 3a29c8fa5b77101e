/* Instances: an adapter opened with the settings of one source or partner. open and close run as jobs of their own, so
 * that one that never returns is set aside like any other step. */
#include <stdlib.h>

#include "host/internal.h"

/* The caller waits on this until its job ended. */
struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool ended, ok;
    struct err *err;
};

static void tell(void *arg, const struct host_outcome *outcome)
{
    struct waiter *waiter = arg;

    pthread_mutex_lock(&waiter->lock);
    waiter->ok = outcome->verdict == GWA_DONE;
    if (!waiter->ok)
        *waiter->err = outcome->err;
    waiter->ended = true;
    pthread_cond_signal(&waiter->told);
    pthread_mutex_unlock(&waiter->lock);
}

/* The wait has no deadline of its own: the watcher ends the job. */
static bool run_alone(struct host_instance *instance, enum job_kind kind, struct err *err)
{
    struct host *host = instance->host;
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, err};
    struct host_job *job;
    bool started;

    pthread_mutex_lock(&host->lock);
    job = host_job_new(instance, kind, 4 * host->options.step_limit_ms);
    job->done = tell;
    job->arg = &waiter;
    started = host_job_start(job, err);
    pthread_mutex_unlock(&host->lock);
    CHECK(started);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.ended)
        pthread_cond_wait(&waiter.told, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
    pthread_mutex_destroy(&waiter.lock);
    pthread_cond_destroy(&waiter.told);
    return waiter.ok;
}

void host_instance_drop(struct host_instance *instance)
{
    if (--instance->refs > 0)
        return;
    host_secrets_wipe(instance);
    arena_free(&instance->arena);
    free(instance);
}

static struct host_instance *instance_new(struct host *host, struct host_adapter *adapter)
{
    struct host_instance *instance = xcalloc(1, sizeof(*instance));

    instance->host = host;
    instance->adapter = adapter;
    instance->arena = arena_new();
    instance->refs = 1;
    pthread_mutex_lock(&host->lock);
    host->refs++;
    pthread_mutex_unlock(&host->lock);
    return instance;
}

static void instance_leave(struct host_instance *instance)
{
    struct host *host = instance->host;

    pthread_mutex_lock(&host->lock);
    host_secrets_wipe(instance);
    host_instance_drop(instance);
    pthread_mutex_unlock(&host->lock);
    host_drop(host);
}

bool host_open(struct host *host, const char *name, const struct host_setting *settings, size_t n, const char *place,
               struct host_instance **out, struct err *err)
{
    const struct host_report *report;
    struct host_adapter *adapter;
    struct host_instance *instance;

    *out = NULL;
    CHECK(host_load(host, name, &report, err));
    pthread_mutex_lock(&host->lock);
    adapter = host_adapter_find(host, name);
    pthread_mutex_unlock(&host->lock);
    instance = instance_new(host, adapter);
    if (!host_settings_take(instance, settings, n, place, err) || !run_alone(instance, JOB_OPEN, err)) {
        instance_leave(instance);
        return false;
    }
    *out = instance;
    return true;
}

void host_close(struct host_instance **instance)
{
    struct host_instance *it = *instance;
    struct err err = {0};

    if (it == NULL)
        return;
    *instance = NULL;
    if (!run_alone(it, JOB_CLOSE, &err))
        log_err(LOG_WARN, "adapter.close", &err);
    instance_leave(it);
}
