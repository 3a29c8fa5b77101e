/* variant: the smallest adapter, built many times, each time with one thing wrong (or nothing). The build defines
 * VARIANT_NAME, and what differs. */
#include "adapters/adapter.h"

#ifndef VARIANT_ABI
#define VARIANT_ABI GWA_ABI_VERSION
#endif
#ifndef VARIANT_SIZE
#define VARIANT_SIZE sizeof(struct gwa_adapter)
#endif
#ifndef VARIANT_OPEN
#define VARIANT_OPEN open_it
#endif
#ifndef VARIANT_FETCH
#define VARIANT_FETCH step
#endif
#ifndef VARIANT_SEND
#define VARIANT_SEND NULL
#endif
#ifndef VARIANT_RESOLVE
#define VARIANT_RESOLVE NULL
#endif

#ifdef VARIANT_UNRESOLVED
extern int nobody_defines_this(void);
#else
static int nobody_defines_this(void)
{
    return 0;
}
#endif

__attribute__((unused)) static bool open_it(struct gwa_job *job, void **instance_out)
{
    (void)job;
    *instance_out = NULL;
    return nobody_defines_this() == 0;
}

__attribute__((unused)) static enum gwa_verdict step(struct gwa_job *job)
{
    (void)job;
    return GWA_DONE;
}

static void close_it(void *instance)
{
    (void)instance;
}

#ifndef VARIANT_WITHOUT_ABI
GWA_EXPORT const uint32_t gwa_abi = VARIANT_ABI;
#endif
#ifndef VARIANT_WITHOUT_ENTRY
GWA_EXPORT
#else
__attribute__((used)) static
#endif
const struct gwa_adapter gwa_entry = {
    .size = VARIANT_SIZE,
    .name = VARIANT_NAME,
    .open = VARIANT_OPEN,
    .fetch = VARIANT_FETCH,
    .send = VARIANT_SEND,
    .resolve = VARIANT_RESOLVE,
    .close = close_it,
};
