/* frame: a message on a byte stream: its length in bytes as a fixed number of ASCII digits, then the bytes. Reading and
 * writing alone, without network. Private to net. */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include "base/base.h"

#define FRAME_DIGITS_MAX 10

struct frame {
    unsigned digits;                       /* 1 to FRAME_DIGITS_MAX */
    uint64_t least, most;                  /* acceptable lengths */
    unsigned digit_n;                      /* read so far */
    uint64_t length;                       /* of the body, as far as read; whole once all digits are */
};

enum frame_event {
    FRAME_MORE,                            /* all input is used; feed more */
    FRAME_WHOLE,
    FRAME_REFUSED                          /* nothing behind this can be understood; err tells why */
};
/* Takes from `in` what belongs to this frame and appends its bytes to body; *used_out tells how much. The verdict does
 * not depend on how the bytes are split over calls. frame.length: not digits, or not an acceptable length. */
enum frame_event frame_read(struct frame *frame, struct bytes in, struct buf *body, size_t *used_out, struct err *err);
/* True once the digits are complete and say more than is acceptable. */
bool frame_too_long(const struct frame *frame);
/* Appends digits and body; false, and nothing is appended, when the length does not fit into the digits. */
bool frame_write(struct buf *out, unsigned digits, struct bytes body);

#endif
