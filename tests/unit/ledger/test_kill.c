/* Killed at any moment: what was acknowledged is there, and the journal is whole. A child writes facts and tells
 * each acknowledged sequence through a pipe; the parent kills it. The seed is printed; TEST_SEED repeats a run. */
#include "fixture.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/wait.h>

enum { ROUNDS = 20, ACKS_MAX = 600, PER_ROUND = 100000 };

struct ack {
    uint64_t seq;
    uint32_t firm;
    uint32_t last; /* of a batch of three */
};

struct child_job {
    struct ack ack;
    int pipe;
};

static bool three_facts(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct child_job *job = arg;
    for (unsigned i = 0; i < 3; i++) {
        struct fact fact = row_of(code(job->ack.firm + i), "firm");
        struct ledger_outcome outcome;
        CHECK(ledger_fact(tx, &fact, BYTES_LIT("raw"), &outcome, err));
        job->ack.seq = outcome.seq;
    }
    return true;
}

static void tell(void *arg, const struct err *err)
{
    struct child_job *job = arg;
    if (err->code != ERR_NONE || write(job->pipe, &job->ack, sizeof job->ack) != sizeof job->ack)
        _exit(3);
    free(job);
}

/* Never returns. */
static void child(struct world *w, int pipe, unsigned first)
{
    struct err err = {0};
    clock_test_set(0, 0);
    world_open(w);
    if (!ledger_start(w->ledger, &err))
        _exit(2);
    for (unsigned firm = first; firm < first + PER_ROUND; firm += 3) {
        struct child_job *job = xcalloc(1, sizeof *job);
        *job = (struct child_job){{0, firm, 0}, pipe};
        while (!ledger_submit(w->ledger, three_facts, tell, job, &err)) {
            if (err.code != ERR_BUSY_QUEUE)
                _exit(4);
            sched_yield();
        }
    }
    for (;;)
        pause();
}

/* Reads what the child tells until it has told `until` things, then kills it and reads the rest. */
static size_t collect(int pipe, pid_t pid, size_t until, struct ack *acks, size_t max)
{
    size_t n = 0;
    bool killed = false;
    struct ack ack;
    ssize_t got;
    while ((got = read(pipe, &ack, sizeof ack)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        assert_int_equal(got, sizeof ack);
        if (n < max)
            acks[n++] = ack;
        if (n >= until && !killed) {
            kill(pid, SIGKILL);
            killed = true;
        }
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return n;
}

static void all_are_there(struct world *w, const struct ack *acks, size_t n)
{
    struct view view = view_open(w);
    for (size_t i = 0; i < n; i++) {
        struct record record = record_in(w, &view, acks[i].seq);
        assert_string_equal(record.uscc, code(acks[i].firm + 2));
        for (unsigned k = 0; k < 3; k++) {
            struct firm firm = firm_in(&view, code(acks[i].firm + k));
            assert_int_equal(firm.listing.status, LISTING_LISTED);
            assert_true(firm.last_sequence == acks[i].seq - 2 + k);
        }
    }
    /* a job is whole or absent */
    assert_true(journal_size(w->journal, view.txn) % 3 == 0);
    view_close(&view);
}

static void one_round(struct world *w, unsigned round, size_t until)
{
    static struct ack acks[PER_ROUND];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child(w, ends[1], round * PER_ROUND);
    }
    close(ends[1]);
    size_t n = collect(ends[0], pid, until, acks, PER_ROUND);
    close(ends[0]);
    assert_true(n >= until);
    world_open(w);
    world_start(w);
    journal_is_good(w);
    all_are_there(w, acks, n);
    if (round % 5 == 4)
        rebuild_is_equal(w);
    world_close(w);
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
    const char *given = getenv("TEST_SEED");
    struct world *w = *state;
    unsigned seed;
    world_close(w);
    w->store_options.no_sync = false;
    w->options.queue_max = 64;
    if (given != NULL)
        seed = (unsigned)strtoul(given, NULL, 10);
    else
        assert_int_equal(getrandom(&seed, sizeof seed, 0), sizeof seed);
    print_message("seed %u\n", seed);
    srandom(seed);
    for (unsigned round = 0; round < ROUNDS; round++)
        one_round(w, round, 1 + (size_t)random() % ACKS_MAX);
    world_open(w);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_acknowledged_survives_a_kill, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
