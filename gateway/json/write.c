/* write: JSON straight into a buffer, in call order, without insignificant white space. */
#include "json/json.h"

#include "json/text.h"

void json_out_init(struct json_out *out, struct buf *buf)
{
    out->buf = buf;
    out->comma = false;
}

static void begin_value(struct json_out *out)
{
    if (out->comma)
        buf_byte(out->buf, ',');
    out->comma = true;
}

static void begin(struct json_out *out, uint8_t bracket)
{
    begin_value(out);
    buf_byte(out->buf, bracket);
    out->comma = false;
}

static void end(struct json_out *out, uint8_t bracket)
{
    buf_byte(out->buf, bracket);
    out->comma = true;
}

void json_begin_object(struct json_out *out)
{
    begin(out, '{');
}

void json_end_object(struct json_out *out)
{
    end(out, '}');
}

void json_begin_array(struct json_out *out)
{
    begin(out, '[');
}

void json_end_array(struct json_out *out)
{
    end(out, ']');
}

static void put_escape(struct buf *buf, uint8_t c)
{
    static const char shorts[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    if (c >= 0x20)
        text[1] = (char)c;
    else if (shorts[c] != 0)
        text[1] = shorts[c];
    buf_put(buf, text, text[1] == 'u' ? 6 : 2);
}

/* In one piece what holds nothing to escape, as nearly everything does. */
static void put_plain(struct json_out *out, struct bytes s, bool is_name)
{
    size_t comma = out->comma, colon = is_name;
    uint8_t *to = buf_reserve(out->buf, comma + s.n + 2 + colon);

    out->comma = true;
    if (to == NULL)
        return;
    to[0] = ',';
    to += comma;
    to[0] = '"';
    if (s.n > 0)
        memcpy(to + 1, s.p, s.n);
    to[s.n + 1] = '"';
    if (colon)
        to[s.n + 2] = ':';
    out->buf->n += comma + s.n + 2 + colon;
}

static void put_quoted(struct json_out *out, struct bytes s, bool is_name)
{
    const uint8_t *p = s.p;
    const uint8_t *stop = s.n == 0 ? s.p : s.p + s.n;

    if (s.n == 0 || text_plain_end(p, stop) == stop) {
        put_plain(out, s, is_name);
        return;
    }
    begin_value(out);
    buf_byte(out->buf, '"');
    while (p < stop) {
        const uint8_t *plain = text_plain_end(p, stop);

        if (plain > p)
            buf_put(out->buf, p, (size_t)(plain - p));
        if (plain < stop)
            put_escape(out->buf, *plain++);
        p = plain;
    }
    buf_byte(out->buf, '"');
    if (is_name)
        buf_byte(out->buf, ':');
}

void json_key(struct json_out *out, const char *name)
{
    put_quoted(out, bytes_str(name), true);
    out->comma = false;
}

void json_put_bytes(struct json_out *out, struct bytes s)
{
    put_quoted(out, s, false);
}

void json_put_string(struct json_out *out, const char *s)
{
    if (s == NULL)
        json_put_null(out);
    else
        json_put_bytes(out, bytes_str(s));
}

void json_put_integer(struct json_out *out, int64_t v)
{
    char text[20];
    char *p = text + sizeof(text);
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (v < 0)
        *--p = '-';
    begin_value(out);
    buf_put(out->buf, p, (size_t)(text + sizeof(text) - p));
}

void json_put_boolean(struct json_out *out, bool v)
{
    json_put_raw(out, v ? BYTES_LIT("true") : BYTES_LIT("false"));
}

void json_put_null(struct json_out *out)
{
    json_put_raw(out, BYTES_LIT("null"));
}

void json_put_raw(struct json_out *out, struct bytes json)
{
    begin_value(out);
    buf_put(out->buf, json.p, json.n);
}

void json_add_string(struct json_out *out, const char *name, const char *s)
{
    json_key(out, name);
    json_put_string(out, s);
}

void json_add_string_opt(struct json_out *out, const char *name, const char *s)
{
    if (s != NULL && *s != '\0')
        json_add_string(out, name, s);
}

void json_add_integer(struct json_out *out, const char *name, int64_t v)
{
    json_key(out, name);
    json_put_integer(out, v);
}

void json_add_boolean(struct json_out *out, const char *name, bool v)
{
    json_key(out, name);
    json_put_boolean(out, v);
}

void json_add_time(struct json_out *out, const char *name, int64_t ms)
{
    char text[TIME_TEXT_SIZE];

    if (ms != 0)
        json_add_string(out, name, time_format(ms, text));
}

void json_add_date_opt(struct json_out *out, const char *name, date_day day)
{
    char text[DATE_TEXT_SIZE];

    if (day != DATE_NONE)
        json_add_string(out, name, date_format(day, text));
}
