/* Signed messages carried to the stand-in bank and platforms of tests/peers by the adapters bank, onestop and ippublic,
 * as the daemon runs them: loaded by the host, over TLS with client certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "../program.h"
#include "jws/jws.h"
#include "message/message.h"
#include "peer_world.h"

#define LONG_MS 60000
#define JSON "application/json"
#define XML "application/xml"

/* Who is sent to: a stand-in, the adapter, and the identities of both sides. */
struct peer {
    const char *program, *name, *server, *sign, *adapter;
    enum crypto_alg alg;
    pid_t pid;
    char url[96], control[96];
};

static struct crypto_keyring *ring;
static char secret_file[128];

static struct peer bank = {"bank.py", "bank-a", "bank-server", "gateway-sign", "bank", CRYPTO_ES256, 0, "", ""};
static struct peer bank_sm2 = {"bank.py", "bank-b", "bank-server", "gateway-sign-sm2", "bank", CRYPTO_SM2, 0, "", ""};
static struct peer onestop = {
    "onestop.py", "onestop-sx", "platform-server", "gateway-sign", "onestop", CRYPTO_ES256, 0, "", ""};
static struct peer ippublic = {
    "ippublic.py", "ippublic-sx", "platform-server", "gateway-sign", "ippublic", CRYPTO_ES256, 0, "", ""};
static struct peer *const peers[] = {&bank, &bank_sm2, &onestop, &ippublic};

/* ---- set up ------------------------------------------------------------------------------------------------- */

static void take_url(const char *line, const char *member, char *out, size_t size)
{
    const char *at = strstr(line, member);

    assert_non_null(at);
    at = strstr(at, "http");
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

static void start_peer(struct peer *peer)
{
    char command[2048], line[512] = "";
    const char *d = world.dir;

    (void)snprintf(command, sizeof(command),
                   "exec /usr/bin/python3 %s/tests/peers/%s --name %s --cert %s/%s.pem --key %s/%s.key --ca %s/ca.pem "
                   "--sign-cert %s/%s-sign.pem --sign-key %s/%s-sign.key --gateway-cert %s/%s.pem",
                   SOURCE_DIR, peer->program, peer->name, d, peer->server, d, peer->server, d, d, peer->name, d,
                   peer->name, d, peer->sign);
    peer->pid = program_start(command, line, sizeof(line));
    take_url(line, "\"url\"", peer->url, sizeof(peer->url));
    take_url(line, "\"control\"", peer->control, sizeof(peer->control));
}

static void load_key(enum crypto_purpose purpose, const char *name)
{
    char cert[128], key[128];
    struct err err = {0};

    (void)snprintf(cert, sizeof(cert), "%s/%s.pem", world.dir, name);
    (void)snprintf(key, sizeof(key), "%s/%s.key", world.dir, name);
    if (!crypto_keyring_load(ring, purpose, cert, key, NULL, &err))
        fail_msg("%s", err.detail);
}

static void make_keys(void)
{
    FILE *f;

    (void)snprintf(secret_file, sizeof(secret_file), "%s/secret", world.dir);
    f = fopen(secret_file, "w");
    (void)fputs("TEST-SECRET-32-CHARS-ABCDEFGHIJKL\n", f);
    (void)fclose(f);
    ring = crypto_keyring_new();
    load_key(CRYPTO_SIGN_ES256, "gateway-sign");
    load_key(CRYPTO_SIGN_SM2, "gateway-sign-sm2");
}

static int set_up(void **state)
{
    (void)state;
    make_world("carry");
    make_keys();
    for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++)
        start_peer(peers[i]);
    begin_host(5000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    end_host();
    crypto_keyring_free(&ring);
    for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++)
        program_stop(peers[i]->pid);
    return remove_world();
}

/* ---- talking to the stand-ins ------------------------------------------------------------------------------- */

/* The answer's body, in the arena. */
static char *ask_control(struct arena *arena, const struct peer *peer, const char *path, const char *order)
{
    struct net_fetch_request request = {.method = order == NULL ? "GET" : "POST",
                                        .body = bytes_str(order),
                                        .connect_ms = 5000,
                                        .total_ms = 10000,
                                        .body_max = 1 << 20};
    struct net_fetch_result result;

    request.url = arena_printf(arena, "%s%s", peer->control, path);
    if (!net_fetch_wait(&request, NULL, arena, &result) || result.status != 200)
        fail_msg("%s: %d %.*s", path, result.status, (int)result.body.n, (const char *)result.body.p);
    return arena_printf(arena, "%.*s", (int)result.body.n, (const char *)result.body.p);
}

static void tell_peer(const struct peer *peer, const char *order)
{
    AUTO_ARENA arena = arena_new();
    char text[512];

    (void)snprintf(text, sizeof(text), "{\"clear\":true,\"behave\":[%s]}", order);
    (void)ask_control(arena, peer, "/control", text);
}

/* How many lines of the log hold the text, which may be a member as JSON has it. */
static unsigned log_counts(const struct peer *peer, const char *text, const char *more)
{
    AUTO_ARENA arena = arena_new();
    char *log = ask_control(arena, peer, "/log", NULL);
    unsigned n = 0;

    for (char *line = strtok(log, "}"); line != NULL; line = strtok(NULL, "}"))
        n += strstr(line, text) != NULL && strstr(line, more) != NULL;
    return n;
}

/* ---- sending -------------------------------------------------------------------------------------------------- */

struct parcel {
    char id[65], signature[1024];
    const char *media_type;
    struct buf bytes;
};

static struct parcel parcel_of(const struct peer *peer, const char *id, const char *media_type)
{
    struct parcel parcel = {.media_type = media_type};
    struct buf signature;
    struct err err = {0};
    char text[1024];
    bool xml = strcmp(media_type, XML) == 0;

    (void)snprintf(parcel.id, sizeof(parcel.id), "%s", id);
    (void)snprintf(
        text, sizeof(text),
        xml ? "<Message xmlns=\"urn:cn:sx:ip-pledge:1\"><Envelope><Id>%s</Id><Kind>echo</Kind><Version>1"
              "</Version><Sender>ippledge-sx</Sender><Receiver>%s</Receiver><Created>2026-11-24T10:00:00+08:00"
              "</Created></Envelope><Body><Text>山西杏花村汾酒厂股份有限公司</Text></Body></Message>"
            : "{\"envelope\":{\"id\":\"%s\",\"kind\":\"whitelist.change\",\"version\":1,\"sender\":"
              "\"ippledge-sx\",\"receiver\":\"%s\",\"created\":\"2026-11-24T10:00:00+08:00\"},\"body\":{}}",
        id, xml ? peer->name : "*");
    buf_init(&parcel.bytes, 1 << 16);
    buf_init(&signature, sizeof(parcel.signature) - 1);
    if (xml ? !message_sign_xml(bytes_str(text), ring, peer->alg, NULL, &parcel.bytes, &err)
            : !jws_sign_detached(ring, peer->alg, NULL, 0, bytes_str(text), &signature, &err))
        fail_msg("%s", err.detail);
    if (!xml)
        buf_str(&parcel.bytes, text);
    (void)snprintf(parcel.signature, sizeof(parcel.signature), "%.*s", (int)signature.n, (const char *)signature.p);
    buf_free(&signature);
    return parcel;
}

/* What the host told of a job. */
struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    enum gwa_verdict verdict;
    struct err err;
    char reply[8192], media_type[128], signature[1024];
    size_t reply_n;
    int64_t retry_after_ms;
};

static void finished(void *arg, const struct host_outcome *outcome)
{
    struct told *told = arg;

    pthread_mutex_lock(&told->lock);
    told->verdict = outcome->verdict;
    told->err = outcome->err;
    told->reply_n = outcome->reply.n;
    told->retry_after_ms = outcome->retry_after_ms;
    assert_true(outcome->reply.n < sizeof(told->reply));
    if (outcome->reply.n > 0)
        memcpy(told->reply, outcome->reply.p, outcome->reply.n);
    (void)snprintf(told->media_type, sizeof(told->media_type), "%s",
                   outcome->reply_media_type == NULL ? "" : outcome->reply_media_type);
    (void)snprintf(told->signature, sizeof(told->signature), "%s",
                   outcome->reply_signature == NULL ? "" : outcome->reply_signature);
    told->done = true;
    pthread_cond_broadcast(&told->changed);
    pthread_mutex_unlock(&told->lock);
}

static struct host_instance *open_for(const struct peer *peer, const char *url)
{
    struct host_setting settings[] = {
        {"url", url}, {"rid", "rid-TEST"}, {"sid", "s_TEST_0001"}, {"secret_file", secret_file}};
    struct host_instance *instance;
    struct err err = {0};

    if (!host_open(world.host, peer->adapter, settings, peer == &ippublic ? 4 : 1, "here", &instance, &err))
        fail_msg("%s", err.detail);
    return instance;
}

static struct told carry_to(const struct peer *peer, const char *url, const struct parcel *parcel, bool resolve,
                            int64_t deadline_ms)
{
    struct host_send send = {resolve, parcel->id, parcel->media_type, buf_bytes(&parcel->bytes),
                             NULL,    NULL,       deadline_ms};
    struct told told = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct host_instance *instance = open_for(peer, url);
    struct host_job *job;
    struct err err = {0};

    send.signature = parcel->signature[0] == '\0' ? NULL : parcel->signature;
    if (!host_send_start(world.host, instance, &send, finished, &told, &job, &err))
        fail_msg("%s", err.detail);
    pthread_mutex_lock(&told.lock);
    while (!told.done)
        pthread_cond_wait(&told.changed, &told.lock);
    pthread_mutex_unlock(&told.lock);
    host_close(&instance);
    return told;
}

static struct told carry(const struct peer *peer, const struct parcel *parcel, bool resolve)
{
    return carry_to(peer, peer->url, parcel, resolve, LONG_MS);
}

static void expect(const struct told *told, enum gwa_verdict verdict, const char *words)
{
    if (told->verdict != verdict || strstr(told->err.detail, words) == NULL)
        fail_msg("verdict %d, \"%s\" where %d, \"%s\" is due", told->verdict, told->err.detail, verdict, words);
}

static struct crypto_key *key_of(const struct peer *peer)
{
    struct crypto_key *key;
    struct err err = {0};
    char path[160];

    (void)snprintf(path, sizeof(path), "%s/%s-sign.pem", world.dir, peer->name);
    assert_true(crypto_key_from_file(path, &key, &err));
    return key;
}

/* The receipt verifies with the gateway's own means. */
static void expect_signed(const struct peer *peer, const struct told *told, bool xml)
{
    struct crypto_key *key = key_of(peer);
    struct jws_expect whose = {.alg = peer->alg, .keys = {key}, .key_n = 1};
    struct bytes reply = bytes_of((const uint8_t *)told->reply, told->reply_n);
    struct message *message = NULL;
    struct err err = {0};
    bool ok;

    expect(told, GWA_DONE, "");
    assert_string_equal(told->media_type, xml ? XML : JSON);
    assert_int_equal(told->signature[0] == '\0', xml);
    if (xml)
        ok = message_read_xml(reply, &message, &err) && message_verify_xml(message, &whose, NULL, NULL, &err);
    else
        ok = jws_verify_detached(&whose, bytes_str(told->signature), reply, NULL, &err);
    message_free(&message);
    crypto_key_free(&key);
    if (!ok)
        fail_msg("%s: %s", err_info(err.code)->code, err.detail);
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

/* Sent, sent again and asked about: one receipt, byte for byte. */
static void one_receipt(const struct peer *peer, const char *id, const char *media_type)
{
    struct parcel parcel = parcel_of(peer, id, media_type);
    struct told first = carry(peer, &parcel, false), again = carry(peer, &parcel, false);
    struct told asked = carry(peer, &parcel, true);
    char member[96];

    expect_signed(peer, &first, strcmp(media_type, XML) == 0);
    (void)snprintf(member, sizeof(member), "\"id\": \"%s\"", id);
    assert_int_equal(log_counts(peer, member, "\"signature\": \"valid\""), 2);
    assert_int_equal(log_counts(peer, member, "\"known\": true"), 1);
    assert_int_equal(again.reply_n, first.reply_n);
    assert_memory_equal(again.reply, first.reply, first.reply_n);
    assert_int_equal(asked.reply_n, first.reply_n);
    assert_memory_equal(asked.reply, first.reply, first.reply_n);
    assert_string_equal(asked.signature, first.signature);
    buf_free(&parcel.bytes);
}

static void each_form_comes_back_with_a_receipt(void **state)
{
    (void)state;
    one_receipt(&bank, "wc-1-2", JSON);
    one_receipt(&bank, "wc-3:x.y", XML);
    one_receipt(&bank_sm2, "wc-4-4", JSON);
    one_receipt(&bank_sm2, "wc-5-5", XML);
    one_receipt(&onestop, "m-1", XML);
    one_receipt(&ippublic, "m-2", JSON);
}

static void what_was_not_received_is_said_so(void **state)
{
    static struct peer *const http[] = {&bank, &onestop, &ippublic};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct parcel parcel = parcel_of(http[i], "m-never", http[i] == &onestop ? XML : JSON);
        struct told told = carry(http[i], &parcel, true);

        expect(&told, GWA_RETRY, "HTTP status 404: message.unknown");
        buf_free(&parcel.bytes);
    }
}

/* An order, what it makes of a message, and how the peer answers when asked about that message afterwards. */
struct bad {
    const char *order;
    enum gwa_verdict verdict;
    const char *words;
    enum gwa_verdict asked;
    int64_t retry_after_ms;
};

static void misbehaviour_is_told_apart(void **state)
{
    static const struct bad bad[] = {
        {"{\"do\":\"status\",\"status\":429,\"retry_after\":7,\"code\":\"rate.partner\"}", GWA_RETRY,
         "HTTP status 429: rate.partner", GWA_RETRY, 7000},
        {"{\"do\":\"status\",\"status\":503,\"retry_after\":\"Fri, 01 Jan 2999 00:00:00 GMT\"}", GWA_RETRY, "503",
         GWA_RETRY, 86400000},
        {"{\"do\":\"status\",\"status\":503}", GWA_RETRY, "503", GWA_RETRY, 0},
        {"{\"do\":\"status\",\"status\":500,\"retry_after\":7}", GWA_UNCERTAIN, "500", GWA_RETRY, 0},
        {"{\"do\":\"status\",\"status\":408}", GWA_UNCERTAIN, "408", GWA_RETRY, 0},
        {"{\"do\":\"status\",\"status\":422,\"code\":\"schema.invalid\"}", GWA_REJECTED, "422: schema.invalid",
         GWA_RETRY, 0},
        {"{\"do\":\"status\",\"status\":404,\"code\":\"某企业\"}", GWA_REJECTED, "HTTP status 404", GWA_RETRY, 0},
        {"{\"do\":\"redirect\"}", GWA_BROKEN, "302", GWA_RETRY, 0},
        {"{\"do\":\"cut_mid\"}", GWA_UNCERTAIN, "no whole answer", GWA_DONE, 0},
        {"{\"do\":\"noise\"}", GWA_UNCERTAIN, "no whole answer", GWA_DONE, 0},
        {"{\"do\":\"garbage\"}", GWA_BROKEN, "neither empty nor a receipt", GWA_DONE, 0},
        {"{\"do\":\"web_page\"}", GWA_BROKEN, "neither empty nor a receipt", GWA_DONE, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char id[16];
        struct parcel parcel;
        struct told told;

        (void)snprintf(id, sizeof(id), "bad-%zu", i);
        parcel = parcel_of(&bank, id, JSON);
        tell_peer(&bank, bad[i].order);
        told = carry(&bank, &parcel, false);
        expect(&told, bad[i].verdict, bad[i].words);
        assert_int_equal(told.retry_after_ms, bad[i].retry_after_ms);
        assert_int_equal(told.reply_n, 0);
        told = carry(&bank, &parcel, true);
        expect(&told, bad[i].asked, "");
        buf_free(&parcel.bytes);
    }
}

static void a_connection_that_ends_without_an_answer_is_uncertain(void **state)
{
    struct parcel parcel = parcel_of(&onestop, "cut-1", XML);
    struct told told;

    (void)state;
    tell_peer(&onestop, "{\"do\":\"normal\"},{\"do\":\"cut\"},{\"do\":\"cut_before\"}");
    told = carry(&onestop, &parcel, false);
    expect_signed(&onestop, &told, true);
    for (int i = 0; i < 2; i++) {
        told = carry(&onestop, &parcel, false); /* at first over the connection that was kept */
        expect(&told, GWA_UNCERTAIN, "no whole answer");
    }
    assert_int_equal(log_counts(&onestop, "\"id\": \"cut-1\"", "\"event\": \"message\""), 2);
    told = carry(&onestop, &parcel, true);
    expect_signed(&onestop, &told, true);
    buf_free(&parcel.bytes);
}

static void nothing_and_what_does_not_fit_are_handed_on(void **state)
{
    struct parcel parcel = parcel_of(&bank, "odd-1", JSON);
    struct told told;

    (void)state;
    tell_peer(&bank, "{\"do\":\"no_receipt\",\"status\":202},{\"do\":\"no_receipt\",\"text\":\"OK\"},"
                     "{\"do\":\"wrong_of\"},{\"do\":\"wrong_signature\"}");
    for (int i = 0; i < 2; i++) {
        told = carry(&bank, &parcel, false);
        expect(&told, GWA_DONE, "");
        assert_int_equal(told.reply_n, 0);
        assert_string_equal(told.media_type, "");
    }
    told = carry(&bank, &parcel, false);
    expect_signed(&bank, &told, false);
    assert_non_null(strstr(told.reply, "\"of\":\"somebody-elses\""));
    told = carry(&bank, &parcel, false);
    expect(&told, GWA_DONE, "");
    assert_true(told.reply_n > 0 && told.signature[0] != '\0');
    buf_free(&parcel.bytes);
}

/* To ask in vain tells nothing about the message. */
static void asking_in_vain_leaves_it_uncertain(void **state)
{
    static const char *const orders[] = {"\"status\",\"status\":503,\"retry_after\":9", "\"status\",\"status\":500",
                                         "\"status\",\"status\":403", "\"cut_before\",\"times\":2"};
    struct parcel parcel = parcel_of(&bank, "vain-1", JSON);
    struct told told;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char order[128];

        (void)snprintf(order, sizeof(order), "{\"on\":\"ask\",\"do\":%s}", orders[i]);
        tell_peer(&bank, order);
        told = carry(&bank, &parcel, true);
        expect(&told, GWA_UNCERTAIN, "");
        assert_int_equal(told.retry_after_ms, i == 0 ? 9000 : 0);
    }
    tell_peer(&bank, "{\"do\":\"normal\"}");
    told = carry_to(&bank, "https://127.0.0.1:1/m", &parcel, true, LONG_MS);
    expect(&told, GWA_UNCERTAIN, "no connection");
    buf_free(&parcel.bytes);
}

static void what_surely_did_not_leave_is_tried_again(void **state)
{
    struct parcel parcel = parcel_of(&bank, "down-1", JSON);
    struct told told = carry_to(&bank, "https://127.0.0.1:1/m", &parcel, false, LONG_MS);

    (void)state;
    expect(&told, GWA_RETRY, "no connection");
    buf_free(&parcel.bytes);
}

/* The job's end finds an answer still due: the message may have arrived. */
static void a_peer_that_never_answers_leaves_it_uncertain(void **state)
{
    struct parcel parcel = parcel_of(&bank, "hang-1", JSON);
    struct told told;

    (void)state;
    tell_peer(&bank, "{\"do\":\"hang\",\"on\":\"any\",\"times\":2}");
    told = carry_to(&bank, bank.url, &parcel, false, 500);
    expect(&told, GWA_UNCERTAIN, "");
    told = carry_to(&bank, bank.url, &parcel, true, 500);
    expect(&told, GWA_UNCERTAIN, "");
    tell_peer(&bank, "{\"do\":\"normal\"}");
    buf_free(&parcel.bytes);
}

static void a_cancelled_send_may_have_arrived(void **state)
{
    struct parcel parcel = parcel_of(&bank, "stop-1", JSON);
    struct told told = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct host_send send = {false, parcel.id, JSON, buf_bytes(&parcel.bytes), parcel.signature, NULL, LONG_MS};
    struct host_instance *instance = open_for(&bank, bank.url);
    struct host_job *job;
    struct err err = {0};

    (void)state;
    tell_peer(&bank, "{\"do\":\"hang\"}");
    assert_true(host_send_start(world.host, instance, &send, finished, &told, &job, &err));
    while (log_counts(&bank, "\"id\": \"stop-1\"", "") == 0)
        (void)usleep(10000);
    host_cancel(job);
    pthread_mutex_lock(&told.lock);
    while (!told.done)
        pthread_cond_wait(&told.changed, &told.lock);
    pthread_mutex_unlock(&told.lock);
    expect(&told, GWA_UNCERTAIN, "");
    assert_int_equal(told.err.code, ERR_CANCELLED);
    tell_peer(&bank, "{\"do\":\"normal\"}");
    host_close(&instance);
    buf_free(&parcel.bytes);
}

static void a_form_that_is_not_the_partners_goes_nowhere(void **state)
{
    struct parcel json = parcel_of(&onestop, "form-1", JSON), xml = parcel_of(&ippublic, "form-2", XML);
    struct told told = carry(&onestop, &json, false);

    (void)state;
    expect(&told, GWA_BROKEN, "does not carry messages of that form");
    told = carry(&ippublic, &xml, false);
    expect(&told, GWA_BROKEN, "does not carry messages of that form");
    assert_int_equal(log_counts(&onestop, "form-1", "") + log_counts(&ippublic, "form-2", ""), 0);
    buf_free(&json.bytes);
    buf_free(&xml.bytes);
}

static void a_wrong_secret_is_refused(void **state)
{
    struct parcel parcel = parcel_of(&ippublic, "secret-1", JSON);
    struct told told;
    FILE *f = fopen(secret_file, "w");

    (void)state;
    (void)fputs("another\n", f);
    (void)fclose(f);
    told = carry(&ippublic, &parcel, false);
    expect(&told, GWA_REJECTED, "HTTP status 401: identity.refused");
    buf_free(&parcel.bytes);
}

static void an_address_must_be_one_that_ids_can_follow(void **state)
{
    static const char *const urls[] = {"http://b.example/m", "b.example", "https://b.example/m?a=1",
                                       "https://b.example/#a"};
    struct host_setting setting = {"url", NULL};
    struct host_instance *instance;

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        struct err err = {0};

        setting.value = urls[i];
        assert_false(host_open(world.host, "bank", &setting, 1, "here", &instance, &err));
        assert_non_null(strstr(err.detail, "url must begin with https://"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_comes_back_with_a_receipt),
        cmocka_unit_test(what_was_not_received_is_said_so),
        cmocka_unit_test(misbehaviour_is_told_apart),
        cmocka_unit_test(a_connection_that_ends_without_an_answer_is_uncertain),
        cmocka_unit_test(nothing_and_what_does_not_fit_are_handed_on),
        cmocka_unit_test(asking_in_vain_leaves_it_uncertain),
        cmocka_unit_test(what_surely_did_not_leave_is_tried_again),
        cmocka_unit_test(a_peer_that_never_answers_leaves_it_uncertain),
        cmocka_unit_test(a_cancelled_send_may_have_arrived),
        cmocka_unit_test(a_form_that_is_not_the_partners_goes_nowhere),
        cmocka_unit_test(a_wrong_secret_is_refused),
        cmocka_unit_test(an_address_must_be_one_that_ids_can_follow),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
