/* enterprise.update: other data of firms that are known here. basedata.update: the same for others, only passed on. */
#include <string.h>

#include "ident/ident.h"
#include "intake/internal.h"

static bool read_region(const char *code, struct row_verdict *out)
{
    struct ident_result result;

    if (code[0] == '\0')
        return true;
    ident_region(bytes_str(code), &result);
    return result.verdict != IDENT_INVALID || !reject(out, result.cause, "region_code");
}

static bool read_data(struct intake_case *c, const struct message_node *row, struct cert_row *data,
                      struct row_verdict *out)
{
    return row_text(c, row, "name", RECORD_NAME_MAX, &data->name, out) &&
           row_text(c, row, "region_code", RECORD_ID_MAX, &data->region_code, out) &&
           row_text(c, row, "industry_code", RECORD_ID_MAX, &data->industry_code, out) &&
           row_text(c, row, "scale", RECORD_ID_MAX, &data->scale, out) &&
           row_text(c, row, "ownership", RECORD_ID_MAX, &data->ownership, out) && read_region(data->region_code, out);
}

bool enterprise_row(struct ledger_tx *tx, struct intake_case *c, const struct message_node *row,
                    struct row_verdict *out, struct err *err)
{
    char uscc[USCC_SIZE] = "";
    struct fact fact;

    case_fact_init(c, &fact, FACT_ENTERPRISE, uscc);
    if (!row_uscc(row, out, uscc, &fact.uscc_doubtful, &fact.uscc_other_province) || !read_data(c, row, &fact.row, out))
        return true;
    return case_fact(tx, c, &fact, out, err);
}

/* What cannot be a firm or a place is told to the sender, so that it puts it right; the message goes on as it came. */
bool basedata_row(struct ledger_tx *tx, struct intake_case *c, const struct message_node *row, struct row_verdict *out,
                  struct err *err)
{
    char uscc[USCC_SIZE];
    bool doubtful, other_province;

    (void)tx;
    (void)err;
    if (out->index == 0)
        case_pass_on(c, ROLE_PLATFORM);
    if (row_uscc(row, out, uscc, &doubtful, &other_province))
        (void)read_region(message_text(message_member(row, "region_code")), out);
    return true;
}
