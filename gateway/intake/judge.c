/* judge: what is held against a message whose signature holds, in this order: replay, schema, age, authorisation. */
#include <limits.h>
#include <string.h>

#include "intake/internal.h"

/* ---- replay ---- */

bool case_known(struct intake_case *c, struct store_txn *txn, uint64_t *seq_out, struct err *err)
{
    struct message_state state;
    bool known;

    *seq_out = 0;
    CHECK(message_find(txn, c->in.sender->id, c->envelope.id, &state, &known, err));
    if (!known)
        return true;
    *seq_out = state.seq;
    if (memcmp(state.digest, c->digest, sizeof(c->digest)) == 0)
        return true;
    return err_set(err, ERR_MESSAGE_ID_REUSED, c->in.form == INTAKE_XML ? "/Message/Envelope/Id" : "/envelope/id",
                   "record %llu has other bytes under it", (unsigned long long)state.seq);
}

static bool read_known(struct intake_case *c, struct store_txn *txn, struct err *err)
{
    uint64_t seq;

    CHECK(case_known(c, txn, &seq, err));
    c->duplicate = seq != 0;
    return !c->duplicate || ledger_read_record(c->intake->options.journal, txn, c->arena, seq, &c->record, err);
}

bool case_replayed(struct intake_case *c, struct err *err)
{
    struct store_txn *txn = store_read(c->intake->options.store, err);

    c->object = arena_printf(c->arena, "%s/%s", c->in.sender->id, c->envelope.id);
    if (txn == NULL)
        return false;
    bool ok = read_known(c, txn, err);
    store_read_end(&txn);
    return ok;
}

/* ---- schema ---- */

/* The envelope allows more digits than an int holds. */
bool case_kind(struct intake_case *c, struct err *err)
{
    int version = c->envelope.version > INT_MAX ? INT_MAX : (int)c->envelope.version;

    c->kind = catalog_find(c->catalog, c->envelope.kind, version, err);
    return c->kind != NULL;
}

bool case_schema(struct intake_case *c, struct err *err)
{
    CHECK(case_kind(c, err));
    c->consequence = consequence_of(c->kind->name);
    if (message_validate(c->catalog, c->message, NULL, 0, &c->error_n))
        return true;
    /* room for what is told is made only when something is wrong */
    c->errors = arena_alloc(c->arena, INTAKE_ERRORS_MAX * sizeof(*c->errors));
    if (message_validate(c->catalog, c->message, c->errors, INTAKE_ERRORS_MAX, &c->error_n) || c->error_n == 0)
        return err_set(err, ERR_INTERNAL, "schema", "judged twice and not alike");
    *err = c->errors[0];
    return false;
}

/* ---- age ---- */

bool case_age(const struct intake_case *c, struct err *err)
{
    int64_t age_ms = c->in.now_ms - c->envelope.created_ms;

    if (age_ms < -INTAKE_FUTURE_MS)
        return err_set(err, ERR_MESSAGE_FUTURE, "created", "%lld seconds ahead", (long long)(-age_ms / 1000));
    if (age_ms > c->kind->max_age_ms)
        return err_set(err, ERR_MESSAGE_STALE, "created", "%lld seconds old, at most %lld are allowed",
                       (long long)(age_ms / 1000), (long long)(c->kind->max_age_ms / 1000));
    return true;
}

/* ---- authorisation ---- */

static bool may_send(const struct partner *sender, const char *kind)
{
    for (const char *const *known = sender->kinds; known != NULL && *known != NULL; known++)
        if (strcmp(*known, kind) == 0)
            return true;
    return false;
}

bool case_authorised(const struct intake_case *c, struct err *err)
{
    const struct partner *sender = c->in.sender;

    if (strcmp(c->envelope.sender, sender->id) != 0)
        return err_set(err, ERR_SENDER_MISMATCH, "sender", "the connection is that of %s", sender->id);
    if (strcmp(c->envelope.receiver, c->intake->gateway) != 0)
        return err_set(err, ERR_MESSAGE_RECEIVER, "receiver", "this is %s", c->intake->gateway);
    if (sender->paused)
        return err_set(err, ERR_SENDER_PAUSED, NULL, "%s", sender->id);
    if (!c->kind->inbound)
        return err_set(err, ERR_SENDER_KIND, "kind", "%s is only sent by the gateway", c->kind->name);
    if (!role_among(sender->roles, c->kind->roles))
        return err_set(err, ERR_SENDER_ROLE, "kind", "%s is for: %s", c->kind->name, c->kind->roles);
    return may_send(sender, c->kind->name) ||
           err_set(err, ERR_SENDER_KIND, "kind", "%s is not among the kinds agreed", c->kind->name);
}
