/* reader: from the bytes of a connection to whole requests.
 *
 * The header is gathered up to its limit and judged line by line as lines become complete; the body follows
 * by its size or in chunks. Strictness is that of nginx 1.22 but for what the contract says otherwise.
 */
#include <stdlib.h>
#include <string.h>

#include "net/request.h"

struct net_reader {
    struct net_service service;
    struct net_request *request;
    bool framed, failed;
    struct err err;
};

/* Empty lines before a request are skipped, as nginx does. */
static size_t skip_blank(struct bytes in)
{
    size_t n = 0;
    while (n < in.n && (in.p[n] == '\r' || in.p[n] == '\n'))
        n++;
    return n;
}

static bool head_too_large(const struct net_request *request, struct err *err)
{
    if (request->state == READ_FIRST_LINE)
        return err_set(err, ERR_HTTP_URI_TOO_LONG, "request line", "longer than %u bytes", NET_HEADER_MAX);
    return err_set(err, ERR_HTTP_HEADER_TOO_LARGE, NULL, "more than %u bytes", NET_HEADER_MAX);
}

static bool take_line(struct net_request *request, size_t end, bool *done_out, struct err *err)
{
    struct bytes line = {request->head.p + request->line, end - request->line};
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    request->line = request->scanned = end + 1;
    request->line_number++;
    if (request->state == READ_FIRST_LINE) {
        request->state = READ_FIELDS;
        return request_first_line(request, line, err);
    }
    if (line.n > 0)
        return request_field(request, line, err);
    *done_out = true;
    return true;
}

/* Judges the lines that are complete; *done_out when the empty one came. */
static bool take_lines(struct net_request *request, bool *done_out, struct err *err)
{
    struct buf *head = &request->head;
    while (!*done_out) {
        const uint8_t *lf = memchr(head->p + request->scanned, '\n', head->n - request->scanned);
        if (!lf)
            break;
        CHECK(take_line(request, (size_t)(lf - head->p), done_out, err));
    }
    if (*done_out)
        return true;
    request->scanned = head->n;
    struct bytes rest = {head->p + request->line, head->n - request->line};
    if (request->state == READ_FIRST_LINE && !request_first_line_hopeful(rest))
        return err_set(err, ERR_HTTP_BAD_REQUEST, "request line", "not a method");
    if (head->n >= NET_HEADER_MAX)
        return head_too_large(request, err);
    return true;
}

static bool read_head(struct net_request *request, struct bytes in, size_t *used_out, bool *done_out, struct err *err)
{
    size_t skip = request->head.n == 0 ? skip_blank(in) : 0;
    size_t n = in.n - skip, room = NET_HEADER_MAX - request->head.n;
    if (n > room)
        n = room;
    *used_out = skip + n;
    if (n == 0)
        return true;
    buf_put(&request->head, in.p + skip, n);
    CHECK(take_lines(request, done_out, err));
    if (*done_out) {
        *used_out -= request->head.n - request->line;
        request->head.n = request->line;
        CHECK(request_head_done(request, err));
    }
    return true;
}

static void read_length(struct net_request *request, struct bytes in, size_t *used_out)
{
    size_t n = (int64_t)in.n < request->remaining ? in.n : (size_t)request->remaining;
    buf_put(&request->body, in.p, n);
    request->remaining -= (int64_t)n;
    if (request->remaining == 0)
        request->state = READ_WHOLE;
    *used_out = n;
}

static bool read_body(struct net_request *request, struct bytes in, size_t *used_out, struct err *err)
{
    if (request->state == READ_LENGTH)
        read_length(request, in, used_out);
    else if (request->state == READ_CHUNKS)
        CHECK(request_chunks(request, in, used_out, err));
    return true;
}

enum read_event request_read(struct net_request *request, struct bytes in, size_t *used_out, struct err *err)
{
    size_t used = 0;
    bool head_done = false;
    if (request->framed)
        return request_frame(request, in, used_out, err);
    *used_out = 0;
    if (request->state == READ_FIRST_LINE || request->state == READ_FIELDS) {
        if (!read_head(request, in, used_out, &head_done, err))
            return READ_REFUSED;
        if (head_done && request->state != READ_WHOLE && request->expects_continue)
            return READ_CONTINUE;
        if (!head_done)
            return READ_MORE;
    }
    struct bytes rest = {in.p + *used_out, in.n - *used_out};
    if (rest.n > 0 && !read_body(request, rest, &used, err))
        return READ_REFUSED;
    *used_out += used;
    return request->state == READ_WHOLE ? READ_REQUEST : READ_MORE;
}

/* ---- the reader alone ------------------------------------------------------------------------------- */

static void begin(struct net_reader *reader)
{
    reader->request->service = &reader->service;
    if (reader->framed)
        request_make_framed(reader->request);
}

static struct net_reader *new_reader(const struct net_service *service, bool framed)
{
    struct net_reader *reader = xcalloc(1, sizeof *reader);
    reader->service = *service;
    reader->framed = framed;
    reader->request = request_new();
    begin(reader);
    return reader;
}

struct net_reader *net_reader_new(const struct net_service *service)
{
    return new_reader(service, false);
}

struct net_reader *net_reader_new_frames(const struct net_service *service)
{
    return new_reader(service, true);
}

void net_reader_free(struct net_reader **reader)
{
    if (!*reader)
        return;
    request_free(&(*reader)->request);
    free(*reader);
    *reader = NULL;
}

static void hand_over(struct net_reader *reader)
{
    request_trace(reader->request);
    reader->service.handler(reader->request, reader->service.arg);
    request_reset(reader->request);
    begin(reader);
}

bool net_reader_feed(struct net_reader *reader, struct bytes in, struct err *err)
{
    while (in.n > 0 && !reader->failed) {
        size_t used;
        enum read_event event = request_read(reader->request, in, &used, &reader->err);
        in.p += used;
        in.n -= used;
        reader->failed = event == READ_REFUSED;
        if (event == READ_REQUEST)
            hand_over(reader);
    }
    if (reader->failed)
        *err = reader->err;
    return !reader->failed;
}
