/* firms: finding firms by name, city, state or the end of their term, and counting them. Both walk tables; a search
 * ends after a while and tells where it stood, so that no question holds a worker for long.
 */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/items.h"

#define FIND_DEFAULT 50
#define FIND_MAX 1000
#define FIND_MS 2000
#define LOOK_EVERY 256                 /* firms between looks at the clock */
#define CITIES_MAX 64

struct search {
    struct items items;
    const char *name, *city;           /* city: prefix of region codes, "" all */
    enum listing_status status;
    bool has_status;
    date_day until;                    /* DATE_NONE: any term */
    uint64_t looked;
    int64_t deadline_ms;
};

/* "1401", "140100", "太原" or "太原市" as the prefix that region codes of that city share. */
static bool city_prefix(struct ask *ask, const char *given, const char **out, struct err *err)
{
    const struct ident_region_info *regions;
    size_t n = ident_regions(&regions);
    size_t digits = strspn(given, "0123456789");

    *out = given;
    if (given[digits] == '\0' && (digits == 0 || digits == 2 || digits == 4))
        return true;
    if (given[digits] == '\0' && digits == 6) {
        size_t keep = strcmp(given + 2, "0000") == 0 ? 2 : strcmp(given + 4, "00") == 0 ? 4 : 6;
        *out = arena_strndup(ask->arena, given, keep);
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_city = strcmp(regions[i].code, regions[i].city) == 0;
        if (is_city && strncmp(regions[i].name, given, strlen(given)) == 0) {
            *out = arena_strndup(ask->arena, regions[i].code, 4);
            return true;
        }
    }
    return err_set(err, ERR_HTTP_QUERY, "city", "neither a region code nor the name of a city of the province");
}

static bool expiry(struct ask *ask, struct search *search, struct err *err)
{
    const char *text = net_parameter(ask->request, "expiring", NULL);
    int64_t ms;

    search->until = DATE_NONE;
    if (!text)
        return true;
    if (!duration_parse(text, &ms))
        return err_set(err, ERR_HTTP_QUERY, "expiring", "a duration such as 30d is expected");
    search->until = date_of_ms(ask->now_ms + ms);
    search->has_status = true;
    search->status = LISTING_LISTED;
    return true;
}

static bool read_search(struct ask *ask, struct search *search, struct err *err)
{
    const char *state = net_parameter(ask->request, "state", NULL);

    search->name = ask_text(ask, "name");
    search->deadline_ms = clock_mono_ms() + FIND_MS;
    CHECK(city_prefix(ask, ask_text(ask, "city"), &search->city, err));
    CHECK(expiry(ask, search, err));
    if (state && !listing_parse(state, &search->status))
        return err_set(err, ERR_HTTP_QUERY, "state",
                       "one of not_listed checking listed suspended removed expired is expected");
    search->has_status = search->has_status || state != NULL;
    return true;
}

static bool fits(const struct search *search, const struct firm *firm)
{
    if (search->has_status && firm->listing.status != search->status)
        return false;
    if (search->until != DATE_NONE &&
        (firm->listing.valid_until == DATE_NONE || firm->listing.valid_until > search->until))
        return false;
    if (strncmp(firm->region_code, search->city, strlen(search->city)) != 0)
        return false;
    return search->name[0] == '\0' || strstr(firm->name, search->name) != NULL;
}

/* False ends the walk: the list is full or the time is over. */
static bool look(struct search *search, const struct firm *firm)
{
    struct items *items = &search->items;

    if (++search->looked % LOOK_EVERY == 0 && clock_mono_ms() > search->deadline_ms) {
        items->more = true;
        return false;
    }
    if (fits(search, firm)) {
        if (!items_room(items))
            return false;
        api_firm_row(&items->ask->json, firm);
    }
    items->next = arena_strdup(items->ask->arena, firm->uscc);
    return true;
}

/* Walks all firms from `after` on. Values of the table stay where they are until the walk moves. */
static bool walk_firms(struct search *search, struct store_txn *txn, const char *after, struct err *err)
{
    const struct store_key from = key_text(after);
    struct store_walk walk;
    bool ok = true;
    bool go_on = true;

    store_walk(&walk, txn, TABLE_FIRM, after[0] ? &from : NULL, NULL);
    while (ok && go_on && store_next(&walk)) {
        char uscc[USCC_SIZE] = "";
        struct firm firm;
        if (walk.key.n >= USCC_SIZE - 1)
            memcpy(uscc, walk.key.p, USCC_SIZE - 1);
        if (strcmp(uscc, after) == 0)
            continue;
        ok = firm_decode(walk.value, uscc, &firm, err);
        go_on = ok && look(search, &firm);
    }
    store_walk_end(&walk);
    return ok;
}

/* The firm that an entry of the index by status names. */
static bool firm_of(struct store_txn *txn, struct bytes entry, char uscc_out[USCC_SIZE], struct firm *out,
                    bool *there_out, struct err *err)
{
    struct bytes value;

    memset(uscc_out, 0, USCC_SIZE);
    if (entry.n >= USCC_SIZE)
        memcpy(uscc_out, entry.p + 1, USCC_SIZE - 1);
    const struct store_key key = key_text(uscc_out);
    *there_out = store_get(txn, TABLE_FIRM, &key, &value);
    return !*there_out || firm_decode(value, uscc_out, out, err);
}

/* Walks the firms of one status by its index. */
static bool walk_status(struct search *search, struct store_txn *txn, const char *after, struct err *err)
{
    const struct store_key from = key_status((int)search->status, after);
    const struct store_key prefix = key_status((int)search->status, "");
    struct store_walk walk;
    bool ok = true;
    bool go_on = true;

    store_walk(&walk, txn, TABLE_STATUS, &from, &prefix);
    while (ok && go_on && store_next(&walk)) {
        char uscc[USCC_SIZE];
        struct firm firm;
        bool there;
        ok = firm_of(txn, walk.key, uscc, &firm, &there, err);
        if (ok && there && strcmp(uscc, after) != 0)
            go_on = look(search, &firm);
    }
    store_walk_end(&walk);
    return ok;
}

bool api_do_firms(struct ask *ask, struct err *err)
{
    struct search search = {0};
    uint64_t limit = FIND_DEFAULT;
    const char *after = ask_text(ask, "after");
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(ask_number(ask, "limit", 1, FIND_MAX, &limit, err));
    CHECK(read_search(ask, &search, err));
    if (strlen(after) >= USCC_SIZE)
        return err_set(err, ERR_HTTP_QUERY, "after", "the code that `next` named is expected");
    items_begin(&search.items, ask, limit);
    if (search.has_status)
        CHECK(walk_status(&search, txn, after, err));
    else
        CHECK(walk_firms(&search, txn, after, err));
    items_end(&search.items);
    return true;
}

/* ---- counting ------------------------------------------------------------------------------------------------ */

struct census {
    int64_t priority, ordinary;
    struct city { const struct ident_region_info *region; int64_t listed; } cities[CITIES_MAX];
    size_t city_n;
    int64_t elsewhere;
};

static void begin_census(struct census *census)
{
    const struct ident_region_info *regions;
    size_t n = ident_regions(&regions);

    memset(census, 0, sizeof(*census));
    for (size_t i = 0; i < n && census->city_n < CITIES_MAX; i++)
        if (regions[i].state == REGION_CURRENT && strcmp(regions[i].code, regions[i].city) == 0)
            census->cities[census->city_n++].region = &regions[i];
}

static void count_firm(struct census *census, const struct firm *firm)
{
    const struct ident_region_info *region = ident_region_find(firm->region_code);

    if (firm->listing.lane == LANE_PRIORITY)
        census->priority++;
    else
        census->ordinary++;
    for (size_t i = 0; region && i < census->city_n; i++) {
        if (strcmp(census->cities[i].region->code, region->city) == 0) {
            census->cities[i].listed++;
            return;
        }
    }
    census->elsewhere++;
}

static bool take_census(struct store_txn *txn, struct census *census, struct err *err)
{
    const struct store_key prefix = key_status(LISTING_LISTED, "");
    struct store_walk walk;
    bool ok = true;

    store_walk(&walk, txn, TABLE_STATUS, NULL, &prefix);
    while (ok && store_next(&walk)) {
        char uscc[USCC_SIZE];
        struct firm firm;
        bool there;
        ok = firm_of(txn, walk.key, uscc, &firm, &there, err);
        if (ok && there)
            count_firm(census, &firm);
    }
    store_walk_end(&walk);
    return ok;
}

static void write_city(struct json_out *json, const char *code, const char *name, int64_t listed)
{
    json_begin_object(json);
    json_add_string(json, "code", code);
    json_add_string(json, "name", name);
    json_add_integer(json, "listed", listed);
    json_end_object(json);
}

static void write_census(struct json_out *json, const struct census *census)
{
    json_key(json, "lanes");
    json_begin_object(json);
    json_add_integer(json, lane_name(LANE_PRIORITY), census->priority);
    json_add_integer(json, lane_name(LANE_ORDINARY), census->ordinary);
    json_end_object(json);
    json_key(json, "cities");
    json_begin_array(json);
    for (size_t i = 0; i < census->city_n; i++)
        write_city(json, census->cities[i].region->code, census->cities[i].region->name, census->cities[i].listed);
    if (census->elsewhere > 0)
        write_city(json, "", "其他", census->elsewhere);
    json_end_array(json);
}

bool api_do_stats(struct ask *ask, struct err *err)
{
    struct census *census = arena_alloc(ask->arena, sizeof(*census));
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    begin_census(census);
    CHECK(take_census(txn, census, err));
    json_begin_object(&ask->json);
    api_counts_write(&ask->json, txn);
    write_census(&ask->json, census);
    json_end_object(&ask->json);
    return true;
}
