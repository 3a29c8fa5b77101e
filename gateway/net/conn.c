/* conn: the life of a connection: accepted, pumped, ended. How bytes move is in wire.c. */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/conn.h"
#include "net/wire.h"

#define LINGER_MS 2000
#define BODY_SMALL (64u << 10)             /* read however many others are held: questions get through */

/* ---- requests of a loop ----------------------------------------------------------------------------- */

static struct net_request *take_request(struct conn *conn)
{
    struct loop *loop = conn->loop;
    struct net_request *request = loop->pool;
    if (request) {
        loop->pool = request->next;
        loop->pool_n--;
    } else {
        request = request_new();
    }
    request->next = NULL;
    request->conn = conn;
    request->service = &conn->door->listener->service;
    if (conn->door->listener->framed)
        request_make_framed(request);
    return request;
}

static void drop_request(struct conn *conn)
{
    struct loop *loop = conn->loop;
    struct net_request *request = conn->request;
    atomic_fetch_sub(&loop->net->bodies, conn->body_counted);
    conn->body_counted = 0;
    conn->request = NULL;
    conn->handed = false;
    conn->answer_at = 0;
    if (!request)
        return;
    if (loop_own() == loop && loop->pool_n < POOL_MAX) {
        request_reset(request);
        request->next = loop->pool;
        loop->pool = request;
        loop->pool_n++;
    } else {
        request_free(&request);
    }
}

/* ---- end -------------------------------------------------------------------------------------------- */

void conn_release(struct conn *conn)
{
    struct listener *listener = conn->door->listener;
    drop_request(conn);
    if (conn->mark && listener->service.closed)
        listener->service.closed(conn->mark, listener->service.arg);
    crypto_session_free(&conn->session);
    buf_free(&conn->held);
    buf_free(&conn->out);
    buf_free(&conn->flight);
    free(conn);
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    struct loop *loop = conn->loop;
    conn->closed = true;
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        loop->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    atomic_fetch_sub(&conn->door->listener->open, 1);
    metric_add(METRIC_CONNECTIONS, -1);
    /* a request that the handler still has keeps the struct, and so does a handshake */
    if (!conn->greeting && (!conn->handed || conn->request->answered))
        conn_release(conn);
    loop_conn_closed(loop);
}

void conn_close(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    uv_close(&conn->uv.handle, on_closed);
}

/* Sends what waits and closes: first our direction, the whole when the other side has closed too, because closing
 * a socket with unread input would destroy the answer on its way. */
static void end(struct conn *conn)
{
    if (conn->ending)
        return;
    conn->ending = true;
    if (conn->session)
        crypto_session_close(conn->session);
}

static void start_linger(struct conn *conn)
{
    uv_os_fd_t fd;
    if (conn->eof || conn->loop->cut || uv_fileno(&conn->uv.handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        conn_close(conn);
        return;
    }
    conn->phase = PHASE_LINGER;
    conn->deadline = loop_now(conn->loop) + LINGER_MS;
    wire_want_read(conn, true);
}

/* ---- requests and answers --------------------------------------------------------------------------- */

/* Who sends no frame could not read one as an answer: that connection only ends. */
static void refuse(struct conn *conn, const struct err *err)
{
    struct net_request *request = conn->request;
    metric_add(err->code == ERR_HTTP_TIMEOUT ? METRIC_HTTP_TIMEOUT : METRIC_HTTP_REFUSED, 1);
    loop_make_id(conn->loop, request->id);
    log_event(LOG_INFO, request->framed ? "frame.refused" : "http.refused",
              "code=%s place=\"%s\" text=\"%s\" remote=%s request=%s", err_info(err->code)->code, err->place,
              err->detail, conn->remote, request->id);
    if (request->framed) {
        end(conn);
        return;
    }
    answer_refused(request, err);
    conn->handed = true;
}

/* True while the TLS peer is still acceptable to the context now in force; asked at each request, computed
 * again when the context or the second has changed. */
static bool peer_good(struct conn *conn)
{
    if (!conn->session)
        return true;
    struct crypto_tls *tls = door_tls(conn->door);
    int64_t now = clock_wall_ms();
    if (conn->judged_generation == conn->door->generation && conn->judged_s == now / 1000)
        return true;
    conn->judged_generation = conn->door->generation;
    conn->judged_s = now / 1000;
    return crypto_session_peer_still_good(conn->session, tls, now);
}

static void hand_over(struct conn *conn)
{
    struct net_request *request = conn->request;
    if (!peer_good(conn)) {
        log_event(LOG_NOTICE, "tls.peer_refused", "remote=%s", conn->remote);
        end(conn);
        return;
    }
    loop_make_id(conn->loop, request->id);
    request_trace(request);
    conn->handed = true;
    request->service->handler(request, request->service->arg);
}

/* The next piece of the answer; false when the socket is full. */
static bool send_answer(struct conn *conn)
{
    struct net_request *request = conn->request;
    struct bytes answer = buf_bytes(&request->answer);
    if (!wire_room(conn))
        return false;
    size_t n = answer.n - conn->answer_at;
    n = n < WIRE_SLICE ? n : WIRE_SLICE;
    if (!wire_put(conn, bytes_of(answer.p + conn->answer_at, n)))
        return false;
    conn->answer_at += n;
    if (conn->answer_at < answer.n)
        return true;
    bool close = request->close;
    conn->resting = request->rest;
    conn->served++;
    drop_request(conn);
    if (close)
        end(conn);
    return true;
}

/* False when a large body meets more than all bodies together may take: else a few thousand connections could
 * have the memory of the machine. */
static bool count_body(struct conn *conn, struct err *err)
{
    struct net *net = conn->loop->net;
    int64_t more = (int64_t)conn->request->body.n - conn->body_counted;
    if (more == 0)
        return true;
    conn->body_counted += more;
    int64_t all = atomic_fetch_add(&net->bodies, more) + more;
    if (all <= net->options.bodies_max || conn->body_counted <= BODY_SMALL)
        return true;
    return err_set(err, ERR_BUSY_QUEUE, "body", "the bodies of all requests take more than %lld bytes",
                   (long long)net->options.bodies_max);
}

static bool read_input(struct conn *conn)
{
    struct err err = {0};
    size_t used;
    if (conn->in.n == 0 && !wire_take(conn))
        return false;
    if (!conn->request)
        conn->request = take_request(conn);
    enum read_event event = request_read(conn->request, conn->in, &used, &err);
    conn->in.p += used;
    conn->in.n -= used;
    if (event != READ_REFUSED && !count_body(conn, &err))
        event = READ_REFUSED;
    if (event == READ_CONTINUE)
        return wire_put(conn, BYTES_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
    if (event == READ_REFUSED)
        refuse(conn, &err);
    else if (event == READ_REQUEST)
        hand_over(conn);
    return true;
}

/* One step; false when nothing more can be done now. */
static bool step(struct conn *conn)
{
    if (conn->closing || conn->ending || conn->greeting)
        return false;
    if (conn->handed)
        return conn->request->answered && send_answer(conn);
    return !conn->resting && read_input(conn);
}

static int64_t phase_ms(const struct conn *conn, enum phase phase)
{
    const struct net_options *options = &conn->loop->net->options;
    switch (phase) {
    case PHASE_OPEN:
    case PHASE_HEADER:
        return options->header_ms;
    case PHASE_BODY:
        return options->body_ms;
    case PHASE_IDLE:
        return options->idle_ms;
    case PHASE_ANSWER:
    case PHASE_LINGER:
        break;
    }
    return 0;
}

static enum phase phase_now(const struct conn *conn)
{
    if (conn->handed)
        return PHASE_ANSWER;
    if (conn->request && request_begun(conn->request))
        return conn->request->state <= READ_FIELDS ? PHASE_HEADER : PHASE_BODY;
    return conn->served > 0 ? PHASE_IDLE : PHASE_OPEN;
}

/* A deadline is absolute: it starts with the phase and nothing that trickles in moves it. The header of the
 * first request has what is left of the time since the connection was made. */
static void set_phase(struct conn *conn)
{
    enum phase phase = phase_now(conn);
    if (phase == conn->phase && conn->served == conn->phase_served)
        return;
    bool first_header = phase == PHASE_HEADER && conn->phase == PHASE_OPEN;
    conn->phase = phase;
    conn->phase_served = conn->served;
    if (!first_header)
        conn->deadline = phase == PHASE_ANSWER ? 0 : loop_now(conn->loop) + phase_ms(conn, phase);
}

/* Brings everything outside in line with where the connection stands. */
static void settle(struct conn *conn)
{
    if (conn->greeting) {
        wire_want_read(conn, false);
        return;
    }
    wire_flush(conn);
    if (conn->closing || conn->phase == PHASE_LINGER)
        return;
    if (conn->ending) {
        if (!conn->writing)
            start_linger(conn);
        return;
    }
    bool done = conn->eof || (conn->loop->stopping && !(conn->request && request_begun(conn->request)));
    if (done && conn->starving && !conn->handed && !conn->writing) {
        if (conn->eof)
            conn_close(conn);
        else
            conn_drain(conn);
        return;
    }
    wire_hold(conn);
    wire_want_read(conn, !conn->resting && wire_hungry(conn));
    set_phase(conn);
}

/* ---- acceptance ------------------------------------------------------------------------------------- */

static void name_tcp(struct conn *conn)
{
    struct sockaddr_storage address = {0}; /* who is gone already has none */
    int n = sizeof address;
    char host[48] = "?";
    int port = 0;
    uv_tcp_nodelay(&conn->uv.tcp, 1);
    if (uv_tcp_getpeername(&conn->uv.tcp, (struct sockaddr *)&address, &n) == 0) {
        uv_ip_name((const struct sockaddr *)&address, host, sizeof host);
        port = ntohs(address.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&address)->sin6_port
                                                   : ((const struct sockaddr_in *)&address)->sin_port);
    }
    snprintf(conn->remote, sizeof conn->remote, address.ss_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, port);
}

static void name_unix(struct conn *conn)
{
    struct ucred who;
    socklen_t n = sizeof who;
    uv_os_fd_t fd;
    snprintf(conn->remote, sizeof conn->remote, "unix");
    if (uv_fileno(&conn->uv.handle, &fd) == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0) {
        conn->has_uid = true;
        conn->uid = who.uid;
    }
}

static struct conn *new_conn(struct door *door)
{
    struct conn *conn = xcalloc(1, sizeof *conn);
    conn->loop = door->loop;
    conn->door = door;
    conn->starving = true;
    buf_init(&conn->held, WIRE_SIZE);
    buf_init(&conn->out, WIRE_OUT_MAX);
    buf_init(&conn->flight, WIRE_OUT_MAX);
    if (door->listener->path)
        uv_pipe_init(&door->loop->uv, &conn->uv.pipe, 0);
    else
        uv_tcp_init(&door->loop->uv, &conn->uv.tcp);
    conn->uv.handle.data = conn;
    conn->next = door->loop->conns;
    if (conn->next)
        conn->next->prev = conn;
    door->loop->conns = conn;
    metric_add(METRIC_CONNECTIONS, 1);
    loop_conn_opened(door->loop);
    return conn;
}

void conn_open(struct door *door)
{
    struct listener *listener = door->listener;
    struct conn *conn = new_conn(door);
    int before = atomic_fetch_add(&listener->open, 1);
    if (uv_accept(&door->uv.stream, &conn->uv.stream) != 0) {
        conn_close(conn);
        return;
    }
    if (before >= door->loop->net->options.connections) {
        if (loop_may_complain(door->loop))
            log_event(LOG_WARN, "http.connections", "limit=%d tag=%d", before, listener->tag);
        conn_close(conn);
        return;
    }
    if (listener->path)
        name_unix(conn);
    else
        name_tcp(conn);
    if (listener->secure)
        conn->session = crypto_session_new(door_tls(door));
    conn->deadline = loop_now(conn->loop) + phase_ms(conn, PHASE_OPEN);
    wire_want_read(conn, true);
}

/* ---- the pump --------------------------------------------------------------------------------------- */

void conn_pump(struct conn *conn)
{
    struct conn *outer = conn->loop->current;
    conn->loop->current = conn;
    while (step(conn))
        continue;
    settle(conn);
    conn->loop->current = outer;
}

/* On the loop's thread, or on any when the loop has ended. */
static void on_answered(struct post *post)
{
    struct conn *conn = (struct conn *)((char *)post - offsetof(struct conn, post));
    conn->request->answered = true;
    if (conn->closed)
        conn_release(conn);
    else if (!conn->closing)
        conn_pump(conn);
}

void net_answer(struct net_request *request, const struct net_reply *reply)
{
    struct conn *conn = request->conn;
    answer_write(request, reply, conn && atomic_load(&conn->loop->net->stopping));
    metric_add(METRIC_HTTP_REQUESTS, 1);
    if (!conn)
        return;
    /* within its own handler the pump goes on by itself; from anywhere else the loop's queue brings it, so that
     * no connection is pumped while another is */
    if (loop_own() == conn->loop && conn->loop->current == conn) {
        request->answered = true;
        return;
    }
    conn->post.run = on_answered;
    loop_post(conn->loop, &conn->post);
}

/* ---- from the loop ---------------------------------------------------------------------------------- */

void conn_drain(struct conn *conn)
{
    if (conn->closing || conn->handed || (conn->request && request_begun(conn->request)))
        return;
    if (conn->greeting) {
        conn_close(conn);
    } else if (!conn->ending) {
        end(conn);
        conn_pump(conn);
    }
}

static void time_out(struct conn *conn)
{
    struct err err = {0};
    if (conn->greeting) {
        metric_add(METRIC_HTTP_TIMEOUT, 1);
        conn_close(conn);
        return;
    }
    bool speaks = !conn->session || conn->ready;
    if (!speaks || !conn->request || !request_begun(conn->request)) {
        if (conn->phase != PHASE_IDLE)
            metric_add(METRIC_HTTP_TIMEOUT, 1);
        end(conn);
    } else {
        const char *first = conn->request->framed ? "length" : "header";
        err_set(&err, ERR_HTTP_TIMEOUT, conn->phase == PHASE_BODY ? "body" : first, "after %lld ms",
                (long long)phase_ms(conn, conn->phase));
        refuse(conn, &err);
    }
    conn_pump(conn);
}

static void wake(struct conn *conn)
{
    conn->resting = false;
    conn_pump(conn);
}

void conn_check_deadline(struct conn *conn, int64_t now)
{
    if (conn->resting && !conn->closing)
        wake(conn);
    if (conn->closing)
        return;
    if (conn->writing && now >= conn->write_deadline) {
        metric_add(METRIC_HTTP_TIMEOUT, 1);
        log_event(LOG_INFO, "http.slow_reader", "remote=%s", conn->remote);
        conn_close(conn);
    } else if (conn->deadline && now >= conn->deadline) {
        conn->deadline = 0;
        if (conn->phase == PHASE_LINGER)
            conn_close(conn);
        else if (!conn->ending)
            time_out(conn);
    }
}
