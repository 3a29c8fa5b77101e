/* A peer's answer: its headers, when to come again, its word for what was wrong, the form of its receipt. */
#include "adapters/common/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "adapters/common/scan.h"

#define CODE_DIGITS_MAX 7 /* a longer run may be a person's or a firm's number */

/* ---- headers -------------------------------------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct gwa_bytes trim(struct gwa_bytes in)
{
    while (in.n > 0 && is_blank(in.p[0]))
        in = (struct gwa_bytes){in.p + 1, in.n - 1};
    while (in.n > 0 && is_blank(in.p[in.n - 1]))
        in.n--;
    return in;
}

size_t answer_header(const char *block, const char *name, struct gwa_bytes *value_out)
{
    size_t n = strlen(name), found = 0;

    *value_out = (struct gwa_bytes){NULL, 0};
    for (const char *line = block; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t length = strcspn(line, "\n");

        if (length <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
            continue;
        if (found++ == 0)
            *value_out = trim((struct gwa_bytes){(const uint8_t *)line + n + 1, length - n - 1});
    }
    return found;
}

static bool copy_text(struct gwa_bytes in, char *out, size_t size)
{
    if (in.n == 0 || in.n >= size || memchr(in.p, '\0', in.n) != NULL)
        return false;
    memcpy(out, in.p, in.n);
    out[in.n] = '\0';
    return true;
}

/* ---- when to come again --------------------------------------------------------------------------------- */

static bool month_of(const char *name, int *out)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const char *at = strlen(name) == 3 ? strstr(names, name) : NULL;

    if (at == NULL || (at - names) % 3 != 0)
        return false;
    *out = (int)(at - names) / 3;
    return true;
}

/* Of two digits, in a date of the oldest form. */
static int full_year(int year)
{
    return year >= 100 ? year : year < 70 ? year + 2000 : year + 1900;
}

static bool in_range(const struct tm *tm)
{
    return tm->tm_year >= 70 && tm->tm_year < 8100 && tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour >= 0 &&
           tm->tm_hour < 24 && tm->tm_min >= 0 && tm->tm_min < 60 && tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

/* RFC 9110: the preferred form and the two old ones. */
static bool http_date(const char *text, int64_t *ms_out)
{
    struct tm tm = {0};
    char month[4];
    int year, n = 0;

    (void)sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month, &year, &tm.tm_hour,
                 &tm.tm_min, &tm.tm_sec, &n);
    if (n == 0)
        (void)sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &tm.tm_mday, month, &year, &tm.tm_hour,
                     &tm.tm_min, &tm.tm_sec, &n);
    if (n == 0)
        (void)sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
                     &tm.tm_sec, &year, &n);
    if (n == 0 || text[n] != '\0' || !month_of(month, &tm.tm_mon))
        return false;
    tm.tm_year = full_year(year) - 1900;
    if (!in_range(&tm))
        return false;
    *ms_out = (int64_t)timegm(&tm) * 1000;
    return true;
}

static int64_t within(int64_t ms)
{
    return ms < 0 ? 0 : ms > ANSWER_RETRY_MAX_MS ? ANSWER_RETRY_MAX_MS : ms;
}

int64_t answer_retry_after(const char *block, int64_t now_ms)
{
    struct gwa_bytes value;
    char text[64];
    size_t digits;
    int64_t at;

    if (answer_header(block, "Retry-After", &value) != 1 || !copy_text(value, text, sizeof(text)))
        return 0;
    digits = strspn(text, "0123456789");
    if (digits > 0 && text[digits] == '\0')
        return digits > 9 ? ANSWER_RETRY_MAX_MS : within(strtoll(text, NULL, 10) * 1000);
    return http_date(text, &at) ? within(at - now_ms) : 0;
}

/* ---- media types ---------------------------------------------------------------------------------------- */

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);

    return n >= k && strcmp(text + n - k, end) == 0;
}

/* The bare type in small letters; false when there is none, or it is no type. */
static bool media_of(const char *block, char out[ANSWER_MEDIA_SIZE])
{
    struct gwa_bytes value;
    size_t n = 0;

    out[0] = '\0';
    if (answer_header(block, "Content-Type", &value) != 1)
        return false;
    while (n < value.n && value.p[n] > ' ' && value.p[n] < 0x7f && value.p[n] != ';')
        n++;
    if (!copy_text((struct gwa_bytes){value.p, n}, out, ANSWER_MEDIA_SIZE))
        return false;
    for (char *p = out; *p != '\0'; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
    return true;
}

enum answer_form answer_form_of(const char *media)
{
    if (strcmp(media, "application/json") == 0 || ends_in(media, "+json"))
        return ANSWER_JSON;
    if (strcmp(media, "application/xhtml+xml") == 0)
        return ANSWER_GARBAGE;
    if (strcmp(media, "application/xml") == 0 || strcmp(media, "text/xml") == 0 || ends_in(media, "+xml"))
        return ANSWER_XML;
    return strcmp(media, "text/plain") == 0 ? ANSWER_NOTHING : ANSWER_GARBAGE;
}

enum answer_form answer_form(const char *block, struct gwa_bytes body, char media[ANSWER_MEDIA_SIZE])
{
    enum answer_form said, seen;
    bool told = media_of(block, media);

    body = trim(body);
    if (body.n == 0)
        return ANSWER_NOTHING;
    seen = scan_is(body, '{') ? ANSWER_JSON : scan_is(body, '<') ? ANSWER_XML : ANSWER_GARBAGE;
    if (!told) {
        (void)snprintf(media, ANSWER_MEDIA_SIZE, "application/%s", seen == ANSWER_JSON ? "json" : "xml");
        return seen;
    }
    said = answer_form_of(media);
    return said == ANSWER_NOTHING || said == seen ? said : ANSWER_GARBAGE;
}

/* ---- a problem's code ------------------------------------------------------------------------------------- */

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(struct gwa_bytes text)
{
    size_t digits = 0;

    if (text.n == 0 || !is_letter(text.p[0]))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        bool digit = text.p[i] >= '0' && text.p[i] <= '9';

        digits = digit ? digits + 1 : 0;
        if (digits > CODE_DIGITS_MAX || (!digit && !is_letter(text.p[i]) && strchr("._-", text.p[i]) == NULL))
            return false;
    }
    return true;
}

bool answer_code(const char *block, struct gwa_bytes body, char out[ANSWER_CODE_SIZE])
{
    struct scan_path path;
    struct scan_wanted wanted = {&path, {NULL, 0}};
    char media[ANSWER_MEDIA_SIZE];
    struct gwa_bytes word;

    out[0] = '\0';
    if (answer_form(block, body, media) != ANSWER_JSON || !scan_path_parse("code", &path) ||
        !scan_object(body, &wanted, 1) || !scan_is(wanted.value, '"'))
        return false;
    word = (struct gwa_bytes){wanted.value.p + 1, wanted.value.n - 2};
    return is_word(word) && copy_text(word, out, ANSWER_CODE_SIZE);
}

/* ---- the receipt's signature ------------------------------------------------------------------------------ */

bool answer_signature(const char *block, struct gwa_bytes *value_out)
{
    size_t n = answer_header(block, "x-jws-signature", value_out);

    if (n > 1 || value_out->n > ANSWER_SIGNATURE_MAX)
        return false;
    for (size_t i = 0; i < value_out->n; i++) {
        uint8_t c = value_out->p[i];

        if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}
