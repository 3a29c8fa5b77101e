/* One row to canonical fields: one form of date, codes of places, two words of status. */
#include "filedrop.h"

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

/* The value of one field; *bad_out says why there is none where there should be. */
static struct gwa_bytes map_field(const struct filedrop *filedrop, const struct cell *values, enum column column,
                                  bool from_1904, struct scratch *scratch, const char **bad_out)
{
    const struct cell *cell = &values[column];

    *bad_out = cell_unfit(cell, column == COLUMN_FROM || column == COLUMN_UNTIL);
    if (*bad_out != NULL)
        return bytes_of(NULL);
    if (column == COLUMN_STATUS)
        return map_status(filedrop, cell->text, bad_out);
    if (column == COLUMN_REGION)
        return map_place(values, scratch, bad_out);
    if (cell->text.n == 0)
        return bytes_of(NULL);
    if (column == COLUMN_FROM || column == COLUMN_UNTIL)
        return cell_date(cell, column == COLUMN_UNTIL, from_1904, scratch->dates[column == COLUMN_UNTIL], bad_out);
    return cell->text;
}

bool map_row(struct gwa_job *job, const struct row *row)
{
    struct gwa_field fields[COLUMN_FIELDS];
    struct scratch scratch;
    size_t n = 0;

    for (int i = 0; i < COLUMN_FIELDS; i++) {
        const char *bad = NULL;
        struct gwa_bytes value = map_field(job->instance, row->cells, (enum column)i, row->from_1904, &scratch, &bad);

        if (bad != NULL) {
            job->host->row_bad(job, column_names[i], bad);
            return true;
        }
        if (value.n > 0)
            fields[n++] = (struct gwa_field){column_names[i], value};
    }
    job->host->row_fields(job, fields, n);
    return true;
}
