/* What the tests share that run an adapter as the daemon does: a PKI, a net and a host with our identity in it. */
#ifndef TESTS_HOST_PEER_WORLD_H
#define TESTS_HOST_PEER_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "host/host.h"

static struct {
    char dir[64], cert[128], key[128], ca[128]; /* the PKI; in it ours, and who signs the peers' */
    struct net *net;
    struct host *host;
} world;

static inline void make_world(const char *name)
{
    char command[256];
    (void)snprintf(world.dir, sizeof(world.dir), "/tmp/host-%s-XXXXXX", name);
    assert_non_null(mkdtemp(world.dir));
    (void)snprintf(command, sizeof(command), "sh %s/certs/make-dev-pki.sh %s >/dev/null", SOURCE_DIR, world.dir);
    assert_int_equal(system(command), 0);
    (void)snprintf(world.cert, sizeof(world.cert), "%s/gateway-client.pem", world.dir);
    (void)snprintf(world.key, sizeof(world.key), "%s/gateway-client.key", world.dir);
    (void)snprintf(world.ca, sizeof(world.ca), "%s/ca.pem", world.dir);
}

static inline void begin_host(int64_t step_limit_ms)
{
    const struct net_options net = {.threads = 1,
                                    .workers = 1,
                                    .connections = 16,
                                    .header_ms = 1000,
                                    .body_ms = 1000,
                                    .idle_ms = 1000,
                                    .write_ms = 1000,
                                    .stop_ms = 1000};
    struct host_options options = {.adapters_dir = BINARY_DIR "/adapters",
                                   .step_limit_ms = step_limit_ms,
                                   .cert = world.cert,
                                   .key = world.key,
                                   .ca = world.ca};
    struct err err = {0};
    world.net = net_new(&net);
    if (!net_start(world.net, &err))
        fail_msg("%s", err.detail);
    options.net = world.net;
    world.host = host_new(&options);
}

static inline void end_host(void)
{
    host_free(&world.host);
    net_stop(world.net);
    net_free(&world.net);
}

static inline int remove_world(void)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r %s", world.dir);
    return system(command);
}

#endif
