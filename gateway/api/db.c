/* db: the store's tables, and the proof that the state follows from the journal. */
#include "api/internal.h"
#include "api/slow.h"

bool api_do_db_stat(struct ask *ask, struct err *err)
{
    static const char *const classes[] = {"journal", "state", "local"};
    struct store_stat stats[TABLE_COUNT];
    struct json_out *json = &ask->json;
    uint64_t used;

    CHECK(store_stats(ask->api->options.store, stats, &used, err));
    json_begin_object(json);
    json_key(json, "tables");
    json_begin_array(json);
    for (int i = 0; i < TABLE_COUNT; i++) {
        json_begin_object(json);
        json_add_string(json, "name", stats[i].name);
        json_add_string(json, "class", classes[stats[i].class]);
        json_add_integer(json, "entries", (int64_t)stats[i].entries);
        json_add_integer(json, "bytes", (int64_t)stats[i].bytes);
        json_end_object(json);
    }
    json_end_array(json);
    json_add_integer(json, "map_used", (int64_t)used);
    json_add_integer(json, "map_size", ask_config(ask)->data_map_size);
    json_add_integer(json, "free_bytes", store_free_bytes(ask->api->options.store));
    json_end_object(json);
    return true;
}

bool api_do_db_rebuild(struct ask *ask, struct err *err)
{
    const struct api_options *options = &ask->api->options;
    struct ledger_rebuild result;

    CHECK(ledger_rebuild(options->store, options->journal, ask->api->scratch_dir, slow_goes_on, ask->api,
                         &result, err));
    json_begin_object(&ask->json);
    json_add_integer(&ask->json, "records", (int64_t)result.records);
    json_add_integer(&ask->json, "entries", (int64_t)result.entries);
    json_add_boolean(&ask->json, "equal", true);
    json_end_object(&ask->json);
    return true;
}
