/* Private to feed: a run from the inside. feed.c says when, run.c leads a run from its start to its end, rows.c takes
 * rows from the adapter, judge.c hands them to intake and tells what became of them. */
#ifndef FEED_INTERNAL_H
#define FEED_INTERNAL_H

#include <pthread.h>

#include "crypto/crypto.h"
#include "feed/feed.h"
#include "story/story.h"

#define ROWS_WAITING_MAX 256           /* rows fetched and not yet judged; the adapter waits beyond */
#define BATCH_ROWS 64                  /* judged together, so that one fsync serves many */
#define SHOWN_MAX 200                  /* bytes of a row's code, of a field and of a detail */

/* A row on its way: a body, or why there is none. */
struct fetched {
    uint64_t line;
    char *code;                        /* as the adapter announced it */
    uint8_t *body;
    size_t n;
    enum err_code bad;                 /* ERR_NONE: there is a body */
    char *field, *detail;
};

enum said { SAID_NOTHING, SAID_PAUSE, SAID_RESUME };

struct plan {
    char id[RECORD_ID_MAX + 1];
    struct host_instance *instance;
    char digest[2 * CRYPTO_DIGEST_SIZE + 1];  /* of adapter and settings, to see whether it must be opened again */
    struct run *run;                   /* NULL: none under way */
    int64_t next_ms;                   /* monotonic: when the timer starts it next */
    int failures;
    enum said said;                    /* by a person; goes before what the file says */
    bool gone;
    struct plan *next;
};

struct run {
    struct feed *feed;
    struct plan *plan;
    char id[RUN_ID_SIZE];              /* the story's; others read it while the run's own thread rewrites the story */
    struct story story;                /* the run's own thread's */
    struct directory *directory;       /* keeps *source alive */
    const struct source *source;
    char *file;
    pthread_t thread;
    bool ending;                       /* under feed's lock: its end is being kept, then told; soon over */
    pthread_mutex_t lock;              /* guards what follows */
    pthread_cond_t changed;
    bool cancelled, fetch_done;
    bool deaf;                         /* nothing more is taken: the store failed under the rows */
    struct host_job *job;
    struct err err;                    /* of the fetch */
    struct fetched waiting[ROWS_WAITING_MAX];
    size_t waiting_n;
    int64_t received;
    uint64_t pages;
    char origin[RUN_ORIGIN_MAX + 1];
    /* step thread only, or after the fetch */
    struct crypto_hash *digest;        /* over the pages' digests */
    uint64_t line;                     /* of the row being read */
    char code[SHOWN_MAX];
    int64_t kept;                      /* rows told one by one; the run's own thread's */
    struct run *next;                  /* in the list of threads to join */
};

struct feed {
    struct feed_options options;
    pthread_mutex_t lock;              /* guards what follows */
    pthread_cond_t idle;               /* a run ended */
    struct directory *directory;
    struct plan *plans;
    struct run *ended;                 /* threads to join */
    _Atomic bool stopping;
};

/* Called with feed's lock held. */
bool feeding_start(struct feed *feed, struct plan *plan, const struct feed_request *request, char *run_id_out,
                   struct err *err);
void feeding_cancel(struct run *run);
bool feeding_is_cancelled(struct run *run);
void feeding_free(struct run **run);
bool feeding_finish(struct feed *feed, struct story *story, enum run_state state, const struct err *why, struct err *err);

/* rows.c */
void rows_sink(struct run *run, struct host_sink *out);
void rows_reset(struct run *run);      /* before each attempt */
/* Waits for rows and takes at most `max` of them; 0: the fetch has ended and nothing is left. They are the caller's. */
size_t rows_take(struct run *run, struct fetched *out, size_t max);
void fetched_free(struct fetched *rows, size_t n);

/* judge.c */
bool judge_rows(struct run *run, const struct fetched *rows, size_t n, struct err *err);

#endif
