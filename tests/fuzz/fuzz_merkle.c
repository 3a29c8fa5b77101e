/* Proofs from strangers: any bytes are judged without harm, and changing an accepted proof has it refused. */
#include "merkle/merkle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* from(8) to(8) hash(32) hash(32), then the proof's hashes. */
#define HEAD (16 + 2 * MERKLE_HASH)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct merkle_hash a, b;
    struct merkle_proof *proof = calloc(1, sizeof(*proof));

    if (size >= HEAD) {
        uint64_t from = get_be64(data), to = get_be64(data + 8);
        memcpy(a.b, data + 16, MERKLE_HASH);
        memcpy(b.b, data + 16 + MERKLE_HASH, MERKLE_HASH);
        proof->n = (size - HEAD) / MERKLE_HASH;
        if (proof->n > 2 * MERKLE_LEVELS)
            proof->n = 2 * MERKLE_LEVELS;
        memcpy(proof->hash, data + HEAD, proof->n * MERKLE_HASH);
        bool included = merkle_verify_inclusion(&a, from, to, proof, &b);
        bool grown = merkle_verify_consistency(from, to, proof, &a, &b);
        a.b[0] ^= 1;
        if (included && merkle_verify_inclusion(&a, from, to, proof, &b))
            abort();
        if (grown && merkle_verify_consistency(from, to, proof, &a, &b))
            abort();
    }
    free(proof);
    return 0;
}
