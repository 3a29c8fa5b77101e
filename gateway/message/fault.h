/* message, private: the faults of a document, each at its place. */
#ifndef MESSAGE_FAULT_H
#define MESSAGE_FAULT_H

#include "message/model.h"

#define FAULT_PLACE_SIZE 192

struct faults {
    const struct message *message;
    const struct model *model;
    struct err *errors;
    size_t max, n;
    size_t looked; /* places put together, also for faults that say the same again */
    bool any;      /* also when there is no room to say which */
};
/* True when no more will be added: telling where a fault is costs a look at all its siblings. */
bool fault_enough(const struct faults *faults);
/* The type of an element by its path from the root; NULL when it is not described. */
const struct model_type *fault_type(const struct model *model, const xmlNode *node);
/* A fault of this element, or (when `member` is not NULL) of a member of it that is not in the tree. Nothing is added
 * at or under the place of another one: it would only say the same again. */
void fault_add(struct faults *faults, enum err_code code, const xmlNode *node, const char *member, const char *detail);
/* Whether elements of `node` are those of its type, in order: a fault for each that is missing, unknown or repeated. */
void fault_members(struct faults *faults, const xmlNode *node);

#endif
