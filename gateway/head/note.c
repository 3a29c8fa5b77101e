/* note: a head as signed text. */
#include "head/internal.h"

#define DASH "\xe2\x80\x94 " /* an em dash and a space begin a signature */

bool malformed(struct err *err, const char *place, const char *why)
{
    return err_set(err, ERR_PROOF_MALFORMED, place, "%s", why);
}

bool read_hash(struct bytes text, struct merkle_hash *out)
{
    struct buf raw;

    buf_init(&raw, MERKLE_HASH);
    bool ok = base64_decode(&raw, text, false) && raw.n == MERKLE_HASH;
    if (ok)
        memcpy(out->b, raw.p, MERKLE_HASH);
    buf_free(&raw);
    return ok;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static bool name_good(struct bytes name, size_t max, bool plus)
{
    if (name.n == 0 || name.n > max || !utf8_valid(name))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] == 0x7f || (name.p[i] == '+' && !plus))
            return false;
    return true;
}

bool head_origin_good(const char *origin)
{
    return name_good(bytes_str(origin), HEAD_ORIGIN_MAX, false);
}

static void put_text(const struct head *head, struct buf *out)
{
    char time[TIME_TEXT_SIZE];

    buf_printf(out, "%s\n%llu\n", head->origin, (unsigned long long)head->size);
    base64_encode(out, bytes_of(head->root.b, MERKLE_HASH), false);
    buf_printf(out, "\n%s\n", time_format(head->time_ms, time));
}

static void put_signature(const struct head *head, const struct crypto_key *key, enum crypto_alg alg,
                          struct bytes signature, struct buf *out)
{
    uint8_t value[KEY_HASH + CRYPTO_SIGNATURE_MAX];

    memcpy(value, crypto_key_digest(key), KEY_HASH);
    memcpy(value + KEY_HASH, signature.p, signature.n);
    buf_printf(out, DASH "%s+%s ", head->origin, crypto_alg_name(alg));
    base64_encode(out, bytes_of(value, KEY_HASH + signature.n), false);
    buf_byte(out, '\n');
}

bool head_sign(const struct head *head, const struct crypto_keyring *ring, struct buf *note, struct err *err)
{
    static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_SM2};
    struct err why = {0};
    size_t begin = note->n, made = 0;

    put_text(head, note);
    size_t text_n = note->n - begin;
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        enum crypto_purpose purpose;
        uint8_t signature[CRYPTO_SIGNATURE_MAX];
        size_t n;

        crypto_keyring_purpose(algs[i], &purpose);
        const struct crypto_key *key = crypto_keyring_public(ring, purpose);
        if (!key || note->overflow ||
            !crypto_sign(ring, algs[i], bytes_of(note->p + begin, text_n), signature, &n, &why))
            continue;
        put_signature(head, key, algs[i], bytes_of(signature, n), note);
        made++;
    }
    if (made > 0)
        return true;
    if (why.code == ERR_NONE)
        return err_set(err, ERR_KEY_FILE, "signing", "a head needs a key for ES256 or SM2");
    *err = why;
    return false;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* The next line, without its end. */
static bool take_line(struct bytes *rest, struct bytes *out)
{
    const uint8_t *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;

    if (!end)
        return false;
    *out = bytes_of(rest->p, (size_t)(end - rest->p));
    *rest = bytes_of(end + 1, rest->n - out->n - 1);
    return true;
}

/* Written as we write it: no sign, no zero in front. */
static bool read_size(struct bytes text, uint64_t *out)
{
    uint64_t size = 0;

    if (text.n == 0 || text.n > 18 || (text.n > 1 && text.p[0] == '0'))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        size = size * 10 + (uint64_t)(text.p[i] - '0');
    }
    *out = size;
    return true;
}

static bool read_time(struct bytes text, int64_t *out)
{
    char again[TIME_TEXT_SIZE];

    return time_parse(text, out) && bytes_equal(text, bytes_str(time_format(*out, again)));
}

bool note_open(struct bytes note, struct head_note *out, struct err *err)
{
    struct bytes rest = note, line;
    struct head *head = &out->head;

    *out = (struct head_note){0};
    if (note.n > HEAD_NOTE_MAX)
        return malformed(err, "note", "too long");
    if (!take_line(&rest, &line) || !name_good(line, HEAD_ORIGIN_MAX, false))
        return malformed(err, "note", "the first line names no log");
    memcpy(head->origin, line.p, line.n);
    if (!take_line(&rest, &line) || !read_size(line, &head->size))
        return malformed(err, "note", "the second line is no size");
    if (!take_line(&rest, &line) || !read_hash(line, &head->root))
        return malformed(err, "note", "the third line is no root");
    if (!take_line(&rest, &line) || !read_time(line, &head->time_ms))
        return malformed(err, "note", "the fourth line is no time");
    out->text = bytes_of(note.p, note.n - rest.n);
    out->lines = rest;
    return true;
}

/* base64(4 bytes of the key's digest, then the signature). */
static bool read_value(struct bytes text, struct head_line *out)
{
    struct buf raw;

    buf_init(&raw, KEY_HASH + CRYPTO_SIGNATURE_MAX);
    bool ok = base64_decode(&raw, text, false) && raw.n > KEY_HASH;
    if (ok) {
        memcpy(out->key, raw.p, KEY_HASH);
        out->signature_n = raw.n - KEY_HASH;
        memcpy(out->signature, raw.p + KEY_HASH, out->signature_n);
    }
    buf_free(&raw);
    return ok;
}

bool note_next(struct head_note *note, struct head_line *out, struct err *err)
{
    const size_t dash = sizeof(DASH) - 1;
    struct bytes line;

    if (note->lines.n == 0)
        return false;
    if (!take_line(&note->lines, &line))
        return malformed(err, "note", "the last line has no end");
    const uint8_t *space = line.n > dash ? memchr(line.p + dash, ' ', line.n - dash) : NULL;
    if (!space || memcmp(line.p, DASH, dash) != 0)
        return malformed(err, "note", "a line behind the text is no signature");
    out->name = bytes_of(line.p + dash, (size_t)(space - line.p) - dash);
    if (!name_good(out->name, NAME_MAX_BYTES, true))
        return malformed(err, "note", "a signature names nobody");
    if (!read_value(bytes_of(space + 1, line.n - (size_t)(space + 1 - line.p)), out))
        return malformed(err, "note", "a signature is not in base64");
    return true;
}

bool head_parse(struct bytes note, struct head *out, struct err *err)
{
    struct head_note opened;
    struct head_line line;
    struct err why = {0};
    size_t n = 0;

    CHECK(note_open(note, &opened, err));
    while (note_next(&opened, &line, &why))
        n++;
    if (why.code != ERR_NONE) {
        *err = why;
        return false;
    }
    if (n == 0 || n > HEAD_SIGNATURES_MAX)
        return malformed(err, "note", n == 0 ? "nobody signed it" : "too many signatures");
    *out = opened.head;
    return true;
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

/* <origin>+<alg>: a signature of the log itself. */
static bool is_named(const struct head *head, enum crypto_alg alg, struct bytes name)
{
    struct buf own;

    buf_init(&own, NAME_MAX_BYTES);
    buf_printf(&own, "%s+%s", head->origin, crypto_alg_name(alg));
    bool same = (alg == CRYPTO_ES256 || alg == CRYPTO_SM2) && bytes_equal(buf_bytes(&own), name);
    buf_free(&own);
    return same;
}

/* What the log signed with an algorithm that a key is trusted for, such a key must have signed. Other lines are passed
 * over. */
static bool judge_line(const struct head_note *note, const struct head_line *line, struct head_key *keys, size_t n,
                       const char *sm2_id, struct err *err)
{
    const struct bytes signature = bytes_of(line->signature, line->signature_n);
    bool named = false, known = false;

    for (size_t i = 0; i < n; i++) {
        struct err why = {0};

        if (!is_named(&note->head, keys[i].alg, line->name))
            continue;
        named = true;
        if (memcmp(crypto_key_digest(keys[i].key), line->key, KEY_HASH) != 0)
            continue;
        known = true;
        if (crypto_verify(keys[i].key, keys[i].alg, sm2_id, note->text, signature, &why)) {
            keys[i].held = true;
            return true;
        }
    }
    return !named || err_set(err, known ? ERR_SIGNATURE_INVALID : ERR_SIGNATURE_KEY_UNKNOWN, "note", "%.*s",
                             (int)line->name.n, (const char *)line->name.p);
}

bool head_verify(struct bytes note, struct head_key *keys, size_t n, const char *sm2_id, struct head *out,
                 struct err *err)
{
    struct head_note opened;
    struct head_line line;
    struct err end = {0};
    bool held = false;

    for (size_t i = 0; i < n; i++)
        keys[i].held = false;
    CHECK(head_parse(note, out, err));
    CHECK(note_open(note, &opened, err));
    while (note_next(&opened, &line, &end))
        CHECK(judge_line(&opened, &line, keys, n, sm2_id, err));
    for (size_t i = 0; i < n; i++)
        held = held || keys[i].held;
    return held || err_set(err, ERR_SIGNATURE_KEY_UNKNOWN, "note",
                           "none of its signatures is by a key of %s that is trusted", out->origin);
}
