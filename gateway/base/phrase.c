/* phrase: the table of the specifics' sentences, looked up by the English format, and printing with it. */
#include "base/phrase.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct phrase {
    const char *en, *zh;
};

/* In the order of phrase.def until the first look-up sorts it. */
static struct phrase table[] = {
#define PHRASE(en, zh) {en, zh},
#include "base/phrase.def"
#undef PHRASE
};
static const size_t table_n = sizeof(table) / sizeof(table[0]);
static pthread_once_t sorted = PTHREAD_ONCE_INIT;

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct phrase *)a)->en, ((const struct phrase *)b)->en);
}

static void sort(void)
{
    qsort(table, table_n, sizeof(table[0]), compare);
}

const char *phrase_find(const char *en)
{
    const struct phrase key = {en, NULL};

    pthread_once(&sorted, sort);
    const struct phrase *found = bsearch(&key, table, table_n, sizeof(table[0]), compare);
    return found ? found->zh : NULL;
}

const char *err_phrase(const char *en)
{
    const char *zh = phrase_find(en);
    return zh ? zh : en;
}

/* ---- printing -------------------------------------------------------------------------------------- */

struct print {
    const struct err *own;
    char *out;
    size_t size, n;                /* n < size; what does not fit is dropped */
};

/* One conversion taken apart; flags and widths have no place in a sentence. */
struct spec {
    int precision;                 /* -1: none */
    int longs;                     /* 0, 1 (l, also z) or 2 (ll) */
    char conversion;
};

static void put(struct print *print, const char *text, size_t n)
{
    size_t room = print->size - 1 - print->n;

    n = n < room ? n : room;
    memcpy(print->out + print->n, text, n);
    print->n += n;
    print->out[print->n] = '\0';
}

/* Reads the conversion behind a per cent sign; a star takes its number from args. NULL when it is not known. */
static const char *read_spec(const char *p, struct spec *spec, va_list *args)
{
    *spec = (struct spec){.precision = -1};
    if (*p == '.' && p[1] == '*') {
        spec->precision = va_arg(*args, int);
        p += 2;
    } else if (*p == '.') {
        char *end;
        spec->precision = (int)strtol(p + 1, &end, 10);
        p = end;
    }
    _Static_assert(sizeof(size_t) == sizeof(long), "z is read as l");
    for (; *p == 'l' || *p == 'z'; p++)
        spec->longs++;
    spec->conversion = *p;
    return *p != '\0' && strchr("csdiux", *p) != NULL && spec->longs <= 2 ? p + 1 : NULL;
}

/* How many of the first `n` bytes of a text are whole characters; what is behind them is not looked at. */
static size_t whole(const char *text, size_t n)
{
    size_t end = strnlen(text, n), lead = end;
    uint32_t character;

    while (lead > 0 && end - lead < 3 && ((uint8_t)text[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead > 0 && (uint8_t)text[lead - 1] >= 0xC0 &&
        utf8_next(bytes_of(text + lead - 1, end - lead + 1), &character) == 0)
        return lead - 1;
    return end;
}

/* Only what has a space is looked up: a name that happens to be a word of the table stays a name. */
static void put_text(struct print *print, const struct spec *spec, const char *text)
{
    size_t most = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;
    const char *zh = NULL;

    if (!text)
        return;
    size_t n = spec->precision < 0 ? strlen(text) : whole(text, most);
    if (text == print->own->detail)
        zh = err_detail(print->own, true);
    else if (n < most && memchr(text, ' ', n))
        zh = phrase_find(text);
    put(print, zh ? zh : text, zh ? strlen(zh) : n);
}

/* Every integer is printed as the longest one. */
static void put_number(struct print *print, const struct spec *spec, va_list *args)
{
    char text[400];
    bool is_signed = spec->conversion == 'd' || spec->conversion == 'i';
    int precision = spec->precision < 300 ? spec->precision : 300;
    long long number;

    if (spec->longs == 0)
        number = is_signed ? va_arg(*args, int) : (long long)va_arg(*args, unsigned);
    else if (spec->longs == 1)
        number = va_arg(*args, long);
    else
        number = va_arg(*args, long long);
    if (is_signed)
        snprintf(text, sizeof(text), "%.*lld", precision, number);
    else if (spec->conversion == 'u')
        snprintf(text, sizeof(text), "%.*llu", precision, (unsigned long long)number);
    else
        snprintf(text, sizeof(text), "%.*llx", precision, (unsigned long long)number);
    put(print, text, strlen(text));
}

static const char *put_conversion(struct print *print, const char *p, va_list *args)
{
    struct spec spec;

    if (*p == '%') {
        put(print, "%", 1);
        return p + 1;
    }
    p = read_spec(p, &spec, args);
    if (!p)
        return NULL;
    if (spec.conversion == 's')
        put_text(print, &spec, va_arg(*args, const char *));
    else if (spec.conversion == 'c')
        put(print, &(char){(char)va_arg(*args, int)}, 1);
    else
        put_number(print, &spec, args);
    return p;
}

bool phrase_render(const struct err *own, char *out, size_t size, const char *format, va_list args)
{
    struct print print = {.own = own, .out = out, .size = size};
    const char *p = err_phrase(format);
    va_list mine;

    out[0] = '\0';
    va_copy(mine, args);
    while (p && *p) {
        size_t n = strcspn(p, "%");
        put(&print, p, n);
        p += n;
        if (*p == '%')
            p = put_conversion(&print, p + 1, &mine);
    }
    va_end(mine);
    return p != NULL;
}
