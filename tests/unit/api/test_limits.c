/* Requests per second, and answers that are given twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "api/bucket.h"
#include "api/callers.h"
#include "api/idempotency.h"

static int taken(struct bucket *bucket, int64_t rate, int64_t at, int tries)
{
    int n = 0;
    int64_t wait;
    for (int i = 0; i < tries; i++)
        n += api_bucket_take(bucket, rate, at, &wait);
    return n;
}

static void a_second_of_burst_then_the_rate(void **state)
{
    struct bucket bucket = {0};
    (void)state;
    assert_int_equal(taken(&bucket, 100, 1000000, 500), 100);
    assert_int_equal(taken(&bucket, 100, 1000500, 500), 50);
    assert_int_equal(taken(&bucket, 100, 1000510, 500), 1);
    /* a long silence earns no more than one second */
    assert_int_equal(taken(&bucket, 100, 9000000, 500), 100);
}

static void the_wait_told_is_enough(void **state)
{
    struct bucket bucket = {0};
    int64_t wait = 0;
    (void)state;
    assert_int_equal(taken(&bucket, 3, 5000, 10), 3);
    assert_false(api_bucket_take(&bucket, 3, 5000, &wait));
    assert_true(wait > 0 && wait <= 334);
    assert_false(api_bucket_take(&bucket, 3, 5000 + wait - 1, &wait) && wait > 0);
    assert_true(api_bucket_take(&bucket, 3, 5334, &wait));
}

static void one_per_second(void **state)
{
    struct bucket bucket = {0};
    int64_t wait;
    (void)state;
    assert_true(api_bucket_take(&bucket, 1, 100, &wait));
    assert_false(api_bucket_take(&bucket, 1, 1099, &wait));
    assert_int_equal(wait, 1);
    assert_true(api_bucket_take(&bucket, 1, 1100, &wait));
}

static void callers_are_kept_by_name(void **state)
{
    struct callers *callers = callers_new();
    struct caller *bank = callers_of(callers, "bank-a");
    (void)state;
    assert_ptr_equal(callers_of(callers, "bank-a"), bank);
    for (int i = 0; i < 3000; i++) {
        char id[32];
        snprintf(id, sizeof(id), "p-%d", i);
        struct caller *caller = callers_of(callers, id);
        assert_string_equal(caller->id, id);
        assert_ptr_equal(callers_marked(callers, caller->mark), caller);
    }
    assert_ptr_equal(callers_of(callers, "bank-a"), bank);
    assert_null(callers_marked(callers, 0));
    assert_null(callers_marked(callers, UINT64_MAX));
    assert_ptr_not_equal(callers_shared(callers), bank);
    callers_free(&callers);
    assert_null(callers);
}

/* ---- idempotency ------------------------------------------------------------------------------------------ */

static struct idempotency *table;
static struct arena *arena;
static int ticket, status;
static struct bytes body;
static struct err err;

static int start(void **state)
{
    (void)state;
    table = idempotency_new();
    arena = arena_new();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    idempotency_free(&table);
    arena_free(&arena);
    return 0;
}

static enum idempotency_found begin(int name, int content, int64_t now)
{
    uint8_t n[32] = {0}, c[32] = {0};
    put_be32(n, (uint32_t)name);
    put_be32(c, (uint32_t)content);
    err = (struct err){0};
    return idempotency_begin(table, n, c, now, arena, &ticket, &status, &body, &err);
}

static void the_same_answer_again(void **state)
{
    (void)state;
    assert_int_equal(begin(1, 1, 0), IDEMPOTENCY_NEW);
    idempotency_end(table, ticket, true, 202, BYTES_LIT("{\"run\":\"r\"}"));
    assert_int_equal(begin(1, 1, 1000), IDEMPOTENCY_AGAIN);
    assert_int_equal(status, 202);
    assert_true(bytes_equal(body, BYTES_LIT("{\"run\":\"r\"}")));
}

static void another_body_is_refused(void **state)
{
    (void)state;
    assert_int_equal(begin(1, 1, 0), IDEMPOTENCY_NEW);
    idempotency_end(table, ticket, true, 200, BYTES_LIT("{}"));
    assert_int_equal(begin(1, 2, 1), IDEMPOTENCY_REFUSED);
    assert_string_equal(err_info(err.code)->code, "idempotency.reused");
    assert_int_equal(begin(2, 2, 1), IDEMPOTENCY_NEW);
}

static void while_the_first_runs(void **state)
{
    (void)state;
    assert_int_equal(begin(1, 1, 0), IDEMPOTENCY_NEW);
    int first = ticket;
    assert_int_equal(begin(1, 1, 1), IDEMPOTENCY_REFUSED);
    assert_string_equal(err_info(err.code)->code, "idempotency.running");
    idempotency_end(table, first, true, 200, BYTES_LIT("{}"));
    assert_int_equal(begin(1, 1, 2), IDEMPOTENCY_AGAIN);
}

static void a_failure_that_may_pass_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(begin(1, 1, 0), IDEMPOTENCY_NEW);
    idempotency_end(table, ticket, false, 503, BYTES_LIT("{}"));
    assert_int_equal(begin(1, 1, 1), IDEMPOTENCY_NEW);
}

static void a_day_later_it_is_new(void **state)
{
    (void)state;
    assert_int_equal(begin(1, 1, 0), IDEMPOTENCY_NEW);
    idempotency_end(table, ticket, true, 200, BYTES_LIT("{}"));
    assert_int_equal(begin(1, 1, 24 * 3600 * 1000LL - 1), IDEMPOTENCY_AGAIN);
    assert_int_equal(begin(1, 1, 24 * 3600 * 1000LL), IDEMPOTENCY_NEW);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * IDEMPOTENCY_ENTRIES; i++) {
        assert_int_equal(begin(i, 1, i), IDEMPOTENCY_NEW);
        idempotency_end(table, ticket, true, 200, BYTES_LIT("{}"));
    }
    assert_int_equal(begin(3 * IDEMPOTENCY_ENTRIES - 1, 1, 5000), IDEMPOTENCY_AGAIN);
    assert_int_equal(begin(0, 1, 5000), IDEMPOTENCY_NEW);
    for (int i = 0; i < IDEMPOTENCY_ENTRIES - 1; i++)
        assert_int_equal(begin(100000 + i, 1, 6000), IDEMPOTENCY_NEW);
    assert_int_equal(begin(200000, 1, 6000), IDEMPOTENCY_REFUSED);
    assert_string_equal(err_info(err.code)->code, "busy.queue");
}

static void keys_are_short_visible_ascii(void **state)
{
    char key[IDEMPOTENCY_KEY_MAX + 2];
    (void)state;
    memset(key, 'a', sizeof(key));
    assert_true(idempotency_key_good(bytes_str("0b4e2f6c-1")));
    assert_true(idempotency_key_good(bytes_of(key, IDEMPOTENCY_KEY_MAX)));
    assert_false(idempotency_key_good(bytes_of(key, IDEMPOTENCY_KEY_MAX + 1)));
    assert_false(idempotency_key_good(bytes_str("")));
    assert_false(idempotency_key_good(bytes_str("a b")));
    assert_false(idempotency_key_good(bytes_str("é")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_of_burst_then_the_rate),
        cmocka_unit_test(the_wait_told_is_enough),
        cmocka_unit_test(one_per_second),
        cmocka_unit_test(callers_are_kept_by_name),
        cmocka_unit_test_setup_teardown(the_same_answer_again, start, stop),
        cmocka_unit_test_setup_teardown(another_body_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(while_the_first_runs, start, stop),
        cmocka_unit_test_setup_teardown(a_failure_that_may_pass_is_forgotten, start, stop),
        cmocka_unit_test_setup_teardown(a_day_later_it_is_new, start, stop),
        cmocka_unit_test_setup_teardown(memory_is_bounded, start, stop),
        cmocka_unit_test(keys_are_short_visible_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
