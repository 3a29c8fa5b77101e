/* The keys that an offline verification trusts, from a certificate or a JWK Set. */
#ifndef CLI_SIGNER_H
#define CLI_SIGNER_H

#include "cli/internal.h"
#include "crypto/crypto.h"
#include "jws/jws.h"

#define SIGNERS_MAX 128

struct signer {
    struct crypto_key *key;
    enum crypto_alg alg;                  /* one of those that the key's file allows */
    const char *kid;                      /* its name in headers */
    int64_t not_before, not_after;        /* ms; 0: not said */
};
struct signers {
    struct signer item[SIGNERS_MAX];
    size_t n;
};
/* The verification algorithms that a certificate's key fits. */
bool signers_from_cert(struct cli *cli, const char *path, struct signers *out, struct err *err);
bool signers_from_jwks(struct cli *cli, const char *path, struct signers *out, struct err *err);
/* Those of --cert or --keys, none when neither is given; also looks at --sm2-id. CLI_OK, or what was told. */
int signers_read(struct cli *cli, struct signers *out);
void signers_free(struct signers *signers);
/* Those of one algorithm and, when kid is not NULL, of that name, as jws wants them; the first JWS_KEYS_MAX. */
void signers_pick(const struct signers *signers, enum crypto_alg alg, const char *kid, struct jws_expect *out);
const struct signer *signers_by_key(const struct signers *signers, enum crypto_alg alg, const char *own_kid);
/* "ES256, SM2" and the key ids, each once; in the arena. */
const char *signers_algs(struct cli *cli, const struct signers *signers);
const char *signers_kids(struct cli *cli, const struct signers *signers);

#endif
