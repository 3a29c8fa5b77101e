/* An XSD into a model of types and members, and into libxml2's prepared schema.
 *
 * Only the subset that means the same in JSON is let in: sequences of elements with named types, once or repeated.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/model.h"
#include "message/name.h"

#define XSD "http://www.w3.org/2001/XMLSchema"

struct load {
    struct model *model;
    const char *directory, *file;
    struct err *err;
    const xmlDoc *common;
};

__attribute__((format(printf, 3, 4))) static bool fail(const struct load *load, const xmlNode *node, const char *format,
                                                       ...)
{
    const char *file = node != NULL && node->doc == load->common ? MODEL_COMMON : load->file;
    char place[160];
    va_list args;

    (void)snprintf(place, sizeof(place), "%.120s:%ld", file, node == NULL ? 1L : xmlGetLineNo(node));
    va_start(args, format);
    (void)err_set_v(load->err, ERR_CONFIG_VALUE, place, format, args);
    va_end(args);
    return false;
}

/* ---- the subset ---------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *attributes, *children;
} subset[] = {
    {"schema", " targetNamespace elementFormDefault version ", " annotation include simpleType complexType element "},
    {"include", " schemaLocation ", " "},
    {"annotation", " ", " documentation appinfo "},
    {"documentation", " lang ", " "},
    {"appinfo", " ", " "},
    {"simpleType", " name ", " annotation restriction "},
    {"restriction", " base ", " enumeration pattern length minLength maxLength minInclusive maxInclusive whiteSpace "},
    {"enumeration", " value ", " annotation "},
    {"pattern", " value ", " "},
    {"length", " value ", " "},
    {"minLength", " value ", " "},
    {"maxLength", " value ", " "},
    {"minInclusive", " value ", " "},
    {"maxInclusive", " value ", " "},
    {"whiteSpace", " value ", " "},
    {"complexType", " name ", " annotation sequence "},
    {"sequence", " ", " element "},
    {"element", " name type minOccurs maxOccurs ", " annotation "},
};

static bool among(const char *words, const xmlChar *name)
{
    char word[64];

    return snprintf(word, sizeof(word), " %s ", (const char *)name) < (int)sizeof(word) && strstr(words, word) != NULL;
}

static bool check_subset(const struct load *load, const xmlNode *node)
{
    size_t i = 0;

    while (i < sizeof(subset) / sizeof(subset[0]) && !message_is(node, XSD, subset[i].name))
        i++;
    if (i == sizeof(subset) / sizeof(subset[0]))
        return fail(load, node, "%s is not used in our schemas", (const char *)node->name);
    for (const xmlAttr *attribute = node->properties; attribute != NULL; attribute = attribute->next)
        if (!among(subset[i].attributes, attribute->name))
            return fail(load, node, "attribute %s is not used in our schemas", (const char *)attribute->name);
    for (const xmlNode *child = message_next_element(node->children); child != NULL;
         child = message_next_element(child->next)) {
        if (!among(subset[i].children, child->name))
            return fail(load, child, "%s may not stand here", (const char *)child->name);
        CHECK(check_subset(load, child));
    }
    return true;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

/* An attribute without a namespace, copied; NULL when absent. */
static const char *attribute(const struct load *load, const xmlNode *node, const char *name)
{
    xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)name);
    const char *copy = arena_strdup(load->model->arena, (const char *)value);

    xmlFree(value);
    return copy;
}

static const xmlNode *first(const xmlNode *node, const char *name)
{
    const xmlNode *child = node == NULL ? NULL : message_next_element(node->children);

    while (child != NULL && !message_is(child, XSD, name))
        child = message_next_element(child->next);
    return child;
}

/* The namespace of a type's name by its prefix; *local_out is the rest. */
static const char *space_of(const xmlNode *node, const char *name, const char **local_out)
{
    const char *colon = strchr(name, ':');
    char prefix[16] = "";
    const xmlNs *found;

    *local_out = colon == NULL ? name : colon + 1;
    if (colon != NULL)
        (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(colon - name), name);
    found = xmlSearchNs(node->doc, (xmlNode *)node, colon == NULL ? NULL : (const xmlChar *)prefix);
    return found == NULL ? "" : (const char *)found->href;
}

static const struct {
    const char *names;
    enum model_value value;
} built_in[] = {
    {" integer long int short byte nonNegativeInteger positiveInteger nonPositiveInteger negativeInteger unsignedLong "
     "unsignedInt unsignedShort unsignedByte ",
     MODEL_INTEGER},
    {" boolean ", MODEL_BOOLEAN},
};

static struct model_type *type_named(struct model *model, const char *name)
{
    for (size_t i = 0; i < model->type_n; i++)
        if (strcmp(model->types[i].name, name) == 0)
            return &model->types[i];
    return NULL;
}

static struct model_type *type_add(struct model *model, const char *name)
{
    struct model_type *type = model->type_n == MODEL_TYPES_MAX ? NULL : &model->types[model->type_n++];

    if (type != NULL)
        type->name = name;
    return type;
}

/* The type that `node` names: ours, or one of XSD's own, which gets an entry at its first use. */
static struct model_type *type_ref(const struct load *load, const xmlNode *node, const char *name)
{
    const char *local, *space = space_of(node, name, &local);
    struct model_type *type =
        type_named(load->model, strcmp(space, XSD) == 0 ? arena_printf(load->model->arena, "xs:%s", local) : local);

    if (type != NULL || strcmp(space, XSD) != 0)
        return strcmp(space, XSD) == 0 || strcmp(space, MESSAGE_NAMESPACE) == 0 ? type : NULL;
    if (strncmp(local, "any", 3) == 0)
        return NULL;
    type = type_add(load->model, arena_printf(load->model->arena, "xs:%s", local));
    for (size_t i = 0; type != NULL && i < sizeof(built_in) / sizeof(built_in[0]); i++)
        if (among(built_in[i].names, (const xmlChar *)local))
            type->value = built_in[i].value;
    return type;
}

static bool occurs(const struct load *load, const xmlNode *node, struct model_field *field)
{
    const char *min = attribute(load, node, "minOccurs"), *max = attribute(load, node, "maxOccurs");

    field->required = min == NULL || strcmp(min, "1") == 0;
    field->list = max != NULL && strcmp(max, "unbounded") == 0;
    if (!field->required && strcmp(min, "0") != 0)
        return fail(load, node, "minOccurs is 0 or 1, not %s", min);
    if (!field->list && max != NULL && strcmp(max, "1") != 0)
        return fail(load, node, "maxOccurs is 1 or unbounded, not %s", max);
    return true;
}

/* The JSON name follows from the XML name; a list without a plural s says its own in appinfo. */
static bool json_name(const struct load *load, const xmlNode *node, struct model_field *field)
{
    const xmlNode *said = first(first(node, "annotation"), "appinfo");
    char name[NAME_SIZE];

    if (!name_to_json(field->xml, field->list, name))
        return fail(load, node, "%s is not a name of the form AaBb", field->xml);
    field->json = arena_strdup(load->model->arena, said == NULL ? name : message_node_text(said));
    if (!name_matches(field->json, field->xml, field->list))
        return fail(load, node, "%s is not its JSON name", field->json);
    return true;
}

static bool read_field(const struct load *load, const xmlNode *node, struct model_field *field)
{
    const char *type = attribute(load, node, "type");

    field->xml = attribute(load, node, "name");
    if (field->xml == NULL || type == NULL)
        return fail(load, node, "an element has a name and a named type");
    field->type = type_ref(load, node, type);
    if (field->type == NULL)
        return fail(load, node, "there is no type %s", type);
    return occurs(load, node, field) && json_name(load, node, field);
}

/* The elements that stand in `parent`, as members of the type. */
static bool read_members(const struct load *load, struct model_type *type, const xmlNode *parent)
{
    const xmlNode *child = parent == NULL ? NULL : message_next_element(parent->children);
    size_t n = parent == NULL ? 0 : xmlChildElementCount((xmlNode *)parent);

    type->value = MODEL_OBJECT;
    type->fields = arena_alloc(load->model->arena, (1 + n) * sizeof(*type->fields));
    for (; child != NULL; child = message_next_element(child->next)) {
        struct model_field *field = &type->fields[type->field_n];

        if (!message_is(child, XSD, "element"))
            continue;
        if (type->field_n == MODEL_FIELDS_MAX)
            return fail(load, child, "%s has more members than allowed", type->name);
        CHECK(read_field(load, child, field));
        if (model_field_xml(type, field->xml) != NULL || model_field_json(type, field->json) != NULL)
            return fail(load, child, "%s appears twice", field->xml);
        type->field_n++;
    }
    return true;
}

/* A simple type is what the type is at the end of its chain of restrictions. */
static bool read_simple(const struct load *load, struct model_type *type)
{
    struct model_type *at = type;

    for (size_t steps = 0; at->node != NULL; steps++) {
        const xmlNode *restriction = first(at->node, "restriction");
        const char *base = restriction == NULL ? NULL : attribute(load, restriction, "base");
        struct model_type *next = base == NULL ? NULL : type_ref(load, restriction, base);

        if (next == NULL || steps == 16 || (next->node != NULL && message_is(next->node, XSD, "complexType")))
            return fail(load, at->node, "%s restricts no simple type", at->name);
        at = next;
    }
    type->value = at->value;
    return true;
}

static bool collect(const struct load *load, const xmlNode *schema)
{
    for (const xmlNode *node = message_next_element(schema->children); node != NULL;
         node = message_next_element(node->next)) {
        const char *name = attribute(load, node, "name");
        struct model_type *type;

        if (message_is(node, XSD, "annotation") || message_is(node, XSD, "include") || message_is(node, XSD, "element"))
            continue;
        if (name == NULL)
            return fail(load, node, "a type has a name");
        if (type_named(load->model, name) != NULL)
            return fail(load, node, "%s is defined twice", name);
        type = type_add(load->model, name);
        if (type == NULL)
            return fail(load, node, "more types than allowed");
        type->node = node;
    }
    return true;
}

static bool read_types(const struct load *load)
{
    size_t n = load->model->type_n;

    for (size_t i = 0; i < n; i++) {
        struct model_type *type = &load->model->types[i];

        bool object = message_is(type->node, XSD, "complexType");

        CHECK(object ? read_members(load, type, first(type->node, "sequence")) : read_simple(load, type));
    }
    for (size_t i = 0; i < load->model->type_n; i++)
        load->model->types[i].node = NULL;
    return true;
}

/* ---- a file --------------------------------------------------------------------------------------------- */

bool model_read_file(const char *directory, const char *name, struct buf *out, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    const char *path = arena_printf(arena, "%s/%s", directory, name);
    FILE *file = fopen(path, "rbe");
    size_t n;

    if (file == NULL)
        return err_errno(err, ERR_CONFIG_FILE, path, "open");
    do {
        uint8_t part[8192];

        n = fread(part, 1, sizeof(part), file);
        buf_put(out, part, n);
    } while (n > 0);
    (void)fclose(file);
    return !out->overflow || err_set(err, ERR_CONFIG_FILE, path, "the file is larger than allowed");
}

static bool parse_file(const struct load *load, struct message **out)
{
    struct buf bytes;
    bool ok;

    buf_init(&bytes, MODEL_FILE_MAX);
    ok = model_read_file(load->directory, load->file, &bytes, load->err);
    if (ok && !message_parse_xml(buf_bytes(&bytes), out, load->err))
        ok = fail(load, NULL, "not well-formed XML");
    buf_free(&bytes);
    return ok;
}

static bool check_schema(const struct load *load, const xmlNode *root, bool common)
{
    const xmlNode *include = first(root, "include");
    const char *target, *form, *location = include == NULL ? NULL : attribute(load, include, "schemaLocation");

    if (!message_is(root, XSD, "schema"))
        return fail(load, root, "%s is no XSD", load->file);
    CHECK(check_subset(load, root));
    target = attribute(load, root, "targetNamespace");
    form = attribute(load, root, "elementFormDefault");
    if (target == NULL || strcmp(target, MESSAGE_NAMESPACE) != 0 || form == NULL || strcmp(form, "qualified") != 0)
        return fail(load, root, "the target namespace is " MESSAGE_NAMESPACE ", its elements qualified");
    if (common ? include != NULL : location == NULL || strcmp(location, MODEL_COMMON) != 0)
        return fail(load, root, "a schema includes " MODEL_COMMON ", and nothing else is included");
    return true;
}

static bool read_roots(const struct load *load, const xmlNode *schema)
{
    struct model_type *globals = &load->model->globals;

    globals->name = "";
    CHECK(read_members(load, globals, schema));
    if (globals->field_n == 0)
        return fail(load, schema, "there is no element");
    load->model->root = globals->fields[0].xml;
    load->model->root_type = globals->fields[0].type;
    return true;
}

static bool read_model(const struct load *load, const xmlNode *common, const xmlNode *schema)
{
    CHECK(check_schema(load, common, true) && collect(load, common));
    CHECK(check_schema(load, schema, false) && collect(load, schema));
    CHECK(read_types(load));
    return read_roots(load, schema);
}

/* ---- libxml2's own --------------------------------------------------------------------------------------- */

static void on_error(void *data, xmlError *error)
{
    const struct load *load = data;
    char place[160];

    if (load->err->code != ERR_NONE || error->level < XML_ERR_ERROR)
        return;
    (void)snprintf(place, sizeof(place), "%.120s:%d", load->file, error->line);
    (void)err_set(load->err, ERR_CONFIG_VALUE, place, "%.200s", error->message);
}

static bool prepare(struct load *load)
{
    xmlSchemaParserCtxt *parser;

    parser = xmlSchemaNewParserCtxt(arena_printf(load->model->arena, "%s/%s", load->directory, load->file));
    xmlSchemaSetParserStructuredErrors(parser, on_error, load);
    /* a pattern that does not compile is told to whoever listens on this thread, else printed */
    xmlStructuredErrorFunc before = xmlStructuredError;
    void *before_data = xmlStructuredErrorContext;
    xmlSetStructuredErrorFunc(load, on_error);
    load->model->schema = xmlSchemaParse(parser);
    xmlSetStructuredErrorFunc(before_data, before);
    xmlSchemaFreeParserCtxt(parser);
    if (load->model->schema == NULL && load->err->code == ERR_NONE)
        return fail(load, NULL, "%s is no XSD", load->file);
    return load->model->schema != NULL;
}

bool model_load(const char *directory, const char *file, struct model **out, struct err *err)
{
    struct load load = {xcalloc(1, sizeof(struct model)), directory, file, err, NULL}, shared = load;
    struct message *common = NULL, *schema = NULL;
    bool ok;

    load.model->arena = arena_new();
    load.model->types = arena_alloc(load.model->arena, MODEL_TYPES_MAX * sizeof(*load.model->types));
    shared.file = MODEL_COMMON;
    *err = (struct err){0};
    ok = parse_file(&shared, &common) && parse_file(&load, &schema);
    load.common = common == NULL ? NULL : common->tree->doc;
    ok = ok && read_model(&load, xmlDocGetRootElement(load.common), xmlDocGetRootElement(schema->tree->doc)) &&
         prepare(&load);
    message_free(&common);
    message_free(&schema);
    *out = load.model;
    if (!ok)
        model_free(out);
    return ok;
}

void model_free(struct model **model)
{
    if (*model == NULL)
        return;
    xmlSchemaFree((*model)->schema);
    arena_free(&(*model)->arena);
    free(*model);
    *model = NULL;
}

const struct model_field *model_field_xml(const struct model_type *type, const char *name)
{
    for (size_t i = 0; i < type->field_n; i++)
        if (strcmp(type->fields[i].xml, name) == 0)
            return &type->fields[i];
    return NULL;
}

const struct model_field *model_field_json(const struct model_type *type, const char *name)
{
    for (size_t i = 0; i < type->field_n; i++)
        if (strcmp(type->fields[i].json, name) == 0)
            return &type->fields[i];
    return NULL;
}

const struct model_type *model_root(const struct model *model, const char *element)
{
    const struct model_field *field = model_field_xml(&model->globals, element);

    return field == NULL ? NULL : field->type;
}
