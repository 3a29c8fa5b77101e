/* The adapter banktcp as the daemon runs it: loaded by the host, over TLS, against a peer that reads with Python's
 * codecs and strictly as declared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../net/frames.h"
#include "peer_world.h"

#define LONG_MS 60000
#define NAME "山西杏花村汾酒厂股份有限公司"

enum speaks { ANY, GB18030, GBK, GB2312 };
static const char *const charsets[] = {NULL, "gb18030", "gbk", "gb2312"};
static struct frames_peer peers[4]; /* by enum speaks */

static int set_up(void **state)
{
    (void)state;
    make_world("banktcp");
    for (size_t i = 0; i < 4; i++)
        peers[i] = frames_start(world.dir, "bank-server", charsets[i]);
    begin_host(20000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    end_host();
    for (size_t i = 0; i < 4; i++)
        frames_stop(&peers[i]);
    return remove_world();
}

/* ---- a job ------------------------------------------------------------------------------------------------ */

struct watch {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    enum gwa_verdict verdict;
    char detail[ERR_DETAIL_SIZE], reply[4096];
};

static void finished(void *arg, const struct host_outcome *outcome)
{
    struct watch *w = arg;

    pthread_mutex_lock(&w->lock);
    w->verdict = outcome->verdict;
    (void)snprintf(w->detail, sizeof(w->detail), "%s", outcome->err.detail);
    (void)snprintf(w->reply, sizeof(w->reply), "%.*s", (int)outcome->reply.n, (const char *)outcome->reply.p);
    w->done = true;
    pthread_cond_signal(&w->told);
    pthread_mutex_unlock(&w->lock);
}

struct ask {
    enum speaks speaks;
    bool resolve;
    const char *unmappable, *timeout, *address, *media_type, *message;
};

static struct host_instance *open_bank(const struct ask *ask)
{
    char address[32];
    const struct host_setting settings[] = {
        {"address", address},
        {"charset", charsets[ask->speaks] == NULL ? "utf-8" : charsets[ask->speaks]},
        {"unmappable", ask->unmappable == NULL ? "charref" : ask->unmappable},
        {"timeout", ask->timeout == NULL ? "20s" : ask->timeout},
    };
    struct host_instance *instance;
    struct err err = {0};

    (void)snprintf(address, sizeof(address), "127.0.0.1:%d", peers[ask->speaks].port);
    if (ask->address != NULL)
        (void)snprintf(address, sizeof(address), "%s", ask->address);
    if (!host_open(world.host, "banktcp", settings, 4, "here", &instance, &err))
        fail_msg("%s", err.detail);
    return instance;
}

static struct watch run_on(struct host_instance *instance, const struct ask *ask)
{
    static struct watch w;
    struct host_send send = {.resolve = ask->resolve,
                             .message_id = "m-1",
                             .message = bytes_str(ask->message),
                             .media_type = ask->media_type == NULL ? "application/xml" : ask->media_type,
                             .deadline_ms = LONG_MS};
    struct host_job *job;
    struct err err = {0};

    memset(&w, 0, sizeof(w));
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.told, NULL);
    assert_true(host_send_start(world.host, instance, &send, finished, &w, &job, &err));
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.told, &w.lock);
    pthread_mutex_unlock(&w.lock);
    return w;
}

static struct watch run(struct ask ask)
{
    struct host_instance *instance = open_bank(&ask);
    struct watch w = run_on(instance, &ask);

    host_close(&instance);
    return w;
}

static void expect(struct ask ask, enum gwa_verdict verdict, const char *word)
{
    struct watch w = run(ask);

    if (w.verdict != verdict || strstr(verdict == GWA_DONE ? w.reply : w.detail, word) == NULL)
        fail_msg("%s: verdict %d, %s, %s", ask.message, w.verdict, w.detail, w.reply);
}

/* ---- tests ------------------------------------------------------------------------------------------------ */

static void the_message_goes_as_it_is_in_utf_8(void **state)
{
    (void)state;
    struct watch w = run((struct ask){ANY, .message = "echo <a>" NAME "</a>"});
    assert_int_equal(w.verdict, GWA_DONE);
    assert_string_equal(w.reply, "<a>" NAME "</a>");
}

static void each_charset_is_spoken_as_declared(void **state)
{
    (void)state;
    for (enum speaks speaks = GB18030; speaks <= GB2312; speaks++) {
        struct watch w = run((struct ask){speaks, .message = "<M do=\"echo\">" NAME " 𠮷䶮€—·昇</M>"});
        assert_int_equal(w.verdict, GWA_DONE);
        assert_string_equal(w.reply, "<R>" NAME " 𠮷䶮€—·昇</R>");
    }
}

static void what_cannot_be_written_is_rejected_when_so_agreed(void **state)
{
    (void)state;
    expect((struct ask){GB2312, .unmappable = "reject", .message = "<M do=\"echo\">昇</M>"}, GWA_REJECTED,
           "charset lacks");
    expect((struct ask){GB2312, .unmappable = "reject", .message = "<M do=\"echo\">山</M>"}, GWA_DONE, "<R>山</R>");
    expect((struct ask){GB2312, .resolve = true, .unmappable = "reject", .message = "<M do=\"echo\">昇</M>"}, GWA_RETRY,
           "");
    expect((struct ask){ANY, .media_type = "application/json", .message = "echo {}"}, GWA_REJECTED, "only XML");
}

static void every_end_has_its_verdict(void **state)
{
    (void)state;
    expect((struct ask){ANY, .message = "empty"}, GWA_DONE, "");
    expect((struct ask){ANY, .message = "echo  \n"}, GWA_DONE, "");
    expect((struct ask){ANY, .message = "json"}, GWA_BROKEN, "no receipt");
    expect((struct ask){GBK, .message = "<M do=\"garbage\"/>"}, GWA_BROKEN, "cannot be read");
    expect((struct ask){ANY, .message = "close"}, GWA_UNCERTAIN, "client.connect");
    expect((struct ask){ANY, .message = "half way"}, GWA_UNCERTAIN, "client.connect");
    expect((struct ask){ANY, .message = "noise"}, GWA_UNCERTAIN, "frame.length");
    expect((struct ask){ANY, .message = "huge"}, GWA_UNCERTAIN, "client.too_large");
    expect((struct ask){ANY, .timeout = "200ms", .message = "silent"}, GWA_UNCERTAIN, "client.timeout");
    expect((struct ask){ANY, .address = "127.0.0.1:1", .message = "echo"}, GWA_RETRY, "client.connect");
}

static void asking_is_sending_again(void **state)
{
    (void)state;
    expect((struct ask){ANY, .resolve = true, .message = "echo <R/>"}, GWA_DONE, "<R/>");
    expect((struct ask){ANY, .resolve = true, .message = "close"}, GWA_UNCERTAIN, "client.connect");
    expect((struct ask){ANY, .resolve = true, .address = "127.0.0.1:1", .message = "echo"}, GWA_UNCERTAIN,
           "client.connect");
}

static void wrong_settings_are_refused(void **state)
{
    static const struct {
        const char *address, *charset, *unmappable, *digits, *word;
    } cases[] = {
        {"bank.example", "gbk", "charref", "8", "address"},
        {":9000", "gbk", "charref", "8", "address"},
        {"a:b", "gbk", "charref", "8", "address"},
        {"https://a:1", "gbk", "charref", "8", "address"},
        {"a:1", "big5", "charref", "8", "charset"},
        {"a:1", "gbk", "question_mark", "8", "unmappable"},
        {"a:1", "gbk", "reject", "0", "digits"},
        {"a:1", "gbk", "reject", "11", "digits"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct host_setting settings[] = {{"address", cases[i].address},
                                                {"charset", cases[i].charset},
                                                {"unmappable", cases[i].unmappable},
                                                {"digits", cases[i].digits}};
        struct host_instance *instance;
        struct err err = {0};

        assert_false(host_open(world.host, "banktcp", settings, 4, "here", &instance, &err));
        if (strstr(err.detail, cases[i].word) == NULL)
            fail_msg("%s", err.detail);
    }
}

/* ---- real names ------------------------------------------------------------------------------------------- */

#define REGISTRATIONS SHARED_VECTORS "/registrations/shanxi.tsv"

#define NAMES "/usr/bin/python3 -B " SOURCE_DIR "/tests/unit/host/names.py " REGISTRATIONS

static unsigned carry_misfits(struct host_instance *references, struct host_instance *refuses)
{
    FILE *names = popen(NAMES, "r");
    char name[512], message[1024], want[1024];
    unsigned n = 0;

    for (; fgets(name, sizeof(name), names) != NULL; n++) {
        name[strcspn(name, "\n")] = '\0';
        (void)snprintf(message, sizeof(message), "<M do=\"echo\">%s</M>", name);
        (void)snprintf(want, sizeof(want), "<R>%s</R>", name);
        struct watch w = run_on(references, &(struct ask){.message = message});
        assert_int_equal(w.verdict, GWA_DONE);
        assert_string_equal(w.reply, want);
        assert_int_equal(run_on(refuses, &(struct ask){.message = message}).verdict, GWA_REJECTED);
    }
    (void)pclose(names);
    return n;
}

static void real_names_that_gb2312_lacks_arrive_or_are_rejected(void **state)
{
    struct host_instance *references, *refuses;

    (void)state;
    if (access(REGISTRATIONS, R_OK) != 0)
        skip();
    references = open_bank(&(struct ask){.speaks = GB2312});
    refuses = open_bank(&(struct ask){GB2312, .unmappable = "reject"});
    assert_int_equal(carry_misfits(references, refuses), 32);
    host_close(&references);
    host_close(&refuses);
}

/* ---- a signature ------------------------------------------------------------------------------------------ */

/* A message with all those names, signed with the gateway's key by the stand-ins' own code. */
static const char *signed_message(void)
{
    static char message[65536];
    char command[2048];
    size_t n;
    FILE *file;

    (void)snprintf(command, sizeof(command), NAMES " %s/gateway-sign", world.dir);
    file = popen(command, "r");
    n = fread(message, 1, sizeof(message) - 1, file);
    assert_int_equal(pclose(file), 0);
    message[n] = '\0';
    return message;
}

static pid_t bank_pid;

static FILE *start_bank(const char *charset, int *port)
{
    char command[2048], line[512] = "";
    FILE *bank;

    (void)snprintf(command, sizeof(command),
                   "exec /usr/bin/python3 -B %s/tests/peers/bank_tcp.py --name bank-b --cert %s/bank-server.pem --key "
                   "%s/bank-server.key --ca %s --sign-cert %s/bank-b-sign.pem --sign-key %s/bank-b-sign.key "
                   "--gateway-cert %s/gateway-sign.pem --charset %s",
                   SOURCE_DIR, world.dir, world.dir, world.ca, world.dir, world.dir, world.dir, charset);
    bank = popen(command, "r");
    assert_non_null(fgets(line, sizeof(line), bank));
    *port = atoi(strstr(line, "\"port\": ") + 8);
    (void)snprintf(line, sizeof(line), "%s", strstr(line, "\"pid\": ") + 7);
    bank_pid = atoi(line);
    return bank;
}

/* The bank reads as strictly as its charset, verifies over the canonical form, and signs its receipt with SM2. */
static void a_signature_survives_each_charset(void **state)
{
    const char *message;

    (void)state;
    if (access(REGISTRATIONS, R_OK) != 0)
        skip();
    message = signed_message();
    for (enum speaks speaks = GB18030; speaks <= GB2312; speaks++) {
        char address[32];
        int port;
        FILE *bank = start_bank(charsets[speaks], &port);

        (void)snprintf(address, sizeof(address), "127.0.0.1:%d", port);
        struct watch w = run((struct ask){speaks, .address = address, .message = message});
        kill(bank_pid, SIGTERM);
        (void)pclose(bank);
        if (w.verdict != GWA_DONE)
            fail_msg("%s: %d %s", charsets[speaks], w.verdict, w.detail);
        assert_non_null(strstr(w.reply, "<Result>accepted</Result>"));
        assert_int_equal(memcmp(w.reply, "<Message", 8), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_message_goes_as_it_is_in_utf_8),
        cmocka_unit_test(each_charset_is_spoken_as_declared),
        cmocka_unit_test(what_cannot_be_written_is_rejected_when_so_agreed),
        cmocka_unit_test(every_end_has_its_verdict),
        cmocka_unit_test(asking_is_sending_again),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(real_names_that_gb2312_lacks_arrive_or_are_rejected),
        cmocka_unit_test(a_signature_survives_each_charset),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
