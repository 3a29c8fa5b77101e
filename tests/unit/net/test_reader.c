/* The HTTP reader alone: every case of strictness as bytes and verdict, and what a handler sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/net.h"

#define HOST "Host: gateway\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define NOT_YET 0 /* the bytes alone decide nothing */
#define OK(n) (n) /* that many requests were accepted */

struct input {
    const char *name;
    struct bytes bytes;
    int verdict; /* number of requests accepted, or the status of the refusal */
};
#define CASE(verdict, name, literal)                                                                                   \
    {                                                                                                                  \
        name, {(const uint8_t *)(literal), sizeof(literal) - 1}, verdict                                               \
    }

static const struct input cases[] = {
    /* request line */
    CASE(OK(1), "plain", GET "\r\n"),
    CASE(OK(1), "bare LF ends lines", "GET / HTTP/1.1\nHost: a\n\n"),
    CASE(OK(1), "empty lines before", "\r\n\n\r\n" GET "\r\n"),
    CASE(OK(1), "several spaces", "GET  /  HTTP/1.1  \r\n" HOST "\r\n"),
    CASE(OK(1), "unknown method", "BREW / HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "minor version above 1", "GET / HTTP/1.2\r\n" HOST "\r\n"),
    CASE(OK(1), "1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
    CASE(400, "HTTP/0.9", "GET /\r\n"),
    CASE(400, "HTTP/0.9 with space", "GET / \r\n"),
    CASE(400, "version 0.9", "GET / HTTP/0.9\r\n" HOST "\r\n"),
    CASE(505, "HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n"),
    CASE(400, "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    CASE(400, "lower-case version", "GET / http/1.1\r\n" HOST "\r\n"),
    CASE(400, "no minor", "GET / HTTP/1\r\n" HOST "\r\n"),
    CASE(400, "words behind version", "GET / HTTP/1.1 x\r\n" HOST "\r\n"),
    CASE(400, "space in target", "GET /a b HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "lower-case method", "get / HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "no method", " / HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "TAB instead of space", "GET\t/ HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "TLS to a plain listener", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    CASE(400, "NUL in target", "GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "CR in target", "GET /a\rb HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "CR within the version", "GET / HTTP/1.1\r\r\n" HOST "\r\n"),
    CASE(405, "CONNECT", "CONNECT / HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "CONNECT host:port", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"),
    CASE(405, "TRACE", "TRACE / HTTP/1.1\r\n" HOST "\r\n"),
    CASE(NOT_YET, "half a line", "GET / HT"),

    /* target */
    CASE(400, "asterisk", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "relative", "GET a HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "absolute", "GET http://gateway/a HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "absolute, port", "GET https://gateway:8443/a HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "absolute, other host", "GET http://other/ HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "absolute, no path", "GET http://gateway HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "absolute, query only", "GET http://gateway?a=b HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "absolute, literal", "GET http://[::1]:80/ HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "absolute, no host", "GET http:/// HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "absolute, user", "GET http://u@gateway/ HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "absolute, bad port", "GET http://gateway:8a/ HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "absolute without Host", "GET http://gateway/ HTTP/1.1\r\n\r\n"),
    CASE(400, "%XX not hex", "GET /%zz HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "%X cut", "GET /%4 HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "%00", "GET /a%00 HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "dots inside", "GET /a/../b HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "above root", "GET /../b HTTP/1.1\r\n" HOST "\r\n"),
    CASE(400, "above root, encoded", "GET /a%2f..%2f%2e%2E HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "fragment", "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
    CASE(OK(1), "eight-bit bytes", "GET /\xe5\x8e\xbf HTTP/1.1\r\n" HOST "\r\n"),

    /* header lines */
    CASE(400, "no Host", "GET / HTTP/1.1\r\n\r\n"),
    CASE(400, "Host twice", GET HOST "\r\n"),
    CASE(400, "Host twice, 1.0", "GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
    CASE(400, "Host empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    CASE(400, "Host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    CASE(400, "Host with slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    CASE(400, "Host with empty label", "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n"),
    CASE(400, "Host of only a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    CASE(OK(1), "Host literal", "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n"),
    CASE(400, "space before colon", GET "A : b\r\n\r\n"),
    CASE(400, "TAB before colon", GET "A\t: b\r\n\r\n"),
    CASE(400, "space before colon of Content-Length", POST "Content-Length : 0\r\n\r\n"),
    CASE(400, "obs-fold", GET "A: b\r\n c\r\n\r\n"),
    CASE(400, "obs-fold with TAB", GET "A: b\r\n\tc\r\n\r\n"),
    CASE(400, "space before first name", "GET / HTTP/1.1\r\n " HOST "\r\n"),
    CASE(400, "no name", GET ": b\r\n\r\n"),
    CASE(400, "NUL in value", GET "A: b\0c\r\n\r\n"),
    CASE(400, "NUL in name", GET "A\0: b\r\n\r\n"),
    CASE(400, "bare CR in value", GET "A: b\rc\r\n\r\n"),
    CASE(400, "two CR at the end", GET "A: b\r\r\n\r\n"),
    CASE(400, "CR LF doubled CR at header end", GET "\r\r\n"),
    CASE(OK(1), "no colon", GET "Nonsense\r\n\r\n"),
    CASE(OK(1), "control byte in value", GET "A: \x01\x7f\r\n\r\n"),
    CASE(OK(1), "odd names are skipped", GET "Content_Length: 9\r\nx!: 1\r\n\r\n"),
    CASE(OK(1), "empty value", GET "A:\r\n\r\n"),
    CASE(415, "Content-Encoding", POST "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"),

    /* size */
    CASE(OK(1), "sized body", POST "Content-Length: 3\r\n\r\nabc"),
    CASE(OK(1), "leading zeros", POST "Content-Length: 003\r\n\r\nabc"),
    CASE(OK(1), "spaces around", POST "Content-Length:   3  \r\n\r\nabc"),
    CASE(OK(1), "GET with body", GET "Content-Length: 3\r\n\r\nabc"),
    CASE(NOT_YET, "body incomplete", POST "Content-Length: 3\r\n\r\nab"),
    CASE(400, "plus", POST "Content-Length: +5\r\n\r\nabcde"),
    CASE(400, "negative", POST "Content-Length: -5\r\n\r\nabcde"),
    CASE(400, "list", POST "Content-Length: 5, 5\r\n\r\nabcde"),
    CASE(400, "hex", POST "Content-Length: 0x5\r\n\r\nabcde"),
    CASE(400, "empty", POST "Content-Length:\r\n\r\n"),
    CASE(400, "without colon", POST "Content-Length\r\n\r\n"),
    CASE(400, "fraction", POST "Content-Length: 5.0\r\n\r\nabcde"),
    CASE(400, "inner space", POST "Content-Length: 5 5\r\n\r\nabcde"),
    CASE(400, "TAB", POST "Content-Length:\t5\r\n\r\nabcde"),
    CASE(400, "overflow 2^63", POST "Content-Length: 9223372036854775808\r\n\r\n"),
    CASE(400, "overflow 2^64+1", POST "Content-Length: 18446744073709551617\r\n\r\na"),
    CASE(413, "largest number", POST "Content-Length: 9223372036854775807\r\n\r\n"),
    CASE(413, "one above the limit", POST "Content-Length: 65\r\n\r\n"),
    CASE(NOT_YET, "the limit", POST "Content-Length: 64\r\n\r\n"),
    CASE(400, "twice, same", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    CASE(400, "twice, other", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    CASE(400, "twice, other case", POST "Content-Length: 3\r\ncontent-length: 3\r\n\r\nabc"),

    /* codings */
    CASE(OK(1), "chunked", CHUNKED "3\r\nabc\r\n0\r\n\r\n"),
    CASE(OK(1), "chunked, case", POST "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n"),
    CASE(OK(1), "chunked, bare LF", CHUNKED "3\nabc\n0\n\n"),
    CASE(OK(1), "chunk size in capitals and zeros", CHUNKED "00A\r\n0123456789\r\n000\r\n\r\n"),
    CASE(OK(1), "extension and trailer", CHUNKED "3;a=b\r\nabc\r\n0 ;c\r\nT: x\r\n\r\n"),
    CASE(OK(2), "chunked, then another", CHUNKED "1\r\na\r\n0\r\n\r\n" GET "\r\n"),
    CASE(NOT_YET, "last chunk missing", CHUNKED "3\r\nabc\r\n"),
    CASE(NOT_YET, "trailer not ended", CHUNKED "0\r\n"),
    CASE(400, "with Content-Length", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    CASE(400, "with Content-Length behind", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
    CASE(501, "identity", POST "Transfer-Encoding: identity\r\n\r\n"),
    CASE(501, "gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    CASE(501, "chunked, chunked", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    CASE(501, "chunked with parameter", POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    CASE(501, "xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    CASE(501, "VT chunked", POST "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n"),
    CASE(501, "TAB chunked", POST "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n"),
    CASE(501, "empty coding", POST "Transfer-Encoding:\r\n\r\n"),
    CASE(400, "coding twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    CASE(400, "coding twice, other", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
    CASE(400, "space before colon", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    CASE(400, "in HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    CASE(400, "chunk size 0x", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n"),
    CASE(400, "chunk size signed", CHUNKED "+3\r\nabc\r\n0\r\n\r\n"),
    CASE(400, "chunk size negative", CHUNKED "-3\r\nabc\r\n0\r\n\r\n"),
    CASE(400, "chunk size empty", CHUNKED "\r\nabc\r\n0\r\n\r\n"),
    CASE(400, "chunk size behind space", CHUNKED " 3\r\nabc\r\n0\r\n\r\n"),
    CASE(400, "chunk size overflow", CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n"),
    CASE(413, "chunk size huge", CHUNKED "7fffffffffffffff\r\nabc"),
    CASE(413, "chunks above the limit", CHUNKED "40\r\n0123456789012345678901234567890123456789012345678901234567890123"
                                                "\r\n1\r\na\r\n0\r\n\r\n"),
    CASE(400, "chunk longer than its size", CHUNKED "3\r\nabcd\r\n0\r\n\r\n"),
    CASE(400, "chunk shorter than its size", CHUNKED "5\r\nabc\r\n0\r\n\r\n"),
    CASE(400, "bare CR behind size", CHUNKED "3\rX\r\nabc\r\n0\r\n\r\n"),
    CASE(400, "bare CR behind data", CHUNKED "3\r\nabc\rX0\r\n\r\n"),
    CASE(400, "bare CR in extension", CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n"),
    CASE(400, "bare CR in trailer", CHUNKED "0\r\nA: b\rc\r\n\r\n"),
    CASE(400, "NUL in trailer", CHUNKED "0\r\nA: b\0c\r\n\r\n"),

    /* several */
    CASE(OK(3), "pipelined", GET "\r\n" POST "Content-Length: 3\r\n\r\nabc" GET "\r\n"),
    CASE(400, "second refused", GET "\r\n" GET HOST "\r\n"),
};

struct seen {
    int requests;
    char text[4096];
    size_t n;
};

static void see(struct net_request *request, void *arg)
{
    struct seen *seen = arg;
    struct bytes body = net_body(request);
    seen->requests++;
    seen->n += (size_t)snprintf(seen->text + seen->n, sizeof(seen->text) - seen->n, "%s %s?%s [%.*s]\n",
                                net_method(request), net_path(request), net_query(request), (int)body.n,
                                (const char *)body.p);
    assert_true(seen->n < sizeof(seen->text));
}

/* Feeds `in` in pieces of at most `step` bytes; the verdict as in struct input. */
static int feed(struct bytes in, size_t step, struct seen *seen)
{
    struct net_service service = {.handler = see, .arg = seen, .body_max = 64};
    struct net_reader *reader = net_reader_new(&service);
    struct err err = {0};
    bool ok = true;
    for (size_t at = 0; ok && at < in.n; at += step)
        ok = net_reader_feed(reader, bytes_of(in.p + at, at + step < in.n ? step : in.n - at), &err);
    net_reader_free(&reader);
    return ok ? seen->requests : err_info(err.code)->http;
}

static void verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen seen = {0};
        int verdict = feed(cases[i].bytes, cases[i].bytes.n, &seen);
        if (verdict != cases[i].verdict)
            fail_msg("%s: %d instead of %d", cases[i].name, verdict, cases[i].verdict);
    }
}

static void verdict_does_not_depend_on_the_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen whole = {0};
        int verdict = feed(cases[i].bytes, cases[i].bytes.n, &whole);
        for (size_t step = 1; step < cases[i].bytes.n; step++) {
            struct seen seen = {0};
            if (feed(cases[i].bytes, step, &seen) != verdict)
                fail_msg("%s: pieces of %zu bytes", cases[i].name, step);
            assert_string_equal(seen.text, whole.text);
        }
    }
}

static int feed_text(const char *text, struct seen *seen)
{
    return feed(bytes_str(text), strlen(text), seen);
}

static void bodies_and_targets_arrive(void **state)
{
    (void)state;
    struct seen seen = {0};
    assert_int_equal(feed_text("GET /v1/a%20b%2Fc?x=1&y=%41 HTTP/1.1\r\n" HOST "\r\n"
                               "POST //x/../y HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                               "3;e\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n"
                               "PUT http://gateway:1?q HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi"
                               "GET http://h/p#f HTTP/1.0\r\n\r\n",
                               &seen),
                     4);
    assert_string_equal(seen.text, "GET /v1/a b/c?x=1&y=%41 []\n"
                                   "POST //x/../y? [abc0123456789]\n"
                                   "PUT /?q [hi]\n"
                                   "GET /p? []\n");
}

/* A header of exactly n bytes with one long line. */
static struct bytes header_of(char *out, size_t n)
{
    size_t at = (size_t)sprintf(out, GET "Long: ");
    memset(out + at, 'x', n - at - 4);
    memcpy(out + n - 4, "\r\n\r\n", 4);
    return bytes_of(out, n);
}

static void header_limits(void **state)
{
    (void)state;
    static char text[40000];
    struct seen seen = {0};
    assert_int_equal(feed(header_of(text, NET_HEADER_MAX), 1000, &seen), 1);
    assert_int_equal(feed(header_of(text, NET_HEADER_MAX + 1), 1000, &seen), 431);
    assert_int_equal(feed(header_of(text, NET_HEADER_MAX + 1), sizeof(text), &seen), 431);
    size_t n = (size_t)sprintf(text, "GET /");
    memset(text + n, 'a', NET_HEADER_MAX);
    assert_int_equal(feed(bytes_of(text, n + NET_HEADER_MAX), 999, &seen), 414);
    n = (size_t)sprintf(text, GET);
    for (int i = 0; i < NET_HEADERS_MAX; i++)
        n += (size_t)sprintf(text + n, "a: b\r\n");
    n += (size_t)sprintf(text + n, "\r\n");
    assert_int_equal(feed(bytes_of(text, n), n, &seen), 431);
}

static void endless_extension_is_refused(void **state)
{
    (void)state;
    static char text[40000];
    struct seen seen = {0};
    size_t n = (size_t)sprintf(text, CHUNKED "1;");
    memset(text + n, 'e', 20000);
    assert_int_equal(feed(bytes_of(text, n + 20000), 512, &seen), 431);
}

static void look(struct net_request *request, void *arg)
{
    bool twice;
    const char *names[2];
    assert_string_equal(net_parameter(request, "as_of", &twice), "2026-11-24T10:00:00+08:00");
    assert_false(twice);
    assert_string_equal(net_parameter(request, "limit", &twice), "1");
    assert_true(twice);
    assert_string_equal(net_parameter(request, "b d", NULL), "\xe5\x8e\xbf");
    assert_string_equal(net_parameter(request, "flag", NULL), "");
    assert_string_equal(net_parameter(request, "bad", NULL), "%zz%00%4");
    assert_null(net_parameter(request, "absent", &twice));
    assert_int_equal(net_parameters(request, names, 2), 6);
    assert_string_equal(names[0], "as_of");
    assert_string_equal(names[1], "limit");
    assert_true(bytes_equal(net_header_value(request, "accept"), BYTES_LIT("a, b")));
    assert_true(net_header_present(request, "X-EMPTY"));
    assert_int_equal(net_header_value(request, "x-empty").n, 0);
    assert_false(net_header_present(request, "x"));
    assert_string_equal(net_trace_id(request), "4bf92f3577b34da6a3ce929d0e0e4736");
    *(bool *)arg = true;
}

static void parameters_and_headers_are_found(void **state)
{
    (void)state;
    bool seen = false;
    struct net_service service = {.handler = look, .arg = &seen, .body_max = 64};
    struct net_reader *reader = net_reader_new(&service);
    struct err err = {0};
    const char *text = "GET /p?as_of=2026-11-24T10:00:00%2B08:00&limit=1&limit=2&b%20d=%E5%8e%bf&&flag&bad=%zz%00%4 "
                       "HTTP/1.1\r\n" HOST "ACCEPT:  a, b \r\nX-Empty:\r\n"
                       "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n";
    assert_true(net_reader_feed(reader, bytes_str(text), &err));
    assert_true(seen);
    net_reader_free(&reader);
    assert_null(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(verdict_does_not_depend_on_the_split),
        cmocka_unit_test(bodies_and_targets_arrive),
        cmocka_unit_test(header_limits),
        cmocka_unit_test(endless_extension_is_refused),
        cmocka_unit_test(parameters_and_headers_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
