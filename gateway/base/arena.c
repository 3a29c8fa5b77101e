/* Memory that lives and dies with one unit of work, and the heap calls that never return NULL. */
#include "base/base.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024, BLOCK_SIZE_MAX = 1024 * 1024 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t data[];
};

/* `head` is the block that small requests are cut from. A request too large for a fresh block gets one of
 * its own behind the head, so that the room left in the head is not lost. */
struct arena {
    struct block *head;
    size_t block_size;
};

static _Noreturn void out_of_memory(void)
{
    /* nothing that allocates may run here, and the journal survives */
    fputs("out of memory\n", stderr);
    abort();
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}

void *xrealloc(void *p, size_t size)
{
    void *moved = realloc(p, size ? size : 1);
    if (!moved)
        out_of_memory();
    return moved;
}

char *xstrdup(const char *s)
{
    char *copy = strdup(s);
    if (!copy)
        out_of_memory();
    return copy;
}

void wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}

struct arena *arena_new(void)
{
    struct arena *arena = xcalloc(1, sizeof(*arena));
    arena->block_size = BLOCK_SIZE;
    return arena;
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_free(struct arena **arena)
{
    if (!*arena)
        return;
    free_blocks((*arena)->head);
    free(*arena);
    *arena = NULL;
}

void arena_cleanup(struct arena **arena)
{
    arena_free(arena);
}

void arena_reset(struct arena *arena)
{
    struct block *keep = arena->head;
    if (!keep)
        return;
    free_blocks(keep->next);
    keep->next = NULL;
    keep->used = 0;
    arena->block_size = keep->size;
}

static struct block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block))
        out_of_memory();
    struct block *block = xrealloc(NULL, sizeof(*block) + size);
    *block = (struct block){.size = size};
    return block;
}

/* The slow path: `size` does not fit into the head. */
static struct block *block_for(struct arena *arena, size_t size)
{
    if (arena->head && size > arena->block_size / 2) {
        struct block *own = block_new(size);
        own->next = arena->head->next;
        arena->head->next = own;
        return own;
    }
    /* a unit of work that needs many blocks gets larger ones */
    if (arena->head && arena->block_size < BLOCK_SIZE_MAX)
        arena->block_size *= 2;
    struct block *block = block_new(size > arena->block_size ? size : arena->block_size);
    block->next = arena->head;
    arena->head = block;
    return block;
}

/* Room for `size` bytes, not cleared. */
static void *take(struct arena *arena, size_t size)
{
    const size_t mask = alignof(max_align_t) - 1;
    if (size > SIZE_MAX - mask)
        out_of_memory();
    size_t step = size ? (size + mask) & ~mask : mask + 1;
    struct block *block = arena->head;
    if (!block || step > block->size - block->used)
        block = block_for(arena, step);
    void *p = block->data + block->used;
    block->used += step;
    return p;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(take(arena, size), 0, size ? size : 1);
}

char *arena_strndup(struct arena *arena, const char *s, size_t n)
{
    if (!s)
        return NULL;
    size_t length = strnlen(s, n);
    char *copy = take(arena, length + 1);
    memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *s)
{
    return s ? arena_strndup(arena, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n < 0)
        return arena_strdup(arena, "");
    if ((size_t)n < sizeof(small))
        return arena_strndup(arena, small, (size_t)n);
    char *text = take(arena, (size_t)n + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

struct bytes bytes_dup(struct arena *arena, struct bytes b)
{
    uint8_t *copy = take(arena, b.n + 1);
    if (b.n > 0)
        memcpy(copy, b.p, b.n);
    copy[b.n] = 0;
    return (struct bytes){copy, b.n};
}
