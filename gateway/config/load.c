/* load: pledged.yaml into a struct config. Goes on after a fault, so that one look shows them all. */
#include "config/node.h"
#include "config/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTING_PATH_MAX 128             /* "group.group.name" */

struct loader {
    struct config *config;
    const struct yaml_node *root;
    struct config_faults *faults;
    bool failed;
    bool lost;                           /* what nothing can stand in for */
};

void config_fault(struct config_faults *faults, const struct err *err)
{
    if (faults->n < faults->max)
        faults->items[faults->n++] = *err;
}

static void fault(struct loader *loader, const struct err *err)
{
    loader->failed = true;
    config_fault(loader->faults, err);
}

enum match { MATCH_NONE, MATCH_GROUP, MATCH_SETTING };

static enum match match(const char *path)
{
    size_t n = strlen(path);

    for (size_t i = 0; i < setting_count; i++) {
        if (strncmp(setting_table[i].path, path, n) != 0)
            continue;
        if (setting_table[i].path[n] == '\0')
            return MATCH_SETTING;
        if (setting_table[i].path[n] == '.')
            return MATCH_GROUP;
    }
    return MATCH_NONE;
}

/* Appends `.key`; false when that cannot be the path of anything. */
static bool join(const char *parent, const char *key, char out[SETTING_PATH_MAX])
{
    size_t n = strlen(parent);

    if (strchr(key, '.') != NULL || n + strlen(key) + 2 > SETTING_PATH_MAX)
        return false;
    memcpy(out, parent, n);
    if (n > 0)
        out[n++] = '.';
    memcpy(out + n, key, strlen(key) + 1);
    return true;
}

static void check_group(struct loader *loader, const struct yaml_node *group, const char *path);

static void check_item(struct loader *loader, const struct yaml_node *item, const char *parent)
{
    char path[SETTING_PATH_MAX];
    enum match found = join(parent, item->key, path) ? match(path) : MATCH_NONE;
    struct err err = {0};

    if (found == MATCH_NONE) {
        (void)yaml_fail_at(item->file, item->key_place, &err, ERR_CONFIG_UNKNOWN, "%s%s%.100s", parent,
                           *parent == '\0' ? "" : ".", item->key);
        fault(loader, &err);
    } else if (found == MATCH_GROUP) {
        check_group(loader, item, path);
    }
}

/* Reports what the table does not know. Groups are as deep as the table, so this ends. */
static void check_group(struct loader *loader, const struct yaml_node *group, const char *path)
{
    struct err err = {0};

    if (yaml_is_null(group))
        return;
    if (group->type != YAML_MAP) {
        (void)yaml_fail(group, &err, ERR_CONFIG_VALUE, "%s%skeys and values are expected", path,
                        *path == '\0' ? "" : ": ");
        fault(loader, &err);
        return;
    }
    for (size_t i = 0; i < group->n; i++)
        check_item(loader, group->items[i], path);
}

/* The node of a dotted path, or NULL. *parent_out is the innermost mapping on the way, for the place of what
 * is missing; NULL when something else than a mapping stood in the way, which check_group has reported. */
static const struct yaml_node *find(const struct yaml_node *root, const char *path, const struct yaml_node **parent_out)
{
    const struct yaml_node *node = root;
    char key[SETTING_PATH_MAX];

    *parent_out = root;
    for (;;) {
        size_t n = strcspn(path, ".");

        if (node->type != YAML_MAP && !yaml_is_null(node)) {
            *parent_out = NULL;
            return NULL;
        }
        *parent_out = node;
        memcpy(key, path, n);
        key[n] = '\0';
        node = yaml_get(node, key);
        if (node == NULL || path[n] == '\0')
            return node;
        path += n + 1;
    }
}

/* `quoted` numbers and booleans would be texts to any other reader of YAML. */
static bool needs_plain(const struct setting *setting)
{
    return setting->kind == SETTING_IS_INTEGER || setting->kind == SETTING_IS_BOOLEAN;
}

static bool read_setting(struct loader *loader, const struct setting *setting, struct err *err)
{
    const struct yaml_node *parent;
    const struct yaml_node *node = find(loader->root, setting->path, &parent);
    struct err inner = {0};

    if (node == NULL) {
        if (setting->fallback != NULL)
            return setting_store(loader->config, setting, setting->fallback, err);
        if (!setting->required || parent == NULL)
            return true;
        return yaml_fail(parent, err, ERR_CONFIG_MISSING, "%s", setting->path);
    }
    if (node->type != YAML_SCALAR)
        return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: a single value is expected", setting->path);
    if (node->quoted && needs_plain(setting))
        return yaml_fail(node, err, ERR_CONFIG_VALUE, "%s: a value without quotes is expected", setting->path);
    if (setting_store(loader->config, setting, node->text, &inner))
        return true;
    *err = inner;
    return yaml_move(node, err);
}

static const char *absolute(struct arena *arena, const char *file, struct err *err)
{
    char *folder;
    const char *path;

    while (strncmp(file, "./", 2) == 0)
        file += 2;
    if (file[0] == '/')
        return arena_strdup(arena, file);
    folder = getcwd(NULL, 0);
    if (folder == NULL) {
        (void)err_errno(err, ERR_CONFIG_FILE, file, "getcwd");
        return NULL;
    }
    path = arena_printf(arena, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, file);
    free(folder);
    return path;
}

/* A certificate without its key, or the other way round, says half of what was meant. */
static void check_pair(struct loader *loader, const char *a_path, const char *a, const char *b_path, const char *b)
{
    const struct yaml_node *parent, *node;
    struct err err = {0};

    if ((a == NULL) == (b == NULL))
        return;
    node = find(loader->root, a != NULL ? a_path : b_path, &parent);
    (void)yaml_fail(node, &err, ERR_CONFIG_MISSING, "%s, which belongs to %s", a == NULL ? a_path : b_path,
                    a == NULL ? b_path : a_path);
    fault(loader, &err);
}

static void check_order(struct loader *loader, const char *low_path, int64_t low, const char *high_path, int64_t high)
{
    const struct yaml_node *parent, *node;
    struct err err = {0};

    if (low <= high)
        return;
    node = find(loader->root, low_path, &parent);
    if (node == NULL)
        node = find(loader->root, high_path, &parent);
    (void)yaml_fail(node, &err, ERR_CONFIG_VALUE, "%s is longer than %s", low_path, high_path);
    fault(loader, &err);
}

/* What one line cannot show. Looked at only when every line is good by itself. */
static void check_together(struct loader *loader)
{
    const struct config *config = loader->config;

    check_pair(loader, "tls.outgoing_certificate", config->tls_client_cert, "tls.outgoing_key", config->tls_client_key);
    check_pair(loader, "signing.sm2.certificate", config->sign_sm2_cert, "signing.sm2.key", config->sign_sm2_key);
    check_pair(loader, "signing.rsa.certificate", config->sign_rsa_cert, "signing.rsa.key", config->sign_rsa_key);
    check_pair(loader, "signing.es256.staged.certificate", config->sign_es256_staged_cert, "signing.es256.staged.key",
               config->sign_es256_staged_key);
    check_pair(loader, "signing.sm2.staged.certificate", config->sign_sm2_staged_cert, "signing.sm2.staged.key",
               config->sign_sm2_staged_key);
    check_pair(loader, "signing.rsa.staged.certificate", config->sign_rsa_staged_cert, "signing.rsa.staged.key",
               config->sign_rsa_staged_key);
    check_order(loader, "freshness.stale_after", config->freshness_stale_after, "freshness.refuse_after",
                config->freshness_refuse_after);
}

/* After a fault the default stands in, for whoever looks on. */
static void read_or_stand_in(struct loader *loader, const struct setting *setting)
{
    struct err err = {0}, ignored = {0};

    if (read_setting(loader, setting, &err))
        return;
    fault(loader, &err);
    if (setting->fallback == NULL || !setting_store(loader->config, setting, setting->fallback, &ignored))
        loader->lost = loader->lost || setting->required;
}

/* The schemas are laid down beside the adapters; a file written before there were any need not name them. */
static void stand_beside(struct config *config)
{
    const char *adapters = config->adapters_dir;
    size_t n;

    if (config->schemas_dir != NULL || adapters == NULL)
        return;
    for (n = strlen(adapters); n > 1 && adapters[n - 1] == '/'; n--)
        continue;
    while (n > 1 && adapters[n - 1] != '/')
        n--;
    config->schemas_dir = arena_printf(config->arena, "%.*sschemas", (int)n, adapters);
}

static void read_settings(struct loader *loader)
{
    check_group(loader, loader->root, "");
    for (size_t i = 0; i < setting_count; i++)
        read_or_stand_in(loader, &setting_table[i]);
    stand_beside(loader->config);
    if (!loader->failed)
        check_together(loader);
}

/* Whether all went well; the config is in the loader, NULL when it is not fit to be looked at. */
static bool read_file(struct loader *loader, const char *file, struct arena *arena, struct config_faults *faults)
{
    struct config *config = xcalloc(1, sizeof(*config));
    struct err err = {0};

    *loader = (struct loader){.config = config, .faults = faults};

    if (faults->items == NULL) {
        faults->max = CONFIG_FAULTS_MAX;
        faults->items = arena_alloc(arena, CONFIG_FAULTS_MAX * sizeof(*faults->items));
    }
    config->arena = arena_new();
    config->file = absolute(config->arena, file, &err);
    if (config->file != NULL && yaml_load(config->arena, config->file, &loader->root, &config->raw, &err)) {
        read_settings(loader);
    } else {
        fault(loader, &err);
        loader->lost = true;
    }
    if (loader->lost)
        config_free(&loader->config);
    return !loader->failed;
}

bool config_load(const char *file, struct config **config_out, struct arena *arena, struct config_faults *faults)
{
    struct loader loader;
    bool ok = read_file(&loader, file, arena, faults);

    if (ok)
        *config_out = loader.config;
    else
        config_free(&loader.config);
    return ok;
}

bool config_look(const char *file, struct config **config_out, struct arena *arena, struct config_faults *faults)
{
    struct loader loader;
    bool ok = read_file(&loader, file, arena, faults);

    *config_out = loader.config;
    return ok;
}

void config_free(struct config **config)
{
    if (*config == NULL)
        return;
    arena_free(&(*config)->arena);
    free(*config);
    *config = NULL;
}
