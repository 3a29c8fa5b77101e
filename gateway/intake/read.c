/* read: bytes within limits, and a signature of the sender's over exactly them. What was verified is what is parsed. */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"

struct intake_case *case_new(struct intake *intake, const struct intake_in *in)
{
    struct intake_case *c = xcalloc(1, sizeof(*c));

    c->intake = intake;
    c->in = *in;
    c->arena = arena_new();
    c->approval_id = c->to = c->object = "";
    buf_init(&c->opened, MESSAGE_MAX);
    pthread_mutex_lock(&intake->lock);
    c->catalog = intake->catalog;
    c->directory = directory_ref(intake->directory);
    pthread_mutex_unlock(&intake->lock);
    return c;
}

void intake_close(struct intake_case **c)
{
    struct intake_case *old = *c;

    if (old == NULL)
        return;
    *c = NULL;
    message_free(&old->message);
    buf_free(&old->opened);
    directory_free(&old->directory);
    arena_free(&old->arena);
    free(old->rows);
    free(old);
}

/* ---- JSON ---- */

static bool read_json(struct intake_case *c, struct err *err)
{
    CHECK(jws_verify_detached(&c->in.sender->signing, c->in.signature, c->in.body, &c->seen, err));
    return message_read_json(c->in.body, &c->message, err);
}

/* ---- the whole as one flattened JWS (RFC 7515 section 7.2.2) ---- */

static bool read_jose(struct intake_case *c, struct err *err)
{
    struct buf compact;

    buf_init(&compact, JWS_COMPACT_MAX);
    bool ok = jws_compact_of_flattened(c->in.body, &compact, err) &&
              jws_verify_compact(&c->in.sender->signing, buf_bytes(&compact), &c->opened, &c->seen, err);
    buf_free(&compact);
    return ok && message_read_json(buf_bytes(&c->opened), &c->message, err);
}

/* ---- XML ---- */

static bool read_xml(struct intake_case *c, struct err *err)
{
    const struct message_profile profile = intake_profile(c->in.sender);

    CHECK(message_read_xml(c->in.body, &c->message, err));
    return message_verify_xml(c->message, &c->in.sender->signing, &profile, &c->seen, err);
}

/* ---- both ---- */

/* A key is good as long as a certificate of it is (it may have been renewed); a bare one has no end. */
static bool key_in_force(const struct intake_case *c, struct err *err)
{
    const struct jws_expect *signing = &c->in.sender->signing;

    for (size_t i = 0; i < signing->key_n; i++) {
        int64_t end_ms = crypto_key_not_after(signing->keys[i]);
        if (strcmp(crypto_key_kid(signing->keys[i]), c->seen.kid) == 0 && (end_ms == 0 || end_ms >= c->in.now_ms))
            return true;
    }
    return err_set(err, ERR_SIGNATURE_KEY_UNKNOWN, NULL, "the certificate of the signing key has ended");
}

bool case_read(struct intake_case *c, struct err *err)
{
    static bool (*const readers[])(struct intake_case *, struct err *) = {
        [INTAKE_JSON] = read_json, [INTAKE_JOSE] = read_jose, [INTAKE_XML] = read_xml};

    if (c->in.body.n == 0)
        return err_set(err, ERR_MESSAGE_MALFORMED, NULL, "the body is empty");
    if (c->in.body.n > MESSAGE_MAX)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "%zu bytes, at most %u are taken", c->in.body.n, MESSAGE_MAX);
    CHECK(readers[c->in.form](c, err));
    CHECK(key_in_force(c, err));
    crypto_digest(CRYPTO_SHA256, c->in.body, c->digest);
    return message_envelope(c->message, &c->envelope, err);
}

size_t intake_errors(const struct intake_case *c, const struct err **errors_out)
{
    *errors_out = c->errors;
    return c->error_n;
}

const struct message_envelope *intake_envelope(const struct intake_case *c)
{
    return &c->envelope;
}

const struct message *intake_message(const struct intake_case *c)
{
    return c->message;
}

bool intake_asks(const struct intake_case *c)
{
    return !c->duplicate && c->kind->asks;
}

bool intake_duplicate(const struct intake_case *c)
{
    return c->duplicate;
}
