/* source: a row that was fetched from a source enters behind the signature, as the body of a message that nobody sent:
 * the envelope is made here. The bytes that count, and are kept, are those of the row. */
#include <string.h>

#include "intake/internal.h"

#define ID_DIGITS 48 /* of the digest, in a row's id */
#define VERSION 1

struct actor case_actor(const struct intake_case *c)
{
    return (struct actor){c->in.form == INTAKE_ROW ? ACTOR_SOURCE : ACTOR_PARTNER, c->in.sender->id};
}

struct intake_case *case_of_row(struct intake *intake, const struct intake_row *row)
{
    const struct intake_in in = {
        .form = INTAKE_ROW, .body = row->body, .now_ms = row->now_ms, .address = "", .trace_id = row->trace_id};
    struct intake_case *c = case_new(intake, &in);
    struct partner *sender = arena_alloc(c->arena, sizeof(*sender));

    sender->id = row->source->id;
    sender->name = row->source->name;
    c->in.sender = sender;
    c->source = row->source;
    return c;
}

/* ---- the message around it ------------------------------------------------------------------------------------- */

static void put_envelope(struct json_out *out, const struct intake_case *c, const char *id, const char *kind)
{
    const struct message_envelope envelope = {
        .id = id,
        .kind = kind,
        .version = VERSION,
        .sender = c->in.sender->id,
        .receiver = c->intake->gateway,
        .created_ms = c->in.now_ms,
    };

    message_put_envelope(out, &envelope);
}

/* One object, so that nothing in it becomes a part of what is written around it. */
static bool is_object(struct bytes body, struct err *err)
{
    AUTO_JSON doc = NULL;

    CHECK(json_parse(body, &doc, err));
    return json_type_of(json_root(doc)) == JSON_TYPE_OBJECT ||
           err_set(err, ERR_MESSAGE_MALFORMED, "/body", "an object is expected");
}

static bool read_around(struct intake_case *c, struct bytes body, const char *id, const char *kind, struct err *err)
{
    struct json_out out;

    CHECK(is_object(body, err));
    json_out_init(&out, &c->opened);
    json_begin_object(&out);
    put_envelope(&out, c, id, kind);
    json_key(&out, "body");
    json_put_raw(&out, body);
    json_end_object(&out);
    if (c->opened.overflow)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "%zu bytes, at most %u are taken", body.n, MESSAGE_MAX);
    return message_read_json(buf_bytes(&c->opened), &c->message, err) &&
           message_envelope(c->message, &c->envelope, err);
}

bool case_row(struct intake_case *c, struct err *err)
{
    char hex[2 * CRYPTO_DIGEST_SIZE + 1];

    if (c->source->feeds == NULL)
        return err_set(err, ERR_SENDER_KIND, NULL, "%s is a list", c->source->id);
    crypto_digest(CRYPTO_SHA256, c->in.body, c->digest);
    hex_encode(c->digest, sizeof(c->digest), hex);
    return read_around(c, c->in.body, arena_printf(c->arena, "row-%.*s", ID_DIGITS, hex), c->source->feeds, err);
}

bool case_row_again(struct intake_case *c, struct bytes raw, struct err *err)
{
    const char *id = c->envelope.id, *kind = c->envelope.kind;

    return read_around(c, raw, id, kind, err);
}

/* ---- authority --------------------------------------------------------------------------------------------------- */

bool case_fed(const struct intake_case *c, struct err *err)
{
    if (!c->kind->inbound || c->kind->asks)
        return err_set(err, ERR_SENDER_KIND, "kind", "%s is not told to the gateway", c->kind->name);
    return true;
}

/* ---- what became of it ------------------------------------------------------------------------------------------- */

/* The verdict's texts may live in the transaction's memory only. */
void case_note_outcome(struct intake_case *c)
{
    const struct row_verdict *verdict = c->row_n == 1 ? &c->rows[0] : NULL;

    c->outcome = (struct intake_outcome){.code = "", .field = "", .detail = ""};
    if (verdict == NULL)
        return;
    c->outcome.code = verdict->code == ERR_NONE ? "" : err_info(verdict->code)->code;
    c->outcome.field = arena_strdup(c->arena, verdict->field);
    c->outcome.detail = arena_strdup(c->arena, verdict->detail);
    c->outcome.proposal = verdict->proposal;
}

void intake_outcome(const struct intake_case *c, struct intake_outcome *out)
{
    *out = (struct intake_outcome){.code = c->record.code, .field = "", .detail = ""};
    if (!c->duplicate)
        *out = c->outcome;
    out->result = c->record.result;
    out->sequence = c->record.seq;
}
