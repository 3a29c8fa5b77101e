/* TLS contexts: identity, trust anchors, revocation list, and how a client is judged. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/tls.h"

#define TICKET_LIFE_S 3600
#define CHAIN_DEPTH_MAX 4
#define CHAIN_BYTES_MAX (32l << 10)
#define CRLS_MAX 32

static const char ciphers_tls12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char groups[] = "X25519:P-256:P-384";
static const uint8_t session_context[] = "pledged";

bool crypto_period_of(X509 *cert, struct crypto_period *out)
{
    return crypto_asn1_ms(X509_get0_notBefore(cert), &out->from) &&
           crypto_asn1_ms(X509_get0_notAfter(cert), &out->until);
}

bool crypto_tls_in_time(const struct crypto_tls *tls, struct crypto_period period, int64_t now_ms)
{
    if (now_ms < period.from || now_ms > period.until)
        return false;
    return !tls->has_crl || (now_ms >= tls->crl_from && now_ms <= tls->crl_until);
}

static bool narrow(struct crypto_period *period, X509 *cert)
{
    struct crypto_period own;
    CHECK(crypto_period_of(cert, &own));
    period->from = own.from > period->from ? own.from : period->from;
    period->until = own.until < period->until ? own.until : period->until;
    return true;
}

static bool chain_period(STACK_OF(X509) * chain, struct crypto_period *out)
{
    *out = (struct crypto_period){INT64_MIN, INT64_MAX};
    for (int i = 0; i < sk_X509_num(chain); i++)
        CHECK(narrow(out, sk_X509_value(chain, i)));
    return sk_X509_num(chain) > 0;
}

static bool ticket_period(SSL_SESSION *session, struct crypto_period *out)
{
    void *kept = NULL;
    size_t n = 0;
    if (SSL_SESSION_get0_ticket_appdata(session, &kept, &n) != 1 || n != sizeof *out)
        return false;
    memcpy(out, kept, sizeof *out);
    return true;
}

bool crypto_tls_chain_period(SSL *ssl, struct crypto_period *out)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    return chain ? chain_period(chain, out) : ticket_period(SSL_get0_session(ssl), out);
}

/* A ticket of a resumed session carries on what the first one said. */
static int fill_ticket(SSL *ssl, void *arg)
{
    struct crypto_period period;
    (void)arg;
    return crypto_tls_chain_period(ssl, &period) &&
           SSL_SESSION_set1_ticket_appdata(SSL_get0_session(ssl), &period, sizeof period) == 1;
}

bool crypto_tls_judge(const struct crypto_tls *tls, X509 *cert, STACK_OF(X509) * chain, int64_t now_ms,
                      struct crypto_period *period_out)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool ok = ctx && X509_STORE_CTX_init(ctx, SSL_CTX_get_cert_store(tls->ctx), cert, chain) == 1 &&
              X509_STORE_CTX_set_default(ctx, "ssl_client") == 1;
    if (ok) {
        X509_STORE_CTX_set_time(ctx, 0, (time_t)(now_ms / 1000));
        X509_STORE_CTX_set_depth(ctx, CHAIN_DEPTH_MAX);
        ok = X509_verify_cert(ctx) == 1 && chain_period(X509_STORE_CTX_get0_chain(ctx), period_out);
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* A ticket opens only in the context that made it, so its holder's chain and revocation were judged by the same
 * anchors and list; time is what may have passed. Refusing the ticket leads to a full handshake, which says why. */
static SSL_TICKET_RETURN judge_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_n,
                                      SSL_TICKET_STATUS status, void *arg)
{
    (void)ssl, (void)name, (void)name_n;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    struct crypto_period period;
    if (!SSL_SESSION_get0_peer(session) || !ticket_period(session, &period) ||
        !crypto_tls_in_time(arg, period, clock_wall_ms()))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* Only HTTP/1.1 is spoken; a client that asks for something else may still try. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                           unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl, (void)arg;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof ours - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* What holds for both sides; FAIL_IF_NO_PEER_CERT is for servers, a client's peer always has one. */
static bool set_rules(SSL_CTX *ctx, struct err *err)
{
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, ciphers_tls12) != 1 ||
        SSL_CTX_set1_groups_list(ctx, groups) != 1)
        return crypto_fail(err, ERR_INTERNAL, NULL, "TLS settings");
    SSL_CTX_set_security_level(ctx, 2);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets carry the state */
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH_MAX);
    SSL_CTX_set_max_cert_list(ctx, CHAIN_BYTES_MAX);
    return true;
}

static bool set_server_rules(struct crypto_tls *tls, struct err *err)
{
    SSL_CTX *ctx = tls->ctx;
    CHECK(set_rules(ctx, err));
    if (SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1) != 1 ||
        SSL_CTX_set_num_tickets(ctx, 1) != 1 || SSL_CTX_set_max_early_data(ctx, 0) != 1 ||
        SSL_CTX_set_session_ticket_cb(ctx, fill_ticket, judge_ticket, tls) != 1)
        return crypto_fail(err, ERR_INTERNAL, NULL, "TLS settings");
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return true;
}

static void warn_period(X509 *cert, const char *path)
{
    struct crypto_period period;
    int64_t now = clock_wall_ms();
    if (!crypto_period_of(cert, &period) || now < period.from || now > period.until)
        log_event(LOG_WARN, "tls.certificate", "file=%s text=\"not valid now: clients will refuse it\"", path);
}

static bool set_identity(struct crypto_tls *tls, const struct crypto_tls_files *files, struct err *err)
{
    EVP_PKEY *key = NULL;
    if (SSL_CTX_use_certificate_chain_file(tls->ctx, files->cert) != 1)
        return crypto_fail(err, ERR_KEY_FILE, files->cert, "no certificate usable for TLS");
    CHECK(crypto_private_from_file(files->key, &key, err));
    bool ok = SSL_CTX_use_PrivateKey(tls->ctx, key) == 1 && SSL_CTX_check_private_key(tls->ctx) == 1;
    EVP_PKEY_free(key);
    if (!ok)
        return crypto_fail(err, ERR_KEY_MISMATCH, files->key, "does not belong to the TLS certificate");
    warn_period(SSL_CTX_get0_certificate(tls->ctx), files->cert);
    return true;
}

static bool set_anchors(struct crypto_tls *tls, const char *path, struct err *err)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (!names || SSL_CTX_load_verify_file(tls->ctx, path) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return crypto_fail(err, ERR_KEY_FILE, path, "no certificates of an authority");
    }
    SSL_CTX_set_client_CA_list(tls->ctx, names); /* takes them */
    return true;
}

/* The list must be signed by one of the anchors: a foreign one would quietly let everybody fail. */
static bool crl_genuine(X509_STORE *store, X509_CRL *crl)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_OBJECT *object = NULL;
    bool ok = false;
    if (ctx && X509_STORE_CTX_init(ctx, store, NULL, NULL) == 1)
        object = X509_STORE_CTX_get_obj_by_subject(ctx, X509_LU_X509, X509_CRL_get_issuer(crl));
    if (object) {
        EVP_PKEY *key = X509_get0_pubkey(X509_OBJECT_get0_X509(object));
        ok = key && X509_CRL_verify(crl, key) == 1;
    }
    X509_OBJECT_free(object);
    X509_STORE_CTX_free(ctx);
    return ok;
}

static bool add_crl(struct crypto_tls *tls, X509_CRL *crl, const char *path, struct err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(tls->ctx);
    int64_t from, until;
    if (!crypto_asn1_ms(X509_CRL_get0_lastUpdate(crl), &from) || !crypto_asn1_ms(X509_CRL_get0_nextUpdate(crl), &until))
        return err_set(err, ERR_KEY_FILE, path, "a revocation list must say when the next one comes");
    if (!crl_genuine(store, crl))
        return crypto_fail(err, ERR_KEY_FILE, path, "a revocation list not signed by any of the authorities");
    if (X509_STORE_add_crl(store, crl) != 1)
        return crypto_fail(err, ERR_KEY_FILE, path, "a revocation list cannot be used");
    tls->crl_from = tls->has_crl && tls->crl_from > from ? tls->crl_from : from;
    tls->crl_until = tls->has_crl && tls->crl_until < until ? tls->crl_until : until;
    tls->has_crl = true;
    return true;
}

static bool read_crls(struct crypto_tls *tls, BIO *bio, const char *path, struct err *err)
{
    X509_CRL *crl;
    unsigned n = 0;
    while ((crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
        bool ok = ++n <= CRLS_MAX ? add_crl(tls, crl, path, err)
                                  : err_set(err, ERR_KEY_FILE, path, "more than %d revocation lists", CRLS_MAX);
        X509_CRL_free(crl);
        CHECK(ok);
    }
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (n == 0 || !at_end)
        return crypto_fail(err, ERR_KEY_FILE, path, "not a revocation list in PEM");
    ERR_clear_error();
    return true;
}

static bool set_crl(struct crypto_tls *tls, const char *path, struct err *err)
{
    struct buf pem;
    buf_init(&pem, CRYPTO_FILE_MAX);
    BIO *bio = NULL;
    bool ok = crypto_read_file(path, &pem, err);
    if (ok) {
        bio = BIO_new_mem_buf(pem.n ? (const void *)pem.p : "", (int)pem.n);
        ok = bio ? read_crls(tls, bio, path, err) : crypto_fail(err, ERR_INTERNAL, path, "memory");
    }
    BIO_free(bio);
    buf_free(&pem);
    CHECK(ok);
    X509_STORE_set_flags(SSL_CTX_get_cert_store(tls->ctx), X509_V_FLAG_CRL_CHECK);
    int64_t now = clock_wall_ms();
    if (now < tls->crl_from || now > tls->crl_until)
        log_event(LOG_WARN, "tls.crl", "file=%s text=\"the revocation list is out of date: nobody is let in\"", path);
    return true;
}

static struct crypto_tls *new_tls(const SSL_METHOD *method)
{
    static _Atomic uint64_t serial;
    struct crypto_tls *tls = xcalloc(1, sizeof *tls);
    tls->refs = 1;
    tls->serial = ++serial;
    tls->ctx = SSL_CTX_new(method);
    return tls;
}

/* Hands it over, or gives it up. */
static bool finish_tls(struct crypto_tls *tls, bool ok, struct crypto_tls **tls_out)
{
    if (ok)
        *tls_out = tls;
    else
        crypto_tls_free(&tls);
    return ok;
}

bool crypto_tls_server(const struct crypto_tls_files *files, struct crypto_tls **tls_out, struct err *err)
{
    if (!files->cert || !files->key || !files->ca)
        return err_set(err, ERR_KEY_FILE, NULL,
                       "a TLS listener needs a certificate, its key and the clients' authority");
    struct crypto_tls *tls = new_tls(TLS_server_method());
    bool ok = tls->ctx ? set_server_rules(tls, err) && set_identity(tls, files, err) &&
                             set_anchors(tls, files->ca, err) && (!files->crl || set_crl(tls, files->crl, err))
                       : crypto_fail(err, ERR_INTERNAL, NULL, "TLS context");
    return finish_tls(tls, ok, tls_out);
}

bool crypto_tls_client(const struct crypto_tls_files *files, struct crypto_tls **tls_out, struct err *err)
{
    if (!files->ca)
        return err_set(err, ERR_KEY_FILE, NULL, "a TLS client needs the other side's authority");
    struct crypto_tls *tls = new_tls(TLS_client_method());
    bool ok = tls->ctx ? set_rules(tls->ctx, err) && (!files->cert || set_identity(tls, files, err)) &&
                             set_anchors(tls, files->ca, err) && (!files->crl || set_crl(tls, files->crl, err))
                       : crypto_fail(err, ERR_INTERNAL, NULL, "TLS context");
    return finish_tls(tls, ok, tls_out);
}

struct crypto_tls *crypto_tls_ref(struct crypto_tls *tls)
{
    tls->refs++;
    return tls;
}

void crypto_tls_free(struct crypto_tls **tls)
{
    if (!tls || !*tls)
        return;
    if (--(*tls)->refs == 0) {
        SSL_CTX_free((*tls)->ctx);
        free(*tls);
    }
    *tls = NULL;
}
