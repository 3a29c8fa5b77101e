/* Mutual TLS between our server and our client: who is let in, what is known of them, and for how long. */
#include "raw.h"

#include "crypto/crypto.h"

#define BIG (5u << 20)

static char pki[] = "/tmp/net-pki-XXXXXX", paths[32][128];
static struct net *server, *client;
static int port;
static char *big;
static struct gate closed = GATE, answered = GATE;

static const char *file(const char *name)
{
    static size_t next;
    char *path = paths[next++ % 32];
    snprintf(path, sizeof(paths[0]), "%s/%s", pki, name);
    return path;
}

__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
    char command[512];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    return system(command);
}

static int make_pki(void **state)
{
    (void)state;
    big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)('a' + i * 7 % 23);
    return mkdtemp(pki) && run("sh %s/certs/make-dev-pki.sh %s >/dev/null", SOURCE_DIR, pki) == 0 ? 0 : -1;
}

static int remove_pki(void **state)
{
    (void)state;
    free(big);
    return run("rm -rf %s", pki);
}

/* ---- server ----------------------------------------------------------------------------------------- */

static void handle(struct net_request *request, void *arg)
{
    char hex[65];
    (void)arg;
    net_connection_set_mark(request, 1);
    assert_non_null(net_peer_digest(request));
    assert_true(net_peer_not_after(request) > clock_wall_ms());
    struct net_reply reply = {.status = 200, .body = bytes_str(hex_encode(net_peer_digest(request), 32, hex))};
    if (strcmp(net_path(request), "/big") == 0)
        reply.body = bytes_of(big, BIG);
    else if (strcmp(net_path(request), "/echo") == 0)
        reply.body = net_body(request);
    net_answer(request, &reply);
}

static void on_closed(uint64_t mark, void *arg)
{
    (void)mark, (void)arg;
    gate_open(&closed);
}

static struct crypto_tls *context(const char *name, const char *crl)
{
    struct err err = {0};
    struct crypto_tls *tls;
    char cert[64], key[64];
    snprintf(cert, sizeof(cert), "%s.pem", name);
    snprintf(key, sizeof(key), "%s.key", name);
    struct crypto_tls_files files = {.cert = file(cert), .key = file(key), .ca = file("ca.pem"),
                                     .crl = crl ? file(crl) : NULL};
    assert_true(crypto_tls_server(&files, &tls, &err));
    return tls;
}

static const struct net_options usual = {.threads = 1, .workers = 1, .connections = 20, .header_ms = PATIENCE_MS,
                                         .body_ms = PATIENCE_MS, .idle_ms = PATIENCE_MS, .write_ms = PATIENCE_MS,
                                         .stop_ms = 500};

static void start_with(const struct net_options *options, const char *identity, const char *crl)
{
    struct net_service service = {.handler = handle, .error_body = problem_body, .closed = on_closed};
    struct err err = {0};
    gate_reset(&closed);
    struct crypto_tls *tls = context(identity, crl);
    server = net_new(options);
    assert_true(net_listen_tcp(server, "127.0.0.1:0", tls, 4, &service, &port, &err));
    crypto_tls_free(&tls);
    assert_true(net_start(server, &err));
    client = net_new(&usual);
    assert_true(net_start(client, &err));
}

static int start(void **state)
{
    (void)state;
    start_with(&usual, "server", "crl.pem");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    net_stop(client);
    net_free(&client);
    net_stop(server);
    net_free(&server);
    return 0;
}

/* ---- client ----------------------------------------------------------------------------------------- */

struct outcome {
    bool ok;
    enum err_code code;
    struct buf body;
};

static void keep(const struct net_fetch_result *result, void *arg)
{
    struct outcome *outcome = arg;
    outcome->ok = result->ok;
    outcome->code = result->err.code;
    buf_reset(&outcome->body);
    buf_put(&outcome->body, result->body.p, result->body.n);
    gate_open(&answered);
}

static void fetch_body(const char *path, const char *cert, const char *key, const char *ca, struct bytes body,
                       struct outcome *outcome)
{
    char url[64];
    struct err err = {0};
    snprintf(url, sizeof(url), "https://127.0.0.1:%d%s", port, path);
    struct net_fetch_request request = {.method = body.n ? "POST" : "GET", .url = url, .cert = cert, .key = key,
                                        .ca = ca, .body = body, .connect_ms = PATIENCE_MS, .total_ms = PATIENCE_MS,
                                        .body_max = 2 * BIG};
    gate_reset(&answered);
    buf_init(&outcome->body, 2 * BIG);
    assert_true(net_fetch_start(client, &request, keep, outcome, &err));
    assert_true(gate_wait(&answered, 1));
}

/* ERR_NONE when an answer came. */
static enum err_code ask(const char *cert, const char *key, const char *ca)
{
    struct outcome outcome = {0};
    fetch_body("/", cert, key, ca, bytes_of(NULL, 0), &outcome);
    buf_free(&outcome.body);
    return outcome.ok ? ERR_NONE : outcome.code;
}

static enum err_code ask_as(const char *name)
{
    char cert[64], key[64];
    snprintf(cert, sizeof(cert), "%s.pem", name);
    snprintf(key, sizeof(key), "%s.key", name);
    return ask(file(cert), file(key), file("ca.pem"));
}

/* ---- tests ------------------------------------------------------------------------------------------ */

static void the_key_of_the_client_is_known(void **state)
{
    struct outcome outcome = {0};
    struct crypto_key *key;
    struct err err = {0};
    char hex[65];
    (void)state;
    fetch_body("/", file("bank-a.pem"), file("bank-a.key"), file("ca.pem"), bytes_of(NULL, 0), &outcome);
    assert_true(outcome.ok);
    assert_true(crypto_key_from_file(file("bank-a.pem"), &key, &err));
    assert_string_equal((const char *)outcome.body.p, hex_encode(crypto_key_digest(key), 32, hex));
    crypto_key_free(&key);
    buf_free(&outcome.body);
}

static void strangers_are_not_let_in(void **state)
{
    static const char *const bad[] = {"bad/foreign-client", "bad/expired", "bad/not-yet-valid", "bad/revoked"};
    (void)state;
    assert_int_equal(ask(NULL, NULL, file("ca.pem")), ERR_CLIENT_TLS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ask_as(bad[i]), ERR_CLIENT_TLS);
    assert_int_equal(ask_as("bad/unknown"), ERR_NONE);
}

static void the_client_checks_the_server(void **state)
{
    static const char *const bad[] = {"bad/wrong-name", "bad/expired-server", "bad/foreign-server"};
    (void)state;
    assert_int_equal(ask(file("bank-a.pem"), file("bank-a.key"), file("bad/foreign-ca.pem")), ERR_CLIENT_TLS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        stop(NULL);
        start_with(&usual, bad[i], NULL);
        assert_int_equal(ask_as("bank-a"), ERR_CLIENT_TLS);
    }
}

static void large_bodies(void **state)
{
    struct outcome outcome = {0};
    const char *cert = file("bank-a.pem"), *key = file("bank-a.key"), *ca = file("ca.pem");
    (void)state;
    fetch_body("/big", cert, key, ca, bytes_of(NULL, 0), &outcome);
    assert_true(bytes_equal(buf_bytes(&outcome.body), bytes_of(big, BIG)));
    buf_free(&outcome.body);
    fetch_body("/echo", cert, key, ca, bytes_of(big, NET_BODY_MAX), &outcome);
    assert_true(bytes_equal(buf_bytes(&outcome.body), bytes_of(big, NET_BODY_MAX)));
    buf_free(&outcome.body);
}

static void a_kept_connection_does_not_outlive_its_right(void **state)
{
    (void)state;
    assert_int_equal(ask_as("bank-a"), ERR_NONE);
    assert_int_equal(ask_as("operator-1"), ERR_NONE);
    assert_int_equal(run("sh %s/certs/make-dev-pki.sh --revoke %s operator-1 >/dev/null", SOURCE_DIR, pki), 0);
    struct crypto_tls *tls = context("server", "crl.pem");
    net_replace_tls(server, 4, tls);
    crypto_tls_free(&tls);
    assert_int_equal(ask_as("operator-1"), ERR_CLIENT_TLS);
    assert_true(gate_wait(&closed, 1));
    assert_int_equal(ask_as("bank-a"), ERR_NONE);
    assert_int_equal(closed.n, 1);
}

/* What openssl s_client reads when it sends `text`. */
static void talk(const char *text, const char *options, char *out, size_t size)
{
    char command[512];
    snprintf(command, sizeof(command),
             "printf '%s' | timeout 20 openssl s_client -quiet -connect 127.0.0.1:%d -cert %s -key %s -CAfile %s %s "
             "2>/dev/null",
             text, port, file("bank-a.pem"), file("bank-a.key"), file("ca.pem"), options);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    out[fread(out, 1, size - 1, pipe)] = '\0';
    pclose(pipe);
}

static void pipelining_and_its_end(void **state)
{
    static const char *const versions[] = {"-tls1_2", "-tls1_3"};
    char out[8192];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        talk("POST /echo HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5\\r\\n\\r\\nfirst"
             "POST /echo HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\nContent-Length: 6\\r\\n\\r\\nsecond",
             versions[i], out, sizeof(out));
        const char *first = strstr(out, "\r\n\r\nfirst"), *second = strstr(out, "\r\n\r\nsecond");
        assert_non_null(first);
        assert_non_null(second);
        assert_true(first < second);
    }
    talk("GET / HTTP/1.1\\r\\n\\r\\n", "", out, sizeof(out));
    assert_non_null(strstr(out, "HTTP/1.1 400 "));
    talk("GET / HTTP/1.1\\r\\n\\r\\n", "-tls1_1 -cipher DEFAULT:@SECLEVEL=0", out, sizeof(out));
    assert_string_equal(out, "");
}

static void a_handshake_has_a_deadline(void **state)
{
    struct net_options options = usual;
    struct pollfd poll_fd = {.events = POLLIN};
    (void)state;
    stop(NULL);
    options.header_ms = 200;
    start_with(&options, "server", NULL);
    poll_fd.fd = raw_connect(port);
    int64_t begin = now_ms();
    assert_int_equal(send(poll_fd.fd, "\x16\x03\x01\x02\x00", 5, 0), 5);
    while (poll(&poll_fd, 1, 10) == 0) {
        assert_true(now_ms() - begin < PATIENCE_MS);
        if (send(poll_fd.fd, "\x01", 1, MSG_NOSIGNAL) != 1)
            break;
    }
    close(poll_fd.fd);
    assert_true(now_ms() - begin >= 190);
}

static void plain_bytes_are_ended(void **state)
{
    char out[512];
    size_t n = 0;
    ssize_t got;
    (void)state;
    int fd = raw_connect(port);
    raw_send(fd, "GET / HTTP/1.1\r\n" HOST "\r\n");
    while (n < sizeof(out) && (got = recv(fd, out + n, sizeof(out) - n, 0)) > 0)
        n += (size_t)got;
    assert_true(n < 64); /* an alert, no answer */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_key_of_the_client_is_known, start, stop),
        cmocka_unit_test_setup_teardown(strangers_are_not_let_in, start, stop),
        cmocka_unit_test_setup_teardown(the_client_checks_the_server, start, stop),
        cmocka_unit_test_setup_teardown(large_bodies, start, stop),
        cmocka_unit_test_setup_teardown(a_kept_connection_does_not_outlive_its_right, start, stop),
        cmocka_unit_test_setup_teardown(pipelining_and_its_end, start, stop),
        cmocka_unit_test_setup_teardown(a_handshake_has_a_deadline, start, stop),
        cmocka_unit_test_setup_teardown(plain_bytes_are_ended, start, stop),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
