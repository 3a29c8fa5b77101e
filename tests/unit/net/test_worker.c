/* Whose work comes first: by what it cost before, not by how long anything takes here. The clock of CPU time stands still
 * but for what a piece of work says that it cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <string.h>

#include "net/loop.h"

#define MS 1000000
#define PIECES 2048

static _Thread_local int64_t cpu;
static char order[PIECES];
static int order_n;
static sem_t begun, go_on;

static int64_t clock_of_thread(void)
{
    return cpu;
}

struct piece {
    char name;
    int64_t cost_ms;
};

static void work(void *arg)
{
    const struct piece *piece = arg;
    order[order_n++] = piece->name;
    cpu += piece->cost_ms * MS;
}

static void hold(void *arg)
{
    const struct piece *piece = arg;
    sem_post(&begun);
    sem_wait(&go_on);
    if (piece)
        cpu += piece->cost_ms * MS;
}

static void add(struct workers *workers, unsigned queue, net_work_fn *fn, const struct piece *piece)
{
    struct err err = {0};
    assert_true(workers_add(workers, queue, fn, (void *)(uintptr_t)piece, &err));
}

static void add_many(struct workers *workers, unsigned queue, const struct piece *piece, int n)
{
    for (int i = 0; i < n; i++)
        add(workers, queue, work, piece);
}

static struct workers *start(int threads)
{
    struct workers *workers = workers_new(threads, 0, clock_of_thread);
    struct err err = {0};
    order_n = 0;
    memset(order, 0, sizeof order);
    sem_init(&begun, 0, 0);
    sem_init(&go_on, 0, 0);
    assert_true(workers_start(workers, &err));
    return workers;
}

static void end(struct workers *workers)
{
    workers_stop(workers);
    workers_free(&workers);
}

/* One thread, kept busy until all is queued. */
static void run_order(const struct piece *a, int a_n, const struct piece *b, int b_n)
{
    struct workers *workers = start(1);
    add(workers, 0, hold, NULL);
    sem_wait(&begun);
    add_many(workers, 1, a, a_n);
    add_many(workers, 2, b, b_n);
    sem_post(&go_on);
    end(workers);
}

static void small_pieces_take_turns(void **state)
{
    (void)state;
    run_order(&(struct piece){'a', 0}, 4, &(struct piece){'b', 0}, 2);
    assert_string_equal(order, "ababaa");
}

static void who_costs_more_lets_the_others_go_first(void **state)
{
    (void)state;
    run_order(&(struct piece){'a', 3}, 3, &(struct piece){'b', 0}, 6);
    assert_string_equal(order, "abbbabbba");
}

static void who_is_alone_does_not_rest(void **state)
{
    (void)state;
    run_order(&(struct piece){'a', 5000}, 3, &(struct piece){'b', 0}, 0);
    assert_string_equal(order, "aaa");
}

/* However dear one piece was, its queue is served again after a bounded number of others. */
static void nobody_rests_for_ever(void **state)
{
    static const struct piece dear = {'a', 1000000}, cheap = {'b', 0};
    struct workers *workers = start(1);
    (void)state;
    add(workers, 0, hold, NULL);
    sem_wait(&begun);
    add_many(workers, 1, &dear, 2);
    for (unsigned queue = 2; queue < 9; queue++)
        add_many(workers, queue, &cheap, NET_WORK_QUEUE_MAX);
    sem_post(&go_on);
    end(workers);
    assert_int_equal(order[0], 'a');
    assert_true(strchr(order + 1, 'a') < order + 7 * NET_WORK_QUEUE_MAX);
}

/* Two threads: the partner whose work has shown to be long has one of them, however much it sends. */
static void long_work_never_has_all_threads(void **state)
{
    static const struct piece dear = {'a', 70}, cheap = {'b', 0};
    struct workers *workers = start(2);
    (void)state;
    add(workers, 1, hold, &dear);          /* from here on it is known for this */
    sem_wait(&begun);
    sem_post(&go_on);
    add(workers, 3, hold, NULL);           /* both threads have been seen: the first piece is over … */
    sem_wait(&begun);
    add(workers, 4, hold, NULL);
    sem_wait(&begun);                      /* … and both are busy now */
    add(workers, 1, hold, &dear);
    add(workers, 1, hold, &dear);
    sem_post(&go_on);
    sem_post(&go_on);
    sem_wait(&begun);                      /* one of the two runs, and waits */
    add(workers, 2, hold, &cheap);
    sem_wait(&begun);                      /* the other thread takes this one: the second of the dear would be first in line */
    assert_int_equal(sem_trywait(&begun), -1);
    sem_post(&go_on);
    sem_post(&go_on);
    sem_wait(&begun);                      /* only now */
    sem_post(&go_on);
    end(workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_pieces_take_turns),
        cmocka_unit_test(who_costs_more_lets_the_others_go_first),
        cmocka_unit_test(who_is_alone_does_not_rest),
        cmocka_unit_test(nobody_rests_for_ever),
        cmocka_unit_test(long_work_never_has_all_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
