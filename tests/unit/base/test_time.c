/* Times, dates, durations and the clock a test can set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

static void times_read_with_any_offset(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        /* seconds by `date -u -d … +%s` */
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T08:00:00+08:00", 0},
        {"2026-11-24T10:00:00+08:00", INT64_C(1795485600000)},
        {"2026-11-24T02:00:00Z", INT64_C(1795485600000)},
        {"2026-11-24t02:00:00z", INT64_C(1795485600000)},
        {"2026-11-24T02:00:00-00:00", INT64_C(1795485600000)},
        {"2026-11-23T20:30:00-05:30", INT64_C(1795485600000)},
        {"2026-11-24T10:00:00.5+08:00", INT64_C(1795485600500)},
        {"2026-11-24T10:00:00.123999999+08:00", INT64_C(1795485600123)},
        {"2024-02-29T23:59:59Z", INT64_C(1709251199000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
        {"2017-01-01T07:59:60+08:00", INT64_C(1483228800000)},
        {"1969-12-31T23:59:59.999Z", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = 42;
        assert_true(time_parse(bytes_str(cases[i].text), &ms));
        assert_true(ms == cases[i].ms);
    }
}

static void times_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-11-24",
        "2026-11-24T10:00:00",
        "2026-11-24 10:00:00+08:00",
        "2026-11-24T10:00+08:00",
        "2026-11-24T24:00:00+08:00",
        "2026-11-24T10:60:00+08:00",
        "2026-11-24T10:00:61+08:00",
        "2026-11-24T10:00:60+08:00",
        "2026-11-24T10:00:00+0800",
        "2026-11-24T10:00:00+24:00",
        "2026-11-24T10:00:00+08:60",
        "2026-11-24T10:00:00+8:00",
        "2026-11-24T10:00:00.+08:00",
        "2026-11-24T10:00:00,5+08:00",
        "2026-11-24T10:00:00Z ",
        " 2026-11-24T10:00:00Z",
        "2026-02-29T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-00-01T10:00:00Z",
        "2026-11-00T10:00:00Z",
        "26-11-24T10:00:00Z",
        "2026-11-24T1a:00:00Z",
        "+026-11-24T10:00:00Z",
    };
    int64_t ms;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(time_parse(bytes_str(bad[i]), &ms));
    assert_false(time_parse(BYTES_LIT("2026-11-24T10:00:00\0"), &ms));
    assert_false(time_parse((struct bytes){0}, &ms));
}

static void times_are_written_in_the_fixed_zone(void **state)
{
    (void)state;
    char text[TIME_TEXT_SIZE];
    setenv("TZ", "America/New_York", 1);
    tzset();
    assert_string_equal(time_format(0, text), "1970-01-01T08:00:00+08:00");
    assert_string_equal(time_format(INT64_C(1795485600999), text), "2026-11-24T10:00:00+08:00");
    assert_string_equal(time_format(-1, text), "1970-01-01T07:59:59+08:00");
    assert_string_equal(time_format(INT64_C(1709222399000), text), "2024-02-29T23:59:59+08:00");
    assert_string_equal(time_format(INT64_C(1709222400000), text), "2024-03-01T00:00:00+08:00");
    assert_string_equal(time_format(INT64_MAX, text), "9999-12-31T23:59:59+08:00");
    assert_string_equal(time_format(INT64_MIN, text), "0000-01-01T00:00:00+08:00");
}

static void dates_that_exist(void **state)
{
    (void)state;
    date_day day = 42;
    assert_true(date_parse(bytes_str("1970-01-01"), &day));
    assert_int_equal(day, 0);
    assert_true(date_parse(bytes_str("2000-02-29"), &day));
    assert_int_equal(day, 11016);
    assert_true(date_parse(bytes_str("2024-02-29"), &day));
    assert_int_equal(day, 19782);
    static const char *const bad[] = {"2023-02-29", "1900-02-29", "2100-02-29", "2024-02-30", "2024-04-31", "2024-13-01",
                                      "2024-00-10", "2024-01-00", "2024-1-1",   "20240101",   "2024-01-01 ", "",
                                      "2024/01/01", "-024-01-01", "2024-01-1x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(date_parse(bytes_str(bad[i]), &day));
}

/* Against the C library, over four centuries and more. */
static void dates_agree_with_libc(void **state)
{
    (void)state;
    for (date_day day = -150000; day < 150000; day++) {
        time_t seconds = (time_t)day * 86400;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        char want[40], have[DATE_TEXT_SIZE];
        snprintf(want, sizeof(want), "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
        date_day back;
        if (strcmp(want, date_format(day, have)) != 0 || !date_parse(bytes_str(have), &back) || back != day)
            fail_msg("%d: %s %s", day, want, have);
    }
}

static void dates_round_trip_to_the_ends(void **state)
{
    (void)state;
    date_day first, last, back;
    char text[DATE_TEXT_SIZE];
    assert_true(date_parse(bytes_str("0000-01-01"), &first));
    assert_true(date_parse(bytes_str("9999-12-31"), &last));
    assert_int_equal(last - first, 3652424);
    for (date_day day = first; day <= last; day += 13) {
        if (!date_parse(bytes_str(date_format(day, text)), &back) || back != day)
            fail_msg("%d %s", day, text);
    }
    assert_string_equal(date_format(DATE_NONE, text), "0000-01-01");
}

static void days_turn_at_midnight_in_the_fixed_zone(void **state)
{
    (void)state;
    int64_t ms;
    date_day day;
    time_parse(bytes_str("2026-11-24T00:00:00+08:00"), &ms);
    date_parse(bytes_str("2026-11-24"), &day);
    assert_int_equal(date_of_ms(ms), day);
    assert_int_equal(date_of_ms(ms - 1), day - 1);
    assert_int_equal(date_of_ms(ms + 86399999), day);
    assert_true(date_start_ms(day) == ms);
    for (date_day d = -800000; d < 2900000; d += 1009) {
        assert_int_equal(date_of_ms(date_start_ms(d)), d < -719528 ? -719528 : d);
        assert_int_equal(date_of_ms(date_start_ms(d) - 1), d - 1 < -719528 ? -719528 : d - 1);
    }
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"90s", 90000}, {"10min", 600000}, {"6h", 21600000}, {"7d", 604800000}, {"500ms", 500}, {"0s", 0}};
    int64_t ms;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(duration_parse(good[i].text, &ms));
        assert_true(ms == good[i].ms);
    }
    static const char *const bad[] = {"", "5", "s", "5m", "-5s", "+5s", "5 s", "5.5s", "5S", "5sec", "1h30min",
                                      "99999999999999999999s", "9223372036854775807d", " 5s", "5s "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(duration_parse(bad[i], &ms));
}

static void clock_stands_still_in_tests(void **state)
{
    (void)state;
    clock_test_set(INT64_C(1795485600000), 1000);
    assert_true(clock_wall_ms() == INT64_C(1795485600000));
    assert_true(clock_mono_ms() == 1000);
    clock_test_set(0, 0);
    assert_true(clock_wall_ms() / 1000 - (int64_t)time(NULL) < 2);
    int64_t before = clock_mono_ms();
    assert_true(clock_mono_ms() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_read_with_any_offset),
        cmocka_unit_test(times_that_are_none),
        cmocka_unit_test(times_are_written_in_the_fixed_zone),
        cmocka_unit_test(dates_that_exist),
        cmocka_unit_test(dates_agree_with_libc),
        cmocka_unit_test(dates_round_trip_to_the_ends),
        cmocka_unit_test(days_turn_at_midnight_in_the_fixed_zone),
        cmocka_unit_test(durations),
        cmocka_unit_test(clock_stands_still_in_tests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
