/* Applying a judged run: the staged differences in code order, in chunks, each one transaction with the run's
 * progress, so that a crash is rolled forward from the first row still staged. */
#include "sync/internal.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

/* A job may be decided more than once, so it never changes what it started from. */
struct chunk {
    const struct story *before;
    struct story after;
    bool more;
};

static const char *meta_name(struct ledger_tx *tx, const char *what, const char *source)
{
    return arena_printf(ledger_arena(tx), "%s:%s", what, source);
}

/* ---- the local row that belongs to a decided one ---- */

/* Of a source: the next known row's number, and how many there are. Kept here while a chunk is applied. */
struct numbers {
    uint64_t ordinals, rows;
};

static void numbers_read(struct ledger_tx *tx, const char *source, struct numbers *out)
{
    out->ordinals = store_number(ledger_txn(tx), TABLE_META, meta_name(tx, "ordinals", source));
    out->rows = store_number(ledger_txn(tx), TABLE_META, meta_name(tx, "rows", source));
}

static void numbers_write(struct ledger_tx *tx, const char *source, const struct numbers *numbers)
{
    store_set_number(ledger_txn(tx), TABLE_META, meta_name(tx, "ordinals", source), numbers->ordinals);
    store_set_number(ledger_txn(tx), TABLE_META, meta_name(tx, "rows", source), numbers->rows);
}

static void remember_row(struct store_txn *txn, struct numbers *numbers, const struct story *story,
                         const struct staged *staged)
{
    struct known_row known = {0};
    bool old = known_row_get(txn, story->source, staged->uscc, &known);
    struct known_row now = {.ordinal = old ? known.ordinal : (uint32_t)numbers->ordinals, .missing = ""};
    memcpy(now.digest, staged->digest, sizeof now.digest);
    numbers->ordinals += !old;
    numbers->rows += !old;
    known_row_put(txn, story->source, staged->uscc, &now);
}

/* A firm that was taken off as absent may come back by the list, by a person, or by undoing the run: its row stays,
 * with no digest to be equal to, and must be missing twice anew. */
static void forget_row(struct store_txn *txn, const struct story *story, const char *uscc)
{
    struct known_row known;
    if (!known_row_get(txn, story->source, uscc, &known))
        return;
    struct known_row now = {.ordinal = known.ordinal, .missing = ""};
    known_row_put(txn, story->source, uscc, &now);
}

static void mark_missing(struct ledger_tx *tx, const struct story *story, const char *uscc)
{
    struct known_row known;
    if (!known_row_get(ledger_txn(tx), story->source, uscc, &known) || known.missing[0] != '\0')
        return;
    struct known_row now = known;
    now.missing = story->list_version;
    known_row_put(ledger_txn(tx), story->source, uscc, &now);
}

/* ---- rows ---- */

/* A row that policy refuses is told like a bad one; it must not stop the others. */
static bool refused(struct staged *staged, struct err *err)
{
    enum err_kind kind = err_info(err->code)->kind;
    if (kind != ERR_KIND_INPUT && kind != ERR_KIND_CONFLICT)
        return false;
    staged->kind = STAGE_BAD;
    staged->code = err->code;
    *err = (struct err){0};
    return true;
}

static bool decide_row(struct ledger_tx *tx, struct story *story, struct numbers *numbers, struct staged *staged,
                       struct ledger_outcome *outcome, struct err *err)
{
    struct fact fact;
    fact_from_staged(staged, story, &fact);
    if (!ledger_fact(tx, &fact, staged->raw, outcome, err)) {
        story->counts.rejected++;
        return refused(staged, err);
    }
    if (outcome->seq > 0) {
        story->first_seq = story->first_seq == 0 ? outcome->seq : story->first_seq;
        story->last_seq = outcome->seq;
    }
    story->awaiting += outcome->awaits_admission;
    if (staged->kind == STAGE_ROW)
        remember_row(ledger_txn(tx), numbers, story, staged);
    else
        forget_row(ledger_txn(tx), story, staged->uscc);
    return true;
}

static bool apply_one(struct ledger_tx *tx, struct story *story, struct numbers *numbers, struct staged *staged,
                      struct err *err)
{
    struct ledger_outcome outcome = {0};
    if (staged->kind == STAGE_ROW || staged->kind == STAGE_ABSENT)
        CHECK(decide_row(tx, story, numbers, staged, &outcome, err));
    else if (staged->kind == STAGE_MISSING)
        mark_missing(tx, story, staged->uscc);
    count_outcome(&story->counts, staged, &outcome);
    bool told = outcome.changed || staged->kind != STAGE_ROW;
    if (told)
        diff_put(ledger_txn(tx), story->id, staged, &outcome);
    stage_delete(ledger_txn(tx), story->id, staged->uscc);
    return true;
}

static bool chunk_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct chunk *chunk = arg;
    struct story story = *chunk->before;
    struct staged *rows = arena_alloc(ledger_arena(tx), SYNC_CHUNK_ROWS * sizeof *rows);
    size_t n = stage_read(ledger_txn(tx), ledger_arena(tx), story.id, "", rows, SYNC_CHUNK_ROWS, err);
    if (err->code != ERR_NONE)
        return false;
    struct numbers numbers;
    numbers_read(tx, story.source, &numbers);
    for (size_t i = 0; i < n; i++)
        CHECK(apply_one(tx, &story, &numbers, &rows[i], err));
    numbers_write(tx, story.source, &numbers);
    if (chunk->before->first_seq == 0 && story.first_seq > 0)
        ledger_hold(tx, story.first_seq);
    story_put(ledger_txn(tx), &story);
    if (store_failed(ledger_txn(tx), err))
        return false;
    chunk->after = story;
    chunk->more = n == SYNC_CHUNK_ROWS;
    return true;
}

bool run_apply(struct sync *sync, struct story *story, struct err *err)
{
    story->state = RUN_RUNNING;
    story->phase = PHASE_APPLY;
    CHECK(story_save(sync->ledger, story, err));
    struct chunk chunk = {.before = story, .more = true};
    while (chunk.more) {
        if (sync->stopping)
            return err_set(err, ERR_STOPPING, story->id, "goes on at the next start");
        CHECK(ledger_run(sync->ledger, chunk_job, &chunk, err));
        *story = chunk.after;
    }
    return true;
}

/* ---- the end of a run ---- */

static bool propose(struct ledger_tx *tx, struct story *story, const char *what, const char *note, struct err *err)
{
    struct approval proposal = {
        .what = what,
        .object = story->id,
        .digest = "",
        .maker = {story->actor_kind, story->actor},
        .note = note,
        .payload = arena_printf(
            ledger_arena(tx), "{\"source\":\"%s\",\"first\":%llu,\"last\":%llu,\"firms\":%lld,\"initial\":%s}",
            story->source, (unsigned long long)(story->first_seq > 0 ? story->first_seq : 1),
            (unsigned long long)story->last_seq, (long long)story->awaiting, story->initial ? "true" : "false"),
    };
    return ledger_propose(tx, &proposal, story->approval, err);
}

/* At most one run of a source is held: an older one was overtaken by this one and its question is closed. */
static bool supersede(struct ledger_tx *tx, const struct story *now, const char *older_id, struct err *err)
{
    struct story older;
    CHECK(story_get(ledger_txn(tx), older_id, &older, err));
    older.state = RUN_CANCELLED;
    older.ended_ms = ledger_now(tx);
    memcpy(older.superseded_by, now->id, sizeof older.superseded_by);
    story_put(ledger_txn(tx), &older);
    return ledger_close_proposal(tx, older.approval, arena_printf(ledger_arena(tx), "superseded by %s", now->id), err);
}

static bool note_held(struct ledger_tx *tx, const struct story *now, struct err *err)
{
    struct store_key key = key_text(meta_name(tx, "held", now->source));
    struct bytes value;
    bool any = store_get(ledger_txn(tx), TABLE_META, &key, &value);
    const char *held = any ? arena_strndup(ledger_arena(tx), (const char *)value.p, value.n) : "";
    bool own = strcmp(held, now->id) == 0;
    /* a look that found no list answers nothing */
    bool carried = now->pages[0] != '\0' && (now->state == RUN_DONE || now->state == RUN_HELD);
    if (any && !own && carried)
        CHECK(supersede(tx, now, held, err));
    if (now->state == RUN_HELD)
        store_put(ledger_txn(tx), TABLE_META, &key, bytes_str(now->id));
    else if (any && (own || carried))
        store_delete(ledger_txn(tx), TABLE_META, &key);
    return true;
}

static bool finish_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct story story = *(struct story *)arg;
    story.ended_ms = ledger_now(tx);
    story.phase = PHASE_END;
    if (!story.dry_run) {
        CHECK(note_held(tx, &story, err));
        if (story.state == RUN_DONE && story.awaiting > 0)
            CHECK(propose(tx, &story, "admit", "certified firms wait for admission", err));
        if (story.state == RUN_HELD)
            CHECK(propose(tx, &story, "run", story.hold_why, err));
        struct record record;
        story_record(&story, &record);
        CHECK(ledger_record(tx, &record, err));
        if (story.first_seq > 0)
            ledger_hold_end(tx, story.first_seq, story.last_seq, story.initial);
    }
    if (story.state == RUN_DONE && !story.dry_run)
        story_note_last(ledger_txn(tx), &story);
    story_put(ledger_txn(tx), &story);
    *(struct story *)arg = story;
    return !store_failed(ledger_txn(tx), err);
}

bool run_finish(struct sync *sync, struct story *story, enum run_state state, const struct err *why, struct err *err)
{
    story->state = state;
    story_blame(story, why);
    if (state != RUN_HELD)
        CHECK(stage_clear(sync, story->id, err));
    CHECK(ledger_run(sync->ledger, finish_job, story, err));
    metric_add(state == RUN_DONE || state == RUN_HELD ? METRIC_RUNS_DONE : METRIC_RUNS_FAILED, 1);
    metric_add(METRIC_ROWS_RECEIVED, story->counts.received);
    log_event(state == RUN_DONE ? LOG_INFO : LOG_NOTICE, "sync.run",
              "run=%s source=%s state=%s received=%lld added=%lld withdrawn=%lld absent=%lld unchanged=%lld "
              "rejected=%lld error=%s",
              story->id, story->source, story_state_name(state), (long long)story->counts.received,
              (long long)story->counts.added, (long long)story->counts.withdrawn, (long long)story->counts.absent,
              (long long)story->counts.unchanged, (long long)story->counts.rejected,
              story->error[0] == '\0' ? "-" : story->error);
    return true;
}
