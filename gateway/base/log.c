/* The log: one line an event on standard error, written in one piece so that threads do not mix. */
#include "base/base.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048 };

static const char *const names[] = {"debug", "info", "notice", "warn", "error"};
static _Atomic int threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* True for what a log must not hold raw: C0, DEL and C1 (terminals obey those too). */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

/* Appends text to line, control characters and malformed bytes as \xNN; what does not fit is dropped. Returns the
 * new length. */
static size_t escape(char *line, size_t n, size_t max, const char *text)
{
    struct bytes left = bytes_str(text);
    while (left.n > 0) {
        uint32_t c = 0;
        size_t length = utf8_next(left, &c);
        bool raw = length > 0 && !is_control(c);
        length = length ? length : 1;
        if ((raw ? length : 4 * length) > max - n)
            break;
        for (size_t i = 0; i < length; i++) {
            if (raw) {
                line[n++] = (char)left.p[i];
                continue;
            }
            line[n++] = '\\';
            line[n++] = 'x';
            hex_encode(left.p + i, 1, line + n);
            n += 2;
        }
        left = bytes_of(left.p + length, left.n - length);
    }
    return n;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if ((int)level < atomic_load(&threshold))
        return;
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    char time[TIME_TEXT_SIZE];
    char line[LINE_MAX_BYTES];
    int head = snprintf(line, sizeof(line), "%s %s %.100s%s", time_format(clock_wall_ms(), time), names[level], event,
                        text[0] ? " " : "");
    /* one byte stays for the end of line; hex_encode writes a NUL that it covers */
    size_t n = escape(line, (size_t)head, sizeof(line) - 1, text);
    line[n++] = '\n';
    /* a log that cannot be written has nobody to complain to */
    ssize_t ignored = write(STDERR_FILENO, line, n);
    (void)ignored;
}

/* A value in double quotes; quotes and backslashes inside are escaped. */
static void quote(char *out, size_t size, const char *text)
{
    size_t n = 0;
    out[n++] = '"';
    for (const char *p = text; *p && n + 4 < size; p++) {
        if (*p == '"' || *p == '\\')
            out[n++] = '\\';
        out[n++] = *p;
    }
    out[n++] = '"';
    out[n] = '\0';
}

void log_err(enum log_level level, const char *event, const struct err *err)
{
    char place[2 * sizeof(err->place) + 4];
    char detail[2 * sizeof(err->detail) + 4];
    quote(place, sizeof(place), err->place);
    quote(detail, sizeof(detail), err->detail);
    log_event(level, event, "code=%s place=%s detail=%s", err_info(err->code)->code, place, detail);
}
