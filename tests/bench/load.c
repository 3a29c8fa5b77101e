/* Load generator: sends a list of requests in turn over kept-alive TLS 1.3 connections with a client certificate and
 * tells what came back. One thread, one request under way on each connection.
 *
 *     load PORT CERT KEY CA CONNECTIONS FILE
 *
 * FILE holds a path a line, each asked for by GET; or, when its name ends in .requests, whole requests, each behind eight
 * digits that tell its bytes. When all connections stand it prints "ready" and reads commands "COUNT FIRST" from
 * standard input: send COUNT requests, beginning with FIRST (from 0) and around the end. Each is answered by one line of
 * JSON: requests, ok (status 200), other, body_bytes, bytes, seconds, cpu, p50_us, p99_us. Connections stay open
 * between commands, so that handshakes are outside of what is measured. Exits 1 when anything fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define PATH_MAX_BYTES 256
#define REQUEST_MAX (1 << 20)
#define ANSWER_MAX (256u << 10)
#define WAIT_MS 30000

struct connection {
    SSL *ssl;
    int fd;
    size_t n;        /* bytes of the answer so far */
    int64_t sent_ns;
    char *answer;
};

struct tally {
    long wanted, started, done, ok, other, body_bytes, bytes;
    uint32_t *us;    /* latency of each request */
};

struct request {
    char *p;
    int n;
};

static struct request *requests;
static long request_n, next_request;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, errno != 0 ? strerror(errno) : "failed");
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void add_request(char *p, int n)
{
    static long room;
    if (request_n == room) {
        room = room == 0 ? 1024 : room * 2;
        requests = realloc(requests, (size_t)room * sizeof *requests);
    }
    if (requests == NULL || p == NULL)
        die("memory");
    requests[request_n++] = (struct request){p, n};
}

static void read_paths(FILE *f)
{
    char line[PATH_MAX_BYTES], *request;
    while (fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        int n = asprintf(&request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n", line);
        add_request(n > 0 ? request : NULL, n);
    }
}

static void read_whole(FILE *f)
{
    char digits[9] = "";
    while (fread(digits, 1, 8, f) == 8) {
        int n = atoi(digits);
        char *request = n > 0 && n <= REQUEST_MAX ? malloc((size_t)n) : NULL;
        if (request == NULL || fread(request, 1, (size_t)n, f) != (size_t)n)
            die("a request's length");
        add_request(request, n);
    }
}

static void read_requests(const char *name)
{
    const char *end = strrchr(name, '.');
    FILE *f = fopen(name, "r");
    if (f == NULL)
        die(name);
    if (end != NULL && strcmp(end, ".requests") == 0)
        read_whole(f);
    else
        read_paths(f);
    fclose(f);
    if (request_n == 0)
        die("no requests");
}

/* ---- connections ---- */

static SSL_CTX *context(char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(ctx, argv[2]) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, argv[3], SSL_FILETYPE_PEM) != 1 || SSL_CTX_load_verify_file(ctx, argv[4]) != 1)
        die("TLS settings");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return ctx;
}

static void open_connection(struct connection *c, SSL_CTX *ctx, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->ssl = SSL_new(ctx);
    c->answer = malloc(ANSWER_MAX + 1);
    if (c->ssl == NULL || c->answer == NULL || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
        die("handshake");
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0)
        die("fcntl");
}

/* ---- one request and its answer ---- */

static void ask(struct connection *c, struct tally *t)
{
    if (t->started == t->wanted)
        return;
    const struct request *request = &requests[next_request++ % request_n];
    t->started++;
    c->n = 0;
    c->sent_ns = now_ns(CLOCK_MONOTONIC);
    if (SSL_write(c->ssl, request->p, request->n) != request->n)
        die("write");
}

/* The body's length by the header, which ends before `body`; a header without it fails. */
static size_t content_length(const char *answer, const char *body)
{
    for (const char *line = answer; line < body; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            return strtoul(line + 15, NULL, 10);
    }
    die("no Content-Length");
    return 0;
}

/* True when the answer is whole. */
static bool whole(struct connection *c, struct tally *t)
{
    c->answer[c->n] = '\0';
    char *end = strstr(c->answer, "\r\n\r\n");
    if (end == NULL)
        return false;
    char *body = end + 4;
    size_t length = content_length(c->answer, body);
    size_t have = c->n - (size_t)(body - c->answer);
    if (have < length)
        return false;
    if (have > length)
        die("more bytes than announced");
    bool ok = strncmp(c->answer, "HTTP/1.1 200", 12) == 0;
    t->ok += ok;
    if (!ok && t->other++ == 0)
        fprintf(stderr, "load: first of the others: %.800s\n", c->answer);
    t->body_bytes += (long)length;
    t->bytes += (long)c->n;
    t->us[t->done++] = (uint32_t)((now_ns(CLOCK_MONOTONIC) - c->sent_ns) / 1000);
    return true;
}

static void take(struct connection *c, struct tally *t)
{
    for (;;) {
        int n = SSL_read(c->ssl, c->answer + c->n, (int)(ANSWER_MAX - c->n));
        if (n <= 0) {
            int why = SSL_get_error(c->ssl, n);
            if (why == SSL_ERROR_WANT_READ)
                return;
            die(why == SSL_ERROR_ZERO_RETURN ? "closed by the server" : "read");
        }
        c->n += (size_t)n;
        if (whole(c, t)) {
            ask(c, t);
            return;
        }
    }
}

/* ---- a command ---- */

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void tell(struct tally *t, int64_t wall_ns, int64_t cpu_ns)
{
    qsort(t->us, (size_t)t->done, sizeof *t->us, by_value);
    printf("{\"requests\":%ld,\"ok\":%ld,\"other\":%ld,\"body_bytes\":%ld,\"bytes\":%ld,\"seconds\":%.6f,\"cpu\":%.6f,"
           "\"p50_us\":%u,\"p99_us\":%u}\n",
           t->done, t->ok, t->other, t->body_bytes, t->bytes, (double)wall_ns / 1e9, (double)cpu_ns / 1e9,
           t->us[t->done / 2], t->us[t->done * 99 / 100]);
    fflush(stdout);
}

static void run(int epoll, struct connection *connections, int n, long count, long first)
{
    struct tally t = {.wanted = count};
    struct epoll_event events[CONNECTIONS_MAX];
    t.us = calloc((size_t)count, sizeof *t.us);
    if (t.us == NULL)
        die("memory");
    next_request = first;
    int64_t wall = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < n; i++)
        ask(&connections[i], &t);
    while (t.done < t.wanted) {
        int got = epoll_wait(epoll, events, CONNECTIONS_MAX, WAIT_MS);
        if (got == 0)
            die("no answer in time");
        for (int i = 0; i < got; i++)
            take(events[i].data.ptr, &t);
    }
    tell(&t, now_ns(CLOCK_MONOTONIC) - wall, now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    free(t.us);
}

int main(int argc, char **argv)
{
    static struct connection connections[CONNECTIONS_MAX];
    if (argc != 7 || atoi(argv[5]) < 1 || atoi(argv[5]) > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: load PORT CERT KEY CA CONNECTIONS FILE\n");
        return 2;
    }
    int n = atoi(argv[5]), epoll = epoll_create1(EPOLL_CLOEXEC);
    SSL_CTX *ctx = context(argv);
    read_requests(argv[6]);
    for (int i = 0; i < n; i++) {
        open_connection(&connections[i], ctx, atoi(argv[1]));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) != 0)
            die("epoll");
    }
    puts("ready");
    fflush(stdout);
    long count, first;
    while (scanf("%ld %ld", &count, &first) == 2 && count > 0 && first >= 0)
        run(epoll, connections, n, count, first);
    for (int i = 0; i < n; i++) {
        SSL_free(connections[i].ssl);
        close(connections[i].fd);
        free(connections[i].answer);
    }
    SSL_CTX_free(ctx);
    return 0;
}
