/* The HTTP reader alone: every case of strictness, split in every way, and what a handler sees. */
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
#define CASES_MAX 400

/* From tests/vectors/http/requests.tsv, which the comparison with nginx reads too. */
struct input {
    char name[96];
    struct bytes bytes;
    int verdict; /* number of requests accepted, or the status of the refusal */
};

static struct input cases[CASES_MAX];
static size_t case_n;
static struct arena *arena;

static struct bytes unescape(const char *text)
{
    uint8_t *out = arena_alloc(arena, strlen(text) + 1);
    size_t n = 0;
    for (; *text && *text != '\n'; text++) {
        if (*text != '\\') {
            out[n++] = (uint8_t)*text;
            continue;
        }
        text++;
        if (*text == 'x') {
            assert_true(hex_decode((char[]){text[1], text[2], 0}, &out[n++], 1));
            text += 2;
        } else {
            const char *at = strchr("r\rn\nt\t\\\\", *text);
            assert_non_null(at);
            out[n++] = (uint8_t)at[1];
        }
    }
    return bytes_of(out, n);
}

static void read_case(const char *line)
{
    const char *name = strchr(strchr(line, '\t') + 1, '\t') + 1, *text = strchr(name, '\t') + 1;
    struct input *input = &cases[case_n++];
    assert_true(case_n < CASES_MAX);
    input->verdict = atoi(line);
    snprintf(input->name, sizeof(input->name), "%.*s", (int)(text - name - 1), name);
    input->bytes = unescape(text);
}

static int read_cases(void **state)
{
    char line[1024];
    (void)state;
    arena = arena_new();
    FILE *file = fopen(OWN_VECTORS "/http/requests.tsv", "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        if (line[0] != '#')
            read_case(line);
    fclose(file);
    assert_true(case_n > 100);
    return 0;
}

static int forget_cases(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

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
    for (size_t i = 0; i < case_n; i++) {
        struct seen seen = {0};
        int verdict = feed(cases[i].bytes, cases[i].bytes.n, &seen);
        if (verdict != cases[i].verdict)
            fail_msg("%s: %d instead of %d", cases[i].name, verdict, cases[i].verdict);
    }
}

static void verdict_does_not_depend_on_the_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < case_n; i++) {
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
    assert_true(net_header_repeated(request, "x-TWICE"));
    assert_false(net_header_repeated(request, "x-empty"));
    assert_false(net_header_repeated(request, "x"));
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
                       "HTTP/1.1\r\n" HOST "X-Twice: 1\r\nACCEPT:  a, b \r\nX-Empty:\r\nx-twice: 2\r\n"
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
    return cmocka_run_group_tests(tests, read_cases, forget_cases);
}
