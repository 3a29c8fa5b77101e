/* value: see value.h. */
#include "config/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

#define UNITS 5
static const struct unit sizes[UNITS] = {
    {"TiB", INT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
static const struct unit durations[UNITS] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};

/* Digits without a leading zero; *rest_out is what follows. */
static bool digits(const char *text, int64_t *out, const char **rest_out)
{
    const char *p = text;
    int64_t value = 0;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value))
            return false;
    }
    if (p == text || (*text == '0' && p - text > 1))
        return false;
    *out = value;
    *rest_out = p;
    return true;
}

bool value_integer(const char *text, int64_t *out)
{
    const char *rest;
    int64_t value;

    if (strcmp(text, "-9223372036854775808") == 0) {
        *out = INT64_MIN;
        return true;
    }
    if (!digits(text + (*text == '-'), &value, &rest) || *rest != '\0' || (*text == '-' && value == 0))
        return false;
    *out = *text == '-' ? -value : value;
    return true;
}

bool value_boolean(const char *text, bool *out)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return false;
    *out = text[0] == 't';
    return true;
}

bool value_size(const char *text, int64_t *out)
{
    const char *rest;
    int64_t value;

    if (!digits(text, &value, &rest))
        return false;
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(rest, sizes[i].name) == 0)
            return !__builtin_mul_overflow(value, sizes[i].factor, out);
    }
    return false;
}

static const char *with_unit(const struct unit units[UNITS], int64_t value, char out[VALUE_TEXT_SIZE])
{
    size_t i = 0;

    while (i + 1 < UNITS && (value == 0 || value % units[i].factor != 0))
        i++;
    (void)snprintf(out, VALUE_TEXT_SIZE, "%" PRId64 "%s", value / units[i].factor, units[i].name);
    return out;
}

const char *value_duration_text(int64_t ms, char out[VALUE_TEXT_SIZE])
{
    return with_unit(durations, ms, out);
}

const char *value_size_text(int64_t bytes, char out[VALUE_TEXT_SIZE])
{
    return with_unit(sizes, bytes, out);
}

int value_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);

    for (int i = 0;; i++) {
        size_t length = strcspn(choices, "|");

        if (length == n && memcmp(choices, text, n) == 0)
            return i;
        if (choices[length] == '\0')
            return -1;
        choices += length + 1;
    }
}

const char *value_choice_text(struct arena *arena, const char *choices, int i)
{
    for (; i > 0; i--)
        choices += strcspn(choices, "|") + 1;
    return arena_strndup(arena, choices, strcspn(choices, "|"));
}

/* The character at p may not stand in a value. Looks no further than a NUL. */
static bool hidden(const unsigned char *p)
{
    if (*p < 0x20 || *p == 0x7f)
        return true;
    if (p[0] == 0xc2)
        return p[1] < 0xa0;                                       /* C1 controls, among them NEL */
    if (p[0] == 0xe2 && p[1] == 0x80)
        return p[2] == 0xa8 || p[2] == 0xa9;                      /* line and paragraph separator */
    if (p[0] == 0xef && p[1] == 0xbb)
        return p[2] == 0xbf;                                      /* byte order mark */
    return p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe;          /* no characters */
}

bool value_printable(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    for (; *p != '\0'; p++) {
        if (hidden(p))
            return false;
    }
    return utf8_valid(bytes_str(text));
}
