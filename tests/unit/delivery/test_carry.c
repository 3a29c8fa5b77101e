/* The engine with an adapter that says done at once: what waits is carried, each partner on its own, over restarts. */
#include <time.h>

#include "fixture.h"

#define BANKS 30

static char partners[BANKS * 400];

/* Each with a key of its own, and whose word is enough. */
static void name_banks(const char *more)
{
    size_t n = (size_t)snprintf(partners, sizeof partners, "partners:\n");
    for (unsigned i = 0; i < BANKS; i++)
        n += (size_t)snprintf(partners + n, sizeof partners - n,
                              "  - {id: bank-%u, name: N, roles: [bank], tls_keys: [%064x], channel: {adapter: sender, "
                              "receipt: none%s}}\n",
                              i, i + 1, more);
}

static void begin(void)
{
    struct err err = {0};
    open_data();
    set_force(partners);
    NEED(net_start(w.net, &err), err);
    NEED(delivery_start(w.delivery, &err), err);
}

/* The process ends and begins again. */
static void again(void)
{
    delivery_stop(w.delivery);
    host_free(&w.host);
    net_stop(w.net);
    net_free(&w.net);
    ledger_stop(w.ledger);
    delivery_free(&w.delivery);
    ledger_free(&w.ledger);
    store_close(&w.store);
    directory_free(&w.partners);
    begin();
}

static int start(void **state)
{
    (void)state;
    name_banks("");
    begin();
    return 0;
}

static void a_moment(void)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    nanosleep(&moment, NULL);
}

static bool all_at(int64_t cursor)
{
    for (unsigned i = 0; i < BANKS; i++) {
        if (post_of(arena_printf(w.arena, "bank-%u", i)).cursor != cursor)
            return false;
    }
    return true;
}

static void wait_all(uint64_t cursor)
{
    int64_t until = clock_mono_ms() + 30000;
    while (!all_at((int64_t)cursor)) {
        if (clock_mono_ms() > until)
            fail_msg("bank-0 stands at %lld", (long long)post_of("bank-0").cursor);
        a_moment();
    }
}

static void everybody_is_told_of_every_change(void **state)
{
    (void)state;
    uint64_t last = 0;
    for (unsigned i = 0; i < 40; i++)
        last = list_firms(i, 1);
    wait_all(last);
    for (unsigned i = 40; i < 60; i++)
        last = list_firms(i, 1);
    again();
    wait_all(last);
}

struct counting {
    const char *state;
    size_t n;
};

static bool count_state(void *arg, struct bytes json)
{
    struct counting *counting = arg;
    struct bytes value, text;
    counting->n += json_scan_member(json, "state", &value) && json_scan_string(value, &text) &&
                   bytes_equal(text, bytes_str(counting->state));
    return true;
}

static size_t state_count(const char *partner, const char *state)
{
    struct counting counting = {state, 0};
    struct err err = {0};
    NEED(delivery_each(w.delivery, partner, 0, 1000, count_state, &counting, &err), err);
    return counting.n;
}

static void what_became_of_each_is_kept(void **state)
{
    (void)state;
    uint64_t last = list_firms(0, 1);
    wait_all(last);
    size_t delivered = state_count("bank-0", "delivered");
    assert_true(delivered >= 1);
    assert_int_equal(state_count("bank-0", "waiting"), 0);
}

static void a_paused_one_waits_and_the_others_do_not(void **state)
{
    (void)state;
    const struct actor person = {ACTOR_PERSON, "operator-1"};
    struct err err = {0};
    uint64_t last = list_firms(0, 1);
    wait_all(last);
    NEED(delivery_pause(w.delivery, "bank-7", true, &person, &err), err);
    uint64_t next = list_firms(1, 1);
    int64_t until = clock_mono_ms() + 30000;
    while (post_of("bank-8").cursor != (int64_t)next && clock_mono_ms() < until)
        a_moment();
    assert_int_equal(post_of("bank-8").cursor, next);
    assert_int_equal(post_of("bank-7").cursor, last);
    NEED(delivery_pause(w.delivery, "bank-7", false, &person, &err), err);
    wait_all(next);
}

static void settings_change_while_it_runs(void **state)
{
    (void)state;
    uint64_t last = 0;
    for (unsigned i = 0; i < 10; i++) {
        last = list_firms(i, 1);
        name_banks(i % 2 == 0 ? ", form: xml" : ", deadline: 5s");
        set_force(partners);
    }
    wait_all(last);
    name_banks("");
}

/* ---- who waits for a mailbox -------------------------------------------------------------------------------------------- */

static _Atomic int told_n;

static void told(void *arg)
{
    (void)arg;
    atomic_fetch_add(&told_n, 1);
}

static void wait_told(int n)
{
    int64_t until = clock_mono_ms() + 30000;
    while (atomic_load(&told_n) != n && clock_mono_ms() < until)
        a_moment();
    assert_int_equal(atomic_load(&told_n), n);
}

static void who_waits_is_told_once(void **state)
{
    (void)state;
    struct err err = {0};
    atomic_store(&told_n, 0);
    uint64_t last = list_firms(0, 1);
    wait_all(last);
    for (int i = 0; i < 500; i++)
        NEED(delivery_wait(w.delivery, i % 2 == 0 ? "bank-1" : "bank-2", last, 60000, told, NULL, &err), err);
    list_firms(1, 1);
    wait_told(500);
    NEED(delivery_wait(w.delivery, "bank-1", last, 60000, told, NULL, &err), err); /* there is something already */
    wait_told(501);
    NEED(delivery_wait(w.delivery, "bank-1", last + 1, 10, told, NULL, &err), err); /* the time is over */
    wait_told(502);
    NEED(delivery_wait(w.delivery, "bank-1", last + 1, 60000, told, NULL, &err), err);
    delivery_stop(w.delivery);
    assert_int_equal(atomic_load(&told_n), 503);
    assert_false(delivery_wait(w.delivery, "bank-1", last, 60000, told, NULL, &err));
    assert_int_equal(err.code, ERR_STOPPING);
}

/* ---- trying -------------------------------------------------------------------------------------------------------------- */

static _Atomic int tried_code;

static void tried(void *arg, const struct err *err, int64_t duration_ms)
{
    (void)arg;
    assert_true(duration_ms >= 0);
    atomic_store(&tried_code, (int)err->code);
}

static void an_echo_without_an_answer_is_no_success(void **state)
{
    (void)state;
    struct err err = {0};
    atomic_store(&tried_code, -1);
    uint64_t last = list_firms(0, 1);
    wait_all(last); /* its adapter is open by then */
    NEED(delivery_try(w.delivery, "bank-3", tried, NULL, &err), err);
    int64_t until = clock_mono_ms() + 30000;
    while (atomic_load(&tried_code) == -1 && clock_mono_ms() < until)
        a_moment();
    assert_int_equal(atomic_load(&tried_code), ERR_DELIVERY_RECEIPT);
    assert_false(delivery_try(w.delivery, "nobody", tried, NULL, &err));
    assert_int_equal(err.code, ERR_DELIVERY_CHANNEL);
}

static void a_channel_with_a_fault_is_told_and_the_old_one_stays(void **state)
{
    (void)state;
    struct err items[40] = {{0}};
    struct config_faults faults = {.items = items, .max = 40};
    name_banks(", settings: {colour: red}");
    struct directory *directory = read_directory(partners);
    const struct delivery_force force = {w.catalog, w.policy, directory, w.ring};
    assert_false(delivery_set(w.delivery, &force, &faults));
    assert_int_equal(faults.n, BANKS);
    assert_int_equal(items[0].code, ERR_ADAPTER_SETTING);
    directory_free(&w.partners);
    w.partners = directory;
    wait_all(list_firms(0, 1));
    name_banks("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_is_told_of_every_change, start, stop),
        cmocka_unit_test_setup_teardown(what_became_of_each_is_kept, start, stop),
        cmocka_unit_test_setup_teardown(a_paused_one_waits_and_the_others_do_not, start, stop),
        cmocka_unit_test_setup_teardown(settings_change_while_it_runs, start, stop),
        cmocka_unit_test_setup_teardown(who_waits_is_told_once, start, stop),
        cmocka_unit_test_setup_teardown(an_echo_without_an_answer_is_no_success, start, stop),
        cmocka_unit_test_setup_teardown(a_channel_with_a_fault_is_told_and_the_old_one_stays, start, stop),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
