/* enterprise: what a platform tells of a firm beside its certification. It is data: no place on the list follows. */
#include "policy/internal.h"

#include <string.h>

static struct cert_row data_of(const struct cert_row *row)
{
    return (struct cert_row){
        .name = row->name,
        .region_code = row->region_code,
        .industry_code = row->industry_code,
        .scale = row->scale,
        .ownership = row->ownership,
        .level = "",
        .batch = "",
        .document_no = "",
        .reason = "",
        .valid_from = DATE_NONE,
        .valid_until = DATE_NONE,
    };
}

bool decide_enterprise(const struct ask *ask, struct decision *out, struct err *err)
{
    const struct firm *firm = ask->firm;
    struct cert_row row = data_of(&ask->fact->row);
    struct firm next;

    if (firm->last_sequence == 0)
        return err_set(err, ERR_FIRM_UNKNOWN, "uscc", "%s", firm->uscc);
    row.doubtful = firm->doubtful;
    /* who still says the known name does not take back the other one, which waits for a person */
    if (firm->name_pending[0] != '\0' && !policy_another_name(ask))
        row.name = "";
    if (!policy_enterprise_differs(firm, &row))
        return decide_nothing(out, "the row says what is known");
    decide_record(ask, out, RECORD_ENTERPRISE);
    out->record.row = row;
    out->record.name_waits = row.name[0] != '\0' && policy_another_name(ask);
    decide_look_ahead(ask, out, &next);
    policy_region_moved(ask, out, &next);
    out->needs_person = out->record.name_waits;
    decide_say(out,
               out->needs_person ? "the name is not the one known under this code" : "data of the firm was taken over");
    return true;
}
