/* field: header lines, and what the whole header means for the framing of the request. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/request.h"

static bool bad(const struct net_request *request, struct err *err, const char *detail)
{
    char place[32];
    snprintf(place, sizeof place, "header line %u", request->line_number - 1);
    return err_set(err, ERR_HTTP_BAD_REQUEST, place, "%s", detail);
}

enum name_class { NAME_REFUSED, NAME_PLAIN, NAME_ODD };

/* Names of letters, digits and "-" are kept. Others are legal but skipped, as nginx does, so that an
 * application behind another server can't be told a header that server did not see. */
static enum name_class classify(struct bytes name)
{
    enum name_class class = name.n > 0 ? NAME_PLAIN : NAME_REFUSED;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i], low = c | 0x20;
        if (c <= 0x20 || c == 0x7f)
            return NAME_REFUSED;
        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            class = NAME_ODD;
    }
    return class;
}

static bool same_text(struct bytes a, const char *b)
{
    return a.n == strlen(b) && strncasecmp((const char *)a.p, b, a.n) == 0;
}

static bool contains_text(struct bytes in, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= in.n; i++)
        if (strncasecmp((const char *)in.p + i, word, n) == 0)
            return true;
    return false;
}

static bool take_host(struct net_request *request, struct bytes value, struct err *err)
{
    if (request->has_host)
        return bad(request, err, "Host comes twice");
    request->has_host = true;
    return request_host_valid(value) ? true : bad(request, err, "not an acceptable Host");
}

static bool take_length(struct net_request *request, struct bytes value, struct err *err)
{
    if (request->has_length)
        return bad(request, err, "Content-Length comes twice");
    request->has_length = true;
    int64_t length = 0;
    for (size_t i = 0; i < value.n; i++) {
        int digit = value.p[i] - '0';
        if (digit < 0 || digit > 9 || length > (INT64_MAX - digit) / 10)
            return bad(request, err, "Content-Length is not a size");
        length = length * 10 + digit;
    }
    request->length = length;
    return value.n > 0 ? true : bad(request, err, "Content-Length is empty");
}

static bool take_coding(struct net_request *request, struct bytes value, struct err *err)
{
    if (request->has_coding)
        return bad(request, err, "Transfer-Encoding comes twice");
    request->has_coding = true;
    request->coding_unknown = !same_text(value, "chunked");
    return true;
}

static bool take_connection(struct net_request *request, struct bytes value, struct err *err)
{
    (void)err;
    if (contains_text(value, "close"))
        request->wants_close = true;
    else if (contains_text(value, "keep-alive"))
        request->wants_keep = true;
    return true;
}

static bool take_expect(struct net_request *request, struct bytes value, struct err *err)
{
    (void)err;
    request->expects_continue = same_text(value, "100-continue");
    return true;
}

static bool take_content_coding(struct net_request *request, struct bytes value, struct err *err)
{
    (void)value;
    (void)err;
    request->has_content_coding = true;
    return true;
}

static const struct known {
    const char *name;
    bool (*take)(struct net_request *request, struct bytes value, struct err *err);
} known_fields[] = {
    {"Host", take_host},
    {"Content-Length", take_length},
    {"Transfer-Encoding", take_coding},
    {"Connection", take_connection},
    {"Expect", take_expect},
    {"Content-Encoding", take_content_coding},
};

static bool take_known(struct net_request *request, struct bytes name, struct bytes value, struct err *err)
{
    for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++)
        if (same_text(name, known_fields[i].name))
            return known_fields[i].take(request, value, err);
    return true;
}

static struct bytes trim_spaces(struct bytes value)
{
    while (value.n > 0 && value.p[0] == ' ') {
        value.p++;
        value.n--;
    }
    while (value.n > 0 && value.p[value.n - 1] == ' ')
        value.n--;
    return value;
}

bool request_field(struct net_request *request, struct bytes line, struct err *err)
{
    if (memchr(line.p, '\r', line.n) || memchr(line.p, '\0', line.n))
        return bad(request, err, "a bare CR or a NUL");
    if (line.p[0] == ' ' || line.p[0] == '\t')
        return bad(request, err, "a folded line");
    const uint8_t *colon = memchr(line.p, ':', line.n);
    struct bytes name = {line.p, colon ? (size_t)(colon - line.p) : line.n};
    /* A line without a colon is a name with an empty value. */
    struct bytes value = trim_spaces(colon ? bytes_of(colon + 1, line.n - name.n - 1) : bytes_of(line.p + line.n, 0));
    enum name_class class = classify(name);
    if (class == NAME_REFUSED)
        return bad(request, err, "no name, or white space or a control character in it");
    if (class == NAME_ODD)
        return true;
    if (request->field_n == NET_HEADERS_MAX)
        return err_set(err, ERR_HTTP_HEADER_TOO_LARGE, NULL, "more than %d header lines", NET_HEADERS_MAX);
    const uint8_t *start = request->head.p;
    request->fields[request->field_n++] = (struct field){(uint32_t)(name.p - start), (uint32_t)name.n,
                                                         (uint32_t)(value.p - start), (uint32_t)value.n};
    return take_known(request, name, value, err);
}

static bool head_bad(struct err *err, const char *detail)
{
    return err_set(err, ERR_HTTP_BAD_REQUEST, "header", "%s", detail);
}

static bool judge_framing(const struct net_request *request, struct err *err)
{
    if (!request->has_host && request->minor > 0)
        return head_bad(err, "no Host");
    if (!request->has_coding)
        return true;
    if (request->minor == 0)
        return head_bad(err, "Transfer-Encoding in HTTP/1.0");
    if (request->has_length)
        return head_bad(err, "Content-Length together with Transfer-Encoding");
    if (request->coding_unknown)
        return err_set(err, ERR_HTTP_NOT_IMPLEMENTED, "header", "a transfer coding other than chunked");
    return true;
}

static bool judge_meaning(const struct net_request *request, struct err *err)
{
    if (strcmp(request->method, "CONNECT") == 0 || strcmp(request->method, "TRACE") == 0)
        return err_set(err, ERR_HTTP_METHOD, "request line", "%s", request->method);
    if (request->has_content_coding)
        return err_set(err, ERR_MESSAGE_MEDIA_TYPE, "header", "Content-Encoding in a request");
    if (request->length > request->service->body_max)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, "header", "more than %lld bytes",
                       (long long)request->service->body_max);
    return true;
}

bool request_head_done(struct net_request *request, struct err *err)
{
    CHECK(judge_framing(request, err));
    CHECK(judge_meaning(request, err));
    request->expects_continue = request->expects_continue && request->minor > 0;
    request->chunked = request->has_coding;
    request->remaining = request->length;
    request->state = request->chunked ? READ_CHUNKS : request->length > 0 ? READ_LENGTH : READ_WHOLE;
    return true;
}
