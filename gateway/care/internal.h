/* Private to care: files copied with their digests, and the manifest. */
#ifndef CARE_INTERNAL_H
#define CARE_INTERNAL_H

#include "care/care.h"
#include "crypto/crypto.h"

#define CARE_FILES_MAX 100000            /* files of one backup: ten years of hours */
#define CARE_BLOCK (256u << 10)
#define CARE_MANIFEST "manifest.json"
#define CARE_STORE_FILE "store/" STORE_FILE
#define CARE_META_RESTORED "restored"    /* text: manifest digest, a space, what to say; until the journal has it */
#define CARE_META_UPGRADED "upgraded"    /* the same of an upgrade */
#define HEX_SIZE (2 * CRYPTO_DIGEST_SIZE + 1)

/* ---- files (file.c) ---- */

/* How fast, and whether to go on. */
struct pace {
    int64_t rate;                        /* bytes a second; 0: no bound */
    const _Atomic bool *cancelled;       /* NULL: never */
    int64_t began_ms, bytes;
};
bool pace_take(struct pace *pace, size_t n, struct err *err);

/* A file being written: digest and size grow with it. */
struct out_file {
    int fd;
    const char *path;
    struct crypto_hash *hash;
    struct pace *pace;
    int64_t bytes, written_back;
};
/* Fails when it exists. */
bool out_open(struct out_file *file, const char *path, struct pace *pace, struct err *err);
bool out_write(struct out_file *file, struct bytes block, struct err *err);
/* Durable when true; closes in either case. hex_out and bytes_out may be NULL. */
bool out_close(struct out_file *file, bool ok, char *hex_out, int64_t *bytes_out, struct err *err);

bool path_join(char out[CARE_PATH_MAX], const char *directory, const char *name, struct err *err);
/* *missing_out (may be NULL: an error) tells that there is no such file. */
bool file_copy(const char *from, const char *to, struct pace *pace, char hex_out[HEX_SIZE], int64_t *bytes_out,
               bool *missing_out, struct err *err);
bool file_digest(const char *path, char hex_out[HEX_SIZE], int64_t *bytes_out, struct err *err);
bool file_write_whole(const char *path, struct bytes text, struct err *err);
bool file_read_whole(struct arena *arena, const char *path, size_t max, struct bytes *out, struct err *err);
bool directory_make(const char *path, struct err *err);
bool directory_sync(const char *path, struct err *err);
/* The directory above. */
bool directory_sync_parent(const char *path, struct err *err);
/* Nothing in it, or not there: then it is made. backup.directory otherwise. */
bool directory_claim(const char *path, struct err *err);
/* With all that is in it. Only for what this module made itself. */
bool directory_remove(const char *path, struct err *err);

/* ---- the manifest (manifest.c) ---- */

struct kept_file {
    const char *path;                    /* inside the backup */
    int64_t bytes;
    char sha256[HEX_SIZE];
};
struct manifest {
    struct arena *arena;
    const char *gateway, *origin, *root; /* root of the journal, base64 */
    uint64_t size;
    int64_t created_ms;
    unsigned format;                     /* of the store */
    struct kept_file *files;
    size_t n, room;
};
bool manifest_add(struct manifest *manifest, const char *path, int64_t bytes, const char *sha256, struct err *err);
const struct kept_file *manifest_find(const struct manifest *manifest, const char *path);
bool manifest_write(const struct manifest *manifest, const char *directory, char hex_out[HEX_SIZE], struct err *err);
/* Everything is borrowed from the arena. backup.broken. */
bool manifest_read(struct arena *arena, const char *directory, struct manifest *out, char hex_out[HEX_SIZE],
                   struct err *err);
/* Every file is there as the manifest says, and no other. */
bool manifest_check(const struct manifest *manifest, const char *directory, struct err *err);
void manifest_report(const struct manifest *manifest, struct care_report *out);

void root_text(const struct journal_head *head, char out[CARE_ROOT_SIZE]);
/* Copies the store at one moment through a pipe. */
bool store_copy_to(struct store *store, const char *path, struct pace *pace, char hex_out[HEX_SIZE], int64_t *bytes_out,
                   struct err *err);
/* Opens a copy for looking: nothing is written beside it. */
bool copy_open(const char *directory, int64_t map_size, struct store **out, struct err *err);

#endif
