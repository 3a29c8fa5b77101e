/* What a row of the filedrop adapter is handed over as. */
#ifndef FUZZ_FILEDROP_HOST_H
#define FUZZ_FILEDROP_HOST_H

#include "filedrop.h"

#define LINES_ASCEND true
#include "file_host.h"

static void fields_fit(const struct gwa_field *fields, size_t n)
{
    bool status = false;

    need(n <= COLUMN_FIELDS);
    for (size_t i = 0; i < n; i++) {
        need(fields[i].value.n > 0 && fields[i].value.p[0] > ' ');
        status = status || strcmp(fields[i].name, "status") == 0;
        if (strncmp(fields[i].name, "valid_", 6) == 0)
            need(fields[i].value.n == 10 && fields[i].value.p[4] == '-' && fields[i].value.p[7] == '-');
    }
    need(status);
}

#endif
