/* target: the request target: origin form, absolute form, its path and query. */
#include <string.h>

#include "net/request.h"

static bool bad(struct err *err, const char *detail)
{
    return err_set(err, ERR_HTTP_BAD_REQUEST, "request target", "%s", detail);
}

static bool letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(uint8_t c)
{
    if (digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t scheme_length(struct bytes in)
{
    size_t n = 0;
    while (n < in.n && (letter(in.p[n]) || digit(in.p[n]) || strchr("+-.", in.p[n])))
        n++;
    return n;
}

/* Length of a name, address or [literal] at the start of `in`; SIZE_MAX when a literal is broken. */
static size_t host_length(struct bytes in)
{
    size_t n = 0;
    if (in.n > 0 && in.p[0] == '[') {
        for (n = 1; n < in.n && in.p[n] != ']'; n++)
            if (!letter(in.p[n]) && !digit(in.p[n]) && !strchr(":-._~!$&'()*+,;=", in.p[n]))
                return SIZE_MAX;
        return n < in.n ? n + 1 : SIZE_MAX;
    }
    while (n < in.n && (letter(in.p[n]) || digit(in.p[n]) || in.p[n] == '.' || in.p[n] == '-'))
        n++;
    return n;
}

/* What may stand in a Host: no empty label, nothing up to space, no slash. */
bool request_host_valid(struct bytes host)
{
    size_t name_n = host.n;
    bool literal = host.n > 0 && host.p[0] == '[', rest = false;
    for (size_t i = 0; i < host.n; i++) {
        uint8_t c = host.p[i];
        if (c <= 0x20 || c == 0x7f || c == '/')
            return false;
        if (c == '.' && i > 0 && host.p[i - 1] == '.')
            return false;
        if (rest)
            continue;
        if ((c == ':' && !literal) || (c == ']' && literal)) {
            name_n = c == ']' ? i + 1 : i;
            rest = true;
        }
    }
    return name_n > (name_n > 0 && host.p[name_n - 1] == '.' ? 1u : 0u);
}

/* Leaves *target at the path. The authority is judged but otherwise ignored: the routes are the same for
 * every name. */
static bool skip_authority(struct bytes *target, struct err *err)
{
    size_t n = scheme_length(*target);
    if (n == 0 || !letter(target->p[0]) || target->n < n + 3 || memcmp(target->p + n, "://", 3) != 0)
        return bad(err, "neither a path nor an absolute address");
    struct bytes rest = {target->p + n + 3, target->n - n - 3};
    size_t host_n = host_length(rest);
    if (host_n == SIZE_MAX || !request_host_valid(bytes_of(rest.p, host_n)))
        return bad(err, "the address has no acceptable host");
    size_t at = host_n;
    if (at < rest.n && rest.p[at] == ':')
        for (at++; at < rest.n && digit(rest.p[at]);)
            at++;
    if (at < rest.n && rest.p[at] != '/' && rest.p[at] != '?')
        return bad(err, "the host of the address is followed by something else");
    *target = bytes_of(rest.p + at, rest.n - at);
    return true;
}

/* The byte that %XX at the start of `in` stands for; 0 when there is none, which %00 is not either. */
static uint8_t decode_percent(struct bytes in)
{
    int high = in.n >= 3 ? hex_value(in.p[1]) : -1;
    int low = in.n >= 3 ? hex_value(in.p[2]) : -1;
    if (high < 0 || low < 0)
        return 0;
    return (uint8_t)(high << 4 | low);
}

static bool decode_path(struct net_request *request, struct bytes raw, struct err *err)
{
    char *path = arena_alloc(request->arena, raw.n + 2);
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        uint8_t c = raw.p[i];
        if (c == '%') {
            c = decode_percent(bytes_of(raw.p + i, raw.n - i));
            if (c == 0)
                return bad(err, "a percent sign without two digits, or %00");
            i += 2;
        }
        path[n++] = (char)c;
    }
    if (n == 0)
        path[n++] = '/';
    request->path = path;
    return true;
}

/* Paths are not normalised, but one that climbs above the root is refused, as nginx does. */
static bool stays_below_root(const char *path)
{
    int depth = 0;
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n == 2 && memcmp(path, "..", 2) == 0)
            depth--;
        else if (n > 0 && !(n == 1 && path[0] == '.'))
            depth++;
        if (depth < 0)
            return false;
        path += n + (path[n] == '/');
    }
    return true;
}

static size_t length_until(struct bytes in, char stop)
{
    const uint8_t *p = in.n ? memchr(in.p, stop, in.n) : NULL;
    return p ? (size_t)(p - in.p) : in.n;
}

bool request_target(struct net_request *request, struct bytes target, struct err *err)
{
    for (size_t i = 0; i < target.n; i++)
        if (target.p[i] < 0x20 || target.p[i] == 0x7f)
            return bad(err, "a control character");
    if (target.n == 0 || target.p[0] != '/')
        CHECK(skip_authority(&target, err));
    target.n = length_until(target, '#');
    struct bytes path = {target.p, length_until(target, '?')};
    CHECK(decode_path(request, path, err));
    if (!stays_below_root(request->path))
        return bad(err, "the path climbs above the root");
    size_t skip = path.n < target.n ? path.n + 1 : path.n;
    request->query = arena_strndup(request->arena, (const char *)target.p + skip, target.n - skip);
    return true;
}
