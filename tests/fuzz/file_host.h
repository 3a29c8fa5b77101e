/* A host for fuzzing adapters that read files: one file of any bytes, read in chunks of memory without a byte to spare; or
 * told as the answer to each question over HTTP. What is handed over must be what the interface allows; who includes this
 * says by fields_fit() what a row's fields must be, and by LINES_ASCEND whether rows come in the order of their lines. */
#ifndef FUZZ_FILE_HOST_H
#define FUZZ_FILE_HOST_H

#include <stdlib.h>
#include <string.h>

#include "adapters/common/files/internal.h"

#define MEMORY_MAX (16u << 20)
#define BLOCKS_MAX 128
#define PAGES_MAX 4                      /* the same answer again and again ends there */
#define FOLDER "/drop"

extern const struct gwa_adapter gwa_entry;

static struct {
    struct gwa_job job;
    const char *name;
    const uint8_t *file;
    size_t file_n;
    struct gwa_io io;
    char target[128];
    bool asked, open;
    bool pull;                           /* asked over HTTP, not for files */
    unsigned pages;
    uint64_t line;
    void *blocks[BLOCKS_MAX];
    size_t block_n, memory;
} world;

static void fields_fit(const struct gwa_field *fields, size_t n);

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void *fake_alloc(struct gwa_job *job, size_t n)
{
    (void)job;
    if (n > MEMORY_MAX - world.memory)
        return NULL;
    world.memory += n;
    need(world.block_n < BLOCKS_MAX);
    return world.blocks[world.block_n++] = calloc(1, n);
}

static void fake_say(struct gwa_job *job, int level, const char *text)
{
    (void)job;
    (void)level;
    need(text != NULL);
}

static void fake_io(struct gwa_job *job, const struct gwa_io *io)
{
    (void)job;
    need(!world.asked && strlen(io->target) < sizeof(world.target) && (io->kind == GWA_HTTP) == world.pull);
    need(world.pull || strncmp(io->target, FOLDER, 5) == 0);
    world.asked = true;
    world.io = *io;
    strcpy(world.target, io->target);
}

static bool fake_hmac(struct gwa_job *job, const char *name, struct gwa_bytes in, char *out, size_t size)
{
    (void)job;
    (void)name;
    (void)in;
    (void)out;
    (void)size;
    return false;
}

static const char *fake_setting(const struct gwa_job *job, const char *name)
{
    (void)job;
    if (strcmp(name, "directory") == 0)
        return world.pull ? NULL : FOLDER;
    if (strcmp(name, "url") == 0)
        return world.pull ? "https://h/p" : NULL;
    for (const struct gwa_setting *s = gwa_entry.settings; s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            return s->type == GWA_MAP ? NULL : s->type == GWA_DURATION ? "0" : s->fallback;
    return NULL;
}

static int64_t fake_now(const struct gwa_job *job)
{
    (void)job;
    return 1800000000000;
}

static bool fake_page(struct gwa_job *job, const struct gwa_page *page)
{
    (void)job;
    need(!world.open && (world.pull || (page->origin != NULL && page->total == -1)));
    return true;
}

static enum gwa_row_answer fake_row(struct gwa_job *job, uint64_t line, struct gwa_bytes code, struct gwa_bytes raw)
{
    uint8_t sum = 0;

    (void)job;
    need(!world.open && (line > world.line || !LINES_ASCEND) && raw.n <= ROW_MAX && code.n <= ROW_MAX);
    for (size_t i = 0; i < raw.n; i++)
        sum ^= raw.p[i];
    for (size_t i = 0; i < code.n; i++)
        sum ^= code.p[i];
    world.line = line;
    if (sum == 0xa5)
        return GWA_ROW_KNOWN;
    world.open = true;
    return GWA_ROW_PARSE;
}

static void fake_fields(struct gwa_job *job, const struct gwa_field *fields, size_t n)
{
    (void)job;
    need(world.open && n > 0);
    fields_fit(fields, n);
    world.open = false;
}

static void fake_bad(struct gwa_job *job, const char *field, const char *text)
{
    (void)job;
    need(world.open && field[0] != '\0' && text[0] != '\0');
    world.open = false;
}

static void fake_why(struct gwa_job *job, const char *text)
{
    (void)job;
    need(text[0] != '\0');
}

static const struct gwa_host fake = {
    sizeof(fake), fake_alloc, fake_say, fake_io,     fake_hmac, fake_setting,
    fake_now,     fake_page,  fake_row, fake_fields, fake_bad,  fake_why,
};

/* The answer in memory of exactly its size; the caller frees it. */
static uint8_t *answer(struct gwa_io_result *result)
{
    size_t left = world.io.offset >= world.file_n ? 0 : world.file_n - (size_t)world.io.offset;
    size_t n = left < world.io.limit ? left : (size_t)world.io.limit;
    char listing[64];
    const uint8_t *from = world.file + (world.file_n - left);
    uint8_t *body;

    *result = (struct gwa_io_result){.state = GWA_IO_OK, .status = 200, .headers = "", .why = "", .end = n == left};
    world.asked = false;
    if (world.pull) {
        n = world.file_n;
        from = world.file;
        result->state = ++world.pages > PAGES_MAX ? GWA_IO_FAILED : GWA_IO_OK;
    }
    if (world.io.kind == GWA_FILE_LIST) {
        n = (size_t)snprintf(listing, sizeof(listing), "%s\t%zu\t1700000000000\n", world.name, world.file_n);
        from = (const uint8_t *)listing;
    } else if (strstr(world.target, DONE_NAME) != NULL) {
        n = 0;
        result->state = GWA_IO_FAILED;
    }
    body = malloc(n == 0 ? 1 : n);
    if (n > 0)
        memcpy(body, from, n);
    result->body = (struct gwa_bytes){body, n};
    return body;
}

/* One run over the file, under this name; NULL: told over HTTP. */
static void read_file(const char *name, const uint8_t *file, size_t n)
{
    enum gwa_verdict verdict;
    void *instance = NULL;
    uint8_t *body = NULL;

    memset(&world, 0, sizeof(world));
    world.name = name;
    world.pull = name == NULL;
    world.file = file;
    world.file_n = n;
    world.job.host = &fake;
    need(gwa_entry.open(&world.job, &instance));
    world.job.instance = instance;
    while ((verdict = gwa_entry.fetch(&world.job)) == GWA_WAIT) {
        free(body);
        need(world.asked && !world.open);
        body = answer(&world.job.result);
    }
    free(body);
    need(!world.open && (verdict == GWA_DONE || verdict == GWA_RETRY || verdict == GWA_REJECTED));
    gwa_entry.close(instance);
    for (size_t i = 0; i < world.block_n; i++)
        free(world.blocks[i]);
}

#endif
