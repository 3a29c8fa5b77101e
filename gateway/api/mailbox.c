/* mailbox: a partner fetches what waits for it. One that waits holds no thread: delivery calls when there is something.
 */
#include <string.h>

#include "api/internal.h"

#define WAIT_MAX_S 60
#define PULL_BYTES (5u << 19)          /* base64 of them, and the rest, stay within one message */

struct fetching {
    struct ask *ask;
    size_t n;
};

static void write_item(void *arg, const struct delivery_item *item)
{
    struct fetching *fetching = arg;
    struct ask *ask = fetching->ask;
    struct buf body;

    buf_init(&body, API_OUT_MAX);
    base64_encode(&body, item->body, false);
    json_begin_object(&ask->json);
    json_add_integer(&ask->json, "n", (int64_t)item->n);
    json_add_string(&ask->json, "id", item->id);
    json_add_string(&ask->json, "media_type", item->media_type);
    json_key(&ask->json, "body");
    json_put_bytes(&ask->json, buf_bytes(&body));
    json_add_string_opt(&ask->json, "signature", item->signature);
    json_end_object(&ask->json);
    buf_free(&body);
    fetching->n++;
}

/* One object: messages and last. */
static bool write_messages(struct ask *ask, uint64_t after, size_t bytes_max, size_t *n_out, struct err *err)
{
    struct fetching fetching = {.ask = ask};
    uint64_t last;

    json_begin_object(&ask->json);
    json_key(&ask->json, "messages");
    json_begin_array(&ask->json);
    CHECK(delivery_mailbox(ask->api->options.delivery, ask->who->id, after, bytes_max, write_item, &fetching, &last,
                           err));
    json_end_array(&ask->json);
    json_add_integer(&ask->json, "last", (int64_t)last);
    json_end_object(&ask->json);
    *n_out = fetching.n;
    return true;
}

static bool write_page(struct ask *ask, uint64_t after, size_t *n_out, struct err *err)
{
    buf_reset(&ask->out);
    json_out_init(&ask->json, &ask->out);
    return write_messages(ask, after, DELIVERY_PAGE_BYTES, n_out, err);
}

/* The same for those who only exchange messages: the body of the answer to a mailbox.pull. */
bool api_ask_mailbox(struct ask *ask, const struct message_node *body, struct questions **asked_out, struct err *err)
{
    size_t n;

    (void)asked_out;
    return write_messages(ask, (uint64_t)message_integer(message_member(body, "after"), 0), PULL_BYTES, &n, err);
}

static bool read_query(struct ask *ask, uint64_t *after_out, uint64_t *wait_out, struct err *err)
{
    *after_out = *wait_out = 0;
    CHECK(ask_number(ask, "after", 0, INT64_MAX, after_out, err));
    return ask_number(ask, "wait", 0, WAIT_MAX_S, wait_out, err);
}

/* ---- waiting --------------------------------------------------------------------------------------------- */

static void answer(void *arg)
{
    struct ask *ask = arg;
    struct err err = {0};
    uint64_t after, wait;
    size_t n;

    if (read_query(ask, &after, &wait, &err) && write_page(ask, after, &n, &err)) {
        ask_complete(ask);
        return;
    }
    ask_fail(ask, &err);
    ask_end(ask);
}

/* On delivery's thread: the page is written on a worker. */
static void told(void *arg)
{
    struct ask *ask = arg;
    struct err err = {0};

    if (net_work(ask->api->options.net, ask_queue(ask), answer, ask, &err))
        return;
    ask_fail(ask, &err);
    ask_end(ask);
}

static void start_waiting(struct ask *ask)
{
    struct err err = {0};
    uint64_t after = 0, wait = 0;

    if (read_query(ask, &after, &wait, &err) &&
        delivery_wait(ask->api->options.delivery, ask->who->id, after, (int64_t)wait * 1000, told, ask, &err))
        return;
    ask_fail(ask, &err);
    ask_end(ask);
}

bool api_do_mailbox(struct ask *ask, struct err *err)
{
    uint64_t after, wait;
    size_t n;

    CHECK(read_query(ask, &after, &wait, err));
    CHECK(write_page(ask, after, &n, err));
    if (n == 0 && wait > 0)
        ask->later = start_waiting;
    return true;
}

bool api_do_mailbox_ack(struct ask *ask, struct err *err)
{
    int64_t upto;
    uint64_t cursor;

    CHECK(json_need_integer(ask_object(ask), "", "upto", 0, INT64_MAX, &upto, err));
    CHECK(delivery_ack(ask->api->options.delivery, ask->who->id, (uint64_t)upto, &cursor, err));
    json_begin_object(&ask->json);
    json_add_integer(&ask->json, "upto", (int64_t)cursor);
    json_end_object(&ask->json);
    return true;
}
