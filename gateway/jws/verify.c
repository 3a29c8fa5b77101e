/* Verification: split, judge the header, find the key, verify. */
#include <stdio.h>
#include <string.h>

#include "jws/internal.h"

struct segments {
    struct bytes header, payload, signature;
    struct bytes input; /* of a compact one: header and payload with the point between */
};

static bool malformed(struct err *err, const char *what)
{
    return err_set(err, ERR_SIGNATURE_MALFORMED, NULL, "%s", what);
}

/* Exactly two points. */
static bool split(struct bytes jws, struct segments *out, struct err *err)
{
    if (jws.n == 0)
        return err_set(err, ERR_SIGNATURE_MISSING, NULL, "empty");
    if (jws.n > JWS_COMPACT_MAX)
        return malformed(err, "longer than allowed");
    const uint8_t *end = jws.p + jws.n;
    const uint8_t *first = memchr(jws.p, '.', jws.n);
    const uint8_t *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return malformed(err, "must have three segments");
    out->header = bytes_of(jws.p, (size_t)(first - jws.p));
    out->payload = bytes_of(first + 1, (size_t)(second - first - 1));
    out->signature = bytes_of(second + 1, (size_t)(end - second - 1));
    out->input = bytes_of(jws.p, (size_t)(second - jws.p));
    return true;
}

static const char *kid_of(const struct jws_expect *expect, size_t i)
{
    return expect->kids[i] ? expect->kids[i] : crypto_key_kid(expect->keys[i]);
}

static void note(const struct jws_expect *expect, size_t i, const struct jws_header *header, struct jws_seen *seen_out)
{
    if (!seen_out)
        return;
    snprintf(seen_out->kid, sizeof seen_out->kid, "%s", crypto_key_kid(expect->keys[i]));
    seen_out->iat_ms = header->iat_ms;
}

/* Tries each key that the header allows; the error left is that of the last one tried. */
static bool try_keys(const struct jws_expect *expect, const struct jws_header *header, struct bytes input,
                     struct bytes signature, struct jws_seen *seen_out, struct err *err)
{
    err_set(err, ERR_SIGNATURE_KEY_UNKNOWN, "protected header", "none of the signer's %zu keys", expect->key_n);
    for (size_t i = 0; i < expect->key_n && i < JWS_KEYS_MAX; i++) {
        if (header->kid && strcmp(header->kid, kid_of(expect, i)) != 0)
            continue;
        if (crypto_verify(expect->keys[i], expect->alg, expect->sm2_id, input, signature, err)) {
            note(expect, i, header, seen_out);
            *err = (struct err){0};
            return true;
        }
    }
    return false;
}

static bool check_alg(const struct jws_expect *expect, const struct jws_header *header, struct err *err)
{
    const char *agreed = crypto_alg_name(expect->alg);
    if (strcmp(header->alg, agreed) == 0)
        return true;
    return err_set(err, ERR_SIGNATURE_ALG, "protected header", "%.20s where %s is agreed", header->alg, agreed);
}

static bool verify(const struct jws_expect *expect, const struct segments *segments, struct bytes input,
                   struct jws_seen *seen_out, struct err *err)
{
    struct jws_header header;
    struct buf signature;
    buf_init(&signature, CRYPTO_SIGNATURE_MAX);
    bool ok = jws_header_read(segments->header, &header, err) && check_alg(expect, &header, err);
    if (ok && !base64_decode(&signature, segments->signature, true))
        ok = malformed(err, "the signature must be base64url of at most 512 bytes");
    ok = ok && try_keys(expect, &header, input, buf_bytes(&signature), seen_out, err);
    buf_free(&signature);
    jws_header_free(&header);
    return ok;
}

bool jws_verify_detached(const struct jws_expect *expect, struct bytes jws, struct bytes payload,
                         struct jws_seen *seen_out, struct err *err)
{
    struct segments segments;
    struct buf input;
    CHECK(split(jws, &segments, err));
    if (segments.payload.n != 0)
        return malformed(err, "the middle segment of a detached signature is empty");
    buf_init(&input, JWS_COMPACT_MAX);
    buf_put(&input, segments.header.p, segments.header.n);
    buf_byte(&input, '.');
    base64_encode(&input, payload, true);
    bool ok = input.overflow ? err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "larger than a signature may cover")
                             : verify(expect, &segments, buf_bytes(&input), seen_out, err);
    buf_free(&input);
    return ok;
}

bool jws_verify_compact(const struct jws_expect *expect, struct bytes jws, struct buf *payload_out,
                        struct jws_seen *seen_out, struct err *err)
{
    struct segments segments;
    CHECK(split(jws, &segments, err));
    bool ok =
        base64_decode(payload_out, segments.payload, true) || malformed(err, "the payload must be base64url and fit");
    ok = ok && verify(expect, &segments, segments.input, seen_out, err);
    if (!ok)
        buf_reset(payload_out); /* nobody reads what was not verified */
    return ok;
}

bool jws_peek_alg(struct bytes jws, char alg_out[16])
{
    struct segments segments;
    struct jws_header header;
    struct err err = {0};
    if (!split(jws, &segments, &err))
        return false;
    jws_header_read(segments.header, &header, &err);
    const char *alg = header.doc ? json_string(json_member(json_root(header.doc), "alg")) : NULL;
    bool ok = alg && strlen(alg) < 16;
    if (ok)
        snprintf(alg_out, 16, "%s", alg);
    jws_header_free(&header);
    return ok;
}
