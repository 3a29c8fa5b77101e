/* seal: see seal.h. */
#include "cli/seal.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

const char *seal_form_name(enum seal_form form)
{
    static const char *const names[] = {"detached", "compact", "flattened", "xml"};
    return names[form];
}

/* ---- the agreed profile --------------------------------------------------------------------------------- */

static bool take_word(struct message_profile *out, const char *word)
{
    if (strcmp(word, "inclusive") == 0)
        out->inclusive = true;
    else if (strcmp(word, "der") == 0)
        out->der = true;
    else if (strncmp(word, "signature=", 10) == 0 && word[10])
        out->signature_uri = word + 10;
    else if (strncmp(word, "digest=", 7) == 0 && word[7])
        out->digest_uri = word + 7;
    else
        return false;
    return true;
}

int seal_profile(struct cli *cli, struct message_profile *out)
{
    char *save = NULL, *text = arena_strdup(cli->arena, cli->option[OPTION_PROFILE]);
    *out = (struct message_profile){0};
    for (char *word = text ? strtok_r(text, ",", &save) : NULL; word; word = strtok_r(NULL, ",", &save)) {
        if (!take_word(out, word))
            return cli_usage(cli, "--profile takes inclusive, der, signature=URI and digest=URI, divided by commas");
    }
    return CLI_OK;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

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
    out->form = SEAL_DETACHED;
    out->jws = bytes_str(option);
    if (option[0] == '@')
        CHECK(cli_read_file(cli, option + 1, CLI_FILE_MAX, &out->jws, err));
    out->jws = trim(out->jws);
    return true;
}

/* {"payload","protected","signature"}, as the compact form of the same. */
static bool read_flattened(struct cli *cli, struct seal *out)
{
    AUTO_JSON doc = NULL;
    struct err err = {0};
    const char *part[3];
    static const char *const names[] = {"protected", "payload", "signature"};
    if (out->body.n == 0 || !json_parse(out->body, &doc, &err))
        return false;
    for (size_t i = 0; i < 3; i++) {
        part[i] = json_string(json_member(json_root(doc), names[i]));
        if (!part[i])
            return false;
    }
    out->form = SEAL_FLATTENED;
    out->jws = bytes_str(arena_printf(cli->arena, "%s.%s.%s", part[0], part[1], part[2]));
    return true;
}

static bool read_alone(struct cli *cli, struct seal *out, const char *beside, struct err *err)
{
    struct bytes text = trim(out->body);
    if (text.n > 0 && text.p[0] == '<') {
        out->form = SEAL_XML;
        return message_read_xml(out->body, &out->message, err) || err_context(err, "%s", out->file);
    }
    if (text.n > 0 && text.p[0] == '{' && read_flattened(cli, out))
        return true;
    out->form = SEAL_COMPACT;
    out->jws = text;
    if (!looks_compact(out->jws))
        return err_set(err, ERR_SIGNATURE_MISSING, out->file, "it is not a compact JWS, there is no %s and no --jws",
                       beside);
    if (memmem(out->jws.p, out->jws.n, "..", 2))
        return err_set(err, ERR_SIGNATURE_MALFORMED, out->file,
                       "the middle segment is empty: a detached signature, which is given with --jws beside its body");
    return true;
}

static bool find(struct cli *cli, struct seal *out, struct err *err)
{
    const char *option = cli->option[OPTION_JWS], *beside = arena_printf(cli->arena, "%s.jws", out->file);
    if (!out->body.p)
        CHECK(cli_read_file(cli, out->file, CLI_FILE_MAX, &out->body, err));
    if (option)
        return read_jws_option(cli, option, out, err);
    if (strcmp(out->file, "-") != 0 && access(beside, F_OK) == 0)
        return read_jws_option(cli, arena_printf(cli->arena, "@%s", beside), out, err);
    return read_alone(cli, out, beside, err);
}

/* ---- what it says of itself ------------------------------------------------------------------------------- */

static void peek_jws(struct cli *cli, struct seal *seal)
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

/* An algorithm by the end of its name: profiles differ in what stands before. */
static const char *alg_named(const char *uri)
{
    static const char *const known[][2] = {
        {"ecdsa-sha256", "ES256"}, {"rsa-sha256", "RS256"}, {"sm2-sm3", "SM2"}, {"sm2-with-sm3", "SM2"}};
    const char *name = strrchr(uri, '#');
    for (size_t i = 0; name && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name + 1, known[i][0]) == 0)
            return known[i][1];
    }
    return "";
}

/* A Message has created in its envelope, a Statement this_update. */
static int64_t time_of(const struct message *message)
{
    const struct message_node *root = message_root(message);
    const struct message_node *created = message_member(message_member(root, "envelope"), "created");
    int64_t ms = 0;
    if (!created)
        created = message_member(root, "this_update");
    return created && time_parse(bytes_str(message_text(created)), &ms) ? ms : 0;
}

static void peek_xml(struct cli *cli, struct seal *seal)
{
    buf_init(&seal->xml.canonical, CLI_FILE_MAX);
    if (!message_explain_xml(seal->message, &seal->profile, &seal->xml, &seal->claims) && seal->claims.code == ERR_NONE)
        seal->claims.code = ERR_SIGNATURE_MALFORMED;
    snprintf(seal->alg, sizeof seal->alg, "%s", alg_named(seal->xml.signature_uri));
    seal->kid = seal->xml.key_name[0] ? arena_strdup(cli->arena, seal->xml.key_name) : NULL;
    seal->signed_ms = time_of(seal->message);
}

bool seal_read(struct cli *cli, struct seal *seal, struct err *err)
{
    CHECK(find(cli, seal, err));
    if (seal->form == SEAL_XML)
        peek_xml(cli, seal);
    else
        peek_jws(cli, seal);
    return true;
}

void seal_free(struct seal *seal)
{
    if (seal->message)
        buf_free(&seal->xml.canonical);
    message_free(&seal->message);
}

bool seal_covers(struct cli *cli, const struct seal *seal, struct bytes *out, struct err *err)
{
    const uint8_t *first = seal->jws.n > 0 ? memchr(seal->jws.p, '.', seal->jws.n) : NULL;
    const uint8_t *second = first ? memchr(first + 1, '.', (size_t)(seal->jws.p + seal->jws.n - first - 1)) : NULL;
    struct buf payload;
    if (seal->form == SEAL_XML || seal->form == SEAL_DETACHED) {
        *out = seal->form == SEAL_XML ? buf_bytes(&seal->xml.canonical) : seal->body;
        return true;
    }
    buf_init(&payload, JWS_COMPACT_MAX);
    bool ok = second && base64_decode(&payload, bytes_of(first + 1, (size_t)(second - first - 1)), true);
    if (ok)
        *out = bytes_dup(cli->arena, buf_bytes(&payload));
    buf_free(&payload);
    return ok || err_set(err, ERR_SIGNATURE_MALFORMED, seal->file, "the payload must be base64url and fit");
}

/* ---- judging ---------------------------------------------------------------------------------------------- */

bool seal_holds(const struct jws_expect *expect, const struct seal *seal, struct bytes body,
                const struct message_profile *profile, struct jws_seen *seen, struct err *err)
{
    struct message *message = NULL;
    struct buf payload;
    bool ok;
    if (seal->form == SEAL_DETACHED)
        return jws_verify_detached(expect, seal->jws, body, seen, err);
    if (seal->form == SEAL_XML) {
        /* verification takes the signature out, so each trial reads for itself */
        ok = message_read_xml(seal->body, &message, err) && message_verify_xml(message, expect, profile, seen, err);
        message_free(&message);
        return ok;
    }
    buf_init(&payload, JWS_COMPACT_MAX);
    ok = jws_verify_compact(expect, seal->jws, &payload, seen, err);
    buf_free(&payload);
    return ok;
}

/* Editors and shells add a line feed; that is worth a word, not an acceptance. */
static void blame_line_feed(const struct jws_expect *expect, const struct seal *seal, struct err *err)
{
    struct bytes body = seal->body;
    struct err other = {0};
    if (err->code != ERR_SIGNATURE_INVALID || seal->form != SEAL_DETACHED || body.n == 0 || body.p[body.n - 1] != '\n')
        return;
    body.n -= body.n > 1 && body.p[body.n - 2] == '\r' ? 2 : 1;
    if (seal_holds(expect, seal, body, &seal->profile, NULL, &other))
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

static const char *place_of(const struct seal *seal, bool alg)
{
    if (seal->form != SEAL_XML)
        return "protected header";
    return alg ? "SignatureMethod" : "KeyInfo";
}

bool seal_pick(struct cli *cli, const struct signers *signers, const struct seal *seal, struct jws_expect *expect,
               struct err *err)
{
    enum crypto_alg alg = signers->item[0].alg;
    if (!seal->alg[0]) {
        signers_pick(signers, alg, NULL, expect);
        return true;
    }
    expect->key_n = 0;
    if (crypto_alg_parse(seal->alg, &alg))
        signers_pick(signers, alg, NULL, expect);
    if (expect->key_n == 0)
        return err_set(err, ERR_SIGNATURE_ALG, place_of(seal, true), "seen %s, expected %s", seal->alg,
                       signers_algs(cli, signers));
    if (seal->kid)
        signers_pick(signers, alg, seal->kid, expect);
    if (expect->key_n == 0)
        return err_set(err, ERR_SIGNATURE_KEY_UNKNOWN, place_of(seal, false), "seen key id %s, expected %s", seal->kid,
                       signers_kids(cli, signers));
    return true;
}

bool seal_judge(struct cli *cli, const struct signers *signers, const struct seal *seal, struct err *err)
{
    struct jws_expect expect = {.sm2_id = cli->option[OPTION_SM2_ID]};
    struct jws_seen seen = {0};
    if (seal->claims.code != ERR_NONE) {
        *err = seal->claims;
        return false;
    }
    CHECK(seal_pick(cli, signers, seal, &expect, err));
    if (!seal_holds(&expect, seal, seal->body, &seal->profile, &seen, err)) {
        blame_line_feed(&expect, seal, err);
        return false;
    }
    return check_term(signers_by_key(signers, expect.alg, seen.kid), seal, err);
}
