/* The bureau adapter as the daemon runs it: loaded by the host, over TLS with client certificates, against the stand-in
 * bureau of tests/peers, which behaves and misbehaves as told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "../program.h"
#include "peer_world.h"

#define FIRMS 1234
#define LONG_MS 60000

static pid_t peer;
static char peer_url[96];

struct watch {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    unsigned pages, rows, fields, bad;
    char version[64], bad_text[128];
    int64_t total;
    enum gwa_verdict verdict;
    struct err err;
};

static void start_peer(void)
{
    char command[1024], line[256] = "";

    (void)snprintf(
        command, sizeof(command),
        "exec python3 %s/tests/peers/bureau.py --cert %s/bureau-server.pem --key %s/bureau-server.key --ca %s "
        "--generate %d --hmac-secret TEST-SECRET-32-CHARS-ABCDEFGHIJKL",
        SOURCE_DIR, world.dir, world.dir, world.ca, FIRMS);
    peer = program_start(command, line, sizeof(line));
    assert_non_null(strstr(line, "https://"));
    (void)snprintf(peer_url, sizeof(peer_url), "%.*s", (int)strcspn(strstr(line, "https://"), "\""),
                   strstr(line, "https://"));
}

static int set_up(void **state)
{
    (void)state;
    make_world("peer");
    start_peer();
    begin_host(5000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    end_host();
    program_stop(peer);
    return remove_world();
}

/* ---- a run ------------------------------------------------------------------------------------------------ */

static void tell_peer(const char *order)
{
    static const char *const json[] = {"Content-Type: application/json", NULL};
    struct net_fetch_request request = {.method = "POST",
                                        .headers = json,
                                        .body = bytes_str(order),
                                        .cert = world.cert,
                                        .key = world.key,
                                        .ca = world.ca,
                                        .connect_ms = 5000,
                                        .total_ms = 10000,
                                        .body_max = 1 << 20};
    AUTO_ARENA arena = arena_new();
    struct net_fetch_result result;

    request.url = arena_printf(arena, "%s/control", peer_url);
    if (!net_fetch_wait(&request, NULL, arena, &result) || result.status != 200)
        fail_msg("%s: %d %.*s", order, result.status, (int)result.body.n, (const char *)result.body.p);
}

static bool on_page(void *arg, const struct gwa_page *page)
{
    struct watch *w = arg;

    w->pages++;
    w->total = page->total;
    (void)snprintf(w->version, sizeof(w->version), "%s", page->list_version);
    return true;
}

static enum gwa_row_answer on_row(void *arg, uint64_t line, struct bytes code, struct bytes raw)
{
    struct watch *w = arg;

    (void)code;
    (void)raw;
    assert_int_equal(line, ++w->rows);
    return GWA_ROW_PARSE;
}

static void on_fields(void *arg, const struct gwa_field *fields, size_t n)
{
    assert_string_equal(fields[0].name, "uscc");
    assert_int_equal(fields[0].value.n, 18);
    assert_true(n > 5);
    ((struct watch *)arg)->fields++;
}

static void on_bad(void *arg, const char *field, const char *text)
{
    struct watch *w = arg;

    (void)snprintf(w->bad_text, sizeof(w->bad_text), "%s: %s", field, text);
    w->bad++;
}

static void finished(void *arg, const struct host_outcome *outcome)
{
    struct watch *w = arg;

    pthread_mutex_lock(&w->lock);
    w->verdict = outcome->verdict;
    w->err = outcome->err;
    w->done = true;
    pthread_cond_broadcast(&w->told);
    pthread_mutex_unlock(&w->lock);
}

static struct watch run_with(const struct host_setting *extra, size_t n, int64_t deadline_ms)
{
    struct host_setting settings[8] = {{"url", peer_url}};
    struct host_fetch fetch = {.scope = GWA_FULL, .deadline_ms = deadline_ms};
    struct watch w = {.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
    struct host_sink sink = {on_page, on_row, on_fields, on_bad, &w};
    struct host_instance *instance;
    struct host_job *job;
    struct err err = {0};

    for (size_t i = 0; i < n; i++)
        settings[i + 1] = extra[i];
    if (!host_open(world.host, "bureau", settings, n + 1, "here", &instance, &err) ||
        !host_fetch_start(world.host, instance, &fetch, &sink, finished, &w, &job, &err))
        fail_msg("%s", err.detail);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.told, &w.lock);
    pthread_mutex_unlock(&w.lock);
    host_close(&instance);
    return w;
}

static struct watch run(const char *order, int64_t deadline_ms)
{
    char secret[128];
    struct host_setting hmac[] = {
        {"auth", "hmac"}, {"rid", "rid-TEST"}, {"sid", "s_TEST_0001"}, {"secret_file", secret}};
    FILE *f;

    (void)snprintf(secret, sizeof(secret), "%s/secret", world.dir);
    f = fopen(secret, "w");
    (void)fputs("TEST-SECRET-32-CHARS-ABCDEFGHIJKL\n", f);
    (void)fclose(f);
    tell_peer(order);
    return run_with(hmac, 4, deadline_ms);
}

static void expect(const struct watch *w, enum gwa_verdict verdict, const char *words)
{
    if (w->verdict != verdict || strstr(w->err.detail, words) == NULL)
        fail_msg("verdict %d, %s", w->verdict, w->err.detail);
}

/* ---- what a bureau may do ----------------------------------------------------------------------------------- */

static void reads_the_whole_list(void **state)
{
    struct watch w = run("{\"mode\":\"normal\"}", LONG_MS);

    (void)state;
    expect(&w, GWA_DONE, "");
    assert_int_equal(w.pages, 3);
    assert_int_equal(w.rows, FIRMS);
    assert_int_equal(w.fields, FIRMS);
    assert_int_equal(w.total, FIRMS);
    assert_string_equal(w.version, "2026-11");
}

static void without_the_signature_it_is_refused(void **state)
{
    struct watch w;

    (void)state;
    tell_peer("{\"mode\":\"normal\"}");
    w = run_with(NULL, 0, LONG_MS);
    expect(&w, GWA_REJECTED, "HTTP status 401");
}

static void misbehaviour_is_told_apart(void **state)
{
    static const struct {
        const char *order;
        enum gwa_verdict verdict;
        const char *words;
    } cases[] = {
        {"{\"mode\":\"500\"}", GWA_RETRY, "HTTP status 500: java.lang.NullPointerException at list"},
        {"{\"mode\":\"html\",\"pages\":[2]}", GWA_RETRY, "a web page instead of a list: 系统维护中"},
        {"{\"mode\":\"bad_code\"}", GWA_RETRY, "source.failed: code E500: 系统繁忙"},
        {"{\"mode\":\"repeat_page\"}", GWA_RETRY, "list.changed: an earlier page came again"},
        {"{\"mode\":\"repeat_page\",\"disguise\":true}", GWA_RETRY, "list.changed: the same rows came twice"},
        {"{\"mode\":\"lose_page\"}", GWA_RETRY, "list.changed: a page was left out"},
        {"{\"mode\":\"change_version\"}", GWA_RETRY, "list.changed: listVersion"},
        {"{\"mode\":\"change_total\"}", GWA_RETRY, "list.changed: total"},
        {"{\"mode\":\"truncate\"}", GWA_RETRY, "source.failed: no answer"},
        {"{\"mode\":\"truncate\",\"json\":true}", GWA_RETRY, "list.page: not a whole JSON object"},
        {"{\"mode\":\"announce_more\"}", GWA_DONE, ""},
        {"{\"mode\":\"empty\"}", GWA_DONE, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct watch w = run(cases[i].order, LONG_MS);

        expect(&w, cases[i].verdict, cases[i].words);
    }
}

static void odd_rows_do_not_stop_the_others(void **state)
{
    struct watch w = run("{\"mode\":\"huge_line\",\"pages\":[1]}", LONG_MS);

    (void)state;
    expect(&w, GWA_DONE, "");
    assert_int_equal(w.rows, FIRMS);
    assert_int_equal(w.bad, 1);
    assert_string_equal(w.bad_text, "row: too long");
    w = run("{\"mode\":\"duplicate_firm\"}", LONG_MS);
    expect(&w, GWA_DONE, "");
    assert_int_equal(w.rows, FIRMS + 1);
}

static void a_bureau_that_never_answers_costs_the_deadline(void **state)
{
    struct watch w = run("{\"mode\":\"hang\"}", 300);

    (void)state;
    assert_int_equal(w.verdict, GWA_RETRY);
    tell_peer("{\"mode\":\"normal\"}");
}

static void nobody_there_is_tried_again(void **state)
{
    char ours[sizeof(peer_url)];
    struct watch w;

    (void)state;
    (void)snprintf(ours, sizeof(ours), "%s", peer_url);
    (void)snprintf(peer_url, sizeof(peer_url), "https://127.0.0.1:1");
    w = run_with(NULL, 0, LONG_MS);
    (void)snprintf(peer_url, sizeof(peer_url), "%s", ours);
    expect(&w, GWA_RETRY, "source.failed: no answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_whole_list),
        cmocka_unit_test(without_the_signature_it_is_refused),
        cmocka_unit_test(misbehaviour_is_told_apart),
        cmocka_unit_test(odd_rows_do_not_stop_the_others),
        cmocka_unit_test(a_bureau_that_never_answers_costs_the_deadline),
        cmocka_unit_test(nobody_there_is_tried_again),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
