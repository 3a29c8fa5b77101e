/* filedrop: the list of certified firms as files in a directory. filedrop.c is the adapter's entry and says what its
 * columns are; map.c turns a row into canonical fields, place.c knows places by their names. Files and what is in them
 * are read by adapters/common/files. */
#ifndef FILEDROP_FILEDROP_H
#define FILEDROP_FILEDROP_H

#include "adapters/common/files/files.h"

/* What a column may mean: the canonical fields in the order of the interface, then what only helps. The code and the name
 * come first: by them the header is found. */
enum column {
    COLUMN_USCC, COLUMN_NAME, COLUMN_REGION, COLUMN_INDUSTRY, COLUMN_SCALE, COLUMN_OWNERSHIP, COLUMN_LEVEL,
    COLUMN_BATCH, COLUMN_DOCUMENT, COLUMN_FROM, COLUMN_UNTIL, COLUMN_STATUS, COLUMN_REASON, COLUMN_CITY, COLUMN_COUNT
};
#define COLUMN_FIELDS COLUMN_CITY        /* those before it are fields */
extern const char *const column_names[COLUMN_COUNT];

/* One source; read-only after open. */
struct filedrop {
    struct files files;
    const char *certified, *withdrawn;   /* further words, separated by commas; NULL none */
};

/* The row was announced and not known: hands over its fields, or says why not. */
bool map_row(struct gwa_job *job, const struct row *row);

struct place {
    const char *code, *name, *city;
    enum { PLACE_CURRENT, PLACE_STATISTICS, PLACE_ABOLISHED } state;
};
extern const struct place places[];      /* generated from gateway/ident/regions.def */
extern const size_t place_count;
/* The code of a place by its name, alone or behind its city's or the province's, or of a code as it stands. NULL:
 * *why_out says why. `out` holds what is not static. */
const char *place_code(struct gwa_bytes city, struct gwa_bytes name, char out[16], const char **why_out);

#endif
