/* runs: sources and their runs, of lists (sync) and of messages (feed), told alike. */
#include <string.h>

#include "api/internal.h"
#include "api/items.h"
#include "story/story.h"

#define RUNS_DEFAULT 50
#define RUNS_MAX 1000
#define DIFF_DEFAULT 200
#define DIFF_MAX 10000
#define DIFF_LOOK_MAX 200000
#define ID_MAX 64
#define FILE_MAX 1024

bool api_do_sources(struct ask *ask, struct err *err)
{
    (void)err;
    json_begin_object(&ask->json);
    json_key(&ask->json, "items");
    api_sources_write(ask);
    json_add_boolean(&ask->json, "more", false);
    json_end_object(&ask->json);
    return true;
}

/* Its rows are messages and no list. */
static bool feeds(const struct ask *ask, const char *id)
{
    const struct source *source = directory_source_find(ask->held->state.directory, id);

    return source != NULL && source->feeds != NULL;
}

static bool pause_source(struct ask *ask, bool paused, struct err *err)
{
    const struct api_options *options = &ask->api->options;
    const struct actor actor = ask_actor(ask);

    CHECK(feeds(ask, ask->values[0]) ? feed_pause(options->feed, ask->values[0], paused, &actor, err)
                                     : sync_pause(options->sync, ask->values[0], paused, &actor, err));
    return ask_empty(ask);
}

bool api_do_source_pause(struct ask *ask, struct err *err)
{
    return pause_source(ask, true, err);
}

bool api_do_source_resume(struct ask *ask, struct err *err)
{
    return pause_source(ask, false, err);
}

static bool add_run(void *arg, struct bytes json)
{
    struct items *items = arg;
    struct bytes value, id;

    if (items_add(items, json) && json_scan_member(json, "id", &value) && json_scan_string(value, &id))
        items->next = arena_strndup(items->ask->arena, (const char *)id.p, id.n);
    return items_open(items);
}

bool api_do_runs(struct ask *ask, struct err *err)
{
    const struct story_filter filter = {net_parameter(ask->request, "source", NULL),
                                       net_parameter(ask->request, "state", NULL),
                                       net_parameter(ask->request, "after", NULL)};
    uint64_t limit = RUNS_DEFAULT;
    struct items items;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(ask_number(ask, "limit", 1, RUNS_MAX, &limit, err));
    items_begin(&items, ask, limit);
    CHECK(story_list(txn, &filter, limit + 1, add_run, &items, err));
    items_end(&items);
    return true;
}

static bool start(struct ask *ask, const struct sync_request *request, char id[ID_MAX], struct err *err)
{
    const struct feed_request rows = {.source = request->source, .actor = request->actor, .full = request->full,
                                      .dry_run = request->dry_run, .file = request->file};

    return feeds(ask, request->source) ? feed_start(ask->api->options.feed, &rows, id, err)
                                       : sync_start(ask->api->options.sync, request, id, err);
}

bool api_do_run_start(struct ask *ask, struct err *err)
{
    static const char *const members[] = {"source", "file", "full", "initial", "dry_run", NULL};
    struct sync_request request = {.actor = ask_actor(ask)};
    char id[ID_MAX];

    CHECK(json_only(ask_object(ask), "", members, err));
    CHECK(json_need_string(ask_object(ask), "", "source", ID_MAX, &request.source, err));
    CHECK(json_opt_string(ask_object(ask), "", "file", FILE_MAX, &request.file, err));
    CHECK(json_opt_boolean(ask_object(ask), "", "full", &request.full, err));
    CHECK(json_opt_boolean(ask_object(ask), "", "initial", &request.initial, err));
    CHECK(json_opt_boolean(ask_object(ask), "", "dry_run", &request.dry_run, err));
    CHECK(start(ask, &request, id, err));
    ask->reply.status = 202;
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "run", id);
    json_end_object(&ask->json);
    return true;
}

bool api_do_run(struct ask *ask, struct err *err)
{
    struct bytes run;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(story_read(txn, ask->arena, ask->values[0], &run, err));
    json_put_raw(&ask->json, run);
    return true;
}

/* A search for one action looks at so many rows and then offers to go on. */
struct rows {
    struct items items;
    const char *action;                /* NULL: any */
    size_t looked;
};

static bool wanted(const struct rows *rows, struct bytes json)
{
    struct bytes value, action;

    return !rows->action || (json_scan_member(json, "action", &value) && json_scan_string(value, &action) &&
                             bytes_equal(action, bytes_str(rows->action)));
}

static bool add_row(void *arg, struct bytes json)
{
    struct rows *rows = arg;
    struct items *items = &rows->items;

    if (!wanted(rows, json)) {
        items->more = ++rows->looked == DIFF_LOOK_MAX;
        if (items->more)
            items->next = story_diff_place(items->ask->arena, json);
    } else if (items_add(items, json)) {
        items->next = story_diff_place(items->ask->arena, json);
    }
    return items_open(items);
}

bool api_do_run_diff(struct ask *ask, struct err *err)
{
    uint64_t limit = DIFF_DEFAULT;
    struct bytes run;
    struct rows rows = {.action = net_parameter(ask->request, "action", NULL)};
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(ask_number(ask, "limit", 1, DIFF_MAX, &limit, err));
    CHECK(story_read(txn, ask->arena, ask->values[0], &run, err));
    items_begin(&rows.items, ask, limit);
    CHECK(story_diff(txn, ask->values[0], net_parameter(ask->request, "after", NULL), SIZE_MAX, add_row, &rows, err));
    items_end(&rows.items);
    return true;
}

bool api_do_run_cancel(struct ask *ask, struct err *err)
{
    const struct actor actor = ask_actor(ask);
    struct err unknown = {0};

    if (!feed_cancel(ask->api->options.feed, ask->values[0], &actor, &unknown))
        CHECK(sync_cancel(ask->api->options.sync, ask->values[0], &actor, err));
    return ask_empty(ask);
}
