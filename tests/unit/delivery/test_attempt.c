/* What an attempt does to a queue: waits, states, stopping, giving up; and what people do about it. */
#include "fixture.h"

static const struct actor person = {ACTOR_PERSON, "operator-1"};

static int start(void **state)
{
    (void)state;
    set_time(T0);
    open_data();
    see_partners();
    return 0;
}

/* The partner's next message is tried and this is what it means. */
static struct post attempt(enum meaning meaning, int64_t retry_after_ms)
{
    struct err err = {0};
    struct step step = {.delivery = w.delivery, .id = "bank-a", .style = "json ES256"};
    step.letter = first_letter("bank-a");
    assert_int_not_equal(step.letter.n, 0);
    NEED(ledger_run(w.ledger, claim_job, &step, &err), err);
    assert_int_equal(step.post.unsure, 1);
    step.judged.meaning = meaning;
    step.judged.retry_after_ms = retry_after_ms;
    if (meaning != MEANS_DONE)
        err_set(&step.judged.err, meaning == MEANS_REFUSED ? ERR_ADAPTER_REJECTED : ERR_ADAPTER_RETRY, "x", "why");
    NEED(ledger_run(w.ledger, settle_job, &step, &err), err);
    return step.post;
}

static struct sent sent_of(uint64_t n)
{
    struct err err = {0};
    struct sent sent;
    struct store_txn *txn = store_read(w.store, &err);
    NEED(sent_read(txn, "bank-a", n, &sent, &err), err);
    store_read_end(&txn);
    return sent;
}

static size_t sweep(void)
{
    struct err err = {0};
    struct sweep sweep = {.delivery = w.delivery, .id = "bank-a", .give_up_ms = 7 * DAY};
    NEED(ledger_run(w.ledger, sweep_job, &sweep, &err), err);
    assert_false(sweep.more);
    return sweep.expired;
}

static void waits_grow_to_an_hour(void **state)
{
    (void)state;
    static const int64_t steps[] = {5, 30, 120, 600, 3600, 3600, 3600};
    list_firms(0, 1);
    cut_all();
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct post post = attempt(MEANS_RETRY, 0);
        int64_t wait = post.next_ms - w.now;
        if (wait < steps[i] * 900 || wait > steps[i] * 1100)
            fail_msg("step %zu: %lld ms", i, (long long)wait);
        assert_int_equal(post.state, post.failures < 3 ? QUEUE_RETRYING : QUEUE_UNREACHABLE);
        assert_int_equal(post.attempts, i + 1);
        assert_int_equal(post_due(&post, w.now), post.next_ms);
        /* a clock set back does not prolong it */
        assert_int_equal(post_due(&post, w.now - DAY), w.now - DAY + wait);
    }
    struct post post = attempt(MEANS_DONE, 0);
    assert_int_equal(post.state, QUEUE_OK);
    assert_int_equal(post.failures, 0);
    assert_int_equal(post.cursor, 1);
    struct sent sent = sent_of(1);
    assert_int_equal(sent.state, SENT_DELIVERED);
    assert_int_equal(sent.attempts, 8);
    assert_string_equal(sent.tries[6].code, "adapter.retry");
    assert_string_equal(sent.tries[7].code, "");
}

static void who_asks_for_time_gets_it_within_bounds(void **state)
{
    (void)state;
    list_firms(0, 1);
    cut_all();
    assert_int_equal(attempt(MEANS_RETRY, 90 * SECOND).next_ms, w.now + 90 * SECOND);
    assert_int_equal(attempt(MEANS_RETRY, 1).next_ms, w.now + SECOND);
    assert_int_equal(attempt(MEANS_UNCERTAIN, 30 * DAY).next_ms, w.now + DAY);
}

static void what_is_uncertain_stays_in_flight(void **state)
{
    (void)state;
    list_firms(0, 1);
    cut_all();
    struct post post = attempt(MEANS_UNCERTAIN, 0);
    assert_int_equal(post.state, QUEUE_UNCERTAIN);
    assert_true(post.flying == 1 && post.unsure);
    assert_string_equal(post.style, "json ES256");
    post = attempt(MEANS_ABSENT, 0);
    assert_true(post.flying == 1 && !post.unsure && post.next_ms == 0);
    assert_int_equal(post.failures, 1); /* so that one who never knows it is not asked without end */
}

static void the_attempts_that_are_kept_are_the_last_ones(void **state)
{
    (void)state;
    list_firms(0, 1);
    cut_all();
    for (int i = 0; i < 25; i++) {
        set_time(w.now + SECOND);
        (void)attempt(MEANS_RETRY, 0);
    }
    struct sent sent = sent_of(1);
    assert_int_equal(sent.attempts, 25);
    assert_int_equal(sent.try_n, DELIVERY_TRIES_KEPT);
    assert_int_equal(sent.tries[DELIVERY_TRIES_KEPT - 1].time_ms, w.now);
}

/* ---- refusals --------------------------------------------------------------------------------------------------------- */

static void a_refusal_stops_until_a_person_says_so(void **state)
{
    (void)state;
    struct err err = {0};
    size_t n;
    list_firms(0, 1);
    cut_all();
    list_firms(1, 1);
    cut_all();
    struct post post = attempt(MEANS_REFUSED, 0);
    assert_int_equal(post.state, QUEUE_STOPPED);
    assert_int_equal(post.cursor, 0);
    assert_int_equal(sent_of(1).state, SENT_FAILED);
    assert_false(delivery_resend(w.delivery, "wc-2-2", "bank-a", false, &person, &n, &err));
    assert_int_equal(err.code, ERR_DELIVERY_STATE);
    assert_false(delivery_resend(w.delivery, "wc-1-2", "bank-a", false, &person, &n, &err));
    assert_int_equal(err.code, ERR_MESSAGE_UNKNOWN);
    NEED(delivery_resend(w.delivery, "wc-1-1", NULL, false, &person, &n, &err), err);
    assert_int_equal(n, 1);
    assert_int_equal(post_of("bank-a").state, QUEUE_OK);
    assert_int_equal(first_letter("bank-a").n, 1);
    (void)attempt(MEANS_REFUSED, 0);
    NEED(delivery_resend(w.delivery, "wc-1-1", "bank-a", true, &person, &n, &err), err);
    assert_int_equal(first_letter("bank-a").n, 2);
    assert_int_equal(sent_of(1).state, SENT_SKIPPED);
    assert_int_equal(post_of("bank-a").state, QUEUE_OK);
}

static void resuming_tries_the_same_again(void **state)
{
    (void)state;
    struct err err = {0};
    list_firms(0, 1);
    cut_all();
    (void)attempt(MEANS_BROKEN, 0);
    NEED(delivery_pause(w.delivery, "bank-a", true, &person, &err), err);
    assert_true(post_of("bank-a").paused);
    assert_int_equal(post_of("bank-a").state, QUEUE_STOPPED);
    NEED(delivery_pause(w.delivery, "bank-a", false, &person, &err), err);
    assert_false(post_of("bank-a").paused);
    assert_int_equal(post_of("bank-a").state, QUEUE_OK);
    assert_int_equal(first_letter("bank-a").n, 1);
}

static void an_ack_settles_what_was_in_flight(void **state)
{
    (void)state;
    struct err err = {0};
    uint64_t cursor;
    list_firms(0, 1);
    cut_all();
    (void)attempt(MEANS_UNCERTAIN, 0);
    NEED(delivery_ack(w.delivery, "bank-a", 1, &cursor, &err), err);
    struct post post = post_of("bank-a");
    assert_int_equal(post.state, QUEUE_OK);
    assert_int_equal(post.flying, 0);
}

/* ---- giving up ---------------------------------------------------------------------------------------------------------- */

static void what_waits_too_long_is_expired_and_the_list_begins_anew(void **state)
{
    (void)state;
    struct err err = {0};
    size_t n;
    write_mail(RECORD_MESSAGE, "bank-z", "m-1", "bank-a", "{}"); /* 1 */
    list_firms(0, 1);                                             /* 2 */
    cut_all();
    set_time(T0 + 8 * DAY);
    list_firms(1, 1); /* 3: young, but in the snapshot */
    cut_all();
    write_mail(RECORD_MESSAGE, "bank-z", "m-2", "bank-a", "{}"); /* 4: young */
    list_firms(2, 1);                                             /* 5 */
    cut_all();
    (void)attempt(MEANS_UNCERTAIN, 0);
    assert_int_equal(sweep(), 2);
    assert_int_equal(sent_of(1).state, SENT_EXPIRED);
    assert_int_equal(sent_of(2).state, SENT_EXPIRED);
    struct post post = post_of("bank-a");
    assert_int_equal(post.cursor, 2);
    assert_int_equal(post.flying, 0);
    assert_string_equal(letters("bank-a", 2), "f-4 wc-1-5 ");
    list_firms(3, 1); /* 6 */
    cut_all();
    assert_string_equal(letters("bank-a", 2), "f-4 wc-1-5 wc-6-6 ");
    assert_int_equal(sweep(), 0);
    assert_string_equal(letters("bank-a", 2), "f-4 wc-1-5 wc-6-6 ");
    /* a person may still want the lost one */
    NEED(delivery_resend(w.delivery, "f-1", NULL, false, &person, &n, &err), err);
    struct store_txn *txn = store_read(w.store, &err);
    struct letter again;
    struct view view;
    int64_t since;
    view_init(&view, txn, w.journal);
    NEED(order_again(&view, "bank-a", &post, &again, &since, &err), err);
    store_read_end(&txn);
    assert_int_equal(again.n, 1);
    assert_int_equal(since, w.now);
}

static void the_word_itself_is_said_anew(void **state)
{
    (void)state;
    list_firms(0, 1);
    cut_all();
    set_time(T0 + 8 * DAY);
    assert_int_equal(sweep(), 1);
    /* nothing has happened since: there is no number for it yet */
    assert_string_equal(letters("bank-a", 0), "wc-1-1 ");
    assert_int_equal(post_of("bank-a").relist, 1);
    write_mail(RECORD_MESSAGE, "bank-z", "m-1", "", "{}");
    assert_int_equal(sweep(), 0);
    assert_string_equal(letters("bank-a", 1), "wc-1-2 ");
    set_time(T0 + 16 * DAY);
    list_firms(1, 1);
    cut_all();
    assert_int_equal(sweep(), 0);
    assert_string_equal(letters("bank-a", 1), "wc-1-3 ");
    assert_true(first_letter("bank-a").snapshot);
}

static void a_word_in_flight_gives_way_to_the_new_one(void **state)
{
    (void)state;
    list_firms(0, 1);
    cut_all();
    set_time(T0 + 8 * DAY);
    list_firms(1, 1);
    cut_all();
    assert_int_equal(sweep(), 1);
    assert_string_equal(letters("bank-a", 1), "wc-1-2 ");
    (void)attempt(MEANS_UNCERTAIN, 0);
    set_force("partners:\n" BANK("bank-a", KEY_A, "    receives: []\n"));
    list_firms(2, 1);
    cut_all();
    set_force("partners:\n" BANK("bank-a", KEY_A, ""));
    assert_string_equal(letters("bank-a", 1), "wc-1-3 ");
    assert_int_equal(post_of("bank-a").flying, 0);
}

static void a_thousand_at_a_time(void **state)
{
    (void)state;
    struct err err = {0};
    struct sweep chunk = {.delivery = w.delivery, .id = "bank-a", .give_up_ms = 7 * DAY};
    for (unsigned i = 0; i < 1100; i++)
        write_mail(RECORD_MESSAGE, "bank-z", arena_printf(w.arena, "m-%u", i), "bank-a", "{}");
    set_time(T0 + 8 * DAY);
    NEED(ledger_run(w.ledger, sweep_job, &chunk, &err), err);
    assert_true(chunk.more);
    assert_int_equal(chunk.expired, 1000);
    assert_int_equal(sweep(), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(waits_grow_to_an_hour, start, stop),
        cmocka_unit_test_setup_teardown(who_asks_for_time_gets_it_within_bounds, start, stop),
        cmocka_unit_test_setup_teardown(what_is_uncertain_stays_in_flight, start, stop),
        cmocka_unit_test_setup_teardown(the_attempts_that_are_kept_are_the_last_ones, start, stop),
        cmocka_unit_test_setup_teardown(a_refusal_stops_until_a_person_says_so, start, stop),
        cmocka_unit_test_setup_teardown(resuming_tries_the_same_again, start, stop),
        cmocka_unit_test_setup_teardown(an_ack_settles_what_was_in_flight, start, stop),
        cmocka_unit_test_setup_teardown(what_waits_too_long_is_expired_and_the_list_begins_anew, start, stop),
        cmocka_unit_test_setup_teardown(the_word_itself_is_said_anew, start, stop),
        cmocka_unit_test_setup_teardown(a_word_in_flight_gives_way_to_the_new_one, start, stop),
        cmocka_unit_test_setup_teardown(a_thousand_at_a_time, start, stop),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
