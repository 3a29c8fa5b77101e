/* pledged.yaml: defaults, every kind of fault with its place, and a shown configuration that loads again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

/* Every required setting and nothing else; 25 lines. */
static const char minimal[] = "gateway:\n"                             /* 1 */
                              "  name: ippledge-sx\n"
                              "  origin: ippledge-sx.log\n"
                              "  issuer:\n"
                              "    name: 山西省知识产权局\n"           /* 5 */
                              "    uscc: 11140000MB1234567X\n"
                              "data:\n"
                              "  directory: /var/lib/pledged\n"
                              "files:\n"
                              "  rules: rules.yaml\n"                   /* 10 */
                              "  partners: ./partners.yaml\n"
                              "  sources: ../sources.yaml\n"
                              "  operators: sub/operators.yaml\n"
                              "admin:\n"
                              "  socket: run/pledged.sock\n"            /* 15 */
                              "tls:\n"
                              "  certificate: tls.pem\n"
                              "  key: tls.key\n"
                              "  client_ca: ca.pem\n"
                              "signing:\n"                              /* 20 */
                              "  es256:\n"
                              "    certificate: sign.pem\n"
                              "    key: sign.key\n"
                              "adapters:\n"
                              "  directory: /usr/lib/pledged\n";        /* 25 */

static char folder[64];
static struct arena *arena;
static struct config_faults faults;
static struct config *config;

static int start(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/config-test-XXXXXX");
    arena = arena_new();
    faults = (struct config_faults){0};
    config = NULL;
    return mkdtemp(folder) == NULL;
}

static const char *file_path(void)
{
    return arena_printf(arena, "%s/pledged.yaml", folder);
}

static int stop(void **state)
{
    (void)state;
    config_free(&config);
    (void)unlink(file_path());
    arena_free(&arena);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(file_path(), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static bool load(const char *text)
{
    write_file(text);
    faults.n = 0;
    config_free(&config);
    return config_load(file_path(), &config, arena, &faults);
}

static void load_good(const char *text)
{
    if (!load(text))
        fail_msg("%s: %s (%s)", err_info(faults.items[0].code)->code, faults.items[0].detail, faults.items[0].place);
    assert_int_equal(faults.n, 0);
    assert_non_null(config);
}

/* `minimal` with `more` behind it. */
static const char *with(const char *more)
{
    return arena_printf(arena, "%s%s", minimal, more);
}

/* `minimal` with one line replaced. */
static const char *replaced(const char *line, const char *by)
{
    const char *at = strstr(minimal, line);

    assert_non_null(at);
    return arena_printf(arena, "%.*s%s%s", (int)(at - minimal), minimal, by, at + strlen(line));
}

static void expect_fault(size_t i, enum err_code code, const char *place, const char *word)
{
    char whole[192];
    const struct err *fault = &faults.items[i];

    assert_true(i < faults.n);
    (void)snprintf(whole, sizeof(whole), "%s/pledged.yaml:%s", folder, place);
    if (fault->code != code || strcmp(fault->place, whole) != 0 || strstr(fault->detail, word) == NULL)
        fail_msg("%s at %s: %s", err_info(fault->code)->code, fault->place, fault->detail);
}

static void refused(const char *text, enum err_code code, const char *place, const char *word)
{
    if (load(text))
        fail_msg("accepted: %s", text);
    assert_null(config);
    expect_fault(0, code, place, word);
    assert_int_equal(faults.n, 1);
}

static void defaults_apply(void **state)
{
    (void)state;
    load_good(minimal);
    assert_string_equal(config->gateway_name, "ippledge-sx");
    assert_string_equal(config->issuer_name, "山西省知识产权局");
    assert_string_equal(config->api_listen, "127.0.0.1:8443");
    assert_null(config->plain_listen);
    assert_null(config->tls_crl);
    assert_int_equal(config->net_threads, 2);
    assert_int_equal(config->net_header_deadline, 10000);
    assert_int_equal(config->freshness_stale_after, INT64_C(7) * 86400 * 1000);
    assert_int_equal(config->data_map_size, INT64_C(1) << 40);
    assert_int_equal(config->access_segment, 16 << 20);
    assert_int_equal(config->admission, 0);
    assert_int_equal(config->log_level, 1);
    assert_string_equal(config->schemas_dir, "/usr/lib/schemas");
    assert_true(bytes_equal(config->raw, bytes_str(minimal)));
}

static void paths_are_absolute(void **state)
{
    (void)state;
    load_good(minimal);
    assert_string_equal(config->file, file_path());
    assert_string_equal(config->data_dir, "/var/lib/pledged");
    assert_string_equal(config->rules_file, arena_printf(arena, "%s/rules.yaml", folder));
    assert_string_equal(config->partners_file, arena_printf(arena, "%s/partners.yaml", folder));
    assert_string_equal(config->sources_file, arena_printf(arena, "%s/../sources.yaml", folder));
    assert_string_equal(config->admin_socket, arena_printf(arena, "%s/run/pledged.sock", folder));
}

static void relative_file_names_work(void **state)
{
    char *before = getcwd(NULL, 0);

    (void)state;
    assert_non_null(before);
    write_file(minimal);
    assert_int_equal(chdir(folder), 0);
    assert_true(config_load("./pledged.yaml", &config, arena, &faults));
    assert_int_equal(chdir(before), 0);
    free(before);
    assert_string_equal(config->file, file_path());
    assert_string_equal(config->rules_file, arena_printf(arena, "%s/rules.yaml", folder));
}

static void values_are_taken(void **state)
{
    (void)state;
    load_good(with("net:\n  threads: 8\n  idle_deadline: 2min\npolicy: {admission: automatic}\nlog: {level: error}\n"
                   "access: {segment_size: 64KiB}\nplain: {listen: '127.0.0.1:9090'}\n"));
    assert_int_equal(config->net_threads, 8);
    assert_int_equal(config->net_idle_deadline, 120000);
    assert_int_equal(config->admission, 1);
    assert_int_equal(config->log_level, 4);
    assert_int_equal(config->access_segment, 65536);
    assert_string_equal(config->plain_listen, "127.0.0.1:9090");
}

static void nothing_means_the_default(void **state)
{
    (void)state;
    load_good(with("net: {threads: ~, workers: null}\nlog:\nplain:\n  listen:\n"));
    assert_int_equal(config->net_threads, 2);
    assert_int_equal(config->net_workers, 2);
    assert_int_equal(config->log_level, 1);
    assert_null(config->plain_listen);
}

static void faults_have_places(void **state)
{
    (void)state;
    refused(with("net:\n  thread: 8\n"), ERR_CONFIG_UNKNOWN, "27:3", "net.thread");
    refused(with("extra: 1\n"), ERR_CONFIG_UNKNOWN, "26:1", "extra");
    refused(with("net.threads: 8\n"), ERR_CONFIG_UNKNOWN, "26:1", "net.threads");
    refused(with("data: {}\n"), ERR_CONFIG_DUPLICATE, "26:1", "data");
    refused(with("net: 5\n"), ERR_CONFIG_VALUE, "26:6", "net");
    refused(with("net: [5]\n"), ERR_CONFIG_VALUE, "26:6", "net");
    refused(with("net: {threads: {a: 1}}\n"), ERR_CONFIG_VALUE, "26:16", "net.threads");
    refused(with("net: {threads: 65}\n"), ERR_CONFIG_VALUE, "26:16", "between 1 and 64");
    refused(with("net: {threads: 0}\n"), ERR_CONFIG_VALUE, "26:16", "between 1 and 64");
    refused(with("net: {threads: two}\n"), ERR_CONFIG_VALUE, "26:16", "whole number");
    refused(with("net: {threads: '2'}\n"), ERR_CONFIG_VALUE, "26:16", "quotes");
    refused(with("net: {threads: 010}\n"), ERR_CONFIG_VALUE, "26:16", "whole number");
    refused(with("net: {threads: 99999999999999999999}\n"), ERR_CONFIG_VALUE, "26:16", "whole number");
    refused(with("net: {idle_deadline: 75}\n"), ERR_CONFIG_VALUE, "26:22", "duration");
    refused(with("net: {idle_deadline: 2h}\n"), ERR_CONFIG_VALUE, "26:22", "between 100ms and 1h");
    refused(with("access: {segment_size: 1MB}\n"), ERR_CONFIG_VALUE, "26:24", "size");
    refused(with("access: {segment_size: 1048576}\n"), ERR_CONFIG_VALUE, "26:24", "size");
    refused(with("access: {segment_size: 2GiB}\n"), ERR_CONFIG_VALUE, "26:24", "between 64KiB and 1GiB");
    refused(with("access: {retention: 179d}\n"), ERR_CONFIG_VALUE, "26:21", "180d");
    refused(with("policy: {admission: auto}\n"), ERR_CONFIG_VALUE, "26:21", "approval|automatic");
    refused(with("policy: {admission: 'approval|automatic'}\n"), ERR_CONFIG_VALUE, "26:21", "approval|automatic");
    refused(with("plain: {listen: ''}\n"), ERR_CONFIG_VALUE, "26:17", "empty");
    refused(replaced("  name: ippledge-sx\n", "  name: \"a\\nb\"\n"), ERR_CONFIG_VALUE, "2:9", "control");
    refused(replaced("  name: ippledge-sx\n", "  name: \"a\\u2028b\"\n"), ERR_CONFIG_VALUE, "2:9", "control");
    refused(replaced("  name: ippledge-sx\n", ""), ERR_CONFIG_MISSING, "2:3", "gateway.name");
    refused(replaced("  name: ippledge-sx\n", "  name: ~\n"), ERR_CONFIG_MISSING, "2:3", "gateway.name");
    refused(replaced("data:\n  directory: /var/lib/pledged\n", ""), ERR_CONFIG_MISSING, "1:1", "data.directory");
    refused(with("a: *b\n"), ERR_CONFIG_SYNTAX, "26:4", "aliases");
    refused("- a\n", ERR_CONFIG_VALUE, "1:1", "keys and values");
}

static void settings_must_agree(void **state)
{
    (void)state;
    refused(with("freshness: {stale_after: 31d}\n"), ERR_CONFIG_VALUE, "26:26", "freshness.refuse_after");
    refused(with("freshness: {refuse_after: 1d}\n"), ERR_CONFIG_VALUE, "26:27", "freshness.stale_after");
    refused(replaced("  key: tls.key\n", "  key: tls.key\n  outgoing_key: o.key\n"), ERR_CONFIG_MISSING, "19:17",
            "tls.outgoing_certificate");
    refused(replaced("signing:\n", "signing:\n  sm2: {certificate: s.pem}\n"), ERR_CONFIG_MISSING, "21:22",
            "signing.sm2.key");
    refused(replaced("signing:\n", "signing:\n  rsa: {key: r.key}\n"), ERR_CONFIG_MISSING, "21:14",
            "signing.rsa.certificate");
    refused(replaced("signing:\n", "signing:\n  rsa: {staged: {certificate: r.pem}}\n"), ERR_CONFIG_MISSING, "21:31",
            "signing.rsa.staged.key");
}

static void all_faults_are_collected(void **state)
{
    (void)state;
    assert_false(load(with("net:\n  threads: 0\n  workers: x\nfoo: 1\n  # end\n")));
    assert_int_equal(faults.n, 3);
    expect_fault(0, ERR_CONFIG_UNKNOWN, "29:1", "foo");
    expect_fault(1, ERR_CONFIG_VALUE, "27:12", "net.threads");
    expect_fault(2, ERR_CONFIG_VALUE, "28:12", "net.workers");
    assert_false(load(""));
    assert_int_equal(faults.n, 16);               /* the values of `minimal` */
    expect_fault(0, ERR_CONFIG_MISSING, "1:1", "gateway.name");
}

static void a_full_list_of_faults_still_fails(void **state)
{
    struct err items[2];

    (void)state;
    faults = (struct config_faults){items, 0, 2};
    assert_false(load(""));
    assert_int_equal(faults.n, 2);
    faults = (struct config_faults){items, 2, 2};
    assert_false(config_load(file_path(), &config, arena, &faults));
    assert_null(config);
    assert_int_equal(faults.n, 2);
}

static void absent_files_are_faults(void **state)
{
    (void)state;
    assert_false(config_load(file_path(), &config, arena, &faults));
    assert_int_equal(faults.n, 1);
    assert_int_equal(faults.items[0].code, ERR_CONFIG_FILE);
    assert_string_equal(faults.items[0].place, file_path());
}

/* Compares field by field, by the same table that makes the fields. */
static void assert_same(const struct config *a, const struct config *b)
{
#define SETTING_TEXT(field, path, def, required, en, zh)                                                               \
    assert_int_equal(a->field == NULL, b->field == NULL);                                                              \
    if (a->field != NULL)                                                                                              \
        assert_string_equal(a->field, b->field);
#define SETTING_PATH SETTING_TEXT
#define SETTING_INTEGER(field, path, def, min, max, en, zh) assert_int_equal(a->field, b->field);
#define SETTING_DURATION SETTING_INTEGER
#define SETTING_SIZE SETTING_INTEGER
#define SETTING_BOOLEAN(field, path, def, en, zh) assert_int_equal(a->field, b->field);
#define SETTING_CHOICE(field, path, def, choices, en, zh) assert_int_equal(a->field, b->field);
#include "config/settings.def"
#undef SETTING_TEXT
#undef SETTING_PATH
#undef SETTING_INTEGER
#undef SETTING_DURATION
#undef SETTING_SIZE
#undef SETTING_BOOLEAN
#undef SETTING_CHOICE
}

static void round_trip(const char *text)
{
    struct config *first;
    struct buf shown;

    load_good(text);
    first = config;
    config = NULL;
    buf_init(&shown, CONFIG_FILE_MAX);
    config_show(first, &shown);
    assert_false(shown.overflow);
    load_good((const char *)shown.p);
    assert_same(first, config);
    buf_free(&shown);
    config_free(&first);
}

static void shown_configuration_loads_again(void **state)
{
    (void)state;
    round_trip(minimal);
    round_trip(with("net: {threads: 64, idle_deadline: 100ms, header_deadline: 90s}\nstatement: {validity: 36h, cache: 0}\n"
                    "policy: {admission: automatic}\naccess: {segment_size: 100KiB, retention: 400d}\nlog: {level: debug}\n"));
    round_trip(replaced("  name: ippledge-sx\n", "  name: \"a \\\"b\\\" \\\\ # : 汉 \"\n"));
}

static void shown_configuration_explains_itself(void **state)
{
    struct buf shown;

    (void)state;
    load_good(with("net: {threads: 3}\n"));
    buf_init(&shown, CONFIG_FILE_MAX);
    config_show(config, &shown);
    assert_non_null(strstr((char *)shown.p, "\nnet:\n"
                                            "  # event loops, each with its own listener · 事件循环数 [1 .. 64]\n"
                                            "  threads: 3\n"
                                            "  # workers for SM2, RSA and large bodies · 工作线程数 [1 .. 64] (default · 默认)\n"
                                            "  workers: 2\n"));
    assert_non_null(strstr((char *)shown.p, "  issuer:\n    # issuer's name in statements · 凭证出具机构名称\n    name: \"山西省知识产权局\"\n"));
    assert_non_null(strstr((char *)shown.p, "  listen: ~\n"));
    assert_non_null(strstr((char *)shown.p, "[approval|automatic] (default · 默认)\n  admission: approval\n"));
    buf_free(&shown);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_apply),
        TEST(paths_are_absolute),
        TEST(relative_file_names_work),
        TEST(values_are_taken),
        TEST(nothing_means_the_default),
        TEST(faults_have_places),
        TEST(settings_must_agree),
        TEST(all_faults_are_collected),
        TEST(a_full_list_of_faults_still_fails),
        TEST(absent_files_are_faults),
        TEST(shown_configuration_loads_again),
        TEST(shown_configuration_explains_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
