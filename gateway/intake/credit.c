/* credit.report: what became of credit for firms, row by row, against what this bank reported before. */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"

#define NUMBER_MAX 100 /* bytes of a line's or loan's number: it is part of keys */

struct report {
    struct record record;
    char uscc[USCC_SIZE];
    struct credit_account main, upper, old_main, old_upper;
    struct credit_row corrected;
    struct credit_question ask;
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool read_texts(struct intake_case *c, const struct message_node *row, struct credit_note *note,
                       struct row_verdict *out)
{
    return row_text(c, row, "credit_no", NUMBER_MAX, &note->credit_no, out) &&
           row_text(c, row, "loan_no", NUMBER_MAX, &note->loan_no, out) &&
           row_text(c, row, "pledge_registration_no", RECORD_TEXT_MAX, &note->pledge_no, out) &&
           row_text(c, row, "consent_no", RECORD_TEXT_MAX, &note->consent_no, out) &&
           row_text(c, row, "reason", RECORD_REASON_MAX, &note->reason, out) &&
           row_text(c, row, "corrects", RECORD_TEXT_MAX, &note->corrects, out) &&
           row_date(row, "date", &note->date, out) && row_date(row, "due", &note->due, out);
}

static bool read_row(struct intake_case *c, const struct message_node *row, struct report *report,
                     struct row_verdict *out)
{
    struct credit_note *note = &report->record.credit;
    bool doubtful, other_province;

    record_init(&report->record, RECORD_CREDIT);
    if (!row_uscc(row, out, report->uscc, &doubtful, &other_province))
        return false;
    if (!credit_event_parse(message_text(message_member(row, "event")), &note->event)) {
        (void)reject(out, ERR_SCHEMA_INVALID, "event");
        return false;
    }
    report->record.uscc = report->uscc;
    note->row = (int64_t)out->index;
    note->amount_fen = message_integer(message_member(row, "amount_fen"), AMOUNT_NONE);
    note->rate_bp = message_integer(message_member(row, "rate_bp"), AMOUNT_NONE);
    return read_texts(c, row, note, out);
}

/* ---- what was reported before ------------------------------------------------------------------------------------ */

static bool on_line(const struct credit_note *note)
{
    return note->loan_no[0] == '\0' || note->event == CREDIT_LINE;
}

static bool read_account(struct ledger_tx *tx, const struct intake_case *c, bool line, const char *number,
                         struct credit_account *into, struct credit_account **out, struct err *err)
{
    *out = NULL;
    if (number[0] == '\0')
        return true;
    *out = into;
    return credit_account_read(ledger_txn(tx), ledger_arena(tx), c->in.sender->id, line, number, into, err);
}

/* A repayment need not name the line: it is the one under which the loan was drawn. */
static bool read_accounts(struct ledger_tx *tx, const struct intake_case *c, struct report *report, struct err *err)
{
    struct credit_note *note = &report->record.credit;
    struct credit_question *ask = &report->ask;
    bool line = on_line(note);

    CHECK(read_account(tx, c, line, line ? note->credit_no : note->loan_no, &report->main, &ask->main, err));
    if (!line && ask->main != NULL && note->credit_no[0] == '\0')
        note->credit_no = ask->main->credit_no;
    return line || read_account(tx, c, true, note->credit_no, &report->upper, &ask->upper, err);
}

/* One line or loan is one copy, whichever of the two rows names it. */
static struct credit_account *copy_of(struct report *report, const struct credit_note *old, bool upper)
{
    struct credit_question *ask = &report->ask;
    const struct credit_note *note = &report->record.credit;
    bool line = upper || on_line(old);
    const char *number = line ? old->credit_no : old->loan_no;

    if (ask->main != NULL && on_line(note) == line && strcmp(line ? note->credit_no : note->loan_no, number) == 0)
        return ask->main;
    return line && ask->upper != NULL && strcmp(note->credit_no, number) == 0 ? ask->upper : NULL;
}

static bool read_old_accounts(struct ledger_tx *tx, const struct intake_case *c, struct report *report, struct err *err)
{
    const struct credit_note *old = &report->corrected.note;
    struct credit_question *ask = &report->ask;
    bool line = on_line(old);

    ask->old_main = copy_of(report, old, false);
    ask->old_upper = line || old->credit_no[0] == '\0' ? NULL : copy_of(report, old, true);
    if (ask->old_main == NULL)
        CHECK(read_account(tx, c, line, line ? old->credit_no : old->loan_no, &report->old_main, &ask->old_main, err));
    if (ask->old_upper != NULL || line)
        return true;
    return read_account(tx, c, true, old->credit_no, &report->old_upper, &ask->old_upper, err);
}

/* "<message id>/<row>"; between the two also # or a blank is taken. NULL when it is not of that form. */
static const char *row_named(struct ledger_tx *tx, const char *text)
{
    size_t n = strlen(text), at = n;

    while (at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9')
        at--;
    if (at == n || n - at > 5 || at < 2 || strchr("/# ", text[at - 1]) == NULL)
        return NULL;
    return arena_printf(ledger_arena(tx), "%.*s/%ld", (int)(at - 1), text, strtol(text + at, NULL, 10));
}

static bool read_corrected(struct ledger_tx *tx, const struct intake_case *c, struct report *report, struct err *err)
{
    struct credit_note *note = &report->record.credit;
    const char *name = row_named(tx, note->corrects);
    bool found = false;

    if (name == NULL)
        return true;
    note->corrects = name;
    CHECK(credit_row_read(ledger_txn(tx), ledger_arena(tx), c->in.sender->id, name, &report->corrected, &found, err));
    if (!found || report->corrected.taken_back != 0)
        return true;
    report->ask.taken_back = &report->corrected.note;
    report->ask.taken_back_uscc = report->corrected.uscc;
    return report->corrected.note.event == CREDIT_VOID || read_old_accounts(tx, c, report, err);
}

/* ---- the row ----------------------------------------------------------------------------------------------------- */

/* A registration that is not known here may be of another place, or come later: the row is kept. */
static bool find_pledge(struct ledger_tx *tx, const struct credit_note *note, struct row_verdict *out, struct err *err)
{
    struct pledge pledge;
    bool found;

    if (note->pledge_no[0] == '\0' || out->code != ERR_NONE)
        return true;
    CHECK(pledge_read(ledger_txn(tx), ledger_arena(tx), note->pledge_no, &pledge, &found, err));
    if (!found) {
        out->code = ERR_PLEDGE_UNKNOWN;
        out->field = "pledge_registration_no";
    }
    return true;
}

static void tell_finding(enum err_code finding, const struct credit_note *note, struct row_verdict *out)
{
    if (finding == ERR_NONE)
        return;
    out->code = finding;
    out->field = finding == ERR_CREDIT_BALANCE ? "amount_fen" : note->loan_no[0] != '\0' ? "loan_no" : "credit_no";
}

bool credit_row(struct ledger_tx *tx, struct intake_case *c, const struct message_node *row, struct row_verdict *out,
                struct err *err)
{
    struct report *report = arena_alloc(ledger_arena(tx), sizeof(*report));
    enum err_code finding;
    struct err why = {0};

    if (!read_row(c, row, report, out))
        return true;
    report->ask = (struct credit_question){.note = &report->record.credit,
                                           .uscc = report->uscc,
                                           .today = date_of_ms(ledger_now(tx)),
                                           .taken_back_uscc = ""};
    CHECK(read_accounts(tx, c, report, err));
    CHECK(read_corrected(tx, c, report, err));
    if (!policy_credit(&report->ask, &finding, &why))
        return reject_text(out, why.code, arena_strdup(ledger_arena(tx), why.place), err_detail(&why, false));
    tell_finding(finding, &report->record.credit, out);
    CHECK(find_pledge(tx, &report->record.credit, out, err));
    report->record.code = out->code == ERR_NONE ? "" : err_info(out->code)->code;
    return case_record(tx, c, &report->record, err);
}
