/* greet: TLS handshakes run on threads of their own. One costs as much as a hundred questions, and whoever makes one after
 * the other would hold up all that the loop serves. Each address has a queue, and they take turns as partners do. */
#include <stddef.h>
#include <string.h>

#include "net/conn.h"
#include "net/wire.h"

#define QUEUES 1024

static unsigned queue_of(const struct conn *conn)
{
    const char *end = strrchr(conn->remote, ':');
    unsigned hash = 5381;
    for (const char *p = conn->remote; *p && p != end; p++)
        hash = hash * 33 + (unsigned char)*p;
    return hash % QUEUES;
}

/* On the loop's thread, or on any when the loop has ended. */
static void on_greeted(struct post *post)
{
    struct conn *conn = (struct conn *)((char *)post - offsetof(struct conn, post));
    conn->greeting = false;
    if (conn->closed)
        conn_release(conn);
    else if (!conn->closing)
        conn_pump(conn);
}

static void greet(void *arg)
{
    struct conn *conn = arg;
    (void)crypto_session_handshake(conn->session); /* a failure is told again by the next read */
    conn->post.run = on_greeted;
    loop_post(conn->loop, &conn->post);
}

void conn_greet(struct conn *conn)
{
    struct err err = {0};
    conn->greeting = conn->greeted = true;
    if (workers_add(conn->loop->net->greeters, queue_of(conn), greet, conn, &err))
        return;
    conn->greeting = false;
    if (loop_may_complain(conn->loop))
        log_event(LOG_WARN, "tls.queue", "remote=%s code=%s", conn->remote, err_info(err.code)->code);
    conn_close(conn);
}
