/* partners: one entry of the partners file. */
#include "ident/ident.h"
#include "partner/internal.h"

#include <string.h>

static const char *const algs[] = {"ES256", "SM2", "RS256", "PS256", NULL};

static void read_key(struct loader *loader, const struct yaml_node *list, size_t i, struct jws_expect *signing)
{
    struct directory *directory = loader->directory;
    struct crypto_key *key = loader_key(loader, list, i);

    if (key == NULL)
        return;
    if (!crypto_key_fits(key, signing->alg))
        loader_fail(loader, yaml_at(list, i), ERR_CONFIG_VALUE, "%.160s: this key does not sign %s",
                    loader_item(loader, list, i), crypto_alg_name(signing->alg));
    directory->keys = xrealloc(directory->keys, (directory->key_n + 1) * sizeof(*directory->keys));
    directory->keys[directory->key_n++] = key;
    signing->keys[signing->key_n++] = key;
}

static void read_sm2_id(struct loader *loader, const struct yaml_node *map, struct jws_expect *signing)
{
    loader_text(loader, map, "sm2_id", false, &signing->sm2_id);
    if (signing->sm2_id == NULL)
        return;
    if (signing->alg != CRYPTO_SM2)
        loader_fail(loader, yaml_get(map, "sm2_id"), ERR_CONFIG_VALUE, "sm2_id: only with alg: SM2");
    else if (*signing->sm2_id == '\0' || strlen(signing->sm2_id) > CRYPTO_SM2_ID_MAX)
        loader_fail(loader, yaml_get(map, "sm2_id"), ERR_CONFIG_VALUE, "sm2_id: 1 to %d bytes are expected",
                    CRYPTO_SM2_ID_MAX);
}

/* Names of algorithms stand in the order of enum crypto_alg only by luck: the name decides. */
static void read_alg(struct loader *loader, const struct yaml_node *map, const char *key, bool required,
                     enum crypto_alg *out)
{
    int choice = -1;

    loader_choice(loader, map, key, required, algs, &choice);
    if (choice >= 0)
        (void)crypto_alg_parse(algs[choice], out);
}

static void read_signing(struct loader *loader, const struct yaml_node *map, struct jws_expect *signing)
{
    static const char *const names[] = {"alg", "sm2_id", "certificates", "keys", NULL};
    const struct yaml_node *certificates, *keys;

    if (!loader_only(loader, map, names))
        return;
    read_alg(loader, map, "alg", true, &signing->alg);
    read_sm2_id(loader, map, signing);
    certificates = loader_list(loader, map, "certificates", false, JWS_KEYS_MAX);
    keys = loader_list(loader, map, "keys", false, JWS_KEYS_MAX - yaml_count(certificates));
    for (size_t i = 0; i < yaml_count(certificates); i++)
        read_key(loader, certificates, i, signing);
    for (size_t i = 0; i < yaml_count(keys); i++)
        read_key(loader, keys, i, signing);
    if (yaml_count(yaml_get(map, "certificates")) + yaml_count(yaml_get(map, "keys")) == 0)
        loader_fail(loader, map, ERR_CONFIG_MISSING, "certificates or keys");
}

static void read_view(struct loader *loader, const struct yaml_node *map, struct partner *partner)
{
    static const char *const views[] = {"category", "full", NULL};
    int view = (partner->roles & (ROLE_PLATFORM | ROLE_BUREAU)) != 0;

    loader_choice(loader, map, "view", false, views, &view);
    partner->view_full = view == 1;
}

/* By which it is known as a pledgee. A doubtful one is told: here it is the partner that can look it up. */
static void read_uscc(struct loader *loader, const struct yaml_node *map, struct partner *partner)
{
    struct ident_result result;

    loader_text(loader, map, "uscc", false, &partner->uscc);
    if (yaml_get(map, "uscc") == NULL)
        return;
    ident_uscc(bytes_str(partner->uscc), &result);
    if (result.verdict == IDENT_VALID)
        partner->uscc = arena_strdup(loader->arena, result.normal);
    else
        loader_fail(loader, yaml_get(map, "uscc"), result.cause, "uscc");
}

void partners_read(struct loader *loader, const struct yaml_node *map, struct partner *partner)
{
    static const char *const names[] = {"id",      "name",       "roles",  "kinds", "tls_keys", "tls_certificates",
                                        "signing", "answer_alg", "paused", "view",  "receives", "xml",
                                        "channel", "frames",     "uscc",   NULL};

    partner->id = partner->name = partner->region = partner->uscc = "";
    if (!loader_only(loader, map, names))
        return;
    partner->id = identity_id(loader, map);
    loader_text(loader, map, "name", true, &partner->name);
    read_uscc(loader, map, partner);
    partner->roles = identity_roles(loader, map, ROLE_BANK | ROLE_BUREAU | ROLE_REGISTRY | ROLE_PLATFORM);
    partner->kinds = loader_kinds(loader, map, "kinds");
    if (yaml_get(map, "receives") != NULL)
        partner->receives = loader_kinds(loader, map, "receives");
    identity_tls(loader, map, partner);
    if (yaml_count(yaml_get(map, "tls_keys")) + yaml_count(yaml_get(map, "tls_certificates")) == 0)
        loader_fail(loader, map, ERR_CONFIG_MISSING, "tls_keys or tls_certificates");
    partner->signing.alg = CRYPTO_ES256;
    if (yaml_get(map, "signing") != NULL)
        read_signing(loader, yaml_get(map, "signing"), &partner->signing);
    partner->answer_alg = partner->signing.alg;
    read_alg(loader, map, "answer_alg", false, &partner->answer_alg);
    loader_boolean(loader, map, "paused", &partner->paused);
    read_view(loader, map, partner);
    channel_read(loader, map, partner);
}
