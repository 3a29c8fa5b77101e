/* xml: a statement as the element that the schema of whitelist.statement declares, with one enveloped signature. */
#include "statement/internal.h"

#include <string.h>

void statement_profile_key(const struct message_profile *profile, uint8_t out[STATEMENT_PROFILE_SIZE])
{
    static const struct message_profile contract;
    const uint8_t flags[] = {profile->inclusive, profile->der};
    const struct bytes zero = BYTES_LIT("\0");
    const struct bytes parts[] = {bytes_of(flags, sizeof(flags)), bytes_str(profile->signature_uri), zero,
                                  bytes_str(profile->digest_uri)};
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    memset(out, 0, STATEMENT_PROFILE_SIZE);
    if (profile->inclusive == contract.inclusive && profile->der == contract.der && profile->signature_uri == NULL &&
        profile->digest_uri == NULL)
        return;
    crypto_digest_parts(CRYPTO_SHA256, parts, sizeof(parts) / sizeof(*parts), digest);
    memcpy(out, digest, STATEMENT_PROFILE_SIZE);
}

static bool write_element(const struct catalog *catalog, struct bytes json, struct buf *out, struct err *err)
{
    struct err why = {0};
    const struct message_kind *kind = catalog_find(catalog, STATEMENT_KIND, 1, &why);

    if (kind != NULL && message_write_element(catalog, kind, STATEMENT_ELEMENT, json, out, &why))
        return true;
    return err_set(err, ERR_INTERNAL, why.place, "a statement does not follow its schema: %s",
                   err_info(why.code)->code);
}

bool statement_sign_xml(const struct statement_context *context, enum crypto_alg alg, struct bytes json,
                        struct buf *out, struct err *err)
{
    struct buf plain;
    bool ok;

    buf_init(&plain, STATEMENT_XML_MAX);
    ok = write_element(context->catalog, json, &plain, err) &&
         message_sign_xml(buf_bytes(&plain), context->ring, alg, &context->profile, out, err);
    buf_free(&plain);
    return ok;
}
