/* kind: lists of kinds of message. Which of them there are, the catalogue knows. */
#include "partner/internal.h"

#include <string.h>

#define KINDS_MAX 64

static bool is_kind(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_.");

    return n > 0 && n <= PARTNER_ID_MAX && text[n] == '\0' && text[0] >= 'a';
}

static bool has_kind(const char *const *kinds, size_t n, const char *kind)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(kinds[i], kind) == 0)
            return true;
    }
    return false;
}

const char *const *loader_kinds(struct loader *loader, const struct yaml_node *map, const char *key)
{
    const struct yaml_node *list = loader_list(loader, map, key, false, KINDS_MAX);
    const char **kinds = arena_alloc(loader->arena, (yaml_count(list) + 1) * sizeof(*kinds));
    size_t n = 0;

    for (size_t i = 0; i < yaml_count(list); i++) {
        const char *kind = loader_item(loader, list, i);

        if (kind == NULL)
            continue;
        if (!is_kind(kind))
            loader_fail(loader, yaml_at(list, i), ERR_CONFIG_VALUE, "a kind such as credit.report is expected");
        else if (has_kind(kinds, n, kind))
            loader_fail(loader, yaml_at(list, i), ERR_CONFIG_DUPLICATE, "%s", kind);
        else
            kinds[n++] = kind;
    }
    return kinds;
}
