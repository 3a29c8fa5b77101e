/* Credit: each row of a bank's report, and what the rows about one line or loan add up to. */
#include "ledger/internal.h"

#include <string.h>

/* ---- a line or loan ---- */

static struct store_key account_key(const char *bank, bool line, const char *number)
{
    return key_credit(bank, line ? "line" : "loan", number);
}

static void read_account(struct arena *arena, const json_value *o, struct credit_account *out)
{
    deal_uscc(o, "uscc", out->uscc);
    out->credit_no = deal_text(arena, o, "credit_no");
    out->limit_fen = deal_integer(o, "limit", AMOUNT_NONE);
    out->opening_fen = deal_integer(o, "opening", 0);
    out->drawn_fen = deal_integer(o, "drawn", 0);
    out->repaid_fen = deal_integer(o, "repaid", 0);
    out->written_fen = deal_integer(o, "written_off", 0);
    out->granted = deal_integer(o, "granted_n", 0);
    out->opened = deal_integer(o, "opening_n", 0);
    out->drawn = deal_integer(o, "drawdown_n", 0);
    out->settled = deal_integer(o, "settled_n", 0);
    out->overdue = deal_integer(o, "overdue_n", 0);
    out->written = deal_integer(o, "written_off_n", 0);
}

bool credit_account_read(struct store_txn *txn, struct arena *arena, const char *bank, bool line, const char *number,
                         struct credit_account *out, struct err *err)
{
    struct store_key key = account_key(bank, line, number);
    struct bytes value;
    credit_account_init(out);
    if (!store_get(txn, TABLE_CREDIT, &key, &value))
        return !store_failed(txn, err);
    AUTO_JSON doc = NULL;
    if (!json_parse(value, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, number, "credit account");
    read_account(arena, json_root(doc), out);
    return true;
}

static void write_account(struct apply *apply, const struct credit_account *account)
{
    struct json_out out;
    buf_reset(&apply->value);
    json_out_init(&out, &apply->value);
    json_begin_object(&out);
    json_add_string(&out, "uscc", account->uscc);
    json_add_string_opt(&out, "credit_no", account->credit_no);
    deal_amount(&out, "limit", account->limit_fen);
    json_add_integer(&out, "opening", account->opening_fen);
    json_add_integer(&out, "drawn", account->drawn_fen);
    json_add_integer(&out, "repaid", account->repaid_fen);
    json_add_integer(&out, "written_off", account->written_fen);
    json_add_integer(&out, "granted_n", account->granted);
    json_add_integer(&out, "opening_n", account->opened);
    json_add_integer(&out, "drawdown_n", account->drawn);
    json_add_integer(&out, "settled_n", account->settled);
    json_add_integer(&out, "overdue_n", account->overdue);
    json_add_integer(&out, "written_off_n", account->written);
    json_end_object(&out);
}

static bool put_account(struct apply *apply, const char *bank, bool line, const char *number,
                        const struct credit_account *account, struct err *err)
{
    struct store_key key = account_key(bank, line, number);
    write_account(apply, account);
    return apply_put_json(apply, TABLE_CREDIT, &key, number, err);
}

/* ---- a row ---- */

bool credit_row_read(struct store_txn *txn, struct arena *arena, const char *bank, const char *row,
                     struct credit_row *out, bool *found_out, struct err *err)
{
    struct store_key key = key_pair(bank, row);
    struct bytes value;
    *found_out = store_get(txn, TABLE_CREDIT_ROW, &key, &value);
    if (!*found_out)
        return !store_failed(txn, err);
    AUTO_JSON doc = NULL;
    const char *event;
    if (!json_parse(value, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, row, "credit row");
    const json_value *o = json_root(doc);
    struct record blank;
    record_init(&blank, RECORD_CREDIT);
    *out = (struct credit_row){.note = blank.credit};
    deal_uscc(o, "uscc", out->uscc);
    event = deal_text(arena, o, "event");
    out->note.credit_no = deal_text(arena, o, "credit_no");
    out->note.loan_no = deal_text(arena, o, "loan_no");
    out->note.amount_fen = deal_integer(o, "amount_fen", AMOUNT_NONE);
    out->seq = (uint64_t)deal_integer(o, "seq", 0);
    out->taken_back = (uint64_t)deal_integer(o, "taken_back", 0);
    return credit_event_parse(event, &out->note.event) || err_set(err, ERR_STORE_CORRUPT, row, "credit row");
}

static bool put_row(struct apply *apply, const char *bank, const char *name, const struct credit_row *row,
                    struct err *err)
{
    struct store_key key = key_pair(bank, name);
    struct json_out out;
    buf_reset(&apply->value);
    json_out_init(&out, &apply->value);
    json_begin_object(&out);
    json_add_string(&out, "event", credit_event_name(row->note.event));
    json_add_string(&out, "uscc", row->uscc);
    json_add_string_opt(&out, "credit_no", row->note.credit_no);
    json_add_string_opt(&out, "loan_no", row->note.loan_no);
    deal_amount(&out, "amount_fen", row->note.amount_fen);
    json_add_integer(&out, "seq", (int64_t)row->seq);
    if (row->taken_back != 0)
        json_add_integer(&out, "taken_back", (int64_t)row->taken_back);
    json_end_object(&out);
    return apply_put_json(apply, TABLE_CREDIT_ROW, &key, name, err);
}

/* "<message id>/<row>" of a record whose origin is "sender/message id". */
static const char *row_name(struct apply *apply, const struct record *record)
{
    const char *id = strchr(record->origin, '/');
    return arena_printf(apply->arena, "%s/%lld", id == NULL ? record->origin : id + 1, (long long)record->credit.row);
}

/* ---- applying ---- */

/* Adds the row to its loan and line, or takes it back from them; both learn whose they are. */
static bool add_row(struct apply *apply, const char *bank, const struct credit_note *note, const char *uscc, int sign,
                    struct err *err)
{
    bool on_line = note->loan_no[0] == '\0' || note->event == CREDIT_LINE;
    const char *number = on_line ? note->credit_no : note->loan_no;
    bool has_upper = !on_line && note->credit_no[0] != '\0';
    struct credit_account main, upper;
    if (note->event == CREDIT_CONTACT || note->event == CREDIT_REFUSED)
        return true; /* whatever numbers it names, no line or loan came of it yet */
    CHECK(credit_account_read(apply->txn, apply->arena, bank, on_line, number, &main, err));
    CHECK(credit_account_read(apply->txn, apply->arena, bank, true, note->credit_no, &upper, err));
    credit_account_add(&main, has_upper ? &upper : NULL, note, sign);
    memcpy(main.uscc, uscc, strlen(uscc) + 1);
    if (has_upper && sign > 0)
        main.credit_no = note->credit_no;
    CHECK(put_account(apply, bank, on_line, number, &main, err));
    if (!has_upper)
        return true;
    memcpy(upper.uscc, uscc, strlen(uscc) + 1);
    return put_account(apply, bank, true, note->credit_no, &upper, err);
}

static bool take_back(struct apply *apply, const struct record *record, struct err *err)
{
    const char *bank = record->actor.id;
    struct credit_row old;
    bool found;
    CHECK(credit_row_read(apply->txn, apply->arena, bank, record->credit.corrects, &old, &found, err));
    if (!found)
        return err_set(err, ERR_STORE_CORRUPT, record->credit.corrects, "a row that was never reported is taken back");
    old.taken_back = record->seq;
    CHECK(add_row(apply, bank, &old.note, old.uscc, -1, err));
    return put_row(apply, bank, record->credit.corrects, &old, err);
}

bool apply_credit(struct apply *apply, const struct record *record, struct err *err)
{
    struct credit_row row = {.note = record->credit, .seq = record->seq};
    if (strlen(record->uscc) >= USCC_SIZE)
        return err_set(err, ERR_STORE_CORRUPT, "credit", "uscc");
    memcpy(row.uscc, record->uscc, strlen(record->uscc) + 1);
    if (record->credit.corrects[0] != '\0')
        CHECK(take_back(apply, record, err));
    if (record->credit.event != CREDIT_VOID)
        CHECK(add_row(apply, record->actor.id, &record->credit, record->uscc, 1, err));
    apply_subject(apply, record->uscc, record);
    return put_row(apply, record->actor.id, row_name(apply, record), &row, err);
}
