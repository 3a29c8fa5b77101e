/* header: the headers of a request, written one by one. */
#ifndef COMMON_HEADER_H
#define COMMON_HEADER_H

#include "adapters/adapter.h"

#define HEADER_COUNT 10
#define HEADER_MAX 2048                  /* bytes of one: name, value and NUL */

/* Zero-initialised: none. Large: it belongs into the job's memory. */
struct headers {
    char text[HEADER_COUNT][HEADER_MAX];
    const char *list[HEADER_COUNT + 1];  /* for gwa_io */
    size_t n;
};
/* "name: prefix value", the last two without a blank between. False when it does not fit. */
bool headers_add(struct headers *headers, const char *name, const char *prefix, const char *value);
/* gjgxjhpt_rid, _sid, _rtime and _sign as the national sharing platform asks for; `secret` is the setting's name. */
bool headers_add_sharing(struct gwa_job *job, struct headers *headers, const char *rid, const char *sid,
                         const char *secret);

#endif
