/* Attempts: what is kept before a message is sent, and what became of it. Every step is a job of the ledger. */
#include <stdio.h>
#include <string.h>

#include "delivery/internal.h"

#define SECOND 1000LL
#define DAY (24 * 3600 * SECOND)
#define UNREACHABLE_AFTER 3 /* failures in a row: half a minute */

/* ---- before sending ---- */

bool claim_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct step *step = arg;
    struct store_txn *txn = ledger_txn(tx);
    struct post post;
    CHECK(post_read(txn, step->id, &post, err));
    if (step->parcel.n > 0) {
        struct store_key key = parcel_key(step->id, &step->letter, step->style);
        parcel_put(txn, &key, step->parcel);
    }
    if ((uint64_t)post.flying != step->letter.n)
        post.attempts = 0;
    post.flying = (int64_t)step->letter.n;
    post.unsure = 1;
    post.attempts++;
    memcpy(post.style, step->style, sizeof post.style);
    post_put(txn, step->id, &post);
    step->post = post;
    return !store_failed(txn, err);
}

/* ---- afterwards ---- */

/* A tenth more or less, so that partners which failed together do not come back together. */
static int64_t with_jitter(int64_t ms)
{
    uint32_t random;
    crypto_random(&random, sizeof random);
    return ms - ms / 10 + (int64_t)(random % (uint64_t)(ms / 5 + 1));
}

static int64_t wait_after(int64_t failures, int64_t asked_ms)
{
    static const int64_t steps[] = {5 * SECOND, 30 * SECOND, 120 * SECOND, 600 * SECOND, 3600 * SECOND};
    size_t last = sizeof steps / sizeof steps[0] - 1;
    if (asked_ms > 0)
        return asked_ms < SECOND ? SECOND : asked_ms > DAY ? DAY : asked_ms;
    return with_jitter(steps[failures - 1 < (int64_t)last ? (size_t)(failures - 1) : last]);
}

static void fail(struct post *post, const struct judged *judged, int64_t now)
{
    post->failures++;
    post->wait_ms = wait_after(post->failures, judged->retry_after_ms);
    post->next_ms = now + post->wait_ms;
}

static void note_error(struct post *post, const struct err *err, int64_t now)
{
    post->bad_ms = now;
    snprintf(post->code, sizeof post->code, "%s", err_info(err->code)->code);
    snprintf(post->detail, sizeof post->detail, "%s", err_detail(err, false));
}

static void land(struct post *post)
{
    post->flying = post->unsure = 0;
    post->attempts = 0;
}

/* It is behind us: the next one goes at once. */
static void go_on(struct ledger_tx *tx, const struct step *step, struct post *post)
{
    struct store_key key = key_outbox(step->id, step->letter.n);
    if (step->again)
        store_delete(ledger_txn(tx), TABLE_AGAIN, &key);
    else if ((uint64_t)post->cursor < step->letter.n)
        post->cursor = (int64_t)step->letter.n;
    land(post);
    post->failures = post->wait_ms = post->next_ms = 0;
    post_enter(post, QUEUE_OK, ledger_now(tx));
}

static void done(struct ledger_tx *tx, const struct step *step, struct post *post, struct sent *sent)
{
    sent->state = SENT_DELIVERED;
    sent->ended_ms = post->ok_ms = ledger_now(tx);
    memcpy(sent->receipt, step->judged.receipt, sizeof sent->receipt);
    go_on(tx, step, post);
}

/* Only a person moves a queue that a refusal stopped. */
static void refused(struct ledger_tx *tx, const struct step *step, struct post *post, struct sent *sent)
{
    bool skip = step->skip_refused && step->judged.meaning == MEANS_REFUSED;
    sent->state = SENT_FAILED;
    sent->ended_ms = ledger_now(tx);
    if (skip) {
        go_on(tx, step, post);
        return;
    }
    post->flying = (int64_t)step->letter.n;
    post->unsure = 0;
    post_enter(post, QUEUE_STOPPED, ledger_now(tx));
}

static void settle(struct ledger_tx *tx, const struct step *step, struct post *post, struct sent *sent)
{
    int64_t now = ledger_now(tx);
    switch (step->judged.meaning) {
    case MEANS_DONE:
        done(tx, step, post, sent);
        return;
    case MEANS_RETRY:
        post->unsure = 0;
        fail(post, &step->judged, now);
        post_enter(post, post->failures >= UNREACHABLE_AFTER ? QUEUE_UNREACHABLE : QUEUE_RETRYING, now);
        break;
    case MEANS_UNCERTAIN:
        fail(post, &step->judged, now);
        post_enter(post, QUEUE_UNCERTAIN, now);
        break;
    case MEANS_ABSENT:
        post->unsure = 0;
        post->wait_ms = post->next_ms = 0;
        return;
    default:
        refused(tx, step, post, sent);
    }
    note_error(post, &step->judged.err, now);
}

bool settle_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct step *step = arg;
    struct store_txn *txn = ledger_txn(tx);
    const struct judged *judged = &step->judged;
    struct post post;
    struct sent sent;
    CHECK(post_read(txn, step->id, &post, err));
    CHECK(sent_read(txn, step->id, step->letter.n, &sent, err));
    sent_note(&sent, ledger_now(tx), judged->meaning == MEANS_DONE ? "" : err_info(judged->err.code)->code);
    /* a person or an ack may have gone past it meanwhile */
    if ((uint64_t)post.flying == step->letter.n || judged->unclaimed) {
        settle(tx, step, &post, &sent);
        post_put(txn, step->id, &post);
    } else if (judged->meaning == MEANS_DONE) {
        sent.state = SENT_DELIVERED;
        sent.ended_ms = ledger_now(tx);
    }
    sent_put(txn, step->id, step->letter.n, &sent);
    step->post = post;
    return !store_failed(txn, err);
}

int64_t post_due(const struct post *post, int64_t now_ms)
{
    return post->next_ms - now_ms > post->wait_ms ? now_ms + post->wait_ms : post->next_ms;
}

/* ---- giving up ---- */

bool post_restart(const struct view *view, const char *partner, struct post *post, int64_t now_ms)
{
    uint64_t head = journal_size(view->journal, view->txn);
    uint64_t n = order_free(view, partner, (uint64_t)post->cursor, head);
    if (n == 0)
        return false;
    if (post->flying != 0 && post->flying == post->restart)
        land(post);
    post->restart = post->list_from = (int64_t)n;
    post->restart_ms = now_ms;
    post->relist = 0;
    return true;
}

static bool expire(struct ledger_tx *tx, struct sweep *sweep, const struct letter *letter, struct err *err)
{
    struct sent sent;
    CHECK(sent_read(ledger_txn(tx), sweep->id, letter->n, &sent, err));
    sent.state = SENT_EXPIRED;
    sent.ended_ms = ledger_now(tx);
    sent_put(ledger_txn(tx), sweep->id, letter->n, &sent);
    sweep->expired++;
    return true;
}

/* One letter that waited too long; *more_out: look at the next. */
static bool sweep_one(struct ledger_tx *tx, struct sweep *sweep, const struct view *view, struct post *post,
                      bool *more_out, struct err *err)
{
    struct letter letter;
    CHECK(order_next(view, sweep->id, post, (uint64_t)post->cursor, &letter, err));
    *more_out = letter.n != 0 && letter.created_ms + sweep->give_up_ms < ledger_now(tx);
    if (!*more_out)
        return true;
    /* a word to take the snapshot is not given up but said again, about what is there by then */
    if (letter.kind != LETTER_RESTART)
        CHECK(expire(tx, sweep, &letter, err));
    post->relist |= letter.kind == LETTER_CUT || letter.kind == LETTER_RESTART;
    if ((uint64_t)post->flying == letter.n)
        land(post);
    post->cursor = (int64_t)letter.n;
    return true;
}

static bool sweep_again(struct ledger_tx *tx, struct sweep *sweep, const struct view *view, struct post *post,
                        struct err *err)
{
    struct letter letter;
    int64_t since;
    CHECK(order_again(view, sweep->id, post, &letter, &since, err));
    if (letter.n == 0 || since + sweep->give_up_ms >= ledger_now(tx))
        return true;
    struct store_key key = key_outbox(sweep->id, letter.n);
    store_delete(ledger_txn(tx), TABLE_AGAIN, &key);
    if ((uint64_t)post->flying == letter.n)
        land(post);
    return expire(tx, sweep, &letter, err);
}

bool sweep_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct sweep *sweep = arg;
    struct store_txn *txn = ledger_txn(tx);
    struct view view;
    struct post post;
    bool more = true;
    sweep->expired = 0;
    CHECK(post_read(txn, sweep->id, &post, err));
    view_init(&view, txn, sweep->delivery->options.journal);
    CHECK(sweep_again(tx, sweep, &view, &post, err));
    for (int i = 0; i < EXPIRE_CHUNK && more; i++)
        CHECK(sweep_one(tx, sweep, &view, &post, &more, err));
    if (!more && post.relist)
        (void)post_restart(&view, sweep->id, &post, ledger_now(tx));
    post_put(txn, sweep->id, &post);
    sweep->post = post;
    sweep->more = more;
    return !store_failed(txn, err);
}
