/* sources: one entry of the sources file, a list that is fetched. */
#include "partner/internal.h"

#include <string.h>

#define SECOND 1000LL
#define DAY (24LL * 3600 * SECOND)
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
        const char *name = arena_printf(flat->loader->arena, "%s%s%s", prefix, *prefix == '\0' ? "" : ".",
                                        yaml_key_at(map, i));

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

static void read_settings(struct loader *loader, const struct yaml_node *map, struct source *source)
{
    const struct yaml_node *node = yaml_get(map, "settings");
    struct flattener flat = {.loader = loader};

    source->place = loader_place(loader, node == NULL ? map : node);
    if (node == NULL)
        return;
    if (yaml_type_of(node) != YAML_MAP) {
        loader_fail(loader, node, ERR_CONFIG_VALUE, "settings: keys and values are expected");
        return;
    }
    flat.settings = arena_alloc(loader->arena, SOURCE_SETTINGS_MAX * sizeof(*flat.settings));
    flatten(&flat, node, "");
    source->settings = flat.settings;
    source->setting_n = flat.n;
}

static void read_times(struct loader *loader, const struct yaml_node *map, struct source *source)
{
    source->deadline_ms = 3600 * SECOND;
    loader_duration(loader, map, "period", true, SECOND, 365 * DAY, &source->period_ms);
    loader_duration(loader, map, "full_every", false, SECOND, 365 * DAY, &source->full_every_ms);
    loader_duration(loader, map, "deadline", false, SECOND, DAY, &source->deadline_ms);
    if (source->scope != SOURCE_DELTA && source->full_every_ms != 0)
        loader_fail(loader, yaml_get(map, "full_every"), ERR_CONFIG_VALUE, "full_every: only with scope: delta");
}

static void read_words(struct loader *loader, const struct yaml_node *map, struct source *source)
{
    static const char *const scopes[] = {"full", "batch", "delta", NULL};
    static const char *const absences[] = {"twice", "confirm", NULL};
    bool files = strcmp(source->adapter, "filedrop") == 0;
    int scope = files ? SOURCE_BATCH : SOURCE_FULL, absence = 0;

    /* a file holds what was decided at one time; only a whole list is worth saying so */
    loader_choice(loader, map, "scope", !files, scopes, &scope);
    loader_choice(loader, map, "absence", false, absences, &absence);
    source->scope = (enum source_scope)scope;
    source->absence_confirm = absence == 1;
}

void sources_read(struct loader *loader, const struct yaml_node *map, struct source *source)
{
    static const char *const names[] = {"id",       "name",    "adapter", "scope",   "period",   "full_every",
                                        "deadline", "absence", "paused",  "regions", "settings", NULL};

    source->id = source->name = source->adapter = source->place = "";
    source->regions = "14";
    if (!loader_only(loader, map, names))
        return;
    source->id = loader_id(loader, map, "id");
    loader_text(loader, map, "name", true, &source->name);
    source->adapter = loader_id(loader, map, "adapter");
    read_words(loader, map, source);
    read_times(loader, map, source);
    loader_boolean(loader, map, "paused", &source->paused);
    loader_region(loader, map, "regions", &source->regions);
    read_settings(loader, map, source);
}
