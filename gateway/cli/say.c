/* Talk on stderr, and how an error becomes an exit code. */
#include <stdarg.h>
#include <string.h>

#include "cli/internal.h"

__attribute__((format(printf, 2, 0))) static void say(struct cli *cli, const char *format, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    fflush(cli->out);
    fprintf(cli->err, "pledgectl: %s\n", cli_clean(cli->arena, text));
}

void cli_say(struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(cli, format, args);
    va_end(args);
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(cli, format, args);
    va_end(args);
    if (cli->command)
        fprintf(cli->err, "usage: pledgectl %s%s%s\n", cli->command->words, cli->command->arguments[0] ? " " : "",
                cli->command->arguments);
    return CLI_USAGE;
}

int cli_fail(struct cli *cli, const struct err *err)
{
    char text[1024];
    cli_say(cli, "%s [%s]", err_text(err, cli->zh, text, sizeof text), err_info(err->code)->code);
    return err_info(err->code)->exit_code;
}

static int exit_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return CLI_DENIED;
    case 404:
        return CLI_MISSING;
    case 409:
        return CLI_CONFLICT;
    default:
        return CLI_FAILED;
    }
}

/* A single finding often only repeats what was said. */
static void say_findings(struct cli *cli, const json_value *findings, const char *said)
{
    for (size_t i = 0; i < json_count(findings); i++) {
        const char *detail = json_string(view_member(cli, json_at(findings, i), "detail"));
        const char *place = json_string(json_member(json_at(findings, i), "place"));
        if (detail && strcmp(detail, said) != 0)
            cli_say(cli, "  %s%s%s", place ? place : "", place ? ": " : "", detail);
    }
}

int cli_problem(struct cli *cli, int status, struct bytes body)
{
    AUTO_JSON doc = NULL;
    struct err err = {0};
    const json_value *root = json_parse(body, &doc, &err) ? json_root(doc) : NULL;
    const char *name = json_string(json_member(root, "code"));
    const char *detail = json_string(view_member(cli, root, "detail"));
    if (!name) {
        cli_say(cli, "the gateway answered %d without saying why", status);
        return exit_of_status(status);
    }
    enum err_code code = err_by_name(name);
    if (!detail)
        detail = code == ERR_COUNT ? "" : cli->zh ? err_info(code)->zh : err_info(code)->en;
    if (cli->json)
        cli_put_json(cli, body);
    cli_say(cli, "%s [%s]", detail, name);
    say_findings(cli, json_member(root, "errors"), detail);
    return code == ERR_COUNT ? exit_of_status(status) : err_info(code)->exit_code;
}

int cli_worse(int a, int b)
{
    return a != CLI_OK ? a : b;
}
