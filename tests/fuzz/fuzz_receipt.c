/* Any bytes as a partner's answer to a message: done or refused is only what the partner signed.
 *
 * The first byte chooses. Its two low bits: the media type (none, JSON, flattened JWS, XML). The third: the fuzzer signs
 * the rest as the partner does, so that what lies behind the signature is met, too. */
#include <stdlib.h>
#include <string.h>

#include "delivery/internal.h"

#define GATEWAY "ippledge-sx"
#define TYPE 3u
#define SIGN 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The test key of RFC 6979 A.2.5: known to everyone. */
static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"
                          "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth\n"
                          "+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ\n"
                          "-----END PRIVATE KEY-----\n";

static const char *const types[] = {NULL, "application/json", "application/jose+json", "application/xml"};
static struct in_force force;
static struct partner bank = {.id = "bank-a", .channel = {.adapter = "bank", .needs_receipt = true}};

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void prepare(void)
{
    struct crypto_keyring *ring = crypto_keyring_new();
    struct catalog *catalog;
    struct err err = {0};
    log_set_level(LOG_ERROR + 1);
    require(catalog_load(SCHEMAS, &catalog, &err));
    require(crypto_keyring_load_key(ring, CRYPTO_SIGN_ES256, BYTES_LIT(pem), NULL, &err));
    force.force = (struct delivery_force){.catalog = catalog, .ring = ring};
    bank.signing = (struct jws_expect){
        .alg = CRYPTO_ES256, .keys = {crypto_keyring_public(ring, CRYPTO_SIGN_ES256)}, .key_n = 1};
}

/* False when the bytes cannot be signed in that form. */
static bool sign(struct bytes in, bool xml, struct buf *body, struct buf *signature)
{
    const struct message_profile profile = {0};
    struct err err = {0};
    if (xml)
        return message_sign_xml(in, force.force.ring, CRYPTO_ES256, &profile, body, &err);
    buf_put(body, in.p, in.n);
    return jws_sign_detached(force.force.ring, CRYPTO_ES256, NULL, 0, in, signature, &err);
}

static enum meaning meaning_of(unsigned choice, struct bytes body, const char *signature)
{
    struct answer answer = {.verdict = GWA_DONE, .reply_n = body.n};
    struct judged judged;
    answer.reply = xcalloc(body.n + 1, 1);
    memcpy(answer.reply, body.n > 0 ? body.p : (const uint8_t *)"", body.n);
    answer.media_type = types[choice & TYPE] == NULL ? NULL : xstrdup(types[choice & TYPE]);
    answer.signature = signature == NULL ? NULL : xstrdup(signature);
    judge(&force, &bank, GATEWAY, "wc-1-5", false, &answer, &judged);
    require((judged.meaning == MEANS_DONE) == (judged.err.code == ERR_NONE));
    answer_clear(&answer);
    return judged.meaning;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf body, signature;
    if (force.force.catalog == NULL)
        prepare();
    if (size == 0 || size > 65536)
        return 0;
    struct bytes rest = bytes_of(data + 1, size - 1);
    /* nobody but the key's holder makes a signature, and no input of ours holds one of this key */
    if (!(data[0] & SIGN)) {
        require(meaning_of(data[0], rest, "e30..AAAA") == MEANS_UNCERTAIN);
        return 0;
    }
    buf_init(&body, 8u << 20);
    buf_init(&signature, 8u << 20);
    if (sign(rest, (data[0] & TYPE) == 3, &body, &signature)) {
        enum meaning meaning = meaning_of(data[0], buf_bytes(&body), signature.n > 0 ? (const char *)signature.p : NULL);
        require(meaning == MEANS_DONE || meaning == MEANS_REFUSED || meaning == MEANS_UNCERTAIN);
    }
    buf_free(&body);
    buf_free(&signature);
    return 0;
}
