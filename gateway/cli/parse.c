/* Reads the command line: options stand anywhere, as --name value or --name=value; `--` ends them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

static bool find_option(const char *name, size_t n, enum cli_option *out)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *known = cli_option_info((enum cli_option)i)->name;
        if (strlen(known) == n && strncmp(known, name, n) == 0) {
            *out = (enum cli_option)i;
            return true;
        }
    }
    return false;
}

/* argv[i] begins with "--"; *used_out arguments are taken. */
static int read_option(struct cli *cli, const char *const *argv, int left, int *used_out)
{
    const char *name = argv[0] + 2, *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    enum cli_option option;
    *used_out = 1;
    if (!find_option(name, n, &option))
        return cli_usage(cli, "unknown option --%.*s", (int)n, name);
    if (cli->option[option])
        return cli_usage(cli, "--%.*s is given twice", (int)n, name);
    const char *value = cli_option_info(option)->value;
    if (!value && equals)
        return cli_usage(cli, "--%.*s takes no value", (int)n, name);
    if (value && !equals && left < 2)
        return cli_usage(cli, "--%.*s needs a value: %s", (int)n, name, value);
    cli->option[option] = !value ? "" : equals ? equals + 1 : argv[1];
    *used_out = value && !equals ? 2 : 1;
    return CLI_OK;
}

static int read_arguments(struct cli *cli, int argc, const char *const *argv)
{
    bool only_words = false;
    for (int i = 1, used; i < argc; i += used) {
        used = 1;
        if (only_words || argv[i][0] != '-' || strcmp(argv[i], "-") == 0) {
            cli->args[cli->arg_n++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (strcmp(argv[i], "-h") == 0) {
            cli->option[OPTION_HELP] = "";
        } else if (argv[i][1] != '-') {
            return cli_usage(cli, "unknown option %s", argv[i]);
        } else {
            int code = read_option(cli, argv + i, argc - i, &used);
            if (code != CLI_OK)
                return code;
        }
    }
    return CLI_OK;
}

static bool wants_chinese(const char *chosen)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *locale = chosen;
    for (size_t i = 0; !locale && i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        locale = value && value[0] ? value : NULL;
    }
    return locale && strncmp(locale, "zh", 2) == 0;
}

static int check_options(struct cli *cli)
{
    const struct cli_command *command = cli->command;
    for (int i = 0; i < OPTION_COUNT; i++) {
        uint64_t bit = UINT64_C(1) << i;
        const char *name = cli_option_info((enum cli_option)i)->name;
        if (cli->option[i] && !((command->options | CLI_COMMON) & bit))
            return cli_usage(cli, "%s does not take --%s", command->words, name);
        if (!cli->option[i] && (command->required & bit))
            return cli_usage(cli, "%s needs --%s", command->words, name);
    }
    return CLI_OK;
}

static int check_count(struct cli *cli)
{
    const struct cli_command *command = cli->command;
    if (cli->arg_n < (size_t)command->least)
        return cli_usage(cli, "%s needs %s", command->words, command->arguments);
    if (command->most >= 0 && cli->arg_n > (size_t)command->most)
        return cli_usage(cli, "%s: one argument too many: %s", command->words, cli->args[command->most]);
    return CLI_OK;
}

static int unknown(struct cli *cli)
{
    if (cli->arg_n == 0)
        return cli_usage(cli, "which command? `pledgectl help` lists them");
    if (!cli_is_group(cli->args[0]))
        return cli_usage(cli, "unknown command: %s", cli->args[0]);
    if (cli->arg_n == 1)
        return cli_usage(cli, "%s needs a second word; `pledgectl help %s` lists them", cli->args[0], cli->args[0]);
    return cli_usage(cli, "unknown command: %s %s", cli->args[0], cli->args[1]);
}

int cli_parse(struct cli *cli, int argc, const char *const *argv, bool *help_out)
{
    size_t used = 0;
    cli->args = arena_alloc(cli->arena, sizeof *cli->args * (size_t)(argc + 1));
    int code = read_arguments(cli, argc, argv);
    const char *lang = cli->option[OPTION_LANG];
    cli->json = cli->option[OPTION_JSON] != NULL;
    cli->zh = wants_chinese(lang);
    if (code != CLI_OK)
        return code;
    if (lang && strcmp(lang, "zh") != 0 && strcmp(lang, "en") != 0)
        return cli_usage(cli, "--lang is zh or en");
    *help_out = cli->option[OPTION_HELP] != NULL || cli->option[OPTION_VERSION] != NULL;
    if (cli->arg_n > 0 && strcmp(cli->args[0], "help") == 0) {
        *help_out = true;
        cli->args++;
        cli->arg_n--;
    }
    cli->command = cli_command_find(cli->args, cli->arg_n, &used);
    if (!cli->command)
        return *help_out && (cli->arg_n == 0 || (cli->arg_n == 1 && cli_is_group(cli->args[0]))) ? CLI_OK
                                                                                                 : unknown(cli);
    cli->args += used;
    cli->arg_n -= used;
    if (*help_out)
        return CLI_OK;
    code = check_options(cli);
    return code == CLI_OK ? check_count(cli) : code;
}

int cli_number(struct cli *cli, enum cli_option option, int64_t least, int64_t *out)
{
    const char *text = cli->option[option];
    char *end;
    if (!text)
        return CLI_OK;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value < least)
        return cli_usage(cli, "--%s is a whole number from %lld up", cli_option_info(option)->name, (long long)least);
    *out = value;
    return CLI_OK;
}
