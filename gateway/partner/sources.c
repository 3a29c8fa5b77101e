/* sources: one entry of the sources file: a list that is fetched, or messages that are fetched as rows. */
#include "partner/internal.h"

#include <string.h>

#define SECOND 1000LL
#define DAY (24LL * 3600 * SECOND)

static void read_times(struct loader *loader, const struct yaml_node *map, struct source *source)
{
    source->deadline_ms = 3600 * SECOND;
    loader_duration(loader, map, "period", true, SECOND, 365 * DAY, &source->period_ms);
    loader_duration(loader, map, "full_every", false, SECOND, 365 * DAY, &source->full_every_ms);
    loader_duration(loader, map, "deadline", false, SECOND, DAY, &source->deadline_ms);
    if (source->scope != SOURCE_DELTA && source->full_every_ms != 0)
        loader_fail(loader, yaml_get(map, "full_every"), ERR_CONFIG_VALUE, "full_every: only with scope: delta");
}

/* What only means something of a list. */
static void refuse_of_list(struct loader *loader, const struct yaml_node *map)
{
    static const char *const names[] = {"scope", "absence", "regions"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (yaml_get(map, names[i]) != NULL)
            loader_fail(loader, yaml_get(map, names[i]), ERR_CONFIG_VALUE, "%s: only of a list, without feeds", names[i]);
}

/* Rows that are messages say what changed, and nothing by being absent. */
static bool read_feeds(struct loader *loader, const struct yaml_node *map, struct source *source)
{
    static const char *const kinds[] = {"pledge.registration", NULL};
    int kind = -1;

    loader_choice(loader, map, "feeds", false, kinds, &kind);
    source->feeds = kind < 0 ? NULL : kinds[kind];
    if (yaml_get(map, "feeds") == NULL)
        return false;
    source->scope = SOURCE_DELTA;
    refuse_of_list(loader, map);
    return true;
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
    static const char *const names[] = {"id",       "name",    "adapter", "feeds",   "scope",    "period", "full_every",
                                        "deadline", "absence", "paused",  "regions", "settings", NULL};

    source->id = source->name = source->adapter = source->place = "";
    source->regions = "14";
    if (!loader_only(loader, map, names))
        return;
    source->id = loader_id(loader, map, "id");
    loader_text(loader, map, "name", true, &source->name);
    source->adapter = loader_id(loader, map, "adapter");
    if (!read_feeds(loader, map, source))
        read_words(loader, map, source);
    read_times(loader, map, source);
    loader_boolean(loader, map, "paused", &source->paused);
    loader_region(loader, map, "regions", &source->regions);
    source->place = loader_settings(loader, map, &source->settings, &source->setting_n);
}

void settings_digest(const char *adapter, const struct source_setting *settings, size_t n,
                     uint8_t out[CRYPTO_DIGEST_SIZE])
{
    struct crypto_hash *hash = crypto_hash_new(CRYPTO_SHA256);

    crypto_hash_add(hash, bytes_of(adapter, strlen(adapter) + 1));
    for (size_t i = 0; i < n; i++) {
        crypto_hash_add(hash, bytes_of(settings[i].name, strlen(settings[i].name) + 1));
        crypto_hash_add(hash, bytes_of(settings[i].value, strlen(settings[i].value) + 1));
    }
    crypto_hash_end(hash, out);
    crypto_hash_free(&hash);
}
