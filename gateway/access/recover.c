/* recover: taking the log up again after the end of a process, orderly or not. */
#include "access/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scanned {
    int64_t used;
    bool broken;  /* its chain does not match */
    bool damaged; /* bytes that cannot be lines follow `used` */
};

/* The first fault is logged; what follows it still tells where the chain goes on. */
static bool scan(const char *directory, const char *name, char chain[ACCESS_CHAIN_SIZE], struct scanned *out,
                 struct err *err)
{
    struct access_reader *reader = NULL;
    enum access_step step = ACCESS_LINE;
    struct bytes line;
    bool ok;

    *out = (struct scanned){0};
    CHECK(access_reader_open(directory, name, &reader, err));
    while ((ok = access_reader_next(reader, &step, &line, err)) && step == ACCESS_LINE)
        if (!access_line_check(name, access_reader_number(reader), line, chain, err) && !out->broken) {
            out->broken = true;
            log_err(LOG_ERROR, "access.broken", err);
        }
    out->used = access_reader_used(reader);
    access_reader_close(&reader);
    if (ok || err->code != ERR_ACCESS_BROKEN)
        return ok;
    log_err(LOG_ERROR, "access.broken", err);
    out->broken = out->damaged = true;
    return true;
}

/* More than preallocated nothing behind the last line: a line that was being written, or one not yet on the disk
 * when the power failed. */
static void tell_cut(int fd, const char *name, int64_t used)
{
    uint8_t rest[ACCESS_LINE_MAX];
    ssize_t n = pread(fd, rest, sizeof(rest), (off_t)used);

    for (ssize_t i = 0; i < n; i++)
        if (rest[i] != 0) {
            log_event(LOG_WARN, "access.cut", "segment=%s used=%lld", name, (long long)used);
            return;
        }
}

static bool cut(const char *directory, const char *name, int64_t used, struct err *err)
{
    char path[ACCESS_PATH_MAX];
    bool ok;
    int fd;

    CHECK(access_path(directory, name, "", path, err));
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, ERR_IO, name, "open");
    tell_cut(fd, name, used);
    ok = (ftruncate(fd, (off_t)used) == 0 && fsync(fd) == 0) || err_errno(err, ERR_IO, name, "cut");
    close(fd);
    if (ok && used == 0)
        ok = unlink(path) == 0 || err_errno(err, ERR_IO, name, "delete");
    return ok;
}

static bool recover_segment(const char *directory, const struct access_segment *segment, struct access_recovered *out,
                            struct err *err)
{
    struct scanned scanned;

    CHECK(scan(directory, segment->name, out->chain, &scanned, err));
    if (!scanned.damaged)
        CHECK(cut(directory, segment->name, scanned.used, err));
    out->pending = out->pending || scanned.used > 0 || scanned.damaged;
    out->open = scanned.broken || scanned.used == 0 ? (struct access_segment){0} : *segment;
    out->used = scanned.used;
    return true;
}

static void follow_reported(const char *directory, const struct access_segment *segment, struct access_recovered *out)
{
    struct err err = {0};

    out->open = (struct access_segment){0};
    if (!access_segment_last(directory, segment->name, out->chain, &err))
        log_err(LOG_ERROR, "access.broken", &err);
}

/* Of reported segments only the newest one before the others is looked at: years of them must not delay a start. */
static size_t first_to_look_at(const struct access_segments *segments)
{
    size_t i = 0;

    while (i < segments->n && segments->list[i].reported)
        i++;
    return i > 0 ? i - 1 : 0;
}

bool access_recover(const char *directory, struct access_recovered *out, struct err *err)
{
    struct access_segments segments;
    bool ok = true;

    *out = (struct access_recovered){0};
    CHECK(access_start_read(directory, &out->last_n, out->chain, err));
    CHECK(access_segments_read(directory, &segments, err));
    for (size_t i = first_to_look_at(&segments); ok && i < segments.n; i++) {
        out->last_n = segments.list[i].n;
        if (segments.list[i].reported)
            follow_reported(directory, &segments.list[i], out);
        else
            ok = recover_segment(directory, &segments.list[i], out, err);
    }
    access_segments_free(&segments);
    return ok;
}
