/* cache: signed statements in memory. Shards with a lock each; in a shard a hash table and a clock hand that
 * passes over what was asked for since it came by last. */
#include "statement/internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 16

struct shard {
    pthread_mutex_t lock;
    struct statement_entry **buckets; /* mask + 1 of them */
    struct statement_entry **slots;   /* room of them, the first n in use */
    size_t mask, room, n, hand;
};
struct statement_cache {
    struct statement_memory *memory;
    uint64_t seed; /* so that nobody can choose codes that meet in one bucket */
    struct shard shards[SHARDS];
};

static void shard_init(struct shard *shard, size_t room)
{
    size_t buckets = 1;

    while (buckets < room)
        buckets *= 2;
    shard->mask = buckets - 1;
    shard->room = room;
    shard->buckets = xcalloc(buckets, sizeof(struct statement_entry *));
    shard->slots = xcalloc(room, sizeof(struct statement_entry *));
    pthread_mutex_init(&shard->lock, NULL);
}

struct statement_cache *statement_cache_new(size_t max)
{
    struct statement_cache *cache;

    if (max == 0)
        return NULL;
    cache = xcalloc(1, sizeof(*cache));
    cache->memory = statement_memory_new();
    crypto_random(&cache->seed, sizeof(cache->seed));
    for (size_t i = 0; i < SHARDS; i++)
        shard_init(&cache->shards[i], (max + SHARDS - 1) / SHARDS);
    return cache;
}

void statement_cache_free(struct statement_cache **cache)
{
    if (*cache == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &(*cache)->shards[i];

        for (size_t j = 0; j < shard->n; j++)
            statement_entry_release(shard->slots[j]);
        free(shard->buckets);
        free(shard->slots);
        pthread_mutex_destroy(&shard->lock);
    }
    statement_memory_free(&(*cache)->memory);
    free(*cache);
    *cache = NULL;
}

struct statement_memory *statement_cache_memory(struct statement_cache *cache)
{
    return cache == NULL ? NULL : cache->memory;
}

static uint64_t hash_of(const struct statement_cache *cache, const struct statement_key *key)
{
    const uint8_t *p = (const uint8_t *)key;
    uint64_t h = cache->seed;

    for (size_t i = 0; i < sizeof(*key); i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 32;
    return h * UINT64_C(0xd6e8feb86659fd93);
}

static struct shard *shard_of(struct statement_cache *cache, uint64_t hash)
{
    return &cache->shards[hash >> 60];
}
_Static_assert(SHARDS == 16, "the hash's four highest bits pick the shard");

static struct statement_entry **bucket_of(struct shard *shard, uint64_t hash)
{
    return &shard->buckets[hash >> 16 & shard->mask];
}

/* The link that points to the entry of this key, or to the NULL at its chain's end. */
static struct statement_entry **link_to(struct shard *shard, uint64_t hash, const struct statement_key *key)
{
    struct statement_entry **link = bucket_of(shard, hash);

    while (*link != NULL && memcmp(&(*link)->key, key, sizeof(*key)) != 0)
        link = &(*link)->next;
    return link;
}

struct statement_entry *statement_cache_find(struct statement_cache *cache, const struct statement_key *key)
{
    struct shard *shard;
    struct statement_entry *entry;
    uint64_t hash;

    if (cache == NULL)
        return NULL;
    hash = hash_of(cache, key);
    shard = shard_of(cache, hash);
    pthread_mutex_lock(&shard->lock);
    entry = *link_to(shard, hash, key);
    if (entry != NULL) {
        entry->used = true;
        atomic_fetch_add(&entry->refs, 1);
    }
    pthread_mutex_unlock(&shard->lock);
    return entry;
}

/* Two rounds at most: the first one clears every mark. */
static size_t free_slot(struct statement_cache *cache, struct shard *shard, struct statement_entry **evicted_out)
{
    size_t slot;

    if (shard->n < shard->room)
        return shard->n++;
    while (shard->slots[shard->hand]->used) {
        shard->slots[shard->hand]->used = false;
        shard->hand = (shard->hand + 1) % shard->room;
    }
    slot = shard->hand;
    shard->hand = (slot + 1) % shard->room;
    *evicted_out = shard->slots[slot];
    uint64_t hash = hash_of(cache, &(*evicted_out)->key);
    *link_to(shard, hash, &(*evicted_out)->key) = (*evicted_out)->next;
    return slot;
}

/* What left the cache, for the caller to release without the lock; the entry itself when it did not come in. */
static struct statement_entry *put_locked(struct statement_cache *cache, struct shard *shard, uint64_t hash,
                                          struct statement_entry *entry)
{
    struct statement_entry **link = link_to(shard, hash, &entry->key), *old = *link, *evicted = NULL;

    if (old != NULL && old->generation == entry->generation && old->last_sequence > entry->last_sequence)
        return entry; /* made from an older view of the store */
    if (old != NULL) {
        entry->next = old->next;
        *link = entry;
        entry->slot = old->slot;
        shard->slots[entry->slot] = entry;
        return old;
    }
    entry->slot = free_slot(cache, shard, &evicted);
    shard->slots[entry->slot] = entry;
    link = bucket_of(shard, hash);
    entry->next = *link;
    *link = entry;
    return evicted;
}

void statement_cache_put(struct statement_cache *cache, struct statement_entry *entry)
{
    struct statement_entry *out;
    struct shard *shard;
    uint64_t hash;

    if (cache == NULL)
        return;
    hash = hash_of(cache, &entry->key);
    shard = shard_of(cache, hash);
    atomic_fetch_add(&entry->refs, 1);
    pthread_mutex_lock(&shard->lock);
    out = put_locked(cache, shard, hash, entry);
    pthread_mutex_unlock(&shard->lock);
    statement_entry_release(out);
}
