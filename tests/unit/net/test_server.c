/* The server on real sockets: order, persistence, bodies, deadlines, late answers, orderly end. */
#include "raw.h"

#include <stdatomic.h>

#define BIG (9u << 20)

struct server {
    struct net *net;
    int port;
};

static struct gate handed = GATE, closed = GATE, released = GATE;
static struct net_request *_Atomic parked;
static char *big;

static void answer_later(void *arg)
{
    struct net_request *request = arg;
    char text[64];
    snprintf(text, sizeof(text), "late %s", net_query(request));
    reply_text(request, 200, text);
}

static void answer_when_released(void *arg)
{
    assert_true(gate_wait(&released, 1));
    reply_text(arg, 200, "released");
}

static void echo(struct net_request *request)
{
    struct net_reply reply = {.status = 200, .media_type = "application/octet-stream", .body = net_body(request)};
    reply.headers[reply.header_n++] = (struct net_header){BYTES_LIT("X-Method"), bytes_str(net_method(request))};
    if (strcmp(net_query(request), "evil") == 0)
        reply.headers[reply.header_n++] = (struct net_header){BYTES_LIT("X-Evil"), BYTES_LIT("a\r\nX-Split: b")};
    net_answer(request, &reply);
}

static void send_big(struct net_request *request)
{
    struct net_reply reply = {.status = 200, .body = bytes_of(big, BIG)};
    net_connection_set_mark(request, 7);
    net_answer(request, &reply);
}

static void send_in_work(struct net *net, struct net_request *request, net_work_fn *work)
{
    struct err err = {0};
    net_connection_set_mark(request, net_connection_mark(request) + 1);
    if (!net_work(net, 0, work, request, &err))
        reply_text(request, 503, "busy");
    gate_open(&handed);
}

static void park(struct net_request *request)
{
    net_connection_set_mark(request, 9);
    parked = request;
    gate_open(&handed);
}

static atomic_int tired;

static void rest(struct net_request *request)
{
    struct net_reply reply = {.status = 429, .body = BYTES_LIT("tired"), .rest = true};
    atomic_fetch_add(&tired, 1);
    net_answer(request, &reply);
}

static void who(struct net_request *request)
{
    uint32_t uid = 0;
    char text[128];
    bool known = net_peer_uid(request, &uid);
    const char *remote = net_remote(request);
    snprintf(text, sizeof(text), "%s %d %d %u %d", strncmp(remote, "127.0.0.1:", 10) == 0 ? "tcp" : remote,
             net_listener_tag(request), known, uid, net_peer_digest(request) != NULL);
    reply_text(request, 200, text);
}

static void handle(struct net_request *request, void *arg)
{
    struct server *server = arg;
    const char *path = net_path(request);
    if (strcmp(path, "/echo") == 0)
        echo(request);
    else if (strcmp(path, "/late") == 0)
        send_in_work(server->net, request, answer_later);
    else if (strcmp(path, "/released") == 0)
        send_in_work(server->net, request, answer_when_released);
    else if (strcmp(path, "/park") == 0)
        park(request);
    else if (strcmp(path, "/big") == 0)
        send_big(request);
    else if (strcmp(path, "/rest") == 0)
        rest(request);
    else if (strcmp(path, "/who") == 0)
        who(request);
    else if (strcmp(path, "/nothing") == 0)
        reply_text(request, 304, "must not be sent");
    else if (strcmp(path, "/trace") == 0)
        reply_text(request, 200, net_trace_id(request));
    else
        reply_text(request, 404, "none");
}

static void on_closed(uint64_t mark, void *arg)
{
    (void)arg;
    assert_true(mark > 0);
    gate_open(&closed);
}

static const struct net_options usual = {.threads = 2, .workers = 2, .connections = 64, .header_ms = PATIENCE_MS,
                                         .body_ms = PATIENCE_MS, .idle_ms = PATIENCE_MS, .write_ms = PATIENCE_MS,
                                         .stop_ms = PATIENCE_MS};

static struct net_service service_of(struct server *server)
{
    return (struct net_service){.handler = handle, .error_body = problem_body, .closed = on_closed, .arg = server,
                                .body_max = NET_BODY_MAX};
}

static void start(struct server *server, const struct net_options *options)
{
    struct err err = {0};
    gate_reset(&handed);
    gate_reset(&closed);
    gate_reset(&released);
    parked = NULL;
    server->net = net_new(options);
    struct net_service service = service_of(server);
    assert_true(net_listen_tcp(server->net, "127.0.0.1:0", NULL, 3, &service, &server->port, &err));
    assert_true(server->port > 0);
    assert_true(net_start(server->net, &err));
}

static void stop(struct server *server)
{
    net_stop(server->net);
    net_free(&server->net);
    assert_null(server->net);
}

/* ---- one after another ------------------------------------------------------------------------------ */

static void answers_carry_what_they_must(void **state)
{
    struct server server;
    char text[256];
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port);
    raw_send(fd, "POST /echo?evil HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
    struct answer answer = raw_answer(fd);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "hi");
    assert_string_equal(answer_header(&answer, "Content-Type", text), "application/octet-stream");
    assert_string_equal(answer_header(&answer, "X-Method", text), "POST");
    assert_int_equal(strlen(answer_header(&answer, "X-Request-Id", text)), 32);
    assert_int_equal(strlen(answer_header(&answer, "Date", text)), strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_null(answer_header(&answer, "Connection", text));
    assert_null(answer_header(&answer, "X-Split", text));
    answer_free(&answer);

    raw_send(fd, "HEAD /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody");
    read_head(fd, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_header(&answer, "Content-Length", text), "4");

    raw_send(fd, "GET /nothing HTTP/1.1\r\n" HOST "\r\n");
    answer = raw_answer(fd);
    assert_int_equal(answer.status, 304);
    assert_null(answer_header(&answer, "Content-Length", text));
    answer_free(&answer);

    raw_send(fd, "GET /trace HTTP/1.1\r\n" HOST
                 "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n");
    expect_answer(fd, 200, "4bf92f3577b34da6a3ce929d0e0e4736");
    raw_send(fd, "GET /who HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    answer = raw_answer(fd);
    assert_string_equal(answer.body, "tcp 3 0 0 0");
    assert_string_equal(answer_header(&answer, "Connection", text), "close");
    answer_free(&answer);
    expect_end(fd);
    stop(&server);
}

static void request_ids_differ(void **state)
{
    struct server server;
    char first[256], second[256];
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port);
    raw_send(fd, "GET /who HTTP/1.1\r\n" HOST "\r\nGET /who HTTP/1.1\r\n" HOST "\r\n");
    struct answer a = raw_answer(fd), b = raw_answer(fd);
    assert_string_not_equal(answer_header(&a, "X-Request-Id", first), answer_header(&b, "X-Request-Id", second));
    answer_free(&a);
    answer_free(&b);
    close(fd);
    stop(&server);
}

static void pipelined_answers_keep_their_order(void **state)
{
    struct server server;
    char text[64];
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port);
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "GET /late?%d HTTP/1.1\r\n" HOST "\r\n", i);
        raw_send(fd, text);
        raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    }
    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "late %d", i);
        expect_answer(fd, 200, text);
        expect_answer(fd, 200, "ab");
    }
    close(fd);
    stop(&server);
}

static void many_pipelined_in_one_piece(void **state)
{
    struct server server;
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port);
    struct buf all;
    buf_init(&all, 1u << 20);
    for (int i = 0; i < 2000; i++)
        buf_str(&all, "GET /who HTTP/1.1\r\n" HOST "\r\n");
    raw_send(fd, (const char *)all.p);
    for (int i = 0; i < 2000; i++)
        expect_answer(fd, 200, "tcp 3 0 0 0");
    buf_free(&all);
    close(fd);
    stop(&server);
}

/* Without rest all fifty would be answered in one turn; with it, each has to wait for a turn of its own. */
static void a_connection_rests_and_goes_on(void **state)
{
    enum { MANY = 50 };
    struct server server;
    struct buf all;
    (void)state;
    start(&server, &usual);
    atomic_store(&tired, 0);
    int fd = raw_connect(server.port);
    buf_init(&all, 1u << 16);
    for (int i = 0; i < MANY; i++)
        buf_str(&all, "GET /rest HTTP/1.1\r\n" HOST "\r\n");
    raw_send(fd, (const char *)all.p);
    expect_answer(fd, 429, "tired");
    assert_true(atomic_load(&tired) < MANY);
    expect_answer(fd, 429, "tired");
    buf_free(&all);
    close(fd);
    stop(&server);
}

static void http_1_0_keeps_only_when_asked(void **state)
{
    struct server server;
    char text[256];
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port);
    raw_send(fd, "GET /who HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    struct answer answer = raw_answer(fd);
    assert_string_equal(answer_header(&answer, "Connection", text), "keep-alive");
    answer_free(&answer);
    raw_send(fd, "GET /who HTTP/1.0\r\n\r\n");
    expect_answer(fd, 200, NULL);
    expect_end(fd);
    stop(&server);
}

static void continue_is_said_before_the_body(void **state)
{
    struct server server;
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port);
    raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    expect_answer(fd, 100, NULL);
    raw_send(fd, "abc");
    expect_answer(fd, 200, "abc");
    /* HTTP/1.0 knows no interim answers */
    raw_send(fd, "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    expect_answer(fd, 200, "abc");
    expect_end(fd);
    stop(&server);
}

static void large_bodies_both_ways(void **state)
{
    struct server server;
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port);
    char head[128];
    snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %u\r\n\r\n", NET_BODY_MAX);
    raw_send(fd, head);
    assert_int_equal(send(fd, big, NET_BODY_MAX, MSG_NOSIGNAL), NET_BODY_MAX);
    struct answer answer = raw_answer(fd);
    assert_int_equal(answer.body_n, NET_BODY_MAX);
    assert_memory_equal(answer.body, big, NET_BODY_MAX);
    answer_free(&answer);
    raw_send(fd, "GET /big HTTP/1.1\r\n" HOST "\r\nGET /who HTTP/1.1\r\n" HOST "\r\n");
    answer = raw_answer(fd);
    assert_int_equal(answer.body_n, BIG);
    assert_memory_equal(answer.body, big, BIG);
    answer_free(&answer);
    expect_answer(fd, 200, "tcp 3 0 0 0");
    close(fd);
    stop(&server);
}

/* ---- refusals --------------------------------------------------------------------------------------- */

static void post(int fd, const char *path, size_t n)
{
    char head[128];
    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", path, n);
    raw_send(fd, head);
    assert_int_equal(send(fd, big, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void bodies_are_bounded_together(void **state)
{
    struct net_options options = usual;
    struct server server;
    (void)state;
    options.bodies_max = 1 << 20;
    start(&server, &options);
    int first = raw_connect(server.port), second = raw_connect(server.port), small = raw_connect(server.port);
    post(first, "/park", 900000);
    assert_true(gate_wait(&handed, 1));
    post(second, "/echo", 500000);
    struct answer answer = raw_answer(second);
    assert_int_equal(answer.status, 503);
    assert_non_null(strstr(answer.body, "busy.queue"));
    answer_free(&answer);
    expect_end(second);
    post(small, "/echo", 60000);
    expect_answer(small, 200, NULL);
    reply_text(parked, 200, "done");
    expect_answer(first, 200, "done");
    post(first, "/echo", 500000);
    expect_answer(first, 200, NULL);
    close(first);
    close(small);
    stop(&server);
}

static void refusals_are_answered_and_closed(void **state)
{
    static const struct {
        const char *request, *body;
        int status;
    } cases[] = {
        {"GET /\r\n", "{\"code\":\"http.bad_request\",\"detail\":\"no version\"}", 400},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", NULL, 501},
        {"GET / HTTP/3.0\r\n", NULL, 505},
        {"POST / HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", NULL, 415},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 4194305\r\n\r\nonly the beginning", NULL, 413},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n400001\r\n", NULL, 413},
    };
    struct server server;
    char text[256];
    (void)state;
    start(&server, &usual);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = raw_connect(server.port);
        raw_send(fd, cases[i].request);
        struct answer answer = raw_answer(fd);
        assert_int_equal(answer.status, cases[i].status);
        if (cases[i].body)
            assert_string_equal(answer.body, cases[i].body);
        assert_string_equal(answer_header(&answer, "Content-Type", text), "application/problem+json");
        assert_string_equal(answer_header(&answer, "Connection", text), "close");
        assert_int_equal(strlen(answer_header(&answer, "X-Request-Id", text)), 32);
        answer_free(&answer);
        expect_end(fd);
    }
    stop(&server);
}

static void refusal_comes_behind_good_answers(void **state)
{
    struct server server;
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port);
    raw_send(fd, "GET /late?1 HTTP/1.1\r\n" HOST "\r\n"
                 "GET /late?2 HTTP/1.1\r\n" HOST HOST "\r\nGET /who HTTP/1.1\r\n" HOST "\r\n");
    expect_answer(fd, 200, "late 1");
    expect_answer(fd, 400, NULL);
    expect_end(fd);
    stop(&server);
}

static void too_many_connections_are_closed(void **state)
{
    struct server server;
    struct net_options options = usual;
    (void)state;
    options.connections = 2;
    start(&server, &options);
    int a = raw_connect(server.port), b = raw_connect(server.port);
    raw_send(a, "GET /who HTTP/1.1\r\n" HOST "\r\n");
    raw_send(b, "GET /who HTTP/1.1\r\n" HOST "\r\n");
    expect_answer(a, 200, NULL);
    expect_answer(b, 200, NULL);
    expect_end(raw_connect(server.port));
    close(a);
    close(b);
    stop(&server);
}

/* ---- deadlines -------------------------------------------------------------------------------------- */

/* Sends a byte every few milliseconds until the server has something to say. */
static int64_t drip(int fd, const char *text)
{
    int64_t begin = now_ms();
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    raw_send(fd, text);
    while (poll(&poll_fd, 1, 10) == 0) {
        assert_true(now_ms() - begin < PATIENCE_MS);
        if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
            break;
    }
    return now_ms() - begin;
}

static void dripping_is_ended_by_the_deadline(void **state)
{
    struct server server;
    struct net_options options = usual;
    (void)state;
    options.header_ms = options.body_ms = 200;
    start(&server, &options);
    int fd = raw_connect(server.port);
    assert_true(drip(fd, "GET / HTTP/1.1\r\nLong: ") >= 190);
    expect_answer(fd, 408, NULL);
    expect_end(fd);
    fd = raw_connect(server.port);
    drip(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
    expect_answer(fd, 408, NULL);
    expect_end(fd);
    fd = raw_connect(server.port);
    drip(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;");
    expect_answer(fd, 408, NULL);
    expect_end(fd);
    stop(&server);
}

static void silence_is_ended_without_a_word(void **state)
{
    struct server server;
    struct net_options options = usual;
    (void)state;
    options.header_ms = options.idle_ms = 200;
    start(&server, &options);
    expect_end(raw_connect(server.port));
    int fd = raw_connect(server.port);
    raw_send(fd, "GET /who HTTP/1.1\r\n" HOST "\r\n");
    expect_answer(fd, 200, NULL);
    expect_end(fd);
    stop(&server);
}

static void a_reader_that_does_not_read_is_closed(void **state)
{
    struct server server;
    struct net_options options = usual;
    (void)state;
    options.write_ms = 200;
    start(&server, &options);
    int fd = raw_connect(server.port);
    raw_send(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    assert_true(gate_wait(&closed, 1));
    close(fd);
    stop(&server);
}

/* ---- late answers ----------------------------------------------------------------------------------- */

static void a_client_that_shut_its_side_is_answered(void **state)
{
    struct server server;
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port);
    raw_send(fd, "GET /late?x HTTP/1.1\r\n" HOST "\r\n");
    shutdown(fd, SHUT_WR);
    expect_answer(fd, 200, "late x");
    expect_end(fd);
    stop(&server);
}

static void the_request_outlives_its_client(void **state)
{
    struct server server;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)state;
    start(&server, &usual);
    for (int i = 1; i <= 2; i++) {
        int fd = raw_connect(server.port);
        raw_send(fd, "GET /park HTTP/1.1\r\n" HOST "\r\n");
        assert_true(gate_wait(&handed, i));
        if (i == 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
        reply_text(parked, 200, net_path(parked));
        assert_true(gate_wait(&closed, i));
    }
    stop(&server);
}

static void a_loop_answers_what_another_thread_parked(void **state)
{
    struct server server;
    (void)state;
    start(&server, &usual);
    int fd = raw_connect(server.port), other = raw_connect(server.port);
    raw_send(fd, "GET /park HTTP/1.1\r\n" HOST "\r\nGET /who HTTP/1.1\r\n" HOST "\r\n");
    assert_true(gate_wait(&handed, 1));
    raw_send(other, "GET /who HTTP/1.1\r\n" HOST "\r\n");
    expect_answer(other, 200, "tcp 3 0 0 0");
    reply_text(parked, 200, "at last");
    expect_answer(fd, 200, "at last");
    expect_answer(fd, 200, "tcp 3 0 0 0");
    close(fd);
    close(other);
    stop(&server);
}

/* ---- end -------------------------------------------------------------------------------------------- */

static void *stop_elsewhere(void *arg)
{
    net_stop(((struct server *)arg)->net);
    return NULL;
}

static void stop_lets_requests_end(void **state)
{
    struct server server;
    pthread_t stopper;
    char text[256];
    (void)state;
    start(&server, &usual);
    int busy = raw_connect(server.port), idle = raw_connect(server.port);
    raw_send(idle, "GET /who HTTP/1.1\r\n" HOST "\r\n");
    expect_answer(idle, 200, NULL);
    raw_send(busy, "GET /released HTTP/1.1\r\n" HOST "\r\n");
    assert_true(gate_wait(&handed, 1));
    pthread_create(&stopper, NULL, stop_elsewhere, &server);
    expect_end(idle);
    gate_open(&released);
    struct answer answer = raw_answer(busy);
    assert_string_equal(answer.body, "released");
    assert_string_equal(answer_header(&answer, "Connection", text), "close");
    answer_free(&answer);
    expect_end(busy);
    pthread_join(stopper, NULL);
    net_free(&server.net);
}

static void stop_does_not_wait_forever(void **state)
{
    struct server server;
    struct net_options options = usual;
    (void)state;
    options.stop_ms = 100;
    start(&server, &options);
    int fd = raw_connect(server.port);
    raw_send(fd, "GET /park HTTP/1.1\r\n" HOST "\r\n");
    assert_true(gate_wait(&handed, 1));
    int64_t begin = now_ms();
    net_stop(server.net);
    assert_true(now_ms() - begin < PATIENCE_MS / 2);
    expect_end(fd);
    assert_int_equal(closed.n, 0);
    reply_text(parked, 200, "nobody is left");
    assert_int_equal(closed.n, 1);
    net_free(&server.net);
}

static void unused_parts_are_freed(void **state)
{
    struct server server = {0};
    struct err err = {0};
    int port;
    (void)state;
    server.net = net_new(&usual);
    struct net_service service = service_of(&server);
    assert_true(net_listen_tcp(server.net, "127.0.0.1:0", NULL, 1, &service, &port, &err));
    net_free(&server.net);
}

/* ---- addresses -------------------------------------------------------------------------------------- */

static void addresses_that_cannot_be_used(void **state)
{
    static const char *const bad[] = {"127.0.0.1", "127.0.0.1:http:x", "nowhere.invalid:1", ":80", "[::1:80"};
    struct server server;
    struct err err = {0};
    char taken[64];
    (void)state;
    start(&server, &usual);
    struct net *net = net_new(&usual);
    struct net_service service = service_of(&server);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(net_listen_tcp(net, bad[i], NULL, 1, &service, NULL, &err));
        assert_int_equal(err.code, ERR_CONFIG_VALUE);
        assert_string_equal(err.place, bad[i]);
    }
    assert_true(net_loopback("127.0.0.1:80", &err) && net_loopback("127.9.9.9:80", &err));
    assert_true(net_loopback("[::1]:80", &err));
    assert_false(net_loopback("0.0.0.0:80", &err) || net_loopback("[::]:80", &err) || net_loopback("192.0.2.1:80", &err));
    assert_int_equal(err.code, ERR_CONFIG_VALUE);
    snprintf(taken, sizeof(taken), "127.0.0.1:%d", server.port);
    assert_false(net_listen_tcp(net, taken, NULL, 1, &service, NULL, &err));
    assert_non_null(strstr(err.detail, strerror(EADDRINUSE)));
    net_free(&net);
    stop(&server);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void unix_socket_knows_the_user(void **state)
{
    struct server server;
    struct err err = {0};
    struct stat info;
    char folder[] = "/tmp/net-test-XXXXXX", path[64], expected[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    for (int round = 0; round < 2; round++) {
        server.net = net_new(&usual);
        struct net_service service = service_of(&server);
        assert_true(net_listen_unix(server.net, path, 5, &service, &err));
        assert_true(net_start(server.net, &err));
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, 0660);
        struct net *second = net_new(&usual);
        assert_false(net_listen_unix(second, path, 5, &service, &err));
        net_free(&second);
        int fd = connect_unix(path);
        raw_send(fd, "GET /who HTTP/1.1\r\n" HOST "\r\n");
        snprintf(expected, sizeof(expected), "unix 5 1 %u 0", getuid());
        expect_answer(fd, 200, expected);
        close(fd);
        stop(&server);
        assert_int_equal(stat(path, &info), -1);
        /* what a killed process leaves behind does not hinder the next */
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        int left = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(bind(left, (struct sockaddr *)&address, sizeof(address)), 0);
        close(left);
    }
    unlink(path);
    rmdir(folder);
}

/* ---- workers and ticks ------------------------------------------------------------------------------ */

static struct gate worked = GATE, blocked = GATE;
static char order[2 * NET_WORK_QUEUE_MAX];
static int order_n;

static void block(void *arg)
{
    (void)arg;
    gate_open(&blocked);
    assert_true(gate_wait(&released, 1));
}

static void note(void *arg)
{
    order[order_n++] = *(const char *)arg;
    gate_open(&worked);
}

static void queues_are_bounded_and_take_turns(void **state)
{
    struct net_options options = usual;
    struct err err = {0};
    (void)state;
    options.workers = 1;
    gate_reset(&released);
    struct net *net = net_new(&options);
    assert_true(net_start(net, &err));
    assert_true(net_work(net, 0, block, NULL, &err));
    assert_true(gate_wait(&blocked, 1));
    for (int i = 0; i < NET_WORK_QUEUE_MAX; i++)
        assert_true(net_work(net, 1, note, "a", &err));
    assert_false(net_work(net, 1, note, "a", &err));
    assert_int_equal(err.code, ERR_BUSY_QUEUE);
    assert_true(net_work(net, 1023, note, "b", &err));
    assert_true(net_work(net, 1023, note, "b", &err));
    gate_open(&released);
    assert_true(gate_wait(&worked, NET_WORK_QUEUE_MAX + 2));
    assert_memory_equal(order, "ababaaaa", 8);
    net_stop(net);
    assert_false(net_work(net, 1, note, "a", &err));
    assert_int_equal(err.code, ERR_STOPPING);
    net_free(&net);
}

static struct gate ticks = GATE;

static void tick(void *arg)
{
    (void)arg;
    gate_open(&ticks);
}

static void ticks_come_again(void **state)
{
    struct err err = {0};
    (void)state;
    struct net *net = net_new(&usual);
    net_every(net, 1, 5, tick, NULL);
    assert_true(net_start(net, &err));
    assert_true(gate_wait(&ticks, 3));
    net_stop(net);
    net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_carry_what_they_must),
        cmocka_unit_test(request_ids_differ),
        cmocka_unit_test(pipelined_answers_keep_their_order),
        cmocka_unit_test(many_pipelined_in_one_piece),
        cmocka_unit_test(a_connection_rests_and_goes_on),
        cmocka_unit_test(http_1_0_keeps_only_when_asked),
        cmocka_unit_test(continue_is_said_before_the_body),
        cmocka_unit_test(large_bodies_both_ways),
        cmocka_unit_test(bodies_are_bounded_together),
        cmocka_unit_test(refusals_are_answered_and_closed),
        cmocka_unit_test(refusal_comes_behind_good_answers),
        cmocka_unit_test(too_many_connections_are_closed),
        cmocka_unit_test(dripping_is_ended_by_the_deadline),
        cmocka_unit_test(silence_is_ended_without_a_word),
        cmocka_unit_test(a_reader_that_does_not_read_is_closed),
        cmocka_unit_test(a_client_that_shut_its_side_is_answered),
        cmocka_unit_test(the_request_outlives_its_client),
        cmocka_unit_test(a_loop_answers_what_another_thread_parked),
        cmocka_unit_test(stop_lets_requests_end),
        cmocka_unit_test(stop_does_not_wait_forever),
        cmocka_unit_test(unused_parts_are_freed),
        cmocka_unit_test(addresses_that_cannot_be_used),
        cmocka_unit_test(unix_socket_knows_the_user),
        cmocka_unit_test(queues_are_bounded_and_take_turns),
        cmocka_unit_test(ticks_come_again),
    };
    big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)('a' + i * 7 % 23);
    log_set_level(LOG_ERROR);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(big);
    return failed;
}
