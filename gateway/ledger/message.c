/* What a message and a later receipt do to state: how it is found again, and to whom something is to be sent. */
#include "ledger/internal.h"

#include <string.h>

#define STATE_SIZE (8 + 8 + 32)

bool ledger_message(struct ledger_tx *tx, struct record *record, struct bytes raw, struct err *err)
{
    return tx_add(tx, record, NULL, raw, err);
}

static bool state_read(struct bytes value, struct message_state *out)
{
    if (value.n != STATE_SIZE)
        return false;
    out->seq = get_be64(value.p);
    out->latest = get_be64(value.p + 8);
    memcpy(out->digest, value.p + 16, sizeof out->digest);
    return true;
}

bool message_find(struct store_txn *txn, const char *sender, const char *id, struct message_state *out, bool *found_out,
                  struct err *err)
{
    struct store_key key = key_pair(sender, id);
    struct bytes value;
    *found_out = store_get(txn, TABLE_MESSAGE, &key, &value);
    if (*found_out && !state_read(value, out))
        return err_set(err, ERR_STORE_CORRUPT, "message", "%.64s %.64s", sender, id);
    return !store_failed(txn, err);
}

bool ledger_read_record(struct journal *journal, struct store_txn *txn, struct arena *arena, uint64_t seq,
                        struct record *out, struct err *err)
{
    struct bytes bytes;
    CHECK(journal_read(journal, txn, seq, &bytes, err));
    if (bytes.n == 0)
        return err_set(err, ERR_JOURNAL_UNKNOWN, "journal", "record %llu was erased", (unsigned long long)seq);
    return record_decode(arena, seq, bytes, out, err);
}

bool ledger_written(struct ledger_tx *tx, struct arena *arena, uint64_t seq, struct record *out, struct err *err)
{
    if (seq <= tx->head)
        return ledger_read_record(tx->ledger->journal, tx->txn, arena, seq, out, err);
    if (seq > tx->head + tx->entry_n)
        return err_set(err, ERR_JOURNAL_UNKNOWN, "journal", "record %llu", (unsigned long long)seq);
    return record_decode(arena, seq, tx->entries[seq - tx->head - 1].record, out, err);
}

/* ---- what waits for a question that is asked anew ---- */

static bool first_held(struct ledger_tx *tx, const char *proposal, uint64_t *message_out, uint64_t *row_out,
                       struct bytes *value_out)
{
    struct store_key prefix = key_held(proposal, STORE_PREFIX, 0);
    struct store_walk walk;
    store_walk(&walk, tx->txn, TABLE_HELD, NULL, &prefix);
    bool found = store_next(&walk) && walk.key.n == prefix.n + 16;
    if (found) {
        *message_out = get_be64(walk.key.p + prefix.n);
        *row_out = get_be64(walk.key.p + prefix.n + 8);
        *value_out = bytes_dup(tx->arena, walk.value);
    }
    store_walk_end(&walk);
    return found;
}

void tx_move_held(struct ledger_tx *tx, const char *from, const char *to)
{
    uint64_t message, row;
    struct bytes value;
    while (first_held(tx, from, &message, &row, &value)) {
        struct store_key old = key_held(from, message, row), new = key_held(to, message, row);
        store_delete(tx->txn, TABLE_HELD, &old);
        store_put(tx->txn, TABLE_HELD, &new, value);
    }
}

int64_t partner_heard(struct store_txn *txn, const char *partner, const char *kind)
{
    struct store_key prefix = key_pair(partner, kind == NULL ? "" : kind);
    struct store_walk walk;
    int64_t last = 0;
    for (store_walk(&walk, txn, TABLE_HEARD, NULL, &prefix); store_next(&walk);) {
        int64_t time_ms = walk.value.n == 8 ? (int64_t)get_be64(walk.value.p) : 0;
        if ((kind == NULL || walk.key.n == prefix.n) && time_ms > last)
            last = time_ms;
    }
    return last;
}

/* ---- applying ---- */

static void put_state(struct apply *apply, const struct record *record, const struct message_state *state)
{
    struct store_key key = key_pair(record->message.sender, record->message.id);
    uint8_t value[STATE_SIZE];
    put_be64(value, state->seq);
    put_be64(value + 8, state->latest);
    memcpy(value + 16, state->digest, sizeof state->digest);
    store_put(apply->txn, TABLE_MESSAGE, &key, bytes_of(value, sizeof value));
}

/* Lists are filtered by these without reading the record. */
static void put_received(struct apply *apply, const struct record *record, uint64_t seq)
{
    const char *parts[] = {record->message.sender, record->message.kind, record->result};
    struct store_key key = key_seq(seq);
    buf_reset(&apply->value);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        buf_put(&apply->value, parts[i], strlen(parts[i]) + 1);
    store_put(apply->txn, TABLE_RECEIVED, &key, buf_bytes(&apply->value));
}

/* One entry for each partner named. */
static void put_outbox(struct apply *apply, const struct record *record, const char *what)
{
    const char *at = record->to;
    char partner[RECORD_ID_MAX + 1];
    struct bytes word;
    while (word_next(&at, &word)) {
        if (word.n >= sizeof partner)
            continue;
        memcpy(partner, word.p, word.n);
        partner[word.n] = '\0';
        struct store_key key = key_outbox(partner, record->seq);
        store_put(apply->txn, TABLE_OUTBOX, &key, bytes_str(what));
    }
}

/* What was rejected as a whole told us nothing. */
static void put_heard(struct apply *apply, const struct record *record)
{
    struct store_key key = key_pair(record->message.sender, record->message.kind);
    uint8_t time[8];
    if (strcmp(record->result, "rejected") == 0)
        return;
    put_be64(time, (uint64_t)record->time_ms);
    store_put(apply->txn, TABLE_HEARD, &key, bytes_of(time, sizeof time));
    past_message(apply, record);
}

static bool apply_first(struct apply *apply, const struct record *record)
{
    struct message_state state = {.seq = record->seq, .latest = record->seq};
    memcpy(state.digest, record->message.digest, sizeof state.digest);
    put_state(apply, record, &state);
    put_received(apply, record, record->seq);
    put_heard(apply, record);
    put_outbox(apply, record, "forward");
    return true;
}

static bool apply_later(struct apply *apply, const struct record *record, struct err *err)
{
    struct message_state state;
    bool found;
    CHECK(message_find(apply->txn, record->message.sender, record->message.id, &state, &found, err));
    if (!found)
        return err_set(err, ERR_STORE_CORRUPT, "receipt", "of a message that is not known");
    state.latest = record->seq;
    put_state(apply, record, &state);
    put_received(apply, record, state.seq);
    put_outbox(apply, record, "receipt");
    return true;
}

bool apply_message(struct apply *apply, const struct record *record, struct err *err)
{
    return record->kind == RECORD_MESSAGE ? apply_first(apply, record) : apply_later(apply, record, err);
}

/* ---- changes of the list ---- */

/* A firm under review is told as not listed. */
static enum listing_status as_told(enum listing_status status)
{
    return status == LISTING_CHECKING ? LISTING_NONE : status;
}

void apply_change(struct apply *apply, const struct record *record)
{
    struct store_key key = key_seq(record->seq);
    if (as_told(record->from) != as_told(record->listing.status) || record->corrects)
        store_put(apply->txn, TABLE_CHANGE, &key, bytes_str(record->uscc));
}
