/* message, private: judging a document by a model. */
#ifndef MESSAGE_VALIDATE_H
#define MESSAGE_VALIDATE_H

#include "message/catalog.h"
#include "message/fault.h"

/* The model of the kind that the envelope names; NULL with err when there is none. */
const struct model *validate_model(const struct catalog *catalog, const struct message *message, struct err *err);
/* Judges faults->message by faults->model; a JSON document has its tree afterwards. */
void validate_by(struct faults *faults);

#endif
