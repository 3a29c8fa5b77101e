/* idempotency: a small table under one lock; administrators' POSTs are rare. */
#include "api/idempotency.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum state { FREE, RUNNING, DONE };
struct entry {
    enum state state;
    uint8_t name[32], content[32];
    int64_t begun_ms;
    int status;
    uint8_t *body;
    size_t body_n;
};
struct idempotency {
    pthread_mutex_t lock;
    struct entry entries[IDEMPOTENCY_ENTRIES];
};

struct idempotency *idempotency_new(void)
{
    struct idempotency *table = xcalloc(1, sizeof(*table));
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

static void forget(struct entry *entry)
{
    free(entry->body);
    *entry = (struct entry){.state = FREE};
}

void idempotency_free(struct idempotency **table)
{
    if (!*table)
        return;
    for (size_t i = 0; i < IDEMPOTENCY_ENTRIES; i++)
        forget(&(*table)->entries[i]);
    pthread_mutex_destroy(&(*table)->lock);
    free(*table);
    *table = NULL;
}

bool idempotency_key_good(struct bytes key)
{
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] <= ' ' || key.p[i] > '~')
            return false;
    return key.n > 0 && key.n <= IDEMPOTENCY_KEY_MAX;
}

static struct entry *find(struct idempotency *table, const uint8_t name[32], int64_t now_ms)
{
    struct entry *found = NULL;
    for (size_t i = 0; i < IDEMPOTENCY_ENTRIES; i++) {
        struct entry *entry = &table->entries[i];
        if (entry->state == DONE && now_ms - entry->begun_ms >= IDEMPOTENCY_KEEP_MS)
            forget(entry);
        if (entry->state != FREE && memcmp(entry->name, name, 32) == 0)
            found = entry;
    }
    return found;
}

/* A free entry, else the oldest that is done. */
static struct entry *room(struct idempotency *table)
{
    struct entry *oldest = NULL;
    for (size_t i = 0; i < IDEMPOTENCY_ENTRIES; i++) {
        struct entry *entry = &table->entries[i];
        if (entry->state == FREE)
            return entry;
        if (entry->state == DONE && (!oldest || entry->begun_ms < oldest->begun_ms))
            oldest = entry;
    }
    if (oldest)
        forget(oldest);
    return oldest;
}

static enum idempotency_found judge(const struct entry *entry, const uint8_t content[32], struct arena *arena,
                                    int *status_out, struct bytes *body_out, struct err *err)
{
    if (memcmp(entry->content, content, 32) != 0) {
        err_set(err, ERR_IDEMPOTENCY_REUSED, NULL, "the key came with another request before");
        return IDEMPOTENCY_REFUSED;
    }
    if (entry->state == RUNNING) {
        err_set(err, ERR_IDEMPOTENCY_RUNNING, NULL, "the first request is not answered yet");
        return IDEMPOTENCY_REFUSED;
    }
    *status_out = entry->status;
    *body_out = bytes_dup(arena, bytes_of(entry->body, entry->body_n));
    return IDEMPOTENCY_AGAIN;
}

static enum idempotency_found begin(struct idempotency *table, const uint8_t name[32], const uint8_t content[32],
                                    int64_t now_ms, int *ticket_out, struct err *err)
{
    struct entry *entry = room(table);
    if (!entry) {
        err_set(err, ERR_BUSY_QUEUE, NULL, "%d requests with an Idempotency-Key are under way", IDEMPOTENCY_ENTRIES);
        return IDEMPOTENCY_REFUSED;
    }
    *entry = (struct entry){.state = RUNNING, .begun_ms = now_ms};
    memcpy(entry->name, name, 32);
    memcpy(entry->content, content, 32);
    *ticket_out = (int)(entry - table->entries);
    return IDEMPOTENCY_NEW;
}

enum idempotency_found idempotency_begin(struct idempotency *table, const uint8_t name[32], const uint8_t content[32],
                                         int64_t now_ms, struct arena *arena, int *ticket_out, int *status_out,
                                         struct bytes *body_out, struct err *err)
{
    pthread_mutex_lock(&table->lock);
    struct entry *entry = find(table, name, now_ms);
    enum idempotency_found found = entry ? judge(entry, content, arena, status_out, body_out, err)
                                         : begin(table, name, content, now_ms, ticket_out, err);
    pthread_mutex_unlock(&table->lock);
    return found;
}

void idempotency_end(struct idempotency *table, int ticket, bool keep, int status, struct bytes body)
{
    pthread_mutex_lock(&table->lock);
    struct entry *entry = &table->entries[ticket];
    if (!keep || body.n > IDEMPOTENCY_BODY_MAX) {
        forget(entry);
    } else {
        entry->state = DONE;
        entry->status = status;
        entry->body = xcalloc(1, body.n + 1);
        entry->body_n = body.n;
        if (body.n > 0)
            memcpy(entry->body, body.p, body.n);
    }
    pthread_mutex_unlock(&table->lock);
}
