/* wire: reads from and writes to the socket with as few calls as possible.
 *
 * A turn is one read, whatever requests it holds, and one write of all answers. uv would read again at once where a read
 * filled its buffer, up to 32 times; whoever sends much waits for the next turn of the loop instead, behind the others.
 * Only when the socket does not take everything are the remaining bytes copied and left to uv_write.
 */
#include <string.h>

#include "net/wire.h"

#define FLIGHT_KEPT (32u << 10)
/* While a handler works, one small read may still come, so that a client's leaving is noticed; a session that may
 * hold a full feed already has room for that. */
#define PEEK_SIZE 4096

/* ---- in --------------------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *conn = handle->data;
    bool rests = conn->gulped;
    (void)suggested;
    conn->gulped = false;
    *buf = uv_buf_init((char *)conn->loop->wire, rests ? 0 : conn->starving ? WIRE_SIZE : PEEK_SIZE);
}

static void starve(struct conn *conn)
{
    conn->starving = true;
    conn->peeked = false;
}

static void take_bytes(struct conn *conn, size_t n)
{
    struct bytes wire = {conn->loop->wire, n};
    conn->peeked = !conn->starving;
    conn->starving = conn->greeted = false;
    if (!conn->session)
        conn->in = wire;
    else if (!crypto_session_feed(conn->session, wire))
        conn_close(conn);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *conn = stream->data;
    if (n == 0 || n == UV_ENOBUFS)
        return;
    conn->gulped = n > 0 && (size_t)n == buf->len;
    if (n < 0 && n != UV_EOF) {
        conn_close(conn);
        return;
    }
    if (n < 0) {
        conn->eof = true;
        conn->reading = false;             /* uv has stopped by itself */
    }
    if (conn->ending) {                    /* what still comes is not read any more */
        if (n < 0 && conn->phase == PHASE_LINGER)
            conn_close(conn);
        return;
    }
    if (n > 0)
        take_bytes(conn, (size_t)n);
    conn_pump(conn);
}

void wire_want_read(struct conn *conn, bool want)
{
    if (conn->closing)
        return;
    if (want == conn->reading)
        return;
    conn->reading = want;
    if (!want)
        uv_read_stop(&conn->uv.stream);
    else if (uv_read_start(&conn->uv.stream, on_alloc, on_read) != 0)
        conn_close(conn);
}

static void note_ready(struct conn *conn)
{
    conn->ready = true;
    conn->judged_generation = conn->door->generation - 1;
    conn->has_peer = crypto_session_peer(conn->session, conn->peer, &conn->peer_not_after);
}

static bool take_from_session(struct conn *conn)
{
    size_t n;
    if (!conn->ready && !conn->greeted) {
        conn_greet(conn);
        return false;
    }
    enum crypto_io io = crypto_session_read(conn->session, conn->loop->plain, PLAIN_SIZE, &n);
    if (!conn->ready && crypto_session_ready(conn->session))
        note_ready(conn);
    switch (io) {
    case CRYPTO_IO_OK:
        conn->in = bytes_of(conn->loop->plain, n);
        return n > 0;
    case CRYPTO_IO_WANT:
        starve(conn);
        break;
    case CRYPTO_IO_CLOSED:
        starve(conn);
        conn->eof = true;
        break;
    case CRYPTO_IO_FAILED:
        log_event(LOG_INFO, "tls.failed", "remote=%s text=\"%s\"", conn->remote,
                  crypto_session_failure(conn->session));
        conn->ending = true;
        break;
    }
    return false;
}

bool wire_take(struct conn *conn)
{
    if (conn->session)
        return take_from_session(conn);
    starve(conn);
    return false;
}

bool wire_hungry(const struct conn *conn)
{
    return !conn->eof && (conn->starving || (conn->in.n == 0 && !conn->peeked));
}

void wire_hold(struct conn *conn)
{
    if (conn->in.n == 0) {
        if (conn->held.n > 0)
            buf_free(&conn->held);
        return;
    }
    if (conn->held.n > 0 && conn->in.p >= conn->held.p && conn->in.p < conn->held.p + conn->held.n)
        return;
    buf_reset(&conn->held);
    buf_put(&conn->held, conn->in.p, conn->in.n);
    conn->in = buf_bytes(&conn->held);
}

/* ---- out -------------------------------------------------------------------------------------------- */

static struct bytes pending(const struct conn *conn)
{
    return conn->session ? crypto_session_pending(conn->session) : buf_bytes(&conn->out);
}

static void sent_all(struct conn *conn, size_t n)
{
    if (conn->session)
        crypto_session_sent(conn->session, n);
    else if (conn->out.room > FLIGHT_KEPT)
        buf_free(&conn->out);
    else
        buf_reset(&conn->out);
}

bool wire_put(struct conn *conn, struct bytes plain)
{
    bool ok = true;
    if (conn->session)
        ok = crypto_session_write(conn->session, plain) == CRYPTO_IO_OK;
    else
        buf_put(&conn->out, plain.p, plain.n);
    if (!ok || conn->out.overflow)
        conn_close(conn);
    return !conn->closing;
}

bool wire_room(struct conn *conn)
{
    if (pending(conn).n >= WIRE_WINDOW)
        wire_flush(conn);
    return !conn->writing && !conn->closing;
}

static void on_written(uv_write_t *write, int status)
{
    struct conn *conn = write->data;
    conn->writing = false;
    buf_free(&conn->flight);
    if (status != 0)
        conn_close(conn);
    if (!conn->closing)
        conn_pump(conn);
}

/* The socket is full: leaves the rest to uv. The deadline holds for all that is in flight. */
static void write_later(struct conn *conn, struct bytes rest)
{
    buf_put(&conn->flight, rest.p, rest.n);
    uv_buf_t buf = uv_buf_init((char *)conn->flight.p, (unsigned)conn->flight.n);
    conn->write.data = conn;
    if (conn->flight.overflow || uv_write(&conn->write, &conn->uv.stream, &buf, 1, on_written) != 0) {
        conn_close(conn);
        return;
    }
    conn->writing = true;
    conn->write_deadline = loop_now(conn->loop) + conn->loop->net->options.write_ms;
}

void wire_flush(struct conn *conn)
{
    struct bytes all = pending(conn);
    if (conn->writing || conn->closing || all.n == 0)
        return;
    uv_buf_t buf = uv_buf_init((char *)all.p, (unsigned)all.n);
    int n = uv_try_write(&conn->uv.stream, &buf, 1);
    if (n < 0 && n != UV_EAGAIN) {
        conn_close(conn);
        return;
    }
    size_t sent = n > 0 ? (size_t)n : 0;
    if (sent < all.n)
        write_later(conn, bytes_of(all.p + sent, all.n - sent));
    sent_all(conn, all.n);
}
