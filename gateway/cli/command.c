/* The table of commands and options, and finding a command by its words. */
#include <string.h>

#include "cli/internal.h"

static const struct cli_command commands[] = {
#define COMMAND(words, arguments, options, required, least, most, function, en, zh, examples)                          \
    {words, arguments, options, required, least, most, function, en, zh, examples},
#include "cli/command.def"
#undef COMMAND
};
#define COMMAND_N (sizeof commands / sizeof commands[0])

static const struct cli_option_info options[OPTION_COUNT] = {
#define OPTION(id, name, value, en, zh) {name, value, en, zh},
#include "cli/option.def"
#undef OPTION
};

const struct cli_command *cli_commands(size_t *n_out)
{
    *n_out = COMMAND_N;
    return commands;
}

const struct cli_option_info *cli_option_info(enum cli_option option)
{
    return &options[option];
}

/* How many of the words `command` takes, 0 when they are not its. */
static size_t match(const char *command, const char *const *words, size_t n)
{
    size_t used = 0;
    while (*command != '\0') {
        size_t length = strcspn(command, " ");
        if (used == n || strlen(words[used]) != length || strncmp(command, words[used], length) != 0)
            return 0;
        used++;
        command += length + (command[length] == ' ');
    }
    return used;
}

const struct cli_command *cli_command_find(const char *const *words, size_t n, size_t *used_out)
{
    for (size_t i = 0; i < COMMAND_N; i++) {
        *used_out = match(commands[i].words, words, n);
        if (*used_out > 0)
            return &commands[i];
    }
    return NULL;
}

bool cli_is_group(const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i < COMMAND_N; i++) {
        if (strncmp(commands[i].words, word, n) == 0 && commands[i].words[n] == ' ')
            return true;
    }
    return false;
}
