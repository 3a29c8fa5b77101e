/* A message's life, and its JSON form. */
#include <stdlib.h>
#include <string.h>

#include "message/internal.h"

struct message *message_new(enum message_form form)
{
    struct message *message = xcalloc(1, sizeof(*message));

    message->form = form;
    message->tree = xcalloc(1, sizeof(*message->tree));
    message->tree->arena = arena_new();
    return message;
}

void message_adopt(struct message_tree *tree, xmlDoc *doc)
{
    if (tree->doc != NULL)
        xmlFreeDoc(tree->doc);
    tree->doc = doc;
    doc->_private = tree;
    tree->at_parent = tree->at_node = NULL;
}

void message_free(struct message **message)
{
    if (*message == NULL)
        return;
    if ((*message)->tree->doc != NULL)
        xmlFreeDoc((*message)->tree->doc);
    arena_free(&(*message)->tree->arena);
    free((*message)->tree);
    json_free(&(*message)->json);
    free(*message);
    *message = NULL;
}

enum message_form message_form(const struct message *message)
{
    return message->form;
}

/* Values cost far more than their bytes; each but the first follows a bracket or a comma. */
static bool check_values(struct bytes in, struct err *err)
{
    bool inside = false;
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];

        if (c == '"')
            inside = !inside;
        else if (inside)
            i += c == '\\';
        else
            n += c == ',' || c == '{' || c == '[';
    }
    if (n > MESSAGE_NODES_MAX)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "more values than allowed");
    return true;
}

bool message_read_json(struct bytes in, struct message **out, struct err *err)
{
    struct json_doc *json;

    message_library();
    if (in.n > MESSAGE_MAX)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "%zu bytes, at most %u are read", in.n, MESSAGE_MAX);
    if (in.n >= 3 && memcmp(in.p, "\xef\xbb\xbf", 3) == 0)
        return err_set(err, ERR_SCHEMA_ENCODING, "1:1", "a byte order mark");
    CHECK(check_values(in, err));
    CHECK(json_parse(in, &json, err));
    *out = message_new(MESSAGE_JSON);
    (*out)->json = json;
    return true;
}
