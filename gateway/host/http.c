/* GWA_HTTP and GWA_TCP through net. A secret's handle in a header is put in here, on the way out, and nowhere else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/internal.h"

/* What an exchange under way keeps alive: the answer may come after the job has ended. */
struct exchange {
    struct host *host;
    struct host_job *job;
    uint64_t number;
};

static void give(struct exchange *exchange, struct host_answer *answer)
{
    struct host *host = exchange->host;
    struct host_job *job = exchange->job;

    pthread_mutex_lock(&host->lock);
    if (job->phase == JOB_WAITING && job->ask_number == exchange->number) {
        host_answer_set(job, answer);
        host_job_ready(job);
    } else {
        host_answer_clear(answer);
    }
    host_job_drop(job);
    pthread_mutex_unlock(&host->lock);
    free(exchange);
    host_drop(host);
}

/* The code goes with the words: a person looks it up, a test compares it. */
static void tell_why(struct host_answer *answer, const struct err *err)
{
    char text[sizeof(answer->why)], line[sizeof(answer->why) + 64];

    (void)snprintf(line, sizeof(line), "%s: %s", err_info(err->code)->code,
                   err_text(err, false, text, sizeof(text)));
    host_line_copy(answer->why, sizeof(answer->why), line);
}

static void fetched(const struct net_fetch_result *result, void *arg)
{
    struct host_answer answer = {.status = result->status};

    answer.state = result->ok ? GWA_IO_OK : result->sent ? GWA_IO_UNSURE : GWA_IO_FAILED;
    if (!result->ok) {
        tell_why(&answer, &result->err);
    } else {
        answer.headers = xstrdup(result->headers == NULL ? "" : result->headers);
        answer.body = xrealloc(NULL, result->body.n + 1);
        answer.body_n = result->body.n;
        if (result->body.n > 0)
            memcpy(answer.body, result->body.p, result->body.n);
    }
    give(arg, &answer);
}

/* ---- secrets in headers --------------------------------------------------------------------------------- */

static const struct host_secret *secret_in(const struct host_instance *instance, const char *header,
                                           const char **at_out)
{
    for (size_t i = 0; i < instance->secret_n; i++) {
        *at_out = strstr(header, instance->secrets[i].handle);
        if (*at_out != NULL)
            return &instance->secrets[i];
    }
    return NULL;
}

static bool is_visible(const struct host_secret *secret)
{
    for (size_t i = 0; i < secret->n; i++)
        if (secret->p[i] < 0x20 || secret->p[i] >= 0x7f)
            return false;
    return true;
}

/* Replaces the header by one with the secret in place of its handle; at most one secret a header. */
static bool put_secret(const struct host_instance *instance, char **header)
{
    const char *at;
    const struct host_secret *secret = secret_in(instance, *header, &at);
    size_t before, behind;
    char *with;

    if (secret == NULL)
        return true;
    if (!is_visible(secret))
        return false;
    before = (size_t)(at - *header);
    behind = strlen(at + strlen(secret->handle));
    with = xcalloc(1, before + secret->n + behind + 1);
    memcpy(with, *header, before);
    memcpy(with + before, secret->p, secret->n);
    memcpy(with + before + secret->n, at + strlen(secret->handle), behind);
    free(*header); /* held the handle only */
    *header = with;
    return true;
}

static bool put_secrets(const struct host_instance *instance, struct host_ask *ask)
{
    for (size_t i = 0; ask->headers[i] != NULL; i++)
        if (!put_secret(instance, &ask->headers[i]))
            return false;
    return true;
}

/* ---- start ---------------------------------------------------------------------------------------------- */

static struct exchange *exchange_new(struct host_job *job)
{
    struct exchange *exchange = xcalloc(1, sizeof(*exchange));

    exchange->host = job->host;
    exchange->job = job;
    exchange->number = job->ask_number;
    pthread_mutex_lock(&job->host->lock);
    job->refs++;
    job->host->refs++;
    pthread_mutex_unlock(&job->host->lock);
    return exchange;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool start_frame(struct exchange *exchange, const struct host_ask *ask, int64_t total, struct err *err)
{
    const struct host *host = exchange->host;
    struct net_frame_request request = {
        .address = ask->target,
        .digits = ask->frame_digits,
        .body = bytes_of(ask->body, ask->body_n),
        .cert = host->cert,
        .key = host->key,
        .ca = host->ca,
        .connect_ms = least(HOST_CONNECT_MS, total),
        .total_ms = total,
        .body_max = (int64_t)ask->limit,
    };

    return net_frame_start(host->options.net, &request, fetched, exchange, err);
}

static bool start_fetch(struct exchange *exchange, struct host_ask *ask, int64_t total, struct err *err)
{
    const struct host *host = exchange->host;
    struct net_fetch_request request = {
        .method = ask->method,
        .url = ask->target,
        .body = bytes_of(ask->body, ask->body_n),
        .cert = host->cert,
        .key = host->key,
        .ca = host->ca,
        .connect_ms = least(HOST_CONNECT_MS, total),
        .total_ms = total,
        .body_max = (int64_t)ask->limit,
        .once = exchange->job->kind == JOB_SEND, /* what may have arrived is asked about first */
    };

    if (!put_secrets(exchange->job->instance, ask))
        return err_set(err, ERR_KEY_FILE, NULL, "the secret cannot stand in a header");
    request.headers = (const char *const *)ask->headers;
    return net_fetch_start(host->options.net, &request, fetched, exchange, err);
}

static bool start(struct exchange *exchange, struct host_ask *ask, struct err *err)
{
    int64_t total = least(ask->timeout_ms, exchange->job->deadline_ms - host_mono_ms());

    if (total <= 0)
        return err_set(err, ERR_CLIENT_TIMEOUT, NULL, "the job's deadline has come");
    return ask->kind == GWA_TCP ? start_frame(exchange, ask, total, err) : start_fetch(exchange, ask, total, err);
}

static void wipe_headers(struct host_ask *ask)
{
    for (size_t i = 0; ask->headers[i] != NULL; i++)
        wipe(ask->headers[i], strlen(ask->headers[i]));
}

/* Once started, another thread may already run the job's next step: from there on only `ask` is ours. */
void host_http_start(struct host_job *job, struct host_ask *ask)
{
    struct exchange *exchange = exchange_new(job);
    struct host_answer answer = {.state = GWA_IO_FAILED};
    struct err err = {0};

    if (!start(exchange, ask, &err)) {
        tell_why(&answer, &err);
        give(exchange, &answer);
    }
    wipe_headers(ask);
    host_ask_clear(ask);
}
