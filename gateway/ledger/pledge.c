/* Pledges: what the register told of each last, and the rights that the live ones hold. */
#include "ledger/internal.h"

#include <string.h>

/* ---- the stored row ---- */

/* The text of a member that is JSON itself. */
static const char *raw_of(struct arena *arena, struct bytes value, const char *name)
{
    struct bytes raw;
    return json_scan_member(value, name, &raw) ? arena_strndup(arena, (const char *)raw.p, raw.n) : "";
}

static bool read_words(struct arena *arena, const json_value *o, struct pledge_note *note)
{
    return pledge_event_parse(deal_text(arena, o, "event"), &note->event) &&
           pledge_state_parse(deal_text(arena, o, "state"), &note->state) &&
           right_kind_parse(deal_text(arena, o, "right_kind"), &note->right_kind);
}

static void read_note(struct arena *arena, const json_value *o, struct pledge_note *note)
{
    const json_value *pledgee = json_member(o, "pledgee");
    note->date = deal_date(o, "date");
    note->debt_from = deal_date(o, "debt_from");
    note->debt_until = deal_date(o, "debt_until");
    note->valid_until = deal_date(o, "valid_until");
    note->secured_fen = deal_integer(o, "secured_amount_fen", AMOUNT_NONE);
    note->pledgee_uscc = deal_text(arena, pledgee, "uscc");
    note->pledgee_name = deal_text(arena, pledgee, "name");
    note->superseded_by = deal_text(arena, o, "superseded_by");
}

bool pledge_read(struct store_txn *txn, struct arena *arena, const char *registration_no, struct pledge *out,
                 bool *found_out, struct err *err)
{
    struct store_key key = key_text(registration_no);
    struct bytes value;
    *found_out = store_get(txn, TABLE_PLEDGE, &key, &value);
    if (!*found_out)
        return !store_failed(txn, err);
    AUTO_JSON doc = NULL;
    if (!json_parse(value, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, registration_no, "pledge");
    const json_value *o = json_root(doc);
    *out = (struct pledge){.note.registration_no = arena_strdup(arena, registration_no)};
    read_note(arena, o, &out->note);
    out->note.pledgors = raw_of(arena, value, "pledgors");
    out->note.rights = raw_of(arena, value, "rights");
    out->registry = deal_text(arena, o, "registry");
    out->live_since = deal_date(o, "live_since");
    out->time_ms = deal_integer(o, "time_ms", 0);
    out->seq = (uint64_t)deal_integer(o, "seq", 0);
    return read_words(arena, o, &out->note) || err_set(err, ERR_STORE_CORRUPT, registration_no, "pledge");
}

static void add_raw(struct json_out *out, const char *name, const char *json)
{
    if (json[0] == '\0')
        return;
    json_key(out, name);
    json_put_raw(out, bytes_str(json));
}

static void write_note(struct json_out *out, const struct pledge_note *note)
{
    json_add_string(out, "event", pledge_event_name(note->event));
    json_add_string_opt(out, "state", pledge_state_name(note->state));
    json_add_string(out, "right_kind", right_kind_name(note->right_kind));
    json_add_date_opt(out, "date", note->date);
    json_add_date_opt(out, "debt_from", note->debt_from);
    json_add_date_opt(out, "debt_until", note->debt_until);
    json_add_date_opt(out, "valid_until", note->valid_until);
    deal_amount(out, "secured_amount_fen", note->secured_fen);
    json_key(out, "pledgee");
    json_begin_object(out);
    json_add_string_opt(out, "uscc", note->pledgee_uscc);
    json_add_string_opt(out, "name", note->pledgee_name);
    json_end_object(out);
    json_add_string_opt(out, "superseded_by", note->superseded_by);
    add_raw(out, "pledgors", note->pledgors);
    add_raw(out, "rights", note->rights);
}

static bool put_pledge(struct apply *apply, const struct pledge *pledge, struct err *err)
{
    struct store_key key = key_text(pledge->note.registration_no);
    struct buf value; /* its rights may be thousands: larger than the buffer that is reused */
    struct json_out out;
    buf_init(&value, RECORD_BYTES_MAX);
    json_out_init(&out, &value);
    json_begin_object(&out);
    write_note(&out, &pledge->note);
    json_add_string(&out, "registry", pledge->registry);
    json_add_date_opt(&out, "live_since", pledge->live_since);
    json_add_integer(&out, "time_ms", pledge->time_ms);
    json_add_integer(&out, "seq", (int64_t)pledge->seq);
    json_end_object(&out);
    bool fits = !value.overflow;
    if (fits)
        store_put(apply->txn, TABLE_PLEDGE, &key, buf_bytes(&value));
    buf_free(&value);
    return fits || err_set(err, ERR_INTERNAL, pledge->note.registration_no, "a value of table %s is too large",
                           store_table_name(TABLE_PLEDGE));
}

bool pledge_is_live(const struct pledge *pledge, date_day today)
{
    const struct pledge_note *note = &pledge->note;
    bool ended = note->right_kind == RIGHT_TRADEMARK && note->valid_until != DATE_NONE && note->valid_until < today;
    return note->state == PLEDGE_IS_LIVE && !ended;
}

/* ---- applying ---- */

/* Each right of the list is held by `pledge` from now on; with `old` only those that `old` holds. */
static bool hold_all(struct apply *apply, const struct pledge_note *note, const char *old, const char *pledge,
                     struct err *err)
{
    AUTO_JSON doc = NULL;
    if (note->rights[0] == '\0')
        return true;
    CHECK(json_parse(bytes_str(note->rights), &doc, err));
    for (size_t i = 0; i < json_count(json_root(doc)); i++) {
        const json_value *right = json_at(json_root(doc), i);
        const char *number = deal_text(apply->arena, right, "number");
        CHECK(right_hold(apply, note->right_kind, number, deal_text(apply->arena, right, "class"), old, pledge, err));
    }
    return true;
}

static bool name_pledgors(struct apply *apply, const struct record *record, struct err *err)
{
    AUTO_JSON doc = NULL;
    if (record->pledge.pledgors[0] == '\0')
        return true;
    CHECK(json_parse(bytes_str(record->pledge.pledgors), &doc, err));
    for (size_t i = 0; i < json_count(json_root(doc)); i++)
        apply_subject(apply, deal_text(apply->arena, json_at(json_root(doc), i), "uscc"), record);
    return true;
}

bool apply_pledge(struct apply *apply, const struct record *record, struct err *err)
{
    const char *number = record->pledge.registration_no;
    struct pledge next = {.note = record->pledge,
                          .registry = record->actor.id,
                          .live_since = DATE_NONE,
                          .time_ms = record->time_ms,
                          .seq = record->seq};
    struct pledge old;
    bool known;
    const bool told = record->actor.kind == ACTOR_PARTNER || record->actor.kind == ACTOR_SOURCE;
    CHECK(pledge_read(apply->txn, apply->arena, number, &old, &known, err));
    if (known && old.note.state == PLEDGE_IS_LIVE)
        CHECK(hold_all(apply, &old.note, number, "", err));
    if (next.note.state == PLEDGE_IS_LIVE)
        CHECK(hold_all(apply, &next.note, NULL, number, err));
    if (known) {
        next.live_since = old.live_since;
        next.registry = told ? record->actor.id : old.registry;
    }
    if (next.note.state == PLEDGE_IS_LIVE && next.live_since == DATE_NONE)
        next.live_since = next.note.date;
    CHECK(name_pledgors(apply, record, err));
    return put_pledge(apply, &next, err);
}
