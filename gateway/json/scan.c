/* scan: the extents of members and elements without a tree. Every step stays inside [p, end); a step that
 * cannot be made answers NULL. */
#include "json/json.h"

#include "json/text.h"

static const uint8_t *skip_space(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* p stands behind the opening quote; the answer behind the closing one. */
static inline const uint8_t *skip_string(const uint8_t *p, const uint8_t *end)
{
    for (;;) {
        p = text_plain_end(p, end);
        if (p == end)
            return NULL;
        if (*p == '"')
            return p + 1;
        if (*p != '\\' || end - p < 2)
            return NULL;
        p += 2;
    }
}

/* p stands at an opening bracket. `kinds` remembers one bit for each open bracket: 1 for a brace. */
static const uint8_t *skip_container(const uint8_t *p, const uint8_t *end)
{
    uint64_t kinds = 0;
    unsigned depth = 0;

    while (p < end) {
        uint8_t c = *p++;

        if (c == '"') {
            p = skip_string(p, end);
            if (p == NULL)
                return NULL;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return NULL;
            kinds = kinds << 1 | (c == '{');
        } else if (c == '}' || c == ']') {
            if ((kinds & 1) != (c == '}'))
                return NULL;
            kinds >>= 1;
            if (--depth == 0)
                return p;
        }
    }
    return NULL;
}

static const uint8_t *skip_word(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = p;

    while (p < end && *p > ' ' && *p != ',' && *p != ']' && *p != '}' && *p != '"' && *p != '[' && *p != '{' &&
           *p != ':')
        p++;
    return p == start ? NULL : p;
}

static const uint8_t *skip_value(const uint8_t *p, const uint8_t *end)
{
    if (p == end)
        return NULL;
    if (*p == '"')
        return skip_string(p + 1, end);
    if (*p == '{' || *p == '[')
        return skip_container(p, end);
    return skip_word(p, end);
}

/* Reads `"name" : value` at p; answers what follows, at a comma or a brace. */
static const uint8_t *scan_pair(const uint8_t *p, const uint8_t *end, struct bytes *name_out, struct bytes *value_out)
{
    const uint8_t *start;

    if (p == end || *p != '"')
        return NULL;
    start = ++p;
    p = skip_string(p, end);
    if (p == NULL)
        return NULL;
    *name_out = bytes_of(start, (size_t)(p - start) - 1);
    p = skip_space(p, end);
    if (p == end || *p != ':')
        return NULL;
    start = skip_space(p + 1, end);
    p = skip_value(start, end);
    if (p == NULL)
        return NULL;
    *value_out = bytes_of(start, (size_t)(p - start));
    return skip_space(p, end);
}

bool json_scan_member(struct bytes in, const char *name, struct bytes *value_out)
{
    const uint8_t *end, *p;
    struct bytes wanted = bytes_str(name);
    struct bytes found, value;

    if (in.n == 0)
        return false;
    end = in.p + in.n;
    p = skip_space(in.p, end);
    if (p == end || *p != '{')
        return false;
    do {
        p = scan_pair(skip_space(p + 1, end), end, &found, &value);
        if (p == NULL)
            return false;
        if (bytes_equal(found, wanted)) {
            *value_out = value;
            return true;
        }
    } while (p < end && *p == ',');
    return false;
}

/* Between calls *pos stands at the comma or bracket behind the last element; at the end it is array.n. */
static bool scan_stop(struct bytes array, size_t *pos, bool broken, bool *broken_out)
{
    *pos = array.n;
    *broken_out = broken;
    return false;
}

static bool scan_end(struct bytes array, const uint8_t *bracket, size_t *pos, bool *broken_out)
{
    const uint8_t *end = array.p + array.n;

    return scan_stop(array, pos, skip_space(bracket + 1, end) != end, broken_out);
}

bool json_scan_next(struct bytes array, size_t *pos, struct bytes *element_out, bool *broken_out)
{
    const uint8_t *end, *p, *start;
    bool first = *pos == 0;

    *broken_out = false;
    if (*pos >= array.n)
        return scan_stop(array, pos, first, broken_out);
    end = array.p + array.n;
    p = first ? skip_space(array.p, end) : array.p + *pos;
    if (!first && *p == ']')
        return scan_end(array, p, pos, broken_out);
    if (p == end || *p != (first ? '[' : ','))
        return scan_stop(array, pos, true, broken_out);
    start = skip_space(p + 1, end);
    if (first && start < end && *start == ']')
        return scan_end(array, start, pos, broken_out);
    p = skip_value(start, end);
    if (p == NULL)
        return scan_stop(array, pos, true, broken_out);
    *element_out = bytes_of(start, (size_t)(p - start));
    p = skip_space(p, end);
    if (p == end || (*p != ',' && *p != ']'))
        return scan_stop(array, pos, true, broken_out);
    *pos = (size_t)(p - array.p);
    return true;
}

bool json_scan_string(struct bytes value, struct bytes *inside_out)
{
    const uint8_t *end;

    if (value.n < 2 || value.p[0] != '"')
        return false;
    end = value.p + value.n - 1;
    if (*end != '"' || text_plain_end(value.p + 1, end) != end)
        return false;
    *inside_out = bytes_of(value.p + 1, value.n - 2);
    return true;
}
