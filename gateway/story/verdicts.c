/* After a run: what became of its rows, as the one CSV that is handed to the source's adapter. First a line on the run
 * itself, then each row that was refused or waits for a person, in the order of the list. */
#include "story/story.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

#define VERDICTS_BYTES_MAX (7u << 20)
#define SENDS_MAX 3

/* ---- CSV ---- */

/* Every cell is quoted. A spreadsheet would take what begins with = + - @ for a formula. */
static void put_cell(struct buf *out, const char *text, char end)
{
    buf_put(out, "\"", 1);
    if (text[0] != '\0' && strchr("=+-@", text[0]) != NULL)
        buf_put(out, "'", 1);
    for (; *text != '\0'; text++) {
        const char *quote = *text == '"' ? "\"\"" : NULL;
        buf_put(out, quote != NULL ? quote : text, quote != NULL ? 2 : 1);
    }
    buf_put(out, "\"", 1);
    buf_put(out, &end, 1);
}

static void put_row(struct buf *out, int64_t row, const char *code, const char *field, const char *text)
{
    if (row > 0)
        buf_printf(out, "%lld", (long long)row);
    buf_put(out, ",", 1);
    put_cell(out, code, ',');
    put_cell(out, field, ',');
    put_cell(out, text, '\r');
    buf_put(out, "\n", 1);
}

/* ---- the run itself ---- */

static const char *ended_zh(const struct story *story)
{
    switch (story->state) {
    case RUN_DONE:
        return "处理完成";
    case RUN_HELD:
        return "待人工审批，尚未生效";
    default:
        return "未处理，名单未作任何改动";
    }
}

static int put_counts(const struct story *story, char *out, size_t size)
{
    const struct run_counts *c = &story->counts;
    if (story->feeds[0] != '\0')
        return snprintf(out, size, "%s（run %s）：收到 %lld 条，新增 %lld，未变 %lld，拒绝 %lld，待人工 %lld",
                        ended_zh(story), story->id, (long long)c->received, (long long)c->added,
                        (long long)c->unchanged, (long long)c->rejected, (long long)c->doubtful);
    return snprintf(out, size,
                    "%s（run %s）：收到 %lld 行，新增 %lld，续期 %lld，变更 %lld，撤销 %lld，未变 %lld，拒绝 %lld",
                    ended_zh(story), story->id, (long long)c->received, (long long)c->added, (long long)c->renewed,
                    (long long)c->amended, (long long)c->withdrawn, (long long)c->unchanged, (long long)c->rejected);
}

static void put_story(struct buf *out, const struct story *story)
{
    const struct err_info *info = err_info(err_by_name(story->error));
    char text[RUN_TEXT_MAX + 600];
    int n = put_counts(story, text, sizeof text);
    if (story->error[0] != '\0' && n > 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, "。%s %s", info == NULL ? "" : info->zh, story->error_text_zh);
    put_row(out, 0, story->error[0] != '\0' ? story->error : story_state_name(story->state), "", text);
}

/* ---- rows ---- */

struct line {
    int64_t number;
    struct bytes csv;
};
struct lines {
    struct arena *arena;
    struct line *items;
    size_t n, bytes;
};

static const char *member(const json_value *row, const char *name)
{
    const char *text = json_string(json_member(row, name));
    return text == NULL ? "" : text;
}

/* Its firm or registration, why, and which question a person is asked. */
static const char *sentence(struct arena *arena, const json_value *row)
{
    const char *zh = member(row, "text_zh"), *detail = member(row, "detail"), *approval = member(row, "approval");
    const char *uscc = member(row, "uscc"), *who = uscc[0] == '\0' ? member(row, "name") : uscc[0] == '#' ? "" : uscc;
    return arena_printf(arena, "%s%s%s%s%s%s%s", who, who[0] == '\0' ? "" : " ", zh, detail[0] == '\0' ? "" : "：",
                        detail, approval[0] == '\0' ? "" : "；待审批 ", approval);
}

static bool is_told(const json_value *row)
{
    const char *action = member(row, "action");
    return strcmp(action, "rejected") == 0 || strcmp(action, "pending") == 0;
}

/* False ends the walk: there is no room for more. */
static bool take_row(void *arg, struct bytes json)
{
    struct lines *lines = arg;
    struct err err = {0};
    AUTO_JSON doc = NULL;
    int64_t number = 0;
    if (!json_parse(json, &doc, &err) || !is_told(json_root(doc)))
        return true;
    const json_value *row = json_root(doc);
    json_integer(json_member(row, "line"), &number);
    struct buf csv;
    buf_init(&csv, 16u << 10);
    put_row(&csv, number, member(row, "code"), member(row, "field"), sentence(lines->arena, row));
    struct line *line = &lines->items[lines->n++];
    *line = (struct line){number, bytes_dup(lines->arena, buf_bytes(&csv))};
    lines->bytes += csv.n;
    buf_free(&csv);
    return lines->n < REJECTED_KEPT_MAX && lines->bytes < VERDICTS_BYTES_MAX - (64u << 10);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const struct line *)a)->number, y = ((const struct line *)b)->number;
    return x < y ? -1 : x > y;
}

static bool write_verdicts(const struct story_teller *teller, const struct story *story, struct arena *arena,
                           struct buf *out, struct err *err)
{
    struct lines lines = {.arena = arena, .items = xcalloc(REJECTED_KEPT_MAX, sizeof *lines.items)};
    struct store_txn *txn = store_read(teller->store, err);
    bool ok = txn != NULL && story_diff(txn, story->id, "", SIZE_MAX, take_row, &lines, err);
    store_read_end(&txn);
    qsort(lines.items, lines.n, sizeof *lines.items, by_number);
    buf_printf(out, "row,code,field,text\r\n");
    put_story(out, story);
    for (size_t i = 0; i < lines.n; i++)
        buf_put(out, lines.items[i].csv.p, lines.items[i].csv.n);
    free(lines.items);
    return ok && !out->overflow;
}

/* ---- sending ---- */

struct sending {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool ended;
    enum gwa_verdict verdict;
    struct err err;
};

static void sent(void *arg, const struct host_outcome *outcome)
{
    struct sending *sending = arg;
    pthread_mutex_lock(&sending->lock);
    sending->verdict = outcome->verdict;
    sending->err = outcome->err;
    sending->ended = true;
    pthread_cond_signal(&sending->told);
    pthread_mutex_unlock(&sending->lock);
}

/* One job to its end, which its deadline bounds. */
static enum gwa_verdict carry(const struct story_teller *teller, const struct host_send *send, struct err *err)
{
    struct sending sending = {.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
    struct host_job *job = NULL;
    if (!host_send_start(teller->host, teller->instance, send, sent, &sending, &job, err))
        return GWA_REJECTED;
    pthread_mutex_lock(&sending.lock);
    while (!sending.ended)
        pthread_cond_wait(&sending.told, &sending.lock);
    pthread_mutex_unlock(&sending.lock);
    pthread_mutex_destroy(&sending.lock);
    pthread_cond_destroy(&sending.told);
    *err = sending.err;
    return sending.verdict;
}

static bool deliver(const struct story_teller *teller, const struct story *story, struct bytes message, struct err *err)
{
    struct host_send send = {.message_id = story->id,
                             .media_type = "text/csv; charset=utf-8",
                             .message = message,
                             .origin = story->origin,
                             .deadline_ms = STORY_TELL_MS / (2 * SENDS_MAX)};
    for (int i = 0; i < SENDS_MAX; i++) {
        send.resolve = false;
        enum gwa_verdict verdict = carry(teller, &send, err);
        if (verdict == GWA_UNCERTAIN) {
            send.resolve = true;
            verdict = carry(teller, &send, err);
        }
        if (verdict == GWA_DONE)
            return true;
        if (verdict != GWA_RETRY || *teller->stopping)
            return false;
    }
    return false;
}

/* A run that will be tried again as it is, was cancelled, or changed nothing on purpose, has no verdict yet. */
static bool has_verdict(const struct story_teller *teller, const struct story *story, bool ok, const struct err *why)
{
    if (story->origin[0] == '\0' || story->dry_run || !host_sends(teller->instance))
        return false;
    if (ok)
        return true;
    enum err_kind kind = err_info(why->code)->kind;
    return (story->state == RUN_FAILED || story->state == RUN_INCOMPLETE) && kind == ERR_KIND_INPUT;
}

void story_tell(const struct story_teller *teller, const struct story *story, bool ok, const struct err *why)
{
    if (!has_verdict(teller, story, ok, why))
        return;
    AUTO_ARENA arena = arena_new();
    struct err err = {0};
    struct buf message;
    buf_init(&message, VERDICTS_BYTES_MAX);
    bool told =
        write_verdicts(teller, story, arena, &message, &err) && deliver(teller, story, buf_bytes(&message), &err);
    buf_free(&message);
    if (!told)
        log_err(LOG_WARN, "sync.verdicts", &err);
}
