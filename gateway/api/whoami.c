/* whoami: who the gateway takes the caller for; the one answer that an unknown key gets. */
#include "api/internal.h"

void api_roles_write(struct json_out *json, unsigned roles)
{
    json_key(json, "roles");
    json_begin_array(json);
    for (unsigned bit = ROLE_BANK; bit <= ROLE_AUDITOR; bit <<= 1)
        if (roles & bit)
            json_put_string(json, role_name((enum role)bit));
    json_end_array(json);
}

static void write_kinds(struct json_out *json, const char *const *kinds)
{
    json_key(json, "kinds");
    json_begin_array(json);
    for (; kinds && *kinds; kinds++)
        json_put_string(json, *kinds);
    json_end_array(json);
}

static void write_key(struct ask *ask)
{
    const uint8_t *digest = net_peer_digest(ask->request);
    char hex[2 * CRYPTO_DIGEST_SIZE + 1];

    if (!digest)
        return;
    json_add_string(&ask->json, "key", hex_encode(digest, CRYPTO_DIGEST_SIZE, hex));
    json_add_time(&ask->json, "certificate_not_after", net_peer_not_after(ask->request));
}

bool api_do_whoami(struct ask *ask, struct err *err)
{
    const struct partner *who = ask->who;

    (void)err;
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "partner", who ? who->id : "unknown");
    json_add_string_opt(&ask->json, "name", who ? who->name : NULL);
    write_key(ask);
    api_roles_write(&ask->json, ask->roles);
    write_kinds(&ask->json, who ? who->kinds : NULL);
    if (who && !who->person) {
        json_add_string(&ask->json, "alg", crypto_alg_name(who->signing.alg));
        json_add_string(&ask->json, "answer_alg", crypto_alg_name(who->answer_alg));
    }
    api_signing_keys(&ask->json, who ? &who->signing : NULL, ask->now_ms);
    json_add_boolean(&ask->json, "paused", who && who->paused);
    json_add_string(&ask->json, "gateway", ask_config(ask)->gateway_name);
    json_add_time(&ask->json, "time", ask->now_ms);
    json_end_object(&ask->json);
    return true;
}
