/* consequence: what each kind of message brings about. A kind that is not here is only recorded, or passed on. */
#include <string.h>

#include "intake/internal.h"

static const struct consequence consequences[] = {
    {"certification.batch", true, certification_row, NULL, NULL},
    {"exclusion.notice", true, exclusion_row, NULL, NULL},
    {"right.status", true, right_row, NULL, NULL},
    {"enterprise.update", false, enterprise_row, NULL, NULL},
    {"basedata.update", false, basedata_row, NULL, NULL},
    {"credit.report", false, credit_row, NULL, NULL},
    {"pledge.registration", false, NULL, pledge_whole, pledge_resolve},
    {"objection", false, NULL, objection_whole, objection_resolve},
    {"guidance.request", false, NULL, question_whole, NULL},
    {"guidance.answer", false, NULL, answer_whole, NULL},
    {"policy.document", false, NULL, document_whole, NULL},
    {"reconciliation", false, NULL, reconciliation_whole, NULL},
};

const struct consequence *consequence_of(const char *kind)
{
    for (size_t i = 0; i < sizeof(consequences) / sizeof(consequences[0]); i++)
        if (strcmp(consequences[i].kind, kind) == 0)
            return &consequences[i];
    return NULL;
}
