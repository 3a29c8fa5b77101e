/* A run over a file, from the choice of it to the look whether it stayed as it was; and the settings for that. */
#include "adapters/common/files/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- open ----------------------------------------------------------------------------------------------------- */

static bool refuse(struct gwa_job *job, const char *text)
{
    job->host->why(job, text);
    return false;
}

static void take_names(struct gwa_job *job, struct files *files)
{
    for (int i = 0; i < files->columns->count; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "fields.%s", files->columns->names[i]);
        files->names[i] = job->host->setting(job, name);
    }
}

bool files_open(struct gwa_job *job, const struct columns *columns, struct files *out)
{
    const struct gwa_host *host = job->host;
    const char *ready = host->setting(job, "ready");

    out->columns = columns;
    out->directory = host->setting(job, "directory");
    out->inbox = host->setting(job, "inbox_directory");
    out->settle_ms = strtoll(host->setting(job, "settle"), NULL, 10);
    out->wants_flag = strcmp(ready, "ok") == 0;
    take_names(job, out);
    if (!out->wants_flag && strcmp(ready, "stable") != 0)
        return refuse(job, "ready must be stable or ok");
    return out->directory == NULL || strlen(out->directory) < PATH_SIZE / 2 ||
           refuse(job, "directory is too long a path");
}

/* ---- what the parts need -------------------------------------------------------------------------------------- */

struct run *run_of(struct gwa_job *job)
{
    return job->state;
}

const struct files *files_of(const struct gwa_job *job)
{
    return job->instance;
}

void **files_own(struct gwa_job *job)
{
    return &run_of(job)->own;
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
    const char *directory = files_of(job)->directory;
    struct run *run = job->host->alloc(job, sizeof(*run));

    if (run == NULL)
        return run_fail(job, GWA_RETRY, "no memory");
    job->state = run;
    run->given = job->file != NULL;
    if (run->given && !split_path(run, job->file))
        return run_fail(job, GWA_REJECTED, "list.file: the file must be given as an absolute path");
    if (!run->given)
        (void)snprintf(run->folder, sizeof(run->folder), "%s", directory == NULL ? "" : directory);
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

    if (!pick(files_of(job), run->listing, done, job->host->now_ms(job), &entry))
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
    return files_of(job)->columns->end == NULL ? GWA_DONE : files_of(job)->columns->end(job);
}

enum gwa_verdict files_fetch(struct gwa_job *job)
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
