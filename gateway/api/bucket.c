/* bucket: a token bucket kept as one time (the generic cell rate algorithm), so that callers on all loops share it
 * without a lock. */
#include "api/bucket.h"

#define SECOND_NS 1000000000

bool api_bucket_take(struct bucket *bucket, int64_t rate, int64_t mono_ms, int64_t *wait_ms_out)
{
    int64_t now = mono_ms * 1000000;
    int64_t price = SECOND_NS / rate;
    int64_t seen = atomic_load(&bucket->earned_ns);

    for (;;) {
        int64_t from = seen > now ? seen : now;
        int64_t ahead = from + price - now;
        if (ahead > SECOND_NS) {
            *wait_ms_out = (ahead - SECOND_NS + 999999) / 1000000;
            return false;
        }
        if (atomic_compare_exchange_weak(&bucket->earned_ns, &seen, from + price))
            return true;
    }
}
