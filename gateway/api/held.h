/* held: what is in force, swapped whole and kept while any request uses it. */
#ifndef API_HELD_H
#define API_HELD_H

#include "api/internal.h"

struct held *held_new(struct callers *callers, const struct api_state *state);
struct held *held_take(struct api *api);                 /* of now; give back with held_drop */
void held_drop(struct held **held);

#endif
