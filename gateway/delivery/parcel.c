/* Parcels: letters signed once. What goes to everybody is kept by form, the rest by partner. */
#include <stdio.h>
#include <string.h>

#include "delivery/internal.h"

#define PROFILE_HEX 16

static void profile_digest(const struct partner_xml *xml, char out[PROFILE_HEX + 1])
{
    const struct bytes zero = BYTES_LIT("\0");
    const struct bytes parts[] = {bytes_str(xml->inclusive ? "inclusive" : "exclusive"),
                                  zero,
                                  bytes_str(xml->signature_uri),
                                  zero,
                                  bytes_str(xml->digest_uri),
                                  zero,
                                  bytes_str(xml->der ? "der" : "raw")};
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    crypto_digest_parts(CRYPTO_SHA256, parts, sizeof parts / sizeof parts[0], digest);
    (void)hex_encode(digest, PROFILE_HEX / 2, out);
}

void parcel_style(const struct partner *partner, char out[STYLE_SIZE])
{
    const struct partner_xml *xml = &partner->xml;
    bool own = partner->channel.xml && (xml->inclusive || xml->der || xml->signature_uri || xml->digest_uri);
    char profile[PROFILE_HEX + 1] = "";
    if (own)
        profile_digest(xml, profile);
    snprintf(out, STYLE_SIZE, "%s %s%s%s", partner->channel.xml ? "xml" : "json", crypto_alg_name(partner->answer_alg),
             own ? " " : "", profile);
}

/* A receipt or what is passed on goes to one; a letter about the list to all of a style, and the word to take the
 * snapshot has the id of a cut that may exist as well. */
struct store_key parcel_key(const char *partner, const struct letter *letter, const char *style)
{
    char name[STYLE_SIZE + 8];
    if (letter->kind == LETTER_RECEIPT || letter->kind == LETTER_FORWARD)
        return key_outbox(partner, letter->n);
    snprintf(name, sizeof name, "* %s%s", letter->kind == LETTER_RESTART ? "snapshot " : "", style);
    return key_outbox(name, letter->n);
}

static bool take_text(struct bytes *rest, const char **out)
{
    const uint8_t *end = memchr(rest->p, 0, rest->n);
    if (end == NULL)
        return false;
    *out = (const char *)rest->p;
    rest->n -= (size_t)(end + 1 - rest->p);
    rest->p = end + 1;
    return true;
}

bool parcel_read(struct store_txn *txn, const struct store_key *key, struct parcel *out)
{
    struct bytes rest;
    if (!store_get(txn, TABLE_PARCEL, key, &rest))
        return false;
    bool ok = take_text(&rest, &out->id) && take_text(&rest, &out->media_type) && take_text(&rest, &out->signature);
    out->body = rest;
    return ok;
}

void parcel_put(struct store_txn *txn, const struct store_key *key, struct bytes value)
{
    struct bytes there;
    if (!store_get(txn, TABLE_PARCEL, key, &there))
        store_put(txn, TABLE_PARCEL, key, value);
}

bool parcel_seal(const struct in_force *held, const struct partner *partner, struct bytes json, struct buf *body,
                 struct buf *signature, struct err *err)
{
    return intake_seal(held->force.catalog, held->force.ring, partner, partner->channel.xml, json, clock_wall_ms(), body,
                       signature, err);
}

static bool seal(const struct writer *writer, struct bytes json, const char *id, struct buf *out, struct err *err)
{
    bool xml = writer->partner->channel.xml;
    struct buf body, signature;
    buf_init(&body, PARCEL_MAX);
    buf_init(&signature, JWS_COMPACT_MAX);
    bool ok = parcel_seal(writer->held, writer->partner, json, &body, &signature, err);
    if (ok) {
        buf_put(out, id, strlen(id) + 1);
        buf_put(out, xml ? "application/xml" : "application/json",
                strlen(xml ? "application/xml" : "application/json") + 1);
        buf_put(out, signature.n > 0 ? (const char *)signature.p : "", signature.n + 1);
        buf_put(out, body.p, body.n);
    }
    buf_free(&body);
    buf_free(&signature);
    return ok && (!out->overflow || err_set(err, ERR_MESSAGE_TOO_LARGE, id, "more than %u bytes", PARCEL_MAX));
}

bool parcel_make(const struct writer *writer, const struct letter *letter, struct buf *out, struct err *err)
{
    char id[PARCEL_ID_SIZE];
    struct buf json;
    letter_id(letter, id);
    buf_init(&json, MESSAGE_MAX);
    bool ok = body_write(writer, letter, &json, err) && seal(writer, buf_bytes(&json), id, out, err);
    buf_free(&json);
    return ok;
}
