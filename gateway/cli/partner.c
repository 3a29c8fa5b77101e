/* partner list, show; adapter list, show, check. */
#include "cli/internal.h"
#include "host/host.h"

int cli_do_partner_list(struct cli *cli)
{
    return cli_show_items(cli, "/partners", NULL, "id name person roles alg kinds paused");
}

int cli_do_partner_show(struct cli *cli)
{
    return cli_show(cli, "GET", cli_path(cli, "/partners/", cli->args[0], ""), bytes_str(""), CLI_CALL_MS);
}

int cli_do_adapter_list(struct cli *cli)
{
    return cli_show_items(cli, "/adapters", NULL, "name abi fetches sends quarantined failed_step error path");
}

int cli_do_adapter_show(struct cli *cli)
{
    return cli_show(cli, "GET", cli_path(cli, "/adapters/", cli->args[0], ""), bytes_str(""), CLI_CALL_MS);
}

static const char *type_name(enum gwa_type type)
{
    static const char *const names[] = {"text", "integer", "boolean", "duration", "secret_file", "map"};
    return (size_t)type < sizeof names / sizeof names[0] ? names[type] : "";
}

static void write_settings(struct json_out *json, const struct gwa_setting *setting)
{
    json_key(json, "settings");
    json_begin_array(json);
    for (; setting && setting->name; setting++) {
        json_begin_object(json);
        json_add_string(json, "name", setting->name);
        json_add_string(json, "type", type_name(setting->type));
        json_add_boolean(json, "required", setting->required);
        json_add_string(json, "fallback", setting->fallback);
        json_add_string(json, "help", setting->help);
        json_end_object(json);
    }
    json_end_array(json);
}

/* The same object that GET /admin/v1/adapters/{name} answers. */
static void write_report(struct cli *cli, const struct host_report *report, struct buf *out)
{
    struct json_out json;
    char text[1024];
    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_string(&json, "name", report->name);
    json_add_string(&json, "path", report->path);
    snprintf(text, sizeof text, "%u.%u", report->abi >> 16, report->abi & 0xffff);
    json_add_string(&json, "abi", text);
    json_add_boolean(&json, "fetches", report->fetches);
    json_add_boolean(&json, "sends", report->sends);
    json_add_boolean(&json, "quarantined", report->quarantined);
    json_add_string_opt(&json, "failed_step", report->failed_step);
    if (report->failed_step)
        json_add_string(&json, "error", err_text(&report->err, cli->zh, text, sizeof text));
    write_settings(&json, report->settings);
    json_end_object(&json);
}

int cli_do_adapter_check(struct cli *cli)
{
    struct host_report report = {0};
    struct buf json;
    host_check_path(cli->args[0], cli->arena, &report);
    buf_init(&json, CLI_BODY_MAX);
    write_report(cli, &report, &json);
    int code = cli_show_bytes(cli, buf_bytes(&json));
    buf_free(&json);
    if (!report.failed_step)
        return code;
    cli_say(cli, cli->zh ? "在步骤 %s 被拒绝" : "refused at step %s", report.failed_step);
    return cli_worse(cli_fail(cli, &report.err), CLI_FAILED);
}
