/* worker: a pool of threads behind bounded queues that take turns, so that no partner's work delays another's by more than
 * one piece. A turn is worth TURN_NS of CPU time: a queue whose piece cost more lets the others have as many turns as that
 * was worth. A queue that lately had a dear piece never has all threads, so that one is left for short work. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "net/loop.h"

#define QUEUES 1024
#define TURN_NS 1000000
#define REST_MAX 1000                      /* turns a queue rests at most, whatever its piece cost */
#define DEAR_NS 5000000                    /* a piece that others should not have to wait for */

struct job {
    struct job *next;
    net_work_fn *work;
    void *arg;
};

struct queue {
    struct job *first, *last;
    int n;
    uint64_t rests_until;                  /* turn of the pool from which on it is served again before others */
    int64_t peak_ns;                       /* cost of its dearest piece, less with each one since */
    struct queue *next;                    /* in the ring of those that hold something */
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    int niceness;
    workers_clock *cpu_ns;
    int thread_n, started;
    pthread_t threads[THREADS_MAX];
    uint64_t turn;                         /* pieces begun */
    int dear;                              /* threads that work for dear queues */
    struct queue *first, *last;            /* whose turn it is */
    struct queue queues[QUEUES];
};

static int64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct workers *workers_new(int threads, int niceness, workers_clock *cpu_ns)
{
    struct workers *workers = xcalloc(1, sizeof *workers);
    workers->thread_n = threads;
    workers->niceness = niceness;
    workers->cpu_ns = cpu_ns ? cpu_ns : thread_cpu_ns;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    return workers;
}

/* ---- whose turn it is ------------------------------------------------------------------------------- */

/* Appends a queue to those that wait for a turn. */
static void line_up(struct workers *workers, struct queue *queue)
{
    queue->next = NULL;
    if (workers->last)
        workers->last->next = queue;
    else
        workers->first = queue;
    workers->last = queue;
}

static void step_out(struct workers *workers, struct queue *queue)
{
    struct queue *before = NULL;
    for (struct queue *at = workers->first; at != queue; at = at->next)
        before = at;
    if (before)
        before->next = queue->next;
    else
        workers->first = queue->next;
    if (workers->last == queue)
        workers->last = before;
}

static bool is_dear(const struct queue *queue)
{
    return queue->peak_ns >= DEAR_NS;
}

static bool may_run(const struct workers *workers, const struct queue *queue)
{
    return !is_dear(queue) || workers->dear == 0 || workers->dear < workers->thread_n - 1;
}

/* The first in line that does not rest; when all rest, the one that has rested most. NULL: none may run now. */
static struct queue *next_queue(const struct workers *workers)
{
    struct queue *best = NULL;
    for (struct queue *queue = workers->first; queue; queue = queue->next) {
        if (!may_run(workers, queue))
            continue;
        if (queue->rests_until <= workers->turn)
            return queue;
        if (!best || queue->rests_until < best->rests_until)
            best = queue;
    }
    return best;
}

static struct job *take_job(struct workers *workers, struct queue *queue)
{
    struct job *job = queue->first;
    step_out(workers, queue);
    queue->first = job->next;
    queue->n--;
    workers->turn++;
    if (queue->n > 0)
        line_up(workers, queue);
    return job;
}

static void charge(struct workers *workers, struct queue *queue, int64_t cost_ns)
{
    int64_t turns = cost_ns / TURN_NS;
    uint64_t from = queue->rests_until > workers->turn ? queue->rests_until : workers->turn;
    if (turns > 0)
        queue->rests_until = from + (uint64_t)(turns < REST_MAX ? turns : REST_MAX);
    queue->peak_ns -= queue->peak_ns / 8;
    if (cost_ns > queue->peak_ns)
        queue->peak_ns = cost_ns;
}

/* ---- threads ---------------------------------------------------------------------------------------- */

/* With the lock held, which it gives back while it works. */
static void work_for(struct workers *workers, struct queue *queue)
{
    struct job *job = take_job(workers, queue);
    bool dear = is_dear(queue);
    workers->dear += dear;
    pthread_mutex_unlock(&workers->lock);
    int64_t before = workers->cpu_ns();
    job->work(job->arg);
    int64_t cost = workers->cpu_ns() - before;
    free(job);
    pthread_mutex_lock(&workers->lock);
    workers->dear -= dear;
    charge(workers, queue, cost);
}

/* When the system will not, turns still hold. */
static void be_lighter(int niceness)
{
    id_t thread = (id_t)syscall(SYS_gettid);
    if (niceness > 0)
        (void)setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + niceness);
}

static void *run(void *arg)
{
    struct workers *workers = arg;
    be_lighter(workers->niceness);
    pthread_mutex_lock(&workers->lock);
    while (workers->first || !workers->stopping) {
        struct queue *queue = next_queue(workers);
        if (queue)
            work_for(workers, queue);
        else if (workers->first && workers->stopping)
            break;                         /* whoever works for a dear queue now also ends it */
        else
            pthread_cond_wait(&workers->wake, &workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

bool workers_start(struct workers *workers, struct err *err)
{
    for (; workers->started < workers->thread_n; workers->started++) {
        pthread_t *thread = &workers->threads[workers->started];
        CHECK(loop_thread(thread, "worker", run, workers, err));
    }
    return true;
}

static bool add_job(struct workers *workers, struct queue *queue, struct job *job)
{
    if (workers->stopping || queue->n == NET_WORK_QUEUE_MAX)
        return false;
    if (queue->n == 0)
        queue->first = job;
    else
        queue->last->next = job;
    queue->last = job;
    queue->n++;
    if (queue->n == 1)
        line_up(workers, queue);
    pthread_cond_signal(&workers->wake);
    return true;
}

bool workers_add(struct workers *workers, unsigned queue, net_work_fn *work, void *arg, struct err *err)
{
    if (queue >= QUEUES)
        return err_set(err, ERR_INTERNAL, NULL, "no work queue %u", queue);
    struct job *job = xcalloc(1, sizeof *job);
    *job = (struct job){.work = work, .arg = arg};
    pthread_mutex_lock(&workers->lock);
    bool stopping = workers->stopping;
    bool added = add_job(workers, &workers->queues[queue], job);
    pthread_mutex_unlock(&workers->lock);
    if (added)
        return true;
    free(job);
    if (stopping)
        return err_set(err, ERR_STOPPING, NULL, "no more work is taken");
    return err_set(err, ERR_BUSY_QUEUE, NULL, "%d pieces of work wait", NET_WORK_QUEUE_MAX);
}

void workers_stop(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    for (; workers->started > 0; workers->started--)
        pthread_join(workers->threads[workers->started - 1], NULL);
}

void workers_free(struct workers **workers)
{
    if (!*workers)
        return;
    pthread_cond_destroy(&(*workers)->wake);
    pthread_mutex_destroy(&(*workers)->lock);
    free(*workers);
    *workers = NULL;
}
