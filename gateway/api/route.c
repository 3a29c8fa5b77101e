/* route: the table itself and the search in it. Of two patterns that fit, the one that names the path outright wins,
 * so /v1/whitelist/query is never read as a code. */
#include "api/route.h"

#include <string.h>

#define API ROUTE_ON_PARTNER
#define FRAMES ROUTE_ON_FRAMES
#define ADMIN (ROUTE_ON_ADMIN | ROUTE_ON_SOCKET)
#define PROBE (ROUTE_ON_ADMIN | ROUTE_ON_SOCKET | ROUTE_ON_PLAIN)
#define READ (ROLE_OBSERVER | ROLE_OPERATOR | ROLE_APPROVER | ROLE_SECADMIN | ROLE_SYSADMIN | ROLE_AUDITOR | ROUTE_ROOT)
#define ACT (ROLE_OPERATOR | ROUTE_ROOT)
#define APPROVE ROLE_APPROVER
#define CARE (ROLE_SYSADMIN | ROUTE_ROOT)
#define ASK (ROLE_BANK | ROLE_PLATFORM | ROLE_REGISTRY | ROLE_OBSERVER | ROLE_OPERATOR)
#define BULK (ROLE_BANK | ROLE_PLATFORM)
#define PARTNER (ROLE_BANK | ROLE_BUREAU | ROLE_REGISTRY | ROLE_PLATFORM)
#define KNOWN ROUTE_KNOWN
#define OPEN ROUTE_OPEN

const struct route routes[] = {
#define ROUTE(method, pattern, listeners, roles, handler, run, form, query, takes, gives, en, zh)                     \
    {#method, pattern, listeners, roles, handler, RUN_##run, FORM_##form, query, takes, gives, #handler, en, zh},
#include "api/route.def"
#undef ROUTE
};
const size_t route_n = sizeof(routes) / sizeof(routes[0]);

static bool literal(const struct route *route)
{
    return strchr(route->pattern, '{') == NULL;
}

/* The pattern that fits this path on this listener, as its first route; NULL: none. */
static const struct route *find_pattern(const char *path, unsigned listener, struct arena *arena,
                                        const char *values_out[ROUTE_VALUES_MAX])
{
    const struct route *found = NULL;

    for (size_t i = 0; i < route_n; i++) {
        const struct route *route = &routes[i];
        const char *values[ROUTE_VALUES_MAX] = {NULL, NULL};
        if (!(route->listeners & listener) || !route_match(route->pattern, path, arena, values))
            continue;
        if (found && !literal(route))
            continue;
        found = route;
        memcpy(values_out, values, sizeof(values));
        if (literal(found))
            break;
    }
    return found;
}

static void allow(const struct route *of, unsigned listener, char out[ROUTE_ALLOW_SIZE])
{
    out[0] = '\0';
    for (size_t i = 0; i < route_n; i++) {
        if (!(routes[i].listeners & listener) || strcmp(routes[i].pattern, of->pattern) != 0)
            continue;
        if (out[0])
            strcat(out, ", ");
        strcat(out, strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method);
    }
}

bool route_find(const char *method, const char *path, unsigned listener, struct arena *arena, const struct route **out,
                const char *values_out[ROUTE_VALUES_MAX], char allow_out[ROUTE_ALLOW_SIZE], struct err *err)
{
    const struct route *pattern = find_pattern(path, listener, arena, values_out);

    *out = NULL;
    if (!pattern)
        return err_set(err, ERR_HTTP_NOT_FOUND, NULL, "nothing is served under this path");
    /* `pattern` is the first route of its kind, and most often the one asked for */
    for (const struct route *route = pattern; route < routes + route_n; route++) {
        if (strcmp(route->method, method) == 0 && (route->listeners & listener) &&
            strcmp(route->pattern, pattern->pattern) == 0) {
            *out = route;
            return true;
        }
    }
    allow(pattern, listener, allow_out);
    return err_set(err, ERR_HTTP_METHOD, NULL, "allowed: %s", allow_out);
}

#define MEDIA_MAX 3

const enum api_media *route_media(enum route_form form, size_t *n_out)
{
    static const struct {
        size_t n;
        enum api_media media[MEDIA_MAX];
    } offers[] = {
        [FORM_JSON] = {1, {API_MEDIA_JSON}},
        [FORM_STATEMENT] = {3, {API_MEDIA_JSON, API_MEDIA_JOSE, API_MEDIA_XML}},
        [FORM_STATEMENTS] = {2, {API_MEDIA_JSON, API_MEDIA_JOSE}},
        [FORM_MESSAGE] = {2, {API_MEDIA_JSON, API_MEDIA_XML}},
        [FORM_TEXT] = {1, {API_MEDIA_TEXT}},
        [FORM_LINES] = {1, {API_MEDIA_LINES}},
        [FORM_PAGE] = {1, {API_MEDIA_HTML}},
        [FORM_FILE] = {2, {API_MEDIA_XML, API_MEDIA_CSV}},
    };

    *n_out = offers[form].n;
    return offers[form].media;
}
