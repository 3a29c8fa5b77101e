/* message, private: the one tree behind a document, whatever form it came in.
 *
 * An XML message is its tree as libxml2 read it; signatures are verified over that very tree and the body is read out
 * of it. A JSON message gets such a tree when it is validated: the XML that it stands for. The tree hangs off the
 * message by a pointer, because validation of a JSON message, and reading text that must be put together, add to it.
 */
#ifndef MESSAGE_INTERNAL_H
#define MESSAGE_INTERNAL_H

#include <libxml/tree.h>

#include "message/message.h"

#define MESSAGE_XMLDSIG "http://www.w3.org/2000/09/xmldsig#"
#define MESSAGE_ATTRIBUTES_MAX 16         /* of one tag: the parser compares each with each */

struct message_tree {
    xmlDoc *doc;                          /* doc->_private is this tree; NULL: a JSON message not validated yet */
    struct arena *arena;                  /* text put together from parts */
    /* The list element found last, so that reading a list in order does not start over at each. */
    const xmlNode *at_parent, *at_node;
    const char *at_list;
    size_t at_index;
};
struct message {
    enum message_form form;
    struct json_doc *json;                /* of a JSON message, else NULL */
    struct message_tree *tree;
};

/* libxml2 made ready for all threads, once; before its first use. */
void message_library(void);
/* A message with an empty tree, and a document for the tree to own in place of the one before. */
struct message *message_new(enum message_form form);
void message_adopt(struct message_tree *tree, xmlDoc *doc);
/* Reads any XML within the limits, whatever its root; the root of the tree is message->tree->doc's. */
bool message_parse_xml(struct bytes in, struct message **out, struct err *err);
/* Judges the bytes without a tree: encoding, DOCTYPE, processing instructions, depth, nodes, attributes of a tag. */
bool message_scan_xml(struct bytes in, struct err *err);

/* ---- walking a tree ---- */

const xmlNode *message_child(const xmlNode *node, const char *name);       /* first child element of our namespace */
const xmlNode *message_next_element(const xmlNode *node);                   /* itself or the next sibling element */
bool message_is(const xmlNode *node, const char *space, const char *name);  /* element of that namespace and name */
/* The text of an element without its outer white space; "" for NULL. Lives as long as the message. */
const char *message_node_text(const xmlNode *node);
/* The XPath of an element: /Message/Body/Row[3]/Uscc, positions only where there are several. Returns out. */
const char *message_xpath(const xmlNode *node, char *out, size_t size);

#endif
