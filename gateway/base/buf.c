/* The growing buffer with a maximum. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 128 };

/* What p of a buffer that never held anything points to, so that it too reads as a terminated string. It
 * is never written; room 0 marks it. */
static uint8_t nothing[1];

void buf_init(struct buf *buf, size_t max)
{
    /* half the address space, so that sizes never wrap */
    *buf = (struct buf){.p = nothing, .max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2};
}

void buf_free(struct buf *buf)
{
    if (buf->room > 0)
        free(buf->p);
    buf_init(buf, buf->max);
}

void buf_reset(struct buf *buf)
{
    buf->n = 0;
    buf->overflow = false;
    if (buf->room > 0)
        buf->p[0] = 0;
}

static void grow(struct buf *buf, size_t need)
{
    size_t room = buf->room ? buf->room : FIRST_ROOM;
    /* doubling keeps appends cheap; the maximum keeps the last step from overshooting */
    while (room < need && room <= buf->max / 2)
        room *= 2;
    if (room < need)
        room = buf->max + 1;
    if (room - 1 > buf->max)
        room = buf->max + 1;
    buf->p = xrealloc(buf->room > 0 ? buf->p : NULL, room);
    buf->room = room;
}

uint8_t *buf_make_room(struct buf *buf, size_t n)
{
    if (buf->overflow || n > buf->max - buf->n) {
        buf->overflow = true;
        return NULL;
    }
    size_t need = buf->n + n + 1;
    if (need > buf->room)
        grow(buf, need);
    buf->p[buf->n + n] = 0;
    return buf->p + buf->n;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n < 0) {
        buf->overflow = true;
    } else if ((size_t)n < sizeof(small)) {
        buf_put(buf, small, (size_t)n);
    } else {
        uint8_t *to = buf_reserve(buf, (size_t)n);
        if (!to)
            return;
        va_start(args, format);
        vsnprintf((char *)to, (size_t)n + 1, format, args);
        va_end(args);
        buf->n += (size_t)n;
    }
}

struct bytes buf_bytes(const struct buf *buf)
{
    return (struct bytes){buf->p, buf->n};
}
