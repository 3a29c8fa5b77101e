/* verify: judges a signed answer offline and says why when it does not hold. What is trusted is the certificate or the
 * JWK Set of the command line alone; the message may only choose among its keys. */
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "cli/signer.h"

struct seal {
    struct bytes jws, body;               /* body only when detached */
    bool detached;
    const char *file;
    char alg[16];                         /* what the header says; "" when unreadable */
    const char *kid;                      /* NULL: none */
    int64_t signed_ms;                    /* iat; 0: not said */
};

/* ---- what is to be verified ---------------------------------------------------------------------------- */

static struct bytes trim(struct bytes text)
{
    while (text.n > 0 && isspace(text.p[text.n - 1]))
        text.n--;
    while (text.n > 0 && isspace(text.p[0]))
        text = bytes_of(text.p + 1, text.n - 1);
    return text;
}

/* Nothing but the characters of a JWS: then the file is meant to be one. */
static bool looks_compact(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!isalnum(text.p[i]) && !strchr("-_.=", text.p[i]))
            return false;
    }
    return text.n > 0 && memchr(text.p, '.', text.n) != NULL;
}

static bool read_jws_option(struct cli *cli, const char *option, struct seal *out, struct err *err)
{
    out->detached = true;
    out->jws = bytes_str(option);
    if (option[0] == '@')
        CHECK(cli_read_file(cli, option + 1, CLI_FILE_MAX, &out->jws, err));
    out->jws = trim(out->jws);
    return true;
}

static bool find_seal(struct cli *cli, struct seal *out, struct err *err)
{
    const char *option = cli->option[OPTION_JWS], *beside = arena_printf(cli->arena, "%s.jws", out->file);
    CHECK(cli_read_file(cli, out->file, CLI_FILE_MAX, &out->body, err));
    if (option)
        return read_jws_option(cli, option, out, err);
    if (access(beside, F_OK) == 0)
        return read_jws_option(cli, arena_printf(cli->arena, "@%s", beside), out, err);
    out->jws = trim(out->body);
    if (!looks_compact(out->jws))
        return err_set(err, ERR_SIGNATURE_MISSING, out->file, "it is not a compact JWS, there is no %s and no --jws",
                       beside);
    if (memmem(out->jws.p, out->jws.n, "..", 2))
        return err_set(err, ERR_SIGNATURE_MALFORMED, out->file,
                       "the middle segment is empty: a detached signature, which is given with --jws beside its body");
    return true;
}

/* What the header says of itself, believed only for choosing a key and for telling. */
static void peek(struct cli *cli, struct seal *seal)
{
    AUTO_JSON doc = NULL;
    struct buf text;
    struct err err = {0};
    const uint8_t *dot = seal->jws.n > 0 ? memchr(seal->jws.p, '.', seal->jws.n) : NULL;
    int64_t seconds = 0;
    if (!dot || !jws_peek_alg(seal->jws, seal->alg)) {
        seal->alg[0] = '\0';
        return;
    }
    buf_init(&text, JWS_HEADER_MAX);
    if (base64_decode(&text, bytes_of(seal->jws.p, (size_t)(dot - seal->jws.p)), true) &&
        json_parse(buf_bytes(&text), &doc, &err)) {
        seal->kid = arena_strdup(cli->arena, json_string(json_member(json_root(doc), "kid")));
        if (json_integer(json_member(json_root(doc), "iat"), &seconds) && seconds > 0 && seconds < INT64_MAX / 1000)
            seal->signed_ms = seconds * 1000;
    }
    buf_free(&text);
}

/* ---- judging -------------------------------------------------------------------------------------------- */

static bool try_body(const struct jws_expect *expect, const struct seal *seal, struct bytes body, struct jws_seen *seen,
                     struct err *err)
{
    struct buf payload;
    if (seal->detached)
        return jws_verify_detached(expect, seal->jws, body, seen, err);
    buf_init(&payload, JWS_COMPACT_MAX);
    bool ok = jws_verify_compact(expect, seal->jws, &payload, seen, err);
    buf_free(&payload);
    return ok;
}

/* Editors and shells add a line feed; that is worth a word, not an acceptance. */
static void blame_line_feed(const struct jws_expect *expect, const struct seal *seal, struct err *err)
{
    struct bytes body = seal->body;
    struct err other = {0};
    if (err->code != ERR_SIGNATURE_INVALID || !seal->detached || body.n == 0 || body.p[body.n - 1] != '\n')
        return;
    body.n -= body.n > 1 && body.p[body.n - 2] == '\r' ? 2 : 1;
    if (try_body(expect, seal, body, NULL, &other))
        err_context(err, "it would verify without the line feed at the end of the file; keep the body byte for byte");
}

static bool check_term(const struct signer *signer, const struct seal *seal, struct err *err)
{
    char at[TIME_TEXT_SIZE], end[TIME_TEXT_SIZE];
    int64_t signed_ms = seal->signed_ms;
    if (!signer || signed_ms == 0)
        return true;
    bool early = signer->not_before != 0 && signed_ms < signer->not_before;
    if (!early && (signer->not_after == 0 || signed_ms <= signer->not_after))
        return true;
    return err_set(err, ERR_KEY_EXPIRED, NULL, "signed %s, the key is %s %s", time_format(signed_ms, at),
                   early ? "valid from" : "valid until",
                   time_format(early ? signer->not_before : signer->not_after, end));
}

/* Which of the trusted keys the message may have been signed with. */
static bool pick(struct cli *cli, const struct signers *signers, const struct seal *seal, struct jws_expect *expect,
                 struct err *err)
{
    enum crypto_alg alg;
    if (!seal->alg[0]) {
        signers_pick(signers, signers->item[0].alg, NULL, expect);
        return true;
    }
    if (crypto_alg_parse(seal->alg, &alg))
        signers_pick(signers, alg, NULL, expect);
    if (expect->key_n == 0)
        return err_set(err, ERR_SIGNATURE_ALG, "protected header", "seen %s, expected %s", seal->alg,
                       signers_algs(cli, signers));
    if (seal->kid)
        signers_pick(signers, alg, seal->kid, expect);
    if (expect->key_n == 0)
        return err_set(err, ERR_SIGNATURE_KEY_UNKNOWN, "protected header", "seen key id %s, expected %s", seal->kid,
                       signers_kids(cli, signers));
    return true;
}

static bool judge(struct cli *cli, const struct signers *signers, const struct seal *seal, struct err *err)
{
    struct jws_expect expect = {.sm2_id = cli->option[OPTION_SM2_ID]};
    struct jws_seen seen = {0};
    CHECK(pick(cli, signers, seal, &expect, err));
    if (!try_body(&expect, seal, seal->body, &seen, err)) {
        blame_line_feed(&expect, seal, err);
        return false;
    }
    return check_term(signers_by_key(signers, expect.alg, seen.kid), seal, err);
}

/* ---- telling ---------------------------------------------------------------------------------------------- */

static void write_verdict(struct cli *cli, const struct signers *signers, const struct seal *seal,
                          const struct err *err, struct buf *out)
{
    struct json_out json;
    char text[1024];
    bool ok = err->code == ERR_NONE;
    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_boolean(&json, "ok", ok);
    json_add_string(&json, "form", seal->detached ? "detached" : "compact");
    json_add_string_opt(&json, "alg", seal->alg);
    json_add_string_opt(&json, "kid", seal->kid);
    json_add_time(&json, "signed", seal->signed_ms);
    if (!ok) {
        json_add_string(&json, "code", err_info(err->code)->code);
        json_add_string(&json, "detail", err_text(err, false, text, sizeof text));
        json_add_string(&json, "detail_zh", err_text(err, true, text, sizeof text));
        json_add_string(&json, "expected_alg", signers_algs(cli, signers));
        json_add_string(&json, "expected_kid", signers_kids(cli, signers));
    }
    json_end_object(&json);
}

static int tell(struct cli *cli, const struct signers *signers, const struct seal *seal, const struct err *err)
{
    struct buf text;
    buf_init(&text, CLI_BODY_MAX);
    write_verdict(cli, signers, seal, err, &text);
    int code = cli_show_bytes(cli, buf_bytes(&text));
    buf_free(&text);
    if (err->code == ERR_NONE)
        return code;
    cli_fail(cli, err);
    return CLI_SIGNATURE;
}

/* Files that cannot be read are no verdict: they end with the exit code of their error. */
static int verify(struct cli *cli, struct signers *signers)
{
    const char *cert = cli->option[OPTION_CERT];
    struct seal seal = {.file = cli->args[0]};
    struct err err = {0};
    bool ok = cert ? signers_from_cert(cli, cert, signers, &err)
                   : signers_from_jwks(cli, cli->option[OPTION_KEYS], signers, &err);
    if (!ok)
        return cli_fail(cli, &err);
    ok = find_seal(cli, &seal, &err);
    if (!ok && err.code != ERR_SIGNATURE_MISSING && err.code != ERR_SIGNATURE_MALFORMED)
        return cli_fail(cli, &err);
    if (ok) {
        peek(cli, &seal);
        judge(cli, signers, &seal, &err);
    }
    return tell(cli, signers, &seal, &err);
}

int cli_do_verify(struct cli *cli)
{
    struct signers *signers = arena_alloc(cli->arena, sizeof *signers);
    const char *id = cli->option[OPTION_SM2_ID];
    if (!cli->option[OPTION_CERT] == !cli->option[OPTION_KEYS])
        return cli_usage(cli, "verify needs one of --cert and --keys");
    if (id && (strlen(id) == 0 || strlen(id) > CRYPTO_SM2_ID_MAX))
        return cli_usage(cli, "--sm2-id has 1 to %d bytes", CRYPTO_SM2_ID_MAX);
    int code = verify(cli, signers);
    signers_free(signers);
    return code;
}
