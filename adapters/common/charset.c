/* charset: character by character, so that each can be judged; runs of ASCII are copied. */
#include "adapters/common/charset.h"

#include <iconv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CHARACTER_MAX 8                  /* bytes of one, in any of these */
#define NO_ICONV ((iconv_t)-1)

static const struct {
    const char *setting, *declared, *table;
} charsets[] = {
    [CHARSET_UTF_8] = {"utf-8", "UTF-8", NULL},
    [CHARSET_GB18030] = {"gb18030", "GB18030", NULL},
    [CHARSET_GBK] = {"gbk", "GBK", "GBK"},
    [CHARSET_GB2312] = {"gb2312", "GB2312", "EUC-CN"},
};

bool charset_parse(const char *name, enum charset *out)
{
    for (size_t i = 0; i < sizeof(charsets) / sizeof(*charsets); i++) {
        if (strcasecmp(name, charsets[i].setting) == 0) {
            *out = (enum charset)i;
            return true;
        }
    }
    return false;
}

const char *charset_why(enum charset_end end)
{
    switch (end) {
    case CHARSET_DONE:
        break;
    case CHARSET_UNMAPPABLE:
        return "it has a character that the charset lacks";
    case CHARSET_MALFORMED:
        return "its bytes are not text in the agreed charset";
    case CHARSET_FULL:
        return "it is too large in the agreed charset";
    case CHARSET_MISSING:
        return "the C library does not know the agreed charset";
    }
    return "";
}

static void put(struct charset_out *out, const void *p, size_t n)
{
    if (out->p != NULL && out->n < out->room)
        memcpy(out->p + out->n, p, n < out->room - out->n ? n : out->room - out->n);
    out->n += n;
}

static enum charset_end whole(const struct charset_out *out)
{
    return out->p != NULL && out->n > out->room ? CHARSET_FULL : CHARSET_DONE;
}

static size_t ascii_run(const uint8_t *p, size_t n)
{
    size_t k = 0;

    while (k < n && p[k] < 0x80)
        k++;
    return k;
}

/* Length of the XML declaration at the start, 0 when there is none. */
static size_t declaration(const uint8_t *p, size_t n)
{
    const uint8_t *end;

    if (n < 6 || memcmp(p, "<?xml", 5) != 0 || strchr(" \t\r\n", p[5]) == NULL || p[5] == '\0')
        return 0;
    end = memchr(p, '>', n);
    return end == NULL ? 0 : (size_t)(end - p) + 1;
}

/* ---- where XML takes a reference ------------------------------------------------------------------------- */

/* In text and in attribute values. Whether the document is well-formed is for others to say. */
struct place {
    enum { IN_TEXT, IN_TAG, IN_VALUE, IN_OTHER } in;
    char quote;                          /* that ends a value */
    const char *stop;                    /* that ends what is in none of them */
};

static bool starts(const uint8_t *p, size_t n, const char *word)
{
    size_t k = strlen(word);

    return n >= k && memcmp(p, word, k) == 0;
}

/* What begins with "<": answers how many bytes say so. */
static size_t open_markup(struct place *place, const uint8_t *p, size_t n)
{
    static const struct {
        const char *start, *stop;
    } others[] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}, {"<!", ">"}};

    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        if (starts(p, n, others[i].start)) {
            *place = (struct place){.in = IN_OTHER, .stop = others[i].stop};
            return strlen(others[i].start);
        }
    }
    place->in = IN_TAG;
    return 1;
}

/* Goes on by one ASCII character or one mark; answers its length. */
static size_t follow(struct place *place, const uint8_t *p, size_t n)
{
    char c = (char)p[0];

    switch (place->in) {
    case IN_TEXT:
        return c == '<' ? open_markup(place, p, n) : 1;
    case IN_TAG:
        if (c == '"' || c == '\'')
            *place = (struct place){.in = IN_VALUE, .quote = c};
        else if (c == '>')
            place->in = IN_TEXT;
        return 1;
    case IN_VALUE:
        if (c == place->quote)
            place->in = IN_TAG;
        return 1;
    case IN_OTHER:
        break;
    }
    if (!starts(p, n, place->stop))
        return 1;
    place->in = IN_TEXT;
    return strlen(place->stop);
}

static void follow_run(struct place *place, const uint8_t *p, size_t n)
{
    while (n > 0) {
        size_t k = follow(place, p, n);

        p += k;
        n -= k;
    }
}

/* ---- out ------------------------------------------------------------------------------------------------- */

struct encoder {
    bool references;
    iconv_t wide, strict;                /* UTF-8 to GB18030; the declared set to UTF-8, when it is a smaller one */
    struct place place;
    struct charset_out *out;
};

/* The character at p of UTF-8: its number and length, 0 when it is malformed. */
static size_t character(const uint8_t *p, size_t n, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t k = p[0] >= 0xf8 ? 0 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
    uint32_t c = p[0] & (0x7fu >> k);

    if (k == 0 || k > n)
        return 0;
    for (size_t i = 1; i < k; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    *out = c;
    return c < least[k] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : k;
}

/* Codes that the editions of GB18030 (2000, 2005, 2022) give to different characters. */
static bool is_moved(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } moved[] = {{0x1e3f, 0x1e3f}, {0x20087, 0x20087}, {0x20089, 0x20089}, {0x200cc, 0x200cc}, {0x215d7, 0x215d7},
                 {0x2298f, 0x2298f}, {0x241fe, 0x241fe}, {0x9fb4, 0x9fbb}, {0xe000, 0xf8ff}, {0xfe10, 0xfe19}};

    for (size_t i = 0; i < sizeof(moved) / sizeof(*moved); i++)
        if (c >= moved[i].first && c <= moved[i].last)
            return true;
    return false;
}

/* One character through a table; answers the length of what came of it, 0 when the table lacks it. */
static size_t through(iconv_t table, const uint8_t *p, size_t n, uint8_t made[CHARACTER_MAX])
{
    char *from = (char *)(uintptr_t)p, *to = (char *)made;
    size_t from_n = n, to_n = CHARACTER_MAX;

    (void)iconv(table, NULL, NULL, NULL, NULL);
    if (iconv(table, &from, &from_n, &to, &to_n) != 0 || from_n > 0)
        return 0;
    return CHARACTER_MAX - to_n;
}

/* Its bytes in the declared set, where they mean the same; 0: it has none. */
static size_t bytes_in_set(const struct encoder *encoder, const uint8_t *p, size_t n, uint8_t made[CHARACTER_MAX])
{
    size_t k = through(encoder->wide, p, n, made), back_n;
    uint8_t back[CHARACTER_MAX];

    if (encoder->strict == NO_ICONV || k == 0)
        return k;
    back_n = through(encoder->strict, made, k, back);
    return back_n == n && memcmp(back, p, n) == 0 ? k : 0;
}

static bool put_reference(struct encoder *encoder, uint32_t c)
{
    char text[16];
    int n = snprintf(text, sizeof(text), "&#x%X;", (unsigned)c);

    if (!encoder->references || (encoder->place.in != IN_TEXT && encoder->place.in != IN_VALUE))
        return false;
    put(encoder->out, text, (size_t)n);
    return true;
}

static enum charset_end encode_character(struct encoder *encoder, const uint8_t *p, size_t n, size_t *used_out)
{
    uint8_t made[CHARACTER_MAX];
    uint32_t c;
    size_t k;

    *used_out = character(p, n, &c);
    if (*used_out == 0)
        return CHARSET_MALFORMED;
    k = is_moved(c) ? 0 : bytes_in_set(encoder, p, *used_out, made);
    if (k > 0)
        put(encoder->out, made, k);
    else if (!put_reference(encoder, c))
        return CHARSET_UNMAPPABLE;
    return CHARSET_DONE;
}

static enum charset_end encode_all(struct encoder *encoder, const uint8_t *p, size_t n)
{
    enum charset_end end = CHARSET_DONE;

    while (n > 0 && end == CHARSET_DONE) {
        size_t used = ascii_run(p, n);

        if (used > 0) {
            follow_run(&encoder->place, p, used);
            put(encoder->out, p, used);
        } else {
            end = encode_character(encoder, p, n, &used);
        }
        p += used;
        n -= used;
    }
    return end == CHARSET_DONE ? whole(encoder->out) : end;
}

static void put_declaration(struct charset_out *out, enum charset to)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "<?xml version=\"1.0\" encoding=\"%s\"?>", charsets[to].declared);

    put(out, text, (size_t)n);
}

static enum charset_end as_it_is(const uint8_t *p, size_t n, struct charset_out *out)
{
    if (n > 0)
        put(out, p, n);
    return whole(out);
}

static void close_table(iconv_t table)
{
    if (table != NO_ICONV)
        (void)iconv_close(table);
}

enum charset_end charset_encode(enum charset to, bool references, const uint8_t *xml, size_t n, struct charset_out *out)
{
    const char *table = charsets[to].table;
    struct encoder encoder = {.references = references, .out = out, .wide = NO_ICONV, .strict = NO_ICONV};
    enum charset_end end = CHARSET_MISSING;
    size_t skip = declaration(xml, n);

    out->n = 0;
    if (to == CHARSET_UTF_8)
        return as_it_is(xml, n, out);
    encoder.wide = iconv_open("GB18030", "UTF-8");
    if (table != NULL)
        encoder.strict = iconv_open("UTF-8", table);
    put_declaration(out, to);
    if (encoder.wide != NO_ICONV && (table == NULL || encoder.strict != NO_ICONV))
        end = encode_all(&encoder, xml + skip, n - skip);
    close_table(encoder.wide);
    close_table(encoder.strict);
    return end;
}

/* ---- in -------------------------------------------------------------------------------------------------- */

static enum charset_end decode_all(iconv_t table, const uint8_t *p, size_t n, struct charset_out *out)
{
    char *from = (char *)(uintptr_t)p;
    char room[4096];

    while (n > 0) {
        char *to = room;
        size_t to_n = sizeof(room), before = n;
        size_t code = iconv(table, &from, &n, &to, &to_n);

        put(out, room, sizeof(room) - to_n);
        /* no room left is the usual way to stop; nothing taken is not */
        if (code == (size_t)-1 && (n == before || to_n >= CHARACTER_MAX))
            return CHARSET_MALFORMED;
    }
    return whole(out);
}

enum charset_end charset_decode(enum charset from, const uint8_t *xml, size_t n, struct charset_out *out)
{
    size_t skip = declaration(xml, n);
    enum charset_end end;
    iconv_t table;

    out->n = 0;
    if (from == CHARSET_UTF_8)
        return as_it_is(xml, n, out);
    table = iconv_open("UTF-8", "GB18030");
    if (table == NO_ICONV)
        return CHARSET_MISSING;
    end = decode_all(table, xml + skip, n - skip, out);
    close_table(table);
    return end;
}
