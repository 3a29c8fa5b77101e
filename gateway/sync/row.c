/* One row: from an adapter's fields to checked values, and the bytes it is staged as. */
#include "sync/internal.h"

#include <stdio.h>
#include <string.h>

#include "ident/ident.h"

void staged_init(struct staged *staged, enum stage_kind kind, const char *uscc, uint64_t line)
{
    *staged = (struct staged){.kind = kind, .line = line, .rows = 1, .field = "", .detail = ""};
    snprintf(staged->uscc, sizeof staged->uscc, "%s", uscc);
    struct cert_row *row = &staged->row;
    row->name = row->region_code = row->industry_code = row->scale = row->ownership = "";
    row->level = row->batch = row->document_no = row->reason = "";
    row->valid_from = row->valid_until = DATE_NONE;
}

/* ---- reading an adapter's fields ---- */

static bool bad(struct staged *out, enum err_code code, const char *field, const char *detail)
{
    out->kind = STAGE_BAD;
    out->code = code;
    out->field = field;
    out->detail = detail;
    return false;
}

static struct bytes field_value(const struct gwa_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (fields[i].name != NULL && strcmp(fields[i].name, name) == 0)
            return bytes_of(fields[i].value.p, fields[i].value.n);
    }
    return (struct bytes){0};
}

static struct bytes trimmed(struct bytes b)
{
    while (b.n > 0 && (b.p[0] == ' ' || b.p[0] == '\t'))
        b.p++, b.n--;
    while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
        b.n--;
    return b;
}

struct text_field {
    const char *name;
    size_t offset;
    size_t max;
};
#define ROW_TEXT(member, max) {#member, offsetof(struct cert_row, member), max}
static const struct text_field text_fields[] = {
    ROW_TEXT(name, RECORD_NAME_MAX),      ROW_TEXT(region_code, 12),          ROW_TEXT(industry_code, 20),
    ROW_TEXT(scale, 40),                  ROW_TEXT(ownership, 80),            ROW_TEXT(level, RECORD_TEXT_MAX),
    ROW_TEXT(batch, RECORD_TEXT_MAX),     ROW_TEXT(document_no, RECORD_TEXT_MAX), ROW_TEXT(reason, RECORD_TEXT_MAX),
};

static bool has_control(struct bytes b)
{
    for (size_t i = 0; i < b.n; i++) {
        if (b.p[i] < 0x20 || b.p[i] == 0x7f)
            return true;
    }
    return false;
}

static bool read_texts(struct arena *arena, const struct gwa_field *fields, size_t n, struct staged *out)
{
    for (size_t i = 0; i < sizeof text_fields / sizeof text_fields[0]; i++) {
        const struct text_field *field = &text_fields[i];
        struct bytes value = trimmed(field_value(fields, n, field->name));
        if (value.n > field->max)
            return bad(out, ERR_LIST_ROW_FIELD, field->name, "too long");
        if (!utf8_valid(value) || has_control(value))
            return bad(out, ERR_SCHEMA_ENCODING, field->name, "not plain UTF-8 text");
        const char *text = value.n == 0 ? "" : arena_strndup(arena, (const char *)value.p, value.n);
        memcpy((char *)&out->row + field->offset, &text, sizeof text);
    }
    return true;
}

static bool read_dates(const struct gwa_field *fields, size_t n, struct staged *out)
{
    struct bytes from = trimmed(field_value(fields, n, "valid_from"));
    struct bytes until = trimmed(field_value(fields, n, "valid_until"));
    if (from.n > 0 && !date_parse(from, &out->row.valid_from))
        return bad(out, ERR_LIST_ROW_FIELD, "valid_from", "not a date YYYY-MM-DD");
    if (until.n > 0 && !date_parse(until, &out->row.valid_until))
        return bad(out, ERR_LIST_ROW_FIELD, "valid_until", "not a date YYYY-MM-DD");
    if (from.n > 0 && until.n > 0 && out->row.valid_until < out->row.valid_from)
        return bad(out, ERR_LIST_ROW_FIELD, "valid_until", "before valid_from");
    return true;
}

static bool read_code(const struct gwa_field *fields, size_t n, struct staged *out, bool *readable_out)
{
    struct ident_result result;
    ident_uscc(field_value(fields, n, "uscc"), &result);
    *readable_out = result.verdict != IDENT_INVALID;
    /* a code whose check character is wrong still names a place in the list, but no firm */
    if (result.verdict == IDENT_INVALID)
        return bad(out, result.cause, "uscc", err_info(result.cause)->en);
    memcpy(out->uscc, result.normal, USCC_SIZE - 1);
    out->row.doubtful = result.verdict == IDENT_DOUBTFUL;
    out->other_province = ident_has(&result, ERR_USCC_OTHER_PROVINCE);
    return true;
}

static bool read_region(struct staged *out)
{
    if (out->row.region_code[0] == '\0')
        return true;
    struct ident_result result;
    ident_region(bytes_str(out->row.region_code), &result);
    if (result.verdict == IDENT_INVALID)
        return bad(out, result.cause, "region_code", err_info(result.cause)->en);
    return true;
}

static bool read_status(const struct gwa_field *fields, size_t n, struct staged *out)
{
    struct bytes status = trimmed(field_value(fields, n, "status"));
    if (status.n == 0 || bytes_equal(status, BYTES_LIT("certified")))
        out->row.withdrawn = false;
    else if (bytes_equal(status, BYTES_LIT("withdrawn")))
        out->row.withdrawn = true;
    else
        return bad(out, ERR_LIST_ROW_FIELD, "status", "neither certified nor withdrawn");
    return true;
}

static bool required(struct staged *out)
{
    if (out->row.name[0] == '\0')
        return bad(out, ERR_LIST_ROW_FIELD, "name", "missing");
    if (out->row.withdrawn)
        return true;
    if (out->row.document_no[0] == '\0')
        return bad(out, ERR_LIST_ROW_FIELD, "document_no", "missing");
    if (out->row.valid_from == DATE_NONE)
        return bad(out, ERR_LIST_ROW_FIELD, "valid_from", "missing");
    return true;
}

bool row_read(struct arena *arena, const struct gwa_field *fields, size_t n, struct staged *out, bool *readable_out)
{
    CHECK(read_code(fields, n, out, readable_out));
    CHECK(read_texts(arena, fields, n, out));
    CHECK(read_dates(fields, n, out));
    CHECK(read_region(out));
    CHECK(read_status(fields, n, out));
    return required(out);
}

/* ---- staged bytes: kind, line, digest, dates, flags, then texts each ended by NUL, then the raw row ---- */

#define FLAG_WITHDRAWN 1u
#define FLAG_DOUBTFUL 2u
#define FLAG_OTHER_PROVINCE 4u
#define FLAG_AGAIN 8u
#define FIXED_SIZE (1 + 8 + 32 + 4 + 4 + 1 + 4 + 4)

void staged_encode(const struct staged *s, struct buf *out)
{
    uint8_t fixed[FIXED_SIZE] = {(uint8_t)s->kind};
    put_be64(fixed + 1, s->line);
    memcpy(fixed + 9, s->digest, 32);
    put_be32(fixed + 41, (uint32_t)s->row.valid_from);
    put_be32(fixed + 45, (uint32_t)s->row.valid_until);
    fixed[49] = (uint8_t)((s->row.withdrawn ? FLAG_WITHDRAWN : 0) | (s->row.doubtful ? FLAG_DOUBTFUL : 0) |
                          (s->other_province ? FLAG_OTHER_PROVINCE : 0) | (s->again ? FLAG_AGAIN : 0));
    put_be32(fixed + 50, s->rows);
    put_be32(fixed + 54, (uint32_t)s->code);
    buf_put(out, fixed, sizeof fixed);
    for (size_t i = 0; i < sizeof text_fields / sizeof text_fields[0]; i++) {
        const char *text;
        memcpy(&text, (const char *)&s->row + text_fields[i].offset, sizeof text);
        buf_put(out, text, strlen(text) + 1);
    }
    buf_put(out, s->field, strlen(s->field) + 1);
    buf_put(out, s->detail, strlen(s->detail) + 1);
    buf_put(out, s->raw.p, s->raw.n);
}

static bool take_text(struct bytes *in, const char **out)
{
    const uint8_t *end = in->n == 0 ? NULL : memchr(in->p, 0, in->n);
    if (end == NULL)
        return false;
    *out = (const char *)in->p;
    size_t used = (size_t)(end - in->p) + 1;
    in->p += used;
    in->n -= used;
    return true;
}

bool staged_decode(struct bytes in, const char *uscc, struct staged *out, struct err *err)
{
    if (in.n < FIXED_SIZE)
        return err_set(err, ERR_STORE_CORRUPT, "stage", "short");
    staged_init(out, (enum stage_kind)in.p[0], uscc, get_be64(in.p + 1));
    memcpy(out->digest, in.p + 9, 32);
    out->row.valid_from = (date_day)get_be32(in.p + 41);
    out->row.valid_until = (date_day)get_be32(in.p + 45);
    out->row.withdrawn = (in.p[49] & FLAG_WITHDRAWN) != 0;
    out->row.doubtful = (in.p[49] & FLAG_DOUBTFUL) != 0;
    out->other_province = (in.p[49] & FLAG_OTHER_PROVINCE) != 0;
    out->again = (in.p[49] & FLAG_AGAIN) != 0;
    out->rows = get_be32(in.p + 50);
    out->code = (enum err_code)get_be32(in.p + 54);
    struct bytes rest = bytes_of(in.p + FIXED_SIZE, in.n - FIXED_SIZE);
    bool ok = true;
    for (size_t i = 0; i < sizeof text_fields / sizeof text_fields[0] && ok; i++) {
        const char *text = "";
        ok = take_text(&rest, &text);
        memcpy((char *)&out->row + text_fields[i].offset, &text, sizeof text);
    }
    if (!ok || !take_text(&rest, &out->field) || !take_text(&rest, &out->detail) || out->code >= ERR_COUNT)
        return err_set(err, ERR_STORE_CORRUPT, "stage", "texts");
    out->raw = rest;
    return true;
}

/* ---- the local row of a (source, code) ---- */

static bool known_row_read(struct bytes value, struct known_row *out)
{
    if (value.n < 37 || value.p[value.n - 1] != 0)
        return false;
    memcpy(out->digest, value.p, 32);
    out->ordinal = get_be32(value.p + 32);
    out->missing = (const char *)value.p + 36;
    return true;
}

bool known_row_get(struct store_txn *txn, const char *source, const char *uscc, struct known_row *out)
{
    struct store_key key = key_pair(source, uscc);
    struct bytes value;
    return store_get(txn, TABLE_ROW, &key, &value) && known_row_read(value, out);
}

bool known_row_find(struct store_finder *finder, const char *source, const char *uscc, struct known_row *out)
{
    struct store_key key = key_pair(source, uscc);
    struct bytes value;
    return store_find(finder, &key, &value) && known_row_read(value, out);
}

void known_row_put(struct store_txn *txn, const char *source, const char *uscc, const struct known_row *row)
{
    struct store_key key = key_pair(source, uscc);
    uint8_t value[36 + RECORD_TEXT_MAX + 1];
    size_t n = strlen(row->missing);
    memcpy(value, row->digest, 32);
    put_be32(value + 32, row->ordinal);
    memcpy(value + 36, row->missing, n + 1);
    store_put(txn, TABLE_ROW, &key, bytes_of(value, 36 + n + 1));
}
