/* explain: why a signature does not hold. Each thing that may differ between two programs is looked at by itself: seen,
 * expected, what to do. What is only tried says so and changes no verdict. */
#include <string.h>

#include "cli/message.h"
#include "intake/intake.h"

#define EXCERPT 60 /* bytes shown around a difference */
#define LEAD 24    /* of them before it */
#define BOM "\xef\xbb\xbf"
#define KEPT_DEFAULT_MS (72 * 3600 * 1000LL)

struct explain {
    struct cli *cli;
    struct seal *seal;
    const struct signers *signers; /* n 0: none given */
    struct catalog *catalog;       /* NULL: not found */
    struct json_out json;
    bool ok;
    int code;
};

/* One finding. ok: 1 yes, 0 no, -1 told only. */
static void put_both(struct explain *e, int ok, const char *name, const char *seen, const char *expected,
                     const char *en, const char *zh)
{
    json_begin_object(&e->json);
    json_add_string(&e->json, "name", name);
    if (ok >= 0)
        json_add_boolean(&e->json, "ok", ok);
    json_add_string_opt(&e->json, "seen", seen);
    json_add_string_opt(&e->json, "expected", expected);
    json_add_string_opt(&e->json, "detail", en);
    json_add_string_opt(&e->json, "detail_zh", zh);
    json_end_object(&e->json);
    e->ok = e->ok && ok != 0;
}

static void put(struct explain *e, int ok, const char *name, const char *seen, const char *expected, const char *format,
                ...) __attribute__((format(printf, 6, 7)));

static void put(struct explain *e, int ok, const char *name, const char *seen, const char *expected, const char *format,
                ...)
{
    struct err text = {0};
    va_list args;
    va_start(args, format);
    (void)err_set_v(&text, ERR_INTERNAL, NULL, format, args);
    va_end(args);
    put_both(e, ok, name, seen, expected, err_detail(&text, false), err_detail(&text, true));
}

static const char *opt(const char *text)
{
    return text ? text : "";
}

/* ---- algorithm, key, names --------------------------------------------------------------------------------- */

/* What --alg names, or what the trusted keys allow. */
static const char *expected_alg(const struct explain *e)
{
    const char *named = e->cli->option[OPTION_ALG];
    return named ? named : signers_algs(e->cli, e->signers);
}

static bool among(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = n > 0 ? strstr(list, word) : NULL; at; at = strstr(at + 1, word)) {
        if ((at == list || at[-1] == ' ') && (at[n] == '\0' || at[n] == ','))
            return true;
    }
    return false;
}

static void look_at_alg(struct explain *e)
{
    const char *seen = e->seal->alg, *expected = expected_alg(e);
    if (!expected[0])
        put(e, -1, "algorithm", seen, "", "give --cert or --alg to compare it with what is agreed");
    else if (among(expected, seen))
        put(e, 1, "algorithm", seen, expected, "%s", "");
    else
        put(e, 0, "algorithm", seen[0] ? seen : e->seal->xml.signature_uri, expected,
            "sign with the algorithm that the partner file names, or have it changed there");
}

static void look_at_key(struct explain *e)
{
    const char *seen = opt(e->seal->kid), *expected = signers_kids(e->cli, e->signers);
    if (!seen[0])
        put(e, -1, "key", "", expected, "no key is named, so each of the signer's is tried");
    else if (!expected[0])
        put(e, -1, "key", seen, "", "give --cert to compare it");
    else if (among(expected, seen))
        put(e, 1, "key", seen, expected, "%s", "");
    else
        put(e, 0, "key", seen, expected,
            "the key's name is base64url of SHA-256 of its public key in DER: is this the certificate that was "
            "registered?");
}

static void look_at_name(struct explain *e, const char *name, const char *seen, const char *expected)
{
    if (strcmp(seen, expected) == 0)
        put(e, 1, name, seen, expected, "%s", "");
    else
        put(e, 0, name, seen, expected, "use the agreed name, or give --profile when another is agreed");
}

static void look_at_names(struct explain *e)
{
    struct message_terms terms;
    struct err err = {0};
    enum crypto_alg alg = CRYPTO_ES256;
    if (!crypto_alg_parse(e->seal->alg, &alg) && e->signers->n > 0)
        alg = e->signers->item[0].alg;
    if (!message_terms(&e->seal->profile, alg, &terms, &err))
        return;
    look_at_name(e, "canonical_form", e->seal->xml.c14n_uri, terms.c14n_uri);
    look_at_name(e, "signature_method", e->seal->xml.signature_uri, terms.signature_uri);
    look_at_name(e, "digest_method", e->seal->xml.digest_uri, terms.digest_uri);
}

/* ---- what was digested ----------------------------------------------------------------------------------------- */

static void look_at_digest(struct explain *e, struct bytes covered)
{
    const struct message_explain *xml = &e->seal->xml;
    const char *length = arena_printf(e->cli->arena, "%zu", covered.n);
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    char hex[2 * CRYPTO_DIGEST_SIZE + 1];
    if (e->seal->form == SEAL_XML) {
        bool same = strcmp(xml->digest_seen, xml->digest_computed) == 0;
        put(e, same, "digest", xml->digest_seen, xml->digest_computed, "%s",
            same ? "" : "the document is not what was signed, or another canonical form of it was digested");
        put(e, -1, "length", length, "", "bytes of the canonical form; --output writes it to a file");
        return;
    }
    crypto_digest(strcmp(e->seal->alg, "SM2") == 0 ? CRYPTO_SM3 : CRYPTO_SHA256, covered, digest);
    put(e, -1, "digest", hex_encode(digest, sizeof digest, hex), "", "%s of the bytes that are signed, for comparing",
        strcmp(e->seal->alg, "SM2") == 0 ? "SM3" : "SHA-256");
    put(e, -1, "length", length, "", "bytes that are signed");
}

/* What editors, shells and converters do to a body. */
static void look_at_bytes(struct explain *e, struct bytes body)
{
    if (body.n >= 3 && memcmp(body.p, BOM, 3) == 0)
        put(e, -1, "bytes", "BOM", "", "the file begins with a byte order mark, which is part of what is signed");
    if (body.n > 0 && body.p[body.n - 1] == '\n')
        put(e, -1, "bytes", "LF", "", "the file ends with a line feed, which is part of what is signed");
    if (memmem(body.p, body.n, "\r\n", 2))
        put(e, -1, "bytes", "CRLF", "", "the file has lines that end with CR LF, which are part of what is signed");
}

/* ---- the signature ---------------------------------------------------------------------------------------------- */

static struct bytes without_cr(struct arena *arena, struct bytes body)
{
    uint8_t *out = arena_alloc(arena, body.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < body.n; i++) {
        if (body.p[i] != '\r' || i + 1 == body.n || body.p[i + 1] != '\n')
            out[n++] = body.p[i];
    }
    return bytes_of(out, n);
}

static bool try_body(struct explain *e, const struct jws_expect *expect, struct bytes body, const char *what)
{
    struct err err = {0};
    if (!seal_holds(expect, e->seal, body, &e->seal->profile, NULL, &err))
        return false;
    put(e, -1, "trial", "", "", "%s", what);
    return true;
}

static void try_bodies(struct explain *e, const struct jws_expect *expect)
{
    struct bytes body = e->seal->body, plain = body, bare = body;
    while (plain.n > 0 && (plain.p[plain.n - 1] == '\n' || plain.p[plain.n - 1] == '\r'))
        plain.n--;
    if (body.n > 3 && memcmp(body.p, BOM, 3) == 0)
        bare = bytes_of(body.p + 3, body.n - 3);
    (void)(try_body(e, expect, plain, "it holds without the line feed at the end: keep the body byte for byte") ||
           try_body(e, expect, bare, "it holds without the byte order mark") ||
           try_body(e, expect, without_cr(e->cli->arena, body),
                    "it holds with LF in place of CR LF: something changed the ends of lines"));
}

static void try_profiles(struct explain *e, const struct jws_expect *expect)
{
    struct err err = {0};
    for (int i = 1; i < 4; i++) {
        struct message_profile other = e->seal->profile;
        other.inclusive = other.inclusive != ((i & 1) != 0);
        other.der = other.der != ((i & 2) != 0);
        if (seal_holds(expect, e->seal, e->seal->body, &other, NULL, &err))
            put(e, -1, "trial", "", "", "it holds with %s canonical form and a signature in %s",
                other.inclusive ? "inclusive" : "exclusive", other.der ? "DER" : "raw form");
    }
}

static void try_ids(struct explain *e, const struct jws_expect *expect)
{
    struct jws_expect other = *expect;
    struct err err = {0};
    other.sm2_id = CRYPTO_SM2_ID_DEFAULT;
    if (expect->alg == CRYPTO_SM2 && seal_holds(&other, e->seal, e->seal->body, &e->seal->profile, NULL, &err))
        put(e, -1, "trial", "", "", "it holds with the SM2 identifier %s", CRYPTO_SM2_ID_DEFAULT);
}

static const struct {
    enum err_code code;
    const char *en, *zh;
} advices[] = {
    {ERR_SIGNATURE_DIGEST,
     "compare the canonical forms: --against the file as it was signed, or --output and a tool of yours",
     "请比对规范形式：用 --against 指定签名时的文件，或用 --output 写出后自行比对"},
    {ERR_SIGNATURE_INVALID, "another key, another SM2 identifier, or bytes that were changed after signing",
     "密钥不同、SM2 标识不同，或签名之后内容被改动"},
    {ERR_SIGNATURE_PROFILE, "the signature has another shape than is agreed", "签名的结构与约定不同"},
    {ERR_SIGNATURE_MALFORMED,
     "ES256 and SM2 are 64 bytes r and s, base64url without padding in JSON, base64 in XML; DER is refused",
     "ES256 与 SM2 为 64 字节 r、s：JSON 中为无填充的 base64url，XML 中为 base64；不接受 DER"},
};

static void put_refused(struct explain *e, const struct err *err)
{
    char en[1024], zh[1024];
    const char *more_en = "", *more_zh = "";
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        if (advices[i].code == err->code) {
            more_en = advices[i].en;
            more_zh = advices[i].zh;
        }
    }
    (void)err_text(err, false, en, sizeof en);
    (void)err_text(err, true, zh, sizeof zh);
    put_both(e, 0, "signature", err_info(err->code)->code, "",
             arena_printf(e->cli->arena, "%s%s%s", en, more_en[0] ? "; " : "", more_en),
             arena_printf(e->cli->arena, "%s%s%s", zh, more_zh[0] ? "；" : "", more_zh));
}

static void look_at_signature(struct explain *e)
{
    struct jws_expect expect = {.sm2_id = e->cli->option[OPTION_SM2_ID]};
    struct err err = {0}, other = {0};
    if (e->signers->n == 0) {
        put(e, -1, "signature", "", "", "give --cert or --keys to verify it");
        return;
    }
    if (seal_judge(e->cli, e->signers, e->seal, &err)) {
        put(e, 1, "signature", "", "", "it holds");
        return;
    }
    e->code = CLI_SIGNATURE;
    put_refused(e, &err);
    if (!seal_pick(e->cli, e->signers, e->seal, &expect, &other))
        return;
    if (e->seal->form == SEAL_XML)
        try_profiles(e, &expect);
    else if (e->seal->form == SEAL_DETACHED)
        try_bodies(e, &expect);
    try_ids(e, &expect);
}

/* ---- against what was signed --------------------------------------------------------------------------------------
 */

/* In its canonical form when it is XML. */
static bool read_other(struct explain *e, const char *file, struct bytes *out, struct err *err)
{
    struct message *message = NULL;
    struct message_explain told = {0};
    struct err ignored = {0};
    CHECK(cli_read_file(e->cli, file, CLI_FILE_MAX, out, err));
    if (e->seal->form != SEAL_XML || !message_read_xml(*out, &message, &ignored))
        return true;
    buf_init(&told.canonical, CLI_FILE_MAX);
    (void)message_explain_xml(message, &e->seal->profile, &told, &ignored);
    *out = bytes_dup(e->cli->arena, buf_bytes(&told.canonical));
    buf_free(&told.canonical);
    message_free(&message);
    return true;
}

static const char *excerpt(struct arena *arena, struct bytes text, size_t at)
{
    size_t start = at > LEAD ? at - LEAD : 0, n = text.n - start < EXCERPT ? text.n - start : EXCERPT;
    /* characters cut in half would not be text any more */
    while (start < text.n && n > 0 && (text.p[start] & 0xc0) == 0x80) {
        start++;
        n--;
    }
    while (n > 0 && !utf8_valid(bytes_of(text.p + start, n)))
        n--;
    return arena_strndup(arena, (const char *)text.p + start, n);
}

static void look_at_difference(struct explain *e, struct bytes mine, struct bytes other)
{
    size_t n = mine.n < other.n ? mine.n : other.n, at = 0, line = 1, column = 1;
    while (at < n && mine.p[at] == other.p[at]) {
        column = mine.p[at] == '\n' ? 1 : column + 1;
        line += mine.p[at] == '\n';
        at++;
    }
    if (at == mine.n && at == other.n) {
        put(e, 1, "difference", "", "", "both are the same %zu bytes", at);
        return;
    }
    put(e, 0, "difference", excerpt(e->cli->arena, mine, at), excerpt(e->cli->arena, other, at),
        "they differ from byte %zu on, line %zu, column %zu; %zu bytes against %zu", at, line, column, mine.n, other.n);
}

static bool look_at_other(struct explain *e, struct bytes covered, struct err *err)
{
    const char *file = e->cli->option[OPTION_AGAINST];
    struct seal whole = *e->seal;
    struct bytes other = {0};
    struct err ignored = {0};
    if (file) {
        CHECK(read_other(e, file, &other, err));
        look_at_difference(e, covered, other);
        return true;
    }
    /* a compact JWS given as the detached one brings along what it was made over */
    whole.form = SEAL_COMPACT;
    if (e->seal->form == SEAL_DETACHED && seal_covers(e->cli, &whole, &other, &ignored) && other.n > 0)
        look_at_difference(e, covered, other);
    return true;
}

/* ---- the clock ----------------------------------------------------------------------------------------------------
 */

/* created of the message, else what the signature says. */
static int64_t created_of(struct explain *e, struct bytes covered, int64_t *kept_ms)
{
    struct message *message = NULL;
    struct message_envelope envelope = {0};
    struct err err = {0};
    const struct message_kind *kind = NULL;
    bool xml = e->seal->form == SEAL_XML;
    bool is = (xml || message_read_json(covered, &message, &err)) &&
              message_envelope(xml ? e->seal->message : message, &envelope, &err);
    *kept_ms = KEPT_DEFAULT_MS;
    if (is && e->catalog)
        kind = catalog_find(e->catalog, envelope.kind, (int)envelope.version, &err);
    if (kind)
        *kept_ms = kind->max_age_ms;
    message_free(&message);
    return is ? envelope.created_ms : e->seal->signed_ms;
}

static void look_at_clock(struct explain *e, struct bytes covered)
{
    char at[TIME_TEXT_SIZE], now[TIME_TEXT_SIZE];
    int64_t kept_ms, now_ms = clock_wall_ms(), created_ms = created_of(e, covered, &kept_ms);
    long long behind = (long long)(now_ms - created_ms) / 1000;
    if (created_ms == 0)
        return;
    (void)time_format(created_ms, at);
    (void)time_format(now_ms, now);
    if (created_ms > now_ms + INTAKE_FUTURE_MS)
        put(e, 0, "clock", at, now,
            "%lld s ahead of this machine; more than 5 minutes are refused: set the sender's clock", -behind);
    else if (created_ms < now_ms - kept_ms)
        put(e, -1, "clock", at, now,
            "%lld s old; a new message of this kind may be %lld s: write it anew, with a new id", behind,
            (long long)(kept_ms / 1000));
    else
        put(e, 1, "clock", at, now, "%lld s old", behind);
}

/* ---- all of it ----------------------------------------------------------------------------------------------------
 */

static void put_head(struct explain *e)
{
    const struct seal *seal = e->seal;
    json_begin_object(&e->json);
    json_add_string(&e->json, "form", seal_form_name(seal->form));
    if (seal->message)
        json_add_string(&e->json, "element", message_root_name(seal->message));
    json_add_string_opt(&e->json, "alg", seal->alg);
    json_add_string_opt(&e->json, "kid", seal->kid);
    json_key(&e->json, "checks");
    json_begin_array(&e->json);
}

static bool look(struct explain *e, struct err *err)
{
    struct bytes covered = {0};
    CHECK(seal_covers(e->cli, e->seal, &covered, err));
    look_at_alg(e);
    look_at_key(e);
    if (e->seal->form == SEAL_XML)
        look_at_names(e);
    look_at_digest(e, covered);
    if (e->seal->form == SEAL_DETACHED)
        look_at_bytes(e, covered);
    look_at_signature(e);
    CHECK(look_at_other(e, covered, err));
    look_at_clock(e, covered);
    return !e->cli->option[OPTION_OUTPUT] || cli_write_file(e->cli->option[OPTION_OUTPUT], covered, err);
}

static void show_check(struct cli *cli, const json_value *check)
{
    AUTO_ARENA arena = arena_new();
    const char *label = cli_label(cli, json_string(json_member(check, "name")));
    const char *seen = opt(json_string(json_member(check, "seen")));
    const char *expected = opt(json_string(json_member(check, "expected")));
    const char *detail = view_text(cli, arena, view_member(cli, check, "detail"));
    bool ok = false, judged = json_boolean(json_member(check, "ok"), &ok);
    cli_put(cli,
            !judged ? CLI_PLAIN
            : ok    ? CLI_GREEN
                    : CLI_RED,
            !judged ? "  -   "
            : ok    ? (cli->zh ? "一致  " : "ok    ")
                    : (cli->zh ? "不一致" : "differs"));
    fprintf(cli->out, " %s: %s\n", cli_clean(arena, label), cli_clean(arena, seen));
    if (expected[0] && strcmp(seen, expected) != 0)
        fprintf(cli->out, "        %s %s\n", cli->zh ? "应为" : "expected", cli_clean(arena, expected));
    if (detail[0])
        fprintf(cli->out, "        -> %s\n", cli_clean(arena, detail));
}

static int show(struct explain *e, struct buf *text)
{
    AUTO_JSON doc = NULL;
    struct cli *cli = e->cli;
    json_end_array(&e->json);
    json_add_boolean(&e->json, "ok", e->ok);
    json_end_object(&e->json);
    if (cli->json) {
        cli_put_json(cli, buf_bytes(text));
        return CLI_OK;
    }
    int code = cli_parse_answer(cli, buf_bytes(text), &doc);
    const json_value *checks = code == CLI_OK ? json_member(json_root(doc), "checks") : NULL;
    for (size_t i = 0; i < json_count(checks); i++)
        show_check(cli, json_at(checks, i));
    return code;
}

static int explain(struct cli *cli, const struct signers *signers, struct seal *seal)
{
    struct explain e = {.cli = cli, .seal = seal, .signers = signers, .ok = true};
    struct err err = {0}, ignored = {0};
    struct buf text;
    if (!seal_read(cli, seal, &err)) {
        int code = cli_fail(cli, &err);
        return err.code == ERR_SIGNATURE_MISSING || err.code == ERR_SIGNATURE_MALFORMED ? CLI_SIGNATURE : code;
    }
    (void)cli_catalog(cli, &e.catalog, &ignored);
    buf_init(&text, CLI_FILE_MAX);
    json_out_init(&e.json, &text);
    put_head(&e);
    bool ok = look(&e, &err);
    int code = ok ? show(&e, &text) : cli_fail(cli, &err);
    buf_free(&text);
    catalog_free(&e.catalog);
    if (code == CLI_OK && !e.ok)
        code = e.code != CLI_OK ? e.code : CLI_FAILED;
    return code;
}

int cli_do_msg_explain(struct cli *cli)
{
    struct signers *signers = arena_alloc(cli->arena, sizeof *signers);
    struct seal seal = {.file = cli->args[0]};
    enum crypto_alg alg;
    if (cli->option[OPTION_CERT] && cli->option[OPTION_KEYS])
        return cli_usage(cli, "msg explain takes one of --cert and --keys");
    if (cli->option[OPTION_ALG] && !crypto_alg_parse(cli->option[OPTION_ALG], &alg))
        return cli_usage(cli, "--alg is ES256, SM2, RS256 or PS256");
    int code = seal_profile(cli, &seal.profile);
    code = code == CLI_OK ? signers_read(cli, signers) : code;
    code = code == CLI_OK ? explain(cli, signers, &seal) : code;
    signers_free(signers);
    seal_free(&seal);
    return code;
}
