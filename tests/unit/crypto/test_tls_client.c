/* TLS sessions of the client side against an OpenSSL server in the same process, with the development PKI. */
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

/* What differs from a good exchange. */
struct setup {
    const char *server, *client, *ca, *crl, *host;
    int version;
};

static SSL_CTX *server_context(const struct setup *setup)
{
    const char *name = setup->server ? setup->server : "server";
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(ctx);
    SSL_CTX_set_security_level(ctx, 0);
    if (setup->version) {
        SSL_CTX_set_min_proto_version(ctx, setup->version);
        SSL_CTX_set_max_proto_version(ctx, setup->version);
    }
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, at(name, ".pem")), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, at(name, ".key"), SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_load_verify_file(ctx, at("ca", ".pem")), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ctx;
}

static struct crypto_tls *client_context(const struct setup *setup)
{
    const char *name = setup->client ? setup->client : "bank-a";
    struct crypto_tls_files files = {.cert = name[0] ? at(name, ".pem") : NULL,
                                     .key = name[0] ? at(name, ".key") : NULL,
                                     .ca = at(setup->ca ? setup->ca : "ca", ".pem"),
                                     .crl = setup->crl ? at(setup->crl, "") : NULL};
    struct crypto_tls *tls = NULL;
    struct err err = {0};
    if (!crypto_tls_client(&files, &tls, &err))
        fail_msg("%s: %s", err.place, err.detail);
    return tls;
}

struct ended {
    enum crypto_io io;
    bool ready, refused, known;
    char failure[256], peer[64], name[64];
};

/* Carries what waits in both directions. */
static void carry(struct crypto_session *client, SSL *server)
{
    uint8_t buffer[65536];
    struct bytes out;
    int n;
    while ((out = crypto_session_pending(client)).n > 0) {
        assert_int_equal(BIO_write(SSL_get_rbio(server), out.p, (int)out.n), (int)out.n);
        crypto_session_sent(client, out.n);
    }
    if ((n = BIO_read(SSL_get_wbio(server), buffer, sizeof buffer)) > 0)
        assert_true(crypto_session_feed(client, bytes_of(buffer, (size_t)n)));
}

/* The server answers each byte with the next one. */
static void answer(SSL *server)
{
    uint8_t byte;
    if (SSL_read(server, &byte, 1) == 1) {
        byte++;
        SSL_write(server, &byte, 1);
    }
    ERR_clear_error();
}

static enum crypto_io dialogue(struct crypto_session *client, SSL *server)
{
    enum crypto_io io = CRYPTO_IO_WANT;
    bool asked = false;
    uint8_t byte = 0;
    size_t n = 0;
    for (int i = 0; i < 100 && io == CRYPTO_IO_WANT; i++) {
        io = crypto_session_read(client, &byte, 1, &n);
        if (crypto_session_ready(client) && !asked && io == CRYPTO_IO_WANT) {
            asked = true;
            assert_int_equal(crypto_session_write(client, BYTES_LIT("x")), CRYPTO_IO_OK);
        }
        carry(client, server);
        answer(server);
        carry(client, server);
    }
    if (io == CRYPTO_IO_OK)
        assert_int_equal(byte, 'y');
    return io;
}

static void note_server(struct ended *ended, SSL *server)
{
    const char *name = SSL_get_servername(server, TLSEXT_NAMETYPE_host_name);
    X509 *cert = SSL_get0_peer_certificate(server);
    if (name)
        snprintf(ended->name, sizeof ended->name, "%s", name);
    if (cert)
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, ended->peer, sizeof ended->peer);
}

static struct ended run(struct setup setup)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    int64_t until;
    struct err err = {0};
    struct ended ended = {0};
    SSL_CTX *ctx = server_context(&setup);
    SSL *server = SSL_new(ctx);
    struct crypto_tls *tls = client_context(&setup);
    struct crypto_session *client = crypto_session_connect(tls, setup.host ? setup.host : "127.0.0.1", &err);
    assert_non_null(client);
    SSL_set_bio(server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(server);
    ended.io = dialogue(client, server);
    ended.ready = crypto_session_ready(client);
    ended.refused = crypto_session_refused(client);
    ended.known = crypto_session_peer(client, digest, &until);
    snprintf(ended.failure, sizeof ended.failure, "%s", crypto_session_failure(client));
    note_server(&ended, server);
    crypto_session_free(&client);
    crypto_tls_free(&tls);
    SSL_free(server);
    SSL_CTX_free(ctx);
    return ended;
}

static void expect_good(struct setup setup)
{
    struct ended ended = run(setup);
    if (ended.io != CRYPTO_IO_OK)
        fail_msg("%d %s", ended.io, ended.failure);
    assert_true(ended.known);
    assert_string_equal(ended.peer, "bank-a");
}

/* Before our side was ready: nothing of ours can have been sent. */
static void expect_distrust(struct setup setup)
{
    struct ended ended = run(setup);
    assert_int_equal(ended.io, CRYPTO_IO_FAILED);
    assert_false(ended.ready);
    assert_false(ended.refused);
    assert_true(ended.failure[0]);
}

static void both_versions_are_spoken(void **state)
{
    (void)state;
    expect_good((struct setup){.version = TLS1_2_VERSION});
    expect_good((struct setup){.version = TLS1_3_VERSION});
    expect_distrust((struct setup){.version = TLS1_1_VERSION});
}

static void a_name_is_told_and_an_address_is_not(void **state)
{
    (void)state;
    expect_good((struct setup){.host = "localhost"});
    assert_string_equal(run((struct setup){.host = "localhost"}).name, "localhost");
    expect_good((struct setup){.host = "::1"});
    assert_string_equal(run((struct setup){.host = "127.0.0.1"}).name, "");
}

static void a_server_must_be_who_it_should_be(void **state)
{
    (void)state;
    expect_distrust((struct setup){.host = "127.0.0.2"});
    expect_distrust((struct setup){.host = "bank.example"});
    expect_distrust((struct setup){.server = "bad/wrong-name"});
    expect_distrust((struct setup){.server = "bad/expired-server"});
    expect_distrust((struct setup){.server = "bad/foreign-server"});
    expect_distrust((struct setup){.ca = "bad/foreign-ca"});
    /* a client's certificate is not a server's */
    expect_distrust((struct setup){.server = "bank-b"});
}

static void a_refused_certificate_is_told_apart(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const char *const bad[] = {"", "bad/foreign-client", "bad/expired"};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct ended ended = run((struct setup){.version = versions[i % 2], .client = bad[i / 2]});
        assert_int_equal(ended.io, CRYPTO_IO_FAILED);
        /* in TLS 1.2 a missing certificate is a handshake failure like any other, before ours is ready */
        assert_true(ended.refused || (!ended.ready && versions[i % 2] == TLS1_2_VERSION));
    }
}

static void what_is_no_host_is_refused(void **state)
{
    struct setup usual = {0};
    struct crypto_tls *tls = client_context(&usual);
    struct err err = {0};
    (void)state;
    assert_null(crypto_session_connect(tls, "", &err));
    assert_int_equal(err.code, ERR_CLIENT_TLS);
    crypto_tls_free(&tls);
    assert_false(crypto_tls_client(&(struct crypto_tls_files){0}, &tls, &err));
    assert_int_equal(err.code, ERR_KEY_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_are_spoken),          cmocka_unit_test(a_name_is_told_and_an_address_is_not),
        cmocka_unit_test(a_server_must_be_who_it_should_be), cmocka_unit_test(a_refused_certificate_is_told_apart),
        cmocka_unit_test(what_is_no_host_is_refused),
    };
    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
