/* Arenas and buffers: alignment, large requests, bounds that stick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i])
            return false;
    }
    return true;
}

static void arena_gives_aligned_cleared_memory(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    static const size_t sizes[] = {0, 1, 7, 16, 17, 100, 4000, 8192, 8193, 16384, 16385, 70000, 3000000, 3};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++) {
            size_t size = sizes[(size_t)i % (i % 50 == 0 ? 14 : 7)];
            uint8_t *p = arena_alloc(arena, size);
            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            assert_true(is_zero(p, size));
            memset(p, 0xAA, size);
        }
        arena_reset(arena);
    }
}

static void arena_keeps_neighbours_apart(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    enum { COUNT = 500 };
    uint8_t *p[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 37 == 0 ? 20000 + i : 1 + i % 200;
        p[i] = arena_alloc(arena, size);
        memset(p[i], (int)(i & 0xFF), size);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 37 == 0 ? 20000 + i : 1 + i % 200;
        for (size_t j = 0; j < size; j++)
            assert_int_equal(p[i][j], i & 0xFF);
    }
}

static void arena_large_request_leaves_small_room(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    uint8_t *first = arena_alloc(arena, 16);
    arena_alloc(arena, 100000);
    uint8_t *second = arena_alloc(arena, 16);
    assert_ptr_equal(second, first + 16);
}

static void arena_copies_text(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    assert_null(arena_strdup(arena, NULL));
    assert_string_equal(arena_strdup(arena, ""), "");
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(arena, "ab", 9), "ab");
    assert_string_equal(arena_printf(arena, "%s-%d", "x", 7), "x-7");
    char wide[1001];
    memset(wide, 'w', 1000);
    wide[1000] = '\0';
    for (size_t n = 250; n <= 260; n++) {
        char *text = arena_printf(arena, "%.*s", (int)n, wide);
        assert_int_equal(strlen(text), n);
    }
    struct bytes copy = bytes_dup(arena, BYTES_LIT("a\0b"));
    assert_int_equal(copy.n, 3);
    assert_memory_equal(copy.p, "a\0b", 4);
    assert_int_equal(bytes_dup(arena, (struct bytes){0}).p[0], 0);
}

static void arena_free_is_idempotent(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    arena_reset(arena);
    arena_free(&arena);
    assert_null(arena);
    arena_free(&arena);
}

static void buf_is_always_terminated(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    assert_string_equal((char *)buf.p, "");
    buf_str(&buf, "");
    assert_string_equal((char *)buf.p, "");
    buf_str(&buf, "abc");
    buf_byte(&buf, 'd');
    buf_printf(&buf, "%03d", 7);
    assert_string_equal((char *)buf.p, "abcd007");
    assert_true(bytes_equal(buf_bytes(&buf), bytes_str("abcd007")));
    buf_reset(&buf);
    assert_string_equal((char *)buf.p, "");
    buf_free(&buf);
    assert_int_equal(buf.n, 0);
    buf_str(&buf, "again");
    assert_string_equal((char *)buf.p, "again");
    buf_free(&buf);
}

static void buf_holds_exactly_its_maximum(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 5);
    buf_str(&buf, "12345");
    assert_false(buf.overflow);
    assert_string_equal((char *)buf.p, "12345");
    buf_put(&buf, "", 0);
    assert_false(buf.overflow);
    buf_byte(&buf, '6');
    assert_true(buf.overflow);
    assert_string_equal((char *)buf.p, "12345");
    buf_free(&buf);
}

static void buf_overflow_sticks(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 5);
    buf_str(&buf, "123");
    buf_str(&buf, "456");
    assert_true(buf.overflow);
    buf_str(&buf, "7");
    buf_printf(&buf, "%d", 8);
    assert_null(buf_reserve(&buf, 1));
    assert_string_equal((char *)buf.p, "123");
    buf_reset(&buf);
    assert_false(buf.overflow);
    buf_str(&buf, "99999");
    assert_string_equal((char *)buf.p, "99999");
    assert_null(buf_reserve(&buf, SIZE_MAX));
    buf_free(&buf);
}

static void buf_of_nothing(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 0);
    buf_put(&buf, NULL, 0);
    assert_false(buf.overflow);
    buf_byte(&buf, 'x');
    assert_true(buf.overflow);
    buf_free(&buf);
}

static void buf_grows_to_large_sizes(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000003);
    for (int i = 0; i < 1000003; i++)
        buf_byte(&buf, (uint8_t)i);
    assert_false(buf.overflow);
    assert_true(buf.room <= buf.max + 1);
    for (int i = 0; i < 1000003; i += 997)
        assert_int_equal(buf.p[i], (uint8_t)i);
    buf_free(&buf);
    char wide[5000];
    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    buf_printf(&buf, "<%s>", wide);
    assert_int_equal(buf.n, sizeof(wide) + 1);
    assert_int_equal(buf.p[buf.n - 1], '>');
    buf_free(&buf);
}

static void numbers_in_network_order(void **state)
{
    (void)state;
    uint8_t p[8];
    put_be64(p, UINT64_C(0x0102030405060708));
    assert_memory_equal(p, "\1\2\3\4\5\6\7\10", 8);
    assert_true(get_be64(p) == UINT64_C(0x0102030405060708));
    put_be32(p, 0xFFFEFDFC);
    assert_memory_equal(p, "\xff\xfe\xfd\xfc", 4);
    assert_true(get_be32(p) == 0xFFFEFDFC);
    put_be64(p, UINT64_MAX);
    assert_true(get_be64(p) == UINT64_MAX);
}

static void bytes_compare(void **state)
{
    (void)state;
    assert_true(bytes_equal((struct bytes){0}, bytes_str(NULL)));
    assert_true(bytes_equal(bytes_str(""), (struct bytes){0}));
    assert_false(bytes_equal(bytes_str("a"), bytes_str("b")));
    assert_false(bytes_equal(bytes_str("a"), bytes_str("ab")));
    assert_true(bytes_equal(bytes_of("a\0b", 3), BYTES_LIT("a\0b")));
}

static void heap_calls_and_wipe(void **state)
{
    (void)state;
    uint8_t *p = xcalloc(4, 4);
    assert_true(is_zero(p, 16));
    p = xrealloc(p, 64);
    memset(p, 1, 64);
    wipe(p, 64);
    assert_true(is_zero(p, 64));
    wipe(NULL, 0);
    free(p);
    char *copy = xstrdup("secret");
    assert_string_equal(copy, "secret");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_aligned_cleared_memory),
        cmocka_unit_test(arena_keeps_neighbours_apart),
        cmocka_unit_test(arena_large_request_leaves_small_room),
        cmocka_unit_test(arena_copies_text),
        cmocka_unit_test(arena_free_is_idempotent),
        cmocka_unit_test(buf_is_always_terminated),
        cmocka_unit_test(buf_holds_exactly_its_maximum),
        cmocka_unit_test(buf_overflow_sticks),
        cmocka_unit_test(buf_of_nothing),
        cmocka_unit_test(buf_grows_to_large_sizes),
        cmocka_unit_test(numbers_in_network_order),
        cmocka_unit_test(bytes_compare),
        cmocka_unit_test(heap_calls_and_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
