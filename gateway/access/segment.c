/* segment: the files of the log by name and order, the digest file beside an ended one, and where the chain
 * begins after retention deleted its start. */
#include "access/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".log"
#define DIGEST_SUFFIX ".sha256"
#define START_FILE "start"
#define NAME_PATTERN                                                                                                   \
    "dddddddd"                                                                                                         \
    "T"                                                                                                                \
    "dddddd"                                                                                                           \
    "Z-"                                                                                                               \
    "dddddddddd" SUFFIX
#define SMALL_FILE_MAX 256

void access_segment_name(uint64_t n, int64_t start_ms, char out[ACCESS_NAME_SIZE])
{
    time_t seconds = (time_t)(start_ms / 1000);
    char stamp[20];
    struct tm utc;

    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
    snprintf(out, ACCESS_NAME_SIZE, "%.16s-%010llu" SUFFIX, stamp, (unsigned long long)(n % 10000000000u));
}

bool access_segment_parse(const char *name, uint64_t *n_out, int64_t *start_out)
{
    static const char pattern[] = NAME_PATTERN;
    char text[TIME_TEXT_SIZE];

    if (strlen(name) != sizeof(pattern) - 1)
        return false;
    for (size_t i = 0; pattern[i] != '\0'; i++)
        if (pattern[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != pattern[i])
            return false;
    snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", name, name + 4, name + 6, name + 9, name + 11,
             name + 13);
    *n_out = strtoull(name + 17, NULL, 10);
    return *n_out > 0 && time_parse(bytes_str(text), start_out);
}

bool access_path(const char *directory, const char *name, const char *suffix, char out[ACCESS_PATH_MAX],
                 struct err *err)
{
    int n = snprintf(out, ACCESS_PATH_MAX, "%s/%s%s", directory, name, suffix);

    if (n < 0 || n >= ACCESS_PATH_MAX)
        return err_set(err, ERR_IO, name, "the path is too long");
    return true;
}

static bool exists(const char *directory, const char *name, const char *suffix)
{
    char path[ACCESS_PATH_MAX];
    struct err err = {0};

    return access_path(directory, name, suffix, path, &err) && access(path, F_OK) == 0;
}

static bool add(struct access_segments *segments, const char *directory, const char *name, struct err *err)
{
    struct access_segment segment = {0};

    if (!access_segment_parse(name, &segment.n, &segment.start_ms))
        return true;
    if (segments->n == ACCESS_SEGMENTS_MAX)
        return err_set(err, ERR_IO, directory, "more than %d segments", ACCESS_SEGMENTS_MAX);
    snprintf(segment.name, sizeof(segment.name), "%s", name);
    segment.reported = exists(directory, name, DIGEST_SUFFIX);
    if (segments->n == segments->room) {
        segments->room = segments->room == 0 ? 64 : 2 * segments->room;
        segments->list = xrealloc(segments->list, segments->room * sizeof(segment));
    }
    segments->list[segments->n++] = segment;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct access_segment *left = a, *right = b;

    return left->n < right->n ? -1 : left->n > right->n;
}

bool access_segments_read(const char *directory, struct access_segments *out, struct err *err)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    bool ok = true;

    *out = (struct access_segments){0};
    if (dir == NULL)
        return err_errno(err, ERR_IO, directory, "open the access log's directory");
    while (ok && (entry = readdir(dir)) != NULL)
        ok = add(out, directory, entry->d_name, err);
    closedir(dir);
    if (!ok)
        access_segments_free(out);
    else if (out->n > 0)
        qsort(out->list, out->n, sizeof(*out->list), by_number);
    return ok;
}

void access_segments_free(struct access_segments *segments)
{
    free(segments->list);
    *segments = (struct access_segments){0};
}

bool access_segment_last(const char *directory, const char *name, char chain_out[ACCESS_CHAIN_SIZE], struct err *err)
{
    uint8_t tail[ACCESS_TAIL_SIZE + 2]; /* one byte of the body, the chain member, the newline */
    char path[ACCESS_PATH_MAX];
    struct bytes body;
    struct stat st;
    ssize_t n = -1;
    int fd;

    CHECK(access_path(directory, name, "", path, err));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, ERR_IO, name, "open");
    if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(tail))
        n = pread(fd, tail, sizeof(tail), st.st_size - (off_t)sizeof(tail));
    close(fd);
    if (n != (ssize_t)sizeof(tail) || !access_line_split(bytes_of(tail, sizeof(tail) - 1), &body, chain_out))
        return err_set(err, ERR_ACCESS_BROKEN, name, "does not end with a line");
    return true;
}

static uint64_t count_newlines(const uint8_t *p, size_t n)
{
    uint64_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += p[i] == '\n';
    return count;
}

/* n of the last read: 0 at the end, -1 for a failure. */
static ssize_t digest_file(int fd, struct crypto_hash *hash, uint64_t *lines_out)
{
    uint8_t block[16u << 10];
    ssize_t n;

    *lines_out = 0;
    while ((n = read(fd, block, sizeof(block))) > 0) {
        crypto_hash_add(hash, bytes_of(block, (size_t)n));
        *lines_out += count_newlines(block, (size_t)n);
    }
    return n;
}

bool access_segment_digest(const char *directory, const char *name, char hex_out[ACCESS_CHAIN_SIZE],
                           uint64_t *lines_out, struct err *err)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    char path[ACCESS_PATH_MAX];
    struct crypto_hash *hash;
    bool ok;
    int fd;

    CHECK(access_path(directory, name, "", path, err));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, ERR_IO, name, "open");
    hash = crypto_hash_new(CRYPTO_SHA256);
    ok = digest_file(fd, hash, lines_out) == 0 || err_errno(err, ERR_IO, name, "read");
    crypto_hash_end(hash, digest);
    crypto_hash_free(&hash);
    close(fd);
    hex_encode(digest, sizeof(digest), hex_out);
    return ok;
}

bool access_sync_directory(const char *directory, struct err *err)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        err_errno(err, ERR_IO, directory, "sync");
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool write_whole(const char *path, struct bytes text, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok;

    if (fd < 0)
        return err_errno(err, ERR_IO, path, "create");
    ok = write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    if (!ok)
        err_errno(err, ERR_IO, path, "write");
    close(fd);
    return ok;
}

/* By rename, so that it is there whole or not at all. */
static bool write_small(const char *directory, const char *name, const char *suffix, const char *text, struct err *err)
{
    char path[ACCESS_PATH_MAX], temporary[ACCESS_PATH_MAX];

    CHECK(access_path(directory, name, suffix, path, err));
    CHECK(access_path(directory, "new", suffix, temporary, err));
    CHECK(write_whole(temporary, bytes_str(text), err));
    if (rename(temporary, path) != 0)
        return err_errno(err, ERR_IO, path, "rename");
    return access_sync_directory(directory, err);
}

static bool read_small(const char *path, char text[SMALL_FILE_MAX], struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return err_errno(err, ERR_IO, path, "open");
    n = read(fd, text, SMALL_FILE_MAX - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n >= 0 || err_errno(err, ERR_IO, path, "read");
}

static bool take_hex(const char *text, char hex_out[ACCESS_CHAIN_SIZE])
{
    uint8_t raw[CRYPTO_DIGEST_SIZE];

    if (strlen(text) < ACCESS_CHAIN_SIZE - 1)
        return false;
    memcpy(hex_out, text, ACCESS_CHAIN_SIZE - 1);
    hex_out[ACCESS_CHAIN_SIZE - 1] = '\0';
    return hex_decode(hex_out, raw, sizeof(raw));
}

bool access_digest_write(const char *directory, const char *name, const char *hex, struct err *err)
{
    char text[SMALL_FILE_MAX];

    snprintf(text, sizeof(text), "%s  %s\n", hex, name);
    return write_small(directory, name, DIGEST_SUFFIX, text, err);
}

bool access_digest_read(const char *directory, const char *name, char hex_out[ACCESS_CHAIN_SIZE], struct err *err)
{
    char path[ACCESS_PATH_MAX], text[SMALL_FILE_MAX];

    CHECK(access_path(directory, name, DIGEST_SUFFIX, path, err));
    CHECK(read_small(path, text, err));
    if (!take_hex(text, hex_out))
        return err_set(err, ERR_ACCESS_BROKEN, name, "its digest file cannot be read");
    return true;
}

bool access_start_read(const char *directory, uint64_t *n_out, char chain_out[ACCESS_CHAIN_SIZE], struct err *err)
{
    char path[ACCESS_PATH_MAX], text[SMALL_FILE_MAX], name[ACCESS_NAME_SIZE];
    int64_t start_ms;

    *n_out = 0;
    memset(chain_out, '0', ACCESS_CHAIN_SIZE - 1);
    chain_out[ACCESS_CHAIN_SIZE - 1] = '\0';
    if (!exists(directory, START_FILE, ""))
        return true;
    CHECK(access_path(directory, START_FILE, "", path, err));
    CHECK(read_small(path, text, err));
    if (!take_hex(text, chain_out) || strlen(text) < ACCESS_CHAIN_SIZE + 1)
        return err_set(err, ERR_ACCESS_BROKEN, START_FILE, "cannot be read");
    snprintf(name, sizeof(name), "%.31s", text + ACCESS_CHAIN_SIZE + 1);
    if (!access_segment_parse(name, n_out, &start_ms))
        return err_set(err, ERR_ACCESS_BROKEN, START_FILE, "names no segment");
    return true;
}

bool access_start_write(const char *directory, const char *name, const char *chain, struct err *err)
{
    char text[SMALL_FILE_MAX];

    snprintf(text, sizeof(text), "%s  %s\n", chain, name);
    return write_small(directory, START_FILE, "", text, err);
}

static bool tell_segment(const struct access_segment *segment, access_file *each, void *arg, struct err *err)
{
    char name[ACCESS_NAME_SIZE + sizeof(DIGEST_SUFFIX)];

    CHECK(each(arg, segment->name, false, err));
    if (!segment->reported)
        return true;
    snprintf(name, sizeof(name), "%s" DIGEST_SUFFIX, segment->name);
    return each(arg, name, true, err);
}

bool access_files(const char *directory, access_file *each, void *arg, struct err *err)
{
    struct access_segments segments;
    bool ok = true;

    CHECK(access_segments_read(directory, &segments, err));
    for (size_t i = 0; ok && i < segments.n; i++)
        ok = tell_segment(&segments.list[i], each, arg, err);
    access_segments_free(&segments);
    return ok && (!exists(directory, START_FILE, "") || each(arg, START_FILE, false, err));
}
