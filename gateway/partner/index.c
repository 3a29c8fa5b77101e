/* index: look-up tables of a directory. What stands in two places is found here. */
#include "partner/internal.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    const struct partner *x = *(const struct partner *const *)a, *y = *(const struct partner *const *)b;
    int order = strcmp(x->id, y->id);

    return order != 0 ? order : (x->slot > y->slot) - (x->slot < y->slot);
}

static int by_uid(const void *a, const void *b)
{
    const struct partner *x = *(const struct partner *const *)a, *y = *(const struct partner *const *)b;
    int order = (x->uid > y->uid) - (x->uid < y->uid);

    return order != 0 ? order : (x->slot > y->slot) - (x->slot < y->slot);
}

static void twice(struct loader *loader, const struct yaml_node *const *nodes, const struct partner *first,
                  const struct partner *second, const char *what)
{
    loader_fail(loader, nodes[second->slot], ERR_CONFIG_DUPLICATE, "%s is also that of %s at %s", what, first->id,
                loader_place(loader, nodes[first->slot]));
}

static void index_ids(struct loader *loader, const struct yaml_node *const *nodes)
{
    struct directory *directory = loader->directory;

    directory->by_id = arena_alloc(loader->arena, (directory->partner_n + 1) * sizeof(*directory->by_id));
    for (size_t i = 0; i < directory->partner_n; i++)
        directory->by_id[i] = &directory->partners[i];
    qsort(directory->by_id, directory->partner_n, sizeof(*directory->by_id), by_id);
    for (size_t i = 1; i < directory->partner_n; i++) {
        const struct partner *first = directory->by_id[i - 1], *second = directory->by_id[i];

        if (*first->id != '\0' && strcmp(first->id, second->id) == 0)
            twice(loader, nodes, first, second, "id");
    }
}

static void index_uids(struct loader *loader, const struct yaml_node *const *nodes)
{
    struct directory *directory = loader->directory;

    directory->by_uid = arena_alloc(loader->arena, (directory->partner_n + 1) * sizeof(*directory->by_uid));
    for (size_t i = 0; i < directory->partner_n; i++) {
        if (directory->partners[i].has_uid)
            directory->by_uid[directory->uid_n++] = &directory->partners[i];
    }
    qsort(directory->by_uid, directory->uid_n, sizeof(*directory->by_uid), by_uid);
    for (size_t i = 1; i < directory->uid_n; i++) {
        if (directory->by_uid[i - 1]->uid == directory->by_uid[i]->uid)
            twice(loader, nodes, directory->by_uid[i - 1], directory->by_uid[i], "uid");
    }
}

/* The digest's own bytes are the hash. */
static struct key_slot *slot_of(const struct directory *directory, const uint8_t digest[CRYPTO_DIGEST_SIZE])
{
    size_t i = (size_t)get_be64(digest) & (directory->slot_n - 1);

    while (directory->slots[i].digest != NULL && memcmp(directory->slots[i].digest, digest, CRYPTO_DIGEST_SIZE) != 0)
        i = (i + 1) & (directory->slot_n - 1);
    return &directory->slots[i];
}

static void add_key(struct loader *loader, const struct yaml_node *const *nodes, const struct partner *partner,
                    const uint8_t digest[CRYPTO_DIGEST_SIZE])
{
    struct key_slot *slot = slot_of(loader->directory, digest);

    if (slot->digest == NULL)
        *slot = (struct key_slot){digest, partner};
    else
        twice(loader, nodes, slot->partner, partner, "a TLS key");
}

static void index_keys(struct loader *loader, const struct yaml_node *const *nodes)
{
    struct directory *directory = loader->directory;
    size_t keys = 0;

    for (size_t i = 0; i < directory->partner_n; i++)
        keys += directory->partners[i].tls_key_n;
    directory->slot_n = 16;
    while (directory->slot_n < 2 * keys)
        directory->slot_n *= 2;
    directory->slots = arena_alloc(loader->arena, directory->slot_n * sizeof(*directory->slots));
    for (size_t i = 0; i < directory->partner_n; i++) {
        const struct partner *partner = &directory->partners[i];

        for (size_t k = 0; k < partner->tls_key_n; k++)
            add_key(loader, nodes, partner, partner->tls_keys[k]);
    }
}

void index_partners(struct loader *loader, const struct yaml_node *const *nodes)
{
    index_ids(loader, nodes);
    index_uids(loader, nodes);
    index_keys(loader, nodes);
}

/* There are few sources: each is compared with those before it. */
void index_sources(struct loader *loader, const struct yaml_node *const *nodes)
{
    struct directory *directory = loader->directory;

    for (size_t i = 0; i < directory->source_n; i++) {
        const char *id = directory->sources[i].id;

        for (size_t k = 0; k < i && *id != '\0'; k++) {
            if (strcmp(directory->sources[k].id, id) == 0) {
                loader_fail(loader, nodes[i], ERR_CONFIG_DUPLICATE, "id is also that of %s at %s", id,
                            loader_place(loader, nodes[k]));
                break;
            }
        }
    }
}

static int find_id(const void *key, const void *item)
{
    return strcmp(key, (*(const struct partner *const *)item)->id);
}

const struct partner *directory_find(const struct directory *directory, const char *id)
{
    const struct partner *const *found = bsearch(id, directory->by_id, directory->partner_n, sizeof(*directory->by_id),
                                                 find_id);

    return found == NULL ? NULL : *found;
}

static int find_uid(const void *key, const void *item)
{
    uint32_t uid = *(const uint32_t *)key, other = (*(const struct partner *const *)item)->uid;

    return (uid > other) - (uid < other);
}

const struct partner *directory_by_uid(const struct directory *directory, uint32_t uid)
{
    const struct partner *const *found = bsearch(&uid, directory->by_uid, directory->uid_n, sizeof(*directory->by_uid),
                                                 find_uid);

    return found == NULL ? NULL : *found;
}

const struct partner *directory_by_key(const struct directory *directory, const uint8_t digest[CRYPTO_DIGEST_SIZE])
{
    return slot_of(directory, digest)->partner;
}

const struct source *directory_source_find(const struct directory *directory, const char *id)
{
    for (size_t i = 0; i < directory->source_n; i++) {
        if (strcmp(directory->sources[i].id, id) == 0)
            return &directory->sources[i];
    }
    return NULL;
}
