/* The log of what was refused: bounded, readable, and forgotten when it is old. */
#include "fixture.h"

/* Refused for its signature. */
static void garbage(struct world *w, const struct partner *from, size_t size, int64_t now_ms)
{
    uint8_t *body = arena_alloc(w->arena, size);
    memset(body, 'x', size);
    const struct intake_in in = {.sender = from,
                                 .form = INTAKE_JSON,
                                 .body = bytes_of(body, size),
                                 .signature = BYTES_LIT("a..b"),
                                 .now_ms = now_ms,
                                 .address = "192.0.2.1",
                                 .trace_id = "0af7651916cd43dd8448eb211c80319c"};
    assert_string_not_equal(deliver(w, &in).code, "");
}

static bool nothing(struct ledger_tx *tx, void *arg, struct err *err)
{
    (void)tx;
    (void)arg;
    (void)err;
    return true;
}

/* What was submitted before is kept when this returns. */
static void settle(struct world *w)
{
    struct err err = {0};
    NEED(ledger_run(w->ledger, nothing, NULL, &err), err);
}

struct seen {
    struct world *w;
    size_t n, stop;
    int64_t numbers[64];
    const json_value *last;
};

static bool see(void *arg, struct bytes json)
{
    struct seen *seen = arg;
    seen->last = parsed(seen->w, bytes_dup(seen->w->arena, json));
    assert_true(json_integer(json_member(seen->last, "number"), &seen->numbers[seen->n]));
    seen->n++;
    return seen->n != seen->stop;
}

static struct seen read_log(struct world *w, uint64_t before, size_t max, size_t stop)
{
    struct seen seen = {.w = w, .stop = stop};
    struct err err = {0};
    struct view view = view_open(w);
    NEED(intake_refused(view.txn, before, max, see, &seen, &err), err);
    view_close(&view);
    return seen;
}

static void a_refusal_says_who_what_and_why(void **state)
{
    struct world *w = *state;
    struct answer answer = SAY(w, .id = "m-1", .kind = "certification.batch", .receiver = "elsewhere",
                               .body = one_row(w, "grant", code(w, 1)));
    assert_string_equal(answer.code, "message.receiver");
    settle(w);
    struct seen seen = read_log(w, 0, 10, 0);
    assert_int_equal(seen.n, 1);
    assert_string_equal(told(seen.last, "sender"), "bureau-1");
    assert_string_equal(told(seen.last, "id"), "m-1");
    assert_string_equal(told(seen.last, "kind"), "certification.batch");
    assert_string_equal(told(seen.last, "code"), "message.receiver");
    assert_string_equal(told(seen.last, "form"), "json");
    assert_int_equal(strlen(told(seen.last, "digest")), 64);
    assert_int_equal(journal_length(w), 0);
}

static void the_log_is_read_newest_first_in_pages(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 7; i++)
        garbage(w, &w->bureau, 10, T0);
    settle(w);
    struct seen first = read_log(w, 0, 3, 0);
    assert_int_equal(first.n, 3);
    assert_int_equal(first.numbers[0], 7);
    struct seen second = read_log(w, (uint64_t)first.numbers[2], 3, 0);
    assert_int_equal(second.numbers[0], 4);
    assert_int_equal(read_log(w, 1, 3, 0).n, 0);
    assert_int_equal(read_log(w, 0, 100, 2).n, 2);
}

static void one_sender_fills_the_log_only_so_fast(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 3 * INTAKE_REFUSED_RATE; i++)
        garbage(w, &w->bureau, 10, T0);
    garbage(w, &w->bank, 10, T0); /* another is kept none the less */
    settle(w);
    assert_int_equal(entries(w, TABLE_REFUSED), INTAKE_REFUSED_RATE + 1);
    garbage(w, &w->bureau, 10, T0 + 1000);
    settle(w);
    assert_int_equal(entries(w, TABLE_REFUSED), INTAKE_REFUSED_RATE + 2);
}

static bool pretend_full(struct ledger_tx *tx, void *arg, struct err *err)
{
    (void)arg;
    (void)err;
    for (uint64_t i = 1; i <= INTAKE_REFUSED_MAX; i++) {
        struct store_key key = key_seq(i);
        store_put(ledger_txn(tx), TABLE_REFUSED, &key, BYTES_LIT("\0\0\0\2{}"));
    }
    return true;
}

static void the_oldest_make_room(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    NEED(ledger_run(w->ledger, pretend_full, NULL, &err), err);
    garbage(w, &w->bureau, 10, T0);
    garbage(w, &w->bureau, 10, T0);
    settle(w);
    assert_int_equal(entries(w, TABLE_REFUSED), INTAKE_REFUSED_MAX);
    assert_int_equal(read_log(w, 0, 1, 0).numbers[0], INTAKE_REFUSED_MAX + 2);
}

static void only_the_first_bytes_are_kept(void **state)
{
    struct world *w = *state;
    garbage(w, &w->bureau, 1 << 20, T0);
    settle(w);
    struct view view = view_open(w);
    struct store_key key = key_seq(1);
    struct bytes value = {0};
    assert_true(store_get(view.txn, TABLE_REFUSED, &key, &value));
    assert_in_range(value.n, INTAKE_REFUSED_BYTES, INTAKE_REFUSED_BYTES + 4096);
    view_close(&view);
    int64_t bytes = 0;
    assert_true(json_integer(json_member(read_log(w, 0, 1, 0).last, "bytes"), &bytes));
    assert_int_equal(bytes, 1 << 20);
}

static bool put_damaged(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct store_key key = key_seq(1);
    (void)arg;
    (void)err;
    store_put(ledger_txn(tx), TABLE_REFUSED, &key, BYTES_LIT("\xff"));
    return true;
}

static void what_is_old_is_forgotten(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    NEED(ledger_run(w->ledger, put_damaged, NULL, &err), err); /* which keeps nothing behind it */
    garbage(w, &w->bureau, 10, T0 - 40 * DAY);
    garbage(w, &w->bureau, 10, T0);
    settle(w);
    NEED(intake_forget(w->intake, T0 - 30 * DAY, &err), err);
    assert_int_equal(entries(w, TABLE_REFUSED), 1);
    NEED(intake_forget(w->intake, T0 + 1000, &err), err);
    assert_int_equal(entries(w, TABLE_REFUSED), 0);
}

static void all_faults_of_the_schema_are_told_up_to_a_bound(void **state)
{
    struct world *w = *state;
    struct buf rows;
    buf_init(&rows, 1 << 20);
    for (int i = 0; i < 3 * INTAKE_ERRORS_MAX; i++)
        buf_printf(&rows, "%s{\"action\":\"erase\"}", i == 0 ? "" : ",");
    struct intake_in in =
        letter(w, &(const struct say){
                      .id = "m-1", .kind = "certification.batch", .body = batch_of(w, (const char *)kept(w, &rows).p)});
    struct intake_case *c;
    const struct err *errors;
    struct err err = {0};
    assert_false(intake_read(w->intake, &in, &c, &err));
    assert_int_equal(intake_errors(c, &errors), INTAKE_ERRORS_MAX);
    assert_int_equal(errors[0].code, err.code);
    assert_string_not_equal(errors[0].place, "");
    intake_close(&c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_refusal_says_who_what_and_why),
        TEST(the_log_is_read_newest_first_in_pages),
        TEST(one_sender_fills_the_log_only_so_fast),
        TEST(the_oldest_make_room),
        TEST(only_the_first_bytes_are_kept),
        TEST(what_is_old_is_forgotten),
        TEST(all_faults_of_the_schema_are_told_up_to_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
