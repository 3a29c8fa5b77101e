/* The client: what it sends, what it brings back, its bounds and deadlines; side by side and blocking. */
#include <dlfcn.h>
#include <netdb.h>

#include "raw.h"

static struct net *server, *net;
static int port;
static char unix_path[96], folder[] = "/tmp/net-test-XXXXXX";
static struct gate parked_one = GATE, done_one = GATE;
static struct net_request *_Atomic parked;

/* ---- a name server that does not answer ------------------------------------------------------------ */

static struct gate asked_for_name = GATE, name_told = GATE;

/* Stands before libc's, also for libcurl. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **out)
{
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (name && strcmp(name, "slow.test") == 0) {
        gate_open(&asked_for_name);
        gate_wait(&name_told, 1);
        return EAI_AGAIN;
    }
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    return next(name, service, hints, out);
}

/* ---- the other side --------------------------------------------------------------------------------- */

static void echo(struct net_request *request)
{
    struct bytes body = net_body(request), type = net_header_value(request, "Content-Type");
    struct bytes mine = net_header_value(request, "X-Mine");
    char *text = arena_printf(net_arena(request), "%s %s type=%.*s mine=%.*s accept=%d expect=%d body=%.*s",
                              net_method(request), net_path(request), (int)type.n, (const char *)type.p, (int)mine.n,
                              (const char *)mine.p, net_header_present(request, "Accept"),
                              net_header_present(request, "Expect"), (int)body.n, (const char *)body.p);
    reply_text(request, 200, text);
}

static void handle(struct net_request *request, void *arg)
{
    const char *path = net_path(request);
    (void)arg;
    if (strcmp(path, "/park") == 0) {
        parked = request;
        gate_open(&parked_one);
    } else if (strcmp(path, "/remote") == 0) {
        reply_text(request, 200, net_remote(request));
    } else if (strcmp(path, "/redirect") == 0) {
        struct net_reply reply = {.status = 303, .header_n = 1};
        reply.headers[0] = (struct net_header){BYTES_LIT("Location"), BYTES_LIT("/echo")};
        net_answer(request, &reply);
    } else if (strcmp(path, "/absent") == 0) {
        reply_text(request, 404, "none");
    } else {
        echo(request);
    }
}

static const struct net_options usual = {.threads = 1, .workers = 1, .connections = 200, .header_ms = PATIENCE_MS,
                                         .body_ms = PATIENCE_MS, .idle_ms = PATIENCE_MS, .write_ms = PATIENCE_MS,
                                         .stop_ms = 200};

static int begin(void **state)
{
    struct net_service service = {.handler = handle, .error_body = problem_body, .body_max = NET_BODY_MAX};
    struct err err = {0};
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    assert_non_null(mkdtemp(folder));
    snprintf(unix_path, sizeof(unix_path), "%s/socket", folder);
    gate_reset(&parked_one);
    gate_reset(&done_one);
    server = net_new(&usual);
    assert_true(net_listen_tcp(server, "127.0.0.1:0", NULL, 0, &service, &port, &err));
    assert_true(net_listen_unix(server, unix_path, 0, &service, &err));
    assert_true(net_start(server, &err));
    net = net_new(&usual);
    assert_true(net_start(net, &err));
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (net)
        net_stop(net);
    net_free(&net);
    net_stop(server);
    net_free(&server);
    rmdir(folder);
    strcpy(folder, "/tmp/net-test-XXXXXX");
    return 0;
}

/* ---- helpers ---------------------------------------------------------------------------------------- */

struct outcome {
    struct net_fetch_result result;
    char body[512];
    struct gate *gate;
};

static void keep(const struct net_fetch_result *result, void *arg)
{
    struct outcome *outcome = arg;
    outcome->result = *result;
    snprintf(outcome->body, sizeof(outcome->body), "%.*s", (int)result->body.n, (const char *)result->body.p);
    gate_open(outcome->gate);
}

static struct net_fetch_request request_to(const char *method, const char *path, char url[128])
{
    snprintf(url, 128, "http://127.0.0.1:%d%s", port, path);
    return (struct net_fetch_request){.method = method, .url = url, .connect_ms = PATIENCE_MS, .total_ms = PATIENCE_MS};
}

static struct outcome fetch(const struct net_fetch_request *request)
{
    struct outcome outcome = {.gate = &done_one};
    struct err err = {0};
    gate_reset(&done_one);
    assert_true(net_fetch_start(net, request, keep, &outcome, &err));
    assert_true(gate_wait(&done_one, 1));
    return outcome;
}

static struct outcome get(const char *path)
{
    char url[128];
    struct net_fetch_request request = request_to("GET", path, url);
    return fetch(&request);
}

/* ---- what is sent and what comes back --------------------------------------------------------------- */

static void methods_headers_and_bodies(void **state)
{
    static const char *const headers[] = {"X-Mine: 1", "Content-Type: a/b", NULL};
    char url[128];
    (void)state;
    struct outcome outcome = get("/echo?x=1");
    assert_true(outcome.result.ok && outcome.result.sent);
    assert_int_equal(outcome.result.status, 200);
    assert_string_equal(outcome.body, "GET /echo type= mine= accept=0 expect=0 body=");

    struct net_fetch_request request = request_to("POST", "/echo", url);
    request.headers = headers;
    request.body = BYTES_LIT("hello");
    assert_string_equal(fetch(&request).body, "POST /echo type=a/b mine=1 accept=0 expect=0 body=hello");
    request = request_to("POST", "/echo", url);
    assert_string_equal(fetch(&request).body, "POST /echo type= mine= accept=0 expect=0 body=");
    request = request_to("HEAD", "/echo", url);
    outcome = fetch(&request);
    assert_int_equal(outcome.result.status, 200);
    assert_string_equal(outcome.body, "");
    assert_int_equal(get("/absent").result.status, 404);
}

static void a_body_that_goes_out_once_goes_whole(void **state)
{
    static const char head[] = "POST /echo type= mine= accept=0 expect=0 body=";
    static uint8_t body[1 << 20];
    char url[128];
    (void)state;
    struct net_fetch_request request = request_to("POST", "/echo", url);
    request.once = true;
    request.body = BYTES_LIT("hello");
    assert_string_equal(fetch(&request).body, "POST /echo type= mine= accept=0 expect=0 body=hello");
    memset(body, 'x', sizeof(body));
    request.body = bytes_of(body, sizeof(body));
    assert_int_equal(fetch(&request).result.body.n, sizeof(head) - 1 + sizeof(body));
}

static void redirects_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(get("/redirect").result.status, 303);
}

static void connections_are_reused(void **state)
{
    (void)state;
    struct outcome first = get("/remote"), second = get("/remote");
    assert_string_equal(first.body, second.body);
}

static void blocking_form_copies_the_result(void **state)
{
    char url[128];
    struct net_fetch_result result;
    AUTO_ARENA arena = arena_new();
    (void)state;
    struct net_fetch_request request = request_to("PUT", "/echo", url);
    request.body = BYTES_LIT("b");
    assert_true(net_fetch_wait(&request, NULL, arena, &result));
    assert_string_equal((const char *)result.body.p, "PUT /echo type= mine= accept=0 expect=0 body=b");
    assert_non_null(strcasestr(result.headers, "X-Request-Id: "));
    request.url = "http://gateway/remote";
    assert_true(net_fetch_wait(&request, unix_path, arena, &result));
    assert_string_equal((const char *)result.body.p, "unix");
}

static void many_side_by_side(void **state)
{
    static struct outcome outcomes[150];
    struct gate all = GATE;
    struct err err = {0};
    char url[128];
    (void)state;
    struct net_fetch_request request = request_to("GET", "/echo", url);
    for (size_t i = 0; i < 150; i++) {
        outcomes[i].gate = &all;
        assert_true(net_fetch_start(net, &request, keep, &outcomes[i], &err));
    }
    assert_true(gate_wait(&all, 150));
    for (size_t i = 0; i < 150; i++)
        assert_int_equal(outcomes[i].result.status, 200);
}

/* The thread of a loop serves partners too: nobody else's name server may hold it up. */
static void unanswered_name_holds_nobody_up(void **state)
{
    (void)state;
    struct net_fetch_request slow = {
        .method = "GET", .url = "http://slow.test:1/", .connect_ms = 300, .total_ms = 300};
    int64_t began = now_ms();
    struct outcome outcome = fetch(&slow);
    assert_false(outcome.result.ok);
    assert_int_equal(outcome.result.err.code, ERR_CLIENT_TIMEOUT);
    assert_true(gate_wait(&asked_for_name, 1));
    assert_int_equal(get("/echo").result.status, 200);
    assert_true(now_ms() - began < PATIENCE_MS / 2);
    gate_open(&name_told);
}

/* ---- failures --------------------------------------------------------------------------------------- */

static void too_large_an_answer(void **state)
{
    char url[128];
    (void)state;
    struct net_fetch_request request = request_to("GET", "/echo", url);
    request.body_max = 10;
    struct outcome outcome = fetch(&request);
    assert_false(outcome.result.ok);
    assert_int_equal(outcome.result.err.code, ERR_CLIENT_TOO_LARGE);
    assert_true(outcome.result.sent);
}

static void too_late_an_answer(void **state)
{
    char url[128];
    (void)state;
    struct net_fetch_request request = request_to("GET", "/park", url);
    request.total_ms = 150;
    struct outcome outcome = fetch(&request);
    assert_false(outcome.result.ok);
    assert_int_equal(outcome.result.err.code, ERR_CLIENT_TIMEOUT);
    assert_true(outcome.result.sent);
    assert_true(gate_wait(&parked_one, 1));
    reply_text(parked, 200, "late");
}

static void nobody_there(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof(address);
    char url[128];
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    struct net_fetch_request request = request_to("GET", "/", url);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    struct outcome outcome = fetch(&request);
    assert_false(outcome.result.ok);
    assert_int_equal(outcome.result.err.code, ERR_CLIENT_CONNECT);
    assert_false(outcome.result.sent);
    close(fd);
}

static void only_http(void **state)
{
    static const char *const urls[] = {"file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
                                       "http://user:secret@127.0.0.1/", ""};
    char url[128];
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct net_fetch_request request = request_to("GET", "/", url);
        request.url = urls[i];
        assert_false(fetch(&request).result.ok);
    }
}

static void requests_that_make_no_sense(void **state)
{
    static const char *const split[] = {"X-Mine: 1\r\nX-Other: 2", NULL};
    char url[128];
    struct err err = {0};
    (void)state;
    struct net_fetch_request request = request_to("GET", "/", url);
    request.total_ms = 0;
    assert_false(net_fetch_start(net, &request, keep, NULL, &err));
    request = request_to("GET", "/", url);
    request.headers = split;
    assert_false(net_fetch_start(net, &request, keep, NULL, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
}

static void stop_ends_what_is_under_way(void **state)
{
    struct outcome outcome = {.gate = &done_one};
    struct err err = {0};
    char url[128];
    (void)state;
    struct net_fetch_request request = request_to("GET", "/park", url);
    assert_true(net_fetch_start(net, &request, keep, &outcome, &err));
    assert_true(gate_wait(&parked_one, 1));
    net_stop(net);
    assert_int_equal(done_one.n, 1);
    assert_false(outcome.result.ok);
    assert_int_equal(outcome.result.err.code, ERR_STOPPING);
    assert_true(outcome.result.sent);
    assert_false(net_fetch_start(net, &request, keep, &outcome, &err));
    assert_int_equal(err.code, ERR_STOPPING);
    net_free(&net);
    reply_text(parked, 200, "nobody asks any more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(methods_headers_and_bodies, begin, end),
        cmocka_unit_test_setup_teardown(a_body_that_goes_out_once_goes_whole, begin, end),
        cmocka_unit_test_setup_teardown(redirects_are_not_followed, begin, end),
        cmocka_unit_test_setup_teardown(connections_are_reused, begin, end),
        cmocka_unit_test_setup_teardown(blocking_form_copies_the_result, begin, end),
        cmocka_unit_test_setup_teardown(many_side_by_side, begin, end),
        cmocka_unit_test_setup_teardown(unanswered_name_holds_nobody_up, begin, end),
        cmocka_unit_test_setup_teardown(too_large_an_answer, begin, end),
        cmocka_unit_test_setup_teardown(too_late_an_answer, begin, end),
        cmocka_unit_test_setup_teardown(nobody_there, begin, end),
        cmocka_unit_test_setup_teardown(only_http, begin, end),
        cmocka_unit_test_setup_teardown(requests_that_make_no_sense, begin, end),
        cmocka_unit_test_setup_teardown(stop_ends_what_is_under_way, begin, end),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
