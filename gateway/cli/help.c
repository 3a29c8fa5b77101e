/* Help: what a command is for, how it is written, examples. */
#include <string.h>

#include "cli/internal.h"

static const char *pick(const struct cli *cli, const char *en, const char *zh)
{
    return cli->zh ? zh : en;
}

static void put_option(struct cli *cli, enum cli_option option)
{
    const struct cli_option_info *info = cli_option_info(option);
    char text[64];
    snprintf(text, sizeof text, "--%s%s%s", info->name, info->value ? " " : "", info->value ? info->value : "");
    fprintf(cli->out, "  %-22s %s\n", text, pick(cli, info->en, info->zh));
}

static void put_options(struct cli *cli, const char *title, uint64_t options)
{
    if (options == 0)
        return;
    fprintf(cli->out, "\n%s\n", title);
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (options & (UINT64_C(1) << i))
            put_option(cli, (enum cli_option)i);
    }
}

static void put_examples(struct cli *cli, const char *examples)
{
    fprintf(cli->out, "\n%s\n", pick(cli, "Examples:", "示例："));
    for (const char *line = examples, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        fprintf(cli->out, "  %.*s\n", (int)(end - line), line);
    }
}

void cli_help_command(struct cli *cli, const struct cli_command *command)
{
    fprintf(cli->out, "pledgectl %s: %s\n\n", command->words, pick(cli, command->en, command->zh));
    fprintf(cli->out, "%s pledgectl %s%s%s\n", pick(cli, "Usage:", "用法："), command->words,
            command->arguments[0] ? " " : "", command->arguments);
    put_options(cli, pick(cli, "Options:", "选项："), command->options);
    put_options(cli, pick(cli, "Options of every command:", "通用选项："), CLI_COMMON);
    put_examples(cli, command->examples);
}

static bool in_group(const struct cli_command *command, const char *group)
{
    size_t n = group ? strlen(group) : 0;
    return !group || (strncmp(command->words, group, n) == 0 && command->words[n] == ' ');
}

void cli_help_all(struct cli *cli, const char *group)
{
    size_t n;
    const struct cli_command *commands = cli_commands(&n), *first = NULL;
    fprintf(cli->out, "%s\n\n%s\n",
            pick(cli, "Usage: pledgectl [--socket PATH | --url URL --cert C --key K --ca CA] COMMAND ...",
                 "用法：pledgectl [--socket PATH | --url URL --cert C --key K --ca CA] 命令 …"),
            pick(cli, "Commands (`pledgectl help COMMAND` shows each with examples):",
                 "命令（`pledgectl help 命令` 显示说明与示例）："));
    for (size_t i = 0; i < n; i++) {
        if (!in_group(&commands[i], group))
            continue;
        first = first ? first : &commands[i];
        fprintf(cli->out, "  %-18s  %s\n", commands[i].words, pick(cli, commands[i].en, commands[i].zh));
    }
    put_options(cli, pick(cli, "Options of every command:", "通用选项："), CLI_COMMON);
    fprintf(
        cli->out, "\n%s\n",
        pick(cli,
             "Exit codes: 0 ok, 1 failed, 2 usage, 3 partial, 4 denied, 5 not found, 6 conflict or needs approval,\n"
             "7 daemon unreachable, 8 signature or integrity failure, 130 interrupted.",
             "退出码：0 成功，1 失败，2 用法错误，3 部分成功，4 拒绝，5 未找到，6 冲突或须批准，\n"
             "7 守护进程不可达，8 验签或完整性失败，130 中断。"));
    if (first)
        put_examples(cli, first->examples);
}
