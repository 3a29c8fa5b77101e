/* chunk: a body in chunks (RFC 9112 section 7.1). Extensions and trailers are skipped within a bound. */
#include "net/request.h"

#define FRAMING_MAX NET_HEADER_MAX         /* bytes of extensions and trailers in one request */

static bool bad(struct err *err, const char *detail)
{
    return err_set(err, ERR_HTTP_BAD_REQUEST, "chunked body", "%s", detail);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool size_digit(struct net_request *request, int digit, struct err *err)
{
    if (request->remaining > (INT64_MAX - digit) / 16)
        return bad(err, "a chunk size that overflows");
    request->remaining = request->remaining * 16 + digit;
    request->chunk = CHUNK_SIZE;
    return true;
}

/* The line of the chunk size has ended. */
static bool size_done(struct net_request *request, struct err *err)
{
    if (request->remaining > request->service->body_max - (int64_t)request->body.n)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, "chunked body", "more than %lld bytes",
                       (long long)request->service->body_max);
    request->chunk = request->remaining > 0 ? CHUNK_DATA : TRAILER_START;
    return true;
}

static bool size_byte(struct net_request *request, uint8_t c, struct err *err)
{
    int digit = hex_digit(c);
    if (digit >= 0)
        return size_digit(request, digit, err);
    if (request->chunk == CHUNK_SIZE_FIRST)
        return bad(err, "no chunk size");
    if (c == '\n')
        return size_done(request, err);
    if (c != '\r' && c != ';' && c != ' ' && c != '\t')
        return bad(err, "not a chunk size");
    request->chunk = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
    return true;
}

static bool count_framing(struct net_request *request, struct err *err)
{
    if (++request->framing > FRAMING_MAX)
        return err_set(err, ERR_HTTP_HEADER_TOO_LARGE, "chunked body", "extensions and trailers");
    return true;
}

static bool extension_byte(struct net_request *request, uint8_t c, struct err *err)
{
    if (c == '\n')
        return size_done(request, err);
    if (c == '\r')
        request->chunk = CHUNK_SIZE_LF;
    return count_framing(request, err);
}

static bool data_end_byte(struct net_request *request, uint8_t c, struct err *err)
{
    if (c == '\r' && request->chunk == CHUNK_DATA_END) {
        request->chunk = CHUNK_DATA_LF;
        return true;
    }
    if (c != '\n')
        return bad(err, "chunk data longer than its size");
    request->chunk = CHUNK_SIZE_FIRST;
    return true;
}

static bool trailer_byte(struct net_request *request, uint8_t c, struct err *err)
{
    bool start = request->chunk == TRAILER_START;
    if (c == '\n')
        request->chunk = start ? CHUNK_DONE : TRAILER_START;
    else if (c == '\r')
        request->chunk = start ? TRAILER_LF : TRAILER_FIELD_LF;
    else if (c == '\0')
        return bad(err, "a NUL in a trailer");
    else
        request->chunk = TRAILER_FIELD;
    return count_framing(request, err);
}

/* After a CR nothing but LF may come. */
static bool lf_byte(struct net_request *request, uint8_t c, struct err *err)
{
    if (c != '\n')
        return bad(err, "a bare CR");
    if (request->chunk == CHUNK_SIZE_LF)
        return size_done(request, err);
    request->chunk = request->chunk == TRAILER_LF ? CHUNK_DONE : TRAILER_START;
    return true;
}

static bool framing_byte(struct net_request *request, uint8_t c, struct err *err)
{
    switch (request->chunk) {
    case CHUNK_SIZE_FIRST:
    case CHUNK_SIZE:
        return size_byte(request, c, err);
    case CHUNK_EXTENSION:
        return extension_byte(request, c, err);
    case CHUNK_DATA_END:
    case CHUNK_DATA_LF:
        return data_end_byte(request, c, err);
    case TRAILER_START:
    case TRAILER_FIELD:
        return trailer_byte(request, c, err);
    case CHUNK_SIZE_LF:
    case TRAILER_FIELD_LF:
    case TRAILER_LF:
        return lf_byte(request, c, err);
    case CHUNK_DATA:
    case CHUNK_DONE:
        break;
    }
    return true;
}

static size_t take_data(struct net_request *request, struct bytes in)
{
    size_t n = (int64_t)in.n < request->remaining ? in.n : (size_t)request->remaining;
    buf_put(&request->body, in.p, n);
    request->remaining -= (int64_t)n;
    if (request->remaining == 0)
        request->chunk = CHUNK_DATA_END;
    return n;
}

bool request_chunks(struct net_request *request, struct bytes in, size_t *used_out, struct err *err)
{
    size_t at = 0;
    while (at < in.n && request->chunk != CHUNK_DONE) {
        if (request->chunk == CHUNK_DATA)
            at += take_data(request, bytes_of(in.p + at, in.n - at));
        else
            CHECK(framing_byte(request, in.p[at++], err));
    }
    *used_out = at;
    if (request->chunk == CHUNK_DONE)
        request->state = READ_WHOLE;
    return true;
}
