/* find: searching and proving the log from its directory alone, also while a daemon writes it. */
#include "access/internal.h"

#include <stdatomic.h>
#include <string.h>

/* A line's time is taken when its request began, its segment's when the first line came: they differ by no more
 * than a request may last. */
#define SLACK_MS INT64_C(600000)

/* A segment ends with its hour, so its name tells which times it may hold. */
static bool may_hold(const struct access_segment *segment, const struct access_matcher *matcher)
{
    int64_t hour = segment->start_ms - segment->start_ms % ACCESS_HOUR_MS;

    if (matcher->until_ms != 0 && hour - SLACK_MS > matcher->until_ms)
        return false;
    return hour + ACCESS_HOUR_MS + SLACK_MS >= matcher->since_ms;
}

static bool find_in(const char *directory, const char *name, const struct access_matcher *matcher, access_each *each,
                    void *arg, bool *go_on, struct err *err)
{
    struct access_reader *reader = NULL;
    enum access_step step = ACCESS_LINE;
    struct bytes line;
    bool ok;

    CHECK(access_reader_open(directory, name, &reader, err));
    while ((ok = access_reader_next(reader, &step, &line, err)) && step == ACCESS_LINE && *go_on)
        if (access_matches(matcher, line))
            *go_on = each(arg, &(struct access_found){line, name, access_reader_number(reader)});
    access_reader_close(&reader);
    return ok;
}

static bool goes_on(const struct access_filter *filter, struct err *err)
{
    return filter->stop == NULL || !atomic_load(filter->stop) ||
           err_set(err, ERR_CANCELLED, NULL, "the search was ended");
}

bool access_find(const char *directory, const struct access_filter *filter, access_each *each, void *arg,
                 struct err *err)
{
    struct access_segments segments;
    struct access_matcher matcher;
    bool ok = true, go_on = true;

    CHECK(access_segments_read(directory, &segments, err));
    access_matcher_init(&matcher, filter);
    for (size_t i = 0; ok && go_on && i < segments.n; i++)
        if (may_hold(&segments.list[i], &matcher))
            ok = goes_on(filter, err) && find_in(directory, segments.list[i].name, &matcher, each, arg, &go_on, err);
    access_matcher_free(&matcher);
    access_segments_free(&segments);
    return ok;
}

static bool check_lines(const char *directory, const char *name, char chain[ACCESS_CHAIN_SIZE], uint64_t *lines,
                        struct err *err)
{
    struct access_reader *reader = NULL;
    enum access_step step = ACCESS_LINE;
    struct bytes line;
    bool ok;

    CHECK(access_reader_open(directory, name, &reader, err));
    while ((ok = access_reader_next(reader, &step, &line, err)) && step == ACCESS_LINE &&
           (ok = access_line_check(name, access_reader_number(reader), line, chain, err)))
        ++*lines;
    access_reader_close(&reader);
    return ok;
}

static bool check_digest(const char *directory, const char *name, struct err *err)
{
    char stated[ACCESS_CHAIN_SIZE], found[ACCESS_CHAIN_SIZE];
    uint64_t lines;

    CHECK(access_digest_read(directory, name, stated, err));
    CHECK(access_segment_digest(directory, name, found, &lines, err));
    if (strcmp(stated, found) != 0)
        return err_set(err, ERR_ACCESS_BROKEN, name, "the segment's bytes do not have the digest that was reported");
    return true;
}

bool access_verify(const char *directory, uint64_t *lines_out, struct err *err)
{
    char chain[ACCESS_CHAIN_SIZE];
    struct access_segments segments;
    uint64_t start;
    bool ok = true;

    *lines_out = 0;
    CHECK(access_segments_read(directory, &segments, err));
    ok = access_start_read(directory, &start, chain, err);
    for (size_t i = 0; ok && i < segments.n; i++) {
        const struct access_segment *segment = &segments.list[i];

        if (segment->n <= start)
            continue; /* retention was about to delete it */
        ok = check_lines(directory, segment->name, chain, lines_out, err) &&
             (!segment->reported || check_digest(directory, segment->name, err));
    }
    access_segments_free(&segments);
    return ok;
}
