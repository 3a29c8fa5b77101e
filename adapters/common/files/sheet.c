/* A sheet's rows, some thousand a step: cells by their references, shared and inline strings, numbers that are shown
 * as dates, the values that formulas were saved with. */
#include "adapters/common/files/xlsx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_ROWS 8000u                  /* looked at in one step */
#define SHEET_ROWS_MAX 1048576u          /* what a spreadsheet can hold */
#define CELL_TEXT_MAX (32u << 10)

enum cell_kind { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_OTHER };

struct sheet {
    struct gwa_job *job;
    struct package *package;
    const struct strings *strings;
    const struct styles *styles;
    struct xlsx *xlsx;
    struct table *table;
    enum { SHEET_MORE, SHEET_END, SHEET_PAUSE, SHEET_STOP, SHEET_REFUSED } state;
    const char *why;
    char parent[64];                     /* full name of the element around sheetData */
    unsigned depth;
    bool in_data, in_row, in_value, has_formula, has_value;
    unsigned rows;                       /* of this step */
    size_t column;                       /* of the cell, from 0 */
    size_t style;
    enum cell_kind kind;
    char text[CELL_TEXT_MAX];            /* of the cell */
    size_t text_n;
    bool too_long;
    uint8_t room[ROW_MAX];               /* texts of the row */
    size_t room_n;
    struct cell cells[CELLS_MAX];
    size_t cell_n;
};

static bool refuse(struct sheet *sheet, const char *why)
{
    sheet->state = SHEET_REFUSED;
    sheet->why = why;
    return false;
}

/* ---- cells ------------------------------------------------------------------------------------------------------ */

/* "AB12" is column 27; -1 when it is no reference. */
static long column_in(const char *reference)
{
    long column = 0;
    const char *p = reference;

    for (; *p >= 'A' && *p <= 'Z' && column < 1000000; p++)
        column = column * 26 + (*p - 'A' + 1);
    return p == reference || *p < '0' || *p > '9' ? -1 : column - 1;
}

static enum cell_kind kind_of(const char *type)
{
    if (type[0] == '\0' || strcmp(type, "n") == 0)
        return CELL_NUMBER;
    if (strcmp(type, "s") == 0)
        return CELL_SHARED;
    return strcmp(type, "e") == 0 || strcmp(type, "b") == 0 ? CELL_OTHER : CELL_TEXT;
}

static bool open_cell(struct sheet *sheet, int n, const uint8_t *const *attributes)
{
    char reference[16], type[16], style[16];
    long column;

    attribute(n, attributes, "r", reference, sizeof(reference));
    attribute(n, attributes, "t", type, sizeof(type));
    attribute(n, attributes, "s", style, sizeof(style));
    column = reference[0] == '\0' ? (long)sheet->column + 1 : column_in(reference);
    if (column < 0)
        return refuse(sheet, "list.file: a cell of the workbook has no place");
    sheet->column = (size_t)column;
    sheet->style = strtoul(style, NULL, 10);
    sheet->kind = kind_of(type);
    sheet->text_n = 0;
    sheet->has_formula = sheet->has_value = false;
    return true;
}

static struct gwa_bytes keep(struct sheet *sheet, struct gwa_bytes text)
{
    uint8_t *to = sheet->room + sheet->room_n;

    if (text.n > sizeof(sheet->room) - sheet->room_n) {
        sheet->too_long = true;
        return (struct gwa_bytes){NULL, 0};
    }
    if (text.n > 0)
        memcpy(to, text.p, text.n);
    sheet->room_n += text.n;
    return cell_trim(to, text.n);
}

static bool shared(struct sheet *sheet, struct gwa_bytes *out)
{
    char *end;
    unsigned long i = strtoul(sheet->text, &end, 10);

    return sheet->text_n > 0 && *end == '\0' && strings_at(sheet->strings, i, out);
}

/* A number that its format shows as a date. Times of day alone stay numbers. */
static bool as_date(const struct sheet *sheet, char out[DATE_SIZE])
{
    char *end;
    double value = strtod(sheet->text, &end);

    return sheet->kind == CELL_NUMBER && styles_is_date(sheet->styles, sheet->style) && sheet->text_n > 0 &&
           *end == '\0' && value >= 0 && value < 3000000 &&
           date_of_serial((int64_t)value, sheet->table->from_1904, out);
}

static bool close_cell(struct sheet *sheet)
{
    struct gwa_bytes text = {(const uint8_t *)sheet->text, sheet->text_n};
    char date[DATE_SIZE];
    struct cell *cell;

    sheet->text[sheet->text_n] = '\0';
    if (sheet->column >= CELLS_MAX || (sheet->text_n == 0 && !sheet->has_formula))
        return true;
    while (sheet->cell_n <= sheet->column)
        sheet->cells[sheet->cell_n++] = (struct cell){.is_date = false};
    cell = &sheet->cells[sheet->column];
    if (sheet->kind == CELL_SHARED && !shared(sheet, &text))
        return refuse(sheet, "list.file: a cell of the workbook names a text that is not there");
    /* a number that is empty is none; an empty text may well be what a formula came to */
    cell->no_value =
        sheet->has_formula && (!sheet->has_value || (sheet->kind == CELL_NUMBER && sheet->text_n == 0));
    cell->is_date = as_date(sheet, date);
    cell->text = keep(sheet, cell->is_date ? (struct gwa_bytes){(const uint8_t *)date, DATE_SIZE - 1} : text);
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static bool open_row(struct sheet *sheet, int n, const uint8_t *const *attributes)
{
    char number[16];
    uint64_t row = sheet->xlsx->row + 1;

    attribute(n, attributes, "r", number, sizeof(number));
    if (number[0] != '\0')
        row = strtoull(number, NULL, 10);
    if (row <= sheet->xlsx->row || row > SHEET_ROWS_MAX)
        return refuse(sheet, "list.file: the rows of the workbook are out of order");
    sheet->xlsx->row = row;
    sheet->in_row = true;
    sheet->too_long = false;
    sheet->room_n = sheet->cell_n = 0;
    sheet->column = (size_t)-1;
    return true;
}

static bool take_row(struct sheet *sheet)
{
    if (!sheet->too_long) {
        enum table_answer answer =
            table_take(sheet->job, sheet->table, sheet->xlsx->row, sheet->cells, sheet->cell_n);

        if (answer == TABLE_NO_HEADER)
            return refuse(sheet, files_of(sheet->job)->columns->no_header_sheet);
        return answer == TABLE_GO;
    }
    if (!sheet->table->found)
        return true;
    return row_refuse(sheet->job, sheet->xlsx->row, (struct gwa_bytes){sheet->room, sheet->room_n}, "row", "too long");
}

/* Where the next step goes on, once this one has done its share. */
static bool may_go_on(struct sheet *sheet)
{
    if (++sheet->rows < STEP_ROWS)
        return true;
    sheet->xlsx->resume.offset = package_offset(sheet->package);
    sheet->state = SHEET_PAUSE;
    return false;
}

static bool close_row(struct sheet *sheet)
{
    sheet->in_row = false;
    if (!take_row(sheet)) {
        if (sheet->state != SHEET_REFUSED)
            sheet->state = SHEET_STOP;
        return false;
    }
    return may_go_on(sheet);
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

static void open_data(struct sheet *sheet)
{
    struct resume *resume = &sheet->xlsx->resume;

    sheet->in_data = true;
    memcpy(resume->open[0], sheet->parent, sizeof(resume->open[0]));
    (void)snprintf(resume->open[1], sizeof(resume->open[1]), "%s", package_full_name(sheet->package));
}

static bool sheet_open(void *arg, const char *name, int n, const uint8_t *const *attributes)
{
    struct sheet *sheet = arg;

    if (sheet->depth++ == 0)
        (void)snprintf(sheet->parent, sizeof(sheet->parent), "%s", package_full_name(sheet->package));
    if (!sheet->in_data) {
        if (sheet->depth == 2 && strcmp(name, "sheetData") == 0)
            open_data(sheet);
        return true;
    }
    if (strcmp(name, "row") == 0)
        return sheet->in_row ? refuse(sheet, "list.file: the workbook's XML is damaged")
                             : open_row(sheet, n, attributes);
    if (!sheet->in_row)
        return true;
    if (strcmp(name, "c") == 0)
        return open_cell(sheet, n, attributes);
    sheet->has_formula = sheet->has_formula || strcmp(name, "f") == 0;
    sheet->in_value = strcmp(name, "v") == 0 || strcmp(name, "t") == 0;
    sheet->has_value = sheet->has_value || sheet->in_value;
    return true;
}

static void sheet_text(void *arg, const uint8_t *p, size_t n)
{
    struct sheet *sheet = arg;

    if (!sheet->in_value)
        return;
    if (n >= sizeof(sheet->text) - sheet->text_n) {
        sheet->too_long = true;
        return;
    }
    memcpy(sheet->text + sheet->text_n, p, n);
    sheet->text_n += n;
}

static bool sheet_close(void *arg, const char *name)
{
    struct sheet *sheet = arg;

    sheet->depth--;
    sheet->in_value = false;
    if (!sheet->in_data)
        return true;
    if (sheet->in_row && strcmp(name, "c") == 0)
        return close_cell(sheet);
    if (sheet->in_row && strcmp(name, "row") == 0)
        return close_row(sheet);
    if (strcmp(name, "sheetData") != 0)
        return true;
    sheet->state = SHEET_END;
    return false;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static enum gwa_verdict verdict_of(struct sheet *sheet)
{
    switch (sheet->state) {
    case SHEET_PAUSE:
        return GWA_WAIT;
    case SHEET_STOP:
        return run_fail(sheet->job, GWA_RETRY, "the run was stopped");
    case SHEET_REFUSED:
        return run_fail(sheet->job, GWA_REJECTED, sheet->why);
    default:
        break;
    }
    if (!sheet->table->found)
        return run_fail(sheet->job, GWA_REJECTED, files_of(sheet->job)->columns->no_header_sheet);
    return GWA_DONE;
}

enum gwa_verdict sheet_read(struct gwa_job *job, struct package *package, const struct workbook *workbook,
                            const struct strings *strings, const struct styles *styles)
{
    struct run *run = run_of(job);
    struct sheet *sheet = calloc(1, sizeof(*sheet));
    const struct resume resume = run->xlsx->resume;
    enum gwa_verdict verdict;
    struct events events = {sheet_open, sheet_close, sheet_text, sheet};
    const char *why = NULL;

    if (sheet == NULL)
        return run_fail(job, GWA_RETRY, "no memory");
    *sheet = (struct sheet){.job = job, .package = package, .strings = strings, .styles = styles, .xlsx = run->xlsx,
                            .table = &run->table};
    if (package_read(package, workbook->sheet, false, &events, &resume, &why))
        verdict = verdict_of(sheet);
    else
        verdict = run_fail(job, GWA_REJECTED, why);
    free(sheet);
    return verdict;
}
