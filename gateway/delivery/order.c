/* Order: what is to be sent to a partner, merged from the cuts of the list, its outbox and the word to take the
 * snapshot, in the order of the journal. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delivery/internal.h"

const char *letter_kind_name(const struct letter *letter)
{
    return letter->kind == LETTER_RECEIPT ? "receipt" : letter->kind == LETTER_FORWARD ? "" : "whitelist.change";
}

void letter_id(const struct letter *letter, char out[PARCEL_ID_SIZE])
{
    if (letter->kind == LETTER_RECEIPT || letter->kind == LETTER_FORWARD)
        snprintf(out, PARCEL_ID_SIZE, "%c-%" PRIu64, letter->kind == LETTER_RECEIPT ? 'r' : 'f', letter->n);
    else
        snprintf(out, PARCEL_ID_SIZE, "wc-%" PRIu64 "-%" PRIu64, letter->first, letter->n);
}

void view_init(struct view *view, struct store_txn *txn, struct journal *journal)
{
    *view = (struct view){.txn = txn, .journal = journal, .horizon = cut_horizon(txn)};
}

bool order_time(const struct view *view, uint64_t seq, int64_t *ms_out, struct err *err)
{
    struct bytes leaf;
    CHECK(journal_read_leaf(view->journal, view->txn, seq, &leaf, err));
    if (leaf.n < 17)
        return err_set(err, ERR_STORE_CORRUPT, "leaf", "%" PRIu64, seq);
    *ms_out = (int64_t)get_be64(leaf.p + 9);
    return true;
}

static void from_cut(const struct cut *cut, struct letter *out)
{
    *out = (struct letter){.n = cut->last,
                           .kind = LETTER_CUT,
                           .first = cut->first,
                           .snapshot = cut->snapshot,
                           .created_ms = cut->created_ms};
}

static void from_restart(const struct post *post, struct letter *out)
{
    *out = (struct letter){.n = (uint64_t)post->restart,
                           .kind = LETTER_RESTART,
                           .first = 1,
                           .snapshot = true,
                           .created_ms = post->restart_ms};
}

static bool from_outbox(const struct view *view, uint64_t n, struct bytes what, struct letter *out, struct err *err)
{
    bool receipt = bytes_equal(what, BYTES_LIT("receipt"));
    *out = (struct letter){.n = n, .kind = receipt ? LETTER_RECEIPT : LETTER_FORWARD};
    return order_time(view, n, &out->created_ms, err);
}

static uint64_t number_at_end(struct bytes key)
{
    return get_be64(key.p + key.n - 8);
}

static bool outbox_next(const struct view *view, const char *partner, uint64_t after, struct letter *out,
                        struct err *err)
{
    struct store_key from = key_outbox(partner, after + 1), prefix = key_outbox(partner, STORE_PREFIX);
    struct store_walk walk;
    bool ok = true;
    store_walk(&walk, view->txn, TABLE_OUTBOX, &from, &prefix);
    if (store_next(&walk))
        ok = from_outbox(view, number_at_end(walk.key), walk.value, out, err);
    store_walk_end(&walk);
    return ok;
}

bool order_next(const struct view *view, const char *partner, const struct post *post, uint64_t after,
                struct letter *out, struct err *err)
{
    uint64_t listed = after > (uint64_t)post->list_from ? after : (uint64_t)post->list_from;
    struct cut cut;
    *out = (struct letter){0};
    CHECK(outbox_next(view, partner, after, out, err));
    if (post->subscribed && cut_find(view->txn, listed + 1, &cut) && (out->n == 0 || cut.last < out->n))
        from_cut(&cut, out);
    if ((uint64_t)post->restart > after && (out->n == 0 || (uint64_t)post->restart < out->n))
        from_restart(post, out);
    if (post->subscribed && out->n > view->horizon)
        *out = (struct letter){0};
    return true;
}

bool order_at(const struct view *view, const char *partner, const struct post *post, uint64_t n, struct letter *out,
              struct err *err)
{
    struct store_key key = key_outbox(partner, n);
    struct bytes what;
    struct cut cut;
    if (store_get(view->txn, TABLE_OUTBOX, &key, &what))
        return from_outbox(view, n, what, out, err);
    if (n != 0 && (uint64_t)post->restart == n)
        from_restart(post, out);
    else if (n != 0 && cut_find(view->txn, n, &cut) && cut.last == n)
        from_cut(&cut, out);
    else
        return err_set(err, ERR_MESSAGE_UNKNOWN, partner, "%" PRIu64, n);
    return true;
}

static uint64_t outbox_newest(const struct view *view, const char *partner, uint64_t upto)
{
    struct store_key prefix = key_outbox(partner, STORE_PREFIX);
    struct store_key from = key_outbox(partner, upto == UINT64_MAX ? UINT64_MAX - 1 : upto);
    struct store_walk walk;
    store_walk_down(&walk, view->txn, TABLE_OUTBOX, &from, &prefix);
    uint64_t n = store_next(&walk) ? number_at_end(walk.key) : 0;
    store_walk_end(&walk);
    return n;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t order_newest(const struct view *view, const char *partner, const struct post *post)
{
    return order_before(view, partner, post, UINT64_MAX);
}

uint64_t order_before(const struct view *view, const char *partner, const struct post *post, uint64_t before)
{
    uint64_t upto = before == UINT64_MAX ? UINT64_MAX : before - 1, n;
    struct cut cut;
    if (post->subscribed && view->horizon < upto)
        upto = view->horizon;
    n = outbox_newest(view, partner, upto);
    if (post->subscribed && cut_newest(view->txn, upto, &cut) && cut.last > (uint64_t)post->list_from)
        n = later(n, cut.last);
    if ((uint64_t)post->restart <= upto)
        n = later(n, (uint64_t)post->restart);
    return n;
}

uint64_t order_cuts(const struct view *view, const struct post *post)
{
    uint64_t after = later((uint64_t)post->cursor, (uint64_t)post->list_from);
    struct cut first, newest;
    bool restart = post->restart > post->cursor;
    if (!post->subscribed || !cut_find(view->txn, after + 1, &first) || !cut_newest(view->txn, UINT64_MAX, &newest))
        return restart;
    return newest.number - first.number + 1 + restart;
}

uint64_t order_direct(const struct view *view, const char *partner, uint64_t after, uint64_t upto)
{
    struct store_key from = key_outbox(partner, after + 1), prefix = key_outbox(partner, STORE_PREFIX);
    struct store_walk walk;
    uint64_t n = 0;
    if (after >= upto)
        return 0;
    store_walk(&walk, view->txn, TABLE_OUTBOX, &from, &prefix);
    while (store_next(&walk) && number_at_end(walk.key) <= upto)
        n++;
    store_walk_end(&walk);
    return n;
}

bool order_again(const struct view *view, const char *partner, const struct post *post, struct letter *out,
                 int64_t *since_out, struct err *err)
{
    struct store_key prefix = key_outbox(partner, STORE_PREFIX);
    struct store_walk walk;
    *out = (struct letter){0};
    store_walk(&walk, view->txn, TABLE_AGAIN, &prefix, &prefix);
    bool found = store_next(&walk) && walk.value.n == 8;
    uint64_t n = found ? number_at_end(walk.key) : 0;
    *since_out = found ? (int64_t)get_be64(walk.value.p) : 0;
    store_walk_end(&walk);
    return !found || order_at(view, partner, post, n, out, err);
}

uint64_t order_free(const struct view *view, const char *partner, uint64_t floor, uint64_t head)
{
    for (uint64_t n = head; n > floor; n--) {
        struct store_key key = key_outbox(partner, n);
        struct bytes what;
        if (!store_get(view->txn, TABLE_OUTBOX, &key, &what))
            return n;
    }
    return 0;
}
