/* What an adapter calls. Each call passes the job's gate: once the watcher has shut it, nothing gets through. Memory,
 * settings and the time stay open, so that code which returns late meets no surprise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "host/internal.h"

#define URL_MAX (8u << 10)
#define HEADERS_MAX 64
#define HEADER_BYTES_MAX (16u << 10)
#define FRAME_DIGITS_MAX 10
#define FIELDS_MAX 32
#define FIELD_BYTES_MAX (4u << 10)
#define BODY "body"                      /* a row that is a message: its one field, as long as a row may be */
#define VERSION_BYTES_MAX 128
#define ORIGIN_BYTES_MAX (2u << 10)
#define PAGE_SIZE_FIRST offsetof(struct gwa_page, origin)      /* as it was in 1.0 */

static struct host_job *job_of(struct gwa_job *face)
{
    return (struct host_job *)face;
}

bool host_gate_enter(struct host_job *job)
{
    int own = GATE_OWN;

    return atomic_compare_exchange_strong(&job->gate, &own, GATE_HOST);
}

void host_gate_leave(struct host_job *job)
{
    atomic_store(&job->gate, GATE_OWN);
}

void host_line_copy(char *out, size_t size, const char *text)
{
    struct bytes in = bytes_str(text);
    size_t n = 0;

    while (in.n > 0) {
        uint32_t c;
        size_t k = utf8_next(in, &c);

        if (n + (k == 0 ? 1 : k) >= size)
            break;
        if (k > 1)
            memcpy(out + n, in.p, k);
        else
            out[n] = k == 0 ? '?' : (char)(c < 0x20 || c == 0x7f ? ' ' : c);
        n += k == 0 ? 1 : k;
        in = bytes_of(in.p + (k == 0 ? 1 : k), in.n - (k == 0 ? 1 : k));
    }
    out[n] = '\0';
}

/* ---- memory, words, settings, time ---------------------------------------------------------------------- */

static void *call_alloc(struct gwa_job *face, size_t n)
{
    struct host_job *job = job_of(face);

    if (n > HOST_JOB_MEMORY_MAX - job->used)
        return NULL;
    job->used += n;
    return arena_alloc(job->arena, n);
}

/* What an adapter passes on from outside stays inside its quotes in the log. */
static void soften_quotes(char *line)
{
    for (; *line != '\0'; line++)
        *line = *line == '"' ? '\'' : *line;
}

static void call_say(struct gwa_job *face, int level, const char *text)
{
    static const enum log_level levels[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARN, LOG_ERROR};
    struct host_job *job = job_of(face);
    enum log_level known = level < 0 || level > 4 ? LOG_WARN : levels[level];
    char line[256];

    if (!host_gate_enter(job))
        return;
    host_line_copy(line, sizeof(line), text);
    soften_quotes(line);
    if (job->said < HOST_SAY_MAX)
        log_event(known, "adapter.say", "adapter=%s text=\"%s\"", job->instance->adapter->name, line);
    else if (job->said == HOST_SAY_MAX)
        log_event(LOG_WARN, "adapter.say", "adapter=%s text=\"(more is not logged)\"", job->instance->adapter->name);
    job->said += job->said <= HOST_SAY_MAX;
    host_gate_leave(job);
}

static void call_why(struct gwa_job *face, const char *text)
{
    struct host_job *job = job_of(face);

    if (!host_gate_enter(job))
        return;
    host_line_copy(job->why, sizeof(job->why), text);
    host_gate_leave(job);
}

static const char *call_setting(const struct gwa_job *face, const char *name)
{
    return host_setting_find(((const struct host_job *)face)->instance, name);
}

static int64_t call_now_ms(const struct gwa_job *face)
{
    (void)face;
    return clock_wall_ms();
}

static bool hmac_into(const struct host_secret *secret, struct gwa_bytes in, char *out, size_t size)
{
    uint8_t mac[CRYPTO_DIGEST_SIZE];
    struct buf text;
    bool fits;

    crypto_hmac_sha256(bytes_of(secret->p, secret->n), bytes_of(in.p, in.n), mac);
    buf_init(&text, 64);
    base64_encode(&text, bytes_of(mac, sizeof(mac)), false);
    fits = text.n < size;
    if (fits)
        memcpy(out, text.p, text.n + 1);
    buf_free(&text);
    return fits;
}

static bool call_hmac(struct gwa_job *face, const char *name, struct gwa_bytes in, char *out, size_t size)
{
    struct host_job *job = job_of(face);
    const struct host_instance *instance = job->instance;
    bool ok = false;

    if (!host_gate_enter(job))
        return false;
    for (size_t i = 0; i < instance->secret_n; i++)
        if (strcmp(instance->secrets[i].name, name) == 0)
            ok = hmac_into(&instance->secrets[i], in, out, size);
    host_gate_leave(job);
    return ok;
}

/* ---- input and output ----------------------------------------------------------------------------------- */

void host_ask_clear(struct host_ask *ask)
{
    free(ask->target);
    free(ask->method);
    for (size_t i = 0; ask->headers != NULL && ask->headers[i] != NULL; i++)
        free(ask->headers[i]);
    free(ask->headers);
    free(ask->body);
    *ask = (struct host_ask){0};
}

void host_answer_clear(struct host_answer *answer)
{
    free(answer->headers);
    free(answer->body);
    *answer = (struct host_answer){0};
}

void host_answer_set(struct host_job *job, struct host_answer *answer)
{
    struct gwa_io_result *result = &job->face.result;

    host_answer_clear(&job->answer);
    job->answer = *answer;
    result->state = answer->state;
    result->status = answer->status;
    result->headers = answer->headers == NULL ? "" : answer->headers;
    result->body = (struct gwa_bytes){answer->body, answer->body_n};
    result->why = job->answer.why;
    result->end = answer->end;
}

/* A line break in a header would let an adapter's text write further headers. */
static bool copy_headers(struct host_ask *ask, const char *const *headers)
{
    size_t n = 0, bytes = 0;

    for (; headers != NULL && headers[n] != NULL; n++) {
        bytes += strlen(headers[n]);
        if (n == HEADERS_MAX || bytes > HEADER_BYTES_MAX || strpbrk(headers[n], "\r\n") != NULL)
            return false;
    }
    ask->headers = xcalloc(n + 1, sizeof(*ask->headers));
    for (size_t i = 0; i < n; i++)
        ask->headers[i] = xstrdup(headers[i]);
    return true;
}

/* What an adapter of an older MINOR did not know of is left as nothing. */
static bool take_io(struct gwa_io *out, const struct gwa_io *io)
{
    enum { FIRST = offsetof(struct gwa_io, frame_digits) };

    *out = (struct gwa_io){0};
    memcpy(out, io, io->size < sizeof(*out) ? io->size : sizeof(*out));
    return io->size >= FIRST;
}

static const char *copy_io(struct host_ask *ask, const struct gwa_io *given)
{
    struct gwa_io taken;
    const struct gwa_io *io = &taken;

    if (!take_io(&taken, given))
        return "the io is shorter than the first interface had it";
    ask->kind = io->kind;
    ask->frame_digits = io->frame_digits;
    if (io->kind == GWA_SFTP)
        return "not offered by this host version";
    if (io->kind == GWA_TCP && (io->frame_digits < 1 || io->frame_digits > FRAME_DIGITS_MAX))
        return "a frame has 1 to 10 digits of length";
    if (io->target == NULL || strlen(io->target) > URL_MAX)
        return "the target is missing or longer than 8 KiB";
    if (io->body.n > HOST_IO_BODY_MAX)
        return "the body is larger than 16 MiB";
    if (!copy_headers(ask, io->headers))
        return "the headers are too many, too large or hold a line break";
    ask->target = xstrdup(io->target);
    ask->method = xstrdup(io->method == NULL ? "GET" : io->method);
    ask->body_n = io->body.n;
    ask->body = xrealloc(NULL, io->body.n + 1);
    if (io->body.n > 0)
        memcpy(ask->body, io->body.p, io->body.n);
    ask->offset = io->offset;
    ask->limit = io->limit == 0 || io->limit > HOST_IO_BODY_MAX ? HOST_IO_BODY_MAX : io->limit;
    ask->timeout_ms = io->timeout_ms > 0 ? io->timeout_ms : HOST_IO_TIMEOUT_MS;
    return NULL;
}

static void call_io(struct gwa_job *face, const struct gwa_io *io)
{
    struct host_job *job = job_of(face);

    if (!host_gate_enter(job))
        return;
    if (job->ask.asked) {
        job->broken = "the adapter asked for two things in one step";
    } else {
        host_ask_clear(&job->ask);
        job->ask.fault = copy_io(&job->ask, io);
        job->ask.asked = true;
        job->ask_number++;
    }
    host_gate_leave(job);
}

/* ---- a list's rows -------------------------------------------------------------------------------------- */

static bool may_hand_over(struct host_job *job)
{
    return job->kind == JOB_FETCH && !job->stop && job->broken == NULL && host_gate_enter(job);
}

static bool page_fits(struct host_job *job, const struct gwa_page *page)
{
    struct bytes version = bytes_str(page->list_version), origin = bytes_str(page->origin);

    if (page->size < PAGE_SIZE_FIRST)
        job->broken = "the page was built for an older interface";
    else if (version.n > VERSION_BYTES_MAX || !utf8_valid(version))
        job->broken = "the list version is not a short text";
    else if (origin.n > ORIGIN_BYTES_MAX || !utf8_valid(origin) ||
             strpbrk(page->origin == NULL ? "" : page->origin, "\r\n"))
        job->broken = "the origin is not one line of text";
    else if (job->row_open)
        job->broken = "the adapter left a row without fields";
    return job->broken == NULL;
}

static bool call_page(struct gwa_job *face, const struct gwa_page *page)
{
    struct host_job *job = job_of(face);
    struct gwa_page full = {.size = 0};
    bool go_on;

    if (!may_hand_over(job))
        return false;
    /* what an older adapter does not know of stays unsaid */
    memcpy(&full, page, page->size < sizeof(full) ? page->size : sizeof(full));
    go_on = page_fits(job, &full) && job->sink.page(job->sink.arg, &full);
    host_gate_leave(job);
    return go_on;
}

static enum gwa_row_answer call_row(struct gwa_job *face, uint64_t line, struct gwa_bytes code, struct gwa_bytes raw)
{
    struct host_job *job = job_of(face);
    enum gwa_row_answer answer = GWA_ROW_STOP;

    if (!may_hand_over(job))
        return GWA_ROW_STOP;
    if (job->row_open)
        job->broken = "the adapter left a row without fields";
    else if (raw.n > HOST_ROW_MAX || code.n > HOST_ROW_MAX)
        job->broken = "the adapter handed over more than 64 KiB as one row";
    else
        answer = job->sink.row(job->sink.arg, line, bytes_of(code.p, code.n), bytes_of(raw.p, raw.n));
    job->row_open = answer == GWA_ROW_PARSE;
    host_gate_leave(job);
    return answer;
}

static bool is_canonical(const char *name)
{
    static const char *const names[] = {"uscc",        "name",   "region_code", "industry_code", "scale",
                                        "ownership",   "level",  "batch",       "document_no",   "valid_from",
                                        "valid_until", "status", "reason",      BODY};

    for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_text(struct gwa_bytes value, size_t max)
{
    if (value.n > max || !utf8_valid(bytes_of(value.p, value.n)))
        return false;
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < 0x20 || value.p[i] == 0x7f)
            return false;
    return true;
}

static size_t bytes_max(const char *name)
{
    return strcmp(name, BODY) == 0 ? HOST_ROW_MAX : FIELD_BYTES_MAX;
}

/* Unknown or repeated names are the adapter's fault; a value that is not text is the row's. */
static const char *judge_fields(struct host_job *job, const struct gwa_field *fields, size_t n)
{
    const char *bad = NULL;

    if (!job->row_open || n > FIELDS_MAX)
        job->broken = "the adapter handed over fields without a row, or too many";
    for (size_t i = 0; job->broken == NULL && i < n; i++) {
        if (!is_canonical(fields[i].name))
            job->broken = "the adapter handed over a field without a known name";
        for (size_t k = 0; k < i && job->broken == NULL; k++)
            if (strcmp(fields[i].name, fields[k].name) == 0)
                job->broken = "the adapter handed over a field twice";
        if (bad == NULL && job->broken == NULL && !is_text(fields[i].value, bytes_max(fields[i].name)))
            bad = fields[i].name;
    }
    return bad;
}

static void call_row_fields(struct gwa_job *face, const struct gwa_field *fields, size_t n)
{
    struct host_job *job = job_of(face);
    const char *bad;

    if (!may_hand_over(job))
        return;
    bad = judge_fields(job, fields, n);
    if (job->broken == NULL && bad != NULL)
        job->sink.bad(job->sink.arg, bad, "not a text of at most 4 KiB without control characters");
    else if (job->broken == NULL)
        job->sink.fields(job->sink.arg, fields, n);
    job->row_open = false;
    host_gate_leave(job);
}

static void call_row_bad(struct gwa_job *face, const char *field, const char *text)
{
    struct host_job *job = job_of(face);
    char name[64], line[256];

    if (!may_hand_over(job))
        return;
    host_line_copy(name, sizeof(name), field);
    host_line_copy(line, sizeof(line), text);
    if (!job->row_open)
        job->broken = "the adapter refused a row that it had not announced";
    else
        job->sink.bad(job->sink.arg, name, line);
    job->row_open = false;
    host_gate_leave(job);
}

const struct gwa_host host_calls = {
    .size = sizeof(struct gwa_host),
    .alloc = call_alloc,
    .say = call_say,
    .io = call_io,
    .hmac_sha256 = call_hmac,
    .setting = call_setting,
    .now_ms = call_now_ms,
    .page = call_page,
    .row = call_row,
    .row_fields = call_row_fields,
    .row_bad = call_row_bad,
    .why = call_why,
};
