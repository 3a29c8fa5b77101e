/* What records about credit, pledges, rights and objections leave in state, as intake and the API read it. */
#include "fixture.h"

static bool record_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct record record = *(struct record *)arg;
    struct firm firm;
    if (record.kind == RECORD_OBJECTION) {
        CHECK(ledger_firm(tx, record.uscc, &firm, NULL, err));
        record.from = firm.listing.status;
        bool disputed = record.listing.disputed;
        record.listing = firm.listing;
        record.listing.disputed = disputed;
    }
    CHECK(ledger_record(tx, &record, err));
    ((struct record *)arg)->seq = record.seq;
    return true;
}

static uint64_t write_record(struct world *w, struct record *record)
{
    struct err err = {0};
    NEED(ledger_run(w->ledger, record_job, record, &err), err);
    return record->seq;
}

/* ---- credit ---- */

static struct record credit_of(enum credit_event event, const char *line, const char *loan, int64_t amount, int64_t row)
{
    struct record record;
    record_init(&record, RECORD_CREDIT);
    record.actor = (struct actor){ACTOR_PARTNER, "bank-a"};
    record.origin = "bank-a/m-1";
    record.uscc = code(1);
    record.credit.event = event;
    record.credit.credit_no = line;
    record.credit.loan_no = loan;
    record.credit.amount_fen = amount;
    record.credit.date = date_of_ms(T0);
    record.credit.row = row;
    return record;
}

static struct credit_account account_in(struct view *view, const char *bank, bool line, const char *number)
{
    struct credit_account account;
    struct err err = {0};
    NEED(credit_account_read(view->txn, view->arena, bank, line, number, &account, &err), err);
    return account;
}

static void rows_add_up_and_are_taken_back(void **state)
{
    struct world *w = *state;
    struct record rows[] = {credit_of(CREDIT_LINE, "L", "", 1000, 0), credit_of(CREDIT_DRAWDOWN, "L", "A", 600, 1),
                            credit_of(CREDIT_REPAYMENT, "L", "A", 200, 2), credit_of(CREDIT_CONTACT, "L", "B", 5, 3)};
    for (size_t i = 0; i < 4; i++)
        write_record(w, &rows[i]);
    struct view view = view_open(w);
    struct credit_account line = account_in(&view, "bank-a", true, "L"), loan = account_in(&view, "bank-a", false, "A");
    assert_true(line.limit_fen == 1000 && credit_account_balance(&line) == 400);
    assert_true(credit_account_balance(&loan) == 400 && loan.drawn == 1);
    assert_string_equal(loan.credit_no, "L");
    assert_string_equal(loan.uscc, code(1));
    assert_string_equal(account_in(&view, "bank-b", true, "L").uscc, "");
    assert_string_equal(account_in(&view, "bank-a", false, "B").uscc, "");
    view_close(&view);

    struct record back = credit_of(CREDIT_VOID, "", "", AMOUNT_NONE, 0);
    back.origin = "bank-a/m-2";
    back.credit.corrects = "m-1/2";
    uint64_t seq = write_record(w, &back);
    view = view_open(w);
    struct credit_row row;
    bool found;
    struct err err = {0};
    NEED(credit_row_read(view.txn, view.arena, "bank-a", "m-1/2", &row, &found, &err), err);
    assert_true(found && row.taken_back == seq && row.note.event == CREDIT_REPAYMENT);
    loan = account_in(&view, "bank-a", false, "A");
    line = account_in(&view, "bank-a", true, "L");
    assert_true(credit_account_balance(&loan) == 600 && credit_account_balance(&line) == 600);
    NEED(credit_row_read(view.txn, view.arena, "bank-b", "m-1/2", &row, &found, &err), err);
    assert_false(found);
    view_close(&view);
    rebuild_is_equal(w);
}

/* ---- pledges and rights ---- */

static struct record pledge_of(const char *number, enum pledge_event event, enum pledge_state after, const char *rights)
{
    struct record record;
    record_init(&record, RECORD_PLEDGE);
    record.actor = (struct actor){ACTOR_PARTNER, "registry-ty"};
    record.origin = "registry-ty/p-1";
    record.pledge.registration_no = number;
    record.pledge.event = event;
    record.pledge.state = after;
    record.pledge.date = date_of_ms(T0);
    record.pledge.pledgee_uscc = code(9);
    record.pledge.pledgee_name = "a bank";
    record.pledge.pledgors = "[{\"uscc\":\"911401000000000001\",\"name\":\"firm\"}]";
    record.pledge.rights = rights;
    return record;
}

#define ONE "[{\"number\":\"1\"}]"
#define BOTH "[{\"number\":\"1\"},{\"number\":\"2\"}]"

static const char *holder_of(struct world *w, const char *number)
{
    struct view view = view_open(w);
    struct right_state right;
    struct err err = {0};
    NEED(right_read(view.txn, view.arena, RIGHT_PATENT, number, "", &right, &err), err);
    const char *holder = arena_strdup(w->arena, right.pledge);
    view_close(&view);
    return holder;
}

static void a_live_pledge_holds_its_rights(void **state)
{
    struct world *w = *state;
    struct record filed = pledge_of("Y1", PLEDGE_FILED, PLEDGE_IS_FILED, BOTH);
    struct record live = pledge_of("Y1", PLEDGE_REGISTERED, PLEDGE_IS_LIVE, BOTH);
    struct record fewer = pledge_of("Y1", PLEDGE_CHANGED, PLEDGE_IS_LIVE, ONE);
    struct record over = pledge_of("Y1", PLEDGE_CANCELLED, PLEDGE_IS_CANCELLED, ONE);
    write_record(w, &filed);
    assert_string_equal(holder_of(w, "1"), "");
    write_record(w, &live);
    assert_string_equal(holder_of(w, "2"), "Y1");
    fewer.pledge.date++;
    write_record(w, &fewer);
    assert_string_equal(holder_of(w, "1"), "Y1");
    assert_string_equal(holder_of(w, "2"), "");
    struct view view = view_open(w);
    struct pledge pledge;
    bool found;
    struct err err = {0};
    NEED(pledge_read(view.txn, view.arena, "Y1", &pledge, &found, &err), err);
    assert_true(found && pledge.live_since == date_of_ms(T0) && pledge.note.date == date_of_ms(T0) + 1);
    assert_string_equal(pledge.note.pledgee_uscc, code(9));
    assert_string_equal(pledge.registry, "registry-ty");
    assert_true(pledge_is_live(&pledge, INT32_MAX));
    view_close(&view);
    write_record(w, &over);
    assert_string_equal(holder_of(w, "1"), "");
    rebuild_is_equal(w);
}

static void a_right_passes_to_the_pledge_that_stands(void **state)
{
    struct world *w = *state;
    struct record first = pledge_of("Y1", PLEDGE_REGISTERED, PLEDGE_IS_LIVE, BOTH);
    struct record gone = pledge_of("Y1", PLEDGE_SUPERSEDED, PLEDGE_IS_SUPERSEDED, BOTH);
    struct record second = pledge_of("Y2", PLEDGE_REGISTERED, PLEDGE_IS_LIVE, ONE);
    struct record late = pledge_of("Y1", PLEDGE_CANCELLED, PLEDGE_IS_CANCELLED, BOTH);
    write_record(w, &first);
    write_record(w, &gone);
    write_record(w, &second);
    assert_string_equal(holder_of(w, "1"), "Y2");
    assert_string_equal(holder_of(w, "2"), "");
    write_record(w, &late);
    assert_string_equal(holder_of(w, "1"), "Y2");
    rebuild_is_equal(w);
}

static void only_pledges_of_trademarks_end_by_themselves(void **unused)
{
    (void)unused;
    struct record record = pledge_of("T", PLEDGE_REGISTERED, PLEDGE_IS_LIVE, ONE);
    struct pledge pledge = {.note = record.pledge};
    pledge.note.valid_until = 100;
    assert_true(pledge_is_live(&pledge, 101));
    pledge.note.right_kind = RIGHT_TRADEMARK;
    assert_true(pledge_is_live(&pledge, 100) && !pledge_is_live(&pledge, 101));
    pledge.note.valid_until = DATE_NONE;
    assert_true(pledge_is_live(&pledge, 101));
    pledge.note.state = PLEDGE_IS_FILED;
    assert_false(pledge_is_live(&pledge, 100));
}

static void classes_of_a_trademark_are_rights_of_their_own(void **state)
{
    struct world *w = *state;
    struct record nine = pledge_of("T1", PLEDGE_REGISTERED, PLEDGE_IS_LIVE, "[{\"number\":\"77\",\"class\":\"9\"}]");
    struct record other = pledge_of("T2", PLEDGE_REGISTERED, PLEDGE_IS_LIVE, "[{\"number\":\"77\",\"class\":\"35\"}]");
    struct record longer = pledge_of("T3", PLEDGE_REGISTERED, PLEDGE_IS_LIVE, "[{\"number\":\"771\",\"class\":\"9\"}]");
    nine.pledge.right_kind = other.pledge.right_kind = longer.pledge.right_kind = RIGHT_TRADEMARK;
    write_record(w, &nine);
    write_record(w, &other);
    write_record(w, &longer);
    struct view view = view_open(w);
    const char *classes[4];
    assert_int_equal(right_classes(view.txn, view.arena, "77", classes, 4), 2);
    assert_string_equal(classes[0], "35");
    assert_string_equal(classes[1], "9");
    assert_int_equal(right_classes(view.txn, view.arena, "7", classes, 4), 0);
    view_close(&view);
}

/* ---- legal status ---- */

static uint64_t tell(struct world *w, const char *who, const char *number, enum right_status status, const char *uscc)
{
    struct record record;
    record_init(&record, RECORD_RIGHT);
    record.actor = (struct actor){ACTOR_PARTNER, who};
    record.uscc = uscc;
    record.right.number = number;
    record.right.status = status;
    record.right.since = 5;
    return write_record(w, &record);
}

static bool lost(struct world *w, const char *who, const char *number, bool other)
{
    struct view view = view_open(w);
    bool yes = other ? right_other_lapsed(view.txn, code(1), who, RIGHT_PATENT, number)
                     : right_told_lapsed(view.txn, code(1), who, RIGHT_PATENT, number);
    view_close(&view);
    return yes;
}

static void each_partner_takes_back_what_it_told_itself(void **state)
{
    struct world *w = *state;
    tell(w, "ippublic-sx", "1", RIGHT_LAPSED, code(1));
    tell(w, "ippublic-sx", "2", RIGHT_INVALIDATED, code(1));
    assert_true(lost(w, "ippublic-sx", "1", false) && lost(w, "ippublic-sx", "1", true));
    assert_false(lost(w, "onestop-sx", "1", false));
    tell(w, "onestop-sx", "1", RIGHT_VALID, code(1));
    assert_true(lost(w, "ippublic-sx", "1", false));
    tell(w, "ippublic-sx", "1", RIGHT_PRESERVED, code(1));
    assert_false(lost(w, "ippublic-sx", "1", false));
    assert_true(lost(w, "ippublic-sx", "1", true));
    assert_false(lost(w, "ippublic-sx", "2", true));
    tell(w, "ippublic-sx", "2", RIGHT_LAPSED, code(2)); /* now another firm's */
    assert_false(lost(w, "ippublic-sx", "2", false));
    rebuild_is_equal(w);
}

static void a_status_does_not_touch_the_pledge(void **state)
{
    struct world *w = *state;
    struct record live = pledge_of("Y1", PLEDGE_REGISTERED, PLEDGE_IS_LIVE, ONE);
    struct right_state right;
    struct err err = {0};
    write_record(w, &live);
    uint64_t seq = tell(w, "onestop-sx", "1", RIGHT_VALID, code(1));
    assert_string_equal(holder_of(w, "1"), "Y1");
    struct record over = pledge_of("Y1", PLEDGE_CANCELLED, PLEDGE_IS_CANCELLED, ONE);
    write_record(w, &over);
    struct view view = view_open(w);
    NEED(right_read(view.txn, view.arena, RIGHT_PATENT, "1", "", &right, &err), err);
    assert_true(right.status == RIGHT_VALID && right.since == 5 && right.seq == seq && right.told_ms == T0);
    assert_string_equal(right.told_by, "onestop-sx");
    view_close(&view);
}

/* ---- objections ---- */

static uint64_t object(struct world *w, const char *act, uint64_t answers, bool disputed)
{
    struct record record;
    record_init(&record, RECORD_OBJECTION);
    record.actor = (struct actor){ACTOR_PARTNER, "onestop-sx"};
    record.origin = "onestop-sx/o-1";
    record.uscc = code(1);
    record.act = act;
    record.object = "abnormal_operation";
    record.answer_by = 7;
    record.answers = (int64_t)answers;
    record.listing.disputed = disputed;
    return write_record(w, &record);
}

static bool count_objections(void *arg, const struct objection *objection)
{
    assert_string_equal(objection->origin, "onestop-sx/o-1");
    assert_string_equal(objection->against, "abnormal_operation");
    assert_int_equal(objection->answer_by, 7);
    ++*(unsigned *)arg;
    return true;
}

static unsigned open_objections(struct world *w, bool *disputed)
{
    struct view view = view_open(w);
    struct err err = {0};
    unsigned n = 0;
    NEED(objection_list(view.txn, view.arena, code(1), count_objections, &n, &err), err);
    struct firm firm = firm_in(&view, code(1));
    *disputed = firm.listing.disputed;
    assert_int_equal(firm.listing.status, LISTING_LISTED);
    view_close(&view);
    return n;
}

static void an_objection_is_open_until_it_is_answered(void **state)
{
    struct world *w = *state;
    bool disputed;
    list_firms(w, 1, 1);
    uint64_t first = object(w, "raised", 0, true), second = object(w, "raised", 0, true);
    assert_int_equal(open_objections(w, &disputed), 2);
    assert_true(disputed);
    object(w, "dismissed", first, true);
    assert_int_equal(open_objections(w, &disputed), 1);
    assert_true(disputed);
    object(w, "upheld", second, false);
    assert_int_equal(open_objections(w, &disputed), 0);
    assert_false(disputed);
    rebuild_is_equal(w);
}

/* ---- who was heard ---- */

static bool message_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    return ledger_message(tx, arg, BYTES_LIT("raw"), err);
}

static void hear(struct world *w, const char *id, const char *kind, const char *result, int64_t at)
{
    struct record record;
    struct err err = {0};
    clock_test_set(at, 1000);
    record_init(&record, RECORD_MESSAGE);
    record.actor = (struct actor){ACTOR_PARTNER, "registry-ty"};
    record.message.sender = "registry-ty";
    record.message.id = id;
    record.message.kind = kind;
    record.message.form = "json";
    record.result = result;
    NEED(ledger_run(w->ledger, message_job, &record, &err), err);
}

static void what_was_taken_counts_as_heard(void **state)
{
    struct world *w = *state;
    hear(w, "1", "pledge.registration", "accepted", T0);
    hear(w, "2", "reconciliation", "partial", T0 + HOUR);
    hear(w, "3", "pledge.registration", "rejected", T0 + 2 * HOUR);
    struct view view = view_open(w);
    assert_true(partner_heard(view.txn, "registry-ty", "pledge.registration") == T0);
    assert_true(partner_heard(view.txn, "registry-ty", NULL) == T0 + HOUR);
    assert_true(partner_heard(view.txn, "registry-ty", "guidance.answer") == 0);
    assert_true(partner_heard(view.txn, "registry", NULL) == 0);
    view_close(&view);
    rebuild_is_equal(w);
}

int main(void)
{
    log_set_level(LOG_ERROR);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(rows_add_up_and_are_taken_back),
        TEST(a_live_pledge_holds_its_rights),
        TEST(a_right_passes_to_the_pledge_that_stands),
        cmocka_unit_test(only_pledges_of_trademarks_end_by_themselves),
        TEST(classes_of_a_trademark_are_rights_of_their_own),
        TEST(each_partner_takes_back_what_it_told_itself),
        TEST(a_status_does_not_touch_the_pledge),
        TEST(an_objection_is_open_until_it_is_answered),
        TEST(what_was_taken_counts_as_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
