/* What the host loads and what it refuses, at which step and in which words; and what it makes of settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/internal.h"

#define ADAPTERS BINARY_DIR "/test-adapters"

static struct host *start(void)
{
    struct host_options options = {.adapters_dir = ADAPTERS, .step_limit_ms = 300};

    return host_new(&options);
}

static void expect_refused(struct host *host, const char *name, const char *step, enum err_code code)
{
    const struct host_report *report = NULL;
    struct err err = {0};

    if (host_load(host, name, &report, &err))
        fail_msg("%s was loaded", name);
    assert_non_null(report);
    assert_string_equal(report->failed_step, step);
    if (err.code != code)
        fail_msg("%s: %s instead of %s", name, err_info(err.code)->code, err_info(code)->code);
    if (strstr(err.detail, step) == NULL || strstr(err.detail, name) == NULL)
        fail_msg("%s: the text does not say where: %s", name, err.detail);
}

static void refuses_at_the_step_that_failed(void **state)
{
    struct host *host = start();

    (void)state;
    expect_refused(host, "unresolved", "dlopen", ERR_ADAPTER_OPEN);
    expect_refused(host, "nowhere", "dlopen", ERR_ADAPTER_UNKNOWN);
    expect_refused(host, "major_older", "abi", ERR_ADAPTER_ABI);
    expect_refused(host, "major_newer", "abi", ERR_ADAPTER_ABI);
    expect_refused(host, "minor_newer", "abi", ERR_ADAPTER_ABI);
    expect_refused(host, "no_abi", "abi", ERR_ADAPTER_ABI);
    expect_refused(host, "no_entry", "struct", ERR_ADAPTER_STRUCT);
    expect_refused(host, "short", "struct", ERR_ADAPTER_STRUCT);
    expect_refused(host, "other_name", "name", ERR_ADAPTER_NAME);
    expect_refused(host, "no_open", "callback", ERR_ADAPTER_CALLBACK);
    expect_refused(host, "no_work", "callback", ERR_ADAPTER_CALLBACK);
    expect_refused(host, "no_resolve", "callback", ERR_ADAPTER_CALLBACK);
    host_free(&host);
    assert_null(host);
}

static void an_older_minor_fits(void **state)
{
    struct err err = {0};

    (void)state;
    assert_true(host_abi_fits(0x00010000, 0x00010000, &err));
    assert_true(host_abi_fits(0x00010000, 0x00010003, &err));
    assert_true(host_abi_fits(0x00010002, 0x00010003, &err));
    assert_false(host_abi_fits(0x00010004, 0x00010003, &err));
    assert_false(host_abi_fits(0x00020003, 0x00010003, &err));
    assert_false(host_abi_fits(0x00010003, 0x00020003, &err));
}

static void a_name_cannot_lead_out_of_the_folder(void **state)
{
    static const char *const names[] = {"", "../test-adapters/good", "/good", "good.so", ".", "Good", "a b"};
    struct host *host = start();

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct host_report *report;
        struct err err = {0};

        assert_false(host_load(host, names[i], &report, &err));
        assert_int_equal(err.code, ERR_ADAPTER_UNKNOWN);
    }
    host_free(&host);
}

static void loads_and_reports(void **state)
{
    struct host *host = start();
    const struct host_report *report, *again, *all[8];
    struct err err = {0};

    (void)state;
    assert_true(host_load(host, "good", &report, &err));
    assert_null(report->failed_step);
    assert_string_equal(report->name, "good");
    assert_string_equal(report->path, ADAPTERS "/good.so");
    assert_int_equal(report->abi, GWA_ABI_VERSION);
    assert_true(report->fetches && !report->sends && !report->quarantined);
    assert_true(host_load(host, "good", &again, &err));
    assert_ptr_equal(report, again);
    assert_true(host_load(host, "sender", &report, &err));
    assert_true(report->sends && !report->fetches);
    assert_true(host_load(host, "longer", &report, &err));
    assert_false(host_load(host, "short", &report, &err));
    assert_false(host_load(host, "short", &report, &err));
    assert_int_equal(host_reports(host, all, 8), 4);
    assert_string_equal(all[3]->name, "short");
    assert_int_equal(host_reports(host, all, 2), 2);
    host_free(&host);
}

static void checks_a_path_alone(void **state)
{
    AUTO_ARENA arena = arena_new();
    struct host_report report;

    (void)state;
    host_check_path(ADAPTERS "/misbehave.so", arena, &report);
    assert_null(report.failed_step);
    assert_string_equal(report.settings[0].name, "act");
    assert_true(report.settings[0].required);
    host_check_path(ADAPTERS "/other_name.so", arena, &report);
    assert_string_equal(report.failed_step, "name");
    assert_string_equal(report.name, "other_name");
    host_check_path(ADAPTERS "/good", arena, &report);
    assert_string_equal(report.failed_step, "dlopen");
    assert_int_equal(report.err.code, ERR_ADAPTER_UNKNOWN);
}

/* ---- settings ------------------------------------------------------------------------------------------- */

static bool opens(struct host *host, const char *name, const char *value, struct err *err)
{
    struct host_setting settings[] = {{"act", "done"}, {name, value}};
    struct host_instance *instance = NULL;
    bool ok = host_open(host, "misbehave", settings, name == NULL ? 1 : 2, "sources.yaml:7:3", &instance, err);

    assert_true(ok == (instance != NULL));
    host_close(&instance);
    return ok;
}

static void expect_setting(struct host *host, const char *name, const char *value, bool good)
{
    struct err err = {0};

    if (opens(host, name, value, &err) != good)
        fail_msg("%s: %s is%s accepted", name, value, good ? " not" : "");
    if (good)
        return;
    assert_int_equal(err.code, ERR_ADAPTER_SETTING);
    assert_string_equal(err.place, "sources.yaml:7:3");
    if (strstr(err.detail, name) == NULL || strstr(err.detail, "step setting") == NULL)
        fail_msg("the text does not say which: %s", err.detail);
}

static void judges_settings_by_the_adapters_table(void **state)
{
    char secret[] = "/tmp/host-secret-XXXXXX", empty[] = "/tmp/host-empty-XXXXXX";
    struct host *host = start();
    int fd = mkstemp(secret), none = mkstemp(empty);

    (void)state;
    assert_int_equal(write(fd, "k\n", 2), 2);
    expect_setting(host, "colour", "red", false);
    expect_setting(host, "act", "twice", false);
    expect_setting(host, "rows", "12", true);
    expect_setting(host, "rows", "-1", true);
    expect_setting(host, "rows", "12a", false);
    expect_setting(host, "rows", " 12", false);
    expect_setting(host, "rows", "", false);
    expect_setting(host, "rows", "99999999999999999999", false);
    expect_setting(host, "strict", "true", true);
    expect_setting(host, "strict", "yes", false);
    expect_setting(host, "pause", "250ms", true);
    expect_setting(host, "pause", "250", false);
    expect_setting(host, "url", "two\nlines", false);
    expect_setting(host, "url", "\xff", false);
    expect_setting(host, "free.any_key", "x", true);
    expect_setting(host, "free.", "x", false);
    expect_setting(host, "free", "x", false);
    expect_setting(host, "names.one", "x", true);
    expect_setting(host, "names.two", "x", true);
    expect_setting(host, "names.tw", "x", false);
    expect_setting(host, "names.three", "x", false);
    expect_setting(host, "key_file", secret, true);
    expect_setting(host, "key_file", empty, false);
    expect_setting(host, "key_file", "/nowhere/at/all", false);
    expect_setting(host, "key_file", "/", false);
    expect_setting(host, "in_directory", "/tmp/x", true);
    expect_setting(host, "in_directory", "tmp", false);
    expect_setting(host, "in_directory", "/", false);
    host_free(&host);
    (void)close(fd);
    (void)close(none);
    (void)unlink(secret);
    (void)unlink(empty);
}

static void a_required_setting_is_missed(void **state)
{
    struct host *host = start();
    struct host_instance *instance;
    struct err err = {0};

    (void)state;
    assert_false(host_open(host, "misbehave", NULL, 0, "here", &instance, &err));
    assert_int_equal(err.code, ERR_ADAPTER_SETTING);
    assert_non_null(strstr(err.detail, "act is required"));
    host_free(&host);
}

static void open_may_refuse_and_may_not_hang(void **state)
{
    struct host *host = start();
    const struct host_report *report;
    struct err err = {0};

    (void)state;
    assert_false(opens(host, "open", "refuse", &err));
    assert_int_equal(err.code, ERR_ADAPTER_REFUSED);
    assert_non_null(strstr(err.detail, "not in the mood"));
    assert_true(opens(host, NULL, NULL, &err));
    assert_false(opens(host, "open", "loop", &err));
    assert_int_equal(err.code, ERR_ADAPTER_QUARANTINED);
    assert_false(opens(host, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_ADAPTER_QUARANTINED);
    assert_true(host_load(host, "misbehave", &report, &err));
    assert_true(report->quarantined);
    host_free(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_at_the_step_that_failed),
        cmocka_unit_test(an_older_minor_fits),
        cmocka_unit_test(a_name_cannot_lead_out_of_the_folder),
        cmocka_unit_test(loads_and_reports),
        cmocka_unit_test(checks_a_path_alone),
        cmocka_unit_test(judges_settings_by_the_adapters_table),
        cmocka_unit_test(a_required_setting_is_missed),
        cmocka_unit_test(open_may_refuse_and_may_not_hang),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
