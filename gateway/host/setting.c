/* An instance's settings against its adapter's table: names, types, defaults. What passes here the adapter reads as
 * text of a known form; secrets stay on this side. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "host/internal.h"

/* What the functions below need to complain and to keep. */
struct taking {
    struct host_instance *instance;
    const char *place;
    struct err *err;
};

static bool refuse(const struct taking *taking, const char *name, const char *text)
{
    return err_set(taking->err, ERR_ADAPTER_SETTING, taking->place, "adapter %s, step setting: %.64s %s",
                   taking->instance->adapter->name, name, text);
}

/* Maps say in their fallback which keys they take. */
static bool map_takes(const struct gwa_setting *map, const char *key)
{
    size_t n = strlen(key);

    for (const char *p = map->fallback; p != NULL && *p != '\0'; p += strspn(p, " ")) {
        if (strcspn(p, " ") == n && strncmp(p, key, n) == 0)
            return true;
        p += strcspn(p, " ");
    }
    return map->fallback == NULL;
}

static bool is_map_key(const struct gwa_setting *setting, const char *name)
{
    size_t n = strlen(setting->name);

    return setting->type == GWA_MAP && strncmp(name, setting->name, n) == 0 && name[n] == '.' && name[n + 1] != '\0';
}

static const struct gwa_setting *declared(const struct gwa_setting *table, const char *name)
{
    for (; table != NULL && table->name != NULL; table++)
        if (table->type == GWA_MAP ? is_map_key(table, name) && map_takes(table, name + strlen(table->name) + 1)
                                   : strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static void keep(struct host_instance *instance, const char *name, const char *value)
{
    instance->values[instance->value_n].name = arena_strdup(instance->arena, name);
    instance->values[instance->value_n++].value = arena_strdup(instance->arena, value);
}

const char *host_setting_find(const struct host_instance *instance, const char *name)
{
    for (size_t i = 0; i < instance->value_n; i++)
        if (strcmp(instance->values[i].name, name) == 0)
            return instance->values[i].value;
    return NULL;
}

/* ---- by type ---------------------------------------------------------------------------------------- */

typedef bool take_fn(const struct taking *taking, const char *name, const char *text);

static bool names_directory(const char *name)
{
    static const char end[] = "directory";
    size_t n = strlen(name);

    return n >= sizeof(end) - 1 && strcmp(name + n - (sizeof(end) - 1), end) == 0;
}

static bool take_directory(const struct taking *taking, const char *name, const char *text)
{
    struct host_instance *instance = taking->instance;
    size_t n = strlen(text);
    char *path = arena_strdup(instance->arena, text);

    while (n > 1 && path[n - 1] == '/')
        path[--n] = '\0';
    if (path[0] != '/' || n == 1)
        return refuse(taking, name, "must be an absolute path below the root");
    if (instance->directory_n == HOST_DIRECTORIES_MAX)
        return refuse(taking, name, "is one directory too many");
    instance->directories[instance->directory_n++] = path;
    keep(instance, name, path);
    return true;
}

static bool take_text(const struct taking *taking, const char *name, const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return refuse(taking, name, "holds a control character");
    if (names_directory(name))
        return take_directory(taking, name, text);
    keep(taking->instance, name, text);
    return true;
}

static bool take_integer(const struct taking *taking, const char *name, const char *text)
{
    char *end = NULL;
    int64_t value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || strchr(" \t+", text[0]) != NULL)
        return refuse(taking, name, "must be a decimal integer");
    keep(taking->instance, name, arena_printf(taking->instance->arena, "%" PRId64, value));
    return true;
}

static bool take_boolean(const struct taking *taking, const char *name, const char *text)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return refuse(taking, name, "must be true or false");
    keep(taking->instance, name, text);
    return true;
}

static bool take_duration(const struct taking *taking, const char *name, const char *text)
{
    int64_t ms;

    if (!duration_parse(text, &ms))
        return refuse(taking, name, "must be a duration such as 30s or 10min");
    keep(taking->instance, name, arena_printf(taking->instance->arena, "%" PRId64, ms));
    return true;
}

static bool read_secret(const char *path, struct host_secret *secret)
{
    uint8_t *p = xcalloc(1, HOST_SECRET_BYTES_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t got = -1;
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        got = read(fd, p, HOST_SECRET_BYTES_MAX + 1);
    if (fd >= 0)
        (void)close(fd);
    while (got > 0 && (p[got - 1] == '\n' || p[got - 1] == '\r'))
        got--;
    secret->p = p;
    secret->n = got > 0 ? (size_t)got : 0;
    return got > 0 && got <= HOST_SECRET_BYTES_MAX;
}

static bool take_secret(const struct taking *taking, const char *name, const char *text)
{
    struct host_instance *instance = taking->instance;
    struct host_secret *secret = &instance->secrets[instance->secret_n];
    uint8_t random[16];
    char hex[33];

    if (instance->secret_n == HOST_SECRETS_MAX)
        return refuse(taking, name, "is one secret too many");
    instance->secret_n++;
    if (!read_secret(text, secret))
        return refuse(taking, name, "must name a readable file of 1 to 4096 bytes");
    crypto_random(random, sizeof(random));
    secret->name = arena_strdup(instance->arena, name);
    secret->handle = arena_printf(instance->arena, "secret-%s", hex_encode(random, sizeof(random), hex));
    keep(instance, name, secret->handle);
    return true;
}

static take_fn *const by_type[] = {
    [GWA_TEXT] = take_text,         [GWA_INTEGER] = take_integer,    [GWA_BOOLEAN] = take_boolean,
    [GWA_DURATION] = take_duration, [GWA_SECRET_FILE] = take_secret, [GWA_MAP] = take_text,
};

void host_secrets_wipe(struct host_instance *instance)
{
    for (size_t i = 0; i < instance->secret_n; i++) {
        wipe(instance->secrets[i].p, HOST_SECRET_BYTES_MAX + 1);
        free(instance->secrets[i].p);
    }
    instance->secret_n = 0;
}

/* ---- the whole -------------------------------------------------------------------------------------- */

static bool take_one(const struct taking *taking, const struct gwa_setting *setting, const char *name, const char *text)
{
    if ((unsigned)setting->type >= sizeof(by_type) / sizeof(*by_type))
        return refuse(taking, name, "has a type that this host does not know");
    if (strlen(text) > HOST_SETTING_TEXT_MAX)
        return refuse(taking, name, "is longer than 4096 bytes");
    if (!utf8_valid(bytes_str(text)))
        return refuse(taking, name, "is not UTF-8");
    return by_type[setting->type](taking, name, text);
}

static bool take_given(const struct taking *taking, const struct gwa_setting *table, const struct host_setting *given)
{
    const struct gwa_setting *setting = declared(table, given->name);

    if (setting == NULL)
        return refuse(taking, given->name, "is not a setting of this adapter");
    if (host_setting_find(taking->instance, given->name) != NULL)
        return refuse(taking, given->name, "is given twice");
    return take_one(taking, setting, given->name, given->value);
}

static bool is_set(const struct host_instance *instance, const struct gwa_setting *setting)
{
    for (size_t i = 0; i < instance->value_n; i++)
        if (setting->type == GWA_MAP ? is_map_key(setting, instance->values[i].name)
                                     : strcmp(setting->name, instance->values[i].name) == 0)
            return true;
    return false;
}

static bool take_default(const struct taking *taking, const struct gwa_setting *setting)
{
    if (is_set(taking->instance, setting))
        return true;
    if (setting->required)
        return refuse(taking, setting->name, "is required");
    if (setting->fallback == NULL || setting->type == GWA_MAP)
        return true;
    return take_one(taking, setting, setting->name, setting->fallback);
}

bool host_settings_take(struct host_instance *instance, const struct host_setting *given, size_t n, const char *place,
                        struct err *err)
{
    const struct gwa_setting *table = instance->adapter->entry.settings;
    struct taking taking = {instance, place, err};
    size_t size = 0;

    while (table != NULL && size <= HOST_SETTINGS_MAX && table[size].name != NULL)
        size++;
    if (size > HOST_SETTINGS_MAX || n > HOST_SETTINGS_MAX)
        return refuse(&taking, "settings:", "at most 128");
    instance->values = arena_alloc(instance->arena, (size + n + 1) * sizeof(*instance->values));
    for (size_t i = 0; i < n; i++)
        CHECK(take_given(&taking, table, &given[i]));
    for (size_t i = 0; i < size; i++)
        CHECK(take_default(&taking, &table[i]));
    return true;
}
