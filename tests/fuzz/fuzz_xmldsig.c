/* Fuzzes the verifier of XML signatures: whatever comes, it refuses without harm, the document stays whole, and what
 * is signed by us verifies and still does after the tool that explains looked at it. */
#include <stdlib.h>
#include <string.h>

#include "message/message.h"

/* The test key of RFC 6979 A.2.5: known to everyone. */
static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"
                          "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth\n"
                          "+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ\n"
                          "-----END PRIVATE KEY-----\n";

static struct crypto_keyring *ring;

static void require(bool ok)
{
    if (!ok)
        abort();
}

/* The first byte picks what was agreed. */
static struct message_profile profile_of(uint8_t choice)
{
    return (struct message_profile){.inclusive = choice & 1, .der = choice & 2};
}

static void refuse(struct bytes in, const struct jws_expect *expect, const struct message_profile *profile)
{
    struct message *message = NULL;
    struct message_explain explain = {0};
    struct err err = {0};
    if (!message_read_xml(in, &message, &err))
        return;
    buf_init(&explain.canonical, 2 * MESSAGE_MAX);
    bool explained = message_explain_xml(message, profile, &explain, &err);
    require(explained == (err.code == ERR_NONE));
    err = (struct err){0};
    require(message_verify_xml(message, expect, profile, NULL, &err) == (err.code == ERR_NONE));
    buf_free(&explain.canonical);
    message_free(&message);
}

static void sign_and_verify(struct bytes in, const struct jws_expect *expect, const struct message_profile *profile)
{
    struct message *message = NULL;
    struct buf out;
    struct err err = {0};
    buf_init(&out, MESSAGE_MAX);
    if (message_sign_xml(in, ring, CRYPTO_ES256, profile, &out, &err)) {
        require(message_read_xml(buf_bytes(&out), &message, &err));
        require(message_verify_xml(message, expect, profile, NULL, &err));
        message_free(&message);
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    if (!ring) {
        ring = crypto_keyring_new();
        require(crypto_keyring_load_key(ring, CRYPTO_SIGN_ES256, bytes_str(pem), NULL, &err));
    }
    struct jws_expect expect = {
        .alg = CRYPTO_ES256, .keys = {crypto_keyring_public(ring, CRYPTO_SIGN_ES256)}, .key_n = 1};
    if (size == 0)
        return 0;
    struct message_profile profile = profile_of(data[0]);
    struct bytes in = bytes_of(data + 1, size - 1);
    refuse(in, &expect, &profile);
    sign_and_verify(in, &expect, &profile);
    return 0;
}
