/* Private to sync: a run from the inside. */
#ifndef SYNC_INTERNAL_H
#define SYNC_INTERNAL_H

#include <pthread.h>

#include "crypto/crypto.h"
#include "story/story.h"
#include "sync/sync.h"

#define STAGE_VALUE_MAX (SYNC_ROW_MAX + (16u << 10))
#define STAGE_CHUNK_BYTES (8u << 20)  /* staged in one transaction, about */
#define ATTEMPTS_MAX 3
#define ROWS_MAX 50000000u            /* rows of one list */

/* ---- one row, from the adapter to the stage ---- */

enum stage_kind { STAGE_ROW = 1, STAGE_CONFLICT, STAGE_BAD, STAGE_ABSENT, STAGE_MISSING };
struct staged {
    enum stage_kind kind;
    char uscc[USCC_SIZE];
    uint64_t line;
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    bool other_province;
    bool again;                       /* the firm's stored row was seen before in this run */
    uint32_t rows;                    /* STAGE_CONFLICT: how many */
    struct cert_row row;
    enum err_code code;               /* STAGE_BAD */
    const char *field, *detail;
    struct bytes raw;
};
void staged_init(struct staged *staged, enum stage_kind kind, const char *uscc, uint64_t line);
void staged_encode(const struct staged *staged, struct buf *out);
/* Text is borrowed from `in`. */
bool staged_decode(struct bytes in, const char *uscc, struct staged *out, struct err *err);
/* Checks an adapter's fields and makes a row of them. False: code, field and detail of *out say why (kind STAGE_BAD);
 * *readable_out tells whether the code itself could be read. */
bool row_read(struct arena *arena, const struct gwa_field *fields, size_t n, struct staged *out, bool *readable_out);

/* The local row of a (source, code): what was last applied. */
struct known_row {
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    uint32_t ordinal;
    const char *missing;              /* list version it was first missing from; "" when present */
};
bool known_row_get(struct store_txn *txn, const char *source, const char *uscc, struct known_row *out);
bool known_row_find(struct store_finder *finder, const char *source, const char *uscc, struct known_row *out);
void known_row_put(struct store_txn *txn, const char *source, const char *uscc, const struct known_row *row);

/* ---- a run under way ---- */

struct run {
    struct sync *sync;
    struct plan *plan;
    char id[RUN_ID_SIZE];             /* the story's; others read it while the run's own thread rewrites the story */
    struct story story;
    struct directory *directory;      /* keeps *source alive */
    const struct source *source;
    char *file;
    char *batch;                      /* the one batch number of every row so far; NULL none yet */
    bool batches_differ;
    pthread_t thread;
    pthread_mutex_t lock;             /* guards fetch_* and cancelled */
    pthread_cond_t changed;
    bool cancelled, fetch_done;
    bool ending;                      /* under sync's lock: its verdict is being kept, then told; soon over */
    struct host_job *job;
    enum gwa_verdict verdict;
    struct err err;
    /* while rows come in: step thread only */
    uint8_t map_digest[CRYPTO_DIGEST_SIZE];   /* of the source's settings: mapped otherwise, rows mean otherwise */
    struct crypto_hash *pages;
    uint64_t page_n;
    bool list_changed, unreadable, too_many;
    struct err sink_err;              /* the store failed under the rows */
    struct store_finder *known;       /* looks known rows up; NULL: a first list, nothing to look up */
    uint64_t *seen;                   /* one bit per known row, by ordinal */
    size_t seen_words;
    uint64_t seen_n;
    uint64_t known_n;                 /* known rows of the source when the run began */
    uint64_t line;                    /* of the row being read */
    char row_code[USCC_SIZE];
    struct bytes row_raw;
    uint8_t row_digest[CRYPTO_DIGEST_SIZE];
    struct spill *spill;              /* rows that wait to be staged */
    struct arena *row_arena;          /* of the row being read */
    int64_t rejected_kept;
    struct run *next;                 /* in plan list of threads to join */
};

enum said { SAID_NOTHING, SAID_PAUSE, SAID_RESUME };

struct plan {
    char id[RECORD_ID_MAX + 1];
    struct host_instance *instance;
    char *instance_digest;            /* of adapter and settings, to see whether it must be opened again */
    struct run *run;                  /* NULL: none under way */
    int64_t next_ms;                  /* monotonic: when the timer starts it next */
    int failures;
    enum said said;                   /* by a person about the timer; goes before what the file says */
    bool gone;
    struct plan *next;
};

#define GRANTED_MAX 64                /* further ones are found again at the next start */
struct granted {
    char run_id[RUN_ID_SIZE];
    bool granted;
};

struct sync {
    struct host *host;
    struct ledger *ledger;
    struct store *store;
    char *spill_dir;
    int64_t overlap_ms;
    pthread_mutex_t lock;             /* guards what follows */
    struct directory *directory;
    struct plan *plans;
    struct run *ended;                /* threads to join */
    pthread_cond_t idle;              /* a run ended */
    _Atomic bool stopping;
    /* Held runs whose approval was just decided. A lock of its own: the committer takes it, and the other one is held
     * by those who wait for the committer. */
    pthread_mutex_t granted_lock;
    struct granted granted[GRANTED_MAX];
    size_t granted_n;
};

/* rows.c: the host's sink of a run */
void run_sink(struct run *run, struct host_sink *out);
void run_reset_rows(struct run *run);
bool run_prepare_seen(struct run *run, struct err *err);
bool run_is_cancelled(struct run *run);
bool run_has_seen(const struct run *run, uint32_t ordinal);   /* the known row of this ordinal came in this run */

/* spill.c: rows put aside in any order and taken back in code order, of one code in the order they came in */
struct spill *spill_new(void);
void spill_free(struct spill **spill);
void spill_reset(struct spill *spill);
/* *written_out: a part of the list went to the file. store.full, store.failed. */
bool spill_add(struct spill *spill, const struct sync *sync, const struct staged *staged, bool *written_out,
               struct err *err);
/* Nothing is added from now on; what spill_peek shows is borrowed until spill_reset. */
bool spill_merge(struct spill *spill, const struct sync *sync, struct err *err);
bool spill_peek(const struct spill *spill, const char **uscc_out, struct bytes *value_out);
void spill_next(struct spill *spill);

/* stage.c */
bool stage_add(struct run *run, const struct staged *staged, struct err *err);
bool stage_write(struct run *run, struct err *err);      /* the list is whole */
bool stage_clear(struct sync *sync, const char *run_id, struct err *err);
/* Reads staged rows after `after` ("" = the first) inside a transaction; returns how many. */
size_t stage_read(struct store_txn *txn, struct arena *arena, const char *run_id, const char *after, struct staged *out,
                  size_t max, struct err *err);
void stage_delete(struct store_txn *txn, const char *run_id, const char *uscc);

/* judge.c */
bool run_judge(struct run *run, bool *hold_out, struct err *err);
void fact_from_staged(const struct staged *staged, const struct story *story, struct fact *fact);
const char *outcome_action(const struct staged *staged, const struct ledger_outcome *outcome);
void count_outcome(struct run_counts *counts, const struct staged *staged, const struct ledger_outcome *outcome);
void diff_put(struct store_txn *txn, const char *run_id, const struct staged *staged,
              const struct ledger_outcome *outcome);

/* apply.c */
bool run_apply(struct sync *sync, struct story *story, struct err *err);
bool run_finish(struct sync *sync, struct story *story, enum run_state state, const struct err *why, struct err *err);
bool run_hold(struct sync *sync, struct story *story, struct err *err);

/* run.c */
bool run_start(struct sync *sync, struct plan *plan, const struct sync_request *request, char *run_id_out,
               struct err *err);
bool run_resume(struct sync *sync, struct plan *plan, const char *run_id, struct err *err);
void run_cancel(struct run *run);
void run_free(struct run **run);

#endif
