/* flat: a JSON object that holds only plain texts, whole numbers, true, false and null, read in one walk. It takes what
 * needs no second thought and leaves everything else to a strict parser, which alone refuses. */
#ifndef COMMON_FLAT_H
#define COMMON_FLAT_H

#include "adapters/adapter.h"

#define FLAT_MEMBERS_MAX 32

enum flat_kind { FLAT_TEXT, FLAT_NUMBER, FLAT_NULL, FLAT_BOOLEAN };
struct flat_member {
    struct gwa_bytes name, value;        /* as they stand, without quotes; the name of a member is unique */
    enum flat_kind kind;
};
/* True: `in` is well-formed UTF-8 and JSON, and *n_out members are all it holds. False says nothing of it: it may have
 * escapes, objects, arrays, fractions, numbers of 19 digits, more members than fit, a name twice, or be no JSON. */
bool flat_read(struct gwa_bytes in, struct flat_member members[FLAT_MEMBERS_MAX], size_t *n_out);

#endif
