/* Walking a tree: elements by name, their text, their place; and the same for readers, by JSON names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/internal.h"
#include "message/name.h"

bool message_is(const xmlNode *node, const char *space, const char *name)
{
    return node != NULL && node->type == XML_ELEMENT_NODE && node->ns != NULL &&
           strcmp((const char *)node->name, name) == 0 && strcmp((const char *)node->ns->href, space) == 0;
}

const xmlNode *message_next_element(const xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

const xmlNode *message_child(const xmlNode *node, const char *name)
{
    const xmlNode *child = node == NULL ? NULL : node->children;

    while (child != NULL && !message_is(child, MESSAGE_NAMESPACE, name))
        child = child->next;
    return child;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_text(const xmlNode *node)
{
    return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

/* Text in parts: around a CDATA section, or longer than the parser hands over at once. */
static const char *join(const xmlNode *node, struct arena *arena)
{
    size_t n = 0;
    char *text;

    for (const xmlNode *part = node->children; part != NULL; part = part->next)
        n += is_text(part) ? strlen((const char *)part->content) : 0;
    text = arena_alloc(arena, n + 1);
    n = 0;
    for (const xmlNode *part = node->children; part != NULL; part = part->next) {
        size_t size = is_text(part) ? strlen((const char *)part->content) : 0;

        if (size > 0)
            memcpy(text + n, part->content, size);
        n += size;
    }
    return text;
}

const char *message_node_text(const xmlNode *node)
{
    struct message_tree *tree;
    const char *text;
    size_t n;

    if (node == NULL || node->children == NULL)
        return "";
    tree = node->doc->_private;
    if (node->children->next == NULL && is_text(node->children))
        text = (const char *)node->children->content;
    else
        text = join(node, tree->arena);
    while (is_space(*text))
        text++;
    n = strlen(text);
    if (n == 0 || !is_space(text[n - 1]))
        return text;
    while (n > 0 && is_space(text[n - 1]))
        n--;
    return arena_strndup(tree->arena, text, n);
}

void message_drop_signature(struct message *message)
{
    xmlNode *root = xmlDocGetRootElement(message->tree->doc), *last = xmlGetLastChild(root);

    while (last != NULL && xmlIsBlankNode(last))
        last = last->prev;
    if (!message_is(last, MESSAGE_XMLDSIG, "Signature"))
        return;
    xmlUnlinkNode(last);
    xmlFreeNode(last);
}

static const xmlNode *same_name(const xmlNode *node, const xmlNode *from, bool forward)
{
    for (; from != NULL; from = forward ? from->next : from->prev)
        if (from->type == XML_ELEMENT_NODE && strcmp((const char *)from->name, (const char *)node->name) == 0)
            break;
    return from;
}

/* Its number among the siblings of its name, from 1; 0 when it is the only one. */
static size_t position(const xmlNode *node)
{
    size_t before = 0;

    for (const xmlNode *other = node; (other = same_name(node, other->prev, false)) != NULL;)
        before++;
    return before > 0 || same_name(node, node->next, true) != NULL ? before + 1 : 0;
}

static void put_step(const xmlNode *node, struct buf *out)
{
    size_t at;

    if (node == NULL || node->type != XML_ELEMENT_NODE)
        return;
    put_step(node->parent, out);
    buf_printf(out, "/%s", (const char *)node->name);
    at = node->parent->type == XML_ELEMENT_NODE ? position(node) : 0;
    if (at > 0)
        buf_printf(out, "[%zu]", at);
}

const char *message_xpath(const xmlNode *node, char *out, size_t size)
{
    struct buf text;

    buf_init(&text, size - 1);
    put_step(node, &text);
    memcpy(out, text.n > 0 ? (const char *)text.p : "", text.n);
    out[text.n] = '\0';
    buf_free(&text);
    return out;
}

/* ---- for readers of a validated body --------------------------------------------------------------------- */

static const struct message_node *public(const xmlNode *node)
{
    return (const struct message_node *)node;
}

static const xmlNode *private(const struct message_node *node)
{
    return (const xmlNode *)node;
}

const struct message_node *message_body(const struct message *message)
{
    return message->tree->doc == NULL ? NULL : public(message_child(xmlDocGetRootElement(message->tree->doc), "Body"));
}

const struct message_node *message_root(const struct message *message)
{
    return message->tree->doc == NULL ? NULL : public(xmlDocGetRootElement(message->tree->doc));
}

const char *message_root_name(const struct message *message)
{
    const xmlNode *root = private(message_root(message));

    return root == NULL ? "" : (const char *)root->name;
}

static const xmlNode *next_named(const xmlNode *node, const char *name, bool list)
{
    for (node = message_next_element(node); node != NULL; node = message_next_element(node->next))
        if (name_matches(name, (const char *)node->name, list))
            return node;
    return NULL;
}

const struct message_node *message_member(const struct message_node *node, const char *name)
{
    return node == NULL ? NULL : public(next_named(private(node)->children, name, false));
}

size_t message_count(const struct message_node *node, const char *list)
{
    size_t n = 0;

    if (node == NULL)
        return 0;
    for (const xmlNode *item = next_named(private(node)->children, list, true); item != NULL; n++)
        item = next_named(item->next, list, true);
    return n;
}

const struct message_node *message_at(const struct message_node *node, const char *list, size_t i)
{
    const xmlNode *parent = private(node), *item;
    struct message_tree *tree;
    size_t at = 0;

    if (node == NULL)
        return NULL;
    tree = parent->doc->_private;
    if (tree->at_parent == parent && tree->at_index <= i &&
        name_matches(list, (const char *)tree->at_node->name, true)) {
        item = tree->at_node;
        at = tree->at_index;
    } else {
        item = next_named(parent->children, list, true);
    }
    for (; item != NULL && at < i; at++)
        item = next_named(item->next, list, true);
    if (item != NULL) {
        tree->at_parent = parent;
        tree->at_node = item;
        tree->at_index = i;
    }
    return public(item);
}

const char *message_text(const struct message_node *node)
{
    return message_node_text(private(node));
}

int64_t message_integer(const struct message_node *node, int64_t otherwise)
{
    const char *text = message_text(node);
    char *end;
    long long value = strtoll(text, &end, 10);

    return *text != '\0' && *end == '\0' ? value : otherwise;
}

bool message_boolean(const struct message_node *node, bool otherwise)
{
    const char *text = message_text(node);

    if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
        return true;
    return *text == '\0' && otherwise;
}
