/* adapter.h: the interface between the gateway and an adapter, a plug-in that speaks one partner's dialect.
 * Self-contained C11; an adapter includes this file and nothing else of the gateway.
 *
 * Version history (append-only changes raise MINOR, anything else raises MAJOR):
 *   1.0  first version: open, fetch, send, resolve, close; host: io, alloc, say, sign, row.
 *   1.1  gwa_page.origin and gwa_job.origin: a source's adapter is sent what became of the rows.
 *   1.2  gwa_io.frame_digits: one framed exchange over TCP. gwa_job.reply_media_type, reply_signature,
 *        retry_after_ms: what came with a receipt, and when to try again.
 *   1.3  row_fields takes a row that is a message: one field, `body`.
 *
 * An adapter exports exactly two symbols:
 *     const uint32_t gwa_abi;             GWA_ABI_VERSION as compiled
 *     const struct gwa_adapter gwa_entry;
 *
 * An adapter never blocks and never does its own input or output. fetch, send and resolve are step
 * functions: the host calls them again and again. In a step the adapter looks at the result of what it asked
 * for last (`job->result`), asks for the next thing with host->io and returns GWA_WAIT, or returns a verdict.
 * A step that does not return within the host's limit is set aside: its adapter is quarantined, its job
 * UNCERTAIN, its late result dropped. Steps of one job never run at the same time; steps of different jobs
 * may, on different threads, so per-job state belongs in job->state and an instance is read-only after open.
 */
#ifndef ADAPTERS_ADAPTER_H
#define ADAPTERS_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GWA_ABI_MAJOR 1
#define GWA_ABI_MINOR 3
#define GWA_ABI_VERSION (((uint32_t)GWA_ABI_MAJOR << 16) | GWA_ABI_MINOR)
#define GWA_EXPORT __attribute__((visibility("default")))

struct gwa_bytes {
    const uint8_t *p;      /* borrowed; NULL when n is 0 */
    size_t n;
};

enum gwa_verdict {
    GWA_WAIT,              /* io was asked for; call again with its result */
    GWA_DONE,              /* it happened */
    GWA_RETRY,             /* it did not happen; the same may work later */
    GWA_REJECTED,          /* the other side refused; the same will be refused again */
    GWA_UNCERTAIN,         /* it may have happened: ask (resolve) before doing it again */
    GWA_BROKEN             /* the other side or this adapter broke the rules; a person must look */
};

/* ---- settings ----------------------------------------------------------------------------------- */

enum gwa_type { GWA_TEXT, GWA_INTEGER, GWA_BOOLEAN, GWA_DURATION /* milliseconds */, GWA_SECRET_FILE, GWA_MAP };
struct gwa_setting {
    const char *name;      /* as in the sources or partners file; NULL name ends the table */
    enum gwa_type type;
    bool required;
    const char *fallback;  /* default as text, or NULL. GWA_MAP: its keys, separated by spaces; NULL: any */
    const char *help;      /* one line */
};
/* A setting's value as text, after defaults; NULL when absent; valid until close. The host has checked types.
 * Integers are decimal, booleans "true"/"false", durations milliseconds in decimal. GWA_MAP `fields` takes
 * keys "fields.KEY", asked for by that whole name. A text whose name ends in "directory" is an absolute path, and
 * files below it may be listed, read and written. A secret file's value is a handle, never the secret: where the
 * handle stands in an HTTP header, the host sends the secret in its place; host->hmac_sha256 takes the setting's
 * name. */

/* ---- input and output ---------------------------------------------------------------------------- */

/* One io a step. GWA_FILE_LIST answers a line "name TAB bytes TAB mtime_ms" per regular file, sorted by name.
 * GWA_FILE_WRITE writes beside and renames: the file is seen whole or not at all. What a host does not offer ends
 * as GWA_IO_FAILED with `why`. */

enum gwa_io_kind { GWA_HTTP, GWA_SFTP, GWA_TCP, GWA_FILE_LIST, GWA_FILE_READ, GWA_FILE_WRITE };
struct gwa_io {
    size_t size;                       /* sizeof(struct gwa_io) */
    enum gwa_io_kind kind;
    const char *target;                /* URL; or directory/name below one of the adapter's directories, or job->file */
    const char *method;                /* HTTP; NULL: GET */
    const char *const *headers;        /* "Name: value", NULL-terminated; NULL: none */
    struct gwa_bytes body;             /* HTTP body, TCP frame, file content */
    uint64_t offset;                   /* GWA_FILE_READ */
    uint64_t limit;                    /* most bytes of the answer; 0: the host's limit (16 MiB) */
    int64_t timeout_ms;                /* 0: the host's; never past the job's deadline */
    /* 1.2 GWA_TCP: target is host:port, TLS with the host's identity. Both directions are one frame: this many ASCII
     * digits (1 to 10) of the length in bytes, then the bytes; body and result hold the bytes alone. */
    unsigned frame_digits;
};
enum gwa_io_state { GWA_IO_NONE, GWA_IO_OK, GWA_IO_FAILED /* surely not sent */, GWA_IO_UNSURE /* may have arrived */ };
struct gwa_io_result {
    enum gwa_io_state state;
    int status;                        /* HTTP */
    const char *headers;               /* raw block, "" when none */
    struct gwa_bytes body;             /* valid during this step */
    const char *why;                   /* one line when not OK */
    bool end;                          /* GWA_FILE_READ: nothing behind it */
};

/* ---- a list's rows --------------------------------------------------------------------------------- */

enum gwa_row_answer {
    GWA_ROW_KNOWN,                     /* these exact bytes were seen for this code: nothing to parse */
    GWA_ROW_PARSE,                     /* map it and hand it over with host->row_fields */
    GWA_ROW_STOP                       /* the run is being cancelled or restarted: return GWA_RETRY */
};
/* Canonical field names: uscc name region_code industry_code scale ownership level batch document_no
 * valid_from valid_until status reason. status is certified or withdrawn. Values are UTF-8 text.
 * 1.3 A source whose rows are messages (`feeds` in the sources file) hands over one field `body` a row: the JSON of the
 * message's body, at most 64 KiB in one line, with the code that people know it by as the row's code. */
struct gwa_field {
    const char *name;
    struct gwa_bytes value;
};
struct gwa_page {                      /* told for each page when it begins */
    size_t size;
    uint64_t number;                   /* from 1 */
    const char *list_version;          /* NULL: not said */
    int64_t total;                     /* rows announced; -1: not said */
    struct gwa_bytes raw;              /* the page's exact bytes: digested into the run's record */
    /* 1.1 */
    const char *origin;                /* what the rows come from, in one line of at most 2 KiB (a path, a time): kept
                                          with the run and handed back to send; NULL: not said */
};

struct gwa_job;
struct gwa_host {
    size_t size;
    /* Memory of the job, zeroed, freed with it. NULL when the job's bound (16 MiB) is reached. */
    void *(*alloc)(struct gwa_job *job, size_t n);
    /* One line for operators, without personal data. level 0 debug … 4 error. */
    void (*say)(struct gwa_job *job, int level, const char *text);
    /* Asks for one input or output; everything is copied. The result is in job->result at the next step. */
    void (*io)(struct gwa_job *job, const struct gwa_io *io);
    /* Base64 of HMAC-SHA256 with the secret of setting `name`; NUL-terminated into out. */
    bool (*hmac_sha256)(struct gwa_job *job, const char *name, struct gwa_bytes in, char *out, size_t size);
    const char *(*setting)(const struct gwa_job *job, const char *name);
    int64_t (*now_ms)(const struct gwa_job *job);      /* wall time, ms since 1970 UTC */
    /* fetch jobs only. `line` counts rows from 1 over the whole list, or is the row's place in its file; `raw` is at
     * most 64 KiB: of a longer row its first 64 KiB, then row_bad("row", …). A row without a readable code is announced with
     * an empty one. What is announced and answered GWA_ROW_PARSE must be followed by row_fields or row_bad. */
    bool (*page)(struct gwa_job *job, const struct gwa_page *page);     /* false: stop, return GWA_RETRY */
    enum gwa_row_answer (*row)(struct gwa_job *job, uint64_t line, struct gwa_bytes code, struct gwa_bytes raw);
    void (*row_fields)(struct gwa_job *job, const struct gwa_field *fields, size_t n);
    /* The row just announced cannot be read: field and text say why. It counts as seen. */
    void (*row_bad)(struct gwa_job *job, const char *field, const char *text);
    /* The last verdict's reason, one line, shown to operators. */
    void (*why)(struct gwa_job *job, const char *text);
};

enum gwa_scope { GWA_FULL, GWA_BATCH, GWA_DELTA };
struct gwa_job {
    const struct gwa_host *host;
    void *instance;                    /* what open returned */
    void *state;                       /* the adapter's own, for this job; NULL at the first step */
    struct gwa_io_result result;       /* of the last io; state GWA_IO_NONE at the first step */
    int64_t deadline_ms;               /* monotonic, absolute: for information */
    /* fetch */
    enum gwa_scope scope;
    int64_t updated_since_ms;          /* delta: rows changed since; 0: all */
    const char *file;                  /* one given file, or NULL */
    /* send and resolve */
    const char *message_id;
    const char *media_type;
    struct gwa_bytes message;          /* signed bytes, to be carried unchanged */
    const char *signature;             /* x-jws-signature, or NULL */
    struct gwa_bytes reply;            /* set by the adapter: the other side's receipt */
    /* 1.1 send and resolve of a source: after a run that named its origin, `message` is text/csv in UTF-8 with the
     * columns row, code, field, text: first how the run ended, then each row that was refused; message_id is the
     * run's. The job is tried again a few times, then dropped. */
    const char *origin;                /* as gwa_page.origin of that run, or NULL */
    /* 1.2 send and resolve of a partner: set by the adapter beside `reply`, from the job's memory */
    const char *reply_media_type;      /* of the receipt; NULL: as the message's */
    const char *reply_signature;       /* its x-jws-signature; NULL: none, or inside the receipt */
    int64_t retry_after_ms;            /* with GWA_RETRY, or GWA_UNCERTAIN of a resolve: the other side asked to wait
                                          this long; 0: it did not */
};

struct gwa_adapter {
    size_t size;                       /* sizeof(struct gwa_adapter) as compiled */
    const char *name;                  /* equals the file's stem */
    const struct gwa_setting *settings;
    /* Called once per source or partner with a job for settings and say; false: refused, with `why`. */
    bool (*open)(struct gwa_job *job, void **instance_out);
    enum gwa_verdict (*fetch)(struct gwa_job *job);      /* NULL: not a source */
    enum gwa_verdict (*send)(struct gwa_job *job);       /* NULL: cannot send; demands resolve */
    enum gwa_verdict (*resolve)(struct gwa_job *job);    /* DONE: it had arrived; RETRY: it had not */
    void (*close)(void *instance);
};

#endif
