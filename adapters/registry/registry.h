/* registry: registrations of pledges from the agency that keeps their register, as files in a directory or pulled page by
 * page. registry.c is the adapter's entry and says what the columns of a file are; line.c reads one line, gather.c makes
 * registrations of the lines that belong together, amount.c reads money; pull.c asks for pages and takes their rows;
 * body.c writes what is handed over. Files and what is in them are read by adapters/common/files. */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include <jansson.h>

#include "adapters/common/files/files.h"

#define NUMBER_MAX 128                   /* bytes of a registration number; no register's is as long */
#define URL_MAX 2048

/* What a column may mean. The registration's number and event come first: by them the header is found. */
enum column {
    COLUMN_REGISTRATION, COLUMN_EVENT, COLUMN_DATE, COLUMN_KIND, COLUMN_PLEDGOR, COLUMN_PLEDGOR_CODE, COLUMN_PLEDGEE,
    COLUMN_PLEDGEE_CODE, COLUMN_AMOUNT, COLUMN_DEBT_FROM, COLUMN_DEBT_UNTIL, COLUMN_VALID_UNTIL, COLUMN_NUMBER,
    COLUMN_PATENT, COLUMN_TRADEMARK, COLUMN_CLASS, COLUMN_TITLE, COLUMN_COUNT
};
extern const char *const column_names[COLUMN_COUNT];

enum event {
    EVENT_FILED, EVENT_CORRECTION, EVENT_ACCEPTED, EVENT_REGISTERED, EVENT_CHANGED, EVENT_CANCELLED, EVENT_REFUSED,
    EVENT_WITHDRAWN, EVENT_COUNT
};
extern const char *const event_names[EVENT_COUNT];

/* One source; read-only after open. */
struct registry {
    struct files files;
    const char *url;                     /* NULL: files only */
    int64_t page_size, timeout_ms;
    const char *success;                 /* codes of a page that is one */
    const char *words[EVENT_COUNT];      /* further words of the event column, separated by commas; NULL none */
};

/* ---- a line (line.c) -------------------------------------------------------------------------------------------- */

/* What every line of a registration must say alike, where it says it. */
enum scalar { SCALAR_KIND, SCALAR_PLEDGEE, SCALAR_PLEDGEE_CODE, SCALAR_AMOUNT, SCALAR_DEBT_FROM, SCALAR_DEBT_UNTIL,
              SCALAR_VALID_UNTIL, SCALAR_COUNT };
extern const enum column scalar_columns[SCALAR_COUNT];

/* Texts are those of the row, of constants or of rooms; n 0: left blank. */
struct line {
    struct gwa_bytes registration, event, date;
    struct gwa_bytes scalars[SCALAR_COUNT];
    struct gwa_bytes pledgor, pledgor_code;
    struct gwa_bytes number, class, title;
    char rooms[4][DATE_SIZE], amount[24];
};
/* False: *bad_out and *why_out say which column is at fault and why; what was read before it is there. */
bool line_read(const struct registry *registry, const struct row *row, struct line *out, enum column *bad_out,
               const char **why_out);
/* Yuan, 万元, 亿元 or fen, told by the text itself or else by the column's name, to fen in decimal. NULL, or why not. */
const char *amount_read(struct gwa_bytes text, const char *head, char out[24]);

/* ---- registrations (gather.c) ------------------------------------------------------------------------------------- */

struct party {
    struct party *next;
    struct gwa_bytes code, name;
};
struct right {
    struct right *next;
    struct gwa_bytes number, class, title;
};
struct registration {
    struct registration *next;           /* of the same number; in `order` of the file */
    struct registration *order;
    uint64_t line;                       /* of its first line */
    struct gwa_bytes number, event, date;
    struct gwa_bytes scalars[SCALAR_COUNT];
    struct party *pledgors, **pledgor_end;
    struct right *rights, **right_end;
    uint64_t bad_line;                   /* the line that spoils it; 0: none does */
    enum column bad;
    const char *why;
};
/* struct columns: takes a row; hands over what was gathered, when the file has ended. */
bool gather_take(struct gwa_job *job, const struct row *row);
enum gwa_verdict gather_end(struct gwa_job *job);

/* ---- what is handed over (body.c) ------------------------------------------------------------------------------- */

/* Announces the row with the body as its bytes and hands it over; a body of more than 64 KiB is refused. The body is the
 * caller's. False: stop. */
bool body_give(struct gwa_job *job, uint64_t line, struct gwa_bytes number, json_t *body);
/* NULL: no memory. */
json_t *body_of_registration(const struct registration *registration);

/* ---- pages (pull.c) ------------------------------------------------------------------------------------------------ */

enum gwa_verdict pull_fetch(struct gwa_job *job);

#endif
