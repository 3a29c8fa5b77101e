/* tell: faults for people, at the line that can mend them. */
#include "daemon/internal.h"

#include <stdio.h>
#include <string.h>

struct named {
    const char *setting, *value;         /* value NULL: not set */
};

/* True when the fault is about the value itself or something below it. */
static bool is_about(const char *value, const char *place)
{
    size_t n = value == NULL ? 0 : strlen(value);

    return n > 0 && strncmp(place, value, n) == 0 && (place[n] == '\0' || place[n] == '/');
}

static const struct yaml_node *node_of(const struct yaml_node *root, const char *path)
{
    char key[64];

    while (root != NULL) {
        size_t n = strcspn(path, ".");

        (void)snprintf(key, sizeof(key), "%.*s", (int)n, path);
        root = yaml_get(root, key);
        if (path[n] == '\0')
            break;
        path += n + 1;
    }
    return root;
}

void tell_blame_on(const struct config *config, const char *setting, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    const struct yaml_node *root = NULL, *node;
    struct err at = {0};

    if (!yaml_parse(arena, config->file, config->raw, &root, &at))
        return;
    (void)err_context(err, "%s %s", setting, err->place);
    node = node_of(root, setting);
    if (node == NULL)
        (void)err_set_both(err, err->code, config->file, err_detail(err, false), err_detail(err, true));
    else
        (void)yaml_move(node, err);
}

void tell_blame(const struct config *config, struct err *err)
{
    const struct named names[] = {
        {"files.rules", config->rules_file},
        {"files.partners", config->partners_file},
        {"files.sources", config->sources_file},
        {"files.operators", config->operators_file},
        {"admin.socket", config->admin_socket},
        {"tls.certificate", config->tls_cert},
        {"tls.key", config->tls_key},
        {"tls.client_ca", config->tls_ca},
        {"tls.client_crl", config->tls_crl},
        {"tls.outgoing_certificate", config->tls_client_cert},
        {"tls.outgoing_key", config->tls_client_key},
        {"signing.es256.certificate", config->sign_es256_cert},
        {"signing.es256.key", config->sign_es256_key},
        {"signing.sm2.certificate", config->sign_sm2_cert},
        {"signing.sm2.key", config->sign_sm2_key},
        {"signing.rsa.certificate", config->sign_rsa_cert},
        {"signing.rsa.key", config->sign_rsa_key},
        {"signing.es256.staged.certificate", config->sign_es256_staged_cert},
        {"signing.es256.staged.key", config->sign_es256_staged_key},
        {"signing.sm2.staged.certificate", config->sign_sm2_staged_cert},
        {"signing.sm2.staged.key", config->sign_sm2_staged_key},
        {"signing.rsa.staged.certificate", config->sign_rsa_staged_cert},
        {"signing.rsa.staged.key", config->sign_rsa_staged_key},
        {"adapters.directory", config->adapters_dir},
        {"schemas.directory", config->schemas_dir},
        {"data.directory", config->data_dir},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (is_about(names[i].value, err->place)) {
            tell_blame_on(config, names[i].setting, err);
            return;
        }
    }
}

void tell_fault(const struct err *fault)
{
    const struct err_info *info = err_info(fault->code);
    const char *colon = fault->detail[0] == '\0' ? "" : ": ", *colon_zh = fault->detail[0] == '\0' ? "" : "：";

    (void)fprintf(stderr, "%s: %s%s%s [%s]\n    %s%s%s\n", fault->place[0] == '\0' ? "pledged" : fault->place, info->en,
                  colon, fault->detail, info->code, info->zh, colon_zh, err_detail(fault, true));
}
