/* admit: judges who asks and for what, at every request anew against the directory in force. Denied by default: a
 * route is open only to the roles that the table names. */
#include "api/admit.h"

#include <stdio.h>
#include <string.h>

static const struct partner root = {
    .id = "root", .name = "root", .person = true, .roles = ROLE_OBSERVER | ROLE_OPERATOR, .region = "",
};

/* uid 0 reads and runs, whoever it is mapped to, and never approves. */
static void identify_socket(struct ask *ask)
{
    uint32_t uid;
    if (!net_peer_uid(ask->request, &uid))
        return;
    ask->who = directory_by_uid(ask->held->state.directory, uid);
    if (uid == 0 && !ask->who)
        ask->who = &root;
    if (ask->who)
        ask->roles = ask->who->roles;
    if (uid == 0)
        ask->roles = (ask->roles & ~(unsigned)ROLE_APPROVER) | ROUTE_ROOT;
}

static void identify_tls(struct ask *ask)
{
    const uint8_t *digest = net_peer_digest(ask->request);
    if (!digest)
        return;
    ask->who = directory_by_key(ask->held->state.directory, digest);
    if (ask->who)
        ask->roles = ask->who->roles;
}

static struct caller *caller_of(const struct ask *ask)
{
    const struct held *held = ask->held;

    if (ask->who && ask->who != &root && ask->who->slot < held->caller_n && held->callers[ask->who->slot])
        return held->callers[ask->who->slot];
    return callers_shared(ask->api->callers);
}

static void identify(struct ask *ask)
{
    if (ask->listener == API_LISTENER_SOCKET)
        identify_socket(ask);
    else if (ask->listener != API_LISTENER_PLAIN)
        identify_tls(ask);
    ask->caller = caller_of(ask);
}

void admit_closed(struct api *api, uint64_t mark)
{
    struct caller *caller = callers_marked(api->callers, mark);
    if (caller)
        atomic_fetch_sub(&caller->connections, 1);
}

/* A connection counts for the partner that used it last; a reload may move its key to another. */
static bool count_connection(struct ask *ask, struct err *err)
{
    uint64_t mark = net_connection_mark(ask->request);
    int64_t limit = ask_config(ask)->net_partner_connections;

    if (mark == ask->caller->mark)
        return true;
    if (atomic_fetch_add(&ask->caller->connections, 1) >= limit) {
        atomic_fetch_sub(&ask->caller->connections, 1);
        ask->reply.close = true;
        return err_set(err, ERR_CONNECTIONS_PARTNER, NULL, "at most %lld connections", (long long)limit);
    }
    admit_closed(ask->api, mark);
    net_connection_set_mark(ask->request, ask->caller->mark);
    return true;
}

static bool pace(struct ask *ask, struct err *err)
{
    int64_t rate = ask_config(ask)->net_partner_rate;
    int64_t wait_ms;

    if (api_bucket_take(&ask->caller->bucket, rate, ask->started_mono_ms, &wait_ms))
        return true;
    ask_header(ask, "Retry-After", arena_printf(ask->arena, "%lld", (long long)(wait_ms + 999) / 1000));
    ask->reply.rest = true; /* refusing as fast as it asks would cost as much as answering */
    return err_set(err, ERR_RATE_PARTNER, NULL, "%lld requests per second", (long long)rate);
}

static bool known(const struct ask *ask, struct err *err)
{
    bool open = ask->route && (ask->route->roles & ROUTE_OPEN);
    if (!ask->who && !open)
        return err_set(err, ERR_SENDER_UNKNOWN, NULL, "GET /v1/whoami tells the key's digest");
    if (ask->who && ask->who->paused && !open)
        return err_set(err, ERR_SENDER_PAUSED, NULL, "%s", ask->who->id);
    return true;
}

static bool allowed(const struct ask *ask, struct err *err)
{
    unsigned roles = ask->route->roles;
    char names[200];

    if ((roles & (ROUTE_OPEN | ROUTE_KNOWN)) || (roles & ask->roles))
        return true;
    return err_set(err, ERR_SENDER_ROLE, NULL, "one of %s is needed",
                   role_names(roles & (ROUTE_ROOT - 1), names, sizeof(names)));
}

/* A browser names the page that sends a POST; only the console's own may. */
static bool same_site(const struct ask *ask, struct err *err)
{
    const size_t scheme = sizeof("https://") - 1;

    if (strcmp(ask->method, "POST") != 0 || !net_header_present(ask->request, "Origin"))
        return true;
    struct bytes origin = net_header_value(ask->request, "Origin");
    struct bytes host = net_header_value(ask->request, "Host");
    if (origin.n == scheme + host.n && memcmp(origin.p, "https://", scheme) == 0 &&
        memcmp(origin.p + scheme, host.p, host.n) == 0)
        return true;
    return err_set(err, ERR_HTTP_ORIGIN, NULL, "Origin and Host differ");
}

static bool parameters(struct ask *ask, struct err *err)
{
    const char *names[ROUTE_QUERY_MAX];
    size_t n;

    if (net_query(ask->request)[0] == '\0')
        return true;
    n = net_parameters(ask->request, names, ROUTE_QUERY_MAX);
    if (n > ROUTE_QUERY_MAX)
        return err_set(err, ERR_HTTP_QUERY, NULL, "more than %d parameters", ROUTE_QUERY_MAX);
    for (size_t i = 0; i < n; i++) {
        bool twice = false;
        char place[64];
        snprintf(place, sizeof(place), "%s", names[i]);
        if (!route_has_word(ask->route->query, names[i], strlen(names[i])))
            return err_set(err, ERR_HTTP_QUERY, place, "this address knows no such parameter");
        if (!net_parameter(ask->request, names[i], &twice))
            return err_set(err, ERR_HTTP_QUERY, place, "the value cannot be read");
        if (twice)
            return err_set(err, ERR_HTTP_QUERY, place, "given more than once");
    }
    return true;
}

/* What has one form that is not JSON is answered in it whatever is accepted; which form a file has, it knows itself. */
static bool form(struct ask *ask, struct err *err)
{
    size_t n;
    const enum api_media *offered = route_media(ask->route->form, &n);
    char others[80] = "";

    ask->media = offered[0];
    if (ask->media != API_MEDIA_JSON || api_accept(net_header_value(ask->request, "Accept"), offered, n, &ask->media))
        return true;
    for (size_t i = 1; i < n; i++) {
        strcat(others, ", ");
        strcat(others, api_media_name(offered[i]));
    }
    return err_set(err, ERR_HTTP_NOT_ACCEPTABLE, NULL, "offered: application/json%s", others);
}

static bool ready(const struct ask *ask, struct err *err)
{
    bool told = ask->route->form == FORM_STATEMENT || ask->route->form == FORM_STATEMENTS;

    if (!told || atomic_load(&ask->api->was_ready))
        return true;
    return err_set(err, ERR_STARTING, NULL, "GET /readyz tells more");
}

bool admit(struct ask *ask, struct err *err)
{
    char allow[ROUTE_ALLOW_SIZE] = "";
    struct err lost = {0};
    bool found = route_find(ask->method, net_path(ask->request), 1u << (ask->listener - 1), ask->arena, &ask->route,
                            ask->values, allow, &lost);

    identify(ask);
    /* bounds are for those who come over the network; who may open the socket is the file system's business */
    if (ask->listener != API_LISTENER_SOCKET && ask->listener != API_LISTENER_PLAIN) {
        CHECK(count_connection(ask, err));
        CHECK(pace(ask, err));
    }
    if (ask->listener != API_LISTENER_PLAIN)
        CHECK(known(ask, err));
    if (!found) {
        if (allow[0])
            ask_header(ask, "Allow", arena_strdup(ask->arena, allow));
        *err = lost;
        return false;
    }
    CHECK(allowed(ask, err));
    CHECK(same_site(ask, err));
    CHECK(ready(ask, err));
    CHECK(parameters(ask, err));
    return form(ask, err);
}
