/* The faults of a document, each at its place: JSON Pointer or XPath, as its sender wrote it. */
#include <stdio.h>
#include <string.h>

#include "message/fault.h"

const struct model_type *fault_type(const struct model *model, const xmlNode *node)
{
    const struct model_type *parent;
    const struct model_field *field;

    if (node == NULL || node->type != XML_ELEMENT_NODE)
        return NULL;
    if (node->parent == NULL || node->parent->type != XML_ELEMENT_NODE)
        return model->root_type;
    parent = fault_type(model, node->parent);
    field = parent == NULL || parent->value != MODEL_OBJECT ? NULL : model_field_xml(parent, (const char *)node->name);
    return field == NULL ? NULL : field->type;
}

/* ---- places ---------------------------------------------------------------------------------------------- */

/* RFC 6901: ~ and / of a name are escaped. */
static void put_name(struct buf *out, const char *name)
{
    buf_byte(out, '/');
    for (; *name != '\0'; name++) {
        if (*name == '~' || *name == '/')
            buf_str(out, *name == '~' ? "~0" : "~1");
        else
            buf_byte(out, (uint8_t)*name);
    }
}

static size_t index_of(const xmlNode *node)
{
    size_t i = 0;

    for (const xmlNode *other = node->prev; other != NULL; other = other->prev)
        i += other->type == XML_ELEMENT_NODE && strcmp((const char *)other->name, (const char *)node->name) == 0;
    return i;
}

static void put_pointer(const struct model *model, const xmlNode *node, struct buf *out)
{
    const struct model_type *parent;
    const struct model_field *field;

    if (node->parent == NULL || node->parent->type != XML_ELEMENT_NODE)
        return;
    put_pointer(model, node->parent, out);
    parent = fault_type(model, node->parent);
    field = parent == NULL ? NULL : model_field_xml(parent, (const char *)node->name);
    if (field == NULL)
        return;
    put_name(out, field->json);
    if (field->list)
        buf_printf(out, "/%zu", index_of(node));
}

static void put_place(const struct faults *faults, const xmlNode *node, const char *member, char out[FAULT_PLACE_SIZE])
{
    struct buf text;

    buf_init(&text, FAULT_PLACE_SIZE - 1);
    if (faults->message->form == MESSAGE_JSON)
        put_pointer(faults->model, node, &text);
    else
        buf_str(&text, message_xpath(node, out, FAULT_PLACE_SIZE));
    if (member != NULL)
        put_name(&text, member);
    memcpy(out, text.n > 0 ? (const char *)text.p : "", text.n);
    out[text.n] = '\0';
    buf_free(&text);
}

/* ---- faults ---------------------------------------------------------------------------------------------- */

static bool said_already(const struct faults *faults, const char *place)
{
    for (size_t i = 0; i < faults->n; i++) {
        const char *other = faults->errors[i].place;
        size_t n = strlen(other);

        if (strncmp(place, other, n) == 0 && (place[n] == '\0' || place[n] == '/'))
            return true;
    }
    return false;
}

bool fault_enough(const struct faults *faults)
{
    return faults->n >= faults->max || faults->looked >= 4 * faults->max;
}

void fault_add(struct faults *faults, enum err_code code, const xmlNode *node, const char *member, const char *detail)
{
    char place[FAULT_PLACE_SIZE];

    faults->any = true;
    if (fault_enough(faults))
        return;
    faults->looked++;
    put_place(faults, node, member, place);
    if (said_already(faults, place))
        return;
    faults->errors[faults->n] = (struct err){0};
    (void)err_set(&faults->errors[faults->n++], code, place, "%s", detail);
}

static void look_at_place(struct faults *faults, const xmlNode *child, const struct model_field *field, bool seen,
                          bool behind)
{
    if (field == NULL)
        fault_add(faults, ERR_SCHEMA_INVALID, child, NULL, "it is not known here");
    else if (seen && !field->list)
        fault_add(faults, ERR_SCHEMA_INVALID, child, NULL, "it appears twice");
    else if (behind)
        fault_add(faults, ERR_SCHEMA_INVALID, child, NULL, "it is not where it belongs in the order");
}

void fault_members(struct faults *faults, const xmlNode *node)
{
    const struct model_type *type = fault_type(faults->model, node);
    bool seen[MODEL_FIELDS_MAX] = {false};
    const struct model_field *last;

    if (type == NULL || type->value != MODEL_OBJECT)
        return;
    last = type->fields;
    for (const xmlNode *child = message_next_element(node->children); child != NULL;
         child = message_next_element(child->next)) {
        bool ours = message_is(child, MESSAGE_NAMESPACE, (const char *)child->name);
        const struct model_field *field = ours ? model_field_xml(type, (const char *)child->name) : NULL;

        look_at_place(faults, child, field, field != NULL && seen[field - type->fields], field != NULL && field < last);
        if (field != NULL) {
            seen[field - type->fields] = true;
            last = field > last ? field : last;
        }
    }
    for (last = type->fields; last < type->fields + type->field_n; last++)
        if (last->required && !seen[last - type->fields])
            fault_add(faults, ERR_SCHEMA_INVALID, node, faults->message->form == MESSAGE_JSON ? last->json : last->xml,
                      "it is missing");
}
