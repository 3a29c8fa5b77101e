/* gateway/record/README.md shows stored bytes: the samples there must be what the code writes. On a difference
 * the test prints what belongs there. */
#include "samples.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1u << 20);
    size_t n = fread(text, 1, (1u << 20) - 1, f);
    fclose(f);
    assert_true(n > 0);
    return text;
}

/* The fenced block that follows the line `<!-- sample: name -->`. */
static char *sample(const char *name)
{
    char mark[64];
    char *readme = slurp(SOURCE_DIR "/gateway/record/README.md");
    snprintf(mark, sizeof(mark), "<!-- sample: %s -->\n```\n", name);
    char *start = strstr(readme, mark);
    assert_non_null(start);
    start += strlen(mark);
    char *end = strstr(start, "```");
    assert_non_null(end);
    char *out = strndup(start, (size_t)(end - start));
    free(readme);
    return out;
}

/* As `hexdump -C` without the closing offset: 16 bytes a line. */
static void dump(struct bytes in, struct buf *out)
{
    for (size_t at = 0; at < in.n; at += 16) {
        buf_printf(out, "%04zx ", at);
        for (size_t i = at; i < at + 16; i++) {
            if (i < in.n)
                buf_printf(out, " %02x", in.p[i]);
            else
                buf_str(out, "   ");
        }
        buf_str(out, "  |");
        for (size_t i = at; i < at + 16 && i < in.n; i++)
            buf_byte(out, isprint(in.p[i]) ? in.p[i] : '.');
        buf_str(out, "|\n");
    }
}

static void compare(const char *name, struct buf *actual)
{
    char *shown = sample(name);
    bool same = strcmp(shown, (char *)actual->p) == 0;
    /* not through cmocka, which cuts at 1024 bytes */
    if (!same)
        printf("README.md, sample %s, should show:\n%s\n", name, (char *)actual->p);
    free(shown);
    buf_free(actual);
    assert_true(same);
}

static void the_firm_shown_is_what_is_stored(void **unused)
{
    (void)unused;
    struct firm firm;
    struct buf value, text;
    sample_firm(&firm);
    buf_init(&value, RECORD_BYTES_MAX);
    buf_init(&text, RECORD_BYTES_MAX);
    firm_encode(&firm, &value);
    dump(buf_bytes(&value), &text);
    buf_free(&value);
    compare("firm", &text);
}

static void the_records_shown_are_what_is_written(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        void (*make)(struct record *);
    } shown[] = {{"certification", sample_grant}, {"exclusion", sample_exclusion}, {"credit", sample_credit},
                 {"pledge", sample_pledge}};
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        struct record record;
        struct buf text;
        buf_init(&text, RECORD_BYTES_MAX);
        shown[i].make(&record);
        record_encode(&record, &text);
        buf_byte(&text, '\n');
        compare(shown[i].name, &text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_firm_shown_is_what_is_stored),
        cmocka_unit_test(the_records_shown_are_what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
