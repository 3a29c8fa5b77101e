/* force: pledged.yaml and the files it names, read into one generation. */
#include "daemon/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fault(const struct config *config, struct config_faults *faults, struct err *err)
{
    tell_blame(config, err);
    config_fault(faults, err);
}

/* ---- what is kept ---- */

static struct config *keep_config(struct kept *kept, struct config *config)
{
    kept->configs = xrealloc(kept->configs, (kept->config_n + 1) * sizeof(*kept->configs));
    return kept->configs[kept->config_n++] = config;
}

static const struct rules_file *keep_rules(struct kept *kept, struct rules_file *rules)
{
    kept->rules = xrealloc(kept->rules, (kept->rules_n + 1) * sizeof(*kept->rules));
    return kept->rules[kept->rules_n++] = rules;
}

static void rules_free(struct rules_file **rules)
{
    arena_free(&(*rules)->arena);
    free(*rules);
    *rules = NULL;
}

void kept_free(struct kept *kept)
{
    for (size_t i = 0; i < kept->config_n; i++)
        config_free(&kept->configs[i]);
    for (size_t i = 0; i < kept->rules_n; i++)
        rules_free(&kept->rules[i]);
    for (size_t i = 0; i < kept->catalog_n; i++)
        catalog_free(&kept->catalogs[i]);
    free(kept->configs);
    free(kept->rules);
    free(kept->catalogs);
    *kept = (struct kept){0};
}

void force_release(struct force *force)
{
    directory_free(&force->directory);
    crypto_tls_free(&force->tls);
    crypto_keyring_free(&force->ring);
}

/* ---- reading ---- */

static struct config *read_config(const char *file, const struct force *old, struct kept *kept, struct arena *arena,
                                  struct config_faults *faults)
{
    struct config *config = NULL;

    if (!config_load(file, &config, arena, faults))
        return old == NULL ? NULL : old->config;
    if (old != NULL && bytes_equal(config->raw, old->config->raw)) {
        config_free(&config);
        return old->config;
    }
    return keep_config(kept, config);
}

static bool parse_rules(const struct config *config, struct rules_file *rules, struct err *err)
{
    const struct yaml_node *root = NULL;
    struct bytes raw = {0};
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    rules->arena = arena_new();
    rules->admission = config->admission;
    CHECK(yaml_load(rules->arena, config->rules_file, &root, &raw, err));
    crypto_digest(CRYPTO_SHA256, raw, digest);
    (void)hex_encode(digest, sizeof(digest), rules->digest);
    return policy_load(rules->arena, root, (enum policy_admission)config->admission, &rules->policy, err);
}

static const struct rules_file *read_rules(const struct config *config, const struct rules_file *old, struct kept *kept,
                                           struct config_faults *faults)
{
    struct rules_file *rules = xcalloc(1, sizeof(*rules));
    struct err err = {0};

    if (!parse_rules(config, rules, &err)) {
        fault(config, faults, &err);
        rules_free(&rules);
        return old;
    }
    if (old != NULL && strcmp(old->digest, rules->digest) == 0 && old->admission == rules->admission) {
        rules_free(&rules);
        return old;
    }
    return keep_rules(kept, rules);
}

static const struct catalog *keep_catalog(struct kept *kept, struct catalog *catalog)
{
    kept->catalogs = xrealloc(kept->catalogs, (kept->catalog_n + 1) * sizeof(struct catalog *));
    return kept->catalogs[kept->catalog_n++] = catalog;
}

/* What is wrong inside a file of the catalogue is told at that file, not at the setting that names its folder. */
static void schemas_fault(const struct config *config, struct config_faults *faults, struct err *err)
{
    AUTO_ARENA arena = arena_new();

    if (err->code == ERR_CONFIG_FILE) {
        fault(config, faults, err);
        return;
    }
    (void)snprintf(err->place, sizeof(err->place), "%s",
                   arena_printf(arena, "%s/%s", config->schemas_dir, err->place));
    config_fault(faults, err);
}

static const struct catalog *read_catalog(const struct config *config, const struct catalog *old, struct kept *kept,
                                          struct config_faults *faults)
{
    struct catalog *catalog = NULL;
    struct err err = {0};

    if (!catalog_load(config->schemas_dir, &catalog, &err)) {
        schemas_fault(config, faults, &err);
        return old;
    }
    if (old != NULL && strcmp(catalog_digest(old), catalog_digest(catalog)) == 0) {
        catalog_free(&catalog);
        return old;
    }
    return keep_catalog(kept, catalog);
}

static struct directory *read_directory(const struct config *config, struct directory *old, uint64_t generation,
                                        struct config_faults *faults)
{
    const struct directory_files files = {config->partners_file, config->operators_file, config->sources_file};
    struct directory *directory = NULL;
    size_t first = faults->n;

    if (directory_load(&files, generation, &directory, faults))
        return directory;
    for (size_t i = first; i < faults->n; i++)
        tell_blame(config, &faults->items[i]);
    return old == NULL ? NULL : directory_ref(old);
}

static struct crypto_tls *read_tls(const struct config *config, struct crypto_tls *old, struct config_faults *faults)
{
    const struct crypto_tls_files files = {config->tls_cert, config->tls_key, config->tls_ca, config->tls_crl};
    struct crypto_tls *tls = NULL;
    struct err err = {0};

    if (crypto_tls_server(&files, &tls, &err))
        return tls;
    fault(config, faults, &err);
    return old == NULL ? NULL : crypto_tls_ref(old);
}

/* ---- keys ---- */

struct pair {
    const char *cert, *key, *staged_cert, *staged_key;
};

static bool read_pair(const struct config *config, struct crypto_keyring *ring, enum crypto_purpose purpose,
                      const struct pair *pair, struct config_faults *faults)
{
    struct err err = {0};
    bool ok = true;

    if (pair->cert != NULL && !crypto_keyring_load(ring, purpose, pair->cert, pair->key, config->sign_sm2_id, &err)) {
        fault(config, faults, &err);
        ok = false;
    }
    err = (struct err){0};
    if (pair->staged_cert != NULL && !crypto_keyring_stage(ring, purpose, pair->staged_cert, pair->staged_key, &err)) {
        fault(config, faults, &err);
        ok = false;
    }
    return ok;
}

static struct crypto_keyring *read_keyring(const struct config *config, struct crypto_keyring *old,
                                           struct config_faults *faults)
{
    const struct pair pairs[CRYPTO_PURPOSE_COUNT] = {
        [CRYPTO_SIGN_ES256] = {config->sign_es256_cert, config->sign_es256_key, config->sign_es256_staged_cert,
                               config->sign_es256_staged_key},
        [CRYPTO_SIGN_SM2] = {config->sign_sm2_cert, config->sign_sm2_key, config->sign_sm2_staged_cert,
                             config->sign_sm2_staged_key},
        [CRYPTO_SIGN_RSA] = {config->sign_rsa_cert, config->sign_rsa_key, config->sign_rsa_staged_cert,
                             config->sign_rsa_staged_key},
    };
    struct crypto_keyring *ring = crypto_keyring_new();
    bool ok = true;

    for (int i = 0; i < CRYPTO_PURPOSE_COUNT; i++)
        ok = read_pair(config, ring, (enum crypto_purpose)i, &pairs[i], faults) && ok;
    if (ok)
        return ring;
    crypto_keyring_free(&ring);
    return old == NULL ? NULL : crypto_keyring_ref(old);
}

/* A directory that names an algorithm without a key does not take effect, nor does a keyring that lost a key which
 * partners need: which of the two was meant, nobody knows. */
static void fit_together(const struct force *old, struct force *fresh, struct config_faults *faults)
{
    if (fresh->ring == NULL || fresh->directory == NULL ||
        directory_answerable(fresh->directory, fresh->ring, faults) || old == NULL)
        return;
    directory_free(&fresh->directory);
    crypto_keyring_free(&fresh->ring);
    fresh->directory = directory_ref(old->directory);
    fresh->ring = crypto_keyring_ref(old->ring);
}

static void read_named(const struct force *old, struct kept *kept, struct force *out, struct config_faults *faults)
{
    out->rules = read_rules(out->config, old == NULL ? NULL : old->rules, kept, faults);
    out->catalog = read_catalog(out->config, old == NULL ? NULL : old->catalog, kept, faults);
    out->directory = read_directory(out->config, old == NULL ? NULL : old->directory, out->generation, faults);
    out->tls = read_tls(out->config, old == NULL ? NULL : old->tls, faults);
    out->ring = read_keyring(out->config, old == NULL ? NULL : old->ring, faults);
    fit_together(old, out, faults);
}

void force_look(const char *file, struct kept *kept, struct arena *arena, struct force *out,
                struct config_faults *faults)
{
    struct config *config = NULL;

    *out = (struct force){.generation = 1};
    (void)config_look(file, &config, arena, faults);
    if (config == NULL)
        return;
    out->config = keep_config(kept, config);
    read_named(NULL, kept, out, faults);
}

bool force_load(const char *file, const struct force *old, struct kept *kept, struct arena *arena, struct force *out,
                struct config_faults *faults)
{
    size_t before = faults->n;

    *out = (struct force){.generation = old == NULL ? 1 : old->generation + 1};
    out->config = read_config(file, old, kept, arena, faults);
    if (out->config == NULL)
        return false;
    read_named(old, kept, out, faults);
    return faults->n == before;
}

bool force_path(const struct config *config, const char *name, char out[DAEMON_PATH_MAX], struct err *err)
{
    int n = snprintf(out, DAEMON_PATH_MAX, "%s/%s", config->data_dir, name);

    if (n >= DAEMON_PATH_MAX)
        return err_set(err, ERR_CONFIG_VALUE, config->data_dir, "the path is too long");
    return true;
}
