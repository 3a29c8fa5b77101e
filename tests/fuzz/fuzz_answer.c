/* Any bytes as a peer's answer to a message: two bytes choose status and what was asked, then the headers up to a NUL,
 * then the body. Whatever comes, nothing of it reaches people but a machine word, a receipt is handed over as it is,
 * and no wait is longer than a day. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/common/post.h"

#define MEMORY_COUNT 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct gwa_job job;
    void *memory[MEMORY_COUNT];
    size_t memory_n;
    char why[512];
} world;

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void *fake_alloc(struct gwa_job *job, size_t n)
{
    (void)job;
    need(world.memory_n < MEMORY_COUNT);
    return world.memory[world.memory_n++] = calloc(1, n);
}

static int64_t fake_now(const struct gwa_job *job)
{
    (void)job;
    return 1700000000000;
}

static void fake_why(struct gwa_job *job, const char *text)
{
    (void)job;
    for (const char *p = text; *p != '\0'; p++)
        need(*p >= 0x20 && *p < 0x7f);
    (void)snprintf(world.why, sizeof(world.why), "%s", text);
}

static const struct gwa_host fake = {.size = sizeof(fake), .alloc = fake_alloc, .now_ms = fake_now, .why = fake_why};

static void judge_done(const struct gwa_bytes body)
{
    const struct gwa_job *job = &world.job;
    const char *signature = job->reply_signature;

    need(job->result.status / 100 == 2);
    need(job->reply.n == 0 || (job->reply.n == body.n && memcmp(job->reply.p, body.p, body.n) == 0));
    need(job->reply.n == 0 || answer_form_of(job->reply_media_type) == ANSWER_JSON ||
         answer_form_of(job->reply_media_type) == ANSWER_XML);
    for (const char *p = signature == NULL ? "" : signature; *p != '\0'; p++)
        need(*p > ' ' && *p < 0x7f);
}

static void judge(enum gwa_verdict verdict, bool sends)
{
    const struct gwa_job *job = &world.job;
    int status = job->result.status;

    need(verdict != GWA_WAIT);
    if (verdict == GWA_DONE)
        judge_done(job->result.body);
    else
        need(world.why[0] != '\0');
    need(job->retry_after_ms >= 0 && job->retry_after_ms <= ANSWER_RETRY_MAX_MS);
    need(job->retry_after_ms == 0 || status == 429 || status == 503);
    need(sends || (verdict != GWA_REJECTED && (verdict != GWA_RETRY || status == 404)));
}

/* Headers and body in memory of exactly their size, so that a byte read behind them is seen. */
static void run(const uint8_t *data, size_t size, bool sends, const struct post *post)
{
    const uint8_t *nul = size == 0 ? NULL : memchr(data, 0, size);
    size_t head = nul == NULL ? size : (size_t)(nul - data), rest = nul == NULL ? 0 : size - head - 1;
    char *headers = calloc(1, head + 1);
    uint8_t *body = malloc(rest == 0 ? 1 : rest);

    if (head > 0)
        memcpy(headers, data, head);
    if (rest > 0)
        memcpy(body, nul + 1, rest);
    world.job.result.state = GWA_IO_OK;
    world.job.result.headers = headers;
    world.job.result.body = (struct gwa_bytes){rest == 0 ? NULL : body, rest};
    judge(sends ? post_send(&world.job, post, NULL) : post_resolve(&world.job, post, NULL), sends);
    free(headers);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 202, 204, 302, 400, 404, 408, 409, 422, 429, 500, 503, 100, 0, 999, 600};
    struct post post = {.url = "https://b.example/m", .timeout_ms = 1000};

    if (size < 2)
        return 0;
    memset(&world, 0, sizeof(world));
    world.job.host = &fake;
    world.job.result.status = statuses[data[0] & 15];
    post.json = (data[1] & 1) != 0;
    post.xml = (data[1] & 2) != 0;
    run(data + 2, size - 2, (data[1] & 4) != 0, &post);
    for (size_t i = 0; i < world.memory_n; i++)
        free(world.memory[i]);
    return 0;
}
