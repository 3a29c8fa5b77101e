/* message, private: a JSON message as the XML that it stands for. */
#ifndef MESSAGE_INFOSET_H
#define MESSAGE_INFOSET_H

#include "message/fault.h"

/* Makes the tree of a JSON message by the types of the model; what JSON alone can get wrong becomes a fault. */
void infoset_build(struct faults *faults);

#endif
