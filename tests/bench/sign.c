/* The unit x: CPU microseconds of one raw ECDSA P-256 signature over a digest, with a cached key.
 *
 *     sign [COUNT]      prints the mean of COUNT (20000) as a plain number
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 20000;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *ctx = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
    uint8_t digest[32] = {1}, signature[128];
    if (count < 1 || ctx == NULL || EVP_PKEY_sign_init(ctx) != 1)
        return 1;
    int64_t begun = cpu_ns();
    for (long i = 0; i < count; i++) {
        size_t n = sizeof signature;
        digest[0] = (uint8_t)i;
        if (EVP_PKEY_sign(ctx, signature, &n, digest, sizeof digest) != 1)
            return 1;
    }
    printf("%.3f\n", (double)(cpu_ns() - begun) / 1000 / (double)count);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return 0;
}
