/* Status: how a partner's queue stands, and what became of its messages. */
#include <stdlib.h>
#include <string.h>

#include "delivery/internal.h"

/* What a status needs of a queue; taken under the lock. */
struct look {
    struct post post;
    bool closed, channel;
    int32_t durations[DURATIONS];
    size_t duration_n;
    uint64_t counted_to, counted;
};

static bool look_at(struct delivery *delivery, const char *partner, struct look *out, struct err *err)
{
    pthread_mutex_lock(&delivery->lock);
    const struct queue *queue = queue_find(delivery, partner);
    if (queue != NULL) {
        *out = (struct look){.closed = queue->closed,
                             .channel = queue->instance != NULL || queue->renew,
                             .duration_n = queue->duration_n < DURATIONS ? queue->duration_n : DURATIONS,
                             .counted_to = queue->counted_to,
                             .counted = queue->counted};
        memcpy(out->durations, queue->durations, sizeof out->durations);
        out->post = queue->post;
    }
    pthread_mutex_unlock(&delivery->lock);
    return queue != NULL || err_set(err, ERR_PARTNER_UNKNOWN, NULL, "%.64s", partner);
}

/* Counted on from where it was counted last. */
static uint64_t count_direct(struct delivery *delivery, const struct view *view, const char *partner,
                             const struct look *look)
{
    uint64_t head = journal_size(view->journal, view->txn);
    bool on = look->counted_to > (uint64_t)look->post.cursor;
    uint64_t from = on ? look->counted_to : (uint64_t)look->post.cursor;
    uint64_t counted = (on ? look->counted : 0) + order_direct(view, partner, from, head);
    pthread_mutex_lock(&delivery->lock);
    struct queue *queue = queue_find(delivery, partner);
    if (queue->post.cursor == look->post.cursor && queue->counted_to == look->counted_to) {
        queue->counted_to = head;
        queue->counted = counted;
    }
    pthread_mutex_unlock(&delivery->lock);
    return counted;
}

static int by_size(const void *a, const void *b)
{
    return (*(const int32_t *)a > *(const int32_t *)b) - (*(const int32_t *)a < *(const int32_t *)b);
}

static void write_durations(struct json_out *out, struct look *look)
{
    size_t n = look->duration_n;
    if (n == 0)
        return;
    qsort(look->durations, n, sizeof look->durations[0], by_size);
    json_add_integer(out, "p50_ms", look->durations[(n - 1) / 2]);
    json_add_integer(out, "p95_ms", look->durations[(n - 1) * 95 / 100]);
}

static void write_error(struct json_out *out, const struct post *post)
{
    if (post->bad_ms == 0)
        return;
    json_key(out, "last_error");
    json_begin_object(out);
    json_add_time(out, "time", post->bad_ms);
    json_add_string(out, "code", post->code);
    json_add_string(out, "detail", post->detail);
    json_end_object(out);
}

static void write_channel(struct json_out *out, const struct partner *partner)
{
    if (partner == NULL || partner->channel.adapter == NULL)
        return;
    json_add_string(out, "adapter", partner->channel.adapter);
    json_add_string(out, "form", partner->channel.xml ? "xml" : "json");
}

static bool write_waiting(struct delivery *delivery, const char *partner, const struct look *look, struct json_out *out,
                          struct err *err)
{
    struct store_txn *txn = store_read(delivery->options.store, err);
    struct letter letter = {0};
    struct view view;
    if (txn == NULL)
        return false;
    view_init(&view, txn, delivery->options.journal);
    uint64_t waiting = order_cuts(&view, &look->post) + count_direct(delivery, &view, partner, look);
    bool ok = order_next(&view, partner, &look->post, (uint64_t)look->post.cursor, &letter, err);
    store_read_end(&txn);
    json_add_integer(out, "waiting", (int64_t)waiting);
    json_add_time(out, "oldest_waiting", letter.created_ms);
    return ok;
}

static const char *state_of(const struct look *look)
{
    if (look->post.paused || look->closed)
        return "paused";
    return queue_state_name((enum queue_state)look->post.state);
}

static const struct partner *partner_of(const struct in_force *held, const char *id)
{
    return held == NULL ? NULL : directory_find(held->force.directory, id);
}

bool delivery_status(struct delivery *delivery, const char *partner, struct json_out *out, struct err *err)
{
    struct look look;
    CHECK(look_at(delivery, partner, &look, err));
    pthread_mutex_lock(&delivery->lock);
    struct in_force *held = in_force_take(delivery);
    pthread_mutex_unlock(&delivery->lock);
    json_add_string(out, "state", state_of(&look));
    json_add_time(out, "since", look.post.since_ms);
    bool ok = write_waiting(delivery, partner, &look, out, err);
    json_add_integer(out, "cursor", look.post.cursor);
    write_channel(out, partner_of(held, partner));
    json_add_integer(out, "attempts", look.post.attempts);
    json_add_integer(out, "failures", look.post.failures);
    json_add_time(out, "next_attempt", look.post.next_ms);
    json_add_time(out, "last_success", look.post.ok_ms);
    write_error(out, &look.post);
    write_durations(out, &look);
    in_force_drop(&held);
    return ok;
}

void delivery_troubles(size_t *stopped_out, size_t *unreachable_out)
{
    *stopped_out = (size_t)metric_get(METRIC_DELIVERY_STOPPED);
    *unreachable_out = (size_t)metric_get(METRIC_DELIVERY_UNREACHABLE);
}

/* ---- messages ---- */

static const char *letter_state(const struct post *post, const struct letter *letter, const struct sent *sent)
{
    if ((uint64_t)post->flying == letter->n && post->unsure)
        return post->state == QUEUE_UNCERTAIN ? "uncertain" : "sending";
    if (sent->state != SENT_NONE && sent->state != SENT_TRIED)
        return sent_state_name(sent->state);
    return letter->n <= (uint64_t)post->cursor && sent->state == SENT_NONE ? "fetched" : "waiting";
}

/* What is passed on is of the kind that its record says. */
static const char *kind_of(const struct view *view, struct arena *arena, const struct letter *letter)
{
    struct record record;
    struct err gone = {0};
    if (letter->kind != LETTER_FORWARD)
        return letter_kind_name(letter);
    arena_reset(arena);
    return ledger_read_record(view->journal, view->txn, arena, letter->n, &record, &gone) ? record.message.kind : "";
}

static void write_letter(struct buf *buf, const char *kind, const struct post *post, const struct letter *letter,
                         const struct sent *sent)
{
    char id[PARCEL_ID_SIZE];
    struct json_out json;
    letter_id(letter, id);
    buf_reset(buf);
    json_out_init(&json, buf);
    json_begin_object(&json);
    json_add_integer(&json, "n", (int64_t)letter->n);
    json_add_string(&json, "id", id);
    json_add_string(&json, "kind", kind);
    json_add_string(&json, "state", letter_state(post, letter, sent));
    json_add_time(&json, "created", letter->created_ms);
    sent_write(&json, sent);
    json_end_object(&json);
}

static bool each_letter(const struct view *view, const char *partner, uint64_t after, size_t max,
                        delivery_each_fn *each, void *arg, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct letter letter = {.n = after};
    struct post post;
    struct sent sent;
    struct buf buf;
    bool go_on = true, ok = post_read(view->txn, partner, &post, err);
    buf_init(&buf, ROW_MAX);
    while (ok && go_on && max-- > 0) {
        ok = order_next(view, partner, &post, letter.n, &letter, err);
        if (!ok || letter.n == 0)
            break;
        ok = sent_read(view->txn, partner, letter.n, &sent, err);
        write_letter(&buf, kind_of(view, arena, &letter), &post, &letter, &sent);
        go_on = ok && each(arg, buf_bytes(&buf));
    }
    buf_free(&buf);
    return ok;
}

bool delivery_each(struct delivery *delivery, const char *partner, uint64_t after, size_t max, delivery_each_fn *each,
                   void *arg, struct err *err)
{
    struct store_txn *txn = store_read(delivery->options.store, err);
    struct view view;
    if (txn == NULL)
        return false;
    view_init(&view, txn, delivery->options.journal);
    bool ok = each_letter(&view, partner, after, max, each, arg, err);
    store_read_end(&txn);
    return ok;
}

static bool back_letter(const struct view *view, const char *partner, uint64_t before, size_t max,
                        delivery_each_fn *each, void *arg, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    struct letter letter = {.n = before};
    struct post post;
    struct sent sent;
    struct buf buf;
    bool go_on = true, ok = post_read(view->txn, partner, &post, err);
    buf_init(&buf, ROW_MAX);
    while (ok && go_on && max-- > 0) {
        uint64_t n = order_before(view, partner, &post, letter.n);
        if (n == 0)
            break;
        ok = order_at(view, partner, &post, n, &letter, err) && sent_read(view->txn, partner, n, &sent, err);
        if (ok) {
            write_letter(&buf, kind_of(view, arena, &letter), &post, &letter, &sent);
            go_on = each(arg, buf_bytes(&buf));
        }
    }
    buf_free(&buf);
    return ok;
}

bool delivery_back(struct delivery *delivery, struct store_txn *txn, const char *partner, uint64_t before, size_t max,
                   delivery_each_fn *each, void *arg, struct err *err)
{
    struct view view;
    view_init(&view, txn, delivery->options.journal);
    return back_letter(&view, partner, before, max, each, arg, err);
}
