/* pledge.registration: what the register tells of one pledge. Its word is taken, unless one of the rights is held by a
 * live pledge under another number: then a person decides, and the register is right when granted. */
#include <stdlib.h>
#include <string.h>

#include "ident/ident.h"
#include "intake/internal.h"

#define CLASS_MAX 45
#define PAYLOAD_MAX (16u << 10) /* conflicts beyond are not listed: a person sees enough */

struct telling {
    struct record record;
    struct buf pledgors, rights; /* JSON */
    struct json_out out;
};

/* ---- parties ----------------------------------------------------------------------------------------------------- */

/* The code in normal form into out[USCC_SIZE], "" when there is none. */
static bool read_code(const struct message_node *party, const char *field, char uscc[USCC_SIZE],
                      struct row_verdict *out)
{
    struct row_verdict unused = *out;
    bool doubtful, other_province;

    uscc[0] = '\0';
    if (message_member(party, "uscc") == NULL || row_uscc(party, &unused, uscc, &doubtful, &other_province))
        return true;
    (void)reject(out, unused.code, field);
    return false;
}

static bool read_pledgors(struct intake_case *c, const struct message_node *body, struct telling *t,
                          struct row_verdict *out)
{
    json_out_init(&t->out, &t->pledgors);
    json_begin_array(&t->out);
    for (size_t i = 0, n = message_count(body, "pledgors"); i < n && !t->pledgors.overflow; i++) {
        const struct message_node *party = message_at(body, "pledgors", i);
        const char *name = "", *field = arena_printf(c->arena, "pledgors/%zu/uscc", i);
        char uscc[USCC_SIZE];
        CHECK(read_code(party, field, uscc, out) && row_text(c, party, "name", RECORD_NAME_MAX, &name, out));
        json_begin_object(&t->out);
        json_add_string_opt(&t->out, "uscc", uscc);
        json_add_string(&t->out, "name", name);
        json_end_object(&t->out);
    }
    json_end_array(&t->out);
    t->record.pledge.pledgors = arena_strndup(c->arena, (const char *)t->pledgors.p, t->pledgors.n);
    return true;
}

static bool read_pledgee(struct intake_case *c, const struct message_node *body, struct pledge_note *note,
                         struct row_verdict *out)
{
    const struct message_node *party = message_member(body, "pledgee");
    char *uscc = arena_alloc(c->arena, USCC_SIZE);

    note->pledgee_uscc = uscc;
    return read_code(party, "pledgee/uscc", uscc, out) &&
           row_text(c, party, "name", RECORD_NAME_MAX, &note->pledgee_name, out);
}

/* ---- rights ------------------------------------------------------------------------------------------------------ */

bool right_number(enum right_kind kind, const char *text, char out[IDENT_NORMAL_SIZE], enum err_code *cause)
{
    struct ident_result result;

    ident_check(kind == RIGHT_PATENT ? IDENT_PATENT : IDENT_TRADEMARK, bytes_str(text), &result);
    *cause = result.cause;
    memcpy(out, result.normal, IDENT_NORMAL_SIZE);
    return result.verdict != IDENT_INVALID;
}

bool right_class(enum right_kind kind, const char *text, char out[3])
{
    char *end;
    long class = strtol(text, &end, 10);

    out[0] = '\0';
    if (kind == RIGHT_PATENT)
        return true; /* a patent has none */
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || class < 1 || class > CLASS_MAX)
        return false;
    out[0] = class < 10 ? (char)('0' + class) : (char)('0' + class / 10);
    out[1] = class < 10 ? '\0' : (char)('0' + class % 10);
    out[2] = '\0';
    return true;
}

static bool read_right(struct intake_case *c, const struct message_node *right, size_t i, struct telling *t,
                       struct row_verdict *out)
{
    enum right_kind kind = t->record.pledge.right_kind;
    const char *given = "", *class = "", *title = "";
    char number[IDENT_NORMAL_SIZE], normal[3];
    enum err_code cause;

    CHECK(row_text(c, right, "number", RECORD_ID_MAX, &given, out) &&
          row_text(c, right, "class", RECORD_ID_MAX, &class, out) &&
          row_text(c, right, "title", RECORD_REASON_MAX, &title, out));
    if (!right_number(kind, given, number, &cause))
        return !reject(out, cause, arena_printf(c->arena, "rights/%zu/number", i));
    if (!right_class(kind, class, normal))
        return !reject(out, ERR_TRADEMARK_CLASS, arena_printf(c->arena, "rights/%zu/class", i));
    json_begin_object(&t->out);
    json_add_string(&t->out, "number", number);
    json_add_string_opt(&t->out, "class", normal);
    json_add_string_opt(&t->out, "title", title);
    json_end_object(&t->out);
    return true;
}

static bool read_rights(struct intake_case *c, const struct message_node *body, struct telling *t,
                        struct row_verdict *out)
{
    json_out_init(&t->out, &t->rights);
    json_begin_array(&t->out);
    for (size_t i = 0, n = message_count(body, "rights"); i < n && !t->rights.overflow; i++)
        CHECK(read_right(c, message_at(body, "rights", i), i, t, out));
    json_end_array(&t->out);
    if (t->rights.overflow || t->pledgors.overflow)
        return !reject(out, ERR_MESSAGE_TOO_LARGE, "rights");
    t->record.pledge.rights = arena_strndup(c->arena, (const char *)t->rights.p, t->rights.n);
    return true;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static bool read_words(struct intake_case *c, const struct message_node *body, struct pledge_note *note,
                       struct row_verdict *out)
{
    if (!pledge_event_parse(message_text(message_member(body, "event")), &note->event) ||
        !right_kind_parse(message_text(message_member(body, "right_kind")), &note->right_kind))
        return !reject(out, ERR_SCHEMA_INVALID, "event");
    note->secured_fen = message_integer(message_member(body, "secured_amount_fen"), AMOUNT_NONE);
    return row_text(c, body, "registration_no", RECORD_TEXT_MAX, &note->registration_no, out) &&
           row_date(body, "date", &note->date, out) && row_date(body, "debt_from", &note->debt_from, out) &&
           row_date(body, "debt_until", &note->debt_until, out) &&
           row_date(body, "valid_until", &note->valid_until, out);
}

/* False when the verdict is a rejection. What is read stays in the case's arena. */
static bool read_all(struct intake_case *c, const struct message_node *body, struct record *record,
                     struct row_verdict *out)
{
    struct telling t;

    record_init(&t.record, RECORD_PLEDGE);
    buf_init(&t.pledgors, RECORD_LIST_MAX);
    buf_init(&t.rights, RECORD_LIST_MAX);
    bool ok = read_words(c, body, &t.record.pledge, out) && read_pledgors(c, body, &t, out) &&
              read_pledgee(c, body, &t.record.pledge, out) && read_rights(c, body, &t, out);
    buf_free(&t.pledgors);
    buf_free(&t.rights);
    *record = t.record;
    return ok;
}

/* ---- live elsewhere ---------------------------------------------------------------------------------------------- */

/* Called for each of the rights that another live pledge holds; what it writes takes effect for those behind. */
typedef bool conflict_each(void *arg, const struct pledge *other, const char *number, const char *class,
                           struct err *err);

/* The other pledge read last: as a rule one holds many of the rights, and reading it is work. */
struct holder {
    struct pledge pledge;
    bool found;
};

static bool read_holder(struct ledger_tx *tx, const char *registration_no, struct holder *holder, struct err *err)
{
    if (holder->found && strcmp(holder->pledge.note.registration_no, registration_no) == 0)
        return true;
    return pledge_read(ledger_txn(tx), ledger_arena(tx), registration_no, &holder->pledge, &holder->found, err);
}

static bool conflict_of(struct ledger_tx *tx, const struct pledge_note *note, const json_value *right,
                        struct holder *holder, conflict_each *each, void *arg, struct err *err)
{
    const char *number = json_string(json_member(right, "number")), *class = json_string(json_member(right, "class"));
    struct right_state state;

    class = class == NULL ? "" : class;
    CHECK(right_read(ledger_txn(tx), ledger_arena(tx), note->right_kind, number, class, &state, err));
    if (state.pledge[0] == '\0' || strcmp(state.pledge, note->registration_no) == 0)
        return true;
    CHECK(read_holder(tx, state.pledge, holder, err));
    if (!holder->found || !pledge_is_live(&holder->pledge, date_of_ms(ledger_now(tx))))
        return true;
    return each(arg, &holder->pledge, number, class, err);
}

static bool conflicts(struct ledger_tx *tx, const struct pledge_note *note, conflict_each *each, void *arg,
                      struct err *err)
{
    struct holder holder = {.found = false};
    AUTO_JSON doc = NULL;
    if (!policy_pledge_claims(note->event))
        return true;
    CHECK(json_parse(bytes_str(note->rights), &doc, err));
    for (size_t i = 0; i < json_count(json_root(doc)); i++)
        CHECK(conflict_of(tx, note, json_at(json_root(doc), i), &holder, each, arg, err));
    return true;
}

struct listing_out {
    struct json_out json;
    size_t n;
};

static bool list_conflict(void *arg, const struct pledge *other, const char *number, const char *class, struct err *err)
{
    struct listing_out *out = arg;

    (void)err;
    if (++out->n > 50)
        return true;
    json_begin_object(&out->json);
    json_add_string(&out->json, "number", number);
    json_add_string_opt(&out->json, "class", class);
    json_add_string(&out->json, "registration_no", other->note.registration_no);
    json_end_object(&out->json);
    return true;
}

/* *n_out: how many rights are held elsewhere; the payload of the question to a person lists them. */
static bool look_for_conflicts(struct ledger_tx *tx, const struct pledge_note *note, const char **payload,
                               size_t *n_out, struct err *err)
{
    struct listing_out out = {.n = 0};
    struct buf text;

    buf_init(&text, PAYLOAD_MAX);
    json_out_init(&out.json, &text);
    json_begin_object(&out.json);
    json_add_string(&out.json, "event", pledge_event_name(note->event));
    json_key(&out.json, "held_by");
    json_begin_array(&out.json);
    bool ok = conflicts(tx, note, list_conflict, &out, err);
    json_end_array(&out.json);
    json_end_object(&out.json);
    *payload = text.overflow ? "" : arena_strndup(ledger_arena(tx), (const char *)text.p, text.n);
    *n_out = out.n;
    buf_free(&text);
    return ok;
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

static bool judge(struct ledger_tx *tx, struct record *record, struct row_verdict *out, struct err *err)
{
    struct pledge known;
    struct err why = {0};
    bool found;

    CHECK(pledge_read(ledger_txn(tx), ledger_arena(tx), record->pledge.registration_no, &known, &found, err));
    if (!policy_pledge(&record->pledge, found ? &known.note : NULL, date_of_ms(ledger_now(tx)), &record->pledge.state,
                       &why))
        (void)reject_text(out, why.code, arena_strdup(ledger_arena(tx), why.place), err_detail(&why, false));
    return true;
}

static bool read_and_judge(struct ledger_tx *tx, struct intake_case *c, struct record *record, struct row_verdict *out,
                           struct err *err)
{
    return !read_all(c, message_body(c->message), record, out) || judge(tx, record, out, err);
}

bool pledge_whole(struct ledger_tx *tx, struct intake_case *c, const struct message_node *body, struct row_verdict *out,
                  struct err *err)
{
    struct record record;
    const char *payload;
    size_t held;

    (void)body;
    CHECK(read_and_judge(tx, c, &record, out, err));
    if (out->verdict != VERDICT_ACCEPTED)
        return true;
    CHECK(look_for_conflicts(tx, &record.pledge, &payload, &held, err));
    if (held == 0)
        return case_record(tx, c, &record, err);
    out->code = ERR_PLEDGE_LIVE_ELSEWHERE;
    out->field = "rights";
    return case_propose(tx, c, "pledge", record.pledge.registration_no,
                        "a right is held by a live pledge under another number", payload, out, err);
}

/* ---- a person decided -------------------------------------------------------------------------------------------- */

struct superseding {
    struct ledger_tx *tx;
    struct intake_case *c;
    const struct record *by;
};

static bool supersede(void *arg, const struct pledge *other, const char *number, const char *class, struct err *err)
{
    const struct superseding *s = arg;
    struct record record;

    (void)number;
    (void)class;
    record_init(&record, RECORD_PLEDGE);
    record.approval_id = s->c->approval_id;
    record.pledge = other->note;
    record.pledge.event = PLEDGE_SUPERSEDED;
    record.pledge.state = PLEDGE_IS_SUPERSEDED;
    record.pledge.date = date_of_ms(ledger_now(s->tx));
    record.pledge.superseded_by = s->by->pledge.registration_no;
    return case_record(s->tx, s->c, &record, err);
}

/* The new one stands, and so the others do not. A filing claims nothing yet: it is only let through. */
bool pledge_resolve(struct ledger_tx *tx, struct intake_case *c, const struct approval *approval,
                    struct row_verdict *out, struct err *err)
{
    struct record record;
    struct superseding s = {tx, c, &record};

    if (strcmp(approval->state, "granted") != 0)
        return reject_text(out, ERR_PLEDGE_REJECTED, "rights", approval->comment);
    CHECK(read_and_judge(tx, c, &record, out, err));
    if (out->verdict != VERDICT_ACCEPTED)
        return true;
    record.approval_id = approval->id;
    if (record.pledge.state == PLEDGE_IS_LIVE)
        CHECK(conflicts(tx, &record.pledge, supersede, &s, err));
    return case_record(tx, c, &record, err);
}
