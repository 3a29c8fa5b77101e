/* Any bytes as a segment: the scanner must divide them without reading outside and always come to an end, the
 * search must look at every line that comes out, and a line written by the log must come back as it was. */
#include <stdlib.h>
#include <string.h>

#include "access/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void look_at(struct bytes line, const struct access_matcher *matcher)
{
    char chain[ACCESS_CHAIN_SIZE], place[] = "20261124T020000Z-0000000001.log";
    struct err err = {0};
    struct bytes body;

    (void)access_matches(matcher, line);
    if (!access_line_split(line, &body, chain))
        return;
    need(body.p == line.p && body.n + ACCESS_TAIL_SIZE == line.n && strlen(chain) == ACCESS_CHAIN_SIZE - 1);
    (void)access_line_check(place, 1, line, chain, &err);
}

static void scan_all(struct bytes block, const struct access_matcher *matcher)
{
    enum access_step step;
    struct bytes line;
    size_t pos = 0, before = 0;

    while ((step = access_scan(block, &pos, &line)) == ACCESS_LINE) {
        need(pos > before && pos <= block.n && line.p + line.n + 1 == block.p + pos && line.n < ACCESS_LINE_MAX);
        need(line.n == 0 || memchr(line.p, '\0', line.n) == NULL);
        before = pos;
        look_at(line, matcher);
    }
    need(pos == before);
}

/* The same bytes as the text of a question. */
static void write_and_find(const char *text)
{
    struct access_line line = {.time_ms = 1795485600000, .partner = text, .route = "whitelist.get", .request_id = text};
    struct access_filter filter = {.partner = text, .request_id = text};
    struct access_matcher matcher;
    struct buf out;

    access_matcher_init(&matcher, &filter);
    buf_init(&out, ACCESS_LINE_MAX);
    access_line_write(&out, &line);
    if (!out.overflow) {
        need(memchr(out.p, '\n', out.n) == NULL && memchr(out.p, '\0', out.n) == NULL);
        need(access_matches(&matcher, buf_bytes(&out)));
    }
    buf_free(&out);
    access_matcher_free(&matcher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct access_filter filter = {.uscc = "9", .partner = "b", .request_id = "r", .since_ms = 1};
    struct access_filter any = {.until_ms = INT64_MAX};
    struct access_matcher matcher;
    char name[40] = {0}, *text;
    uint64_t n;
    int64_t start;

    if (size == 0)
        return 0;
    text = strndup((const char *)data, size);
    access_matcher_init(&matcher, &filter);
    scan_all(bytes_of(data, size), &matcher);
    access_matcher_free(&matcher);
    access_matcher_init(&matcher, &any);
    scan_all(bytes_of(data, size), &matcher);
    access_matcher_free(&matcher);
    memcpy(name, data, size < sizeof(name) - 1 ? size : sizeof(name) - 1);
    (void)access_segment_parse(name, &n, &start);
    write_and_find(text);
    free(text);
    return 0;
}
