/* The files in the program: found by name alone, each with what a browser must be told about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "console/console.h"

static const struct console_file *need(const char *name)
{
    const struct console_file *file = console_find(name);

    if (!console_find("index.html"))
        skip(); /* a build without the console */
    assert_non_null(file);
    return file;
}

static void names_are_whole(void **state)
{
    (void)state;
    assert_null(console_find(""));
    assert_null(console_find("index.htm"));
    assert_null(console_find("/index.html"));
    assert_null(console_find("../index.html"));
    assert_null(console_find("INDEX.HTML"));
}

static void each_has_its_type(void **state)
{
    (void)state;
    assert_string_equal(need("index.html")->media_type, "text/html; charset=utf-8");
    assert_string_equal(need("app.js")->media_type, "text/javascript; charset=utf-8");
    assert_string_equal(need("app.css")->media_type, "text/css; charset=utf-8");
    assert_string_equal(need("icon.svg")->media_type, "image/svg+xml");
}

static void tags_are_of_the_bytes(void **state)
{
    (void)state;
    assert_int_equal(strspn(need("app.js")->tag, "0123456789abcdef"), 32);
    assert_string_not_equal(need("app.js")->tag, need("app.css")->tag);
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* RFC 1952: how it begins, no time in it, and how long it will be. */
static void packed_forms_are_gzip_of_the_plain_ones(void **state)
{
    static const char *const names[] = {"index.html", "app.js", "app.css", "icon.svg"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const struct console_file *file = need(names[i]);
        assert_true(file->gzip.n > 18);
        assert_memory_equal(file->gzip.p, "\x1f\x8b\x08", 3);
        assert_int_equal(le32(file->gzip.p + 4), 0);
        assert_int_equal(le32(file->gzip.p + file->gzip.n - 4), file->plain.n);
    }
}

static void the_page_names_files_that_are_there(void **state)
{
    const struct console_file *page = need("index.html");
    (void)state;
    assert_non_null(memmem(page->plain.p, page->plain.n, "\"app.js\"", 8));
    assert_non_null(memmem(page->plain.p, page->plain.n, "\"app.css\"", 9));
    assert_non_null(memmem(page->plain.p, page->plain.n, "\"icon.svg\"", 10));
    assert_null(memmem(page->plain.p, page->plain.n, "://", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_whole),
        cmocka_unit_test(each_has_its_type),
        cmocka_unit_test(tags_are_of_the_bytes),
        cmocka_unit_test(packed_forms_are_gzip_of_the_plain_ones),
        cmocka_unit_test(the_page_names_files_that_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
