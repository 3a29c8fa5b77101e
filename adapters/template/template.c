/* template: the smallest adapter that is of use. It reads one file, list.txt, a line per firm with tabs between code,
 * name, document number and date. Copy it and change what is yours: settings, what is asked for, how a row is read. */
#include "adapters/adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (64u << 10)       /* what the host takes as one row */

/* 1. What may be set for a source. The host checks names and types; a directory is what this adapter may read below. */
static const struct gwa_setting settings[] = {
    {"directory", GWA_TEXT, true, NULL, "folder that list.txt stands in, an absolute path"},
    {NULL, GWA_TEXT, false, NULL, NULL},
};

/* 2. One source: made once, read-only afterwards. */
struct source {
    char path[4096];
};

static bool open_source(struct gwa_job *job, void **instance_out)
{
    struct source *source = calloc(1, sizeof(*source));
    const char *directory = job->host->setting(job, "directory");

    if (source == NULL || strlen(directory) > sizeof(source->path) - 16) {
        job->host->why(job, "the directory is too long a path");
        free(source);
        return false;
    }
    (void)snprintf(source->path, sizeof(source->path), "%s/list.txt", directory);
    *instance_out = source;
    return true;
}

static void close_source(void *instance)
{
    free(instance);
}

/* 3. A run asks for something and returns GWA_WAIT; the next step finds the answer in job->result. */
static enum gwa_verdict ask(struct gwa_job *job)
{
    const struct source *source = job->instance;
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_FILE_READ, .target = source->path};

    job->state = job->host->alloc(job, 1); /* says that it was asked for; a longer run keeps its place here */
    job->host->io(job, &io);
    return GWA_WAIT;
}

/* 4. A row: announce it with its exact bytes; only when the host does not know them, say what they mean. */
static bool take_line(struct gwa_job *job, uint64_t number, struct gwa_bytes line)
{
    static const char *const names[] = {"uscc", "name", "document_no", "valid_from"};
    struct gwa_field fields[4];
    struct gwa_bytes rest = line;
    enum gwa_row_answer answer;

    for (size_t i = 0; i < 4; i++) {
        const uint8_t *tab = rest.n == 0 ? NULL : memchr(rest.p, '\t', rest.n);
        size_t n = tab == NULL ? rest.n : (size_t)(tab - rest.p);

        fields[i] = (struct gwa_field){names[i], {rest.p, n}};
        rest = tab == NULL ? (struct gwa_bytes){NULL, 0} : (struct gwa_bytes){tab + 1, rest.n - n - 1};
    }
    answer = job->host->row(job, number, fields[0].value, line);
    if (answer == GWA_ROW_PARSE && rest.p != NULL)
        job->host->row_bad(job, "line", "more than four columns");
    else if (answer == GWA_ROW_PARSE)
        job->host->row_fields(job, fields, 4);
    return answer != GWA_ROW_STOP;
}

static bool take_lines(struct gwa_job *job, struct gwa_bytes rest)
{
    for (uint64_t number = 1; rest.n > 0; number++) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        size_t n = end == NULL ? rest.n : (size_t)(end - rest.p), used = n + (end != NULL);

        if (n > 0 && n <= LINE_MAX_BYTES && !take_line(job, number, (struct gwa_bytes){rest.p, n}))
            return false;
        rest = (struct gwa_bytes){rest.p + used, rest.n - used};
    }
    return true;
}

/* 5. The verdict. RETRY: the same may work later. REJECTED: it will not, somebody must change something. */
static enum gwa_verdict fetch(struct gwa_job *job)
{
    struct gwa_page page = {.size = sizeof(page), .number = 1, .total = -1, .raw = job->result.body};

    if (job->state == NULL)
        return ask(job);
    if (job->result.state != GWA_IO_OK) {
        job->host->why(job, "list.txt cannot be read");
        return GWA_RETRY;
    }
    if (!job->result.end) {
        job->host->why(job, "list.txt is larger than 16 MiB; read it in parts, as filedrop does");
        return GWA_REJECTED;
    }
    if (!job->host->page(job, &page) || !take_lines(job, job->result.body))
        return GWA_RETRY;
    return GWA_DONE;
}

/* 6. What the gateway finds: these two symbols and no other. */
GWA_EXPORT const uint32_t gwa_abi = GWA_ABI_VERSION;
GWA_EXPORT const struct gwa_adapter gwa_entry = {
    .size = sizeof(struct gwa_adapter),
    .name = "template",
    .settings = settings,
    .open = open_source,
    .fetch = fetch,
    .close = close_source,
};
