/* answer: writes the head and body of an answer into one buffer. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/request.h"

static const struct status {
    int code;
    const char *line;
} statuses[] = {
    {200, "HTTP/1.1 200 OK\r\n"},
    {202, "HTTP/1.1 202 Accepted\r\n"},
    {204, "HTTP/1.1 204 No Content\r\n"},
    {206, "HTTP/1.1 206 Partial Content\r\n"},
    {303, "HTTP/1.1 303 See Other\r\n"},
    {304, "HTTP/1.1 304 Not Modified\r\n"},
    {400, "HTTP/1.1 400 Bad Request\r\n"},
    {401, "HTTP/1.1 401 Unauthorized\r\n"},
    {403, "HTTP/1.1 403 Forbidden\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n"},
    {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
    {406, "HTTP/1.1 406 Not Acceptable\r\n"},
    {408, "HTTP/1.1 408 Request Timeout\r\n"},
    {409, "HTTP/1.1 409 Conflict\r\n"},
    {410, "HTTP/1.1 410 Gone\r\n"},
    {413, "HTTP/1.1 413 Content Too Large\r\n"},
    {414, "HTTP/1.1 414 URI Too Long\r\n"},
    {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
    {416, "HTTP/1.1 416 Range Not Satisfiable\r\n"},
    {422, "HTTP/1.1 422 Unprocessable Content\r\n"},
    {429, "HTTP/1.1 429 Too Many Requests\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {500, "HTTP/1.1 500 Internal Server Error\r\n"},
    {501, "HTTP/1.1 501 Not Implemented\r\n"},
    {502, "HTTP/1.1 502 Bad Gateway\r\n"},
    {503, "HTTP/1.1 503 Service Unavailable\r\n"},
    {504, "HTTP/1.1 504 Gateway Timeout\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
};

static void put_status(struct buf *out, int code)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].code == code) {
            buf_str(out, statuses[i].line);
            return;
        }
    }
    buf_printf(out, "HTTP/1.1 %d Status\r\n", code);
}

/* Formatted once a second in each thread. */
static void put_date(struct buf *out)
{
    static _Thread_local time_t second = -1;
    static _Thread_local char text[96];
    time_t now = (time_t)(clock_wall_ms() / 1000);
    if (now != second) {
        static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        struct tm tm;
        gmtime_r(&now, &tm);
        snprintf(text, sizeof text, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday], tm.tm_mday,
                 months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
        second = now;
    }
    buf_str(out, text);
}

static void put_size(struct buf *out, size_t n)
{
    char digits[24], *at = digits + sizeof digits;
    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    buf_put(out, "Content-Length: ", 16);
    buf_put(out, at, (size_t)(digits + sizeof digits - at));
    buf_put(out, "\r\n", 2);
}

/* A value with a line end would start a header of somebody else's choosing. */
static bool one_line(struct bytes text)
{
    return text.n == 0 || (!memchr(text.p, '\r', text.n) && !memchr(text.p, '\n', text.n) &&
                           !memchr(text.p, '\0', text.n));
}

static void put_headers(struct buf *out, const struct net_reply *reply)
{
    for (size_t i = 0; i < reply->header_n; i++) {
        const struct net_header *header = &reply->headers[i];
        if (!one_line(header->name) || !one_line(header->value)) {
            log_event(LOG_ERROR, "http.header_dropped", "number=%zu", i);
            continue;
        }
        buf_put(out, header->name.p, header->name.n);
        buf_put(out, ": ", 2);
        buf_put(out, header->value.p, header->value.n);
        buf_put(out, "\r\n", 2);
    }
}

static void put_connection(struct buf *out, const struct net_request *request)
{
    if (request->close)
        buf_str(out, "Connection: close\r\n");
    else if (request->minor == 0)
        buf_str(out, "Connection: keep-alive\r\n");
}

static bool keeps(const struct net_request *request)
{
    if (request->wants_close)
        return false;
    return request->minor > 0 || request->wants_keep;
}

static void put_answer(struct net_request *request, const struct net_reply *reply)
{
    struct buf *out = &request->answer;
    bool bodiless = reply->status == 204 || reply->status == 304;
    put_status(out, reply->status);
    put_date(out);
    buf_put(out, "X-Request-Id: ", 14);
    buf_put(out, request->id, HEX_ID_SIZE - 1);
    buf_put(out, "\r\n", 2);
    if (reply->media_type && !bodiless) {
        buf_put(out, "Content-Type: ", 14);
        buf_str(out, reply->media_type);
        buf_put(out, "\r\n", 2);
    }
    if (!bodiless)
        put_size(out, reply->body.n);
    put_headers(out, reply);
    put_connection(out, request);
    buf_put(out, "\r\n", 2);
    if (!bodiless && strcmp(request->method, "HEAD") != 0)
        buf_put(out, reply->body.p, reply->body.n);
}

/* Without a frame the other side would wait, and take the next one for this one's: so the connection ends. */
static void answer_frame(struct net_request *request, const struct net_reply *reply, bool stopping)
{
    struct buf *out = &request->answer;
    request->close = reply->close || stopping || reply->body.n == 0;
    if (reply->body.n > 0 && reply->body.n <= NET_ANSWER_MAX && frame_write(out, NET_FRAME_DIGITS, reply->body))
        return;
    if (reply->body.n > 0)
        log_event(LOG_ERROR, "frame.answer_too_large", "bytes=%zu request=%s", reply->body.n, request->id);
    request->close = true;
}

void answer_write(struct net_request *request, const struct net_reply *reply, bool stopping)
{
    request->rest = reply->rest;
    if (request->framed) {
        answer_frame(request, reply, stopping);
        return;
    }
    request->close = reply->close || stopping || !keeps(request);
    put_answer(request, reply);
    if (request->answer.overflow) {
        struct net_reply broken = {.status = 500, .close = true};
        log_event(LOG_ERROR, "http.answer_too_large", "bytes=%zu request=%s", reply->body.n, request->id);
        buf_reset(&request->answer);
        request->close = true;
        put_answer(request, &broken);
    }
}

void answer_refused(struct net_request *request, const struct err *err)
{
    const struct net_service *service = request->service;
    struct buf body;
    buf_init(&body, NET_HEADER_MAX);
    if (service->error_body)
        service->error_body(err->code, err->detail, request->id, &body, service->arg);
    struct net_reply reply = {.status = err_info(err->code)->http, .close = true};
    if (body.n > 0 && !body.overflow) {
        reply.media_type = "application/problem+json";
        reply.body = buf_bytes(&body);
    }
    buf_reset(&request->answer);
    answer_write(request, &reply, true);
    request->answered = true;
    buf_free(&body);
}
