/* wire: moves the bytes of a connection between socket, TLS session and reader. Private to net. */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include "net/conn.h"

#define WIRE_SLICE (256u << 10)            /* of an answer at a time */
#define WIRE_OUT_MAX (1u << 20)            /* output of one connection that may wait at all */
#define WIRE_WINDOW (64u << 10)            /* output that may gather before it is written */

/* Fills conn->in with plain bytes; false when there are none now (then starving, eof or ending is set). */
bool wire_take(struct conn *conn);
/* Copies what was not read out of the loop's buffers. */
void wire_hold(struct conn *conn);
/* True when a read from the socket is of use now. */
bool wire_hungry(const struct conn *conn);
void wire_want_read(struct conn *conn, bool want);
/* Appends output; false when the connection failed. */
bool wire_put(struct conn *conn, struct bytes plain);
/* False while the socket takes no more. */
bool wire_room(struct conn *conn);
void wire_flush(struct conn *conn);

/* In conn.c: does all that can be done now. Afterwards conn may be closing, but never freed. */
void conn_pump(struct conn *conn);

#endif
