/* log: the open segment. It is preallocated and mapped, so that a line costs a copy and can neither meet a full
 * disk nor be lost by the end of the process; a newline, written last, makes it count. Taking up after a crash is
 * in recover.c. */
#include "access/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct open_segment {
    int fd; /* -1: none, the next line begins one */
    uint8_t *map;
    int64_t used, synced, hour;
    uint64_t n;
    char path[ACCESS_PATH_MAX];
};

struct access_log {
    char directory[ACCESS_PATH_MAX];
    int held; /* the directory, locked: who takes the log up cuts what another one still maps */
    int64_t segment_size, retention_ms;
    access_ended *ended;
    void *arg;
    pthread_mutex_t lock; /* guards what follows */
    struct open_segment open;
    char chain[ACCESS_CHAIN_SIZE]; /* of the last line */
    uint64_t next_n;
    bool full;             /* no room for a segment: nothing is tried before the next tick */
    bool directory_dirty;  /* a name was made and not yet synced */
    bool pending;          /* ended segments wait to be reported */
    int64_t retained_hour; /* tick's own: when retention last looked */
};

/* ---- the open segment: with the lock held --------------------------------------------------------------- */

static bool map_open(struct access_log *log, int fd, struct err *err)
{
    void *map;
    int error = posix_fallocate(fd, 0, (off_t)log->segment_size);

    if (error != 0) {
        errno = error;
        return err_errno(err, ERR_STORE_FULL, log->directory, "preallocate a segment");
    }
    map = mmap(NULL, (size_t)log->segment_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return err_errno(err, ERR_STORE_FULL, log->directory, "map a segment");
    log->open.map = map;
    log->open.fd = fd;
    return true;
}

static bool make_segment(struct access_log *log, struct err *err)
{
    int64_t now = clock_wall_ms();
    char name[ACCESS_NAME_SIZE];
    int fd;

    access_segment_name(log->next_n, now, name);
    CHECK(access_path(log->directory, name, "", log->open.path, err));
    fd = open(log->open.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_STORE_FULL, name, "create a segment");
    if (!map_open(log, fd, err)) {
        close(fd);
        unlink(log->open.path);
        return false;
    }
    log->open.hour = now / ACCESS_HOUR_MS;
    log->open.n = log->next_n++;
    log->open.used = log->open.synced = 0;
    log->directory_dirty = true;
    return true;
}

static void unmap_open(struct access_log *log)
{
    munmap(log->open.map, (size_t)log->segment_size);
    close(log->open.fd);
    log->open.fd = -1;
}

/* Cut to what is used and made durable before the next segment takes a line: the chain from one to the next
 * survives a loss of power. One without a line leaves nothing behind. */
static void end_segment(struct access_log *log)
{
    struct err err = {0};

    if (log->open.fd < 0)
        return;
    if (ftruncate(log->open.fd, (off_t)log->open.used) != 0 || fdatasync(log->open.fd) != 0) {
        err_errno(&err, ERR_IO, log->open.path, "end a segment");
        log_err(LOG_ERROR, "access.end", &err);
    }
    unmap_open(log);
    if (log->open.used == 0)
        (void)unlink(log->open.path);
    else
        log->pending = true;
}

static bool begin_segment(struct access_log *log, struct err *err)
{
    if (log->full)
        return err_set(err, ERR_STORE_FULL, log->directory, "no room for the access log");
    if (make_segment(log, err))
        return true;
    log->full = true;
    log_err(LOG_ERROR, "access.full", err);
    return false;
}

static bool need_room(struct access_log *log, size_t n, struct err *err)
{
    if (log->open.fd >= 0 && log->open.used + (int64_t)n <= log->segment_size)
        return true;
    end_segment(log);
    return begin_segment(log, err);
}

/* The line is there once its newline is: readers and recovery stop in front of an unfinished one. */
static void place(struct access_log *log, struct bytes body)
{
    uint8_t *at = log->open.map + log->open.used;

    memcpy(at, body.p, body.n);
    access_tail(log->chain, at + body.n);
    atomic_thread_fence(memory_order_release);
    at[body.n + ACCESS_TAIL_SIZE] = '\n';
    log->open.used += (int64_t)(body.n + ACCESS_TAIL_SIZE + 1);
}

static bool append_locked(struct access_log *log, struct bytes body, struct err *err)
{
    CHECK(need_room(log, body.n + ACCESS_TAIL_SIZE + 1, err));
    access_chain(log->chain, body, log->chain);
    place(log, body);
    return true;
}

bool access_append(struct access_log *log, const struct access_line *line, struct err *err)
{
    struct buf text;
    bool ok;

    buf_init(&text, ACCESS_LINE_MAX - ACCESS_TAIL_SIZE);
    access_line_write(&text, line);
    ok = !text.overflow ||
         err_set(err, ERR_INTERNAL, line->route, "an access log line is longer than %d bytes", ACCESS_LINE_MAX);
    if (ok) {
        pthread_mutex_lock(&log->lock);
        ok = append_locked(log, bytes_of(text.p, text.n - 1), err);
        pthread_mutex_unlock(&log->lock);
    }
    buf_free(&text);
    if (ok)
        metric_add(METRIC_ACCESS_LINES, 1);
    return ok;
}

bool access_ready(struct access_log *log)
{
    bool ready;

    pthread_mutex_lock(&log->lock);
    ready = !log->full;
    pthread_mutex_unlock(&log->lock);
    return ready;
}

/* ---- each second ------------------------------------------------------------------------------------------ */

/* What an earlier full disk left behind is tried again, also without a question. */
static void retry(struct access_log *log)
{
    struct err err = {0};

    pthread_mutex_lock(&log->lock);
    if (log->full && make_segment(log, &err)) {
        log->full = false;
        log_event(LOG_NOTICE, "access.room", "segment=%llu", (unsigned long long)log->open.n);
    }
    pthread_mutex_unlock(&log->lock);
}

static void sync_names(struct access_log *log)
{
    struct err err = {0};
    bool dirty;

    pthread_mutex_lock(&log->lock);
    dirty = log->directory_dirty;
    log->directory_dirty = false;
    pthread_mutex_unlock(&log->lock);
    if (!dirty || access_sync_directory(log->directory, &err))
        return;
    log_err(LOG_ERROR, "access.sync", &err);
    pthread_mutex_lock(&log->lock);
    log->directory_dirty = true;
    pthread_mutex_unlock(&log->lock);
}

/* Without the lock: its own descriptor, for another thread may end the segment meanwhile. */
static void sync_open(struct access_log *log)
{
    int fd = -1;

    pthread_mutex_lock(&log->lock);
    if (log->open.fd >= 0 && log->open.used != log->open.synced) {
        fd = fcntl(log->open.fd, F_DUPFD_CLOEXEC, 0);
        log->open.synced = log->open.used;
    }
    pthread_mutex_unlock(&log->lock);
    if (fd < 0)
        return;
    if (fdatasync(fd) != 0) {
        struct err err = {0};

        err_errno(&err, ERR_IO, log->directory, "sync");
        log_err(LOG_ERROR, "access.sync", &err);
    }
    close(fd);
}

static void change_hour(struct access_log *log)
{
    pthread_mutex_lock(&log->lock);
    if (log->open.fd >= 0 && log->open.hour != clock_wall_ms() / ACCESS_HOUR_MS)
        end_segment(log);
    pthread_mutex_unlock(&log->lock);
}

/* Only what lies before the segment now open: the files themselves may have moved on since. */
static uint64_t take_pending(struct access_log *log, access_ended **ended_out, void **arg_out)
{
    uint64_t below = 0;

    pthread_mutex_lock(&log->lock);
    *ended_out = log->ended;
    *arg_out = log->arg;
    if (log->pending && log->ended != NULL) {
        log->pending = false;
        below = log->open.fd < 0 ? log->next_n : log->open.n;
    }
    pthread_mutex_unlock(&log->lock);
    return below;
}

static void report_ended(struct access_log *log)
{
    access_ended *ended;
    void *arg;
    uint64_t below = take_pending(log, &ended, &arg);

    if (below == 0 || access_report(log->directory, below, ended, arg))
        return;
    pthread_mutex_lock(&log->lock);
    log->pending = true;
    pthread_mutex_unlock(&log->lock);
}

void access_tick(struct access_log *log)
{
    int64_t now = clock_wall_ms();

    sync_open(log);
    sync_names(log);
    change_hour(log);
    retry(log);
    report_ended(log);
    if (now / ACCESS_HOUR_MS == log->retained_hour)
        return;
    log->retained_hour = now / ACCESS_HOUR_MS;
    access_retain(log->directory, log->retention_ms, now);
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

/* Goes on in the newest segment when its hour lasts and there is room to preallocate it again. */
static void reopen(struct access_log *log, const struct access_recovered *recovered)
{
    struct err err = {0};
    int fd;

    log->pending = recovered->pending;
    if (recovered->open.n == 0)
        return;
    log->pending = true;
    if (recovered->used > log->segment_size ||
        recovered->open.start_ms / ACCESS_HOUR_MS != clock_wall_ms() / ACCESS_HOUR_MS ||
        !access_path(log->directory, recovered->open.name, "", log->open.path, &err))
        return;
    fd = open(log->open.path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    if (!map_open(log, fd, &err)) {
        (void)!ftruncate(fd, (off_t)recovered->used);
        close(fd);
        return;
    }
    log->open.n = recovered->open.n;
    log->open.used = log->open.synced = recovered->used;
    log->open.hour = recovered->open.start_ms / ACCESS_HOUR_MS;
}

static bool hold_directory(const char *directory, int *fd_out, struct err *err)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(err, ERR_IO, directory, "open the access log's directory");
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return err_set(err, ERR_STORE_LOCKED, directory, "another process writes the access log");
    }
    *fd_out = fd;
    return true;
}

bool access_open(const struct access_options *options, struct access_log **out, struct err *err)
{
    struct access_recovered recovered;
    struct access_log *log;
    int held = -1;

    if (options->segment_size < 2 * ACCESS_LINE_MAX)
        return err_set(err, ERR_CONFIG_VALUE, options->directory, "an access log segment is smaller than two lines");
    if (mkdir(options->directory, 0700) != 0 && errno != EEXIST)
        return err_errno(err, ERR_IO, options->directory, "make the access log's directory");
    CHECK(hold_directory(options->directory, &held, err));
    if (!access_recover(options->directory, &recovered, err)) {
        close(held);
        return false;
    }
    log = xcalloc(1, sizeof(*log));
    log->held = held;
    snprintf(log->directory, sizeof(log->directory), "%s", options->directory);
    log->segment_size = options->segment_size;
    log->retention_ms = options->retention_ms;
    log->ended = options->ended;
    log->arg = options->arg;
    log->open.fd = -1;
    log->next_n = recovered.last_n + 1;
    memcpy(log->chain, recovered.chain, sizeof(log->chain));
    pthread_mutex_init(&log->lock, NULL);
    reopen(log, &recovered);
    *out = log;
    return true;
}

void access_close(struct access_log **log)
{
    struct err err = {0};

    if (*log == NULL)
        return;
    end_segment(*log); /* taken up again when the next process starts within the hour */
    access_sync_directory((*log)->directory, &err);
    close((*log)->held);
    pthread_mutex_destroy(&(*log)->lock);
    free(*log);
    *log = NULL;
}

void access_set_ended(struct access_log *log, access_ended *ended, void *arg)
{
    pthread_mutex_lock(&log->lock);
    log->ended = ended;
    log->arg = arg;
    pthread_mutex_unlock(&log->lock);
}
