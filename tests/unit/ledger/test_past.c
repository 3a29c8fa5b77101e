/* As it was: for any moment of any history, what is told of a firm and of a source is what the gateway then had in its
 * state, and what a replay of the journal up to that moment comes to. */
#include "history.h"

#include "ledger/internal.h"

enum { STEPS = 900, EVERY = 30, MOMENTS = STEPS / EVERY, REPLAYED = 6 };

static const char *const sources[] = {"bureau-sx", "bureau-ty"}, *const partners[] = {"bank-a", "bank-b"};

struct moment {
    int64_t at_ms;
    uint64_t size;
    struct bytes firms[FIRMS]; /* stored values; empty: not known */
    struct source_state sources[2];
    int64_t heard[2]; /* of the banks, when they certified */
};

static struct past past_at(struct world *w, struct view *view, int64_t at_ms)
{
    struct past past = {.journal = w->journal, .txn = view->txn, .arena = view->arena};
    struct err err = {0};
    NEED(journal_size_at(w->journal, view->txn, at_ms, &past.size, &err), err);
    return past;
}

/* ---- a moment as state has it ---- */

static void read_moment(struct store_txn *txn, struct arena *arena, struct moment *out)
{
    struct err err = {0};
    for (unsigned i = 0; i < FIRMS; i++) {
        struct store_key key = key_text(code(i));
        struct bytes value;
        out->firms[i] = store_get(txn, TABLE_FIRM, &key, &value) ? bytes_dup(arena, value) : (struct bytes){0};
    }
    for (unsigned i = 0; i < 2; i++)
        NEED(source_state_read(txn, arena, sources[i], &out->sources[i], &err), err);
    for (unsigned i = 0; i < 2; i++)
        out->heard[i] =
            partner_heard(txn, partners[i], "certification.batch") ? partner_heard(txn, partners[i], NULL) : 0;
}

static bool works(struct world *w)
{
    struct view view = view_open(w);
    struct store_walk walk;
    store_walk(&walk, view.txn, TABLE_WORK, NULL, NULL);
    bool any = store_next(&walk);
    store_walk_end(&walk);
    view_close(&view);
    return any;
}

/* When nothing goes on by itself any more. And then time goes on: what follows is later. */
static void note_moment(struct history *h, struct moment *out)
{
    struct journal_head head;
    struct err err = {0};
    for (int64_t due; works(h->w);)
        NEED(ledger_time(h->w->ledger, &due, &err), err);
    struct view view = view_open(h->w);
    NEED(journal_head(h->w->journal, view.txn, &head, &err), err);
    read_moment(view.txn, h->w->arena, out);
    view_close(&view);
    out->at_ms = head.time_ms;
    out->size = head.size;
    h->now = (h->now > head.time_ms ? h->now : head.time_ms) + 1;
    clock_test_set(h->now, 1000);
    /* also when the clock is set back next: no record is older than the last one */
    char digest[24];
    snprintf(digest, sizeof digest, "%llu", (unsigned long long)head.size);
    NEED(ledger_saw_config(h->w->ledger, "operators", digest, "", &err), err);
}

/* ---- the same, told from records ---- */

static void assert_firm(struct past *past, unsigned i, struct bytes stored)
{
    struct firm firm;
    struct buf value;
    struct err err = {0};
    NEED(past_firm(past, code(i), &firm, NULL, &err), err);
    if (stored.n == 0) {
        assert_true(firm.last_sequence == 0);
        return;
    }
    buf_init(&value, 1 << 16);
    firm_encode(&firm, &value);
    if (!bytes_equal(buf_bytes(&value), stored))
        fail_msg("firm %s differs at size %llu", code(i), (unsigned long long)past->size);
    buf_free(&value);
}

static void assert_source(struct past *past, const struct source_state *stored)
{
    struct source_state told;
    struct err err = {0};
    NEED(past_source(past, stored->id, &told, &err), err);
    assert_string_equal(told.list_version, stored->list_version);
    assert_true(told.completed_ms == stored->completed_ms && told.full == stored->full && told.seq == stored->seq);
}

static void assert_heard(struct past *past, const char *partner, int64_t stored)
{
    struct err err = {0};
    int64_t told;
    NEED(past_heard(past, partner, &told, &err), err);
    assert_true(told == stored);
}

static void assert_moment(struct world *w, const struct moment *moment)
{
    struct view view = view_open(w);
    struct past past = past_at(w, &view, moment->at_ms);
    assert_true(past.size == moment->size);
    for (unsigned i = 0; i < FIRMS; i++)
        assert_firm(&past, i, moment->firms[i]);
    for (unsigned i = 0; i < 2; i++)
        assert_source(&past, &moment->sources[i]);
    for (unsigned i = 0; i < 2; i++)
        assert_heard(&past, partners[i], moment->heard[i]);
    view_close(&view);
}

static void replay_moment(struct world *w, uint64_t size, struct moment *out)
{
    char scratch[96], command[128];
    struct store *copy = NULL;
    struct err err = {0};
    snprintf(scratch, sizeof scratch, "%s/replayed", w->directory);
    struct store_options options = {.directory = scratch, .map_size = (int64_t)1 << 30, .readers = 4, .no_sync = true};
    struct view view = view_open(w);
    NEED(store_open(&options, &copy, &err), err);
    if (size > 0)
        NEED(replay(w->journal, view.txn, copy, 1, size, &err), err);
    struct store_txn *built = store_read(copy, &err);
    assert_non_null(built);
    read_moment(built, w->arena, out);
    store_read_end(&built);
    view_close(&view);
    store_close(&copy);
    snprintf(command, sizeof command, "rm -r %s", scratch);
    assert_int_equal(system(command), 0);
}

static void any_moment_is_told_as_it_was(void **state)
{
    struct history h = history_begin(*state);
    struct moment *moments = arena_alloc(h.w->arena, MOMENTS * sizeof *moments);
    for (unsigned i = 0; i < STEPS; i++) {
        take_a_step(&h);
        if (i % EVERY == EVERY - 1)
            note_moment(&h, &moments[i / EVERY]);
    }
    for (unsigned i = 0; i < MOMENTS; i++)
        assert_moment(h.w, &moments[i]);
    for (unsigned i = 0; i < REPLAYED; i++) {
        struct moment replayed = moments[below(&h, MOMENTS)];
        replay_moment(h.w, replayed.size, &replayed);
        assert_moment(h.w, &replayed);
    }
}

static void before_the_first_record_nothing_was_known(void **state)
{
    struct world *w = *state;
    struct view view;
    struct firm firm;
    struct err err = {0};
    list_firms(w, 0, 1);
    view = view_open(w);
    struct past past = past_at(w, &view, T0 - 1);
    assert_true(past.size == 0);
    NEED(past_firm(&past, code(0), &firm, NULL, &err), err);
    assert_int_equal(firm.listing.status, LISTING_NONE);
    past = past_at(w, &view, T0);
    NEED(past_firm(&past, code(0), &firm, NULL, &err), err);
    assert_int_equal(firm.listing.status, LISTING_LISTED);
    view_close(&view);
}

/* ---- put right later ---- */

static void later(int64_t *now)
{
    *now += HOUR;
    clock_test_set(*now, 1000);
}

static uint64_t corrected_at(struct world *w, int64_t at_ms)
{
    struct view view = view_open(w);
    struct past past = past_at(w, &view, at_ms);
    struct firm firm;
    struct err err = {0};
    uint64_t seq;
    NEED(past_firm(&past, code(0), &firm, &seq, &err), err);
    view_close(&view);
    return seq;
}

/* Proposed by one person and granted by the other. */
static void act(struct world *w, enum fact_kind kind)
{
    struct fact fact = fact_of(kind, ACTOR_PERSON, "operator-1", code(0));
    struct err err = {0};
    char id[32];
    fact.ground = GROUND_ABNORMAL_OPERATION;
    fact.note = "looked at it again";
    NEED(ledger_propose_act(w->ledger, &fact, id, &err), err);
    NEED(decide_by(w, id, true, "operator-2", &err), err);
}

static void what_was_wrong_names_what_put_it_right(void **state)
{
    struct world *w = *state;
    int64_t now = T0, at[7];
    at[0] = now;
    list_firms(w, 0, 1);
    later(&now);
    act(w, FACT_SUSPEND); /* rightly */
    at[1] = now;
    later(&now);
    act(w, FACT_LIFT);
    at[2] = now;
    later(&now);
    act(w, FACT_SUSPEND); /* wrongly */
    at[3] = now;
    later(&now);
    struct fact row = row_of(code(0), "firm");
    row.row.document_no = "doc 2";
    write_fact(w, row); /* still suspended */
    at[4] = now;
    later(&now);
    act(w, FACT_RESTORE);
    at[5] = now;
    uint64_t restored = journal_length(w);
    struct view view = view_open(w);
    assert_true(record_in(w, &view, restored - 1).corrects || record_in(w, &view, restored).corrects);
    restored -= record_in(w, &view, restored).corrects ? 0 : 1;
    view_close(&view);
    assert_true(corrected_at(w, at[0] - 1) == 0);
    for (unsigned i = 0; i < 3; i++)
        assert_true(corrected_at(w, at[i]) == 0);
    assert_true(corrected_at(w, at[3]) == restored && corrected_at(w, at[4]) == restored);
    assert_true(corrected_at(w, at[5]) == 0);
}

/* ---- rules ---- */

static const char *rules_at(struct world *w, struct view *view, int64_t at_ms)
{
    struct past past = past_at(w, view, at_ms);
    struct rules rules;
    struct err err = {0};
    NEED(past_rules(&past, w->automatic, date_of_ms(at_ms), &rules, &err), err);
    return rules.version;
}

static void the_version_is_the_one_that_records_tell(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    int64_t now = T0;
    NEED(ledger_saw_config(w->ledger, "rules", "aa", "2025-9", &err), err);
    later(&now);
    NEED(ledger_saw_config(w->ledger, "rules", "bb", "2026-1", &err), err);
    struct view view = view_open(w);
    assert_string_equal(rules_at(w, &view, T0), "2025-9");
    assert_string_equal(rules_at(w, &view, now - 1), "2025-9");
    assert_string_equal(rules_at(w, &view, now), "2026-1");
    /* nothing was seen yet: only the dates tell */
    assert_string_equal(rules_at(w, &view, T0 - 1), "2026-1");
    view_close(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_moment_is_told_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(before_the_first_record_nothing_was_known, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_wrong_names_what_put_it_right, setup, teardown),
        cmocka_unit_test_setup_teardown(the_version_is_the_one_that_records_tell, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
