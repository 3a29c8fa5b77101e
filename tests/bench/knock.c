/* Knocks: a client that costs a server handshakes and patience instead of requests.
 *
 *     knock PORT CERT KEY CA KNOCKERS DRIPPERS SECONDS
 *
 * KNOCKERS threads make one full TLS 1.3 handshake after the other with the client certificate and close. One more thread
 * holds DRIPPERS connections and sends each a byte of a request's header every DRIP_MS; what the server closes is made
 * anew. Ends after SECONDS with one line of JSON: handshakes, drips, failed.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KNOCKERS_MAX 64
#define DRIPPERS_MAX 1000
#define DRIP_MS 10

static SSL_CTX *tls;
static int port;
static time_t until;
static atomic_long handshakes, drips, failed;

static void die(const char *what)
{
    fprintf(stderr, "knock: %s\n", what);
    exit(1);
}

static time_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* NULL when the server did not want it. */
static SSL *greet(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *ssl = SSL_new(tls);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || ssl == NULL || SSL_set_fd(ssl, fd) != 1)
        die("a connection");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && SSL_connect(ssl) == 1) {
        handshakes++;
        return ssl;
    }
    failed++;
    close(fd);
    SSL_free(ssl);
    return NULL;
}

static void leave(SSL **ssl)
{
    if (*ssl == NULL)
        return;
    close(SSL_get_fd(*ssl));
    SSL_free(*ssl);
    *ssl = NULL;
}

static void *knock(void *arg)
{
    while (now() < until) {
        SSL *ssl = greet();
        leave(&ssl);
    }
    return arg;
}

static void drip_one(SSL **ssl, long turn)
{
    static const char head[] = "GET /v1/whoami HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ";
    size_t at = (size_t)turn;
    if (*ssl == NULL)
        *ssl = greet();
    if (*ssl == NULL)
        return;
    if (SSL_write(*ssl, at < sizeof head - 1 ? head + at : "x", 1) == 1)
        drips++;
    else
        leave(ssl);
}

static void *drip(void *arg)
{
    static SSL *slow[DRIPPERS_MAX];
    const int n = *(const int *)arg;
    const struct timespec nap = {.tv_nsec = DRIP_MS * 1000000};
    for (long turn = 0; now() < until; turn++) {
        for (int i = 0; i < n; i++)
            drip_one(&slow[i], turn);
        nanosleep(&nap, NULL);
    }
    for (int i = 0; i < n; i++)
        leave(&slow[i]);
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t threads[KNOCKERS_MAX + 1];
    if (argc != 8 || atoi(argv[5]) > KNOCKERS_MAX || atoi(argv[6]) > DRIPPERS_MAX) {
        fprintf(stderr, "usage: knock PORT CERT KEY CA KNOCKERS DRIPPERS SECONDS\n");
        return 2;
    }
    int knockers = atoi(argv[5]), drippers = atoi(argv[6]);
    signal(SIGPIPE, SIG_IGN);
    port = atoi(argv[1]);
    until = now() + atoi(argv[7]);
    tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || SSL_CTX_use_certificate_chain_file(tls, argv[2]) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) != 1 || SSL_CTX_load_verify_file(tls, argv[4]) != 1)
        die("TLS settings");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    for (int i = 0; i <= knockers; i++)
        if (pthread_create(&threads[i], NULL, i < knockers ? knock : drip, &drippers) != 0)
            die("a thread");
    for (int i = 0; i <= knockers; i++)
        pthread_join(threads[i], NULL);
    printf("{\"handshakes\":%ld,\"drips\":%ld,\"failed\":%ld}\n", handshakes, drips, failed);
    return 0;
}
