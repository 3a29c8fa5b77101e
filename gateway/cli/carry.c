/* What people do to messages that go out: partner pause, resume; msg resend, recover. */
#include "cli/internal.h"

static int act(struct cli *cli, const char *verb, const char *en, const char *zh)
{
    struct cli_answer answer;
    const char *path = cli_path(cli, "/partners/", cli->args[0], verb);
    int code = cli_ask(cli, "POST", path, bytes_str("{}"), CLI_CALL_MS, &answer);
    if (code != CLI_OK)
        return code;
    if (cli->json)
        cli_put_json(cli, answer.body);
    cli_say(cli, "%s: %s", cli->zh ? zh : en, cli->args[0]);
    return CLI_OK;
}

int cli_do_partner_pause(struct cli *cli)
{
    return act(cli, "/pause", "nothing is carried to it now", "已暂停投递");
}

int cli_do_partner_resume(struct cli *cli)
{
    return act(cli, "/resume", "carried on", "已恢复投递");
}

/* ---- sending again ---- */

static void write_ids(struct cli *cli, struct buf *out)
{
    struct json_out json;
    json_out_init(&json, out);
    json_begin_object(&json);
    json_key(&json, "ids");
    json_begin_array(&json);
    for (size_t i = 0; i < cli->arg_n; i++)
        json_put_string(&json, cli->args[i]);
    json_end_array(&json);
    json_add_string_opt(&json, "partner", cli->option[OPTION_PARTNER]);
    if (cli->option[OPTION_SKIP])
        json_add_boolean(&json, "skip", true);
    json_end_object(&json);
}

/* One line for each id; the exit code is 3 when some could not be sent again. */
static int tell_resent(struct cli *cli, struct bytes body)
{
    struct json_doc *doc;
    int worst = CLI_OK, code = cli_parse_answer(cli, body, &doc);
    if (code != CLI_OK)
        return code;
    const json_value *items = json_member(json_root(doc), "items");
    for (size_t i = 0; i < json_count(items); i++) {
        const json_value *item = json_at(items, i);
        const char *why = json_string(json_member(item, cli->zh ? "detail_zh" : "detail"));
        const char *done =
            cli->option[OPTION_SKIP] ? (cli->zh ? "已跳过" : "gone past") : (cli->zh ? "重新投递" : "sent again");
        cli_say(cli, "%s: %s", json_string(json_member(item, "id")), why ? why : done);
        worst = why ? CLI_PARTIAL : worst;
    }
    json_free(&doc);
    return worst;
}

int cli_do_msg_resend(struct cli *cli)
{
    struct cli_answer answer;
    struct buf body;
    buf_init(&body, CLI_BODY_MAX);
    write_ids(cli, &body);
    int code = cli_ask(cli, "POST", "/messages/resend", buf_bytes(&body), CLI_CALL_MS, &answer);
    buf_free(&body);
    if (code != CLI_OK)
        return code;
    if (cli->json)
        cli_put_json(cli, answer.body);
    return tell_resent(cli, answer.body);
}

int cli_do_msg_recover(struct cli *cli)
{
    struct json_out json;
    struct buf body;
    buf_init(&body, CLI_BODY_MAX);
    json_out_init(&json, &body);
    json_begin_object(&json);
    json_add_string(&json, "since", cli->option[OPTION_SINCE]);
    json_end_object(&json);
    int code = cli_show(cli, "POST", cli_path(cli, "/partners/", cli->option[OPTION_PARTNER], "/recover"),
                        buf_bytes(&body), CLI_CALL_MS);
    buf_free(&body);
    return code;
}
