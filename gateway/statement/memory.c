/* memory: where signed statements lie. Nearly all fit blocks of one size, cut from slabs: a thread's heap grows by a
 * system call and a page fault for every second statement. */
#include "statement/internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#define BLOCK_SIZE 2048u
#define SLAB_SIZE (256u << 10)

struct idle_block {
    struct idle_block *next;
};
struct statement_memory {
    pthread_mutex_t lock;
    size_t users; /* blocks that hold an entry, and the cache */
    struct idle_block *idle;
    uint8_t *fresh, *fresh_end; /* of the newest slab: never used yet */
    void **slabs;
    size_t slab_n, slab_room;
};

struct statement_memory *statement_memory_new(void)
{
    struct statement_memory *memory = xcalloc(1, sizeof(*memory));

    pthread_mutex_init(&memory->lock, NULL);
    memory->users = 1;
    return memory;
}

static void end(struct statement_memory *memory)
{
    for (size_t i = 0; i < memory->slab_n; i++)
        munmap(memory->slabs[i], SLAB_SIZE);
    free(memory->slabs);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static void leave(struct statement_memory *memory, struct idle_block *block)
{
    size_t users;

    pthread_mutex_lock(&memory->lock);
    if (block != NULL) {
        block->next = memory->idle;
        memory->idle = block;
    }
    users = --memory->users;
    pthread_mutex_unlock(&memory->lock);
    if (users == 0)
        end(memory);
}

void statement_memory_free(struct statement_memory **memory)
{
    if (*memory != NULL)
        leave(*memory, NULL);
    *memory = NULL;
}

/* All its pages at once, which is far cheaper than one fault each. */
static bool add_slab(struct statement_memory *memory)
{
    uint8_t *slab = mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (slab == MAP_FAILED)
        return false;
    if (memory->slab_n == memory->slab_room) {
        memory->slab_room = memory->slab_room == 0 ? 16 : 2 * memory->slab_room;
        memory->slabs = xrealloc(memory->slabs, memory->slab_room * sizeof(*memory->slabs));
    }
    memory->slabs[memory->slab_n++] = slab;
    memory->fresh = slab;
    memory->fresh_end = slab + SLAB_SIZE;
    return true;
}

static void *take_locked(struct statement_memory *memory)
{
    struct idle_block *block = memory->idle;

    if (block != NULL) {
        memory->idle = block->next;
    } else {
        if (memory->fresh == memory->fresh_end && !add_slab(memory))
            return NULL;
        block = (struct idle_block *)(void *)memory->fresh;
        memory->fresh += BLOCK_SIZE;
    }
    memory->users++;
    return block;
}

struct statement_entry *statement_entry_new(struct statement_memory *memory, size_t text)
{
    size_t size = sizeof(struct statement_entry) + text;
    struct statement_entry *entry = NULL;

    if (memory != NULL && size <= BLOCK_SIZE) {
        pthread_mutex_lock(&memory->lock);
        entry = take_locked(memory);
        pthread_mutex_unlock(&memory->lock);
    }
    if (entry == NULL) {
        entry = xcalloc(1, size);
        memory = NULL;
    }
    memset(entry, 0, sizeof(*entry));
    entry->memory = memory;
    atomic_init(&entry->refs, 1);
    return entry;
}

void statement_entry_release(struct statement_entry *entry)
{
    if (entry == NULL || atomic_fetch_sub(&entry->refs, 1) != 1)
        return;
    if (entry->memory != NULL)
        leave(entry->memory, (struct idle_block *)(void *)entry);
    else
        free(entry);
}
