/* http_echo: the gateway's HTTP reader on a plain socket, for tests that compare it with other servers.
 *
 * Prints its port and serves until its standard input ends. Every request is answered with 200 and one line:
 * method, path, number of body bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"

static void answer(struct net_request *request, void *arg)
{
    (void)arg;
    struct net_reply reply = {.status = 200, .media_type = "text/plain"};
    reply.body = bytes_str(arena_printf(net_arena(request), "%s %s %zu\n", net_method(request), net_path(request),
                                        net_body(request).n));
    net_answer(request, &reply);
}

static void problem(enum err_code code, const char *detail, const char *request_id, struct buf *out, void *arg)
{
    (void)arg;
    buf_printf(out, "{\"code\":\"%s\",\"detail\":\"%s\",\"trace_id\":\"%s\"}", err_info(code)->code, detail,
               request_id);
}

static int fail(const struct err *err)
{
    char text[640];
    fprintf(stderr, "http_echo: %s\n", err_text(err, false, text, sizeof text));
    return 1;
}

/* http_echo [BODY_MAX [HEADER_MS]] */
int main(int argc, char **argv)
{
    struct net_options options = {.threads = 1, .workers = 1, .connections = 256, .header_ms = 10000, .body_ms = 10000,
                                  .idle_ms = 30000, .write_ms = 10000, .stop_ms = 1000};
    struct net_service service = {.handler = answer, .error_body = problem, .body_max = NET_BODY_MAX};
    struct err err = {0};
    int port;
    char byte;
    if (argc > 1)
        service.body_max = atoi(argv[1]);
    if (argc > 2)
        options.header_ms = options.body_ms = atoi(argv[2]);
    log_set_level(LOG_WARN);
    struct net *net = net_new(&options);
    if (!net_listen_tcp(net, "127.0.0.1:0", NULL, 0, &service, &port, &err) || !net_start(net, &err))
        return fail(&err);
    printf("%d\n", port);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    net_stop(net);
    net_free(&net);
    return 0;
}
