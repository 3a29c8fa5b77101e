/* Reads the keys of whoever is supposed to have signed. */
#include "cli/signer.h"

#include <string.h>

static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256, CRYPTO_PS256};
#define ALG_N (sizeof algs / sizeof algs[0])
#define NAMES_MAX 1024

static bool add(struct signers *out, const struct signer *signer, const char *place, struct err *err)
{
    if (out->n == SIGNERS_MAX)
        return err_set(err, ERR_KEY_FILE, place, "at most %d keys are read", SIGNERS_MAX);
    out->item[out->n] = *signer;
    out->item[out->n++].key = crypto_key_ref(signer->key);
    return true;
}

bool signers_from_cert(struct cli *cli, const char *path, struct signers *out, struct err *err)
{
    struct signer signer = {0};
    bool ok = true;
    CHECK(crypto_key_from_file(path, &signer.key, err));
    signer.kid = arena_strdup(cli->arena, crypto_key_kid(signer.key));
    signer.not_before = crypto_key_not_before(signer.key);
    signer.not_after = crypto_key_not_after(signer.key);
    for (size_t i = 0; i < ALG_N && ok; i++) {
        signer.alg = algs[i];
        if (crypto_key_fits(signer.key, algs[i]))
            ok = add(out, &signer, path, err);
    }
    crypto_key_free(&signer.key);
    return ok && (out->n > 0 || err_set(err, ERR_KEY_FILE, path, "a key of no algorithm that is used here"));
}

/* One JWK under one algorithm; a key that is for something else is no fault. */
static bool add_jwk(struct cli *cli, struct bytes raw, const json_value *jwk, enum crypto_alg alg, struct signers *out,
                    struct err *err)
{
    struct crypto_key *keys[JWS_KEYS_MAX] = {NULL};
    struct signer signer = {.alg = alg};
    struct err why = {0};
    int64_t seconds = 0;
    size_t n = 0;
    if (!jws_read_jwks(raw, alg, keys, &n, &why)) {
        if (why.code != ERR_SIGNATURE_KEY_UNKNOWN)
            *err = why;
        return why.code == ERR_SIGNATURE_KEY_UNKNOWN;
    }
    signer.key = keys[0];
    const char *kid = json_string(json_member(jwk, "kid"));
    signer.kid = arena_strdup(cli->arena, kid ? kid : crypto_key_kid(keys[0]));
    if (json_integer(json_member(jwk, "nbf"), &seconds) && seconds > 0 && seconds < INT64_MAX / 1000)
        signer.not_before = seconds * 1000;
    if (json_integer(json_member(jwk, "exp"), &seconds) && seconds > 0 && seconds < INT64_MAX / 1000)
        signer.not_after = seconds * 1000;
    bool ok = add(out, &signer, "/keys", err);
    while (n > 0)
        crypto_key_free(&keys[--n]);
    return ok;
}

static bool add_any(struct cli *cli, struct bytes raw, struct signers *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    CHECK(json_parse(raw, &doc, err));
    for (size_t i = 0; i < ALG_N; i++)
        CHECK(add_jwk(cli, raw, json_root(doc), algs[i], out, err));
    return true;
}

static bool add_all(struct cli *cli, struct bytes set, struct signers *out, struct err *err)
{
    struct bytes list, raw;
    AUTO_JSON doc = NULL;
    size_t at = 0;
    bool broken = false;
    CHECK(json_parse(set, &doc, err));
    if (!json_scan_member(set, "keys", &list))
        return add_any(cli, set, out, err);
    while (json_scan_next(list, &at, &raw, &broken))
        CHECK(add_any(cli, raw, out, err));
    return !broken || err_set(err, ERR_KEY_FILE, "/keys", "a list of keys is expected");
}

bool signers_from_jwks(struct cli *cli, const char *path, struct signers *out, struct err *err)
{
    struct bytes set = {0};
    CHECK(cli_read_file(cli, path, CLI_FILE_MAX, &set, err));
    if (!add_all(cli, set, out, err))
        return err_context(err, "%s", path);
    return out->n > 0 || err_set(err, ERR_KEY_FILE, path, "no key that signatures are verified with");
}

int signers_read(struct cli *cli, struct signers *out)
{
    const char *cert = cli->option[OPTION_CERT], *keys = cli->option[OPTION_KEYS], *id = cli->option[OPTION_SM2_ID];
    struct err err = {0};
    if (id && (strlen(id) == 0 || strlen(id) > CRYPTO_SM2_ID_MAX))
        return cli_usage(cli, "--sm2-id has 1 to %d bytes", CRYPTO_SM2_ID_MAX);
    if ((cert && !signers_from_cert(cli, cert, out, &err)) || (keys && !signers_from_jwks(cli, keys, out, &err)))
        return cli_fail(cli, &err);
    return CLI_OK;
}

void signers_free(struct signers *signers)
{
    while (signers->n > 0)
        crypto_key_free(&signers->item[--signers->n].key);
}

void signers_pick(const struct signers *signers, enum crypto_alg alg, const char *kid, struct jws_expect *out)
{
    out->alg = alg;
    out->key_n = 0;
    for (size_t i = 0; i < signers->n && out->key_n < JWS_KEYS_MAX; i++) {
        const struct signer *signer = &signers->item[i];
        if (signer->alg != alg || (kid && strcmp(kid, signer->kid) != 0))
            continue;
        out->keys[out->key_n] = signer->key;
        out->kids[out->key_n++] = signer->kid;
    }
}

const struct signer *signers_by_key(const struct signers *signers, enum crypto_alg alg, const char *own_kid)
{
    for (size_t i = 0; i < signers->n; i++) {
        if (signers->item[i].alg == alg && strcmp(crypto_key_kid(signers->item[i].key), own_kid) == 0)
            return &signers->item[i];
    }
    return NULL;
}

static void add_name(struct buf *names, const char *name)
{
    if (names->n > 0 && strstr((const char *)names->p, name))
        return;
    buf_printf(names, "%s%s", names->n > 0 ? ", " : "", name);
}

static const char *end_names(struct cli *cli, struct buf *names)
{
    const char *text = arena_strndup(cli->arena, names->n ? (const char *)names->p : "", names->n);
    buf_free(names);
    return text;
}

const char *signers_algs(struct cli *cli, const struct signers *signers)
{
    struct buf names;
    buf_init(&names, NAMES_MAX);
    for (size_t i = 0; i < signers->n; i++)
        add_name(&names, crypto_alg_name(signers->item[i].alg));
    return end_names(cli, &names);
}

const char *signers_kids(struct cli *cli, const struct signers *signers)
{
    struct buf names;
    buf_init(&names, NAMES_MAX);
    for (size_t i = 0; i < signers->n; i++)
        add_name(&names, signers->item[i].kid);
    return end_names(cli, &names);
}
