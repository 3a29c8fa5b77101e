/* role: names of roles. */
#include "partner/partner.h"

#include <stdio.h>
#include <string.h>

static const struct {
    enum role role;
    const char *name;
} roles[] = {
    {ROLE_BANK, "bank"},         {ROLE_BUREAU, "bureau"},     {ROLE_REGISTRY, "registry"}, {ROLE_PLATFORM, "platform"},
    {ROLE_OBSERVER, "observer"}, {ROLE_OPERATOR, "operator"}, {ROLE_APPROVER, "approver"}, {ROLE_SECADMIN, "secadmin"},
    {ROLE_SYSADMIN, "sysadmin"}, {ROLE_AUDITOR, "auditor"},
};
#define ROLES (sizeof(roles) / sizeof(*roles))

const char *role_name(enum role role)
{
    for (size_t i = 0; i < ROLES; i++) {
        if (roles[i].role == role)
            return roles[i].name;
    }
    return "";
}

bool role_among(unsigned set, const char *names)
{
    for (size_t i = 0; i < ROLES; i++) {
        if ((set & roles[i].role) != 0 && word_in(names, roles[i].name))
            return true;
    }
    return false;
}

const char *role_names(unsigned set, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < ROLES && n < size; i++) {
        if (set & roles[i].role)
            n += (size_t)snprintf(out + n, size - n, "%s%s", n == 0 ? "" : ",", roles[i].name);
    }
    return out;
}
