/* refused: messages that were refused leave no record, but a line in a local table, with the first of their bytes. It is
 * kept for people who ask why, and never in the way of those whose messages are good. */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"

#define LINE_MAX (4u << 10)

struct refusal {
    struct intake *intake;
    struct buf value;              /* length of the JSON(4), the JSON, the bytes */
};

static void put_line(struct buf *out, const struct intake_case *c, const struct err *why)
{
    struct json_out json;
    char hex[65];
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    memcpy(digest, c->digest, sizeof(digest));
    if (c->envelope.id == NULL) /* refused before it was needed; what is refused later may be on the committer's thread */
        crypto_digest(CRYPTO_SHA256, c->in.body, digest);
    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_time(&json, "time", c->in.now_ms);
    json_add_integer(&json, "time_ms", c->in.now_ms);
    json_add_string(&json, "sender", c->in.sender->id);
    json_add_string_opt(&json, "address", c->in.address);
    json_add_string(&json, "form", case_form(c));
    json_add_string_opt(&json, "id", c->envelope.id);
    json_add_string_opt(&json, "kind", c->envelope.kind);
    json_add_string(&json, "code", err_info(why->code)->code);
    json_add_string_opt(&json, "place", why->place);
    json_add_string_opt(&json, "detail", err_detail(why, false));
    json_add_string_opt(&json, "detail_zh", err_detail(why, true));
    json_add_integer(&json, "bytes", (int64_t)c->in.body.n);
    json_add_string(&json, "digest", hex_encode(digest, sizeof(digest), hex));
    json_add_string_opt(&json, "trace_id", c->in.trace_id);
    json_end_object(&json);
}

static struct refusal *refusal_new(const struct intake_case *c, const struct err *why)
{
    struct refusal *refusal = xcalloc(1, sizeof(*refusal));
    size_t n = c->in.body.n < INTAKE_REFUSED_BYTES ? c->in.body.n : INTAKE_REFUSED_BYTES;
    struct buf line;
    uint8_t length[4];

    refusal->intake = c->intake;
    buf_init(&line, LINE_MAX);
    put_line(&line, c, why);
    put_be32(length, (uint32_t)line.n);
    buf_init(&refusal->value, sizeof(length) + LINE_MAX + INTAKE_REFUSED_BYTES);
    buf_put(&refusal->value, length, sizeof(length));
    buf_put(&refusal->value, line.p, line.n);
    buf_put(&refusal->value, c->in.body.p, n);
    buf_free(&line);
    return refusal;
}

/* One higher than the highest there is. */
static uint64_t next_number(struct store_txn *txn)
{
    struct store_walk walk;
    uint64_t number = 1;

    store_walk_down(&walk, txn, TABLE_REFUSED, NULL, NULL);
    if (store_next(&walk) && walk.key.n == 8)
        number = get_be64(walk.key.p) + 1;
    store_walk_end(&walk);
    return number;
}

/* Each that comes pushes one out, two after the bound was lowered. */
static void make_room(struct store_txn *txn, uint64_t newest)
{
    struct store_walk walk;
    int n = 0;

    for (store_walk(&walk, txn, TABLE_REFUSED, NULL, NULL); n < 2 && store_next(&walk); n++) {
        if (walk.key.n == 8 && newest - get_be64(walk.key.p) < INTAKE_REFUSED_MAX)
            break;
        store_walk_delete(&walk);
    }
    store_walk_end(&walk);
}

static bool refused_put(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct refusal *refusal = arg;
    uint64_t number = next_number(ledger_txn(tx));
    struct store_key key = key_seq(number);

    store_put(ledger_txn(tx), TABLE_REFUSED, &key, buf_bytes(&refusal->value));
    make_room(ledger_txn(tx), number);
    return !store_failed(ledger_txn(tx), err);
}

static void refused_done(void *arg, const struct err *err)
{
    struct refusal *refusal = arg;

    if (err->code != ERR_NONE)
        log_err(LOG_WARN, "message.refused_unkept", err);
    buf_free(&refusal->value);
    free(refusal);
}

/* Somebody who sends garbage all day must not fill the store or the committer's queue, nor keep the refusals of others
 * from being kept. */
static bool within_rate(struct intake *intake, uint32_t slot, int64_t now_ms)
{
    int64_t second = now_ms / 1000;
    size_t i = slot % REFUSED_SLOTS;

    pthread_mutex_lock(&intake->lock);
    if (intake->refused[i].second != second) {
        intake->refused[i].second = second;
        intake->refused[i].n = 0;
    }
    bool kept = intake->refused[i].n++ < INTAKE_REFUSED_RATE;
    pthread_mutex_unlock(&intake->lock);
    return kept;
}

void refused_keep(struct intake_case *c, const struct err *err)
{
    struct err full = {0};

    metric_add(METRIC_MESSAGES_REFUSED, 1);
    log_event(LOG_NOTICE, "message.refused", "sender=%s code=%s bytes=%zu trace=%s", c->in.sender->id,
              err_info(err->code)->code, c->in.body.n, c->in.trace_id);
    if (!within_rate(c->intake, c->in.sender->slot, c->in.now_ms))
        return;
    struct refusal *refusal = refusal_new(c, err);
    if (!ledger_submit_patient(c->intake->options.ledger, refused_put, refused_done, refusal, &full))
        refused_done(refusal, &full);
}

/* ---- reading and forgetting ---- */

static bool line_of(struct bytes value, struct bytes *json)
{
    size_t n = value.n >= 4 ? get_be32(value.p) : 0;

    if (value.n < 4 || n > value.n - 4)
        return false;
    *json = bytes_of(value.p + 4, n);
    return true;
}

static bool tell(uint64_t number, struct bytes line, struct buf *buf, intake_each *each, void *arg)
{
    buf_reset(buf);
    buf_printf(buf, "{\"number\":%llu,", (unsigned long long)number);
    buf_put(buf, line.p + 1, line.n - 1);
    return each(arg, buf_bytes(buf));
}

bool intake_refused(struct store_txn *txn, uint64_t before, size_t max, intake_each *each, void *arg, struct err *err)
{
    struct store_key from = key_seq(before == 0 ? UINT64_MAX : before - 1);
    struct store_walk walk;
    struct buf buf;
    bool more = true;

    buf_init(&buf, LINE_MAX + 64);
    store_walk_down(&walk, txn, TABLE_REFUSED, &from, NULL);
    for (size_t n = 0; n < max && more && store_next(&walk); n++) {
        struct bytes line;
        if (walk.key.n == 8 && line_of(walk.value, &line) && line.n > 1)
            more = tell(get_be64(walk.key.p), line, &buf, each, arg);
    }
    store_walk_end(&walk);
    buf_free(&buf);
    return !store_failed(txn, err);
}

#define FORGET_CHUNK 500

struct forget {
    int64_t before_ms;
    bool more;
};

/* What cannot be read counts as old, or it would keep all behind it for ever. */
static bool older(struct bytes value, int64_t before_ms)
{
    struct bytes line, time, inside;
    int64_t ms;
    bool told = line_of(value, &line) && json_scan_member(line, "time", &time) && json_scan_string(time, &inside) &&
                time_parse(inside, &ms);

    return !told || ms < before_ms;
}

static bool forget_some(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct forget *forget = arg;
    struct store_walk walk;
    size_t n = 0;

    for (store_walk(&walk, ledger_txn(tx), TABLE_REFUSED, NULL, NULL); n < FORGET_CHUNK && store_next(&walk); n++) {
        if (!older(walk.value, forget->before_ms))
            break;
        store_walk_delete(&walk);
    }
    store_walk_end(&walk);
    forget->more = n == FORGET_CHUNK;
    return !store_failed(ledger_txn(tx), err);
}

bool intake_forget(struct intake *intake, int64_t before_ms, struct err *err)
{
    struct forget forget = {before_ms, true};

    while (forget.more)
        CHECK(ledger_run(intake->options.ledger, forget_some, &forget, err));
    return true;
}
