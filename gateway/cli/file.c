/* Files named on the command line. */
#include <string.h>

#include "cli/internal.h"

bool cli_read_file(struct cli *cli, const char *path, size_t max, struct bytes *out, struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rbe");
    uint8_t part[16384];
    struct buf all;
    if (!file)
        return err_errno(err, ERR_IO, path, "open");
    buf_init(&all, max);
    for (size_t n; !all.overflow && (n = fread(part, 1, sizeof part, file)) > 0;)
        buf_put(&all, part, n);
    bool ok = !ferror(file) || err_errno(err, ERR_IO, path, "read");
    if (!standard)
        fclose(file);
    if (ok && all.overflow)
        ok = err_set(err, ERR_MESSAGE_TOO_LARGE, path, "at most %zu bytes are read", max);
    if (ok)
        *out = bytes_dup(cli->arena, buf_bytes(&all));
    buf_free(&all);
    return ok;
}
