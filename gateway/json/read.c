/* read: jansson's parser made strict, and look-ups in what it read. The only file that sees jansson. */
#include <jansson.h>
#undef json_boolean

#include "json/json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_doc {
    json_t *root;
};

static void *allocate(size_t size)
{
    return xrealloc(NULL, size);
}

static void release(void *p)
{
    free(p);
}

/* jansson would report exhausted memory as a parse error; with our allocator it ends the process like all
 * other code. Seeding now keeps the random device out of the first request. */
static void set_up(void)
{
    json_set_alloc_funcs(allocate, release);
    json_object_seed(0);
}

static bool fail_at(struct bytes in, size_t offset, struct err *err, const char *detail)
{
    size_t line = 1, column = 1;
    char place[48];

    for (size_t i = 0; i < offset; i++) {
        column = in.p[i] == '\n' ? 1 : column + ((in.p[i] & 0xc0) != 0x80);
        line += in.p[i] == '\n';
    }
    (void)snprintf(place, sizeof(place), "%zu:%zu", line, column);
    return err_set(err, ERR_MESSAGE_MALFORMED, place, "%s", detail);
}

/* What jansson lets through: it drops a NUL byte behind a number or word, and it nests 2048 deep. */
static bool check_bytes(struct bytes in, struct err *err)
{
    const uint8_t *nul = in.n == 0 ? NULL : memchr(in.p, 0, in.n);
    unsigned depth = 0;
    bool inside = false;

    if (nul != NULL)
        return fail_at(in, (size_t)(nul - in.p), err, "a NUL byte");
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];

        if (c == '"')
            inside = !inside;
        else if (inside)
            i += c == '\\';
        else if ((c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX)
            return fail_at(in, i, err, "nested too deep");
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return true;
}

/* jansson's own text quotes the document and may not travel; its code may. */
static bool parse_error(const json_error_t *error, struct err *err)
{
    char place[48];

    (void)snprintf(place, sizeof(place), "%d:%d", error->line, error->column);
    switch (json_error_code(error)) {
    case json_error_invalid_utf8:
        return err_set(err, ERR_SCHEMA_ENCODING, place, "the bytes are not UTF-8");
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return err_set(err, ERR_SCHEMA_INVALID, place, "\\u0000 is not allowed");
    case json_error_duplicate_key:
        return err_set(err, ERR_SCHEMA_INVALID, place, "the member appears twice");
    case json_error_numeric_overflow:
        return err_set(err, ERR_SCHEMA_INVALID, place, "the number is out of range");
    case json_error_premature_end_of_input:
        return err_set(err, ERR_MESSAGE_MALFORMED, place, "the text ends too early");
    case json_error_end_of_input_expected:
        return err_set(err, ERR_MESSAGE_MALFORMED, place, "something follows the value");
    default:
        return err_set(err, ERR_MESSAGE_MALFORMED, place, "not JSON");
    }
}

bool json_parse(struct bytes in, struct json_doc **doc_out, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    json_error_t error;
    json_t *root;

    if (in.n > JSON_BYTES_MAX)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "%zu bytes, at most %u are read", in.n, JSON_BYTES_MAX);
    CHECK(check_bytes(in, err));
    (void)pthread_once(&once, set_up);
    root = json_loadb(in.n == 0 ? "" : (const char *)in.p, in.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL)
        return parse_error(&error, err);
    *doc_out = xcalloc(1, sizeof(**doc_out));
    (*doc_out)->root = root;
    return true;
}

void json_free(struct json_doc **doc)
{
    if (*doc == NULL)
        return;
    json_decref((*doc)->root);
    free(*doc);
    *doc = NULL;
}

void json_cleanup(struct json_doc **doc)
{
    json_free(doc);
}

const json_value *json_root(const struct json_doc *doc)
{
    return doc->root;
}

enum json_type json_type_of(const json_value *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return JSON_TYPE_OBJECT;
    case JSON_ARRAY:
        return JSON_TYPE_ARRAY;
    case JSON_STRING:
        return JSON_TYPE_STRING;
    case JSON_INTEGER:
        return JSON_TYPE_INTEGER;
    case JSON_REAL:
        return JSON_TYPE_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_TYPE_BOOL;
    case JSON_NULL:
        break;
    }
    return JSON_TYPE_NULL;
}

const json_value *json_member(const json_value *object, const char *name)
{
    return json_object_get(object, name);
}

const char *json_string(const json_value *value)
{
    return json_string_value(value);
}

bool json_integer(const json_value *value, int64_t *out)
{
    if (!json_is_integer(value))
        return false;
    *out = json_integer_value(value);
    return true;
}

bool json_boolean(const json_value *value, bool *out)
{
    if (!json_is_boolean(value))
        return false;
    *out = json_is_true(value);
    return true;
}

size_t json_count(const json_value *array)
{
    return json_array_size(array);
}

const json_value *json_at(const json_value *array, size_t i)
{
    return json_array_get(array, i);
}

bool json_next(const json_value *object, void **cursor, const char **name_out, const json_value **value_out)
{
    /* jansson's iterators take a mutable object because they can also replace values */
    json_t *mutable_object = (json_t *)object;

    *cursor = *cursor == NULL ? json_object_iter(mutable_object) : json_object_iter_next(mutable_object, *cursor);
    if (*cursor == NULL)
        return false;
    *name_out = json_object_iter_key(*cursor);
    *value_out = json_object_iter_value(*cursor);
    return true;
}
