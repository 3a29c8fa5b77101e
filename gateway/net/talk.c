/* talk: outgoing framed exchanges side by side on the first loop. Each has a connection of its own: name, connect,
 * handshake, one frame there, one frame back, end. Its owner is told before the handles are closed; the last one frees it. */
#include <stdio.h>
#include <stdlib.h>

#include "net/frame.h"
#include "net/loop.h"

#define SLICE (256u << 10)                 /* ciphertext that waits for a full socket */
#define PORT_SIZE 32

struct talk {
    struct post post;                      /* first: brings it to the loop */
    struct talks *talks;
    struct talk *next, *prev;              /* while it runs */
    net_fetch_done *done;
    void *arg;

    char host[ADDRESS_HOST_SIZE], port[PORT_SIZE];
    int64_t connect_ms, total_ms, started;
    struct crypto_tls *tls;
    struct crypto_session *session;
    struct buf out, flight, body;          /* our frame; ciphertext that uv writes; what came back */
    struct frame frame;                    /* the answer's */

    int holds;                             /* the lookup and the handles that uv still has */
    uv_getaddrinfo_t lookup;
    struct addrinfo *addresses, *at;
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    uv_timer_t timer;
    bool looking, given, sent, writing, deaf, ended;
    int failure;                           /* uv's code of the last address tried */
};

struct talks {
    struct loop *loop;
    struct talk *running;
    bool open;
    atomic_bool closed;
    atomic_int n;                          /* from start to free */
};

/* ---- end -------------------------------------------------------------------------------------------- */

static void free_talk(struct talk *talk)
{
    atomic_fetch_sub(&talk->talks->n, 1);
    crypto_session_free(&talk->session);
    crypto_tls_free(&talk->tls);
    buf_free(&talk->out);
    buf_free(&talk->flight);
    buf_free(&talk->body);
    if (talk->addresses)
        uv_freeaddrinfo(talk->addresses);
    free(talk);
}

static void let_go(struct talk *talk)
{
    if (--talk->holds == 0 && talk->ended)
        free_talk(talk);
}

static void on_timer_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

static void try_next(struct talk *talk);

static void on_tcp_closed(uv_handle_t *handle)
{
    struct talk *talk = handle->data;
    if (!talk->ended)
        try_next(talk);
    let_go(talk);
}

static void close_handle(void *handle, uv_close_cb then)
{
    if (!uv_is_closing(handle))
        uv_close(handle, then);
}

static void unlink_talk(struct talk *talk)
{
    if (talk->prev)
        talk->prev->next = talk->next;
    else
        talk->talks->running = talk->next;
    if (talk->next)
        talk->next->prev = talk->prev;
}

/* What the session still has to say, such as an alert, goes out if the socket takes it now. */
static void say_goodbye(struct talk *talk)
{
    if (!talk->session || talk->writing)
        return;
    crypto_session_close(talk->session);
    struct bytes last = crypto_session_pending(talk->session);
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)last.p, (unsigned)last.n);
    if (last.n > 0)
        (void)uv_try_write((uv_stream_t *)&talk->tcp, &buf, 1);
}

static void tell(struct talk *talk, const struct err *err)
{
    struct net_fetch_result result = {.ok = !err, .sent = talk->sent, .headers = ""};
    if (err)
        result.err = *err;
    else
        result.body = buf_bytes(&talk->body);
    talk->done(&result, talk->arg);
}

/* err NULL: the answer is whole. */
static void end(struct talk *talk, const struct err *err)
{
    if (talk->ended)
        return;
    say_goodbye(talk);
    talk->ended = true;
    unlink_talk(talk);
    tell(talk, err);
    if (talk->looking)
        uv_cancel((uv_req_t *)&talk->lookup);
    if (talk->at)
        close_handle(&talk->tcp, on_tcp_closed);
    close_handle(&talk->timer, on_timer_closed);
}

__attribute__((format(printf, 3, 4))) static void fail(struct talk *talk, enum err_code code, const char *format, ...)
{
    struct err err = {0};
    char place[ADDRESS_HOST_SIZE + PORT_SIZE + 4];
    va_list args;
    snprintf(place, sizeof place, strchr(talk->host, ':') ? "[%s]:%s" : "%s:%s", talk->host, talk->port);
    va_start(args, format);
    err_set_v(&err, code, place, format, args);
    va_end(args);
    end(talk, &err);
}

/* ---- out -------------------------------------------------------------------------------------------- */

static void flush(struct talk *talk);

/* When the other side takes no more, reading tells why: an alert or an answer may be on its way. */
static void on_written(uv_write_t *write, int status)
{
    struct talk *talk = write->data;
    talk->writing = false;
    buf_free(&talk->flight);
    talk->deaf = talk->deaf || status != 0;
    if (!talk->ended)
        flush(talk);
}

static void write_later(struct talk *talk, struct bytes rest)
{
    size_t n = rest.n < SLICE ? rest.n : SLICE;
    buf_put(&talk->flight, rest.p, n);
    uv_buf_t buf = uv_buf_init((char *)talk->flight.p, (unsigned)n);
    talk->write.data = talk;
    talk->writing = uv_write(&talk->write, (uv_stream_t *)&talk->tcp, &buf, 1, on_written) == 0;
    talk->deaf = !talk->writing;
    crypto_session_sent(talk->session, n);
}

static void flush(struct talk *talk)
{
    struct bytes all = crypto_session_pending(talk->session);
    while (all.n > 0 && !talk->writing && !talk->deaf) {
        uv_buf_t buf = uv_buf_init((char *)(uintptr_t)all.p, (unsigned)all.n);
        int n = uv_try_write((uv_stream_t *)&talk->tcp, &buf, 1);
        talk->sent = talk->sent || (talk->given && n != 0);
        if (n > 0)
            crypto_session_sent(talk->session, (size_t)n);
        else if (n == UV_EAGAIN)
            write_later(talk, all);
        else
            talk->deaf = true;
        all = crypto_session_pending(talk->session);
    }
}

/* ---- in --------------------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct talk *talk = timer->data;
    bool all = talk->given || talk->total_ms < talk->connect_ms;
    fail(talk, ERR_CLIENT_TIMEOUT, "after %lld ms", (long long)(all ? talk->total_ms : talk->connect_ms));
}

static void set_timer(struct talk *talk, int64_t ms)
{
    int64_t left = talk->started + ms - loop_now(talk->talks->loop);
    uv_timer_start(&talk->timer, on_timer, (uint64_t)(left > 0 ? left : 0), 0);
}

/* The handshake is over: our frame follows. */
static void give_frame(struct talk *talk)
{
    talk->given = true;
    set_timer(talk, talk->total_ms);
    if (crypto_session_write(talk->session, buf_bytes(&talk->out)) == CRYPTO_IO_OK)
        buf_free(&talk->out);
    else
        fail(talk, ERR_CLIENT_TLS, "%s", crypto_session_failure(talk->session));
}

static void take(struct talk *talk, struct bytes in)
{
    struct err err = {0};
    size_t used;
    switch (frame_read(&talk->frame, in, &talk->body, &used, &err)) {
    case FRAME_WHOLE:
        end(talk, NULL);
        break;
    case FRAME_REFUSED:
        fail(talk, frame_too_long(&talk->frame) ? ERR_CLIENT_TOO_LARGE : ERR_FRAME_LENGTH, "%s", err.detail);
        break;
    case FRAME_MORE:
        break;
    }
}

/* One read of the session; false when it wants more from the network. */
static bool read_session(struct talk *talk)
{
    struct loop *loop = talk->talks->loop;
    size_t n;
    enum crypto_io io = crypto_session_read(talk->session, loop->plain, PLAIN_SIZE, &n);
    if (!talk->given && crypto_session_ready(talk->session))
        give_frame(talk);
    if (talk->ended)
        return false;
    if (io == CRYPTO_IO_OK) {
        take(talk, bytes_of(loop->plain, n));
    } else if (io == CRYPTO_IO_CLOSED) {
        fail(talk, ERR_CLIENT_CONNECT, "the connection ended before the answer");
    } else if (io == CRYPTO_IO_FAILED) {
        talk->sent = talk->sent && !crypto_session_refused(talk->session);
        fail(talk, ERR_CLIENT_TLS, "%s", crypto_session_failure(talk->session));
    }
    return io == CRYPTO_IO_OK;
}

static void pump(struct talk *talk)
{
    while (!talk->ended && read_session(talk))
        continue;
    if (!talk->ended)
        flush(talk);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct talk *talk = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)talk->talks->loop->wire, WIRE_SIZE);
}

/* A reset right behind the handshake may have overtaken the alert that tells of our certificate. */
static void lose(struct talk *talk, ssize_t code)
{
    if (code != UV_EOF && talk->given && talk->frame.digit_n == 0)
        fail(talk, ERR_CLIENT_TLS, "%s; ended behind the handshake: it may not accept our certificate",
             uv_strerror((int)code));
    else
        fail(talk, ERR_CLIENT_CONNECT, "the connection ended before the answer");
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct talk *talk = stream->data;
    if (talk->ended || n == 0)
        return;
    if (n < 0)
        lose(talk, n);
    else if (crypto_session_feed(talk->session, bytes_of(buf->base, (size_t)n)))
        pump(talk);
    else
        fail(talk, ERR_CLIENT_TLS, "more than a session takes");
}

/* ---- connection ------------------------------------------------------------------------------------- */

static void begin_session(struct talk *talk)
{
    struct err err = {0};
    uv_tcp_nodelay(&talk->tcp, 1);
    talk->session = crypto_session_connect(talk->tls, talk->host, &err);
    if (!talk->session)
        end(talk, &err);
    else if (uv_read_start((uv_stream_t *)&talk->tcp, on_alloc, on_read) != 0)
        fail(talk, ERR_CLIENT_CONNECT, "the connection ended before the answer");
    else
        pump(talk);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct talk *talk = connect->data;
    if (talk->ended)
        return;
    if (status == 0) {
        begin_session(talk);
        return;
    }
    talk->failure = status;
    close_handle(&talk->tcp, on_tcp_closed);
}

/* The next address of the host. */
static void try_next(struct talk *talk)
{
    struct loop *loop = talk->talks->loop;
    talk->at = talk->at ? talk->at->ai_next : talk->addresses;
    if (!talk->at) {
        fail(talk, ERR_CLIENT_CONNECT, "%s", uv_strerror(talk->failure));
        return;
    }
    uv_tcp_init(&loop->uv, &talk->tcp);
    talk->tcp.data = talk->connect.data = talk;
    talk->holds++;
    talk->failure = uv_tcp_connect(&talk->connect, &talk->tcp, talk->at->ai_addr, on_connected);
    if (talk->failure != 0)
        close_handle(&talk->tcp, on_tcp_closed);
}

static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
    struct talk *talk = lookup->data;
    talk->looking = false;
    talk->addresses = addresses;
    if (!talk->ended && status != 0)
        fail(talk, ERR_CLIENT_CONNECT, "%s", uv_strerror(status));
    else if (!talk->ended)
        try_next(talk);
    let_go(talk);
}

static void look_up(struct talk *talk)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    talk->lookup.data = talk;
    int code = uv_getaddrinfo(&talk->talks->loop->uv, &talk->lookup, on_found, talk->host, talk->port, &hints);
    if (code != 0) {
        fail(talk, ERR_CLIENT_CONNECT, "%s", uv_strerror(code));
        return;
    }
    talk->looking = true;
    talk->holds++;
}

/* ---- life ------------------------------------------------------------------------------------------- */

struct talks *talks_new(struct loop *loop)
{
    struct talks *talks = xcalloc(1, sizeof *talks);
    talks->loop = loop;
    return talks;
}

void talks_open(struct talks *talks)
{
    talks->open = true;
}

static void stop_talk(struct talk *talk)
{
    struct err err = {0};
    err_set(&err, ERR_STOPPING, NULL, "the exchange was ended");
    end(talk, &err);
}

void talks_close(struct talks *talks)
{
    atomic_store(&talks->closed, true);
    talks->open = false;
    while (talks->running)
        stop_talk(talks->running);
}

void talks_free(struct talks **talks)
{
    free(*talks);
    *talks = NULL;
}

/* It never ran: nothing of it is known to uv. */
static void refuse_late(struct talk *talk)
{
    struct err err = {0};
    err_set(&err, ERR_STOPPING, NULL, "the exchange was ended");
    tell(talk, &err);
    free_talk(talk);
}

static void on_start(struct post *post)
{
    struct talk *talk = (struct talk *)post;
    struct talks *talks = talk->talks;
    if (!talks->open) {
        refuse_late(talk);
        return;
    }
    talk->next = talks->running;
    if (talk->next)
        talk->next->prev = talk;
    talks->running = talk;
    uv_timer_init(&talks->loop->uv, &talk->timer);
    talk->timer.data = talk;
    talk->holds = 1;
    uv_update_time(&talks->loop->uv);
    talk->started = loop_now(talks->loop);
    set_timer(talk, talk->connect_ms < talk->total_ms ? talk->connect_ms : talk->total_ms);
    look_up(talk);
}

static bool fill_address(struct talk *talk, const char *address, struct err *err)
{
    const char *port;
    if (!address_split(address, talk->host, &port) || strlen(port) >= PORT_SIZE)
        return err_set(err, ERR_CLIENT_CONNECT, address, "not host:port");
    snprintf(talk->port, sizeof talk->port, "%s", port);
    return true;
}

static bool fill(struct talk *talk, const struct net_frame_request *request, struct err *err)
{
    struct crypto_tls_files files = {.cert = request->cert, .key = request->key, .ca = request->ca};
    int64_t most = request->body_max > 0 ? request->body_max : (int64_t)NET_BODY_MAX;
    if (request->connect_ms <= 0 || request->total_ms <= 0)
        return err_set(err, ERR_INTERNAL, NULL, "an exchange without deadlines");
    talk->connect_ms = request->connect_ms;
    talk->total_ms = request->total_ms;
    talk->frame = (struct frame){.digits = request->digits, .most = (uint64_t)most};
    buf_init(&talk->out, request->body.n + FRAME_DIGITS_MAX);
    buf_init(&talk->flight, SLICE);
    buf_init(&talk->body, (size_t)most);
    if (request->digits < 1 || request->digits > FRAME_DIGITS_MAX ||
        !frame_write(&talk->out, request->digits, request->body))
        return err_set(err, ERR_FRAME_LENGTH, NULL, "%zu bytes do not fit a frame of %u digits", request->body.n,
                       request->digits);
    return fill_address(talk, request->address, err) && crypto_tls_client(&files, &talk->tls, err);
}

bool net_frame_start(struct net *net, const struct net_frame_request *request, net_fetch_done *done, void *arg,
                     struct err *err)
{
    struct talks *talks = net->talks;
    if (atomic_load(&talks->closed))
        return err_set(err, ERR_STOPPING, NULL, "no more exchanges are started");
    struct talk *talk = xcalloc(1, sizeof *talk);
    *talk = (struct talk){.talks = talks, .done = done, .arg = arg, .post.run = on_start};
    bool ok = atomic_fetch_add(&talks->n, 1) < NET_FRAMES_MAX ||
              err_set(err, ERR_BUSY_QUEUE, NULL, "%d exchanges are under way", NET_FRAMES_MAX);
    if (!ok || !fill(talk, request, err)) {
        free_talk(talk);
        return false;
    }
    loop_post(talks->loop, &talk->post);
    return true;
}
