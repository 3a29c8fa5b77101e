/* The host itself: made, ended, and kept alive while an abandoned thread or an io under way still needs it. */
#include <stdlib.h>
#include <time.h>

#include "host/internal.h"

#define LAST_WORDS_MS 1000 /* for the owners of abandoned jobs to be told */

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}

static char *dup_or_null(const char *s)
{
    return s == NULL ? NULL : xstrdup(s);
}

struct host *host_new(const struct host_options *options)
{
    struct host *host = xcalloc(1, sizeof(*host));

    host->options = *options;
    host->dir = xstrdup(options->adapters_dir);
    host->cert = dup_or_null(options->cert);
    host->key = dup_or_null(options->key);
    host->ca = dup_or_null(options->ca);
    host->refs = 1;
    host->watch_until = INT64_MAX;
    (void)pthread_mutex_init(&host->lock, NULL);
    cond_init(&host->work);
    cond_init(&host->watch);
    cond_init(&host->idle);
    host_threads_start(host);
    return host;
}

static void destroy(struct host *host)
{
    for (size_t i = 0; i < host->adapter_n; i++)
        host_adapter_free(host->adapters[i]);
    (void)pthread_cond_destroy(&host->work);
    (void)pthread_cond_destroy(&host->watch);
    (void)pthread_cond_destroy(&host->idle);
    (void)pthread_mutex_destroy(&host->lock);
    free(host->dir);
    free(host->cert);
    free(host->key);
    free(host->ca);
    free(host);
}

void host_drop(struct host *host)
{
    unsigned left;

    pthread_mutex_lock(&host->lock);
    left = --host->refs;
    pthread_mutex_unlock(&host->lock);
    if (left == 0)
        destroy(host);
}

static void wait_idle(struct host *host, int64_t ms)
{
    const struct timespec at = clock_deadline(ms);

    while (host->job_n > 0 && pthread_cond_timedwait(&host->idle, &host->lock, &at) == 0)
        ;
}

static void end_jobs(struct host *host)
{
    for (struct host_job *job = host->jobs; job != NULL; job = job->behind)
        host_job_stop(job, ERR_STOPPING);
    wait_idle(host, HOST_STOP_MS);
    if (host->job_n == 0)
        return;
    host_give_up(host);
    wait_idle(host, LAST_WORDS_MS);
    if (host->job_n > 0)
        log_event(LOG_WARN, "host.stop", "jobs_left=%zu", host->job_n);
}

void host_free(struct host **host)
{
    struct host *it = *host;

    if (it == NULL)
        return;
    *host = NULL;
    pthread_mutex_lock(&it->lock);
    it->closing = true;
    end_jobs(it);
    pthread_mutex_unlock(&it->lock);
    host_threads_stop(it);
    host_drop(it);
}
