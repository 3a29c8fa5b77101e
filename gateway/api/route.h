/* route: the one table of routes (route.def), and finding a path in it. */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "api/accept.h"
#include "base/base.h"
#include "partner/partner.h"

#define ROUTE_VALUES_MAX 2
#define ROUTE_QUERY_MAX 8              /* parameters that one route knows */
#define ROUTE_ALLOW_SIZE 64

/* Listeners on which a route exists. */
#define ROUTE_ON_PARTNER 1u
#define ROUTE_ON_ADMIN 2u
#define ROUTE_ON_SOCKET 4u
#define ROUTE_ON_PLAIN 8u
#define ROUTE_ON_FRAMES 16u            /* no HTTP: each frame is one message */

/* Roles beside those of partners and people. */
#define ROUTE_ROOT (1u << 28)          /* uid 0 on the socket */
#define ROUTE_KNOWN (1u << 29)         /* any partner or person of the directory */
#define ROUTE_OPEN (1u << 30)          /* anybody whom the listener lets in */

struct ask;
/* Writes the answer's body, or false with an error. See internal.h. */
typedef bool route_handler(struct ask *ask, struct err *err);
enum route_run { RUN_LOOP, RUN_WORKER, RUN_SLOW /* may take minutes */ };
enum route_form { FORM_JSON, FORM_MESSAGE /* the form of what is sent */, FORM_STATEMENT /* JSON, JOSE or XML */, FORM_STATEMENTS /* JSON or JOSE */, FORM_TEXT, FORM_LINES,
                  FORM_PAGE /* a file of the console */, FORM_FILE /* as its name says */ };

struct route {
    const char *method, *pattern;
    unsigned listeners, roles;
    route_handler *handler;
    enum route_run run;
    enum route_form form;
    const char *query;                 /* names of parameters, divided by spaces */
    const char *takes, *gives;         /* names in schema.def; takes "" when there is no body */
    const char *name, *en, *zh;
};
extern const struct route routes[];
extern const size_t route_n;

#define ROUTE(method, pattern, listeners, roles, handler, run, form, query, takes, gives, en, zh)                     \
    route_handler handler;
#include "api/route.def"
#undef ROUTE

/* A path against a pattern such as "/v1/whitelist/{uscc}": a name in braces takes one segment that is not empty. */
bool route_match(const char *pattern, const char *path, struct arena *arena, const char *values_out[ROUTE_VALUES_MAX]);
/* http.not_found; http.method with the methods that exist in allow_out. */
bool route_find(const char *method, const char *path, unsigned listener, struct arena *arena, const struct route **out,
                const char *values_out[ROUTE_VALUES_MAX], char allow_out[ROUTE_ALLOW_SIZE], struct err *err);
/* What a form is offered in, the default first. */
const enum api_media *route_media(enum route_form form, size_t *n_out);
/* True when `name` is one of the words of `list`. */
bool route_has_word(const char *list, const char *name, size_t n);

#endif
