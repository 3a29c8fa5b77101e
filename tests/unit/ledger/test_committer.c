/* The committer: many jobs, one commit; a job that fails harms no other; nobody waits for ever. */
#include "fixture.h"

#include <sched.h>

/* A job that counts and writes or fails as told. */
struct job_of {
    struct world *w;
    unsigned firm;
    bool writes, fails, fails_later, refuses_when_listed;
    unsigned decided;
    unsigned ended;
    struct err err;
    uint64_t seq;
};

static bool decide(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct job_of *job = arg;
    struct ledger_outcome outcome = {0};
    job->decided++;
    if (job->refuses_when_listed && ledger_tally(tx, LISTING_LISTED) > 0)
        return err_set(err, ERR_FIRM_STATE, "test", "listed already");
    struct fact fact = row_of(code(job->firm), "firm");
    if (job->writes)
        CHECK(ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err));
    job->seq = outcome.seq;
    bool fails = job->fails || (job->fails_later && job->decided > 1);
    return !fails || err_set(err, ERR_LIST_ROW_FIELD, "test", "told to");
}

static void done(void *arg, const struct err *err)
{
    struct job_of *job = arg;
    job->ended++;
    job->err = *err;
}

static void submit(struct world *w, struct job_of *job)
{
    struct err err = {0};
    job->w = w;
    NEED(ledger_submit(w->ledger, decide, done, job, &err), err);
}

/* Everything submitted so far has ended. */
static void settle(struct world *w)
{
    struct err err = {0};
    NEED(ledger_run(w->ledger, nothing_job, NULL, &err), err);
}

static void a_hundred_jobs_cost_one_commit(void **state)
{
    enum { JOBS = 100 };
    struct world *w = *state;
    struct job_of jobs[JOBS] = {{0}};
    struct gate gate;
    gate_close(w, &gate);
    int64_t commits = metric_get(METRIC_COMMITS), records = metric_get(METRIC_RECORDS);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (struct job_of){.firm = i, .writes = true};
        submit(w, &jobs[i]);
    }
    gate_open(&gate);
    settle(w);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].ended, 1);
        assert_int_equal(jobs[i].err.code, ERR_NONE);
        assert_int_equal(jobs[i].seq, i + 1);
        assert_int_equal(status_of(w, code(i)), LISTING_LISTED);
    }
    assert_true(metric_get(METRIC_COMMITS) - commits == 1);
    assert_true(metric_get(METRIC_RECORDS) - records == JOBS);
    assert_int_equal(metric_get(METRIC_FIRMS_LISTED), JOBS);
    assert_int_equal(metric_get(METRIC_JOURNAL_SIZE), JOBS);
    gate_free(&gate);
    journal_is_good(w);
}

static void three_jobs(struct world *w, struct job_of jobs[3])
{
    struct gate gate;
    gate_close(w, &gate);
    for (int i = 0; i < 3; i++)
        submit(w, &jobs[i]);
    gate_open(&gate);
    settle(w);
    gate_free(&gate);
    for (int i = 0; i < 3; i++)
        assert_int_equal(jobs[i].ended, 1);
}

static void a_job_that_fails_after_writing_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct job_of jobs[3] = {
        {.firm = 1, .writes = true}, {.firm = 2, .writes = true, .fails = true}, {.firm = 3, .writes = true}};
    three_jobs(w, jobs);
    assert_int_equal(jobs[0].err.code, ERR_NONE);
    assert_int_equal(jobs[1].err.code, ERR_LIST_ROW_FIELD);
    assert_int_equal(jobs[2].err.code, ERR_NONE);
    assert_int_equal(jobs[0].decided, 2); /* decided again without the failed one */
    assert_int_equal(jobs[1].decided, 1);
    assert_int_equal(jobs[0].seq, 1);
    assert_int_equal(jobs[2].seq, 2);
    assert_int_equal(status_of(w, code(2)), LISTING_NONE);
    assert_int_equal(tally_of(w, "listed"), 2);
    assert_int_equal(journal_length(w), 2);
    rebuild_is_equal(w);
}

static void a_job_that_refuses_disturbs_nobody(void **state)
{
    struct world *w = *state;
    struct job_of jobs[3] = {{.firm = 1, .writes = true}, {.fails = true}, {.firm = 3, .writes = true}};
    three_jobs(w, jobs);
    assert_int_equal(jobs[0].err.code, ERR_NONE);
    assert_int_equal(jobs[1].err.code, ERR_LIST_ROW_FIELD);
    assert_int_equal(jobs[2].err.code, ERR_NONE);
    assert_int_equal(jobs[0].decided, 1);
    assert_int_equal(tally_of(w, "listed"), 2);
}

/* What was refused because of something that never became durable was not refused. */
static void a_refusal_does_not_rest_on_what_was_undone(void **state)
{
    struct world *w = *state;
    struct job_of jobs[3] = {{.firm = 5, .writes = true, .fails_later = true},
                             {.refuses_when_listed = true},
                             {.firm = 6, .writes = true, .fails = true}};
    three_jobs(w, jobs);
    assert_int_equal(jobs[0].err.code, ERR_LIST_ROW_FIELD);
    assert_int_equal(jobs[1].err.code, ERR_NONE);
    assert_int_equal(jobs[1].decided, 2); /* refused beside the first, done without it */
    assert_int_equal(tally_of(w, "listed"), 0);
}

/* A small job that comes later goes between two large ones; one that is held back is still done when the ledger stops. */
static void large_jobs_take_turns_and_are_not_lost(void **state)
{
    struct world *w = *state;
    struct job_of small = {.firm = 1, .writes = true}, large[2] = {{.firm = 2, .writes = true}, {.firm = 3, .writes = true}};
    struct err err = {0};
    struct gate gate;
    gate_close(w, &gate);
    for (int i = 0; i < 2; i++) {
        large[i].w = w;
        NEED(ledger_submit_for(w->ledger, 7, 1000, decide, done, &large[i], &err), err);
    }
    small.w = w;
    NEED(ledger_submit_for(w->ledger, 8, 1, decide, done, &small, &err), err);
    gate_open(&gate);
    ledger_stop(w->ledger);
    gate_free(&gate);
    assert_int_equal(large[0].seq, 1); /* the gate was a small one */
    assert_int_equal(small.seq, 2);
    assert_int_equal(large[1].seq, 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(large[i].ended, 1);
        assert_int_equal(large[i].err.code, ERR_NONE);
    }
    world_start(w);
}

static bool record_and_fail(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct record record;
    (void)arg;
    record_init(&record, RECORD_RUN);
    record.source = "bureau-sx";
    record.run_state = "failed"; /* a record that does nothing to state */
    CHECK(ledger_record(tx, &record, err));
    return err_set(err, ERR_CANCELLED, "test", "after the record");
}

static void a_record_of_a_failed_job_is_not_appended(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    assert_false(ledger_run(w->ledger, record_and_fail, NULL, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_int_equal(journal_length(w), 0);
}

static bool swallow(struct ledger_tx *tx, void *arg, struct err *err)
{
    (void)tx;
    (void)arg;
    err_set(err, ERR_LIST_ROW_FIELD, "test", "got over it");
    return true;
}

static void a_job_may_get_over_its_own_error(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    NEED(ledger_run(w->ledger, swallow, NULL, &err), err);
    assert_int_equal(err.code, ERR_NONE);
}

static void a_full_queue_turns_away(void **state)
{
    struct world *w = *state;
    struct job_of jobs[5] = {{0}};
    struct gate gate;
    struct err err = {0};
    world_close(w);
    w->options.queue_max = 4;
    world_open(w);
    world_start(w);
    gate_close(w, &gate);
    for (int i = 0; i < 4; i++)
        submit(w, &jobs[i]);
    assert_false(ledger_submit(w->ledger, decide, done, &jobs[4], &err));
    assert_int_equal(err.code, ERR_BUSY_QUEUE);
    assert_int_equal(err_info(err.code)->http, 503);
    gate_open(&gate);
    settle(w);
    gate_free(&gate);
    assert_int_equal(jobs[3].ended, 1);
    assert_int_equal(jobs[4].ended, 0);
    submit(w, &jobs[4]);
    settle(w);
    assert_int_equal(jobs[4].ended, 1);
}

static void nothing_runs_before_the_start(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    world_close(w);
    world_open(w);
    assert_false(ledger_run(w->ledger, nothing_job, NULL, &err));
    assert_int_equal(err.code, ERR_STARTING);
}

/* ---- no room ---- */

static bool write_too_much(struct ledger_tx *tx, void *arg, struct err *err)
{
    static const char block[3000];
    (void)arg;
    for (uint64_t i = 1; i < 20000; i++) {
        struct store_key key = key_seq(i);
        store_put(ledger_txn(tx), TABLE_STAGE, &key, bytes_of(block, sizeof block));
    }
    (void)err;
    return true; /* does not look */
}

static void a_full_store_fails_who_filled_it(void **state)
{
    struct world *w = *state;
    struct job_of small[2] = {{.firm = 1, .writes = true}, {.firm = 2, .writes = true}}, big = {0};
    struct gate gate;
    struct err err = {0};
    world_close(w);
    w->store_options.map_size = 8 << 20;
    world_open(w);
    world_start(w);
    gate_close(w, &gate);
    submit(w, &small[0]);
    NEED(ledger_submit(w->ledger, write_too_much, done, &big, &err), err);
    submit(w, &small[1]);
    gate_open(&gate);
    settle(w);
    gate_free(&gate);
    assert_int_equal(big.err.code, ERR_STORE_FULL);
    assert_int_equal(small[0].err.code, ERR_NONE);
    assert_int_equal(small[1].err.code, ERR_NONE);
    struct job_of later = {.firm = 3, .writes = true};
    submit(w, &later);
    settle(w);
    assert_int_equal(later.err.code, ERR_NONE);
    assert_int_equal(tally_of(w, "listed"), 3);
    rebuild_is_equal(w);
}

static bool write_a_record_a_time(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct fact fact = row_of(arg, "firm");
    struct ledger_outcome outcome;
    return ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err);
}

/* Until nothing fits any more; then room is made, and it goes on. */
static void work_goes_on_when_there_is_room_again(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    unsigned written = 0;
    world_close(w);
    w->store_options.map_size = 3 << 20;
    world_open(w);
    world_start(w);
    for (; written < 20000; written++) {
        if (!ledger_run(w->ledger, write_a_record_a_time, (void *)(uintptr_t)code(written), &err))
            break;
    }
    assert_int_equal(err.code, ERR_STORE_FULL);
    assert_int_equal(tally_of(w, "listed"), written);
    journal_is_good(w);
    world_close(w);
    w->store_options.map_size = 64 << 20;
    world_open(w);
    world_start(w);
    write_fact(w, row_of(code(written), "firm"));
    assert_int_equal(tally_of(w, "listed"), written + 1);
    rebuild_is_equal(w);
}

static void too_little_disk_fails_all_and_later_work_goes_on(void **state)
{
    struct world *w = *state;
    struct job_of jobs[3] = {{.firm = 1, .writes = true}, {.firm = 2}, {.firm = 3, .fails = true}};
    struct err err = {0};
    write_fact(w, row_of(code(9), "firm"));
    world_close(w);
    w->options.min_free = INT64_MAX;
    world_open(w);
    NEED(ledger_start(w->ledger, &err), err); /* nothing to write: reading goes on */
    NEED(ledger_run(w->ledger, nothing_job, NULL, &err), err);
    struct gate gate;
    gate_close(w, &gate);
    for (int i = 0; i < 3; i++)
        submit(w, &jobs[i]);
    gate_open(&gate);
    ledger_stop(w->ledger);
    gate_free(&gate);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(jobs[i].ended, 1);
        assert_int_equal(jobs[i].err.code, ERR_STORE_FULL);
    }
    assert_int_equal(journal_length(w), 1);
    world_close(w);
    w->options.min_free = 1;
    world_open(w);
    world_start(w);
    write_fact(w, row_of(code(1), "firm"));
    assert_int_equal(tally_of(w, "listed"), 2);
}

/* ---- size of a transaction ---- */

struct many {
    unsigned first, n, ended;
    struct err err;
};

static bool write_many(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct many *many = arg;
    for (unsigned i = 0; i < many->n; i++) {
        struct fact fact = row_of(code(many->first + i), "firm");
        struct ledger_outcome outcome;
        CHECK(ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err));
    }
    return true;
}

static void many_done(void *arg, const struct err *err)
{
    struct many *many = arg;
    many->ended++;
    many->err = *err;
}

/* Dirty pages are memory: jobs of thousands of rows do not all share one transaction. */
static void large_jobs_are_spread_over_transactions(void **state)
{
    enum { JOBS = 12, ROWS = 3000 };
    struct world *w = *state;
    struct many jobs[JOBS];
    struct gate gate;
    struct err err = {0};
    gate_close(w, &gate);
    int64_t commits = metric_get(METRIC_COMMITS);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (struct many){.first = i * ROWS, .n = ROWS};
        NEED(ledger_submit(w->ledger, write_many, many_done, &jobs[i], &err), err);
    }
    gate_open(&gate);
    settle(w);
    gate_free(&gate);
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].ended, 1);
        assert_int_equal(jobs[i].err.code, ERR_NONE);
    }
    assert_true(metric_get(METRIC_COMMITS) - commits > 3);
    assert_int_equal(tally_of(w, "listed"), JOBS * ROWS);
    journal_is_good(w);
}

/* ---- stopping ---- */

static void *stop_it(void *arg)
{
    ledger_stop(arg);
    return NULL;
}

struct waiting {
    struct world *w;
    struct err err;
    bool ok;
};

static void *run_one(void *arg)
{
    struct waiting *waiting = arg;
    waiting->ok = ledger_run(waiting->w->ledger, nothing_job, NULL, &waiting->err);
    return NULL;
}

static void stopping_leaves_nobody_waiting(void **state)
{
    enum { JOBS = 60, THREADS = 4 };
    struct world *w = *state;
    struct job_of jobs[JOBS] = {{0}}, late = {0};
    struct waiting waiting[THREADS] = {{0}};
    pthread_t threads[THREADS], stopper;
    struct gate gate;
    struct err err = {0};
    world_close(w);
    w->options.queue_max = JOBS;
    world_open(w);
    world_start(w);
    gate_close(w, &gate);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (struct job_of){.firm = i, .writes = true};
        submit(w, &jobs[i]);
    }
    for (int i = 0; i < THREADS; i++) { /* the queue is full: these wait for room */
        waiting[i].w = w;
        assert_int_equal(pthread_create(&threads[i], NULL, run_one, &waiting[i]), 0);
    }
    assert_int_equal(pthread_create(&stopper, NULL, stop_it, w->ledger), 0);
    while (ledger_submit(w->ledger, decide, done, &late, &err) || err.code != ERR_STOPPING)
        sched_yield();
    gate_open(&gate);
    pthread_join(stopper, NULL);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(waiting[i].ok || waiting[i].err.code == ERR_STOPPING);
    }
    for (unsigned i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].ended, 1);
        assert_int_equal(jobs[i].err.code, ERR_NONE);
    }
    assert_int_equal(late.ended, 0);
    gate_free(&gate);
    assert_int_equal(tally_of(w, "listed"), JOBS);
    assert_false(ledger_run(w->ledger, nothing_job, NULL, &err));
    ledger_stop(w->ledger);
    world_start(w); /* and it may be started again */
    write_fact(w, row_of(code(JOBS), "firm"));
}

static bool run_inside(struct ledger_tx *tx, void *arg, struct err *err)
{
    (void)tx;
    struct world *w = arg;
    return ledger_run(w->ledger, nothing_job, NULL, err);
}

static void the_committer_does_not_wait_for_itself(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    assert_false(ledger_run(w->ledger, run_inside, w, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
}

/* ---- many at once ---- */

struct crowd {
    struct world *w;
    unsigned first, ok;
};

static void *crowd_member(void *arg)
{
    struct crowd *crowd = arg;
    for (unsigned i = 0; i < 60; i++) {
        char uscc[USCC_SIZE];
        struct err err = {0};
        memcpy(uscc, code(crowd->first + i), USCC_SIZE);
        crowd->ok += ledger_run(crowd->w->ledger, write_a_record_a_time, uscc, &err);
        struct view view = view_open(crowd->w);
        assert_int_equal(firm_in(&view, uscc).listing.status, LISTING_LISTED);
        view_close(&view);
    }
    return NULL;
}

static void who_was_told_yes_can_read_it(void **state)
{
    enum { THREADS = 8 };
    struct world *w = *state;
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){w, i * 1000, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(crowd[i].ok, 60);
    }
    assert_int_equal(tally_of(w, "listed"), THREADS * 60);
    journal_is_good(w);
    rebuild_is_equal(w);
}

struct heard {
    uint64_t head;
    unsigned calls;
};

static void hear(void *arg, const struct ledger_news *news)
{
    struct heard *heard = arg;
    assert_true(news->head > heard->head);
    heard->head = news->head;
    heard->calls++;
}

static void watchers_hear_of_every_new_head(void **state)
{
    struct world *w = *state;
    struct heard heard = {0};
    world_close(w);
    world_open(w);
    ledger_on_commit(w->ledger, hear, &heard);
    world_start(w);
    write_fact(w, row_of(code(1), "firm"));
    write_fact(w, row_of(code(2), "firm"));
    write_fact(w, row_of(code(2), "firm")); /* says what is known: no record */
    settle(w);
    assert_int_equal(heard.head, 2);
    assert_int_equal(heard.calls, 2);
}

int main(void)
{
    log_set_level(LOG_ERROR + 1);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_hundred_jobs_cost_one_commit),
        TEST(a_job_that_fails_after_writing_leaves_nothing),
        TEST(a_job_that_refuses_disturbs_nobody),
        TEST(large_jobs_take_turns_and_are_not_lost),
        TEST(a_refusal_does_not_rest_on_what_was_undone),
        TEST(a_record_of_a_failed_job_is_not_appended),
        TEST(a_job_may_get_over_its_own_error),
        TEST(a_full_queue_turns_away),
        TEST(nothing_runs_before_the_start),
        TEST(a_full_store_fails_who_filled_it),
        TEST(work_goes_on_when_there_is_room_again),
        TEST(too_little_disk_fails_all_and_later_work_goes_on),
        TEST(large_jobs_are_spread_over_transactions),
        TEST(stopping_leaves_nobody_waiting),
        TEST(the_committer_does_not_wait_for_itself),
        TEST(who_was_told_yes_can_read_it),
        TEST(watchers_hear_of_every_new_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
