/* exchange_keys: the business keys of a message, read from the bytes that came. */
#include <string.h>

#include "api/exchange.h"

#define VALUES_MAX 20 /* of one key; a batch may name ten thousand firms */
#define KEYS_MAX 8
#define DEPTH_MAX 16

struct key {
    const char *name;
    const char *values[VALUES_MAX];
    size_t n;
};
struct keys {
    struct arena *arena;
    struct key items[KEYS_MAX];
    size_t n;
};

static void name_keys(struct keys *keys, const char *words)
{
    struct bytes word;

    while (keys->n < KEYS_MAX && word_next(&words, &word))
        keys->items[keys->n++].name = arena_strndup(keys->arena, (const char *)word.p, word.n);
}

static void add_value(struct keys *keys, struct key *key, const json_value *value)
{
    const char *text = json_string(value);
    int64_t number;

    if (json_integer(value, &number))
        text = arena_printf(keys->arena, "%lld", (long long)number);
    for (size_t i = 0; text && i < key->n; i++) {
        if (strcmp(key->values[i], text) == 0)
            return;
    }
    if (text && key->n < VALUES_MAX)
        key->values[key->n++] = arena_strdup(keys->arena, text);
}

static void collect(struct keys *keys, const json_value *value, int depth);

static void collect_member(struct keys *keys, const char *name, const json_value *value, int depth)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (strcmp(keys->items[i].name, name) != 0)
            continue;
        add_value(keys, &keys->items[i], value);
        for (size_t k = 0; k < json_count(value); k++)
            add_value(keys, &keys->items[i], json_at(value, k));
    }
    collect(keys, value, depth);
}

static void collect(struct keys *keys, const json_value *value, int depth)
{
    const char *name;
    const json_value *member;
    void *cursor = NULL;

    if (depth == DEPTH_MAX)
        return;
    for (size_t i = 0; i < json_count(value); i++)
        collect(keys, json_at(value, i), depth + 1);
    while (json_type_of(value) == JSON_TYPE_OBJECT && json_next(value, &cursor, &name, &member))
        collect_member(keys, name, member, depth + 1);
}

/* ---- the message again
 * --------------------------------------------------------------------------------------------------- */

static bool open_jose(struct bytes raw, struct buf *out, struct err *err)
{
    AUTO_JSON doc = NULL;

    CHECK(json_parse(raw, &doc, err));
    return base64_decode(out, bytes_str(json_string(json_member(json_root(doc), "payload"))), true);
}

static bool open_xml(const struct catalog *catalog, struct bytes raw, struct buf *out, struct err *err)
{
    struct message *message = NULL;
    size_t n;
    bool ok = message_read_xml(raw, &message, err);

    if (ok) {
        message_drop_signature(message);
        ok =
            message_validate(catalog, message, err, 1, &n) && message_convert(catalog, message, MESSAGE_JSON, out, err);
    }
    message_free(&message);
    return ok;
}

static bool open_any(const struct catalog *catalog, const char *form, struct bytes raw, struct buf *out,
                     struct err *err)
{
    if (strcmp(form, "xml") == 0)
        return open_xml(catalog, raw, out, err);
    if (strcmp(form, "jose") == 0)
        return open_jose(raw, out, err);
    buf_put(out, raw.p, raw.n);
    return true;
}

static void write_keys(struct json_out *json, const struct keys *keys)
{
    json_key(json, "keys");
    json_begin_object(json);
    for (size_t i = 0; i < keys->n; i++) {
        if (keys->items[i].n == 0)
            continue;
        json_key(json, keys->items[i].name);
        json_begin_array(json);
        for (size_t k = 0; k < keys->items[i].n; k++)
            json_put_string(json, keys->items[i].values[k]);
        json_end_array(json);
    }
    json_end_object(json);
}

void exchange_keys_write(struct ask *ask, struct store_txn *txn, const struct record *record)
{
    const struct catalog *catalog = ask->held->state.catalog;
    struct store_key at = key_seq(record->seq);
    struct keys keys = {.arena = ask->arena};
    struct bytes raw;
    struct buf text;
    AUTO_JSON doc = NULL;
    struct err err = {0};
    const struct message_kind *kind = catalog_find(catalog, record->message.kind, 1, &err);

    if (!kind || !store_get(txn, TABLE_RAW, &at, &raw))
        return;
    buf_init(&text, MESSAGE_MAX);
    name_keys(&keys, kind->keys);
    if (open_any(catalog, record->message.form, raw, &text, &err) && json_parse(buf_bytes(&text), &doc, &err)) {
        bool is_body = strcmp(record->message.form, "row") == 0; /* nobody wrote an envelope around it */
        collect(&keys, is_body ? json_root(doc) : json_member(json_root(doc), "body"), 0);
        write_keys(&ask->json, &keys);
    }
    buf_free(&text);
}
