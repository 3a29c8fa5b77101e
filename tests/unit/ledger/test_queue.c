/* Whose jobs the committer takes next: a letter an owner, capitals are large jobs; "|" ends a transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ledger/internal.h"

#define NOW 100000
#define TEXT_MAX 2048

static struct job_queue queue;

static int setup(void **state)
{
    (void)state;
    queue_init(&queue);
    return 0;
}

static struct job job_of(char name, size_t rows)
{
    unsigned owner = name == '-' ? 0 : (unsigned)(name | 0x20) - 'a' + 1;
    return (struct job){.owner = owner, .rows = rows, .arg = (void *)(uintptr_t)name};
}

static bool put(char name, size_t rows, int64_t now_ms)
{
    struct job like = job_of(name, rows), *job = xcalloc(1, sizeof *job);
    *job = like;
    if (queue_takes(&queue, job, now_ms)) {
        queue_put(&queue, job, now_ms);
        return true;
    }
    free(job);
    return false;
}

static void put_many(const char *names, size_t rows)
{
    for (; *names != '\0'; names++)
        assert_true(put(*names, rows, NOW));
}

/* All that comes at this moment. */
static const char *taken(int64_t now_ms, bool all)
{
    static char text[TEXT_MAX];
    size_t n = 0;
    for (struct job *jobs; (jobs = queue_take(&queue, now_ms, all)) != NULL; text[n++] = '|') {
        while (jobs != NULL) {
            struct job *job = jobs;
            jobs = job->next;
            text[n++] = (char)(uintptr_t)job->arg;
            free(job);
        }
    }
    text[n] = '\0';
    return text;
}

static void small_jobs_share_a_transaction_in_their_order(void **state)
{
    (void)state;
    put_many("aab-ba", 1);
    assert_string_equal(taken(NOW, false), "aab-ba|");
    assert_int_equal(queue.waiting, 0);
}

static void nobody_fills_a_transaction_that_others_wait_for(void **state)
{
    (void)state;
    put_many("aaaaaaa", 20);
    put_many("b", 1);
    assert_string_equal(taken(NOW, false), "aaab|aaa|a|");
}

/* A smaller job does not overtake a larger one of its own owner. */
static void an_owners_jobs_keep_their_order(void **state)
{
    (void)state;
    put_many("aa", 60);
    put_many("a", 1);
    put_many("b", 1);
    assert_string_equal(taken(NOW, false), "ab|aa|");
}

static void a_large_job_goes_alone_and_behind_small_ones(void **state)
{
    (void)state;
    put_many("A", 1000);
    put_many("bc-", 1);
    put_many("D", 65);
    assert_string_equal(taken(NOW, false), "bc-|A|D|");
}

static void small_ones_that_go_on_do_not_hold_a_large_one_for_ever(void **state)
{
    (void)state;
    put_many("A", 1000);
    put_many("bbbb", 40);
    assert_string_equal(taken(NOW, false), "b|A|b|b|b|");
}

static void the_next_large_one_waits_while_others_come(void **state)
{
    (void)state;
    put_many("b", 1);
    put_many("A", 1000);
    assert_string_equal(taken(NOW, false), "b|A|");
    queue_charge(&queue, 1, NOW, 10);
    assert_true(put('A', 1000, NOW));
    assert_false(put('A', 1000, NOW));     /* one may wait */
    assert_true(put('C', 1000, NOW));      /* others' turn is their own */
    assert_string_equal(taken(NOW + 900, false), "C|");
    assert_true(put('b', 1, NOW + 3900));
    assert_string_equal(taken(NOW + 3999, false), "b|");
    assert_string_equal(taken(NOW + 4000, false), "A|"); /* 400 times the ten of the first */
}

static void who_is_alone_is_not_held_back(void **state)
{
    (void)state;
    put_many("b", 1);
    put_many("a", 1);
    put_many("A", 1000);
    assert_string_equal(taken(NOW, false), "ba|A|");
    queue_charge(&queue, 1, NOW, 100);
    assert_true(put('a', 1, NOW + 500));
    assert_true(put('A', 1000, NOW + 500));
    assert_string_equal(taken(NOW + 999, false), "a|");
    assert_string_equal(taken(NOW + 1000, false), "A|"); /* the other was there a second ago; its own small ones do not count */
    queue_charge(&queue, 1, NOW + 1000, 100);
    put('A', 1000, NOW + 1001);
    put('A', 1000, NOW + 1001);
    assert_string_equal(taken(NOW + 1001, false), "A|A|");
}

static void nobody_waits_longer_than_a_minute(void **state)
{
    (void)state;
    queue_charge(&queue, 1, NOW, 5000);
    put('A', 1000, NOW);
    for (int64_t ms = 0; ms < 60000; ms += 500) {
        put('b', 1, NOW + ms);
        assert_string_equal(taken(NOW + ms, false), "b|");
    }
    put('b', 1, NOW + 60000);
    assert_string_equal(taken(NOW + 60000, false), "b|A|");
}

static void an_end_leaves_nothing(void **state)
{
    (void)state;
    queue_charge(&queue, 1, NOW, 5000);
    put_many("b", 1);
    put_many("A", 1000);
    assert_string_equal(taken(NOW, true), "b|A|");
    assert_int_equal(queue.waiting, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(small_jobs_share_a_transaction_in_their_order),
        TEST(nobody_fills_a_transaction_that_others_wait_for),
        TEST(an_owners_jobs_keep_their_order),
        TEST(a_large_job_goes_alone_and_behind_small_ones),
        TEST(small_ones_that_go_on_do_not_hold_a_large_one_for_ever),
        TEST(the_next_large_one_waits_while_others_come),
        TEST(who_is_alone_is_not_held_back),
        TEST(nobody_waits_longer_than_a_minute),
        TEST(an_end_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
