/* One run of pledgectl, from the command line to the exit code. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/internal.h"

static bool colours(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && (!term || strcmp(term, "dumb") != 0);
}

static int show_help(struct cli *cli)
{
    if (cli->option[OPTION_VERSION])
        fprintf(cli->out, "pledgectl %s\n", GW_VERSION);
    else if (cli->command)
        cli_help_command(cli, cli->command);
    else
        cli_help_all(cli, cli->arg_n > 0 ? cli->args[0] : NULL);
    return CLI_OK;
}

/* Data that did not reach its reader is a failure, whatever the command thinks. */
static int flush(struct cli *cli, int code)
{
    struct err err = {0};
    if (fflush(cli->out) == 0 && !ferror(cli->out))
        return code;
    err_errno(&err, ERR_IO, "standard output", "write");
    return cli_worse(code, cli_fail(cli, &err));
}

int cli_main(int argc, char **argv)
{
    AUTO_ARENA arena = arena_new();
    struct cli cli = {
        .arena = arena, .out = stdout, .err = stderr, .colour = colours(), .terminal = isatty(STDERR_FILENO)};
    bool help = false;
    log_set_level(LOG_ERROR);
    interrupt_ends(NULL);
    int code = cli_parse(&cli, argc, (const char *const *)argv, &help);
    if (code != CLI_OK)
        return code;
    return flush(&cli, help ? show_help(&cli) : cli.command->run(&cli));
}
