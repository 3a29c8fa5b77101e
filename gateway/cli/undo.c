/* undo: proposing to undo a run; looking at what another rules file would change. */
#include "cli/internal.h"

static struct bytes one_text(struct cli *cli, const char *name, const char *text, const char *file, size_t max)
{
    struct buf body;
    struct json_out json;
    buf_init(&body, max);
    json_out_init(&json, &body);
    json_begin_object(&json);
    json_add_string(&json, name, text);
    json_add_string_opt(&json, "file", file);
    json_end_object(&json);
    struct bytes kept = bytes_dup(cli->arena, buf_bytes(&body));
    buf_free(&body);
    return kept;
}

int cli_do_sync_revert(struct cli *cli)
{
    if (!utf8_valid(bytes_str(cli->option[OPTION_REASON])))
        return cli_usage(cli, "--reason is UTF-8 text");
    struct bytes body = one_text(cli, "reason", cli->option[OPTION_REASON], NULL, CLI_BODY_MAX);
    int code = cli_show(cli, "POST", cli_path(cli, "/runs/", cli->args[0], "/revert"), body, CLI_CALL_MS);
    if (code == CLI_OK)
        cli_say(cli, "%s", cli->zh ? "已登记，须由他人批准" : "recorded; another person must approve it");
    return code;
}

int cli_do_config_rules_diff(struct cli *cli)
{
    struct bytes text;
    struct err err = {0};
    if (!cli_read_file(cli, cli->args[0], CLI_FILE_MAX, &text, &err))
        return cli_fail(cli, &err);
    if (!utf8_valid(text))
        return cli_usage(cli, "%s is not UTF-8 text", cli->args[0]);
    struct bytes body = one_text(cli, "text", (const char *)text.p, cli->args[0], 2 * CLI_FILE_MAX);
    return cli_show(cli, "POST", "/rules/diff", body, CLI_LONG_MS);
}
