/* Making a backup while the gateway works. What was reported of the access log is taken down before the store is read,
 * so that each digest file in the copy has its record in the copied journal; the segments are copied behind it. */
#include "care/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/access.h"

#define PIPE_SIZE (1 << 20)
#define MAP_LEAST (INT64_C(1) << 40)     /* a copy may be larger than this configuration's map */

/* ---- the store, at one moment, through a pipe ---- */

struct pouring {
    struct store *store;
    int fd;
    bool ok;
    struct err err;
};

static void *pour(void *arg)
{
    struct pouring *pouring = arg;

    pouring->ok = store_copy(pouring->store, pouring->fd, &pouring->err);
    close(pouring->fd);
    return NULL;
}

static bool catch_all(int fd, struct out_file *file, struct err *err)
{
    uint8_t *block = xcalloc(1, CARE_BLOCK);
    ssize_t n;
    bool ok = true;

    while (ok && (n = read(fd, block, CARE_BLOCK)) != 0) {
        if (n < 0 && errno != EINTR)
            ok = err_errno(err, ERR_IO, file->path, "read the copy");
        else if (n > 0)
            ok = out_write(file, bytes_of(block, (size_t)n), err);
    }
    free(block);
    return ok;
}

/* The pump below bounds the pace: the copying thread waits for room in the pipe. */
static bool pump(struct store *store, struct out_file *file, struct err *err)
{
    struct pouring pouring = {.store = store};
    pthread_t thread;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(err, ERR_IO, file->path, "pipe");
    (void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE);
    pouring.fd = ends[1];
    errno = pthread_create(&thread, NULL, pour, &pouring);
    if (errno != 0) {
        (void)err_errno(err, ERR_INTERNAL, file->path, "pthread_create");
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    bool ok = catch_all(ends[0], file, err);
    close(ends[0]); /* when the pump has failed, this ends the copy as well */
    pthread_join(thread, NULL);
    if (ok && !pouring.ok)
        *err = pouring.err;
    return ok && pouring.ok;
}

bool store_copy_to(struct store *store, const char *path, struct pace *pace, char hex_out[HEX_SIZE], int64_t *bytes_out,
                   struct err *err)
{
    struct out_file file = {.fd = -1};
    bool ok = out_open(&file, path, pace, err) && pump(store, &file, err);

    return out_close(&file, ok, hex_out, bytes_out, err);
}

bool copy_open(const char *directory, int64_t map_size, struct store **out, struct err *err)
{
    const struct store_options options = {
        .directory = directory,
        .map_size = map_size > MAP_LEAST ? map_size : MAP_LEAST,
        .readers = 8,
        .read_only = true,
        .alone = true,
        .older = true,
    };

    return store_open(&options, out, err);
}

/* ---- a backup under way ---- */

struct making {
    const struct care_backup *backup;
    const char *directory;
    struct manifest manifest;
    struct pace pace;
    const char **reported;               /* digest files that were there before the store was read */
    size_t reported_n, reported_room;
};

static bool add_copy(struct making *making, const char *from, const char *path, bool may_miss, struct err *err)
{
    char to[CARE_PATH_MAX], hex[HEX_SIZE];
    int64_t bytes = 0;
    bool missing = false;

    CHECK(path_join(to, making->directory, path, err));
    CHECK(file_copy(from, to, &making->pace, hex, &bytes, may_miss ? &missing : NULL, err));
    return missing || manifest_add(&making->manifest, path, bytes, hex, err);
}

static bool copy_store(struct making *making, struct err *err)
{
    char path[CARE_PATH_MAX], hex[HEX_SIZE];
    int64_t bytes = 0;

    CHECK(path_join(path, making->directory, CARE_STORE_FILE, err));
    CHECK(store_copy_to(making->backup->store, path, &making->pace, hex, &bytes, err));
    return manifest_add(&making->manifest, CARE_STORE_FILE, bytes, hex, err);
}

/* Size and root are those of the copy, not of a journal that has moved on. */
static bool read_copied_head(struct making *making, struct err *err)
{
    char path[CARE_PATH_MAX], root[CARE_ROOT_SIZE];
    struct journal_head head = {0};
    struct store *copy = NULL;

    CHECK(path_join(path, making->directory, "store", err));
    CHECK(copy_open(path, making->backup->config->data_map_size, &copy, err));
    struct store_txn *txn = store_read(copy, err);
    bool ok = txn != NULL && journal_head(making->backup->journal, txn, &head, err);
    store_read_end(&txn);
    making->manifest.format = store_format(copy);
    store_close(&copy);
    root_text(&head, root);
    making->manifest.root = arena_strdup(making->manifest.arena, root);
    making->manifest.size = head.size;
    return ok;
}

/* ---- the access log ---- */

static bool note_reported(void *arg, const char *name, bool is_digest, struct err *err)
{
    struct making *making = arg;

    (void)err;
    if (!is_digest)
        return true;
    if (making->reported_n == making->reported_room) {
        making->reported_room = making->reported_room == 0 ? 64 : 2 * making->reported_room;
        making->reported = xrealloc(making->reported, making->reported_room * sizeof *making->reported);
    }
    making->reported[making->reported_n++] = arena_strdup(making->manifest.arena, name);
    return true;
}

/* Both lists are in the order of the segments. */
static bool was_reported(const struct making *making, const char *name)
{
    size_t low = 0, high = making->reported_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(making->reported[middle], name);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool copy_access_file(void *arg, const char *name, bool is_digest, struct err *err)
{
    struct making *making = arg;
    char from[CARE_PATH_MAX], path[CARE_PATH_MAX];

    if (is_digest && !was_reported(making, name))
        return true;
    CHECK(path_join(from, making->backup->access_dir, name, err));
    CHECK(path_join(path, "access", name, err));
    return add_copy(making, from, path, true, err);
}

/* ---- the configuration ---- */

static bool copy_config(struct making *making, struct err *err)
{
    const struct config *config = making->backup->config;
    const char *const files[][2] = {
        {config->file, "config/pledged.yaml"},          {config->rules_file, "config/rules.yaml"},
        {config->partners_file, "config/partners.yaml"}, {config->sources_file, "config/sources.yaml"},
        {config->operators_file, "config/operators.yaml"},
    };

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        CHECK(add_copy(making, files[i][0], files[i][1], true, err));
    return true;
}

/* ---- all of it ---- */

static bool each_directory(const char *directory, bool (*act)(const char *path, struct err *err), struct err *err)
{
    static const char *const names[] = {"store", "access", "config"};
    char path[CARE_PATH_MAX];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK(path_join(path, directory, names[i], err));
        CHECK(act(path, err));
    }
    return true;
}

/* There is none before the first start. */
static bool each_access_file(struct making *making, access_file *each, struct err *err)
{
    const char *directory = making->backup->access_dir;

    return access(directory, F_OK) != 0 || access_files(directory, each, making, err);
}

static bool make(struct making *making, struct err *err)
{
    CHECK(each_directory(making->directory, directory_make, err));
    CHECK(each_access_file(making, note_reported, err));
    if (making->reported_n > 0)
        qsort(making->reported, making->reported_n, sizeof *making->reported, by_name);
    CHECK(copy_store(making, err));
    CHECK(read_copied_head(making, err));
    CHECK(each_access_file(making, copy_access_file, err));
    CHECK(copy_config(making, err));
    return each_directory(making->directory, directory_sync, err);
}

bool care_backup(const struct care_backup *backup, const char *directory, struct care_report *out, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct making making = {
        .backup = backup,
        .directory = directory,
        .manifest = {.arena = arena,
                     .gateway = backup->config->gateway_name,
                     .origin = backup->config->gateway_origin,
                     .created_ms = clock_wall_ms()},
        .pace = {.rate = backup->rate, .cancelled = backup->cancelled},
    };

    *out = (struct care_report){0};
    if (directory[0] != '/')
        return err_set(err, ERR_BACKUP_TARGET, directory, "not an absolute path");
    CHECK(directory_claim(directory, err));
    bool ok = make(&making, err) && manifest_write(&making.manifest, directory, out->manifest, err);
    free(making.reported);
    if (!ok)
        return false;
    manifest_report(&making.manifest, out);
    log_event(LOG_NOTICE, "care.backup", "files=%llu bytes=%llu size=%llu", (unsigned long long)out->files,
              (unsigned long long)out->bytes, (unsigned long long)out->size);
    return true;
}
