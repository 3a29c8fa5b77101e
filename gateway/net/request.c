/* request: what a handler sees of a request, and its life from pool to pool. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/request.h"

#define BODY_KEPT (64u << 10)              /* buffers above this are not kept for the next request */

struct net_request *request_new(void)
{
    struct net_request *request = xcalloc(1, sizeof *request);
    request->arena = arena_new();
    buf_init(&request->head, NET_HEADER_MAX);
    buf_init(&request->body, NET_BODY_MAX);
    buf_init(&request->answer, NET_ANSWER_MAX + NET_HEADER_MAX);
    request_reset(request);
    return request;
}

void request_free(struct net_request **request)
{
    if (!*request)
        return;
    buf_free(&(*request)->head);
    buf_free(&(*request)->body);
    buf_free(&(*request)->answer);
    arena_free(&(*request)->arena);
    free(*request);
    *request = NULL;
}

static void reset_buf(struct buf *buf)
{
    if (buf->room > BODY_KEPT)
        buf_free(buf);
    else
        buf_reset(buf);
}

void request_reset(struct net_request *request)
{
    struct buf head = request->head, body = request->body, answer = request->answer;
    struct arena *arena = request->arena;
    reset_buf(&head);
    reset_buf(&body);
    reset_buf(&answer);
    arena_reset(arena);
    /* the table of fields is not cleared: field_n says how many hold */
    memset(request, 0, offsetof(struct net_request, fields));
    request->head = head;
    request->body = body;
    request->answer = answer;
    request->arena = arena;
    request->method = request->path = request->query = "";
}

bool request_begun(const struct net_request *request)
{
    return request->head.n > 0 || request->frame.digit_n > 0;
}

const char *net_method(const struct net_request *request)
{
    return request->method;
}

const char *net_path(const struct net_request *request)
{
    return request->path;
}

const char *net_query(const struct net_request *request)
{
    return request->query;
}

struct bytes net_body(const struct net_request *request)
{
    return buf_bytes(&request->body);
}

struct arena *net_arena(struct net_request *request)
{
    return request->arena;
}

const char *net_request_id(const struct net_request *request)
{
    return request->id;
}

const char *net_trace_id(const struct net_request *request)
{
    return request->trace;
}

/* ---- header ----------------------------------------------------------------------------------------- */

/* The first of that name behind `after`; NULL: from the start. */
static const struct field *find_after(const struct net_request *request, const struct field *after, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = after ? (size_t)(after - request->fields) + 1 : 0; i < request->field_n; i++) {
        const struct field *field = &request->fields[i];
        if (field->name_n == n && strncasecmp((const char *)request->head.p + field->name, name, n) == 0)
            return field;
    }
    return NULL;
}

static const struct field *find_field(const struct net_request *request, const char *name)
{
    return find_after(request, NULL, name);
}

struct bytes net_header_value(const struct net_request *request, const char *name)
{
    const struct field *field = find_field(request, name);
    return field ? bytes_of(request->head.p + field->value, field->value_n) : bytes_of(NULL, 0);
}

bool net_header_present(const struct net_request *request, const char *name)
{
    return find_field(request, name) != NULL;
}

bool net_header_repeated(const struct net_request *request, const char *name)
{
    const struct field *first = find_field(request, name);
    return first && find_after(request, first, name);
}

static bool lower_hex(struct bytes in)
{
    for (size_t i = 0; i < in.n; i++)
        if (!((in.p[i] >= '0' && in.p[i] <= '9') || (in.p[i] >= 'a' && in.p[i] <= 'f')))
            return false;
    return true;
}

/* W3C trace context, level 1: version-traceid-parentid-flags. */
static bool traceparent_valid(struct bytes in)
{
    static const char zeros[] = "00000000000000000000000000000000";
    return in.n >= 55 && (in.n == 55 || in.p[55] == '-') && in.p[2] == '-' && in.p[35] == '-' && in.p[52] == '-' &&
           lower_hex(bytes_of(in.p, 2)) && memcmp(in.p, "ff", 2) != 0 && lower_hex(bytes_of(in.p + 3, 32)) &&
           lower_hex(bytes_of(in.p + 36, 16)) && lower_hex(bytes_of(in.p + 53, 2)) &&
           memcmp(in.p + 3, zeros, 32) != 0 && memcmp(in.p + 36, zeros, 16) != 0;
}

void request_trace(struct net_request *request)
{
    struct bytes parent = net_header_value(request, "traceparent");
    if (traceparent_valid(parent))
        memcpy(request->trace, parent.p + 3, 32);
    else
        memcpy(request->trace, request->id, 32);
}

/* ---- query ------------------------------------------------------------------------------------------ */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *decode(struct arena *arena, const char *in, size_t n)
{
    char *out = arena_alloc(arena, n + 1);
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        int high = in[i] == '%' && i + 2 < n ? hex_value(in[i + 1]) : -1;
        int low = high >= 0 ? hex_value(in[i + 2]) : -1;
        if (low >= 0 && (high | low) != 0) {
            out[to++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[to++] = in[i];
        }
    }
    return out;
}

/* Walks name=value pairs: false at the end. */
static bool next_pair(const char **at, struct bytes *name_out, struct bytes *value_out)
{
    while (**at == '&')
        (*at)++;
    if (!**at)
        return false;
    size_t n = strcspn(*at, "&"), name_n = strcspn(*at, "=&");
    size_t skip = name_n < n ? name_n + 1 : n;
    *name_out = bytes_of(*at, name_n);
    *value_out = bytes_of(*at + skip, n - skip);
    *at += n;
    return true;
}

const char *net_parameter(struct net_request *request, const char *name, bool *twice_out)
{
    const char *at = request->query, *found = NULL;
    struct bytes key, value;
    if (twice_out)
        *twice_out = false;
    while (next_pair(&at, &key, &value)) {
        if (strcmp(decode(request->arena, (const char *)key.p, key.n), name) != 0)
            continue;
        if (found) {
            if (twice_out)
                *twice_out = true;
            break;
        }
        found = decode(request->arena, (const char *)value.p, value.n);
    }
    return found;
}

size_t net_parameters(struct net_request *request, const char *names_out[], size_t max)
{
    const char *at = request->query;
    struct bytes key, value;
    size_t n = 0;
    for (; next_pair(&at, &key, &value); n++)
        if (n < max)
            names_out[n] = decode(request->arena, (const char *)key.p, key.n);
    return n;
}
