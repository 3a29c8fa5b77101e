/* Fuzzes the JWS verifier: whatever comes, it refuses without harm. */
#include <stdlib.h>

#include "jws/jws.h"

/* A public key whose private half is not known here (Wycheproof, secp256r1). */
static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                          "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKSexBRK64+3c/kZ4KBKLrSkDJpkZ\n"
                          "9whgacjE32xzKDjHeHlk6qwA5ZIfsUmKYPRgZ2az2WhQAVWNGpdOc0FRPg==\n"
                          "-----END PUBLIC KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crypto_key *key;
    struct bytes input = bytes_of(data, size);
    struct err err = {0};
    char alg[16];
    if (!key && !crypto_key_from_pem(bytes_str(pem), "fuzz", &key, &err))
        abort();
    struct jws_expect expect = {.alg = CRYPTO_ES256, .keys = {key}, .key_n = 1};
    struct buf payload;
    buf_init(&payload, 1 << 20);
    if (!jws_verify_compact(&expect, input, &payload, NULL, &err) && (err.code == ERR_NONE || payload.n != 0))
        abort();
    err = (struct err){0};
    if (jws_verify_detached(&expect, input, BYTES_LIT("payload"), NULL, &err) == (err.code != ERR_NONE))
        abort();
    jws_peek_alg(input, alg);
    struct crypto_key *keys[JWS_KEYS_MAX] = {0};
    size_t n = 0;
    jws_read_jwks(input, CRYPTO_ES256, keys, &n, &err);
    while (n > 0)
        crypto_key_free(&keys[--n]);
    buf_free(&payload);
    return 0;
}
