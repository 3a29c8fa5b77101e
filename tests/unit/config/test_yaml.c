/* What of YAML is accepted, and where each refusal points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

static struct arena *arena;
static struct err err;

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    err = (struct err){0};
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct yaml_node *parse(const char *text)
{
    const struct yaml_node *root = NULL;

    if (!yaml_parse(arena, "t.yaml", bytes_str(text), &root, &err))
        fail_msg("%s\n%s (%s)", text, err.detail, err.place);
    return root;
}

static void expect(bool ok, enum err_code code, const char *place)
{
    assert_false(ok);
    if (err.code != code || strcmp(err.place, place) != 0)
        fail_msg("%s at %s: %s, expected at %s", err_info(err.code)->code, err.place, err.detail, place);
    err = (struct err){0};
}

static void refused(const char *text, enum err_code code, const char *place)
{
    const struct yaml_node *root = NULL;
    bool ok = yaml_parse(arena, "t.yaml", bytes_str(text), &root, &err);

    if (ok)
        fail_msg("accepted: %s", text);
    expect(ok, code, place);
    assert_null(root);
}

static void reads_maps_lists_and_scalars(void **state)
{
    const struct yaml_node *root = parse("---\n# comment\nname: 汉字 text\nlist:\n  - 1\n  - {a: \"b\", c: []}\nblock: |\n  x\n  y\n'q': 'it''s'\n");
    const struct yaml_node *list = yaml_get(root, "list");

    (void)state;
    assert_int_equal(yaml_type_of(root), YAML_MAP);
    assert_int_equal(yaml_count(root), 4);
    assert_string_equal(yaml_key_at(root, 1), "list");
    assert_null(yaml_key_at(root, 4));
    assert_string_equal(yaml_text(yaml_get(root, "name")), "汉字 text");
    assert_false(yaml_quoted(yaml_get(root, "name")));
    assert_int_equal(yaml_type_of(list), YAML_LIST);
    assert_int_equal(yaml_count(list), 2);
    assert_string_equal(yaml_text(yaml_at(list, 0)), "1");
    assert_string_equal(yaml_text(yaml_get(yaml_at(list, 1), "a")), "b");
    assert_true(yaml_quoted(yaml_get(yaml_at(list, 1), "a")));
    assert_int_equal(yaml_count(yaml_get(yaml_at(list, 1), "c")), 0);
    assert_null(yaml_at(list, 2));
    assert_string_equal(yaml_text(yaml_get(root, "block")), "x\ny\n");
    assert_string_equal(yaml_text(yaml_get(root, "q")), "it's");
    assert_null(yaml_get(root, "none"));
    assert_null(yaml_get(list, "a"));
    assert_null(yaml_text(list));
}

static void nothing_counts_as_absent(void **state)
{
    const struct yaml_node *root = parse("a: ~\nb: null\nc:\nd: 'null'\ne: ''\nf: none\n");
    const char *text = "unchanged";

    (void)state;
    assert_null(yaml_get(root, "a"));
    assert_null(yaml_get(root, "b"));
    assert_null(yaml_get(root, "c"));
    assert_string_equal(yaml_text(yaml_get(root, "d")), "null");
    assert_string_equal(yaml_text(yaml_get(root, "e")), "");
    assert_string_equal(yaml_text(yaml_get(root, "f")), "none");
    assert_true(yaml_read_text(root, "b", false, &text, &err));
    assert_string_equal(text, "unchanged");
    expect(yaml_read_text(root, "b", true, &text, &err), ERR_CONFIG_MISSING, "t.yaml:1:1");
}

static void empty_files_are_nothing(void **state)
{
    const char *texts[] = {"", "\n# only a comment\n", "---\n", "~"};
    static const char *const none[] = {NULL};
    int64_t value = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        const struct yaml_node *root = parse(texts[i]);

        assert_int_equal(yaml_count(root), 0);
        assert_null(yaml_get(root, "a"));
        assert_true(yaml_only(root, none, &err));
        assert_true(yaml_read_integer(root, "a", false, 0, 9, &value, &err));
        assert_false(yaml_read_integer(root, "a", true, 0, 9, &value, &err));
        assert_int_equal(err.code, ERR_CONFIG_MISSING);
    }
}

static void refuses_second_meanings(void **state)
{
    (void)state;
    refused("a: &x 1\n", ERR_CONFIG_SYNTAX, "t.yaml:1:4");
    refused("a: 1\nb: *x\n", ERR_CONFIG_SYNTAX, "t.yaml:2:4");
    refused("a: &x {b: 1}\n", ERR_CONFIG_SYNTAX, "t.yaml:1:4");
    refused("a: &x [1]\n", ERR_CONFIG_SYNTAX, "t.yaml:1:4");
    refused("a: !!str 1\n", ERR_CONFIG_SYNTAX, "t.yaml:1:4");
    refused("a: !x [1]\n", ERR_CONFIG_SYNTAX, "t.yaml:1:4");
    refused("a: ! 1\n", ERR_CONFIG_SYNTAX, "t.yaml:1:4");
    refused("b:\n  <<: {a: 1}\n", ERR_CONFIG_SYNTAX, "t.yaml:2:3");
    refused("*x : 1\n", ERR_CONFIG_SYNTAX, "t.yaml:1:1");
    refused("a: 1\n---\nb: 1\n", ERR_CONFIG_SYNTAX, "t.yaml:2:1");
    refused("%YAML 1.1\n---\na: 1\n", ERR_CONFIG_SYNTAX, "t.yaml:1:1");
    refused("%TAG ! tag:x,2000:\n---\na: 1\n", ERR_CONFIG_SYNTAX, "t.yaml:1:1");
    refused("? [a]\n: 1\n", ERR_CONFIG_SYNTAX, "t.yaml:1:3");
    refused("a: 1\n~: 1\n", ERR_CONFIG_SYNTAX, "t.yaml:2:1");
    refused("'': 1\n", ERR_CONFIG_SYNTAX, "t.yaml:1:1");
    refused("a: \"x\\0y\"\n", ERR_CONFIG_SYNTAX, "t.yaml:1:4");
}

static void refuses_duplicates(void **state)
{
    (void)state;
    refused("a: 1\nb: 2\na: 1\n", ERR_CONFIG_DUPLICATE, "t.yaml:3:1");
    refused("x:\n  a: 1\n  'a': 2\n", ERR_CONFIG_DUPLICATE, "t.yaml:3:3");
    refused("x: {b: 1, a: 1, b: 2}\n", ERR_CONFIG_DUPLICATE, "t.yaml:1:17");
    refused("z: 1\nb: 1\nz: 2\nb: 2\n", ERR_CONFIG_DUPLICATE, "t.yaml:3:1");
    assert_non_null(parse("x: {a: 1}\ny: {a: 1}\n"));
}

static void names_syntax_errors(void **state)
{
    (void)state;
    refused("a: 1\n\tb: 2\n", ERR_CONFIG_SYNTAX, "t.yaml:2:1");
    refused("a: [1\nb: 2\n", ERR_CONFIG_SYNTAX, "t.yaml:2:2");
    refused("a: \"x\n", ERR_CONFIG_SYNTAX, "t.yaml:2:1");
    refused("a: 1\nb: \xff\n", ERR_CONFIG_SYNTAX, "t.yaml:2:4");
    refused("汉: 1\nb: 汉\x01\n", ERR_CONFIG_SYNTAX, "t.yaml:2:5");
    refused("a: 1\nb\n", ERR_CONFIG_SYNTAX, "t.yaml:3:1");
}

static void depth_is_bounded(void **state)
{
    char text[64];
    int n = CONFIG_DEPTH_MAX;

    (void)state;
    memset(text, '[', sizeof(text));
    memset(text + n, ']', (size_t)n);
    text[2 * n] = '\0';
    assert_non_null(parse(text));
    memset(text, '[', (size_t)n + 1);
    memset(text + n + 1, ']', (size_t)n + 1);
    text[2 * n + 2] = '\0';
    refused(text, ERR_CONFIG_SYNTAX, "t.yaml:1:17");
}

static void size_and_number_are_bounded(void **state)
{
    struct buf text;
    const struct yaml_node *root = NULL;

    (void)state;
    buf_init(&text, CONFIG_FILE_MAX + 16);
    for (unsigned i = 0; i <= CONFIG_NODES_MAX; i++)
        buf_str(&text, "- 1\n");
    assert_false(yaml_parse(arena, "t.yaml", buf_bytes(&text), &root, &err));
    assert_int_equal(err.code, ERR_CONFIG_SYNTAX);
    while (text.n <= CONFIG_FILE_MAX)
        buf_byte(&text, '\n');
    assert_false(yaml_parse(arena, "t.yaml", buf_bytes(&text), &root, &err));
    assert_int_equal(err.code, ERR_CONFIG_FILE);
    buf_free(&text);
}

static void many_keys_are_quick(void **state)
{
    struct buf text;
    const struct yaml_node *root = NULL;

    (void)state;
    buf_init(&text, CONFIG_FILE_MAX);
    for (unsigned i = 0; i < 45000; i++)
        buf_printf(&text, "k%05u: 1\n", i);
    buf_str(&text, "k00007: 1\n");
    assert_false(yaml_parse(arena, "t.yaml", buf_bytes(&text), &root, &err));
    expect(false, ERR_CONFIG_DUPLICATE, "t.yaml:45001:1");
    buf_free(&text);
}

static void typed_values(void **state)
{
    static const char *const colours[] = {"red", "green", NULL};
    const struct yaml_node *root = parse("t: hello\ni: -12\nb: false\nd: 90s\nday: 2026-02-28\nc: green\ns: 2MiB\n");
    const char *text = NULL;
    int64_t i = 0, ms = 0, size = 0;
    bool b = true;
    date_day day = 0, expected = 1;
    int choice = -1;

    (void)state;
    assert_true(yaml_read_text(root, "t", true, &text, &err));
    assert_string_equal(text, "hello");
    assert_true(yaml_read_integer(root, "i", true, -12, 0, &i, &err));
    assert_int_equal(i, -12);
    assert_true(yaml_read_boolean(root, "b", true, &b, &err));
    assert_false(b);
    assert_true(yaml_read_duration(root, "d", true, &ms, &err));
    assert_int_equal(ms, 90000);
    assert_true(yaml_read_date(root, "day", true, &day, &err));
    assert_true(date_parse(bytes_str("2026-02-28"), &expected));
    assert_int_equal(day, expected);
    assert_true(yaml_read_choice(root, "c", true, colours, &choice, &err));
    assert_int_equal(choice, 1);
    assert_true(yaml_read_size(root, "s", true, &size, &err));
    assert_int_equal(size, 2 << 20);
}

static void wrong_values_are_pointed_at(void **state)
{
    static const char *const colours[] = {"red", "green", NULL};
    const struct yaml_node *root = parse("m: {}\ni: 1.5\nj: '1'\nk: 9223372036854775808\nl: 007\nb: yes\nd: 10\nday: 2026-02-30\nc: blue\nlist: [1]\n"
                                         "e: ''\nn: 5\ns: 2MB\n");
    const char *text;
    int64_t i;
    bool b;
    date_day day;
    int choice;

    (void)state;
    expect(yaml_read_text(root, "m", true, &text, &err), ERR_CONFIG_VALUE, "t.yaml:1:4");
    expect(yaml_read_integer(root, "i", true, 0, 9, &i, &err), ERR_CONFIG_VALUE, "t.yaml:2:4");
    expect(yaml_read_integer(root, "j", true, 0, 9, &i, &err), ERR_CONFIG_VALUE, "t.yaml:3:4");
    expect(yaml_read_integer(root, "k", true, 0, INT64_MAX, &i, &err), ERR_CONFIG_VALUE, "t.yaml:4:4");
    expect(yaml_read_integer(root, "l", true, 0, 9, &i, &err), ERR_CONFIG_VALUE, "t.yaml:5:4");
    expect(yaml_read_boolean(root, "b", true, &b, &err), ERR_CONFIG_VALUE, "t.yaml:6:4");
    expect(yaml_read_duration(root, "d", true, &i, &err), ERR_CONFIG_VALUE, "t.yaml:7:4");
    expect(yaml_read_date(root, "day", true, &day, &err), ERR_CONFIG_VALUE, "t.yaml:8:6");
    expect(yaml_read_choice(root, "c", true, colours, &choice, &err), ERR_CONFIG_VALUE, "t.yaml:9:4");
    expect(yaml_read_text(root, "list", true, &text, &err), ERR_CONFIG_VALUE, "t.yaml:10:7");
    expect(yaml_read_text(root, "e", true, &text, &err), ERR_CONFIG_VALUE, "t.yaml:11:4");
    expect(yaml_read_integer(root, "n", true, 6, 9, &i, &err), ERR_CONFIG_VALUE, "t.yaml:12:4");
    expect(yaml_read_integer(root, "n", true, 0, 4, &i, &err), ERR_CONFIG_VALUE, "t.yaml:12:4");
    expect(yaml_read_size(root, "s", true, &i, &err), ERR_CONFIG_VALUE, "t.yaml:13:4");
    expect(yaml_read_text(root, "x", true, &text, &err), ERR_CONFIG_MISSING, "t.yaml:1:1");
    expect(yaml_read_text(yaml_get(root, "list"), "x", false, &text, &err), ERR_CONFIG_VALUE, "t.yaml:10:7");
    expect(yaml_read_text(NULL, "x", true, &text, &err), ERR_CONFIG_MISSING, "");
    assert_true(yaml_read_text(NULL, "x", false, &text, &err));
}

static void unknown_keys_are_pointed_at(void **state)
{
    static const char *const known[] = {"a", "b", NULL};

    (void)state;
    assert_true(yaml_only(parse("a: 1\nb: 2\n"), known, &err));
    expect(yaml_only(parse("a: 1\nb: 2\n'c': 3\n"), known, &err), ERR_CONFIG_UNKNOWN, "t.yaml:3:1");
    expect(yaml_only(parse("- a\n"), known, &err), ERR_CONFIG_VALUE, "t.yaml:1:1");
}

static void long_paths_keep_line_and_column(void **state)
{
    struct buf path;
    const struct yaml_node *root = NULL;

    (void)state;
    buf_init(&path, 4096);
    for (int i = 0; i < 100; i++)
        buf_str(&path, "/目录");
    buf_str(&path, "/t.yaml");
    assert_false(yaml_parse(arena, (const char *)path.p, BYTES_LIT("a: 1\n\nb: *x\n"), &root, &err));
    assert_non_null(strstr(err.place, "/t.yaml:3:4"));
    assert_true(utf8_valid(bytes_str(err.place)));
    buf_free(&path);
}

static void loads_files(void **state)
{
    char path[] = "/tmp/yaml-test-XXXXXX";
    const struct yaml_node *root = NULL;
    struct bytes raw = {NULL, 0};
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: 1\n", 5), 5);
    assert_int_equal(close(fd), 0);
    assert_true(yaml_load(arena, path, &root, &raw, &err));
    assert_true(bytes_equal(raw, BYTES_LIT("a: 1\n")));
    assert_string_equal(yaml_text(yaml_get(root, "a")), "1");
    assert_int_equal(unlink(path), 0);
    expect(yaml_load(arena, path, &root, NULL, &err), ERR_CONFIG_FILE, path);
    expect(yaml_load(arena, "/tmp", &root, NULL, &err), ERR_CONFIG_FILE, "/tmp");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect(yaml_load(arena, path, &root, NULL, &err), ERR_CONFIG_FILE, path);
    assert_int_equal(unlink(path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_maps_lists_and_scalars), TEST(nothing_counts_as_absent), TEST(empty_files_are_nothing),
        TEST(refuses_second_meanings),      TEST(refuses_duplicates),       TEST(names_syntax_errors),
        TEST(depth_is_bounded),             TEST(size_and_number_are_bounded), TEST(many_keys_are_quick),
        TEST(typed_values),                 TEST(wrong_values_are_pointed_at), TEST(unknown_keys_are_pointed_at),
        TEST(long_paths_keep_line_and_column), TEST(loads_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
