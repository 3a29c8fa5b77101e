/* message_answer: messages that only ask are answered by a message, signed as everything we send. */
#include <string.h>

#include "api/internal.h"

#define SIGNATURE_TEXT_MAX 4096

static void envelope(struct ask *ask, struct json_out *json, const struct message_envelope *of, const char *kind)
{
    const struct message_envelope ours = {
        .id = arena_printf(ask->arena, "a-%s", net_request_id(ask->request)),
        .kind = kind,
        .sender = ask_config(ask)->gateway_name,
        .receiver = ask->who->id,
        .in_reply_to = of->id,
        .traceparent = of->traceparent,
        .created_ms = ask->now_ms,
    };

    message_put_envelope(json, &ours);
}

/* ---- echo: what was said, said back */

static bool echo(struct ask *ask, const struct message_node *body, struct questions **asked, struct err *err)
{
    (void)asked;
    (void)err;
    json_begin_object(&ask->json);
    json_add_string_opt(&ask->json, "text", message_text(message_member(body, "text")));
    json_end_object(&ask->json);
    return true;
}

static const struct answer {
    const char *kind, *answer;
    /* Writes the body; *asked_out stays NULL where no firms are told about. */
    bool (*body)(struct ask *ask, const struct message_node *body, struct questions **asked_out, struct err *err);
} answers[] = {
    {"echo", "echo", echo},
    {"whitelist.query", "whitelist.statement", api_ask_firms},
    {"mailbox.pull", "mailbox.pull", api_ask_mailbox},
};

bool ask_seal(struct ask *ask, struct err *err)
{
    struct buf body, signature;

    buf_init(&body, API_OUT_MAX);
    buf_init(&signature, SIGNATURE_TEXT_MAX);
    if (intake_seal(ask->held->state.catalog, ask->held->state.ring, ask->who, ask->message_xml,
                    buf_bytes(&ask->out), ask->now_ms, &body, &signature, err)) {
        ask_sealed(ask, ask->message_xml, &body, &signature);
        return true;
    }
    buf_free(&body);
    buf_free(&signature);
    return false;
}

static bool give(struct ask *ask, struct intake_case *c, const struct answer *answer, struct err *err)
{
    struct questions *asked = NULL;

    json_begin_object(&ask->json);
    envelope(ask, &ask->json, intake_envelope(c), answer->answer);
    json_key(&ask->json, "body");
    CHECK(answer->body(ask, message_body(intake_message(c)), &asked, err));
    json_end_object(&ask->json);
    CHECK(ask_seal(ask, err));
    return asked == NULL || api_told_firms(ask, asked, buf_bytes(&ask->out), err);
}

bool api_answer_message(struct ask *ask, struct intake_case *c, struct err *err)
{
    const char *kind = intake_envelope(c)->kind;

    ask->in_message = !ask->message_xml;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (strcmp(answers[i].kind, kind) == 0)
            return give(ask, c, &answers[i], err);
    return err_set(err, ERR_SCHEMA_KIND_UNKNOWN, "kind", "%s is not answered here", kind);
}
