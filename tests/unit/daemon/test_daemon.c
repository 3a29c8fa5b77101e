/* pledged from outside: --check, start, reload and stop, as an operator and the service manager see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/daemon.h"

#define WAIT_MS 60000

static char root[] = "/tmp/daemon-test-XXXXXX";
static char folder[64];
static struct arena *arena;
static int manager = -1;                 /* the service manager's socket */
static int folders;

static const char pledged_yaml[] =
    "gateway:\n"                                                                              /* 1 */
    "  name: ippledge-sx\n"
    "  origin: ippledge-sx.log\n"
    "  issuer: {name: 山西省知识产权局, uscc: 11140000MB1234567X}\n"
    "data: {directory: data}\n"                                                               /* 5 */
    "files: {rules: rules.yaml, partners: partners.yaml, operators: operators.yaml, sources: sources.yaml}\n"
    "api: {listen: \"127.0.0.1:0\"}\n"
    "admin: {listen: \"127.0.0.1:0\", socket: pledged.sock}\n"
    "tls: {certificate: ../pki/server.pem, key: ../pki/server.key, client_ca: ../pki/ca.pem}\n"
    "signing:\n"                                                                              /* 10 */
    "  es256: {certificate: ../pki/gateway-sign.pem, key: ../pki/gateway-sign.key}\n"
    "adapters: {directory: adapters}\n";

static const char partners_yaml[] =
    "partners:\n"
    "  - {id: bank-a, name: A, roles: [bank], tls_certificates: [../pki/bank-a.pem]}\n";

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
    char command[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

static int prepare(void **state)
{
    (void)state;
    if (mkdtemp(root) == NULL)
        return -1;
    shell("sh '%s/certs/make-dev-pki.sh' '%s/pki'", SOURCE_DIR, root);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    shell("rm -rf '%s'", root);
    return 0;
}

static const char *path_of(const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static const char *read_file(const char *name)
{
    char *text = arena_alloc(arena, 65536);
    FILE *file = fopen(path_of(name), "r");

    assert_non_null(file);
    text[fread(text, 1, 65535, file)] = '\0';
    (void)fclose(file);
    return text;
}

static void listen_as_manager(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
}

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    (void)snprintf(folder, sizeof(folder), "%s/%d", root, folders++);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkdir(path_of("adapters"), 0700), 0);
    write_file("pledged.yaml", pledged_yaml);
    write_file("partners.yaml", partners_yaml);
    write_file("operators.yaml", "operators: []\n");
    write_file("sources.yaml", "sources: []\n");
    shell("cp -r '%s/schemas' '%s'", SOURCE_DIR, path_of("schemas"));
    shell("cp '%s/gateway/policy/rules-sample.yaml' '%s'", SOURCE_DIR, path_of("rules.yaml"));
    listen_as_manager();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    (void)close(manager);
    arena_free(&arena);
    return 0;
}

/* Runs pledged in a child; what it says goes to the files `name`.out and `name`.err. */
static pid_t spawn(const char *name, bool check)
{
    char file[128];
    char *argv[] = {(char *)"pledged", (char *)"--config", file, check ? (char *)"--check" : NULL, NULL};
    const char *out = path_of(arena_printf(arena, "%s.out", name)), *err = path_of(arena_printf(arena, "%s.err", name));
    pid_t pid;

    (void)snprintf(file, sizeof(file), "%s", path_of("pledged.yaml"));
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    if (freopen(out, "w", stdout) == NULL || freopen(err, "w", stderr) == NULL)
        _exit(99);
    arena_free(&arena);
    exit(daemon_main(check ? 4 : 3, argv));
}

static int wait_for(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status))
        fail_msg("ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static int run(const char *name, bool check)
{
    return wait_for(spawn(name, check));
}

/* The next thing told to the service manager begins so. */
static void told(const char *what, const char *name)
{
    struct pollfd ready = {.fd = manager, .events = POLLIN};
    char text[256] = "";

    if (poll(&ready, 1, WAIT_MS) != 1)
        fail_msg("nothing told instead of %s\n%s", what, read_file(arena_printf(arena, "%s.err", name)));
    assert_true(recv(manager, text, sizeof(text) - 1, 0) > 0);
    if (strncmp(text, what, strlen(what)) != 0)
        fail_msg("told %s instead of %s", text, what);
}

static void says(const char *text, const char *expected)
{
    if (strstr(text, expected) == NULL)
        fail_msg("%s\nis not in\n%s", expected, text);
}

static size_t lines(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

static void a_good_configuration_passes(void **state)
{
    struct stat info;

    (void)state;
    assert_int_equal(run("check", true), 0);
    says(read_file("check.err"), "no faults");
    says(read_file("check.err"), "检查通过");
    assert_string_equal(read_file("check.out"), "");
    assert_int_not_equal(stat(path_of("data"), &info), 0);
    assert_int_not_equal(stat(path_of("pledged.sock"), &info), 0);
}

static void every_fault_is_told_with_its_place(void **state)
{
    const char *text;

    (void)state;
    shell("sed -i -e 's,../pki/server.key,../pki/ca.key,' -e 's,127.0.0.1:0,127.0.0.1:http?,' "
          "-e 's,../pki/gateway-sign.key,none.key,' '%s'", path_of("pledged.yaml"));
    write_file("partners.yaml", "partners:\n  - {id: b, name: B, roles: [king], tls_keys: [12]}\n");
    write_file("operators.yaml", "operators: 5\n");
    write_file("rules.yaml", "versions: 7\n");
    assert_int_equal(run("check", true), 1);
    text = read_file("check.err");
    says(text, "/pledged.yaml:7:15: ");
    says(text, "/pledged.yaml:8:17: ");
    says(text, "/pledged.yaml:9:44: ");
    says(text, "[key.mismatch]");
    says(text, "/pledged.yaml:11:54: ");
    says(text, "none.key");
    says(text, "/partners.yaml:2:30: ");
    says(text, "/partners.yaml:2:48: ");
    says(text, "/operators.yaml:1:12: ");
    says(text, "/rules.yaml:1:");
    says(text, "设置项的值不合要求");
    assert_string_equal(read_file("check.out"), "");
}

static void what_only_shows_together_is_told(void **state)
{
    const char *text;

    (void)state;
    write_file("partners.yaml", "partners:\n"
                                "  - {id: a, name: A, roles: [bank], tls_certificates: [../pki/bank-a.pem]}\n"
                                "  - {id: b, name: B, roles: [bank], tls_certificates: [../pki/bank-b.pem], answer_alg: SM2}\n");
    write_file("sources.yaml", "sources:\n"
                               "  - id: s\n"
                               "    name: S\n"
                               "    adapter: nowhere\n"
                               "    scope: full\n"
                               "    period: 1h\n"
                               "    settings: {url: x}\n");
    assert_int_equal(run("check", true), 1);
    text = read_file("check.err");
    says(text, "/partners.yaml:3:5: ");
    says(text, "SM2");
    says(text, "/sources.yaml:7:15: ");
    says(text, "nowhere");
    says(text, "2 faults");
}

static void a_start_that_fails_says_why_in_one_line(void **state)
{
    const char *text;

    (void)state;
    shell("echo 'colour: red' >> '%s'", path_of("pledged.yaml"));
    assert_int_equal(run("start", false), 1);
    text = read_file("start.err");
    says(text, "pledged: cannot start 无法启动: ");
    says(text, "/pledged.yaml:13:1: ");
    says(text, "colour");
    assert_int_equal(lines(text), 2);      /* the log's line "start" and this one */
    assert_string_equal(read_file("start.out"), "");
}

static void the_command_line_is_judged(void **state)
{
    char *none[] = {(char *)"pledged", NULL};
    char *more[] = {(char *)"pledged", (char *)"--config", (char *)"x", (char *)"y", NULL};

    (void)state;
    optind = 1;
    assert_int_equal(daemon_main(1, none), 2);
    optind = 1;
    assert_int_equal(daemon_main(4, more), 2);
    optind = 1;
}

static void it_starts_reloads_and_stops(void **state)
{
    struct stat info;
    pid_t pid = spawn("run", false);
    const char *text;

    (void)state;
    told("READY=1", "run");
    assert_int_equal(stat(path_of("data"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    shell("sed -i 's/name: A/name: AA/' '%s'", path_of("partners.yaml"));
    assert_int_equal(kill(pid, SIGHUP), 0);
    told("RELOADING=1", "run");
    told("READY=1", "run");
    write_file("partners.yaml", "partners: [\n");
    shell("echo nonsense >>'%s'", path_of("schemas/catalog.csv"));
    assert_int_equal(kill(pid, SIGHUP), 0);
    told("RELOADING=1", "run");
    told("READY=1", "run");
    assert_int_equal(kill(pid, SIGTERM), 0);
    told("STOPPING=1", "run");
    assert_int_equal(wait_for(pid), 0);
    text = read_file("run.err");
    says(text, "generation=2 faults=0");
    says(text, "generation=3 faults=2");
    says(text, "/partners.yaml:2:1");
    says(text, "file=partners");
    says(text, "schemas/catalog.csv:");
    assert_string_equal(read_file("run.out"), "");
    assert_int_not_equal(stat(path_of("pledged.sock"), &info), 0);
}

static void one_daemon_a_data_directory(void **state)
{
    pid_t pid = spawn("first", false);

    (void)state;
    told("READY=1", "first");
    shell("sed -i 's,socket: pledged.sock,socket: other.sock,' '%s'", path_of("pledged.yaml"));
    assert_int_equal(run("second", false), 1);
    says(read_file("second.err"), "[store.locked]");
    told("STOPPING=1", "second");
    assert_int_equal(run("check", true), 0);
    says(read_file("check.err"), "a daemon runs");
    assert_int_equal(kill(pid, SIGINT), 0);
    told("STOPPING=1", "first");
    assert_int_equal(wait_for(pid), 0);
    assert_int_equal(run("check", true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_configuration_passes, start, stop),
        cmocka_unit_test_setup_teardown(every_fault_is_told_with_its_place, start, stop),
        cmocka_unit_test_setup_teardown(what_only_shows_together_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_start_that_fails_says_why_in_one_line, start, stop),
        cmocka_unit_test_setup_teardown(the_command_line_is_judged, start, stop),
        cmocka_unit_test_setup_teardown(it_starts_reloads_and_stops, start, stop),
        cmocka_unit_test_setup_teardown(one_daemon_a_data_directory, start, stop),
    };

    return cmocka_run_group_tests(tests, prepare, clean);
}
