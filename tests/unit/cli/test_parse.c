/* The command line as people write it. */
#include "run.h"

#define PARSE(run, ...)                                                                                                \
    parse(run, (const char *const[]){"pledgectl", __VA_ARGS__}, sizeof((const char *const[]){"pledgectl", __VA_ARGS__}) / sizeof(char *))

static int parse(struct run *run, const char *const *argv, size_t argc)
{
    run_begin(run);
    int code = cli_parse(&run->cli, (int)argc, argv, &run->help);
    run_end(run);
    return code;
}

static void options_stand_anywhere(void **state)
{
    (void)state;
    struct run run;
    assert_int_equal(PARSE(&run, "--socket", "/s", "list", "--json", "find", "--name=山西 A", "--city", "140100"), CLI_OK);
    assert_string_equal(run.cli.command->words, "list find");
    assert_string_equal(run.cli.option[OPTION_SOCKET], "/s");
    assert_string_equal(run.cli.option[OPTION_NAME], "山西 A");
    assert_string_equal(run.cli.option[OPTION_CITY], "140100");
    assert_true(run.cli.json);
    assert_null(run.cli.option[OPTION_STATE]);
    run_free(&run);
}

static void words_behind_the_command_are_arguments(void **state)
{
    (void)state;
    struct run run;
    assert_int_equal(PARSE(&run, "id", "check", "A", "-", "--", "--kind", "-x"), CLI_OK);
    assert_int_equal(run.cli.arg_n, 4);
    assert_string_equal(run.cli.args[1], "-");
    assert_string_equal(run.cli.args[2], "--kind");
    assert_string_equal(run.cli.args[3], "-x");
    run_free(&run);
    assert_int_equal(PARSE(&run, "status"), CLI_OK);
    assert_string_equal(run.cli.command->words, "status");
    run_free(&run);
    assert_int_equal(PARSE(&run, "list", "propose", "add", "U", "--reason", "--json"), CLI_OK);
    assert_string_equal(run.cli.option[OPTION_REASON], "--json");   /* a value is a value */
    run_free(&run);
}

static void mistakes_are_usage_and_say_what(void **state)
{
    (void)state;
    static const struct {
        const char *args[5], *says;
    } cases[] = {
        {{NULL}, "which command"},
        {{"frobnicate"}, "unknown command: frobnicate"},
        {{"bootstrap"}, "unknown command: bootstrap"},
        {{"sync"}, "needs a second word"},
        {{"sync", "undo", "R"}, "unknown command: sync undo"},
        {{"sync", "revert", "R"}, "sync revert needs --reason"},
        {{"status", "extra"}, "one argument too many: extra"},
        {{"list", "get"}, "list get needs USCC"},
        {{"status", "--nope"}, "unknown option --nope"},
        {{"status", "-x"}, "unknown option -x"},
        {{"status", "--full"}, "status does not take --full"},
        {{"status", "--socket"}, "--socket needs a value: PATH"},
        {{"status", "--json=1"}, "--json takes no value"},
        {{"status", "--json", "--json"}, "--json is given twice"},
        {{"status", "--lang", "fr"}, "--lang is zh or en"},
        {{"approve", "grant", "p-1"}, "approve grant needs --comment"},
        {{"list", "propose", "add", "U"}, "list propose needs --reason"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *argv[7] = {"pledgectl"};
        size_t n = 1;
        for (; n < 6 && cases[i].args[n - 1]; n++)
            argv[n] = cases[i].args[n - 1];
        struct run run;
        assert_int_equal(parse(&run, argv, n), CLI_USAGE);
        if (!strstr(run.err, cases[i].says))
            fail_msg("case %zu: %s", i, run.err);
        assert_int_equal(run.out_n, 0);
        run_free(&run);
    }
}

static void help_needs_nothing_else(void **state)
{
    (void)state;
    struct run run;
    assert_int_equal(PARSE(&run, "help"), CLI_OK);
    assert_true(run.help && !run.cli.command);
    run_free(&run);
    assert_int_equal(PARSE(&run, "help", "sync"), CLI_OK);
    assert_true(run.help && !run.cli.command);
    run_free(&run);
    assert_int_equal(PARSE(&run, "approve", "grant", "--help"), CLI_OK);
    assert_true(run.help);
    assert_string_equal(run.cli.command->words, "approve grant");
    run_free(&run);
    assert_int_equal(PARSE(&run, "help", "nothing"), CLI_USAGE);
    run_free(&run);
}

static bool chinese(const char *all, const char *messages, const char *lang, const char *option)
{
    struct run run;
    const char *argv[] = {"pledgectl", "status", "--lang", option};
    setenv("LC_ALL", all, 1);
    setenv("LC_MESSAGES", messages, 1);
    setenv("LANG", lang, 1);
    assert_int_equal(parse(&run, argv, option ? 4 : 2), CLI_OK);
    bool zh = run.cli.zh;
    run_free(&run);
    return zh;
}

static void language_follows_the_locale(void **state)
{
    (void)state;
    assert_true(chinese("", "", "zh_CN.UTF-8", NULL));
    assert_true(chinese("zh_CN", "", "C", NULL));
    assert_false(chinese("C", "", "zh_CN.UTF-8", NULL));
    assert_false(chinese("", "en_US", "zh_CN.UTF-8", NULL));
    assert_false(chinese("", "", "", NULL));
    assert_true(chinese("C", "", "", "zh"));
    assert_false(chinese("zh_CN", "", "", "en"));
}

static void numbers_are_whole(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "-1", "x", "1x", "", " 1", "+1", "99999999999999999999", "1.5"};
    struct run run;
    int64_t n = 7;
    run_begin(&run);
    assert_int_equal(cli_number(&run.cli, OPTION_LIMIT, 1, &n), CLI_OK);
    assert_int_equal(n, 7);
    run.cli.option[OPTION_LIMIT] = "12";
    assert_int_equal(cli_number(&run.cli, OPTION_LIMIT, 1, &n), CLI_OK);
    assert_int_equal(n, 12);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        run.cli.option[OPTION_LIMIT] = bad[i];
        assert_int_equal(cli_number(&run.cli, OPTION_LIMIT, 1, &n), CLI_USAGE);
    }
    assert_int_equal(n, 12);
    run_end(&run);
    run_free(&run);
}

static void paths_and_queries_are_encoded(void **state)
{
    (void)state;
    struct run run;
    run_begin(&run);
    assert_string_equal(cli_path(&run.cli, "/firms/", "../a b?", "/history"), "/firms/%2E%2E%2Fa%20b%3F/history");
    const char *path = cli_with(&run.cli, "/firms", "name", "山&+");
    assert_string_equal(path, "/firms?name=%E5%B1%B1%26%2B");
    assert_string_equal(cli_with(&run.cli, path, "city", NULL), path);
    assert_string_equal(cli_with(&run.cli, "/a?b=1", "c", "d"), "/a?b=1&c=d");
    run_end(&run);
    run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(words_behind_the_command_are_arguments),
        cmocka_unit_test(mistakes_are_usage_and_say_what),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(language_follows_the_locale),
        cmocka_unit_test(numbers_are_whole),
        cmocka_unit_test(paths_and_queries_are_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
