/* identity: what partners and people have in common, roles and TLS keys. */
#include "partner/internal.h"

#include <string.h>

#define HEX_SIZE ((size_t)2 * CRYPTO_DIGEST_SIZE)

const char *identity_id(struct loader *loader, const struct yaml_node *map)
{
    static const char *const taken[] = {"root", "unknown", "gateway", "timer"};
    const char *id = loader_id(loader, map, "id");

    for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
        if (strcmp(id, taken[i]) == 0)
            loader_fail(loader, yaml_get(map, "id"), ERR_CONFIG_VALUE, "id: %s has a meaning of its own", id);
    }
    return id;
}

static unsigned role_of(const char *name, unsigned allowed)
{
    for (unsigned role = ROLE_BANK; role <= ROLE_AUDITOR; role <<= 1) {
        if ((allowed & role) != 0 && strcmp(role_name((enum role)role), name) == 0)
            return role;
    }
    return 0;
}

unsigned identity_roles(struct loader *loader, const struct yaml_node *map, unsigned allowed)
{
    const struct yaml_node *list = loader_list(loader, map, "roles", true, PARTNER_ROLES_MAX);
    unsigned roles = 0;
    char names[128];

    for (size_t i = 0; i < yaml_count(list); i++) {
        const char *name = loader_item(loader, list, i);
        unsigned role = name == NULL ? 0 : role_of(name, allowed);

        if (name != NULL && role == 0)
            loader_fail(loader, yaml_at(list, i), ERR_CONFIG_VALUE, "%.40s is not one of %s", name,
                        role_names(allowed, names, sizeof(names)));
        if ((roles & role) != 0)
            loader_fail(loader, yaml_at(list, i), ERR_CONFIG_DUPLICATE, "%s", name);
        roles |= role;
    }
    if (list != NULL && yaml_count(list) == 0)
        loader_fail(loader, list, ERR_CONFIG_VALUE, "at least one role is expected");
    return roles;
}

static void add_key(struct partner *partner, const uint8_t digest[CRYPTO_DIGEST_SIZE])
{
    memcpy(partner->tls_keys[partner->tls_key_n++], digest, CRYPTO_DIGEST_SIZE);
}

static void read_digest(struct loader *loader, const struct yaml_node *list, size_t i, struct partner *partner)
{
    const char *hex = loader_item(loader, list, i);
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    if (hex == NULL)
        return;
    if (strlen(hex) != HEX_SIZE || !hex_decode(hex, digest, CRYPTO_DIGEST_SIZE))
        loader_fail(loader, yaml_at(list, i), ERR_CONFIG_VALUE,
                    "64 hex digits, the SHA-256 of the public key (SPKI), are expected");
    else
        add_key(partner, digest);
}

static void read_certificate(struct loader *loader, const struct yaml_node *list, size_t i, struct partner *partner)
{
    struct crypto_key *key = loader_key(loader, list, i);

    if (key == NULL)
        return;
    add_key(partner, crypto_key_digest(key));
    crypto_key_free(&key);
}

void identity_tls(struct loader *loader, const struct yaml_node *map, struct partner *partner)
{
    const struct yaml_node *digests = loader_list(loader, map, "tls_keys", false, PARTNER_TLS_KEYS_MAX);
    const struct yaml_node *certificates = loader_list(loader, map, "tls_certificates", false,
                                                       PARTNER_TLS_KEYS_MAX - yaml_count(digests));

    for (size_t i = 0; i < yaml_count(digests); i++)
        read_digest(loader, digests, i, partner);
    for (size_t i = 0; i < yaml_count(certificates); i++)
        read_certificate(loader, certificates, i, partner);
}
