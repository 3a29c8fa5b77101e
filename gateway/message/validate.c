/* One XSD judges a message in either form. */
#include <libxml/xmlschemas.h>

#include <stdio.h>
#include <string.h>

#include "message/infoset.h"
#include "message/validate.h"

/* ---- what an XSD does not say --------------------------------------------------------------------------------- */

/* What, besides text, stands in an element that holds no others; NULL: nothing. */
static const char *splits(const xmlNode *node)
{
    bool alone = node->children != NULL && node->children->next == NULL;

    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_COMMENT_NODE)
            return "a comment splits the value";
        if (child->type == XML_CDATA_SECTION_NODE && !alone)
            return "a CDATA section splits the value";
    }
    return NULL;
}

/* xsi:type and its like would change what is judged by; comments and CDATA sections change what a reader sees. */
static void check_plain(struct faults *faults, const xmlNode *node)
{
    const xmlNode *child = message_next_element(node->children);
    const char *detail = child == NULL ? splits(node) : NULL;

    if (node->properties != NULL)
        fault_add(faults, ERR_SCHEMA_INVALID, node, NULL, "attributes are not known here");
    if (detail != NULL)
        fault_add(faults, ERR_SCHEMA_INVALID, node, NULL, detail);
    for (; child != NULL; child = message_next_element(child->next))
        check_plain(faults, child);
}

static bool check_rows(struct faults *faults)
{
    const xmlNode *body = message_child(xmlDocGetRootElement(faults->message->tree->doc), "Body");
    const xmlNode *child = body == NULL ? NULL : message_next_element(body->children), *before = NULL;
    size_t n = 0;

    for (; child != NULL; child = message_next_element(child->next)) {
        n = before != NULL && strcmp((const char *)before->name, (const char *)child->name) == 0 ? n + 1 : 1;
        before = child;
        if (n > MESSAGE_ROWS_MAX) {
            fault_add(faults, ERR_BATCH_TOO_MANY_ROWS, body, NULL, "more rows than allowed");
            return false;
        }
    }
    return true;
}

/* ---- what it says --------------------------------------------------------------------------------------------- */

static const struct {
    int code;
    const char *detail;
} words[] = {
    {XML_SCHEMAV_CVC_PATTERN_VALID, "it is not of the form expected"},
    {XML_SCHEMAV_CVC_ENUMERATION_VALID, "it is none of the words expected"},
    {XML_SCHEMAV_CVC_LENGTH_VALID, "it is not of the length expected"},
    {XML_SCHEMAV_CVC_MINLENGTH_VALID, "it is shorter than allowed"},
    {XML_SCHEMAV_CVC_MAXLENGTH_VALID, "it is longer than allowed"},
    {XML_SCHEMAV_CVC_MININCLUSIVE_VALID, "it is less than allowed"},
    {XML_SCHEMAV_CVC_MAXINCLUSIVE_VALID, "it is more than allowed"},
    {XML_SCHEMAV_CVC_COMPLEX_TYPE_2_3, "there is text between its members"},
};

static const char *word_of(int code)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].code == code)
            return words[i].detail;
    return "it is not of the form expected";
}

static void value_fault(struct faults *faults, const xmlNode *node, int code)
{
    const struct model_type *type = fault_type(faults->model, node);
    bool empty = message_next_element(node->children) == NULL;

    if (code == XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_1 && type != NULL && type->value == MODEL_INTEGER)
        fault_add(faults, ERR_SCHEMA_TYPE, node, NULL, "a whole number is expected");
    else if (code == XML_SCHEMAV_CVC_DATATYPE_VALID_1_2_1 && type != NULL && type->value == MODEL_BOOLEAN)
        fault_add(faults, ERR_SCHEMA_TYPE, node, NULL, "true or false is expected");
    else if (code == XML_SCHEMAV_CVC_TYPE_3_1_2)
        fault_add(faults, ERR_SCHEMA_TYPE, node, NULL, "a value is expected");
    else if (code == XML_SCHEMAV_CVC_COMPLEX_TYPE_2_3 && empty)
        fault_add(faults, ERR_SCHEMA_TYPE, node, NULL, "members are expected");
    else
        fault_add(faults, ERR_SCHEMA_INVALID, node, NULL, word_of(code));
}

/* libxml2 tells the first wrong element of each parent; its texts quote values and may not travel. */
static void on_error(void *data, xmlError *error)
{
    struct faults *faults = data;
    const xmlNode *node = error->node;

    faults->any = true;
    if (fault_enough(faults) || node == NULL || node->type != XML_ELEMENT_NODE)
        return;
    if (error->code != XML_SCHEMAV_ELEMENT_CONTENT) {
        value_fault(faults, node, error->code);
        return;
    }
    fault_members(faults, node);
    if (node->parent->type == XML_ELEMENT_NODE)
        fault_members(faults, node->parent);
}

static bool judge(struct faults *faults, struct err *err)
{
    xmlSchemaValidCtxt *validator = xmlSchemaNewValidCtxt(faults->model->schema);
    int verdict;

    xmlSchemaSetValidStructuredErrors(validator, on_error, faults);
    verdict = xmlSchemaValidateDoc(validator, faults->message->tree->doc);
    xmlSchemaFreeValidCtxt(validator);
    if (verdict < 0)
        return err_set(err, ERR_INTERNAL, NULL, "the schema could not be applied");
    faults->any = faults->any || verdict > 0;
    return true;
}

const struct model *validate_model(const struct catalog *catalog, const struct message *message, struct err *err)
{
    struct message_envelope envelope;
    const struct message_kind *kind;
    bool json = message->form == MESSAGE_JSON;

    if (!message_envelope(message, &envelope, err))
        return NULL;
    kind = catalog_find(catalog, envelope.kind, envelope.version > 999 ? 0 : (int)envelope.version, err);
    if (kind != NULL)
        return catalog_model(catalog, kind);
    if (err->code == ERR_SCHEMA_KIND_UNKNOWN)
        (void)snprintf(err->place, sizeof(err->place), "%s", json ? "/envelope/kind" : "/Message/Envelope/Kind");
    else
        (void)snprintf(err->place, sizeof(err->place), "%s", json ? "/envelope/version" : "/Message/Envelope/Version");
    return NULL;
}

static void judge_form(struct faults *faults)
{
    if (faults->message->form == MESSAGE_JSON)
        infoset_build(faults);
    else
        check_plain(faults, xmlDocGetRootElement(faults->message->tree->doc));
}

void validate_by(struct faults *faults)
{
    bool xml = faults->message->form == MESSAGE_XML;
    struct err err = {0};

    judge_form(faults);
    /* what XML says by attributes is not for the validator to act on: it would fetch schemas that it names */
    if (!(xml && faults->any) && check_rows(faults))
        (void)judge(faults, &err);
    if (err.code == ERR_NONE && faults->any && faults->n == 0)
        (void)err_set(&err, ERR_SCHEMA_INVALID, NULL, "it does not follow its schema");
    faults->any = faults->any || err.code != ERR_NONE;
    if (err.code != ERR_NONE && faults->n < faults->max)
        faults->errors[faults->n++] = err;
}

bool message_validate(const struct catalog *catalog, const struct message *message, struct err *errors, size_t max,
                      size_t *n_out)
{
    struct faults faults = {.message = message, .errors = errors, .max = max};
    struct err err = {0};

    *n_out = 0;
    faults.model = validate_model(catalog, message, &err);
    if (faults.model != NULL) {
        validate_by(&faults);
        *n_out = faults.n;
        return !faults.any;
    }
    if (max > 0)
        errors[(*n_out)++] = err;
    return false;
}
