/* consequence: what each kind of message brings about. A kind that is not here is only recorded, or passed on. */
#include <string.h>

#include "intake/internal.h"

static const struct consequence consequences[] = {
    {"certification.batch", true, certification_row, NULL, NULL, false},
    {"exclusion.notice", true, exclusion_row, NULL, NULL, false},
    {"right.status", true, right_row, NULL, NULL, false},
    {"enterprise.update", false, enterprise_row, NULL, NULL, false},
    {"basedata.update", false, basedata_row, NULL, NULL, false},
    {"credit.report", false, credit_row, NULL, NULL, false},
    {"pledge.registration", false, NULL, pledge_whole, pledge_resolve, false},
    {"objection", false, NULL, objection_whole, objection_resolve, true},
    {"guidance.request", false, NULL, question_whole, NULL, false},
    {"guidance.answer", false, NULL, answer_whole, NULL, false},
    {"policy.document", false, NULL, document_whole, NULL, false},
    {"reconciliation", false, NULL, reconciliation_whole, NULL, false},
};

const struct consequence *consequence_of(const char *kind)
{
    for (size_t i = 0; i < sizeof(consequences) / sizeof(consequences[0]); i++)
        if (strcmp(consequences[i].kind, kind) == 0)
            return &consequences[i];
    return NULL;
}
