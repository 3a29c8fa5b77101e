/* files, private: one run, and what its parts know of each other. */
#ifndef COMMON_FILES_INTERNAL_H
#define COMMON_FILES_INTERNAL_H

#include "adapters/common/files/files.h"

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
bool pick(const struct files *files, struct gwa_bytes listing, struct gwa_bytes done, int64_t now_ms,
          struct entry *out);

/* ---- columns and rows ------------------------------------------------------------------------------------ */

struct table {
    bool found;                          /* the header was */
    bool from_1904;                      /* how the file counts days */
    unsigned looked;                     /* rows before it */
    uint16_t at[COLUMNS_MAX];            /* cell of a column, from 1; 0: there is none */
    char heads[COLUMNS_MAX][HEAD_SIZE];  /* what it is called */
};
enum table_answer { TABLE_GO, TABLE_STOP, TABLE_NO_HEADER };
/* -1: the name is of no column; else *rank_out is smaller for a better name. */
int column_of(const struct files *files, struct gwa_bytes name, unsigned *rank_out);
void head_copy(char out[HEAD_SIZE], struct gwa_bytes name);
bool table_find(const struct files *files, struct table *table, const struct cell *cells, size_t n);
/* The next row, `line` being its place in the file: title, header, blank or closing rows lead to nothing. */
enum table_answer table_take(struct gwa_job *job, struct table *table, uint64_t line, const struct cell *cells,
                             size_t n);
/* A row that cannot be told: announced and refused. False: stop. */
bool row_refuse(struct gwa_job *job, uint64_t line, struct gwa_bytes raw, const char *field, const char *why);

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
    void *own;                           /* the adapter's */
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
const struct files *files_of(const struct gwa_job *job);
bool run_page(struct gwa_job *job, struct gwa_bytes raw);            /* false: stop */

#endif
