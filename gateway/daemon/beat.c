/* beat: a thread that does the same short thing every second. It may block, so it is no tick of the net's loop. */
#include "daemon/beat.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct beat {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    beat_fn *fn;
    void *arg;
};

/* False when it is time to end. */
static bool rest(struct beat *beat)
{
    struct timespec until = clock_deadline(BEAT_MS);
    int code = 0;
    bool stop;

    pthread_mutex_lock(&beat->lock);
    while (!beat->stop && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&beat->wake, &beat->lock, &until);
    stop = beat->stop;
    pthread_mutex_unlock(&beat->lock);
    return !stop;
}

static void *run(void *arg)
{
    struct beat *beat = arg;

    while (rest(beat))
        beat->fn(beat->arg);
    return NULL;
}

bool beat_start(beat_fn *fn, void *arg, struct beat **out, struct err *err)
{
    struct beat *beat = xcalloc(1, sizeof(*beat));
    pthread_condattr_t monotonic;

    beat->fn = fn;
    beat->arg = arg;
    pthread_mutex_init(&beat->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&beat->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    errno = pthread_create(&beat->thread, NULL, run, beat);
    if (errno != 0) {
        (void)err_errno(err, ERR_INTERNAL, "beat", "pthread_create");
        free(beat);
        return false;
    }
    *out = beat;
    return true;
}

void beat_stop(struct beat **beat)
{
    struct beat *b = *beat;

    if (b == NULL)
        return;
    *beat = NULL;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    free(b);
}
