/* filedrop: the list of certified firms as files in a directory. filedrop.c holds the settings and leads a run from
 * the choice of a file to its end; pick.c chooses, lines.c reads bytes as lines, csv.c and ndjson.c make rows of them,
 * xlsx.c and its parts do the same for a workbook; table.c finds the header and what belongs to which column, map.c
 * turns a row into canonical fields, place.c knows places by their names; answer.c writes the result beside it. */
#ifndef FILEDROP_FILEDROP_H
#define FILEDROP_FILEDROP_H

#include "adapters/adapter.h"
#include "adapters/common/date.h"
#include "adapters/common/scan.h"
#include "adapters/common/text.h"

#define ROW_MAX (64u << 10)              /* bytes of one row; a longer one is refused alone */
#define CELLS_MAX 256                    /* columns looked at; what stands further right is left out */
#define PATH_SIZE 2048
#define ORIGIN_SIZE (PATH_SIZE + 64)
#define LISTING_MAX (4u << 20)           /* bytes of a directory's listing */
#define DONE_NAME ".filedrop.done"

/* What a column may mean: the canonical fields in the order of the interface, then what only helps. */
enum column {
    COLUMN_USCC, COLUMN_NAME, COLUMN_REGION, COLUMN_INDUSTRY, COLUMN_SCALE, COLUMN_OWNERSHIP, COLUMN_LEVEL,
    COLUMN_BATCH, COLUMN_DOCUMENT, COLUMN_FROM, COLUMN_UNTIL, COLUMN_STATUS, COLUMN_REASON, COLUMN_CITY, COLUMN_COUNT
};
#define COLUMN_FIELDS COLUMN_CITY        /* those before it are fields */
extern const char *const column_names[COLUMN_COUNT];
struct column_name {
    enum column column;
    const char *name;
};
extern const struct column_name column_known[];      /* columns.def, in its order */
extern const size_t column_known_count;

struct cell {
    struct gwa_bytes text;               /* UTF-8, trimmed, without control characters; n 0: blank */
    bool is_date;                        /* a number that the sheet shows as a date, already written YYYY-MM-DD */
    bool no_value;                       /* a formula that was saved without its value */
};

/* One source; read-only after open. */
struct filedrop {
    const char *directory, *inbox;
    bool wants_flag;                     /* a file counts as whole when NAME.ok stands beside it */
    int64_t settle_ms;
    const char *certified, *withdrawn;   /* further words, separated by commas; NULL none */
    const char *names[COLUMN_COUNT];     /* further names of a column, likewise */
};

enum format { FORMAT_NONE, FORMAT_XLSX, FORMAT_CSV, FORMAT_NDJSON, FORMAT_OLD_XLS };

/* A file as its directory lists it. */
struct entry {
    struct gwa_bytes name;
    int64_t bytes, mtime_ms;
};
/* Walks a listing; *at begins at 0. False at its end. */
bool entry_next(struct gwa_bytes listing, size_t *at, struct entry *out);
bool entry_find(struct gwa_bytes listing, struct gwa_bytes name, struct entry *out);
/* Whether the line of this very file, size and time stands in the list of those done. */
bool entry_is_done(struct gwa_bytes done, const struct entry *entry);
enum format pick_format(struct gwa_bytes name, size_t *stem_out);    /* of the name without compression's ending */
/* The oldest file that is whole and was not read before. */
bool pick(const struct filedrop *filedrop, struct gwa_bytes listing, struct gwa_bytes done, int64_t now_ms,
          struct entry *out);

/* ---- columns and rows ------------------------------------------------------------------------------------ */

struct table {
    bool found;                          /* the header was */
    bool from_1904;                      /* how the file counts days */
    unsigned looked;                     /* rows before it */
    uint16_t at[COLUMN_COUNT];           /* cell of a column, from 1; 0: there is none */
};
enum table_answer { TABLE_GO, TABLE_STOP, TABLE_NO_HEADER };
/* -1: the name is of no column; else *rank_out is smaller for a better name. */
int column_of(const struct filedrop *filedrop, struct gwa_bytes name, unsigned *rank_out);
/* The text without white space and control characters at its ends, from full-width spaces to byte order marks. Control
 * characters inside become spaces, in place. */
struct gwa_bytes cell_trim(uint8_t *p, size_t n);
bool table_find(const struct filedrop *filedrop, struct table *table, const struct cell *cells, size_t n);
/* The next row, `line` being its place in the file: title, header, blank or closing rows lead to nothing. */
enum table_answer table_take(struct gwa_job *job, struct table *table, uint64_t line, const struct cell *cells,
                             size_t n);
/* A row that cannot be told: announced and refused. False: stop. */
bool row_refuse(struct gwa_job *job, uint64_t line, struct gwa_bytes raw, const char *field, const char *why);

/* The announced row was not known: hands over its fields, or says why not. */
void map_row(struct gwa_job *job, const struct cell values[COLUMN_COUNT], bool from_1904);

struct place {
    const char *code, *name, *city;
    enum { PLACE_CURRENT, PLACE_STATISTICS, PLACE_ABOLISHED } state;
};
extern const struct place places[];      /* generated from gateway/ident/regions.def */
extern const size_t place_count;
/* The code of a place by its name, alone or behind its city's or the province's, or of a code as it stands. NULL:
 * *why_out says why. `out` holds what is not static. */
const char *place_code(struct gwa_bytes city, struct gwa_bytes name, char out[16], const char **why_out);

/* ---- bytes and lines --------------------------------------------------------------------------------------- */

struct lines;
enum line_answer { LINE_GO, LINE_STOP, LINE_REFUSE /* `why` was told */, LINE_ENOUGH /* the pass may end here */ };
/* A line without its break. too_long: only its first 64 KiB. */
typedef enum line_answer line_fn(struct gwa_job *job, struct gwa_bytes line, uint64_t number, bool too_long);

/* One run. */
struct run {
    enum { PHASE_START, PHASE_LIST, PHASE_DONE_LIST, PHASE_PROBE, PHASE_ROWS, PHASE_CHECK } phase;
    bool given;                          /* the file was named, not chosen */
    enum format format;
    char folder[PATH_SIZE], path[PATH_SIZE], origin[ORIGIN_SIZE];
    struct gwa_bytes listing;            /* copied */
    struct gwa_bytes name;               /* of the file, in path */
    int64_t bytes, mtime_ms;
    uint64_t pages;
    struct table table;
    struct lines *lines;
    struct csv *csv;
    struct xlsx *xlsx;
    size_t code_name;                    /* NDJSON: which known name the code of the last row had */
};

/* Begins at the file's first byte; `tells` says whether pages are announced. False: no memory. */
bool lines_begin(struct gwa_job *job, bool tells);
void lines_ask(struct gwa_job *job);
/* Takes what lines_ask brought, line by line. GWA_WAIT: ask again. GWA_DONE: the file's end, or LINE_ENOUGH. */
enum gwa_verdict lines_take(struct gwa_job *job, line_fn *take);

/* One pass finds out the encoding, the next one reads. */
enum gwa_verdict csv_probe(struct gwa_job *job);
enum gwa_verdict csv_take(struct gwa_job *job);
enum gwa_verdict ndjson_take(struct gwa_job *job);

#define XLSX_BYTES_MAX (12u << 20)
void xlsx_ask(struct gwa_job *job);
enum gwa_verdict xlsx_take(struct gwa_job *job);

/* ---- the run ------------------------------------------------------------------------------------------------- */

struct run *run_of(struct gwa_job *job);
bool run_page(struct gwa_job *job, struct gwa_bytes raw);            /* false: stop */
enum gwa_verdict run_fail(struct gwa_job *job, enum gwa_verdict verdict, const char *why);

enum gwa_verdict answer_send(struct gwa_job *job);
enum gwa_verdict answer_resolve(struct gwa_job *job);

#endif
