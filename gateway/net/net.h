/* net: bytes in and out. HTTP/1.1 server with its own strict reader, HTTP client on libcurl, framed messages over TCP
 * in both directions, a pool of workers, timers: all on libuv loops. TLS only through crypto. Knows nothing of routes
 * or meanings.
 *
 * Threads: net_new starts nothing; net_start starts `threads` loop threads (each with its own SO_REUSEPORT
 * listener for every TCP address) and `workers` worker threads, half as many for long work and half as many for TLS
 * handshakes. A handler runs on the loop thread of its connection and must not block; longer work goes through net_work.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/base.h"
#include "crypto/crypto.h"

/* Limits named by the contract (section 2). */
#define NET_HEADER_MAX (16u << 10)
#define NET_BODY_MAX (4u << 20)
#define NET_BODIES_MAX (256ll << 20)        /* of all requests together; above it only small bodies are read, others are
                                             * 503 busy.queue */
#define NET_ANSWER_MAX (64u << 20)         /* body of an answer; a larger one becomes 500 internal */
#define NET_HEADERS_MAX 256                 /* header lines; 431 above */

struct net;
struct net_options {
    int threads, workers;
    int connections;                       /* inbound at most on each listener; more are closed at once */
    int64_t header_ms, body_ms, idle_ms, write_ms, stop_ms;
    int64_t bodies_max;                    /* 0: NET_BODIES_MAX */
};
struct net *net_new(const struct net_options *options);
void net_free(struct net **net);           /* after net_stop, when every request has been answered */

/* ---- server ---------------------------------------------------------------------------------------- */

struct net_request;                        /* one request; lives until its answer is sent */

struct net_header { struct bytes name, value; };     /* name as sent; compare without case */

/* What came. Everything is borrowed until the answer is given. */
const char *net_method(const struct net_request *request);           /* "GET", "HEAD", "POST" … */
const char *net_path(const struct net_request *request);             /* percent-decoded, no query; "//" and ".." kept */
const char *net_query(const struct net_request *request);            /* raw query or "" */
/* Percent-decoded value of a query parameter into the request's arena ("+" stays, as does what is not %XX); NULL
 * when absent. `twice_out` (may be NULL) tells that it came more than once. */
const char *net_parameter(struct net_request *request, const char *name, bool *twice_out);
/* Names in order; returns how many there are, also beyond max. */
size_t net_parameters(struct net_request *request, const char *names_out[], size_t max);
struct bytes net_header_value(const struct net_request *request, const char *name);  /* first; empty when absent */
bool net_header_present(const struct net_request *request, const char *name);
bool net_header_repeated(const struct net_request *request, const char *name);       /* in more than one field */
struct bytes net_body(const struct net_request *request);
struct arena *net_arena(struct net_request *request);                /* of the request */
const char *net_request_id(const struct net_request *request);       /* 32 hex digits, made here */
const char *net_trace_id(const struct net_request *request);         /* 32 hex: from traceparent, else the request id */
const char *net_remote(const struct net_request *request);           /* "127.0.0.1:50000", "unix" */
int net_listener_tag(const struct net_request *request);             /* as given to net_listen_* */
/* TLS identity: SHA-256 of the client's SPKI, or NULL on plain and Unix listeners. */
const uint8_t *net_peer_digest(const struct net_request *request);
int64_t net_peer_not_after(const struct net_request *request);
/* Unix socket: uid of the other end; false elsewhere. */
bool net_peer_uid(const struct net_request *request, uint32_t *uid_out);
/* A number the caller keeps with the connection between requests (0 at first), e.g. a partner's slot for
 * counting connections; `net_on_close` is told it when the connection ends. */
uint64_t net_connection_mark(const struct net_request *request);
void net_connection_set_mark(struct net_request *request, uint64_t mark);

/* The answer, exactly once per request, from the loop thread or any other; `body` and headers are copied. HEAD,
 * Content-Length, Date, Connection and X-Request-Id are written here. After the call the request must not be
 * used. A request whose client has gone is answered as any other. */
struct net_reply {
    int status;
    const char *media_type;                /* NULL: none */
    struct net_header headers[12];         /* further ones */
    size_t header_n;
    struct bytes body;
    bool close;                            /* end the connection behind it */
    bool rest;                             /* for a moment (at most 100 ms) read nothing more from it */
};
void net_answer(struct net_request *request, const struct net_reply *reply);

/* Must see to it that net_answer is called in the end: net sets no deadline while a handler has the request. */
typedef void net_handler(struct net_request *request, void *arg);
/* The reader refused a request (400, 408, 413, 414, 431, 501, 505): the callee writes the body of the answer
 * into out (media type application/problem+json). request_id and err are given. */
typedef void net_error_body(enum err_code code, const char *detail, const char *request_id, struct buf *out, void *arg);
/* The connection with this mark (never 0) has ended and its last request is answered. */
typedef void net_closed(uint64_t mark, void *arg);

struct net_service {
    net_handler *handler;
    net_error_body *error_body;
    net_closed *closed;                    /* may be NULL */
    void *arg;
    int64_t body_max;                      /* ≤ NET_BODY_MAX */
};
/* Listeners are added before net_start. `address` is host:port, port 0 picks one (all threads share it);
 * port_out may be NULL. tls NULL means plain. */
bool net_listen_tcp(struct net *net, const char *address, struct crypto_tls *tls, int tag,
                    const struct net_service *service, int *port_out, struct err *err);
/* As net_listen_tcp, but what comes is frames: NET_FRAME_DIGITS ASCII digits of a length from 1 to body_max, then as
 * many bytes. The handler is given each as a request with method "FRAME", path "/" and the bytes as body, one at a
 * time; net_answer sends the reply's body as a frame, `close` counts, the rest does not; an empty body sends nothing and
 * ends the connection. Anything but a frame ends the connection without an answer; header_ms holds for the digits,
 * body_ms for the bytes. error_body is not used. */
#define NET_FRAME_DIGITS 8
bool net_listen_frames(struct net *net, const char *address, struct crypto_tls *tls, int tag,
                       const struct net_service *service, int *port_out, struct err *err);
/* Whether nobody outside this machine reaches the address; config.value otherwise. */
bool net_loopback(const char *address, struct err *err);
bool net_listen_unix(struct net *net, const char *path, int tag, const struct net_service *service, struct err *err);
/* New connections use this context from now on; running ones re-judge their peer against it at each request
 * (crypto_session_peer_still_good) and are closed when it fails. */
void net_replace_tls(struct net *net, int tag, struct crypto_tls *tls);
bool net_start(struct net *net, struct err *err);
/* Stops accepting, lets requests under way end within stop_ms, closes everything, runs all work that was accepted,
 * ends outgoing exchanges with busy.stopping, joins all threads. Not from a thread of net. */
void net_stop(struct net *net);

/* ---- workers and timers ---------------------------------------------------------------------------- */

/* Runs work(arg) on a worker. `queue` names a bounded queue (such as one per partner; 0 … 1023), served round
 * robin by CPU time: whose work costs more than a millisecond lets others go first; false when it is full (busy.queue)
 * or net is stopping (busy.stopping). */
typedef void net_work_fn(void *arg);
bool net_work(struct net *net, unsigned queue, net_work_fn *work, void *arg, struct err *err);
/* The same for what is known to take longer, such as a large body: on threads of its own (half as many, at least one)
 * with less scheduling weight, so that short work need not wait for it. */
bool net_work_long(struct net *net, unsigned queue, net_work_fn *work, void *arg, struct err *err);
#define NET_WORK_QUEUE_MAX 256

/* Calls fn(arg) on the first loop every `every_ms`, the first time after `first_ms`. Before net_start. */
typedef void net_tick(void *arg);
void net_every(struct net *net, int64_t first_ms, int64_t every_ms, net_tick *fn, void *arg);

/* ---- client ---------------------------------------------------------------------------------------- */

/* One outgoing exchange; everything is copied by net_fetch. */
struct net_fetch_request {
    const char *method, *url;
    const char *const *headers;            /* "Name: value", NULL-terminated; may be NULL */
    struct bytes body;
    const char *cert, *key, *ca;           /* PEM files; NULL cert: no client identity */
    int64_t connect_ms, total_ms;          /* deadlines */
    int64_t body_max;                      /* answers larger than this fail with client.too_large */
    bool once;                             /* a body goes out once: where a kept connection ends without an answer, the
                                              exchange fails as sent instead of being tried on a new one */
};
struct net_fetch_result {
    bool ok;                               /* an HTTP answer came, whatever its status */
    struct err err;                        /* when not ok: client.connect, timeout, tls, too_large */
    bool sent;                             /* the request may have reached the other side */
    int status;
    const char *headers;                   /* raw header block, NUL-terminated */
    struct bytes body;                     /* borrowed during the callback */
};
typedef void net_fetch_done(const struct net_fetch_result *result, void *arg);
#define NET_FETCH_MAX 512                  /* exchanges under way; busy.queue above */
/* Starts it from any thread; when it returned true, `done` runs once, on the first loop's thread. Redirects are
 * not followed; HTTP(S) only; no proxy, no environment; TLS 1.2+; connections are reused per (host, identity). */
bool net_fetch_start(struct net *net, const struct net_fetch_request *request, net_fetch_done *done, void *arg,
                     struct err *err);
/* Blocking form for tools without a running loop (pledgectl): unix_socket may be NULL. The result is copied into
 * the arena. */
bool net_fetch_wait(const struct net_fetch_request *request, const char *unix_socket, struct arena *arena,
                    struct net_fetch_result *result_out);

/* One outgoing framed exchange: connect, TLS, one frame there, one frame back, end. Everything is copied or read by
 * net_frame_start. */
struct net_frame_request {
    const char *address;                   /* host:port; the host must stand in the server's certificate */
    unsigned digits;                       /* of length before the bytes, both ways; 1 to 10 */
    struct bytes body;
    const char *cert, *key, *ca;           /* PEM files; NULL cert: no client identity */
    int64_t connect_ms, total_ms;          /* deadlines: until the handshake is over, of the whole */
    int64_t body_max;                      /* larger answers fail with client.too_large */
};
#define NET_FRAMES_MAX 256                 /* under way; busy.queue above */
/* As net_fetch_start: the result's body is the answering frame's bytes, status is 0. frame.length when the body does
 * not fit or the answer is no frame. `sent` is false when the other side refused our certificate by a TLS alert. */
bool net_frame_start(struct net *net, const struct net_frame_request *request, net_fetch_done *done, void *arg,
                     struct err *err);

/* ---- the reader alone, for tests and fuzzing --------------------------------------------------------- */

/* Feeds bytes of one connection to the reader without network: calls handler for each whole request and
 * returns false with the error that would close the connection. */
struct net_reader;
struct net_reader *net_reader_new(const struct net_service *service);
struct net_reader *net_reader_new_frames(const struct net_service *service);     /* of frames instead */
void net_reader_free(struct net_reader **reader);
bool net_reader_feed(struct net_reader *reader, struct bytes in, struct err *err);

#endif
