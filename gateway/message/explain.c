/* Says why: what a signature claims, and what its digest is taken over. For tools; it verifies nothing. */
#include <stdio.h>

#include "message/dsig.h"

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

static void write_digest(char *out, size_t size, const uint8_t digest[CRYPTO_DIGEST_SIZE])
{
    struct buf text;
    buf_init(&text, size - 1);
    base64_encode(&text, bytes_of(digest, CRYPTO_DIGEST_SIZE), false);
    copy(out, size, (const char *)text.p);
    buf_free(&text);
}

static const char *key_name(const xmlNode *key_info)
{
    const xmlNode *child = key_info ? message_next_element(key_info->children) : NULL;
    while (child && !message_is(child, DSIG_NAMESPACE, "KeyName"))
        child = message_next_element(child->next);
    return message_node_text(child);
}

static void explain_claims(const struct dsig *dsig, struct message_explain *out)
{
    copy(out->c14n_uri, sizeof out->c14n_uri, dsig->c14n_uri);
    copy(out->signature_uri, sizeof out->signature_uri, dsig->signature_uri);
    copy(out->digest_uri, sizeof out->digest_uri, dsig->digest_uri);
    copy(out->key_name, sizeof out->key_name, key_name(dsig->key_info));
    if (dsig->digest_value)
        copy(out->digest_seen, sizeof out->digest_seen, message_node_text(dsig->digest_value));
}

bool message_explain_xml(const struct message *message, const struct message_profile *profile,
                         struct message_explain *out, struct err *err)
{
    struct dsig dsig;
    struct err unread = {0};
    struct dsig_sink sink = {.buf = &out->canonical};
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    bool readable = dsig_read(message->tree->doc, &dsig, &unread);
    out->digest_seen[0] = out->digest_computed[0] = '\0';
    explain_claims(&dsig, out);
    CHECK(dsig_canonical(message->tree->doc, dsig.signature, profile && profile->inclusive, &sink, err));
    crypto_digest(dsig_digest_named(out->digest_uri), buf_bytes(&out->canonical), digest);
    write_digest(out->digest_computed, sizeof out->digest_computed, digest);
    if (!readable)
        *err = unread;
    return readable;
}
