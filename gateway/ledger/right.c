/* Rights: their legal status as platforms tell it, and which pledge holds them. */
#include "ledger/internal.h"

#include <string.h>

static void read_right(struct arena *arena, const json_value *o, struct right_state *out)
{
    const char *status = deal_text(arena, o, "status");
    (void)right_status_parse(status, &out->status);
    out->since = deal_date(o, "since");
    out->told_by = deal_text(arena, o, "told_by");
    out->told_ms = deal_integer(o, "told_ms", 0);
    deal_uscc(o, "uscc", out->uscc);
    out->pledge = deal_text(arena, o, "pledge");
    out->seq = (uint64_t)deal_integer(o, "seq", 0);
}

bool right_read(struct store_txn *txn, struct arena *arena, enum right_kind kind, const char *number, const char *class,
                struct right_state *out, struct err *err)
{
    struct store_key key = key_right(right_kind_name(kind), number, class);
    struct bytes value;
    *out = (struct right_state){.since = DATE_NONE, .told_by = "", .pledge = ""};
    if (!store_get(txn, TABLE_RIGHT, &key, &value))
        return !store_failed(txn, err);
    AUTO_JSON doc = NULL;
    if (!json_parse(value, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, number, "right");
    read_right(arena, json_root(doc), out);
    return true;
}

/* Nothing known leaves no row. */
static bool put_right(struct apply *apply, const struct store_key *key, const struct right_state *right,
                      struct err *err)
{
    struct json_out out;
    if (right->seq == 0 && right->pledge[0] == '\0') {
        store_delete(apply->txn, TABLE_RIGHT, key);
        return true;
    }
    buf_reset(&apply->value);
    json_out_init(&out, &apply->value);
    json_begin_object(&out);
    json_add_string_opt(&out, "status", right_status_name(right->status));
    json_add_date_opt(&out, "since", right->since);
    json_add_string_opt(&out, "told_by", right->told_by);
    json_add_integer(&out, "told_ms", right->told_ms);
    json_add_string_opt(&out, "uscc", right->uscc);
    json_add_string_opt(&out, "pledge", right->pledge);
    json_add_integer(&out, "seq", (int64_t)right->seq);
    json_end_object(&out);
    return apply_put_json(apply, TABLE_RIGHT, key, "right", err);
}

size_t right_classes(struct store_txn *txn, struct arena *arena, const char *number, const char **classes, size_t max)
{
    struct store_key prefix = key_right(right_kind_name(RIGHT_TRADEMARK), number, "");
    struct store_walk walk;
    size_t n = 0;
    for (store_walk(&walk, txn, TABLE_RIGHT, NULL, &prefix); store_next(&walk);) {
        struct bytes pledge;
        if (walk.key.n == prefix.n || !json_scan_member(walk.value, "pledge", &pledge))
            continue;
        if (n < max)
            classes[n] = arena_strndup(arena, (const char *)walk.key.p + prefix.n, walk.key.n - prefix.n);
        n++;
    }
    return n;
}

bool right_hold(struct apply *apply, enum right_kind kind, const char *number, const char *class, const char *old,
                const char *pledge, struct err *err)
{
    struct store_key key = key_right(right_kind_name(kind), number, class);
    struct right_state right;
    CHECK(right_read(apply->txn, apply->arena, kind, number, class, &right, err));
    if (old != NULL && strcmp(right.pledge, old) != 0)
        return true;
    right.pledge = pledge;
    return put_right(apply, &key, &right, err);
}

/* ---- who lost a right ---- */

static bool is_lapsed(enum right_status status)
{
    return status == RIGHT_LAPSED || status == RIGHT_INVALIDATED;
}

bool right_told_lapsed(struct store_txn *txn, const char *uscc, const char *partner, enum right_kind kind,
                       const char *number)
{
    struct store_key key = key_lapsed(uscc, partner, right_kind_name(kind), number);
    struct bytes none;
    return store_get(txn, TABLE_LAPSED, &key, &none);
}

bool right_other_lapsed(struct store_txn *txn, const char *uscc, const char *partner, enum right_kind kind,
                        const char *number)
{
    struct store_key prefix = key_lapsed(uscc, partner, NULL, NULL);
    struct store_key own = key_lapsed(uscc, partner, right_kind_name(kind), number);
    struct store_walk walk;
    bool other = false;
    for (store_walk(&walk, txn, TABLE_LAPSED, NULL, &prefix); !other && store_next(&walk);)
        other = !bytes_equal(walk.key, bytes_of(own.b, own.n));
    store_walk_end(&walk);
    return other;
}

/* What each partner told stands until it tells otherwise itself; it moves with the right to another firm. */
static void move_lapsed(struct apply *apply, const struct right_state *before, const struct record *record)
{
    const char *kind = right_kind_name(record->right.kind);
    if (before->uscc[0] != '\0') {
        struct store_key key = key_lapsed(before->uscc, record->actor.id, kind, record->right.number);
        store_delete(apply->txn, TABLE_LAPSED, &key);
    }
    if (record->uscc[0] != '\0' && is_lapsed(record->right.status)) {
        struct store_key key = key_lapsed(record->uscc, record->actor.id, kind, record->right.number);
        store_put(apply->txn, TABLE_LAPSED, &key, (struct bytes){0});
    }
}

bool apply_right(struct apply *apply, const struct record *record, struct err *err)
{
    const struct right_note *note = &record->right;
    struct store_key key = key_right(right_kind_name(note->kind), note->number, "");
    struct right_state right;
    if (strlen(record->uscc) >= USCC_SIZE)
        return err_set(err, ERR_STORE_CORRUPT, "right", "uscc");
    CHECK(right_read(apply->txn, apply->arena, note->kind, note->number, "", &right, err));
    move_lapsed(apply, &right, record);
    right.status = note->status;
    right.since = note->since;
    right.told_by = record->actor.id;
    right.told_ms = record->time_ms;
    memcpy(right.uscc, record->uscc, strlen(record->uscc) + 1);
    right.seq = record->seq;
    apply_subject(apply, record->uscc, record);
    return put_right(apply, &key, &right, err);
}
