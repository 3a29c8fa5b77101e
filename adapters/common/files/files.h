/* files: lists that are dropped into a directory as files, for adapters that fetch: which file comes next, its lines or
 * its workbook as rows, the header by which each column is known, and the result beside it. What the columns are called
 * and what a row becomes is the adapter's: a table of its own.
 *
 * files.c leads a run from the choice of a file to its end; pick.c chooses, lines.c reads bytes as lines, csv.c and
 * ndjson.c make rows of them, xlsx.c and its parts do the same for a workbook; table.c finds the header and what belongs
 * to which column; cell.c reads what is written in one; answer.c writes the result beside the file.
 *
 * An adapter's instance begins with a struct files, and job->state belongs to files while a file is read.
 */
#ifndef COMMON_FILES_H
#define COMMON_FILES_H

#include "adapters/adapter.h"
#include "adapters/common/date.h"
#include "adapters/common/scan.h"
#include "adapters/common/text.h"

#define ROW_MAX (64u << 10)              /* bytes of one row; a longer one is refused alone */
#define CELLS_MAX 256                    /* columns looked at; what stands further right is left out */
#define COLUMNS_MAX 32                   /* that an adapter may want */
#define HEAD_SIZE 64                     /* bytes kept of a column's name as it stands, and its NUL */
#define PATH_SIZE 2048
#define ORIGIN_SIZE (PATH_SIZE + 64)
#define LISTING_MAX (4u << 20)           /* bytes of a directory's listing */
#define DONE_NAME ".filedrop.done"

struct cell {
    struct gwa_bytes text;               /* UTF-8, trimmed, without control characters; n 0: blank */
    bool is_date;                        /* a number that the sheet shows as a date, already written YYYY-MM-DD */
    bool no_value;                       /* a formula that was saved without its value */
};

/* ---- what an adapter wants ------------------------------------------------------------------------------------ */

struct column_name {
    int column;
    const char *name;
};
struct row {
    uint64_t line;                       /* its place in the file */
    struct gwa_bytes raw;                /* as it is kept and compared */
    const struct cell *cells;            /* one a column of the adapter's */
    const char *const *heads;            /* what each column is called in the file; "" where there is none */
    bool from_1904;                      /* how the file counts days */
};
struct columns {
    const char *const *names;            /* of the columns, as in settings and results; the first two must be there, by
                                            them the header is found. The first is the row's code */
    int count;
    const struct column_name *known;     /* what a column may be called, in order of preference */
    size_t known_n;
    const char *no_header, *no_header_sheet;     /* reasons when none was found, the latter in a workbook */
    /* False: rows are announced to the host as they come, and only those that it does not know are taken. True: `take`
     * announces them itself, when it knows which belong together. */
    bool gathers;
    bool (*is_row)(const struct cell *cells);                /* surely, whatever words it begins with */
    bool (*take)(struct gwa_job *job, const struct row *row);     /* false: stop */
    enum gwa_verdict (*end)(struct gwa_job *job);            /* the file was read and stayed as it was; NULL: done */
};

/* One source; read-only after open. */
struct files {
    const struct columns *columns;
    const char *directory, *inbox;       /* directory NULL: only files that a person names are read */
    bool wants_flag;                     /* a file counts as whole when NAME.ok stands beside it */
    int64_t settle_ms;
    const char *names[COLUMNS_MAX];      /* further names of a column, separated by commas; NULL none */
};

/* For an adapter's table, beside `directory` and `fields`. */
/* clang-format off */
#define FILES_SETTINGS                                                                                                 \
    {"inbox_directory", GWA_TEXT, false, NULL, "a second folder, read only when a person names a file in it"},         \
    {"ready", GWA_TEXT, false, "stable",                                                                               \
     "when a file is whole: stable (unchanged for settle) or ok (NAME.ok beside it)"},                                 \
    {"settle", GWA_DURATION, false, "30s", "ready stable: since its last change"}
/* clang-format on */

/* Takes the settings; false: refused, with why. */
bool files_open(struct gwa_job *job, const struct columns *columns, struct files *out);
/* Steps. */
enum gwa_verdict files_fetch(struct gwa_job *job);
enum gwa_verdict answer_send(struct gwa_job *job);
enum gwa_verdict answer_resolve(struct gwa_job *job);
/* The adapter's own memory of the run, NULL at first. */
void **files_own(struct gwa_job *job);
/* Says why and answers the verdict. */
enum gwa_verdict run_fail(struct gwa_job *job, enum gwa_verdict verdict, const char *why);

/* ---- cells (cell.c) -------------------------------------------------------------------------------------------- */

/* A date as people and spreadsheets write it, as YYYY-MM-DD in out or in the cell. `ends`: words for no end give an empty
 * one, and of a span the end counts. *bad_out says why there is none where there should be. */
struct gwa_bytes cell_date(const struct cell *cell, bool ends, bool from_1904, char out[DATE_SIZE], const char **bad_out);
/* Why the cell is none of text; NULL: it is one, or a date where dates are allowed. */
const char *cell_unfit(const struct cell *cell, bool date_allowed);
/* The text without white space and control characters at its ends, from full-width spaces to byte order marks. Control
 * characters inside become spaces, in place. */
struct gwa_bytes cell_trim(uint8_t *p, size_t n);

#endif
