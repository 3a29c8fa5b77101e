/* ended: what happens to a segment after its end: its digest is reported, and years later it is deleted. Only
 * names and files count, so that it goes on after a crash where it stopped. */
#include "access/internal.h"

#include <unistd.h>

static bool report(const char *directory, const char *name, access_ended *ended, void *arg, struct err *err)
{
    char hex[ACCESS_CHAIN_SIZE];
    uint64_t lines;

    CHECK(access_segment_digest(directory, name, hex, &lines, err));
    CHECK(ended(arg, name, hex, lines, err));
    return access_digest_write(directory, name, hex, err);
}

bool access_report(const char *directory, uint64_t below, access_ended *ended, void *arg)
{
    struct access_segments segments;
    struct err err = {0};
    bool ok = access_segments_read(directory, &segments, &err);

    for (size_t i = 0; ok && i < segments.n; i++)
        if (!segments.list[i].reported && segments.list[i].n < below)
            ok = report(directory, segments.list[i].name, ended, arg, &err);
    if (!ok)
        log_err(LOG_WARN, "access.report", &err);
    access_segments_free(&segments);
    return ok;
}

static void delete_segment(const char *directory, const char *name)
{
    char path[ACCESS_PATH_MAX];
    struct err err = {0};

    if (access_path(directory, name, "", path, &err) && unlink(path) == 0)
        log_event(LOG_NOTICE, "access.deleted", "segment=%s", name);
    if (access_path(directory, name, ".sha256", path, &err))
        (void)unlink(path); /* it may be gone */
}

/* How many of the oldest may go: a later one never goes before an earlier one. */
static size_t count_old(const struct access_segments *segments, int64_t before_ms)
{
    size_t n = 0;

    while (n < segments->n && segments->list[n].reported && segments->list[n].start_ms + ACCESS_HOUR_MS <= before_ms)
        n++;
    return n;
}

static bool delete_old(const char *directory, const struct access_segments *segments, size_t n, struct err *err)
{
    char chain[ACCESS_CHAIN_SIZE];

    if (n == 0)
        return true;
    CHECK(access_segment_last(directory, segments->list[n - 1].name, chain, err));
    CHECK(access_start_write(directory, segments->list[n - 1].name, chain, err));
    for (size_t i = 0; i < n; i++)
        delete_segment(directory, segments->list[i].name);
    return access_sync_directory(directory, err);
}

void access_retain(const char *directory, int64_t retention_ms, int64_t now_ms)
{
    struct access_segments segments;
    struct err err = {0};
    bool ok = access_segments_read(directory, &segments, &err);

    if (ok)
        ok = delete_old(directory, &segments, count_old(&segments, now_ms - retention_ms), &err);
    if (!ok)
        log_err(LOG_WARN, "access.retention", &err);
    access_segments_free(&segments);
}
