/* accept: negotiation with weights, and entity tags. Malformed ranges are passed over. */
#include "api/accept.h"

#include <string.h>
#include <strings.h>

static const char *const names[API_MEDIA_COUNT] = {
    [API_MEDIA_JSON] = "application/json",
    [API_MEDIA_JOSE] = "application/jose",
    [API_MEDIA_XML] = "application/xml",
    [API_MEDIA_TEXT] = "text/plain",
    [API_MEDIA_LINES] = "application/x-ndjson",
    [API_MEDIA_CSV] = "text/csv",
    [API_MEDIA_HTML] = "text/html",
};

const char *api_media_name(enum api_media media)
{
    return names[media];
}

static struct bytes trim(struct bytes in)
{
    while (in.n > 0 && (in.p[0] == ' ' || in.p[0] == '\t'))
        in = bytes_of(in.p + 1, in.n - 1);
    while (in.n > 0 && (in.p[in.n - 1] == ' ' || in.p[in.n - 1] == '\t'))
        in.n--;
    return in;
}

/* Cuts the part before the next `mark` off *rest; marks inside quotes do not count. */
static struct bytes cut(struct bytes *rest, uint8_t mark)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < rest->n && (quoted || rest->p[i] != mark); i++) {
        if (rest->p[i] == '"')
            quoted = !quoted;
        else if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
            i++;
    }
    struct bytes part = bytes_of(rest->p, i);
    size_t behind = i < rest->n ? i + 1 : i;
    *rest = bytes_of(rest->p + behind, rest->n - behind);
    return trim(part);
}

static bool same(struct bytes a, const char *b)
{
    return a.n == strlen(b) && strncasecmp((const char *)a.p, b, a.n) == 0;
}

/* "0" … "1.000" as thousandths. */
static bool weight_parse(struct bytes text, int *out)
{
    if (text.n == 0 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1') || (text.n > 1 && text.p[1] != '.'))
        return false;
    int value = (text.p[0] - '0') * 1000;
    int unit = 100;
    for (size_t i = 2; i < text.n; i++, unit /= 10) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value += (text.p[i] - '0') * unit;
    }
    *out = value;
    return value <= 1000;
}

/* How closely a range names a media type: 0 not at all, 1 by star star, 2 by its type, 3 by name. */
static int closeness(struct bytes range, const char *name)
{
    if (same(range, name))
        return 3;
    if (same(range, "*/*"))
        return 1;
    size_t type = (size_t)(strchr(name, '/') - name) + 1;
    bool star = range.n == type + 1 && range.p[type] == '*' && strncasecmp((const char *)range.p, name, type) == 0;
    return star ? 2 : 0;
}

static bool weight_of(struct bytes parameters, int *out)
{
    *out = 1000;
    while (parameters.n > 0) {
        struct bytes parameter = cut(&parameters, ';');
        if (parameter.n >= 2 && (parameter.p[0] == 'q' || parameter.p[0] == 'Q') && parameter.p[1] == '=')
            return weight_parse(bytes_of(parameter.p + 2, parameter.n - 2), out);
    }
    return true;
}

/* The weight that the closest range gives this media type; 0 when none does. */
static int weigh(struct bytes header, const char *name)
{
    int best = 0;
    int best_weight = 0;
    for (int i = 0; header.n > 0 && i < ACCEPT_RANGES_MAX; i++) {
        struct bytes element = cut(&header, ',');
        struct bytes range = cut(&element, ';');
        int close = closeness(range, name);
        int weight;
        if (close > best && weight_of(element, &weight)) {
            best = close;
            best_weight = weight;
        }
    }
    return best_weight;
}

bool api_accept(struct bytes header, const enum api_media *offered, size_t n, enum api_media *out)
{
    int best = 0;

    if (trim(header).n == 0) {
        *out = offered[0];
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        int weight = weigh(header, names[offered[i]]);
        if (weight > best) {
            best = weight;
            *out = offered[i];
        }
    }
    return best > 0;
}

bool api_accepts_coding(struct bytes header, const char *coding)
{
    int by_star = 0;

    for (int i = 0; header.n > 0 && i < ACCEPT_RANGES_MAX; i++) {
        struct bytes element = cut(&header, ',');
        struct bytes name = cut(&element, ';');
        int weight;
        if (!weight_of(element, &weight))
            continue;
        if (same(name, coding))
            return weight > 0;
        if (same(name, "*"))
            by_star = weight;
    }
    return by_star > 0;
}

bool api_names_tag(struct bytes header, const char *etag)
{
    while (header.n > 0) {
        struct bytes tag = cut(&header, ',');
        if (tag.n > 2 && memcmp(tag.p, "W/", 2) == 0)
            tag = bytes_of(tag.p + 2, tag.n - 2);
        if (bytes_equal(tag, bytes_str(etag)))
            return true;
    }
    return false;
}

bool api_is_media(struct bytes header, const char *name)
{
    return same(cut(&header, ';'), name);
}

bool api_is_utf8(struct bytes header)
{
    (void)cut(&header, ';');
    while (header.n > 0) {
        struct bytes parameter = cut(&header, ';');
        if (same(cut(&parameter, '='), "charset") && !same(trim(parameter), "utf-8") &&
            !same(trim(parameter), "\"utf-8\""))
            return false;
    }
    return true;
}
