/* msg: writing, signing and judging messages without a daemon, as a partner does before it sends them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "config/config.h"

#define FAULTS_MAX 1000
#define PROGRAM_MAX 4096
#define INSTALLED "/../lib/pledged/schemas" /* beside the program's own folder */
#define JOSE_MAX (2 * CLI_FILE_MAX)

/* ---- files ------------------------------------------------------------------------------------------------------ */

bool cli_write_file(const char *path, struct bytes bytes, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    const char *temporary = arena_printf(arena, "%s.new", path);
    FILE *file = fopen(temporary, "wbe");
    if (!file)
        return err_errno(err, ERR_IO, temporary, "open");
    bool ok = fwrite(bytes.p, 1, bytes.n, file) == bytes.n;
    ok = fclose(file) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok) {
        (void)err_errno(err, ERR_IO, path, "write");
        (void)unlink(temporary);
    }
    return ok;
}

static const char *installed(struct cli *cli)
{
    char path[PROGRAM_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    return arena_printf(cli->arena, "%s" INSTALLED, path);
}

static const char *configured(struct cli *cli)
{
    struct config_faults faults = {0};
    struct config *config = NULL;
    if (!config_load(cli->option[OPTION_CONFIG], &config, cli->arena, &faults))
        return NULL;
    const char *directory = arena_strdup(cli->arena, config->schemas_dir);
    config_free(&config);
    return directory;
}

bool cli_catalog(struct cli *cli, struct catalog **out, struct err *err)
{
    const char *directory = cli->option[OPTION_SCHEMAS];
    if (!directory && cli->option[OPTION_CONFIG])
        directory = configured(cli);
    if (!directory)
        directory = installed(cli);
    *out = NULL;
    if (directory && access(directory, F_OK) != 0)
        return err_set(err, ERR_CONFIG_FILE, directory, "no schemas there: give --schemas");
    return directory ? catalog_load(directory, out, err)
                     : err_set(err, ERR_CONFIG_FILE, NULL, "no schemas there: give --schemas");
}

/* ---- validate ---------------------------------------------------------------------------------------------------- */

static bool is_xml(struct bytes text)
{
    size_t i = text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (i < text.n && strchr(" \t\r\n", text.p[i]))
        i++;
    return i < text.n && text.p[i] == '<';
}

/* The message inside a flattened JWS, whose signature is not looked at here. */
static struct bytes unwrapped(struct cli *cli, struct bytes body)
{
    AUTO_JSON doc = NULL;
    struct err err = {0};
    struct buf text;
    if (!json_parse(body, &doc, &err) || !json_member(json_root(doc), "payload"))
        return body;
    buf_init(&text, CLI_FILE_MAX);
    if (base64_decode(&text, bytes_str(json_string(json_member(json_root(doc), "payload"))), true))
        body = bytes_dup(cli->arena, buf_bytes(&text));
    buf_free(&text);
    return body;
}

static bool read_message(struct cli *cli, struct message **out, struct err *err)
{
    struct bytes body;
    CHECK(cli_read_file(cli, cli->args[0], CLI_FILE_MAX, &body, err));
    if (!is_xml(body))
        return message_read_json(unwrapped(cli, body), out, err);
    CHECK(message_read_xml(body, out, err));
    message_drop_signature(*out);
    return true;
}

static void write_faults(struct json_out *json, const struct err *errors, size_t n)
{
    char text[1024];
    json_key(json, "errors");
    json_begin_array(json);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(json);
        json_add_string(json, "place", errors[i].place);
        json_add_string(json, "code", err_info(errors[i].code)->code);
        json_add_string(json, "detail", err_text(&errors[i], false, text, sizeof text));
        json_add_string(json, "detail_zh", err_text(&errors[i], true, text, sizeof text));
        json_end_object(json);
    }
    json_end_array(json);
}

static int tell_faults(struct cli *cli, const struct message *message, const struct err *errors, size_t n)
{
    struct message_envelope envelope = {.id = "", .kind = ""};
    struct err ignored = {0};
    struct json_out json;
    struct buf text;
    if (!message || !message_envelope(message, &envelope, &ignored))
        envelope = (struct message_envelope){.id = "", .kind = ""};
    buf_init(&text, CLI_FILE_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_boolean(&json, "ok", n == 0);
    json_add_string_opt(&json, "id", envelope.id);
    json_add_string_opt(&json, "kind", envelope.kind);
    json_add_string_opt(&json, "form", !message ? "" : message_form(message) == MESSAGE_XML ? "xml" : "json");
    write_faults(&json, errors, n);
    json_end_object(&json);
    int code = cli_show_bytes(cli, buf_bytes(&text));
    buf_free(&text);
    return code != CLI_OK || n == 0 ? code : CLI_FAILED;
}

static int validate(struct cli *cli, const struct catalog *catalog)
{
    struct err *errors = arena_alloc(cli->arena, FAULTS_MAX * sizeof *errors), err = {0};
    struct message *message = NULL;
    size_t n = 0;
    if (!read_message(cli, &message, &err)) {
        errors[n++] = err;
        if (err.code == ERR_IO)
            return cli_fail(cli, &err);
    } else {
        (void)message_validate(catalog, message, errors, FAULTS_MAX, &n);
    }
    int code = tell_faults(cli, message, errors, n < FAULTS_MAX ? n : FAULTS_MAX);
    message_free(&message);
    return code;
}

int cli_do_msg_validate(struct cli *cli)
{
    struct catalog *catalog = NULL;
    struct err err = {0};
    if (!cli_catalog(cli, &catalog, &err))
        return cli_fail(cli, &err);
    int code = validate(cli, catalog);
    catalog_free(&catalog);
    return code;
}

/* ---- sign: the key ------------------------------------------------------------------------------------------------
 */

static bool load_key(struct cli *cli, struct crypto_keyring *ring, enum crypto_purpose purpose, struct err *err)
{
    const char *cert = cli->option[OPTION_CERT], *key = cli->option[OPTION_KEY], *id = cli->option[OPTION_SM2_ID];
    struct bytes pem;
    if (cert)
        return crypto_keyring_load(ring, purpose, cert, key, id, err);
    CHECK(cli_read_file(cli, key, CLI_FILE_MAX, &pem, err));
    return crypto_keyring_load_key(ring, purpose, pem, id, err);
}

/* --alg, or the first that the key fits. */
static bool choose_key(struct cli *cli, struct crypto_keyring *ring, enum crypto_alg *alg, struct err *err)
{
    static const enum crypto_alg usual[] = {CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256};
    enum crypto_purpose purpose;
    if (cli->option[OPTION_ALG])
        return crypto_keyring_purpose(*alg, &purpose) && load_key(cli, ring, purpose, err);
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        struct err why = {0};
        *alg = usual[i];
        if (crypto_keyring_purpose(*alg, &purpose) && load_key(cli, ring, purpose, &why))
            return true;
        if (i == 0 || why.code != ERR_KEY_FILE)
            *err = why;
    }
    return false;
}

/* ---- sign: the message --------------------------------------------------------------------------------------------
 */

static void put_envelope(struct cli *cli, struct json_out *json)
{
    uint8_t random[12];
    char hex[2 * sizeof random + 1];
    crypto_random(random, sizeof random);
    const struct message_envelope envelope = {
        .id = arena_printf(cli->arena, "m-%s", hex_encode(random, sizeof random, hex)),
        .kind = cli->option[OPTION_KIND],
        .sender = cli->option[OPTION_SENDER],
        .receiver = cli->option[OPTION_RECEIVER],
        .created_ms = clock_wall_ms(),
    };
    message_put_envelope(json, &envelope);
}

/* A body becomes a message. */
static bool wrap(struct cli *cli, struct bytes *body, struct err *err)
{
    AUTO_JSON doc = NULL;
    struct json_out json;
    struct buf text;
    CHECK(json_parse(*body, &doc, err));
    buf_init(&text, CLI_FILE_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    put_envelope(cli, &json);
    json_key(&json, "body");
    json_put_raw(&json, *body);
    json_end_object(&json);
    *body = bytes_dup(cli->arena, buf_bytes(&text));
    buf_free(&text);
    return true;
}

/* JSON in the other form, which takes its schema. */
static bool to_xml(struct cli *cli, struct bytes *body, struct err *err)
{
    struct catalog *catalog = NULL;
    struct buf xml;
    CHECK(cli_catalog(cli, &catalog, err));
    buf_init(&xml, CLI_FILE_MAX);
    bool ok = message_write(catalog, *body, MESSAGE_XML, &xml, err);
    *body = bytes_dup(cli->arena, buf_bytes(&xml));
    buf_free(&xml);
    catalog_free(&catalog);
    return ok;
}

static bool sign_jose(const struct crypto_keyring *ring, enum crypto_alg alg, struct bytes body, struct buf *out,
                      struct err *err)
{
    struct buf compact;
    buf_init(&compact, JWS_COMPACT_MAX);
    bool ok = jws_sign_compact(ring, alg, NULL, clock_wall_ms(), body, &compact, err);
    const char *text = (const char *)compact.p, *payload = ok ? strchr(text, '.') + 1 : NULL;
    const char *signature = ok ? strchr(payload, '.') + 1 : NULL;
    if (ok)
        buf_printf(out, "{\"payload\":\"%.*s\",\"protected\":\"%.*s\",\"signature\":\"%s\"}",
                   (int)(signature - payload - 1), payload, (int)(payload - text - 1), text, signature);
    buf_free(&compact);
    return ok;
}

enum sign_form { SIGN_JSON, SIGN_JOSE, SIGN_XML };
struct signing {
    struct bytes body;
    enum sign_form form;
    enum crypto_alg alg;
    struct message_profile profile;
};

/* *made: the message; *beside: its detached signature, empty where that is inside. */
static bool make(struct cli *cli, const struct signing *s, const struct crypto_keyring *ring, struct buf *made,
                 struct buf *beside, struct err *err)
{
    struct bytes body = s->body;
    if (cli->option[OPTION_KIND])
        CHECK(wrap(cli, &body, err));
    if (s->form == SIGN_XML) {
        if (!is_xml(body))
            CHECK(to_xml(cli, &body, err));
        return message_sign_xml(body, ring, s->alg, &s->profile, made, err);
    }
    if (s->form == SIGN_JOSE)
        return sign_jose(ring, s->alg, body, made, err);
    buf_put(made, body.p, body.n);
    return jws_sign_detached(ring, s->alg, NULL, clock_wall_ms(), body, beside, err);
}

/* To --output, the signature beside it; else what was not there before to standard output. */
static bool give(struct cli *cli, const struct buf *made, const struct buf *beside, struct err *err)
{
    const char *file = cli->option[OPTION_OUTPUT];
    if (file) {
        CHECK(cli_write_file(file, buf_bytes(made), err));
        return beside->n == 0 || cli_write_file(arena_printf(cli->arena, "%s.jws", file), buf_bytes(beside), err);
    }
    fwrite(beside->n ? beside->p : made->p, 1, beside->n ? beside->n : made->n, cli->out);
    if (beside->n)
        fputc('\n', cli->out);
    return true;
}

static int sign(struct cli *cli, struct signing *s)
{
    struct crypto_keyring *ring = crypto_keyring_new();
    struct buf made, beside;
    struct err err = {0};
    buf_init(&made, JOSE_MAX);
    buf_init(&beside, JWS_COMPACT_MAX);
    bool ok = cli_read_file(cli, cli->args[0], CLI_FILE_MAX, &s->body, &err);
    if (ok && is_xml(s->body))
        s->form = SIGN_XML;
    ok = ok && choose_key(cli, ring, &s->alg, &err) && make(cli, s, ring, &made, &beside, &err) &&
         give(cli, &made, &beside, &err);
    buf_free(&made);
    buf_free(&beside);
    crypto_keyring_free(&ring);
    return ok ? CLI_OK : cli_fail(cli, &err);
}

static int read_form(struct cli *cli, enum sign_form *out)
{
    static const char *const names[] = {"json", "jose", "xml"};
    const char *text = cli->option[OPTION_FORM];
    for (int i = 0; i < 3; i++) {
        if (!text || strcmp(text, names[i]) == 0) {
            *out = (enum sign_form)i;
            return CLI_OK;
        }
    }
    return cli_usage(cli, "--form is json, jose or xml");
}

int cli_do_msg_sign(struct cli *cli)
{
    struct signing s = {.alg = CRYPTO_ES256};
    const char *kind = cli->option[OPTION_KIND];
    if (!cli->option[OPTION_KEY])
        return cli_usage(cli, "msg sign needs --key");
    if (cli->option[OPTION_ALG] && !crypto_alg_parse(cli->option[OPTION_ALG], &s.alg))
        return cli_usage(cli, "--alg is ES256, SM2, RS256 or PS256");
    if (kind && (!cli->option[OPTION_SENDER] || !cli->option[OPTION_RECEIVER]))
        return cli_usage(cli, "--kind makes a message of a body: it needs --sender and --receiver");
    int code = read_form(cli, &s.form);
    if (code == CLI_OK && kind && s.form == SIGN_JSON && !cli->option[OPTION_OUTPUT])
        return cli_usage(cli, "--kind makes a new message: --output says where, its signature goes beside it");
    code = code == CLI_OK ? seal_profile(cli, &s.profile) : code;
    return code == CLI_OK ? sign(cli, &s) : code;
}
