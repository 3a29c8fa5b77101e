/* catalogue: what the gateway says about itself: error codes and its own description. */
#include "api/internal.h"

static const char *const kinds[] = {
    [ERR_KIND_NONE] = "none",         [ERR_KIND_INPUT] = "input",         [ERR_KIND_DENIED] = "denied",
    [ERR_KIND_CONFLICT] = "conflict", [ERR_KIND_MISSING] = "missing",     [ERR_KIND_BUSY] = "busy",
    [ERR_KIND_TRANSIENT] = "transient", [ERR_KIND_UNCERTAIN] = "uncertain", [ERR_KIND_BROKEN] = "broken",
};

bool api_do_errors(struct ask *ask, struct err *err)
{
    (void)err;
    json_begin_object(&ask->json);
    json_key(&ask->json, "errors");
    json_begin_array(&ask->json);
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        const struct err_info *info = err_info((enum err_code)code);
        json_begin_object(&ask->json);
        json_add_string(&ask->json, "code", info->code);
        json_add_string(&ask->json, "kind", kinds[info->kind]);
        json_add_integer(&ask->json, "http", info->http);
        json_add_integer(&ask->json, "exit", info->exit_code);
        json_add_string(&ask->json, "en", info->en);
        json_add_string(&ask->json, "zh", info->zh);
        json_end_object(&ask->json);
    }
    json_end_array(&ask->json);
    json_end_object(&ask->json);
    return true;
}

bool api_do_openapi(struct ask *ask, struct err *err)
{
    (void)err;
    ask->reply.body = buf_bytes(&ask->api->openapi);
    return true;
}
