/* operators: one entry of the operators file, a person. */
#include "partner/internal.h"

#define UID_LAST 4294967294              /* (uid_t)-1 is nobody's */

/* Who administers the system, its security or its audit may not administer another of them. */
static void check_separation(struct loader *loader, const struct yaml_node *map, unsigned roles)
{
    unsigned administers = roles & (ROLE_SYSADMIN | ROLE_SECADMIN | ROLE_AUDITOR);

    if ((administers & (administers - 1)) != 0)
        loader_fail(loader, yaml_get(map, "roles"), ERR_CONFIG_VALUE,
                    "roles: one person may be only one of secadmin, sysadmin, auditor");
}

static void read_uid(struct loader *loader, const struct yaml_node *map, struct partner *person)
{
    int64_t uid = -1;
    struct err err = {0};

    if (!yaml_read_integer(map, "uid", false, 0, UID_LAST, &uid, &err)) {
        loader_fault(loader, &err);
        return;
    }
    if (uid == 0 && (person->roles & ROLE_APPROVER) != 0)
        loader_fail(loader, yaml_get(map, "uid"), ERR_CONFIG_VALUE, "uid: root never approves");
    person->has_uid = uid >= 0;
    person->uid = uid >= 0 ? (uint32_t)uid : 0;
}

void operators_read(struct loader *loader, const struct yaml_node *map, struct partner *person)
{
    static const char *const names[] = {"id", "name", "roles", "tls_keys", "tls_certificates", "uid", "region", NULL};
    static const char *const no_kinds[] = {NULL};

    person->id = person->name = person->region = person->uscc = "";
    person->person = true;
    person->kinds = no_kinds;
    person->signing.alg = person->answer_alg = CRYPTO_ES256;
    if (!loader_only(loader, map, names))
        return;
    person->id = identity_id(loader, map);
    loader_text(loader, map, "name", true, &person->name);
    person->roles = identity_roles(loader, map,
                                   ROLE_OBSERVER | ROLE_OPERATOR | ROLE_APPROVER | ROLE_SECADMIN | ROLE_SYSADMIN |
                                       ROLE_AUDITOR);
    check_separation(loader, map, person->roles);
    identity_tls(loader, map, person);
    read_uid(loader, map, person);
    if (yaml_count(yaml_get(map, "tls_keys")) + yaml_count(yaml_get(map, "tls_certificates")) == 0 &&
        yaml_get(map, "uid") == NULL)
        loader_fail(loader, map, ERR_CONFIG_MISSING, "tls_keys, tls_certificates or uid");
    loader_region(loader, map, "region", &person->region);
}
