/* problem: errors as application/problem+json (RFC 9457) in two languages. Pure. */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "base/base.h"

#define PROBLEM_MEDIA "application/problem+json"

/* Writes the problem of `err`. `errors` are single findings (may be NULL: then err itself is the one when it has a
 * place); `in_body` says that places are JSON Pointers into the request's body. */
void problem_write(struct buf *out, const struct err *err, const struct err *errors, size_t n, bool in_body,
                   const char *trace_id);
/* Seconds for Retry-After, 0: none. */
int problem_retry_after(enum err_code code);

#endif
