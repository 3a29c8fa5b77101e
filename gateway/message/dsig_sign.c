/* Signing: the document in its canonical form, with a signature that is canonical as well, so that what is signed is
 * what is sent, byte for byte. */
#include <string.h>

#include "message/dsig.h"

static void write_algorithm(struct buf *out, const char *element, const char *uri)
{
    buf_printf(out, "<ds:%s Algorithm=\"%s\"></ds:%s>", element, uri, element);
}

/* `declaration` is the namespace on its own start tag: as in the exclusive canonical form, or empty as in the document.
 */
static void write_info(struct buf *out, const struct dsig_terms *terms, const uint8_t digest[CRYPTO_DIGEST_SIZE],
                       const char *declaration)
{
    buf_printf(out, "<ds:SignedInfo%s>", declaration);
    write_algorithm(out, "CanonicalizationMethod", terms->c14n_uri);
    write_algorithm(out, "SignatureMethod", terms->signature_uri);
    buf_str(out, "<ds:Reference URI=\"\"><ds:Transforms>");
    write_algorithm(out, "Transform", DSIG_ENVELOPED);
    write_algorithm(out, "Transform", terms->c14n_uri);
    buf_str(out, "</ds:Transforms>");
    write_algorithm(out, "DigestMethod", terms->digest_uri);
    buf_str(out, "<ds:DigestValue>");
    base64_encode(out, bytes_of(digest, CRYPTO_DIGEST_SIZE), false);
    buf_str(out, "</ds:DigestValue></ds:Reference></ds:SignedInfo>");
}

/* The document with the signature as its root's last child; a canonical document ends with the root's end tag. */
static bool write_signed(struct bytes canonical, const struct dsig_terms *terms, const uint8_t *digest,
                         struct bytes value, struct buf *out, struct err *err)
{
    const uint8_t *end_tag = memrchr(canonical.p, '<', canonical.n);
    if (!end_tag)
        return err_set(err, ERR_MESSAGE_MALFORMED, NULL, "no root");
    size_t start = out->n, before = (size_t)(end_tag - canonical.p);
    buf_put(out, canonical.p, before);
    buf_str(out, "<ds:Signature xmlns:ds=\"" DSIG_NAMESPACE "\">");
    write_info(out, terms, digest, "");
    buf_str(out, "<ds:SignatureValue>");
    base64_encode(out, value, false);
    buf_str(out, "</ds:SignatureValue></ds:Signature>");
    buf_put(out, end_tag, canonical.n - before);
    if (out->overflow || out->n - start > MESSAGE_MAX)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "the signed document takes more than %zu bytes",
                       (size_t)MESSAGE_MAX);
    return true;
}

/* Inclusive canonical form takes over every namespace in scope, so it is read off the document to be. */
static bool inclusive_info(struct bytes canonical, const struct dsig_terms *terms, const uint8_t *digest,
                           struct buf *info, struct err *err)
{
    struct buf draft;
    struct message *message = NULL;
    struct dsig dsig;
    buf_init(&draft, MESSAGE_MAX);
    bool ok = write_signed(canonical, terms, digest, BYTES_LIT("value"), &draft, err) &&
              message_parse_xml(buf_bytes(&draft), &message, err) && dsig_read(message->tree->doc, &dsig, err) &&
              dsig_canonical_info(&dsig, true, info, err);
    message_free(&message);
    buf_free(&draft);
    return ok;
}

static bool make_value(const struct crypto_keyring *ring, enum crypto_alg alg, const struct dsig_terms *terms,
                       struct bytes info, uint8_t value_out[CRYPTO_SIGNATURE_MAX], size_t *n_out, struct err *err)
{
    uint8_t der[CRYPTO_DER_MAX];
    CHECK(crypto_sign(ring, alg, info, value_out, n_out, err));
    if (!terms->der)
        return true;
    CHECK(crypto_raw_to_der(alg, bytes_of(value_out, *n_out), der, n_out, err));
    memcpy(value_out, der, *n_out);
    return true;
}

static bool sign_canonical(struct bytes canonical, const struct crypto_keyring *ring, enum crypto_alg alg,
                           const struct dsig_terms *terms, struct buf *out, struct err *err)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE], value[CRYPTO_SIGNATURE_MAX];
    size_t n;
    struct buf info;
    bool ok = true;
    buf_init(&info, DSIG_INFO_MAX);
    crypto_digest(terms->digest, canonical, digest);
    if (terms->inclusive)
        ok = inclusive_info(canonical, terms, digest, &info, err);
    else
        write_info(&info, terms, digest, " xmlns:ds=\"" DSIG_NAMESPACE "\"");
    ok = ok && make_value(ring, alg, terms, buf_bytes(&info), value, &n, err) &&
         write_signed(canonical, terms, digest, bytes_of(value, n), out, err);
    buf_free(&info);
    return ok;
}

/* What we would not accept we do not sign. */
static bool check_unsigned(xmlDoc *doc, struct err *err)
{
    xmlNode *signature;
    CHECK(dsig_find(doc, &signature, err));
    return !signature || dsig_fault(err, ERR_SIGNATURE_PROFILE, signature, "the document is signed already");
}

bool message_sign_xml(struct bytes unsigned_xml, const struct crypto_keyring *ring, enum crypto_alg alg,
                      const struct message_profile *profile, struct buf *out, struct err *err)
{
    struct dsig_terms terms;
    struct message *message = NULL;
    struct buf canonical;
    struct dsig_sink sink = {.buf = &canonical};
    CHECK(dsig_terms(profile, alg, &terms, err));
    buf_init(&canonical, MESSAGE_MAX);
    bool ok = message_parse_xml(unsigned_xml, &message, err) && check_unsigned(message->tree->doc, err) &&
              dsig_canonical(message->tree->doc, NULL, terms.inclusive, &sink, err) &&
              sign_canonical(buf_bytes(&canonical), ring, alg, &terms, out, err);
    message_free(&message);
    buf_free(&canonical);
    return ok;
}

bool message_sign_canonical(struct bytes canonical, const struct crypto_keyring *ring, enum crypto_alg alg,
                            const struct message_profile *profile, struct buf *out, struct err *err)
{
    struct dsig_terms terms;
    CHECK(dsig_terms(profile, alg, &terms, err));
    return sign_canonical(canonical, ring, alg, &terms, out, err);
}
