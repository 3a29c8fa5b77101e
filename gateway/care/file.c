/* Files and directories: copied with their digest, at a bounded pace, and made durable. */
#include "care/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NICE_LEAST 19
#define IOPRIO_WHO_THREAD 1
#define IOPRIO_IDLE (3 << 13)
#define NAP_MS 50                        /* a nap at most: then it looks whether to go on */
#define WRITE_BACK (8 << 20)             /* bytes after which the disk begins: a long tail would hold up other syncs */
#define DEPTH_MAX 8                      /* of directories removed */

void care_be_gentle(void)
{
    pid_t thread = (pid_t)syscall(SYS_gettid);

    /* when the system will not, the pace still bounds it */
    (void)setpriority(PRIO_PROCESS, (id_t)thread, NICE_LEAST);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_THREAD, thread, IOPRIO_IDLE);
}

/* ---- pace ---- */

bool pace_take(struct pace *pace, size_t n, struct err *err)
{
    if (pace->began_ms == 0)
        pace->began_ms = clock_mono_ms();
    pace->bytes += (int64_t)n;
    for (;;) {
        if (pace->cancelled != NULL && atomic_load(pace->cancelled))
            return err_set(err, ERR_CANCELLED, "care", "after %lld bytes", (long long)pace->bytes);
        int64_t due_ms = pace->rate <= 0 ? 0 : (int64_t)((double)pace->bytes * 1000 / (double)pace->rate);
        int64_t early_ms = due_ms - (clock_mono_ms() - pace->began_ms);
        if (early_ms <= 0)
            return true;
        const struct timespec nap = {.tv_nsec = (early_ms < NAP_MS ? early_ms : NAP_MS) * 1000000};
        (void)nanosleep(&nap, NULL);
    }
}

/* ---- writing ---- */

bool path_join(char out[CARE_PATH_MAX], const char *directory, const char *name, struct err *err)
{
    int n = snprintf(out, CARE_PATH_MAX, "%s/%s", directory, name);

    if (n < 0 || n >= CARE_PATH_MAX)
        return err_set(err, ERR_BACKUP_TARGET, name, "the path is too long");
    return true;
}

/* No room is a state of the machine, anything else of this file. */
static bool write_failed(const char *path, const char *what, struct err *err)
{
    return err_errno(err, errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_IO, path, what);
}

bool out_open(struct out_file *file, const char *path, struct pace *pace, struct err *err)
{
    *file = (struct out_file){.path = path, .pace = pace};
    file->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file->fd < 0)
        return write_failed(path, "create", err);
    file->hash = crypto_hash_new(CRYPTO_SHA256);
    return true;
}

bool out_write(struct out_file *file, struct bytes block, struct err *err)
{
    crypto_hash_add(file->hash, block);
    for (size_t done = 0; done < block.n;) {
        ssize_t n = write(file->fd, block.p + done, block.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return write_failed(file->path, "write", err);
        done += (size_t)n;
    }
    file->bytes += (int64_t)block.n;
    if (file->bytes - file->written_back >= WRITE_BACK) {
        (void)sync_file_range(file->fd, file->written_back, file->bytes - file->written_back, SYNC_FILE_RANGE_WRITE);
        file->written_back = file->bytes;
    }
    return pace_take(file->pace, block.n, err);
}

bool out_close(struct out_file *file, bool ok, char *hex_out, int64_t *bytes_out, struct err *err)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    if (file->fd < 0)
        return false;
    if (ok && fsync(file->fd) != 0)
        ok = write_failed(file->path, "fsync", err);
    /* a copy is not what the next questions need */
    (void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
    if (close(file->fd) != 0 && ok)
        ok = write_failed(file->path, "close", err);
    file->fd = -1;
    crypto_hash_end(file->hash, digest);
    crypto_hash_free(&file->hash);
    if (hex_out != NULL)
        hex_encode(digest, sizeof digest, hex_out);
    if (bytes_out != NULL)
        *bytes_out = file->bytes;
    return ok;
}

/* ---- reading ---- */

typedef bool take_block(void *arg, struct bytes block, struct err *err);

static bool read_blocks(int fd, const char *path, take_block *take, void *arg, struct err *err)
{
    uint8_t *block = xcalloc(1, CARE_BLOCK);
    ssize_t n;
    bool ok = true;

    while (ok && (n = read(fd, block, CARE_BLOCK)) != 0) {
        if (n < 0 && errno != EINTR)
            ok = err_errno(err, ERR_IO, path, "read");
        else if (n > 0)
            ok = take(arg, bytes_of(block, (size_t)n), err);
    }
    free(block);
    return ok;
}

static bool take_write(void *arg, struct bytes block, struct err *err)
{
    return out_write(arg, block, err);
}

bool file_copy(const char *from, const char *to, struct pace *pace, char hex_out[HEX_SIZE], int64_t *bytes_out,
               bool *missing_out, struct err *err)
{
    struct out_file file = {.fd = -1};
    int fd = open(from, O_RDONLY | O_CLOEXEC);

    if (missing_out != NULL)
        *missing_out = fd < 0 && errno == ENOENT;
    if (fd < 0)
        return (missing_out != NULL && *missing_out) || err_errno(err, ERR_IO, from, "open");
    bool ok = out_open(&file, to, pace, err) && read_blocks(fd, from, take_write, &file, err);
    ok = out_close(&file, ok, hex_out, bytes_out, err);
    close(fd);
    return ok;
}

struct digesting {
    struct crypto_hash *hash;
    int64_t bytes;
};

static bool take_digest(void *arg, struct bytes block, struct err *err)
{
    struct digesting *digesting = arg;

    (void)err;
    crypto_hash_add(digesting->hash, block);
    digesting->bytes += (int64_t)block.n;
    return true;
}

bool file_digest(const char *path, char hex_out[HEX_SIZE], int64_t *bytes_out, struct err *err)
{
    struct digesting digesting = {0};
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, ERR_IO, path, "open");
    digesting.hash = crypto_hash_new(CRYPTO_SHA256);
    bool ok = read_blocks(fd, path, take_digest, &digesting, err);
    crypto_hash_end(digesting.hash, digest);
    crypto_hash_free(&digesting.hash);
    close(fd);
    hex_encode(digest, sizeof digest, hex_out);
    *bytes_out = digesting.bytes;
    return ok;
}

/* By rename: there whole, or not at all. */
bool file_write_whole(const char *path, struct bytes text, struct err *err)
{
    struct pace pace = {0};
    struct out_file file = {.fd = -1};
    char temporary[CARE_PATH_MAX];

    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return err_set(err, ERR_BACKUP_TARGET, path, "the path is too long");
    bool ok = out_open(&file, temporary, &pace, err) && out_write(&file, text, err);
    CHECK(out_close(&file, ok, NULL, NULL, err));
    if (rename(temporary, path) != 0)
        return write_failed(path, "rename", err);
    return directory_sync_parent(path, err);
}

static bool take_bytes(void *arg, struct bytes block, struct err *err)
{
    struct buf *out = arg;

    buf_put(out, block.p, block.n);
    return !out->overflow || err_set(err, ERR_BACKUP_BROKEN, NULL, "over %zu bytes", out->max);
}

bool file_read_whole(struct arena *arena, const char *path, size_t max, struct bytes *out, struct err *err)
{
    struct buf text;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, ERR_IO, path, "open");
    buf_init(&text, max);
    bool ok = read_blocks(fd, path, take_bytes, &text, err);
    if (ok)
        *out = bytes_dup(arena, buf_bytes(&text));
    buf_free(&text);
    close(fd);
    return ok;
}

/* ---- directories ---- */

bool directory_make(const char *path, struct err *err)
{
    return mkdir(path, 0700) == 0 || write_failed(path, "mkdir", err);
}

bool directory_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        err_errno(err, ERR_IO, path, "fsync");
    if (fd >= 0)
        close(fd);
    return ok;
}

bool directory_sync_parent(const char *path, struct err *err)
{
    char parent[CARE_PATH_MAX];
    char *slash;

    snprintf(parent, sizeof parent, "%s", path);
    slash = strrchr(parent, '/');
    if (slash == NULL)
        return directory_sync(".", err);
    slash[slash == parent ? 1 : 0] = '\0';
    return directory_sync(parent, err);
}

static bool dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
}

static bool is_empty(const char *path, struct err *err)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    bool empty = true;

    if (dir == NULL)
        return err_errno(err, ERR_BACKUP_TARGET, path, "open");
    while (empty && (entry = readdir(dir)) != NULL)
        empty = dots(entry);
    closedir(dir);
    return empty || err_set(err, ERR_BACKUP_TARGET, path, "it is not empty");
}

bool directory_claim(const char *path, struct err *err)
{
    if (mkdir(path, 0700) == 0)
        return directory_sync_parent(path, err);
    if (errno != EEXIST)
        return err_errno(err, ERR_BACKUP_TARGET, path, "mkdir");
    return is_empty(path, err);
}

static bool remove_inside(int parent, const char *name, int depth)
{
    if (unlinkat(parent, name, 0) == 0)
        return true;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 || depth == 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool ok = dir != NULL;

    if (dir == NULL && fd >= 0)
        close(fd);
    while (ok && (entry = readdir(dir)) != NULL)
        ok = dots(entry) || remove_inside(fd, entry->d_name, depth - 1);
    if (dir != NULL)
        closedir(dir);
    return ok && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

bool directory_remove(const char *path, struct err *err)
{
    return remove_inside(AT_FDCWD, path, DEPTH_MAX) || err_errno(err, ERR_IO, path, "remove");
}
