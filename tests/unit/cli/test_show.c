/* What people see: widths, tables, objects in two languages, nothing that steers their terminal; and the exit codes. */
#include "run.h"

static void wide_characters_take_two_columns(void **state)
{
    (void)state;
    assert_int_equal(cli_width(""), 0);
    assert_int_equal(cli_width("abc"), 3);
    assert_int_equal(cli_width("山西省"), 6);
    assert_int_equal(cli_width("（ＡＢ）"), 8);
    assert_int_equal(cli_width("한글ｶﾅ"), 6);           /* half-width kana take one */
    assert_int_equal(cli_width("𠮷野"), 4);             /* beyond the basic plane */
    assert_int_equal(cli_width("é"), 1);
    assert_int_equal(cli_width("e\xCC\x81"), 1);        /* e and a combining acute */
    assert_int_equal(cli_width("…—“”"), 4);
    assert_int_equal(cli_width("\xFF\xFE"), 2);         /* what is no UTF-8 is shown as one mark a byte */
}

static void data_cannot_steer_a_terminal(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    const char *good = "山西 ok";
    assert_ptr_equal(cli_clean(arena, good), good);
    assert_string_equal(cli_clean(arena, "a\033[31mb\r\n\x7f"), "a?[31mb???");
    assert_string_equal(cli_clean(arena, "a\xC2\x9B" "31m"), "a?31m");         /* C1 CSI */
    assert_string_equal(cli_clean(arena, "a\xE2\x80\xAE" "b"), "a?b");         /* right-to-left override */
    assert_string_equal(cli_clean(arena, "a\xFF"), "a?");
}

static void tables_are_aligned(void **state)
{
    (void)state;
    struct run run;
    struct cli_grid grid;
    run_begin(&run);
    grid_begin(&grid, &run.cli, 0, (const char *const[]){"name", "n", "end"}, 3);
    grid_row(&grid, (struct cli_cell[]){{"山西", 0}, {"7", 0}, {"x", 0}});
    grid_row(&grid, (struct cli_cell[]){{"abcdef", 0}, {"123", 0}, {"yy", 0}});
    grid_end(&grid);
    run_end(&run);
    assert_string_equal(run.out, "name      n  end\n"
                                 "山西      7  x\n"
                                 "abcdef  123  yy\n");
    run_free(&run);
}

static void titles_come_once_and_only_with_rows(void **state)
{
    (void)state;
    struct run run;
    struct cli_grid grid;
    run_begin(&run);
    grid_begin(&grid, &run.cli, 0, (const char *const[]){"a"}, 1);
    grid_flush(&grid);
    grid_row(&grid, (struct cli_cell[]){{"1", 0}});
    grid_flush(&grid);
    grid_row(&grid, (struct cli_cell[]){{"2", 0}});
    grid_end(&grid);
    run_end(&run);
    assert_string_equal(run.out, "a\n1\n2\n");
    run_free(&run);
}

static char *shown(const char *json, bool zh, bool colour, bool raw)
{
    struct run run;
    run_begin(&run);
    run.cli.zh = zh;
    run.cli.colour = colour;
    run.cli.json = raw;
    assert_int_equal(cli_show_bytes(&run.cli, bytes_str(json)), CLI_OK);
    run_end(&run);
    char *out = strdup(run.out);
    run_free(&run);
    return out;
}

static void expect_shown(const char *json, bool zh, bool colour, bool raw, const char *expected)
{
    char *out = shown(json, zh, colour, raw);
    assert_string_equal(out, expected);
    free(out);
}

static void objects_show_in_the_readers_language(void **state)
{
    (void)state;
    const char *json = "{\"uscc\":\"9114\",\"status\":\"listed\",\"next_en\":\"nothing to do\",\"next_zh\":\"无需处理\","
                       "\"reasons\":[\"certified\"],\"reasons_zh\":[\"已认证\"],\"ok\":true,\"none\":null}";
    expect_shown(json, false, false, false,
                 "USCC     9114\nstatus   listed\nnext     nothing to do\nreasons  certified\nok       yes\n");
    expect_shown(json, true, false, false,
                 "统一社会信用代码  9114\n状态              已入名单\n后续              无需处理\n理由              已认证\n"
                 "通过              是\n");
}

static void objects_inside_are_indented(void **state)
{
    (void)state;
    expect_shown("{\"counts\":{\"received\":3,\"rejected\":1},\"keys\":[{\"kid\":\"a\",\"days_left\":5},{\"kid\":\"bb\",\"days_left\":60}]}", false,
                 false, false,
                 "counts\n  received  3\n  rejected  1\nkeys\n  key id  days left\n  a               5\n  bb             60\n");
}

static void json_is_passed_on_as_it_is(void **state)
{
    (void)state;
    expect_shown("{\"b\": 1.50,\"a\":\"\\u5c71\"}\n", false, true, true, "{\"b\": 1.50,\"a\":\"\\u5c71\"}\n");
}

static void colours_only_when_wanted(void **state)
{
    (void)state;
    expect_shown("{\"state\":\"failed\"}", false, true, false, "\033[1mstate\033[0m  \033[31mfailed\033[0m\n");
    expect_shown("{\"state\":\"failed\"}", false, false, false, "state  failed\n");
}

/* ---- exit codes ------------------------------------------------------------------------------------------- */

static int problem(int status, const char *body, const char *says)
{
    struct run run;
    run_begin(&run);
    int code = cli_problem(&run.cli, status, bytes_str(body));
    run_end(&run);
    assert_int_equal(run.out_n, 0);
    if (!strstr(run.err, says))
        fail_msg("%s", run.err);
    run_free(&run);
    return code;
}

static void problems_become_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(problem(403, "{\"code\":\"approval.same_person\",\"detail\":\"not you\"}", "not you [approval.same_person]"), CLI_DENIED);
    assert_int_equal(problem(404, "{\"code\":\"firm.unknown\",\"detail\":\"d\"}", "firm.unknown"), CLI_MISSING);
    assert_int_equal(problem(409, "{\"code\":\"approval.changed\",\"detail\":\"d\"}", "approval.changed"), CLI_CONFLICT);
    assert_int_equal(problem(500, "{\"code\":\"journal.broken\",\"detail\":\"d\"}", "journal.broken"), CLI_SIGNATURE);
    assert_int_equal(problem(500, "{\"code\":\"store.rebuild_differs\"}", "rebuilt tables differ"), CLI_SIGNATURE);
    assert_int_equal(problem(422, "{\"code\":\"approval.reason\",\"detail\":\"d\"}", "approval.reason"), CLI_USAGE);
    assert_int_equal(problem(503, "{\"code\":\"busy.queue\",\"detail\":\"d\"}", "busy.queue"), CLI_FAILED);
}

/* A daemon newer than this program, or something in front of it. */
static void unknown_problems_go_by_status(void **state)
{
    (void)state;
    assert_int_equal(problem(403, "{\"code\":\"new.code\",\"detail\":\"d\"}", "d [new.code]"), CLI_DENIED);
    assert_int_equal(problem(409, "{\"code\":\"new.code\"}", "new.code"), CLI_CONFLICT);
    assert_int_equal(problem(404, "<html>", "404"), CLI_MISSING);
    assert_int_equal(problem(502, "", "502"), CLI_FAILED);
}

static void findings_are_told_one_by_one(void **state)
{
    (void)state;
    assert_int_equal(problem(422, "{\"code\":\"config.value\",\"detail\":\"d\",\"errors\":[{\"place\":\"a.yaml:3:1\",\"code\":\"config.value\",\"detail\":\"too big\"}]}",
                             "a.yaml:3:1: too big"), CLI_FAILED);
}

static void runs_end_with_their_own_codes(void **state)
{
    (void)state;
    assert_int_equal(cli_run_exit("done", 0), CLI_OK);
    assert_int_equal(cli_run_exit("done", 1), CLI_PARTIAL);
    assert_int_equal(cli_run_exit("held", 0), CLI_CONFLICT);
    assert_int_equal(cli_run_exit("failed", 0), CLI_FAILED);
    assert_int_equal(cli_run_exit("incomplete", 5), CLI_FAILED);
    assert_int_equal(cli_run_exit("cancelled", 0), CLI_FAILED);
}

static void progress_tells_rate_and_time_left(void **state)
{
    (void)state;
    char text[160];
    assert_string_equal(progress_text(text, sizeof text, 512, 2048, 5000), "512 of 2048 (25 %), 102/s, 16 s left");
    assert_string_equal(progress_text(text, sizeof text, 300, 0, 1000), "300, 300/s");
    assert_string_equal(progress_text(text, sizeof text, 0, 10, 0), "0 of 10 (0 %), 0/s");
    assert_string_equal(progress_text(text, sizeof text, 10, 10, 1000), "10 of 10 (100 %), 10/s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_characters_take_two_columns),
        cmocka_unit_test(data_cannot_steer_a_terminal),
        cmocka_unit_test(tables_are_aligned),
        cmocka_unit_test(titles_come_once_and_only_with_rows),
        cmocka_unit_test(objects_show_in_the_readers_language),
        cmocka_unit_test(objects_inside_are_indented),
        cmocka_unit_test(json_is_passed_on_as_it_is),
        cmocka_unit_test(colours_only_when_wanted),
        cmocka_unit_test(problems_become_exit_codes),
        cmocka_unit_test(unknown_problems_go_by_status),
        cmocka_unit_test(findings_are_told_one_by_one),
        cmocka_unit_test(runs_end_with_their_own_codes),
        cmocka_unit_test(progress_tells_rate_and_time_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
