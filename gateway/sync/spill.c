/* The spill: rows that differ, on their way to the stage. They gather in memory, and each time that is full they are
 * sorted by code and written behind one another into a file without a name; at the end the sorted parts are merged.
 * So the stage is written once and in code order, whatever order the list has, and a crash leaves nothing behind.
 *
 * A row in the file: be32 length of the value ‖ code, padded with NUL ‖ value. */
#include "sync/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPILL_BYTES (16u << 20)       /* rows kept in memory before they are sorted and written */
#define SPILL_ROWS (1u << 16)
#define SPILL_FREE_MIN (64ll << 20)   /* what the file must leave free on its disk */
#define SPILL_WRITE (256u << 10)
#define HEAD_SIZE (4 + USCC_SIZE)

struct item {
    char uscc[USCC_SIZE];
    uint32_t at, n;                   /* of its value in `values`, which grow in the order of arrival */
};
struct part {
    uint64_t from, to;                /* of the file */
};
struct cursor {
    const uint8_t *at, *end;
    size_t part;
};
struct spill {
    struct buf values;
    struct item *items;
    size_t item_n;
    int fd;
    uint64_t size;
    struct part *parts;
    size_t part_n;
    const uint8_t *map;               /* while merging */
    struct cursor *heap;
    size_t heap_n;
};

/* ---- life ---- */

struct spill *spill_new(void)
{
    struct spill *spill = xcalloc(1, sizeof *spill);
    spill->fd = -1;
    spill->items = xcalloc(SPILL_ROWS, sizeof *spill->items);
    buf_init(&spill->values, SPILL_BYTES + STAGE_VALUE_MAX);
    return spill;
}

static void merge_end(struct spill *spill)
{
    if (spill->map != NULL)
        munmap((void *)(uintptr_t)spill->map, spill->size);
    free(spill->heap);
    spill->map = NULL;
    spill->heap = NULL;
    spill->heap_n = 0;
}

void spill_reset(struct spill *spill)
{
    merge_end(spill);
    buf_free(&spill->values);
    buf_init(&spill->values, SPILL_BYTES + STAGE_VALUE_MAX);
    if (spill->fd >= 0)
        close(spill->fd);
    spill->fd = -1;
    spill->size = 0;
    spill->item_n = spill->part_n = 0;
}

void spill_free(struct spill **spill)
{
    if (*spill == NULL)
        return;
    spill_reset(*spill);
    buf_free(&(*spill)->values);
    free((*spill)->items);
    free((*spill)->parts);
    free(*spill);
    *spill = NULL;
}

/* ---- writing ---- */

static int by_code(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int order = memcmp(x->uscc, y->uscc, USCC_SIZE);
    return order != 0 ? order : x->at < y->at ? -1 : x->at > y->at;
}

static bool open_file(struct spill *spill, const struct sync *sync, struct err *err)
{
    char path[PATH_MAX];
    int64_t room = store_free_bytes(sync->store);
    if (room >= 0 && room < SPILL_FREE_MIN)
        return err_set(err, ERR_STORE_FULL, "list", "%lld bytes are free", (long long)room);
    if (spill->fd >= 0)
        return true;
    int n = snprintf(path, sizeof path, "%s/list-XXXXXX", sync->spill_dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(err, ERR_STORE_OPEN, "list", "the directory's name is too long");
    spill->fd = mkostemp(path, O_CLOEXEC);
    if (spill->fd < 0)
        return err_errno(err, ERR_STORE_OPEN, path, "create");
    unlink(path);
    return true;
}

static bool write_out(struct spill *spill, struct buf *out, struct err *err)
{
    for (size_t done = 0; done < out->n;) {
        ssize_t n = write(spill->fd, out->p + done, out->n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_STORE_FAILED, "list",
                             "write");
        done += (size_t)n;
        spill->size += (uint64_t)n;
    }
    buf_reset(out);
    return true;
}

static bool write_items(struct spill *spill, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < spill->item_n; i++) {
        const struct item *item = &spill->items[i];
        uint8_t length[4];
        put_be32(length, item->n);
        buf_put(out, length, sizeof length);
        buf_put(out, item->uscc, USCC_SIZE);
        buf_put(out, spill->values.p + item->at, item->n);
        if (out->n >= SPILL_WRITE)
            CHECK(write_out(spill, out, err));
    }
    return write_out(spill, out, err);
}

static bool spill_write(struct spill *spill, const struct sync *sync, struct err *err)
{
    struct buf out;
    if (spill->item_n == 0)
        return true;
    CHECK(open_file(spill, sync, err));
    qsort(spill->items, spill->item_n, sizeof *spill->items, by_code);
    uint64_t from = spill->size;
    buf_init(&out, SPILL_WRITE + HEAD_SIZE + STAGE_VALUE_MAX);
    bool ok = write_items(spill, &out, err);
    buf_free(&out);
    CHECK(ok);
    spill->parts = xrealloc(spill->parts, (spill->part_n + 1) * sizeof *spill->parts);
    spill->parts[spill->part_n++] = (struct part){from, spill->size};
    spill->item_n = 0;
    buf_reset(&spill->values);
    return true;
}

bool spill_add(struct spill *spill, const struct sync *sync, const struct staged *staged, bool *written_out,
               struct err *err)
{
    struct item *item = &spill->items[spill->item_n++];
    memset(item->uscc, 0, sizeof item->uscc);
    memcpy(item->uscc, staged->uscc, strlen(staged->uscc));
    item->at = (uint32_t)spill->values.n;
    staged_encode(staged, &spill->values);
    item->n = (uint32_t)spill->values.n - item->at;
    *written_out = spill->item_n == SPILL_ROWS || spill->values.n >= SPILL_BYTES;
    return !*written_out || spill_write(spill, sync, err);
}

/* ---- merging: a heap of the parts, the smallest code on top, of equal codes the earlier part ---- */

static bool before(const struct cursor *a, const struct cursor *b)
{
    int order = memcmp(a->at + 4, b->at + 4, USCC_SIZE);
    return order != 0 ? order < 0 : a->part < b->part;
}

static void sink(struct spill *spill, size_t i)
{
    struct cursor *heap = spill->heap;
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < spill->heap_n; child++) {
            if (before(&heap[child], &heap[least]))
                least = child;
        }
        if (least == i)
            return;
        struct cursor swapped = heap[i];
        heap[i] = heap[least];
        heap[least] = swapped;
        i = least;
    }
}

bool spill_merge(struct spill *spill, const struct sync *sync, struct err *err)
{
    CHECK(spill_write(spill, sync, err));
    buf_free(&spill->values);
    buf_init(&spill->values, SPILL_BYTES + STAGE_VALUE_MAX);
    if (spill->size == 0)
        return true;
    void *map = mmap(NULL, spill->size, PROT_READ, MAP_SHARED, spill->fd, 0);
    if (map == MAP_FAILED)
        return err_errno(err, ERR_STORE_FAILED, "list", "map");
    spill->map = map;
    spill->heap = xcalloc(spill->part_n, sizeof *spill->heap);
    spill->heap_n = spill->part_n;
    for (size_t i = 0; i < spill->part_n; i++)
        spill->heap[i] = (struct cursor){spill->map + spill->parts[i].from, spill->map + spill->parts[i].to, i};
    for (size_t i = spill->heap_n; i-- > 0;)
        sink(spill, i);
    return true;
}

bool spill_peek(const struct spill *spill, const char **uscc_out, struct bytes *value_out)
{
    if (spill->heap_n == 0)
        return false;
    const uint8_t *at = spill->heap[0].at;
    *uscc_out = (const char *)at + 4;
    *value_out = bytes_of(at + HEAD_SIZE, get_be32(at));
    return true;
}

void spill_next(struct spill *spill)
{
    struct cursor *top = &spill->heap[0];
    top->at += HEAD_SIZE + get_be32(top->at);
    if (top->at == top->end)
        *top = spill->heap[--spill->heap_n];
    sink(spill, 0);
}
