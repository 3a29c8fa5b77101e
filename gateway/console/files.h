/* files: what console.cmake writes into files.c of the build folder. */
#ifndef CONSOLE_FILES_H
#define CONSOLE_FILES_H

#include "console/console.h"

extern const struct console_file console_files[]; /* an entry without a name ends it */

#endif
