/* client: outgoing exchanges side by side on the first loop: libcurl's multi interface over libuv. */
#include <stdlib.h>

#include "net/fetch.h"
#include "net/loop.h"

#define KEPT_CONNECTIONS 64L

struct exchange {
    struct post post;                      /* first: brings it to the loop */
    struct client *client;
    struct fetch fetch;
    net_fetch_done *done;
    void *arg;
    struct exchange *next, *prev;          /* while it runs */
};

struct client {
    struct loop *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct exchange *running;
    bool open;
    atomic_bool closed;
    atomic_int n;                          /* exchanges from start to done */
};

/* A socket of libcurl's. Freed by its close callback. */
struct watch {
    uv_poll_t poll;
    curl_socket_t fd;
    struct client *client;
};

/* ---- outcome ---------------------------------------------------------------------------------------- */

static void finish(struct exchange *exchange, const struct net_fetch_result *result)
{
    struct client *client = exchange->client;
    exchange->done(result, exchange->arg);
    fetch_free(&exchange->fetch);
    free(exchange);
    atomic_fetch_sub(&client->n, 1);
}

static void unlink_exchange(struct exchange *exchange)
{
    struct client *client = exchange->client;
    curl_multi_remove_handle(client->multi, exchange->fetch.easy);
    if (exchange->prev)
        exchange->prev->next = exchange->next;
    else
        client->running = exchange->next;
    if (exchange->next)
        exchange->next->prev = exchange->prev;
}

static void finish_stopped(struct exchange *exchange)
{
    struct net_fetch_result result;
    fetch_stopped(&exchange->fetch, &result);
    finish(exchange, &result);
}

static void collect(struct client *client)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left))) {
        struct exchange *exchange;
        struct net_fetch_result result;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange) != CURLE_OK)
            continue;
        fetch_result(&exchange->fetch, code, &result);
        unlink_exchange(exchange);
        finish(exchange, &result);
    }
}

/* ---- libcurl on libuv ------------------------------------------------------------------------------- */

static void act(struct client *client, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(client->multi, fd, events, &running);
    collect(client);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
    struct client *client = arg;
    (void)multi;
    if (ms < 0)
        uv_timer_stop(&client->timer);
    else
        uv_timer_start(&client->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(watch->client, watch->fd, flags);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watch *new_watch(struct client *client, curl_socket_t fd)
{
    struct watch *watch = xcalloc(1, sizeof *watch);
    watch->fd = fd;
    watch->client = client;
    if (uv_poll_init_socket(&client->loop->uv, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    return watch;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    struct client *client = arg;
    struct watch *watch = socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        curl_multi_assign(client->multi, fd, NULL);
        return 0;
    }
    if (!watch) {
        watch = new_watch(client, fd);
        if (!watch)
            return -1;
        curl_multi_assign(client->multi, fd, watch);
    }
    int events = ((what & CURL_POLL_IN) ? UV_READABLE : 0) | ((what & CURL_POLL_OUT) ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, events, on_poll) == 0 ? 0 : -1;
}

/* ---- life ------------------------------------------------------------------------------------------- */

struct client *client_new(struct loop *loop)
{
    struct client *client = xcalloc(1, sizeof *client);
    client->loop = loop;
    return client;
}

void client_open(struct client *client)
{
    client->multi = curl_multi_init();
    if (!client->multi)
        abort();                           /* memory, as everywhere */
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    uv_timer_init(&client->loop->uv, &client->timer);
    client->timer.data = client;
    client->open = true;
}

void client_close(struct client *client)
{
    atomic_store(&client->closed, true);
    if (!client->open)
        return;
    client->open = false;
    while (client->running) {
        struct exchange *exchange = client->running;
        unlink_exchange(exchange);
        finish_stopped(exchange);
    }
    curl_multi_cleanup(client->multi);
    uv_close((uv_handle_t *)&client->timer, NULL);
}

void client_free(struct client **client)
{
    free(*client);
    *client = NULL;
}

static void on_start(struct post *post)
{
    struct exchange *exchange = (struct exchange *)post;
    struct client *client = exchange->client;
    if (!client->open) {
        finish_stopped(exchange);
        return;
    }
    exchange->next = client->running;
    if (exchange->next)
        exchange->next->prev = exchange;
    client->running = exchange;
    curl_easy_setopt(exchange->fetch.easy, CURLOPT_PRIVATE, exchange);
    curl_multi_add_handle(client->multi, exchange->fetch.easy);
}

bool net_fetch_start(struct net *net, const struct net_fetch_request *request, net_fetch_done *done, void *arg,
                     struct err *err)
{
    struct client *client = net->client;
    if (atomic_load(&client->closed))
        return err_set(err, ERR_STOPPING, NULL, "no more exchanges are started");
    if (atomic_fetch_add(&client->n, 1) >= NET_FETCH_MAX) {
        atomic_fetch_sub(&client->n, 1);
        return err_set(err, ERR_BUSY_QUEUE, NULL, "%d exchanges are under way", NET_FETCH_MAX);
    }
    struct exchange *exchange = xcalloc(1, sizeof *exchange);
    exchange->client = client;
    exchange->done = done;
    exchange->arg = arg;
    exchange->post.run = on_start;
    if (!fetch_init(&exchange->fetch, request, NULL, err)) {
        free(exchange);
        atomic_fetch_sub(&client->n, 1);
        return false;
    }
    loop_post(client->loop, &exchange->post);
    return true;
}
