/* setting: the settings of an adapter, nested maps made flat. */
#include "partner/internal.h"

#include <string.h>

#define SETTING_NAME_MAX 128
#define SETTING_VALUE_MAX 4096

struct flattener {
    struct loader *loader;
    struct source_setting *settings;
    size_t n;
};

static void add_setting(struct flattener *flat, const struct yaml_node *node, const char *name)
{
    const char *value = yaml_text(node);

    if (value == NULL)
        return;
    for (size_t i = 0; i < flat->n; i++) {
        if (strcmp(flat->settings[i].name, name) == 0) {
            loader_fail(flat->loader, node, ERR_CONFIG_DUPLICATE, "%s", name);
            return;
        }
    }
    if (strlen(value) > SETTING_VALUE_MAX)
        loader_fail(flat->loader, node, ERR_CONFIG_VALUE, "%s: more than %d bytes", name, SETTING_VALUE_MAX);
    else if (flat->n == SOURCE_SETTINGS_MAX)
        loader_fail(flat->loader, node, ERR_CONFIG_VALUE, "%s: more than %d settings", name, SOURCE_SETTINGS_MAX);
    else
        flat->settings[flat->n++] = (struct source_setting){name, value};
}

/* The reader's depth bounds this. */
static void flatten(struct flattener *flat, const struct yaml_node *map, const char *prefix)
{
    for (size_t i = 0; i < yaml_count(map); i++) {
        const struct yaml_node *node = yaml_at(map, i);
        const char *name =
            arena_printf(flat->loader->arena, "%s%s%s", prefix, *prefix == '\0' ? "" : ".", yaml_key_at(map, i));

        if (strlen(name) > SETTING_NAME_MAX)
            loader_fail(flat->loader, node, ERR_CONFIG_VALUE, "%.40s…: the name is longer than %d bytes", name,
                        SETTING_NAME_MAX);
        else if (yaml_type_of(node) == YAML_MAP)
            flatten(flat, node, name);
        else if (yaml_type_of(node) == YAML_LIST)
            loader_fail(flat->loader, node, ERR_CONFIG_VALUE, "%s: a single value is expected", name);
        else
            add_setting(flat, node, name);
    }
}

const char *loader_settings(struct loader *loader, const struct yaml_node *map, const struct source_setting **out,
                            size_t *n_out)
{
    const struct yaml_node *node = yaml_get(map, "settings");
    struct flattener flat = {.loader = loader};
    const char *place = loader_place(loader, node == NULL ? map : node);

    if (node != NULL && yaml_type_of(node) != YAML_MAP)
        loader_fail(loader, node, ERR_CONFIG_VALUE, "settings: keys and values are expected");
    if (node == NULL || yaml_type_of(node) != YAML_MAP)
        return place;
    flat.settings = arena_alloc(loader->arena, SOURCE_SETTINGS_MAX * sizeof(*flat.settings));
    flatten(&flat, node, "");
    *out = flat.settings;
    *n_out = flat.n;
    return place;
}
