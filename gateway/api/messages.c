/* messages: a signed message comes in, a signed receipt goes out. Reading and signatures run on a worker, the decision on
 * the ledger's thread, the receipt on a worker again; no thread waits meanwhile. */
#include <string.h>

#include "api/dispatch.h"
#include "api/internal.h"

#define SIGNATURE_TEXT_MAX 4096

/* ---- what came ----------------------------------------------------------------------------------------------------- */

static bool form_of(struct bytes type, enum intake_form *out, struct err *err)
{
    if (api_is_media(type, "application/json"))
        *out = INTAKE_JSON;
    else if (api_is_media(type, "application/jose+json"))
        *out = INTAKE_JOSE;
    else if (api_is_media(type, "application/xml") || api_is_media(type, "text/xml"))
        *out = INTAKE_XML;
    else
        return err_set(err, ERR_MESSAGE_MEDIA_TYPE, NULL,
                       "application/json, application/jose+json or application/xml is expected");
    return api_is_utf8(type) || err_set(err, ERR_MESSAGE_MEDIA_TYPE, NULL, "an encoding other than UTF-8 is declared");
}

/* Of two, which one counts would be a guess. */
static bool one_signature(const struct net_request *request, struct err *err)
{
    return !net_header_repeated(request, "x-jws-signature") ||
           err_set(err, ERR_SIGNATURE_MALFORMED, "x-jws-signature", "more than one signature");
}

/* The findings outlive the case. */
static bool refuse(struct ask *ask, struct intake_case **c)
{
    const struct err *errors;
    size_t n = intake_errors(*c, &errors);

    ask->in_message = !ask->message_xml;
    ask->message_id = arena_strdup(ask->arena, intake_envelope(*c)->id);
    ask->errors = arena_alloc(ask->arena, (n + 1) * sizeof(*ask->errors));
    if (n > 0)
        memcpy(ask->errors, errors, n * sizeof(*errors));
    ask->error_n = n;
    intake_close(c);
    return false;
}

/* ---- what goes out ------------------------------------------------------------------------------------------------- */

void ask_sealed(struct ask *ask, bool xml, struct buf *body, struct buf *signature)
{
    buf_reset(&ask->out);
    buf_put(&ask->out, body->p, body->n);
    ask->reply.media_type = xml ? "application/xml" : "application/json";
    if (signature->n > 0)
        ask_header(ask, "x-jws-signature", (const char *)bytes_dup(ask->arena, buf_bytes(signature)).p);
    buf_free(body);
    buf_free(signature);
}

static bool answer(struct ask *ask, struct err *err)
{
    struct buf body, signature;

    buf_init(&body, API_OUT_MAX);
    buf_init(&signature, SIGNATURE_TEXT_MAX);
    if (!intake_receipt(ask->message, ask->held->state.ring, &body, &signature, err)) {
        buf_free(&body);
        buf_free(&signature);
        return false;
    }
    ask_sealed(ask, ask->message_xml, &body, &signature);
    if (intake_duplicate(ask->message))
        ask_header(ask, "X-Duplicate", "true");
    ask->reply.status = intake_pending(ask->message) ? 202 : 200;
    return true;
}

static void finish(struct ask *ask, const struct err *failed)
{
    intake_close(&ask->message);
    if (failed->code == ERR_NONE) {
        ask_complete(ask);
        return;
    }
    ask_fail(ask, failed);
    ask_end(ask);
}

static void receipt_work(void *arg)
{
    struct ask *ask = arg;
    struct err err = {0};

    (void)answer(ask, &err);
    finish(ask, &err);
}

/* On the ledger's thread. What is decided stays decided when there is no worker to sign: the sender asks again. */
static void decided(void *arg, const struct err *err)
{
    struct ask *ask = arg;
    struct err busy = *err;

    if (err->code != ERR_NONE || !ask_work(ask, receipt_work, &busy))
        finish(ask, &busy);
}

static void decide(struct ask *ask)
{
    struct err err = {0};

    if (!intake_decide(ask->message, decided, ask, &err))
        finish(ask, &err);
}

bool ask_message(struct ask *ask, enum intake_form form, struct bytes body, struct bytes signature, struct err *err)
{
    const struct intake_in in = {
        .sender = ask->who,
        .form = form,
        .body = body,
        .signature = signature,
        .now_ms = ask->now_ms,
        .address = net_remote(ask->request),
        .trace_id = net_trace_id(ask->request),
    };
    struct intake_case *c;

    ask->message_xml = form == INTAKE_XML;
    if (!intake_read(ask->api->options.intake, &in, &c, err))
        return refuse(ask, &c);
    ask->message = c;
    if (!intake_asks(c)) {
        ask->later = decide;
        return true;
    }
    bool ok = api_answer_message(ask, c, err);
    intake_close(&ask->message);
    return ok;
}

bool api_do_message_post(struct ask *ask, struct err *err)
{
    enum intake_form form = INTAKE_JSON;

    CHECK(form_of(net_header_value(ask->request, "Content-Type"), &form, err));
    CHECK(one_signature(ask->request, err));
    return ask_message(ask, form, net_body(ask->request), net_header_value(ask->request, "x-jws-signature"), err);
}

/* ---- what became of one -------------------------------------------------------------------------------------------- */

/* The sender, who it was passed on to, and those who look after the gateway. */
static bool may_see(const struct ask *ask, const struct record *record)
{
    return ask->who->person || strcmp(record->message.sender, ask->who->id) == 0 || word_in(record->to, ask->who->id);
}

static bool put_receipt(struct ask *ask, const char *name, const struct record *record, struct err *err)
{
    struct bytes receipt;

    CHECK(intake_receipt_json(ask_config(ask)->gateway_name, record, ask->arena, &receipt, err));
    json_key(&ask->json, name);
    json_put_raw(&ask->json, receipt);
    return true;
}

static bool write_state(struct ask *ask, const struct record *record, const struct record *latest, struct err *err)
{
    struct json_out *json = &ask->json;

    json_begin_object(json);
    json_add_string(json, "id", record->message.id);
    json_add_string(json, "kind", record->message.kind);
    json_add_string(json, "sender", record->message.sender);
    json_add_string(json, "form", record->message.form);
    json_add_string(json, "state", latest->result);
    json_add_time(json, "created", record->message.created_ms);
    json_add_time(json, "received", record->time_ms);
    json_add_integer(json, "sequence", (int64_t)record->seq);
    CHECK(put_receipt(ask, "receipt", record, err));
    if (latest->seq != record->seq)
        CHECK(put_receipt(ask, "later_receipt", latest, err));
    json_end_object(json);
    return true;
}

/* Under the caller's own name first; others' only when their sender is named. */
static bool find(struct ask *ask, struct store_txn *txn, struct record *record, struct record *latest, struct err *err)
{
    const char *sender = ask_text(ask, "sender"), *id = ask->values[0];
    struct journal *journal = ask->api->options.journal;
    struct message_state state = {0};
    bool found = false;

    if (strlen(id) <= RECORD_ID_MAX && strlen(sender) <= RECORD_ID_MAX)
        CHECK(message_find(txn, sender[0] ? sender : ask->who->id, id, &state, &found, err));
    if (!found)
        return err_set(err, ERR_MESSAGE_UNKNOWN, NULL, "%s", "");
    CHECK(ledger_read_record(journal, txn, ask->arena, state.seq, record, err));
    CHECK(ledger_read_record(journal, txn, ask->arena, state.latest, latest, err));
    return may_see(ask, record) || err_set(err, ERR_MESSAGE_UNKNOWN, NULL, "%s", "");
}

bool api_do_message_get(struct ask *ask, struct err *err)
{
    struct record record, latest;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(find(ask, txn, &record, &latest, err));
    CHECK(write_state(ask, &record, &latest, err));
    return ask_sign(ask, "message-state+jws", err);
}
