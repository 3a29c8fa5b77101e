/* right.status: the legal status of patents and trademarks. A right that is lost excludes its firm; a right that is
 * there again ends that, when the same partner told of no other that is lost. */
#include <stdio.h>
#include <string.h>

#include "intake/internal.h"

struct told {
    struct record record;
    char number[IDENT_NORMAL_SIZE];
    char uscc[USCC_SIZE];
    struct right_state before;
};

static bool is_lost(enum right_status status)
{
    return status == RIGHT_LAPSED || status == RIGHT_INVALIDATED;
}

static bool read_number(const struct message_node *row, struct told *told, struct row_verdict *out)
{
    const char *text = message_text(message_member(row, "number"));
    enum err_code cause;

    if (!right_number(told->record.right.kind, text, told->number, &cause))
        return !reject(out, cause, "number");
    told->record.right.number = told->number;
    return true;
}

static bool read_row(const struct message_node *row, struct told *told, struct row_verdict *out)
{
    struct right_note *note = &told->record.right;
    bool doubtful, other_province;

    record_init(&told->record, RECORD_RIGHT);
    told->uscc[0] = '\0';
    if (!right_kind_parse(message_text(message_member(row, "right_kind")), &note->kind) ||
        !right_status_parse(message_text(message_member(row, "status")), &note->status))
        return !reject(out, ERR_SCHEMA_INVALID, "status");
    CHECK(read_number(row, told, out) && row_date(row, "since", &note->since, out));
    return message_member(row, "uscc") == NULL || row_uscc(row, out, told->uscc, &doubtful, &other_province);
}

/* ---- whose it is ------------------------------------------------------------------------------------------------- */

static bool pledgor_of(struct ledger_tx *tx, const char *registration_no, char out[USCC_SIZE], struct err *err)
{
    struct pledge pledge;
    bool found;
    AUTO_JSON doc = NULL;

    CHECK(pledge_read(ledger_txn(tx), ledger_arena(tx), registration_no, &pledge, &found, err));
    if (!found || !pledge_is_live(&pledge, date_of_ms(ledger_now(tx))))
        return true;
    CHECK(json_parse(bytes_str(pledge.note.pledgors), &doc, err));
    /* of several that hold it together none can be blamed alone */
    const char *uscc = json_string(json_member(json_at(json_root(doc), 0), "uscc"));
    if (json_count(json_root(doc)) == 1 && uscc != NULL)
        snprintf(out, USCC_SIZE, "%s", uscc);
    return true;
}

/* As the row says, else as told before, else by the live pledge of a patent: the classes of a trademark may have
 * several. */
static bool find_firm(struct ledger_tx *tx, struct told *told, struct err *err)
{
    if (told->uscc[0] == '\0')
        memcpy(told->uscc, told->before.uscc, USCC_SIZE);
    if (told->uscc[0] == '\0' && told->before.pledge[0] != '\0')
        return pledgor_of(tx, told->before.pledge, told->uscc, err);
    return true;
}

/* ---- what follows ------------------------------------------------------------------------------------------------ */

static bool is_excluded(struct ledger_tx *tx, const struct intake_case *c, const char *uscc, bool *out, struct err *err)
{
    struct firm firm;

    *out = false;
    CHECK(ledger_firm(tx, uscc, &firm, NULL, err));
    for (size_t i = 0; i < firm.exclusion_n && !*out; i++)
        *out = firm.exclusions[i].ground == GROUND_RIGHTS_LAPSED &&
               strcmp(firm.exclusions[i].imposed_by, c->in.sender->id) == 0;
    return true;
}

static bool decide(struct ledger_tx *tx, struct intake_case *c, enum fact_kind kind, const char *uscc,
                   const struct right_note *right, struct row_verdict *out, struct err *err)
{
    struct ident_result ident;
    struct fact fact;

    ident_uscc(bytes_str(uscc), &ident);
    case_fact_init(c, &fact, kind, uscc);
    fact.uscc_doubtful = ident.verdict == IDENT_DOUBTFUL;
    fact.ground = GROUND_RIGHTS_LAPSED;
    fact.effective = kind == FACT_IMPOSE ? right->since : DATE_NONE;
    return case_fact(tx, c, &fact, out, err);
}

/* The firm that was told to have lost the right has not, or no longer: no other of its rights is lost either. */
static bool give_back(struct ledger_tx *tx, struct intake_case *c, const struct told *told, struct row_verdict *out,
                      struct err *err)
{
    const struct right_note *right = &told->record.right;
    const char *sender = c->in.sender->id, *had = told->before.uscc;
    bool excluded;

    if (had[0] == '\0' || !right_told_lapsed(ledger_txn(tx), had, sender, right->kind, right->number) ||
        right_other_lapsed(ledger_txn(tx), had, sender, right->kind, right->number))
        return true;
    CHECK(is_excluded(tx, c, had, &excluded, err));
    return !excluded || decide(tx, c, FACT_LIFT, had, right, out, err);
}

/* Before the status itself is recorded: what was told until now is still in state. */
static bool exclude_or_lift(struct ledger_tx *tx, struct intake_case *c, const struct told *told,
                            struct row_verdict *out, struct err *err)
{
    bool excluded;

    if (!is_lost(told->record.right.status))
        return give_back(tx, c, told, out, err);
    if (strcmp(told->before.uscc, told->uscc) != 0)
        CHECK(give_back(tx, c, told, out, err));
    if (told->uscc[0] == '\0')
        return true;
    CHECK(is_excluded(tx, c, told->uscc, &excluded, err));
    return excluded || decide(tx, c, FACT_IMPOSE, told->uscc, &told->record.right, out, err);
}

static bool is_known(const struct intake_case *c, const struct told *told)
{
    const struct right_state *before = &told->before;
    const struct right_note *right = &told->record.right;

    return before->seq != 0 && before->status == right->status && before->since == right->since &&
           strcmp(before->uscc, told->uscc) == 0 && strcmp(before->told_by, c->in.sender->id) == 0;
}

bool right_row(struct ledger_tx *tx, struct intake_case *c, const struct message_node *row, struct row_verdict *out,
               struct err *err)
{
    struct told *told = arena_alloc(ledger_arena(tx), sizeof(*told));

    if (out->index == 0)
        case_pass_on(c, ROLE_PLATFORM);
    if (!read_row(row, told, out))
        return true;
    CHECK(right_read(ledger_txn(tx), ledger_arena(tx), told->record.right.kind, told->number, "", &told->before, err));
    CHECK(find_firm(tx, told, err));
    told->record.uscc = told->uscc;
    CHECK(exclude_or_lift(tx, c, told, out, err));
    return is_known(c, told) || case_record(tx, c, &told->record, err);
}
