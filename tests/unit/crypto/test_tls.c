/* TLS sessions of the server side against an OpenSSL client in the same process, with the development PKI. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "crypto/crypto.h"
#include "pki.h"

#define DAY_MS (86400ll * 1000)

static struct crypto_tls *server_with(const char *crl)
{
    struct crypto_tls_files files = {at("server", ".pem"), at("server", ".key"), at("ca", ".pem"),
                                     crl ? at(crl, "") : NULL};
    struct crypto_tls *tls = NULL;
    struct err err = {0};
    if (!crypto_tls_server(&files, &tls, &err))
        fail_msg("%s: %s", err.place, err.detail);
    return tls;
}

struct dialogue {
    struct crypto_session *server;
    SSL *client;
    BIO *to_client, *from_client;
};

static SSL_CTX *client_context(const char *identity, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(ctx);
    if (version) {
        SSL_CTX_set_min_proto_version(ctx, version);
        SSL_CTX_set_max_proto_version(ctx, version);
    }
    if (identity) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, at(identity, ".pem")), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, at(identity, ".key"), SSL_FILETYPE_PEM), 1);
    }
    assert_int_equal(SSL_CTX_load_verify_file(ctx, at("ca", ".pem")), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return ctx;
}

static struct dialogue begin(struct crypto_tls *tls, SSL_CTX *ctx, SSL_SESSION *resume)
{
    struct dialogue d = {crypto_session_new(tls), SSL_new(ctx), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    SSL_set_bio(d.client, d.to_client, d.from_client);
    SSL_set_connect_state(d.client);
    if (resume)
        SSL_set_session(d.client, resume);
    return d;
}

static void end(struct dialogue *d)
{
    crypto_session_free(&d->server);
    SSL_free(d->client);
    ERR_clear_error();
}

/* Carries what waits in both directions, the client's bytes in pieces of `piece`. */
static void carry(struct dialogue *d, size_t piece)
{
    uint8_t buffer[65536];
    struct bytes out;
    int n;
    while ((out = crypto_session_pending(d->server)).n > 0) {
        size_t part = out.n < 5000 ? out.n : 5000; /* a socket rarely takes all */
        assert_int_equal(BIO_write(d->to_client, out.p, (int)part), (int)part);
        crypto_session_sent(d->server, part);
    }
    if ((n = BIO_read(d->from_client, buffer, (int)(piece < sizeof buffer ? piece : sizeof buffer))) > 0)
        assert_true(crypto_session_feed(d->server, bytes_of(buffer, (size_t)n)));
}

/* Runs the handshake and an echo of one byte; how it ended for the server. */
static enum crypto_io talk(struct dialogue *d, size_t piece)
{
    uint8_t buffer[100];
    size_t n = 0;
    enum crypto_io io = CRYPTO_IO_WANT;
    for (int i = 0; i < 20000 && io == CRYPTO_IO_WANT; i++) {
        if (SSL_do_handshake(d->client) == 1)
            SSL_write(d->client, "x", BIO_ctrl_pending(d->from_client) == 0);
        carry(d, piece);
        io = crypto_session_read(d->server, buffer, sizeof buffer, &n);
    }
    carry(d, piece);
    if (io == CRYPTO_IO_OK) {
        assert_int_equal(n, 1);
        assert_int_equal(crypto_session_write(d->server, BYTES_LIT("y")), CRYPTO_IO_OK);
        carry(d, piece);
        assert_int_equal(SSL_read(d->client, buffer, 1), 1);
        assert_int_equal(buffer[0], 'y');
    }
    return io;
}

static void assert_peer(const struct crypto_session *session, const char *name)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    int64_t not_after;
    struct crypto_key *key = NULL;
    struct err err = {0};
    assert_true(crypto_session_peer(session, digest, &not_after));
    assert_true(crypto_key_from_file(at(name, ".pem"), &key, &err));
    assert_memory_equal(digest, crypto_key_digest(key), sizeof digest);
    assert_int_equal(not_after, crypto_key_not_after(key));
    crypto_key_free(&key);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void client_is_known_by_its_key(void **state)
{
    (void)state;
    struct crypto_tls *tls = server_with("crl.pem");
    for (int i = 0; i < 2; i++) {
        SSL_CTX *ctx = client_context("bank-a", versions[i]);
        struct dialogue d = begin(tls, ctx, NULL);
        assert_false(crypto_session_ready(d.server));
        assert_int_equal(crypto_session_write(d.server, BYTES_LIT("early")), CRYPTO_IO_WANT);
        assert_int_equal(talk(&d, 65536), CRYPTO_IO_OK);
        assert_true(crypto_session_ready(d.server));
        assert_false(crypto_session_resumed(d.server));
        assert_int_equal(SSL_version(d.client), versions[i]);
        assert_int_equal(SSL_get_verify_result(d.client), X509_V_OK);
        assert_peer(d.server, "bank-a");
        end(&d);
        SSL_CTX_free(ctx);
    }
    crypto_tls_free(&tls);
}

static void bytes_may_come_one_by_one(void **state)
{
    (void)state;
    struct crypto_tls *tls = server_with(NULL);
    SSL_CTX *ctx = client_context("bank-b", 0);
    struct dialogue d = begin(tls, ctx, NULL);
    assert_int_equal(talk(&d, 1), CRYPTO_IO_OK);
    assert_peer(d.server, "bank-b");
    end(&d);
    SSL_CTX_free(ctx);
    crypto_tls_free(&tls);
}

static void assert_refused(const char *identity, const char *crl, int version, const char *why)
{
    struct crypto_tls *tls = server_with(crl);
    SSL_CTX *ctx = client_context(identity, version);
    struct dialogue d = begin(tls, ctx, NULL);
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    int64_t not_after;
    assert_int_equal(talk(&d, 65536), CRYPTO_IO_FAILED);
    assert_false(crypto_session_ready(d.server));
    assert_false(crypto_session_peer(d.server, digest, &not_after));
    assert_false(crypto_session_peer_still_good(d.server, tls, clock_wall_ms()));
    if (!strstr(crypto_session_failure(d.server), why))
        fail_msg("%s: %s", identity ? identity : "nobody", crypto_session_failure(d.server));
    uint8_t byte;
    ERR_clear_error();
    assert_int_equal(SSL_get_error(d.client, SSL_read(d.client, &byte, 1)), SSL_ERROR_SSL); /* an alert came */
    assert_true(ERR_GET_REASON(ERR_peek_error()) > SSL_AD_REASON_OFFSET);
    end(&d);
    SSL_CTX_free(ctx);
    crypto_tls_free(&tls);
}

static void bad_clients_get_an_alert(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_refused(NULL, "crl.pem", versions[i], "peer did not return a certificate");
        assert_refused("bad/revoked", "crl.pem", versions[i], "revoked");
        assert_refused("bad/expired", "crl.pem", versions[i], "expired");
        assert_refused("bad/not-yet-valid", "crl.pem", versions[i], "not yet valid");
        assert_refused("bad/foreign-client", "crl.pem", versions[i], "issuer");
        assert_refused("server", "crl.pem", versions[i], "purpose"); /* a server's certificate is none of a client */
        assert_refused("bank-a", "bad/crl-expired.pem", versions[i], "CRL has expired");
    }
}

static void old_versions_are_refused(void **state)
{
    (void)state;
    struct crypto_tls *tls = server_with(NULL);
    SSL_CTX *ctx = client_context("bank-a", 0);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
    struct dialogue d = begin(tls, ctx, NULL);
    assert_int_equal(talk(&d, 65536), CRYPTO_IO_FAILED);
    end(&d);
    SSL_CTX_free(ctx);
    crypto_tls_free(&tls);
}

static void plain_text_is_refused(void **state)
{
    (void)state;
    struct crypto_tls *tls = server_with(NULL);
    struct crypto_session *session = crypto_session_new(tls);
    uint8_t buffer[10];
    size_t n;
    assert_true(crypto_session_feed(session, BYTES_LIT("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
    assert_int_equal(crypto_session_read(session, buffer, sizeof buffer, &n), CRYPTO_IO_FAILED);
    assert_int_equal(crypto_session_read(session, buffer, sizeof buffer, &n), CRYPTO_IO_FAILED);
    assert_int_equal(crypto_session_write(session, BYTES_LIT("x")), CRYPTO_IO_FAILED);
    assert_string_equal(crypto_session_failure(session), "http request");
    crypto_session_free(&session);
    assert_null(session);
    crypto_tls_free(&tls);
}

static void input_is_bounded(void **state)
{
    (void)state;
    static uint8_t zeros[CRYPTO_SESSION_FEED_MAX];
    struct crypto_tls *tls = server_with(NULL);
    struct crypto_session *session = crypto_session_new(tls);
    assert_true(crypto_session_feed(session, bytes_of(zeros, sizeof zeros)));
    assert_false(crypto_session_feed(session, bytes_of(zeros, sizeof zeros)));
    crypto_session_free(&session);
    crypto_tls_free(&tls);
}

static SSL_SESSION *kept;

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(kept);
    kept = session;
    return 1;
}

static void make_ticket(struct crypto_tls *tls, SSL_CTX *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(ctx, keep_session);
    struct dialogue d = begin(tls, ctx, NULL);
    assert_int_equal(talk(&d, 65536), CRYPTO_IO_OK);
    SSL_shutdown(d.client);
    end(&d);
    assert_non_null(kept);
    assert_int_equal(SSL_SESSION_get_max_early_data(kept), 0);
}

static bool resumes(struct crypto_tls *tls, SSL_CTX *ctx, enum crypto_io expected)
{
    struct dialogue d = begin(tls, ctx, kept);
    assert_int_equal(talk(&d, 65536), expected);
    bool resumed = crypto_session_resumed(d.server);
    if (expected == CRYPTO_IO_OK)
        assert_peer(d.server, "bank-a");
    SSL_shutdown(d.client); /* else OpenSSL's client throws the session away */
    end(&d);
    return resumed;
}

static void forget_ticket(void)
{
    SSL_SESSION_free(kept);
    kept = NULL;
}

static void resumed_sessions_keep_the_client(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct crypto_tls *tls = server_with("crl.pem");
        SSL_CTX *ctx = client_context("bank-a", versions[i]);
        make_ticket(tls, ctx);
        assert_true(resumes(tls, ctx, CRYPTO_IO_OK));
        assert_true(resumes(tls, ctx, CRYPTO_IO_OK));
        struct crypto_tls *other = server_with("crl.pem"); /* as after a reload */
        assert_false(resumes(other, ctx, CRYPTO_IO_OK));
        crypto_tls_free(&other);
        forget_ticket();
        SSL_CTX_free(ctx);
        crypto_tls_free(&tls);
    }
}

static void ticket_does_not_outlive_the_revocation_list(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        int64_t now = clock_wall_ms();
        struct crypto_tls *tls = server_with("crl.pem");
        SSL_CTX *ctx = client_context("bank-a", versions[i]);
        make_ticket(tls, ctx);
        clock_test_set(now + 3651 * DAY_MS, 1); /* certificate and list have ended */
        assert_false(resumes(tls, ctx, CRYPTO_IO_FAILED));
        clock_test_set(0, 0);
        forget_ticket();
        SSL_CTX_free(ctx);
        crypto_tls_free(&tls);
    }
}

static void kept_connection_is_judged_again(void **state)
{
    (void)state;
    int64_t now = clock_wall_ms();
    struct crypto_tls *before = server_with(NULL), *after = server_with("crl.pem"),
                      *late = server_with("bad/crl-expired.pem");
    SSL_CTX *good = client_context("bank-a", 0), *revoked = client_context("bad/revoked", 0);
    struct dialogue d = begin(before, good, NULL), r = begin(before, revoked, NULL);
    assert_int_equal(talk(&d, 65536), CRYPTO_IO_OK);
    assert_int_equal(talk(&r, 65536), CRYPTO_IO_OK); /* nobody had said so yet */
    assert_true(crypto_session_peer_still_good(d.server, before, now));
    assert_true(crypto_session_peer_still_good(r.server, before, now));
    assert_true(crypto_session_peer_still_good(d.server, after, now));
    assert_false(crypto_session_peer_still_good(r.server, after, now));
    assert_false(crypto_session_peer_still_good(r.server, after, now));
    assert_false(crypto_session_peer_still_good(d.server, late, now));
    assert_true(crypto_session_peer_still_good(d.server, after, now));
    assert_false(crypto_session_peer_still_good(d.server, after, now - DAY_MS));
    assert_true(crypto_session_peer_still_good(d.server, after, now + 819 * DAY_MS));
    assert_false(crypto_session_peer_still_good(d.server, after, now + 821 * DAY_MS));
    end(&d);
    end(&r);
    SSL_CTX_free(good);
    SSL_CTX_free(revoked);
    crypto_tls_free(&before);
    crypto_tls_free(&after);
    crypto_tls_free(&late);
}

/* An authority whose own certificate ends before those it gave out. */
static void make_short_authority(void)
{
    char command[1024];
    snprintf(command, sizeof command,
             "cd %s && exec 2>>log && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
             "short-ca.key -out short-ca.pem -days 5 -subj /CN=short -addext basicConstraints=critical,CA:TRUE -addext "
             "keyUsage=critical,keyCertSign,cRLSign && openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:P-256 -nodes -keyout outlives.key -out outlives.pem -days 30 -subj /CN=outlives -CA "
             "short-ca.pem -CAkey short-ca.key -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=clientAuth && "
             "cat ca.pem >> short-ca.pem",
             dir);
    assert_int_equal(system(command), 0);
}

static void clients_end_with_their_authority(void **state)
{
    (void)state;
    make_short_authority();
    struct crypto_tls_files files = {at("server", ".pem"), at("server", ".key"), at("short-ca", ".pem"), NULL};
    struct err err = {0};
    for (int i = 0; i < 2; i++) {
        struct crypto_tls *tls = NULL;
        assert_true(crypto_tls_server(&files, &tls, &err));
        SSL_CTX *ctx = client_context("outlives", versions[i]);
        make_ticket(tls, ctx);
        struct dialogue kept_open = begin(tls, ctx, NULL), resumed = begin(tls, ctx, kept);
        int64_t now = clock_wall_ms();
        assert_int_equal(talk(&kept_open, 65536), CRYPTO_IO_OK);
        assert_int_equal(talk(&resumed, 65536), CRYPTO_IO_OK);
        assert_true(crypto_session_resumed(resumed.server));
        assert_true(crypto_session_peer_still_good(kept_open.server, tls, now + 4 * DAY_MS));
        assert_true(crypto_session_peer_still_good(resumed.server, tls, now + 4 * DAY_MS));
        assert_false(crypto_session_peer_still_good(kept_open.server, tls, now + 6 * DAY_MS));
        assert_false(crypto_session_peer_still_good(resumed.server, tls, now + 6 * DAY_MS));
        SSL_shutdown(resumed.client);
        end(&kept_open);
        end(&resumed);
        clock_test_set(now + 6 * DAY_MS, 1);
        struct dialogue late = begin(tls, ctx, kept);
        assert_int_equal(talk(&late, 65536), CRYPTO_IO_FAILED);
        clock_test_set(0, 0);
        end(&late);
        forget_ticket();
        SSL_CTX_free(ctx);
        crypto_tls_free(&tls);
    }
}

static void large_answers_and_orderly_end(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20 };
    uint8_t *sent = malloc(SIZE), *got = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = (uint8_t)(i * 7 + i / 256);
    struct crypto_tls *tls = server_with(NULL);
    SSL_CTX *ctx = client_context("bank-a", 0);
    struct dialogue d = begin(tls, ctx, NULL);
    assert_int_equal(talk(&d, 65536), CRYPTO_IO_OK);
    assert_int_equal(crypto_session_write(d.server, bytes_of(sent, SIZE)), CRYPTO_IO_OK);
    crypto_session_close(d.server);
    carry(&d, 65536);
    size_t n = 0;
    int part;
    while ((part = SSL_read(d.client, got + n, (int)(SIZE - n))) > 0)
        n += (size_t)part;
    assert_int_equal(n, SIZE);
    assert_memory_equal(sent, got, SIZE);
    assert_int_equal(SSL_get_error(d.client, SSL_read(d.client, got, 1)), SSL_ERROR_ZERO_RETURN);
    SSL_shutdown(d.client);
    carry(&d, 65536);
    assert_int_equal(crypto_session_read(d.server, got, 10, &n), CRYPTO_IO_CLOSED);
    end(&d);
    SSL_CTX_free(ctx);
    crypto_tls_free(&tls);
    free(sent);
    free(got);
}

/* A reader that always leaves some behind must not use the bound up. */
static void slow_reader_can_be_served_for_ever(void **state)
{
    (void)state;
    enum { CHUNK = 1 << 20 };
    uint8_t *chunk = calloc(1, CHUNK);
    struct crypto_tls *tls = server_with(NULL);
    SSL_CTX *ctx = client_context("bank-a", 0);
    struct dialogue d = begin(tls, ctx, NULL);
    assert_int_equal(talk(&d, 65536), CRYPTO_IO_OK);
    assert_int_equal(crypto_session_write(d.server, bytes_of(chunk, 1000)), CRYPTO_IO_OK);
    for (int i = 0; i < 80; i++) {
        assert_int_equal(crypto_session_write(d.server, bytes_of(chunk, CHUNK)), CRYPTO_IO_OK);
        crypto_session_sent(d.server, crypto_session_pending(d.server).n - 1000);
    }
    for (int i = 0; i < 31; i++)
        assert_int_equal(crypto_session_write(d.server, bytes_of(chunk, CHUNK)), CRYPTO_IO_OK);
    assert_int_equal(crypto_session_write(d.server, bytes_of(chunk, CHUNK)), CRYPTO_IO_FAILED);
    end(&d);
    SSL_CTX_free(ctx);
    crypto_tls_free(&tls);
    free(chunk);
}

static void renegotiation_is_refused(void **state)
{
    (void)state;
    struct crypto_tls *tls = server_with(NULL);
    SSL_CTX *ctx = client_context("bank-a", TLS1_2_VERSION);
    struct dialogue d = begin(tls, ctx, NULL);
    uint8_t buffer[10];
    size_t n;
    assert_int_equal(talk(&d, 65536), CRYPTO_IO_OK);
    assert_int_equal(SSL_renegotiate(d.client), 1);
    SSL_do_handshake(d.client);
    carry(&d, 65536);
    assert_int_not_equal(crypto_session_read(d.server, buffer, sizeof buffer, &n), CRYPTO_IO_OK);
    carry(&d, 65536);
    assert_int_not_equal(SSL_do_handshake(d.client), 1);
    end(&d);
    SSL_CTX_free(ctx);
    crypto_tls_free(&tls);
}

static void assert_no_context(struct crypto_tls_files files, enum err_code code, const char *place)
{
    struct crypto_tls *tls = NULL;
    struct err err = {0};
    assert_false(crypto_tls_server(&files, &tls, &err));
    assert_null(tls);
    assert_int_equal(err.code, code);
    assert_string_equal(err.place, place ? place : "");
}

static void unusable_files_are_named(void **state)
{
    (void)state;
    struct crypto_tls_files good = {at("server", ".pem"), at("server", ".key"), at("ca", ".pem"), at("crl", ".pem")},
                            files = good;
    files.key = at("bank-a", ".key");
    assert_no_context(files, ERR_KEY_MISMATCH, files.key);
    files = good;
    files.cert = at("absent", ".pem");
    assert_no_context(files, ERR_KEY_FILE, files.cert);
    files = good;
    files.ca = at("server", ".key");
    assert_no_context(files, ERR_KEY_FILE, files.ca);
    files = good;
    files.crl = at("ca", ".pem");
    assert_no_context(files, ERR_KEY_FILE, files.crl);
    files = good;
    files.ca = at("bad/foreign-ca", ".pem"); /* not the signer of the list */
    assert_no_context(files, ERR_KEY_FILE, files.crl);
    files = good;
    files.ca = NULL;
    assert_no_context(files, ERR_KEY_FILE, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_is_known_by_its_key),
        cmocka_unit_test(bytes_may_come_one_by_one),
        cmocka_unit_test(bad_clients_get_an_alert),
        cmocka_unit_test(old_versions_are_refused),
        cmocka_unit_test(plain_text_is_refused),
        cmocka_unit_test(input_is_bounded),
        cmocka_unit_test(resumed_sessions_keep_the_client),
        cmocka_unit_test(ticket_does_not_outlive_the_revocation_list),
        cmocka_unit_test(kept_connection_is_judged_again),
        cmocka_unit_test(clients_end_with_their_authority),
        cmocka_unit_test(large_answers_and_orderly_end),
        cmocka_unit_test(slow_reader_can_be_served_for_ever),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(unusable_files_are_named),
    };
    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
