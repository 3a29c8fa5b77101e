/* request: one HTTP request, or one frame, while it is read, handled and answered. Private to net.
 *
 * A request owns all its bytes, so that it outlives its connection when the answer comes late. It knows
 * nothing of sockets: reader.c fills it, request.c shows it, answer.c writes the answer into it.
 */
#ifndef NET_REQUEST_H
#define NET_REQUEST_H

#include "net/frame.h"
#include "net/net.h"

struct conn;

#define HEX_ID_SIZE 33

/* A header line as offsets into `head`, which may move while it grows. */
struct field {
    uint32_t name, name_n, value, value_n;
};

enum read_state {
    READ_FIRST_LINE,
    READ_FIELDS,
    READ_LENGTH,                           /* body of a known size */
    READ_CHUNKS,
    READ_WHOLE                             /* nothing more belongs to this request */
};

enum chunk_state {
    CHUNK_SIZE_FIRST,
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_END,
    CHUNK_DATA_LF,
    TRAILER_START,
    TRAILER_FIELD,
    TRAILER_FIELD_LF,
    TRAILER_LF,
    CHUNK_DONE
};

struct net_request {
    struct net_request *next;              /* in the pool of a loop, or among answers on their way to it */
    struct conn *conn;                     /* NULL when the reader runs alone */
    const struct net_service *service;
    struct buf head, body, answer;
    struct arena *arena;

    bool framed;                           /* not HTTP: `frame` and `body` are all that is used of what is read */
    struct frame frame;
    enum read_state state;
    size_t line;                           /* where the current line starts in head */
    size_t scanned;                        /* no line end before this */
    unsigned line_number;

    const char *method, *path, *query;
    int minor;                             /* of HTTP/1.x */
    bool has_host, has_length, has_coding, chunked, coding_unknown, has_content_coding;
    bool wants_close, wants_keep, expects_continue;
    int64_t length;                        /* Content-Length */
    int64_t remaining;                     /* of the body or of the current chunk */
    enum chunk_state chunk;
    size_t framing;                        /* bytes of chunk extensions and trailers so far */

    char id[HEX_ID_SIZE], trace[HEX_ID_SIZE];
    bool answered;
    bool close, rest;                      /* the connection ends behind the answer, or rests */
    size_t field_n;
    struct field fields[NET_HEADERS_MAX];  /* last: request_reset does not clear it */
};

struct net_request *request_new(void);
void request_free(struct net_request **request);
void request_reset(struct net_request *request);
/* True once a byte of it has arrived. */
bool request_begun(const struct net_request *request);

enum read_event {
    READ_MORE,                             /* all input is used; feed more */
    READ_CONTINUE,                         /* header complete, the client waits for "100 Continue"; go on */
    READ_REQUEST,                          /* the request is whole */
    READ_REFUSED                           /* err tells why; the connection cannot go on */
};
/* Takes from `in` what belongs to this request; *used_out tells how much. The verdict does not depend on
 * how the bytes are split over calls. */
enum read_event request_read(struct net_request *request, struct bytes in, size_t *used_out, struct err *err);

/* The same for a framed request: READ_FIRST_LINE while digits come, then READ_LENGTH. */
void request_make_framed(struct net_request *request);
enum read_event request_frame(struct net_request *request, struct bytes in, size_t *used_out, struct err *err);

/* One line without its end. Pieces of request_read. */
bool request_first_line(struct net_request *request, struct bytes line, struct err *err);
bool request_target(struct net_request *request, struct bytes target, struct err *err);
bool request_field(struct net_request *request, struct bytes line, struct err *err);
bool request_host_valid(struct bytes host);
/* Judges the whole header: Host, framing, sizes. */
bool request_head_done(struct net_request *request, struct err *err);
bool request_chunks(struct net_request *request, struct bytes in, size_t *used_out, struct err *err);
/* False when an unfinished first line can no longer become a good one. */
bool request_first_line_hopeful(struct bytes line);

/* Takes the trace id of traceparent, or else the request id. */
void request_trace(struct net_request *request);

/* Writes the whole answer (head and body, or the frame) into request->answer; `stopping` closes the connection
 * behind. */
void answer_write(struct net_request *request, const struct net_reply *reply, bool stopping);
/* The answer for what the reader refused; the connection closes behind it. */
void answer_refused(struct net_request *request, const struct err *err);

#endif
