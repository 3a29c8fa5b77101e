/* misbehave: an adapter that does what one would rather not see. Its settings choose what; tests hold the host to its
 * promises with it. */
#include "adapters/adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct gwa_setting settings[] = {
    {"act", GWA_TEXT, true, NULL, "what fetch does"},
    {"open", GWA_TEXT, false, "well", "what open does: well, refuse, loop"},
    {"url", GWA_TEXT, false, NULL, "where io goes"},
    {"header", GWA_TEXT, false, "X-Key: ", "begin of the header that carries the key"},
    {"target", GWA_TEXT, false, NULL, "file or directory for file io"},
    {"release", GWA_TEXT, false, NULL, "loops end when this file exists"},
    {"rows", GWA_INTEGER, false, "1", "rows to hand over"},
    {"strict", GWA_BOOLEAN, false, "false", "not used: to see the type"},
    {"pause", GWA_DURATION, false, "1s", "timeout of an io"},
    {"digits", GWA_INTEGER, false, "8", "of the length of a frame"},
    {"key_file", GWA_SECRET_FILE, false, NULL, "a secret"},
    {"free", GWA_MAP, false, NULL, "any keys"},
    {"names", GWA_MAP, false, "one two", "two keys"},
    {"in_directory", GWA_TEXT, false, NULL, "a directory for file io"},
    {NULL, GWA_TEXT, false, NULL, NULL},
};

static bool is(const char *value, const char *word)
{
    return value != NULL && strcmp(value, word) == 0;
}

static const char *get(struct gwa_job *job, const char *name)
{
    return job->host->setting(job, name);
}

/* Its own loop: no call into the host until the file appears, if ever. */
static void loop(struct gwa_job *job)
{
    const char *release = get(job, "release");

    while (release == NULL || access(release, F_OK) != 0)
        (void)usleep(1000);
}

static char nothing;

static bool open_it(struct gwa_job *job, void **instance_out)
{
    if (is(get(job, "open"), "loop"))
        loop(job);
    if (is(get(job, "open"), "refuse")) {
        job->host->why(job, "not in the mood");
        return false;
    }
    *instance_out = &nothing; /* nothing to lose when a quarantined adapter is never closed */
    return true;
}

static void close_it(void *instance)
{
    (void)instance;
}

/* ---- acts ----------------------------------------------------------------------------------------------- */

static struct gwa_bytes bytes(const char *s)
{
    return (struct gwa_bytes){(const uint8_t *)s, strlen(s)};
}

static enum gwa_verdict say_result(struct gwa_job *job)
{
    static const char *const states[] = {"none", "ok", "failed", "unsure"};
    char text[256];

    (void)snprintf(text, sizeof(text), "%s %d end=%d %.*s %s", states[job->result.state], job->result.status,
                   job->result.end, (int)(job->result.body.n > 150 ? 150 : job->result.body.n),
                   (const char *)job->result.body.p, job->result.why == NULL ? "" : job->result.why);
    job->host->why(job, text);
    return GWA_RETRY;
}

static enum gwa_verdict ask(struct gwa_job *job, enum gwa_io_kind kind, const char *target, const char *body)
{
    const char *key = get(job, "key_file");
    char header[256];
    const char *headers[] = {header, NULL};
    struct gwa_io io = {.size = sizeof(io), .kind = kind, .target = target, .body = bytes(body)};

    (void)snprintf(header, sizeof(header), "%s%s", get(job, "header"), key == NULL ? "" : key);
    io.headers = headers;
    io.timeout_ms = strtoll(get(job, "pause"), NULL, 10);
    io.frame_digits = (unsigned)strtoul(get(job, "digits"), NULL, 10);
    job->host->io(job, &io);
    job->state = job;
    return GWA_WAIT;
}

static enum gwa_verdict do_io(struct gwa_job *job, const char *act)
{
    if (job->state != NULL)
        return say_result(job);
    if (is(act, "http"))
        return ask(job, GWA_HTTP, get(job, "url"), "");
    if (is(act, "list"))
        return ask(job, GWA_FILE_LIST, get(job, "target"), "");
    if (is(act, "read"))
        return ask(job, GWA_FILE_READ, job->file != NULL ? job->file : get(job, "target"), "");
    if (is(act, "write"))
        return ask(job, GWA_FILE_WRITE, get(job, "target"), "written");
    if (is(act, "tcp"))
        return ask(job, GWA_TCP, get(job, "url"), "framed");
    return ask(job, GWA_SFTP, "there", "");
}

static enum gwa_verdict rows(struct gwa_job *job, bool heed)
{
    int64_t n = strtoll(get(job, "rows"), NULL, 10);
    struct gwa_page page = {.size = sizeof(page), .number = 1, .list_version = "v1", .total = n};
    struct gwa_field fields[2] = {{"uscc", bytes("91140100MA0KABCD1U")}, {"name", bytes("firm")}};

    if (!job->host->page(job, &page) && heed)
        return GWA_RETRY;
    for (int64_t i = 1; n < 0 || i <= n; i++) {
        enum gwa_row_answer answer = job->host->row(job, (uint64_t)i, fields[0].value, bytes("{}"));

        if (answer == GWA_ROW_STOP && heed)
            return GWA_RETRY;
        if (answer == GWA_ROW_PARSE)
            job->host->row_fields(job, fields, 2);
    }
    return GWA_DONE;
}

static enum gwa_verdict field(struct gwa_job *job, const char *name, struct gwa_bytes value)
{
    struct gwa_field fields[2] = {{name, value}, {name, value}};

    if (job->host->row(job, 1, bytes("x"), bytes("{}")) != GWA_ROW_PARSE)
        return GWA_RETRY;
    job->host->row_fields(job, fields, value.n == 0 ? 2 : 1);
    return GWA_DONE;
}

static enum gwa_verdict bad_calls(struct gwa_job *job, const char *act)
{
    static uint8_t long_row[(64 << 10) + 1];

    if (is(act, "field_unknown"))
        return field(job, "colour", bytes("red"));
    if (is(act, "field_nameless"))
        return field(job, NULL, bytes("red"));
    if (is(act, "field_twice"))
        return field(job, "name", bytes(""));
    if (is(act, "field_garbage"))
        return field(job, "name", (struct gwa_bytes){(const uint8_t *)"\xff\xfe", 2});
    if (is(act, "row_long"))
        (void)job->host->row(job, 1, bytes("x"), (struct gwa_bytes){long_row, sizeof(long_row)});
    if (is(act, "row_open"))
        for (uint64_t i = 1; i <= 2; i++)
            (void)job->host->row(job, i, bytes("x"), bytes("{}"));
    if (is(act, "field_alone"))
        job->host->row_fields(job, NULL, 0);
    if (is(act, "two_ios"))
        (void)(ask(job, GWA_HTTP, "http://127.0.0.1:1/", ""), ask(job, GWA_HTTP, "http://127.0.0.1:1/", ""));
    return GWA_DONE;
}

static enum gwa_verdict alloc_all(struct gwa_job *job)
{
    size_t got = 0;
    char text[64];
    uint8_t *p;

    while ((p = job->host->alloc(job, 1 << 20)) != NULL) {
        memset(p, 1, 1 << 20);
        got++;
    }
    (void)snprintf(text, sizeof(text), "%zu MiB, then %s", got,
                   job->host->alloc(job, SIZE_MAX) == NULL ? "none" : "everything");
    job->host->why(job, text);
    return GWA_RETRY;
}

/* Comes back late and then tries everything that reaches others. */
static enum gwa_verdict late(struct gwa_job *job)
{
    loop(job);
    job->host->why(job, "late");
    job->host->say(job, 4, "late");
    (void)rows(job, true);
    (void)ask(job, GWA_HTTP, "http://127.0.0.1:1/", "");
    return GWA_DONE;
}

static enum gwa_verdict sign(struct gwa_job *job)
{
    char out[64] = "refused";

    (void)job->host->hmac_sha256(job, "key_file", bytes("s_TEST_0001rid-TEST1700000000000"), out, sizeof(out));
    job->host->why(job, out);
    return GWA_RETRY;
}

static enum gwa_verdict tell_setting(struct gwa_job *job, const char *name)
{
    const char *value = get(job, name);

    job->host->why(job, value == NULL ? "(absent)" : value);
    return GWA_RETRY;
}

static enum gwa_verdict fetch(struct gwa_job *job)
{
    static const char *const verdicts[] = {"wait", "done", "retry", "rejected", "uncertain", "broken", "seven"};
    const char *act = get(job, "act");

    for (int i = 0; i < 7; i++)
        if (is(act, verdicts[i])) {
            job->host->why(job, "as told\nand more");
            return (enum gwa_verdict)(i == 6 ? 7 : i);
        }
    if (is(act, "late"))
        return late(job);
    if (is(act, "rows") || is(act, "flood"))
        return rows(job, is(act, "rows"));
    if (is(act, "alloc"))
        return alloc_all(job);
    if (is(act, "sign"))
        return sign(job);
    if (strncmp(act, "setting:", 8) == 0)
        return tell_setting(job, act + 8);
    if (strncmp(act, "field", 5) == 0 || strncmp(act, "row_", 4) == 0 || is(act, "two_ios"))
        return bad_calls(job, act);
    return do_io(job, act);
}

GWA_EXPORT const uint32_t gwa_abi = GWA_ABI_VERSION;
GWA_EXPORT const struct gwa_adapter gwa_entry = {
    .size = sizeof(struct gwa_adapter),
    .name = "misbehave",
    .settings = settings,
    .open = open_it,
    .fetch = fetch,
    .close = close_it,
};
