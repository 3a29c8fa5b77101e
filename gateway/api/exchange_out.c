/* exchange_out: messages sent, of all partners together. Each partner's run backwards by number; the newest of their
 * heads comes next, and of one number the partners in the order of their names. */
#include <stdlib.h>
#include <string.h>

#include "api/exchange.h"

struct foremost {
    const struct partner *partner;
    struct exchange item;
    bool there;
};
struct outgoing {
    struct ask *ask;
    struct store_txn *txn;
    struct foremost *heads;
    size_t n;
};

/* ---- one message ---- */

struct taking {
    struct ask *ask;
    struct store_txn *txn;
    const struct partner *partner;
    struct exchange *out;
    bool found;
};

static bool take(void *arg, struct bytes json)
{
    struct taking *taking = arg;
    AUTO_JSON doc = NULL;
    struct err err = {0};

    taking->found = json_parse(json, &doc, &err);
    if (taking->found)
        exchange_of_letter(taking->ask, taking->txn, taking->partner, json_root(doc), taking->out);
    return false;
}

/* The newest message to the partner with a number below this one. */
static bool below(struct ask *ask, struct store_txn *txn, const struct partner *partner, uint64_t number,
                  struct exchange *out, bool *found_out, struct err *err)
{
    struct delivery *delivery = ask->api->options.delivery;
    struct taking taking = {.ask = ask, .txn = txn, .partner = partner, .out = out};

    if (number != 0 && delivery)
        CHECK(delivery_back(delivery, txn, partner->id, number, 1, take, &taking, err));
    *found_out = taking.found;
    return true;
}

bool outgoing_item(struct ask *ask, struct store_txn *txn, const struct partner *partner, uint64_t n,
                   struct exchange *out, bool *found_out, struct err *err)
{
    CHECK(below(ask, txn, partner, n + 1, out, found_out, err));
    *found_out = *found_out && out->sequence == n;
    return true;
}

/* ---- all of them ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct foremost *)a)->partner->id, ((const struct foremost *)b)->partner->id);
}

struct outgoing *outgoing_new(struct ask *ask, struct store_txn *txn, const char *partner, uint64_t number,
                              const char *behind)
{
    const struct directory *directory = ask->held->state.directory;
    struct outgoing *outgoing = arena_alloc(ask->arena, sizeof(*outgoing));
    size_t n = directory_partners(directory);

    *outgoing = (struct outgoing){.ask = ask, .txn = txn};
    outgoing->heads = arena_alloc(ask->arena, (n + 1) * sizeof(*outgoing->heads));
    for (size_t i = 0; i < n; i++) {
        struct foremost *head = &outgoing->heads[outgoing->n];

        head->partner = directory_partner(directory, i);
        /* stands in for a message that was given already: what comes next is below it */
        head->item.sequence = number == UINT64_MAX || strcmp(head->partner->id, behind) <= 0 ? number : number + 1;
        outgoing->n += !head->partner->person && (!partner || strcmp(partner, head->partner->id) == 0);
    }
    qsort(outgoing->heads, outgoing->n, sizeof(*outgoing->heads), by_name);
    return outgoing;
}

static bool fill(struct outgoing *outgoing, struct foremost *head, struct err *err)
{
    uint64_t number = head->item.sequence;

    if (head->there || number == 0)
        return true;
    CHECK(below(outgoing->ask, outgoing->txn, head->partner, number, &head->item, &head->there, err));
    if (!head->there)
        head->item.sequence = 0;
    return true;
}

bool outgoing_next(struct outgoing *outgoing, struct exchange *out, struct err *err)
{
    struct foremost *first = NULL;

    for (size_t i = 0; i < outgoing->n; i++) {
        struct foremost *head = &outgoing->heads[i];

        CHECK(fill(outgoing, head, err));
        if (head->there && (!first || head->item.sequence > first->item.sequence))
            first = head;
    }
    if (!first)
        return false;
    *out = first->item;
    first->there = false;
    return true;
}

/* ---- how it went ---- */

static void put_attempt(struct json_out *json, const char *partner, const json_value *letter, const char *time,
                        const char *outcome, const char *code)
{
    json_begin_object(json);
    json_add_string(json, "partner", partner);
    json_add_string_opt(json, "id", json_string(json_member(letter, "id")));
    json_add_string_opt(json, "time", time);
    json_add_string_opt(json, "outcome", outcome);
    json_add_string_opt(json, "code", code);
    if (strcmp(outcome, "delivered") == 0)
        json_add_string_opt(json, "receipt", json_string(json_member(letter, "receipt")));
    json_end_object(json);
}

struct attempts {
    struct ask *ask;
    const char *partner;
    uint64_t n;
};

static bool put_attempts(void *arg, struct bytes bytes)
{
    const struct attempts *attempts = arg;
    struct json_out *json = &attempts->ask->json;
    AUTO_JSON doc = NULL;
    struct err err = {0};
    int64_t n = 0;

    if (!json_parse(bytes, &doc, &err) || !json_integer(json_member(json_root(doc), "n"), &n) ||
        (uint64_t)n != attempts->n)
        return false;
    const json_value *letter = json_root(doc), *tries = json_member(letter, "tries");
    const char *state = json_string(json_member(letter, "state"));
    size_t count = json_count(tries);

    for (size_t i = 0; i < count; i++) {
        const json_value *one = json_at(tries, i);

        put_attempt(json, attempts->partner, letter, json_string(json_member(one, "time")),
                    i + 1 == count ? state : "tried", json_string(json_member(one, "code")));
    }
    if (count == 0)
        put_attempt(json, attempts->partner, letter, json_string(json_member(letter, "created")), state, NULL);
    return false;
}

bool outgoing_attempts(struct ask *ask, struct store_txn *txn, const char *partner, uint64_t n, struct err *err)
{
    struct attempts attempts = {ask, partner, n};

    return !ask->api->options.delivery ||
           delivery_back(ask->api->options.delivery, txn, partner, n + 1, 1, put_attempts, &attempts, err);
}
