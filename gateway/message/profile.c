/* What may be agreed on: one set of names for each algorithm, and the words of a partner's file that change it. */
#include <string.h>

#include "message/dsig.h"

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define CHINAPORT "http://www.chinaport.gov.cn/2022/04/xmldsig#"
#define URI_SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"
#define URI_SM3 CHINAPORT "sm3"

static const struct {
    const char *signature_uri, *digest_uri;
    enum crypto_digest digest;
} sets[] = {
    [CRYPTO_ES256] = {MORE "ecdsa-sha256", URI_SHA256, CRYPTO_SHA256},
    [CRYPTO_SM2] = {CHINAPORT "sm2-sm3", URI_SM3, CRYPTO_SM3},
    [CRYPTO_RS256] = {MORE "rsa-sha256", URI_SHA256, CRYPTO_SHA256},
};
#define SET_COUNT (sizeof sets / sizeof sets[0])

bool dsig_terms(const struct message_profile *profile, enum crypto_alg alg, struct dsig_terms *out, struct err *err)
{
    static const struct message_profile contract;
    if ((unsigned)alg >= SET_COUNT)
        return err_set(err, ERR_SIGNATURE_ALG, NULL, "%s is not offered in XML", crypto_alg_name(alg));
    if (!profile)
        profile = &contract;
    out->inclusive = profile->inclusive;
    out->der = profile->der && alg != CRYPTO_RS256;
    out->c14n_uri = profile->inclusive ? DSIG_INCLUSIVE : DSIG_EXCLUSIVE;
    out->signature_uri = profile->signature_uri ? profile->signature_uri : sets[alg].signature_uri;
    out->digest_uri = profile->digest_uri ? profile->digest_uri : sets[alg].digest_uri;
    /* SM2 over a SHA-256 digest exists; any other name is one of the digest of the algorithm */
    out->digest = strcmp(out->digest_uri, URI_SHA256) == 0 ? CRYPTO_SHA256 : sets[alg].digest;
    return true;
}

bool message_terms(const struct message_profile *profile, enum crypto_alg alg, struct message_terms *out,
                   struct err *err)
{
    struct dsig_terms terms;
    CHECK(dsig_terms(profile, alg, &terms, err));
    *out = (struct message_terms){terms.c14n_uri, terms.signature_uri, terms.digest_uri};
    return true;
}

enum crypto_digest dsig_digest_named(const char *digest_uri)
{
    const char *name = strrchr(digest_uri, '#');
    return name && strcmp(name, "#sm3") == 0 ? CRYPTO_SM3 : CRYPTO_SHA256;
}
