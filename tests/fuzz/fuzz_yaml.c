/* Any bytes as a YAML file: what is accepted can be walked, is within the limits and has no duplicate keys;
 * what is refused names a place. */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void check_key(const struct yaml_node *map, size_t i)
{
    const char *key = yaml_key_at(map, i);
    const struct yaml_node *value = yaml_at(map, i);
    const struct yaml_node *found;

    need(key != NULL && key[0] != '\0');
    found = yaml_get(map, key);
    need(found == value || (found == NULL && yaml_type_of(value) == YAML_SCALAR && yaml_text(value) == NULL));
}

static size_t walk(const struct yaml_node *node, unsigned depth)
{
    size_t nodes = 1;

    need(node != NULL && depth <= CONFIG_DEPTH_MAX);
    if (yaml_type_of(node) == YAML_SCALAR)
        need(yaml_count(node) == 0 && (yaml_text(node) == NULL || utf8_valid(bytes_str(yaml_text(node)))));
    for (size_t i = 0; i < yaml_count(node); i++) {
        nodes += walk(yaml_at(node, i), depth + 1);
        if (yaml_type_of(node) == YAML_MAP)
            check_key(node, i);
    }
    return nodes;
}

static void read_as_everything(const struct yaml_node *root)
{
    static const char *const names[] = {"a", "b", NULL};
    struct err err = {0};
    const char *text = NULL;
    int64_t number = 0;
    bool boolean = false;
    date_day day = DATE_NONE;
    int choice = 0;

    (void)yaml_read_text(root, "a", true, &text, &err);
    if (yaml_read_integer(root, "a", false, -5, 5, &number, &err))
        need(number >= -5 && number <= 5);
    (void)yaml_read_boolean(root, "a", false, &boolean, &err);
    (void)yaml_read_duration(root, "a", false, &number, &err);
    (void)yaml_read_size(root, "a", false, &number, &err);
    (void)yaml_read_date(root, "a", false, &day, &err);
    (void)yaml_read_choice(root, "a", false, names, &choice, &err);
    (void)yaml_only(root, names, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA arena = arena_new();
    const struct yaml_node *root = NULL;
    struct err err = {0};

    if (yaml_parse(arena, "f", bytes_of(data, size), &root, &err)) {
        need(walk(root, 1) <= CONFIG_NODES_MAX);
        read_as_everything(root);
    } else {
        need(root == NULL && err.code != ERR_NONE && strncmp(err.place, "f", 1) == 0);
    }
    return 0;
}
