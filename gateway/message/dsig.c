/* Finding the signature and taking it apart.
 *
 * The classic attacks on XML signatures live on the difference between what is verified and what is read: a second
 * signature, an element moved aside and referred to by its id, a comment that cuts a value in two. So the document is
 * looked at node by node before anything is computed, and what the profile does not name is refused, not skipped.
 */
#include <stdarg.h>
#include <string.h>

#include "message/dsig.h"

#define TEXT(s) ((const char *)(s))

bool dsig_fault(struct err *err, enum err_code code, const xmlNode *node, const char *format, ...)
{
    char place[sizeof err->place];
    va_list args;
    va_start(args, format);
    err_set_v(err, code, node ? message_xpath(node, place, sizeof place) : NULL, format, args);
    va_end(args);
    return false;
}

static bool is_blank(const xmlNode *node)
{
    return node->type == XML_TEXT_NODE && node->content &&
           strspn(TEXT(node->content), " \t\r\n") == strlen(TEXT(node->content));
}

xmlNode *dsig_skip(xmlNode *node)
{
    while (node && is_blank(node))
        node = node->next;
    return node;
}

static const char *only_text(const xmlNode *first)
{
    if (!first)
        return "";
    return first->type == XML_TEXT_NODE && first->content && !first->next ? TEXT(first->content) : NULL;
}

const char *dsig_text(const xmlNode *node)
{
    return only_text(node->children);
}

bool dsig_base64(xmlNode *node, struct buf *out, struct err *err)
{
    const char *text = dsig_text(node);
    if (!text)
        return dsig_fault(err, ERR_SIGNATURE_MALFORMED, node, "must hold base64 and nothing else");
    struct buf packed;
    buf_init(&packed, DSIG_TEXT_MAX);
    while (*text) {
        size_t n = strcspn(text, " \t\r\n");
        buf_put(&packed, text, n);
        text += n;
        text += strspn(text, " \t\r\n");
    }
    bool ok = packed.n > 0 && !packed.overflow && base64_decode(out, buf_bytes(&packed), false);
    buf_free(&packed);
    return ok || dsig_fault(err, ERR_SIGNATURE_MALFORMED, node, "must be base64 of at most %zu bytes", out->max);
}

/* ---- the whole document ------------------------------------------------------------------------------- */

struct find {
    xmlNode *root, *signature;
    bool inside;       /* of the first signature found */
    const xmlNode *at; /* the first fault: place and words, formatted once, for a document may be full of them */
    const char *what;
};

static void note(struct find *find, const xmlNode *at, const char *what)
{
    if (find->what)
        return;
    find->at = at;
    find->what = what;
}

static void look_at_element(struct find *find, const xmlNode *node)
{
    if (find->inside)
        return; /* dsig_read knows what belongs there */
    if (node->properties)
        note(find, node, "attributes have no place in a signed document");
    if (node->ns && strcmp(TEXT(node->ns->href), DSIG_NAMESPACE) == 0)
        note(find, node, "a part of a signature outside of it");
}

static void look_at(struct find *find, xmlNode *node)
{
    if (node->type == XML_TEXT_NODE)
        return;
    if (node->type != XML_ELEMENT_NODE) {
        note(find, node->parent, "comments, CDATA and the like have no place in a signed document");
    } else if (!message_is(node, DSIG_NAMESPACE, "Signature")) {
        look_at_element(find, node);
    } else if (find->signature) {
        note(find, node, "more than one signature");
    } else {
        find->signature = node;
        find->inside = true;
    }
}

/* In document order; notes when the walk leaves the signature. */
static xmlNode *next_node(struct find *find, xmlNode *node)
{
    if (node->type == XML_ELEMENT_NODE && node->children)
        return node->children;
    while (node != find->root && !node->next) {
        if (node == find->signature)
            find->inside = false;
        node = node->parent;
    }
    if (node == find->signature)
        find->inside = false;
    return node == find->root ? NULL : node->next;
}

static bool is_last(const struct find *find)
{
    return find->signature->parent == find->root && !dsig_skip(find->signature->next);
}

bool dsig_find(xmlDoc *doc, xmlNode **signature_out, struct err *err)
{
    struct find find = {.root = xmlDocGetRootElement(doc)};
    if (find.root && !(find.root->ns && strcmp(TEXT(find.root->ns->href), MESSAGE_NAMESPACE) == 0))
        note(&find, find.root, "the root is not an element of " MESSAGE_NAMESPACE);
    /* goes on after a fault, for want of a signature is told before all else */
    for (xmlNode *node = find.root; node; node = next_node(&find, node))
        look_at(&find, node);
    *signature_out = find.signature;
    if (find.signature && !is_last(&find))
        note(&find, find.signature, "must be the last element in the root");
    return !find.what || dsig_fault(err, ERR_SIGNATURE_PROFILE, find.at, "%s", find.what);
}

/* ---- the signature ------------------------------------------------------------------------------------ */

/* The children of one element, taken in their order. */
struct children {
    xmlNode *of, *at;
};

static struct children children_of(xmlNode *node)
{
    return (struct children){node, dsig_skip(node->children)};
}

static bool next_is(const struct children *children, const char *name)
{
    return children->at && message_is(children->at, DSIG_NAMESPACE, name);
}

static bool take(struct children *children, const char *name, xmlNode **out, struct err *err)
{
    if (!next_is(children, name))
        return dsig_fault(err, ERR_SIGNATURE_MALFORMED, children->of, "%s is missing or not in its place", name);
    *out = children->at;
    children->at = dsig_skip(children->at->next);
    return true;
}

static bool take_end(const struct children *children, struct err *err)
{
    return !children->at ||
           dsig_fault(err, ERR_SIGNATURE_PROFILE, children->of, "holds more than the agreed form of a signature");
}

static bool note_id(struct dsig *dsig, const xmlNode *node, const char *id, struct err *err)
{
    for (size_t i = 0; i < dsig->id_n; i++)
        if (strcmp(dsig->ids[i], id) == 0)
            return dsig_fault(err, ERR_SIGNATURE_PROFILE, node, "two elements have one Id");
    dsig->ids[dsig->id_n++] = id;
    return true;
}

/* The attribute `name` of an element into *out, which stays NULL when it is not there. No other is allowed, but an Id
 * where XMLDSig has one. */
static bool read_attributes(struct dsig *dsig, const xmlNode *node, const char *name, const char **out,
                            bool may_have_id, struct err *err)
{
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        const char *value = only_text(attribute->children);
        if (value && !attribute->ns && name && strcmp(TEXT(attribute->name), name) == 0)
            *out = value;
        else if (value && !attribute->ns && may_have_id && strcmp(TEXT(attribute->name), "Id") == 0)
            CHECK(note_id(dsig, node, value, err));
        else
            return dsig_fault(err, ERR_SIGNATURE_PROFILE, node, "attribute %.40s is not agreed", TEXT(attribute->name));
    }
    return true;
}

static bool read_id(struct dsig *dsig, const xmlNode *node, struct err *err)
{
    return read_attributes(dsig, node, NULL, NULL, true, err);
}

/* Takes an element that names an algorithm; none of those agreed on has parameters. */
static bool take_algorithm(struct dsig *dsig, struct children *children, const char *name, const char **uri_out,
                           struct err *err)
{
    xmlNode *node;
    CHECK(take(children, name, &node, err));
    CHECK(read_attributes(dsig, node, "Algorithm", uri_out, false, err));
    if (!*uri_out)
        return dsig_fault(err, ERR_SIGNATURE_MALFORMED, node, "names no algorithm");
    return !dsig_skip(node->children) ||
           dsig_fault(err, ERR_SIGNATURE_PROFILE, node, "parameters of an algorithm are not agreed");
}

static bool read_transforms(struct dsig *dsig, struct children *reference, struct err *err)
{
    xmlNode *node;
    if (!next_is(reference, "Transforms"))
        return dsig_fault(err, ERR_SIGNATURE_PROFILE, reference->of, "no transforms");
    CHECK(take(reference, "Transforms", &node, err));
    CHECK(read_attributes(dsig, node, NULL, NULL, false, err));
    struct children transforms = children_of(node);
    while (dsig->transform_n < DSIG_TRANSFORMS && transforms.at) {
        const char **uri = &dsig->transform_uris[dsig->transform_n++];
        CHECK(take_algorithm(dsig, &transforms, "Transform", uri, err));
    }
    return take_end(&transforms, err);
}

static bool read_reference(struct dsig *dsig, struct children *info, struct err *err)
{
    xmlNode *node;
    CHECK(take(info, "Reference", &node, err));
    CHECK(read_attributes(dsig, node, "URI", &dsig->reference_uri, true, err));
    struct children reference = children_of(node);
    CHECK(read_transforms(dsig, &reference, err));
    CHECK(take_algorithm(dsig, &reference, "DigestMethod", &dsig->digest_uri, err));
    CHECK(take(&reference, "DigestValue", &dsig->digest_value, err));
    CHECK(read_attributes(dsig, dsig->digest_value, NULL, NULL, false, err));
    return take_end(&reference, err);
}

static bool read_info(struct dsig *dsig, struct err *err)
{
    struct children info = children_of(dsig->info);
    CHECK(read_id(dsig, dsig->info, err));
    CHECK(take_algorithm(dsig, &info, "CanonicalizationMethod", &dsig->c14n_uri, err));
    CHECK(take_algorithm(dsig, &info, "SignatureMethod", &dsig->signature_uri, err));
    CHECK(read_reference(dsig, &info, err));
    return take_end(&info, err);
}

bool dsig_read(xmlDoc *doc, struct dsig *out, struct err *err)
{
    *out = (struct dsig){0};
    bool clean = dsig_find(doc, &out->signature, err);
    if (!out->signature)
        return dsig_fault(err, ERR_SIGNATURE_MISSING, xmlDocGetRootElement(doc), "no signature in the document");
    CHECK(clean);
    struct children signature = children_of(out->signature);
    CHECK(read_id(out, out->signature, err));
    CHECK(take(&signature, "SignedInfo", &out->info, err));
    CHECK(read_info(out, err));
    CHECK(take(&signature, "SignatureValue", &out->value, err));
    CHECK(read_id(out, out->value, err));
    if (next_is(&signature, "KeyInfo"))
        CHECK(take(&signature, "KeyInfo", &out->key_info, err) && read_id(out, out->key_info, err));
    return take_end(&signature, err);
}

/* ---- against what was agreed -------------------------------------------------------------------------- */

static bool agreed(const struct dsig *dsig, enum err_code code, const char *what, const char *seen,
                   const char *expected, struct err *err)
{
    if (seen && strcmp(seen, expected) == 0)
        return true;
    return dsig_fault(err, code, dsig->info, "%s is %.100s where \"%.100s\" is agreed", what, seen ? seen : "absent",
                      expected);
}

bool dsig_judge(const struct dsig *dsig, const struct dsig_terms *terms, struct err *err)
{
    const char *const *transforms = dsig->transform_uris;
    return agreed(dsig, ERR_SIGNATURE_PROFILE, "CanonicalizationMethod", dsig->c14n_uri, terms->c14n_uri, err) &&
           agreed(dsig, ERR_SIGNATURE_ALG, "SignatureMethod", dsig->signature_uri, terms->signature_uri, err) &&
           agreed(dsig, ERR_SIGNATURE_PROFILE, "the Reference's URI", dsig->reference_uri, "", err) &&
           agreed(dsig, ERR_SIGNATURE_PROFILE, "the first transform", transforms[0], DSIG_ENVELOPED, err) &&
           agreed(dsig, ERR_SIGNATURE_PROFILE, "the second transform", transforms[1], terms->c14n_uri, err) &&
           agreed(dsig, ERR_SIGNATURE_ALG, "DigestMethod", dsig->digest_uri, terms->digest_uri, err);
}
