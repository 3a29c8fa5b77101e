/* loop: threads that each run one libuv loop, and what is shared between them. Private to net. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "net/net.h"

#define WIRE_SIZE CRYPTO_SESSION_FEED_MAX  /* bytes taken from a socket at once */
#define PLAIN_SIZE (17u << 10)             /* one TLS record */
#define SWEEP_MS 100                       /* how late a deadline may be noticed */
#define POOL_MAX 32                        /* requests kept for reuse by each loop */
#define TICKS_MAX 16
#define THREADS_MAX 64

struct client;
struct conn;
struct talks;
struct loop;
struct workers;

/* Work handed to a loop from another thread; embedded in what it is about. */
struct post {
    struct post *next;
    void (*run)(struct post *post);
};

/* One call of net_listen_*: shared by the loops. */
struct listener {
    struct listener *next;
    struct net *net;
    struct net_service service;
    int tag;
    bool secure, framed;
    char *path;                            /* of a Unix socket */
    atomic_int open;                       /* connections now */
    pthread_mutex_t lock;                  /* guards tls */
    struct crypto_tls *tls;
    atomic_uint generation;                /* of tls */
};

/* A listening socket of one loop. */
struct door {
    struct door *next;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct listener *listener;
    struct loop *loop;
    int fd;                                /* until uv owns it */
    struct crypto_tls *tls;                /* this loop's reference to the listener's */
    unsigned generation;
};

struct loop {
    struct net *net;
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t sweep;
    pthread_t thread;
    bool started, stopping, cut;           /* cut: the time for an orderly end is over */
    int64_t cut_at, complained_at;
    struct door *doors;
    struct conn *conns, *current;          /* current: the one being pumped */
    struct net_request *pool;
    int pool_n;
    uint64_t id_high, id_count;
    pthread_mutex_t lock;                  /* guards the posts and `ended` */
    struct post *first, **last;
    bool ended;                            /* nobody runs posts here any more; the poster does */
    uint8_t wire[WIRE_SIZE];
    uint8_t plain[PLAIN_SIZE];
};

struct tick {
    uv_timer_t timer;
    int64_t first_ms, every_ms;
    net_tick *fn;
    void *arg;
};

struct net {
    struct net_options options;
    struct listener *listeners;
    struct loop *loops;                    /* options.threads of them */
    struct tick ticks[TICKS_MAX];
    int tick_n;
    struct workers *workers, *long_workers, *greeters;
    struct client *client;
    struct talks *talks;
    atomic_bool stopping;
    _Atomic int64_t bodies;                /* bytes of all bodies now held */
    pthread_mutex_t lock;                  /* guards `busy` */
    pthread_cond_t drained;
    int busy;                              /* loops that still hold connections while stopping */
};

/* The loop whose thread this is, or NULL. */
struct loop *loop_own(void);
void loop_init(struct loop *loop, struct net *net);
void loop_free(struct loop *loop);
/* A thread that signals to the process pass by, and that a closed socket does not kill (SIGPIPE). */
bool loop_thread(pthread_t *thread, const char *name, void *(*body)(void *arg), void *arg, struct err *err);
bool loop_start(struct loop *loop, struct err *err);
/* Runs post on the loop's thread; on this one when the loop has ended. */
void loop_post(struct loop *loop, struct post *post);
/* Orderly stop: closes the doors and what is idle, cuts the rest after stop_ms. */
void loop_drain(struct loop *loop);
void loop_join(struct loop *loop);
void loop_conn_opened(struct loop *loop);
void loop_conn_closed(struct loop *loop);
void loop_make_id(struct loop *loop, char out[33]);
/* At most once a second, so that whoever knocks too often does not fill the log. */
bool loop_may_complain(struct loop *loop);
int64_t loop_now(struct loop *loop);       /* monotonic ms, of this turn of the loop */

/* "host:port" or "[v6]:port" into its parts. */
#define ADDRESS_HOST_SIZE 256
bool address_split(const char *address, char host_out[ADDRESS_HOST_SIZE], const char **port_out);

bool door_listen(struct door *door, struct err *err);
void door_close(struct door *door);
/* The TLS context in force; borrowed. */
struct crypto_tls *door_tls(struct door *door);

/* `niceness` lowers the scheduling weight of the threads. `cpu_ns` tells the CPU time that a thread has used, NULL: by the
 * system's clock. */
typedef int64_t workers_clock(void);
struct workers *workers_new(int threads, int niceness, workers_clock *cpu_ns);
bool workers_start(struct workers *workers, struct err *err);
/* Runs all that was accepted, then ends the threads. */
void workers_stop(struct workers *workers);
void workers_free(struct workers **workers);
bool workers_add(struct workers *workers, unsigned queue, net_work_fn *work, void *arg, struct err *err);

struct client *client_new(struct loop *loop);
void client_open(struct client *client);   /* on the thread of the loop, before it runs */
void client_close(struct client *client);  /* on the thread of the loop: ends all exchanges */
void client_free(struct client **client);

/* Framed exchanges; as the client. */
struct talks *talks_new(struct loop *loop);
void talks_open(struct talks *talks);
void talks_close(struct talks *talks);
void talks_free(struct talks **talks);

#endif
