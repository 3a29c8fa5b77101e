/* check: opens what a start would open, keeps nothing, tells every fault. */
#include "daemon/internal.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct check {
    struct arena *arena;
    struct config_faults *faults;
    struct force force;
    struct kept kept;
    bool running;                        /* a daemon holds the data directory */
    unsigned format;                     /* of the store; 0: there is none yet */
};

static void note(struct check *check, struct err *err)
{
    tell_blame(check->force.config, err);
    config_fault(check->faults, err);
}

static void note_new(struct check *check, enum err_code code, const char *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void note_new(struct check *check, enum err_code code, const char *place, const char *format, ...)
{
    struct err err = {0};
    va_list args;

    va_start(args, format);
    (void)err_set_v(&err, code, place, format, args);
    va_end(args);
    note(check, &err);
}

static bool told(const struct check *check, const char *file)
{
    for (size_t i = 0; i < check->faults->n; i++) {
        if (strstr(check->faults->items[i].detail, file) != NULL)
            return true;
    }
    return false;
}

/* Certificates and keys are opened together and the first one that fails ends it; this looks behind it. */
static void check_files(struct check *check)
{
    const struct config *config = check->force.config;
    const char *const files[] = {
        config->tls_cert,        config->tls_key,        config->tls_ca,          config->tls_crl,
        config->tls_client_cert, config->tls_client_key, config->sign_es256_cert, config->sign_es256_key,
        config->sign_sm2_cert,   config->sign_sm2_key,   config->sign_rsa_cert,   config->sign_rsa_key,
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        if (files[i] != NULL && access(files[i], R_OK) != 0 && !told(check, files[i]))
            note_new(check, ERR_CONFIG_FILE, files[i], "%s", strerror(errno));
    }
}

static void check_rules(struct check *check)
{
    const struct rules_file *rules = check->force.rules;

    if (rules != NULL && policy_in_force(rules->policy, date_of_ms(clock_wall_ms())) == NULL)
        note_new(check, ERR_RULES_NONE, check->force.config->rules_file, "every version begins later than today");
}

/* The identity shown to others is used by the client library: a server context reads the same files. */
static void check_outgoing(struct check *check)
{
    const struct config *config = check->force.config;
    const struct crypto_tls_files files = {config->tls_client_cert, config->tls_client_key, config->tls_ca, NULL};
    struct crypto_tls *tls = NULL;
    struct err err = {0};

    if (files.cert != NULL && !crypto_tls_server(&files, &tls, &err))
        note(check, &err);
    crypto_tls_free(&tls);
}

/* ---- data ---- */

static void check_can_make(struct check *check, const char *directory)
{
    const char *parent = dirname(arena_strdup(check->arena, directory));

    if (access(parent, W_OK | X_OK) != 0)
        note_new(check, ERR_STORE_OPEN, directory, "it cannot be made in %s: %s", parent, strerror(errno));
}

static bool open_store(struct check *check, const char *path, bool exclusive, struct err *err)
{
    const struct store_options options = {
        .directory = path,
        .map_size = check->force.config->data_map_size,
        .exclusive = exclusive,
        .read_only = !exclusive,
        .older = true,
    };
    struct store *store = NULL;
    bool ok = store_open(&options, &store, err);

    if (ok && store_free_bytes(store) >= 0 && store_free_bytes(store) < check->force.config->data_min_free)
        note_new(check, ERR_STORE_FULL, check->force.config->data_dir, "less free disk than data.min_free");
    if (ok)
        check->format = store_format(store);
    store_close(&store);
    return ok;
}

static void check_store(struct check *check)
{
    const struct config *config = check->force.config;
    char path[DAEMON_PATH_MAX];
    struct stat info;
    struct err err = {0};

    if (!force_path(config, "store", path, &err)) {
        note(check, &err);
    } else if (stat(path, &info) != 0) {
        check_can_make(check, stat(config->data_dir, &info) == 0 ? path : config->data_dir);
    } else if (!open_store(check, path, true, &err)) {
        check->running = err.code == ERR_STORE_LOCKED;
        err.detail[0] = check->running ? '\0' : err.detail[0];
        if (!check->running || !open_store(check, path, false, &err))
            note(check, &err);
    }
}

/* ---- addresses, adapters ---- */

static void unused(struct net_request *request, void *arg)
{
    const struct net_reply reply = {.status = 503};

    (void)arg;
    net_answer(request, &reply);
}

static void check_tcp(struct check *check, struct net *net, const char *setting, const char *address, bool plain)
{
    static const struct net_service service = {.handler = unused};
    struct err err = {0};

    if (address == NULL ||
        ((!plain || net_loopback(address, &err)) && net_listen_tcp(net, address, NULL, 0, &service, NULL, &err)))
        return;
    tell_blame_on(check->force.config, setting, &err);
    config_fault(check->faults, &err);
}

/* Binds as a start would; nothing is accepted, because the net is never started. */
static void check_listeners(struct check *check, struct net *net)
{
    static const struct net_service service = {.handler = unused};
    const struct config *config = check->force.config;
    struct err err = {0};

    if (check->running)
        return;
    check_tcp(check, net, "api.listen", config->api_listen, false);
    check_tcp(check, net, "admin.listen", config->admin_listen, false);
    check_tcp(check, net, "plain.listen", config->plain_listen, true);
    check_tcp(check, net, "frames.listen", config->frames_listen, false);
    if (!net_listen_unix(net, config->admin_socket, 0, &service, &err))
        note(check, &err);
}

/* An adapter with the settings of a source or of a partner's channel. */
static void check_adapter(struct check *check, struct host *host, const char *adapter,
                          const struct source_setting *given, size_t n, const char *place, bool sends)
{
    struct host_setting *settings = arena_alloc(check->arena, (n + 1) * sizeof(*settings));
    struct host_instance *instance = NULL;
    struct err err = {0};

    for (size_t i = 0; i < n; i++)
        settings[i] = (struct host_setting){given[i].name, given[i].value};
    if (!host_open(host, adapter, settings, n, place, &instance, &err)) {
        if (err.place[0] == '\0' || strchr(err.place, ':') == NULL)
            (void)snprintf(err.place, sizeof(err.place), "%s", place);
        note(check, &err);
        return;
    }
    if (sends && !host_sends(instance))
        note_new(check, ERR_DELIVERY_CHANNEL, place, "the adapter %.64s carries no messages", adapter);
    host_close(&instance);
}

static void check_sources(struct check *check, struct host *host)
{
    for (size_t i = 0; i < directory_sources(check->force.directory); i++) {
        const struct source *source = directory_source(check->force.directory, i);

        check_adapter(check, host, source->adapter, source->settings, source->setting_n, source->place, false);
    }
}

static void check_channels(struct check *check, struct host *host)
{
    for (size_t i = 0; i < directory_partners(check->force.directory); i++) {
        const struct partner_channel *channel = &directory_partner(check->force.directory, i)->channel;

        if (channel->adapter != NULL)
            check_adapter(check, host, channel->adapter, channel->settings, channel->setting_n, channel->place, true);
    }
}

static void check_adapters(struct check *check, struct net *net)
{
    const struct config *config = check->force.config;
    const struct host_options options = {
        .net = net,
        .adapters_dir = config->adapters_dir,
        .step_limit_ms = config->adapter_step_limit,
        .cert = config->tls_client_cert,
        .key = config->tls_client_key,
        .ca = config->tls_ca,
    };
    struct host *host = host_new(&options);

    check_sources(check, host);
    check_channels(check, host);
    host_free(&host);
}

static void check_net(struct check *check)
{
    const struct net_options options = {.threads = 1, .workers = 1, .connections = 16, .stop_ms = 1000};
    struct net *net = net_new(&options);

    check_listeners(check, net);
    if (check->force.directory != NULL)
        check_adapters(check, net);
    net_free(&net);
}

/* ---- all of it ---- */

static void check_all(struct check *check, const char *file)
{
    force_look(file, &check->kept, check->arena, &check->force, check->faults);
    if (check->force.config == NULL)
        return;
    check_files(check);
    check_rules(check);
    check_outgoing(check);
    check_store(check);
    check_net(check);
}

static void tell(const struct check *check, const char *file)
{
    for (size_t i = 0; i < check->faults->n; i++)
        tell_fault(&check->faults->items[i]);
    if (check->running)
        (void)fputs("a daemon runs on this data directory; its addresses were not tried\n"
                    "    该数据目录已有守护进程在运行，未试绑监听地址\n", stderr);
    if (check->format != 0 && check->format != STORE_FORMAT)
        (void)fprintf(stderr, "a start will upgrade the store from format %u to %u and keep a copy of it\n"
                      "    启动时将把存储由格式 %u 升级为 %u，并保留副本\n", check->format, STORE_FORMAT, check->format,
                      STORE_FORMAT);
    if (check->faults->n == 0)
        (void)fprintf(stderr, "%s: no faults\n    配置检查通过\n", file);
    else
        (void)fprintf(stderr, "%s: %zu fault%s\n    共 %zu 处问题\n", file, check->faults->n,
                      check->faults->n == 1 ? "" : "s", check->faults->n);
}

int check_run(const char *file)
{
    AUTO_ARENA arena = arena_new();
    struct config_faults faults = {.max = DAEMON_FAULTS_MAX};
    struct check check = {.arena = arena, .faults = &faults};

    faults.items = arena_alloc(arena, DAEMON_FAULTS_MAX * sizeof(*faults.items));
    log_set_level(LOG_ERROR);
    check_all(&check, file);
    tell(&check, file);
    force_release(&check.force);
    kept_free(&check.kept);
    return faults.n == 0 ? 0 : 1;
}
