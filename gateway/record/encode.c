/* encode: a journal record as JSON, along the member tables. */
#include "record/record.h"

#include <string.h>

#include "record/members.h"
#include "json/json.h"

#define TIME_MS_TEXT_SIZE (TIME_TEXT_SIZE + 4)

static void put_members(struct json_out *out, const struct member *members, const char *base);

static void put_text(struct json_out *out, const struct member *member, const char *text)
{
    struct bytes bytes = bytes_str(text);

    if (bytes.n == 0)
        return;
    if (bytes.n > member->max)
        out->buf->overflow = true;
    json_key(out, member->name);
    json_put_bytes(out, bytes);
}

static void put_json(struct json_out *out, const struct member *member, const char *text)
{
    struct bytes bytes = bytes_str(text);

    if (bytes.n == 0)
        return;
    if (bytes.n > member->max)
        out->buf->overflow = true;
    json_key(out, member->name);
    json_put_raw(out, bytes);
}

/* As time_format, with milliseconds: a record's time is part of its leaf to the millisecond. */
static void put_time(struct json_out *out, const char *name, int64_t ms)
{
    char text[TIME_MS_TEXT_SIZE];
    int64_t rest = ms % 1000;
    const size_t at = TIME_TEXT_SIZE - 1 - (sizeof("+08:00") - 1);

    if (ms == 0)
        return;
    if (rest < 0)
        rest += 1000;
    time_format(ms - rest, text);
    memmove(text + at + 4, text + at, TIME_TEXT_SIZE - at);
    text[at] = '.';
    text[at + 1] = (char)('0' + rest / 100);
    text[at + 2] = (char)('0' + rest / 10 % 10);
    text[at + 3] = (char)('0' + rest % 10);
    json_add_string(out, name, text);
}

static void put_digest(struct json_out *out, const char *name, const uint8_t digest[32])
{
    static const uint8_t none[32];
    char text[65];

    if (memcmp(digest, none, sizeof(none)) != 0)
        json_add_string(out, name, hex_encode(digest, 32, text));
}

static void put_reasons(struct json_out *out, const char *name, const struct listing *listing)
{
    if (listing->reason_n == 0)
        return;
    json_key(out, name);
    json_begin_array(out);
    for (size_t i = 0; i < listing->reason_n; i++)
        json_put_string(out, reason_name(listing->reasons[i]));
    json_end_array(out);
}

/* An object without members leaves no trace. */
static void put_object(struct json_out *out, const struct member *member, const char *base)
{
    size_t mark = out->buf->n;
    bool comma = out->comma;

    json_key(out, member->name);
    json_begin_object(out);
    size_t empty = out->buf->n;
    put_members(out, member->members, base);
    if (out->buf->n != empty || out->buf->overflow) {
        json_end_object(out);
        return;
    }
    out->buf->n = mark;
    out->buf->p[mark] = '\0';
    out->comma = comma;
}

static void put_member(struct json_out *out, const struct member *member, const char *base)
{
    const void *at = base + member->offset;

    switch (member->type) {
    case MEMBER_TEXT:
        put_text(out, member, *(const char *const *)at);
        break;
    case MEMBER_TIME:
        put_time(out, member->name, *(const int64_t *)at);
        break;
    case MEMBER_DATE:
        json_add_date_opt(out, member->name, *(const date_day *)at);
        break;
    case MEMBER_FLAG:
        if (*(const bool *)at)
            json_add_boolean(out, member->name, true);
        break;
    case MEMBER_COUNT:
        json_add_integer(out, member->name, *(const int64_t *)at);
        break;
    case MEMBER_AMOUNT:
        if (*(const int64_t *)at != AMOUNT_NONE)
            json_add_integer(out, member->name, *(const int64_t *)at);
        break;
    case MEMBER_DIGEST:
        put_digest(out, member->name, at);
        break;
    case MEMBER_WORD:
        json_add_string_opt(out, member->name, words_name(member->words, *(const unsigned *)at));
        break;
    case MEMBER_REASONS:
        put_reasons(out, member->name, at);
        break;
    case MEMBER_JSON:
        put_json(out, member, *(const char *const *)at);
        break;
    case MEMBER_OBJECT:
        put_object(out, member, base);
        break;
    }
}

static void put_members(struct json_out *out, const struct member *members, const char *base)
{
    for (const struct member *member = members; member->name != NULL; member++)
        put_member(out, member, base);
}

void record_encode(const struct record *record, struct buf *out)
{
    struct json_out json;

    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_integer(&json, "version", RECORD_VERSION);
    json_add_string(&json, "kind", record_kind_name(record->kind));
    put_members(&json, members_common, (const char *)record);
    put_members(&json, members_of_kind[record->kind], (const char *)record);
    json_end_object(&json);
}
