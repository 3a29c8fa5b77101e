/* objection: a firm says that a decision about it is wrong. It is disputed until a person has answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ident/ident.h"
#include "intake/internal.h"

#define STATEMENT_MAX (16u << 10) /* bytes: 4,000 characters */
#define PAYLOAD_MAX (32u << 10)

/* ---- against what ------------------------------------------------------------------------------------------------ */

/* What the objection is against, as far as a person's grant can put it right by itself. */
struct target {
    uint64_t seq;      /* of a record; 0: a ground is named */
    bool is_exclusion; /* on this ground */
    enum ground ground;
};

static bool excluded_on(const struct firm *firm, enum ground ground)
{
    for (size_t i = 0; i < firm->exclusion_n; i++)
        if (firm->exclusions[i].ground == ground)
            return true;
    return false;
}

/* A record about this firm, by its sequence. */
static bool find_record(struct ledger_tx *tx, const char *uscc, const char *against, struct target *target,
                        bool *found_out, struct err *err)
{
    uint64_t seq = strtoull(against, NULL, 10);
    struct store_key key = key_history(uscc, seq);
    struct record record;
    struct bytes value;

    *found_out = seq > 0 && store_get(ledger_txn(tx), TABLE_HISTORY, &key, &value);
    if (!*found_out)
        return true;
    CHECK(ledger_written(tx, ledger_arena(tx), seq, &record, err));
    target->seq = seq;
    target->is_exclusion = record.kind == RECORD_EXCLUSION && !record.lift;
    target->ground = record.exclusion.ground;
    return true;
}

static bool find_target(struct ledger_tx *tx, const struct firm *firm, const char *against, struct target *target,
                        bool *found_out, struct err *err)
{
    *target = (struct target){.seq = 0};
    if (against[0] != '\0' && strspn(against, "0123456789") == strlen(against) && strlen(against) < 19)
        return find_record(tx, firm->uscc, against, target, found_out, err);
    target->is_exclusion = ground_parse(against, &target->ground) && excluded_on(firm, target->ground);
    *found_out = target->is_exclusion;
    return true;
}

/* ---- raised ------------------------------------------------------------------------------------------------------ */

struct complaint {
    char uscc[USCC_SIZE];
    const char *name, *against, *statement;
};

static bool read_body(struct intake_case *c, const struct message_node *body, struct complaint *out,
                      struct row_verdict *verdict)
{
    bool doubtful, other_province;

    *out = (struct complaint){.name = "", .against = "", .statement = ""};
    return row_uscc(body, verdict, out->uscc, &doubtful, &other_province) &&
           row_text(c, body, "name", RECORD_NAME_MAX, &out->name, verdict) &&
           row_text(c, body, "against", RECORD_TEXT_MAX, &out->against, verdict) &&
           row_text(c, body, "statement", STATEMENT_MAX, &out->statement, verdict);
}

static void decision_of(struct record *record, const struct firm *firm, const char *act, const char *against)
{
    record_init(record, RECORD_OBJECTION);
    record->uscc = firm->uscc;
    record->act = act;
    record->object = against;
    record->from = firm->listing.status;
    record->listing = firm->listing;
}

/* The statement is for the person who decides; what was attached is named by its digest. */
static const char *payload_of(struct ledger_tx *tx, const struct intake_case *c, const struct complaint *complaint,
                              date_day answer_by, uint64_t raised)
{
    const struct message_node *body = message_body(c->message);
    struct buf text;
    struct json_out json;

    buf_init(&text, PAYLOAD_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string(&json, "message", c->object);
    json_add_string(&json, "against", complaint->against);
    json_add_string(&json, "name", complaint->name);
    json_add_date_opt(&json, "answer_by", answer_by);
    json_add_integer(&json, "sequence", (int64_t)raised);
    json_add_string(&json, "statement", complaint->statement);
    json_key(&json, "attachments");
    json_begin_array(&json);
    for (size_t i = 0, n = message_count(body, "attachments"); i < n && !text.overflow; i++)
        json_put_string(&json, message_text(message_member(message_at(body, "attachments", i), "sha256")));
    json_end_array(&json);
    json_end_object(&json);
    const char *payload = text.overflow ? NULL : arena_strndup(ledger_arena(tx), (const char *)text.p, text.n);
    buf_free(&text);
    return payload;
}

static bool raise(struct ledger_tx *tx, struct intake_case *c, const struct firm *firm,
                  const struct complaint *complaint, struct row_verdict *out, struct err *err)
{
    date_day by = policy_workdays_after(date_of_ms(ledger_now(tx)), c->intake->options.objection_days);
    const char *payload = payload_of(tx, c, complaint, by, ledger_next_sequence(tx));
    struct record record;

    if (payload == NULL)
        return reject(out, ERR_MESSAGE_TOO_LARGE, "statement");
    decision_of(&record, firm, "raised", complaint->against);
    record.listing.disputed = true;
    record.answer_by = by;
    CHECK(case_record(tx, c, &record, err));
    out->code = ERR_OBJECTION_RAISED;
    return case_propose(tx, c, "objection", firm->uscc, "the firm objects", payload, out, err);
}

bool objection_whole(struct ledger_tx *tx, struct intake_case *c, const struct message_node *body,
                     struct row_verdict *out, struct err *err)
{
    struct complaint *complaint = arena_alloc(ledger_arena(tx), sizeof(*complaint));
    struct firm firm;
    struct target target;
    bool known, found = false;

    if (!read_body(c, body, complaint, out))
        return true;
    CHECK(ledger_firm(tx, complaint->uscc, &firm, &known, err));
    if (!known)
        return reject(out, ERR_FIRM_UNKNOWN, "uscc");
    CHECK(find_target(tx, &firm, complaint->against, &target, &found, err));
    if (!found)
        return reject(out, ERR_OBJECTION_AGAINST, "against");
    return raise(tx, c, &firm, complaint, out, err);
}

/* ---- answered ---------------------------------------------------------------------------------------------------- */

struct open_ones {
    const char *origin;
    struct objection own; /* the one that this message raised */
    size_t others;
};

static bool look_at(void *arg, const struct objection *objection)
{
    struct open_ones *open = arg;

    if (strcmp(objection->origin, open->origin) == 0)
        open->own = *objection;
    else
        open->others++;
    return true;
}

/* How what is left of the wrong decision is undone; false: nothing of it stands any more. */
static bool undoing(const struct firm *firm, const struct target *target, enum fact_kind *kind)
{
    size_t on_ground = 0;

    for (size_t i = 0; i < firm->exclusion_n; i++)
        on_ground += target->is_exclusion && firm->exclusions[i].ground == target->ground;
    *kind = firm->exclusion_n > on_ground ? FACT_LIFT : FACT_RESTORE;
    return target->is_exclusion ? on_ground > 0 : target->seq == firm->listing.sequence && firm->exclusion_n == 0;
}

/* What stood on this ground alone is put right as if it had not been; beside other grounds it is lifted. What policy
 * has to refuse (a withdrawal is the bureau's to put right) stays as it is: the firm was right, and the approver knows
 * what else is to be done. */
static bool put_right(struct ledger_tx *tx, struct intake_case *c, const struct approval *approval,
                      const struct firm *firm, const struct target *target, struct err *err)
{
    struct ledger_outcome outcome;
    struct err refused = {0};
    enum fact_kind kind;
    struct fact fact;

    if (!undoing(firm, target, &kind))
        return true;
    ledger_fact_init(&fact, kind, firm->uscc);
    fact.actor = (struct actor){ACTOR_PERSON, approval->decided_by};
    fact.origin = c->object;
    fact.approval_id = approval->id;
    fact.note = approval->comment;
    fact.ground = target->ground;
    if (ledger_fact(tx, &fact, (struct bytes){0}, &outcome, &refused) || refused.code == ERR_FIRM_STATE)
        return true;
    *err = refused;
    return false;
}

static bool answer(struct ledger_tx *tx, struct intake_case *c, const struct approval *approval, bool upheld,
                   const struct open_ones *open, struct err *err)
{
    struct firm firm;
    struct record record;

    CHECK(ledger_firm(tx, approval->object, &firm, NULL, err));
    decision_of(&record, &firm, upheld ? "upheld" : "dismissed", open->own.against);
    record.actor = (struct actor){ACTOR_PERSON, approval->decided_by};
    record.origin = c->object;
    record.note = approval->comment;
    record.approval_id = approval->id;
    record.answers = (int64_t)open->own.seq;
    record.listing.disputed = open->others > 0;
    c->first = c->first == 0 ? ledger_next_sequence(tx) : c->first;
    return ledger_record(tx, &record, err);
}

bool objection_resolve(struct ledger_tx *tx, struct intake_case *c, const struct approval *approval,
                       struct row_verdict *out, struct err *err)
{
    bool upheld = strcmp(approval->state, "granted") == 0, found = false;
    struct open_ones open = {.origin = c->object};
    struct target target;
    struct firm firm;

    CHECK(objection_list(ledger_txn(tx), ledger_arena(tx), approval->object, look_at, &open, err));
    if (open.own.seq == 0)
        return err_set(err, ERR_STORE_CORRUPT, approval->object, "objection");
    CHECK(answer(tx, c, approval, upheld, &open, err));
    if (!upheld)
        return reject_text(out, ERR_OBJECTION_DISMISSED, "", approval->comment);
    CHECK(ledger_firm(tx, approval->object, &firm, NULL, err));
    CHECK(find_target(tx, &firm, open.own.against, &target, &found, err));
    return !found || put_right(tx, c, approval, &firm, &target, err);
}
