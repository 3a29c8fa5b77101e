/* node: look-ups in a parsed file and values read with their type; every error names the place. */
#include "config/node.h"
#include "config/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Line and column matter more than the beginning of a long path. */
__attribute__((format(printf, 5, 0))) static bool fail_v(const char *file, struct yaml_place place, struct err *err,
                                                         enum err_code code, const char *format, va_list args)
{
    char where[sizeof(err->place)], tail[32];
    size_t room, n = strlen(file);

    room = sizeof(where) - 4 - (size_t)snprintf(tail, sizeof(tail), ":%u:%u", place.line, place.column);
    if (n > room) {
        file += n - room;
        while (((unsigned char)*file & 0xc0) == 0x80)
            file++;
    }
    (void)snprintf(where, sizeof(where), "%s%s%s", n > room ? "..." : "", file, tail);
    return err_set_v(err, code, where, format, args);
}

bool yaml_fail_at(const char *file, struct yaml_place place, struct err *err, enum err_code code, const char *format,
                  ...)
{
    va_list args;

    va_start(args, format);
    (void)fail_v(file, place, err, code, format, args);
    va_end(args);
    return false;
}

bool yaml_fail_v(const struct yaml_node *node, struct err *err, enum err_code code, const char *format, va_list args)
{
    return fail_v(node->file, node->place, err, code, format, args);
}

bool yaml_fail(const struct yaml_node *node, struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)yaml_fail_v(node, err, code, format, args);
    va_end(args);
    return false;
}

bool yaml_move(const struct yaml_node *node, struct err *err)
{
    const struct err said = *err;

    (void)yaml_fail(node, err, said.code, "%s", "");
    return err_set_both(err, said.code, err->place, err_detail(&said, false), err_detail(&said, true));
}

bool yaml_is_null(const struct yaml_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    if (node->type != YAML_SCALAR || node->quoted)
        return false;
    for (size_t i = 0; i < sizeof(nulls) / sizeof(*nulls); i++) {
        if (strcmp(node->text, nulls[i]) == 0)
            return true;
    }
    return false;
}

enum yaml_type yaml_type_of(const struct yaml_node *node)
{
    return node->type;
}

const char *yaml_text(const struct yaml_node *node)
{
    return node == NULL || node->type != YAML_SCALAR || yaml_is_null(node) ? NULL : node->text;
}

bool yaml_quoted(const struct yaml_node *node)
{
    return node->quoted;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->type != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        if (strcmp(map->items[i]->key, key) == 0)
            return yaml_is_null(map->items[i]) ? NULL : map->items[i];
    }
    return NULL;
}

size_t yaml_count(const struct yaml_node *node)
{
    return node == NULL ? 0 : node->n;
}

const struct yaml_node *yaml_at(const struct yaml_node *node, size_t i)
{
    return node == NULL || i >= node->n ? NULL : node->items[i];
}

const char *yaml_key_at(const struct yaml_node *map, size_t i)
{
    return map == NULL || i >= map->n ? NULL : map->items[i]->key;
}

/* *node_out is NULL when the key is absent and not required, else a scalar. */
static bool scalar_of(const struct yaml_node *map, const char *key, bool required, const struct yaml_node **node_out,
                      struct err *err)
{
    *node_out = NULL;
    if (map == NULL || yaml_is_null(map)) {
        if (!required)
            return true;
        return map == NULL ? err_set(err, ERR_CONFIG_MISSING, NULL, "%s", key)
                           : yaml_fail(map, err, ERR_CONFIG_MISSING, "%s", key);
    }
    if (map->type != YAML_MAP)
        return yaml_fail(map, err, ERR_CONFIG_VALUE, "keys and values are expected, among them %s", key);
    *node_out = yaml_get(map, key);
    if (*node_out == NULL)
        return required ? yaml_fail(map, err, ERR_CONFIG_MISSING, "%s", key) : true;
    if ((*node_out)->type != YAML_SCALAR)
        return yaml_fail(*node_out, err, ERR_CONFIG_VALUE, "%s: a single value is expected", key);
    return true;
}

bool yaml_read_text(const struct yaml_node *map, const char *key, bool required, const char **out, struct err *err)
{
    const struct yaml_node *node;

    CHECK(scalar_of(map, key, required, &node, err));
    if (node == NULL)
        return true;
    if (required && node->text[0] == '\0')
        return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: the text is empty", key);
    *out = node->text;
    return true;
}

bool yaml_read_integer(const struct yaml_node *map, const char *key, bool required, int64_t min, int64_t max,
                       int64_t *out, struct err *err)
{
    const struct yaml_node *node;
    int64_t value;

    CHECK(scalar_of(map, key, required, &node, err));
    if (node == NULL)
        return true;
    if (node->quoted || !value_integer(node->text, &value))
        return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: a whole number is expected", key);
    if (value < min || value > max)
        return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: %" PRId64 " is not between %" PRId64 " and %" PRId64, key,
                         value, min, max);
    *out = value;
    return true;
}

bool yaml_read_boolean(const struct yaml_node *map, const char *key, bool required, bool *out, struct err *err)
{
    const struct yaml_node *node;

    CHECK(scalar_of(map, key, required, &node, err));
    if (node == NULL)
        return true;
    if (node->quoted || !value_boolean(node->text, out))
        return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: true or false is expected", key);
    return true;
}

bool yaml_read_duration(const struct yaml_node *map, const char *key, bool required, int64_t *ms_out, struct err *err)
{
    const struct yaml_node *node;

    CHECK(scalar_of(map, key, required, &node, err));
    if (node != NULL && !duration_parse(node->text, ms_out))
        return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: a duration such as 500ms, 30s, 10min, 6h or 7d is expected",
                         key);
    return true;
}

bool yaml_read_size(const struct yaml_node *map, const char *key, bool required, int64_t *bytes_out, struct err *err)
{
    const struct yaml_node *node;

    CHECK(scalar_of(map, key, required, &node, err));
    if (node != NULL && !value_size(node->text, bytes_out))
        return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: a size such as 64KiB, 16MiB or 1TiB is expected", key);
    return true;
}

bool yaml_read_date(const struct yaml_node *map, const char *key, bool required, date_day *out, struct err *err)
{
    const struct yaml_node *node;

    CHECK(scalar_of(map, key, required, &node, err));
    if (node != NULL && !date_parse(bytes_str(node->text), out))
        return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: a date YYYY-MM-DD that exists is expected", key);
    return true;
}

static bool fail_choice(const struct yaml_node *node, const char *key, const char *const *names, struct err *err)
{
    char list[200] = "";

    for (size_t n = 0; *names != NULL && n < sizeof(list); names++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n == 0 ? "" : ", ", *names);
    return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: one of %s is expected", key, list);
}

bool yaml_read_choice(const struct yaml_node *map, const char *key, bool required, const char *const *names, int *out,
                      struct err *err)
{
    const struct yaml_node *node;

    CHECK(scalar_of(map, key, required, &node, err));
    if (node == NULL)
        return true;
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], node->text) == 0) {
            *out = i;
            return true;
        }
    }
    return fail_choice(node, key, names, err);
}

static bool listed(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

bool yaml_only(const struct yaml_node *map, const char *const *names, struct err *err)
{
    if (map == NULL || yaml_is_null(map))
        return true;
    if (map->type != YAML_MAP)
        return yaml_fail(map, err, ERR_CONFIG_VALUE, "keys and values are expected");
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *item = map->items[i];

        if (!listed(item->key, names))
            return yaml_fail_at(item->file, item->key_place, err, ERR_CONFIG_UNKNOWN, "%.100s", item->key);
    }
    return true;
}
