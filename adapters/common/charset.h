/* charset: XML in the charset that a peer wants, and back. The one implementation, for adapters and for the gateway's
 * module of the same name. Needs the C library alone (iconv). Pure functions; thread-safe.
 *
 * Peers declare GBK or GB2312 and send GB18030, so what comes is always read as GB18030. What goes keeps to the
 * declared set: a character is written in it only when its bytes mean the same there and in GB18030, in every edition
 * of that standard; any other becomes a numeric character reference, by which the canonical form and so a signature
 * stay what they were, or is refused. */
#ifndef COMMON_CHARSET_H
#define COMMON_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum charset { CHARSET_UTF_8, CHARSET_GB18030, CHARSET_GBK, CHARSET_GB2312 };
/* "utf-8", "gb18030", "gbk", "gb2312", in any case. */
bool charset_parse(const char *name, enum charset *out);

enum charset_end {
    CHARSET_DONE,
    CHARSET_UNMAPPABLE,    /* a character that the charset lacks: with `references`, where XML takes none for it (names,
                              comments, CDATA sections, processing instructions) */
    CHARSET_MALFORMED,     /* the bytes are not text in what they should be in */
    CHARSET_FULL,          /* the result is longer than the room */
    CHARSET_MISSING        /* this machine's C library does not know the charset */
};
const char *charset_why(enum charset_end end);             /* a phrase without full stop */

/* The result: n counts all of it, what fits is written. p NULL: only counted, never FULL. */
struct charset_out {
    uint8_t *p;
    size_t room, n;
};

/* An XML document in UTF-8, written in the charset under a declaration that names it. CHARSET_UTF_8: as it is. */
enum charset_end charset_encode(enum charset to, bool references, const uint8_t *xml, size_t n, struct charset_out *out);
/* An XML document of a peer, in UTF-8 and without declaration. CHARSET_UTF_8: as it is. */
enum charset_end charset_decode(enum charset from, const uint8_t *xml, size_t n, struct charset_out *out);

#endif
