/* exchange: what was exchanged with partners, newest first: messages that have a record, and those that were refused, which
 * stand in a local log. Both run backwards by their own number; a page merges them by time. */
#include "api/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/items.h"

#define LIST_DEFAULT 50
#define LIST_MAX 1000
#define LOOK_MAX 200000                /* entries that one page looks at */

void exchange_write(struct json_out *json, const struct exchange *item)
{
    json_add_string(json, "id", item->id);
    json_add_string(json, "kind", item->kind);
    json_add_string(json, "direction", item->direction);
    json_add_string(json, "partner", item->partner);
    json_add_string(json, "form", item->form);
    json_add_string(json, "state", item->state);
    json_add_string_opt(json, "result", item->result);
    json_add_string_opt(json, "code", item->code);
    json_add_time(json, "received", item->received_ms);
    if (item->sequence != 0)
        json_add_integer(json, "sequence", (int64_t)item->sequence);
}

/* ---- one item -------------------------------------------------------------------------------------------------------- */

bool exchange_of_record(struct ask *ask, struct store_txn *txn, uint64_t seq, struct record *first_out,
                        struct record *latest_out, struct exchange *out, struct err *err)
{
    struct journal *journal = ask->api->options.journal;
    struct message_state state = {0};
    bool found;

    CHECK(ledger_read_record(journal, txn, ask->arena, seq, first_out, err));
    CHECK(message_find(txn, first_out->message.sender, first_out->message.id, &state, &found, err));
    CHECK(ledger_read_record(journal, txn, ask->arena, found ? state.latest : seq, latest_out, err));
    *out = (struct exchange){.id = first_out->message.id,
                             .kind = first_out->message.kind,
                             .direction = "in",
                             .partner = first_out->message.sender,
                             .form = first_out->message.form,
                             .state = "accepted",
                             .result = latest_out->result,
                             .code = latest_out->code,
                             .received_ms = first_out->time_ms,
                             .sequence = seq};
    return true;
}

static const char *word_of(struct arena *arena, const json_value *line, const char *name)
{
    const char *text = json_string(json_member(line, name));

    return text ? arena_strdup(arena, text) : "";
}

void exchange_of_refused(struct arena *arena, const json_value *line, struct exchange *out)
{
    int64_t number = 0;

    *out = (struct exchange){.id = word_of(arena, line, "id"),
                             .kind = word_of(arena, line, "kind"),
                             .direction = "in",
                             .partner = word_of(arena, line, "sender"),
                             .form = word_of(arena, line, "form"),
                             .state = "refused",
                             .result = "",
                             .code = word_of(arena, line, "code")};
    (void)json_integer(json_member(line, "time_ms"), &out->received_ms);
    if (json_integer(json_member(line, "number"), &number))
        out->number = (uint64_t)number;
}

/* ---- what is asked for ----------------------------------------------------------------------------------------------- */

/* Entries below these numbers are still to come; UINT64_MAX: from the newest. */
struct place {
    uint64_t seq, number;
};
struct page {
    struct ask *ask;
    struct store_txn *txn;
    const char *partner, *kind, *state; /* NULL: any */
    bool incoming;
    uint64_t limit;
    struct place from, stop;            /* stop: where the search gave up */
    struct exchange *decided, *refused; /* of each at most limit + 1 */
    size_t decided_n, refused_n;
    bool given_up;
};

static bool is(const char *wanted, const char *word)
{
    return !wanted || strcmp(wanted, word) == 0;
}

/* `state` is also one of the results: who looks for what waits should find it. */
static bool wants(const struct page *page, const char *partner, const char *kind, const char *state, const char *result)
{
    return is(page->partner, partner) && is(page->kind, kind) &&
           (is(page->state, state) || is(page->state, result));
}

static bool read_place(struct ask *ask, struct place *out, struct err *err)
{
    const char *text = net_parameter(ask->request, "after", NULL);
    unsigned long long seq = 0, number = 0;
    int n = 0;

    *out = (struct place){UINT64_MAX, UINT64_MAX};
    if (!text)
        return true;
    if (strspn(text, "0123456789.") != strlen(text) || sscanf(text, "%18llu.%18llu%n", &seq, &number, &n) != 2 ||
        text[n] != '\0' || seq == 0 || number == 0)
        return err_set(err, ERR_HTTP_QUERY, "after", "what `next` named is expected");
    *out = (struct place){seq, number};
    return true;
}

static bool read_direction(struct ask *ask, bool *incoming_out, struct err *err)
{
    const char *text = net_parameter(ask->request, "direction", NULL);

    *incoming_out = !text || strcmp(text, "in") == 0;
    return *incoming_out || strcmp(text, "out") == 0 ||
           err_set(err, ERR_HTTP_QUERY, "direction", "in or out is expected");
}

/* ---- messages with a record -------------------------------------------------------------------------------------------- */

/* "sender\0kind\0result\0" */
static bool split(struct bytes value, const char *parts[3])
{
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *end = value.n > 0 ? memchr(value.p, '\0', value.n) : NULL;

        if (!end)
            return false;
        parts[i] = (const char *)value.p;
        value = bytes_of(end + 1, value.n - (size_t)(end + 1 - value.p));
    }
    return true;
}

static size_t find_decided(struct page *page, uint64_t *seqs)
{
    struct store_key from = key_seq(page->from.seq == UINT64_MAX ? UINT64_MAX : page->from.seq - 1);
    struct store_walk walk;
    size_t n = 0, looked = 0;

    page->stop.seq = 1;
    store_walk_down(&walk, page->txn, TABLE_RECEIVED, &from, NULL);
    while (n <= page->limit && store_next(&walk)) {
        const char *parts[3];

        if (++looked > LOOK_MAX) {
            page->given_up = true;
            page->stop.seq = get_be64(walk.key.p) + 1;
            break;
        }
        if (walk.key.n == 8 && split(walk.value, parts) && wants(page, parts[0], parts[1], "accepted", parts[2]))
            seqs[n++] = get_be64(walk.key.p);
    }
    store_walk_end(&walk);
    return n;
}

/* An erased record leaves its number and nothing else. */
static bool read_decided(struct page *page, struct err *err)
{
    uint64_t *seqs = arena_alloc(page->ask->arena, (page->limit + 1) * sizeof(*seqs));
    size_t n = find_decided(page, seqs);

    page->decided = arena_alloc(page->ask->arena, (n + 1) * sizeof(*page->decided));
    for (size_t i = 0; i < n; i++) {
        struct record first, latest;
        struct err why = {0};

        if (exchange_of_record(page->ask, page->txn, seqs[i], &first, &latest, &page->decided[page->decided_n], &why))
            page->decided_n++;
        else if (why.code != ERR_JOURNAL_UNKNOWN) {
            *err = why;
            return false;
        }
    }
    return !store_failed(page->txn, err);
}

/* ---- messages that were refused ------------------------------------------------------------------------------------------ */

static bool add_refused(void *arg, struct bytes json)
{
    struct page *page = arg;
    struct exchange *item = &page->refused[page->refused_n];
    AUTO_JSON doc = NULL;
    struct err err = {0};

    if (!json_parse(json, &doc, &err))
        return true;
    exchange_of_refused(page->ask->arena, json_root(doc), item);
    page->stop.number = item->number;
    if (wants(page, item->partner, item->kind, item->state, item->state))
        page->refused_n++;
    return page->refused_n <= page->limit;
}

static bool read_refused(struct page *page, struct err *err)
{
    uint64_t before = page->from.number == UINT64_MAX ? 0 : page->from.number;

    page->refused = arena_alloc(page->ask->arena, (page->limit + 2) * sizeof(*page->refused));
    page->stop.number = 1;
    return before == 1 || intake_refused(page->txn, before, LOOK_MAX, add_refused, page, err);
}

/* ---- a page -------------------------------------------------------------------------------------------------------------- */

static void put(struct items *items, const struct exchange *item)
{
    struct json_out *json = &items->ask->json;

    if (!items_room(items))
        return;
    json_begin_object(json);
    exchange_write(json, item);
    json_end_object(json);
}

/* Newest first, of both. Returns where the next page begins. */
static struct place merge(struct page *page, struct items *items)
{
    size_t d = 0, r = 0;

    while (items->n < page->limit && (d < page->decided_n || r < page->refused_n)) {
        bool decided = r == page->refused_n ||
                       (d < page->decided_n && page->decided[d].received_ms >= page->refused[r].received_ms);

        put(items, decided ? &page->decided[d++] : &page->refused[r++]);
    }
    items->more = d < page->decided_n || r < page->refused_n || page->given_up;
    return (struct place){d < page->decided_n ? page->decided[d].sequence + 1 : page->stop.seq,
                          r < page->refused_n ? page->refused[r].number + 1 : page->stop.number};
}

static bool read_page(struct page *page, struct err *err)
{
    if (!page->incoming)
        return true;
    CHECK(read_decided(page, err));
    return read_refused(page, err);
}

bool api_do_messages(struct ask *ask, struct err *err)
{
    struct page page = {.ask = ask,
                        .partner = net_parameter(ask->request, "partner", NULL),
                        .kind = net_parameter(ask->request, "kind", NULL),
                        .state = net_parameter(ask->request, "state", NULL),
                        .limit = LIST_DEFAULT};
    struct items items;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    page.txn = txn;
    CHECK(ask_number(ask, "limit", 1, LIST_MAX, &page.limit, err));
    CHECK(read_place(ask, &page.from, err));
    CHECK(read_direction(ask, &page.incoming, err));
    CHECK(read_page(&page, err));
    items_begin(&items, ask, page.limit);
    struct place next = merge(&page, &items);
    items.next = arena_printf(ask->arena, "%llu.%llu", (unsigned long long)next.seq, (unsigned long long)next.number);
    items_end(&items);
    return true;
}
