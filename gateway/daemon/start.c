/* start: everything opened in reading order, and closed the other way round. */
#include "daemon/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os.h"

#define SPARE_READERS 64                 /* step threads, runs, and tools that look from outside */
#define OVERLAP_MS (10 * 60 * 1000)

/* The first of the faults is the reason. */
static bool reason(const struct config_faults *faults, struct err *err)
{
    if (faults->n > 0)
        *err = faults->items[0];
    else
        (void)err_set(err, ERR_INTERNAL, "start", "faults without a reason");
    return false;
}

static bool make_directory(const char *path, struct err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_errno(err, ERR_STORE_OPEN, path, "mkdir");
    return true;
}

static bool make_directories(struct daemon *daemon, struct err *err)
{
    const struct config *config = daemon->force.config;

    CHECK(force_path(config, "store", daemon->store_dir, err));
    CHECK(force_path(config, "access", daemon->access_dir, err));
    CHECK(force_path(config, "scratch", daemon->scratch_dir, err));
    CHECK(make_directory(config->data_dir, err));
    return make_directory(daemon->scratch_dir, err);
}

/* Each connection is a descriptor; the store, the log and outgoing exchanges need the rest. */
static void raise_files(int64_t connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)(2 * connections + 1024);

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        log_event(LOG_WARN, "start.files", "limit=%llu wanted=%llu", (unsigned long long)limit.rlim_cur,
                  (unsigned long long)wanted);
}

static bool open_files(struct daemon *daemon, struct config_faults *faults, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    bool ok = force_load(daemon->file, NULL, &daemon->kept, arena, &daemon->force, faults);

    return ok || reason(faults, err);
}

static bool open_store(struct daemon *daemon, struct err *err)
{
    const struct config *config = daemon->force.config;
    const struct store_options options = {
        .directory = daemon->store_dir,
        .map_size = config->data_map_size,
        .readers = (int)(config->net_threads + 2 * config->net_workers) + SPARE_READERS,
        .exclusive = true,
        .older = true,
    };

    CHECK(store_open(&options, &daemon->store, err));
    daemon->journal = journal_lmdb();
    const struct care_backup data = {
        .store = daemon->store, .journal = daemon->journal, .access_dir = daemon->access_dir, .config = config};
    return care_upgrade(&data, err);
}

static void open_ledger(struct daemon *daemon)
{
    const struct config *config = daemon->force.config;
    const struct ledger_options options = {
        .store = daemon->store,
        .journal = daemon->journal,
        .policy = daemon->force.rules->policy,
        .queue_max = (int)config->ledger_queue,
        .min_free = config->data_min_free,
    };

    daemon->ledger = ledger_new(&options);
}

static bool open_access(struct daemon *daemon, struct err *err)
{
    const struct config *config = daemon->force.config;
    const struct access_options options = {
        .directory = daemon->access_dir,
        .segment_size = config->access_segment,
        .retention_ms = config->access_retention,
    };

    return access_open(&options, &daemon->access, err);
}

static void open_statements(struct daemon *daemon)
{
    const struct config *config = daemon->force.config;
    const struct statements_options options = {
        .journal = daemon->journal,
        .issuer_name = config->issuer_name,
        .issuer_uscc = config->issuer_uscc,
        .validity_ms = config->statement_validity,
        .stale_after_ms = config->freshness_stale_after,
        .refuse_after_ms = config->freshness_refuse_after,
        .cache_max = (size_t)config->statement_cache,
    };

    daemon->statements = statements_new(&options);
}

static void open_net(struct daemon *daemon)
{
    const struct config *config = daemon->force.config;
    const struct net_options options = {
        .threads = (int)config->net_threads,
        .workers = (int)config->net_workers,
        .connections = (int)config->net_connections,
        .header_ms = config->net_header_deadline,
        .body_ms = config->net_body_deadline,
        .idle_ms = config->net_idle_deadline,
        .write_ms = config->net_write_deadline,
        .stop_ms = config->net_stop_deadline,
    };

    raise_files(config->net_connections);
    daemon->net = net_new(&options);
}

static bool open_sync(struct daemon *daemon, struct config_faults *faults, struct err *err)
{
    const struct config *config = daemon->force.config;
    const struct host_options host = {
        .net = daemon->net,
        .adapters_dir = config->adapters_dir,
        .step_limit_ms = config->adapter_step_limit,
        .cert = config->tls_client_cert,
        .key = config->tls_client_key,
        .ca = config->tls_ca,
    };
    struct sync_options options = {
        .ledger = daemon->ledger, .store = daemon->store, .spill_dir = config->data_dir, .overlap_ms = OVERLAP_MS};

    daemon->host = options.host = host_new(&host);
    daemon->sync = sync_new(&options);
    if (sync_set_directory(daemon->sync, daemon->force.directory, faults))
        return true;
    for (size_t i = 0; i < faults->n; i++)
        tell_blame(config, &faults->items[i]);
    return reason(faults, err);
}

/* The api knows nothing of the console but its files. */
static bool console_page(const char *name, struct api_page *out)
{
    const struct console_file *file = console_find(name);

    if (file == NULL)
        return false;
    *out = (struct api_page){file->media_type, file->tag, file->plain, file->gzip};
    return true;
}

static void open_intake(struct daemon *daemon)
{
    const struct intake_options options = {
        .ledger = daemon->ledger,
        .store = daemon->store,
        .journal = daemon->journal,
        .net = daemon->net,
        .gateway = daemon->force.config->gateway_name,
        .objection_days = daemon->force.config->objection_due,
    };

    daemon->intake = intake_new(&options);
    intake_set(daemon->intake, daemon->force.catalog, daemon->force.directory);
}

static bool open_feed(struct daemon *daemon, struct config_faults *faults, struct err *err)
{
    const struct feed_options options = {
        .host = daemon->host,
        .ledger = daemon->ledger,
        .store = daemon->store,
        .intake = daemon->intake,
        .overlap_ms = OVERLAP_MS,
    };

    daemon->feed = feed_new(&options);
    if (feed_set_directory(daemon->feed, daemon->force.directory, faults))
        return true;
    for (size_t i = 0; i < faults->n; i++)
        tell_blame(daemon->force.config, &faults->items[i]);
    return reason(faults, err);
}

static bool open_delivery(struct daemon *daemon, struct config_faults *faults, struct err *err)
{
    const struct delivery_options options = {
        .store = daemon->store,
        .journal = daemon->journal,
        .ledger = daemon->ledger,
        .host = daemon->host,
        .gateway = daemon->force.config->gateway_name,
    };

    daemon->delivery = delivery_new(&options);
    return daemon_set_channels(daemon, faults) || reason(faults, err);
}

static void open_heads(struct daemon *daemon)
{
    const struct heads_options options = {
        .store = daemon->store,
        .journal = daemon->journal,
        .ledger = daemon->ledger,
        .origin = daemon->force.config->gateway_origin,
    };

    daemon->heads = heads_new(&options);
    heads_set_ring(daemon->heads, daemon->force.ring);
}

static void open_api(struct daemon *daemon)
{
    const struct api_options options = {
        .net = daemon->net,
        .store = daemon->store,
        .journal = daemon->journal,
        .ledger = daemon->ledger,
        .sync = daemon->sync,
        .feed = daemon->feed,
        .intake = daemon->intake,
        .delivery = daemon->delivery,
        .host = daemon->host,
        .heads = daemon->heads,
        .statements = daemon->statements,
        .access = daemon->access,
        .access_dir = daemon->access_dir,
        .scratch_dir = daemon->scratch_dir,
        .reload = daemon_api_reload,
        .page = console_page,
        .arg = daemon,
    };
    const struct api_state state = {
        .generation = daemon->force.generation,
        .config = daemon->force.config,
        .directory = daemon->force.directory,
        .policy = daemon->force.rules->policy,
        .catalog = daemon->force.catalog,
        .server_tls = daemon->force.tls,
        .ring = daemon->force.ring,
    };

    daemon->api = api_new(&options, &state);
    metric_set(METRIC_CONFIG_GENERATION, (int64_t)daemon->force.generation);
}

static bool listen_tcp(struct daemon *daemon, const char *setting, const char *address, int tag, struct err *err)
{
    struct crypto_tls *tls = tag == API_LISTENER_PLAIN ? NULL : daemon->force.tls;
    int port = 0;

    if ((tls == NULL && !net_loopback(address, err)) ||
        !net_listen_tcp(daemon->net, address, tls, tag, api_service(daemon->api), &port, err)) {
        tell_blame_on(daemon->force.config, setting, err);
        return false;
    }
    log_event(LOG_INFO, "start.listen", "setting=%s address=%s port=%d", setting, address, port);
    return true;
}

static bool listen_frames(struct daemon *daemon, const char *address, struct err *err)
{
    int port = 0;

    if (!net_listen_frames(daemon->net, address, daemon->force.tls, API_LISTENER_FRAMES, api_service(daemon->api), &port,
                           err)) {
        tell_blame_on(daemon->force.config, "frames.listen", err);
        return false;
    }
    log_event(LOG_INFO, "start.listen", "setting=frames.listen address=%s port=%d", address, port);
    return true;
}

static bool open_listeners(struct daemon *daemon, struct err *err)
{
    const struct config *config = daemon->force.config;

    CHECK(listen_tcp(daemon, "api.listen", config->api_listen, API_LISTENER_PARTNER, err));
    CHECK(listen_tcp(daemon, "admin.listen", config->admin_listen, API_LISTENER_ADMIN, err));
    if (config->frames_listen != NULL)
        CHECK(listen_frames(daemon, config->frames_listen, err));
    CHECK(net_listen_unix(daemon->net, config->admin_socket, API_LISTENER_SOCKET, api_service(daemon->api), err));
    if (config->plain_listen != NULL)
        CHECK(listen_tcp(daemon, "plain.listen", config->plain_listen, API_LISTENER_PLAIN, err));
    return true;
}

static void watchdog_tick(void *arg)
{
    (void)arg;
    os_notify_watchdog();
}

/* From the loop itself: a loop that stands still gives no sign of life. */
static void open_watchdog(struct daemon *daemon)
{
    int64_t every_ms;

    if (os_watchdog(&every_ms))
        net_every(daemon->net, every_ms, every_ms, watchdog_tick, NULL);
}

/* The probes answer while what a crash left half done is rolled forward; nothing else does before ready. */
static bool become_ready(struct daemon *daemon, struct err *err)
{
    CHECK(net_start(daemon->net, err));
    CHECK(ledger_start(daemon->ledger, err));
    CHECK(care_tell(daemon->store, daemon->ledger, err));
    CHECK(ledger_saw_keys(daemon->ledger, daemon->force.ring, err));
    CHECK(daemon_tell_files(daemon, err));
    CHECK(sync_recover(daemon->sync, err));
    CHECK(intake_recover(daemon->intake, err));
    CHECK(feed_recover(daemon->feed, err));
    CHECK(delivery_start(daemon->delivery, err));
    CHECK(heads_start(daemon->heads, err));
    access_set_ended(daemon->access, time_access_ended, daemon);
    CHECK(time_start(daemon, err));
    api_set_ready(daemon->api, true, NULL);
    os_notify_ready();
    return true;
}

bool daemon_start(struct daemon *daemon, struct config_faults *faults, struct err *err)
{
    CHECK(open_files(daemon, faults, err));
    log_set_level((enum log_level)daemon->force.config->log_level);
    CHECK(make_directories(daemon, err));
    CHECK(open_store(daemon, err));
    open_ledger(daemon);
    CHECK(open_access(daemon, err));
    open_statements(daemon);
    open_net(daemon);
    CHECK(open_sync(daemon, faults, err));
    open_intake(daemon);
    CHECK(open_feed(daemon, faults, err));
    CHECK(open_delivery(daemon, faults, err));
    open_heads(daemon);
    open_api(daemon);
    CHECK(open_listeners(daemon, err));
    open_watchdog(daemon);
    return become_ready(daemon, err);
}

/* Whoever still waits for the ledger is answered before it ends; what was answered is in the access log before that
 * ends. */
void daemon_stop(struct daemon *daemon)
{
    if (daemon->api != NULL)
        api_set_ready(daemon->api, false, "stopping");
    os_notify_stopping();
    if (daemon->api != NULL)
        api_stop(daemon->api);
    /* runs first: cut off by the network, they would count as failed rather than cancelled */
    if (daemon->sync != NULL)
        sync_stop(daemon->sync);
    if (daemon->feed != NULL)
        feed_stop(daemon->feed);
    if (daemon->delivery != NULL)
        delivery_stop(daemon->delivery);
    if (daemon->net != NULL)
        net_stop(daemon->net);
    time_stop(daemon);
    if (daemon->heads != NULL)
        heads_stop(daemon->heads);
    sync_free(&daemon->sync);
    feed_free(&daemon->feed);
    host_free(&daemon->host);
    if (daemon->ledger != NULL)
        ledger_stop(daemon->ledger);
    net_free(&daemon->net);
    api_free(&daemon->api);
    heads_free(&daemon->heads);
    delivery_free(&daemon->delivery);
    intake_free(&daemon->intake);
    access_close(&daemon->access);
    statements_free(&daemon->statements);
    ledger_free(&daemon->ledger);
    journal_free(&daemon->journal);
    store_close(&daemon->store);
    force_release(&daemon->force);
    kept_free(&daemon->kept);
}
