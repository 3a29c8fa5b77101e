/* config: check, show. */
#include <string.h>

#include "cli/internal.h"
#include "config/config.h"
#include "crypto/crypto.h"
#include "message/message.h"
#include "partner/partner.h"
#include "policy/policy.h"

/* ---- show ------------------------------------------------------------------------------------------------- */

int cli_do_config_show(struct cli *cli)
{
    AUTO_JSON doc = NULL;
    struct cli_answer answer;
    int code = cli_ask(cli, "GET", "/config", bytes_str(""), CLI_CALL_MS, &answer);
    if (code == CLI_OK && cli->json) {
        cli_put_json(cli, answer.body);
        return code;
    }
    if (code == CLI_OK)
        code = cli_parse_answer(cli, answer.body, &doc);
    const char *text = code == CLI_OK ? json_string(json_member(json_root(doc), "text")) : NULL;
    const json_value *files = code == CLI_OK ? json_member(json_root(doc), "files") : NULL, *file;
    const char *name;
    void *cursor = NULL;
    fputs(text ? text : "", cli->out);
    while (files && json_next(files, &cursor, &name, &file))
        fprintf(cli->out, "# %s: %s\n", name, view_text(cli, cli->arena, file));
    return code;
}

/* ---- check -------------------------------------------------------------------------------------------------- */

struct check {
    struct cli *cli;
    struct config *config;
    const struct yaml_node *root;         /* the same file again, for the places of settings */
    struct config_faults faults;
    struct crypto_keyring *ring;
    bool keys_good;                       /* else what partners need was told already */
};

static const struct yaml_node *setting(const struct check *check, const char *path)
{
    const struct yaml_node *node = check->root;
    char *save = NULL, *text = arena_strdup(check->cli->arena, path);
    for (char *word = strtok_r(text, ".", &save); word && node; word = strtok_r(NULL, ".", &save))
        node = yaml_get(node, word);
    return node;
}

/* Paths stand in the file as they were written, in errors absolute. */
static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = end ? strlen(end) : 0;
    return m > 0 && n >= m && strcmp(text + n - m, end) == 0;
}

/* A fault of a file is shown where the file is named; `paths` are the settings that may name it. */
static void fault_of_file(struct check *check, const struct err *err, const char *const *paths)
{
    struct err placed = *err;
    const struct yaml_node *node = setting(check, paths[0]);
    for (size_t i = 0; paths[i]; i++) {
        const struct yaml_node *other = setting(check, paths[i]);
        if (other && ends_with(err->place, yaml_text(other)))
            node = other;
    }
    if (node) {
        err_context(&placed, "%s", err->place);
        yaml_move(node, &placed);
    }
    config_fault(&check->faults, &placed);
}

static void check_tls(struct check *check, const struct crypto_tls_files *files, const char *const *paths)
{
    struct crypto_tls *tls = NULL;
    struct err err = {0};
    if (!crypto_tls_server(files, &tls, &err))
        fault_of_file(check, &err, paths);
    crypto_tls_free(&tls);
}

struct pair {
    enum crypto_purpose purpose;
    const char *cert, *key, *staged_cert, *staged_key;
    const char *paths[3], *staged_paths[3];
};

static void check_pair(struct check *check, struct crypto_keyring *ring, const struct pair *pair)
{
    struct err err = {0};
    if (pair->cert &&
        !crypto_keyring_load(ring, pair->purpose, pair->cert, pair->key, check->config->sign_sm2_id, &err))
        fault_of_file(check, &err, pair->paths);
    err = (struct err){0};
    if (pair->staged_cert && !crypto_keyring_stage(ring, pair->purpose, pair->staged_cert, pair->staged_key, &err))
        fault_of_file(check, &err, pair->staged_paths);
}

#define PAIR(which, name)                                                                                              \
    {CRYPTO_SIGN_##which, config->sign_##name##_cert, config->sign_##name##_key, config->sign_##name##_staged_cert,    \
     config->sign_##name##_staged_key, {"signing." #name ".certificate", "signing." #name ".key", NULL},               \
     {"signing." #name ".staged.certificate", "signing." #name ".staged.key", NULL}}

static void check_signing(struct check *check)
{
    const struct config *config = check->config;
    const struct pair pairs[] = {PAIR(ES256, es256), PAIR(SM2, sm2), PAIR(RSA, rsa)};
    check->ring = crypto_keyring_new();
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        check_pair(check, check->ring, &pairs[i]);
}

static void check_keys(struct check *check)
{
    static const char *const server[] = {"tls.certificate", "tls.key", "tls.client_ca", "tls.client_crl", NULL};
    static const char *const outgoing[] = {"tls.outgoing_certificate", "tls.outgoing_key", NULL};
    const struct config *config = check->config;
    struct crypto_tls_files files = {config->tls_cert, config->tls_key, config->tls_ca, config->tls_crl};
    check_tls(check, &files, server);
    if (config->tls_client_cert) {
        files = (struct crypto_tls_files){config->tls_client_cert, config->tls_client_key, config->tls_ca, NULL};
        check_tls(check, &files, outgoing);
    }
    check_signing(check);
}

static void check_rules(struct check *check)
{
    const struct yaml_node *root = NULL;
    const struct policy *policy = NULL;
    struct err err = {0};
    enum policy_admission admission = check->config->admission ? POLICY_ADMISSION_AUTOMATIC : POLICY_ADMISSION_APPROVAL;
    bool ok = yaml_load(check->cli->arena, check->config->rules_file, &root, NULL, &err) &&
              policy_load(check->cli->arena, root, admission, &policy, &err);
    if (ok && !policy_in_force(policy, date_of_ms(clock_wall_ms())))
        ok = err_set(&err, ERR_RULES_NONE, check->config->rules_file, "%s", "");
    if (!ok)
        config_fault(&check->faults, &err);
}

/* What is wrong inside a file of the catalogue is told at that file. */
static void check_schemas(struct check *check)
{
    static const char *const paths[] = {"schemas.directory", NULL};
    const char *directory = check->config->schemas_dir;
    struct catalog *catalog = NULL;
    struct err err = {0};
    if (!catalog_load(directory, &catalog, &err)) {
        if (err.code == ERR_CONFIG_FILE)
            fault_of_file(check, &err, paths);
        else {
            (void)snprintf(err.place, sizeof err.place, "%s",
                           arena_printf(check->cli->arena, "%s/%s", directory, err.place));
            config_fault(&check->faults, &err);
        }
    }
    catalog_free(&catalog);
}

static void check_directory(struct check *check)
{
    const struct config *config = check->config;
    struct directory_files files = {config->partners_file, config->operators_file, config->sources_file};
    struct directory *directory = NULL;
    if (!directory_load(&files, 1, &directory, &check->faults))
        return;
    if (check->keys_good)
        (void)directory_answerable(directory, check->ring, &check->faults);
    directory_free(&directory);
}

static void check_all(struct check *check, const char *file)
{
    struct err err = {0};
    (void)config_look(file, &check->config, check->cli->arena, &check->faults);
    if (!check->config)
        return;
    if (!yaml_load(check->cli->arena, file, &check->root, NULL, &err))
        check->root = NULL;
    check_keys(check);
    check->keys_good = check->faults.n == 0;
    check_rules(check);
    check_schemas(check);
    check_directory(check);
    crypto_keyring_free(&check->ring);
    config_free(&check->config);
}

static void show_json(struct cli *cli, const char *file, const struct config_faults *faults)
{
    struct buf text;
    struct json_out json;
    char sentence[1024];
    buf_init(&text, CLI_BODY_MAX * 4);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string(&json, "file", file);
    json_add_boolean(&json, "ok", faults->n == 0);
    json_key(&json, "faults");
    json_begin_array(&json);
    for (size_t i = 0; i < faults->n; i++) {
        json_begin_object(&json);
        json_add_string(&json, "place", faults->items[i].place);
        json_add_string(&json, "code", err_info(faults->items[i].code)->code);
        json_add_string(&json, "detail", err_text(&faults->items[i], cli->zh, sentence, sizeof sentence));
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    cli_put_json(cli, buf_bytes(&text));
    buf_free(&text);
}

static void show_fault(struct cli *cli, const struct err *fault)
{
    struct err bare = *fault;
    char sentence[1024];
    bare.place[0] = '\0';
    fprintf(cli->out, "%s%s%s [%s]\n", fault->place, fault->place[0] ? ": " : "",
            err_text(&bare, cli->zh, sentence, sizeof sentence), err_info(fault->code)->code);
}

int cli_do_config_check(struct cli *cli)
{
    const char *named = cli->option[OPTION_CONFIG];
    const char *file = cli->arg_n > 0 ? cli->args[0] : named ? named : CLI_CONFIG_DEFAULT;
    struct check check = {.cli = cli};
    check_all(&check, file);
    size_t n = check.faults.n;
    if (cli->json)
        show_json(cli, file, &check.faults);
    for (size_t i = 0; !cli->json && i < n; i++)
        show_fault(cli, &check.faults.items[i]);
    if (n == 0)
        cli_say(cli, "%s: %s", file, cli->zh ? "没有问题" : "no faults");
    else
        cli_say(cli, cli->zh ? "%s：%zu 处问题" : "%s: %zu fault(s)", file, n);
    return n == 0 ? CLI_OK : CLI_FAILED;
}
