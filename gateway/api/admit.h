/* admit: may this request be handled at all. */
#ifndef API_ADMIT_H
#define API_ADMIT_H

#include "api/internal.h"

/* Identity, connections, rate, route, role, readiness, parameters, form: in this order. False with the refusal. */
bool admit(struct ask *ask, struct err *err);
void admit_closed(struct api *api, uint64_t mark);

#endif
