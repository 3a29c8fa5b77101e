/* story: what is kept of a run, whichever module carries it out: where it stands, what it counted, how it ended, and what
 * became of its rows. Stories are the table `run`, rows the table `diff`; both are local and shown to people as they are.
 * After a run its verdicts go back to the source's adapter, where that wants them.
 */
#ifndef STORY_STORY_H
#define STORY_STORY_H

#include "base/base.h"
#include "host/host.h"
#include "ledger/ledger.h"
#include "record/record.h"
#include "store/store.h"

#define RUN_ID_SIZE 40
#define RUN_TEXT_MAX 400
#define RUN_ORIGIN_MAX 2048
#define RUN_VALUE_MAX (16u << 10)
#define UNREADABLE_DIGITS 16          /* a row without a readable code is keyed by # and its line */
#define REJECTED_KEPT_MAX 20000       /* rejected rows told one by one; further ones are counted */

enum run_state { RUN_RUNNING, RUN_DONE, RUN_INCOMPLETE, RUN_FAILED, RUN_HELD, RUN_CANCELLED, RUN_STATE_COUNT };
enum run_phase { PHASE_FETCH, PHASE_JUDGE, PHASE_APPLY, PHASE_END };

struct story {
    char id[RUN_ID_SIZE];
    char source[RECORD_ID_MAX + 1];
    char feeds[RECORD_ID_MAX + 1];    /* kind of message that its rows are; "": a list */
    enum run_state state;
    enum run_phase phase;
    enum actor_kind actor_kind;
    char actor[RECORD_ID_MAX + 1];
    bool full, dry_run, initial, absence_counts;
    int64_t started_ms, fetched_ms, ended_ms;
    char list_version[RECORD_TEXT_MAX + 1];
    int64_t total;                    /* announced; -1: not said */
    struct run_counts counts;
    int64_t awaiting;                 /* firms that wait for the run's admission */
    int64_t attempts, restarts;
    char pages[65];                   /* digest over the pages' digests */
    char origin[RUN_ORIGIN_MAX + 1];  /* what the rows came from, as the adapter names it; "" not said */
    char error[64], error_text[RUN_TEXT_MAX], error_text_zh[RUN_TEXT_MAX];
    int64_t guard_listed, guard_limit, guard_taken, guard_wanted;
    char hold_why[64];                /* code: guard.held list.empty list.short absence.confirm */
    char approval[32];                /* open or granted approval */
    char superseded_by[RUN_ID_SIZE];
    uint64_t first_seq, last_seq;     /* of its rows' records; 0 none */
};
const char *story_state_name(enum run_state state);
void story_encode(const struct story *story, struct buf *out);
bool story_decode(struct bytes in, struct story *out, struct err *err);
void story_put(struct store_txn *txn, const struct story *story);
bool story_get(struct store_txn *txn, const char *id, struct story *out, struct err *err);
/* The oldest behind `after` ("": of all); *found_out false: there is none. */
bool story_next(struct store *store, const char *after, struct story *out, bool *found_out, struct err *err);

/* When the last runs of a source that ended well began: of its whole, and of what changed since; 0: never. */
struct story_last {
    int64_t full_ms, delta_ms;
};
bool story_last(struct store *store, const char *source, struct story_last *out, struct err *err);
/* From when on the next run asks for changes: the latest start, and a little more for what was then under way. 0: from the
 * beginning. */
int64_t story_since_ms(const struct story_last *last, int64_t overlap_ms);
void story_note_last(struct store_txn *txn, const struct story *story);

/* Numbers a new run and keeps it. Blocking. */
bool story_begin(struct ledger *ledger, struct story *story, struct err *err);
bool story_save(struct ledger *ledger, struct story *story, struct err *err);
/* Why it ended as it did; NULL or ERR_NONE: nothing to say. */
void story_blame(struct story *story, const struct err *why);
/* The journal's record of a run that ended; text borrowed from the story. */
void story_record(const struct story *story, struct record *record);

/* ---- for people -------------------------------------------------------------------------------------------------- */

/* JSON object bytes as kept: id, source, state, next {who, en, zh}, actor, started, ended, list_version, counts, attempts,
 * restarts, error, guard, approval, dry_run, pages, duration_ms. */
typedef bool story_each(void *arg, struct bytes json);
/* Newest first; source and state (NULL: any) as a story names them, from behind the run `after` (NULL: the newest). */
struct story_filter {
    const char *source, *state, *after;
};
bool story_list(struct store_txn *txn, const struct story_filter *filter, size_t max, story_each *each, void *arg,
                struct err *err);
bool story_read(struct store_txn *txn, struct arena *arena, const char *run_id, struct bytes *json_out, struct err *err);
/* Row diff in code order: {"uscc","action","name","from","to","line","code","field","detail","sequence"} */
bool story_diff(struct store_txn *txn, const char *run_id, const char *after_uscc, size_t max, story_each *each,
                void *arg, struct err *err);
/* Where a page goes on behind this row: for `after` of story_diff. NULL: the row is none. */
const char *story_diff_place(struct arena *arena, struct bytes row);

/* ---- for the source (verdicts.c) --------------------------------------------------------------------------------- */

/* Tells the source's adapter what became of a run's rows, when it sends and the run named its origin. `ok` and `why` say
 * how the run ended. Waits for the adapter at most STORY_TELL_MS; a failure is only logged. */
#define STORY_TELL_MS 60000
struct story_teller {
    struct host *host;
    struct host_instance *instance;
    struct store *store;
    const _Atomic bool *stopping;     /* then it is not tried again */
};
void story_tell(const struct story_teller *teller, const struct story *story, bool ok, const struct err *why);

#endif
