/* daemon: the command line, and the life of the process. */
#include "daemon/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/internal.h"

static const char usage[] = "usage: pledged --config FILE [--check]\n"
                            "  --config FILE  pledged.yaml\n"
                            "  --check        open everything a start would open, tell every fault, keep nothing\n"
                            "用法：pledged --config FILE [--check]（--check 只检查配置，不启动）\n";

struct options {
    const char *file;
    bool check, help;
};

static bool parse(int argc, char **argv, struct options *out)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        if (c == 'c')
            out->file = optarg;
        else if (c == 'k')
            out->check = true;
        else if (c == 'h')
            out->help = true;
        else
            return false;
    }
    return out->help || (out->file != NULL && optind == argc);
}

/* Threads inherit the mask: signals come to sigwait alone. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void reload(struct daemon *daemon)
{
    AUTO_ARENA arena = arena_new();
    struct config_faults faults = {.max = DAEMON_FAULTS_MAX};

    faults.items = arena_alloc(arena, DAEMON_FAULTS_MAX * sizeof(*faults.items));
    (void)daemon_reload(daemon, &faults);
}

/* The main thread's only work after the start. */
static void wait_for_end(struct daemon *daemon, const sigset_t *set)
{
    int signal_number = 0;

    for (;;) {
        if (sigwait(set, &signal_number) != 0)
            continue;
        if (signal_number != SIGHUP)
            break;
        reload(daemon);
    }
    log_event(LOG_NOTICE, "stop", "signal=%s", sigabbrev_np(signal_number));
}

static void tell_failed(const struct err *err, size_t faults)
{
    const struct err_info *info = err_info(err->code);
    char more[64] = "";

    if (faults > 1)
        (void)snprintf(more, sizeof(more), "; and %zu more, told by --check", faults - 1);
    (void)fprintf(stderr, "pledged: cannot start 无法启动: %s: %s: %s %s：%s [%s]%s\n", err->place, info->en,
                  err->detail, info->zh, err_detail(err, true), info->code, more);
}

static int run(const char *file)
{
    AUTO_ARENA arena = arena_new();
    struct daemon daemon = {.file = file, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct config_faults faults = {.max = DAEMON_FAULTS_MAX};
    struct err err = {0};
    sigset_t set;
    int64_t began_ms = clock_mono_ms();
    bool ok;

    faults.items = arena_alloc(arena, DAEMON_FAULTS_MAX * sizeof(*faults.items));
    block_signals(&set);
    log_event(LOG_NOTICE, "start", "version=%s file=%s", GW_VERSION, file);
    ok = daemon_start(&daemon, &faults, &err);
    if (ok) {
        log_event(LOG_NOTICE, "ready", "ms=%lld", (long long)(clock_mono_ms() - began_ms));
        wait_for_end(&daemon, &set);
    } else if (daemon.force.config != NULL) {
        tell_blame(daemon.force.config, &err);
    }
    daemon_stop(&daemon);
    if (ok)
        log_event(LOG_NOTICE, "stopped", "in_order=true");
    else
        tell_failed(&err, faults.n);
    return ok ? 0 : 1;
}

int daemon_main(int argc, char **argv)
{
    struct options options = {0};

    if (!parse(argc, argv, &options)) {
        (void)fputs(usage, stderr);
        return err_info(ERR_USAGE)->exit_code;
    }
    if (options.help) {
        (void)fputs(usage, stderr);
        return 0;
    }
    (void)umask(077);
    return options.check ? check_run(options.file) : run(options.file);
}
