/* api: making the api, swapping what is in force, readiness. */
#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/dispatch.h"
#include "api/held.h"
#include "api/internal.h"

struct held *held_new(struct callers *callers, const struct api_state *state)
{
    struct held *held = xcalloc(1, sizeof(*held));
    held->refs = 1;
    held->state = *state;
    directory_ref(state->directory);
    crypto_tls_ref(state->server_tls);
    crypto_keyring_ref(state->ring);
    held->caller_n = directory_partners(state->directory);
    held->callers = xcalloc(held->caller_n + 1, sizeof(*held->callers));
    for (size_t i = 0; i < held->caller_n; i++) {
        const struct partner *partner = directory_partner(state->directory, i);
        if (partner->slot < held->caller_n)
            held->callers[partner->slot] = callers_of(callers, partner->id);
    }
    return held;
}

struct held *held_take(struct api *api)
{
    pthread_mutex_lock(&api->lock);
    struct held *held = api->held;
    atomic_fetch_add(&held->refs, 1);
    pthread_mutex_unlock(&api->lock);
    return held;
}

void held_drop(struct held **held)
{
    if (*held && atomic_fetch_sub(&(*held)->refs, 1) == 1) {
        directory_free(&(*held)->state.directory);
        crypto_tls_free(&(*held)->state.server_tls);
        crypto_keyring_free(&(*held)->state.ring);
        free((*held)->callers);
        free(*held);
    }
    *held = NULL;
}

struct api *api_new(const struct api_options *options, const struct api_state *state)
{
    struct api *api = xcalloc(1, sizeof(*api));
    api->options = *options;
    api->access_dir = xstrdup(options->access_dir);
    api->scratch_dir = xstrdup(options->scratch_dir);
    pthread_mutex_init(&api->lock, NULL);
    pthread_mutex_init(&api->backup.lock, NULL);
    api->callers = callers_new();
    api->held = held_new(api->callers, state);
    api->idempotency = idempotency_new();
    api->started_ms = clock_wall_ms();
    snprintf(api->why, sizeof(api->why), "starting");
    buf_init(&api->openapi, API_OPENAPI_MAX);
    api_openapi(&api->openapi);
    api->service = (struct net_service){
        .handler = dispatch_request,
        .error_body = dispatch_refused,
        .closed = dispatch_closed,
        .arg = api,
        .body_max = NET_BODY_MAX,
    };
    return api;
}

void api_free(struct api **api)
{
    if (!*api)
        return;
    api_stop(*api);
    held_drop(&(*api)->held);
    callers_free(&(*api)->callers);
    idempotency_free(&(*api)->idempotency);
    buf_free(&(*api)->openapi);
    pthread_mutex_destroy(&(*api)->backup.lock);
    pthread_mutex_destroy(&(*api)->lock);
    free((*api)->access_dir);
    free((*api)->scratch_dir);
    free(*api);
    *api = NULL;
}

void api_swap(struct api *api, const struct api_state *state)
{
    pthread_mutex_lock(&api->lock);
    struct held *old = api->held;
    api->held = held_new(api->callers, state);
    pthread_mutex_unlock(&api->lock);
    held_drop(&old);
}

void api_set_ready(struct api *api, bool ready, const char *why)
{
    pthread_mutex_lock(&api->lock);
    snprintf(api->why, sizeof(api->why), "%s", why ? why : "");
    pthread_mutex_unlock(&api->lock);
    atomic_store(&api->ready, ready);
    if (ready)
        atomic_store(&api->was_ready, true);
}

const struct net_service *api_service(struct api *api)
{
    return &api->service;
}

void api_fault(struct buf *report, const struct err *fault)
{
    buf_printf(report, "%s\t%s\t%s\t%s\n", fault->place, err_info(fault->code)->code, err_detail(fault, false),
               err_detail(fault, true));
}

uint64_t api_generation(struct api *api)
{
    struct held *held = held_take(api);
    uint64_t generation = held->state.generation;
    held_drop(&held);
    return generation;
}
