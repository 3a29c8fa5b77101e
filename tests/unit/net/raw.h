/* raw: a client that sends exactly the bytes it is told, and a server for tests to talk to. */
#ifndef TESTS_NET_RAW_H
#define TESTS_NET_RAW_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net.h"

#define PATIENCE_MS 20000 /* no test waits longer for anything */
#define HOST "Host: gateway\r\n"

/* ---- waiting ---------------------------------------------------------------------------------------- */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int n;
};
#define GATE                                                                                                           \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                                         \
    }

static inline void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->n++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* Waits until the gate was opened n times since it was last reset. */
static inline bool gate_wait(struct gate *gate, int n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    int code = 0;
    pthread_mutex_lock(&gate->lock);
    while (gate->n < n && code == 0)
        code = pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
    bool ok = gate->n >= n;
    pthread_mutex_unlock(&gate->lock);
    return ok;
}

static inline void gate_reset(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->n = 0;
    pthread_mutex_unlock(&gate->lock);
}

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- client ----------------------------------------------------------------------------------------- */

static inline int raw_connect(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void raw_send(int fd, const char *text)
{
    size_t n = strlen(text);
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

struct answer {
    int status;      /* 0: the connection ended before an answer */
    char head[4096]; /* with its empty line */
    char *body;
    size_t body_n;
};

static inline void answer_free(struct answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

static inline const char *answer_header(const struct answer *answer, const char *name, char out[256])
{
    char key[128];
    snprintf(key, sizeof(key), "\r\n%s: ", name);
    const char *at = strcasestr(answer->head, key);
    if (!at)
        return NULL;
    at += strlen(key);
    snprintf(out, 256, "%.*s", (int)strcspn(at, "\r"), at);
    return out;
}

static inline void read_head(int fd, struct answer *answer)
{
    size_t n = 0;
    *answer = (struct answer){0};
    while (n < 4 || memcmp(answer->head + n - 4, "\r\n\r\n", 4) != 0) {
        ssize_t got = recv(fd, answer->head + n, 1, 0);
        if (got <= 0) {
            assert_false(got < 0 && errno == EAGAIN);
            assert_int_equal(n, 0);
            return;
        }
        n++;
        assert_true(n < sizeof(answer->head) - 1);
    }
    answer->status = atoi(answer->head + strlen("HTTP/1.1 "));
}

static inline void read_body(int fd, struct answer *answer)
{
    char text[256];
    const char *length = answer_header(answer, "Content-Length", text);
    answer->body_n = length ? strtoul(length, NULL, 10) : 0;
    answer->body = calloc(1, answer->body_n + 1);
    if (answer->body_n > 0)
        assert_int_equal(recv(fd, answer->body, answer->body_n, MSG_WAITALL), (ssize_t)answer->body_n);
}

static inline struct answer raw_answer(int fd)
{
    struct answer answer;
    read_head(fd, &answer);
    if (answer.status >= 200)
        read_body(fd, &answer);
    return answer;
}

static inline void expect_answer(int fd, int status, const char *body)
{
    struct answer answer = raw_answer(fd);
    assert_int_equal(answer.status, status);
    if (body)
        assert_string_equal(answer.body, body);
    answer_free(&answer);
}

/* The other side has closed, in order or by a reset. */
static inline void expect_end(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
    close(fd);
}

static inline void problem_body(enum err_code code, const char *detail, const char *request_id, struct buf *out,
                                void *arg)
{
    (void)arg;
    assert_int_equal(strlen(request_id), 32);
    buf_printf(out, "{\"code\":\"%s\",\"detail\":\"%s\"}", err_info(code)->code, detail);
}

static inline void reply_text(struct net_request *request, int status, const char *text)
{
    struct net_reply reply = {.status = status, .media_type = "text/plain", .body = bytes_str(text)};
    net_answer(request, &reply);
}

#endif
