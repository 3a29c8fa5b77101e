/* GWA_FILE_*: below the directories of the instance and nowhere else. Each step of a path is opened from the one
 * before, never through a symbolic link, so that no name leads out. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/internal.h"

#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static void fail(struct host_answer *answer, enum gwa_io_state state, const char *what)
{
    char text[128];

    answer->state = state;
    (void)snprintf(answer->why, sizeof(answer->why), "%s: %s", what, strerror_r(errno, text, sizeof(text)));
}

/* ---- paths ---------------------------------------------------------------------------------------------- */

static const char *below(const struct host_instance *instance, const char *target, const char **directory_out)
{
    for (size_t i = 0; i < instance->directory_n; i++) {
        size_t n = strlen(instance->directories[i]);

        if (strncmp(target, instance->directories[i], n) != 0 || (target[n] != '/' && target[n] != '\0'))
            continue;
        *directory_out = instance->directories[i];
        return target[n] == '/' ? target + n + 1 : target + n;
    }
    return NULL;
}

static bool take_name(const char **rest, char name[NAME_MAX + 1])
{
    size_t n = strcspn(*rest, "/");

    if (n == 0 || n > NAME_MAX)
        return false;
    memcpy(name, *rest, n);
    name[n] = '\0';
    *rest += n;
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

bool host_may_read(const struct host_instance *instance, const char *path)
{
    const char *directory = NULL, *rest = below(instance, path, &directory);
    char name[NAME_MAX + 1];

    while (rest != NULL && take_name(&rest, name)) {
        if (*rest == '\0')
            return true;
        rest++;
    }
    return false;
}

static int enter(int at, const char *name)
{
    int fd = openat(at, name, FOLDER);
    int kept = errno;

    (void)close(at);
    errno = kept;
    return fd;
}

/* Opens the folder that holds target and leaves the last name; name[0] is NUL when target is a directory itself. */
static int open_parent(const struct host_instance *instance, const char *target, char name[NAME_MAX + 1])
{
    const char *directory = NULL;
    const char *rest = below(instance, target, &directory);
    int fd;

    name[0] = '\0';
    errno = EACCES;
    if (rest == NULL)
        return -1;
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && *rest != '\0') {
        if (!take_name(&rest, name)) {
            (void)close(fd);
            errno = EACCES;
            return -1;
        }
        if (*rest == '\0')
            break;
        rest++;
        fd = enter(fd, name);
    }
    return fd;
}

/* ---- read ----------------------------------------------------------------------------------------------- */

/* The one file that a fetch was given may lie anywhere; below a directory of the adapter it is opened as any other. */
static int open_for_read(struct host_job *job)
{
    char name[NAME_MAX + 1];
    int parent, fd, kept;

    if (job->file != NULL && strcmp(job->file, job->ask.target) == 0 && !host_may_read(job->instance, job->file))
        return open(job->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    parent = open_parent(job->instance, job->ask.target, name);
    if (parent < 0)
        return -1;
    fd = openat(parent, name[0] == '\0' ? "." : name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    kept = errno;
    (void)close(parent);
    errno = kept;
    return fd;
}

static void read_from(int fd, const struct host_ask *ask, struct host_answer *answer)
{
    struct stat st;
    size_t room;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        errno = EINVAL;
        fail(answer, GWA_IO_FAILED, "not a file");
        return;
    }
    room = ask->offset >= (uint64_t)st.st_size ? 0 : (size_t)st.st_size - (size_t)ask->offset;
    room = room > ask->limit ? (size_t)ask->limit : room;
    answer->body = xcalloc(1, room + 1);
    while (answer->body_n < room) {
        ssize_t got =
            pread(fd, answer->body + answer->body_n, room - answer->body_n, (off_t)(ask->offset + answer->body_n));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            fail(answer, GWA_IO_FAILED, "read");
            return;
        }
        if (got == 0)
            break;
        answer->body_n += (size_t)got;
    }
    answer->state = GWA_IO_OK;
    answer->end = answer->body_n < room || ask->offset + answer->body_n >= (uint64_t)st.st_size;
}

static void run_read(struct host_job *job, struct host_answer *answer)
{
    int fd = open_for_read(job);

    if (fd < 0) {
        fail(answer, GWA_IO_FAILED, "open");
        return;
    }
    read_from(fd, &job->ask, answer);
    (void)close(fd);
}

/* ---- list ----------------------------------------------------------------------------------------------- */

struct entry {
    char *name;
    int64_t size, mtime_ms;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static bool take_entry(int at, const char *name, struct entry *entry)
{
    struct stat st;

    if (strpbrk(name, "\t\r\n") != NULL || fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return false;
    entry->name = xstrdup(name);
    entry->size = st.st_size;
    entry->mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return true;
}

static void list_from(DIR *dir, struct host_answer *answer, uint64_t limit)
{
    struct entry *entries = xcalloc(HOST_FILES_MAX, sizeof(*entries));
    const struct dirent *found;
    struct buf out;
    size_t n = 0;

    while (n < HOST_FILES_MAX && (found = readdir(dir)) != NULL)
        n += take_entry(dirfd(dir), found->d_name, &entries[n]);
    qsort(entries, n, sizeof(*entries), by_name);
    buf_init(&out, (size_t)limit);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&out, "%s\t%lld\t%lld\n", entries[i].name, (long long)entries[i].size,
                   (long long)entries[i].mtime_ms);
        free(entries[i].name);
    }
    free(entries);
    answer->state = out.overflow ? GWA_IO_FAILED : GWA_IO_OK;
    (void)snprintf(answer->why, sizeof(answer->why), "%s", out.overflow ? "the list is larger than the limit" : "");
    /* an empty text has no memory of its own */
    answer->body = out.n == 0 ? NULL : out.p;
    answer->body_n = out.n;
    answer->end = true;
}

static int open_folder(const struct host_instance *instance, const char *target)
{
    char name[NAME_MAX + 1];
    int fd = open_parent(instance, target, name);

    return fd < 0 || name[0] == '\0' ? fd : enter(fd, name);
}

static void run_list(struct host_job *job, struct host_answer *answer)
{
    int fd = open_folder(job->instance, job->ask.target);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        fail(answer, GWA_IO_FAILED, "open");
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    list_from(dir, answer, job->ask.limit);
    (void)closedir(dir);
}

/* ---- write and rename ------------------------------------------------------------------------------------- */

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, p, n);

        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0) {
            p += put;
            n -= (size_t)put;
        }
    }
    return fsync(fd) == 0;
}

static bool write_new(int parent, const char *name, const struct host_ask *ask)
{
    int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    bool ok;

    if (fd < 0)
        return false;
    ok = write_all(fd, ask->body, ask->body_n);
    return close(fd) == 0 && ok;
}

/* A file is seen whole or not at all. Once renamed it may be there, whatever fails behind that. */
static void write_into(int parent, const char *name, struct host_job *job, struct host_answer *answer)
{
    char fresh[64];

    (void)snprintf(fresh, sizeof(fresh), ".new-%ld-%p", (long)getpid(), (void *)job);
    (void)unlinkat(parent, fresh, 0);
    if (!write_new(parent, fresh, &job->ask) || renameat(parent, fresh, parent, name) != 0) {
        fail(answer, GWA_IO_FAILED, "write");
        (void)unlinkat(parent, fresh, 0);
    } else if (fsync(parent) != 0) {
        fail(answer, GWA_IO_UNSURE, "write");
    } else {
        answer->state = GWA_IO_OK;
    }
}

static void run_write(struct host_job *job, struct host_answer *answer)
{
    char name[NAME_MAX + 1];
    int parent = open_parent(job->instance, job->ask.target, name);

    if (parent >= 0 && name[0] == '\0') {
        (void)close(parent);
        parent = -1;
        errno = EISDIR;
    }
    if (parent < 0) {
        fail(answer, GWA_IO_FAILED, "open");
        return;
    }
    write_into(parent, name, job, answer);
    (void)close(parent);
}

void host_file_run(struct host_job *job, struct host_answer *answer)
{
    switch (job->ask.kind) {
    case GWA_FILE_LIST:
        run_list(job, answer);
        break;
    case GWA_FILE_READ:
        run_read(job, answer);
        break;
    case GWA_FILE_WRITE:
        run_write(job, answer);
        break;
    default:
        (void)snprintf(answer->why, sizeof(answer->why), "not a kind of io that this host knows");
        break;
    }
}
