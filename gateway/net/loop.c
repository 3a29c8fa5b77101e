/* loop: a thread with one libuv loop, its queue of posts, and the sweep that keeps deadlines. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/conn.h"

#define SLICE_NS 100000                    /* the least that the scheduler grants */

static _Thread_local struct loop *own;

struct loop *loop_own(void)
{
    return own;
}

int64_t loop_now(struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

/* Unique, not secret: a random half drawn once and a counter whose bits are mixed. */
void loop_make_id(struct loop *loop, char out[33])
{
    uint8_t id[16];
    uint64_t low = ++loop->id_count * 0x9e3779b97f4a7c15u;
    low = (low ^ (low >> 30)) * 0xbf58476d1ce4e5b9u;
    low = (low ^ (low >> 27)) * 0x94d049bb133111ebu;
    put_be64(id, loop->id_high);
    put_be64(id + 8, low ^ (low >> 31));
    hex_encode(id, sizeof id, out);
}

bool loop_may_complain(struct loop *loop)
{
    int64_t now = loop_now(loop);
    if (loop->complained_at && now - loop->complained_at < 1000)
        return false;
    loop->complained_at = now;
    return true;
}

/* ---- posts ------------------------------------------------------------------------------------------ */

void loop_post(struct loop *loop, struct post *post)
{
    pthread_mutex_lock(&loop->lock);
    bool ended = loop->ended;
    if (!ended) {
        post->next = NULL;
        *loop->last = post;
        loop->last = &post->next;
        uv_async_send(&loop->wake);
    }
    pthread_mutex_unlock(&loop->lock);
    if (ended)
        post->run(post);
}

static struct post *take_posts(struct loop *loop, bool end)
{
    pthread_mutex_lock(&loop->lock);
    struct post *posts = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    if (end)
        loop->ended = true;
    pthread_mutex_unlock(&loop->lock);
    return posts;
}

static void run_posts(struct loop *loop, bool end)
{
    struct post *post = take_posts(loop, end);
    while (post) {
        struct post *next = post->next;
        post->run(post);
        post = next;
    }
}

static void on_wake(uv_async_t *wake)
{
    run_posts(wake->data, false);
}

/* ---- deadlines -------------------------------------------------------------------------------------- */

static void cut_all(struct loop *loop)
{
    struct conn *next;
    loop->cut = true;
    for (struct conn *conn = loop->conns; conn; conn = next) {
        next = conn->next;
        conn_close(conn);
    }
}

static void on_sweep(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    int64_t now = loop_now(loop);
    struct conn *next;
    for (struct conn *conn = loop->conns; conn; conn = next) {
        next = conn->next;
        conn_check_deadline(conn, now);
    }
    if (loop->stopping && !loop->cut && now >= loop->cut_at)
        cut_all(loop);
}

void loop_conn_opened(struct loop *loop)
{
    if (!uv_is_active((uv_handle_t *)&loop->sweep))
        uv_timer_start(&loop->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void tell_drained(struct net *net)
{
    pthread_mutex_lock(&net->lock);
    net->busy--;
    pthread_cond_signal(&net->drained);
    pthread_mutex_unlock(&net->lock);
}

void loop_conn_closed(struct loop *loop)
{
    if (loop->conns)
        return;
    uv_timer_stop(&loop->sweep);
    if (loop->stopping)
        tell_drained(loop->net);
}

/* ---- life ------------------------------------------------------------------------------------------- */

void loop_init(struct loop *loop, struct net *net)
{
    loop->net = net;
    loop->last = &loop->first;
    pthread_mutex_init(&loop->lock, NULL);
    crypto_random(&loop->id_high, sizeof loop->id_high);
    if (uv_loop_init(&loop->uv) != 0 || uv_async_init(&loop->uv, &loop->wake, on_wake) != 0)
        abort();                           /* out of memory or descriptors before anything began */
    uv_timer_init(&loop->uv, &loop->sweep);
    loop->wake.data = loop->sweep.data = loop;
}

static void on_tick(uv_timer_t *timer)
{
    struct tick *tick = timer->data;
    tick->fn(tick->arg);
}

static void start_ticks(struct net *net)
{
    for (int i = 0; i < net->tick_n; i++) {
        struct tick *tick = &net->ticks[i];
        uv_timer_init(&net->loops[0].uv, &tick->timer);
        tick->timer.data = tick;
        uv_timer_start(&tick->timer, on_tick, (uint64_t)tick->first_ms, (uint64_t)tick->every_ms);
    }
}

/* Asks the scheduler for short turns that come soon: a loop has little to do at a time, and who waits for it should not wait
 * until a worker has used up its own, longer turn. A kernel that knows no such wish gives it what it gives everybody. */
static void be_prompt(void)
{
    struct {                               /* the kernel's sched_attr, which no header of this system offers beside pthread.h */
        uint32_t size, policy;
        uint64_t flags;
        int32_t niceness;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } wish = {.size = sizeof wish};
    if (syscall(SYS_sched_getattr, 0, &wish, sizeof wish, 0) != 0)
        return;
    wish.runtime = SLICE_NS;
    (void)syscall(SYS_sched_setattr, 0, &wish, 0);
}

static void *run(void *arg)
{
    struct loop *loop = arg;
    own = loop;
    be_prompt();
    if (loop == loop->net->loops) {
        start_ticks(loop->net);
        client_open(loop->net->client);
        talks_open(loop->net->talks);
    }
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    run_posts(loop, true);
    own = NULL;
    return NULL;
}

bool loop_thread(pthread_t *thread, const char *name, void *(*body)(void *arg), void *arg, struct err *err)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int code = pthread_create(thread, NULL, body, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        return err_set(err, ERR_INTERNAL, NULL, "thread: %s", strerror(code));
    pthread_setname_np(*thread, name);
    return true;
}

bool loop_start(struct loop *loop, struct err *err)
{
    for (struct door *door = loop->doors; door; door = door->next)
        CHECK(door_listen(door, err));
    CHECK(loop_thread(&loop->thread, "loop", run, loop, err));
    loop->started = true;
    return true;
}

struct order {
    struct post post;
    struct loop *loop;
};

static void give_order(struct loop *loop, void (*run_order)(struct post *post))
{
    struct order *order = xcalloc(1, sizeof *order);
    order->loop = loop;
    order->post.run = run_order;
    loop_post(loop, &order->post);
}

static struct loop *take_order(struct post *post)
{
    struct order *order = (struct order *)post;
    struct loop *loop = order->loop;
    free(order);
    return loop;
}

static void close_ticks(struct loop *loop)
{
    struct net *net = loop->net;
    for (int i = 0; loop == net->loops && i < net->tick_n; i++)
        uv_close((uv_handle_t *)&net->ticks[i].timer, NULL);
}

static void on_drain(struct post *post)
{
    struct loop *loop = take_order(post);
    struct conn *next;
    close_ticks(loop);
    for (struct door *door = loop->doors; door; door = door->next)
        door_close(door);
    loop->stopping = true;
    uv_update_time(&loop->uv);
    loop->cut_at = loop_now(loop) + loop->net->options.stop_ms;
    if (!loop->conns)
        tell_drained(loop->net);
    for (struct conn *conn = loop->conns; conn; conn = next) {
        next = conn->next;
        conn_drain(conn);
    }
}

void loop_drain(struct loop *loop)
{
    give_order(loop, on_drain);
}

static void on_end(struct post *post)
{
    struct loop *loop = take_order(post);
    if (loop == loop->net->loops) {
        client_close(loop->net->client);
        talks_close(loop->net->talks);
    }
    uv_close((uv_handle_t *)&loop->sweep, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
}

void loop_join(struct loop *loop)
{
    give_order(loop, on_end);
    pthread_join(loop->thread, NULL);
    loop->started = false;
}

/* Only what a loop that never ran still holds is left here. */
void loop_free(struct loop *loop)
{
    if (!loop->ended) {
        for (struct door *door = loop->doors; door; door = door->next)
            door_close(door);
        uv_close((uv_handle_t *)&loop->sweep, NULL);
        uv_close((uv_handle_t *)&loop->wake, NULL);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        run_posts(loop, true);
    }
    uv_loop_close(&loop->uv);
    while (loop->pool) {
        struct net_request *request = loop->pool;
        loop->pool = request->next;
        request_free(&request);
    }
    while (loop->doors) {
        struct door *door = loop->doors;
        loop->doors = door->next;
        crypto_tls_free(&door->tls);
        free(door);
    }
    pthread_mutex_destroy(&loop->lock);
}
