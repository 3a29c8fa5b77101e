/* Clocks that a test can set, and times, dates and durations as text. The zone is always +08:00: the
 * machine's TZ and its zone files never matter. */
#include "base/base.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ZONE_MS (INT64_C(8) * 3600 * 1000)
#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* 0000-01-01 and 9999-12-31: what four digits of a year can say */
#define DAY_MIN (-719528)
#define DAY_MAX 2932896

static _Atomic bool test_on;
static _Atomic int64_t test_wall;
static _Atomic int64_t test_mono;

static int64_t clock_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return atomic_load(&test_on) ? atomic_load(&test_wall) : clock_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return atomic_load(&test_on) ? atomic_load(&test_mono) : clock_ms(CLOCK_MONOTONIC);
}

struct timespec clock_deadline(int64_t ms)
{
    int64_t at = clock_ms(CLOCK_MONOTONIC) + ms;
    return (struct timespec){.tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000};
}

void clock_test_set(int64_t wall_ms, int64_t mono_ms)
{
    atomic_store(&test_wall, wall_ms);
    atomic_store(&test_mono, mono_ms);
    atomic_store(&test_on, wall_ms != 0 || mono_ms != 0);
}

struct civil {
    int year, month, day;
};

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days before 1 January of `year` (≥ 0), counted from 0000-01-01. */
static int days_before_year(int year)
{
    int past = year - 1;
    return year == 0 ? 0 : 366 + 365 * past + past / 4 - past / 100 + past / 400;
}

static date_day day_of(struct civil c)
{
    int day = days_before_year(c.year) + c.day - 1;
    for (int month = 1; month < c.month; month++)
        day += month_days(c.year, month);
    return day + DAY_MIN;
}

static struct civil civil_of(date_day day)
{
    int left = (day < DAY_MIN ? DAY_MIN : day > DAY_MAX ? DAY_MAX : day) - DAY_MIN;
    /* by the mean length of a year: never too early, so that only steps back are needed */
    struct civil c = {.year = (int)((int64_t)left * 400 / 146097) + 1, .month = 1};
    while (days_before_year(c.year) > left)
        c.year--;
    left -= days_before_year(c.year);
    while (left >= month_days(c.year, c.month))
        left -= month_days(c.year, c.month++);
    c.day = left + 1;
    return c;
}

static char *put_two(char *at, int n)
{
    at[0] = (char)('0' + n / 10);
    at[1] = (char)('0' + n % 10);
    return at + 2;
}

/* Written by hand: a statement holds ten of these, and printf takes as long as the rest of it. */
char *date_format(date_day day, char out[DATE_TEXT_SIZE])
{
    struct civil c = civil_of(day);
    char *at = put_two(put_two(out, c.year / 100), c.year % 100);
    *at++ = '-';
    at = put_two(at, c.month);
    *at++ = '-';
    *put_two(at, c.day) = '\0';
    return out;
}

date_day date_of_ms(int64_t ms)
{
    /* division that rounds down, also before 1970 */
    int64_t rest = ms % DAY_MS + (ms % DAY_MS < 0 ? DAY_MS : 0);
    int64_t day = ms / DAY_MS - (ms % DAY_MS < 0) + (rest >= DAY_MS - ZONE_MS);
    return day < DAY_MIN ? DAY_MIN : day > DAY_MAX ? DAY_MAX : (date_day)day;
}

int64_t date_start_ms(date_day day)
{
    return (int64_t)day * DAY_MS - ZONE_MS;
}

char *time_format(int64_t ms, char out[TIME_TEXT_SIZE])
{
    int64_t first = date_start_ms(DAY_MIN);
    int64_t last = date_start_ms(DAY_MAX + 1) - 1;
    ms = ms < first ? first : ms > last ? last : ms;
    date_day day = date_of_ms(ms);
    unsigned second = (unsigned)((ms - date_start_ms(day)) / 1000);
    date_format(day, out);
    char *at = out + DATE_TEXT_SIZE - 1;
    *at++ = 'T';
    at = put_two(at, (int)(second / 3600));
    *at++ = ':';
    at = put_two(at, (int)(second / 60 % 60));
    *at++ = ':';
    at = put_two(at, (int)(second % 60));
    memcpy(at, "+08:00", sizeof "+08:00");
    return out;
}

/* A cursor over text; every reader returns false at the first character that is not what it wants. */
struct scan {
    const uint8_t *p;
    const uint8_t *end;
};

static bool scan_number(struct scan *s, int digits, int max, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++, s->p++) {
        if (s->p == s->end || *s->p < '0' || *s->p > '9')
            return false;
        value = value * 10 + (*s->p - '0');
    }
    *out = value;
    return value <= max;
}

/* One character out of `set`, kept in *out. */
static bool scan_any(struct scan *s, const char *set, char *out)
{
    if (s->p == s->end || *s->p == '\0' || !strchr(set, *s->p))
        return false;
    *out = (char)*s->p++;
    return true;
}

static bool scan_date(struct scan *s, date_day *out)
{
    struct civil c;
    char dash;
    CHECK(scan_number(s, 4, 9999, &c.year) && scan_any(s, "-", &dash));
    CHECK(scan_number(s, 2, 12, &c.month) && scan_any(s, "-", &dash) && c.month >= 1);
    CHECK(scan_number(s, 2, month_days(c.year, c.month), &c.day) && c.day >= 1);
    *out = day_of(c);
    return true;
}

bool date_parse(struct bytes text, date_day *day_out)
{
    if (text.n != DATE_TEXT_SIZE - 1)
        return false;
    struct scan s = {text.p, text.p + text.n};
    return scan_date(&s, day_out);
}

/* The fraction after a second, cut to milliseconds; absent is 0. */
static bool scan_fraction(struct scan *s, int *ms_out)
{
    char point;
    *ms_out = 0;
    if (!scan_any(s, ".", &point))
        return true;
    int digits = 0;
    int weight = 100;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++, digits++) {
        *ms_out += (*s->p - '0') * weight;
        weight /= 10;
    }
    return digits > 0;
}

static bool scan_offset(struct scan *s, int64_t *ms_out)
{
    char sign, colon;
    int hour = 0, minute = 0;
    CHECK(scan_any(s, "Zz+-", &sign));
    if (sign == '+' || sign == '-')
        CHECK(scan_number(s, 2, 23, &hour) && scan_any(s, ":", &colon) && scan_number(s, 2, 59, &minute));
    *ms_out = (int64_t)(hour * 60 + minute) * 60000 * (sign == '-' ? -1 : 1);
    return true;
}

bool time_parse(struct bytes text, int64_t *ms_out)
{
    if (text.n == 0)
        return false;
    struct scan s = {text.p, text.p + text.n};
    date_day day;
    int hour, minute, second, fraction;
    int64_t offset;
    char mark;
    CHECK(scan_date(&s, &day) && scan_any(&s, "Tt", &mark));
    CHECK(scan_number(&s, 2, 23, &hour) && scan_any(&s, ":", &mark));
    CHECK(scan_number(&s, 2, 59, &minute) && scan_any(&s, ":", &mark));
    CHECK(scan_number(&s, 2, 60, &second) && scan_fraction(&s, &fraction) && scan_offset(&s, &offset));
    CHECK(s.p == s.end);
    int64_t ms = (int64_t)day * DAY_MS + ((int64_t)(hour * 60 + minute) * 60 + second) * 1000 + fraction - offset;
    /* a leap second stands only at the end of a UTC day; it is read as the second after it */
    if (second == 60 && (ms - fraction) % DAY_MS != 0)
        return false;
    *ms_out = ms;
    return true;
}

bool duration_parse(const char *text, int64_t *ms_out)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", DAY_MS}};
    int64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value))
            return false;
    }
    if (p == text)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(p, units[i].name) == 0)
            return !__builtin_mul_overflow(value, units[i].ms, ms_out);
    }
    return false;
}
