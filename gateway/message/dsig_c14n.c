/* Canonical forms for digest and signature.
 *
 * libxml2 canonicalises a document and asks for each node whether it is visible; for one element of a large message
 * that would walk all of it. So what must not be seen is taken out of its list of siblings and put back: nothing is
 * copied, and the namespaces in scope stay those of the document.
 */
#include <libxml/c14n.h>
#include <libxml/xmlIO.h>
#include <libxml/xmlerror.h>

#include "message/dsig.h"

static void quiet(void *context, xmlErrorPtr error)
{
    (void)context;
    (void)error;
}

static int write_sink(void *context, const char *p, int n)
{
    struct dsig_sink *sink = context;
    if (sink->hash)
        crypto_hash_add(sink->hash, bytes_of(p, (size_t)n));
    else
        buf_put(sink->buf, p, (size_t)n);
    return n;
}

/* `top`: only what is in this element; NULL: everything. */
static int visible(void *top, xmlNode *node, xmlNode *parent)
{
    if (node->type == XML_NAMESPACE_DECL || node->type == XML_ATTRIBUTE_NODE)
        node = parent;
    while (node && node != top)
        node = node->parent;
    return node != NULL;
}

static bool canonicalise(xmlDoc *doc, xmlNode *top, bool inclusive, struct dsig_sink *sink, struct err *err)
{
    xmlOutputBufferPtr output = xmlOutputBufferCreateIO(write_sink, NULL, sink, NULL);
    if (!output)
        return err_set(err, ERR_INTERNAL, NULL, "no output buffer");
    xmlSetStructuredErrorFunc(NULL, quiet);
    int mode = inclusive ? XML_C14N_1_0 : XML_C14N_EXCLUSIVE_1_0;
    int n = xmlC14NExecute(doc, top ? visible : NULL, top, mode, NULL, 0, output);
    if (xmlOutputBufferClose(output) < 0 || n < 0)
        return err_set(err, ERR_SIGNATURE_MALFORMED, NULL, "the document has no canonical form");
    if (!sink->hash && sink->buf->overflow)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "the canonical form takes more than %zu bytes",
                       sink->buf->max);
    return true;
}

/* `node` keeps its own links and so finds its place again. */
static void take_out(xmlNode *node)
{
    if (node->prev)
        node->prev->next = node->next;
    else
        node->parent->children = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        node->parent->last = node->prev;
}

static void put_back(xmlNode *node)
{
    if (node->prev)
        node->prev->next = node;
    else
        node->parent->children = node;
    if (node->next)
        node->next->prev = node;
    else
        node->parent->last = node;
}

bool dsig_canonical(xmlDoc *doc, xmlNode *signature, bool inclusive, struct dsig_sink *sink, struct err *err)
{
    if (!signature)
        return canonicalise(doc, NULL, inclusive, sink, err);
    take_out(signature);
    bool ok = canonicalise(doc, NULL, inclusive, sink, err);
    put_back(signature);
    return ok;
}

bool dsig_canonical_info(const struct dsig *dsig, bool inclusive, struct buf *out, struct err *err)
{
    xmlNode *signature = dsig->signature, *parent = signature->parent;
    xmlNode kept_parent = *parent, kept = *signature;
    struct dsig_sink sink = {.buf = out};
    parent->children = parent->last = signature;
    signature->prev = signature->next = NULL;
    bool ok = canonicalise(signature->doc, dsig->info, inclusive, &sink, err);
    parent->children = kept_parent.children;
    parent->last = kept_parent.last;
    signature->prev = kept.prev;
    signature->next = kept.next;
    return ok;
}
