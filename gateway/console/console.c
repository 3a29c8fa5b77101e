/* console: finding a file. There are half a dozen. */
#include "console/console.h"

#include <string.h>

#include "console/files.h"

const struct console_file *console_find(const char *name)
{
    for (const struct console_file *file = console_files; file->name; file++)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}
