/* Well-formed UTF-8, as RFC 3629 table 3-7 of the Unicode standard draws it. */
#include "base/base.h"

#include <string.h>

/* Length of the well-formed sequence at p, 0 when there is none. The second byte alone decides about
 * over-long forms, surrogates and numbers above U+10FFFF. */
static size_t sequence(const uint8_t *p, size_t n)
{
    size_t length = p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
    if (length == 0 || length > n)
        return 0;
    uint8_t low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    return length;
}

size_t utf8_next(struct bytes in, uint32_t *char_out)
{
    if (in.n == 0)
        return 0;
    size_t length = in.p[0] < 0x80 ? 1 : sequence(in.p, in.n);
    if (length == 0)
        return 0;
    /* a lead byte of length n keeps 7 - n bits of the number */
    uint32_t value = length == 1 ? in.p[0] : in.p[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++)
        value = value << 6 | (in.p[i] & 0x3F);
    *char_out = value;
    return length;
}

bool utf8_valid(struct bytes in)
{
    size_t i = 0;
    while (i < in.n) {
        uint64_t eight;
        if (in.n - i >= sizeof(eight)) {
            memcpy(&eight, in.p + i, sizeof(eight));
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof(eight);
                continue;
            }
        }
        size_t length = in.p[i] < 0x80 ? 1 : sequence(in.p + i, in.n - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}
