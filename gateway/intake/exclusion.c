/* exclusion.notice: a ground imposed or lifted, by the one who sends it. Only the imposer's own is lifted. */
#include <string.h>

#include "ident/ident.h"
#include "intake/internal.h"

/* A name under which the firm is not known may mean another firm: a person compares. */
static bool name_fits(struct ledger_tx *tx, const struct fact *fact, bool *fits_out, struct err *err)
{
    char given[2 * RECORD_NAME_MAX], known[2 * RECORD_NAME_MAX];
    struct firm firm;
    bool exists;

    CHECK(ledger_firm(tx, fact->uscc, &firm, &exists, err));
    *fits_out = !exists || firm.name[0] == '\0' ||
                (ident_name_fold(bytes_str(fact->row.name), given, sizeof(given)) &&
                 ident_name_fold(bytes_str(firm.name), known, sizeof(known)) && strcmp(given, known) == 0);
    return true;
}

static bool read_row(struct intake_case *c, const struct message_node *row, struct fact *fact,
                     struct row_verdict *out)
{
    CHECK(row_text(c, row, "name", RECORD_NAME_MAX, &fact->row.name, out));
    CHECK(row_text(c, row, "document_no", RECORD_TEXT_MAX, &fact->document_no, out));
    CHECK(row_date(row, "effective", &fact->effective, out));
    CHECK(row_date(row, "until", &fact->until, out));
    if (!ground_parse(message_text(message_member(row, "ground")), &fact->ground)) {
        (void)reject(out, ERR_SCHEMA_INVALID, "ground");
        return false;
    }
    if (fact->until == DATE_NONE || fact->until >= fact->effective)
        return true;
    (void)reject_text(out, ERR_LIST_ROW_FIELD, "until", "before effective");
    return false;
}

/* The row waits with the message's own proposal and is decided again when that is granted. */
static bool wait_for_name(struct row_verdict *out)
{
    out->verdict = VERDICT_PENDING;
    out->code = ERR_FIRM_NAME;
    out->field = "name";
    return true;
}

bool exclusion_row(struct ledger_tx *tx, struct intake_case *c, const struct message_node *row, struct row_verdict *out,
                   struct err *err)
{
    bool lift = strcmp(message_text(message_member(row, "action")), "lift") == 0;
    char uscc[USCC_SIZE];
    struct fact fact;
    bool fits;

    case_fact_init(c, &fact, lift ? FACT_LIFT : FACT_IMPOSE, uscc);
    if (!row_uscc(row, out, uscc, &fact.uscc_doubtful, &fact.uscc_other_province) || !read_row(c, row, &fact, out))
        return true;
    CHECK(name_fits(tx, &fact, &fits, err));
    if (!fits && c->approval_id[0] == '\0')
        return wait_for_name(out);
    return case_fact(tx, c, &fact, out, err);
}
