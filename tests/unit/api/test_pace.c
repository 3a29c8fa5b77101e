/* What one partner may take: requests per second and connections. */
#include "fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HELD 4

static int start(void **state)
{
    (void)state;
    begin_world("net: {partner_rate: 5, partner_connections: 3}\n");
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

static int on_socket(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", in_dir("s"));
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
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

/* Asks on the socket and keeps the connection; returns the status. */
static int ask_and_hold(int *fd_out)
{
    char answer[4096];

    *fd_out = on_socket();
    converse(*fd_out, "GET /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n", answer, sizeof(answer));
    return atoi(answer + strlen("HTTP/1.1 "));
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

/* The rate is five a second at most, so the fourth question may come in the same second. */
static void connections_are_counted_and_given_back(void **state)
{
    int fds[HELD];
    int status = 0;
    (void)state;
    for (int i = 0; i < HELD; i++) {
        status = ask_and_hold(&fds[i]);
        assert_int_equal(status, i < 3 ? 200 : 429);
    }
    for (int i = 0; i < HELD; i++)
        close(fds[i]);
    int64_t end = clock_mono_ms() + 5000;
    do {
        status = ask_and_hold(&fds[0]);
        close(fds[0]);
    } while (status != 200 && clock_mono_ms() < end);
    assert_int_equal(status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_fast_is_told_when_to_come_back),
        cmocka_unit_test(probes_have_no_pace),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(connections_are_counted_and_given_back),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
