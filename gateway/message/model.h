/* message, private: what an XSD says, as far as our subset goes; read from the XSD itself. */
#ifndef MESSAGE_MODEL_H
#define MESSAGE_MODEL_H

#include <libxml/xmlschemas.h>

#include "message/internal.h"

#define MODEL_TYPES_MAX 256
#define MODEL_FIELDS_MAX 64
#define MODEL_COMMON "common.xsd"
#define MODEL_FILE_MAX (256u << 10)

enum model_value { MODEL_TEXT, MODEL_INTEGER, MODEL_BOOLEAN, MODEL_OBJECT };

struct model_type;
struct model_field {
    const char *xml, *json;
    bool required, list;
    const struct model_type *type;
};
struct model_type {
    const char *name;
    enum model_value value;
    struct model_field *fields; /* of an object, in the order of the XSD */
    size_t field_n;
    const xmlNode *node; /* while the XSD is read */
};
/* One XSD and common.xsd, which it includes. Immutable; shared by threads. */
struct model {
    struct arena *arena;
    struct model_type *types;
    size_t type_n;
    struct model_type globals; /* its global elements as members */
    const char *root;          /* the first of them: what a document begins with */
    const struct model_type *root_type;
    xmlSchema *schema;
};
/* A file of the folder, appended as it is: config.file. */
bool model_read_file(const char *directory, const char *name, struct buf *out, struct err *err);
/* config.file, config.value with file:line: not there, not XSD, or outside the subset. */
bool model_load(const char *directory, const char *file, struct model **out, struct err *err);
void model_free(struct model **model);
/* The type of a global element; NULL when there is none of that name. */
const struct model_type *model_root(const struct model *model, const char *element);
const struct model_field *model_field_xml(const struct model_type *type, const char *name);
const struct model_field *model_field_json(const struct model_type *type, const char *name);

#endif
