/* line: the request line: method, target, version. */
#include <string.h>

#include "net/request.h"

static bool bad(struct err *err, const char *detail)
{
    return err_set(err, ERR_HTTP_BAD_REQUEST, "request line", "%s", detail);
}

static bool method_byte(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static size_t method_length(struct bytes line)
{
    size_t n = 0;
    while (n < line.n && method_byte(line.p[n]))
        n++;
    return n;
}

bool request_first_line_hopeful(struct bytes line)
{
    size_t n = method_length(line);
    return n == line.n || (n > 0 && line.p[n] == ' ');
}

static void skip_spaces(struct bytes *in)
{
    while (in->n > 0 && in->p[0] == ' ') {
        in->p++;
        in->n--;
    }
}

static bool digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Digits at the start of *in; false when there is none or the number gets out of hand. */
static bool take_number(struct bytes *in, int *out)
{
    int value = 0;
    size_t n = 0;
    for (; n < in->n && digit(in->p[n]); n++) {
        if (value > 99)
            return false;
        value = value * 10 + (in->p[n] - '0');
    }
    in->p += n;
    in->n -= n;
    *out = value;
    return n > 0;
}

/* "HTTP/1.x"; any minor above 0 is judged as 1.1, as nginx does. */
static bool take_version(struct net_request *request, struct bytes in, struct err *err)
{
    static const char name[] = "HTTP/";
    int major = 0;
    if (in.n == 0)
        return bad(err, "no version");
    if (in.n < sizeof name || memcmp(in.p, name, sizeof name - 1) != 0)
        return bad(err, "not an HTTP version, or a space in the target");
    in.p += sizeof name - 1;
    in.n -= sizeof name - 1;
    if (in.p[0] < '1' || in.p[0] > '9')
        return bad(err, "not an HTTP version");
    if (!take_number(&in, &major) || major > 1)
        return err_set(err, ERR_HTTP_VERSION, "request line", "major version above 1");
    if (in.n == 0 || in.p[0] != '.')
        return bad(err, "not an HTTP version");
    in.p++;
    in.n--;
    if (!take_number(&in, &request->minor))
        return bad(err, "not an HTTP version");
    skip_spaces(&in);
    return in.n == 0 ? true : bad(err, "something behind the version");
}

bool request_first_line(struct net_request *request, struct bytes line, struct err *err)
{
    size_t n = method_length(line);
    if (n == 0 || n == line.n || line.p[n] != ' ')
        return bad(err, "not a method");
    request->method = arena_strndup(request->arena, (const char *)line.p, n);
    line.p += n;
    line.n -= n;
    skip_spaces(&line);
    const uint8_t *space = line.n ? memchr(line.p, ' ', line.n) : NULL;
    struct bytes target = {line.p, space ? (size_t)(space - line.p) : line.n};
    CHECK(request_target(request, target, err));
    line.p += target.n;
    line.n -= target.n;
    skip_spaces(&line);
    return take_version(request, line, err);
}
