/* worker: a pool of threads behind bounded queues that take turns, so that no partner's work delays another's
 * by more than one piece. */
#include <stdlib.h>

#include "net/loop.h"

#define QUEUES 1024

struct job {
    struct job *next;
    net_work_fn *work;
    void *arg;
};

struct queue {
    struct job *first, *last;
    int n;
    struct queue *next;                    /* in the ring of those that hold something */
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    int thread_n, started;
    pthread_t threads[THREADS_MAX];
    struct queue *first, *last;            /* whose turn it is */
    struct queue queues[QUEUES];
};

struct workers *workers_new(int threads)
{
    struct workers *workers = xcalloc(1, sizeof *workers);
    workers->thread_n = threads;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    return workers;
}

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

static struct job *take_job(struct workers *workers)
{
    struct queue *queue = workers->first;
    struct job *job = queue->first;
    workers->first = queue->next;
    if (!workers->first)
        workers->last = NULL;
    queue->first = job->next;
    queue->n--;
    if (queue->n > 0)
        line_up(workers, queue);
    return job;
}

static void *run(void *arg)
{
    struct workers *workers = arg;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (!workers->first && !workers->stopping)
            pthread_cond_wait(&workers->wake, &workers->lock);
        if (!workers->first)
            break;
        struct job *job = take_job(workers);
        pthread_mutex_unlock(&workers->lock);
        job->work(job->arg);
        free(job);
        pthread_mutex_lock(&workers->lock);
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
