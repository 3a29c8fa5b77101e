/* items: the one shape of a list answer, {"items":[…],"more":…,"next"?}. */
#ifndef API_ITEMS_H
#define API_ITEMS_H

#include "api/internal.h"

struct items {
    struct ask *ask;
    uint64_t limit, n;
    bool more;
    const char *next;                  /* where the following page starts; set by the caller */
};
void items_begin(struct items *items, struct ask *ask, uint64_t limit);
/* False when the list is full: the item is not written and `more` is set. */
bool items_open(struct items *items);
bool items_add(struct items *items, struct bytes json);
/* For items written by hand: true when there is room for one more. */
bool items_room(struct items *items);
void items_end(struct items *items);

#endif
