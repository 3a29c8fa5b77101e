/* The adapter's entry: its settings, and a run from the choice of a file to the look whether it stayed as it was. */
#include "filedrop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct gwa_setting settings[] = {
    {"directory", GWA_TEXT, true, NULL, "folder that the lists are dropped into, an absolute path"},
    {"inbox_directory", GWA_TEXT, false, NULL, "a second folder, read only when a person names a file in it"},
    {"ready", GWA_TEXT, false, "stable",
     "when a file is whole: stable (unchanged for settle) or ok (NAME.ok beside it)"},
    {"settle", GWA_DURATION, false, "30s", "ready stable: since its last change"},
    {"fields", GWA_MAP, false,
     "uscc name region_code industry_code scale ownership level batch document_no valid_from valid_until status reason "
     "city",
     "further names of a column, separated by commas: fields.uscc: 主体代码"},
    {"status", GWA_MAP, false, "certified withdrawn", "further words of the status column, separated by commas"},
    {NULL, GWA_TEXT, false, NULL, NULL},
};

/* ---- open ----------------------------------------------------------------------------------------------------- */

static bool refuse(struct gwa_job *job, const char *text)
{
    job->host->why(job, text);
    return false;
}

static void take_names(struct gwa_job *job, struct filedrop *filedrop)
{
    for (int i = 0; i < COLUMN_COUNT; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "fields.%s", column_names[i]);
        filedrop->names[i] = job->host->setting(job, name);
    }
}

static bool take_settings(struct gwa_job *job, struct filedrop *filedrop)
{
    const struct gwa_host *host = job->host;
    const char *ready = host->setting(job, "ready");

    filedrop->directory = host->setting(job, "directory");
    filedrop->inbox = host->setting(job, "inbox_directory");
    filedrop->settle_ms = strtoll(host->setting(job, "settle"), NULL, 10);
    filedrop->certified = host->setting(job, "status.certified");
    filedrop->withdrawn = host->setting(job, "status.withdrawn");
    filedrop->wants_flag = strcmp(ready, "ok") == 0;
    take_names(job, filedrop);
    if (!filedrop->wants_flag && strcmp(ready, "stable") != 0)
        return refuse(job, "ready must be stable or ok");
    return strlen(filedrop->directory) < PATH_SIZE / 2 || refuse(job, "directory is too long a path");
}

static bool open_filedrop(struct gwa_job *job, void **instance_out)
{
    struct filedrop *filedrop = calloc(1, sizeof(*filedrop));

    if (filedrop == NULL)
        return refuse(job, "no memory");
    if (!take_settings(job, filedrop)) {
        free(filedrop);
        return false;
    }
    *instance_out = filedrop;
    return true;
}

static void close_filedrop(void *instance)
{
    free(instance);
}

/* ---- what the parts need -------------------------------------------------------------------------------------- */

struct run *run_of(struct gwa_job *job)
{
    return job->state;
}

enum gwa_verdict run_fail(struct gwa_job *job, enum gwa_verdict verdict, const char *why)
{
    job->host->why(job, why);
    return verdict;
}

bool run_page(struct gwa_job *job, struct gwa_bytes raw)
{
    struct run *run = run_of(job);
    struct gwa_page page = {
        .size = sizeof(page), .number = ++run->pages, .total = -1, .raw = raw, .origin = run->origin};

    return job->host->page(job, &page);
}

/* ---- which file ------------------------------------------------------------------------------------------------- */

static void ask_list(struct gwa_job *job, const char *folder)
{
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_FILE_LIST, .target = folder, .limit = LISTING_MAX};

    job->host->io(job, &io);
}

/* folder, path and name from a path that a person gave. */
static bool split_path(struct run *run, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL || slash[1] == '\0' || strlen(path) >= PATH_SIZE)
        return false;
    (void)snprintf(run->path, sizeof(run->path), "%s", path);
    (void)snprintf(run->folder, sizeof(run->folder), "%.*s", (int)(slash - path), path);
    run->name = (struct gwa_bytes){(const uint8_t *)run->path + (slash - path) + 1, strlen(slash + 1)};
    return true;
}

static enum gwa_verdict start(struct gwa_job *job)
{
    const struct filedrop *filedrop = job->instance;
    struct run *run = job->host->alloc(job, sizeof(*run));

    if (run == NULL)
        return run_fail(job, GWA_RETRY, "no memory");
    job->state = run;
    run->given = job->file != NULL;
    if (run->given && !split_path(run, job->file))
        return run_fail(job, GWA_REJECTED, "list.file: the file must be given as an absolute path");
    if (!run->given)
        (void)snprintf(run->folder, sizeof(run->folder), "%s", filedrop->directory);
    run->phase = PHASE_LIST;
    ask_list(job, run->folder);
    return GWA_WAIT;
}

/* The file is chosen: what it is decides how it is read. */
static enum gwa_verdict begin(struct gwa_job *job, const struct entry *entry)
{
    struct run *run = run_of(job);
    size_t stem = 0;
    int n;

    run->format = pick_format(entry->name, &stem);
    run->bytes = entry->bytes;
    run->mtime_ms = entry->mtime_ms;
    n = snprintf(run->origin, sizeof(run->origin), "%s (%lld bytes, %lld)", run->path, (long long)entry->bytes,
                 (long long)entry->mtime_ms);
    if (n < 0 || (size_t)n >= sizeof(run->origin))
        return run_fail(job, GWA_REJECTED, "list.file: the path is too long");
    run->phase = run->format == FORMAT_CSV ? PHASE_PROBE : PHASE_ROWS;
    if (run->format == FORMAT_XLSX) {
        xlsx_ask(job);
        return GWA_WAIT;
    }
    if (run->format != FORMAT_CSV && run->format != FORMAT_NDJSON) {
        (void)run_page(job, (struct gwa_bytes){NULL, 0});
        return run_fail(job, GWA_REJECTED, "list.file: not .xlsx, .csv or .ndjson; save an old .xls as .xlsx");
    }
    if (!lines_begin(job, run->phase == PHASE_ROWS))
        return run_fail(job, GWA_RETRY, "no memory");
    lines_ask(job);
    return GWA_WAIT;
}

static bool keep_listing(struct gwa_job *job, struct run *run)
{
    uint8_t *copy = job->host->alloc(job, job->result.body.n + 1);

    if (copy == NULL)
        return false;
    if (job->result.body.n > 0)
        memcpy(copy, job->result.body.p, job->result.body.n);
    run->listing = (struct gwa_bytes){copy, job->result.body.n};
    return true;
}

static enum gwa_verdict take_listing(struct gwa_job *job)
{
    struct run *run = run_of(job);
    char path[PATH_SIZE];
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_FILE_READ, .target = path, .limit = LISTING_MAX};
    struct entry entry;

    if (job->result.state != GWA_IO_OK)
        return run_fail(job, GWA_RETRY, "source.failed: the folder cannot be listed");
    if (run->given)
        return entry_find(job->result.body, run->name, &entry)
                   ? begin(job, &entry)
                   : run_fail(job, GWA_REJECTED, "list.file: there is no such file");
    if (!keep_listing(job, run))
        return run_fail(job, GWA_RETRY, "no memory");
    (void)snprintf(path, sizeof(path), "%.*s/%s", (int)(PATH_SIZE - 32), run->folder, DONE_NAME);
    run->phase = PHASE_DONE_LIST;
    job->host->io(job, &io);
    return GWA_WAIT;
}

/* The list of those done may be missing: then none is. No file: the folder was looked at, and that is all. */
static enum gwa_verdict choose(struct gwa_job *job)
{
    struct run *run = run_of(job);
    struct gwa_bytes done = job->result.state == GWA_IO_OK ? job->result.body : (struct gwa_bytes){NULL, 0};
    struct entry entry;
    int n;

    if (!pick(job->instance, run->listing, done, job->host->now_ms(job), &entry))
        return GWA_DONE;
    n = snprintf(run->path, sizeof(run->path), "%s/%.*s", run->folder, (int)entry.name.n, (const char *)entry.name.p);
    if (n < 0 || (size_t)n >= sizeof(run->path))
        return run_fail(job, GWA_REJECTED, "list.file: the path is too long");
    run->name = (struct gwa_bytes){(const uint8_t *)run->path + strlen(run->folder) + 1, entry.name.n};
    return begin(job, &entry);
}

/* ---- reading it ------------------------------------------------------------------------------------------------- */

static void ask_more(struct gwa_job *job, const struct run *run)
{
    if (run->format == FORMAT_XLSX)
        xlsx_ask(job);
    else
        lines_ask(job);
}

static enum gwa_verdict take_probe(struct gwa_job *job)
{
    struct run *run = run_of(job);
    enum gwa_verdict verdict = csv_probe(job);

    if (verdict == GWA_DONE) {
        run->phase = PHASE_ROWS;
        if (!lines_begin(job, true))
            return run_fail(job, GWA_RETRY, "no memory");
        verdict = GWA_WAIT;
    }
    if (verdict == GWA_WAIT)
        lines_ask(job);
    return verdict;
}

static enum gwa_verdict take_rows(struct gwa_job *job)
{
    struct run *run = run_of(job);
    enum gwa_verdict verdict = run->format == FORMAT_XLSX  ? xlsx_take(job)
                               : run->format == FORMAT_CSV ? csv_take(job)
                                                           : ndjson_take(job);

    if (verdict == GWA_WAIT)
        ask_more(job, run);
    if (verdict != GWA_DONE)
        return verdict;
    run->phase = PHASE_CHECK;
    ask_list(job, run->folder);
    return GWA_WAIT;
}

static enum gwa_verdict check_same(struct gwa_job *job)
{
    const struct run *run = run_of(job);
    struct entry entry;

    if (job->result.state != GWA_IO_OK || !entry_find(job->result.body, run->name, &entry) ||
        entry.bytes != run->bytes || entry.mtime_ms != run->mtime_ms)
        return run_fail(job, GWA_RETRY, "source.failed: the file changed while it was read");
    return GWA_DONE;
}

static enum gwa_verdict fetch(struct gwa_job *job)
{
    if (job->state == NULL)
        return start(job);
    switch (run_of(job)->phase) {
    case PHASE_LIST:
        return take_listing(job);
    case PHASE_DONE_LIST:
        return choose(job);
    case PHASE_PROBE:
        return take_probe(job);
    case PHASE_ROWS:
        return take_rows(job);
    default:
        return check_same(job);
    }
}

GWA_EXPORT const uint32_t gwa_abi = GWA_ABI_VERSION;
GWA_EXPORT const struct gwa_adapter gwa_entry = {
    .size = sizeof(struct gwa_adapter),
    .name = "filedrop",
    .settings = settings,
    .open = open_filedrop,
    .fetch = fetch,
    .send = answer_send,
    .resolve = answer_resolve,
    .close = close_filedrop,
};
