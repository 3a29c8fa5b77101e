/* bucket: how many requests a second one caller may make. One atomic number, no lock. */
#ifndef API_BUCKET_H
#define API_BUCKET_H

#include <stdatomic.h>

#include "base/base.h"

/* The moment (monotonic, nanoseconds) at which everything taken so far would have been earned; 0 at first. */
struct bucket {
    _Atomic int64_t earned_ns;
};
/* Takes one of `rate` a second, at most `rate` at once. False: *wait_ms_out tells when there will be one. */
bool api_bucket_take(struct bucket *bucket, int64_t rate, int64_t mono_ms, int64_t *wait_ms_out);

#endif
