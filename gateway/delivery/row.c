/* Rows: how far a partner was told, and what became of each message. JSON, so that a person can read them. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "delivery/internal.h"

const char *queue_state_name(enum queue_state state)
{
    static const char *const names[] = {"ok", "retrying", "uncertain", "unreachable", "stopped"};
    return names[state];
}

const char *sent_state_name(enum sent_state state)
{
    static const char *const names[] = {"", "waiting", "delivered", "failed", "expired", "skipped"};
    return names[state];
}

/* ---- a partner ---- */

static const struct {
    const char *name;
    size_t at;
} numbers[] = {
#define NUMBER(name)                                                                                                   \
    {                                                                                                                  \
#name, offsetof(struct post, name)                                                                             \
    }
    NUMBER(seen),       NUMBER(subscribed), NUMBER(start),   NUMBER(list_from), NUMBER(restart),
    NUMBER(restart_ms), NUMBER(relist),     NUMBER(cursor),  NUMBER(flying),    NUMBER(unsure),
    NUMBER(attempts),   NUMBER(failures),   NUMBER(wait_ms), NUMBER(next_ms),   NUMBER(state),
    NUMBER(since_ms),   NUMBER(paused),     NUMBER(ok_ms),   NUMBER(bad_ms),
#undef NUMBER
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

static int64_t *number_of(struct post *post, size_t i)
{
    return (int64_t *)(void *)((char *)post + numbers[i].at);
}

static void read_text(const json_value *object, const char *name, char *out, size_t size)
{
    const char *text = json_string(json_member(object, name));
    snprintf(out, size, "%s", text == NULL ? "" : text);
}

bool post_read(struct store_txn *txn, const char *partner, struct post *out, struct err *err)
{
    struct store_key key = key_text(partner);
    struct bytes value;
    *out = (struct post){0};
    if (!store_get(txn, TABLE_DELIVERY, &key, &value))
        return !store_failed(txn, err);
    AUTO_JSON doc = NULL;
    if (!json_parse(value, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, "delivery", "%.64s", partner);
    for (size_t i = 0; i < NUMBERS; i++)
        (void)json_integer(json_member(json_root(doc), numbers[i].name), number_of(out, i));
    if (out->state < 0 || out->state >= QUEUE_STATE_COUNT)
        return err_set(err, ERR_STORE_CORRUPT, "delivery", "%.64s", partner);
    read_text(json_root(doc), "style", out->style, sizeof out->style);
    read_text(json_root(doc), "code", out->code, sizeof out->code);
    read_text(json_root(doc), "detail", out->detail, sizeof out->detail);
    return true;
}

void post_put(struct store_txn *txn, const char *partner, const struct post *post)
{
    struct store_key key = key_text(partner);
    struct post copy = *post;
    struct buf out;
    struct json_out json;
    copy.seen = 1;
    buf_init(&out, ROW_MAX);
    json_out_init(&json, &out);
    json_begin_object(&json);
    for (size_t i = 0; i < NUMBERS; i++) {
        if (*number_of(&copy, i) != 0)
            json_add_integer(&json, numbers[i].name, *number_of(&copy, i));
    }
    json_add_string_opt(&json, "style", copy.style);
    json_add_string_opt(&json, "code", copy.code);
    json_add_string_opt(&json, "detail", copy.detail);
    json_end_object(&json);
    store_put(txn, TABLE_DELIVERY, &key, buf_bytes(&out));
    buf_free(&out);
}

void post_enter(struct post *post, enum queue_state state, int64_t now_ms)
{
    if (post->state == (int64_t)state && post->since_ms != 0)
        return;
    post->state = (int64_t)state;
    post->since_ms = now_ms;
}

/* ---- a message ---- */

static void read_tries(const json_value *list, struct sent *out)
{
    for (size_t i = 0; i < json_count(list) && out->try_n < DELIVERY_TRIES_KEPT; i++) {
        struct sent_try *one = &out->tries[out->try_n++];
        (void)json_integer(json_member(json_at(list, i), "time"), &one->time_ms);
        read_text(json_at(list, i), "code", one->code, sizeof one->code);
    }
}

bool sent_read(struct store_txn *txn, const char *partner, uint64_t n, struct sent *out, struct err *err)
{
    struct store_key key = key_outbox(partner, n);
    struct bytes value;
    int64_t state = 0;
    *out = (struct sent){0};
    if (!store_get(txn, TABLE_SENT, &key, &value))
        return !store_failed(txn, err);
    AUTO_JSON doc = NULL;
    if (!json_parse(value, &doc, err))
        return err_set(err, ERR_STORE_CORRUPT, "sent", "%.64s %llu", partner, (unsigned long long)n);
    const json_value *root = json_root(doc);
    (void)json_integer(json_member(root, "state"), &state);
    out->state = state > 0 && state < SENT_STATE_COUNT ? (enum sent_state)state : SENT_TRIED;
    (void)json_integer(json_member(root, "ended"), &out->ended_ms);
    (void)json_integer(json_member(root, "attempts"), &out->attempts);
    read_text(root, "receipt", out->receipt, sizeof out->receipt);
    read_tries(json_member(root, "tries"), out);
    return true;
}

void sent_put(struct store_txn *txn, const char *partner, uint64_t n, const struct sent *sent)
{
    struct store_key key = key_outbox(partner, n);
    struct buf out;
    struct json_out json;
    buf_init(&out, ROW_MAX);
    json_out_init(&json, &out);
    json_begin_object(&json);
    json_add_integer(&json, "state", sent->state);
    json_add_integer(&json, "ended", sent->ended_ms);
    json_add_integer(&json, "attempts", sent->attempts);
    json_add_string_opt(&json, "receipt", sent->receipt);
    json_key(&json, "tries");
    json_begin_array(&json);
    for (size_t i = 0; i < sent->try_n; i++) {
        json_begin_object(&json);
        json_add_integer(&json, "time", sent->tries[i].time_ms);
        json_add_string_opt(&json, "code", sent->tries[i].code);
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    store_put(txn, TABLE_SENT, &key, buf_bytes(&out));
    buf_free(&out);
}

void sent_note(struct sent *sent, int64_t now_ms, const char *code)
{
    if (sent->try_n == DELIVERY_TRIES_KEPT)
        memmove(&sent->tries[0], &sent->tries[1], --sent->try_n * sizeof sent->tries[0]);
    struct sent_try *one = &sent->tries[sent->try_n++];
    one->time_ms = now_ms;
    snprintf(one->code, sizeof one->code, "%s", code);
    sent->attempts++;
    if (sent->state == SENT_NONE)
        sent->state = SENT_TRIED;
}

void sent_write(struct json_out *json, const struct sent *sent)
{
    json_add_integer(json, "attempts", sent->attempts);
    json_key(json, "tries");
    json_begin_array(json);
    for (size_t i = 0; i < sent->try_n; i++) {
        json_begin_object(json);
        json_add_time(json, "time", sent->tries[i].time_ms);
        json_add_string_opt(json, "code", sent->tries[i].code);
        json_end_object(json);
    }
    json_end_array(json);
    json_add_time(json, "ended", sent->ended_ms);
    json_add_string_opt(json, "receipt", sent->receipt);
}
