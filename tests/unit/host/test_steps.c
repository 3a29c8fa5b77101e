/* Jobs under a host that keeps its promises while the adapter does not: each verdict, deadlines, a step that never
 * returns, bounds, files, and io through a network that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/internal.h"

#define ADAPTERS BINARY_DIR "/test-adapters"
#define LIMIT_MS 300 /* where a step is meant to be stuck */
#define LONG_MS 60000

/* ---- a network that answers when the test says so --------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t asked;
    int starts;
    bool refuse; /* net_fetch_start itself fails */
    char url[256], method[16], header[256], cert[64];
    int64_t total_ms, body_max;
    net_fetch_done *done;
    void *arg;
} wire = {.lock = PTHREAD_MUTEX_INITIALIZER, .asked = PTHREAD_COND_INITIALIZER};

bool net_fetch_start(struct net *net, const struct net_fetch_request *request, net_fetch_done *done, void *arg,
                     struct err *err)
{
    (void)net;
    pthread_mutex_lock(&wire.lock);
    if (wire.refuse) {
        pthread_mutex_unlock(&wire.lock);
        return err_set(err, ERR_CLIENT_CONNECT, NULL, "no route");
    }
    (void)snprintf(wire.url, sizeof(wire.url), "%s", request->url);
    (void)snprintf(wire.method, sizeof(wire.method), "%s", request->method);
    (void)snprintf(wire.header, sizeof(wire.header), "%s", request->headers[0] == NULL ? "" : request->headers[0]);
    (void)snprintf(wire.cert, sizeof(wire.cert), "%s %s %s", request->cert, request->key, request->ca);
    wire.total_ms = request->total_ms;
    wire.body_max = request->body_max;
    wire.done = done;
    wire.arg = arg;
    wire.starts++;
    pthread_cond_broadcast(&wire.asked);
    pthread_mutex_unlock(&wire.lock);
    return true;
}

bool net_frame_start(struct net *net, const struct net_frame_request *request, net_fetch_done *done, void *arg,
                     struct err *err)
{
    static const char *const none[] = {NULL};
    char method[16];
    struct net_fetch_request shown = {.url = request->address,
                                      .method = method,
                                      .headers = none,
                                      .cert = request->cert,
                                      .key = request->key,
                                      .ca = request->ca,
                                      .total_ms = request->total_ms,
                                      .body_max = request->body_max};

    (void)snprintf(method, sizeof(method), "%u %.*s", request->digits, (int)request->body.n,
                   (const char *)request->body.p);
    return net_fetch_start(net, &shown, done, arg, err);
}

static void wire_wait(int starts)
{
    pthread_mutex_lock(&wire.lock);
    while (wire.starts < starts)
        pthread_cond_wait(&wire.asked, &wire.lock);
    pthread_mutex_unlock(&wire.lock);
}

static void wire_answer(const struct net_fetch_result *result)
{
    wire.done(result, wire.arg);
}

/* ---- a job and what came of it ---------------------------------------------------------------------------- */

struct fixture {
    struct host *host;
    struct host_instance *instance;
};

struct watch {
    pthread_mutex_t lock;
    pthread_cond_t told;
    int done, rows, fields, bad, pages;
    char bad_field[64];
    enum gwa_verdict verdict;
    struct err err;
    int64_t hold_ms; /* the sink takes this long for a row */
};

/* Set for tests about steps that do not return; long enough elsewhere that a busy machine is not taken for one. */
static int64_t limit_ms = LONG_MS;

static int short_limit(void **state)
{
    (void)state;
    limit_ms = LIMIT_MS;
    return 0;
}

static int long_limit(void **state)
{
    (void)state;
    limit_ms = LONG_MS;
    return 0;
}

static struct fixture open_with(const struct host_setting *settings, size_t n)
{
    struct host_options options = {
        .adapters_dir = ADAPTERS, .step_limit_ms = limit_ms, .cert = "cert.pem", .key = "key.pem", .ca = "ca.pem"};
    struct fixture f = {host_new(&options), NULL};
    struct err err = {0};

    if (!host_open(f.host, "misbehave", settings, n, "here", &f.instance, &err))
        fail_msg("%s", err.detail);
    return f;
}

static struct fixture open_act(const char *act)
{
    return open_with(&(struct host_setting){"act", act}, 1);
}

static void shut(struct fixture *f)
{
    host_close(&f->instance);
    host_free(&f->host);
}

static void watch_init(struct watch *w)
{
    memset(w, 0, sizeof(*w));
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->told, NULL);
}

static void finished(void *arg, const struct host_outcome *outcome)
{
    struct watch *w = arg;

    pthread_mutex_lock(&w->lock);
    w->done++;
    w->verdict = outcome->verdict;
    w->err = outcome->err;
    pthread_cond_broadcast(&w->told);
    pthread_mutex_unlock(&w->lock);
}

static bool on_page(void *arg, const struct gwa_page *page)
{
    (void)page;
    ((struct watch *)arg)->pages++;
    return true;
}

static enum gwa_row_answer on_row(void *arg, uint64_t line, struct bytes code, struct bytes raw)
{
    struct watch *w = arg;
    int64_t until = host_mono_ms() + w->hold_ms;

    (void)line;
    (void)code;
    (void)raw;
    while (host_mono_ms() < until)
        (void)sched_yield();
    pthread_mutex_lock(&w->lock);
    w->rows++;
    pthread_cond_broadcast(&w->told);
    pthread_mutex_unlock(&w->lock);
    return GWA_ROW_PARSE;
}

static void on_fields(void *arg, const struct gwa_field *fields, size_t n)
{
    (void)fields;
    (void)n;
    ((struct watch *)arg)->fields++;
}

static void on_bad(void *arg, const char *field, const char *text)
{
    struct watch *w = arg;

    (void)text;
    w->bad++;
    (void)snprintf(w->bad_field, sizeof(w->bad_field), "%s", field);
}

static struct host_job *begin(struct fixture *f, struct watch *w, const struct host_fetch *fetch)
{
    struct host_sink sink = {on_page, on_row, on_fields, on_bad, w};
    struct host_job *job = NULL;
    struct err err = {0};

    if (!host_fetch_start(f->host, f->instance, fetch, &sink, finished, w, &job, &err))
        fail_msg("%s", err.detail);
    return job;
}

static struct host_job *begin_for(struct fixture *f, struct watch *w, int64_t ms)
{
    return begin(f, w, &(struct host_fetch){.scope = GWA_FULL, .deadline_ms = ms});
}

static void wait_done(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->done == 0)
        pthread_cond_wait(&w->told, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static void wait_rows(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->rows == 0)
        pthread_cond_wait(&w->told, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static void expect(const struct watch *w, enum gwa_verdict verdict, enum err_code code, const char *words)
{
    assert_int_equal(w->done, 1);
    assert_int_equal(w->verdict, verdict);
    assert_string_equal(err_info(w->err.code)->code, err_info(code)->code);
    if (words != NULL && strstr(w->err.detail, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, w->err.detail);
}

/* Runs one job with these settings to its end. */
static void run_with(struct watch *w, const struct host_setting *settings, size_t n)
{
    struct fixture f = open_with(settings, n);

    watch_init(w);
    (void)begin_for(&f, w, LONG_MS);
    wait_done(w);
    shut(&f);
}

static void run(struct watch *w, const char *act)
{
    run_with(w, &(struct host_setting){"act", act}, 1);
}

/* ---- ends ------------------------------------------------------------------------------------------------- */

static void each_verdict_reaches_the_owner(void **state)
{
    struct watch w;

    (void)state;
    run(&w, "done");
    expect(&w, GWA_DONE, ERR_NONE, NULL);
    run(&w, "retry");
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "as told and more");
    run(&w, "rejected");
    expect(&w, GWA_REJECTED, ERR_ADAPTER_REJECTED, "as told");
    run(&w, "uncertain");
    expect(&w, GWA_UNCERTAIN, ERR_ADAPTER_UNCERTAIN, "as told");
    run(&w, "broken");
    expect(&w, GWA_BROKEN, ERR_ADAPTER_BROKEN, "as told");
    run(&w, "seven");
    expect(&w, GWA_BROKEN, ERR_ADAPTER_BROKEN, "not a verdict");
}

static void a_job_that_waits_for_nothing_ends_at_its_deadline(void **state)
{
    struct fixture f = open_act("wait");
    struct watch w;
    int64_t before = host_mono_ms();

    (void)state;
    watch_init(&w);
    (void)begin_for(&f, &w, 60);
    wait_done(&w);
    expect(&w, GWA_RETRY, ERR_ADAPTER_DEADLINE, NULL);
    assert_true(host_mono_ms() - before >= 60);
    shut(&f);
}

static void io_that_never_ends_ends_at_the_deadline(void **state)
{
    struct host_setting settings[] = {{"act", "http"}, {"url", "https://b.example/"}, {"pause", "1h"}};
    struct fixture f = open_with(settings, 3);
    struct watch w;
    int starts = wire.starts;

    (void)state;
    watch_init(&w);
    (void)begin_for(&f, &w, 60);
    wire_wait(starts + 1);
    assert_true(wire.total_ms <= 60);
    wait_done(&w);
    expect(&w, GWA_RETRY, ERR_ADAPTER_DEADLINE, NULL);
    /* the answer comes after the end, and after the host is gone */
    shut(&f);
    wire_answer(&(struct net_fetch_result){.ok = true, .status = 200, .headers = "", .body = BYTES_LIT("late")});
    assert_int_equal(w.done, 1);
}

static void a_cancelled_job_ends(void **state)
{
    struct host_setting rows[] = {{"act", "rows"}, {"rows", "-1"}};
    struct fixture f = open_with(rows, 2);
    struct watch w;

    (void)state;
    watch_init(&w);
    host_cancel((begin_for(&f, &w, LONG_MS)));
    wait_done(&w);
    expect(&w, GWA_RETRY, ERR_CANCELLED, NULL);
    shut(&f);
    f = open_act("wait");
    watch_init(&w);
    host_cancel((begin_for(&f, &w, LONG_MS)));
    wait_done(&w);
    expect(&w, GWA_RETRY, ERR_CANCELLED, NULL);
    shut(&f);
}

static void stopping_ends_what_waits(void **state)
{
    struct fixture f = open_act("wait");
    struct watch w;

    (void)state;
    watch_init(&w);
    (void)begin_for(&f, &w, LONG_MS);
    host_free(&f.host);
    expect(&w, GWA_RETRY, ERR_STOPPING, NULL);
    host_close(&f.instance);
}

/* ---- an adapter that does not return ------------------------------------------------------------------------ */

static void release_path(char *path, size_t size)
{
    (void)snprintf(path, size, "/tmp/host-release-%ld", (long)getpid());
    (void)unlink(path);
}

static void let_go(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    assert_true(fd >= 0);
    (void)close(fd);
}

static void wait_returned(struct host *host)
{
    size_t left = 1;

    while (left > 0) {
        pthread_mutex_lock(&host->lock);
        left = host->abandoned_n;
        pthread_mutex_unlock(&host->lock);
        (void)sched_yield();
    }
}

static void a_stuck_adapter_is_set_aside_and_its_late_result_dropped(void **state)
{
    char path[64];
    struct host_setting settings[] = {{"act", "late"}, {"release", path}};
    int64_t before = metric_get(METRIC_ADAPTER_QUARANTINED);
    const struct host_report *report;
    struct host_sink sink = {on_page, on_row, on_fields, on_bad, NULL};
    struct host_fetch fetch = {.deadline_ms = LONG_MS};
    struct host_job *job;
    struct err err = {0};
    struct fixture f;
    struct watch w;
    int starts = wire.starts;

    (void)state;
    release_path(path, sizeof(path));
    f = open_with(settings, 2);
    watch_init(&w);
    (void)begin_for(&f, &w, LONG_MS);
    wait_done(&w);
    expect(&w, GWA_UNCERTAIN, ERR_ADAPTER_QUARANTINED, "did not return");
    assert_int_equal(metric_get(METRIC_ADAPTER_QUARANTINED), before + 1);
    assert_true(host_load(f.host, "misbehave", &report, &err) && report->quarantined);
    assert_false(host_fetch_start(f.host, f.instance, &fetch, &sink, finished, &w, &job, &err));
    assert_int_equal(err.code, ERR_ADAPTER_QUARANTINED);
    let_go(path);
    wait_returned(f.host);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.pages + w.rows + w.fields + w.bad, 0);
    assert_int_equal(wire.starts, starts);
    shut(&f);
    (void)unlink(path);
}

static void others_go_on_when_more_are_stuck_than_there_are_threads(void **state)
{
    struct fixture f = open_act("late"); /* without release: for ever */
    struct host_instance *good = NULL;
    struct fixture other;
    struct watch stuck[HOST_STEP_THREADS + 2], w;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < HOST_STEP_THREADS + 2; i++) {
        watch_init(&stuck[i]);
        (void)begin_for(&f, &stuck[i], LONG_MS);
    }
    for (size_t i = 0; i < HOST_STEP_THREADS + 2; i++) {
        wait_done(&stuck[i]);
        expect(&stuck[i], GWA_UNCERTAIN, ERR_ADAPTER_QUARANTINED, NULL);
    }
    assert_true(host_open(f.host, "good", NULL, 0, "here", &good, &err));
    other = (struct fixture){f.host, good};
    watch_init(&w);
    (void)begin_for(&other, &w, LONG_MS);
    wait_done(&w);
    expect(&w, GWA_DONE, ERR_NONE, NULL);
    host_close(&good);
    shut(&f);
}

static void its_waiting_jobs_end_uncertain_too(void **state)
{
    struct host_setting waiting[] = {{"act", "wait"}}, looping[] = {{"act", "late"}};
    struct fixture f = open_with(waiting, 1);
    struct fixture second = {f.host, NULL};
    struct watch w, stuck;
    struct err err = {0};

    (void)state;
    assert_true(host_open(f.host, "misbehave", looping, 1, "here", &second.instance, &err));
    watch_init(&w);
    watch_init(&stuck);
    (void)begin_for(&f, &w, LONG_MS);
    (void)begin_for(&second, &stuck, LONG_MS);
    wait_done(&w);
    wait_done(&stuck);
    expect(&w, GWA_UNCERTAIN, ERR_ADAPTER_QUARANTINED, "another job");
    expect(&stuck, GWA_UNCERTAIN, ERR_ADAPTER_QUARANTINED, NULL);
    host_close(&second.instance);
    shut(&f);
}

static void time_in_the_sink_is_not_the_adapters(void **state)
{
    struct host_setting settings[] = {{"act", "rows"}, {"rows", "3"}};
    struct fixture f = open_with(settings, 2);
    struct watch w;

    (void)state;
    watch_init(&w);
    w.hold_ms = LIMIT_MS;
    (void)begin_for(&f, &w, LONG_MS);
    wait_done(&w);
    expect(&w, GWA_DONE, ERR_NONE, NULL);
    assert_int_equal(w.rows, 3);
    assert_int_equal(w.fields, 3);
    assert_int_equal(w.pages, 1);
    shut(&f);
}

static void rows_without_end_do_not_outlive_the_deadline(void **state)
{
    struct host_setting heeding[] = {{"act", "rows"}, {"rows", "-1"}};
    struct host_setting deaf[] = {{"act", "flood"}, {"rows", "-1"}};
    struct fixture f = open_with(heeding, 2);
    struct watch w;

    (void)state;
    watch_init(&w);
    (void)begin_for(&f, &w, 60);
    wait_done(&w);
    expect(&w, GWA_RETRY, ERR_ADAPTER_DEADLINE, NULL);
    shut(&f);
    f = open_with(deaf, 2);
    watch_init(&w);
    {
        struct host_job *job = begin_for(&f, &w, LONG_MS);

        wait_rows(&w);
        host_cancel(job);
    }
    wait_done(&w);
    expect(&w, GWA_UNCERTAIN, ERR_ADAPTER_QUARANTINED, NULL);
    shut(&f);
}

/* ---- bounds and rules --------------------------------------------------------------------------------------- */

static void memory_ends_at_its_bound(void **state)
{
    struct watch w;

    (void)state;
    run(&w, "alloc");
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "16 MiB, then none");
}

static void broken_rules_are_told(void **state)
{
    static const char *const acts[] = {"field_unknown", "field_nameless", "field_twice", "row_long",
                                       "row_open",      "field_alone",    "two_ios"};
    struct watch w;

    (void)state;
    for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
        run(&w, acts[i]);
        expect(&w, GWA_BROKEN, ERR_ADAPTER_BROKEN, NULL);
        assert_int_equal(w.fields, 0);
    }
    run(&w, "field_garbage");
    expect(&w, GWA_DONE, ERR_NONE, NULL);
    assert_int_equal(w.bad, 1);
    assert_string_equal(w.bad_field, "name");
}

/* ---- io ------------------------------------------------------------------------------------------------------- */

static void http(struct watch *w, const struct net_fetch_result *result)
{
    char secret[] = "/tmp/host-secret-XXXXXX";
    struct host_setting settings[] = {
        {"act", "http"}, {"url", "https://b.example/list?a=b"}, {"key_file", secret}, {"pause", "7s"}};
    int starts = wire.starts, fd = mkstemp(secret);
    struct fixture f;

    assert_int_equal(write(fd, "open sesame\n", 12), 12);
    (void)close(fd);
    f = open_with(settings, 4);
    (void)unlink(secret);
    watch_init(w);
    (void)begin_for(&f, w, LONG_MS);
    if (!wire.refuse) {
        wire_wait(starts + 1);
        wire_answer(result);
    }
    wait_done(w);
    shut(&f);
}

static void http_goes_out_with_identity_and_secret(void **state)
{
    struct watch w;

    (void)state;
    http(&w, &(struct net_fetch_result){
                 .ok = true, .status = 418, .headers = "A: b\r\n", .body = BYTES_LIT("short and stout")});
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "ok 418 end=0 short and stout");
    assert_string_equal(wire.url, "https://b.example/list?a=b");
    assert_string_equal(wire.method, "GET");
    assert_string_equal(wire.header, "X-Key: open sesame");
    assert_string_equal(wire.cert, "cert.pem key.pem ca.pem");
    assert_int_equal(wire.total_ms, 7000);
    assert_int_equal(wire.body_max, HOST_IO_BODY_MAX);
}

static void http_failures_say_whether_it_was_sent(void **state)
{
    struct net_fetch_result failed = {.ok = false, .sent = false};
    struct watch w;

    (void)state;
    (void)err_set(&failed.err, ERR_CLIENT_CONNECT, NULL, "port closed");
    http(&w, &failed);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0 end=0  client.connect: the connection could not be made: port closed");
    failed.sent = true;
    http(&w, &failed);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "unsure 0");
    wire.refuse = true;
    http(&w, NULL);
    wire.refuse = false;
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0 end=0  client.connect: the connection could not be made: no route");
}

static void tcp(struct watch *w, const char *digits, const struct net_fetch_result *result)
{
    struct host_setting settings[] = {{"act", "tcp"}, {"url", "bank.example:9000"}, {"digits", digits}};
    struct fixture f = open_with(settings, 3);
    int starts = wire.starts;

    watch_init(w);
    (void)begin_for(&f, w, LONG_MS);
    if (result != NULL) {
        wire_wait(starts + 1);
        wire_answer(result);
    }
    wait_done(w);
    shut(&f);
}

static void a_frame_goes_out_and_its_answer_comes_back(void **state)
{
    struct net_fetch_result answered = {.ok = true, .sent = true, .headers = "", .body = bytes_str("received")};
    struct watch w;

    (void)state;
    tcp(&w, "8", &answered);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "ok 0 end=0 received");
    assert_string_equal(wire.url, "bank.example:9000");
    assert_string_equal(wire.method, "8 framed");
    assert_string_equal(wire.cert, "cert.pem key.pem ca.pem");
    assert_in_range(wire.total_ms, 1, 1000);
}

static void tcp_failures_say_whether_it_was_sent(void **state)
{
    struct net_fetch_result failed = {.ok = false, .sent = false, .headers = ""};
    struct watch w;

    (void)state;
    (void)err_set(&failed.err, ERR_CLIENT_CONNECT, NULL, "port closed");
    tcp(&w, "8", &failed);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0 end=0  client.connect: the connection could not be made: port closed");
    failed.sent = true;
    tcp(&w, "8", &failed);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "unsure 0");
    tcp(&w, "0", NULL);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0 end=0  a frame has 1 to 10 digits of length");
    tcp(&w, "11", NULL);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0 end=0  a frame has 1 to 10 digits of length");
}

static void other_io_is_not_offered(void **state)
{
    struct watch w;

    (void)state;
    run(&w, "sftp");
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "not offered by this host version");
}

static void the_adapter_sees_a_handle_and_never_the_secret(void **state)
{
    char secret[] = "/tmp/host-secret-XXXXXX";
    struct host_setting settings[] = {{"act", "sign"}, {"key_file", secret}};
    int fd = mkstemp(secret);
    struct watch w;

    (void)state;
    assert_int_equal(write(fd, "TEST-SECRET-32-CHARS-ABCDEFGHIJKL", 33), 33);
    (void)close(fd);
    run_with(&w, settings, 2);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "KAtvfHG/Q7zMjmKbhg3jx31mBq7oFIpHL/DrDDGdIt4=");
    settings[0].value = "setting:key_file";
    run_with(&w, settings, 2);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "secret-");
    assert_null(strstr(w.err.detail, "TEST-SECRET"));
    run(&w, "sign");
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "refused");
    (void)unlink(secret);
}

static void settings_are_read_in_their_normal_form(void **state)
{
    struct host_setting settings[] = {{"act", "setting:pause"}, {"pause", "2min"}};
    struct watch w;

    (void)state;
    run_with(&w, settings, 2);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "120000");
    run(&w, "setting:header");
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "X-Key: ");
    run(&w, "setting:url");
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "(absent)");
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[2][256];
    static int turn;

    turn = 1 - turn;
    (void)snprintf(path[turn], sizeof(path[turn]), "%s%s", folder, name);
    return path[turn];
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/host-files-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(mkdir(in_folder("/in"), 0700), 0);
    assert_int_equal(mkdir(in_folder("/in/deep"), 0700), 0);
    put_file(in_folder("/outside"), "secret");
    put_file(in_folder("/in/b.csv"), "two");
    put_file(in_folder("/in/a.csv"), "one");
    put_file(in_folder("/in/deep/c.csv"), "three");
    assert_int_equal(symlink(in_folder("/outside"), in_folder("/in/link")), 0);
    assert_int_equal(symlink(folder, in_folder("/in/up")), 0);
    assert_int_equal(mkfifo(in_folder("/in/pipe"), 0600), 0);
    return 0;
}

static int remove_folder(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static void files(struct watch *w, const char *act, const char *target)
{
    char directory[128];
    struct host_setting settings[] = {{"act", act}, {"target", target}, {"in_directory", directory}};

    (void)snprintf(directory, sizeof(directory), "%s/in/", folder);
    run_with(w, settings, 3);
}

static void files_are_listed_and_read(void **state)
{
    struct watch w;

    (void)state;
    files(&w, "list", in_folder("/in"));
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "ok 0 end=1 a.csv 3 ");
    assert_non_null(strstr(w.err.detail, " b.csv 3 "));
    assert_null(strstr(w.err.detail, "link"));
    assert_null(strstr(w.err.detail, "pipe"));
    files(&w, "list", in_folder("/in/deep"));
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "c.csv 5 ");
    files(&w, "read", in_folder("/in/b.csv"));
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "ok 0 end=1 two");
    files(&w, "read", in_folder("/in/deep/c.csv"));
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "ok 0 end=1 three");
}

static void files_are_written_whole(void **state)
{
    char text[16] = "";
    struct watch w;
    FILE *f;

    (void)state;
    files(&w, "write", in_folder("/in/b.csv"));
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "ok 0");
    f = fopen(in_folder("/in/b.csv"), "r");
    assert_non_null(fgets(text, sizeof(text), f));
    (void)fclose(f);
    assert_string_equal(text, "written");
    files(&w, "list", in_folder("/in"));
    assert_null(strstr(w.err.detail, ".new"));
    put_file(in_folder("/in/b.csv"), "two");
}

static void nothing_leads_out_of_the_directories(void **state)
{
    static const char *const targets[] = {
        "/outside",   "/in/../outside",         "/in/link", "/in/up/outside", "/in/./b.csv",
        "/in//b.csv", "/in/deep/../../outside", "/in/pipe", "/in/nowhere/x",  "/inside"};
    struct watch w;

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        files(&w, "read", in_folder(targets[i]));
        expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0");
        assert_null(strstr(w.err.detail, "secret"));
        if (strcmp(targets[i], "/in/link") == 0 || strcmp(targets[i], "/in/pipe") == 0)
            continue; /* a rename replaces these themselves */
        if (strcmp(targets[i], "/in//b.csv") != 0 && strcmp(targets[i], "/in/./b.csv") != 0)
            files(&w, "write", in_folder(targets[i]));
        expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0");
    }
    files(&w, "list", folder);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0");
    files(&w, "list", in_folder("/in/up"));
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0");
    files(&w, "write", in_folder("/in"));
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "failed 0");
}

static void the_file_that_a_run_was_given_may_be_read(void **state)
{
    struct host_setting settings[] = {{"act", "read"}};
    struct fixture f = open_with(settings, 1);
    struct watch w;

    (void)state;
    watch_init(&w);
    (void)begin(&f, &w, &(struct host_fetch){.file = in_folder("/outside"), .deadline_ms = LONG_MS});
    wait_done(&w);
    expect(&w, GWA_RETRY, ERR_ADAPTER_RETRY, "ok 0 end=1 secret");
    shut(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_verdict_reaches_the_owner),
        cmocka_unit_test(a_job_that_waits_for_nothing_ends_at_its_deadline),
        cmocka_unit_test(io_that_never_ends_ends_at_the_deadline),
        cmocka_unit_test(a_cancelled_job_ends),
        cmocka_unit_test(stopping_ends_what_waits),
        cmocka_unit_test_setup_teardown(a_stuck_adapter_is_set_aside_and_its_late_result_dropped, short_limit,
                                        long_limit),
        cmocka_unit_test_setup_teardown(others_go_on_when_more_are_stuck_than_there_are_threads, short_limit,
                                        long_limit),
        cmocka_unit_test_setup_teardown(its_waiting_jobs_end_uncertain_too, short_limit, long_limit),
        cmocka_unit_test_setup_teardown(time_in_the_sink_is_not_the_adapters, short_limit, long_limit),
        cmocka_unit_test_setup_teardown(rows_without_end_do_not_outlive_the_deadline, short_limit, long_limit),
        cmocka_unit_test(memory_ends_at_its_bound),
        cmocka_unit_test(broken_rules_are_told),
        cmocka_unit_test(http_goes_out_with_identity_and_secret),
        cmocka_unit_test(http_failures_say_whether_it_was_sent),
        cmocka_unit_test(a_frame_goes_out_and_its_answer_comes_back),
        cmocka_unit_test(tcp_failures_say_whether_it_was_sent),
        cmocka_unit_test(other_io_is_not_offered),
        cmocka_unit_test(the_adapter_sees_a_handle_and_never_the_secret),
        cmocka_unit_test(settings_are_read_in_their_normal_form),
        cmocka_unit_test_setup_teardown(files_are_listed_and_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(files_are_written_whole, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(nothing_leads_out_of_the_directories, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_file_that_a_run_was_given_may_be_read, make_folder, remove_folder),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
