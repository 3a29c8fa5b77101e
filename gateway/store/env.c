/* The environment: opened once, one daemon a directory, tables by the list in table.def. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const struct {
    const char *name;
    enum store_class class;
} tables[TABLE_COUNT] = {
#define TABLE(id, name, class, help) {name, STORE_##class},
#include "store/table.def"
#undef TABLE
};

const char *store_table_name(enum store_table table)
{
    return tables[table].name;
}

enum store_class store_table_class(enum store_table table)
{
    return tables[table].class;
}

bool store_lmdb_err(struct err *err, int code, const char *place)
{
    enum err_code which = ERR_STORE_FAILED;
    if (code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT)
        which = ERR_STORE_FULL;
    else if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND)
        which = ERR_STORE_CORRUPT;
    else if (code == MDB_READERS_FULL)
        which = ERR_BUSY_QUEUE;
    return err_set(err, which, place, "%s", mdb_strerror(code));
}

static bool make_directory(const char *path, struct err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_errno(err, ERR_STORE_OPEN, path, "mkdir");
    return true;
}

static bool take_lock(int fd, const char *path, struct err *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(err, ERR_STORE_LOCKED, path, "stop the other daemon or choose another data directory");
    char pid[32];
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        return err_errno(err, ERR_STORE_OPEN, path, "write");
    return true;
}

bool store_lock(const char *directory, int *fd_out, struct err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/daemon.lock", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_STORE_OPEN, path, "open");
    if (!take_lock(fd, path, err)) {
        close(fd);
        return false;
    }
    *fd_out = fd;
    return true;
}

/* 0 when there is none. */
static int meta_number(MDB_txn *txn, MDB_dbi meta, const char *name, uint64_t *out)
{
    struct store_key key = key_text(name);
    MDB_val k = {key.n, key.b}, v;
    int rc = mdb_get(txn, meta, &k, &v);
    *out = rc == 0 && v.mv_size == 8 ? get_be64(v.mv_data) : 0;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The table of numbers; *fresh_out: the directory is new. */
static int open_meta(struct store *store, MDB_txn *txn, MDB_dbi *meta_out, bool *fresh_out)
{
    MDB_dbi names;
    MDB_stat stat = {0};
    int rc = mdb_dbi_open(txn, NULL, 0, &names);
    if (rc == 0)
        rc = mdb_stat(txn, names, &stat);
    *fresh_out = stat.ms_entries == 0 && !store->read_only;
    if (rc == 0)
        rc = mdb_dbi_open(txn, tables[TABLE_META].name, *fresh_out ? MDB_CREATE : 0, meta_out);
    return rc;
}

static bool refuse_format(struct store *store, uint64_t format, bool upgrading, struct err *err)
{
    bool old = format > 0 && format < STORE_FORMAT;
    return err_set(err, ERR_STORE_VERSION, store->directory, "format %llu%s, this program reads %u%s",
                   (unsigned long long)format, upgrading ? " on its way to a later one" : "", STORE_FORMAT,
                   old ? "; its daemon upgrades it when it starts" : "");
}

/* A new directory gets this program's format; any other must have it, or be known and older where that was asked for,
 * before a single table is touched. */
static bool check_format(struct store *store, MDB_txn *txn, bool older, struct err *err)
{
    MDB_dbi meta;
    bool fresh = false;
    uint64_t format = STORE_FORMAT, upgrading = 0;
    struct store_key key = key_text("format");
    uint8_t number[8];
    MDB_val k = {key.n, key.b}, v = {sizeof number, number};
    put_be64(number, STORE_FORMAT);
    int rc = open_meta(store, txn, &meta, &fresh);
    if (rc == 0)
        rc = fresh ? mdb_put(txn, meta, &k, &v, 0) : meta_number(txn, meta, "format", &format);
    if (rc == 0 && !fresh)
        rc = meta_number(txn, meta, STORE_UPGRADING, &upgrading);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return store_lmdb_err(err, rc, store->directory);
    if (rc == MDB_NOTFOUND || format == 0 || format > STORE_FORMAT)
        return refuse_format(store, rc == 0 ? format : 0, false, err);
    store->format = (unsigned)(upgrading != 0 ? upgrading : format);
    return store->format == STORE_FORMAT || older || refuse_format(store, store->format, upgrading != 0, err);
}

/* One transaction, so that a crash leaves either nothing or all tables and their format. */
static bool open_tables(struct store *store, bool older, struct err *err)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(store->env, NULL, store->read_only ? MDB_RDONLY : 0, &txn);
    if (rc != 0)
        return store_lmdb_err(err, rc, store->directory);
    bool ok = check_format(store, txn, older, err);
    for (int i = 0; i < TABLE_COUNT && ok; i++) {
        rc = mdb_dbi_open(txn, tables[i].name, store->read_only ? 0 : MDB_CREATE, &store->dbi[i]);
        /* an older format may lack tables that nobody reads from it; 0 is LMDB's own */
        bool lacks = rc == MDB_NOTFOUND && store->format < STORE_FORMAT;
        ok = rc == 0 || lacks || store_lmdb_err(err, rc, tables[i].name);
    }
    if (!ok) {
        mdb_txn_abort(txn);
        return false;
    }
    rc = mdb_txn_commit(txn);
    return rc == 0 || store_lmdb_err(err, rc, store->directory);
}

/* The names of new files are durable only when their directory is. */
static bool sync_directory(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        err_errno(err, ERR_STORE_OPEN, path, "fsync");
    if (fd >= 0)
        close(fd);
    return ok;
}

void store_clear_stale_readers(struct store *store)
{
    int stale = 0;
    mdb_reader_check(store->env, &stale);
    if (stale > 0)
        log_event(LOG_NOTICE, "store.stale_readers", "cleared=%d", stale);
}

/* What compaction kept until the new file had proved itself by being opened. */
static void remove_old(const struct store *store)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/" STORE_OLD_FILE, store->directory);
    if (unlink(path) == 0)
        log_event(LOG_NOTICE, "store.old_removed", "file=%s", STORE_OLD_FILE);
}

static bool open_env(struct store *store, const struct store_options *options, struct err *err)
{
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
    if (options->read_only)
        flags |= MDB_RDONLY;
    if (options->read_only && options->alone)
        flags |= MDB_NOLOCK;
    if (options->no_sync)
        flags |= MDB_NOSYNC | MDB_NOMETASYNC;
    int rc = mdb_env_create(&store->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(store->env, TABLE_COUNT);
    if (rc == 0)
        rc = mdb_env_set_mapsize(store->env, (size_t)options->map_size);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(store->env, (unsigned)(options->readers > 0 ? options->readers : 126));
    if (rc == 0)
        rc = mdb_env_open(store->env, store->directory, flags, 0600);
    if (rc != 0)
        return err_set(err, ERR_STORE_OPEN, store->directory, "%s", mdb_strerror(rc));
    store_clear_stale_readers(store);
    CHECK(open_tables(store, options->older, err));
    if (options->exclusive)
        remove_old(store);
    return options->read_only || options->no_sync || sync_directory(store->directory, err);
}

bool store_open(const struct store_options *options, struct store **store_out, struct err *err)
{
    struct store *store = xcalloc(1, sizeof *store);
    store->lock_fd = -1;
    store->directory = xstrdup(options->directory);
    store->read_only = options->read_only;
    pthread_mutex_init(&store->readers_lock, NULL);
    store->has_key = pthread_key_create(&store->reader_key, store_reader_gone) == 0;
    bool ok = (store->has_key || err_set(err, ERR_STORE_OPEN, store->directory, "no thread key left")) &&
              (options->read_only || make_directory(store->directory, err)) &&
              (!options->exclusive || store_lock(store->directory, &store->lock_fd, err)) &&
              open_env(store, options, err);
    if (!ok) {
        store_close(&store);
        return false;
    }
    *store_out = store;
    return true;
}

void store_close(struct store **store)
{
    struct store *s = *store;
    if (s == NULL)
        return;
    *store = NULL;
    store_readers_end(s);
    if (s->has_key)
        pthread_key_delete(s->reader_key);
    if (s->env != NULL)
        mdb_env_close(s->env);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->readers_lock);
    free(s->directory);
    free(s);
}

int64_t store_free_bytes(const struct store *store)
{
    struct statvfs fs;
    if (statvfs(store->directory, &fs) != 0)
        return -1;
    return (int64_t)(fs.f_bavail * fs.f_frsize);
}

bool store_is_in(const struct store *store, const char *directory)
{
    struct stat mine, other;
    return stat(store->directory, &mine) == 0 && stat(directory, &other) == 0 && mine.st_dev == other.st_dev &&
           mine.st_ino == other.st_ino;
}

bool store_stats(struct store *store, struct store_stat out[TABLE_COUNT], uint64_t *map_used_out, struct err *err)
{
    struct store_txn *txn = store_read(store, err);
    if (txn == NULL)
        return false;
    for (int i = 0; i < TABLE_COUNT; i++) {
        MDB_stat stat = {0};
        mdb_stat(txn->txn, store->dbi[i], &stat);
        uint64_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
        out[i] = (struct store_stat){tables[i].name, tables[i].class, stat.ms_entries, pages * stat.ms_psize};
    }
    MDB_envinfo info = {0};
    MDB_stat whole = {0};
    mdb_env_info(store->env, &info);
    mdb_env_stat(store->env, &whole);
    *map_used_out = ((uint64_t)info.me_last_pgno + 1) * whole.ms_psize;
    store_read_end(&txn);
    return true;
}
