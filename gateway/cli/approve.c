/* approve: list, show, grant, reject. */
#include "cli/internal.h"

int cli_do_approve_list(struct cli *cli)
{
    const char *path = cli_with(cli, "/approvals", "all", cli->option[OPTION_ALL] ? "true" : NULL);
    return cli_show_items(cli, path, NULL,
                          cli->option[OPTION_ALL] ? "id what object maker made state decided_by comment text"
                                                  : "id what object maker made note text");
}

int cli_do_approve_show(struct cli *cli)
{
    return cli_show(cli, "GET", cli_path(cli, "/approvals/", cli->args[0], ""), bytes_str(""), CLI_CALL_MS);
}

static int decide(struct cli *cli, const char *verb)
{
    struct buf text;
    struct json_out json;
    if (!utf8_valid(bytes_str(cli->option[OPTION_COMMENT])))
        return cli_usage(cli, "--comment is UTF-8 text");
    buf_init(&text, CLI_BODY_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string(&json, "comment", cli->option[OPTION_COMMENT]);
    json_end_object(&json);
    struct bytes body = bytes_dup(cli->arena, buf_bytes(&text));
    buf_free(&text);
    return cli_show(cli, "POST", cli_path(cli, "/approvals/", cli->args[0], verb), body, CLI_CALL_MS);
}

int cli_do_approve_grant(struct cli *cli)
{
    return decide(cli, "/grant");
}

int cli_do_approve_reject(struct cli *cli)
{
    return decide(cli, "/reject");
}
