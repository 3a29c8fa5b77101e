/* message, private: a catalogue with its models. */
#ifndef MESSAGE_CATALOG_H
#define MESSAGE_CATALOG_H

#include "message/model.h"

#define CATALOG_KINDS_MAX 128
#define CATALOG_LINE_MAX 1024
#define CATALOG_FILE "catalog.csv"

/* The model of a kind of this catalogue. */
const struct model *catalog_model(const struct catalog *catalog, const struct message_kind *kind);

#endif
