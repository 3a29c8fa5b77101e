/* crypto, private: what contexts and sessions share. */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include <openssl/ssl.h>

#include "crypto/internal.h"

struct crypto_tls {
    _Atomic unsigned refs;
    SSL_CTX *ctx;
    uint64_t serial;                      /* of this context in this process; never used twice */
    bool has_crl;
    int64_t crl_from, crl_until;          /* ms; outside of it nobody is let in */
};

/* Whether the clock is inside the certificate's and the revocation list's period. */
bool crypto_tls_in_time(const struct crypto_tls *tls, X509 *cert, int64_t now_ms);
/* Chain, purpose and revocation of a client certificate as a handshake would judge them. */
bool crypto_tls_judge(const struct crypto_tls *tls, X509 *cert, STACK_OF(X509) *chain, int64_t now_ms);

#endif
