/* Making the store smaller: a copy without free pages, compared entry by entry, takes the old file's place by rename.
 * The old file keeps a name of its own until the next start has opened the new one. */
#include "care/internal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct paths {
    char store[CARE_PATH_MAX];           /* the directory */
    char file[CARE_PATH_MAX], old[CARE_PATH_MAX], lock[CARE_PATH_MAX];
    char beside[CARE_PATH_MAX], beside_file[CARE_PATH_MAX];
};

static bool name_paths(const struct config *config, struct paths *paths, struct err *err)
{
    CHECK(path_join(paths->store, config->data_dir, "store", err));
    CHECK(path_join(paths->file, paths->store, STORE_FILE, err));
    CHECK(path_join(paths->old, paths->store, STORE_OLD_FILE, err));
    CHECK(path_join(paths->lock, paths->store, STORE_LOCK_FILE, err));
    CHECK(path_join(paths->beside, config->data_dir, "compacting", err));
    return path_join(paths->beside_file, paths->beside, STORE_FILE, err);
}

static bool compare(struct store *a, struct store *b, uint64_t *entries_out, struct err *err)
{
    struct store_txn *x = store_read(a, err), *y = x == NULL ? NULL : store_read(b, err);
    bool ok = y != NULL;

    for (int t = 0; ok && t < TABLE_COUNT; t++)
        ok = store_same(x, y, (enum store_table)t, entries_out, err);
    store_read_end(&y);
    store_read_end(&x);
    return ok;
}

static bool copy_and_compare(const struct config *config, struct store *store, const struct paths *paths,
                             struct care_report *out, struct err *err)
{
    struct pace pace = {0};
    struct store *copy = NULL;
    char hex[HEX_SIZE];
    int64_t bytes = 0;

    if (access(paths->beside, F_OK) == 0)
        CHECK(directory_remove(paths->beside, err)); /* of one that was killed */
    CHECK(directory_make(paths->beside, err));
    CHECK(store_copy_to(store, paths->beside_file, &pace, hex, &bytes, err));
    CHECK(copy_open(paths->beside, config->data_map_size, &copy, err));
    bool ok = compare(store, copy, &out->entries, err);
    store_close(&copy);
    out->bytes = (uint64_t)bytes;
    out->files = 1;
    return ok;
}

/* The reader table belongs to the old file: a new one is made when it is missing. */
static bool swap(const struct paths *paths, const struct stat *owner, struct err *err)
{
    if (geteuid() == 0 && chown(paths->beside_file, owner->st_uid, owner->st_gid) != 0)
        return err_errno(err, ERR_IO, paths->beside_file, "chown");
    if (link(paths->file, paths->old) != 0)
        return err_errno(err, ERR_IO, paths->old, "link");
    if (unlink(paths->lock) != 0 && errno != ENOENT)
        return err_errno(err, ERR_IO, paths->lock, "unlink");
    if (rename(paths->beside_file, paths->file) != 0)
        return err_errno(err, ERR_IO, paths->file, "rename");
    CHECK(directory_sync(paths->store, err));
    return directory_remove(paths->beside, err);
}

static bool open_store(const struct config *config, const struct paths *paths, struct store **out, struct err *err)
{
    /* opening would make what is not there */
    const struct store_options options = {
        .directory = paths->store, .map_size = config->data_map_size, .readers = 8, .exclusive = true};

    if (access(paths->file, F_OK) != 0)
        return err_errno(err, ERR_STORE_OPEN, paths->file, "open");
    return store_open(&options, out, err);
}

bool care_compact(const struct config *config, uint64_t *bytes_before_out, struct care_report *out, struct err *err)
{
    struct store *store = NULL;
    struct paths paths;
    struct stat info;

    *out = (struct care_report){.format = STORE_FORMAT};
    CHECK(name_paths(config, &paths, err));
    CHECK(open_store(config, &paths, &store, err));
    bool ok = stat(paths.file, &info) == 0 || err_errno(err, ERR_IO, paths.file, "stat");
    *bytes_before_out = ok ? (uint64_t)info.st_size : 0;
    /* swapped under the lock, which ends with the store */
    ok = ok && copy_and_compare(config, store, &paths, out, err) && swap(&paths, &info, err);
    store_close(&store);
    if (ok)
        snprintf(out->kept, sizeof out->kept, "%s", paths.old);
    return ok;
}
