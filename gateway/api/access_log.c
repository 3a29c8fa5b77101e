/* access_log: searching what was asked and answered. */
#include "api/internal.h"
#include "api/items.h"

#define FIND_DEFAULT 100
#define FIND_MAX 10000

static bool add_line(void *arg, const struct access_found *found)
{
    return items_add(arg, found->line);
}

/* Codes are found by their normal form, as the log keeps them. */
static const char *normal(struct ask *ask, const char *uscc)
{
    struct ident_result result;

    if (!uscc)
        return NULL;
    ident_uscc(bytes_str(uscc), &result);
    return result.normal[0] ? arena_strdup(ask->arena, result.normal) : uscc;
}

bool api_do_access(struct ask *ask, struct err *err)
{
    struct access_filter filter = {
        .uscc = normal(ask, net_parameter(ask->request, "uscc", NULL)),
        .partner = net_parameter(ask->request, "partner", NULL),
        .stop = &ask->api->slow.stopped,
    };
    uint64_t limit = FIND_DEFAULT;
    struct items items;

    CHECK(ask_number(ask, "limit", 1, FIND_MAX, &limit, err));
    CHECK(ask_moment(ask, "since", &filter.since_ms, err));
    items_begin(&items, ask, limit);
    CHECK(access_find(ask->api->access_dir, &filter, add_line, &items, err));
    items_end(&items);
    return true;
}
