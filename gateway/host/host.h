/* host: loads adapters and runs their steps.
 *
 * An instance is an adapter opened with the settings of one source or partner. A job is one fetch or send; its
 * steps run on step threads, its traffic on net's loop, all within its deadline. A step that does not return
 * within the step limit quarantines the adapter: its jobs end UNCERTAIN, its late results are dropped, new jobs
 * are refused with adapter.quarantined until the daemon restarts. Time spent inside host calls (rows being
 * staged) does not count as the adapter's: a watcher samples the steps and adds up what it finds outside.
 *
 * Threads: host_new starts HOST_STEP_THREADS step threads and the watcher. Everything here may be called from any
 * thread, but not from a sink or a done callback where it waits (host_open, host_free). An abandoned thread keeps
 * the memory of its job, its instance and the host alive until it returns, if it ever does.
 *
 * What an adapter may ask for: GWA_HTTP with the host's TLS identity; GWA_TCP, one frame there and one back over TLS
 * with the same identity, FAILED when the frame surely never reached the other side; GWA_FILE_LIST, _READ and _WRITE
 * below the directories named by settings of type text whose name ends in "directory" (never through a symbolic link
 * or a dot name), and _READ of the one file a fetch was given. GWA_SFTP is not offered by this host version: it ends as
 * GWA_IO_FAILED. Each io ends with the job's deadline at the latest.
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
#define HOST_SETTINGS_MAX 128            /* in an adapter's table, and given to one instance */
#define HOST_SETTING_TEXT_MAX 4096
#define HOST_SECRETS_MAX 8
#define HOST_SECRET_BYTES_MAX 4096
#define HOST_DIRECTORIES_MAX 8
#define HOST_JOBS_MAX 256                /* under way at once; busy.queue beyond */
#define HOST_IO_TIMEOUT_MS 30000         /* when the adapter names none */
#define HOST_CONNECT_MS 10000
#define HOST_FILES_MAX 10000             /* names in one GWA_FILE_LIST */
#define HOST_ROW_MAX (64u << 10)         /* longest raw row handed to a sink */
#define HOST_SAY_MAX 100                 /* lines one job may log */
#define HOST_STOP_MS 5000                /* host_free waits this long */

struct host;
struct host_options {
    struct net *net;
    const char *adapters_dir;
    int64_t step_limit_ms;
    const char *cert, *key, *ca;         /* TLS identity for outgoing connections */
};
struct host *host_new(const struct host_options *options);
/* Cancels all jobs, waits HOST_STOP_MS for them to end, then abandons those whose step has not returned (their
 * done is called with UNCERTAIN). Before net is freed. */
void host_free(struct host **host);

/* What host_load found out, step by step; `failed_step` is NULL when it loaded. Steps in their order: dlopen
 * (adapter.unknown when there is no such file), abi, struct, name, callback; then, at host_open, setting and open. */
struct host_report {
    const char *name, *path, *failed_step;   /* dlopen abi struct name callback setting open */
    uint32_t abi;
    bool fetches, sends, quarantined;
    struct err err;
    const struct gwa_setting *settings;
};
/* Loads <dir>/<name>.so (once; one that was refused is tried again) up to and including its callbacks; the report
 * lives as long as the host and is not changed but for `quarantined`. */
bool host_load(struct host *host, const char *name, const struct host_report **report_out, struct err *err);
/* Of all names loaded or refused. */
size_t host_reports(struct host *host, const struct host_report *out[], size_t max);
/* Loads one path alone, for `adapter check`; nothing stays loaded. Text in the arena. */
void host_check_path(const char *path, struct arena *arena, struct host_report *out);

struct host_setting { const char *name, *value; };
struct host_instance;
/* Checks settings against the adapter's table (unknown keys are errors, with `place`), then calls open on a step
 * thread. adapter.setting, adapter.open with the adapter's own words, adapter.quarantined when open did not return;
 * or what host_load says. A secret file is read here and wiped at host_close. */
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
/* Codes: adapter.retry rejected uncertain broken; adapter.deadline when the job did not end in time, cancelled
 * after host_cancel (both RETRY, but UNCERTAIN of a send that had asked for something and of every resolve),
 * adapter.quarantined (UNCERTAIN). */
struct host_outcome {
    enum gwa_verdict verdict;            /* never GWA_WAIT */
    struct err err;                      /* adapter.* with the adapter's own words as detail when not DONE */
    /* send and resolve, valid during the callback: with DONE what came with the receipt, as the adapter says it */
    struct bytes reply;
    const char *reply_media_type, *reply_signature;   /* NULL: not said */
    int64_t retry_after_ms;              /* what the other side asked for, also when a resolve stays UNCERTAIN; else 0 */
};
typedef void host_done(void *arg, const struct host_outcome *outcome);   /* once, on a step thread */

struct host_fetch {
    enum gwa_scope scope;
    int64_t updated_since_ms;
    const char *file;                    /* NULL: as configured */
    int64_t deadline_ms;                 /* duration of the whole job */
};
struct host_job;
bool host_fetch_start(struct host *host, struct host_instance *instance, const struct host_fetch *fetch,
                      const struct host_sink *sink, host_done *done, void *arg, struct host_job **job_out,
                      struct err *err);
/* Whether the path names something below one of the instance's directories, without dot names; whether it leads
 * through a link is judged at opening. */
bool host_may_read(const struct host_instance *instance, const char *path);

/* A message to be carried, or asked about: text and bytes are copied. */
struct host_send {
    bool resolve;                        /* ask what became of it: DONE it had arrived, RETRY it had not */
    const char *message_id, *media_type;
    struct bytes message;                /* at most half of HOST_JOB_MEMORY_MAX; client.too_large */
    const char *signature, *origin;      /* or NULL */
    int64_t deadline_ms;                 /* duration of the whole job */
};
/* Whether the instance's adapter carries messages at all. */
bool host_sends(const struct host_instance *instance);
/* not_supported when it does not; else as host_fetch_start. outcome.reply lives in the job. */
bool host_send_start(struct host *host, struct host_instance *instance, const struct host_send *send, host_done *done,
                     void *arg, struct host_job **job_out, struct err *err);
/* Asks a running job to end soon: its next row or page call answers stop, its io fails. Safe until done was called. */
void host_cancel(struct host_job *job);

#endif
