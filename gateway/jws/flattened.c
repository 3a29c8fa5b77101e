/* flattened: a JWS whose parts are members of a JSON object. */
#include <string.h>

#include "json/json.h"
#include "jws/jws.h"

static bool put_part(const json_value *root, const char *name, struct buf *out, struct err *err)
{
    const char *text = json_string(json_member(root, name));

    if (text == NULL)
        return err_set(err, ERR_SIGNATURE_MALFORMED, name, "protected, payload and signature are expected");
    /* joined by dots below: one that holds a dot, or nothing, would be taken for two, or for none */
    if (*text == '\0' || strchr(text, '.') != NULL)
        return err_set(err, ERR_SIGNATURE_MALFORMED, name, "must hold base64 and nothing else");
    if (out->n > 0)
        buf_byte(out, '.');
    buf_str(out, text);
    return true;
}

/* An unprotected header is not covered by the signature, so there may be none. */
bool jws_compact_of_flattened(struct bytes flattened, struct buf *out, struct err *err)
{
    static const char *const members[] = {"protected", "payload", "signature", NULL};
    AUTO_JSON doc = NULL;
    CHECK(json_parse(flattened, &doc, err));
    const json_value *root = json_root(doc);

    if (json_type_of(root) != JSON_TYPE_OBJECT)
        return err_set(err, ERR_SIGNATURE_MALFORMED, "", "one flattened JWS is expected");
    if (json_member(root, "header") != NULL)
        return err_set(err, ERR_SIGNATURE_HEADER, "/header", "an unprotected header is not accepted");
    if (!json_only(root, "", members, err)) {
        err->code = ERR_SIGNATURE_MALFORMED;
        return false;
    }
    for (size_t i = 0; members[i] != NULL; i++)
        CHECK(put_part(root, members[i], out, err));
    return !out->overflow || err_set(err, ERR_MESSAGE_TOO_LARGE, NULL, "larger than a signature may cover");
}
