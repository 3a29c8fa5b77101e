/* One row, read strictly: canonical names, one form of date, two words of status. Most rows are flat and are read in
 * one walk; jansson reads the others, and it alone refuses one. */
#include "bureau.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "adapters/common/flat.h"

static const char *const canonical[FIELD_COUNT] = {
    "uscc",  "name",        "region_code", "industry_code", "scale",  "ownership", "level",
    "batch", "document_no", "valid_from",  "valid_until",   "status", "reason",
};

/* What a row says in one field. */
struct told {
    struct gwa_bytes text;               /* n 0: absent */
    bool unfit;                          /* neither a text nor a whole number */
};

static struct gwa_bytes trimmed(const char *p, size_t n)
{
    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
        n--;
    for (; n > 0 && (*p == ' ' || *p == '\t'); p++)
        n--;
    return (struct gwa_bytes){(const uint8_t *)p, n};
}

/* ---- a flat row ------------------------------------------------------------------------------------------- */

static bool is_called(const struct scan_path *path, struct gwa_bytes name)
{
    return path->n == 1 && path->names[0].n == name.n && memcmp(path->names[0].p, name.p, name.n) == 0;
}

static struct told of_member(const struct flat_member *member)
{
    struct told told = {{NULL, 0}, member->kind == FLAT_BOOLEAN};

    if (member->kind == FLAT_TEXT || member->kind == FLAT_NUMBER)
        told.text = trimmed((const char *)member->value.p, member->value.n);
    return told;
}

/* False: the row is not flat. */
static bool read_flat(const struct bureau *bureau, struct gwa_bytes raw, struct told told[FIELD_COUNT])
{
    struct flat_member members[FLAT_MEMBERS_MAX];
    size_t n;

    if (!flat_read(raw, members, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t field = 0; field < FIELD_COUNT; field++)
            if (is_called(&bureau->fields[field], members[i].name))
                told[field] = of_member(&members[i]);
    return true;
}

/* ---- any row ---------------------------------------------------------------------------------------------- */

typedef char rooms[FIELD_COUNT][24];     /* for numbers */

static const json_t *find(const json_t *row, const struct scan_path *path)
{
    const json_t *at = row;

    for (size_t i = 0; i < path->n && at != NULL; i++)
        at = json_object_getn(at, (const char *)path->names[i].p, path->names[i].n);
    return json_is_null(at) ? NULL : at;
}

static struct told of_value(const json_t *value, char room[24])
{
    struct told told = {{NULL, 0}, value != NULL && !json_is_string(value) && !json_is_integer(value)};

    if (json_is_string(value))
        told.text = trimmed(json_string_value(value), json_string_length(value));
    if (json_is_integer(value))
        told.text = trimmed(room, (size_t)snprintf(room, 24, "%lld", (long long)json_integer_value(value)));
    return told;
}

static void read_any(const struct bureau *bureau, const json_t *row, rooms numbers, struct told told[FIELD_COUNT])
{
    for (size_t field = 0; field < FIELD_COUNT; field++)
        told[field] = of_value(find(row, &bureau->fields[field]), numbers[field]);
}

/* ---- values ----------------------------------------------------------------------------------------------- */

static struct gwa_bytes text_of(const char *s)
{
    return (struct gwa_bytes){(const uint8_t *)s, s == NULL ? 0 : strlen(s)};
}

static struct gwa_bytes map_status(const struct bureau *bureau, struct gwa_bytes word, const char **bad_out)
{
    if (word.n == 0) {
        *bad_out = bureau->absent == NULL ? "missing" : NULL;
        return text_of(bureau->absent);
    }
    if (text_is_one_of(word, bureau->certified))
        return text_of("certified");
    if (text_is_one_of(word, bureau->withdrawn))
        return text_of("withdrawn");
    *bad_out = "not a word that the source's settings know";
    return text_of(NULL);
}

static struct gwa_bytes map_day(struct gwa_bytes text, char out[DATE_SIZE], bool may_be_open, const char **bad_out)
{
    char plain[48];
    size_t n = text.n < sizeof(plain) ? text.n : sizeof(plain) - 1;
    enum date_kind got;

    if (n == 0)
        return text;
    memcpy(plain, text.p, n);
    plain[n] = '\0';
    got = date_read(plain, out);
    if (got == DATE_BAD || (got == DATE_OPEN && !may_be_open))
        *bad_out = "not a date";
    return text_of(got == DATE_GOOD ? out : NULL);
}

/* The value of one field; *bad_out says why there is none where there should be. */
static struct gwa_bytes map_field(const struct bureau *bureau, const struct told *told, enum bureau_field field,
                                  char dates[2][DATE_SIZE], const char **bad_out)
{
    *bad_out = told->unfit ? "neither a text nor a whole number" : NULL;
    if (*bad_out != NULL)
        return told->text;
    switch (field) {
    case FIELD_STATUS:
        return map_status(bureau, told->text, bad_out);
    case FIELD_FROM:
        return map_day(told->text, dates[0], false, bad_out);
    case FIELD_UNTIL:
        return map_day(told->text, dates[1], true, bad_out);
    case FIELD_USCC:
        *bad_out = told->text.n == 0 ? "missing" : NULL;
        return told->text;
    default:
        return told->text;
    }
}

static void hand_over(struct gwa_job *job, const struct told told[FIELD_COUNT])
{
    struct gwa_field fields[FIELD_COUNT];
    char dates[2][DATE_SIZE];
    size_t n = 0;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const char *bad;
        struct gwa_bytes value = map_field(job->instance, &told[i], (enum bureau_field)i, dates, &bad);

        if (bad != NULL) {
            job->host->row_bad(job, canonical[i], bad);
            return;
        }
        if (value.n > 0)
            fields[n++] = (struct gwa_field){canonical[i], value};
    }
    job->host->row_fields(job, fields, n);
}

void map_row(struct gwa_job *job, struct gwa_bytes raw)
{
    struct told told[FIELD_COUNT] = {0};
    rooms numbers;
    json_t *row;

    if (read_flat(job->instance, raw, told)) {
        hand_over(job, told);
        return;
    }
    row = json_loadb((const char *)raw.p, raw.n, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(row)) {
        read_any(job->instance, row, numbers, told);
        hand_over(job, told);
    } else {
        job->host->row_bad(job, "row", "not a JSON object in UTF-8 whose members differ");
    }
    json_decref(row);
}
