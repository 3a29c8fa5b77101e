/* Putting a backup in the place of the data directory. The new directory is made beside it and changes places with the
 * old one in a single step of the file system, so that at every moment there is one whole data directory:
 *
 *   <data>.restoring            being made: holds `unfinished` until all of it is on the disk
 *   <data>  <->  <data>.restoring
 *   <data>.restoring            the old one now; gets its name <data>.before-restore-<time>
 */
#include "care/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define UNFINISHED "unfinished"

struct restoring {
    const char *data, *backup;
    char staging[CARE_PATH_MAX], kept[CARE_PATH_MAX], mark[CARE_PATH_MAX];
    bool had_data;
    struct stat owner;                   /* of the old directory: the service's own user */
    const struct manifest *manifest;
};

#define NAMES_MAX 100                    /* restores within one second */

/* What was there is kept under a name that is free: a second restore may come in the same second. */
static bool name_kept(struct restoring *r, struct err *err)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm utc;
    char stamp[20];

    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    for (int n = 1; n <= NAMES_MAX; n++) {
        char more[16] = "";
        if (n > 1)
            snprintf(more, sizeof more, "-%d", n);
        if (snprintf(r->kept, sizeof r->kept, "%s.before-restore-%s%s", r->data, stamp, more) >= (int)sizeof r->kept)
            return err_set(err, ERR_BACKUP_TARGET, r->data, "the path is too long");
        if (access(r->kept, F_OK) != 0)
            return true;
    }
    return err_set(err, ERR_BACKUP_TARGET, r->kept, "it is there already");
}

static bool name_paths(struct restoring *r, struct err *err)
{
    if (snprintf(r->staging, sizeof r->staging, "%s.restoring", r->data) >= (int)sizeof r->staging)
        return err_set(err, ERR_BACKUP_TARGET, r->data, "the path is too long");
    CHECK(name_kept(r, err));
    return path_join(r->mark, r->staging, UNFINISHED, err);
}

/* A restore that was killed: what it had not finished goes; what may be an old data directory is kept under a name. */
static bool clear_staging(struct restoring *r, struct err *err)
{
    char aside[CARE_PATH_MAX];

    if (access(r->staging, F_OK) != 0)
        return true;
    if (access(r->mark, F_OK) == 0)
        return directory_remove(r->staging, err);
    if (snprintf(aside, sizeof aside, "%s-left", r->kept) >= (int)sizeof aside)
        return err_set(err, ERR_BACKUP_TARGET, r->data, "the path is too long");
    log_event(LOG_NOTICE, "care.left", "kept=%s", aside);
    return rename(r->staging, aside) == 0 || err_errno(err, ERR_BACKUP_TARGET, r->staging, "rename");
}

/* ---- making the new directory ---- */

static bool give(const struct restoring *r, const char *path, struct err *err)
{
    if (!r->had_data || geteuid() != 0 || chown(path, r->owner.st_uid, r->owner.st_gid) == 0)
        return true;
    return err_errno(err, ERR_IO, path, "chown");
}

static bool make_inside(const struct restoring *r, const char *name, struct err *err)
{
    char path[CARE_PATH_MAX];

    CHECK(path_join(path, r->staging, name, err));
    CHECK(directory_make(path, err));
    return give(r, path, err);
}

static bool restore_file(const struct restoring *r, const struct kept_file *file, struct err *err)
{
    char from[CARE_PATH_MAX], to[CARE_PATH_MAX], hex[HEX_SIZE];
    struct pace pace = {0};
    int64_t bytes = 0;

    if (strncmp(file->path, "store/", 6) != 0 && strncmp(file->path, "access/", 7) != 0)
        return true; /* configuration is a person's, not ours to put back */
    CHECK(path_join(from, r->backup, file->path, err));
    CHECK(path_join(to, r->staging, file->path, err));
    CHECK(file_copy(from, to, &pace, hex, &bytes, NULL, err));
    if (strcmp(hex, file->sha256) != 0)
        return err_set(err, ERR_BACKUP_BROKEN, file->path, "it changed while it was copied");
    return give(r, to, err);
}

static bool sync_inside(const struct restoring *r, const char *name, struct err *err)
{
    char path[CARE_PATH_MAX];

    CHECK(path_join(path, r->staging, name, err));
    return directory_sync(path, err);
}

/* What the next start writes into the journal. */
static bool note_restored(const struct restoring *r, const char *manifest_hex, struct err *err)
{
    char path[CARE_PATH_MAX], text[256], created[TIME_TEXT_SIZE];
    const struct store_options options = {.map_size = INT64_C(1) << 40, .directory = path, .readers = 8, .older = true};
    const struct store_key key = key_text(CARE_META_RESTORED);
    struct store *store = NULL;

    CHECK(path_join(path, r->staging, "store", err));
    CHECK(store_open(&options, &store, err));
    struct store_txn *txn = store_write(store, err);
    snprintf(text, sizeof text, "%s backup of %s, %llu records", manifest_hex,
             time_format(r->manifest->created_ms, created), (unsigned long long)r->manifest->size);
    if (txn != NULL)
        store_put(txn, TABLE_META, &key, bytes_str(text));
    bool ok = txn != NULL && store_commit(&txn, err);
    store_close(&store);
    CHECK(ok);
    CHECK(path_join(path, r->staging, "store/" STORE_LOCK_FILE, err));
    (void)unlink(path); /* the service's user makes its own */
    return true;
}

static bool stage(const struct restoring *r, const char *manifest_hex, struct err *err)
{
    CHECK(directory_make(r->staging, err));
    CHECK(give(r, r->staging, err));
    CHECK(file_write_whole(r->mark, BYTES_LIT("a restore is under way, or was cut off\n"), err));
    CHECK(make_inside(r, "store", err));
    CHECK(make_inside(r, "access", err));
    for (size_t i = 0; i < r->manifest->n; i++)
        CHECK(restore_file(r, &r->manifest->files[i], err));
    CHECK(note_restored(r, manifest_hex, err));
    CHECK(sync_inside(r, "store", err));
    CHECK(sync_inside(r, "access", err));
    if (unlink(r->mark) != 0)
        return err_errno(err, ERR_IO, r->mark, "unlink");
    CHECK(directory_sync(r->staging, err));
    return directory_sync_parent(r->staging, err);
}

/* ---- changing places ---- */

static bool change_places(const struct restoring *r, struct err *err)
{
    if (!r->had_data) {
        if (rename(r->staging, r->data) != 0)
            return err_errno(err, ERR_BACKUP_TARGET, r->data, "rename");
        return directory_sync_parent(r->data, err);
    }
    if (renameat2(AT_FDCWD, r->staging, AT_FDCWD, r->data, RENAME_EXCHANGE) != 0)
        return err_errno(err, ERR_BACKUP_TARGET, r->data, "exchange with the restored directory");
    CHECK(directory_sync_parent(r->data, err));
    if (rename(r->staging, r->kept) != 0)
        return err_errno(err, ERR_BACKUP_TARGET, r->kept, "rename");
    return directory_sync_parent(r->kept, err);
}

/* The lock of the present store is held to the end, whatever the directory is called by then. */
static bool lock_present(struct restoring *r, int *fd_out, struct err *err)
{
    char store[CARE_PATH_MAX];

    *fd_out = -1;
    r->had_data = stat(r->data, &r->owner) == 0;
    CHECK(path_join(store, r->data, "store", err));
    return access(store, F_OK) != 0 || store_lock(store, fd_out, err);
}

static bool restore(struct restoring *r, journal_progress *progress, void *arg, struct care_report *out,
                    struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct manifest manifest;
    char hex[HEX_SIZE];

    CHECK(care_verify(r->backup, progress, arg, out, err));
    CHECK(manifest_read(arena, r->backup, &manifest, hex, err));
    r->manifest = &manifest;
    CHECK(name_paths(r, err));
    CHECK(clear_staging(r, err));
    CHECK(stage(r, hex, err));
    CHECK(change_places(r, err));
    if (r->had_data)
        snprintf(out->kept, sizeof out->kept, "%s", r->kept);
    return true;
}

bool care_restore(const struct config *config, const char *directory, journal_progress *progress, void *arg,
                  struct care_report *out, struct err *err)
{
    struct restoring r = {.data = config->data_dir, .backup = directory};
    int lock = -1;

    *out = (struct care_report){0};
    bool ok = lock_present(&r, &lock, err) && restore(&r, progress, arg, out, err);
    if (lock >= 0)
        close(lock);
    return ok;
}
