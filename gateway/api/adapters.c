/* adapters: what the host loaded or refused, and with which settings each can be used. */
#include <string.h>

#include "api/internal.h"
#include "api/items.h"

static void write_settings(struct json_out *json, const struct gwa_setting *settings)
{
    static const char *const types[] = {"text", "integer", "boolean", "duration", "secret_file", "map"};

    json_key(json, "settings");
    json_begin_array(json);
    for (; settings && settings->name; settings++) {
        json_begin_object(json);
        json_add_string(json, "name", settings->name);
        json_add_string(json, "type",
                        (size_t)settings->type < sizeof(types) / sizeof(types[0]) ? types[settings->type] : "");
        json_add_boolean(json, "required", settings->required);
        json_add_string_opt(json, "fallback", settings->fallback);
        json_add_string_opt(json, "help", settings->help);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_report(struct ask *ask, const struct host_report *report)
{
    struct json_out *json = &ask->json;
    char text[400];

    json_begin_object(json);
    json_add_string(json, "name", report->name);
    json_add_string(json, "path", report->path);
    json_add_string(json, "abi", arena_printf(ask->arena, "%u.%u", report->abi >> 16, report->abi & 0xffff));
    json_add_boolean(json, "fetches", report->fetches);
    json_add_boolean(json, "sends", report->sends);
    json_add_boolean(json, "quarantined", report->quarantined);
    if (report->failed_step) {
        json_add_string(json, "failed_step", report->failed_step);
        json_add_string(json, "error", err_text(&report->err, false, text, sizeof(text)));
    }
    write_settings(json, report->settings);
    json_end_object(json);
}

bool api_do_adapters(struct ask *ask, struct err *err)
{
    const struct host_report *reports[HOST_ADAPTERS_MAX];
    size_t n = host_reports(ask->api->options.host, reports, HOST_ADAPTERS_MAX);
    struct items items;

    (void)err;
    items_begin(&items, ask, HOST_ADAPTERS_MAX);
    for (size_t i = 0; i < n && items_room(&items); i++)
        write_report(ask, reports[i]);
    items_end(&items);
    return true;
}

bool api_do_adapter(struct ask *ask, struct err *err)
{
    const struct host_report *reports[HOST_ADAPTERS_MAX];
    size_t n = host_reports(ask->api->options.host, reports, HOST_ADAPTERS_MAX);

    for (size_t i = 0; i < n && i < HOST_ADAPTERS_MAX; i++) {
        if (strcmp(reports[i]->name, ask->values[0]) == 0) {
            write_report(ask, reports[i]);
            return true;
        }
    }
    return err_set(err, ERR_ADAPTER_UNKNOWN, NULL, "%s", ask->values[0]);
}
