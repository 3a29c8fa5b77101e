/* receipt: what a record of a message says, as a message of ours; and our messages, sealed for one partner. */
#include <stdio.h>
#include <string.h>

#include "intake/internal.h"

#define DETAILS_MAX 1000               /* beyond so many rows details are left out: codes and fields say enough */
#define RECEIPT_MAX (RECORD_BYTES_MAX + 4096)

static const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"accepted", "rejected", "pending"};

    return names[verdict];
}

static bool worth_telling(const struct row_verdict *row, bool all)
{
    return all || row->verdict != VERDICT_ACCEPTED || row->code != ERR_NONE;
}

static void put_row(struct json_out *out, const struct row_verdict *row, bool details)
{
    json_begin_object(out);
    json_add_integer(out, "index", (int64_t)row->index);
    json_add_string(out, "result", verdict_name(row->verdict));
    if (row->code != ERR_NONE)
        json_add_string(out, "code", err_info(row->code)->code);
    json_add_string_opt(out, "field", row->field);
    if (details)
        json_add_string_opt(out, "detail", row->detail);
    json_end_object(out);
}

const char *case_rows_json(const struct intake_case *c, struct arena *arena, bool all)
{
    struct buf buf;
    struct json_out out;
    size_t told = 0;

    for (size_t i = 0; i < c->row_n; i++)
        told += worth_telling(&c->rows[i], all);
    if (told == 0)
        return "";
    buf_init(&buf, RECORD_ROWS_MAX);
    json_out_init(&out, &buf);
    json_begin_array(&out);
    for (size_t i = 0; i < c->row_n; i++)
        if (worth_telling(&c->rows[i], all))
            put_row(&out, &c->rows[i], told <= DETAILS_MAX);
    json_end_array(&out);
    const char *text = arena_strndup(arena, (const char *)buf.p, buf.n);
    buf_free(&buf);
    return text;
}

/* ---- as a message ---- */

static void put_envelope(struct json_out *out, const char *gateway, const struct record *record, struct arena *arena)
{
    const struct message_envelope envelope = {
        .id = arena_printf(arena, "r-%llu", (unsigned long long)record->seq),
        .kind = "receipt",
        .sender = gateway,
        .receiver = record->message.sender,
        .in_reply_to = record->message.id,
        .created_ms = record->time_ms,
    };

    message_put_envelope(out, &envelope);
}

static void put_body(struct json_out *out, const struct record *record)
{
    json_key(out, "body");
    json_begin_object(out);
    json_add_string(out, "of", record->message.id);
    json_add_string(out, "result", record->result);
    json_add_string_opt(out, "code", record->code);
    json_add_integer(out, "sequence", (int64_t)record->seq);
    if (record->rows[0] != '\0') {
        json_key(out, "rows");
        json_put_raw(out, bytes_str(record->rows));
    }
    json_end_object(out);
}

bool intake_receipt_json(const char *gateway, const struct record *record, struct arena *arena, struct bytes *out,
                         struct err *err)
{
    struct buf buf;
    struct json_out json;

    buf_init(&buf, RECEIPT_MAX);
    json_out_init(&json, &buf);
    json_begin_object(&json);
    put_envelope(&json, gateway, record, arena);
    put_body(&json, record);
    json_end_object(&json);
    bool ok = !buf.overflow || err_set(err, ERR_MESSAGE_TOO_LARGE, "receipt", "record %llu", (unsigned long long)record->seq);
    if (ok)
        *out = bytes_dup(arena, buf_bytes(&buf));
    buf_free(&buf);
    return ok;
}

/* ---- in XML at once ---- */

static bool is_plain(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-")] == '\0';
}

#define SIMPLE_ROWS (4u << 10)         /* bytes of `rows`; longer ones go the long way */

static const struct {
    const char *json, *xml;
} row_members[] = {{"result", "Result"}, {"code", "Code"}, {"field", "Field"}, {"detail", "Detail"}};

/* As canonical XML writes text. */
static void put_text(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        const char *written = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (written != NULL)
            buf_str(out, written);
        else
            buf_byte(out, (uint8_t)*text);
    }
}

static void put_row_xml(struct buf *out, const json_value *row)
{
    int64_t index = 0;

    json_integer(json_member(row, "index"), &index);
    buf_printf(out, "<Row><Index>%lld</Index>", (long long)index);
    for (size_t i = 0; i < sizeof(row_members) / sizeof(row_members[0]); i++) {
        const char *text = json_string(json_member(row, row_members[i].json));
        if (text == NULL)
            continue;
        buf_printf(out, "<%s>", row_members[i].xml);
        put_text(out, text);
        buf_printf(out, "</%s>", row_members[i].xml);
    }
    buf_str(out, "</Row>");
}

static void put_rows_xml(struct buf *out, const char *rows)
{
    AUTO_JSON doc = NULL;
    struct err none = {0};

    if (rows[0] == '\0' || !json_parse(bytes_str(rows), &doc, &none))
        return;
    for (size_t i = 0; i < json_count(json_root(doc)); i++)
        put_row_xml(out, json_at(json_root(doc), i));
}

/* A receipt with few rows is known word by word, in the canonical form. Most are such, and the way over JSON and the
 * schema costs as much as its signature. No escapes in the rows: what needs them goes the long way. */
bool receipt_is_simple(const char *gateway, const struct record *record)
{
    return strlen(record->rows) <= SIMPLE_ROWS && strchr(record->rows, '\\') == NULL && is_plain(gateway) &&
           is_plain(record->message.id) && is_plain(record->message.sender) && is_plain(record->result) &&
           is_plain(record->code);
}

void receipt_xml(const char *gateway, const struct record *record, struct buf *out)
{
    const struct message_note *note = &record->message;
    const unsigned long long seq = (unsigned long long)record->seq;
    char created[TIME_TEXT_SIZE];

    buf_printf(out,
               "<Message xmlns=\"" MESSAGE_NAMESPACE "\"><Envelope><Id>r-%llu</Id><Kind>receipt</Kind><Version>1</Version>"
               "<Sender>%s</Sender><Receiver>%s</Receiver><Created>%s</Created><InReplyTo>%s</InReplyTo></Envelope><Body>"
               "<Of>%s</Of><Result>%s</Result>",
               seq, gateway, note->sender, time_format(record->time_ms, created), note->id, note->id, record->result);
    if (record->code[0] != '\0')
        buf_printf(out, "<Code>%s</Code>", record->code);
    buf_printf(out, "<Sequence>%llu</Sequence>", seq);
    put_rows_xml(out, record->rows);
    buf_str(out, "</Body></Message>");
}

/* ---- sealing ---- */

#define TYP "message+jws"

static bool seal_xml(const struct catalog *catalog, const struct crypto_keyring *ring, enum crypto_alg alg,
                     const struct message_profile *profile, struct bytes json, struct buf *body, struct err *err)
{
    struct buf plain;

    buf_init(&plain, MESSAGE_MAX);
    bool ok = message_write(catalog, json, MESSAGE_XML, &plain, err) &&
              message_sign_xml(buf_bytes(&plain), ring, alg, profile, body, err);
    buf_free(&plain);
    return ok;
}

/* There is no PSS in the XML profile. */
static enum crypto_alg in_xml(enum crypto_alg alg)
{
    return alg == CRYPTO_PS256 ? CRYPTO_RS256 : alg;
}

struct message_profile intake_profile(const struct partner *partner)
{
    const struct partner_xml *agreed = &partner->xml;

    return (struct message_profile){agreed->inclusive, agreed->signature_uri, agreed->digest_uri, agreed->der};
}

bool intake_seal(const struct catalog *catalog, const struct crypto_keyring *ring, const struct partner *partner,
                 bool xml, struct bytes json, int64_t now_ms, struct buf *body, struct buf *signature, struct err *err)
{
    const struct message_profile profile = intake_profile(partner);

    if (xml)
        return seal_xml(catalog, ring, in_xml(partner->answer_alg), &profile, json, body, err);
    buf_put(body, json.p, json.n);
    if (body->overflow)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "%s", "");
    return jws_sign_detached(ring, partner->answer_alg, TYP, now_ms, json, signature, err);
}

static bool seal_simple(const struct intake_case *c, const struct crypto_keyring *ring, struct buf *body,
                        struct err *err)
{
    const struct message_profile profile = intake_profile(c->in.sender);
    struct buf plain;

    buf_init(&plain, MESSAGE_MAX);
    receipt_xml(c->intake->gateway, &c->record, &plain);
    bool ok = message_sign_canonical(buf_bytes(&plain), ring, in_xml(c->in.sender->answer_alg), &profile, body, err);
    buf_free(&plain);
    return ok;
}

bool intake_receipt(struct intake_case *c, const struct crypto_keyring *ring, struct buf *body, struct buf *signature,
                    struct err *err)
{
    const bool xml = c->in.form == INTAKE_XML;
    struct bytes json;

    if (xml && receipt_is_simple(c->intake->gateway, &c->record))
        return seal_simple(c, ring, body, err);
    CHECK(intake_receipt_json(c->intake->gateway, &c->record, c->arena, &json, err));
    return intake_seal(c->catalog, ring, c->in.sender, xml, json, c->in.now_ms, body, signature, err);
}
