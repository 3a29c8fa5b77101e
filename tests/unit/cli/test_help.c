/* Every command of the table has help with examples that its own parser takes. */
#include "run.h"

/* The commands that people and scripts were promised for this version. */
static const char *const promised[] = {
    "status", "doctor", "config check", "config show", "config rules diff", "sync run", "sync list", "sync show",
    "sync diff", "sync revert", "sync cancel", "sync pause", "sync resume", "list get", "list find",
    "list history", "list stats", "list import", "list export", "list propose", "approve list", "approve show",
    "approve grant", "approve reject", "msg list", "msg show", "msg trace", "msg resend", "msg recover", "msg sign",
    "msg validate", "msg explain", "partner list", "partner show", "partner test", "partner pause", "partner resume",
    "adapter list", "adapter show", "adapter check", "journal head", "journal verify", "journal prove", "journal export", "access find", "id check",
    "verify", "db stat", "db rebuild", "db backup", "db verify", "db restore", "db compact", "db purge",
};

static void promised_commands_exist(void **state)
{
    (void)state;
    size_t n;
    cli_commands(&n);
    assert_int_equal(n, sizeof promised / sizeof promised[0]);
    for (size_t i = 0; i < n; i++) {
        char text[64], *save = NULL;
        const char *words[3];
        size_t word_n = 0, used;
        snprintf(text, sizeof text, "%s", promised[i]);
        for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
            words[word_n++] = w;
        const struct cli_command *command = cli_command_find(words, word_n, &used);
        assert_non_null(command);
        assert_string_equal(command->words, promised[i]);
        assert_int_equal(used, word_n);
    }
}

/* As a shell would split it: single quotes, up to a redirection or pipe. */
static size_t split(char *line, const char *argv[32])
{
    size_t n = 0;
    for (char *p = line; *p && n < 32;) {
        char quote = *p == '\'' ? *p++ : ' ';
        char *end = strchr(p, quote);
        if (strcmp(p, ">") == 0 || *p == '>' || *p == '|')
            break;
        argv[n++] = p;
        if (!end)
            break;
        *end = '\0';
        p = end + 1;
        p += quote == '\'' && *p == ' ';
    }
    return n;
}

static void check_example(const struct cli_command *command, const char *line, size_t length)
{
    char text[512];
    const char *argv[32], *start = strstr(line, "pledgectl ");
    struct run run;
    assert_true(start && start < line + length);
    snprintf(text, sizeof text, "%.*s", (int)(line + length - start), start);
    size_t n = split(text, argv);
    run_begin(&run);
    int code = cli_parse(&run.cli, (int)n, argv, &run.help);
    run_end(&run);
    if (code != CLI_OK)
        fail_msg("%.*s: %s", (int)length, line, run.err);
    assert_ptr_equal(run.cli.command, command);
    run_free(&run);
}

static void each_has_examples_that_work(void **state)
{
    (void)state;
    size_t n;
    const struct cli_command *commands = cli_commands(&n);
    for (size_t i = 0; i < n; i++) {
        assert_true(commands[i].en[0] && commands[i].zh[0] && commands[i].examples[0]);
        assert_true(utf8_valid(bytes_str(commands[i].zh)));
        for (const char *line = commands[i].examples, *end; *line; line = end + 1) {
            end = strchr(line, '\n');
            assert_non_null(end);
            check_example(&commands[i], line, (size_t)(end - line));
        }
    }
}

static void help_shows_usage_options_and_examples(void **state)
{
    (void)state;
    size_t n;
    const struct cli_command *commands = cli_commands(&n);
    for (size_t i = 0; i < n; i++) {
        struct run run;
        char usage[256];
        run_begin(&run);
        cli_help_command(&run.cli, &commands[i]);
        run_end(&run);
        snprintf(usage, sizeof usage, "Usage: pledgectl %s", commands[i].words);
        assert_non_null(strstr(run.out, usage));
        assert_non_null(strstr(run.out, commands[i].en));
        assert_non_null(strstr(run.out, "Examples:\n"));
        for (int o = 0; o < OPTION_COUNT; o++) {
            char option[64];
            snprintf(option, sizeof option, "  --%s", cli_option_info((enum cli_option)o)->name);
            if ((commands[i].options | CLI_COMMON) & (UINT64_C(1) << o))
                assert_non_null(strstr(run.out, option));
        }
        assert_int_equal(run.err_n, 0);
        run_free(&run);
    }
}

/* As a word of its own: --form is not in --format. */
static bool names(const char *arguments, const char *option)
{
    size_t n = strlen(option);
    for (const char *at = strstr(arguments, option); at; at = strstr(at + n, option))
        if (at[n] == '\0' || strchr(" ]=)|", at[n]))
            return true;
    return false;
}

/* What the usage line names is taken, and what is taken is named. */
static void usage_lines_tell_the_options(void **state)
{
    (void)state;
    size_t n;
    const struct cli_command *commands = cli_commands(&n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(commands[i].options & CLI_COMMON, 0);
        assert_int_equal(commands[i].required & ~commands[i].options, 0);
        for (int o = 0; o < OPTION_COUNT; o++) {
            char option[64];
            bool taken = commands[i].options & (UINT64_C(1) << o);
            snprintf(option, sizeof option, "--%s", cli_option_info((enum cli_option)o)->name);
            if (taken != names(commands[i].arguments, option) && o != OPTION_CERT && strcmp(option, "--key") != 0)
                fail_msg("%s: %s", commands[i].words, option);
        }
    }
}

static void overview_lists_all_or_a_group(void **state)
{
    (void)state;
    struct run run;
    run_begin(&run);
    cli_help_all(&run.cli, NULL);
    run_end(&run);
    for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++)
        assert_non_null(strstr(run.out, promised[i]));
    assert_non_null(strstr(run.out, "7 daemon unreachable"));
    run_free(&run);
    run_begin(&run);
    run.cli.zh = true;
    cli_help_all(&run.cli, "sync");
    run_end(&run);
    assert_non_null(strstr(run.out, "  sync resume"));
    assert_null(strstr(run.out, "  list get"));
    assert_non_null(strstr(run.out, "示例："));
    run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promised_commands_exist),
        cmocka_unit_test(each_has_examples_that_work),
        cmocka_unit_test(help_shows_usage_options_and_examples),
        cmocka_unit_test(usage_lines_tell_the_options),
        cmocka_unit_test(overview_lists_all_or_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
