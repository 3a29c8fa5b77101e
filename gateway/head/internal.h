/* Private to head. */
#ifndef HEAD_INTERNAL_H
#define HEAD_INTERNAL_H

#include "head/head.h"

#define KEY_HASH 4                     /* bytes of a key's digest that stand before a signature */
#define NAME_MAX_BYTES 300             /* of who signed */

/* One signature of a note. */
struct head_line {
    struct bytes name;
    uint8_t key[KEY_HASH];
    uint8_t signature[CRYPTO_SIGNATURE_MAX];
    size_t signature_n;
};
struct head_note {
    struct head head;
    struct bytes text;                 /* what is signed */
    struct bytes lines;                /* the signatures, not yet read */
};
bool note_open(struct bytes note, struct head_note *out, struct err *err);
/* The next signature; false at the end or, with err set, where it is none. */
bool note_next(struct head_note *note, struct head_line *out, struct err *err);

bool malformed(struct err *err, const char *place, const char *why);
/* Exactly 32 bytes in base64. */
bool read_hash(struct bytes text, struct merkle_hash *out);

#endif
