/* Commands that judge how things are: status, doctor, partner test. */
#include "cli/internal.h"

int cli_do_status(struct cli *cli)
{
    return cli_show(cli, "GET", "/status", bytes_str(""), CLI_CALL_MS);
}

static void put_check(struct cli *cli, const json_value *check, bool ok)
{
    AUTO_ARENA arena = arena_new();
    const char *next = view_text(cli, arena, view_member(cli, check, "next"));
    cli_put(cli, ok ? CLI_GREEN : CLI_RED, ok ? (cli->zh ? "通过  " : "ok    ") : (cli->zh ? "未通过" : "failed"));
    fprintf(cli->out, "  %s: %s\n", cli_clean(arena, view_text(cli, arena, view_member(cli, check, "name"))),
            cli_clean(arena, view_text(cli, arena, view_member(cli, check, "detail"))));
    if (next[0])
        fprintf(cli->out, "        -> %s\n", cli_clean(arena, next));
}

/* A list of {"name","ok","detail","next"?} under `member`; CLI_FAILED when one is not ok. */
static int show_checks(struct cli *cli, struct bytes body, const char *member)
{
    AUTO_JSON doc = NULL;
    int code = cli_parse_answer(cli, body, &doc);
    const json_value *checks = code == CLI_OK ? json_member(json_root(doc), member) : NULL;
    if (code == CLI_OK && cli->json)
        cli_put_json(cli, body);
    for (size_t i = 0; i < json_count(checks); i++) {
        bool ok = false;
        json_boolean(json_member(json_at(checks, i), "ok"), &ok);
        if (!cli->json)
            put_check(cli, json_at(checks, i), ok);
        code = ok ? code : CLI_FAILED;
    }
    return code;
}

int cli_do_doctor(struct cli *cli)
{
    struct cli_answer answer;
    int code = cli_ask(cli, "GET", "/doctor", bytes_str(""), CLI_CALL_MS, &answer);
    return code == CLI_OK ? show_checks(cli, answer.body, "checks") : code;
}

int cli_do_partner_test(struct cli *cli)
{
    struct cli_answer answer;
    int code =
        cli_ask(cli, "POST", cli_path(cli, "/partners/", cli->args[0], "/test"), bytes_str("{}"), CLI_CALL_MS, &answer);
    return code == CLI_OK ? show_checks(cli, answer.body, "steps") : code;
}
