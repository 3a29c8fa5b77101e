/* Load generator: sends a list of requests in turn over kept-alive TLS 1.3 connections with a client certificate and
 * tells what came back. One thread, one request under way on each connection.
 *
 *     load PORT CERT KEY CA CONNECTIONS FILE
 *
 * FILE holds a path a line, each asked for by GET; or, when its name ends in .requests, whole requests, each behind eight
 * digits that tell its bytes. When all connections stand it prints "ready" and reads commands from standard input, all
 * beginning with request FIRST (from 0) and around the end:
 *
 *     COUNT FIRST          sends COUNT requests, each as soon as a connection is free
 *     COUNT FIRST RATE     sends them at RATE a second whatever the answers do; latency counts from the moment a request
 *                          was due, so that waiting for a free connection is not hidden
 *     flood SECONDS FIRST  sends for so long, and makes connections anew that are closed
 *
 * Each is answered by one line of JSON: requests, ok (status 200), busy (429 and 503), other, body_bytes, bytes, seconds,
 * cpu, p50_us, p99_us, max_us. Connections stay open between commands, so that handshakes are outside of what is
 * measured. Exits 1 when anything fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
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
#define REQUEST_MAX (5 << 20)
#define ANSWER_MAX (4u << 20)
#define WAIT_NS 30000000000
#define SAMPLES_MAX 1000000

struct request {
    char *p;
    int n;
};

struct connection {
    SSL *ssl;
    int fd;
    const struct request *request; /* under way */
    int sent;                      /* bytes of it */
    bool full;                     /* the socket takes no more now */
    size_t n;                      /* bytes of the answer so far */
    int64_t due_ns;
    char *answer;
    struct connection *next;       /* among those that are free */
};

struct tally {
    long wanted, started, done, ok, busy, other, body_bytes, bytes;
    int64_t began_ns, until_ns; /* until: of a flood, else 0 */
    double rate;
    long us_n;
    uint32_t *us; /* latency of each request */
};

static struct request *requests;
static long request_n, next_request;
static struct connection *idle, **idle_end = &idle; /* in turn, so that each is used */
static SSL_CTX *tls;
static int port, poller;

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
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
    return ctx;
}

static void poll_for(struct connection *c, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, how, c->fd, &event) != 0)
        die("epoll");
}

static void open_connection(struct connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->ssl = SSL_new(tls);
    if (c->answer == NULL)
        c->answer = malloc(ANSWER_MAX + 1);
    if (c->ssl == NULL || c->answer == NULL || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
        die("handshake");
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0)
        die("fcntl");
    c->full = false;
    poll_for(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void close_connection(struct connection *c)
{
    SSL_free(c->ssl);
    close(c->fd);
}

static void set_free(struct connection *c)
{
    c->request = NULL;
    c->next = NULL;
    *idle_end = c;
    idle_end = &c->next;
}

/* A server may end what was not used for long; a flood goes on whatever it does to its connections. */
static void lost(struct connection *c, struct tally *t, const char *what)
{
    if (c->request != NULL && t->until_ns == 0)
        die(what);
    close_connection(c);
    open_connection(c);
    if (c->request != NULL) {
        t->done++;
        t->other++;
        set_free(c);
    }
}

/* ---- one request and its answer ---- */

/* False when the connection was lost. */
static bool send_more(struct connection *c, struct tally *t)
{
    bool was_full = c->full;
    c->full = false;
    while (c->sent < c->request->n && !c->full) {
        int n = SSL_write(c->ssl, c->request->p + c->sent, c->request->n - c->sent);
        int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, n);
        if (n > 0) {
            c->sent += n;
        } else if (why == SSL_ERROR_WANT_WRITE) {
            c->full = true;
        } else {
            lost(c, t, "write");
            return false;
        }
    }
    if (c->full != was_full)
        poll_for(c, EPOLL_CTL_MOD, c->full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return true;
}

static void ask(struct tally *t, int64_t due_ns)
{
    struct connection *c = idle;
    idle = c->next;
    if (idle == NULL)
        idle_end = &idle;
    c->request = &requests[next_request++ % request_n];
    t->started++;
    c->n = 0;
    c->sent = 0;
    c->due_ns = due_ns;
    (void)send_more(c, t);
}

static int64_t due(const struct tally *t, long i)
{
    return t->began_ns + (int64_t)((double)i * 1e9 / t->rate);
}

/* Sends what is due as far as connections are free; returns how many nanoseconds may be slept. */
static int64_t ask_due(struct tally *t)
{
    for (;;) {
        int64_t now = now_ns(CLOCK_MONOTONIC);
        int64_t at = t->rate > 0 ? due(t, t->started) : now;
        if (idle == NULL || t->started == t->wanted || (t->until_ns != 0 && now >= t->until_ns))
            return WAIT_NS;
        if (at > now)
            return at - now;
        ask(t, at);
    }
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

static void count(struct connection *c, struct tally *t, size_t length)
{
    int status = atoi(c->answer + strlen("HTTP/1.1 "));
    bool busy = status == 429 || status == 503;
    t->ok += status == 200;
    t->busy += busy;
    if (status != 200 && !busy && t->other++ == 0 && t->until_ns == 0)
        fprintf(stderr, "load: first of the others: %.800s\n", c->answer);
    t->body_bytes += (long)length;
    t->bytes += (long)c->n;
    t->done++;
    if (t->us_n < SAMPLES_MAX)
        t->us[t->us_n++] = (uint32_t)((now_ns(CLOCK_MONOTONIC) - c->due_ns) / 1000);
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
    count(c, t, length);
    return true;
}

static void take(struct connection *c, struct tally *t)
{
    for (;;) {
        int n = SSL_read(c->ssl, c->answer + c->n, (int)(ANSWER_MAX - c->n));
        if (n <= 0) {
            int why = SSL_get_error(c->ssl, n);
            if (why != SSL_ERROR_WANT_READ)
                lost(c, t, why == SSL_ERROR_ZERO_RETURN ? "closed by the server" : "read");
            return;
        }
        c->n += (size_t)n;
        if (c->request == NULL) {
            lost(c, t, "an answer to nothing");
            return;
        }
        if (!whole(c, t))
            continue;
        if (c->sent < c->request->n) /* answered before it was whole: the rest would be taken for the next */
            lost(c, t, "an early answer");
        else
            set_free(c);
        return;
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
    long n = t->us_n;
    qsort(t->us, (size_t)n, sizeof *t->us, by_value);
    printf("{\"requests\":%ld,\"ok\":%ld,\"busy\":%ld,\"other\":%ld,\"body_bytes\":%ld,\"bytes\":%ld,\"seconds\":%.6f,"
           "\"cpu\":%.6f,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n",
           t->done, t->ok, t->busy, t->other, t->body_bytes, t->bytes, (double)wall_ns / 1e9, (double)cpu_ns / 1e9,
           n > 0 ? t->us[n / 2] : 0, n > 0 ? t->us[n * 99 / 100] : 0, n > 0 ? t->us[n - 1] : 0);
    fflush(stdout);
}

static bool goes_on(const struct tally *t)
{
    if (t->until_ns == 0)
        return t->done < t->wanted;
    return t->done < t->started || now_ns(CLOCK_MONOTONIC) < t->until_ns;
}

static void turn(struct tally *t)
{
    struct epoll_event events[CONNECTIONS_MAX];
    int64_t sleep_ns = ask_due(t);
    const struct timespec most = {sleep_ns / 1000000000, sleep_ns % 1000000000};
    int got = epoll_pwait2(poller, events, CONNECTIONS_MAX, &most, NULL);
    if (got == 0 && sleep_ns == WAIT_NS)
        die("no answer in time");
    for (int i = 0; i < got; i++) {
        struct connection *c = events[i].data.ptr;
        bool stands = !(events[i].events & EPOLLOUT) || c->request == NULL || send_more(c, t);
        if (stands && (events[i].events & ~(uint32_t)EPOLLOUT))
            take(c, t);
    }
}

static void run(struct tally *t, long first)
{
    t->us = calloc((size_t)(t->wanted < SAMPLES_MAX ? t->wanted : SAMPLES_MAX), sizeof *t->us);
    if (t->us == NULL)
        die("memory");
    next_request = first;
    int64_t cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    while (goes_on(t))
        turn(t);
    tell(t, now_ns(CLOCK_MONOTONIC) - t->began_ns, now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    free(t->us);
}

static bool command(const char *line)
{
    struct tally t = {.began_ns = now_ns(CLOCK_MONOTONIC)};
    long first = 0;
    double seconds = 0;
    if (sscanf(line, "flood %lf %ld", &seconds, &first) == 2 && seconds > 0) {
        t.wanted = LONG_MAX;
        t.until_ns = t.began_ns + (int64_t)(seconds * 1e9);
    } else if (sscanf(line, "%ld %ld %lf", &t.wanted, &first, &t.rate) < 2 || t.wanted < 1) {
        return false;
    }
    if (first < 0)
        return false;
    run(&t, first);
    return true;
}

int main(int argc, char **argv)
{
    static struct connection connections[CONNECTIONS_MAX];
    char line[100];
    if (argc != 7 || atoi(argv[5]) < 1 || atoi(argv[5]) > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: load PORT CERT KEY CA CONNECTIONS FILE\n");
        return 2;
    }
    int n = atoi(argv[5]);
    signal(SIGPIPE, SIG_IGN);
    port = atoi(argv[1]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    tls = context(argv);
    read_requests(argv[6]);
    for (int i = 0; i < n; i++) {
        open_connection(&connections[i]);
        set_free(&connections[i]);
    }
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL && command(line))
        continue;
    for (int i = 0; i < n; i++) {
        close_connection(&connections[i]);
        free(connections[i].answer);
    }
    SSL_CTX_free(tls);
    return 0;
}
