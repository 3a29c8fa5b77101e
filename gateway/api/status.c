/* status: one page about how the gateway stands. */
#include <string.h>

#include "api/internal.h"

#define SOURCE_STATUS_MAX (64u << 10)

void api_counts_write(struct json_out *json, struct store_txn *txn)
{
    static const enum listing_status shown[] = {LISTING_LISTED, LISTING_CHECKING, LISTING_SUSPENDED, LISTING_REMOVED,
                                                LISTING_EXPIRED};

    json_key(json, "counts");
    json_begin_object(json);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        json_add_integer(json, listing_name(shown[i]),
                         (int64_t)store_number(txn, TABLE_TALLY, listing_name(shown[i])));
    json_end_object(json);
}

static bool count_approval(void *arg, const struct approval *approval)
{
    int64_t *n = arg;
    (void)approval;
    (*n)++;
    return true;
}

void api_head_write(struct json_out *json, const struct journal_head *head)
{
    struct buf root;

    buf_init(&root, 64);
    base64_encode(&root, bytes_of(head->root.b, MERKLE_HASH), false);
    json_add_integer(json, "size", (int64_t)head->size);
    json_key(json, "root");
    json_put_bytes(json, buf_bytes(&root));
    json_add_time(json, "time", head->time_ms);
    buf_free(&root);
}

static bool write_stored(struct ask *ask, struct err *err)
{
    struct journal_head head;
    int64_t open = 0;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(journal_head(ask->api->options.journal, txn, &head, err));
    json_key(&ask->json, "journal");
    json_begin_object(&ask->json);
    api_head_write(&ask->json, &head);
    json_end_object(&ask->json);
    api_counts_write(&ask->json, txn);
    CHECK(approval_list(txn, ask->arena, true, count_approval, &open, err));
    json_add_integer(&ask->json, "approvals_open", open);
    return true;
}

static bool read_source(struct ask *ask, const struct source *source, struct buf *out, struct err *err)
{
    return source->feeds != NULL ? feed_source_status(ask->api->options.feed, source->id, out, err)
                                 : sync_source_status(ask->api->options.sync, source->id, out, err);
}

/* A source that could not be opened is shown with the reason, and does not take the page with it. */
static void write_source(struct ask *ask, const struct source *source)
{
    struct err err = {0};
    struct buf status;
    char text[400];

    buf_init(&status, SOURCE_STATUS_MAX);
    if (read_source(ask, source, &status, &err)) {
        json_put_raw(&ask->json, buf_bytes(&status));
    } else {
        json_begin_object(&ask->json);
        json_add_string(&ask->json, "id", source->id);
        json_add_string(&ask->json, "name", source->name);
        json_add_string(&ask->json, "error", err_text(&err, false, text, sizeof(text)));
        json_end_object(&ask->json);
    }
    buf_free(&status);
}

void api_sources_write(struct ask *ask)
{
    const struct directory *directory = ask->held->state.directory;

    json_begin_array(&ask->json);
    for (size_t i = 0; i < directory_sources(directory); i++)
        write_source(ask, directory_source(directory, i));
    json_end_array(&ask->json);
}

static void write_key(struct ask *ask, const struct own_key *own)
{
    int64_t not_after = crypto_key_not_after(own->key);

    json_begin_object(&ask->json);
    json_add_string(&ask->json, "purpose", crypto_purpose_name(own->purpose));
    json_add_string(&ask->json, "state", own->state);
    json_add_string(&ask->json, "kid", own->kid);
    json_add_time(&ask->json, "not_after", not_after);
    json_add_integer(&ask->json, "days_left", api_days_left(not_after, ask->now_ms));
    json_end_object(&ask->json);
}

static bool write_keys(struct ask *ask, struct err *err)
{
    AUTO_OWN_KEYS keys = {0};

    CHECK(own_keys_read(ask, false, &keys, err));
    json_key(&ask->json, "keys");
    json_begin_array(&ask->json);
    for (size_t i = 0; i < keys.n; i++)
        write_key(ask, &keys.items[i]);
    json_end_array(&ask->json);
    return true;
}

static bool write_store(struct ask *ask, struct err *err)
{
    struct store_stat stats[TABLE_COUNT];
    uint64_t used;

    CHECK(store_stats(ask->api->options.store, stats, &used, err));
    json_key(&ask->json, "store");
    json_begin_object(&ask->json);
    json_add_integer(&ask->json, "free_bytes", store_free_bytes(ask->api->options.store));
    json_add_integer(&ask->json, "map_used", (int64_t)used);
    json_end_object(&ask->json);
    return true;
}

static void write_ready(struct ask *ask)
{
    struct api *api = ask->api;

    json_add_boolean(&ask->json, "ready", atomic_load(&api->ready));
    pthread_mutex_lock(&api->lock);
    if (!atomic_load(&api->ready))
        json_add_string_opt(&ask->json, "why", api->why);
    pthread_mutex_unlock(&api->lock);
}

bool api_do_status(struct ask *ask, struct err *err)
{
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "gateway", ask_config(ask)->gateway_name);
    json_add_string(&ask->json, "version", GW_VERSION);
    write_ready(ask);
    json_add_time(&ask->json, "started", ask->api->started_ms);
    json_add_integer(&ask->json, "generation", (int64_t)ask->held->state.generation);
    json_add_time(&ask->json, "time", ask->now_ms);
    CHECK(write_stored(ask, err));
    json_key(&ask->json, "sources");
    api_sources_write(ask);
    CHECK(write_keys(ask, err));
    json_add_integer(&ask->json, "partners", (int64_t)directory_partners(ask->held->state.directory));
    CHECK(write_store(ask, err));
    json_end_object(&ask->json);
    return true;
}
