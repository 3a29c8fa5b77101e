/* Body: what a letter says, as a function of the journal. */
#include <string.h>

#include "delivery/internal.h"

/* ---- changes of the list ---- */

/* The firm as it stood behind the record `seq`, made of its records; and the sequence of the one that put it where it
 * stood before. Records that a purge erased did nothing to it that counts here. */
static bool firm_at(const struct writer *writer, const char *uscc, uint64_t seq, struct firm *out, uint64_t *before_out,
                    struct err *err)
{
    struct store_key prefix = key_history(uscc, STORE_PREFIX);
    struct store_walk walk;
    struct record record;
    firm_init(out, uscc);
    *before_out = 0;
    store_walk(&walk, writer->view->txn, TABLE_HISTORY, NULL, &prefix);
    while (store_next(&walk)) {
        uint64_t at = get_be64(walk.key.p + walk.key.n - 8);
        struct err gone = {0};
        if (at > seq)
            break;
        if (!ledger_read_record(writer->view->journal, writer->view->txn, writer->arena, at, &record, &gone)) {
            if (gone.code == ERR_JOURNAL_UNKNOWN)
                continue;
            *err = gone;
            break;
        }
        *before_out = out->listing.sequence;
        firm_apply(out, &record);
    }
    store_walk_end(&walk);
    return err->code == ERR_NONE;
}

/* A firm under review is told as not listed. */
static const char *told(enum listing_status status)
{
    return listing_name(status == LISTING_CHECKING ? LISTING_NONE : status);
}

static void write_reasons(const struct writer *writer, struct json_out *json, const struct firm *firm, int64_t time_ms)
{
    struct policy_reason reasons[FIRM_REASONS_MAX + FIRM_EXCLUSIONS_MAX];
    const struct rules *rules = policy_in_force(writer->held->force.policy, date_of_ms(time_ms));
    if (rules == NULL)
        return;
    size_t n = policy_reasons(rules, firm, POLICY_VIEW_BANK, reasons);
    json_key(json, "reasons");
    json_begin_array(json);
    for (size_t i = 0; i < n; i++)
        json_put_string(json, reasons[i].word);
    json_end_array(json);
}

static bool write_change(const struct writer *writer, struct json_out *json, uint64_t seq, struct err *err)
{
    struct record record;
    struct firm firm;
    uint64_t before;
    CHECK(ledger_read_record(writer->view->journal, writer->view->txn, writer->arena, seq, &record, err));
    CHECK(firm_at(writer, record.uscc, seq, &firm, &before, err));
    json_begin_object(json);
    json_add_integer(json, "sequence", (int64_t)seq);
    json_add_string(json, "uscc", record.uscc);
    json_add_string(json, "name", firm.name);
    json_add_string(json, "from", told(record.from));
    json_add_string(json, "to", told(record.listing.status));
    write_reasons(writer, json, &firm, record.time_ms);
    if (record.corrects && before > 0)
        json_add_integer(json, "corrects", (int64_t)before);
    json_end_object(json);
    return true;
}

static bool write_changes(const struct writer *writer, struct json_out *json, const struct letter *letter,
                          struct err *err)
{
    struct store_key from = key_seq(letter->first);
    struct store_walk walk;
    bool ok = true;
    json_key(json, "changes");
    json_begin_array(json);
    store_walk(&walk, writer->view->txn, TABLE_CHANGE, &from, NULL);
    while (ok && !letter->snapshot && store_next(&walk) && get_be64(walk.key.p) <= letter->n)
        ok = write_change(writer, json, get_be64(walk.key.p), err);
    store_walk_end(&walk);
    json_end_array(json);
    return ok;
}

static bool write_list(const struct writer *writer, const struct letter *letter, struct json_out *json, struct err *err)
{
    char id[PARCEL_ID_SIZE];
    letter_id(letter, id);
    const struct message_envelope head = {
        .id = id, .kind = "whitelist.change", .sender = writer->gateway, .receiver = "*", .created_ms = letter->created_ms};
    json_begin_object(json);
    message_put_envelope(json, &head);
    json_key(json, "body");
    json_begin_object(json);
    json_add_integer(json, "first", (int64_t)letter->first);
    json_add_integer(json, "last", (int64_t)letter->n);
    CHECK(write_changes(writer, json, letter, err));
    json_end_object(json);
    json_end_object(json);
    return true;
}

/* ---- passed on ---- */

static bool json_of_xml(const struct writer *writer, struct bytes raw, struct buf *out, struct err *err)
{
    struct message *message = NULL;
    CHECK(message_read_xml(raw, &message, err));
    message_drop_signature(message);
    bool ok = message_convert(writer->held->force.catalog, message, MESSAGE_JSON, out, err);
    message_free(&message);
    return ok;
}

static bool json_of_jose(struct bytes raw, struct buf *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    CHECK(json_parse(raw, &doc, err));
    const char *payload = json_string(json_member(json_root(doc), "payload"));
    return (payload != NULL && base64_decode(out, bytes_str(payload), true)) ||
           err_set(err, ERR_STORE_CORRUPT, "raw", "payload");
}

/* What was signed, as JSON, in whichever form it came. */
static bool original(const struct writer *writer, const struct record *record, struct buf *out, struct err *err)
{
    struct bytes raw;
    CHECK(journal_read_raw(writer->view->journal, writer->view->txn, record->seq, &raw, err));
    if (raw.n == 0)
        return err_set(err, ERR_JOURNAL_UNKNOWN, "raw", "record %llu was erased", (unsigned long long)record->seq);
    if (strcmp(record->message.form, "xml") == 0)
        return json_of_xml(writer, raw, out, err);
    if (strcmp(record->message.form, "jose") == 0)
        return json_of_jose(raw, out, err);
    buf_put(out, raw.p, raw.n);
    return true;
}

static bool write_forward(const struct writer *writer, const struct letter *letter, const struct record *record,
                          struct bytes whole, struct json_out *json, struct err *err)
{
    AUTO_JSON doc = NULL;
    struct bytes body;
    char id[PARCEL_ID_SIZE];
    CHECK(json_parse(whole, &doc, err));
    if (!json_scan_member(whole, "body", &body))
        return err_set(err, ERR_STORE_CORRUPT, "raw", "no body");
    const char *trace = json_string(json_member(json_member(json_root(doc), "envelope"), "traceparent"));
    letter_id(letter, id);
    const struct message_envelope head = {
        .id = id,
        .kind = record->message.kind,
        .sender = writer->gateway,
        .receiver = writer->partner->id,
        .in_reply_to = record->message.id,
        .traceparent = trace,
        .created_ms = record->time_ms,
    };
    json_begin_object(json);
    message_put_envelope(json, &head);
    json_key(json, "body");
    json_put_raw(json, body);
    json_end_object(json);
    return true;
}

static bool write_direct(const struct writer *writer, const struct letter *letter, struct json_out *json,
                         struct err *err)
{
    struct record record;
    struct bytes receipt;
    struct buf whole;
    CHECK(ledger_read_record(writer->view->journal, writer->view->txn, writer->arena, letter->n, &record, err));
    if (letter->kind == LETTER_RECEIPT) {
        CHECK(intake_receipt_json(writer->gateway, &record, writer->arena, &receipt, err));
        json_put_raw(json, receipt);
        return true;
    }
    buf_init(&whole, MESSAGE_MAX);
    bool ok =
        original(writer, &record, &whole, err) && write_forward(writer, letter, &record, buf_bytes(&whole), json, err);
    buf_free(&whole);
    return ok;
}

bool body_write(const struct writer *writer, const struct letter *letter, struct buf *out, struct err *err)
{
    struct json_out json;
    bool direct = letter->kind == LETTER_RECEIPT || letter->kind == LETTER_FORWARD;
    json_out_init(&json, out);
    CHECK(direct ? write_direct(writer, letter, &json, err) : write_list(writer, letter, &json, err));
    return !out->overflow ||
           err_set(err, ERR_MESSAGE_TOO_LARGE, writer->partner->id, "more than %u bytes", MESSAGE_MAX);
}
