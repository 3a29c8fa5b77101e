/* consequence: what each kind of message brings about. A kind that is not here is only recorded, or passed on. */
#include <string.h>

#include "intake/internal.h"

static const struct consequence consequences[] = {
    {"certification.batch", true, certification_row, NULL, NULL},
    {"exclusion.notice", true, exclusion_row, NULL, NULL},
};

const struct consequence *consequence_of(const char *kind)
{
    for (size_t i = 0; i < sizeof(consequences) / sizeof(consequences[0]); i++)
        if (strcmp(consequences[i].kind, kind) == 0)
            return &consequences[i];
    return NULL;
}
