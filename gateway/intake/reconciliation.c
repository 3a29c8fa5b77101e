/* reconciliation: what a partner sent and received on one day, compared with what the gateway has. Only what the
 * journal knows is compared: of what we sent, that it was for this partner; of what came, also its bytes. */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"

#define DAYS_MAX 31
#define DIFFERENCES_MAX 10000 /* told at most: as many as rows of a message */

struct compare {
    struct ledger_tx *tx;
    struct intake_case *c;
    const struct message_node *body;
    uint64_t head; /* records durable before this transaction */
    date_day day;
    const char **sent; /* ids it sent, sorted */
    size_t sent_n;
    size_t passed;         /* messages of others */
    size_t index, missing; /* of the next missing one; rows count sent, then received, then missing ones */
};

static void differ(struct compare *compare, size_t index, enum err_code code, const char *list, size_t i,
                   const char *id)
{
    struct row_verdict row = {.index = index, .field = ""};

    if (compare->c->row_n >= DIFFERENCES_MAX)
        return;
    (void)reject_text(&row, code, arena_printf(compare->c->arena, "%s/%zu", list, i), id);
    case_tell(compare->c, &row);
}

/* ---- what it sent ------------------------------------------------------------------------------------------------ */

static bool compare_sent(struct compare *compare, size_t i, struct err *err)
{
    const struct message_node *item = message_at(compare->body, "sent", i);
    const char *id = message_text(message_member(item, "id")), *sha256 = message_text(message_member(item, "sha256"));
    struct message_state state;
    char digest[65];
    bool found;

    CHECK(message_find(ledger_txn(compare->tx), compare->c->in.sender->id, id, &state, &found, err));
    if (!found)
        differ(compare, i, ERR_RECONCILIATION_UNKNOWN, "sent", i, id);
    else if (strcmp(hex_encode(state.digest, sizeof(state.digest), digest), sha256) != 0)
        differ(compare, i, ERR_RECONCILIATION_DIFFERS, "sent", i, id);
    return true;
}

/* ---- what it received -------------------------------------------------------------------------------------------- */

static bool number_behind(const char *text, char until, uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    *out = strtoull(text, &end, 10);
    return *end == until;
}

/* "wc-<first>-<last>": there is a change of the list in it. */
static bool is_list(struct compare *compare, const char *id)
{
    uint64_t first = 0, last = 0;
    const char *dash = strchr(id + 3, '-');
    struct store_walk walk;

    if (dash == NULL || !number_behind(id + 3, '-', &first) || !number_behind(dash + 1, '\0', &last) || first > last)
        return false;
    struct store_key from = key_seq(first);
    store_walk(&walk, ledger_txn(compare->tx), TABLE_CHANGE, &from, NULL);
    bool there = store_next(&walk) && walk.key.n == 8 && get_be64(walk.key.p) <= last;
    store_walk_end(&walk);
    return there;
}

/* "r-<seq>" and "f-<seq>": a receipt that answered it at once has no entry in the outbox, but is its own message. */
static bool is_direct(struct compare *compare, const char *id)
{
    const char *partner = compare->c->in.sender->id;
    struct store_key key;
    struct bytes value;
    uint64_t seq = 0;

    if (!number_behind(id + 2, '\0', &seq))
        return false;
    key = key_outbox(partner, seq);
    if (store_get(ledger_txn(compare->tx), TABLE_OUTBOX, &key, &value))
        return true;
    key = key_seq(seq);
    size_t n = strlen(partner) + 1;
    return id[0] == 'r' && store_get(ledger_txn(compare->tx), TABLE_RECEIVED, &key, &value) && value.n > n &&
           memcmp(value.p, partner, n) == 0;
}

static bool was_sent(struct compare *compare, const char *id)
{
    if (strncmp(id, "wc-", 3) == 0)
        return is_list(compare, id);
    return (strncmp(id, "r-", 2) == 0 || strncmp(id, "f-", 2) == 0) && is_direct(compare, id);
}

/* ---- what it did not name ---------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool names(const struct compare *compare, const char *id)
{
    return compare->sent_n > 0 && bsearch(&id, compare->sent, compare->sent_n, sizeof(id), by_text) != NULL;
}

static bool day_of(const struct compare *compare, uint64_t seq, date_day *out, struct err *err)
{
    struct bytes leaf;

    CHECK(journal_read_leaf(compare->c->intake->options.journal, ledger_txn(compare->tx), seq, &leaf, err));
    *out = leaf.n < 17 ? DATE_NONE : date_of_ms((int64_t)get_be64(leaf.p + 9));
    return true;
}

/* Its clock and ours may put a message near midnight on two days: missing is what both put on this one. NULL: none. */
static bool missing_one(struct compare *compare, uint64_t seq, const char **id_out, struct err *err)
{
    struct record record;
    struct err gone = {0};

    *id_out = NULL;
    if (!ledger_written(compare->tx, ledger_arena(compare->tx), seq, &record, &gone)) {
        if (gone.code != ERR_JOURNAL_UNKNOWN)
            *err = gone;
        return gone.code == ERR_JOURNAL_UNKNOWN;
    }
    if (date_of_ms(record.message.created_ms) == compare->day && !names(compare, record.message.id))
        *id_out = record.message.id;
    return true;
}

static bool look_at(struct compare *compare, uint64_t seq, bool *past_out, struct err *err)
{
    const char *id;
    date_day day;

    if (seq > compare->head)
        return true; /* this very transaction wrote it */
    CHECK(day_of(compare, seq, &day, err));
    *past_out = day < compare->day;
    if (day != compare->day)
        return true;
    CHECK(missing_one(compare, seq, &id, err));
    if (id != NULL)
        differ(compare, compare->index++, ERR_RECONCILIATION_MISSING, "missing", compare->missing++, id);
    return true;
}

#define PASSED_BY 256 /* messages of others between two looks at the day */

/* Whoever sent little must not make us walk through everything that others ever sent. */
static bool pass_by(struct compare *compare, uint64_t seq, bool *past_out, struct err *err)
{
    date_day day;

    if (compare->passed++ % PASSED_BY != 0 || seq > compare->head)
        return true;
    CHECK(day_of(compare, seq, &day, err));
    *past_out = day < compare->day;
    return true;
}

/* Newest first, until the day is over. */
static bool compare_missing(struct compare *compare, struct err *err)
{
    const char *sender = compare->c->in.sender->id;
    size_t n = strlen(sender) + 1;
    bool ok = true, past = false;
    struct store_walk walk;

    store_walk_down(&walk, ledger_txn(compare->tx), TABLE_RECEIVED, NULL, NULL);
    while (ok && !past && store_next(&walk)) {
        bool own = walk.value.n >= n && memcmp(walk.value.p, sender, n) == 0;
        ok = (own ? look_at : pass_by)(compare, get_be64(walk.key.p), &past, err);
    }
    store_walk_end(&walk);
    return ok;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* What it did not name is looked for among the last month's messages only; what it names is compared whenever it was.
 */
static bool is_recent(const struct compare *compare)
{
    return compare->day != DATE_NONE && compare->day > date_of_ms(ledger_now(compare->tx)) - DAYS_MAX;
}

static void sort_sent(struct compare *compare)
{
    compare->sent_n = message_count(compare->body, "sent");
    compare->sent = arena_alloc(ledger_arena(compare->tx), (compare->sent_n + 1) * sizeof(*compare->sent));
    for (size_t i = 0; i < compare->sent_n; i++)
        compare->sent[i] = message_text(message_member(message_at(compare->body, "sent", i), "id"));
    if (compare->sent_n > 0)
        qsort(compare->sent, compare->sent_n, sizeof(*compare->sent), by_text);
}

static void compare_received(struct compare *compare, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *id = message_text(message_member(message_at(compare->body, "received", i), "id"));
        if (!was_sent(compare, id))
            differ(compare, compare->sent_n + i, ERR_RECONCILIATION_UNKNOWN, "received", i, id);
    }
}

bool reconciliation_whole(struct ledger_tx *tx, struct intake_case *c, const struct message_node *body,
                          struct row_verdict *out, struct err *err)
{
    struct compare compare = {.tx = tx, .c = c, .body = body};
    size_t received = message_count(body, "received");

    compare.head = journal_size(c->intake->options.journal, ledger_txn(tx));
    if (!row_date(body, "day", &compare.day, out))
        return true;
    sort_sent(&compare);
    for (size_t i = 0; i < compare.sent_n; i++)
        CHECK(compare_sent(&compare, i, err));
    compare_received(&compare, received);
    compare.index = compare.sent_n + received;
    return !is_recent(&compare) || compare_missing(&compare, err);
}
