/* slow: work that may take minutes (a search through years of the access log, proving the journal). It is done one
 * after another on a thread of its own, which ends when nothing waits: the workers are for signatures and probes. */
#ifndef API_SLOW_H
#define API_SLOW_H

#include "api/internal.h"

#define SLOW_MAX 16                    /* requests that may wait; busy.queue above */

/* Calls fn(ask) later. */
bool slow_add(struct ask *ask, void (*fn)(void *ask), struct err *err);
/* For what is done there (a journal_progress; arg is the api): false when the gateway stops. */
bool slow_goes_on(void *arg, uint64_t done, uint64_t total);
/* What has not begun is answered with `stopping`, what is under way ends early; returns when the last one has ended. */
void slow_stop(struct api *api);

#endif
