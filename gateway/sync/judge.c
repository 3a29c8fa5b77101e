/* Judging a whole list before anything of it is applied: what would change, who is missing, whether a person must
 * look. */
#include "sync/internal.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

void fact_from_staged(const struct staged *staged, const struct story *story, struct fact *fact)
{
    *fact = (struct fact){
        .kind = staged->kind == STAGE_ABSENT ? FACT_ABSENT : FACT_ROW,
        .actor = {ACTOR_SOURCE, story->source},
        .origin = story->id,
        .approval_id = story->approval,
        .uscc = staged->uscc,
        .uscc_doubtful = staged->row.doubtful,
        .uscc_other_province = staged->other_province,
        .row = staged->row,
        .list_version = story->list_version,
        .document_no = "",
        .effective = DATE_NONE,
        .until = DATE_NONE,
        .note = "",
    };
    memcpy(fact->row_digest, staged->digest, sizeof fact->row_digest);
}

/* ---- counting and telling ---- */

const char *outcome_action(const struct staged *staged, const struct ledger_outcome *outcome)
{
    if (staged->kind == STAGE_BAD || staged->kind == STAGE_CONFLICT)
        return "rejected";
    if (staged->kind == STAGE_MISSING)
        return "missing";
    if (!outcome->changed)
        return "unchanged";
    return cert_action_name(outcome->action);
}

void count_outcome(struct run_counts *counts, const struct staged *staged, const struct ledger_outcome *outcome)
{
    if (staged->kind == STAGE_CONFLICT) {
        counts->rejected += staged->rows;
        counts->unchanged -= staged->again ? 1 : 0;
        return;
    }
    if (staged->kind == STAGE_BAD || staged->kind == STAGE_MISSING)
        return;
    if (!outcome->changed) {
        counts->unchanged += staged->kind == STAGE_ROW;
        return;
    }
    int64_t *of[CERT_ACTION_COUNT] = {
        [CERT_GRANT] = &counts->added,        [CERT_RENEW] = &counts->renewed,  [CERT_AMEND] = &counts->amended,
        [CERT_WITHDRAW] = &counts->withdrawn, [CERT_ABSENT] = &counts->absent,  [CERT_EXPIRE] = &counts->amended,
        [CERT_BEGIN] = &counts->amended,      [CERT_REVERT] = &counts->amended,
    };
    (*of[outcome->action])++;
}

static void diff_error(struct json_out *out, const struct staged *staged)
{
    const struct err_info *info = err_info(staged->code);
    json_add_string(out, "code", info->code);
    json_add_string_opt(out, "field", staged->field);
    json_add_string_opt(out, "detail", staged->detail);
    json_add_string(out, "text_en", info->en);
    json_add_string(out, "text_zh", info->zh);
}

static void write_diff(struct json_out *out, const struct staged *staged, const struct ledger_outcome *outcome)
{
    bool unreadable = staged->uscc[0] == '#';
    json_begin_object(out);
    if (!unreadable)
        json_add_string(out, "uscc", staged->uscc);
    json_add_string(out, "action", outcome_action(staged, outcome));
    json_add_string_opt(out, "name", staged->row.name);
    if (staged->kind == STAGE_ROW || staged->kind == STAGE_ABSENT) {
        json_add_string(out, "from", listing_name(outcome->from));
        json_add_string(out, "to", listing_name(outcome->to));
        json_add_string_opt(out, "why_en", outcome->why_en);
        json_add_string_opt(out, "why_zh", outcome->why_zh);
    }
    if (staged->line > 0)
        json_add_integer(out, "line", (int64_t)staged->line);
    if (staged->kind == STAGE_BAD || staged->kind == STAGE_CONFLICT)
        diff_error(out, staged);
    if (outcome->seq > 0)
        json_add_integer(out, "sequence", (int64_t)outcome->seq);
    json_end_object(out);
}

#define DIFF_USUAL 511

void diff_put(struct store_txn *txn, const char *run_id, const struct staged *staged,
              const struct ledger_outcome *outcome)
{
    struct buf value;
    struct json_out out;
    buf_init(&value, RUN_VALUE_MAX);
    *buf_reserve(&value, DIFF_USUAL) = '\0'; /* at once, instead of doubling up to it */
    json_out_init(&out, &value);
    write_diff(&out, staged, outcome);
    struct store_key key = key_pair(run_id, staged->uscc);
    store_put(txn, TABLE_DIFF, &key, buf_bytes(&value));
    buf_free(&value);
}

/* ---- looking at every staged row ---- */

struct look {
    struct story *story;
    bool write_diff; /* shows what would happen */
    char after[USCC_SIZE + 8];
    bool more;
    int64_t removes;
    struct run_counts counts;
};

static bool look_at(struct ledger_tx *tx, struct look *look, const struct staged *staged, struct err *err)
{
    struct ledger_outcome outcome = {0};
    if (staged->kind == STAGE_ROW || staged->kind == STAGE_ABSENT) {
        struct fact fact;
        fact_from_staged(staged, look->story, &fact);
        CHECK(ledger_look(tx, &fact, &outcome, err));
    }
    look->removes += outcome.removes;
    count_outcome(&look->counts, staged, &outcome);
    if (look->write_diff)
        diff_put(ledger_txn(tx), look->story->id, staged, &outcome);
    return true;
}

/* Jobs may be decided more than once, so they never change what they started from. */
struct look_step {
    const struct look *before;
    struct look after;
};

static bool look_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct look_step *step = arg;
    const struct look *look = step->before;
    struct look after = *look;
    struct staged *rows = arena_alloc(ledger_arena(tx), SYNC_CHUNK_ROWS * sizeof *rows);
    size_t n = stage_read(ledger_txn(tx), ledger_arena(tx), look->story->id, look->after, rows, SYNC_CHUNK_ROWS, err);
    if (err->code != ERR_NONE)
        return false;
    for (size_t i = 0; i < n; i++)
        CHECK(look_at(tx, &after, &rows[i], err));
    if (n > 0)
        snprintf(after.after, sizeof after.after, "%s", rows[n - 1].uscc);
    after.more = n == SYNC_CHUNK_ROWS;
    step->after = after;
    return true;
}

static bool look_on(struct sync *sync, struct look *look, struct err *err)
{
    struct look_step step = {.before = look};
    CHECK(ledger_run(sync->ledger, look_job, &step, err));
    *look = step.after;
    return true;
}

/* ---- who is missing ---- */

struct absence {
    struct run *run;
    char after[USCC_SIZE + 8];
    bool more;
    struct staged *rows;
    size_t n;
};

/* Only what this source granted last, before the run began, and that is in force now. In a batch list only firms of
 * that very batch. */
static bool may_be_absent(struct ledger_tx *tx, const struct run *run, const char *uscc, bool *out, struct err *err)
{
    struct firm firm;
    CHECK(ledger_firm(tx, uscc, &firm, NULL, err));
    const struct certification *c = &firm.certification;
    *out = c->state == CERT_IN_FORCE && strcmp(c->source, run->source->id) == 0 &&
           c->granted_ms < run->story.started_ms &&
           (run->story.full || (run->batch != NULL && strcmp(c->batch, run->batch) == 0));
    return true;
}

static bool absent_one(struct ledger_tx *tx, struct absence *absence, const char *uscc, const struct known_row *known,
                       struct err *err)
{
    struct run *run = absence->run;
    bool candidate;
    if (run_has_seen(run, known->ordinal))
        return true;
    CHECK(may_be_absent(tx, run, uscc, &candidate, err));
    if (!candidate)
        return true;
    bool again = known->missing[0] != '\0' && strcmp(known->missing, run->story.list_version) != 0;
    bool first = known->missing[0] == '\0';
    if (!again && !first && !run->source->absence_confirm)
        return true; /* the same list version seen once more proves nothing new */
    enum stage_kind kind = again || run->source->absence_confirm ? STAGE_ABSENT : STAGE_MISSING;
    staged_init(&absence->rows[absence->n++], kind, uscc, 0);
    return true;
}

struct absence_step {
    const struct absence *before;
    struct absence after;
};

/* From where `before` ended; *next says where this ends. */
static bool walk_absent(struct ledger_tx *tx, const struct absence *before, struct absence *next, struct err *err)
{
    const char *source = before->run->source->id;
    struct store_key prefix = key_pair(source, "");
    struct store_key from = key_pair(source, before->after);
    struct store_walk walk;
    int looked = 0;
    bool ok = true;
    for (store_walk(&walk, ledger_txn(tx), TABLE_ROW, &from, &prefix); ok && store_next(&walk);) {
        if (looked++ == SYNC_CHUNK_ROWS * 16 || next->n == SYNC_CHUNK_ROWS) {
            next->more = true;
            break;
        }
        const char *uscc = arena_strndup(ledger_arena(tx), (const char *)walk.key.p + prefix.n, walk.key.n - prefix.n);
        struct known_row known;
        if (strcmp(uscc, before->after) == 0 || !known_row_get(ledger_txn(tx), source, uscc, &known))
            continue;
        snprintf(next->after, sizeof next->after, "%s", uscc);
        ok = absent_one(tx, next, uscc, &known, err);
    }
    store_walk_end(&walk);
    return ok;
}

static void stage_absent(struct store_txn *txn, const struct absence *absence)
{
    struct buf value;
    buf_init(&value, STAGE_VALUE_MAX);
    for (size_t i = 0; i < absence->n; i++) {
        struct store_key key = key_pair(absence->run->story.id, absence->rows[i].uscc);
        buf_reset(&value);
        staged_encode(&absence->rows[i], &value);
        store_put(txn, TABLE_STAGE, &key, buf_bytes(&value));
    }
    buf_free(&value);
}

static bool absence_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct absence_step *step = arg;
    struct absence next = *step->before;
    next.rows = arena_alloc(ledger_arena(tx), SYNC_CHUNK_ROWS * sizeof *next.rows);
    next.n = 0;
    next.more = false;
    CHECK(walk_absent(tx, step->before, &next, err));
    stage_absent(ledger_txn(tx), &next);
    step->after = next;
    return !store_failed(ledger_txn(tx), err);
}

/* A list proves absence only when it is whole: every code readable, as many rows as announced, not empty. */
static bool proves_absence(const struct run *run)
{
    const struct story *s = &run->story;
    bool whole = !run->unreadable && s->counts.received > 0 && (s->total < 0 || s->total == s->counts.received);
    bool one_batch =
        run->source->scope == SOURCE_BATCH && run->batch != NULL && run->batch[0] != '\0' && !run->batches_differ;
    return whole && (s->full || one_batch);
}

static bool find_absent(struct run *run, struct err *err)
{
    run->story.absence_counts = proves_absence(run);
    if (!run->story.absence_counts || run->seen_n == run->known_n)
        return true;
    struct absence absence = {.run = run, .more = true};
    while (absence.more) {
        struct absence_step step = {.before = &absence};
        CHECK(ledger_run(run->sync->ledger, absence_job, &step, err));
        absence = step.after;
    }
    return true;
}

/* ---- the verdict ---- */

struct guard_job {
    struct story *story;
    int64_t wanted;
    struct ledger_guard guard;
};

static bool guard_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct guard_job *job = arg;
    return ledger_guard_judge(tx, job->story->source, job->wanted, &job->guard, err);
}

static const char *hold_reason(const struct run *run, const struct look *look, const struct ledger_guard *guard)
{
    const struct story *s = &run->story;
    if (s->full && s->counts.received == 0)
        return err_info(ERR_LIST_EMPTY)->code;
    if (s->total > s->counts.received)
        return err_info(ERR_LIST_SHORT)->code;
    if (!guard->allowed)
        return err_info(ERR_GUARD_HELD)->code;
    if (run->source->absence_confirm && look->counts.absent > 0)
        return "absence.confirm";
    return NULL;
}

static bool nothing_listed(struct ledger_tx *tx, void *arg, struct err *err)
{
    *(bool *)arg = ledger_tally(tx, LISTING_LISTED) == 0;
    return !store_failed(ledger_txn(tx), err);
}

static bool look_at_all(struct run *run, struct look *look, struct err *err)
{
    while (look->more)
        CHECK(look_on(run->sync, look, err));
    return true;
}

/* Who decides about a held run sees what it would do; applying it writes the same rows over again. */
static bool tell_approver(struct run *run, struct err *err)
{
    struct look look = {.story = &run->story, .write_diff = true, .more = true};
    return look_at_all(run, &look, err);
}

static bool ask_guard(struct run *run, int64_t removes, struct ledger_guard *out, struct err *err)
{
    struct story *story = &run->story;
    struct guard_job job = {.story = story, .wanted = removes};
    CHECK(ledger_run(run->sync->ledger, guard_job, &job, err));
    story->guard_listed = job.guard.listed;
    story->guard_limit = job.guard.limit;
    story->guard_taken = job.guard.taken;
    story->guard_wanted = removes;
    *out = job.guard;
    return true;
}

/* Rows that are applied are counted then; what is only tried is counted as it was looked at. */
static void count_tried(struct run_counts *counts, const struct run_counts *looked)
{
    counts->added = looked->added;
    counts->renewed = looked->renewed;
    counts->amended = looked->amended;
    counts->withdrawn = looked->withdrawn;
    counts->absent = looked->absent;
    counts->unchanged += looked->unchanged;
    counts->rejected += looked->rejected;
}

bool run_judge(struct run *run, bool *hold_out, struct err *err)
{
    struct story *story = &run->story;
    CHECK(find_absent(run, err));
    struct look look = {.story = story, .write_diff = story->dry_run, .more = true};
    bool none_listed = false;
    CHECK(ledger_run(run->sync->ledger, nothing_listed, &none_listed, err));
    if (none_listed && !story->dry_run)
        look.more = false; /* from an empty whitelist nothing can be taken */
    CHECK(look_at_all(run, &look, err));
    struct ledger_guard guard;
    CHECK(ask_guard(run, look.removes, &guard, err));
    const char *why = hold_reason(run, &look, &guard);
    *hold_out = why != NULL;
    snprintf(story->hold_why, sizeof story->hold_why, "%s", why == NULL ? "" : why);
    if (*hold_out && !story->dry_run)
        CHECK(tell_approver(run, err));
    if (story->dry_run)
        count_tried(&story->counts, &look.counts);
    return true;
}
