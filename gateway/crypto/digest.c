/* Digests, MAC, random bytes. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#include "crypto/internal.h"

struct crypto_hash {
    EVP_MD_CTX *ctx;
    const EVP_MD *md;
};

static const char *const md_names[] = {[CRYPTO_SHA256] = "SHA256", [CRYPTO_SM3] = "SM3"};
static EVP_MD *mds[2];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t scratch_key;

/* Without these algorithms or without memory no trust decision is possible: going on would be worse. */
static void must(bool ok, const char *what)
{
    if (ok)
        return;
    log_event(LOG_ERROR, "crypto.unusable", "what=%s", what);
    abort();
}

static void free_scratch(void *scratch)
{
    EVP_MD_CTX **ctx = scratch;
    EVP_MD_CTX_free(ctx[CRYPTO_SHA256]);
    EVP_MD_CTX_free(ctx[CRYPTO_SM3]);
    free(ctx);
}

static void fetch(void)
{
    for (size_t i = 0; i < 2; i++) {
        mds[i] = EVP_MD_fetch(NULL, md_names[i], NULL);
        must(mds[i], md_names[i]);
    }
    must(pthread_key_create(&scratch_key, free_scratch) == 0, "thread key");
}

const EVP_MD *crypto_md(enum crypto_digest which)
{
    pthread_once(&once, fetch);
    return mds[which];
}

/* One context per thread and digest, used again: making one costs more than digesting a row. */
static EVP_MD_CTX *scratch(enum crypto_digest which)
{
    static _Thread_local EVP_MD_CTX **mine;
    if (!mine) {
        crypto_md(which);
        mine = xcalloc(2, sizeof *mine);
        pthread_setspecific(scratch_key, mine);
    }
    if (!mine[which])
        mine[which] = EVP_MD_CTX_new();
    must(mine[which], "digest context");
    return mine[which];
}

void crypto_digest_parts(enum crypto_digest which, const struct bytes *parts, size_t n, uint8_t out[CRYPTO_DIGEST_SIZE])
{
    EVP_MD_CTX *ctx = scratch(which);
    must(EVP_DigestInit_ex2(ctx, crypto_md(which), NULL) == 1, "digest");
    for (size_t i = 0; i < n; i++)
        must(EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1, "digest");
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1, "digest");
}

void crypto_digest(enum crypto_digest which, struct bytes in, uint8_t out[CRYPTO_DIGEST_SIZE])
{
    crypto_digest_parts(which, &in, 1, out);
}

static void start(struct crypto_hash *hash)
{
    must(EVP_DigestInit_ex2(hash->ctx, hash->md, NULL) == 1, "digest");
}

struct crypto_hash *crypto_hash_new(enum crypto_digest which)
{
    struct crypto_hash *hash = xcalloc(1, sizeof *hash);
    hash->md = crypto_md(which);
    hash->ctx = EVP_MD_CTX_new();
    must(hash->ctx, "digest context");
    start(hash);
    return hash;
}

void crypto_hash_add(struct crypto_hash *hash, struct bytes in)
{
    must(EVP_DigestUpdate(hash->ctx, in.p, in.n) == 1, "digest");
}

void crypto_hash_end(struct crypto_hash *hash, uint8_t out[CRYPTO_DIGEST_SIZE])
{
    must(EVP_DigestFinal_ex(hash->ctx, out, NULL) == 1, "digest");
    start(hash);
}

void crypto_hash_free(struct crypto_hash **hash)
{
    if (!hash || !*hash)
        return;
    EVP_MD_CTX_free((*hash)->ctx);
    free(*hash);
    *hash = NULL;
}

static void hmac(enum crypto_digest which, struct bytes key, struct bytes in, uint8_t out[CRYPTO_DIGEST_SIZE])
{
    must(key.n <= INT32_MAX, "key size");
    must(HMAC(crypto_md(which), key.n ? key.p : NULL, (int)key.n, in.p, in.n, out, NULL), "hmac");
}

void crypto_hmac_sha256(struct bytes key, struct bytes in, uint8_t out[CRYPTO_DIGEST_SIZE])
{
    hmac(CRYPTO_SHA256, key, in, out);
}

void crypto_hmac_sm3(struct bytes key, struct bytes in, uint8_t out[CRYPTO_DIGEST_SIZE])
{
    hmac(CRYPTO_SM3, key, in, out);
}

void crypto_random(void *out, size_t n)
{
    must(n <= INT32_MAX && RAND_bytes(out, (int)n) == 1, "random bytes");
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}
