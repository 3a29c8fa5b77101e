/* jws, private: the protected header. */
#ifndef JWS_INTERNAL_H
#define JWS_INTERNAL_H

#include "jws/jws.h"
#include "json/json.h"

#define JWS_SIGNATURE_TEXT_MAX 700 /* CRYPTO_SIGNATURE_MAX in base64url */

struct jws_header {
    struct json_doc *doc;
    const char *alg;
    const char *kid; /* NULL when absent */
    int64_t iat_ms;
};
/* Decodes and judges the first segment; free with jws_header_free whatever the outcome. */
bool jws_header_read(struct bytes segment, struct jws_header *header_out, struct err *err);
void jws_header_free(struct jws_header *header);
/* Appends the header of the gateway in base64url. */
void jws_header_write(const struct crypto_key *key, enum crypto_alg alg, const char *typ, int64_t now_ms,
                      struct buf *out);

#endif
