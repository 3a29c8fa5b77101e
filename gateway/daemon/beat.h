/* beat: a thread that does the same short thing every second, never two at once. */
#ifndef DAEMON_BEAT_H
#define DAEMON_BEAT_H

#include "base/base.h"

#define BEAT_MS 1000

struct beat;
typedef void beat_fn(void *arg);
bool beat_start(beat_fn *fn, void *arg, struct beat **out, struct err *err);
/* Waits for what is under way; NULL is fine. */
void beat_stop(struct beat **beat);

#endif
