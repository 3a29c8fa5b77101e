/* The error table and the error value: how a failure is filled in, gains context and becomes a sentence. */
#include "base/base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct err_info table[ERR_COUNT] = {
#define ERR(id, code, kind, http, exit_code, en, zh) {code, ERR_KIND_##kind, http, exit_code, en, zh},
#include "base/err.def"
#undef ERR
};

/* An error is shown in JSON, in logs and on terminals, whatever bytes a caller saw: the text becomes
 * well-formed UTF-8 without control characters, and is never cut inside a character. */
static void store_text(char *out, size_t size, const char *text)
{
    size_t n = strnlen(text, size - 1);
    bool cut = text[n] != '\0';
    while (cut && n > 0 && ((uint8_t)text[n] & 0xC0) == 0x80)
        n--;
    memmove(out, text, n);
    out[n] = '\0';
    bool clean = utf8_valid(bytes_of(out, n));
    for (size_t i = 0; i < n; i++) {
        uint8_t b = (uint8_t)out[i];
        if (b < 0x20 || b == 0x7F || (b >= 0x80 && !clean))
            out[i] = '?';
    }
}

bool err_set(struct err *err, enum err_code code, const char *place, const char *format, ...)
{
    /* one byte more than fits, so that store_text sees whether it cuts; a copy, since arguments may point into *err */
    char detail[sizeof(err->detail) + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    char where[sizeof(err->place) + 1];
    snprintf(where, sizeof(where), "%s", place ? place : "");
    err->code = code;
    store_text(err->place, sizeof(err->place), where);
    store_text(err->detail, sizeof(err->detail), detail);
    return false;
}

bool err_context(struct err *err, const char *format, ...)
{
    char context[sizeof(err->detail)];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    char detail[2 * sizeof(err->detail) + 2];
    snprintf(detail, sizeof(detail), "%s%s%s", context, err->detail[0] ? ": " : "", err->detail);
    store_text(err->detail, sizeof(err->detail), detail);
    return false;
}

bool err_errno(struct err *err, enum err_code code, const char *place, const char *what)
{
    char text[128];
    const char *reason = strerror_r(errno, text, sizeof(text));
    return err_set(err, code, place, "%s: %s", what, reason);
}

const struct err_info *err_info(enum err_code code)
{
    return &table[(unsigned)code < ERR_COUNT ? code : ERR_INTERNAL];
}

enum err_code err_by_name(const char *name)
{
    for (unsigned code = 0; code < ERR_COUNT; code++) {
        if (strcmp(table[code].code, name) == 0)
            return (enum err_code)code;
    }
    return ERR_COUNT;
}

const char *err_text(const struct err *err, bool zh, char *out, size_t size)
{
    const struct err_info *info = err_info(err->code);
    const char *colon = !err->detail[0] ? "" : zh ? "：" : ": ";
    const char *open = !err->place[0] ? "" : zh ? "（" : " (";
    const char *close = !err->place[0] ? "" : zh ? "）" : ")";
    char text[1024];
    snprintf(text, sizeof(text), "%s%s%s%s%s%s", zh ? info->zh : info->en, colon, err->detail, open, err->place, close);
    if (size > 0)
        store_text(out, size, text);
    return out;
}
