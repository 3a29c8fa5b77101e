/* The envelope, read before anything else is known of a message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/internal.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define WORD "0123456789" LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-"
#define TRACEPARENT_MAX 64

struct member {
    const char *json, *xml;
    bool required;
    size_t max;
    const char *characters;
};
enum { ID, KIND, VERSION, SENDER, RECEIVER, CREATED, IN_REPLY_TO, TRACEPARENT, MEMBERS };
static const struct member members[MEMBERS] = {
    {"id", "Id", true, MESSAGE_ID_MAX, WORD ":"},
    {"kind", "Kind", true, MESSAGE_ID_MAX, WORD},
    {"version", "Version", true, 10, "0123456789"},
    {"sender", "Sender", true, MESSAGE_ID_MAX, WORD},
    {"receiver", "Receiver", true, MESSAGE_ID_MAX, WORD "*"},
    {"created", "Created", true, 64, "0123456789-:.+TZ"},
    {"in_reply_to", "InReplyTo", false, MESSAGE_ID_MAX, WORD ":"},
    {"traceparent", "Traceparent", false, TRACEPARENT_MAX, "0123456789abcdef-"},
};

static bool fail(const struct message *message, const struct member *member, enum err_code code, struct err *err,
                 const char *detail)
{
    char place[64];

    if (message->form == MESSAGE_JSON)
        (void)snprintf(place, sizeof(place), "/envelope%s%s", member == NULL ? "" : "/",
                       member == NULL ? "" : member->json);
    else
        (void)snprintf(place, sizeof(place), "/Message/Envelope%s%s", member == NULL ? "" : "/",
                       member == NULL ? "" : member->xml);
    return err_set(err, code, place, "%s", detail);
}

/* *text_out stays NULL when the member is absent. A number becomes text, so that both forms are judged as one. */
static bool find_json(const struct message *message, const struct member *member, const char **text_out,
                      struct err *err)
{
    const json_value *value = json_member(json_member(json_root(message->json), "envelope"), member->json);
    bool number = member == &members[VERSION];
    int64_t n;

    if (value == NULL)
        return true;
    if (json_type_of(value) != (number ? JSON_TYPE_INTEGER : JSON_TYPE_STRING))
        return fail(message, member, ERR_SCHEMA_TYPE, err,
                    number ? "a whole number is expected" : "a string is expected");
    *text_out = json_string(value);
    if (number && json_integer(value, &n))
        *text_out = arena_printf(message->tree->arena, "%lld", (long long)n);
    return true;
}

static bool find_xml(const struct message *message, const struct member *member, const char **text_out, struct err *err)
{
    const xmlNode *envelope = message_child(xmlDocGetRootElement(message->tree->doc), "Envelope");
    const xmlNode *node = message_child(envelope, member->xml);

    if (node == NULL)
        return true;
    for (const xmlNode *other = node->next; other != NULL; other = other->next)
        if (message_is(other, MESSAGE_NAMESPACE, member->xml))
            return fail(message, member, ERR_SCHEMA_INVALID, err, "it appears twice");
    if (message_next_element(node->children) != NULL)
        return fail(message, member, ERR_SCHEMA_TYPE, err, "a value is expected");
    *text_out = message_node_text(node);
    return true;
}

static bool read_member(const struct message *message, size_t i, const char **out, struct err *err)
{
    const struct member *member = &members[i];
    const char *text = NULL;

    CHECK(message->form == MESSAGE_JSON ? find_json(message, member, &text, err)
                                        : find_xml(message, member, &text, err));
    *out = text == NULL ? "" : text;
    if (text == NULL)
        return !member->required || fail(message, member, ERR_SCHEMA_INVALID, err, "it is missing");
    if (*text == '\0' || strlen(text) > member->max)
        return fail(message, member, ERR_SCHEMA_INVALID, err, "it is empty or too long");
    if (text[strspn(text, member->characters)] != '\0')
        return fail(message, member, i == VERSION ? ERR_SCHEMA_TYPE : ERR_SCHEMA_INVALID, err,
                    "it holds other characters than allowed");
    return true;
}

/* Both halves must be there: what follows looks for members in them. */
static bool check_outside(const struct message *message, struct err *err)
{
    const json_value *root, *envelope;

    if (message->form == MESSAGE_XML) {
        const xmlNode *element = xmlDocGetRootElement(message->tree->doc);

        if (!message_is(element, MESSAGE_NAMESPACE, "Message"))
            return err_set(err, ERR_SCHEMA_INVALID, "/", "a Message of namespace " MESSAGE_NAMESPACE " is expected");
        return message_child(element, "Envelope") != NULL ||
               fail(message, NULL, ERR_SCHEMA_INVALID, err, "it is missing");
    }
    root = json_root(message->json);
    if (json_type_of(root) != JSON_TYPE_OBJECT)
        return err_set(err, ERR_SCHEMA_TYPE, "", "an object is expected");
    envelope = json_member(root, "envelope");
    if (envelope == NULL)
        return fail(message, NULL, ERR_SCHEMA_INVALID, err, "it is missing");
    return json_type_of(envelope) == JSON_TYPE_OBJECT ||
           fail(message, NULL, ERR_SCHEMA_TYPE, err, "an object is expected");
}

bool message_envelope(const struct message *message, struct message_envelope *out, struct err *err)
{
    const char *text[MEMBERS];

    CHECK(check_outside(message, err));
    for (size_t i = 0; i < MEMBERS; i++)
        CHECK(read_member(message, i, &text[i], err));
    *out = (struct message_envelope){.id = text[ID],
                                     .kind = text[KIND],
                                     .sender = text[SENDER],
                                     .receiver = text[RECEIVER],
                                     .in_reply_to = text[IN_REPLY_TO],
                                     .traceparent = text[TRACEPARENT],
                                     .version = strtoll(text[VERSION], NULL, 10)};
    if (!time_parse(bytes_str(text[CREATED]), &out->created_ms))
        return fail(message, &members[CREATED], ERR_SCHEMA_INVALID, err, "no time with its zone");
    return true;
}

void message_put_envelope(struct json_out *json, const struct message_envelope *envelope)
{
    json_key(json, "envelope");
    json_begin_object(json);
    json_add_string(json, "id", envelope->id);
    json_add_string(json, "kind", envelope->kind);
    json_add_integer(json, "version", envelope->version == 0 ? 1 : envelope->version);
    json_add_string(json, "sender", envelope->sender);
    json_add_string(json, "receiver", envelope->receiver);
    json_add_time(json, "created", envelope->created_ms);
    json_add_string_opt(json, "in_reply_to", envelope->in_reply_to);
    json_add_string_opt(json, "traceparent", envelope->traceparent);
    json_end_object(json);
}
