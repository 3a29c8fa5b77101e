/* json: a strict reader and an ordered writer.
 *
 * Reader (jansson underneath): duplicate members, invalid UTF-8, NUL in strings, trailing bytes, depth over
 * the limit are errors with a JSON Pointer or line and column. Values are borrowed from their document.
 * Writer: straight into a bounded buffer, members in call order, no insignificant white space.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/base.h"

#define JSON_DEPTH_MAX 32
#define JSON_BYTES_MAX (16u << 20)   /* largest document read at all */
#define JSON_POINTER_MAX 128

struct json_t;                       /* jansson's own tag; only this module looks inside */
typedef struct json_t json_value;

struct json_doc;
/* Parses exactly one value. On success *doc_out must be freed with json_free. Errors: message.malformed
 * (syntax or nesting), message.too_large, schema.invalid (duplicate member, number beyond int64 or double,
 * \u0000), schema.encoding. The place is line:column; the detail never quotes the document. */
bool json_parse(struct bytes in, struct json_doc **doc_out, struct err *err);
void json_free(struct json_doc **doc);
void json_cleanup(struct json_doc **doc);
#define AUTO_JSON __attribute__((cleanup(json_cleanup))) struct json_doc *
const json_value *json_root(const struct json_doc *doc);

enum json_type {
    JSON_TYPE_OBJECT,
    JSON_TYPE_ARRAY,
    JSON_TYPE_STRING,
    JSON_TYPE_INTEGER,
    JSON_TYPE_REAL,
    JSON_TYPE_BOOL,
    JSON_TYPE_NULL
};
enum json_type json_type_of(const json_value *value);

/* jansson exports functions of these two names; the symbols here must differ from its own. */
#define json_string json_string_of
#define json_integer json_integer_of

/* Lenient look-ups: NULL / false when absent or of another type. Strings are NUL-terminated and without NUL inside. */
const json_value *json_member(const json_value *object, const char *name);
const char *json_string(const json_value *value);
bool json_integer(const json_value *value, int64_t *out);
bool json_boolean(const json_value *value, bool *out);
size_t json_count(const json_value *array);                      /* 0 when not an array */
const json_value *json_at(const json_value *array, size_t i);
/* Members in document order: start with *cursor NULL; false at the end. */
bool json_next(const json_value *object, void **cursor, const char **name_out, const json_value **value_out);

/* Reading with errors. `at` is the JSON Pointer of the object itself ("" for the root). A `max` of bytes
 * bounds strings (schema.invalid). Absent and required: schema.invalid; null or another type: schema.type;
 * both with the member's pointer as place. Optional ones leave *out NULL / DATE_NONE / unchanged when absent. */
bool json_need_string(const json_value *object, const char *at, const char *name, size_t max, const char **out,
                      struct err *err);
bool json_opt_string(const json_value *object, const char *at, const char *name, size_t max, const char **out,
                     struct err *err);
bool json_need_integer(const json_value *object, const char *at, const char *name, int64_t min, int64_t max,
                       int64_t *out, struct err *err);
bool json_opt_integer(const json_value *object, const char *at, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct err *err);
bool json_opt_boolean(const json_value *object, const char *at, const char *name, bool *out, struct err *err);
bool json_need_date(const json_value *object, const char *at, const char *name, date_day *out, struct err *err);
bool json_opt_date(const json_value *object, const char *at, const char *name, date_day *out, struct err *err);
/* schema.invalid when the object holds a member not in the NULL-terminated list. */
bool json_only(const json_value *object, const char *at, const char *const *names, struct err *err);

/* ---- writer --------------------------------------------------------------------------------------- */

/* Writes into *buf; commas are placed by the writer. Overflow shows in buf->overflow. */
struct json_out {
    struct buf *buf;
    bool comma;
};
void json_out_init(struct json_out *out, struct buf *buf);
void json_begin_object(struct json_out *out);
void json_end_object(struct json_out *out);
void json_begin_array(struct json_out *out);
void json_end_array(struct json_out *out);
void json_key(struct json_out *out, const char *name);
void json_put_string(struct json_out *out, const char *s); /* NULL writes null; escapes as RFC 8259, UTF-8 stays */
void json_put_bytes(struct json_out *out, struct bytes s);
void json_put_integer(struct json_out *out, int64_t v);
void json_put_boolean(struct json_out *out, bool v);
void json_put_null(struct json_out *out);
void json_put_raw(struct json_out *out, struct bytes json);      /* already JSON; placed as one value */
/* key + value in one call; the _opt ones write nothing for NULL, empty or DATE_NONE. */
void json_add_string(struct json_out *out, const char *name, const char *s);
void json_add_string_opt(struct json_out *out, const char *name, const char *s);
void json_add_integer(struct json_out *out, const char *name, int64_t v);
void json_add_boolean(struct json_out *out, const char *name, bool v);
void json_add_time(struct json_out *out, const char *name, int64_t ms);          /* 0 writes nothing */
void json_add_date_opt(struct json_out *out, const char *name, date_day day);

/* ---- scanning without a tree ---------------------------------------------------------------------- */

/* Finds the extent of the elements of an array without building a tree, for list pages whose rows are
 * mostly unchanged. The scanner checks only nesting and where strings end; whoever uses a row parses it or
 * trusts a digest of its exact bytes. What json_parse accepts, the scanner divides in the same way.
 * json_scan_member: the raw bytes of member `name` of the object in `in` (first one found at depth 1; a name
 * written with escapes is not found). Bytes behind that member are not looked at.
 * json_scan_next: iterates the array in `array`; *pos starts at 0; false at the end or at broken nesting
 * (then *broken_out is true, else false). Bytes behind the array, other than white space, count as broken. */
bool json_scan_member(struct bytes in, const char *name, struct bytes *value_out);
bool json_scan_next(struct bytes array, size_t *pos, struct bytes *element_out, bool *broken_out);
/* The inside of a raw JSON string without escapes, or false. */
bool json_scan_string(struct bytes value, struct bytes *inside_out);

#endif
