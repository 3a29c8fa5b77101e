/* msg list, show, trace: messages as the gateway keeps them, and the whole life of one in order. */
#include <string.h>

#include "cli/internal.h"

int cli_do_msg_list(struct cli *cli)
{
    const char *path = "/messages";
    path = cli_with(cli, path, "partner", cli->option[OPTION_PARTNER]);
    path = cli_with(cli, path, "kind", cli->option[OPTION_KIND]);
    path = cli_with(cli, path, "state", cli->option[OPTION_STATE]);
    path = cli_with(cli, path, "direction", cli->option[OPTION_DIRECTION]);
    return cli_show_items(cli, path, "after", "id direction partner kind form state result code received sequence");
}

static const char *path_of(struct cli *cli)
{
    return cli_with(cli, cli_path(cli, "/messages/", cli->args[0], ""), "partner", cli->option[OPTION_PARTNER]);
}

int cli_do_msg_show(struct cli *cli)
{
    return cli_show(cli, "GET", path_of(cli), bytes_str(""), CLI_CALL_MS);
}

static const char *text_of(struct cli *cli, const json_value *object, const char *name)
{
    return cli_clean(cli->arena, view_text(cli, cli->arena, view_member(cli, object, name)));
}

static void put_step(struct cli *cli, const char *time, const char *word, const char *text)
{
    fprintf(cli->out, "%-26s ", time);
    cli_put(cli, cli_word_colour(word), cli_word(cli, word));
    fprintf(cli->out, "%s%s\n", text[0] ? ": " : "", text);
}

static void put_attempt(struct cli *cli, const json_value *attempt)
{
    const char *code = text_of(cli, attempt, "code"), *receipt = text_of(cli, attempt, "receipt");
    put_step(cli, text_of(cli, attempt, "time"), text_of(cli, attempt, "outcome"),
             arena_printf(cli->arena, "%s -> %s%s%s%s%s", text_of(cli, attempt, "id"), text_of(cli, attempt, "partner"),
                          code[0] ? ", " : "", code,
                          receipt[0] ? (cli->zh ? "，回执 SHA-256 " : ", receipt SHA-256 ") : "", receipt));
}

static void put_row(struct cli *cli, const json_value *row)
{
    fprintf(cli->out, "%*s %s %s: ", 26, "", cli_label(cli, "index"), text_of(cli, row, "index"));
    cli_put(cli, cli_word_colour(text_of(cli, row, "result")), cli_word(cli, text_of(cli, row, "result")));
    fprintf(cli->out, " %s %s\n", text_of(cli, row, "code"), text_of(cli, row, "field"));
}

static void put_head(struct cli *cli, const json_value *message)
{
    const json_value *keys = json_member(message, "keys");
    fprintf(cli->out, "%s %s %s ", text_of(cli, message, "id"), text_of(cli, message, "kind"),
            text_of(cli, message, "partner"));
    cli_put(cli, cli_word_colour(text_of(cli, message, "state")), cli_word(cli, text_of(cli, message, "state")));
    fputc('\n', cli->out);
    if (keys)
        view_object(cli, keys, 2);
}

/* What is told by stages, what then went out, and the verdicts that were not "accepted". */
static void put_life(struct cli *cli, const json_value *message)
{
    const json_value *stages = json_member(message, "stages"), *attempts = json_member(message, "attempts");
    const json_value *rows = json_member(message, "rows");
    put_head(cli, message);
    for (size_t i = 0; i < json_count(stages); i++)
        put_step(cli, text_of(cli, json_at(stages, i), "time"), text_of(cli, json_at(stages, i), "name"),
                 text_of(cli, json_at(stages, i), "text"));
    for (size_t i = 0; i < json_count(rows); i++)
        put_row(cli, json_at(rows, i));
    for (size_t i = 0; i < json_count(attempts); i++)
        put_attempt(cli, json_at(attempts, i));
}

int cli_do_msg_trace(struct cli *cli)
{
    AUTO_JSON doc = NULL;
    struct cli_answer answer;
    int code = cli_ask(cli, "GET", path_of(cli), bytes_str(""), CLI_CALL_MS, &answer);
    if (code != CLI_OK)
        return code;
    if (cli->json) {
        cli_put_json(cli, answer.body);
        return CLI_OK;
    }
    code = cli_parse_answer(cli, answer.body, &doc);
    if (code == CLI_OK)
        put_life(cli, json_root(doc));
    return code;
}
