/* Rows to messages: some are handed to intake together, then what became of each is counted and told. */
#include "feed/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json/json.h"

#define TEXT_MAX 300
#define RETRY_MS 100 /* the ledger's queue is full: looked at again */

/* What became of a row. */
struct verdict {
    const char *action; /* accepted unchanged pending rejected */
    const char *code;   /* error.code, "" */
    char field[SHOWN_MAX], detail[SHOWN_MAX];
    uint64_t sequence, proposal;
};
struct judged {
    const struct fetched *row;
    struct batch *batch;
    struct intake_case *c; /* NULL: not with intake */
    struct err err;        /* of the decision */
    struct verdict verdict;
};
struct batch {
    struct run *run;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t open; /* decisions under way */
    struct judged rows[BATCH_ROWS];
    size_t n;
};

static void say(struct verdict *out, const char *action, enum err_code code, const char *field, const char *detail)
{
    out->action = action;
    out->code = code == ERR_NONE ? "" : err_info(code)->code;
    (void)snprintf(out->field, sizeof(out->field), "%s", field);
    (void)snprintf(out->detail, sizeof(out->detail), "%s", detail);
}

/* ---- deciding --------------------------------------------------------------------------------------------------- */

/* On the committer, or before intake_decide returns. */
static void decided(void *arg, const struct err *err)
{
    struct judged *judged = arg;
    struct batch *batch = judged->batch;

    pthread_mutex_lock(&batch->lock);
    judged->err = *err;
    batch->open--;
    pthread_cond_signal(&batch->ended);
    pthread_mutex_unlock(&batch->lock);
}

static void wait_for(struct batch *batch, size_t at_most)
{
    pthread_mutex_lock(&batch->lock);
    while (batch->open > at_most)
        pthread_cond_wait(&batch->ended, &batch->lock);
    pthread_mutex_unlock(&batch->lock);
}

/* Waits a little, unless the gateway stops. */
static bool pause_a_little(struct batch *batch)
{
    const struct timespec a_little = {0, RETRY_MS * 1000000L};

    wait_for(batch, 0);
    (void)nanosleep(&a_little, NULL);
    return !batch->run->feed->stopping;
}

/* A full queue is waited for: the rows behind would find it full as well. */
static bool decide(struct batch *batch, struct judged *judged, struct err *err)
{
    for (;;) {
        pthread_mutex_lock(&batch->lock);
        batch->open++;
        pthread_mutex_unlock(&batch->lock);
        *err = (struct err){0};
        if (intake_decide(judged->c, decided, judged, err))
            return true;
        pthread_mutex_lock(&batch->lock);
        batch->open--;
        pthread_mutex_unlock(&batch->lock);
        if (err->code != ERR_BUSY_QUEUE || !pause_a_little(batch))
            return false;
    }
}

static bool is_about_row(const struct err *why)
{
    enum err_kind kind = err_info(why->code)->kind;

    return kind == ERR_KIND_INPUT || kind == ERR_KIND_DENIED || kind == ERR_KIND_CONFLICT;
}

/* What can be said before intake decides. */
static bool refused(struct batch *batch, struct judged *judged, bool *refused_out, struct err *err)
{
    const struct run *run = batch->run;
    const struct fetched *row = judged->row;
    const struct intake_row in = {
        .source = run->source, .body = bytes_of(row->body, row->n), .now_ms = clock_wall_ms(), .trace_id = run->id};
    struct err why = {0};

    *refused_out = true;
    if (row->bad != ERR_NONE) {
        say(&judged->verdict, "rejected", row->bad, row->field, row->detail);
    } else if (intake_row(run->feed->options.intake, &in, &judged->c, &why)) {
        *refused_out = false;
    } else if (is_about_row(&why)) {
        say(&judged->verdict, "rejected", why.code, why.place, err_detail(&why, false));
        intake_close(&judged->c);
    } else {
        *err = why;
    }
    return err->code == ERR_NONE;
}

static bool begin(struct batch *batch, struct judged *judged, struct err *err)
{
    bool done;

    CHECK(refused(batch, judged, &done, err));
    if (done)
        return true;
    if (!batch->run->story.dry_run)
        return decide(batch, judged, err);
    say(&judged->verdict, intake_duplicate(judged->c) ? "unchanged" : "accepted", ERR_NONE, "", "");
    intake_close(&judged->c);
    return true;
}

/* A row that was rejected before stays so: its result says it each time. */
static void conclude(struct judged *judged)
{
    struct intake_outcome outcome;

    intake_outcome(judged->c, &outcome);
    bool again = intake_duplicate(judged->c), rejected = strcmp(outcome.result, "rejected") == 0;
    say(&judged->verdict,
        rejected ? "rejected"
        : again  ? "unchanged"
                 : outcome.result,
        err_by_name(outcome.code), outcome.field, outcome.detail);
    judged->verdict.sequence = again ? 0 : outcome.sequence;
    judged->verdict.proposal = again ? 0 : outcome.proposal;
}

static bool end(struct judged *judged, struct err *err)
{
    if (judged->c == NULL)
        return true;
    if (judged->err.code == ERR_NONE)
        conclude(judged);
    else if (err_info(judged->err.code)->kind == ERR_KIND_CONFLICT)
        say(&judged->verdict, "rejected", judged->err.code, "", err_detail(&judged->err, false));
    else
        *err = judged->err;
    return err->code == ERR_NONE;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void count(struct run_counts *counts, const struct verdict *verdict)
{
    if (strcmp(verdict->action, "unchanged") == 0)
        counts->unchanged++;
    else if (strcmp(verdict->action, "rejected") == 0)
        counts->rejected++;
    else if (strcmp(verdict->action, "pending") == 0)
        counts->doubtful++;
    else
        counts->added++;
}

static void put_error(struct json_out *out, const struct verdict *verdict)
{
    const struct err_info *info = err_info(err_by_name(verdict->code));

    if (verdict->code[0] == '\0' || info == NULL)
        return;
    json_add_string(out, "code", verdict->code);
    json_add_string_opt(out, "field", verdict->field);
    json_add_string(out, "text_en", info->en);
    json_add_string(out, "text_zh", info->zh);
    json_add_string_opt(out, "detail", verdict->detail);
}

/* As the row of a list without a readable code: kept under its line. */
static void put_row(struct store_txn *txn, struct arena *arena, const char *run_id, const struct judged *judged)
{
    const struct verdict *verdict = &judged->verdict;
    struct store_key key =
        key_pair(run_id, arena_printf(arena, "#%0*llu", UNREADABLE_DIGITS, (unsigned long long)judged->row->line));
    struct buf buf;
    struct json_out out;

    buf_init(&buf, 16u << 10);
    json_out_init(&out, &buf);
    json_begin_object(&out);
    json_add_string(&out, "action", verdict->action);
    json_add_string_opt(&out, "name", judged->row->code);
    json_add_integer(&out, "line", (int64_t)judged->row->line);
    put_error(&out, verdict);
    if (verdict->sequence > 0)
        json_add_integer(&out, "sequence", (int64_t)verdict->sequence);
    if (verdict->proposal > 0)
        json_add_string(&out, "approval", arena_printf(arena, "p-%llu", (unsigned long long)verdict->proposal));
    json_end_object(&out);
    store_put(txn, TABLE_DIFF, &key, buf_bytes(&buf));
    buf_free(&buf);
}

static bool tell_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct batch *batch = arg;
    int64_t kept = batch->run->kept;

    for (size_t i = 0; i < batch->n && kept < REJECTED_KEPT_MAX; i++) {
        if (strcmp(batch->rows[i].verdict.action, "unchanged") == 0)
            continue;
        put_row(ledger_txn(tx), ledger_arena(tx), batch->run->id, &batch->rows[i]);
        kept++;
    }
    return !store_failed(ledger_txn(tx), err);
}

static bool tell(struct batch *batch, struct err *err)
{
    int64_t told = 0;

    for (size_t i = 0; i < batch->n; i++) {
        count(&batch->run->story.counts, &batch->rows[i].verdict);
        told += strcmp(batch->rows[i].verdict.action, "unchanged") != 0;
    }
    if (told == 0)
        return true;
    CHECK(ledger_run(batch->run->feed->options.ledger, tell_job, batch, err));
    batch->run->kept += told;
    return true;
}

/* ---- some rows --------------------------------------------------------------------------------------------------- */

static bool judge(struct batch *batch, const struct fetched *rows, size_t n, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; i < n && ok; i++) {
        struct judged *judged = &batch->rows[batch->n++];
        *judged = (struct judged){.row = &rows[i], .batch = batch};
        ok = begin(batch, judged, err);
    }
    wait_for(batch, 0);
    for (size_t i = 0; i < batch->n && ok; i++)
        ok = end(&batch->rows[i], err);
    return ok && tell(batch, err);
}

bool judge_rows(struct run *run, const struct fetched *rows, size_t n, struct err *err)
{
    struct batch *batch = xcalloc(1, sizeof(*batch));

    batch->run = run;
    pthread_mutex_init(&batch->lock, NULL);
    pthread_cond_init(&batch->ended, NULL);
    bool ok = judge(batch, rows, n, err);
    for (size_t i = 0; i < batch->n; i++)
        intake_close(&batch->rows[i].c);
    pthread_cond_destroy(&batch->ended);
    pthread_mutex_destroy(&batch->lock);
    free(batch);
    return ok;
}
