/* need: members read with their type and bounds, and errors that point at them. */
#include "json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The length without a last character that may have been cut in two. */
static size_t whole_characters(const char *s, size_t n)
{
    while (n > 0 && ((unsigned char)s[n - 1] & 0xc0) == 0x80)
        n--;
    return n > 0 && (unsigned char)s[n - 1] >= 0xc0 ? n - 1 : n;
}

/* `at`/`name` with the name escaped as RFC 6901 asks; a longer pointer is cut. */
static const char *pointer(const char *at, const char *name, char out[JSON_POINTER_MAX])
{
    size_t n = (size_t)snprintf(out, JSON_POINTER_MAX, "%s/", at);

    for (; *name != '\0' && n + 3 < JSON_POINTER_MAX; name++) {
        if (*name == '~' || *name == '/') {
            out[n++] = '~';
            out[n++] = *name == '~' ? '0' : '1';
        } else {
            out[n++] = *name;
        }
    }
    if (n < JSON_POINTER_MAX)
        out[*name == '\0' ? n : whole_characters(out, n)] = '\0';
    return out;
}

static bool fail(struct err *err, enum err_code code, const char *at, const char *name, const char *detail)
{
    char place[JSON_POINTER_MAX];

    return err_set(err, code, pointer(at, name, place), "%s", detail);
}

/* *value_out is NULL when the member is absent and not required. */
static bool member_of(const json_value *object, const char *at, const char *name, bool required, enum json_type type,
                      const json_value **value_out, struct err *err)
{
    static const char *const expected[] = {[JSON_TYPE_OBJECT] = "an object is expected",
                                           [JSON_TYPE_ARRAY] = "an array is expected",
                                           [JSON_TYPE_STRING] = "a string is expected",
                                           [JSON_TYPE_INTEGER] = "a whole number is expected",
                                           [JSON_TYPE_REAL] = "a number is expected",
                                           [JSON_TYPE_BOOL] = "true or false is expected",
                                           [JSON_TYPE_NULL] = "null is expected"};

    if (object == NULL || json_type_of(object) != JSON_TYPE_OBJECT)
        return err_set(err, ERR_SCHEMA_TYPE, at, "%s", expected[JSON_TYPE_OBJECT]);
    *value_out = json_member(object, name);
    if (*value_out == NULL)
        return required ? fail(err, ERR_SCHEMA_INVALID, at, name, "the member is missing") : true;
    if (json_type_of(*value_out) != type)
        return fail(err, ERR_SCHEMA_TYPE, at, name, expected[type]);
    return true;
}

static bool read_string(const json_value *object, const char *at, const char *name, bool required, size_t max,
                        const char **out, struct err *err)
{
    const json_value *value;
    char place[JSON_POINTER_MAX];

    *out = NULL;
    CHECK(member_of(object, at, name, required, JSON_TYPE_STRING, &value, err));
    if (value == NULL)
        return true;
    if (strlen(json_string(value)) > max)
        return err_set(err, ERR_SCHEMA_INVALID, pointer(at, name, place), "longer than %zu bytes", max);
    *out = json_string(value);
    return true;
}

bool json_need_string(const json_value *object, const char *at, const char *name, size_t max, const char **out,
                      struct err *err)
{
    return read_string(object, at, name, true, max, out, err);
}

bool json_opt_string(const json_value *object, const char *at, const char *name, size_t max, const char **out,
                     struct err *err)
{
    return read_string(object, at, name, false, max, out, err);
}

static bool read_integer(const json_value *object, const char *at, const char *name, bool required, int64_t min,
                         int64_t max, int64_t *out, struct err *err)
{
    const json_value *value;
    char place[JSON_POINTER_MAX];
    int64_t number;

    CHECK(member_of(object, at, name, required, JSON_TYPE_INTEGER, &value, err));
    if (value == NULL || !json_integer(value, &number))
        return true;
    if (number < min || number > max)
        return err_set(err, ERR_SCHEMA_INVALID, pointer(at, name, place),
                       "%" PRId64 " is not between %" PRId64 " and %" PRId64, number, min, max);
    *out = number;
    return true;
}

bool json_need_integer(const json_value *object, const char *at, const char *name, int64_t min, int64_t max,
                       int64_t *out, struct err *err)
{
    return read_integer(object, at, name, true, min, max, out, err);
}

bool json_opt_integer(const json_value *object, const char *at, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct err *err)
{
    return read_integer(object, at, name, false, min, max, out, err);
}

bool json_opt_boolean(const json_value *object, const char *at, const char *name, bool *out, struct err *err)
{
    const json_value *value;

    CHECK(member_of(object, at, name, false, JSON_TYPE_BOOL, &value, err));
    if (value != NULL)
        (void)json_boolean(value, out);
    return true;
}

static bool read_date(const json_value *object, const char *at, const char *name, bool required, date_day *out,
                      struct err *err)
{
    const json_value *value;

    *out = DATE_NONE;
    CHECK(member_of(object, at, name, required, JSON_TYPE_STRING, &value, err));
    if (value == NULL)
        return true;
    if (!date_parse(bytes_str(json_string(value)), out)) {
        *out = DATE_NONE;
        return fail(err, ERR_SCHEMA_INVALID, at, name, "not a date YYYY-MM-DD that exists");
    }
    return true;
}

bool json_need_date(const json_value *object, const char *at, const char *name, date_day *out, struct err *err)
{
    return read_date(object, at, name, true, out, err);
}

bool json_opt_date(const json_value *object, const char *at, const char *name, date_day *out, struct err *err)
{
    return read_date(object, at, name, false, out, err);
}

static bool listed(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

bool json_only(const json_value *object, const char *at, const char *const *names, struct err *err)
{
    const json_value *value;
    const char *name;
    void *cursor = NULL;

    while (json_next(object, &cursor, &name, &value)) {
        if (!listed(name, names))
            return fail(err, ERR_SCHEMA_INVALID, at, name, "the member is unknown");
    }
    return true;
}
