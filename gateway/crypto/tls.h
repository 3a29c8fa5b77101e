/* crypto, private: what contexts and sessions share. */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include <openssl/ssl.h>

#include "crypto/internal.h"

struct crypto_tls {
    _Atomic unsigned refs;
    SSL_CTX *ctx;
    uint64_t serial; /* of this context in this process; never used twice */
    bool has_crl;
    int64_t crl_from, crl_until; /* ms; outside of it nobody is let in */
};

/* The period of a certificate, or of all of a chain, in ms. */
struct crypto_period {
    int64_t from, until;
};
bool crypto_period_of(X509 *cert, struct crypto_period *out);
/* Whether the clock is inside this period and the revocation list's. */
bool crypto_tls_in_time(const struct crypto_tls *tls, struct crypto_period period, int64_t now_ms);
/* The period in which every certificate of the chain that a handshake verified is valid; a resumed session brings it
 * along in its ticket. False when it is not known. */
bool crypto_tls_chain_period(SSL *ssl, struct crypto_period *out);
/* Chain, purpose and revocation of a client certificate as a handshake would judge them. */
bool crypto_tls_judge(const struct crypto_tls *tls, X509 *cert, STACK_OF(X509) * chain, int64_t now_ms,
                      struct crypto_period *period_out);

#endif
