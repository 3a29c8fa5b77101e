/* charset: twice through the document: once to know how long it becomes, once to write it. */
#include "charset/charset.h"

static const struct {
    enum err_code code;
    const char *text;
} ends[] = {
    [CHARSET_DONE] = {ERR_NONE, ""},
    [CHARSET_UNMAPPABLE] = {ERR_SCHEMA_UNMAPPABLE, ""},
    [CHARSET_MALFORMED] = {ERR_SCHEMA_ENCODING, "its bytes are not text in GB18030"},
    [CHARSET_FULL] = {ERR_INTERNAL, "the room is smaller than was counted"},
    [CHARSET_MISSING] = {ERR_INTERNAL, "the C library does not know the agreed charset"},
};

static bool judge(enum charset_end end, struct err *err)
{
    return end == CHARSET_DONE || err_set(err, ends[end].code, NULL, "%s", ends[end].text);
}

/* Room for what was counted; the second pass fills it. */
static bool make_room(struct buf *out, struct charset_out *made, struct err *err)
{
    made->room = made->n;
    made->p = buf_reserve(out, made->n);
    return made->p || err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "%zu bytes in the agreed charset", made->n);
}

bool charset_read(enum charset from, struct bytes xml, struct buf *out, struct err *err)
{
    struct charset_out made = {0};
    CHECK(judge(charset_decode(from, xml.p, xml.n, &made), err));
    CHECK(make_room(out, &made, err));
    CHECK(judge(charset_decode(from, xml.p, xml.n, &made), err));
    out->n += made.n;
    return true;
}

bool charset_write(enum charset to, bool references, struct bytes xml, struct buf *out, struct err *err)
{
    struct charset_out made = {0};
    CHECK(judge(charset_encode(to, references, xml.p, xml.n, &made), err));
    CHECK(make_room(out, &made, err));
    CHECK(judge(charset_encode(to, references, xml.p, xml.n, &made), err));
    out->n += made.n;
    return true;
}
