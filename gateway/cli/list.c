/* list: get, find, history, stats, propose. */
#include <string.h>

#include "cli/internal.h"

int cli_do_list_get(struct cli *cli)
{
    const char *path = cli_path(cli, "/firms/", cli->args[0], "");
    return cli_show(cli, "GET", cli_with(cli, path, "as_of", cli->option[OPTION_AS_OF]), bytes_str(""), CLI_CALL_MS);
}

int cli_do_list_find(struct cli *cli)
{
    const char *path = "/firms";
    path = cli_with(cli, path, "name", cli->option[OPTION_NAME]);
    path = cli_with(cli, path, "city", cli->option[OPTION_CITY]);
    path = cli_with(cli, path, "state", cli->option[OPTION_STATE]);
    path = cli_with(cli, path, "expiring", cli->option[OPTION_EXPIRING]);
    return cli_show_items(cli, path, "after", "uscc name status lane region_code since valid_until");
}

int cli_do_list_history(struct cli *cli)
{
    return cli_show_items(cli, cli_path(cli, "/firms/", cli->args[0], "/history"), "after",
                          "seq time kind action from to actor origin rules note");
}

int cli_do_list_stats(struct cli *cli)
{
    return cli_show(cli, "GET", "/stats", bytes_str(""), CLI_CALL_MS);
}

static bool known_act(const char *act)
{
    static const char *const acts[] = {"add", "confirm", "suspend", "restore", "remove", "lift"};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (strcmp(acts[i], act) == 0)
            return true;
    }
    return false;
}

static struct bytes proposal(struct cli *cli)
{
    struct buf text;
    struct json_out json;
    buf_init(&text, CLI_BODY_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string(&json, "act", cli->args[0]);
    json_add_string(&json, "reason", cli->option[OPTION_REASON]);
    json_add_string_opt(&json, "ground", cli->option[OPTION_GROUND]);
    json_add_string_opt(&json, "name", cli->option[OPTION_NAME]);
    json_end_object(&json);
    struct bytes body = bytes_dup(cli->arena, buf_bytes(&text));
    buf_free(&text);
    return body;
}

/* Recording the proposal is what was asked for, so it is a success that a second person now has work. */
int cli_do_list_propose(struct cli *cli)
{
    if (!known_act(cli->args[0]))
        return cli_usage(cli, "%s is not something to propose", cli->args[0]);
    if (!utf8_valid(bytes_str(cli->option[OPTION_REASON])) || !utf8_valid(bytes_str(cli->option[OPTION_NAME])))
        return cli_usage(cli, "--reason and --name are UTF-8 text");
    int code = cli_show(cli, "POST", cli_path(cli, "/firms/", cli->args[1], "/propose"), proposal(cli), CLI_CALL_MS);
    if (code == CLI_OK)
        cli_say(cli, "%s", cli->zh ? "已登记，须由他人批准" : "recorded; another person must approve it");
    return code;
}
