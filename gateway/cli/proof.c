/* proof: see proof.h. A head is trusted for its signature by a key of the command line, a proof for leading to it. */
#include "cli/proof.h"

#include <string.h>

#include "head/head.h"

struct judged {
    const char *form; /* head note proof consistency */
    struct head head, older;
    struct head_proof proof;
    bool has_proof;
    struct buf algs; /* "ES256, SM2": whose signatures held */
};

/* ---- what it is ---------------------------------------------------------------------------------------------- */

static bool is_object_with(struct bytes file, const char *name)
{
    struct bytes value;

    return json_scan_member(file, name, &value);
}

/* Its signatures begin with a dash that nothing else that is verified here has at the start of a line. */
static bool is_note(struct bytes file)
{
    struct bytes mark = BYTES_LIT("\n\xe2\x80\x94 ");

    return file.n > 0 && file.p[0] != '{' && file.p[0] != '<' && memmem(file.p, file.n, mark.p, mark.n) != NULL;
}

bool proof_is_one(struct bytes file)
{
    return is_note(file) || (is_object_with(file, "note") && is_object_with(file, "origin")) ||
           is_object_with(file, "hashes");
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static bool parse(struct bytes file, struct json_doc **doc, const json_value **root_out, struct err *err)
{
    if (!json_parse(file, doc, err))
        return err_set(err, ERR_PROOF_MALFORMED, NULL, "%s", err->detail);
    *root_out = json_root(*doc);
    return true;
}

static bool note_of(struct cli *cli, const json_value *object, struct bytes *out, struct err *err)
{
    CHECK(head_read(object, out, err));
    *out = bytes_dup(cli->arena, *out);
    return true;
}

/* The note of a head's file, whichever form that has. */
static bool read_head(struct cli *cli, struct bytes file, struct bytes *note_out, struct err *err)
{
    AUTO_JSON doc = NULL;
    const json_value *root = NULL;

    *note_out = file;
    if (is_note(file))
        return true;
    return parse(file, &doc, &root, err) && note_of(cli, root, note_out, err);
}

static bool read_proof(struct cli *cli, struct bytes file, struct judged *out, struct bytes *note_out, struct err *err)
{
    AUTO_JSON doc = NULL;
    const json_value *root = NULL, *head;

    out->has_proof = true;
    CHECK(parse(file, &doc, &root, err));
    CHECK(head_proof_read(root, &out->proof, err));
    head = json_member(root, "head");
    return head == NULL || note_of(cli, head, note_out, err);
}

static bool read_option(struct cli *cli, enum cli_option option, struct bytes *out, struct err *err)
{
    return cli_read_file(cli, cli->option[option], CLI_FILE_MAX, out, err);
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

static bool in_force(const struct signer *signer, const struct head *head, struct err *err)
{
    char at[TIME_TEXT_SIZE], end[TIME_TEXT_SIZE];
    bool early = signer->not_before != 0 && head->time_ms < signer->not_before;

    if (!early && (signer->not_after == 0 || head->time_ms <= signer->not_after))
        return true;
    return err_set(err, ERR_KEY_EXPIRED, NULL, "signed %s, the key is %s %s", time_format(head->time_ms, at),
                   early ? "valid from" : "valid until",
                   time_format(early ? signer->not_before : signer->not_after, end));
}

static void note_alg(struct judged *out, enum crypto_alg alg)
{
    const char *name = crypto_alg_name(alg);

    if (out->algs.n > 0 && strstr((const char *)out->algs.p, name))
        return;
    if (out->algs.n > 0)
        buf_str(&out->algs, ", ");
    buf_str(&out->algs, name);
}

static bool judge_note(struct cli *cli, const struct signers *signers, struct bytes note, struct judged *out,
                       struct head *head, struct err *err)
{
    struct head_key keys[SIGNERS_MAX];
    const char *origin = cli->option[OPTION_ORIGIN];

    for (size_t i = 0; i < signers->n; i++)
        keys[i] = (struct head_key){.key = signers->item[i].key, .alg = signers->item[i].alg};
    CHECK(head_verify(note, keys, signers->n, cli->option[OPTION_SM2_ID], head, err));
    for (size_t i = 0; i < signers->n; i++) {
        if (!keys[i].held)
            continue;
        CHECK(in_force(&signers->item[i], head, err));
        note_alg(out, keys[i].alg);
    }
    if (origin && strcmp(origin, head->origin) != 0)
        return err_set(err, ERR_PROOF_INVALID, "origin", "seen %s, expected %s", head->origin, origin);
    return true;
}

/* What --proof says of the head, or what a proof's own file says. */
static bool judge_proof(struct cli *cli, const struct signers *signers, struct judged *out, struct err *err)
{
    struct bytes file, note;

    if (out->proof.seq != 0)
        return head_proves(&out->proof, &out->head, err);
    if (!cli->option[OPTION_OLDER])
        return err_set(err, ERR_PROOF_INVALID, "--older", "a proof of consistency needs the older head");
    CHECK(read_option(cli, OPTION_OLDER, &file, err));
    CHECK(read_head(cli, file, &note, err));
    CHECK(judge_note(cli, signers, note, out, &out->older, err));
    return head_proves_growth(&out->proof, &out->older, &out->head, err);
}

static bool judge(struct cli *cli, const struct signers *signers, struct bytes file, struct judged *out,
                  struct err *err)
{
    struct bytes note = {0}, other, none;

    out->form = is_note(file) ? "note" : is_object_with(file, "hashes") ? "proof" : "head";
    if (strcmp(out->form, "proof") == 0)
        CHECK(read_proof(cli, file, out, &note, err));
    else
        CHECK(read_head(cli, file, &note, err));
    if (note.n == 0)
        return err_set(err, ERR_PROOF_INVALID, "head", "the proof holds no head: verify the head, with --proof");
    CHECK(judge_note(cli, signers, note, out, &out->head, err));
    if (cli->option[OPTION_PROOF]) {
        CHECK(read_option(cli, OPTION_PROOF, &other, err));
        CHECK(read_proof(cli, other, out, &none, err));
    }
    return !out->has_proof || judge_proof(cli, signers, out, err);
}

/* ---- telling ------------------------------------------------------------------------------------------------- */

static void add_head(struct json_out *json, const struct head *head)
{
    struct buf root;

    buf_init(&root, 2 * MERKLE_HASH);
    base64_encode(&root, bytes_of(head->root.b, MERKLE_HASH), false);
    json_add_string(json, "origin", head->origin);
    json_add_integer(json, "size", (int64_t)head->size);
    json_key(json, "root");
    json_put_bytes(json, buf_bytes(&root));
    json_add_time(json, "time", head->time_ms);
    buf_free(&root);
}

static void write_verdict(struct cli *cli, const struct signers *signers, const struct judged *judged,
                          const struct err *err, struct buf *out)
{
    struct json_out json;
    char text[1024];
    bool ok = err->code == ERR_NONE;

    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_boolean(&json, "ok", ok);
    json_add_string(&json, "form", judged->form);
    if (judged->algs.n > 0) {
        json_add_string(&json, "alg", (const char *)judged->algs.p);
        add_head(&json, &judged->head);
    }
    if (judged->has_proof && judged->proof.seq)
        json_add_integer(&json, "seq", (int64_t)judged->proof.seq);
    else if (judged->has_proof)
        json_add_integer(&json, "from", (int64_t)judged->proof.from);
    if (!ok) {
        json_add_string(&json, "code", err_info(err->code)->code);
        json_add_string(&json, "detail", err_text(err, false, text, sizeof text));
        json_add_string(&json, "detail_zh", err_text(err, true, text, sizeof text));
        json_add_string(&json, "expected_alg", signers_algs(cli, signers));
        json_add_string(&json, "expected_kid", signers_kids(cli, signers));
    }
    json_end_object(&json);
}

/* A verdict is of what came; a file that cannot be read is none. */
static bool is_verdict(const struct err *err)
{
    return err->code == ERR_NONE || err_info(err->code)->exit_code == CLI_SIGNATURE;
}

int proof_verify(struct cli *cli, const struct signers *signers, struct bytes file)
{
    struct judged *judged = arena_alloc(cli->arena, sizeof *judged);
    struct err err = {0};
    struct buf text;

    buf_init(&judged->algs, 64);
    judge(cli, signers, file, judged, &err);
    int code = CLI_OK;
    if (is_verdict(&err)) {
        buf_init(&text, CLI_BODY_MAX);
        write_verdict(cli, signers, judged, &err, &text);
        code = cli_show_bytes(cli, buf_bytes(&text));
        buf_free(&text);
    }
    buf_free(&judged->algs);
    return err.code == ERR_NONE ? code : cli_fail(cli, &err);
}
