/* Verification: what was agreed, the digest of the document, the signature over SignedInfo. */
#include <stdio.h>

#include "message/dsig.h"

static bool check_digest(const struct message *message, const struct dsig *dsig, const struct dsig_terms *terms,
                         struct err *err)
{
    uint8_t computed[CRYPTO_DIGEST_SIZE];
    struct buf seen;
    struct dsig_sink sink = {.hash = crypto_hash_new(terms->digest)};
    buf_init(&seen, CRYPTO_DIGEST_SIZE);
    bool ok = dsig_base64(dsig->digest_value, &seen, err) &&
              (seen.n == sizeof computed || dsig_fault(err, ERR_SIGNATURE_MALFORMED, dsig->digest_value,
                                                       "%zu bytes where a digest has %zu", seen.n, sizeof computed)) &&
              dsig_canonical(message->tree->doc, dsig->signature, terms->inclusive, &sink, err);
    if (ok) {
        crypto_hash_end(sink.hash, computed);
        ok = crypto_equal(computed, seen.p, sizeof computed) ||
             dsig_fault(err, ERR_SIGNATURE_DIGEST, dsig->digest_value, "the document is not what was signed");
    }
    crypto_hash_free(&sink.hash);
    buf_free(&seen);
    return ok;
}

/* The signature as the module crypto takes it. */
static bool read_value(const struct dsig *dsig, const struct dsig_terms *terms, enum crypto_alg alg, struct buf *out,
                       struct err *err)
{
    uint8_t raw[CRYPTO_RAW_SIZE];
    CHECK(dsig_base64(dsig->value, out, err));
    if (!terms->der)
        return true;
    CHECK(crypto_raw_from_der(alg, buf_bytes(out), raw, err));
    buf_reset(out);
    buf_put(out, raw, sizeof raw);
    return true;
}

/* The error left is that of the last key tried. */
static bool try_keys(const struct jws_expect *expect, const bool *usable, struct bytes info, struct bytes value,
                     struct jws_seen *seen_out, struct err *err)
{
    err_set(err, ERR_SIGNATURE_KEY_UNKNOWN, NULL, "none of the signer's %zu keys", expect->key_n);
    for (size_t i = 0; i < JWS_KEYS_MAX; i++) {
        if (!usable[i] || !crypto_verify(expect->keys[i], expect->alg, expect->sm2_id, info, value, err))
            continue;
        if (seen_out) {
            *seen_out = (struct jws_seen){0};
            snprintf(seen_out->kid, sizeof seen_out->kid, "%s", crypto_key_kid(expect->keys[i]));
        }
        *err = (struct err){0};
        return true;
    }
    return false;
}

static bool check_signature(const struct dsig *dsig, const struct dsig_terms *terms, const struct jws_expect *expect,
                            const bool *usable, struct jws_seen *seen_out, struct err *err)
{
    struct buf info, value;
    buf_init(&info, DSIG_INFO_MAX);
    buf_init(&value, CRYPTO_SIGNATURE_MAX);
    bool ok = dsig_canonical_info(dsig, terms->inclusive, &info, err) &&
              read_value(dsig, terms, expect->alg, &value, err) &&
              try_keys(expect, usable, buf_bytes(&info), buf_bytes(&value), seen_out, err);
    buf_free(&info);
    buf_free(&value);
    return ok;
}

bool message_verify_xml(struct message *message, const struct jws_expect *expect, const struct message_profile *profile,
                        struct jws_seen *seen_out, struct err *err)
{
    struct dsig_terms terms;
    struct dsig dsig;
    bool usable[JWS_KEYS_MAX];
    CHECK(dsig_terms(profile, expect->alg, &terms, err));
    CHECK(dsig_read(message->tree->doc, &dsig, err));
    CHECK(dsig_judge(&dsig, &terms, err));
    CHECK(dsig_keys(dsig.key_info, expect, usable, err));
    CHECK(check_digest(message, &dsig, &terms, err));
    CHECK(check_signature(&dsig, &terms, expect, usable, seen_out, err));
    xmlUnlinkNode(dsig.signature);
    xmlFreeNode(dsig.signature);
    return true;
}
