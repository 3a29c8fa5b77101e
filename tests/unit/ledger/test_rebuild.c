/* State follows from the journal: after any history the rebuild is equal, every index says the same as the firms,
 * and a flipped byte is found. The seed is printed; TEST_SEED repeats a run. */
#include "history.h"

enum { STEPS = 2500 };

/* ---- the same said twice must be the same ---- */

struct counted {
    uint64_t of_status[LISTING_COUNT], due, waiting;
};

static bool has(struct view *view, enum store_table table, struct store_key key)
{
    struct bytes value;
    return store_get(view->txn, table, &key, &value);
}

static void count_firms(struct view *view, struct counted *counted)
{
    struct store_walk walk;
    for (store_walk(&walk, view->txn, TABLE_FIRM, NULL, NULL); store_next(&walk);) {
        char uscc[USCC_SIZE] = {0};
        memcpy(uscc, walk.key.p, walk.key.n);
        struct firm firm = firm_in(view, uscc);
        counted->of_status[firm.listing.status]++;
        assert_int_equal(has(view, TABLE_STATUS, key_status((int)firm.listing.status, uscc)),
                         firm.listing.status != LISTING_NONE);
        if (firm_due(&firm) != DATE_NONE) {
            counted->due++;
            assert_true(has(view, TABLE_DUE, key_due(firm_due(&firm), uscc)));
        }
        assert_true(has(view, TABLE_HISTORY, key_history(uscc, firm.last_sequence)));
    }
}

static uint64_t entries(struct view *view, enum store_table table)
{
    struct store_walk walk;
    uint64_t n = 0;
    for (store_walk(&walk, view->txn, table, NULL, NULL); store_next(&walk);)
        n++;
    return n;
}

static bool is_erased(struct world *w, struct view *view, uint64_t seq)
{
    struct bytes bytes;
    struct err err = {0};
    NEED(journal_read(w->journal, view->txn, seq, &bytes, &err), err);
    return bytes.n == 0;
}

static void count_records(struct world *w, struct view *view)
{
    uint64_t about_firms = 0, size = journal_size(w->journal, view->txn);
    int64_t last = 0;
    for (uint64_t seq = 1; seq <= size; seq++) {
        if (is_erased(w, view, seq))
            continue; /* never one about a firm */
        struct record record = record_in(w, view, seq);
        assert_true(record.time_ms >= last);
        last = record.time_ms;
        if (record_decides(record.kind)) {
            about_firms++;
            assert_true(has(view, TABLE_HISTORY, key_history(record.uscc, seq)));
        }
    }
    assert_true(entries(view, TABLE_HISTORY) == about_firms);
}

static bool count_open(void *arg, const struct approval *approval)
{
    *(uint64_t *)arg += strcmp(approval->state, "open") == 0;
    return true;
}

static bool count_listed_open(void *arg, const struct approval *approval)
{
    assert_string_equal(approval->state, "open");
    ++*(uint64_t *)arg;
    return true;
}

/* An open question is about a firm that waits, in the state in which it stands. */
static void questions_fit(struct view *view)
{
    struct store_key prefix = key_pair("open", "");
    struct store_walk walk;
    for (store_walk(&walk, view->txn, TABLE_APPROVAL, NULL, &prefix); store_next(&walk);) {
        char uscc[USCC_SIZE] = {0}, id[32] = {0};
        memcpy(uscc, walk.key.p + prefix.n, walk.key.n - prefix.n);
        memcpy(id, walk.value.p, walk.value.n);
        assert_string_equal(approval_in(view, id).state, "open");
        assert_string_equal(approval_in(view, id).object, uscc);
    }
}

static void everything_agrees(struct world *w)
{
    struct view view = view_open(w);
    struct counted counted = {{0}, 0, 0};
    struct err err = {0};
    uint64_t indexed = 0, open = 0, listed_open = 0;
    count_firms(&view, &counted);
    for (int s = 1; s < LISTING_COUNT; s++) {
        indexed += counted.of_status[s];
        assert_true(store_number(view.txn, TABLE_TALLY, listing_name((enum listing_status)s)) == counted.of_status[s]);
    }
    assert_true(entries(&view, TABLE_STATUS) == indexed);
    assert_true(entries(&view, TABLE_DUE) == counted.due);
    count_records(w, &view);
    NEED(approval_list(view.txn, view.arena, false, count_open, &open, &err), err);
    NEED(approval_list(view.txn, view.arena, true, count_listed_open, &listed_open, &err), err);
    assert_true(listed_open == open);
    assert_true(store_number(view.txn, TABLE_TALLY, "open_proposals") == open);
    questions_fit(&view);
    view_close(&view);
    journal_is_good(w);
    rebuild_is_equal(w);
}

static void any_history_is_rebuilt(void **state)
{
    struct history h = history_begin(*state);
    for (unsigned i = 1; i <= STEPS; i++) {
        take_a_step(&h);
        if (i % 500 == 0)
            everything_agrees(h.w);
    }
    print_message("%u facts, %u decisions (%u granted), %u timed facts, %llu records\n", h.facts, h.approvals,
                  h.granted, h.expiries, (unsigned long long)journal_length(h.w));
    assert_true(h.facts > 1000 && h.approvals > 100 && h.granted > 20 && h.expiries > 20);
}

/* ---- erasing ---- */

static uint64_t erased(struct world *w)
{
    struct view view = view_open(w);
    uint64_t n = 0, size = journal_size(w->journal, view.txn);
    for (uint64_t seq = 1; seq <= size; seq++)
        n += is_erased(w, &view, seq);
    view_close(&view);
    return n;
}

/* Proposed by one person and granted by another; `cut` leaves the work half done and starts again. */
static void purge(struct world *w, int64_t before_ms, bool raw, bool cut)
{
    struct ledger_purge purge = {.before_ms = before_ms, .records = true, .raw = raw};
    struct actor maker = {ACTOR_PERSON, "sysadmin-1"};
    struct err err = {0};
    char id[32];
    uint64_t gone = erased(w);
    NEED(ledger_purge_look(w->store, w->journal, &purge, &err), err);
    if (purge.record_n + purge.raw_n == 0) {
        assert_false(ledger_propose_purge(w->ledger, &purge, &maker, "term over", id, &err));
        assert_int_equal(err.code, ERR_RETENTION_NOTHING);
        return;
    }
    NEED(ledger_propose_purge(w->ledger, &purge, &maker, "term over", id, &err), err);
    assert_false(decide_by(w, id, true, "sysadmin-1", &err));
    assert_int_equal(err.code, ERR_APPROVAL_SAME_PERSON);
    NEED(decide_by(w, id, true, "operator-1", &err), err);
    if (cut)
        world_restart(w);
    int64_t due;
    for (bool done = false; !done;) {
        NEED(ledger_time(w->ledger, &due, &err), err);
        struct view view = view_open(w);
        struct store_key key = key_text(id);
        done = !has(&view, TABLE_WORK, key);
        view_close(&view);
    }
    assert_true(erased(w) == gone + purge.record_n);
    NEED(ledger_purge_look(w->store, w->journal, &purge, &err), err);
    assert_true(purge.record_n == 0 && purge.raw_n == 0);
}

static void what_may_be_erased_is_not_missed(void **state)
{
    struct history h = {.w = *state, .now = T0};
    assert_int_equal(getrandom(&h.random, sizeof h.random, 0), sizeof h.random);
    const char *given = getenv("TEST_SEED");
    if (given != NULL)
        h.random = strtoull(given, NULL, 10);
    print_message("seed %llu\n", (unsigned long long)h.random);
    for (int round = 0; round < 5; round++) {
        int64_t began = h.now;
        for (unsigned i = 0; i < 400; i++)
            take_a_step(&h);
        purge(h.w, began + (h.now - began) / 2, round % 2 == 1, round == 2);
        everything_agrees(h.w);
    }
    print_message("%llu of %llu records erased\n", (unsigned long long)erased(h.w),
                  (unsigned long long)journal_length(h.w));
    assert_true(erased(h.w) > 50);
}

/* ---- damage ---- */

static bool flip(struct ledger_tx *tx, void *arg, struct err *err)
{
    enum store_table table = *(enum store_table *)arg;
    struct store_txn *txn = ledger_txn(tx);
    struct store_walk walk;
    store_walk(&walk, txn, table, NULL, NULL);
    if (!store_next(&walk))
        return err_set(err, ERR_INTERNAL, "test", "nothing in %s", store_table_name(table));
    struct store_key key = {.n = walk.key.n};
    memcpy(key.b, walk.key.p, walk.key.n);
    uint8_t value[4096];
    size_t n = walk.value.n;
    memcpy(value, walk.value.p, n);
    store_walk_end(&walk);
    if (n == 0) {
        store_delete(txn, table, &key);
        return true;
    }
    value[n / 2] ^= 1;
    store_put(txn, table, &key, bytes_of(value, n));
    return true;
}

static void a_flipped_byte_is_found_in_every_table(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    unsigned tried = 0;
    char id[32];
    for (int t = 0; t < TABLE_COUNT; t++) {
        if (store_table_class((enum store_table)t) != STORE_STATE)
            continue;
        if (tried++ > 0) {
            teardown(state);
            setup(state);
            w = *state;
        }
        struct history h = {.w = w, .now = T0, .random = 1};
        for (int i = 0; i < 20; i++)
            write_some_record(&h);
        write_fact(w, row_of(code(3), "firm"));
        for (int i = 0; i < 60; i++)
            write_some_report(&h);
        struct step raised = {0};
        record_init(&raised.record, RECORD_OBJECTION);
        raised.record.uscc = code(3);
        raised.record.act = "raised";
        NEED(ledger_run(w->ledger, objection_step, &raised, &err), err);
        struct fact fact = row_of(code(1), "firm");
        fact.row.valid_until = date_of_ms(T0) + 9;
        write_fact(w, fact);
        write_fact(w, row_of(code(2), "firm"));
        write_fact(w, withdrawal_of(code(2)));
        propose_run(w, "run", "run-1", "", id);
        rebuild_is_equal(w);
        enum store_table table = (enum store_table)t;
        err = (struct err){0};
        NEED(ledger_run(w->ledger, flip, &table, &err), err);
        assert_false(rebuilds(w, &err));
        assert_int_equal(err.code, ERR_REBUILD_DIFFERS);
        assert_string_equal(err.place, store_table_name(table));
    }
    assert_true(tried >= 9);
}

static bool add_stray(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct store_key key = key_text(arg);
    (void)err;
    store_put(ledger_txn(tx), TABLE_CONFIG, &key, BYTES_LIT("x"));
    return true;
}

static void an_entry_too_many_is_named(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    NEED(ledger_saw_config(w->ledger, "rules", "aa", "", &err), err);
    NEED(ledger_run(w->ledger, add_stray, (void *)(uintptr_t) "zz", &err), err);
    assert_false(rebuilds(w, &err));
    assert_string_equal(err.place, "config");
    assert_string_equal(err.detail, "key 7a7a");
    err = (struct err){0};
    NEED(ledger_run(w->ledger, add_stray, (void *)(uintptr_t) "aa", &err), err);
    assert_false(rebuilds(w, &err));
    assert_string_equal(err.detail, "key 6161");
}

static bool stop_at_once(void *arg, uint64_t done, uint64_t total)
{
    (void)arg;
    (void)done;
    (void)total;
    return false;
}

static void a_rebuild_never_touches_the_store_itself(void **state)
{
    struct world *w = *state;
    struct ledger_rebuild out;
    struct err err = {0};
    char path[128];
    write_fact(w, row_of(code(1), "firm"));
    assert_false(ledger_rebuild(w->store, w->journal, w->directory, NULL, NULL, &out, &err));
    assert_int_equal(err.code, ERR_STORE_OPEN);
    snprintf(path, sizeof path, "%s/.", w->directory);
    assert_false(ledger_rebuild(w->store, w->journal, path, NULL, NULL, &out, &err));
    snprintf(path, sizeof path, "%s/scratch", w->directory);
    assert_false(ledger_rebuild(w->store, w->journal, path, stop_at_once, NULL, &out, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    NEED(ledger_rebuild(w->store, w->journal, path, NULL, NULL, &out, &err), err);
    assert_true(out.records == 1 && out.entries >= 4);
    world_restart(w);
    assert_int_equal(status_of(w, code(1)), LISTING_LISTED);
}

int main(void)
{
    log_set_level(LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(any_history_is_rebuilt),
        TEST(what_may_be_erased_is_not_missed),
        TEST(a_flipped_byte_is_found_in_every_table),
        TEST(an_entry_too_many_is_named),
        TEST(a_rebuild_never_touches_the_store_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
