/* frame: a message that comes without HTTP, as XML in the partner's charset, one frame there and one back. What HTTP says
 * by its status is said by a receipt: a refusal is one of result `rejected` with the code, signed as all others. */
#include <string.h>

#include "api/internal.h"
#include "charset/charset.h"

static enum charset charset_of(const struct partner *partner)
{
    static const enum charset charsets[] = {[PARTNER_UTF_8] = CHARSET_UTF_8,
                                            [PARTNER_GB18030] = CHARSET_GB18030,
                                            [PARTNER_GBK] = CHARSET_GBK,
                                            [PARTNER_GB2312] = CHARSET_GB2312};

    return charsets[partner->charset];
}

/* What is verified, parsed and kept is its UTF-8: the canonical form, and so the signature, is the same. */
bool api_do_frame(struct ask *ask, struct err *err)
{
    struct bytes body = net_body(ask->request);
    struct buf text;

    ask->message_xml = true;
    if (charset_of(ask->who) == CHARSET_UTF_8)
        return ask_message(ask, INTAKE_XML, body, (struct bytes){0}, err);
    buf_init(&text, MESSAGE_MAX);
    bool ok = charset_read(charset_of(ask->who), body, &text, err);
    body = ok ? bytes_dup(ask->arena, buf_bytes(&text)) : body;
    buf_free(&text);
    return ok && ask_message(ask, INTAKE_XML, body, (struct bytes){0}, err);
}

static void write_refusal(struct ask *ask, const struct err *err)
{
    struct json_out json;
    const char *of = ask->message_id != NULL && ask->message_id[0] != '\0' ? ask->message_id : "-";

    const struct message_envelope envelope = {
        .id = arena_printf(ask->arena, "x-%s", net_request_id(ask->request)),
        .kind = "receipt",
        .sender = ask_config(ask)->gateway_name,
        .receiver = ask->who->id,
        .in_reply_to = of,
        .created_ms = ask->now_ms,
    };

    buf_reset(&ask->out);
    json_out_init(&json, &ask->out);
    json_begin_object(&json);
    message_put_envelope(&json, &envelope);
    json_key(&json, "body");
    json_begin_object(&json);
    json_add_string(&json, "of", of);
    json_add_string(&json, "result", "rejected");
    json_add_string(&json, "code", err_info(err->code)->code);
    json_end_object(&json);
    json_end_object(&json);
}

/* A stranger is not answered: the line ends. */
void ask_frame_refuse(struct ask *ask, const struct err *err)
{
    struct err unsigned_ = {0};

    ask->message_xml = true;
    if (ask->who != NULL) {
        write_refusal(ask, err);
        if (ask_seal(ask, &unsigned_))
            return;
        log_err(LOG_ERROR, "frame.refusal", &unsigned_);
    }
    buf_reset(&ask->out);
    ask->reply.close = true;
}

void ask_frame_write(struct ask *ask)
{
    struct bytes answer = buf_bytes(&ask->out);
    struct err err = {0};
    struct buf text;

    ask->reply.body = answer;
    if (ask->who == NULL || charset_of(ask->who) == CHARSET_UTF_8 || answer.n == 0)
        return;
    buf_init(&text, NET_ANSWER_MAX);
    bool ok = charset_write(charset_of(ask->who), !ask->who->unmappable_reject, answer, &text, &err);
    if (!ok)
        log_err(LOG_WARN, "frame.answer", &err);
    /* nothing is better than half of it: the sender asks again, or in another charset */
    ask->reply.body = ok ? bytes_dup(ask->arena, buf_bytes(&text)) : (struct bytes){0};
    ask->reply.close = ask->reply.close || !ok;
    buf_free(&text);
}
