/* One row, read strictly: canonical names, one form of date, two words of status. */
#include "bureau.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const canonical[FIELD_COUNT] = {
    "uscc",  "name",        "region_code", "industry_code", "scale",  "ownership", "level",
    "batch", "document_no", "valid_from",  "valid_until",   "status", "reason",
};

/* ---- values --------------------------------------------------------------------------------------------- */

static const json_t *find(const json_t *row, const struct scan_path *path)
{
    const json_t *at = row;

    for (size_t i = 0; i < path->n && at != NULL; i++)
        at = json_object_getn(at, (const char *)path->names[i].p, path->names[i].n);
    return json_is_null(at) ? NULL : at;
}

/* Room for what is not the row's own text. */
struct scratch {
    char numbers[FIELD_COUNT][24];
    char dates[2][11];
};

/* NULL with *bad_out NULL: absent. */
static const char *text_of(const json_t *value, char room[24], const char **bad_out)
{
    const char *s;

    if (value == NULL)
        return NULL;
    if (json_is_integer(value)) {
        (void)snprintf(room, 24, "%lld", (long long)json_integer_value(value));
        return room;
    }
    s = json_string_value(value);
    if (s == NULL)
        *bad_out = "neither a text nor a whole number";
    else
        s += strspn(s, " \t");
    return s == NULL || *s == '\0' ? NULL : s;
}

static size_t trimmed(const char *s)
{
    size_t n = strlen(s);

    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    return n;
}

static const char *map_status(const struct bureau *bureau, const char *word, const char **bad_out)
{
    struct gwa_bytes value = {(const uint8_t *)word, word == NULL ? 0 : trimmed(word)};

    if (word == NULL) {
        *bad_out = bureau->absent == NULL ? "missing" : NULL;
        return bureau->absent;
    }
    if (text_is_one_of(value, bureau->certified))
        return "certified";
    if (text_is_one_of(value, bureau->withdrawn))
        return "withdrawn";
    *bad_out = "not a word that the source's settings know";
    return NULL;
}

static const char *map_day(const char *text, char out[11], bool may_be_open, const char **bad_out)
{
    char plain[48];
    enum date_kind got;

    if (text == NULL)
        return NULL;
    (void)snprintf(plain, sizeof(plain), "%.*s", (int)(trimmed(text) < 47 ? trimmed(text) : 47), text);
    got = date_read(plain, out);
    if (got == DATE_BAD || (got == DATE_OPEN && !may_be_open))
        *bad_out = "not a date";
    return got == DATE_GOOD ? out : NULL;
}

/* The value of one field; *bad_out says why there is none where there should be. */
static const char *map_field(const struct bureau *bureau, const json_t *row, enum bureau_field field,
                             struct scratch *scratch, const char **bad_out)
{
    const char *text = text_of(find(row, &bureau->fields[field]), scratch->numbers[field], bad_out);

    if (*bad_out != NULL)
        return NULL;
    switch (field) {
    case FIELD_STATUS:
        return map_status(bureau, text, bad_out);
    case FIELD_FROM:
        return map_day(text, scratch->dates[0], false, bad_out);
    case FIELD_UNTIL:
        return map_day(text, scratch->dates[1], true, bad_out);
    case FIELD_USCC:
        *bad_out = text == NULL ? "missing" : NULL;
        return text;
    default:
        return text;
    }
}

static void hand_over(struct gwa_job *job, const json_t *row)
{
    struct gwa_field fields[FIELD_COUNT];
    struct scratch scratch;
    size_t n = 0;

    for (int i = 0; i < FIELD_COUNT; i++) {
        const char *bad = NULL;
        const char *value = map_field(job->instance, row, (enum bureau_field)i, &scratch, &bad);

        if (bad != NULL) {
            job->host->row_bad(job, canonical[i], bad);
            return;
        }
        if (value != NULL)
            fields[n++] = (struct gwa_field){canonical[i], {(const uint8_t *)value, trimmed(value)}};
    }
    job->host->row_fields(job, fields, n);
}

void map_row(struct gwa_job *job, struct gwa_bytes raw)
{
    json_t *row = json_loadb((const char *)raw.p, raw.n, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(row))
        job->host->row_bad(job, "row", "not a JSON object in UTF-8 whose members differ");
    else
        hand_over(job, row);
    json_decref(row);
}
