/* host: loads adapters and runs their steps.
 *
 * An instance is an adapter opened with the settings of one source or partner. A job is one fetch or send; its
 * steps run on step threads, its traffic on net's loop, all within its deadline. A step that does not return
 * within the step limit quarantines the adapter: its jobs end UNCERTAIN, its late results are dropped, new jobs
 * are refused with adapter.quarantined until the daemon restarts. Time spent inside host calls (rows being
 * staged) does not count as the adapter's.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "adapters/adapter.h"
#include "base/base.h"
#include "net/net.h"

#define HOST_JOB_MEMORY_MAX (16u << 20)
#define HOST_IO_BODY_MAX (16u << 20)
#define HOST_STEP_THREADS 4
#define HOST_ADAPTERS_MAX 32

struct host;
struct host_options {
    struct net *net;
    const char *adapters_dir;
    int64_t step_limit_ms;
    const char *cert, *key, *ca;         /* TLS identity for outgoing connections */
};
struct host *host_new(const struct host_options *options);
/* Waits for jobs to end (they are told to stop) within a deadline, then drops them. */
void host_free(struct host **host);

/* What host_load found out, step by step; `failed_step` is NULL when it loaded. */
struct host_report {
    const char *name, *path, *failed_step;   /* dlopen abi struct name callback setting open */
    uint32_t abi;
    bool fetches, sends, quarantined;
    struct err err;
    const struct gwa_setting *settings;
};
/* Loads <dir>/<name>.so (once) up to and including its callbacks; the report lives as long as the host. */
bool host_load(struct host *host, const char *name, const struct host_report **report_out, struct err *err);
size_t host_reports(struct host *host, const struct host_report *out[], size_t max);   /* of all names loaded or refused */
/* Loads one path alone, for `adapter check`; nothing stays loaded. Text in the arena. */
void host_check_path(const char *path, struct arena *arena, struct host_report *out);

struct host_setting { const char *name, *value; };
struct host_instance;
/* Checks settings against the adapter's table (unknown keys are errors, with `place`), then calls open. */
bool host_open(struct host *host, const char *adapter, const struct host_setting *settings, size_t n, const char *place,
               struct host_instance **out, struct err *err);
void host_close(struct host_instance **instance);    /* when no job runs on it */

/* Where a fetch's rows go. Called on step threads, never two at once for one job. */
struct host_sink {
    bool (*page)(void *arg, const struct gwa_page *page);
    enum gwa_row_answer (*row)(void *arg, uint64_t line, struct bytes code, struct bytes raw);
    void (*fields)(void *arg, const struct gwa_field *fields, size_t n);
    void (*bad)(void *arg, const char *field, const char *text);
    void *arg;
};
struct host_outcome {
    enum gwa_verdict verdict;            /* never GWA_WAIT */
    struct err err;                      /* adapter.* with the adapter's own words as detail when not DONE */
    struct bytes reply;                  /* send, resolve: valid during the callback */
};
typedef void host_done(void *arg, const struct host_outcome *outcome);   /* once, on a step thread or the loop */

struct host_fetch {
    enum gwa_scope scope;
    int64_t updated_since_ms;
    const char *file;                    /* NULL: as configured */
    int64_t deadline_ms;                 /* duration of the whole job */
};
struct host_job;
bool host_fetch_start(struct host *host, struct host_instance *instance, const struct host_fetch *fetch,
                      const struct host_sink *sink, host_done *done, void *arg, struct host_job **job_out, struct err *err);
/* Asks a running job to end soon: its next row or page call answers stop, its io fails. Safe until done was called. */
void host_cancel(struct host_job *job);

#endif
