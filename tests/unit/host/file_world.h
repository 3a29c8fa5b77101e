/* A host that a test plays, over a real folder: what an adapter of files asks for is done there, what it hands over is
 * written into a log, a line a row. Pages over HTTP are those of the test. */
#ifndef TESTS_FILE_WORLD_H
#define TESTS_FILE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "adapters/adapter.h"

extern const struct gwa_adapter gwa_entry;

/* ---- the host --------------------------------------------------------------------------------------------- */

#define MEMORY_MAX (16u << 20)
#define BLOCKS_MAX 128
#define NOW_MS INT64_C(1800000000000)

static struct world {
    struct gwa_job job;
    char folder[64];
    const char *const *settings;       /* name, value, … NULL */
    struct gwa_io io;                  /* asked for, its texts copied */
    char target[4096];
    uint8_t *body;
    size_t body_n;
    bool asked;
    char log[1 << 18];                 /* what was handed over, one line each */
    size_t log_n;
    char why[512], origin[2100];
    void *blocks[BLOCKS_MAX];
    size_t block_n, memory;
    bool no_folder;                    /* the setting `directory` is absent */
    const char *const *pages_told;     /* bodies of HTTP answers, in order; NULL ends them */
    int status;                        /* of those answers */
    char url[512];                     /* asked for last */
    const char *known;                 /* this code's rows are known; "*": all */
    uint64_t stop_at;
    uint64_t rows, parsed, bad, pages;
    unsigned steps;
    bool quiet;
    void (*between)(unsigned step);    /* called before each step */
} world;

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    va_list args;

    if (world.quiet || world.log_n > sizeof(world.log) - 8192)
        return;
    va_start(args, format);
    world.log_n += (size_t)vsnprintf(world.log + world.log_n, sizeof(world.log) - world.log_n, format, args);
    va_end(args);
}

static void *fake_alloc(struct gwa_job *job, size_t n)
{
    (void)job;
    if (n > MEMORY_MAX - world.memory)
        return NULL;
    world.memory += n;
    assert_true(world.block_n < BLOCKS_MAX);
    return world.blocks[world.block_n++] = calloc(1, n);
}

static void fake_say(struct gwa_job *job, int level, const char *text)
{
    (void)job;
    (void)level;
    (void)text;
}

static void fake_io(struct gwa_job *job, const struct gwa_io *io)
{
    (void)job;
    assert_false(world.asked);
    assert_true(strlen(io->target) < sizeof(world.target));
    if (io->kind != GWA_HTTP)
        assert_memory_equal(io->target, world.folder, strlen(world.folder));
    world.asked = true;
    world.io = *io;
    (void)snprintf(world.target, sizeof(world.target), "%s", io->target);
    world.body = realloc(world.body, io->body.n + 1);
    if (io->body.n > 0)
        memcpy(world.body, io->body.p, io->body.n);
    world.body_n = io->body.n;
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
        return world.no_folder ? NULL : world.folder;
    for (size_t i = 0; world.settings != NULL && world.settings[i] != NULL; i += 2)
        if (strcmp(world.settings[i], name) == 0)
            return world.settings[i + 1];
    for (const struct gwa_setting *s = gwa_entry.settings; s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            return s->type == GWA_MAP ? NULL : s->type == GWA_DURATION ? "30000" : s->fallback;
    return NULL;
}

static int64_t fake_now(const struct gwa_job *job)
{
    (void)job;
    return NOW_MS;
}

static bool fake_page(struct gwa_job *job, const struct gwa_page *page)
{
    (void)job;
    assert_int_equal(page->number, ++world.pages);
    (void)snprintf(world.origin, sizeof(world.origin), "%s", page->origin == NULL ? "" : page->origin);
    return true;
}

static enum gwa_row_answer fake_row(struct gwa_job *job, uint64_t line, struct gwa_bytes code, struct gwa_bytes raw)
{
    (void)job;
    assert_true(raw.n <= 64 << 10);
    world.rows++;
    put("%llu [%.*s]", (unsigned long long)line, (int)code.n, (const char *)code.p);
    if (line == world.stop_at)
        return GWA_ROW_STOP;
    if (world.known == NULL ||
        (world.known[0] != '*' && (code.n != strlen(world.known) || memcmp(code.p, world.known, code.n) != 0)))
        return GWA_ROW_PARSE;
    put(" known\n");
    return GWA_ROW_KNOWN;
}

static void fake_fields(struct gwa_job *job, const struct gwa_field *fields, size_t n)
{
    (void)job;
    world.parsed++;
    for (size_t i = 0; i < n; i++)
        put(" %s=%.*s", fields[i].name, (int)fields[i].value.n, (const char *)fields[i].value.p);
    put("\n");
}

static void fake_bad(struct gwa_job *job, const char *field, const char *text)
{
    (void)job;
    world.bad++;
    put(" bad %s: %s\n", field, text);
}

static void fake_why(struct gwa_job *job, const char *text)
{
    (void)job;
    (void)snprintf(world.why, sizeof(world.why), "%s", text);
}

static const struct gwa_host fake = {
    sizeof(fake), fake_alloc, fake_say, fake_io,     fake_hmac, fake_setting,
    fake_now,     fake_page,  fake_row, fake_fields, fake_bad,  fake_why,
};

/* ---- its files ---------------------------------------------------------------------------------------------- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static uint8_t *list_folder(size_t *n_out)
{
    struct dirent **found = NULL;
    int n = scandir(world.target, &found, NULL, by_name);
    char *out = NULL;
    FILE *file = open_memstream(&out, n_out);

    for (int i = 0; i < n; i++) {
        char path[8192];
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/%s", world.target, found[i]->d_name);
        if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
            fprintf(file, "%s\t%lld\t%lld\n", found[i]->d_name, (long long)st.st_size, (long long)st.st_mtime * 1000);
        free(found[i]);
    }
    free(found);
    fclose(file);
    return (uint8_t *)out;
}

static uint8_t *read_part(struct gwa_io_result *result, size_t *n_out)
{
    FILE *file = fopen(world.target, "rb");
    size_t limit = world.io.limit == 0 ? 16u << 20 : (size_t)world.io.limit;
    uint8_t *out;

    result->state = file == NULL ? GWA_IO_FAILED : GWA_IO_OK;
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file), left = world.io.offset >= size ? 0 : size - (size_t)world.io.offset;
    *n_out = left < limit ? left : limit;
    fseek(file, (long)world.io.offset, SEEK_SET);
    out = malloc(*n_out + (*n_out == 0)); /* without a byte to spare, so that reading beyond it is seen */
    assert_int_equal(fread(out, 1, *n_out, file), *n_out);
    fclose(file);
    result->end = *n_out == left;
    return out;
}

static void write_file(const char *path, const void *p, size_t n)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    fclose(file);
}

/* The next page of the test's. */
static uint8_t *next_page(struct gwa_io_result *result, size_t *n_out)
{
    const char *page = world.pages_told == NULL ? NULL : *world.pages_told;

    (void)snprintf(world.url, sizeof(world.url), "%.500s", world.target);
    result->status = world.status;
    if (page == NULL) {
        result->state = GWA_IO_FAILED;
        return NULL;
    }
    world.pages_told++;
    *n_out = strlen(page);
    return memcpy(malloc(*n_out + 1), page, *n_out);
}

/* Does what was asked; the answer's memory is given back to the caller. */
static uint8_t *carry_out(struct gwa_io_result *result)
{
    uint8_t *body = NULL;
    size_t n = 0;

    *result = (struct gwa_io_result){.state = GWA_IO_OK, .headers = "", .why = ""};
    world.asked = false;
    if (world.io.kind == GWA_HTTP)
        body = next_page(result, &n);
    else if (world.io.kind == GWA_FILE_LIST)
        body = list_folder(&n);
    else if (world.io.kind == GWA_FILE_READ)
        body = read_part(result, &n);
    else
        write_file(world.target, world.body, world.body_n);
    result->body = (struct gwa_bytes){body, n};
    return body;
}

static enum gwa_verdict drive(enum gwa_verdict (*step)(struct gwa_job *job))
{
    enum gwa_verdict verdict;
    uint8_t *body = NULL;

    for (;;) {
        if (world.between != NULL)
            world.between(world.steps);
        world.steps++;
        verdict = step(&world.job);
        free(body);
        body = NULL;
        if (verdict != GWA_WAIT)
            break;
        assert_true(world.asked);
        body = carry_out(&world.job.result);
    }
    for (size_t i = 0; i < world.block_n; i++)
        free(world.blocks[i]);
    world.block_n = world.memory = 0;
    world.job.state = NULL;
    return verdict;
}

static void open_it(void)
{
    world.job.host = &fake;
    if (world.job.instance == NULL && !gwa_entry.open(&world.job, &world.job.instance))
        fail_msg("not opened: %s", world.why);
    world.log_n = world.pages = world.rows = world.parsed = world.bad = world.steps = 0;
    world.log[0] = world.why[0] = '\0';
    world.job.result = (struct gwa_io_result){.state = GWA_IO_NONE};
}

__attribute__((unused)) static enum gwa_verdict fetch(void)
{
    open_it();
    world.origin[0] = '\0';
    return drive(gwa_entry.fetch);
}

__attribute__((unused)) static enum gwa_verdict answer(const char *csv)
{
    static char origin[sizeof(world.origin)];

    memcpy(origin, world.origin, sizeof(origin));
    open_it();
    world.job.origin = origin;
    world.job.message = (struct gwa_bytes){(const uint8_t *)csv, strlen(csv)};
    return drive(gwa_entry.send);
}

/* ---- files that a test drops ---------------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", world.folder, name);
    return path;
}

__attribute__((unused)) static void age(const char *name, int64_t seconds)
{
    time_t at = (time_t)(NOW_MS / 1000 - seconds);
    struct utimbuf times = {at, at};

    assert_int_equal(utime(path_of(name), &times), 0);
}

__attribute__((unused)) static void drop_bytes(const char *name, const void *p, size_t n)
{
    write_file(path_of(name), p, n);
    age(name, 3600);
}

__attribute__((unused)) static void drop(const char *name, const char *text)
{
    drop_bytes(name, text, strlen(text));
}

static int setup(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    strcpy(world.folder, "/tmp/filedrop-XXXXXX");
    return mkdtemp(world.folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    DIR *dir = opendir(world.folder);
    const struct dirent *found;

    (void)state;
    while (dir != NULL && (found = readdir(dir)) != NULL)
        if (found->d_name[0] != '.' || found->d_name[1] == 'f')
            (void)unlink(path_of(found->d_name));
    if (dir != NULL)
        closedir(dir);
    (void)rmdir(world.folder);
    if (world.job.instance != NULL)
        gwa_entry.close(world.job.instance);
    free(world.body);
    return 0;
}

__attribute__((unused)) static void expect_log(const char *text)
{
    if (strstr(world.log, text) == NULL)
        fail_msg("\"%s\" is not in:\n%s", text, world.log);
}

__attribute__((unused)) static void expect_why(const char *words)
{
    if (strstr(world.why, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, world.why);
}

__attribute__((unused)) static void drop_gb18030(const char *name, const char *text)
{
    iconv_t to = iconv_open("GB18030", "UTF-8");
    char out[8192], *at = out, *from = (char *)(uintptr_t)text;
    size_t left = strlen(text), room = sizeof(out);

    assert_int_equal(iconv(to, &from, &left, &at, &room), 0);
    iconv_close(to);
    drop_bytes(name, out, sizeof(out) - room);
}

#endif
