/* The error table and the error value: how a failure is filled in, gains context and becomes a sentence. */
#include "base/base.h"
#include "base/phrase.h"

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

bool err_set_both(struct err *err, enum err_code code, const char *place, const char *detail, const char *detail_zh)
{
    /* one byte more than fits, so that store_text sees whether it cuts; copies, since arguments may point into *err */
    char en[sizeof(err->detail) + 1], zh[sizeof(err->detail_zh) + 1], where[sizeof(err->place) + 1];
    snprintf(where, sizeof(where), "%s", place ? place : "");
    snprintf(en, sizeof(en), "%s", detail);
    snprintf(zh, sizeof(zh), "%s", detail_zh);
    err->code = code;
    store_text(err->place, sizeof(err->place), where);
    store_text(err->detail, sizeof(err->detail), en);
    store_text(err->detail_zh, sizeof(err->detail_zh), zh);
    return false;
}

bool err_set_v(struct err *err, enum err_code code, const char *place, const char *format, va_list args)
{
    char en[sizeof(err->detail) + 1], zh[sizeof(err->detail_zh) + 1];
    bool known = phrase_render(err, zh, sizeof(zh), format, args);
    vsnprintf(en, sizeof(en), format, args);
    return err_set_both(err, code, place, en, known ? zh : en);
}

bool err_set(struct err *err, enum err_code code, const char *place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_set_v(err, code, place, format, args);
    va_end(args);
    return false;
}

/* `context` before what the error says already, in one language. */
static void put_before(char *detail, size_t size, const char *context, const char *colon)
{
    char text[2 * ERR_DETAIL_SIZE + 4];
    snprintf(text, sizeof(text), "%s%s%s", context, detail[0] ? colon : "", detail);
    store_text(detail, size, text);
}

bool err_context(struct err *err, const char *format, ...)
{
    char zh[ERR_DETAIL_SIZE];
    struct err context = {0};
    va_list args;
    va_start(args, format);
    err_set_v(&context, err->code, NULL, format, args);
    va_end(args);
    snprintf(zh, sizeof(zh), "%s", err_detail(err, true));
    put_before(zh, sizeof(zh), context.detail_zh, "：");
    memcpy(err->detail_zh, zh, sizeof(zh));
    put_before(err->detail, sizeof(err->detail), context.detail, ": ");
    return false;
}

bool err_errno(struct err *err, enum err_code code, const char *place, const char *what)
{
    char text[128], en[ERR_DETAIL_SIZE + 1], zh[ERR_DETAIL_SIZE + 1];
    const char *reason = strerror_r(errno, text, sizeof(text));
    snprintf(en, sizeof(en), "%s: %s", what, reason);
    snprintf(zh, sizeof(zh), "%s：%s", err_phrase(what), reason);
    return err_set_both(err, code, place, en, zh);
}

const char *err_detail(const struct err *err, bool zh)
{
    return zh && err->detail[0] && err->detail_zh[0] ? err->detail_zh : err->detail;
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
    const char *detail = err_detail(err, zh);
    const char *colon = !detail[0] ? "" : zh ? "：" : ": ";
    const char *open = !err->place[0] ? "" : zh ? "（" : " (";
    const char *close = !err->place[0] ? "" : zh ? "）" : ")";
    char text[1024];
    snprintf(text, sizeof(text), "%s%s%s%s%s%s", zh ? info->zh : info->en, colon, detail, open, err->place, close);
    if (size > 0)
        store_text(out, size, text);
    return out;
}
