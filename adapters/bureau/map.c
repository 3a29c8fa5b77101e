/* One row, read strictly: canonical names, one form of date, two words of status. */
#include "bureau.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const canonical[FIELD_COUNT] = {
    "uscc",  "name",        "region_code", "industry_code", "scale",  "ownership", "level",
    "batch", "document_no", "valid_from",  "valid_until",   "status", "reason",
};

/* ---- dates ---------------------------------------------------------------------------------------------- */

static bool is_leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static bool write_date(int y, int m, int d, char out[11])
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (y < 1900 || y > 9999 || m < 1 || m > 12 || d < 1 || d > days[m - 1] + (m == 2 && is_leap(y)))
        return false;
    (void)snprintf(out, 11, "%04d-%02d-%02d", (unsigned)y % 10000, (unsigned)m % 100, (unsigned)d % 100);
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

enum map_date map_date(const char *in, char out[11])
{
    size_t n = strspn(in, "0123456789");

    if (strcmp(in, "长期") == 0 || strcmp(in, "长期有效") == 0)
        return DATE_OPEN;
    if (n > 0 && in[n] == '\0')
        return read_digits(in, n, out) ? DATE_GOOD : DATE_BAD;
    return read_marked(in, out) ? DATE_GOOD : DATE_BAD;
}

/* ---- values --------------------------------------------------------------------------------------------- */

static const json_t *find(const json_t *row, const struct scan_path *path)
{
    const json_t *at = row;

    for (size_t i = 0; i < path->n && at != NULL; i++)
        at = json_object_getn(at, (const char *)path->names[i].p, path->names[i].n);
    return json_is_null(at) ? NULL : at;
}

/* Room for what is not the row's own text. */
struct scratch {
    char numbers[FIELD_COUNT][24];
    char dates[2][11];
};

/* NULL with *bad_out NULL: absent. */
static const char *text_of(const json_t *value, char room[24], const char **bad_out)
{
    const char *s;

    if (value == NULL)
        return NULL;
    if (json_is_integer(value)) {
        (void)snprintf(room, 24, "%lld", (long long)json_integer_value(value));
        return room;
    }
    s = json_string_value(value);
    if (s == NULL)
        *bad_out = "neither a text nor a whole number";
    else
        s += strspn(s, " \t");
    return s == NULL || *s == '\0' ? NULL : s;
}

static size_t trimmed(const char *s)
{
    size_t n = strlen(s);

    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    return n;
}

static const char *map_status(const struct bureau *bureau, const char *word, const char **bad_out)
{
    struct gwa_bytes value = {(const uint8_t *)word, word == NULL ? 0 : trimmed(word)};

    if (word == NULL) {
        *bad_out = bureau->absent == NULL ? "missing" : NULL;
        return bureau->absent;
    }
    if (text_is_one_of(value, bureau->certified))
        return "certified";
    if (text_is_one_of(value, bureau->withdrawn))
        return "withdrawn";
    *bad_out = "not a word that the source's settings know";
    return NULL;
}

static const char *map_day(const char *text, char out[11], bool may_be_open, const char **bad_out)
{
    char plain[48];
    enum map_date got;

    if (text == NULL)
        return NULL;
    (void)snprintf(plain, sizeof(plain), "%.*s", (int)(trimmed(text) < 47 ? trimmed(text) : 47), text);
    got = map_date(plain, out);
    if (got == DATE_BAD || (got == DATE_OPEN && !may_be_open))
        *bad_out = "not a date";
    return got == DATE_GOOD ? out : NULL;
}

/* The value of one field; *bad_out says why there is none where there should be. */
static const char *map_field(const struct bureau *bureau, const json_t *row, enum bureau_field field,
                             struct scratch *scratch, const char **bad_out)
{
    const char *text = text_of(find(row, &bureau->fields[field]), scratch->numbers[field], bad_out);

    if (*bad_out != NULL)
        return NULL;
    switch (field) {
    case FIELD_STATUS:
        return map_status(bureau, text, bad_out);
    case FIELD_FROM:
        return map_day(text, scratch->dates[0], false, bad_out);
    case FIELD_UNTIL:
        return map_day(text, scratch->dates[1], true, bad_out);
    case FIELD_USCC:
        *bad_out = text == NULL ? "missing" : NULL;
        return text;
    default:
        return text;
    }
}

static void hand_over(struct gwa_job *job, const json_t *row)
{
    struct gwa_field fields[FIELD_COUNT];
    struct scratch scratch;
    size_t n = 0;

    for (int i = 0; i < FIELD_COUNT; i++) {
        const char *bad = NULL;
        const char *value = map_field(job->instance, row, (enum bureau_field)i, &scratch, &bad);

        if (bad != NULL) {
            job->host->row_bad(job, canonical[i], bad);
            return;
        }
        if (value != NULL)
            fields[n++] = (struct gwa_field){canonical[i], {(const uint8_t *)value, trimmed(value)}};
    }
    job->host->row_fields(job, fields, n);
}

void map_row(struct gwa_job *job, struct gwa_bytes raw)
{
    json_t *row = json_loadb((const char *)raw.p, raw.n, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(row))
        job->host->row_bad(job, "row", "not a JSON object in UTF-8 whose members differ");
    else
        hand_over(job, row);
    json_decref(row);
}
