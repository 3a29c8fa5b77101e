/* The answer to a file: NAME.result.csv beside it, then the file's line in the list of those done. A file that has its
 * result but not its line is read once more, which changes nothing. */
#include "adapters/common/files/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DONE_MAX 5000u                   /* lines kept in the list of those done */
#define MARK "\xef\xbb\xbf"              /* what a spreadsheet knows UTF-8 by */

struct answer {
    enum { ANSWER_START, ANSWER_WRITTEN, ANSWER_LISTED, ANSWER_READ, ANSWER_MARKED } step;
    char folder[PATH_SIZE], path[PATH_SIZE];
    struct gwa_bytes listing, name;
    struct entry entry;
};

/* ---- what it is about ------------------------------------------------------------------------------------------- */

/* "PATH (BYTES bytes, MTIME)", as the run said. */
static bool read_origin(const char *origin, struct answer *answer)
{
    const char *open = strrchr(origin, '('), *slash;
    long long bytes, mtime_ms;
    size_t n;

    if (open == NULL || open == origin || sscanf(open, "(%lld bytes, %lld)", &bytes, &mtime_ms) != 2)
        return false;
    n = (size_t)(open - origin) - 1;
    if (n == 0 || n >= sizeof(answer->path))
        return false;
    memcpy(answer->path, origin, n);
    slash = strrchr(answer->path, '/');
    if (slash == NULL || slash[1] == '\0')
        return false;
    memcpy(answer->folder, answer->path, (size_t)(slash - answer->path));
    answer->name = (struct gwa_bytes){(const uint8_t *)slash + 1, strlen(slash + 1)};
    answer->entry = (struct entry){answer->name, bytes, mtime_ms};
    return true;
}

static bool result_path(const struct answer *answer, char out[PATH_SIZE])
{
    size_t stem = answer->name.n;
    int n;

    (void)pick_format(answer->name, &stem);
    n = snprintf(out, PATH_SIZE, "%.*s/%.*s.result.csv", (int)(PATH_SIZE / 2), answer->folder, (int)stem,
                 (const char *)answer->name.p);
    return n > 0 && n < PATH_SIZE;
}

static enum gwa_verdict begin(struct gwa_job *job, struct answer **answer_out)
{
    struct answer *answer = job->host->alloc(job, sizeof(*answer));

    if (answer == NULL)
        return run_fail(job, GWA_RETRY, "no memory");
    if (job->origin == NULL || !read_origin(job->origin, answer))
        return run_fail(job, GWA_REJECTED, "the run does not say which file it was about");
    job->state = *answer_out = answer;
    return GWA_WAIT;
}

/* ---- send ------------------------------------------------------------------------------------------------------- */

static enum gwa_verdict write_result(struct gwa_job *job)
{
    struct answer *answer = NULL;
    enum gwa_verdict verdict = begin(job, &answer);
    char path[PATH_SIZE];
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_FILE_WRITE, .target = path};
    uint8_t *body;

    if (verdict != GWA_WAIT)
        return verdict;
    body = job->host->alloc(job, job->message.n + sizeof(MARK));
    if (body == NULL || !result_path(answer, path))
        return run_fail(job, GWA_REJECTED, "the result is too large or its path too long");
    memcpy(body, MARK, sizeof(MARK) - 1);
    if (job->message.n > 0)
        memcpy(body + sizeof(MARK) - 1, job->message.p, job->message.n);
    io.body = (struct gwa_bytes){body, job->message.n + sizeof(MARK) - 1};
    answer->step = ANSWER_WRITTEN;
    job->host->io(job, &io);
    return GWA_WAIT;
}

static enum gwa_verdict ask(struct gwa_job *job, const struct answer *answer, enum gwa_io_kind kind, const char *name)
{
    char path[PATH_SIZE];
    struct gwa_io io = {.size = sizeof(io), .kind = kind, .target = path, .limit = LISTING_MAX};

    (void)snprintf(path, sizeof(path), "%.*s%s", (int)(PATH_SIZE - 32), answer->folder, name);
    job->host->io(job, &io);
    return GWA_WAIT;
}

/* Files of the second folder are read when a person says so, never by themselves: nothing to remember. */
static enum gwa_verdict after_write(struct gwa_job *job, struct answer *answer)
{
    const char *directory = files_of(job)->directory;

    if (job->result.state == GWA_IO_UNSURE)
        return run_fail(job, GWA_UNCERTAIN, "the result may or may not be written");
    if (job->result.state != GWA_IO_OK)
        return run_fail(job, GWA_RETRY, "the result cannot be written beside the file");
    if (directory == NULL || strcmp(answer->folder, directory) != 0)
        return GWA_DONE;
    answer->step = ANSWER_LISTED;
    return ask(job, answer, GWA_FILE_LIST, "");
}

static enum gwa_verdict after_list(struct gwa_job *job, struct answer *answer)
{
    uint8_t *copy = job->host->alloc(job, job->result.body.n + 1);

    if (job->result.state != GWA_IO_OK || copy == NULL)
        return run_fail(job, GWA_RETRY, "the folder cannot be listed");
    if (job->result.body.n > 0)
        memcpy(copy, job->result.body.p, job->result.body.n);
    answer->listing = (struct gwa_bytes){copy, job->result.body.n};
    answer->step = ANSWER_READ;
    return ask(job, answer, GWA_FILE_READ, "/" DONE_NAME);
}

static void add_line(struct text *text, const struct entry *entry)
{
    char numbers[64];

    (void)snprintf(numbers, sizeof(numbers), "\t%lld\t%lld\n", (long long)entry->bytes, (long long)entry->mtime_ms);
    text_add_bytes(text, entry->name);
    text_add(text, numbers);
}

/* What is done and still there, the newest first; the file takes the place of an older one of its name. */
static void write_done(struct text *text, const struct answer *answer, struct gwa_bytes done)
{
    struct entry known, there;
    unsigned n = 1;

    add_line(text, &answer->entry);
    for (size_t at = 0; n < DONE_MAX && entry_next(done, &at, &known);) {
        bool own = known.name.n == answer->name.n && memcmp(known.name.p, answer->name.p, known.name.n) == 0;

        if (own || !entry_find(answer->listing, known.name, &there))
            continue;
        add_line(text, &known);
        n++;
    }
}

static enum gwa_verdict after_read(struct gwa_job *job, struct answer *answer)
{
    struct gwa_bytes done = job->result.state == GWA_IO_OK ? job->result.body : (struct gwa_bytes){NULL, 0};
    size_t size = done.n + PATH_SIZE;
    char path[PATH_SIZE], *room = job->host->alloc(job, size);
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_FILE_WRITE, .target = path};
    struct text text;

    if (room == NULL)
        return run_fail(job, GWA_RETRY, "no memory");
    text_init(&text, room, size);
    write_done(&text, answer, done);
    (void)snprintf(path, sizeof(path), "%.*s/%s", (int)(PATH_SIZE - 32), answer->folder, DONE_NAME);
    io.body = (struct gwa_bytes){(const uint8_t *)room, text.n};
    answer->step = ANSWER_MARKED;
    job->host->io(job, &io);
    return GWA_WAIT;
}

enum gwa_verdict answer_send(struct gwa_job *job)
{
    struct answer *answer = job->state;

    switch (answer == NULL ? ANSWER_START : answer->step) {
    case ANSWER_START:
        return write_result(job);
    case ANSWER_WRITTEN:
        return after_write(job, answer);
    case ANSWER_LISTED:
        return after_list(job, answer);
    case ANSWER_READ:
        return after_read(job, answer);
    default:
        return job->result.state == GWA_IO_OK ? GWA_DONE
                                              : run_fail(job, GWA_RETRY, "the list of files done cannot be written");
    }
}

/* ---- resolve ---------------------------------------------------------------------------------------------------- */

enum gwa_verdict answer_resolve(struct gwa_job *job)
{
    const size_t mark = sizeof(MARK) - 1;
    struct answer *answer = job->state;
    char path[PATH_SIZE];
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_FILE_READ, .target = path};
    enum gwa_verdict verdict;

    if (answer == NULL) {
        verdict = begin(job, &answer);
        if (verdict != GWA_WAIT || !result_path(answer, path))
            return verdict == GWA_WAIT ? GWA_RETRY : verdict;
        job->host->io(job, &io);
        return GWA_WAIT;
    }
    if (job->result.state != GWA_IO_OK || job->result.body.n != job->message.n + mark)
        return GWA_RETRY;
    return job->message.n == 0 || memcmp(job->result.body.p + mark, job->message.p, job->message.n) == 0 ? GWA_DONE
                                                                                                       : GWA_RETRY;
}
