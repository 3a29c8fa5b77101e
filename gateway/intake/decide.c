/* decide: in the ledger's one transaction, each row by its kind's consequence, then the record of the message. May run
 * more than once, so every run begins anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"

void case_begin(struct intake_case *c, struct ledger_tx *tx)
{
    c->texts = ledger_arena(tx);
    c->looking = c->holding = c->admits = false;
    c->removes = 0;
    c->leaving = NULL;
    c->first = 0;
    c->to = "";
    c->row_n = c->accepted = c->rejected = c->pending = 0;
}

void case_tell(struct intake_case *c, const struct row_verdict *verdict)
{
    size_t *counts[] = {[VERDICT_ACCEPTED] = &c->accepted, [VERDICT_REJECTED] = &c->rejected, [VERDICT_PENDING] = &c->pending};

    (*counts[verdict->verdict])++;
    if (c->row_n == c->row_room) {
        c->row_room = c->row_room == 0 ? 16 : c->row_room * 2;
        c->rows = xrealloc(c->rows, c->row_room * sizeof(*c->rows));
    }
    c->rows[c->row_n++] = *verdict;
}

/* ---- facts and records of rows ---- */

void case_fact_init(const struct intake_case *c, struct fact *fact, enum fact_kind kind, const char *uscc)
{
    ledger_fact_init(fact, kind, uscc);
    fact->actor = case_actor(c);
    fact->origin = c->object;
    fact->approval_id = c->approval_id;
}

static void note_first(struct ledger_tx *tx, struct intake_case *c)
{
    if (c->first == 0)
        c->first = ledger_next_sequence(tx);
}

/* What policy says no to is a verdict on the row; what the store says no to is none. */
static bool refused(const struct err *why, struct row_verdict *out, struct err *err)
{
    enum err_kind kind = err_info(why->code)->kind;

    if (kind == ERR_KIND_INPUT || kind == ERR_KIND_CONFLICT || kind == ERR_KIND_MISSING)
        return reject_text(out, why->code, "", err_detail(why, false));
    *err = *why;
    return false;
}

static bool wait_for_person(const struct fact *fact, const struct ledger_outcome *outcome, struct row_verdict *out)
{
    out->verdict = VERDICT_PENDING;
    out->proposal = outcome->proposal_seq;
    out->code = fact->uscc_doubtful ? ERR_USCC_ORG_CODE : ERR_FIRM_CHECK;
    out->field = fact->uscc_doubtful ? "uscc" : "";
    row_detail(out, outcome->why_en == NULL ? "" : outcome->why_en);
    return true;
}

static bool hold(struct row_verdict *out)
{
    out->verdict = VERDICT_PENDING;
    out->code = ERR_GUARD_HELD;
    return true;
}

/* A firm leaves the list once, however many rows would take it off: rows see nothing of each other when looked at. */
static bool leaves_anew(struct intake_case *c, const char *uscc)
{
    if (c->leaving == NULL) {
        for (c->leaving_room = 16; c->leaving_room < 2 * MESSAGE_ROWS_MAX;)
            c->leaving_room *= 2;
        c->leaving = arena_alloc(c->texts, c->leaving_room * sizeof(*c->leaving));
    }
    size_t at = 5381;
    for (const char *p = uscc; *p != '\0'; p++)
        at = at * 33 + (unsigned char)*p;
    for (at %= c->leaving_room; c->leaving[at][0] != '\0'; at = (at + 1) % c->leaving_room)
        if (strcmp(c->leaving[at], uscc) == 0)
            return false;
    snprintf(c->leaving[at], USCC_SIZE, "%s", uscc);
    return true;
}

bool case_fact(struct ledger_tx *tx, struct intake_case *c, const struct fact *fact, struct row_verdict *out,
               struct err *err)
{
    struct ledger_outcome outcome;
    struct err why = {0};

    if (c->looking || c->holding) {
        if (!ledger_look(tx, fact, &outcome, &why))
            return refused(&why, out, err);
        c->removes += outcome.removes && leaves_anew(c, fact->uscc);
        if (c->looking)
            return true;
        if (outcome.removes)
            return hold(out);
    }
    uint64_t next = ledger_next_sequence(tx);
    if (!ledger_fact(tx, fact, (struct bytes){0}, &outcome, &why))
        return refused(&why, out, err);
    if (outcome.changed && c->first == 0)
        c->first = next;
    c->admits = c->admits || outcome.awaits_admission;
    return outcome.needs_person ? wait_for_person(fact, &outcome, out) : true;
}

bool case_record(struct ledger_tx *tx, struct intake_case *c, struct record *record, struct err *err)
{
    if (c->looking)
        return true;
    note_first(tx, c);
    record->actor = case_actor(c);
    record->origin = c->object;
    return ledger_record(tx, record, err);
}

bool case_propose(struct ledger_tx *tx, struct intake_case *c, const char *what, const char *object, const char *note,
                  const char *payload, struct row_verdict *out, struct err *err)
{
    const struct approval proposal = {
        .what = what, .object = object, .digest = "", .maker = case_actor(c), .note = note,
        .payload = payload,
    };

    out->verdict = VERDICT_PENDING;
    if (c->looking)
        return true;
    note_first(tx, c);
    out->proposal = ledger_next_sequence(tx);
    return ledger_propose(tx, &proposal, NULL, err);
}

/* ---- rows ---- */

static bool one_row(struct ledger_tx *tx, struct intake_case *c, size_t i, struct err *err)
{
    struct row_verdict verdict = {.index = i, .field = ""};
    const struct message_node *row = message_at(message_body(c->message), "rows", i);

    CHECK(c->consequence->row(tx, c, row, &verdict, err));
    if (!c->looking)
        case_tell(c, &verdict);
    return true;
}

bool case_rows(struct ledger_tx *tx, struct intake_case *c, const size_t *only, size_t n, struct err *err)
{
    size_t count = only != NULL ? n : message_count(message_body(c->message), "rows");

    for (size_t i = 0; i < count; i++)
        CHECK(one_row(tx, c, only != NULL ? only[i] : i, err));
    return true;
}

/* Looks at all rows first when they may take firms off the list: if together they are too many, those wait. */
static bool ask_guard(struct ledger_tx *tx, struct intake_case *c, struct err *err)
{
    struct ledger_guard guard;

    if (!c->consequence->removes || ledger_tally(tx, LISTING_LISTED) == 0)
        return true;
    c->looking = true;
    CHECK(case_rows(tx, c, NULL, 0, err));
    c->looking = false;
    if (c->removes == 0)
        return true;
    CHECK(ledger_guard_judge(tx, c->in.sender->id, c->removes, &guard, err));
    c->holding = !guard.allowed;
    return true;
}

bool case_whole(struct ledger_tx *tx, struct intake_case *c, struct err *err)
{
    struct row_verdict verdict = {.field = ""};

    CHECK(c->consequence->whole(tx, c, message_body(c->message), &verdict, err));
    case_tell(c, &verdict);
    return true;
}

static bool consequences(struct ledger_tx *tx, struct intake_case *c, struct err *err)
{
    if (c->consequence == NULL) {
        c->accepted = 1;
        return true;
    }
    if (c->consequence->whole != NULL)
        return case_whole(tx, c, err);
    return ask_guard(tx, c, err) && case_rows(tx, c, NULL, 0, err);
}

/* ---- what waits ---- */

/* Rows without a proposal of their own wait for one about the message. */
static bool propose_rows(struct ledger_tx *tx, struct intake_case *c, struct err *err)
{
    const char *note = NULL;
    struct row_verdict all = {.field = ""};

    for (size_t i = 0; i < c->row_n && note == NULL; i++)
        if (c->rows[i].verdict == VERDICT_PENDING && c->rows[i].proposal == 0)
            note = err_info(c->rows[i].code)->code;
    if (note == NULL)
        return true;
    CHECK(case_propose(tx, c, "message", c->object, note, "", &all, err));
    for (size_t i = 0; i < c->row_n; i++)
        if (c->rows[i].verdict == VERDICT_PENDING && c->rows[i].proposal == 0)
            c->rows[i].proposal = all.proposal;
    return true;
}

static bool propose_admission(struct ledger_tx *tx, struct intake_case *c, struct err *err)
{
    struct row_verdict unused = {.field = ""};
    const char *payload =
        arena_printf(ledger_arena(tx), "{\"source\":\"%s\",\"first\":%llu,\"last\":%llu}", c->in.sender->id,
                     (unsigned long long)c->first, (unsigned long long)ledger_next_sequence(tx) - 1);

    return !c->admits || case_propose(tx, c, "admit", c->object, "", payload, &unused, err);
}

bool case_ask(struct ledger_tx *tx, struct intake_case *c, struct err *err)
{
    return propose_rows(tx, c, err) && propose_admission(tx, c, err);
}

/* ---- the record of the message ---- */

const char *case_result(const struct intake_case *c)
{
    if (c->rejected == 0 && c->pending == 0)
        return "accepted";
    if (c->accepted > 0)
        return "partial";
    if (c->pending > 0)
        return c->rejected > 0 ? "partial" : "pending";
    return "rejected";
}

const char *case_form(const struct intake_case *c)
{
    static const char *const names[] = {[INTAKE_JSON] = "json", [INTAKE_JOSE] = "jose", [INTAKE_XML] = "xml", [INTAKE_ROW] = "row"};

    return names[c->in.form];
}

static void fill_note(struct intake_case *c, struct message_note *note)
{
    const bool detached = c->in.form == INTAKE_JSON;

    note->id = c->envelope.id;
    note->kind = c->envelope.kind;
    note->sender = c->in.sender->id;
    note->in_reply_to = c->envelope.in_reply_to;
    note->created_ms = c->envelope.created_ms;
    note->form = case_form(c);
    note->bytes = (int64_t)c->in.body.n;
    memcpy(note->digest, c->digest, sizeof(note->digest));
    note->signature = detached ? arena_strndup(c->arena, (const char *)c->in.signature.p, c->in.signature.n) : "";
    note->kid = c->seen.kid;
    note->trace_id = c->in.trace_id;
}

static bool write_record(struct ledger_tx *tx, struct intake_case *c, struct err *err)
{
    struct record *record = &c->record;

    record_init(record, RECORD_MESSAGE);
    record->actor = case_actor(c);
    fill_note(c, &record->message);
    record->result = case_result(c);
    if (c->consequence != NULL && c->consequence->whole != NULL && c->row_n == 1 && c->rows[0].code != ERR_NONE)
        record->code = err_info(c->rows[0].code)->code;
    else
        record->rows = case_rows_json(c, c->arena, false);
    record->first = (int64_t)c->first;
    record->to = c->to;
    return ledger_message(tx, record, c->in.body, err);
}

bool case_decide(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct intake_case *c = arg;
    uint64_t seq;

    /* two of the same may have been under way, even in one transaction */
    CHECK(case_known(c, ledger_txn(tx), &seq, err));
    c->duplicate = seq != 0;
    if (c->duplicate)
        return ledger_written(tx, c->arena, seq, &c->record, err);
    case_begin(c, tx);
    CHECK(consequences(tx, c, err) && case_ask(tx, c, err));
    /* the message's record comes next */
    CHECK(held_keep(tx, c, ledger_next_sequence(tx), err) && write_record(tx, c, err));
    case_note_outcome(c);
    return true;
}

void case_decided(void *arg, const struct err *err)
{
    struct intake_case *c = arg;

    if (err->code == ERR_NONE && !c->duplicate) {
        metric_add(METRIC_MESSAGES, 1);
        log_event(LOG_INFO, "message.decided", "sender=%s kind=%s id=%s result=%s sequence=%llu trace=%s",
                  c->in.sender->id, c->envelope.kind, c->envelope.id, c->record.result,
                  (unsigned long long)c->record.seq, c->in.trace_id);
    }
    if (err->code == ERR_MESSAGE_ID_REUSED && c->in.form != INTAKE_ROW)
        refused_keep(c, err);
    case_leave(c);
    c->done(c->arg, err);
}

bool intake_pending(const struct intake_case *c)
{
    return strcmp(c->record.result, "pending") == 0;
}
