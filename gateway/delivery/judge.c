/* Judge: what an answer means. Done is only what the partner signed, unless its file says that its word is enough. */
#include <stdlib.h>
#include <string.h>

#include "delivery/internal.h"

/* ---- an answer, kept until it is judged ---- */

void answer_take(struct answer *answer, const struct host_outcome *outcome)
{
    *answer =
        (struct answer){.verdict = outcome->verdict, .err = outcome->err, .retry_after_ms = outcome->retry_after_ms};
    answer->reply_n = outcome->reply.n;
    answer->reply = xcalloc(outcome->reply.n + 1, 1);
    if (outcome->reply.n > 0)
        memcpy(answer->reply, outcome->reply.p, outcome->reply.n);
    if (outcome->reply_media_type != NULL)
        answer->media_type = xstrdup(outcome->reply_media_type);
    if (outcome->reply_signature != NULL)
        answer->signature = xstrdup(outcome->reply_signature);
}

void answer_clear(struct answer *answer)
{
    free(answer->reply);
    free(answer->media_type);
    free(answer->signature);
    *answer = (struct answer){0};
}

/* ---- reading and verifying ---- */

static bool is_media(const char *type, const char *wanted)
{
    size_t n = strlen(wanted);
    return strncmp(type, wanted, n) == 0 && (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

static bool open_xml(const struct partner *partner, struct bytes in, struct message **out, struct err *err)
{
    const struct message_profile profile = intake_profile(partner);
    CHECK(message_read_xml(in, out, err));
    return message_verify_xml(*out, &partner->signing, &profile, NULL, err);
}

static bool open_json(const struct partner *partner, struct bytes in, const char *signature, struct message **out,
                      struct err *err)
{
    CHECK(jws_verify_detached(&partner->signing, bytes_str(signature), in, NULL, err));
    return message_read_json(in, out, err);
}

static bool open_jose(const struct partner *partner, struct bytes in, struct message **out, struct err *err)
{
    struct buf compact, payload;
    buf_init(&compact, JWS_COMPACT_MAX);
    buf_init(&payload, MESSAGE_MAX);
    bool ok = jws_compact_of_flattened(in, &compact, err) &&
              jws_verify_compact(&partner->signing, buf_bytes(&compact), &payload, NULL, err) &&
              message_read_json(buf_bytes(&payload), out, err);
    buf_free(&compact);
    buf_free(&payload);
    return ok;
}

static bool open_answer(const struct partner *partner, const struct answer *answer, struct message **out,
                        struct err *err)
{
    struct bytes in = bytes_of(answer->reply, answer->reply_n);
    const char *otherwise = partner->channel.xml ? "application/xml" : "application/json";
    const char *type = answer->media_type != NULL ? answer->media_type : otherwise;
    if (is_media(type, "application/xml") || is_media(type, "text/xml"))
        return open_xml(partner, in, out, err);
    if (is_media(type, "application/jose+json"))
        return open_jose(partner, in, out, err);
    return open_json(partner, in, answer->signature == NULL ? "" : answer->signature, out, err);
}

/* Of the kind, from this partner to us, and as its schema says. */
static bool check_message(const struct in_force *held, const struct partner *partner, const char *gateway,
                          const struct message *message, const char *kind, struct err *err)
{
    struct message_envelope envelope;
    struct err faults[1] = {{0}};
    size_t n;
    CHECK(message_envelope(message, &envelope, err));
    if (strcmp(envelope.kind, kind) != 0)
        return err_set(err, ERR_DELIVERY_RECEIPT, "kind", "%.40s", envelope.kind);
    if (strcmp(envelope.sender, partner->id) != 0)
        return err_set(err, ERR_SENDER_MISMATCH, "sender", "%.64s", envelope.sender);
    if (strcmp(envelope.receiver, gateway) != 0)
        return err_set(err, ERR_MESSAGE_RECEIVER, "receiver", "%.64s", envelope.receiver);
    if (message_validate(held->force.catalog, message, faults, 1, &n))
        return true;
    *err = faults[0];
    return false;
}

/* ---- meanings ---- */

static void note_digest(const struct answer *answer, struct judged *out)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    crypto_digest(CRYPTO_SHA256, bytes_of(answer->reply, answer->reply_n), digest);
    hex_encode(digest, sizeof digest, out->receipt);
}

static bool read_receipt(const struct in_force *held, const struct partner *partner, const char *gateway,
                         const char *id, const struct message *message, struct judged *out)
{
    CHECK(check_message(held, partner, gateway, message, "receipt", &out->err));
    const struct message_node *body = message_body(message);
    const char *of = message_text(message_member(body, "of"));
    const char *code = message_text(message_member(body, "code"));
    if (strcmp(of, id) != 0)
        return err_set(&out->err, ERR_DELIVERY_RECEIPT, "of", "%.64s", of);
    if (strcmp(message_text(message_member(body, "result")), "rejected") == 0) {
        out->meaning = MEANS_REFUSED;
        err_set(&out->err, ERR_DELIVERY_REFUSED, partner->id, "%.64s", code);
    } else {
        out->meaning = MEANS_DONE;
    }
    return true;
}

static void judge_reply(const struct in_force *held, const struct partner *partner, const char *gateway, const char *id,
                        const struct answer *answer, struct judged *out)
{
    struct message *message = NULL;
    out->meaning = partner->channel.needs_receipt ? MEANS_UNCERTAIN : MEANS_DONE;
    if (answer->reply_n == 0) {
        err_set(&out->err, ERR_DELIVERY_RECEIPT, partner->id, "no receipt came");
        return;
    }
    note_digest(answer, out);
    if (!open_answer(partner, answer, &message, &out->err) || !read_receipt(held, partner, gateway, id, message, out))
        log_err(out->meaning == MEANS_DONE ? LOG_NOTICE : LOG_WARN, "delivery.receipt", &out->err);
    message_free(&message);
}

void judge(const struct in_force *held, const struct partner *partner, const char *gateway, const char *id, bool asked,
           const struct answer *answer, struct judged *out)
{
    *out = (struct judged){.err = answer->err, .retry_after_ms = answer->retry_after_ms};
    switch (answer->verdict) {
    case GWA_DONE:
        judge_reply(held, partner, gateway, id, answer, out);
        break;
    case GWA_RETRY:
        out->meaning = asked ? MEANS_ABSENT : MEANS_RETRY;
        break;
    case GWA_REJECTED:
        out->meaning = asked ? MEANS_UNCERTAIN : MEANS_REFUSED;
        break;
    case GWA_BROKEN:
        out->meaning = MEANS_BROKEN;
        break;
    default:
        out->meaning = MEANS_UNCERTAIN;
    }
    if (out->meaning != MEANS_DONE && out->err.code == ERR_NONE)
        err_set(&out->err, ERR_ADAPTER_UNCERTAIN, partner->id, "the adapter gave no reason");
    if (out->meaning == MEANS_DONE)
        out->err = (struct err){0};
}

bool judge_echo(const struct in_force *held, const struct partner *partner, const char *gateway,
                const struct answer *answer, struct err *err)
{
    struct message *message = NULL;
    struct message_envelope envelope;
    if (answer->verdict != GWA_DONE) {
        *err = answer->err;
        return false;
    }
    if (answer->reply_n == 0)
        return err_set(err, ERR_DELIVERY_RECEIPT, partner->id, "no receipt came");
    bool ok =
        open_answer(partner, answer, &message, err) && message_envelope(message, &envelope, err) &&
        check_message(held, partner, gateway, message, strcmp(envelope.kind, "echo") == 0 ? "echo" : "receipt", err);
    message_free(&message);
    return ok;
}
