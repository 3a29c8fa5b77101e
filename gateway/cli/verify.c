/* verify: judges a signed answer offline and says why when it does not hold. What is trusted is the certificate or the
 * JWK Set of the command line alone; the message may only choose among its keys. */
#include <string.h>

#include "cli/proof.h"
#include "cli/seal.h"

static void write_verdict(struct cli *cli, const struct signers *signers, const struct seal *seal,
                          const struct err *err, struct buf *out)
{
    struct json_out json;
    char text[1024];
    bool ok = err->code == ERR_NONE;
    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_boolean(&json, "ok", ok);
    json_add_string(&json, "form", seal_form_name(seal->form));
    if (seal->message)
        json_add_string(&json, "element", message_root_name(seal->message));
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
static int verify(struct cli *cli, const struct signers *signers, struct seal *seal)
{
    struct err err = {0};
    bool ok = seal_read(cli, seal, &err);
    if (!ok && err.code != ERR_SIGNATURE_MISSING && err.code != ERR_SIGNATURE_MALFORMED)
        return cli_fail(cli, &err);
    if (ok)
        seal_judge(cli, signers, seal, &err);
    return tell(cli, signers, seal, &err);
}

/* Read once: it may be standard input. */
static int verify_file(struct cli *cli, const struct signers *signers, struct seal *seal)
{
    struct err err = {0};
    if (!cli_read_file(cli, seal->file, CLI_FILE_MAX, &seal->body, &err))
        return cli_fail(cli, &err);
    return proof_is_one(seal->body) ? proof_verify(cli, signers, seal->body) : verify(cli, signers, seal);
}

int cli_do_verify(struct cli *cli)
{
    struct signers *signers = arena_alloc(cli->arena, sizeof *signers);
    struct seal seal = {.file = cli->args[0]};
    if (!cli->option[OPTION_CERT] == !cli->option[OPTION_KEYS])
        return cli_usage(cli, "verify needs one of --cert and --keys");
    int code = seal_profile(cli, &seal.profile);
    code = code == CLI_OK ? signers_read(cli, signers) : code;
    code = code == CLI_OK ? verify_file(cli, signers, &seal) : code;
    signers_free(signers);
    seal_free(&seal);
    return code;
}
