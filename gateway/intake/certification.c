/* certification.batch: each row is what a list would say about the firm, without the list around it: a row that is
 * absent says nothing. */
#include <string.h>

#include "ident/ident.h"
#include "intake/internal.h"

struct text_member {
    const char *name;
    size_t max;
    size_t offset;
};
#define MEMBER(member, bound) {#member, bound, offsetof(struct cert_row, member)}

static bool read_texts(struct intake_case *c, const struct message_node *row, struct cert_row *out,
                       struct row_verdict *verdict)
{
    static const struct text_member members[] = {
        MEMBER(name, RECORD_NAME_MAX),       MEMBER(region_code, RECORD_ID_MAX), MEMBER(industry_code, RECORD_ID_MAX),
        MEMBER(scale, RECORD_ID_MAX),        MEMBER(ownership, RECORD_ID_MAX),   MEMBER(level, RECORD_TEXT_MAX),
        MEMBER(batch, RECORD_TEXT_MAX),      MEMBER(document_no, RECORD_TEXT_MAX), MEMBER(reason, RECORD_REASON_MAX),
    };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *text = "";
        CHECK(row_text(c, row, members[i].name, members[i].max, &text, verdict));
        memcpy((char *)out + members[i].offset, &text, sizeof(text));
    }
    return true;
}

static bool read_dates(const struct message_node *row, struct cert_row *out, struct row_verdict *verdict)
{
    CHECK(row_date(row, "valid_from", &out->valid_from, verdict));
    CHECK(row_date(row, "valid_until", &out->valid_until, verdict));
    if (out->valid_until == DATE_NONE || out->valid_until >= out->valid_from)
        return true;
    (void)reject_text(verdict, ERR_LIST_ROW_FIELD, "valid_until", "before valid_from");
    return false;
}

static bool read_region(const struct cert_row *row, struct row_verdict *verdict)
{
    struct ident_result result;

    if (row->region_code[0] == '\0')
        return true;
    ident_region(bytes_str(row->region_code), &result);
    if (result.verdict != IDENT_INVALID)
        return true;
    (void)reject(verdict, result.cause, "region_code");
    return false;
}

/* False when the verdict is a rejection. */
static bool read_row(struct intake_case *c, const struct message_node *row, struct fact *fact,
                     struct row_verdict *verdict)
{
    CHECK(read_texts(c, row, &fact->row, verdict));
    CHECK(read_dates(row, &fact->row, verdict));
    CHECK(read_region(&fact->row, verdict));
    fact->row.withdrawn = strcmp(message_text(message_member(row, "action")), "withdraw") == 0;
    fact->row.doubtful = fact->uscc_doubtful;
    return true;
}

/* Who certified a firm last takes that back; when another one does, a person looks at it. */
static bool may_withdraw(struct ledger_tx *tx, const struct fact *fact, bool *may_out, struct err *err)
{
    struct firm firm;

    CHECK(ledger_firm(tx, fact->uscc, &firm, NULL, err));
    const struct certification *known = &firm.certification;
    *may_out = fact->approval_id[0] != '\0' || known->state == CERT_NONE || known->state == CERT_WITHDRAWN ||
               strcmp(known->source, fact->actor.id) == 0;
    return true;
}

/* With the message's own proposal; decided again when that is granted. */
static bool wait_for_person(struct row_verdict *out)
{
    out->verdict = VERDICT_PENDING;
    out->code = ERR_FIRM_OTHER_SOURCE;
    out->field = "uscc";
    return true;
}

bool certification_row(struct ledger_tx *tx, struct intake_case *c, const struct message_node *row,
                       struct row_verdict *out, struct err *err)
{
    char uscc[USCC_SIZE];
    struct fact fact;
    bool doubtful, other_province;

    if (!row_uscc(row, out, uscc, &doubtful, &other_province))
        return true;
    case_fact_init(c, &fact, FACT_ROW, uscc);
    fact.uscc_doubtful = doubtful;
    fact.uscc_other_province = other_province;
    if (!row_text(c, message_body(c->message), "list_version", RECORD_TEXT_MAX, &fact.list_version, out) ||
        !read_row(c, row, &fact, out))
        return true;
    if (fact.row.withdrawn) {
        bool may;
        CHECK(may_withdraw(tx, &fact, &may, err));
        if (!may)
            return wait_for_person(out);
    }
    return case_fact(tx, c, &fact, out, err);
}
