/* loader: values read from a node, each fault noted with its place while reading goes on. */
#include "partner/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KNOWN_KEYS_MAX 32
#define UNKNOWN_KEYS_MAX 16              /* told of one mapping; a file with more is of another kind */

void loader_fault(struct loader *loader, const struct err *err)
{
    loader->failed = true;
    config_fault(loader->faults, err);
}

void loader_fail(struct loader *loader, const struct yaml_node *node, enum err_code code, const char *format, ...)
{
    struct err err = {0};
    va_list args;

    va_start(args, format);
    (void)yaml_fail_v(node, &err, code, format, args);
    va_end(args);
    loader_fault(loader, &err);
}

void loader_blame(struct loader *loader, const struct yaml_node *node, const char *file, struct err *err)
{
    (void)err_context(err, "%.160s", file);
    (void)yaml_move(node, err);
    loader_fault(loader, err);
}

const char *loader_place(struct loader *loader, const struct yaml_node *node)
{
    struct err err = {0};

    (void)yaml_fail(node, &err, ERR_NONE, "%s", "");
    return arena_strdup(loader->arena, err.place);
}

/* The member of `map` that the fault names: its key becomes known, so that the next unknown one is found. */
static bool learn(const struct yaml_node *map, const struct err *err, const char **known, size_t *n)
{
    for (size_t i = 0; i < yaml_count(map); i++) {
        const char *key = yaml_key_at(map, i);
        bool is_known = false;

        for (size_t k = 0; k < *n; k++)
            is_known = is_known || strcmp(known[k], key) == 0;
        if (!is_known && strncmp(key, err->detail, 100) == 0) {
            known[(*n)++] = key;
            return true;
        }
    }
    return false;
}

bool loader_only(struct loader *loader, const struct yaml_node *map, const char *const *names)
{
    const char *known[KNOWN_KEYS_MAX + UNKNOWN_KEYS_MAX + 1] = {NULL};
    size_t n = 0, most;
    struct err err = {0};

    if (yaml_type_of(map) != YAML_MAP) {
        loader_fail(loader, map, ERR_CONFIG_VALUE, "keys and values are expected");
        return false;
    }
    while (names[n] != NULL && n < KNOWN_KEYS_MAX) {
        known[n] = names[n];
        n++;
    }
    for (most = n + UNKNOWN_KEYS_MAX; n < most && !yaml_only(map, known, &err);) {
        loader_fault(loader, &err);
        if (!learn(map, &err, known, &n))
            break;
    }
    return true;
}

static bool printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

void loader_text(struct loader *loader, const struct yaml_node *map, const char *key, bool required, const char **out)
{
    const char *text = *out;
    struct err err = {0};

    if (!yaml_read_text(map, key, required, &text, &err)) {
        loader_fault(loader, &err);
        *out = "";
    } else if (text != *out && (strlen(text) > PARTNER_TEXT_MAX || !printable(text))) {
        loader_fail(loader, yaml_get(map, key), ERR_CONFIG_VALUE, "%s: at most %d bytes on one line are expected", key,
                    PARTNER_TEXT_MAX);
        *out = "";
    } else {
        *out = text;
    }
}

static bool is_id(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-");

    return n > 0 && n <= PARTNER_ID_MAX && text[n] == '\0' && text[0] != '.' && text[0] != '-';
}

const char *loader_id(struct loader *loader, const struct yaml_node *map, const char *key)
{
    const char *text = "";

    loader_text(loader, map, key, true, &text);
    if (*text == '\0' || is_id(text))
        return text;
    loader_fail(loader, yaml_get(map, key), ERR_CONFIG_VALUE,
                "%s: 1 to %d of a-z 0-9 . - are expected, the first a letter or digit", key, PARTNER_ID_MAX);
    return "";
}

void loader_boolean(struct loader *loader, const struct yaml_node *map, const char *key, bool *out)
{
    struct err err = {0};

    if (!yaml_read_boolean(map, key, false, out, &err))
        loader_fault(loader, &err);
}

void loader_duration(struct loader *loader, const struct yaml_node *map, const char *key, bool required, int64_t min,
                     int64_t max, int64_t *ms_out)
{
    int64_t ms = *ms_out;
    struct err err = {0};

    if (!yaml_read_duration(map, key, required, &ms, &err))
        loader_fault(loader, &err);
    else if (yaml_get(map, key) != NULL && (ms < min || ms > max))
        loader_fail(loader, yaml_get(map, key), ERR_CONFIG_VALUE, "%s: not between %" PRId64 " and %" PRId64 " seconds",
                    key, min / 1000, max / 1000);
    else
        *ms_out = ms;
}

void loader_choice(struct loader *loader, const struct yaml_node *map, const char *key, bool required,
                   const char *const *names, int *out)
{
    struct err err = {0};

    if (!yaml_read_choice(map, key, required, names, out, &err))
        loader_fault(loader, &err);
}

void loader_region(struct loader *loader, const struct yaml_node *map, const char *key, const char **out)
{
    size_t n;

    loader_text(loader, map, key, false, out);
    n = strlen(*out);
    if (n > 0 && (n > 6 || n % 2 != 0 || strspn(*out, "0123456789") != n))
        loader_fail(loader, yaml_get(map, key), ERR_CONFIG_VALUE,
                    "%s: the first 2, 4 or all 6 digits of a region code are expected", key);
}

const struct yaml_node *loader_list(struct loader *loader, const struct yaml_node *map, const char *key, bool required,
                                    size_t max)
{
    const struct yaml_node *list = yaml_get(map, key);

    if (list == NULL) {
        if (required)
            loader_fail(loader, map, ERR_CONFIG_MISSING, "%s", key);
        return NULL;
    }
    if (yaml_type_of(list) != YAML_LIST) {
        loader_fail(loader, list, ERR_CONFIG_VALUE, "%s: a list is expected", key);
        return NULL;
    }
    if (yaml_count(list) > max) {
        loader_fail(loader, list, ERR_CONFIG_VALUE, "%s: more than %zu", key, max);
        return NULL;
    }
    return list;
}

const char *loader_item(struct loader *loader, const struct yaml_node *list, size_t i)
{
    const char *text = yaml_text(yaml_at(list, i));

    if (text == NULL || *text == '\0' || strlen(text) > PARTNER_TEXT_MAX || !printable(text)) {
        loader_fail(loader, yaml_at(list, i), ERR_CONFIG_VALUE, "a text of 1 to %d bytes is expected",
                    PARTNER_TEXT_MAX);
        return NULL;
    }
    return text;
}

const char *loader_path(struct loader *loader, const char *path)
{
    return path[0] == '/' ? path : arena_printf(loader->arena, "%s/%s", loader->folder, path);
}

struct crypto_key *loader_key(struct loader *loader, const struct yaml_node *list, size_t i)
{
    const char *text = loader_item(loader, list, i);
    struct crypto_key *key = NULL;
    struct err err = {0};

    if (text != NULL && !crypto_key_from_file(loader_path(loader, text), &key, &err))
        loader_blame(loader, yaml_at(list, i), text, &err);
    return key;
}
