/* How old a list may be: the contract's words at their exact moments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "statement/statement.h"

#define T INT64_C(1795485600000)
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)

struct moment {
    int64_t period, age;
    const char *word;
    int64_t changes; /* age at which it changes next, 0: never */
};

static void words_change_at_their_moments(void **state)
{
    static const struct moment moments[] = {
        {6 * HOUR, 0, "on_time", 12 * HOUR + 1},
        {6 * HOUR, 12 * HOUR, "on_time", 12 * HOUR + 1},
        {6 * HOUR, 12 * HOUR + 1, "delayed", 7 * DAY},
        {6 * HOUR, 7 * DAY - 1, "delayed", 7 * DAY},
        {6 * HOUR, 7 * DAY, "stale", 30 * DAY},
        {6 * HOUR, 30 * DAY - 1, "stale", 30 * DAY},
        {6 * HOUR, 30 * DAY, "refused", 0},
        {6 * HOUR, 400 * DAY, "refused", 0},
        /* a monthly list is on time until it would be refused */
        {30 * DAY, 29 * DAY, "on_time", 30 * DAY},
        {30 * DAY, 30 * DAY, "refused", 0},
        /* a weekly one is never delayed */
        {7 * DAY, 14 * DAY, "on_time", 14 * DAY + 1},
        {7 * DAY, 14 * DAY + 1, "stale", 30 * DAY},
        /* a clock set back */
        {6 * HOUR, -HOUR, "on_time", 12 * HOUR + 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        const struct moment *m = &moments[i];
        int64_t changes = -1;
        enum freshness word = freshness_of(T, m->period, 7 * DAY, 30 * DAY, T + m->age, &changes);
        assert_string_equal(freshness_name(word), m->word);
        assert_int_equal(changes, m->changes == 0 ? 0 : T + m->changes);
    }
}

/* Walking from change to change meets every word once, in order. */
static void it_only_grows_older(void **state)
{
    (void)state;
    for (int64_t period = HOUR; period < 40 * DAY; period += 5 * HOUR) {
        int64_t now = T, changes;
        enum freshness last = freshness_of(T, period, 7 * DAY, 30 * DAY, now, &changes);
        assert_int_equal(last, FRESH_ON_TIME);
        while (changes != 0) {
            int64_t at = changes, ignored;
            assert_true(at > now);
            assert_int_equal(freshness_of(T, period, 7 * DAY, 30 * DAY, at - 1, &ignored), last);
            enum freshness next = freshness_of(T, period, 7 * DAY, 30 * DAY, at, &changes);
            assert_true(next > last);
            last = next;
            now = at;
        }
        assert_int_equal(last, FRESH_REFUSED);
        assert_int_equal(now, T + 30 * DAY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_change_at_their_moments),
        cmocka_unit_test(it_only_grows_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
