/* Dates by their marks: years first, then month and day; everything without a zone is meant in +08:00. */
#include "adapters/common/date.h"

#include <stdlib.h>
#include <string.h>

static bool is_leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static char *put_two(char *at, int n)
{
    at[0] = (char)('0' + n / 10);
    at[1] = (char)('0' + n % 10);
    return at + 2;
}

static bool write_date(int y, int m, int d, char out[11])
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (y < 1900 || y > 9999 || m < 1 || m > 12 || d < 1 || d > days[m - 1] + (m == 2 && is_leap(y)))
        return false;
    out = put_two(put_two(out, y / 100), y % 100);
    *out++ = '-';
    out = put_two(out, m);
    *out++ = '-';
    *put_two(out, d) = '\0';
    return true;
}

/* Civil date of a day number (days since 1970-01-01), by whole years and months. */
static bool write_day(int64_t day, char out[11])
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y = 1970, m = 0;

    if (day < 0 || day > 2932896)
        return false;
    for (; day >= 365 + is_leap(y); y++)
        day -= 365 + is_leap(y);
    for (; day >= days[m] + (m == 1 && is_leap(y)); m++)
        day -= days[m] + (m == 1 && is_leap(y));
    return write_date(y, m + 1, (int)day + 1, out);
}

/* Up to `most` digits; answers how many there were. */
static int take_number(const char **at, int most, int *out)
{
    int n = 0;

    *out = 0;
    for (; n < most && **at >= '0' && **at <= '9'; n++)
        *out = *out * 10 + (*(*at)++ - '0');
    return n;
}

static bool take_word(const char **at, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* A time behind the date: with another zone than +08:00 it may mean another day. `minutes_out` is how much the day
 * must be moved to be read in +08:00, from the start of that day. */
static bool take_clock(const char **at, int *minutes_out)
{
    int h, m, s = 0, zh = 8, zm = 0, sign = 1, ignored;

    if (!(take_word(at, "T") || take_word(at, " ")) || take_number(at, 2, &h) != 2 || !take_word(at, ":") ||
        take_number(at, 2, &m) != 2)
        return false;
    if (take_word(at, ":") && take_number(at, 2, &s) != 2)
        return false;
    if (take_word(at, ".") && take_number(at, 9, &ignored) == 0)
        return false;
    if (take_word(at, "Z")) {
        zh = 0;
    } else if (**at == '+' || **at == '-') {
        sign = *(*at)++ == '-' ? -1 : 1;
        if (take_number(at, 2, &zh) != 2)
            return false;
        (void)take_word(at, ":");
        if (take_number(at, 2, &zm) != 2)
            return false;
    }
    *minutes_out = h * 60 + m + 8 * 60 - sign * (zh * 60 + zm);
    return h < 24 && m < 60 && s < 61 && zh < 24 && zm < 60;
}

static int64_t day_number(int y, int m, int d)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t years = y - 1;

    return years * 365 + years / 4 - years / 100 + years / 400 + before[m - 1] + (m > 2 && is_leap(y)) + d - 719163;
}

/* 2026-03-01, 2026/3/1, 2026.3.1, 2026年3月1日, and what may follow them. */
static bool read_marked(const char *at, char out[11])
{
    const char *mark = NULL;
    static const char *const marks[] = {"-", "/", ".", "年"};
    int y, m, d, minutes = 0;
    bool chinese;

    if (take_number(&at, 4, &y) != 4)
        return false;
    for (size_t i = 0; mark == NULL && i < 4; i++)
        mark = take_word(&at, marks[i]) ? marks[i] : NULL;
    chinese = mark == marks[3];
    if (mark == NULL || take_number(&at, 2, &m) == 0 || !take_word(&at, chinese ? "月" : mark) ||
        take_number(&at, 2, &d) == 0 || (chinese && !take_word(&at, "日")))
        return false;
    if (*at != '\0' && !take_clock(&at, &minutes))
        return false;
    if (*at != '\0' || !write_date(y, m, d, out))
        return false;
    return minutes >= 0 && minutes < 24 * 60 ? true : write_day(day_number(y, m, d) + (minutes < 0 ? -1 : 1), out);
}

/* 20260301, or milliseconds since 1970. */
static bool read_digits(const char *in, size_t n, char out[11])
{
    int64_t value = strtoll(in, NULL, 10);

    if (n == 8)
        return write_date((int)(value / 10000), (int)(value / 100 % 100), (int)(value % 100), out);
    return (n == 12 || n == 13) && write_day((value / 1000 + 8 * 3600) / 86400, out);
}

static bool is_open(const char *in)
{
    static const char *const words[] = {"长期", "长期有效", "永久", "永久有效", "无固定期限"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(in, words[i]) == 0)
            return true;
    return false;
}

enum date_kind date_read(const char *in, char out[11])
{
    size_t n = strspn(in, "0123456789");

    if (is_open(in))
        return DATE_OPEN;
    if (n > 0 && in[n] == '\0')
        return read_digits(in, n, out) ? DATE_GOOD : DATE_BAD;
    return read_marked(in, out) ? DATE_GOOD : DATE_BAD;
}

bool date_of_serial(int64_t serial, bool from_1904, char out[11])
{
    /* 1900-03-01 is day 61: the spreadsheet counts a 29 February 1900 that never was, so smaller numbers are vague */
    int64_t day = from_1904 ? serial - 24107 : serial - 25569;

    return serial >= 61 && day >= 0 && write_day(day, out);
}
