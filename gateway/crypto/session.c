/* TLS sessions driven through memory: the network module moves the bytes.
 *
 * One BIO of our own stands between OpenSSL and two bounded buffers. A failed handshake leaves its alert in the
 * output; whoever owns the connection sends what is pending before closing.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/tls.h"

#define RECORD_MAX (17u << 10) /* one record with its header and padding */
#define RECORD_PLAIN 16384u
#define RECORD_OVERHEAD 64u
#define INPUT_MAX (CRYPTO_SESSION_FEED_MAX + RECORD_MAX)
#define KEEP_ROOM (16u << 10) /* an idle connection keeps no larger buffer */
#define FAILURE_MAX 200

/* What is known of the peer; the verdict is that of the context with this serial. */
struct peer {
    X509 *cert; /* of the SSL's session */
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    struct crypto_period period, chain; /* its own, and that of all it was verified by */
    uint64_t judged_by;
    bool good;
};

struct crypto_session {
    struct crypto_tls *tls;
    SSL *ssl;
    struct buf in, out;
    size_t in_at, out_at;
    bool ready, failed, refused;
    struct peer *peer; /* NULL before the handshake ended */
    char failure[FAILURE_MAX];
};

static BIO_METHOD *method;

static int on_read(BIO *bio, char *out, int n)
{
    struct crypto_session *session = BIO_get_data(bio);
    size_t have = session->in.n - session->in_at, take = n < 0 ? 0 : (size_t)n;
    BIO_clear_retry_flags(bio);
    if (have == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    take = take < have ? take : have;
    memcpy(out, session->in.p + session->in_at, take);
    session->in_at += take;
    return (int)take;
}

static int on_write(BIO *bio, const char *p, int n)
{
    struct crypto_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (n < 0)
        return -1;
    buf_put(&session->out, p, (size_t)n);
    return session->out.overflow ? -1 : n;
}

static long on_control(BIO *bio, int command, long number, void *p)
{
    (void)bio, (void)number, (void)p;
    return command == BIO_CTRL_FLUSH;
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session buffers");
    if (!method || !BIO_meth_set_read(method, on_read) || !BIO_meth_set_write(method, on_write) ||
        !BIO_meth_set_ctrl(method, on_control))
        abort();
}

static BIO *make_bio(struct crypto_session *session)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    BIO *bio = BIO_new(method);
    if (!bio)
        abort(); /* memory, as everywhere */
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    return bio;
}

static struct crypto_session *new_session(struct crypto_tls *tls)
{
    struct crypto_session *session = xcalloc(1, sizeof *session);
    session->tls = crypto_tls_ref(tls);
    buf_init(&session->in, INPUT_MAX);
    buf_init(&session->out, CRYPTO_SESSION_OUTPUT_MAX);
    session->ssl = SSL_new(tls->ctx);
    if (!session->ssl)
        abort();
    BIO *bio = make_bio(session);
    SSL_set_bio(session->ssl, bio, bio);
    X509_VERIFY_PARAM_set_time(SSL_get0_param(session->ssl), (time_t)(clock_wall_ms() / 1000));
    return session;
}

struct crypto_session *crypto_session_new(struct crypto_tls *tls)
{
    struct crypto_session *session = new_session(tls);
    SSL_set_accept_state(session->ssl);
    return session;
}

/* An address must stand in the certificate as an address; a name also goes to the server, which may have several. */
static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return true;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct crypto_session *crypto_session_connect(struct crypto_tls *tls, const char *host, struct err *err)
{
    struct crypto_session *session = new_session(tls);
    SSL_set_connect_state(session->ssl);
    ERR_clear_error();
    if (host[0] && expect_host(session->ssl, host)) {
        ERR_clear_error();
        return session;
    }
    crypto_session_free(&session);
    crypto_fail(err, ERR_CLIENT_TLS, host, "not a host name");
    return NULL;
}

void crypto_session_free(struct crypto_session **session)
{
    if (!session || !*session)
        return;
    struct crypto_session *s = *session;
    SSL_free(s->ssl);
    crypto_tls_free(&s->tls);
    buf_free(&s->in);
    buf_free(&s->out);
    free(s->peer);
    free(s);
    *session = NULL;
}

static void release(struct buf *buf, size_t *at, size_t max)
{
    *at = 0;
    if (buf->room > KEEP_ROOM) {
        buf_free(buf);
        buf_init(buf, max);
    } else {
        buf_reset(buf);
    }
}

bool crypto_session_feed(struct crypto_session *session, struct bytes cipher)
{
    struct buf *in = &session->in;
    size_t waiting = in->n - session->in_at;
    if (cipher.n > INPUT_MAX - waiting)
        return false;
    if (session->in_at > 0 && cipher.n > in->max - in->n) {
        memmove(in->p, in->p + session->in_at, waiting);
        in->n = waiting;
        session->in_at = 0;
    }
    buf_put(in, cipher.p, cipher.n);
    return true;
}

static void take_peer(struct crypto_session *session)
{
    X509 *cert = SSL_get0_peer_certificate(session->ssl);
    struct peer *peer = xcalloc(1, sizeof *peer);
    peer->cert = cert;
    peer->judged_by = session->tls->serial;
    peer->good = cert && SSL_get_verify_result(session->ssl) == X509_V_OK &&
                 crypto_x509_spki_digest(cert, peer->digest) && crypto_period_of(cert, &peer->period) &&
                 crypto_tls_chain_period(session->ssl, &peer->chain);
    session->peer = peer;
}

static void note_ready(struct crypto_session *session)
{
    session->ready = true;
    take_peer(session);
    if (!SSL_is_server(session->ssl))
        return;                            /* the counters are of those who come to us */
    metric_add(METRIC_TLS_HANDSHAKES, 1);
    if (SSL_session_reused(session->ssl))
        metric_add(METRIC_TLS_RESUMED, 1);
}

/* The other side's alert says that it does not take our certificate (RFC 8446 section 6.2). */
static bool about_certificate(int reason)
{
    switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

static enum crypto_io fail(struct crypto_session *session, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    session->refused = about_certificate(ERR_GET_REASON(ERR_peek_error()));
    long verdict = SSL_get_verify_result(session->ssl);
    snprintf(session->failure, sizeof session->failure, "%s%s%s", reason ? reason : what,
             verdict == X509_V_OK ? "" : ": ", verdict == X509_V_OK ? "" : X509_verify_cert_error_string(verdict));
    ERR_clear_error();
    if (!session->failed && !session->ready && SSL_is_server(session->ssl))
        metric_add(METRIC_TLS_FAILED, 1);
    session->failed = true;
    return CRYPTO_IO_FAILED;
}

static enum crypto_io judge_return(struct crypto_session *session, int returned)
{
    switch (SSL_get_error(session->ssl, returned)) {
    case SSL_ERROR_NONE:
        return CRYPTO_IO_OK;
    case SSL_ERROR_WANT_READ:
        return CRYPTO_IO_WANT;
    case SSL_ERROR_ZERO_RETURN:
        return CRYPTO_IO_CLOSED;
    default:
        return fail(session, "TLS connection failed");
    }
}

enum crypto_io crypto_session_handshake(struct crypto_session *session)
{
    if (session->failed)
        return CRYPTO_IO_FAILED;
    ERR_clear_error();
    int returned = SSL_do_handshake(session->ssl);
    if (!session->ready && SSL_is_init_finished(session->ssl))
        note_ready(session);
    return judge_return(session, returned);
}

enum crypto_io crypto_session_read(struct crypto_session *session, uint8_t *buf, size_t n, size_t *n_out)
{
    *n_out = 0;
    if (session->failed)
        return CRYPTO_IO_FAILED;
    ERR_clear_error();
    int returned = SSL_read_ex(session->ssl, buf, n, n_out);
    if (!session->ready && SSL_is_init_finished(session->ssl))
        note_ready(session);
    enum crypto_io io = judge_return(session, returned);
    if (session->in_at == session->in.n)
        release(&session->in, &session->in_at, INPUT_MAX);
    return io;
}

/* Closes the gap in front when it is the larger part, so that a slow reader's output does not creep upwards. */
static void close_gap(struct buf *out, size_t *at)
{
    size_t waiting = out->n - *at;
    if (*at == 0 || waiting > *at)
        return;
    memmove(out->p, out->p + *at, waiting);
    out->n = waiting;
    *at = 0;
}

enum crypto_io crypto_session_write(struct crypto_session *session, struct bytes plain)
{
    if (session->failed)
        return CRYPTO_IO_FAILED;
    if (!session->ready)
        return CRYPTO_IO_WANT;
    if (plain.n == 0)
        return CRYPTO_IO_OK;
    close_gap(&session->out, &session->out_at);
    size_t most = plain.n + (plain.n / RECORD_PLAIN + 1) * RECORD_OVERHEAD;
    if (plain.n > CRYPTO_SESSION_OUTPUT_MAX || !buf_reserve(&session->out, most))
        return fail(session, "more output than a session holds");
    ERR_clear_error();
    size_t written = 0;
    return judge_return(session, SSL_write_ex(session->ssl, plain.p, plain.n, &written));
}

struct bytes crypto_session_pending(struct crypto_session *session)
{
    size_t n = session->out.n - session->out_at;
    return n ? bytes_of(session->out.p + session->out_at, n) : bytes_of(NULL, 0);
}

void crypto_session_sent(struct crypto_session *session, size_t n)
{
    session->out_at += n;
    if (session->out_at >= session->out.n)
        release(&session->out, &session->out_at, CRYPTO_SESSION_OUTPUT_MAX);
}

void crypto_session_close(struct crypto_session *session)
{
    if (!session->ready || session->failed)
        return;
    ERR_clear_error();
    SSL_shutdown(session->ssl);
    ERR_clear_error();
}

bool crypto_session_ready(const struct crypto_session *session)
{
    return session->ready;
}

bool crypto_session_resumed(const struct crypto_session *session)
{
    return session->ready && SSL_session_reused(session->ssl);
}

bool crypto_session_peer(const struct crypto_session *session, uint8_t digest_out[CRYPTO_DIGEST_SIZE],
                         int64_t *not_after_ms_out)
{
    const struct peer *peer = session->peer;
    if (!peer || !peer->good)
        return false;
    memcpy(digest_out, peer->digest, CRYPTO_DIGEST_SIZE);
    *not_after_ms_out = peer->period.until;
    return true;
}

bool crypto_session_peer_still_good(const struct crypto_session *session, const struct crypto_tls *tls, int64_t now_ms)
{
    struct peer *peer = session->peer;
    if (!peer || !peer->cert)
        return false;
    if (peer->judged_by != tls->serial) { /* once per context: chain and revocation do not move within one */
        peer->good = crypto_tls_judge(tls, peer->cert, SSL_get_peer_cert_chain(session->ssl), now_ms, &peer->chain);
        peer->judged_by = tls->serial;
    }
    return peer->good && crypto_tls_in_time(tls, peer->chain, now_ms);
}

bool crypto_session_refused(const struct crypto_session *session)
{
    return session->refused;
}

const char *crypto_session_failure(const struct crypto_session *session)
{
    return session->failure;
}
