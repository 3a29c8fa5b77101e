/* A validated message in either form, members in the order of its XSD. */
#include <stdlib.h>
#include <string.h>

#include "message/validate.h"

static void put_object(struct json_out *json, const xmlNode *node, const struct model_type *type);

static void put_value(struct json_out *json, const xmlNode *node, const struct model_type *type)
{
    const char *text = message_node_text(node);

    switch (type->value) {
    case MODEL_TEXT:
        json_put_string(json, text);
        break;
    case MODEL_INTEGER:
        json_put_integer(json, strtoll(text, NULL, 10));
        break;
    case MODEL_BOOLEAN:
        json_put_boolean(json, strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
        break;
    case MODEL_OBJECT:
        put_object(json, node, type);
        break;
    }
}

static void put_object(struct json_out *json, const xmlNode *node, const struct model_type *type)
{
    const xmlNode *child = message_next_element(node->children);

    json_begin_object(json);
    while (child != NULL) {
        const struct model_field *field = model_field_xml(type, (const char *)child->name);

        json_key(json, field->json);
        if (field->list)
            json_begin_array(json);
        do {
            put_value(json, child, field->type);
            child = message_next_element(child->next);
        } while (field->list && child != NULL && strcmp((const char *)child->name, field->xml) == 0);
        if (field->list)
            json_end_array(json);
    }
    json_end_object(json);
}

/* As canonical XML writes text. */
static void put_escaped(struct buf *out, const char *text)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "&<>\r");

        buf_put(out, text, plain);
        text += plain;
        if (*text != '\0')
            buf_str(out, *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : "&#13;");
        text += *text != '\0';
    }
}

static void put_element(struct buf *out, const xmlNode *node)
{
    const char *name = (const char *)node->name;
    const xmlNode *child = message_next_element(node->children);
    bool root = node->parent->type != XML_ELEMENT_NODE;

    buf_printf(out, root ? "<%s xmlns=\"" MESSAGE_NAMESPACE "\">" : "<%s>", name);
    if (child == NULL)
        put_escaped(out, message_node_text(node));
    for (; child != NULL; child = message_next_element(child->next))
        put_element(out, child);
    buf_printf(out, "</%s>", name);
}

static bool write_root(const struct message *message, const struct model *model, enum message_form form,
                       struct buf *out, struct err *err)
{
    const xmlNode *root = xmlDocGetRootElement(message->tree->doc);
    struct json_out json;

    if (form == MESSAGE_XML) {
        put_element(out, root);
    } else {
        json_out_init(&json, out);
        put_object(&json, root, model->root_type);
    }
    if (out->overflow)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "it takes more than %zu bytes", out->max);
    return true;
}

bool message_convert(const struct catalog *catalog, const struct message *message, enum message_form form,
                     struct buf *out, struct err *err)
{
    const struct model *model = validate_model(catalog, message, err);

    return model != NULL && write_root(message, model, form, out, err);
}

bool message_write(const struct catalog *catalog, struct bytes json, enum message_form form, struct buf *out,
                   struct err *err)
{
    struct message *message = NULL;
    size_t n;
    bool ok;

    CHECK(message_read_json(json, &message, err));
    ok = message_validate(catalog, message, err, 1, &n) && message_convert(catalog, message, form, out, err);
    message_free(&message);
    return ok;
}

bool message_write_element(const struct catalog *catalog, const struct message_kind *kind, const char *element,
                           struct bytes json, struct buf *out, struct err *err)
{
    struct model part = *catalog_model(catalog, kind);
    struct faults faults = {.model = &part, .errors = err, .max = 1};
    struct message *message = NULL;
    bool ok;

    part.root = element;
    part.root_type = model_root(&part, element);
    if (part.root_type == NULL)
        return err_set(err, ERR_INTERNAL, NULL, "the schema of %s has no such element", kind->name);
    CHECK(message_read_json(json, &message, err));
    faults.message = message;
    validate_by(&faults);
    ok = !faults.any && write_root(message, &part, MESSAGE_XML, out, err);
    message_free(&message);
    return ok;
}
