/* All keys of all tables are made here, so that their order is decided in one place. */
#include "store/store.h"

#include <string.h>

static void add(struct store_key *key, const void *p, size_t n)
{
    size_t room = STORE_KEY_MAX - key->n;
    size_t take = n < room ? n : room;
    memcpy(key->b + key->n, p, take);
    key->n += take;
}

static void add_text(struct store_key *key, const char *text)
{
    add(key, text, strlen(text));
}

static void add_be64(struct store_key *key, uint64_t v)
{
    uint8_t b[8];
    put_be64(b, v);
    add(key, b, sizeof b);
}

struct store_key key_seq(uint64_t seq)
{
    struct store_key key = {0};
    add_be64(&key, seq);
    return key;
}

struct store_key key_text(const char *text)
{
    struct store_key key = {0};
    add_text(&key, text);
    return key;
}

struct store_key key_history(const char *uscc, uint64_t seq)
{
    struct store_key key = key_text(uscc);
    if (seq != STORE_PREFIX)
        add_be64(&key, seq);
    return key;
}

struct store_key key_status(int status, const char *uscc)
{
    struct store_key key = {0};
    uint8_t b = (uint8_t)status;
    add(&key, &b, 1);
    add_text(&key, uscc);
    return key;
}

struct store_key key_due(date_day day, const char *uscc)
{
    struct store_key key = {0};
    uint8_t b[4];
    /* the sign bit is turned so that days before 1970 sort first */
    put_be32(b, (uint32_t)day ^ 0x80000000u);
    add(&key, b, sizeof b);
    add_text(&key, uscc);
    return key;
}

date_day key_due_day(struct bytes key)
{
    return key.n < 4 ? DATE_NONE : (date_day)(get_be32(key.p) ^ 0x80000000u);
}

struct store_key key_pair(const char *first, const char *second)
{
    struct store_key key = key_text(first);
    uint8_t zero = 0;
    add(&key, &zero, 1);
    add_text(&key, second);
    return key;
}

struct store_key key_waiting(uint64_t seq)
{
    struct store_key key = key_pair("waiting", "");
    if (seq != STORE_PREFIX)
        add_be64(&key, seq);
    return key;
}

struct store_key key_outbox(const char *partner, uint64_t seq)
{
    struct store_key key = key_pair(partner, "");
    if (seq != STORE_PREFIX)
        add_be64(&key, seq);
    return key;
}

struct store_key key_beyond(const char *first)
{
    struct store_key key = key_text(first);
    uint8_t one = 1;
    add(&key, &one, 1);
    return key;
}

struct store_key key_held(const char *proposal, uint64_t message, uint64_t row)
{
    struct store_key key = key_outbox(proposal, message);
    if (message != STORE_PREFIX && row != STORE_PREFIX)
        add_be64(&key, row);
    return key;
}

/* A further part behind a zero. */
static void add_part(struct store_key *key, const char *text)
{
    uint8_t zero = 0;
    add(key, &zero, 1);
    add_text(key, text);
}

struct store_key key_right(const char *kind, const char *number, const char *class)
{
    struct store_key key = key_pair(kind, number);
    add_part(&key, class);
    return key;
}

struct store_key key_credit(const char *bank, const char *what, const char *number)
{
    struct store_key key = key_pair(bank, what);
    add_part(&key, number);
    return key;
}

struct store_key key_lapsed(const char *uscc, const char *partner, const char *kind, const char *number)
{
    struct store_key key = key_pair(uscc, partner);
    add_part(&key, kind == NULL ? "" : kind);
    if (kind != NULL)
        add_part(&key, number);
    return key;
}

struct store_key key_guard(const char *source, int64_t hour)
{
    struct store_key key = key_pair(source, "");
    add_be64(&key, (uint64_t)hour);
    return key;
}

struct store_key key_past(const char *what, const char *name, uint64_t seq)
{
    struct store_key key = key_pair(what, name);
    add_part(&key, "");
    if (seq != STORE_PREFIX)
        add_be64(&key, seq);
    return key;
}
