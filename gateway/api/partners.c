/* partners: who may talk to the gateway, with which keys, and whether their side can be reached. */
#include <string.h>

#include "api/internal.h"
#include "api/items.h"

#define TEST_CONNECT_MS 5000
#define TEST_TOTAL_MS 10000
#define TEST_BODY_MAX (64 << 10)

static void write_words(struct json_out *json, const char *name, const char *const *words)
{
    json_key(json, name);
    json_begin_array(json);
    for (; words && *words; words++)
        json_put_string(json, *words);
    json_end_array(json);
}

static void write_tls_keys(struct json_out *json, const struct partner *partner)
{
    char hex[2 * CRYPTO_DIGEST_SIZE + 1];

    json_key(json, "tls_keys");
    json_begin_array(json);
    for (size_t i = 0; i < partner->tls_key_n; i++)
        json_put_string(json, hex_encode(partner->tls_keys[i], CRYPTO_DIGEST_SIZE, hex));
    json_end_array(json);
}

static void write_members(struct ask *ask, const struct partner *partner)
{
    struct json_out *json = &ask->json;

    json_add_string(json, "id", partner->id);
    json_add_string(json, "name", partner->name);
    json_add_boolean(json, "person", partner->person);
    api_roles_write(json, partner->roles);
    write_words(json, "kinds", partner->kinds);
    if (!partner->person) {
        json_add_string(json, "alg", crypto_alg_name(partner->signing.alg));
        json_add_string(json, "answer_alg", crypto_alg_name(partner->answer_alg));
    }
    write_tls_keys(json, partner);
    api_signing_keys(json, &partner->signing, ask->now_ms);
    json_add_string_opt(json, "region", partner->region);
    json_add_boolean(json, "paused", partner->paused);
}

static void write_partner(struct ask *ask, const struct partner *partner)
{
    json_begin_object(&ask->json);
    write_members(ask, partner);
    json_end_object(&ask->json);
}

bool api_do_partners(struct ask *ask, struct err *err)
{
    const struct directory *directory = ask->held->state.directory;
    struct items items;

    (void)err;
    items_begin(&items, ask, PARTNER_MAX);
    for (size_t i = 0; i < directory_partners(directory) && items_room(&items); i++)
        write_partner(ask, directory_partner(directory, i));
    items_end(&items);
    return true;
}

static bool find(struct ask *ask, const struct partner **out, struct err *err)
{
    *out = directory_find(ask->held->state.directory, ask->values[0]);
    return *out != NULL || err_set(err, ERR_PARTNER_UNKNOWN, NULL, "%s", ask->values[0]);
}

bool api_do_partner(struct ask *ask, struct err *err)
{
    const struct partner *partner;

    CHECK(find(ask, &partner, err));
    json_begin_object(&ask->json);
    write_members(ask, partner);
    if (!partner->person) {
        json_key(&ask->json, "delivery");
        json_begin_object(&ask->json);
        CHECK(delivery_status(ask->api->options.delivery, partner->id, &ask->json, err));
        json_end_object(&ask->json);
    }
    json_end_object(&ask->json);
    return true;
}

/* ---- a test --------------------------------------------------------------------------------------------- */

static void write_step(struct ask *ask, const char *name, bool ok, const char *detail)
{
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "name", name);
    json_add_boolean(&ask->json, "ok", ok);
    json_add_string(&ask->json, "detail", detail);
    json_end_object(&ask->json);
}

static void write_key_steps(struct ask *ask, const struct partner *partner)
{
    write_step(ask, "active", !partner->paused, partner->paused ? "paused" : "not paused");
    write_step(ask, "tls_keys", partner->tls_key_n > 0 || partner->has_uid,
               arena_printf(ask->arena, "%zu TLS keys", partner->tls_key_n));
    for (size_t i = 0; i < partner->signing.key_n; i++) {
        int64_t not_after = crypto_key_not_after(partner->signing.keys[i]);
        int64_t days = api_days_left(not_after, ask->now_ms);
        const char *kid = crypto_key_kid(partner->signing.keys[i]);
        if (not_after == 0)
            write_step(ask, "signing_key", true, arena_printf(ask->arena, "%s has no end", kid));
        else
            write_step(ask, "signing_key", days >= 0,
                       arena_printf(ask->arena, "%s: %lld days left", kid, (long long)days));
    }
}

static const char *address_in(const struct source_setting *settings, size_t n)
{
    static const char *const names[] = {"url", "base", "base_url"};

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
            if (strcmp(settings[i].name, names[j]) == 0 && strncmp(settings[i].value, "http", 4) == 0)
                return settings[i].value;
    return NULL;
}

/* The address of its channel, or of the list source that has the partner's name; NULL: none over HTTP. */
static const char *url_of(struct ask *ask, const char *id)
{
    const struct directory *directory = ask->held->state.directory;
    const struct partner *partner = directory_find(directory, id);
    const struct source *source = directory_source_find(directory, id);

    if (partner != NULL && partner->channel.adapter != NULL)
        return address_in(partner->channel.settings, partner->channel.setting_n);
    return source == NULL ? NULL : address_in(source->settings, source->setting_n);
}

static void close_steps(struct ask *ask)
{
    json_end_array(&ask->json);
    json_end_object(&ask->json);
    ask_complete(ask);
}

/* ---- a signed echo through the partner's own adapter */

static void echoed(void *arg, const struct err *err, int64_t duration_ms)
{
    struct ask *ask = arg;
    char text[400];

    write_step(ask, "echo", err->code == ERR_NONE,
               err->code == ERR_NONE ? arena_printf(ask->arena, "signed answer in %lld ms", (long long)duration_ms)
                                     : err_text(err, false, text, sizeof(text)));
    close_steps(ask);
}

static void echo(struct ask *ask)
{
    struct err err = {0};

    if (!delivery_try(ask->api->options.delivery, ask->values[0], echoed, ask, &err))
        echoed(ask, &err, 0);
}

static bool has_channel(const struct ask *ask)
{
    const struct partner *partner = directory_find(ask->held->state.directory, ask->values[0]);

    return partner != NULL && partner->channel.adapter != NULL;
}

static void go_on(struct ask *ask)
{
    if (has_channel(ask))
        echo(ask);
    else
        close_steps(ask);
}

/* ---- the way there, step by step */

static const char *const steps[] = {"name", "tcp", "tls", "authentication"};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* The step at which it ended; STEPS: none. What the other side does not let in it tells by an alert, or by a status. */
static size_t failed_step(const struct net_fetch_result *result)
{
    const char *detail = result->err.detail;

    if (result->ok)
        return result->status == 401 || result->status == 403 ? 3 : STEPS;
    if (result->err.code == ERR_CLIENT_TOO_LARGE || result->sent)
        return STEPS;
    if (result->err.code == ERR_CLIENT_TLS)
        return strstr(detail, "alert") != NULL || strstr(detail, "our certificate") != NULL ? 3 : 2;
    return strstr(detail, "resolve") != NULL ? 0 : 1;
}

static void reached(const struct net_fetch_result *result, void *arg)
{
    struct ask *ask = arg;
    size_t failed = failed_step(result);
    char text[400];

    for (size_t i = 0; i < STEPS && i < failed; i++)
        write_step(ask, steps[i], true, "");
    if (failed == STEPS) {
        go_on(ask);
        return;
    }
    write_step(ask, steps[failed], false, result->ok ? arena_printf(ask->arena, "HTTP %d", result->status)
                                                     : err_text(&result->err, false, text, sizeof(text)));
    close_steps(ask);
}

static void reach(struct ask *ask)
{
    const struct config *config = ask_config(ask);
    const struct net_fetch_request request = {
        .method = "GET",
        .url = url_of(ask, ask->values[0]),
        .cert = config->tls_client_cert,
        .key = config->tls_client_key,
        .ca = config->tls_ca,
        .connect_ms = TEST_CONNECT_MS,
        .total_ms = TEST_TOTAL_MS,
        .body_max = TEST_BODY_MAX,
    };
    struct err err = {0};
    char text[400];

    if (net_fetch_start(ask->api->options.net, &request, reached, ask, &err))
        return;
    write_step(ask, "name", false, err_text(&err, false, text, sizeof(text)));
    close_steps(ask);
}

bool api_do_partner_test(struct ask *ask, struct err *err)
{
    const struct partner *partner;

    CHECK(find(ask, &partner, err));
    json_begin_object(&ask->json);
    json_key(&ask->json, "steps");
    json_begin_array(&ask->json);
    write_key_steps(ask, partner);
    ask->later = url_of(ask, partner->id) ? reach : go_on;
    return true;
}
