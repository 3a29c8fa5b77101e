/* read: the lines of a segment file, also while it is being written. The file is read, never mapped: it may be
 * cut to its used length at any moment. */
#include "access/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE (128u << 10)

enum access_step access_scan(struct bytes block, size_t *pos, struct bytes *line_out)
{
    const uint8_t *p = block.n == 0 ? NULL : block.p + *pos;
    size_t left = block.n - *pos;
    size_t look = left < ACCESS_LINE_MAX ? left : ACCESS_LINE_MAX;
    const uint8_t *newline, *unused;

    if (left == 0)
        return ACCESS_MORE;
    newline = memchr(p, '\n', look);
    unused = memchr(p, '\0', newline == NULL ? look : (size_t)(newline - p));
    if (unused != NULL)
        return ACCESS_END;
    if (newline == NULL)
        return left >= ACCESS_LINE_MAX ? ACCESS_DAMAGED : ACCESS_MORE;
    *line_out = bytes_of(p, (size_t)(newline - p));
    *pos += line_out->n + 1;
    return ACCESS_LINE;
}

struct access_reader {
    int fd;
    char name[ACCESS_NAME_SIZE];
    uint64_t number;
    int64_t used;     /* file offset behind the last whole line */
    size_t pos, have; /* in block */
    uint8_t block[BLOCK_SIZE];
};

bool access_reader_open(const char *directory, const char *name, struct access_reader **out, struct err *err)
{
    char path[ACCESS_PATH_MAX];
    int fd;

    CHECK(access_path(directory, name, "", path, err));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, ERR_IO, name, "open");
    *out = xcalloc(1, sizeof(**out));
    (*out)->fd = fd;
    snprintf((*out)->name, sizeof((*out)->name), "%s", name);
    return true;
}

void access_reader_close(struct access_reader **reader)
{
    if (*reader == NULL)
        return;
    close((*reader)->fd);
    free(*reader);
    *reader = NULL;
}

/* Moves the unread rest to the front and reads on; *n_out 0 at the end of the file. */
static bool refill(struct access_reader *reader, size_t *n_out, struct err *err)
{
    ssize_t n;

    reader->have -= reader->pos;
    memmove(reader->block, reader->block + reader->pos, reader->have);
    reader->pos = 0;
    do
        n = pread(reader->fd, reader->block + reader->have, BLOCK_SIZE - reader->have,
                  reader->used + (int64_t)reader->have);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_errno(err, ERR_IO, reader->name, "read");
    reader->have += (size_t)n;
    *n_out = (size_t)n;
    return true;
}

static bool damaged(const struct access_reader *reader, struct err *err)
{
    char place[sizeof(err->place)];

    snprintf(place, sizeof(place), "%s:%llu", reader->name, (unsigned long long)reader->number + 1);
    return err_set(err, ERR_ACCESS_BROKEN, place, "longer than a line can be");
}

bool access_reader_next(struct access_reader *reader, enum access_step *step_out, struct bytes *line_out,
                        struct err *err)
{
    size_t added = 1;

    *step_out = access_scan(bytes_of(reader->block, reader->have), &reader->pos, line_out);
    while (*step_out == ACCESS_MORE && added > 0) {
        CHECK(refill(reader, &added, err));
        *step_out = access_scan(bytes_of(reader->block, reader->have), &reader->pos, line_out);
    }
    if (*step_out == ACCESS_DAMAGED)
        return damaged(reader, err);
    if (*step_out == ACCESS_MORE)
        *step_out = ACCESS_END;
    if (*step_out == ACCESS_LINE) {
        reader->number++;
        reader->used += (int64_t)line_out->n + 1;
    }
    return true;
}

uint64_t access_reader_number(const struct access_reader *reader)
{
    return reader->number;
}

int64_t access_reader_used(const struct access_reader *reader)
{
    return reader->used;
}
