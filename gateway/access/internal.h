/* access, private: what the files of this module share. */
#ifndef ACCESS_INTERNAL_H
#define ACCESS_INTERNAL_H

#include "access/access.h"
#include "crypto/crypto.h"

#define ACCESS_HOUR_MS INT64_C(3600000)
#define ACCESS_PATH_MAX 4096
#define ACCESS_NAME_SIZE 32                 /* 20261124T020000Z-0000000001.log and NUL */
#define ACCESS_CHAIN_SIZE (2 * CRYPTO_DIGEST_SIZE + 1)
#define ACCESS_TAIL_SIZE 76                 /* ,"chain":"<64 hex digits>"} */
#define ACCESS_SEGMENTS_MAX 10000000        /* files of one directory that are looked at */

/* ---- one line (line.c) -------------------------------------------------------------------------------- */

/* The line without its chain member, as one JSON object; overflow when longer than a line may be. */
void access_line_write(struct buf *out, const struct access_line *line);
/* Of a whole line without its newline: the object without the chain member lacks only its closing brace in
 * *body_out. False when it does not end with a chain member. */
bool access_line_split(struct bytes line, struct bytes *body_out, char chain_out[ACCESS_CHAIN_SIZE]);
/* SHA-256(previous ‖ body ‖ "}") in hex; `previous` is the 64 digits themselves, so that sha256sum can repeat it. */
void access_chain(const char *previous, struct bytes body, char chain_out[ACCESS_CHAIN_SIZE]);
/* The chain member and the closing brace, ACCESS_TAIL_SIZE bytes. */
void access_tail(const char *chain, uint8_t *out);

/* Compares with the chain value that follows `chain`, which becomes the line's own. access.broken at name:number. */
bool access_line_check(const char *name, uint64_t number, struct bytes line, char chain[ACCESS_CHAIN_SIZE],
                       struct err *err);

/* A filter made ready: values as they stand in the log, times as whole seconds. */
struct access_matcher {
    struct buf uscc, partner, request_id;
    int64_t since_ms, until_ms;
};
void access_matcher_init(struct access_matcher *matcher, const struct access_filter *filter);
void access_matcher_free(struct access_matcher *matcher);
bool access_matches(const struct access_matcher *matcher, struct bytes line);

/* ---- lines of a segment (read.c) ---------------------------------------------------------------------- */

enum access_step {
    ACCESS_LINE,
    ACCESS_MORE,        /* the block ends inside a line or exactly behind one */
    ACCESS_END,         /* the unused rest begins, or a line that was never finished */
    ACCESS_DAMAGED      /* longer than a line can be */
};
/* The next line of a block from *pos, without its newline. */
enum access_step access_scan(struct bytes block, size_t *pos, struct bytes *line_out);

struct access_reader;
bool access_reader_open(const char *directory, const char *name, struct access_reader **out, struct err *err);
void access_reader_close(struct access_reader **reader);
/* ACCESS_LINE, or ACCESS_END; damage and read errors are false with err. */
bool access_reader_next(struct access_reader *reader, enum access_step *step_out, struct bytes *line_out,
                        struct err *err);
uint64_t access_reader_number(const struct access_reader *reader);     /* of the line last read, from 1 */
int64_t access_reader_used(const struct access_reader *reader);        /* bytes up to and with its newline */

/* ---- segment files (segment.c) ------------------------------------------------------------------------ */

struct access_segment {
    uint64_t n;                     /* running number: the order */
    int64_t start_ms;               /* by its name */
    char name[ACCESS_NAME_SIZE];
    bool reported;                  /* its digest file exists */
};
struct access_segments {
    struct access_segment *list;    /* in order */
    size_t n, room;
};
bool access_segments_read(const char *directory, struct access_segments *out, struct err *err);
void access_segments_free(struct access_segments *segments);
void access_segment_name(uint64_t n, int64_t start_ms, char out[ACCESS_NAME_SIZE]);
bool access_segment_parse(const char *name, uint64_t *n_out, int64_t *start_out);
bool access_path(const char *directory, const char *name, const char *suffix, char out[ACCESS_PATH_MAX],
                 struct err *err);
/* Chain value of the last line of an ended segment. */
bool access_segment_last(const char *directory, const char *name, char chain_out[ACCESS_CHAIN_SIZE], struct err *err);
/* Digest of the whole file, and how many lines it has. */
bool access_segment_digest(const char *directory, const char *name, char hex_out[ACCESS_CHAIN_SIZE],
                           uint64_t *lines_out, struct err *err);
/* The digest file beside a segment, in sha256sum's format: it exists once the digest was reported. */
bool access_digest_write(const char *directory, const char *name, const char *hex, struct err *err);
bool access_digest_read(const char *directory, const char *name, char hex_out[ACCESS_CHAIN_SIZE], struct err *err);
/* Where the chain begins: the last segment that retention deleted (n 0: none) and its last chain value (zeros). */
bool access_start_read(const char *directory, uint64_t *n_out, char chain_out[ACCESS_CHAIN_SIZE], struct err *err);
bool access_start_write(const char *directory, const char *name, const char *chain, struct err *err);
bool access_sync_directory(const char *directory, struct err *err);

/* ---- after the end (ended.c) -------------------------------------------------------------------------- */

/* Reports segments numbered below `below` that were not reported, oldest first. False: some are left. */
bool access_report(const char *directory, uint64_t below, access_ended *ended, void *arg);
/* Deletes reported segments that are older than the retention, oldest first. */
void access_retain(const char *directory, int64_t retention_ms, int64_t now_ms);

/* ---- after a crash (recover.c) ------------------------------------------------------------------------ */

struct access_recovered {
    char chain[ACCESS_CHAIN_SIZE];  /* of the newest line */
    uint64_t last_n;                /* newest segment's number, 0: there never was one */
    bool pending;                   /* a segment waits to be reported */
    struct access_segment open;     /* the newest one when it may take more lines; n 0: none */
    int64_t used;                   /* of it */
};
/* Cuts unreported segments behind their last whole line and reads their chain again. A chain that does not match is
 * logged and its segment left as it is, for access_verify to show. */
bool access_recover(const char *directory, struct access_recovered *out, struct err *err);

#endif
