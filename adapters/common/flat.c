/* The walk. Every function takes a position and the end and answers the next position, or NULL to give up. */
#include "adapters/common/flat.h"

#include <string.h>

#define DIGITS_MAX 18 /* they fit 64 bits with a sign */

static const uint8_t *blank(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

static bool follows(const uint8_t *p)
{
    return (*p & 0xc0) == 0x80;
}

/* A character of two bytes or more, by the table of RFC 3629: nothing over-long, no surrogates, none above U+10FFFF. */
static const uint8_t *wide(const uint8_t *p, const uint8_t *end)
{
    uint8_t first = p[0];
    ptrdiff_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

    if (first < 0xc2 || first > 0xf4 || end - p < n || !follows(p + 1))
        return NULL;
    if (n == 2)
        return p + 2;
    if ((first == 0xe0 && p[1] < 0xa0) || (first == 0xed && p[1] > 0x9f) || !follows(p + 2))
        return NULL;
    if (n == 3)
        return p + 3;
    if ((first == 0xf0 && p[1] < 0x90) || (first == 0xf4 && p[1] > 0x8f) || !follows(p + 3))
        return NULL;
    return p + 4;
}

/* p stands behind the opening quote. */
static const uint8_t *plain_text(const uint8_t *p, const uint8_t *end, struct gwa_bytes *out)
{
    const uint8_t *from = p;

    while (p < end && *p != '"') {
        if (*p < ' ' || *p == '\\')
            return NULL;
        p = *p < 0x80 ? p + 1 : wide(p, end);
        if (p == NULL)
            return NULL;
    }
    if (p == end)
        return NULL;
    *out = (struct gwa_bytes){from, (size_t)(p - from)};
    return p + 1;
}

/* One form of each number only: no leading zeros, no -0. What follows it is the caller's to judge. */
static const uint8_t *number(const uint8_t *p, const uint8_t *end, struct gwa_bytes *out)
{
    const uint8_t *from = p, *digits = p + (*p == '-');

    for (p = digits; p < end && *p >= '0' && *p <= '9'; p++)
        ;
    if (p == digits || p - digits > DIGITS_MAX || (*digits == '0' && p - from > 1))
        return NULL;
    *out = (struct gwa_bytes){from, (size_t)(p - from)};
    return p;
}

static const uint8_t *word(const uint8_t *p, const uint8_t *end, struct flat_member *member)
{
    static const struct {
        const char *text;
        size_t n;
        enum flat_kind kind;
    } words[] = {{"null", 4, FLAT_NULL}, {"true", 4, FLAT_BOOLEAN}, {"false", 5, FLAT_BOOLEAN}};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if ((size_t)(end - p) < words[i].n || memcmp(p, words[i].text, words[i].n) != 0)
            continue;
        member->kind = words[i].kind;
        member->value = (struct gwa_bytes){p, words[i].n};
        return p + words[i].n;
    }
    return NULL;
}

static const uint8_t *value(const uint8_t *p, const uint8_t *end, struct flat_member *member)
{
    if (p == end)
        return NULL;
    member->kind = FLAT_TEXT;
    if (*p == '"')
        return plain_text(p + 1, end, &member->value);
    member->kind = FLAT_NUMBER;
    if (*p == '-' || (*p >= '0' && *p <= '9'))
        return number(p, end, &member->value);
    return word(p, end, member);
}

/* One bit for each name's length and last byte: only where two share a bit are they compared. */
static bool is_new(const struct flat_member *members, size_t n, uint64_t *marks)
{
    struct gwa_bytes name = members[n].name;
    uint64_t mark = UINT64_C(1) << ((name.n * 7 + (name.n == 0 ? 0 : name.p[name.n - 1] + 3u * name.p[0])) & 63);

    for (size_t i = 0; (*marks & mark) != 0 && i < n; i++)
        if (members[i].name.n == name.n && memcmp(members[i].name.p, name.p, name.n) == 0)
            return false;
    *marks |= mark;
    return true;
}

/* `"name" : value`, and where it ends. */
static const uint8_t *member(const uint8_t *p, const uint8_t *end, struct flat_member *out)
{
    p = blank(p, end);
    p = p < end && *p == '"' ? plain_text(p + 1, end, &out->name) : NULL;
    if (p == NULL)
        return NULL;
    p = blank(p, end);
    p = p < end && *p == ':' ? value(blank(p + 1, end), end, out) : NULL;
    return p == NULL ? NULL : blank(p, end);
}

bool flat_read(struct gwa_bytes in, struct flat_member members[FLAT_MEMBERS_MAX], size_t *n_out)
{
    const uint8_t *p, *end = in.n == 0 ? NULL : in.p + in.n;
    uint64_t marks = 0;
    size_t n = 0;

    p = in.n == 0 ? NULL : blank(in.p, end);
    if (p == end || *p++ != '{')
        return false;
    do {
        p = n == FLAT_MEMBERS_MAX ? NULL : member(p, end, &members[n]);
        if (p == NULL || p == end || !is_new(members, n++, &marks))
            return false;
    } while (*p++ == ',');
    *n_out = n;
    return p[-1] == '}' && blank(p, end) == end;
}
