/* decode: a journal record from its JSON, along the member tables. Whatever is not exactly what the encoder
 * could have written is damage. */
#include "record/record.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "record/members.h"
#include "json/json.h"

struct reader {
    struct arena *arena;
    char *base; /* the struct record being filled */
    struct bytes in;
};

static void init_members(struct record *record, const struct member *members)
{
    for (const struct member *member = members; member->name != NULL; member++) {
        char *at = (char *)record + member->offset;

        if (member->type == MEMBER_TEXT || member->type == MEMBER_JSON)
            *(const char **)(void *)at = "";
        else if (member->type == MEMBER_DATE)
            *(date_day *)(void *)at = DATE_NONE;
        else if (member->type == MEMBER_AMOUNT)
            *(int64_t *)(void *)at = AMOUNT_NONE;
        else if (member->type == MEMBER_OBJECT)
            init_members(record, member->members);
    }
}

/* One of no kind, to be copied: a list starts a record for each row. */
static struct record blank;
static pthread_once_t blank_once = PTHREAD_ONCE_INIT;

static void init_blank(void)
{
    init_members(&blank, members_common);
    for (size_t i = 0; i < RECORD_KIND_COUNT; i++)
        init_members(&blank, members_of_kind[i]);
}

void record_init(struct record *record, enum record_kind kind)
{
    pthread_once(&blank_once, init_blank);
    *record = blank;
    record->kind = kind;
}

/* `outer` is the name of the inner object the member is in, or NULL. */
static bool damaged(struct err *err, const char *outer, const char *name)
{
    char place[JSON_POINTER_MAX];

    snprintf(place, sizeof(place), "%s%.40s/%.40s", outer != NULL ? "/" : "", outer != NULL ? outer : "", name);
    return err_set(err, ERR_STORE_CORRUPT, place, "a member of a record is not what was written");
}

static bool read_text(struct reader *reader, const struct member *member, const char *text, void *to)
{
    CHECK(text != NULL);
    size_t n = strlen(text);
    CHECK(n > 0 && n <= member->max);
    *(const char **)to = arena_strndup(reader->arena, text, n);
    return true;
}

/* As it stands in the record, so that it is written again the same. */
static bool read_json(struct reader *reader, const struct member *member, void *to)
{
    struct bytes raw;

    CHECK(json_scan_member(reader->in, member->name, &raw) && raw.n > 0 && raw.n <= member->max);
    *(const char **)to = arena_strndup(reader->arena, (const char *)raw.p, raw.n);
    return true;
}

static bool read_word(const struct member *member, const char *text, void *to)
{
    return text != NULL && words_find(member->words, text, to);
}

static bool read_date(const char *text, void *to)
{
    return text != NULL && date_parse(bytes_str(text), to);
}

static bool read_time(const char *text, void *to)
{
    return text != NULL && time_parse(bytes_str(text), to);
}

static bool read_digest(const char *text, void *to)
{
    return text != NULL && hex_decode(text, to, 32);
}

static bool read_count(const json_value *value, void *to)
{
    return json_integer(value, to) && *(int64_t *)to >= 0;
}

static bool read_reasons(const json_value *value, struct listing *listing)
{
    size_t n = json_count(value);

    CHECK(n > 0 && n <= FIRM_REASONS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string(json_at(value, i));
        unsigned reason;
        CHECK(text != NULL && words_find(&words_reason, text, &reason));
        listing->reasons[i] = (enum reason)reason;
    }
    listing->reason_n = n;
    return true;
}

/* Everything but objects. */
static bool read_plain(struct reader *reader, const struct member *member, const json_value *value)
{
    void *to = reader->base + member->offset;
    const char *text = json_string(value);

    switch (member->type) {
    case MEMBER_TEXT:
        return read_text(reader, member, text, to);
    case MEMBER_TIME:
        return read_time(text, to);
    case MEMBER_DATE:
        return read_date(text, to);
    case MEMBER_FLAG:
        return json_boolean(value, to);
    case MEMBER_COUNT:
    case MEMBER_AMOUNT:
        return read_count(value, to);
    case MEMBER_DIGEST:
        return read_digest(text, to);
    case MEMBER_WORD:
        return read_word(member, text, to);
    case MEMBER_REASONS:
        return read_reasons(value, to);
    case MEMBER_JSON:
        return read_json(reader, member, to);
    case MEMBER_OBJECT:
        break;
    }
    return false;
}

static const struct member *find_member(const struct member *members, const char *name)
{
    while (members->name != NULL && strcmp(members->name, name) != 0)
        members++;
    return members->name != NULL ? members : NULL;
}

/* Reads every member of an inner object. */
static bool read_object(struct reader *reader, const struct member *outer, const json_value *object, struct err *err)
{
    void *cursor = NULL;
    const char *name;
    const json_value *value;

    if (json_type_of(object) != JSON_TYPE_OBJECT)
        return damaged(err, NULL, outer->name);
    while (json_next(object, &cursor, &name, &value)) {
        const struct member *member = find_member(outer->members, name);
        if (member == NULL || !read_plain(reader, member, value))
            return damaged(err, outer->name, name);
    }
    return true;
}

static bool read_member(struct reader *reader, const struct member *member, const json_value *value, struct err *err)
{
    if (member->type == MEMBER_OBJECT)
        return read_object(reader, member, value, err);
    return read_plain(reader, member, value) || damaged(err, NULL, member->name);
}

static bool read_members(struct reader *reader, enum record_kind kind, const json_value *root, struct err *err)
{
    void *cursor = NULL;
    const char *name;
    const json_value *value;

    while (json_next(root, &cursor, &name, &value)) {
        if (strcmp(name, "version") == 0 || strcmp(name, "kind") == 0)
            continue;
        const struct member *member = find_member(members_common, name);
        if (member == NULL)
            member = find_member(members_of_kind[kind], name);
        if (member == NULL)
            return damaged(err, NULL, name);
        CHECK(read_member(reader, member, value, err));
    }
    return true;
}

static bool read_kind(const json_value *root, enum record_kind *out, struct err *err)
{
    const char *name = json_string(json_member(root, "kind"));
    int64_t version;
    unsigned kind;

    if (!json_integer(json_member(root, "version"), &version) || version != RECORD_VERSION)
        return damaged(err, NULL, "version");
    if (name == NULL || !words_find(&words_kind, name, &kind))
        return damaged(err, NULL, "kind");
    *out = (enum record_kind)kind;
    return true;
}

static bool decode(struct arena *arena, struct bytes in, struct record *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    enum record_kind kind = RECORD_CERTIFICATION;

    if (!json_parse(in, &doc, err)) {
        err->code = ERR_STORE_CORRUPT;
        return false;
    }
    const json_value *root = json_root(doc);
    if (json_type_of(root) != JSON_TYPE_OBJECT)
        return damaged(err, NULL, "");
    CHECK(read_kind(root, &kind, err));
    record_init(out, kind);
    struct reader reader = {arena, (char *)out, in};
    CHECK(read_members(&reader, kind, root, err));
    return out->time_ms != 0 || damaged(err, NULL, "time");
}

bool record_decode(struct arena *arena, uint64_t seq, struct bytes in, struct record *out, struct err *err)
{
    if (in.n > RECORD_BYTES_MAX)
        return err_set(err, ERR_STORE_CORRUPT, NULL, "record %llu has %zu bytes", (unsigned long long)seq, in.n);
    if (!decode(arena, in, out, err))
        return err_context(err, "record %llu", (unsigned long long)seq);
    out->seq = seq;
    return true;
}
