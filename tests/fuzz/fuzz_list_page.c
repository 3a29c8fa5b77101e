/* Any bytes as a bureau's pages: the first byte picks the dialect, the rest is divided into pages at 0xff. The scanner
 * and the row mapping may hand over only what lies inside the page, in order, and only what the interface allows. */
#include <stdlib.h>
#include <string.h>

#include "bureau.h"

#define MEMORY_MAX (1u << 20)

extern const struct gwa_adapter gwa_entry;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct gwa_job job;
    uint8_t dialect;
    void *memory[4];
    size_t memory_n;
    uint64_t line;
    bool open; /* a row waits for its fields */
    unsigned asked;
} world;

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void *fake_alloc(struct gwa_job *job, size_t n)
{
    (void)job;
    need(world.memory_n < 4 && n <= MEMORY_MAX);
    return world.memory[world.memory_n++] = calloc(1, n);
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
    need(io->kind == GWA_HTTP && strlen(io->target) < BUREAU_URL_MAX);
    world.asked++;
}

static bool fake_hmac(struct gwa_job *job, const char *name, struct gwa_bytes in, char *out, size_t size)
{
    (void)job;
    (void)name;
    need(in.n > 0 && size > 44);
    memcpy(out, "sign", 5);
    return true;
}

static const char *odd(const char *name)
{
    static const char *const settings[][2] = {
        {"members.data", ""}, {"members.rows", "d.r"}, {"members.total", "t"},         {"fields.uscc", "a.b"},
        {"fields.name", "n"}, {"success", "0,200"},    {"status.absent", "certified"}, {"first_page", "0"},
    };

    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        if ((world.dialect >> i & 1) != 0 && strcmp(settings[i][0], name) == 0)
            return settings[i][1];
    return NULL;
}

static const char *fake_setting(const struct gwa_job *job, const char *name)
{
    const char *value = odd(name);

    (void)job;
    if (value != NULL || strcmp(name, "url") == 0)
        return value != NULL ? value : "https://b.example";
    for (const struct gwa_setting *s = gwa_entry.settings; s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            return s->type == GWA_MAP ? NULL : s->type == GWA_DURATION ? "30000" : s->fallback;
    return NULL;
}

static int64_t fake_now(const struct gwa_job *job)
{
    (void)job;
    return 1700000000000;
}

static bool inside(struct gwa_bytes part)
{
    struct gwa_bytes body = world.job.result.body;

    return part.n > 0 && part.p >= body.p && part.p + part.n <= body.p + body.n;
}

static bool fake_page(struct gwa_job *job, const struct gwa_page *page)
{
    (void)job;
    need(!world.open && page->total >= -1 && page->raw.n == world.job.result.body.n);
    return true;
}

static enum gwa_row_answer fake_row(struct gwa_job *job, uint64_t line, struct gwa_bytes code, struct gwa_bytes raw)
{
    (void)job;
    need(!world.open && line == ++world.line && inside(raw) && raw.n <= BUREAU_ROW_MAX);
    need(code.n == 0 || code.p != NULL);
    world.open = true;
    return GWA_ROW_PARSE;
}

static void fake_fields(struct gwa_job *job, const struct gwa_field *fields, size_t n)
{
    size_t seen = 0;

    (void)job;
    need(world.open && n > 0 && n <= FIELD_COUNT);
    for (size_t i = 0; i < n; i++) {
        need(fields[i].value.n > 0);
        seen += strcmp(fields[i].name, "uscc") == 0 || strcmp(fields[i].name, "status") == 0;
        if (strncmp(fields[i].name, "valid_", 6) == 0)
            need(fields[i].value.n == 10 && fields[i].value.p[4] == '-' && fields[i].value.p[7] == '-');
    }
    need(seen == 2);
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
    for (const char *p = text; *p != '\0'; p++)
        need((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static const struct gwa_host fake = {
    sizeof(fake), fake_alloc, fake_say, fake_io,     fake_hmac, fake_setting,
    fake_now,     fake_page,  fake_row, fake_fields, fake_bad,  fake_why,
};

/* A page in memory of exactly its size, so that a byte read behind it is seen. */
static enum gwa_verdict step(const uint8_t *data, size_t size)
{
    uint8_t *page = malloc(size == 0 ? 1 : size);
    enum gwa_verdict verdict;

    if (size > 0)
        memcpy(page, data, size);
    world.job.result = (struct gwa_io_result){GWA_IO_OK, 200, "", {page, size}, "", false};
    verdict = gwa_entry.fetch(&world.job);
    need(!world.open);
    free(page);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *instance = NULL;
    enum gwa_verdict verdict;

    if (size == 0)
        return 0;
    memset(&world, 0, sizeof(world));
    world.dialect = *data++;
    size--;
    world.job.host = &fake;
    need(gwa_entry.open(&world.job, &instance));
    world.job.instance = instance;
    verdict = gwa_entry.fetch(&world.job);
    for (unsigned turn = 1; verdict == GWA_WAIT; turn++) {
        const uint8_t *end = size == 0 ? NULL : memchr(data, 0xff, size);
        size_t n = end == NULL ? size : (size_t)(end - data);

        need(world.asked == turn);
        verdict = step(data, n);
        data += end == NULL ? n : n + 1;
        size -= end == NULL ? n : n + 1;
    }
    need(verdict == GWA_DONE || verdict == GWA_RETRY);
    gwa_entry.close(instance);
    for (size_t i = 0; i < world.memory_n; i++)
        free(world.memory[i]);
    return 0;
}
