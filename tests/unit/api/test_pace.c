/* What one partner may take: requests per second and connections. */
#include "fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define HELD 4

static int start(void **state)
{
    (void)state;
    begin_world("net: {partner_rate: 10, partner_connections: 3}\n");
    seed(true);
    api_set_ready(w.api, true, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    end_world();
    return 0;
}

static void too_fast_is_told_when_to_come_back(void **state)
{
    int refusals = 0;
    (void)state;
    for (int i = 0; i < 200 && refusals == 0; i++)
        refusals += SAY("bank-a", .path = "/v1/whoami") == 429;
    assert_int_equal(refusals, 1);
    refused(429, "rate.partner");
    assert_true(atoi(header("Retry-After")) >= 1);
    /* its neighbour does not notice */
    assert_int_equal(SAY("bank-b", .path = "/v1/whoami"), 200);
}

/* A TCP connection to the plain listener that asks nothing. */
static int hold(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)w.plain_port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

static void probes_have_no_pace(void **state)
{
    int fds[HELD];
    (void)state;
    for (int i = 0; i < HELD; i++)
        fds[i] = hold();
    for (int i = 0; i < 20; i++)
        assert_int_equal(SAY("", .path = "/livez"), 200);
    for (int i = 0; i < HELD; i++)
        close(fds[i]);
}

/* Sends a question and reads until the text `end` came. */
static void converse(int fd, const char *question, const char *end, char *answer, size_t size)
{
    size_t n = 0;

    assert_int_equal(write(fd, question, strlen(question)), (ssize_t)strlen(question));
    do {
        ssize_t got = read(fd, answer + n, size - 1 - n);
        assert_true(got > 0);
        n += (size_t)got;
        answer[n] = '\0';
    } while (!strstr(answer, end));
}

static void head_has_the_length_and_no_body(void **state)
{
    char answer[4096];
    int fd = hold();
    (void)state;
    converse(fd, "HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nok\n", answer,
             sizeof(answer));
    const char *second = strstr(answer + 1, "HTTP/1.1 200");
    assert_non_null(second);
    assert_int_equal(strncmp(answer, "HTTP/1.1 200", 12), 0);
    assert_true(strstr(answer, "Content-Length: 3\r\n") < second);
    assert_int_equal(strncmp(second - 4, "\r\n\r\n", 4), 0);
    close(fd);
}

/* A bank's TLS connection that asked one question and stays. */
static FILE *ask_and_hold(int i)
{
    FILE *held = popen(arena_printf(w.arena,
                                    "cd %s && openssl s_client -quiet -connect 127.0.0.1:%d -cert pki/bank-b.pem -key "
                                    "pki/bank-b.key -CAfile pki/ca.pem >held-%d 2>/dev/null",
                                    w.dir, w.api_port, i),
                       "w");
    assert_non_null(held);
    fputs("GET /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n", held);
    fflush(held);
    return held;
}

/* The status of its answer, once it came. */
static int status_of(int i)
{
    int64_t end = clock_mono_ms() + 10000;
    int status = 0;

    while (status == 0 && clock_mono_ms() < end) {
        FILE *file = fopen(in_dir(arena_printf(w.arena, "held-%d", i)), "rb");
        if (file && fscanf(file, "HTTP/1.1 %d", &status) != 1)
            status = 0;
        if (file)
            fclose(file);
    }
    return status;
}

static void connections_are_counted_and_given_back(void **state)
{
    FILE *held[HELD];
    int status = 0;
    (void)state;
    for (int i = 0; i < HELD; i++) {
        held[i] = ask_and_hold(i);
        assert_int_equal(status_of(i), i < 3 ? 200 : 429);
    }
    for (int i = 0; i < HELD; i++)
        pclose(held[i]);
    for (int64_t end = clock_mono_ms() + 10000; status != 200 && clock_mono_ms() < end;)
        status = SAY("bank-b", .path = "/v1/whoami");
    assert_int_equal(status, 200);
}

static void the_socket_has_no_pace(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++)
        assert_int_equal(SAY(NULL, .path = "/v1/whoami"), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_fast_is_told_when_to_come_back),
        cmocka_unit_test(probes_have_no_pace),
        cmocka_unit_test(the_socket_has_no_pace),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(connections_are_counted_and_given_back),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
