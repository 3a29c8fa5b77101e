/* A JSON message as the XML that it stands for, so that one XSD judges both.
 *
 * Elements are made in the order of the XSD, because JSON members come in any. A value of the wrong JSON type leaves
 * an empty element in its place: the fault is told once, and not again as something that is missing.
 */
#include <libxml/chvalid.h>

#include <stdio.h>
#include <string.h>

#include "message/infoset.h"

static xmlNode *make(xmlNode *parent, const char *name)
{
    xmlNode *node = xmlNewDocNode(parent->doc, parent->ns, (const xmlChar *)name, NULL);

    return xmlAddChild(parent, node);
}

static void put_text(xmlNode *node, const char *text)
{
    if (*text != '\0')
        (void)xmlAddChild(node, xmlNewDocText(node->doc, (const xmlChar *)text));
}

/* JSON can say more characters than XML. */
static bool fits_xml(const char *text)
{
    struct bytes rest = bytes_str(text);

    while (rest.n > 0) {
        uint32_t c = rest.p[0];
        size_t n = c < 0x80 ? 1 : utf8_next(rest, &c);

        if (!xmlIsCharQ(c))
            return false;
        rest = bytes_of(rest.p + n, rest.n - n);
    }
    return true;
}

static const char *const expected[] = {
    [MODEL_TEXT] = "a string is expected",
    [MODEL_INTEGER] = "a whole number is expected",
    [MODEL_BOOLEAN] = "true or false is expected",
    [MODEL_OBJECT] = "an object is expected",
};

static void fill_object(struct faults *faults, xmlNode *node, const struct model_type *type, const json_value *object);

static void fill_text(struct faults *faults, xmlNode *node, const json_value *value)
{
    const char *text = json_string(value);

    if (fits_xml(text))
        put_text(node, text);
    else
        fault_add(faults, ERR_SCHEMA_INVALID, node, NULL, "it holds a character that XML does not allow");
}

static void fill(struct faults *faults, xmlNode *node, const struct model_type *type, const json_value *value)
{
    static const enum json_type wanted[] = {[MODEL_TEXT] = JSON_TYPE_STRING,
                                            [MODEL_INTEGER] = JSON_TYPE_INTEGER,
                                            [MODEL_BOOLEAN] = JSON_TYPE_BOOL,
                                            [MODEL_OBJECT] = JSON_TYPE_OBJECT};
    char number[24];
    int64_t n = 0;
    bool yes = false;

    if (json_type_of(value) != wanted[type->value]) {
        fault_add(faults, ERR_SCHEMA_TYPE, node, NULL, expected[type->value]);
        return;
    }
    switch (type->value) {
    case MODEL_TEXT:
        fill_text(faults, node, value);
        break;
    case MODEL_INTEGER:
        (void)json_integer(value, &n);
        (void)snprintf(number, sizeof(number), "%lld", (long long)n);
        put_text(node, number);
        break;
    case MODEL_BOOLEAN:
        (void)json_boolean(value, &yes);
        put_text(node, yes ? "true" : "false");
        break;
    case MODEL_OBJECT:
        fill_object(faults, node, type, value);
        break;
    }
}

static void fill_member(struct faults *faults, xmlNode *node, const struct model_field *field, const json_value *value)
{
    if (!field->list) {
        fill(faults, make(node, field->xml), field->type, value);
        return;
    }
    if (json_type_of(value) != JSON_TYPE_ARRAY) {
        fault_add(faults, ERR_SCHEMA_TYPE, node, field->json, "an array is expected");
        return;
    }
    for (size_t i = 0; i < json_count(value); i++)
        fill(faults, make(node, field->xml), field->type, json_at(value, i));
}

static void fill_object(struct faults *faults, xmlNode *node, const struct model_type *type, const json_value *object)
{
    const json_value *value;
    const char *name;
    void *cursor = NULL;

    for (size_t i = 0; i < type->field_n; i++) {
        value = json_member(object, type->fields[i].json);
        if (value != NULL)
            fill_member(faults, node, &type->fields[i], value);
    }
    while (json_next(object, &cursor, &name, &value))
        if (model_field_json(type, name) == NULL)
            fault_add(faults, ERR_SCHEMA_INVALID, node, name, "it is not known here");
}

void infoset_build(struct faults *faults)
{
    xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
    xmlNode *root = xmlNewDocNode(doc, NULL, (const xmlChar *)faults->model->root, NULL);

    (void)xmlDocSetRootElement(doc, root);
    xmlSetNs(root, xmlNewNs(root, (const xmlChar *)MESSAGE_NAMESPACE, NULL));
    message_adopt(faults->message->tree, doc);
    fill(faults, root, faults->model->root_type, json_root(faults->message->json));
}
