/* Bytes of XML judged before a parser sees them.
 *
 * What can hurt a parser is visible without one: a DOCTYPE and so every entity, other encodings, depth, numbers of
 * elements and of attributes in one tag (the parser compares each with each). For a document that is well-formed this
 * reading divides it exactly as the parser will; of any other the parser stops at the first fault.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "message/internal.h"

struct scan {
    struct bytes in;
    size_t at;
    size_t depth, nodes;
};

static bool fail(const struct scan *scan, enum err_code code, struct err *err, const char *detail)
{
    size_t line = 1, column = 1;
    char place[48];

    for (size_t i = 0; i < scan->at && i < scan->in.n; i++) {
        column = scan->in.p[i] == '\n' ? 1 : column + ((scan->in.p[i] & 0xc0) != 0x80);
        line += scan->in.p[i] == '\n';
    }
    (void)snprintf(place, sizeof(place), "%zu:%zu", line, column);
    return err_set(err, code, place, "%s", detail);
}

static bool starts(const struct scan *scan, const char *with)
{
    size_t n = strlen(with);

    return scan->in.n - scan->at >= n && memcmp(scan->in.p + scan->at, with, n) == 0;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Goes behind the next `end`, which is some bytes and `>`. */
static bool skip_to(struct scan *scan, const char *end, struct err *err)
{
    const uint8_t *from = scan->in.p + scan->at, *stop = scan->in.p + scan->in.n;
    size_t n = strlen(end);

    for (const uint8_t *p = from; (p = memchr(p, '>', (size_t)(stop - p))) != NULL;) {
        p++;
        if ((size_t)(p - from) >= n && memcmp(p - n, end, n) == 0) {
            scan->at = (size_t)(p - scan->in.p);
            return true;
        }
    }
    return fail(scan, ERR_MESSAGE_MALFORMED, err, "the text ends too early");
}

/* UTF-16 and UTF-32 show in the first bytes; XML in them holds NUL bytes everywhere. */
static bool check_encoding(struct scan *scan, struct err *err)
{
    static const char *const marks[] = {"\xef\xbb\xbf", "\xfe\xff", "\xff\xfe"};
    const uint8_t *nul;

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (starts(scan, marks[i]))
            return fail(scan, ERR_SCHEMA_ENCODING, err, "a byte order mark");
    nul = scan->in.n == 0 ? NULL : memchr(scan->in.p, 0, scan->in.n);
    if (nul != NULL) {
        scan->at = (size_t)(nul - scan->in.p);
        return fail(scan, scan->at < 4 ? ERR_SCHEMA_ENCODING : ERR_MESSAGE_MALFORMED, err, "a NUL byte");
    }
    if (!utf8_valid(scan->in))
        return err_set(err, ERR_SCHEMA_ENCODING, NULL, "the bytes are not UTF-8");
    return true;
}

/* The value of a pseudo-attribute of the XML declaration; empty when it has none. */
static struct bytes declared(struct bytes declaration, const char *name)
{
    const uint8_t *end = declaration.p + declaration.n;
    const uint8_t *p = memmem(declaration.p, declaration.n, name, strlen(name));
    const uint8_t *close;

    if (p == NULL)
        return (struct bytes){0};
    p += strlen(name);
    while (p < end && (is_space(*p) || *p == '='))
        p++;
    if (p == end || (*p != '"' && *p != '\''))
        return (struct bytes){0};
    close = memchr(p + 1, *p, (size_t)(end - p - 1));
    return close == NULL ? (struct bytes){0} : bytes_of(p + 1, (size_t)(close - p - 1));
}

static bool is_word(struct bytes text, const char *word)
{
    return text.n == strlen(word) && strncasecmp((const char *)text.p, word, text.n) == 0;
}

/* Only where a document begins may `<?xml` stand. */
static bool read_declaration(struct scan *scan, struct err *err)
{
    struct scan start = *scan;
    struct bytes text, encoding, version;

    if (!starts(scan, "<?xml") || scan->in.n < 6 || !is_space(scan->in.p[5]))
        return true;
    CHECK(skip_to(scan, "?>", err));
    text = bytes_of(scan->in.p, scan->at);
    encoding = declared(text, "encoding");
    if (encoding.p != NULL && !is_word(encoding, "utf-8"))
        return fail(&start, ERR_SCHEMA_ENCODING, err, "an encoding other than UTF-8 is declared");
    version = declared(text, "version");
    if (!is_word(version, "1.0"))
        return fail(&start, ERR_MESSAGE_MALFORMED, err, "XML 1.0 is expected");
    return true;
}

static bool count_node(struct scan *scan, struct err *err)
{
    if (++scan->nodes > MESSAGE_NODES_MAX)
        return fail(scan, ERR_MESSAGE_TOO_LARGE, err, "more elements and texts than allowed");
    return true;
}

/* From behind `<` and a name to behind `>`; attributes are counted by the quotes that open their values. */
static bool read_start_tag(struct scan *scan, struct err *err)
{
    const uint8_t *p = scan->in.p;
    size_t attributes = 0;

    CHECK(count_node(scan, err));
    for (; scan->at < scan->in.n && p[scan->at] != '>'; scan->at++) {
        if (p[scan->at] == '<')
            return fail(scan, ERR_MESSAGE_MALFORMED, err, "a tag inside a tag");
        if (p[scan->at] != '"' && p[scan->at] != '\'')
            continue;
        if (++attributes > MESSAGE_ATTRIBUTES_MAX)
            return fail(scan, ERR_MESSAGE_MALFORMED, err, "more attributes than allowed");
        const uint8_t *close = memchr(p + scan->at + 1, p[scan->at], scan->in.n - scan->at - 1);
        if (close == NULL)
            return fail(scan, ERR_MESSAGE_MALFORMED, err, "the text ends too early");
        scan->at = (size_t)(close - p);
    }
    if (scan->at == scan->in.n)
        return fail(scan, ERR_MESSAGE_MALFORMED, err, "the text ends too early");
    if (p[scan->at - 1] != '/' && ++scan->depth > MESSAGE_DEPTH_MAX)
        return fail(scan, ERR_MESSAGE_MALFORMED, err, "nested too deep");
    scan->at++;
    return true;
}

static bool read_end_tag(struct scan *scan, struct err *err)
{
    if (scan->depth == 0)
        return fail(scan, ERR_MESSAGE_MALFORMED, err, "an end without a start");
    scan->depth--;
    return skip_to(scan, ">", err);
}

static bool read_markup(struct scan *scan, struct err *err)
{
    if (starts(scan, "<!--"))
        return count_node(scan, err) && (scan->at += 4, skip_to(scan, "-->", err));
    if (starts(scan, "<![CDATA["))
        return count_node(scan, err) && skip_to(scan, "]]>", err);
    if (starts(scan, "<!"))
        return fail(scan, ERR_SCHEMA_DOCTYPE, err, "a declaration");
    if (starts(scan, "<?"))
        return fail(scan, ERR_MESSAGE_MALFORMED, err, "a processing instruction");
    if (starts(scan, "</"))
        return read_end_tag(scan, err);
    scan->at++;
    return read_start_tag(scan, err);
}

bool message_scan_xml(struct bytes in, struct err *err)
{
    struct scan scan = {.in = in};

    if (in.n > MESSAGE_MAX)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "%zu bytes, at most %u are read", in.n, MESSAGE_MAX);
    CHECK(check_encoding(&scan, err));
    CHECK(read_declaration(&scan, err));
    while (scan.at < in.n) {
        const uint8_t *next = memchr(in.p + scan.at, '<', in.n - scan.at);
        size_t text = (next == NULL ? in.n : (size_t)(next - in.p)) - scan.at;

        if (text > 0)
            CHECK(count_node(&scan, err));
        scan.at += text;
        if (next != NULL)
            CHECK(read_markup(&scan, err));
    }
    if (scan.nodes == 0)
        return err_set(err, ERR_MESSAGE_MALFORMED, NULL, "no XML");
    return true;
}
