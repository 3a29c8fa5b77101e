/* Frames over TCP: the reader in every split, the listener on a bare socket and behind TLS, and the exchange with a
 * peer that is written without our code and misbehaves when told. */
#include "raw.h"

#include "crypto/crypto.h"
#include "frames.h"

#define TAG 5
#define BIG (3u << 20)

static char pki[] = "/tmp/net-frames-XXXXXX";
static struct net *server, *client;
static struct frames_peer peer;
static int port, secure_port;
static struct gate answered = GATE, closed = GATE, held = GATE;
static struct net_request *kept; /* of HOLD, to be answered later */
static char *big;

static const char *file(const char *name, const char *suffix)
{
    static char paths[32][128];
    static size_t next;
    char *path = paths[next++ % 32];
    snprintf(path, sizeof(paths[0]), "%s/%s%s", pki, name, suffix);
    return path;
}

static struct crypto_tls *context(const char *name, const char *crl)
{
    struct crypto_tls_files files = {.cert = file(name, ".pem"),
                                     .key = file(name, ".key"),
                                     .ca = file("ca", ".pem"),
                                     .crl = crl ? file(crl, ".pem") : NULL};
    struct crypto_tls *tls = NULL;
    struct err err = {0};
    assert_true(crypto_tls_server(&files, &tls, &err));
    return tls;
}

/* ---- the reader alone ------------------------------------------------------------------------------- */

struct seen {
    int frames;
    char text[256];
};

static void see(struct net_request *request, void *arg)
{
    struct seen *seen = arg;
    size_t n = strlen(seen->text);
    seen->frames++;
    assert_string_equal(net_method(request), "FRAME");
    assert_string_equal(net_path(request), "/");
    snprintf(seen->text + n, sizeof(seen->text) - n, "[%.*s]", (int)net_body(request).n,
             (const char *)net_body(request).p);
}

/* Feeds it in pieces of `step` bytes; the code that ended it. */
static enum err_code feed(const char *text, size_t step, struct seen *seen)
{
    struct net_service service = {.handler = see, .arg = seen, .body_max = 64};
    struct net_reader *reader = net_reader_new_frames(&service);
    struct err err = {0};
    size_t n = strlen(text);
    bool ok = true;
    *seen = (struct seen){0};
    for (size_t at = 0; ok && at < n; at += step)
        ok = net_reader_feed(reader, bytes_of(text + at, at + step < n ? step : n - at), &err);
    net_reader_free(&reader);
    return ok ? ERR_NONE : err.code;
}

static void a_frame_is_digits_and_as_many_bytes(void **state)
{
    static const struct {
        const char *in, *text;
        enum err_code code;
    } cases[] = {
        {"00000005hello", "[hello]", ERR_NONE},
        {"00000005hello00000001!00000002", "[hello][!]", ERR_NONE},
        {"0000006400000064", "", ERR_NONE},
        {"0000000", "", ERR_NONE},
        {"00000000", "", ERR_FRAME_LENGTH},
        {"00000065", "", ERR_FRAME_LENGTH},
        {"99999999", "", ERR_FRAME_LENGTH},
        {"0000000x", "", ERR_FRAME_LENGTH},
        {"-0000005hello", "", ERR_FRAME_LENGTH},
        {" 0000005hello", "", ERR_FRAME_LENGTH},
        {"00000005helloGET / HTTP/1.1", "[hello]", ERR_FRAME_LENGTH},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t step = 1; step <= strlen(cases[i].in); step++) {
            struct seen seen;
            if (feed(cases[i].in, step, &seen) != cases[i].code || strcmp(seen.text, cases[i].text) != 0)
                fail_msg("%s in steps of %zu: %s", cases[i].in, step, seen.text);
        }
    }
}

/* ---- the listener ----------------------------------------------------------------------------------- */

/* The body says what to do: its bytes come back, in capitals the words below. */
static void handle(struct net_request *request, void *arg)
{
    struct bytes body = net_body(request);
    char text[160], hex[65];
    struct net_reply reply = {.status = 422, .media_type = "text/plain", .body = body};
    (void)arg;
    net_connection_set_mark(request, net_connection_mark(request) + 1);
    if (bytes_equal(body, BYTES_LIT("WHO")))
        snprintf(text, sizeof(text), "%s %d",
                 net_peer_digest(request) ? hex_encode(net_peer_digest(request), 32, hex) : "?",
                 net_listener_tag(request));
    else if (bytes_equal(body, BYTES_LIT("COUNT")))
        snprintf(text, sizeof(text), "%llu", (unsigned long long)net_connection_mark(request));
    else
        text[0] = '\0';
    if (text[0])
        reply.body = bytes_str(text);
    if (bytes_equal(body, BYTES_LIT("NOTHING")))
        reply.body = bytes_of(NULL, 0);
    reply.close = bytes_equal(body, BYTES_LIT("LAST"));
    if (bytes_equal(body, BYTES_LIT("HOLD"))) {
        kept = request;
        gate_open(&held);
        return;
    }
    net_answer(request, &reply);
}

static void answer_kept(void)
{
    struct net_reply reply = {.body = BYTES_LIT("HELD")};
    net_answer(kept, &reply);
}

static void on_closed(uint64_t mark, void *arg)
{
    (void)mark, (void)arg;
    gate_open(&closed);
}

static const struct net_options patient = {.threads = 1,
                                           .workers = 1,
                                           .connections = 20,
                                           .header_ms = PATIENCE_MS,
                                           .body_ms = PATIENCE_MS,
                                           .idle_ms = PATIENCE_MS,
                                           .write_ms = PATIENCE_MS,
                                           .stop_ms = 2000};

static void start_with(const struct net_options *options, const char *identity)
{
    struct net_service service = {.handler = handle, .closed = on_closed};
    struct crypto_tls *tls = context(identity, "crl");
    struct err err = {0};
    gate_reset(&closed);
    gate_reset(&held);
    server = net_new(options);
    assert_true(net_listen_frames(server, "127.0.0.1:0", NULL, TAG, &service, &port, &err));
    assert_true(net_listen_frames(server, "127.0.0.1:0", tls, TAG, &service, &secure_port, &err));
    crypto_tls_free(&tls);
    assert_true(net_start(server, &err));
    client = net_new(&patient);
    assert_true(net_start(client, &err));
}

static int start(void **state)
{
    (void)state;
    start_with(&patient, "server");
    return 0;
}

static int start_short(void **state)
{
    struct net_options options = patient;
    (void)state;
    options.header_ms = options.body_ms = options.idle_ms = 300;
    start_with(&options, "server");
    return 0;
}

static int start_small(void **state)
{
    struct net_options options = patient;
    (void)state;
    options.connections = 2;
    options.bodies_max = 1 << 20;
    start_with(&options, "server");
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

static void expect_frame(int fd, const char *text)
{
    char digits[9] = "", *body;
    assert_int_equal(recv(fd, digits, 8, MSG_WAITALL), 8);
    size_t n = strtoul(digits, NULL, 10);
    assert_int_equal(n, strlen(text));
    body = calloc(1, n + 1);
    assert_int_equal(recv(fd, body, n, MSG_WAITALL), (ssize_t)n);
    assert_string_equal(body, text);
    free(body);
}

static void frames_are_answered_in_order(void **state)
{
    (void)state;
    int fd = raw_connect(port);
    raw_send(fd, "00000003one00000003two00000005COUNT");
    expect_frame(fd, "one");
    expect_frame(fd, "two");
    expect_frame(fd, "3");
    raw_send(fd, "00000004LAST00000005never");
    expect_frame(fd, "LAST");
    expect_end(fd);
    assert_true(gate_wait(&closed, 1));
}

static void a_frame_may_come_byte_by_byte(void **state)
{
    static const char text[] = "00000005hello00000003WHO";
    (void)state;
    int fd = raw_connect(port);
    for (size_t i = 0; i < strlen(text); i++)
        raw_send(fd, (char[]){text[i], '\0'});
    expect_frame(fd, "hello");
    expect_frame(fd, "? 5");
    close(fd);
}

static void what_is_no_frame_ends_the_connection(void **state)
{
    static const char *const bad[] = {"GET / HTTP/1.1\r\n\r\n", "00000000", "04194305", "0000000a", "00000007NOTHING"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int fd = raw_connect(port);
        raw_send(fd, "00000002ok");
        expect_frame(fd, "ok");
        raw_send(fd, bad[i]);
        expect_end(fd);
    }
}

static void an_unfinished_frame_is_not_waited_for(void **state)
{
    static const char *const starts[] = {"", "0000", "00000005hel", "00000002ok"};
    (void)state;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        int fd = raw_connect(port);
        if (starts[i][0])
            raw_send(fd, starts[i]);
        if (i == 3)
            expect_frame(fd, "ok");
        expect_end(fd);
    }
}

static void connections_and_bodies_are_bounded(void **state)
{
    (void)state;
    int one = raw_connect(port), two = raw_connect(port);
    raw_send(one, "00000001a");
    raw_send(two, "00000001b");
    expect_frame(one, "a");
    expect_frame(two, "b");
    expect_end(raw_connect(port));
    raw_send(one, "03145728");
    /* the other side may close while this is still being sent */
    (void)!send(one, big, BIG, MSG_NOSIGNAL);
    expect_end(one);
    close(two);
}

static void *stop_server(void *arg)
{
    (void)arg;
    net_stop(server);
    return NULL;
}

static void a_stop_lets_the_frame_under_way_be_answered(void **state)
{
    pthread_t stopper;
    (void)state;
    int fd = raw_connect(port), idle = raw_connect(port);
    raw_send(idle, "00000002ok");
    expect_frame(idle, "ok");
    raw_send(fd, "00000004HOLD");
    assert_true(gate_wait(&held, 1));
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, NULL), 0);
    expect_end(idle);
    answer_kept();
    expect_frame(fd, "HELD");
    expect_end(fd);
    pthread_join(stopper, NULL);
}

/* ---- the exchange ----------------------------------------------------------------------------------- */

struct outcome {
    bool ok, sent;
    enum err_code code;
    char detail[ERR_DETAIL_SIZE];
    struct buf body;
};

static void keep(const struct net_fetch_result *result, void *arg)
{
    struct outcome *outcome = arg;
    outcome->ok = result->ok;
    outcome->sent = result->sent;
    outcome->code = result->err.code;
    snprintf(outcome->detail, sizeof(outcome->detail), "%s", result->err.detail);
    buf_reset(&outcome->body);
    buf_put(&outcome->body, result->body.p, result->body.n);
    gate_open(&answered);
}

struct ask {
    const char *host, *as, *ca;
    int port;
    unsigned digits;
    int64_t connect_ms, total_ms, body_max;
    struct bytes body;
};

/* Members left out are as usual. */
static bool begin(struct ask ask, struct outcome *outcome, struct err *err)
{
    char address[64];
    const char *as = ask.as ? ask.as : "gateway-client";
    snprintf(address, sizeof(address), "%s:%d", ask.host ? ask.host : "127.0.0.1", ask.port ? ask.port : peer.port);
    struct net_frame_request request = {.address = address,
                                        .digits = ask.digits ? ask.digits : 8,
                                        .body = ask.body,
                                        .cert = as[0] ? file(as, ".pem") : NULL,
                                        .key = as[0] ? file(as, ".key") : NULL,
                                        .ca = file(ask.ca ? ask.ca : "ca", ".pem"),
                                        .connect_ms = ask.connect_ms ? ask.connect_ms : PATIENCE_MS,
                                        .total_ms = ask.total_ms ? ask.total_ms : PATIENCE_MS,
                                        .body_max = ask.body_max ? ask.body_max : 2 * BIG};
    *outcome = (struct outcome){0};
    buf_init(&outcome->body, 2 * BIG);
    *err = (struct err){0};
    return net_frame_start(client, &request, keep, outcome, err);
}

static struct outcome exchange(struct ask ask)
{
    static struct outcome outcome;
    struct err err;
    gate_reset(&answered);
    buf_free(&outcome.body);
    if (!begin(ask, &outcome, &err))
        fail_msg("%s", err.detail);
    assert_true(gate_wait(&answered, 1));
    return outcome;
}

static void expect_text(struct ask ask, const char *text)
{
    struct outcome outcome = exchange(ask);
    if (!outcome.ok)
        fail_msg("%s", outcome.detail);
    assert_true(outcome.sent);
    assert_string_equal(outcome.body.n ? (const char *)outcome.body.p : "", text);
}

static void expect_failure(struct ask ask, enum err_code code, bool sent)
{
    struct outcome outcome = exchange(ask);
    assert_false(outcome.ok);
    if (outcome.code != code || outcome.sent != sent)
        fail_msg("%s, sent %d: %s", err_info(outcome.code)->code, outcome.sent, outcome.detail);
}

static struct ask say(const char *text)
{
    return (struct ask){.body = bytes_str(text)};
}

static void a_frame_goes_and_its_answer_comes(void **state)
{
    (void)state;
    expect_text(say("echo 山西"), "山西");
    expect_text(say("drip slowly"), "slowly");
    expect_text(say("empty"), "");
    expect_text(say("twice once"), "once");
    struct ask by_name = say("echo x");
    by_name.host = "localhost";
    expect_text(by_name, "x");
}

static void failures_say_whether_it_was_sent(void **state)
{
    (void)state;
    expect_failure(say("close"), ERR_CLIENT_CONNECT, true);
    expect_failure(say("half done"), ERR_CLIENT_CONNECT, true);
    expect_failure(say("noise"), ERR_FRAME_LENGTH, true);
    expect_failure(say("signed"), ERR_FRAME_LENGTH, true);
    expect_failure(say("huge"), ERR_CLIENT_TOO_LARGE, true);
    struct ask late = say("silent");
    late.total_ms = 200;
    expect_failure(late, ERR_CLIENT_TIMEOUT, true);
    struct ask nobody = {.body = BYTES_LIT("x"), .port = 1};
    expect_failure(nobody, ERR_CLIENT_CONNECT, false);
    struct ask nowhere = {.body = BYTES_LIT("x"), .host = "no-such-host.invalid"};
    expect_failure(nowhere, ERR_CLIENT_CONNECT, false);
}

/* A listener that never says a word: the handshake does not end. */
static void a_handshake_has_a_deadline(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    expect_failure((struct ask){.body = BYTES_LIT("x"), .port = ntohs(address.sin_port), .connect_ms = 200},
                   ERR_CLIENT_TIMEOUT, false);
    close(fd);
}

static void what_cannot_be_sent_is_said_at_once(void **state)
{
    struct outcome outcome;
    struct err err;
    (void)state;
    assert_false(begin((struct ask){.digits = 1, .body = BYTES_LIT("0123456789")}, &outcome, &err));
    assert_int_equal(err.code, ERR_FRAME_LENGTH);
    assert_false(begin((struct ask){.digits = 11, .body = BYTES_LIT("x")}, &outcome, &err));
    assert_int_equal(err.code, ERR_FRAME_LENGTH);
    assert_false(begin((struct ask){.as = "nobody", .body = BYTES_LIT("x")}, &outcome, &err));
    assert_int_equal(err.code, ERR_KEY_FILE);
}

static void both_sides_prove_who_they_are(void **state)
{
    struct crypto_key *key;
    struct err err = {0};
    char want[80], hex[65];
    (void)state;
    assert_true(crypto_key_from_file(file("bank-a", ".pem"), &key, &err));
    snprintf(want, sizeof(want), "%s 5", hex_encode(crypto_key_digest(key), 32, hex));
    crypto_key_free(&key);
    expect_text((struct ask){.port = secure_port, .as = "bank-a", .body = BYTES_LIT("WHO")}, want);
    expect_failure((struct ask){.port = secure_port, .ca = "bad/foreign-ca", .body = BYTES_LIT("x")}, ERR_CLIENT_TLS,
                   false);
    static const char *const strangers[] = {"", "bad/foreign-client", "bad/expired", "bad/revoked"};
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        struct outcome outcome =
            exchange((struct ask){.port = secure_port, .as = strangers[i], .body = BYTES_LIT("x")});
        assert_false(outcome.ok);
        assert_int_equal(outcome.code, ERR_CLIENT_TLS);
    }
}

/* This peer ends in order, so the alert is always seen. */
static void a_refused_certificate_means_nothing_was_sent(void **state)
{
    (void)state;
    expect_failure((struct ask){.as = "bad/foreign-client", .body = BYTES_LIT("echo x")}, ERR_CLIENT_TLS, false);
}

static int start_wrong_name(void **state)
{
    (void)state;
    start_with(&patient, "bad/wrong-name");
    return 0;
}

static void the_host_must_stand_in_the_certificate(void **state)
{
    (void)state;
    expect_failure((struct ask){.port = secure_port, .body = BYTES_LIT("x")}, ERR_CLIENT_TLS, false);
    expect_failure((struct ask){.port = secure_port, .host = "localhost", .body = BYTES_LIT("x")}, ERR_CLIENT_TLS,
                   false);
}

static void large_frames_arrive_whole(void **state)
{
    (void)state;
    struct outcome outcome = exchange((struct ask){.port = secure_port, .body = bytes_of(big, BIG)});
    assert_true(outcome.ok);
    assert_true(bytes_equal(buf_bytes(&outcome.body), bytes_of(big, BIG)));
    expect_failure((struct ask){.port = secure_port, .body = bytes_of(big, BIG), .body_max = BIG - 1},
                   ERR_CLIENT_TOO_LARGE, true);
}

static void a_replaced_context_is_used_from_then_on(void **state)
{
    (void)state;
    struct crypto_tls *tls = context("bad/wrong-name", NULL);
    expect_text((struct ask){.port = secure_port, .body = BYTES_LIT("x")}, "x");
    net_replace_tls(server, TAG, tls);
    crypto_tls_free(&tls);
    expect_failure((struct ask){.port = secure_port, .body = BYTES_LIT("x")}, ERR_CLIENT_TLS, false);
}

static void a_stop_ends_exchanges(void **state)
{
    static struct outcome outcome;
    struct err err;
    (void)state;
    gate_reset(&answered);
    assert_true(begin((struct ask){.port = secure_port, .body = BYTES_LIT("HOLD")}, &outcome, &err));
    assert_true(gate_wait(&held, 1));
    net_stop(client);
    assert_true(gate_wait(&answered, 1));
    assert_int_equal(outcome.code, ERR_STOPPING);
    assert_true(outcome.sent);
    buf_free(&outcome.body);
    assert_false(begin((struct ask){.body = BYTES_LIT("x")}, &outcome, &err));
    assert_int_equal(err.code, ERR_STOPPING);
    net_free(&client);
    client = net_new(&patient);
    assert_true(net_start(client, &err));
    answer_kept();
}

/* ---- all -------------------------------------------------------------------------------------------- */

static int make_pki(void **state)
{
    char command[256];
    (void)state;
    big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)('a' + i * 7 % 23);
    assert_non_null(mkdtemp(pki));
    snprintf(command, sizeof(command), "sh %s/certs/make-dev-pki.sh %s >/dev/null", SOURCE_DIR, pki);
    assert_int_equal(system(command), 0);
    peer = frames_start(pki, "server", NULL);
    return 0;
}

static int remove_pki(void **state)
{
    char command[64];
    (void)state;
    frames_stop(&peer);
    free(big);
    snprintf(command, sizeof(command), "rm -r %s", pki);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_digits_and_as_many_bytes),
        cmocka_unit_test_setup_teardown(frames_are_answered_in_order, start, stop),
        cmocka_unit_test_setup_teardown(a_frame_may_come_byte_by_byte, start, stop),
        cmocka_unit_test_setup_teardown(what_is_no_frame_ends_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(an_unfinished_frame_is_not_waited_for, start_short, stop),
        cmocka_unit_test_setup_teardown(connections_and_bodies_are_bounded, start_small, stop),
        cmocka_unit_test_setup_teardown(a_stop_lets_the_frame_under_way_be_answered, start, stop),
        cmocka_unit_test_setup_teardown(a_frame_goes_and_its_answer_comes, start, stop),
        cmocka_unit_test_setup_teardown(failures_say_whether_it_was_sent, start, stop),
        cmocka_unit_test_setup_teardown(a_handshake_has_a_deadline, start, stop),
        cmocka_unit_test_setup_teardown(what_cannot_be_sent_is_said_at_once, start, stop),
        cmocka_unit_test_setup_teardown(both_sides_prove_who_they_are, start, stop),
        cmocka_unit_test_setup_teardown(a_refused_certificate_means_nothing_was_sent, start, stop),
        cmocka_unit_test_setup_teardown(the_host_must_stand_in_the_certificate, start_wrong_name, stop),
        cmocka_unit_test_setup_teardown(large_frames_arrive_whole, start, stop),
        cmocka_unit_test_setup_teardown(a_replaced_context_is_used_from_then_on, start, stop),
        cmocka_unit_test_setup_teardown(a_stop_ends_exchanges, start, stop),
    };
    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
