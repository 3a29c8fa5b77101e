/* What the log and the counters write, read back through a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

static int saved = -1;
static int reader = -1;

static void capture(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reader = ends[0];
    clock_test_set(INT64_C(1795485600000), 1);
}

static const char *captured(void)
{
    static char text[8192];
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = read(reader, text, sizeof(text) - 1);
    close(reader);
    text[n > 0 ? n : 0] = '\0';
    clock_test_set(0, 0);
    return text;
}

static void a_line_is_time_level_event_and_values(void **state)
{
    (void)state;
    capture();
    log_event(LOG_NOTICE, "sync.done", "run=%d rows=%s", 7, "汾酒");
    assert_string_equal(captured(), "2026-11-24T10:00:00+08:00 notice sync.done run=7 rows=汾酒\n");
}

static void control_characters_cannot_forge_a_line(void **state)
{
    (void)state;
    capture();
    log_event(LOG_WARN, "x.y", "name=%s", "a\nb\r\x1b[0m\x7f\xc2\x9b!\t\xff");
    assert_string_equal(captured(),
                        "2026-11-24T10:00:00+08:00 warn x.y name=a\\x0ab\\x0d\\x1b[0m\\x7f\\xc2\\x9b!\\x09\\xff\n");
}

static void an_error_is_code_place_and_detail(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_IO, "a \"b\"", "c\\d");
    capture();
    log_err(LOG_ERROR, "store.open", &err);
    assert_string_equal(captured(),
                        "2026-11-24T10:00:00+08:00 error store.open code=io place=\"a \\\"b\\\"\" detail=\"c\\\\d\"\n");
}

static void long_lines_are_cut_and_ended(void **state)
{
    (void)state;
    char wide[5000];
    memset(wide, '\n', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    capture();
    log_event(LOG_ERROR, "x", "%s", wide);
    const char *text = captured();
    assert_true(strlen(text) <= 2048);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void lower_levels_are_silent(void **state)
{
    (void)state;
    capture();
    log_event(LOG_DEBUG, "a", "%s", "");
    log_set_level(LOG_ERROR);
    log_event(LOG_WARN, "b", "%s", "");
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "c", "%s", "");
    log_set_level(LOG_INFO);
    assert_string_equal(captured(), "2026-11-24T10:00:00+08:00 debug c\n");
}

static void levels_have_names(void **state)
{
    (void)state;
    enum log_level level = LOG_DEBUG;
    assert_true(log_level_parse("warn", &level));
    assert_int_equal(level, LOG_WARN);
    assert_false(log_level_parse("WARN", &level));
    assert_false(log_level_parse("", &level));
}

static void counters_are_dumped_for_prometheus(void **state)
{
    (void)state;
    metric_add(METRIC_COMMITS, 2);
    metric_add(METRIC_COMMITS, 3);
    metric_set(METRIC_CONNECTIONS, 9);
    metric_add(METRIC_CONNECTIONS, -1);
    assert_int_equal(metric_get(METRIC_COMMITS), 5);
    struct buf out;
    buf_init(&out, 64 * 1024);
    metric_dump(&out);
    assert_false(out.overflow);
    assert_non_null(strstr((char *)out.p, "# HELP pledged_commits_total durable transactions\n"
                                          "# TYPE pledged_commits_total counter\npledged_commits_total 5\n"));
    assert_non_null(strstr((char *)out.p, "# TYPE pledged_connections gauge\npledged_connections 8\n"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_time_level_event_and_values),
        cmocka_unit_test(control_characters_cannot_forge_a_line),
        cmocka_unit_test(an_error_is_code_place_and_detail),
        cmocka_unit_test(long_lines_are_cut_and_ended),
        cmocka_unit_test(lower_levels_are_silent),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(counters_are_dumped_for_prometheus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
