/* access: the append-only, hash-linked log of every answered question.
 *
 * Segment files <data>/access/<YYYYMMDDTHHMMSSZ>-<n>.log, preallocated, one JSON object a line, each with the hash
 * chain's value: SHA-256(previous value ‖ line without it). The open segment is fsynced each second; a segment ends
 * with its hour or when full, and its digest becomes a journal record. A question whose line cannot be kept must
 * not be answered: access_append fails with store.full.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "base/base.h"

#define ACCESS_LINE_MAX 1024

struct access_log;
/* Called from access_tick's thread when a segment ended: its name and the hex digest of its bytes. False: try again
 * later. After a crash it may be told once more of a segment that it knows. */
typedef bool access_ended(void *arg, const char *segment, const char *digest_hex, uint64_t lines, struct err *err);
struct access_options {
    const char *directory;
    int64_t segment_size, retention_ms;
    access_ended *ended;
    void *arg;
};
/* Makes and locks the directory (store.locked when another process writes there). Continues after a crash: cuts a torn
 * last line, re-reads the chain; the next tick reports segments not yet reported. */
bool access_open(const struct access_options *options, struct access_log **out, struct err *err);
void access_close(struct access_log **log);
void access_set_ended(struct access_log *log, access_ended *ended, void *arg);

struct access_line {
    int64_t time_ms;
    const char *partner, *address, *uscc, *request_id;
    const char *route;                /* "whitelist.get" "whitelist.query" … */
    int status;                       /* HTTP */
    const char *outcome;              /* statement status or error code; "" */
    uint64_t sequence;
    const uint8_t *digest;            /* 32 bytes of what was answered; NULL: none */
};
/* Any thread; ≤ 1 µs apart from the hash. store.full when the line cannot be kept. */
bool access_append(struct access_log *log, const struct access_line *line, struct err *err);
/* False while a full disk keeps lines from being written. */
bool access_ready(struct access_log *log);
/* Each second, from one thread that may block (it syncs and calls `ended`): fsync, hour change, reports, retention,
 * another try after a full disk. */
void access_tick(struct access_log *log);

/* Searching, also while a daemon writes (tools give only the directory). Oldest first. `each` false ends it. */
struct access_filter {
    const char *uscc, *partner, *request_id;      /* NULL or empty: any */
    int64_t since_ms, until_ms;                   /* both included, in whole seconds; 0: any */
    const _Atomic bool *stop; /* may be NULL; once true the search ends at the next segment: cancelled */
};
struct access_found { struct bytes line; const char *segment; uint64_t number; };
typedef bool access_each(void *arg, const struct access_found *found);
bool access_find(const char *directory, const struct access_filter *filter, access_each *each, void *arg,
                 struct err *err);
/* Recomputes the chain of all segments: access.broken with segment and line. Counts lines. */
bool access_verify(const char *directory, uint64_t *lines_out, struct err *err);

/* The log's files for a copy: segments in order, each with the digest file of what was reported, then where the chain
 * begins. In this order a copy made while retention deletes is whole. A name may be gone when its turn comes. */
typedef bool access_file(void *arg, const char *name, bool is_digest, struct err *err);
bool access_files(const char *directory, access_file *each, void *arg, struct err *err);

#endif
