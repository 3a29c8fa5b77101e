/* A job from its start to its end. Each ends exactly once: by the verdict of its step, by its deadline, by being
 * cancelled, or because its adapter was set aside; then a step thread tells its owner. */
#include <stdlib.h>
#include <string.h>

#include "host/internal.h"

struct host_job *host_job_new(struct host_instance *instance, enum job_kind kind, int64_t duration_ms)
{
    struct host_job *job = xcalloc(1, sizeof(*job));

    job->host = instance->host;
    job->instance = instance;
    job->kind = kind;
    job->refs = 1;
    job->arena = arena_new();
    job->deadline_ms = host_mono_ms() + duration_ms;
    job->face.host = &host_calls;
    job->face.instance = instance->instance;
    job->face.deadline_ms = job->deadline_ms;
    job->face.result.headers = "";
    instance->refs++;
    job->host->refs++;
    return job;
}

/* Whoever drops a job holds a ref of the host besides the job's. */
void host_job_drop(struct host_job *job)
{
    if (--job->refs > 0)
        return;
    host_ask_clear(&job->ask);
    host_answer_clear(&job->answer);
    arena_free(&job->arena);
    host_instance_drop(job->instance);
    job->host->refs--;
    free(job->file);
    free(job);
}

void host_job_ready(struct host_job *job)
{
    struct host *host = job->host;

    if (job->phase == JOB_WAITING)
        job->phase = JOB_READY;
    if (job->queued)
        return;
    job->queued = true;
    job->next_ready = NULL;
    if (host->ready_last == NULL)
        host->ready_first = job;
    else
        host->ready_last->next_ready = job;
    host->ready_last = job;
    pthread_cond_signal(&host->work);
}

static bool may_start(const struct host_job *job, struct err *err)
{
    const struct host *host = job->host;
    const char *name = job->instance->adapter->name;

    if (host->closing)
        return err_set(err, ERR_STOPPING, NULL, "adapter %s", name);
    if (job->instance->adapter->quarantined)
        return err_set(err, ERR_ADAPTER_QUARANTINED, NULL, "adapter %s", name);
    if (host->job_n >= HOST_JOBS_MAX)
        return err_set(err, ERR_BUSY_QUEUE, NULL, "%d adapter jobs are under way", HOST_JOBS_MAX);
    return true;
}

bool host_job_start(struct host_job *job, struct err *err)
{
    struct host *host = job->host;

    if (!may_start(job, err)) {
        host_job_drop(job);
        return false;
    }
    job->behind = host->jobs;
    if (host->jobs != NULL)
        host->jobs->before = job;
    host->jobs = job;
    host->job_n++;
    host_watch_wake(host, job->deadline_ms);
    host_job_ready(job);
    return true;
}

void host_job_end(struct host_job *job, enum gwa_verdict verdict, enum err_code code, const char *detail)
{
    if (job->phase == JOB_ENDING)
        return;
    job->phase = JOB_ENDING;
    job->outcome.verdict = verdict;
    if (code != ERR_NONE)
        (void)err_set(&job->outcome.err, code, NULL, "%s%s%s", job->instance->adapter->name,
                      detail[0] == '\0' ? "" : ": ", detail);
    host_job_ready(job);
}

/* What was asked for may have reached the other side: of a message that means it may have arrived, and a resolve that
 * ends early has not learnt that it did not. */
static enum gwa_verdict cut_short(const struct host_job *job)
{
    bool asked = job->ask_number > (job->ask.asked ? 1 : 0);

    return job->kind == JOB_RESOLVE || (job->kind == JOB_SEND && asked) ? GWA_UNCERTAIN : GWA_RETRY;
}

/* A job that only waits ends here; one in a step hears of it in its next call. */
void host_job_stop(struct host_job *job, enum err_code code)
{
    if (job->phase == JOB_ENDING || job->stop)
        return;
    job->stop_code = code;
    job->stop = true;
    if (job->phase != JOB_STEPPING)
        host_job_end(job, cut_short(job), code, "");
}

static enum err_code code_of(const struct host_job *job, enum gwa_verdict verdict)
{
    static const enum err_code codes[] = {
        [GWA_DONE] = ERR_NONE,
        [GWA_RETRY] = ERR_ADAPTER_RETRY,
        [GWA_REJECTED] = ERR_ADAPTER_REJECTED,
        [GWA_UNCERTAIN] = ERR_ADAPTER_UNCERTAIN,
        [GWA_BROKEN] = ERR_ADAPTER_BROKEN,
    };

    if (verdict == GWA_RETRY && job->stop)
        return job->stop_code;
    if (job->kind == JOB_OPEN && verdict == GWA_REJECTED)
        return ERR_ADAPTER_REFUSED;
    return codes[verdict];
}

static void settle_waiting(struct host_job *job)
{
    if (job->stop) {
        host_job_end(job, cut_short(job), job->stop_code, job->why);
        return;
    }
    job->phase = JOB_WAITING;
    if (job->ask.asked && ((job->ask.kind != GWA_HTTP && job->ask.kind != GWA_TCP) || job->ask.fault != NULL))
        host_job_ready(job);
}

void host_job_settle(struct host_job *job, enum gwa_verdict verdict)
{
    if (job->instance->adapter->quarantined)
        host_job_end(job, GWA_UNCERTAIN, ERR_ADAPTER_QUARANTINED, "another job's step did not return");
    else if (job->broken != NULL)
        host_job_end(job, GWA_BROKEN, ERR_ADAPTER_BROKEN, job->broken);
    else if ((unsigned)verdict > GWA_BROKEN)
        host_job_end(job, GWA_BROKEN, ERR_ADAPTER_BROKEN, "the adapter returned what is not a verdict");
    else if (verdict == GWA_WAIT)
        settle_waiting(job);
    else
        host_job_end(job, verdict, code_of(job, verdict), job->why);
}

static void unlink_job(struct host_job *job)
{
    struct host *host = job->host;

    if (job->before == NULL)
        host->jobs = job->behind;
    else
        job->before->behind = job->behind;
    if (job->behind != NULL)
        job->behind->before = job->before;
    if (--host->job_n == 0)
        pthread_cond_broadcast(&host->idle);
}

/* Only what the adapter itself ended with is looked at: of a job given up, its step may still be writing. */
static void take_told(struct host_job *job)
{
    const struct gwa_job *face = &job->face;
    struct host_outcome *outcome = &job->outcome;
    enum err_code code = outcome->err.code;

    if (outcome->verdict == GWA_DONE) {
        outcome->reply = bytes_of(face->reply.p, face->reply.n);
        outcome->reply_media_type = face->reply_media_type;
        outcome->reply_signature = face->reply_signature;
    }
    if ((code == ERR_ADAPTER_RETRY || code == ERR_ADAPTER_UNCERTAIN) && face->retry_after_ms > 0)
        outcome->retry_after_ms = face->retry_after_ms;
}

void host_job_deliver(struct host_job *job)
{
    struct host *host = job->host;

    pthread_mutex_unlock(&host->lock);
    take_told(job);
    job->done(job->arg, &job->outcome);
    pthread_mutex_lock(&host->lock);
    unlink_job(job);
    host_job_drop(job);
}

/* Under the host's lock: whoever is told of the end finds *job_out set. */
static bool start_job(struct host_job *job, host_done *done, void *arg, struct host_job **job_out, struct err *err)
{
    job->done = done;
    job->arg = arg;
    *job_out = job;
    if (host_job_start(job, err))
        return true;
    *job_out = NULL;
    return false;
}

bool host_fetch_start(struct host *host, struct host_instance *instance, const struct host_fetch *fetch,
                      const struct host_sink *sink, host_done *done, void *arg, struct host_job **job_out,
                      struct err *err)
{
    struct host_job *job;
    bool started;

    if (instance->adapter->entry.fetch == NULL)
        return err_set(err, ERR_NOT_SUPPORTED, NULL, "adapter %s is not a source", instance->adapter->name);
    pthread_mutex_lock(&host->lock);
    job = host_job_new(instance, JOB_FETCH, fetch->deadline_ms);
    job->face.scope = fetch->scope;
    job->face.updated_since_ms = fetch->updated_since_ms;
    job->file = fetch->file == NULL ? NULL : xstrdup(fetch->file);
    job->face.file = job->file;
    job->sink = *sink;
    started = start_job(job, done, arg, job_out, err);
    pthread_mutex_unlock(&host->lock);
    return started;
}

bool host_sends(const struct host_instance *instance)
{
    return instance->adapter->entry.send != NULL;
}

static const char *lend_text(struct host_job *job, const char *text)
{
    return text == NULL ? NULL : arena_strdup(job->arena, text);
}

static void lend_message(struct host_job *job, const struct host_send *send)
{
    struct bytes message = send->message.n == 0 ? send->message : bytes_dup(job->arena, send->message);

    job->face.message = (struct gwa_bytes){message.p, message.n};
    job->face.message_id = lend_text(job, send->message_id);
    job->face.media_type = lend_text(job, send->media_type);
    job->face.signature = lend_text(job, send->signature);
    job->face.origin = lend_text(job, send->origin);
}

bool host_send_start(struct host *host, struct host_instance *instance, const struct host_send *send, host_done *done,
                     void *arg, struct host_job **job_out, struct err *err)
{
    struct host_job *job;
    bool started;

    if (!host_sends(instance))
        return err_set(err, ERR_NOT_SUPPORTED, NULL, "adapter %s does not send", instance->adapter->name);
    if (send->message.n > HOST_JOB_MEMORY_MAX / 2)
        return err_set(err, ERR_CLIENT_TOO_LARGE, NULL, "adapter %s: the message", instance->adapter->name);
    pthread_mutex_lock(&host->lock);
    job = host_job_new(instance, send->resolve ? JOB_RESOLVE : JOB_SEND, send->deadline_ms);
    lend_message(job, send);
    started = start_job(job, done, arg, job_out, err);
    pthread_mutex_unlock(&host->lock);
    return started;
}

void host_cancel(struct host_job *job)
{
    struct host *host = job->host;

    pthread_mutex_lock(&host->lock);
    host_job_stop(job, ERR_CANCELLED);
    pthread_mutex_unlock(&host->lock);
}
