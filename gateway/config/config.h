/* config: YAML files read with line and column, and the one table of settings.
 *
 * The reader accepts a subset of YAML 1.1 that has one meaning: mappings, sequences, scalars; no anchors,
 * aliases, tags, merges, multiple documents or duplicate keys. Every node knows its line and column, so
 * an error names file:line:column. Limits: 1 MiB a file, depth 16, 100,000 nodes. A plain ~ or null, or
 * nothing behind the colon, counts as absent everywhere. An empty file is such a null.
 * Error codes: config.syntax, config.duplicate, config.unknown, config.missing, config.value, config.file.
 * Nodes and arenas belong to one thread at a time; a loaded struct config is read-only and may be shared.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/base.h"

#define CONFIG_FILE_MAX (1u << 20)
#define CONFIG_DEPTH_MAX 16
#define CONFIG_NODES_MAX 100000u
#define CONFIG_FAULTS_MAX 64

/* ---- any YAML file --------------------------------------------------------------------------------- */

enum yaml_type { YAML_SCALAR, YAML_MAP, YAML_LIST };
struct yaml_node;                        /* lives in the arena given to yaml_load */
/* Reads and parses a whole file (or bytes under the name `path`). digest_out may be NULL; it gets nothing
 * here: digests are crypto's. raw_out (may be NULL) gets the file's bytes, in the arena. */
bool yaml_load(struct arena *arena, const char *path, const struct yaml_node **root_out, struct bytes *raw_out,
               struct err *err);
bool yaml_parse(struct arena *arena, const char *path, struct bytes in, const struct yaml_node **root_out,
                struct err *err);

enum yaml_type yaml_type_of(const struct yaml_node *node);
const char *yaml_text(const struct yaml_node *node);               /* scalar text, else NULL */
bool yaml_quoted(const struct yaml_node *node);
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);   /* NULL when absent or not a map */
size_t yaml_count(const struct yaml_node *node);                   /* members or elements */
const struct yaml_node *yaml_at(const struct yaml_node *node, size_t i);          /* i-th element or member value */
const char *yaml_key_at(const struct yaml_node *map, size_t i);
/* err_set with place "file:line:column" of the node; returns false. */
bool yaml_fail(const struct yaml_node *node, struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool yaml_fail_v(const struct yaml_node *node, struct err *err, enum err_code code, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
/* The error as it is, with the node as its place; returns false. */
bool yaml_move(const struct yaml_node *node, struct err *err);

/* Typed reading with errors that name the place. `required` ones fail with config.missing (at the mapping), a
 * required text may not be empty. Numbers and booleans stand without quotes. Text is borrowed from the arena.
 * An absent optional leaves *out as it was; `map` may be NULL (an absent section). */
bool yaml_read_text(const struct yaml_node *map, const char *key, bool required, const char **out, struct err *err);
bool yaml_read_integer(const struct yaml_node *map, const char *key, bool required, int64_t min, int64_t max,
                       int64_t *out, struct err *err);
bool yaml_read_boolean(const struct yaml_node *map, const char *key, bool required, bool *out, struct err *err);
bool yaml_read_duration(const struct yaml_node *map, const char *key, bool required, int64_t *ms_out, struct err *err);
bool yaml_read_date(const struct yaml_node *map, const char *key, bool required, date_day *out, struct err *err);
/* Digits with B, KiB, MiB, GiB or TiB. */
bool yaml_read_size(const struct yaml_node *map, const char *key, bool required, int64_t *bytes_out, struct err *err);
/* One of the NULL-terminated names; *out is its index. */
bool yaml_read_choice(const struct yaml_node *map, const char *key, bool required, const char *const *names, int *out,
                      struct err *err);
/* config.unknown, with the place of the key, when the map holds a key not in the NULL-terminated list. */
bool yaml_only(const struct yaml_node *map, const char *const *names, struct err *err);

/* ---- pledged.yaml ---------------------------------------------------------------------------------- */

/* Each setting is one line of settings.def: path, type, default, bounds, English and Chinese help. Durations
 * are milliseconds, sizes bytes, texts borrowed from the config's own arena. */
struct config {
    struct arena *arena;
    const char *file;                    /* absolute path of pledged.yaml */
    struct bytes raw;
#define SETTING_TEXT(field, path, def, required, en, zh) const char *field;
#define SETTING_PATH(field, path, def, required, en, zh)                                                               \
    const char *field; /* made absolute against the file's folder */
#define SETTING_INTEGER(field, path, def, min, max, en, zh) int64_t field;
#define SETTING_DURATION(field, path, def, min, max, en, zh) int64_t field;      /* def, min, max as text: "30s" */
#define SETTING_SIZE(field, path, def, min, max, en, zh) int64_t field;          /* "16MiB" */
#define SETTING_BOOLEAN(field, path, def, en, zh) bool field;
#define SETTING_CHOICE(field, path, def, choices, en, zh) int field;             /* choices "a|b|c"; index */
#include "config/settings.def"
#undef SETTING_TEXT
#undef SETTING_PATH
#undef SETTING_INTEGER
#undef SETTING_DURATION
#undef SETTING_SIZE
#undef SETTING_BOOLEAN
#undef SETTING_CHOICE
};

/* Collects every fault instead of stopping at the first. Zero-initialised, config_load gives it room for
 * CONFIG_FAULTS_MAX in the arena; a caller may also bring items and max. What is beyond max is not kept. */
struct config_faults {
    struct err *items;
    size_t n, max;
};
/* Loads file; true when there was no fault in it. *config_out is set only then, and owns its own arena.
 * Unknown keys, missing settings and values out of bounds are all reported, each with its place; when there
 * are none, also settings that contradict each other (a certificate without its key). */
bool config_load(const char *file, struct config **config_out, struct arena *arena, struct config_faults *faults);
/* For those who only look: as config_load, but hands out a config with faults too, with defaults in place of what is
 * wrong, so that the files it names can be looked at as well. Without a setting that has no default it stays NULL. */
bool config_look(const char *file, struct config **config_out, struct arena *arena, struct config_faults *faults);
void config_free(struct config **config);
void config_fault(struct config_faults *faults, const struct err *err);
/* Writes every setting with its value, default mark, bounds and help in both languages as YAML that loads
 * again to the same values; secrets are not in this file, paths are (absolute). */
void config_show(const struct config *config, struct buf *out);

#endif
