/* text: finding the bytes of a JSON string that need a second look, eight at a time. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define TEXT_EACH(byte) (UINT64_C(0x0101010101010101) * (uint64_t)(byte))

/* Marks (with 0x80) bytes that are a quote, a backslash or below 0x20. Only the lowest mark is reliable:
 * borrows may mark bytes above a true one. */
static inline uint64_t text_marks(uint64_t word)
{
    uint64_t quote = word ^ TEXT_EACH('"');
    uint64_t slash = word ^ TEXT_EACH('\\');

    quote = (quote - TEXT_EACH(1)) & ~quote;
    slash = (slash - TEXT_EACH(1)) & ~slash;
    return (quote | slash | ((word - TEXT_EACH(0x20)) & ~word)) & TEXT_EACH(0x80);
}

/* The first marked one of eight bytes, or `none`. */
static inline const uint8_t *text_first_mark(const uint8_t *p, const uint8_t *none)
{
    uint64_t word, marks;

    memcpy(&word, p, sizeof(word));
    marks = text_marks(le64toh(word));
    return marks == 0 ? none : p + __builtin_ctzll(marks) / 8;
}

/* The first byte in [p, end) that is a quote, a backslash or a control character, or end. */
static inline const uint8_t *text_plain_end(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *from = p;

    for (; end - p >= 8; p += 8) {
        const uint8_t *mark = text_first_mark(p, NULL);

        if (mark != NULL)
            return mark;
    }
    /* the rest together with bytes before it, which are plain */
    if (p < end && end - from >= 8)
        return text_first_mark(end - 8, end);
    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
        p++;
    return p;
}

#endif
