/* frame: digits of length, then the bytes. */
#include <stdio.h>

#include "net/frame.h"

static bool has_length(const struct frame *frame)
{
    return frame->digit_n == frame->digits;
}

bool frame_too_long(const struct frame *frame)
{
    return has_length(frame) && frame->length > frame->most;
}

static bool judge_length(const struct frame *frame, struct err *err)
{
    if (frame->length >= frame->least && frame->length <= frame->most)
        return true;
    return err_set(err, ERR_FRAME_LENGTH, "length", "%llu is not between %llu and %llu",
                   (unsigned long long)frame->length, (unsigned long long)frame->least,
                   (unsigned long long)frame->most);
}

static bool read_digits(struct frame *frame, struct bytes in, size_t *used_out, struct err *err)
{
    while (*used_out < in.n && !has_length(frame)) {
        uint8_t c = in.p[(*used_out)++];
        if (c < '0' || c > '9')
            return err_set(err, ERR_FRAME_LENGTH, "length", "byte %u of %u is not a digit", frame->digit_n + 1,
                           frame->digits);
        frame->length = frame->length * 10 + (c - '0');
        frame->digit_n++;
    }
    return !has_length(frame) || judge_length(frame, err);
}

enum frame_event frame_read(struct frame *frame, struct bytes in, struct buf *body, size_t *used_out, struct err *err)
{
    *used_out = 0;
    if (!has_length(frame) && !read_digits(frame, in, used_out, err))
        return FRAME_REFUSED;
    if (!has_length(frame))
        return FRAME_MORE;
    size_t missing = (size_t)(frame->length - body->n), n = in.n - *used_out;
    n = n < missing ? n : missing;
    if (n > 0)
        buf_put(body, in.p + *used_out, n);
    *used_out += n;
    return n == missing ? FRAME_WHOLE : FRAME_MORE;
}

bool frame_write(struct buf *out, unsigned digits, struct bytes body)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%0*zu", (int)digits, body.n);
    if (n != (int)digits)
        return false;
    buf_put(out, text, digits);
    buf_put(out, body.p, body.n);
    return true;
}
