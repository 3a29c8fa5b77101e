/* exchange_show: the way of one message through the gateway, in order. What it said is not shown: who looks after the
 * gateway sees state and keys. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/exchange.h"

#define LOOK_MAX 200000 /* refused messages looked at */

/* ---- stages
 * ------------------------------------------------------------------------------------------------------------ */

static void stage(struct json_out *json, const char *name, int64_t time_ms, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void stage(struct json_out *json, const char *name, int64_t time_ms, const char *format, ...)
{
    struct err text = {0};
    va_list args;

    va_start(args, format);
    (void)err_set_v(&text, ERR_INTERNAL, NULL, format, args);
    va_end(args);
    json_begin_object(json);
    json_add_string(json, "name", name);
    json_add_time(json, "time", time_ms);
    json_add_string(json, "text_en", err_detail(&text, false));
    json_add_string(json, "text_zh", err_detail(&text, true));
    json_end_object(json);
}

static void stage_mapped(struct json_out *json, const struct record *record)
{
    if (record->first != 0)
        stage(json, "mapped", record->time_ms, "%s: its rows became the records from %" PRId64 " on",
              record->message.kind, record->first);
    else
        stage(json, "mapped", record->time_ms, "%s: good by its schema; no row became a record of its own",
              record->message.kind);
}

static void stage_decided(struct json_out *json, const struct record *record)
{
    int64_t at = record->time_ms;

    if (strcmp(record->result, "accepted") == 0)
        stage(json, "decided", at, "all of it was accepted, record %" PRIu64, record->seq);
    else if (strcmp(record->result, "partial") == 0)
        stage(json, "decided", at, "a part of it was accepted, record %" PRIu64, record->seq);
    else if (strcmp(record->result, "rejected") == 0)
        stage(json, "decided", at, "all of it was rejected, record %" PRIu64, record->seq);
    else
        stage(json, "decided", at, "it waits for a person, record %" PRIu64, record->seq);
    stage(json, "receipt", at, "receipt r-%" PRIu64, record->seq);
}

static void stage_later(struct json_out *json, const struct record *first, const struct record *latest)
{
    if (latest->seq == first->seq)
        return;
    stage(json, "decided", latest->time_ms, "what waited was decided by %s (%s)",
          latest->actor.id[0] ? latest->actor.id : actor_kind_name(latest->actor.kind),
          latest->approval_id[0] ? latest->approval_id : "-");
    stage_decided(json, latest);
}

static void write_stages(struct json_out *json, const struct record *first, const struct record *latest)
{
    const struct message_note *message = &first->message;
    char digest[2 * CRYPTO_DIGEST_SIZE + 1];

    json_key(json, "stages");
    json_begin_array(json);
    stage(json, "raw", first->time_ms, "%" PRId64 " bytes of %s came, SHA-256 %s", message->bytes, message->form,
          hex_encode(message->digest, sizeof(message->digest), digest));
    if (strcmp(message->form, "row") == 0)
        stage(json, "verified", first->time_ms, "fetched from the source %s, under its authority", message->sender);
    else
        stage(json, "verified", first->time_ms, "signed by %s with the key %s", message->sender, message->kid);
    stage_mapped(json, first);
    stage_decided(json, first);
    stage_later(json, first, latest);
    if (first->to[0] != '\0')
        stage(json, "forwarded", first->time_ms, "to be passed on to %s", first->to);
    json_end_array(json);
}

/* ---- a message with a record
 * --------------------------------------------------------------------------------------------- */

static void write_receipt(struct json_out *json, const struct record *record)
{
    char id[32];

    (void)snprintf(id, sizeof(id), "r-%" PRIu64, record->seq);
    json_key(json, "receipt");
    json_begin_object(json);
    json_add_string(json, "id", id);
    json_add_string(json, "of", record->message.id);
    json_add_string(json, "result", record->result);
    json_add_string_opt(json, "code", record->code);
    json_add_integer(json, "sequence", (int64_t)record->seq);
    json_add_time(json, "time", record->time_ms);
    json_end_object(json);
}

/* What a record sent, to each of these partners. */
static bool write_sent(struct ask *ask, struct store_txn *txn, const struct record *record, struct err *err)
{
    const char *at = record->to;
    struct bytes to;

    while (word_next(&at, &to))
        CHECK(outgoing_attempts(ask, txn, arena_strndup(ask->arena, (const char *)to.p, to.n), record->seq, err));
    return true;
}

static bool write_attempts(struct ask *ask, struct store_txn *txn, const struct record *first,
                           const struct record *latest, struct err *err)
{
    json_key(&ask->json, "attempts");
    json_begin_array(&ask->json);
    CHECK(write_sent(ask, txn, first, err));
    if (latest->seq != first->seq)
        CHECK(write_sent(ask, txn, latest, err));
    json_end_array(&ask->json);
    return true;
}

static bool write_decided(struct ask *ask, struct store_txn *txn, const struct exchange *item,
                          const struct record *first, const struct record *latest, struct err *err)
{
    struct json_out *json = &ask->json;
    const char *rows = latest->rows[0] != '\0' ? latest->rows : first->rows;

    json_begin_object(json);
    exchange_write(json, item);
    json_add_time(json, "created", first->message.created_ms);
    json_add_string_opt(json, "trace_id", first->message.trace_id);
    exchange_keys_write(ask, txn, first);
    write_stages(json, first, latest);
    CHECK(write_attempts(ask, txn, first, latest, err));
    write_receipt(json, latest);
    json_key(json, "rows");
    json_put_raw(json, rows[0] != '\0' ? bytes_str(rows) : BYTES_LIT("[]"));
    json_end_object(json);
    return true;
}

/* ---- a message that was sent
 * -------------------------------------------------------------------------------------------- */

/* r-<n>, f-<n>, wc-<first>-<n>: the number at the end; 0: it is no message of ours. */
static uint64_t number_of(const char *id)
{
    const char *dash = strrchr(id, '-');
    char *end;
    unsigned long long n;

    if (!dash || dash[1] < '1' || dash[1] > '9' || (id[0] != 'r' && id[0] != 'f' && id[0] != 'w'))
        return 0;
    n = strtoull(dash + 1, &end, 10);
    return *end == '\0' && n < INT64_MAX ? (uint64_t)n : 0;
}

static bool wants(const struct partner *one, const char *partner)
{
    return !one->person && (!partner || strcmp(one->id, partner) == 0);
}

/* The first partner to whom it went; broadcasts go to many under one id. */
static bool find_sent(struct ask *ask, struct store_txn *txn, const char *partner, struct exchange *out,
                      bool *found_out, struct err *err)
{
    const struct directory *directory = ask->held->state.directory;
    uint64_t n = number_of(ask->values[0]);

    *found_out = false;
    for (size_t i = 0; n != 0 && i < directory_partners(directory) && !*found_out; i++) {
        const struct partner *one = directory_partner(directory, i);

        if (!wants(one, partner))
            continue;
        CHECK(outgoing_item(ask, txn, one, n, out, found_out, err));
        *found_out = *found_out && strcmp(out->id, ask->values[0]) == 0;
    }
    return true;
}

static bool write_out(struct ask *ask, struct store_txn *txn, const char *partner, const struct exchange *item,
                      struct err *err)
{
    const struct directory *directory = ask->held->state.directory;
    struct json_out *json = &ask->json;

    json_begin_object(json);
    exchange_write(json, item);
    json_key(json, "stages");
    json_begin_array(json);
    stage(json, "made", item->created_ms, "follows from record %" PRIu64, item->sequence);
    json_end_array(json);
    json_key(json, "attempts");
    json_begin_array(json);
    for (size_t i = 0; i < directory_partners(directory); i++) {
        const struct partner *one = directory_partner(directory, i);

        if (wants(one, partner))
            CHECK(outgoing_attempts(ask, txn, one->id, item->sequence, err));
    }
    json_end_array(json);
    json_end_object(json);
    return true;
}

/* Of this partner, or of whoever used the id last. */
static bool find_sequence(struct ask *ask, struct store_txn *txn, const char *partner, uint64_t *seq_out,
                          struct err *err)
{
    const struct directory *directory = ask->held->state.directory;
    const char *id = ask->values[0];

    *seq_out = 0;
    for (size_t i = 0; i < (partner ? 1 : directory_partners(directory)); i++) {
        struct message_state state = {0};
        bool found = false;

        CHECK(message_find(txn, partner ? partner : directory_partner(directory, i)->id, id, &state, &found, err));
        if (found && state.seq > *seq_out)
            *seq_out = state.seq;
    }
    return true;
}

/* ---- a message that was refused
 * ------------------------------------------------------------------------------------------ */

struct search {
    struct ask *ask;
    const char *partner; /* NULL: any */
    bool found;
};

static void write_refused(struct ask *ask, const json_value *line, const struct exchange *item)
{
    struct json_out *json = &ask->json;
    const char *place = json_string(json_member(line, "place")), *address = json_string(json_member(line, "address"));
    const char *en = json_string(json_member(line, "detail")), *zh = json_string(json_member(line, "detail_zh"));
    const char *digest = json_string(json_member(line, "digest"));
    int64_t bytes = 0;

    (void)json_integer(json_member(line, "bytes"), &bytes);
    json_begin_object(json);
    exchange_write(json, item);
    json_add_string_opt(json, "trace_id", json_string(json_member(line, "trace_id")));
    json_add_string_opt(json, "place", place);
    json_add_string_opt(json, "detail", en);
    json_add_string_opt(json, "detail_zh", zh);
    json_key(json, "stages");
    json_begin_array(json);
    stage(json, "raw", item->received_ms, "%" PRId64 " bytes of %s came from %s, SHA-256 %s", bytes, item->form,
          address ? address : "-", digest ? digest : "-");
    stage(json, "refused", item->received_ms, "refused: %s", item->code);
    json_end_array(json);
    json_key(json, "attempts");
    json_begin_array(json);
    json_end_array(json);
    json_end_object(json);
}

static bool look_at_refused(void *arg, struct bytes json)
{
    struct search *search = arg;
    AUTO_JSON doc = NULL;
    struct exchange item;
    struct err err = {0};

    if (!json_parse(json, &doc, &err))
        return true;
    exchange_of_refused(search->ask->arena, json_root(doc), &item);
    search->found = strcmp(item.id, search->ask->values[0]) == 0 &&
                    (!search->partner || strcmp(item.partner, search->partner) == 0);
    if (search->found)
        write_refused(search->ask, json_root(doc), &item);
    return !search->found;
}

/* ---- either
 * ------------------------------------------------------------------------------------------------------------ */

static bool show_refused(struct ask *ask, struct store_txn *txn, const char *partner, struct err *err)
{
    struct search search = {.ask = ask, .partner = partner};

    CHECK(intake_refused(txn, 0, LOOK_MAX, look_at_refused, &search, err));
    return search.found || err_set(err, ERR_MESSAGE_UNKNOWN, NULL, "%s", "");
}

bool api_do_message_show(struct ask *ask, struct err *err)
{
    const char *partner = net_parameter(ask->request, "partner", NULL);
    struct record first, latest;
    struct exchange item;
    uint64_t seq = 0;
    bool sent;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    if (strlen(ask->values[0]) > RECORD_ID_MAX || (partner && strlen(partner) > RECORD_ID_MAX))
        return err_set(err, ERR_MESSAGE_UNKNOWN, NULL, "%s", "");
    CHECK(find_sequence(ask, txn, partner, &seq, err));
    if (seq == 0) {
        CHECK(find_sent(ask, txn, partner, &item, &sent, err));
        return sent ? write_out(ask, txn, partner, &item, err) : show_refused(ask, txn, partner, err);
    }
    CHECK(exchange_of_record(ask, txn, seq, &first, &latest, &item, err));
    return write_decided(ask, txn, &item, &first, &latest, err);
}
