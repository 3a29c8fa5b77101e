/* Finds adapters and judges them before any of their functions runs: each step of the loader is one function of a
 * table, and a refusal names its step. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/internal.h"

#define NAME_MAX_CHARS 64

static bool open_library(struct host_adapter *adapter, struct err *err)
{
    const char *why;

    if (access(adapter->path, F_OK) != 0)
        return err_set(err, ERR_ADAPTER_UNKNOWN, adapter->path, "there is no such file");
    adapter->library = dlopen(adapter->path, RTLD_NOW | RTLD_LOCAL);
    if (adapter->library != NULL)
        return true;
    why = dlerror();
    return err_set(err, ERR_ADAPTER_OPEN, adapter->path, "%s", why == NULL ? "no reason given" : why);
}

/* Members are only ever appended within a major version, so an older adapter is understood. A newer one may call what
 * this host does not have. */
bool host_abi_fits(uint32_t theirs, uint32_t ours, struct err *err)
{
    if (theirs >> 16 == ours >> 16 && (theirs & 0xffff) <= (ours & 0xffff))
        return true;
    return err_set(err, ERR_ADAPTER_ABI, NULL, "built for version %u.%u, this host offers %u.%u", theirs >> 16,
                   theirs & 0xffff, ours >> 16, ours & 0xffff);
}

static bool check_abi(struct host_adapter *adapter, struct err *err)
{
    const uint32_t *abi = dlsym(adapter->library, "gwa_abi");

    if (abi == NULL)
        return err_set(err, ERR_ADAPTER_ABI, NULL, "there is no symbol gwa_abi");
    adapter->report.abi = *abi;
    return host_abi_fits(*abi, GWA_ABI_VERSION, err);
}

/* The least size of an entry by MINOR: the end of the last member that this version knew. */
static size_t least_size(uint32_t abi)
{
    enum { FIRST = offsetof(struct gwa_adapter, close) + sizeof(void (*)(void *)) };
    static const size_t by_minor[] = {FIRST, FIRST, FIRST, FIRST /* 1.1 and 1.2 grew other structs, 1.3 none */};

    _Static_assert(sizeof(by_minor) / sizeof(*by_minor) == GWA_ABI_MINOR + 1, "one size for each MINOR");
    return by_minor[abi & 0xffff];
}

static bool take_entry(struct host_adapter *adapter, struct err *err)
{
    const struct gwa_adapter *entry = dlsym(adapter->library, "gwa_entry");
    size_t least = least_size(adapter->report.abi);

    if (entry == NULL)
        return err_set(err, ERR_ADAPTER_STRUCT, NULL, "there is no symbol gwa_entry");
    if (entry->size < least)
        return err_set(err, ERR_ADAPTER_STRUCT, NULL, "%zu bytes, at least %zu are needed", entry->size, least);
    memcpy(&adapter->entry, entry, entry->size < sizeof(*entry) ? entry->size : sizeof(*entry));
    adapter->report.fetches = adapter->entry.fetch != NULL;
    adapter->report.sends = adapter->entry.send != NULL;
    return true;
}

static bool check_name(struct host_adapter *adapter, struct err *err)
{
    const char *said = adapter->entry.name;

    if (said == NULL || strcmp(said, adapter->name) != 0)
        return err_set(err, ERR_ADAPTER_NAME, NULL, "it calls itself %.64s", said == NULL ? "nothing" : said);
    return true;
}

static bool check_callbacks(struct host_adapter *adapter, struct err *err)
{
    const struct gwa_adapter *entry = &adapter->entry;

    if (entry->open == NULL || entry->close == NULL)
        return err_set(err, ERR_ADAPTER_CALLBACK, NULL, "%s is missing", entry->open == NULL ? "open" : "close");
    if (entry->fetch == NULL && entry->send == NULL)
        return err_set(err, ERR_ADAPTER_CALLBACK, NULL, "neither fetch nor send is there");
    if (entry->send != NULL && entry->resolve == NULL)
        return err_set(err, ERR_ADAPTER_CALLBACK, NULL, "send demands resolve");
    adapter->report.settings = entry->settings;
    return true;
}

static const struct {
    const char *name;
    bool (*run)(struct host_adapter *adapter, struct err *err);
} steps[] = {
    {"dlopen", open_library},      {"abi", check_abi}, {"struct", take_entry}, {"name", check_name},
    {"callback", check_callbacks},
};

static void run_steps(struct host_adapter *adapter)
{
    struct host_report *report = &adapter->report;

    report->name = adapter->name;
    report->path = adapter->path;
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (steps[i].run(adapter, &report->err))
            continue;
        report->failed_step = steps[i].name;
        (void)err_context(&report->err, "adapter %s, step %s", adapter->name, steps[i].name);
        if (adapter->library != NULL)
            (void)dlclose(adapter->library);
        adapter->library = NULL;
        return;
    }
}

static struct host_adapter *adapter_new(const char *name, const char *path)
{
    struct host_adapter *adapter = xcalloc(1, sizeof(*adapter));

    adapter->name = xstrdup(name);
    adapter->path = xstrdup(path);
    return adapter;
}

/* A quarantined adapter's thread may still run its code, so that stays mapped. */
void host_adapter_free(struct host_adapter *adapter)
{
    while (adapter != NULL) {
        struct host_adapter *older = adapter->older;

        if (adapter->library != NULL && !adapter->quarantined)
            (void)dlclose(adapter->library);
        free(adapter->name);
        free(adapter->path);
        free(adapter);
        adapter = older;
    }
}

static size_t slot_of(const struct host *host, const char *name)
{
    size_t i = 0;

    while (i < host->adapter_n && strcmp(host->adapters[i]->name, name) != 0)
        i++;
    return i;
}

struct host_adapter *host_adapter_find(struct host *host, const char *name)
{
    size_t i = slot_of(host, name);

    return i == host->adapter_n || host->adapters[i]->report.failed_step != NULL ? NULL : host->adapters[i];
}

/* A name is a file's stem and nothing else: it must not lead out of the folder. */
static bool name_fits(const char *name, struct err *err)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (n == 0 || name[n] != '\0' || n > NAME_MAX_CHARS)
        return err_set(err, ERR_ADAPTER_UNKNOWN, NULL, "not an adapter's name: %.64s", name);
    return true;
}

static bool load_locked(struct host *host, const char *name, struct host_adapter **out, struct err *err)
{
    char path[4096];
    size_t i = slot_of(host, name);
    struct host_adapter *adapter;

    *out = host_adapter_find(host, name);
    if (*out != NULL)
        return true;
    if (i == HOST_ADAPTERS_MAX)
        return err_set(err, ERR_BUSY_QUEUE, NULL, "at most %d adapters", HOST_ADAPTERS_MAX);
    (void)snprintf(path, sizeof(path), "%s/%s.so", host->dir, name);
    adapter = adapter_new(name, path);
    run_steps(adapter);
    adapter->older = host->adapters[i];
    host->adapters[i] = adapter;
    host->adapter_n += i == host->adapter_n;
    *out = adapter;
    return true;
}

bool host_load(struct host *host, const char *name, const struct host_report **report_out, struct err *err)
{
    struct host_adapter *adapter;
    bool ok;

    *report_out = NULL;
    CHECK(name_fits(name, err));
    pthread_mutex_lock(&host->lock);
    ok = load_locked(host, name, &adapter, err);
    pthread_mutex_unlock(&host->lock);
    CHECK(ok);
    *report_out = &adapter->report;
    if (adapter->report.failed_step == NULL)
        return true;
    *err = adapter->report.err;
    return false;
}

size_t host_reports(struct host *host, const struct host_report *out[], size_t max)
{
    size_t n;

    pthread_mutex_lock(&host->lock);
    for (n = 0; n < host->adapter_n && n < max; n++)
        out[n] = &host->adapters[n]->report;
    pthread_mutex_unlock(&host->lock);
    return n;
}

static const struct gwa_setting *copy_settings(struct arena *arena, const struct gwa_setting *from)
{
    struct gwa_setting *to;
    size_t n = 0;

    while (from != NULL && n < HOST_SETTINGS_MAX && from[n].name != NULL)
        n++;
    to = arena_alloc(arena, (n + 1) * sizeof(*to));
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        to[i].name = arena_strdup(arena, from[i].name);
        to[i].fallback = arena_strdup(arena, from[i].fallback);
        to[i].help = arena_strdup(arena, from[i].help);
    }
    return to;
}

void host_check_path(const char *path, struct arena *arena, struct host_report *out)
{
    const char *slash = strrchr(path, '/');
    char *stem = arena_strdup(arena, slash == NULL ? path : slash + 1);
    size_t n = strlen(stem);
    struct host_adapter *adapter;

    if (n > 3 && strcmp(stem + n - 3, ".so") == 0)
        stem[n - 3] = '\0';
    /* without a slash dlopen would search the system's folders */
    adapter = adapter_new(stem, slash == NULL ? arena_printf(arena, "./%s", path) : path);
    run_steps(adapter);
    *out = adapter->report;
    out->name = stem;
    out->path = arena_strdup(arena, path);
    out->settings = copy_settings(arena, out->settings);
    host_adapter_free(adapter);
}
