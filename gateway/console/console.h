/* console: the operators' pages, built from console/web and kept in the program (console.cmake): nothing is read from
 * disk while the gateway runs. What a page shows it asks from the api. Any thread. */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "base/base.h"

struct console_file {
    const char *name, *media_type, *tag; /* tag: hexadecimal digits of the digest of the bytes */
    struct bytes plain, gzip;
};
/* NULL when there is none of that name; a build without the console has none at all. */
const struct console_file *console_find(const char *name);

#endif
