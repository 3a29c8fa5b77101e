/* One row to canonical fields: one form of date, codes of places, two words of status. */
#include "filedrop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for what is not the row's own text. */
struct scratch {
    char dates[2][DATE_SIZE];
    char place[16];
};

static struct gwa_bytes bytes_of(const char *s)
{
    return (struct gwa_bytes){(const uint8_t *)s, s == NULL ? 0 : strlen(s)};
}

/* ---- dates -------------------------------------------------------------------------------------------------- */

/* A spreadsheet's day number as text, with or without a time of day behind the point. */
static bool read_serial(const char *text, bool from_1904, char out[DATE_SIZE])
{
    size_t n = strspn(text, "0123456789");
    bool whole = text[n] == '\0' || (text[n] == '.' && strspn(text + n + 1, "0123456789") == strlen(text + n + 1));

    return n == 5 && whole && date_of_serial(strtoll(text, NULL, 10), from_1904, out);
}

/* Of 自…至2027年2月28日 and 2026.3.1至2027.2.28 the end counts. */
static const char *behind_until(const char *text)
{
    const char *until = strstr(text, "至");

    return until == NULL || until[strlen("至")] == '\0' ? text : until + strlen("至");
}

static struct gwa_bytes map_date(const struct cell *cell, bool ends, bool from_1904, char out[DATE_SIZE],
                                 const char **bad_out)
{
    char room[64];
    const char *text = room;
    enum date_kind kind;

    if (cell->is_date)
        return cell->text;
    (void)snprintf(room, sizeof(room), "%.*s", (int)(cell->text.n < 63 ? cell->text.n : 63),
                   (const char *)cell->text.p);
    if (ends)
        text = behind_until(text);
    text += strspn(text, " ");
    kind = date_read(text, out);
    if (kind == DATE_BAD && read_serial(text, from_1904, out))
        kind = DATE_GOOD;
    if (kind == DATE_BAD || (kind == DATE_OPEN && !ends))
        *bad_out = "not a date";
    return kind == DATE_GOOD ? bytes_of(out) : bytes_of(NULL);
}

/* ---- status ------------------------------------------------------------------------------------------------- */

static struct gwa_bytes map_status(const struct filedrop *filedrop, struct gwa_bytes word, const char **bad_out)
{
    static const char certified[] = "certified,有效,正常,在册,在库,认定,已认定,通过,存续,合格";
    static const char withdrawn[] = "withdrawn,撤销,已撤销,取消,已取消,失效,已失效,无效,注销,已注销,退出,已退出";

    if (word.n == 0)
        return bytes_of("certified");
    if (filedrop->withdrawn != NULL && text_is_one_of(word, filedrop->withdrawn))
        return bytes_of("withdrawn");
    if (filedrop->certified != NULL && text_is_one_of(word, filedrop->certified))
        return bytes_of("certified");
    if (text_is_one_of(word, certified))
        return bytes_of("certified");
    if (text_is_one_of(word, withdrawn))
        return bytes_of("withdrawn");
    *bad_out = "not a word that means certified or withdrawn";
    return bytes_of(NULL);
}

/* ---- the row ------------------------------------------------------------------------------------------------ */

static struct gwa_bytes map_place(const struct cell *values, struct scratch *scratch, const char **bad_out)
{
    const char *code;

    if (values[COLUMN_REGION].text.n == 0 && values[COLUMN_CITY].text.n == 0)
        return bytes_of(NULL);
    code = place_code(values[COLUMN_CITY].text, values[COLUMN_REGION].text, scratch->place, bad_out);
    return bytes_of(code);
}

static const char *unfit(enum column column, const struct cell *cell)
{
    if (cell->no_value)
        return "a formula that was saved without its value";
    if (cell->is_date && column != COLUMN_FROM && column != COLUMN_UNTIL)
        return "the spreadsheet turned it into a date";
    return NULL;
}

/* The value of one field; *bad_out says why there is none where there should be. */
static struct gwa_bytes map_field(const struct filedrop *filedrop, const struct cell *values, enum column column,
                                  bool from_1904, struct scratch *scratch, const char **bad_out)
{
    const struct cell *cell = &values[column];

    *bad_out = unfit(column, cell);
    if (*bad_out != NULL)
        return bytes_of(NULL);
    if (column == COLUMN_STATUS)
        return map_status(filedrop, cell->text, bad_out);
    if (column == COLUMN_REGION)
        return map_place(values, scratch, bad_out);
    if (cell->text.n == 0)
        return bytes_of(NULL);
    if (column == COLUMN_FROM || column == COLUMN_UNTIL)
        return map_date(cell, column == COLUMN_UNTIL, from_1904, scratch->dates[column == COLUMN_UNTIL], bad_out);
    return cell->text;
}

void map_row(struct gwa_job *job, const struct cell values[COLUMN_COUNT], bool from_1904)
{
    struct gwa_field fields[COLUMN_FIELDS];
    struct scratch scratch;
    size_t n = 0;

    for (int i = 0; i < COLUMN_FIELDS; i++) {
        const char *bad = NULL;
        struct gwa_bytes value = map_field(job->instance, values, (enum column)i, from_1904, &scratch, &bad);

        if (bad != NULL) {
            job->host->row_bad(job, column_names[i], bad);
            return;
        }
        if (value.n > 0)
            fields[n++] = (struct gwa_field){column_names[i], value};
    }
    job->host->row_fields(job, fields, n);
}
