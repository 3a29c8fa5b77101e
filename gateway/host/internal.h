/* internal: what the files of this module share.
 *
 * load.c finds and judges adapters, setting.c their settings, open.c makes instances; job.c keeps jobs and their
 * ends, step.c the threads and the watcher, call.c is what an adapter calls, http.c and file.c do its io.
 * host->lock guards every member that changes, but for a job's gate and stop and what only its step thread uses.
 */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "host/host.h"

struct host_adapter {
    struct host_report report;
    struct gwa_adapter entry;
    struct host_adapter *older;      /* refused attempts of the same name: their reports were lent */
    void *library;
    char *name, *path;
    bool quarantined;
};

struct host_secret {
    const char *name;                /* of the setting */
    const char *handle;              /* what the adapter sees; random, so that no other text contains it */
    uint8_t *p;
    size_t n;
};

struct host_instance {
    struct host *host;
    struct host_adapter *adapter;
    struct arena *arena;
    struct host_setting *values;
    size_t value_n;
    struct host_secret secrets[HOST_SECRETS_MAX];
    size_t secret_n;
    const char *directories[HOST_DIRECTORIES_MAX];
    size_t directory_n;
    void *instance;                  /* what open returned */
    unsigned refs;                   /* the owner's and one per job */
};

/* What an adapter asked for in this step, copied. */
struct host_ask {
    bool asked;
    enum gwa_io_kind kind;
    char *target, *method;
    char **headers;                  /* secrets not yet put in */
    uint8_t *body;
    size_t body_n;
    uint64_t offset, limit;
    int64_t timeout_ms;
    unsigned frame_digits;
    const char *fault;               /* why it cannot be done at all; NULL: it can */
};

/* The answer that job->face.result points into. */
struct host_answer {
    enum gwa_io_state state;
    int status;
    char *headers;
    uint8_t *body;
    size_t body_n;
    char why[256];
    bool end;
};

/* Who may act for a stepping job. Calls into the host pass OWN -> HOST and back; the watcher passes OWN -> SHUT
 * when it gives the step up: from then on nothing the adapter does reaches anybody. */
enum job_gate { GATE_OWN, GATE_HOST, GATE_SHUT };
enum job_kind { JOB_OPEN, JOB_FETCH, JOB_SEND, JOB_RESOLVE, JOB_CLOSE };
enum job_phase { JOB_WAITING, JOB_READY, JOB_STEPPING, JOB_ENDING };

struct host_job {
    struct gwa_job face;             /* first: the adapter's view and the job are one address */
    struct host *host;
    struct host_instance *instance;
    enum job_kind kind;
    enum job_phase phase;
    bool queued;
    unsigned refs;                   /* the list's, the running step's, the io's under way */
    struct host_job *next_ready;
    struct host_job *before, *behind;
    int64_t deadline_ms;
    _Atomic int gate;
    _Atomic bool stop;
    enum err_code stop_code;
    struct host_sink sink;
    host_done *done;
    void *arg;
    struct host_outcome outcome;
    /* of the step thread */
    struct arena *arena;
    size_t used;
    bool row_open;                   /* a row was announced and waits for its fields */
    const char *broken;              /* a rule the adapter broke */
    char why[256];
    unsigned said;
    char *file;
    struct host_ask ask;
    uint64_t ask_number;             /* an answer to an older question is dropped */
    struct host_answer answer;
};

struct stepper {
    pthread_t thread;
    struct host *host;
    struct stepper *next;
    struct host_job *job;            /* being stepped, or NULL */
    uint64_t step, seen;             /* number of the step; that of the watcher's last look */
    int64_t own_ms, looked_ms;       /* found outside the host; when it looked */
    bool abandoned;
};

struct host {
    struct host_options options;
    char *dir, *cert, *key, *ca;
    pthread_mutex_t lock;
    pthread_cond_t work, watch, idle;
    unsigned refs;                   /* the owner's, each thread's, each job's and instance's */
    struct host_adapter *adapters[HOST_ADAPTERS_MAX];
    size_t adapter_n;
    struct host_job *jobs;           /* whose done has not been called */
    size_t job_n;
    struct host_job *ready_first, *ready_last;
    struct stepper *steppers;
    size_t abandoned_n;              /* threads given up that have not returned yet */
    pthread_t watcher;
    int64_t watch_until;
    bool closing, stopping;
};

int64_t host_mono_ms(void);          /* the machine's own: a test's clock cannot hold up deadlines */
void host_drop(struct host *host);   /* one ref; not under the lock */

/* load.c */
bool host_abi_fits(uint32_t theirs, uint32_t ours, struct err *err);
struct host_adapter *host_adapter_find(struct host *host, const char *name);   /* under the lock */
void host_adapter_free(struct host_adapter *adapter);

/* setting.c */
bool host_settings_take(struct host_instance *instance, const struct host_setting *given, size_t n, const char *place,
                        struct err *err);
const char *host_setting_find(const struct host_instance *instance, const char *name);
void host_secrets_wipe(struct host_instance *instance);

/* open.c */
void host_instance_drop(struct host_instance *instance);     /* under the lock */

/* job.c: all under the lock */
bool host_job_start(struct host_job *job, struct err *err);
struct host_job *host_job_new(struct host_instance *instance, enum job_kind kind, int64_t duration_ms);
void host_job_drop(struct host_job *job);
void host_job_ready(struct host_job *job);
void host_job_end(struct host_job *job, enum gwa_verdict verdict, enum err_code code, const char *detail);
void host_job_stop(struct host_job *job, enum err_code code);
void host_job_settle(struct host_job *job, enum gwa_verdict verdict);
void host_job_deliver(struct host_job *job);                 /* gives the lock back while done runs */

/* step.c: host_quarantine under the lock */
void host_threads_start(struct host *host);
void host_threads_stop(struct host *host);
void host_quarantine(struct host *host, struct host_adapter *adapter);
void host_give_up(struct host *host);        /* abandons every step that has not returned; under the lock */
void host_watch_wake(struct host *host, int64_t until_ms);

/* call.c */
extern const struct gwa_host host_calls;
bool host_gate_enter(struct host_job *job);
void host_gate_leave(struct host_job *job);
void host_ask_clear(struct host_ask *ask);
void host_answer_set(struct host_job *job, struct host_answer *answer);        /* takes what it holds */
void host_answer_clear(struct host_answer *answer);
void host_line_copy(char *out, size_t size, const char *text);     /* one line of UTF-8, cut where it must be */

/* http.c (HTTP and TCP): not under the lock; answers through host_job_ready. file.c: on the step thread. */
void host_http_start(struct host_job *job, struct host_ask *ask);            /* clears the ask */
void host_file_run(struct host_job *job, struct host_answer *answer);

#endif
