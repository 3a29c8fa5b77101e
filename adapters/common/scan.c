/* The scanner. Every function takes a position and the end and answers the next position, or NULL. */
#include "adapters/common/scan.h"

#include <string.h>

bool scan_is(struct gwa_bytes value, char first)
{
    return value.n > 0 && value.p[0] == (uint8_t)first;
}

bool scan_path_parse(const char *text, struct scan_path *out)
{
    out->n = 0;
    for (;;) {
        size_t n = strcspn(text, ".");

        if (n == 0 || out->n == SCAN_PATH_MAX)
            return false;
        out->names[out->n++] = (struct gwa_bytes){(const uint8_t *)text, n};
        if (text[n] == '\0')
            return true;
        text += n + 1;
    }
}

static const uint8_t *blank(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* p stands behind the opening quote. A quote ends the string unless an odd number of backslashes stands before it. */
static inline const uint8_t *string_end(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *from = p;

    while (p < end) {
        const uint8_t *quote = memchr(p, '"', (size_t)(end - p));
        const uint8_t *slash;

        if (quote == NULL)
            return NULL;
        for (slash = quote; slash > from && slash[-1] == '\\'; slash--)
            ;
        if ((quote - slash) % 2 == 0)
            return quote + 1;
        p = quote + 1;
    }
    return NULL;
}

/* One bit per open bracket tells a brace from a square one. */
static const uint8_t *container_end(const uint8_t *p, const uint8_t *end)
{
    uint32_t braces = 0;
    unsigned depth = 0;

    while (p < end) {
        uint8_t c = *p++;

        if (c == '"') {
            p = string_end(p, end);
            if (p == NULL)
                return NULL;
        } else if ((c | 0x20) == '{') {
            if (depth++ == SCAN_DEPTH_MAX)
                return NULL;
            braces = braces << 1 | (c == '{');
        } else if ((c | 0x20) == '}') {
            if ((braces & 1) != (c == '}'))
                return NULL;
            braces >>= 1;
            if (--depth == 0)
                return p;
        }
    }
    return NULL;
}

static const uint8_t *word_end(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *from = p;

    while (p != end && *p > ' ' && strchr(",:]}[{\"", *p) == NULL)
        p++;
    return p == from ? NULL : p;
}

static const uint8_t *value_end(const uint8_t *p, const uint8_t *end)
{
    if (p == end)
        return NULL;
    if (*p == '"')
        return string_end(p + 1, end);
    return *p == '{' || *p == '[' ? container_end(p, end) : word_end(p, end);
}

/* ---- objects -------------------------------------------------------------------------------------------- */

/* Reads `"name" :`; answers where the value begins. */
static const uint8_t *member_name(const uint8_t *p, const uint8_t *end, struct gwa_bytes *name_out)
{
    const uint8_t *from;

    p = blank(p, end);
    if (p == end || *p != '"')
        return NULL;
    from = p + 1;
    p = string_end(from, end);
    if (p == NULL)
        return NULL;
    *name_out = (struct gwa_bytes){from, (size_t)(p - from) - 1};
    p = blank(p, end);
    return p == end || *p != ':' ? NULL : blank(p + 1, end);
}

static bool same(struct gwa_bytes a, struct gwa_bytes b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* One walk over an object: `active` holds a bit for each wanted path that has matched all the way down to here. */
struct walk {
    const uint8_t *end;
    struct scan_wanted *wanted;
    size_t n;
};

static const uint8_t *walk_object(const struct walk *walk, const uint8_t *p, size_t depth, unsigned active);

static const uint8_t *walk_value(const struct walk *walk, const uint8_t *p, struct gwa_bytes name, size_t depth,
                                 unsigned active)
{
    const uint8_t *from = p;
    unsigned here = 0, deeper = 0;

    for (size_t i = 0; i < walk->n; i++)
        if ((active >> i & 1) != 0 && same(walk->wanted[i].path->names[depth], name))
            *(walk->wanted[i].path->n == depth + 1 ? &here : &deeper) |= 1u << i;
    p = deeper != 0 && p < walk->end && *p == '{' ? walk_object(walk, p, depth + 1, deeper) : value_end(p, walk->end);
    for (size_t i = 0; p != NULL && i < walk->n; i++) {
        if ((here >> i & 1) == 0)
            continue;
        if (walk->wanted[i].value.p != NULL)
            return NULL;
        walk->wanted[i].value = (struct gwa_bytes){from, (size_t)(p - from)};
    }
    return p;
}

static const uint8_t *walk_object(const struct walk *walk, const uint8_t *p, size_t depth, unsigned active)
{
    struct gwa_bytes name;

    p = blank(p + 1, walk->end);
    if (p < walk->end && *p == '}')
        return p + 1;
    for (;;) {
        p = member_name(p, walk->end, &name);
        if (p == NULL)
            return NULL;
        p = walk_value(walk, p, name, depth, active);
        if (p == NULL)
            return NULL;
        p = blank(p, walk->end);
        if (p == walk->end || (*p != ',' && *p != '}'))
            return NULL;
        if (*p++ == '}')
            return p;
    }
}

bool scan_object(struct gwa_bytes in, struct scan_wanted *wanted, size_t n)
{
    struct walk walk = {NULL, wanted, n};
    const uint8_t *p;

    for (size_t i = 0; i < n; i++)
        wanted[i].value = (struct gwa_bytes){NULL, 0};
    if (in.n == 0)
        return false;
    walk.end = in.p + in.n;
    p = blank(in.p, walk.end);
    if (p == walk.end || *p != '{')
        return false;
    p = walk_object(&walk, p, 0, (1u << n) - 1);
    return p != NULL && blank(p, walk.end) == walk.end;
}

static struct gwa_bytes member_here(struct gwa_bytes object, struct gwa_bytes wanted)
{
    static const struct gwa_bytes none;
    const uint8_t *end, *p;
    struct gwa_bytes name;

    if (!scan_is(object, '{'))
        return none;
    end = object.p + object.n;
    for (p = object.p + 1;; p++) {
        const uint8_t *from = member_name(p, end, &name);

        p = from == NULL ? NULL : value_end(from, end);
        if (p == NULL)
            return none;
        if (same(name, wanted))
            return (struct gwa_bytes){from, (size_t)(p - from)};
        p = blank(p, end);
        if (p == end || *p != ',')
            return none;
    }
}

struct gwa_bytes scan_member(struct gwa_bytes object, const struct scan_path *path)
{
    for (size_t i = 0; i < path->n; i++)
        object = member_here(object, path->names[i]);
    return object;
}

/* ---- arrays --------------------------------------------------------------------------------------------- */

bool scan_element(struct gwa_bytes array, const uint8_t **at, struct gwa_bytes *element_out, bool *broken_out)
{
    const uint8_t *end = array.p + array.n;
    const uint8_t *from, *p;

    *broken_out = false;
    if (*at != array.p && **at == ']')
        return false;
    from = blank(*at + 1, end);
    if (*at == array.p && from < end && *from == ']')
        return false;
    *broken_out = true;
    if (**at != (*at == array.p ? '[' : ','))
        return false;
    p = value_end(from, end);
    if (p == NULL || blank(p, end) == end)
        return false;
    *element_out = (struct gwa_bytes){from, (size_t)(p - from)};
    *at = blank(p, end);
    *broken_out = false;
    return true;
}
