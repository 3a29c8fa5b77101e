/* queue: what waits for the committer. Small jobs of all owners share a transaction, none with more than its part of
 * it; a large job has one alone, because whoever comes during it waits for its end. */
#include <string.h>

#include "ledger/internal.h"

static void list_add(struct job_list *list, struct job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

/* Takes out what *at points to. */
static struct job *list_take(struct job_list *list, struct job **at)
{
    struct job *job = *at;
    *at = job->next;
    if (*at == NULL)
        list->last = at;
    job->next = NULL;
    return job;
}

void queue_init(struct job_queue *queue)
{
    *queue = (struct job_queue){0};
    queue->small.last = &queue->small.first;
    queue->large.last = &queue->large.first;
    queue->owner_ms = queue->others_ms = INT64_MIN / 2;
}

bool job_is_large(const struct job *job)
{
    return job->owner != 0 && job->rows > LEDGER_OWNER_ROWS;
}

/* ---- who is held back ---- */

static void note_owner(struct job_queue *queue, unsigned owner, int64_t now_ms)
{
    if (owner == 0)
        return;
    if (owner != queue->owner)
        queue->others_ms = queue->owner_ms;
    queue->owner = owner;
    queue->owner_ms = now_ms;
}

static bool others_come(const struct job_queue *queue, unsigned owner, int64_t now_ms)
{
    int64_t latest = owner == queue->owner ? queue->others_ms : queue->owner_ms;
    return now_ms - latest < LEDGER_ACTIVE_MS;
}

static bool held_back(const struct job_queue *queue, unsigned owner, int64_t now_ms)
{
    return now_ms < queue->ready_ms[owner % LEDGER_OWNERS] && others_come(queue, owner, now_ms);
}

bool queue_takes(const struct job_queue *queue, const struct job *like, int64_t now_ms)
{
    if (!job_is_large(like) || !held_back(queue, like->owner, now_ms))
        return true;
    for (const struct job *job = queue->large.first; job != NULL; job = job->next) {
        if (job->owner == like->owner)
            return false;
    }
    return true;
}

void queue_charge(struct job_queue *queue, unsigned owner, int64_t now_ms, int64_t took_ms)
{
    int64_t pause = took_ms < LEDGER_LARGE_WAIT ? took_ms * LEDGER_LARGE_SHARE : LEDGER_LARGE_WAIT;
    queue->ready_ms[owner % LEDGER_OWNERS] = now_ms + (pause < LEDGER_LARGE_WAIT ? pause : LEDGER_LARGE_WAIT);
}

/* ---- in and out ---- */

bool queue_patient(const struct job_queue *queue)
{
    return queue->waiting > 0 && queue->patient == queue->waiting && queue->waiting < LEDGER_COMPANY;
}

void queue_put(struct job_queue *queue, struct job *job, int64_t now_ms)
{
    list_add(job_is_large(job) ? &queue->large : &queue->small, job);
    if (!job_is_large(job))
        note_owner(queue, job->owner, now_ms);
    queue->waiting++;
    queue->patient += job->patient;
}

/* An owner's jobs keep their order: behind one that must wait, none of its comes. */
static bool has_part(size_t rows[LEDGER_OWNERS], const struct job *job)
{
    size_t *taken = &rows[job->owner % LEDGER_OWNERS];
    if (job->owner == 0)
        return true;
    *taken += job->rows;
    return *taken <= LEDGER_OWNER_ROWS;
}

static struct job *take_small(struct job_queue *queue)
{
    size_t rows[LEDGER_OWNERS] = {0};
    struct job **at = &queue->small.first, *taken = NULL, **end = &taken;
    for (int n = 0; *at != NULL && n < LEDGER_BATCH_JOBS;) {
        if (!has_part(rows, *at)) {
            at = &(*at)->next;
            continue;
        }
        *end = list_take(&queue->small, at);
        queue->patient -= (*end)->patient;
        end = &(*end)->next;
        n++;
        queue->waiting--;
    }
    return taken;
}

static struct job *take_large(struct job_queue *queue, int64_t now_ms, bool all)
{
    for (struct job **at = &queue->large.first; *at != NULL; at = &(*at)->next) {
        if (!all && held_back(queue, (*at)->owner, now_ms))
            continue;
        queue->waiting--;
        return list_take(&queue->large, at);
    }
    return NULL;
}

struct job *queue_take(struct job_queue *queue, int64_t now_ms, bool all)
{
    struct job *large = queue->large_next ? take_large(queue, now_ms, all) : NULL;
    struct job *small = large == NULL ? take_small(queue) : NULL;
    queue->large_next = small != NULL;
    if (large == NULL && small == NULL)
        large = take_large(queue, now_ms, all);
    return large != NULL ? large : small;
}
