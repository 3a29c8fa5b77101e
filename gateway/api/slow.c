/* slow: a thread that comes with the first piece of work and goes with the last. */
#include "api/slow.h"

#include <string.h>

#include "care/care.h"

/* NULL when nothing waits any more: the thread ends. */
static struct ask *take(struct api *api, bool *stopped_out)
{
    struct api_slow *slow = &api->slow;

    pthread_mutex_lock(&api->lock);
    struct ask *ask = slow->first;
    *stopped_out = atomic_load(&slow->stopped);
    slow->running = ask != NULL;
    if (ask) {
        slow->first = ask->next;
        slow->waiting--;
    }
    pthread_mutex_unlock(&api->lock);
    return ask;
}

static void *run_all(void *arg)
{
    struct api *api = arg;
    bool stopped;

    care_be_gentle();
    for (struct ask *ask = take(api, &stopped); ask; ask = take(api, &stopped)) {
        struct err err = {0};
        if (!stopped) {
            ask->run_slow(ask);
            continue;
        }
        err_set(&err, ERR_STOPPING, NULL, "no more work is taken");
        ask_fail(ask, &err);
        ask_end(ask);
    }
    return NULL;
}

/* With the lock held. A thread that is not running has nothing left to do but to end. */
static bool start(struct api *api, struct err *err)
{
    struct api_slow *slow = &api->slow;

    if (slow->running)
        return true;
    if (slow->has_thread)
        pthread_join(slow->thread, NULL);
    int code = pthread_create(&slow->thread, NULL, run_all, api);
    slow->has_thread = slow->running = code == 0;
    return code == 0 || err_set(err, ERR_INTERNAL, "slow", "thread: %s", strerror(code));
}

/* With the lock held. */
static bool add(struct api *api, struct ask *ask, struct err *err)
{
    struct api_slow *slow = &api->slow;
    struct ask **end = &slow->first;

    if (atomic_load(&slow->stopped))
        return err_set(err, ERR_STOPPING, NULL, "no more work is taken");
    if (slow->waiting == SLOW_MAX)
        return err_set(err, ERR_BUSY_QUEUE, NULL, "%d long searches and proofs wait", SLOW_MAX);
    CHECK(start(api, err));
    while (*end)
        end = &(*end)->next;
    ask->next = NULL;
    *end = ask;
    slow->waiting++;
    return true;
}

bool slow_add(struct ask *ask, void (*fn)(void *ask), struct err *err)
{
    struct api *api = ask->api;

    ask->run_slow = fn;
    pthread_mutex_lock(&api->lock);
    bool added = add(api, ask, err);
    pthread_mutex_unlock(&api->lock);
    return added;
}

bool slow_goes_on(void *arg, uint64_t done, uint64_t total)
{
    struct api *api = arg;

    (void)done, (void)total;
    return !atomic_load(&api->slow.stopped);
}

void slow_stop(struct api *api)
{
    pthread_mutex_lock(&api->lock);
    atomic_store(&api->slow.stopped, true);
    bool has_thread = api->slow.has_thread;
    api->slow.has_thread = false;
    pthread_mutex_unlock(&api->lock);
    if (has_thread)
        pthread_join(api->slow.thread, NULL);
}
