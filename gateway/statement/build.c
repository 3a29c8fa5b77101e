/* build: the words of one statement, in the order that the contract fixes. Pure. */
#include "statement/internal.h"

#include <string.h>

#define REASONS_MAX (FIRM_REASONS_MAX + FIRM_EXCLUSIONS_MAX)

enum listing_status statement_status(const struct firm *firm)
{
    return firm->listing.status == LISTING_CHECKING ? LISTING_NONE : firm->listing.status;
}

static bool is_member(enum listing_status status)
{
    return status == LISTING_LISTED || status == LISTING_SUSPENDED;
}

static void add_reasons(const struct statement_facts *facts, struct json_out *json)
{
    struct policy_reason reasons[REASONS_MAX];
    size_t n = policy_reasons(facts->rules, facts->firm, facts->view, reasons);

    json_key(json, "reasons");
    json_begin_array(json);
    for (size_t i = 0; i < n; i++)
        json_put_string(json, reasons[i].word);
    json_end_array(json);
    json_key(json, "reasons_zh");
    json_begin_array(json);
    for (size_t i = 0; i < n; i++)
        json_put_string(json, reasons[i].zh);
    json_end_array(json);
}

/* ---- members in order ---------------------------------------------------------------------------------------- */

static void add_standing(const struct statement_facts *facts, struct json_out *json)
{
    const struct listing *listing = &facts->firm->listing;
    enum listing_status status = statement_status(facts->firm);

    json_add_string(json, "status", listing_name(status));
    json_add_string(json, "status_zh", listing_zh(status));
    if (status == LISTING_NONE)
        return;
    json_add_string_opt(json, "lane", lane_name(listing->lane));
    json_add_date_opt(json, "since", listing->since);
    if (is_member(status))
        json_add_date_opt(json, "listed_since", listing->listed_since);
    if (is_member(status) || status == LISTING_EXPIRED)
        json_add_date_opt(json, "valid_until", listing->valid_until);
}

/* One that was withdrawn or fell off its list is no certification any more; its end is among the reasons. */
static void add_certification(const struct certification *certification, struct json_out *json)
{
    enum cert_state state = certification->state;

    if (state != CERT_PENDING && state != CERT_IN_FORCE && state != CERT_EXPIRED)
        return;
    json_key(json, "certification");
    json_begin_object(json);
    json_add_string_opt(json, "level", certification->level);
    json_add_string_opt(json, "batch", certification->batch);
    json_add_string_opt(json, "document_no", certification->document_no);
    json_add_date_opt(json, "valid_from", certification->valid_from);
    json_add_date_opt(json, "valid_until", certification->valid_until);
    json_end_object(json);
}

static void add_issuer(const struct statement_facts *facts, struct json_out *json)
{
    json_key(json, "issuer");
    json_begin_object(json);
    json_add_string(json, "name", facts->issuer_name);
    json_add_string(json, "uscc", facts->issuer_uscc);
    json_end_object(json);
}

static void add_source(const struct statement_source *source, struct json_out *json)
{
    json_key(json, "source");
    json_begin_object(json);
    json_add_string(json, "id", source->id);
    json_add_string_opt(json, "list_version", source->list_version);
    json_add_time(json, "completed_at", source->completed_ms);
    json_add_string(json, "freshness", freshness_name(source->freshness));
    json_end_object(json);
}

void statement_build(const struct statement_facts *facts, struct buf *out)
{
    const struct firm *firm = facts->firm;
    char now[TIME_TEXT_SIZE], made[TIME_TEXT_SIZE];
    struct json_out json;

    time_format(facts->now_ms, now);
    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_string(&json, "id", facts->id);
    json_add_string(&json, "uscc", firm->uscc);
    json_add_string_opt(&json, "name", firm->name);
    add_standing(facts, &json);
    add_reasons(facts, &json);
    json_add_boolean(&json, "disputed", firm->listing.disputed);
    add_certification(&firm->certification, &json);
    json_add_integer(&json, "sequence", (int64_t)firm->listing.sequence);
    json_add_integer(&json, "head", (int64_t)facts->head);
    json_add_string(&json, "rules", facts->rules->version);
    add_issuer(facts, &json);
    add_source(&facts->source, &json);
    json_add_string(&json, "as_of", now);
    json_add_string(&json, "this_update", facts->signed_ms == 0 ? now : time_format(facts->signed_ms, made));
    json_add_time(&json, "next_update", facts->next_update_ms);
    if (facts->corrected_by != 0)
        json_add_integer(&json, "corrected_by", (int64_t)facts->corrected_by);
    json_end_object(&json);
}

/* ---- how long it may be relied on ------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b)
{
    return b != 0 && b < a ? b : a;
}

/* Other rules may disclose more or less and have another name. */
static int64_t next_rules(const struct policy *policy, date_day today)
{
    date_day next = DATE_NONE;

    for (size_t i = 0; i < policy_versions(policy); i++) {
        date_day from = policy_version(policy, i)->valid_from;

        if (from > today && (next == DATE_NONE || from < next))
            next = from;
    }
    return next == DATE_NONE ? 0 : date_start_ms(next);
}

int64_t statement_next_update(const struct statement_facts *facts, const struct policy *policy, int64_t validity_ms)
{
    int64_t now = facts->now_ms, next = now + validity_ms;
    date_day due = firm_due(facts->firm);

    next = earlier(next, next_rules(policy, date_of_ms(now)));
    if (due != DATE_NONE)
        next = earlier(next, date_start_ms(due));
    if (next <= now)
        next = now + STATEMENT_SHORTEST_MS;
    next = earlier(next, facts->source.changes_ms);
    return next - next % 1000;
}

#define ID_BYTES 16

static void draw(struct statement_ids *ids, uint8_t out[ID_BYTES])
{
    pthread_mutex_lock(&ids->lock);
    if (ids->left < ID_BYTES) {
        crypto_random(ids->stock, sizeof(ids->stock));
        ids->left = sizeof(ids->stock);
    }
    ids->left -= ID_BYTES;
    memcpy(out, ids->stock + ids->left, ID_BYTES);
    wipe(ids->stock + ids->left, ID_BYTES);
    pthread_mutex_unlock(&ids->lock);
}

void statement_new_id(struct statement_ids *ids, char out[STATEMENT_ID_SIZE])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t random[ID_BYTES + 1] = {0}; /* the last byte fills up the last digit */
    char *p = out;

    draw(ids, random);
    *p++ = 's';
    *p++ = 't';
    *p++ = '-';
    for (size_t bit = 0; bit < 8 * ID_BYTES; bit += 5) {
        unsigned pair = (unsigned)random[bit / 8] << 8 | random[bit / 8 + 1];

        *p++ = digits[pair >> (11 - bit % 8) & 31];
    }
    *p = '\0';
}
