/* conn: one inbound connection. Private to net.
 *
 * It turns bytes into requests and answers into bytes, one request after another, so that pipelined answers
 * keep their order. It lives on one loop; only its request may be seen by other threads. The struct stays until
 * its handle is closed and its request is answered.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/loop.h"
#include "net/request.h"

enum phase {
    PHASE_OPEN,                            /* accepted, nothing whole yet */
    PHASE_IDLE,
    PHASE_HEADER,
    PHASE_BODY,
    PHASE_ANSWER,                          /* the handler has the request: no deadline of ours */
    PHASE_LINGER                           /* our side is shut; reading until the other side is */
};

struct conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct conn *next, *prev;
    struct loop *loop;
    struct door *door;
    struct crypto_session *session;        /* NULL on plain and Unix listeners */
    struct post post;                      /* brings an answer from another thread */

    struct net_request *request;           /* the one being read or answered; NULL when idle */
    bool handed;                           /* the handler has it, or its answer is being sent */
    size_t answer_at;                      /* bytes of the answer already taken */
    int64_t body_counted;                  /* bytes of the request's body among net's */

    bool greeting;                         /* a greeter has the session: nobody else may touch it */
    bool greeted;                          /* the handshake has seen all that came */
    bool resting;                          /* until the next sweep: its last request was one too many */
    bool starving;                         /* nothing left to read from: a read from the socket is wanted */
    bool peeked;                           /* read although not starving; once is enough */
    bool gulped;                           /* the last read filled its buffer */
    bool reading;                          /* uv_read_start is on */
    bool eof, ready, ending, closing, closed;
    struct bytes in;                       /* plain bytes not yet read */
    struct buf held;                       /* keeps `in` between turns of the loop */

    bool writing;
    uv_write_t write;
    struct buf out, flight;                /* plain output waiting; bytes that uv is writing */

    enum phase phase;
    uint64_t served, phase_served;         /* requests so far, and when the phase began */
    int64_t deadline, write_deadline;      /* monotonic ms; 0: none */

    unsigned judged_generation;
    int64_t judged_s;                      /* second of the last judgement of the peer */
    bool has_peer, has_uid;
    uint8_t peer[CRYPTO_DIGEST_SIZE];
    int64_t peer_not_after;
    uint32_t uid;
    uint64_t mark;
    char remote[64];
};

/* greet.c: the next part of the handshake, on another thread; conn_pump follows. */
void conn_greet(struct conn *conn);

void conn_release(struct conn *conn);      /* frees it, when nobody needs it any more */
void conn_open(struct door *door);         /* accepts what waits at the door */
/* For the loop: once per sweep; when stopping; at once. */
void conn_check_deadline(struct conn *conn, int64_t now);
void conn_drain(struct conn *conn);
void conn_close(struct conn *conn);

#endif
