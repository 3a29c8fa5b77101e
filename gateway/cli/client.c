/* Talks to the daemon: over its Unix socket, or with a person's certificate over TLS. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/internal.h"
#include "config/config.h"
#include "net/net.h"

#define PREFIX "/admin/v1"

struct where {
    const char *base, *socket;            /* socket NULL: TLS */
    const char *cert, *key, *ca;
};

bool cli_daemon_named(const struct cli *cli)
{
    return cli->option[OPTION_SOCKET] || cli->option[OPTION_URL];
}

bool cli_offline(const struct cli *cli)
{
    return cli->option[OPTION_CONFIG] && !cli_daemon_named(cli);
}

static int by_url(struct cli *cli, struct where *out)
{
    const char *url = cli->option[OPTION_URL];
    size_t n = strlen(url);
    if (cli->option[OPTION_SOCKET])
        return cli_usage(cli, "--socket and --url exclude each other");
    if (strncmp(url, "https://", 8) != 0)
        return cli_usage(cli, "--url begins with https://");
    if (!cli->option[OPTION_CERT] || !cli->option[OPTION_KEY] || !cli->option[OPTION_CA])
        return cli_usage(cli, "--url needs --cert, --key and --ca");
    while (n > 8 && url[n - 1] == '/')
        n--;
    *out = (struct where){arena_strndup(cli->arena, url, n), NULL, cli->option[OPTION_CERT], cli->option[OPTION_KEY],
                          cli->option[OPTION_CA]};
    return CLI_OK;
}

static int socket_of_config(struct cli *cli, const char **out)
{
    struct config_faults faults = {0};
    struct config *config = NULL;
    if (!config_load(cli->option[OPTION_CONFIG], &config, cli->arena, &faults))
        return cli_fail(cli, &faults.items[0]);
    *out = arena_strdup(cli->arena, config->admin_socket);
    config_free(&config);
    return CLI_OK;
}

static int find_daemon(struct cli *cli, struct where *out)
{
    const char *named = cli->option[OPTION_SOCKET], *variable = getenv("PLEDGED_SOCKET");
    if (cli->option[OPTION_URL])
        return by_url(cli, out);
    *out = (struct where){.base = "http://localhost", .socket = named ? named : CLI_SOCKET_DEFAULT};
    if (named)
        return CLI_OK;
    if (cli->option[OPTION_CONFIG])
        return socket_of_config(cli, &out->socket);
    if (variable && variable[0])
        out->socket = variable;
    return CLI_OK;
}

/* What curl says of a socket names a host and a port that do not exist. */
static void why_not(const struct where *where, const struct err *why, struct err *err)
{
    const char *place = where->socket ? where->socket : where->base;
    const struct err_info *info = err_info(why->code);
    if (why->code != ERR_CLIENT_CONNECT || !where->socket)
        err_set_both(err, ERR_UNREACHABLE, place, why->detail[0] ? why->detail : info->en,
                     why->detail[0] ? err_detail(why, true) : info->zh);
    else if (access(where->socket, F_OK) != 0)
        err_set(err, ERR_UNREACHABLE, place, "there is no such socket");
    else if (access(where->socket, W_OK) != 0)
        err_set(err, ERR_UNREACHABLE, place, "you may not use this socket");
    else
        err_set(err, ERR_UNREACHABLE, place, "nobody listens on this socket");
}

static int unreachable(struct cli *cli, const struct where *where, const struct net_fetch_request *request,
                       const struct net_fetch_result *result)
{
    struct err err = {0};
    if (result->err.code == ERR_CLIENT_TOO_LARGE)
        return cli_fail(cli, &result->err);
    why_not(where, &result->err, &err);
    int code = cli_fail(cli, &err);
    if (result->sent && strcmp(request->method, "POST") == 0)
        cli_say(cli, "%s", cli->zh ? "请求可能已被执行，重复之前请先查看" : "it may have been carried out; look before doing it again");
    return code;
}

int cli_ask(struct cli *cli, const char *method, const char *path, struct bytes body, int64_t total_ms,
            struct cli_answer *out)
{
    static const char *const headers[] = {"Accept: application/json, application/x-ndjson",
                                          "Content-Type: application/json", NULL};
    struct where where = {0};
    int code = find_daemon(cli, &where);
    if (code != CLI_OK)
        return code;
    struct net_fetch_request request = {
        .method = method,
        .url = arena_printf(cli->arena, "%s%s%s", where.base, strncmp(path, "/v1/", 4) == 0 ? "" : PREFIX, path),
        .headers = headers,
        .body = body,
        .cert = where.cert,
        .key = where.key,
        .ca = where.ca,
        .connect_ms = CLI_CONNECT_MS,
        .total_ms = total_ms,
        .body_max = CLI_ANSWER_MAX,
    };
    struct net_fetch_result result = {0};
    if (!net_fetch_wait(&request, where.socket, cli->arena, &result) || !result.ok)
        return unreachable(cli, &where, &request, &result);
    *out = (struct cli_answer){result.status, result.body};
    return result.status < 400 ? CLI_OK : cli_problem(cli, result.status, result.body);
}

/* RFC 3986: everything but unreserved characters; the point too, so that no segment reads as "..". */
static const char *encode(struct cli *cli, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(cli->arena, 3 * strlen(text) + 1), *p = out;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (letter || strchr("-_~", *c)) {
            *p++ = (char)*c;
            continue;
        }
        *p++ = '%';
        *p++ = digits[*c >> 4];
        *p++ = digits[*c & 15];
    }
    return out;
}

const char *cli_with(struct cli *cli, const char *path, const char *name, const char *value)
{
    if (!value)
        return path;
    return arena_printf(cli->arena, "%s%c%s=%s", path, strchr(path, '?') ? '&' : '?', name, encode(cli, value));
}

const char *cli_path(struct cli *cli, const char *before, const char *segment, const char *after)
{
    return arena_printf(cli->arena, "%s%s%s", before, encode(cli, segment), after);
}
