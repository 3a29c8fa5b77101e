/* purge: what a retention.purge would erase, and proposing it. */
#include "api/internal.h"

/* The access log's digests are needed as long as its segments are kept. */
static int64_t term_ms(const struct config *config)
{
    return config->retention_records > config->access_retention ? config->retention_records : config->access_retention;
}

static bool read_purge(struct ask *ask, struct ledger_purge *purge, struct err *err)
{
    const struct config *config = ask_config(ask);
    const char *before = NULL;

    CHECK(json_need_string(ask_object(ask), "", "before", TIME_TEXT_SIZE + 8, &before, err));
    date_day day;
    if (date_parse(bytes_str(before), &day))
        purge->before_ms = date_start_ms(day);
    else if (!time_parse(bytes_str(before), &purge->before_ms))
        return err_set(err, ERR_SCHEMA_INVALID, "/before", "a date or time is expected");
    purge->records = purge->before_ms <= ask->now_ms - term_ms(config);
    purge->raw = purge->before_ms <= ask->now_ms - config->retention_raw;
    if (!purge->records && !purge->raw)
        return err_set(err, ERR_RETENTION_TERM, "/before",
                       "retention.records, retention.raw and access.retention say how long");
    return true;
}

static void write_purge(struct ask *ask, const struct ledger_purge *purge, const char *id)
{
    struct json_out *json = &ask->json;

    json_begin_object(json);
    json_add_string_opt(json, "approval", id);
    json_add_time(json, "before", purge->before_ms);
    json_add_integer(json, "first", (int64_t)purge->first);
    json_add_integer(json, "last", (int64_t)purge->last);
    json_add_integer(json, "records", (int64_t)purge->record_n);
    json_add_integer(json, "raw", (int64_t)purge->raw_n);
    json_add_boolean(json, "records_term_over", purge->records);
    json_add_boolean(json, "raw_term_over", purge->raw);
    json_end_object(json);
}

bool api_do_db_purge(struct ask *ask, struct err *err)
{
    static const char *const members[] = {"before", "reason", "dry_run", NULL};
    const struct api_options *options = &ask->api->options;
    const struct actor person = ask_actor(ask);
    struct ledger_purge purge = {0};
    const char *reason = "";
    bool dry_run = false;
    char id[32] = "";

    CHECK(json_only(ask_object(ask), "", members, err));
    CHECK(json_opt_string(ask_object(ask), "", "reason", RECORD_REASON_MAX, &reason, err));
    CHECK(json_opt_boolean(ask_object(ask), "", "dry_run", &dry_run, err));
    CHECK(read_purge(ask, &purge, err));
    CHECK(ledger_purge_look(options->store, options->journal, &purge, err));
    if (!dry_run) {
        CHECK(ledger_propose_purge(options->ledger, &purge, &person, reason, id, err));
        ask->reply.status = 202;
    }
    write_purge(ask, &purge, id);
    return true;
}
