/* Base64 in both alphabets of RFC 4648, decoded strictly: one byte string has exactly one spelling. */
#include "base/base.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uint8_t *encode_tail(uint8_t *to, const uint8_t *p, size_t left, const char *alphabet, bool pad)
{
    uint32_t v = (uint32_t)p[0] << 16 | (left == 2 ? (uint32_t)p[1] << 8 : 0);
    *to++ = (uint8_t)alphabet[v >> 18];
    *to++ = (uint8_t)alphabet[v >> 12 & 63];
    if (left == 2)
        *to++ = (uint8_t)alphabet[v >> 6 & 63];
    for (size_t i = left; pad && i < 3; i++)
        *to++ = '=';
    return to;
}

void base64_encode(struct buf *out, struct bytes in, bool url)
{
    if (in.n > SIZE_MAX / 4 * 3 - 3) {
        out->overflow = true;
        return;
    }
    const char *alphabet = url ? url_safe : standard;
    size_t left = in.n % 3;
    size_t size = in.n / 3 * 4 + (left == 0 ? 0 : url ? left + 1 : 4);
    uint8_t *to = buf_reserve(out, size);
    if (!to)
        return;
    const uint8_t *p = in.p;
    for (size_t i = 0; i < in.n / 3; i++, p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *to++ = (uint8_t)alphabet[v >> 18];
        *to++ = (uint8_t)alphabet[v >> 12 & 63];
        *to++ = (uint8_t)alphabet[v >> 6 & 63];
        *to++ = (uint8_t)alphabet[v & 63];
    }
    if (left > 0)
        encode_tail(to, p, left, alphabet, !url);
    out->n += size;
}

/* Values plus one, so that 0 means "not of the alphabet". Rows of both alphabets differ in 62 and 63 only. */
static const uint8_t values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,  ['I'] = 9,
    ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
    ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27,
    ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45,
    ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
    ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62,
};

static uint32_t value_of(uint8_t c, bool url)
{
    if (c == (url ? '-' : '+'))
        return 63;
    if (c == (url ? '_' : '/'))
        return 64;
    return values[c];
}

/* Reads n (2 to 4) digits into *v, left-aligned in 24 bits. */
static bool read_digits(const uint8_t *p, size_t n, bool url, uint32_t *v)
{
    *v = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t digit = value_of(p[i], url);
        if (digit == 0)
            return false;
        *v |= (digit - 1) << (18 - 6 * i);
    }
    return true;
}

/* Takes the padding off the end; false when its amount is wrong. */
static bool strip_padding(struct bytes *in, bool url)
{
    if (url)
        return in->n % 4 != 1;
    if (in->n % 4 != 0)
        return false;
    for (int i = 0; i < 2 && in->n > 0 && in->p[in->n - 1] == '='; i++)
        in->n--;
    return true;
}

static bool decode(uint8_t *to, struct bytes in, bool url)
{
    size_t left = in.n % 4;
    const uint8_t *p = in.p;
    uint32_t v;
    for (size_t i = 0; i < in.n / 4; i++, p += 4) {
        CHECK(read_digits(p, 4, url, &v));
        *to++ = (uint8_t)(v >> 16);
        *to++ = (uint8_t)(v >> 8);
        *to++ = (uint8_t)v;
    }
    if (left > 0) {
        CHECK(read_digits(p, left, url, &v));
        CHECK((v & (left == 2 ? 0xFFFFu : 0xFFu)) == 0);
        *to++ = (uint8_t)(v >> 16);
        if (left == 3)
            *to++ = (uint8_t)(v >> 8);
    }
    return true;
}

bool base64_decode(struct buf *out, struct bytes in, bool url)
{
    CHECK(strip_padding(&in, url));
    size_t left = in.n % 4;
    size_t size = in.n / 4 * 3 + (left ? left - 1 : 0);
    uint8_t *to = buf_reserve(out, size);
    CHECK(to != NULL);
    if (!decode(to, in, url)) {
        /* what was decoded before the bad digit is not kept */
        *to = 0;
        return false;
    }
    out->n += size;
    return true;
}
