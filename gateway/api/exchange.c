/* exchange: what was exchanged with partners, newest first: messages that have a record, those that were refused, which
 * stand in a local log, and those that were sent. Each runs backwards by its own number; a page merges them by time. */
#include "api/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/items.h"

#define LIST_DEFAULT 50
#define LIST_MAX 1000
#define LOOK_MAX 200000   /* entries that one page looks at */
#define LETTERS_MAX 20000 /* of those sent, which cost more */

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
    json_add_time(json, "created", item->created_ms);
    if (item->sequence != 0)
        json_add_integer(json, "sequence", (int64_t)item->sequence);
}

/* ---- one item
 * -------------------------------------------------------------------------------------------------------- */

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

/* What is passed on keeps its kind; delivery only knows that it is passed on. */
static const char *kind_of(struct ask *ask, struct store_txn *txn, const json_value *letter, uint64_t n)
{
    const char *kind = word_of(ask->arena, letter, "kind");
    struct record record;
    struct err err = {0};

    if (strcmp(kind, "forward") == 0 &&
        ledger_read_record(ask->api->options.journal, txn, ask->arena, n, &record, &err))
        kind = record.message.kind;
    return kind;
}

void exchange_of_letter(struct ask *ask, struct store_txn *txn, const struct partner *partner, const json_value *letter,
                        struct exchange *out)
{
    const json_value *tries = json_member(letter, "tries");
    const char *time = json_string(json_member(letter, "created"));
    int64_t n = 0;

    (void)json_integer(json_member(letter, "n"), &n);
    *out = (struct exchange){.id = word_of(ask->arena, letter, "id"),
                             .kind = kind_of(ask, txn, letter, (uint64_t)n),
                             .direction = "out",
                             .partner = partner->id,
                             .form = partner->channel.xml ? "xml" : "json",
                             .state = word_of(ask->arena, letter, "state"),
                             .result = "",
                             .code = word_of(ask->arena, json_at(tries, json_count(tries) - 1), "code"),
                             .sequence = (uint64_t)n};
    if (time)
        (void)time_parse(bytes_str(time), &out->created_ms);
}

/* ---- what is asked for
 * ----------------------------------------------------------------------------------------------- */

/* Entries below these numbers are still to come; UINT64_MAX: from the newest. Of messages sent one number may go to
 * many: those behind `partner` are still to come, too. */
struct place {
    uint64_t seq, number, sent;
    const char *partner;
};
struct page {
    struct ask *ask;
    struct store_txn *txn;
    const char *partner, *kind, *state; /* NULL: any */
    bool incoming, outgoing;
    uint64_t limit;
    struct place from, stop;                   /* stop: where the search gave up */
    struct exchange *decided, *refused, *sent; /* of each at most limit + 1 */
    size_t decided_n, refused_n, sent_n;
    bool given_up;
};

static bool is(const char *wanted, const char *word)
{
    return !wanted || strcmp(wanted, word) == 0;
}

/* `state` is also one of the results: who looks for what waits should find it. */
static bool wants(const struct page *page, const char *partner, const char *kind, const char *state, const char *result)
{
    return is(page->partner, partner) && is(page->kind, kind) && (is(page->state, state) || is(page->state, result));
}

static bool read_place(struct ask *ask, struct place *out, struct err *err)
{
    const char *text = net_parameter(ask->request, "after", NULL);
    unsigned long long seq = 0, number = 0, sent = 0;
    int n = 0;

    *out = (struct place){UINT64_MAX, UINT64_MAX, UINT64_MAX, ""};
    if (!text)
        return true;
    if (text[0] < '0' || text[0] > '9' || sscanf(text, "%18llu.%18llu.%18llu.%n", &seq, &number, &sent, &n) != 3 ||
        n == 0 || seq == 0 || number == 0)
        return err_set(err, ERR_HTTP_QUERY, "after", "what `next` named is expected");
    *out = (struct place){seq, number, sent, text + n};
    return true;
}

static const char *place_text(struct arena *arena, const struct place *place)
{
    return arena_printf(arena, "%llu.%llu.%llu.%s", (unsigned long long)place->seq, (unsigned long long)place->number,
                        (unsigned long long)place->sent, place->partner);
}

static bool read_direction(struct ask *ask, struct page *page, struct err *err)
{
    const char *text = net_parameter(ask->request, "direction", NULL);

    page->incoming = !text || strcmp(text, "in") == 0;
    page->outgoing = !text || strcmp(text, "out") == 0;
    return page->incoming || page->outgoing || err_set(err, ERR_HTTP_QUERY, "direction", "in or out is expected");
}

/* ---- messages with a record
 * -------------------------------------------------------------------------------------------- */

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

/* ---- messages that were refused
 * ------------------------------------------------------------------------------------------ */

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

/* ---- messages that were sent
 * ---------------------------------------------------------------------------------------------- */

static bool read_sent(struct page *page, struct err *err)
{
    struct outgoing *outgoing = outgoing_new(page->ask, page->txn, page->partner, page->from.sent, page->from.partner);
    struct exchange item;
    size_t looked = 0;

    page->sent = arena_alloc(page->ask->arena, (page->limit + 1) * sizeof(*page->sent));
    while (page->sent_n <= page->limit && !page->given_up && outgoing_next(outgoing, &item, err)) {
        if (wants(page, item.partner, item.kind, item.state, item.state))
            page->sent[page->sent_n++] = item;
        page->given_up = ++looked == LETTERS_MAX;
        if (page->given_up)
            page->stop = (struct place){page->stop.seq, page->stop.number, item.sequence, item.partner};
    }
    return err->code == ERR_NONE;
}

/* ---- a page
 * -------------------------------------------------------------------------------------------------------------- */

static void put(struct items *items, const struct exchange *item)
{
    struct json_out *json = &items->ask->json;

    if (!items_room(items))
        return;
    json_begin_object(json);
    exchange_write(json, item);
    json_end_object(json);
}

/* Three lists, each newest first, and how far each was given. */
struct stream {
    const struct exchange *items;
    size_t n, at;
};

static int64_t time_of(const struct exchange *item)
{
    return item->received_ms + item->created_ms;
}

static struct stream *newest(struct stream streams[3])
{
    struct stream *found = NULL;

    for (int i = 0; i < 3; i++) {
        struct stream *stream = &streams[i];

        if (stream->at < stream->n &&
            (!found || time_of(&stream->items[stream->at]) > time_of(&found->items[found->at])))
            found = stream;
    }
    return found;
}

/* Where the next page begins. */
static struct place place_behind(const struct page *page, const struct stream streams[3])
{
    const struct stream *decided = &streams[0], *refused = &streams[1], *sent = &streams[2];
    struct place next = page->stop;

    if (decided->at < decided->n)
        next.seq = decided->items[decided->at].sequence + 1;
    if (refused->at < refused->n)
        next.number = refused->items[refused->at].number + 1;
    if (sent->at == sent->n)
        return next;
    /* of one number those behind the partner given last; when none was given yet, all from the first found on */
    next.sent = sent->items[sent->at > 0 ? sent->at - 1 : 0].sequence;
    next.partner = sent->at > 0                   ? sent->items[sent->at - 1].partner
                   : next.sent == page->from.sent ? page->from.partner
                                                  : "";
    return next;
}

static struct place merge(const struct page *page, struct items *items)
{
    struct stream streams[3] = {
        {page->decided, page->decided_n, 0}, {page->refused, page->refused_n, 0}, {page->sent, page->sent_n, 0}};
    struct stream *stream = newest(streams);

    for (; items->n < page->limit && stream; stream = newest(streams))
        put(items, &stream->items[stream->at++]);
    items->more = stream != NULL || page->given_up;
    return place_behind(page, streams);
}

static bool read_page(struct page *page, struct err *err)
{
    page->stop = (struct place){1, 1, 0, ""};
    if (page->incoming)
        CHECK(read_decided(page, err) && read_refused(page, err));
    return !page->outgoing || read_sent(page, err);
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
    CHECK(read_direction(ask, &page, err));
    CHECK(read_page(&page, err));
    items_begin(&items, ask, page.limit);
    struct place next = merge(&page, &items);
    items.next = place_text(ask->arena, &next);
    items_end(&items);
    return true;
}
