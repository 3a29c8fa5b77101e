/* reload: files read again while running. What has a fault stays as it was and is told; the rest takes effect. */
#include "daemon/internal.h"

#include <inttypes.h>
#include <string.h>

#include "os/os.h"

bool daemon_tell_files(struct daemon *daemon, struct err *err)
{
    const struct force *force = &daemon->force;
    const struct rules *rules = policy_in_force(force->rules->policy, date_of_ms(clock_wall_ms()));
    static const char *const names[] = {"partners", "operators", "sources"};

    CHECK(ledger_saw_config(daemon->ledger, "rules", force->rules->digest, rules == NULL ? "" : rules->version, err));
    for (int i = 0; i < 3; i++)
        CHECK(ledger_saw_config(daemon->ledger, names[i], directory_digest(force->directory, i), "", err));
    if (rules == NULL)
        log_event(LOG_WARN, "rules.none", "file=%s", force->config->rules_file);
    return true;
}

/* These are taken once, at the start. */
static void tell_fixed(const struct config *old, const struct config *fresh)
{
    if (old != fresh)
        log_event(LOG_NOTICE, "reload.config",
                  "addresses, data, threads, queues and statement settings take effect at the next start");
}

static void take_effect(struct daemon *daemon, struct force *fresh)
{
    struct force old = daemon->force;
    const struct api_state state = {
        .generation = fresh->generation,
        .config = fresh->config,
        .directory = fresh->directory,
        .policy = fresh->rules->policy,
        .catalog = fresh->catalog,
        .server_tls = fresh->tls,
        .ring = fresh->ring,
    };

    tell_fixed(old.config, fresh->config);
    log_set_level((enum log_level)fresh->config->log_level);
    daemon->force = *fresh;
    net_replace_tls(daemon->net, API_LISTENER_PARTNER, fresh->tls);
    net_replace_tls(daemon->net, API_LISTENER_ADMIN, fresh->tls);
    net_replace_tls(daemon->net, API_LISTENER_FRAMES, fresh->tls);
    ledger_set_policy(daemon->ledger, fresh->rules->policy);
    intake_set(daemon->intake, fresh->catalog, fresh->directory);
    heads_set_ring(daemon->heads, fresh->ring);
    api_swap(daemon->api, &state);
    force_release(&old);
}

/* A key that cannot be written down is not used: what it signs must be found in the list of keys at once. */
static bool publish_keys(struct daemon *daemon, struct force *fresh, struct config_faults *faults)
{
    struct err err = {0};

    if (ledger_saw_keys(daemon->ledger, fresh->ring, &err))
        return true;
    config_fault(faults, &err);
    crypto_keyring_free(&fresh->ring);
    directory_free(&fresh->directory);
    fresh->ring = crypto_keyring_ref(daemon->force.ring);
    fresh->directory = directory_ref(daemon->force.directory);
    return false;
}

static bool set_sources(struct daemon *daemon, struct config_faults *faults)
{
    size_t first = faults->n;
    bool ok = sync_set_directory(daemon->sync, daemon->force.directory, faults);

    ok = feed_set_directory(daemon->feed, daemon->force.directory, faults) && ok;
    for (size_t i = first; i < faults->n; i++)
        tell_blame(daemon->force.config, &faults->items[i]);
    return ok;
}

bool daemon_set_channels(struct daemon *daemon, struct config_faults *faults)
{
    const struct delivery_force force = {
        .catalog = daemon->force.catalog,
        .policy = daemon->force.rules->policy,
        .directory = daemon->force.directory,
        .ring = daemon->force.ring,
    };
    size_t first = faults->n;
    bool ok = delivery_set(daemon->delivery, &force, faults);

    for (size_t i = first; i < faults->n; i++)
        tell_blame(daemon->force.config, &faults->items[i]);
    return ok;
}

static bool reload(struct daemon *daemon, struct config_faults *faults)
{
    AUTO_ARENA arena = arena_new();
    struct force fresh;
    struct err err = {0};
    bool ok = force_load(daemon->file, &daemon->force, &daemon->kept, arena, &fresh, faults);

    ok = publish_keys(daemon, &fresh, faults) && ok;
    take_effect(daemon, &fresh);
    ok = set_sources(daemon, faults) && ok;
    ok = daemon_set_channels(daemon, faults) && ok;
    if (!daemon_tell_files(daemon, &err)) {
        config_fault(faults, &err);
        ok = false;
    }
    return ok;
}

static void tell_reload(const struct daemon *daemon, bool ok, const struct config_faults *faults)
{
    for (size_t i = 0; i < faults->n; i++)
        log_err(LOG_ERROR, "reload.fault", &faults->items[i]);
    metric_set(METRIC_CONFIG_GENERATION, (int64_t)daemon->force.generation);
    log_event(ok ? LOG_NOTICE : LOG_ERROR, "reload", "generation=%" PRIu64 " faults=%zu%s", daemon->force.generation,
              faults->n, ok ? "" : "; what has a fault stays as it was");
}

bool daemon_reload(struct daemon *daemon, struct config_faults *faults)
{
    bool ok;

    pthread_mutex_lock(&daemon->lock);
    os_notify_reloading();
    ok = reload(daemon, faults);
    tell_reload(daemon, ok, faults);
    os_notify_ready();
    pthread_mutex_unlock(&daemon->lock);
    return ok;
}

static void write_report(struct daemon *daemon, struct buf *report)
{
    static const char *const names[] = {"partners", "operators", "sources"};

    pthread_mutex_lock(&daemon->lock);
    buf_printf(report, "generation %" PRIu64 "\nrules %s\n", daemon->force.generation, daemon->force.rules->digest);
    for (int i = 0; i < 3; i++)
        buf_printf(report, "%s %s\n", names[i], directory_digest(daemon->force.directory, i));
    pthread_mutex_unlock(&daemon->lock);
}

bool daemon_api_reload(void *arg, struct buf *report, struct err *err)
{
    struct daemon *daemon = arg;
    AUTO_ARENA arena = arena_new();
    struct config_faults faults = {.max = DAEMON_FAULTS_MAX};

    faults.items = arena_alloc(arena, DAEMON_FAULTS_MAX * sizeof(*faults.items));
    if (daemon_reload(daemon, &faults)) {
        write_report(daemon, report);
        return true;
    }
    for (size_t i = 0; i < faults.n; i++)
        api_fault(report, &faults.items[i]);
    *err = faults.items[0];
    return false;
}
