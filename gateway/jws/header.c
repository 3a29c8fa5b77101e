/* The protected header: what is read, what is refused, what we write. */
#include <string.h>

#include "jws/internal.h"

#define MEMBER_MAX 64 /* of a name that is quoted in an error */

/* Members that would let the message choose its own key or change what is signed (RFC 7515 section 4.1, RFC 7797). */
static const char *const refused[] = {"crit", "b64", "jwk", "jku", "x5u", "x5c"};
static const char *const texts[] = {"alg", "kid", "typ", "cty"};

static bool listed(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, list[i]) == 0)
            return true;
    }
    return false;
}

static bool judge_member(const char *name, const json_value *value, struct jws_header *header, struct err *err)
{
    if (listed(name, refused, sizeof refused / sizeof refused[0]))
        return err_set(err, ERR_SIGNATURE_HEADER, "protected header", "%s is refused", name);
    if (listed(name, texts, sizeof texts / sizeof texts[0]) && !json_string(value))
        return err_set(err, ERR_SIGNATURE_HEADER, "protected header", "%s must be a string", name);
    if (strcmp(name, "iat") != 0)
        return true;
    int64_t seconds;
    if (!json_integer(value, &seconds) || seconds < 0 || seconds > INT64_MAX / 1000)
        return err_set(err, ERR_SIGNATURE_HEADER, "protected header", "iat must be whole seconds since 1970");
    header->iat_ms = seconds * 1000;
    return true;
}

static bool judge(struct jws_header *header, struct err *err)
{
    const json_value *root = json_root(header->doc), *value;
    const char *name;
    void *cursor = NULL;
    if (json_type_of(root) != JSON_TYPE_OBJECT)
        return err_set(err, ERR_SIGNATURE_MALFORMED, "protected header", "not a JSON object");
    while (json_next(root, &cursor, &name, &value))
        CHECK(judge_member(name, value, header, err));
    header->alg = json_string(json_member(root, "alg"));
    header->kid = json_string(json_member(root, "kid"));
    return header->alg || err_set(err, ERR_SIGNATURE_HEADER, "protected header", "alg is missing");
}

static bool parse(struct bytes text, struct jws_header *header, struct err *err)
{
    struct err why = {0};
    if (json_parse(text, &header->doc, &why))
        return true;
    enum err_code code = why.code == ERR_SCHEMA_INVALID ? ERR_SIGNATURE_HEADER : ERR_SIGNATURE_MALFORMED;
    return err_set_both(err, code, "protected header", err_detail(&why, false), err_detail(&why, true));
}

bool jws_header_read(struct bytes segment, struct jws_header *header_out, struct err *err)
{
    *header_out = (struct jws_header){0};
    struct buf text;
    buf_init(&text, JWS_HEADER_MAX);
    bool ok = base64_decode(&text, segment, true) && text.n > 0 && !text.overflow;
    if (!ok)
        err_set(err, ERR_SIGNATURE_MALFORMED, "protected header", "must be base64url of 1 to %d bytes", JWS_HEADER_MAX);
    ok = ok && parse(buf_bytes(&text), header_out, err) && judge(header_out, err);
    buf_free(&text);
    return ok;
}

void jws_header_free(struct jws_header *header)
{
    json_free(&header->doc);
}

void jws_header_write(const struct crypto_key *key, enum crypto_alg alg, const char *typ, int64_t now_ms,
                      struct buf *out)
{
    struct buf text;
    struct json_out json;
    buf_init(&text, JWS_HEADER_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string(&json, "alg", crypto_alg_name(alg));
    json_add_string(&json, "kid", crypto_key_kid(key));
    json_add_string_opt(&json, "typ", typ);
    json_add_integer(&json, "iat", now_ms / 1000);
    json_end_object(&json);
    if (text.overflow)
        out->overflow = true;
    base64_encode(out, buf_bytes(&text), true);
    buf_free(&text);
}
