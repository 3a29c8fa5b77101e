/* net: brings loops, listeners, workers and client together, and takes them apart in order. */
#include <stdlib.h>

#include "net/conn.h"

/* Long work has its own threads, so that short work never waits for them, and less weight than what serves questions. */
#define LONG_NICENESS 10
#define GREETER_NICENESS 5

static int between(int value, int least, int most)
{
    return value < least ? least : value > most ? most : value;
}

struct net *net_new(const struct net_options *options)
{
    struct net *net = xcalloc(1, sizeof *net);
    net->options = *options;
    net->options.threads = between(options->threads, 1, THREADS_MAX);
    net->options.workers = between(options->workers, 1, THREADS_MAX);
    if (net->options.bodies_max <= 0)
        net->options.bodies_max = NET_BODIES_MAX;
    pthread_mutex_init(&net->lock, NULL);
    pthread_cond_init(&net->drained, NULL);
    net->loops = xcalloc((size_t)net->options.threads, sizeof *net->loops);
    for (int i = 0; i < net->options.threads; i++)
        loop_init(&net->loops[i], net);
    net->workers = workers_new(net->options.workers, 0, NULL);
    net->long_workers = workers_new(between(net->options.workers / 2, 1, THREADS_MAX), LONG_NICENESS, NULL);
    net->greeters = workers_new(between(net->options.workers / 2, 1, THREADS_MAX), GREETER_NICENESS, NULL);
    net->client = client_new(&net->loops[0]);
    net->talks = talks_new(&net->loops[0]);
    return net;
}

static void free_listeners(struct net *net)
{
    while (net->listeners) {
        struct listener *listener = net->listeners;
        net->listeners = listener->next;
        crypto_tls_free(&listener->tls);
        pthread_mutex_destroy(&listener->lock);
        free(listener->path);
        free(listener);
    }
}

void net_free(struct net **net)
{
    if (!*net)
        return;
    for (int i = 0; i < (*net)->options.threads; i++)
        loop_free(&(*net)->loops[i]);
    client_free(&(*net)->client);
    talks_free(&(*net)->talks);
    workers_free(&(*net)->workers);
    workers_free(&(*net)->long_workers);
    workers_free(&(*net)->greeters);
    free_listeners(*net);
    pthread_cond_destroy(&(*net)->drained);
    pthread_mutex_destroy(&(*net)->lock);
    free((*net)->loops);
    free(*net);
    *net = NULL;
}

bool net_start(struct net *net, struct err *err)
{
    CHECK(workers_start(net->workers, err) && workers_start(net->long_workers, err));
    CHECK(workers_start(net->greeters, err));
    for (int i = 0; i < net->options.threads; i++)
        CHECK(loop_start(&net->loops[i], err));
    return true;
}

static void wait_drained(struct net *net)
{
    pthread_mutex_lock(&net->lock);
    while (net->busy > 0)
        pthread_cond_wait(&net->drained, &net->lock);
    pthread_mutex_unlock(&net->lock);
}

/* Connections first, while workers can still answer them; then workers, the long ones first, as theirs may lead to short
 * work; then the loops, which carry the last answers to where they are freed. */
void net_stop(struct net *net)
{
    atomic_store(&net->stopping, true);
    for (int i = 0; i < net->options.threads; i++)
        net->busy += net->loops[i].started;
    for (int i = 0; i < net->options.threads; i++)
        if (net->loops[i].started)
            loop_drain(&net->loops[i]);
    wait_drained(net);
    workers_stop(net->greeters);
    workers_stop(net->long_workers);
    workers_stop(net->workers);
    for (int i = 0; i < net->options.threads; i++)
        if (net->loops[i].started)
            loop_join(&net->loops[i]);
}

bool net_work(struct net *net, unsigned queue, net_work_fn *work, void *arg, struct err *err)
{
    return workers_add(net->workers, queue, work, arg, err);
}

bool net_work_long(struct net *net, unsigned queue, net_work_fn *work, void *arg, struct err *err)
{
    return workers_add(net->long_workers, queue, work, arg, err);
}

void net_every(struct net *net, int64_t first_ms, int64_t every_ms, net_tick *fn, void *arg)
{
    if (net->tick_n == TICKS_MAX)
        abort();                           /* a defect: ticks are few and known when the program is written */
    net->ticks[net->tick_n++] = (struct tick){.first_ms = first_ms, .every_ms = every_ms, .fn = fn, .arg = arg};
}
