/* health: probes for machines, and the doctor for people. */
#include "api/internal.h"

bool api_do_livez(struct ask *ask, struct err *err)
{
    (void)err;
    buf_str(&ask->out, "ok\n");
    return true;
}

static bool well(const struct checks *checks, bool needed_only)
{
    for (size_t i = 0; i < checks->n; i++)
        if (!checks->items[i].ok && (checks->items[i].needed || !needed_only))
            return false;
    return true;
}

bool api_do_readyz(struct ask *ask, struct err *err)
{
    struct checks *checks = arena_alloc(ask->arena, sizeof(*checks));
    bool verbose;

    CHECK(ask_flag(ask, "verbose", &verbose, err));
    checks_ready(ask, checks);
    bool ready = well(checks, true);
    ask->reply.status = ready ? 200 : 503;
    for (size_t i = 0; i < checks->n; i++) {
        const struct check *check = &checks->items[i];
        const char *mark = check->ok ? "ok" : check->needed ? "failed" : "warning";
        if (verbose || (!check->ok && check->needed))
            buf_printf(&ask->out, "%s %s: %s\n", mark, check->name, check->detail);
    }
    buf_str(&ask->out, ready ? "ready\n" : "not ready\n");
    return true;
}

bool api_do_metrics(struct ask *ask, struct err *err)
{
    (void)err;
    ask->reply.media_type = "text/plain; version=0.0.4";
    metric_dump(&ask->out);
    return true;
}

bool api_do_doctor(struct ask *ask, struct err *err)
{
    struct checks *checks = arena_alloc(ask->arena, sizeof(*checks));

    (void)err;
    checks_doctor(ask, checks);
    json_begin_object(&ask->json);
    json_key(&ask->json, "checks");
    json_begin_array(&ask->json);
    for (size_t i = 0; i < checks->n; i++) {
        json_begin_object(&ask->json);
        json_add_string(&ask->json, "name", checks->items[i].name);
        json_add_boolean(&ask->json, "ok", checks->items[i].ok);
        json_add_string(&ask->json, "detail", checks->items[i].detail);
        json_add_string(&ask->json, "detail_zh", checks->items[i].detail_zh);
        json_add_string_opt(&ask->json, "next", checks->items[i].next);
        json_end_object(&ask->json);
    }
    json_end_array(&ask->json);
    json_add_boolean(&ask->json, "ok", well(checks, false));
    json_end_object(&ask->json);
    return true;
}
