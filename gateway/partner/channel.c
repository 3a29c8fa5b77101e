/* channel: how a partner is reached, and in which form and profile. */
#include "partner/internal.h"

#include <string.h>

#define SECOND 1000LL
#define DAY (24LL * 3600 * SECOND)

static const char *const charsets[] = {"utf-8", "gb18030", "gbk", "gb2312", NULL};

const char *partner_charset_name(enum partner_charset charset)
{
    return charsets[charset];
}

/* One of two words; `otherwise` when absent. */
static bool second_of(struct loader *loader, const struct yaml_node *map, const char *key, const char *first,
                      const char *second, bool otherwise)
{
    const char *const words[] = {first, second, NULL};
    int choice = otherwise;

    loader_choice(loader, map, key, false, words, &choice);
    return choice == 1;
}

static void read_uri(struct loader *loader, const struct yaml_node *map, const char *key, const char **out)
{
    loader_text(loader, map, key, false, out);
    if (*out != NULL && (strchr(*out, ':') == NULL || strpbrk(*out, " <>\"&") != NULL))
        loader_fail(loader, yaml_get(map, key), ERR_CONFIG_VALUE, "%s: a URI is expected", key);
}

static void read_xml(struct loader *loader, const struct yaml_node *map, struct partner_xml *xml)
{
    static const char *const names[] = {"c14n", "signature_uri", "digest_uri", "encoding", NULL};

    if (!loader_only(loader, map, names))
        return;
    xml->inclusive = second_of(loader, map, "c14n", "exclusive", "inclusive", false);
    read_uri(loader, map, "signature_uri", &xml->signature_uri);
    read_uri(loader, map, "digest_uri", &xml->digest_uri);
    xml->der = second_of(loader, map, "encoding", "raw", "der", false);
}

static void read_channel(struct loader *loader, const struct yaml_node *map, struct partner_channel *channel)
{
    static const char *const names[] = {"adapter", "form",     "receipt",  "on_refusal",
                                        "give_up", "deadline", "settings", NULL};

    if (!loader_only(loader, map, names))
        return;
    channel->adapter = loader_id(loader, map, "adapter");
    channel->xml = second_of(loader, map, "form", "json", "xml", false);
    channel->needs_receipt = !second_of(loader, map, "receipt", "required", "none", false);
    channel->skip_refused = second_of(loader, map, "on_refusal", "stop", "skip", false);
    channel->give_up_ms = 7 * DAY;
    channel->deadline_ms = 30 * SECOND;
    loader_duration(loader, map, "give_up", false, 60 * SECOND, 365 * DAY, &channel->give_up_ms);
    loader_duration(loader, map, "deadline", false, SECOND, 600 * SECOND, &channel->deadline_ms);
    channel->place = loader_settings(loader, map, &channel->settings, &channel->setting_n);
}

static void read_frames(struct loader *loader, const struct yaml_node *map, struct partner *partner)
{
    static const char *const names[] = {"charset", "unmappable", NULL};
    int choice = PARTNER_UTF_8;

    if (!loader_only(loader, map, names))
        return;
    loader_choice(loader, map, "charset", false, charsets, &choice);
    partner->charset = (enum partner_charset)choice;
    partner->unmappable_reject = second_of(loader, map, "unmappable", "charref", "reject", false);
}

void channel_read(struct loader *loader, const struct yaml_node *map, struct partner *partner)
{
    if (yaml_get(map, "xml") != NULL)
        read_xml(loader, yaml_get(map, "xml"), &partner->xml);
    if (yaml_get(map, "channel") != NULL)
        read_channel(loader, yaml_get(map, "channel"), &partner->channel);
    if (yaml_get(map, "frames") != NULL)
        read_frames(loader, yaml_get(map, "frames"), partner);
}
