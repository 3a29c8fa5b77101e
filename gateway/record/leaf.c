/* leaf: the public commitment to a record (contract section 2), which anyone may hold. */
#include "record/record.h"

#include <string.h>

#define LEAF_VERSION 1
#define LEAF_KIND_MAX 32

size_t record_leaf(uint64_t seq, int64_t time_ms, const char *kind, const uint8_t commitment[32],
                   uint8_t out[RECORD_LEAF_MAX])
{
    size_t n = strnlen(kind, LEAF_KIND_MAX);
    uint8_t *p = out;

    *p++ = LEAF_VERSION;
    put_be64(p, seq);
    put_be64(p + 8, (uint64_t)time_ms);
    p += 16;
    *p++ = (uint8_t)n;
    memcpy(p, kind, n);
    p += n;
    memcpy(p, commitment, 32);
    return (size_t)(p - out) + 32;
}
