/* Words of rights, pledges and credit, and how rows add up: whatever is added and taken back leaves nothing. */
#include "samples.h"

static void words_are_those_of_the_messages(void **unused)
{
    (void)unused;
    enum right_status status;
    enum pledge_state state;
    enum credit_event event;
    enum right_kind kind;
    assert_string_equal(pledge_event_name(PLEDGE_CORRECTION_REQUESTED), "correction_requested");
    assert_string_equal(pledge_state_name(PLEDGE_IS_LIVE), "registered");
    assert_true(pledge_state_parse("superseded", &state) && state == PLEDGE_IS_SUPERSEDED);
    assert_true(right_status_parse("preserved", &status) && status == RIGHT_PRESERVED);
    assert_false(right_status_parse("", &status));
    assert_true(credit_event_parse("written_off", &event) && event == CREDIT_WRITTEN_OFF);
    assert_false(credit_event_parse("Void", &event));
    assert_true(right_kind_parse("trademark", &kind) && kind == RIGHT_TRADEMARK);
    assert_string_equal(right_status_name(RIGHT_UNTOLD), "");
}

static void what_is_taken_back_leaves_nothing(void **unused)
{
    (void)unused;
    for (int e = 0; e < CREDIT_EVENT_COUNT; e++) {
        struct credit_account main, upper, blank;
        struct record r;
        sample_credit(&r);
        r.credit.event = (enum credit_event)e;
        credit_account_init(&blank);
        main = upper = blank;
        credit_account_add(&main, &upper, &r.credit, 1);
        credit_account_add(&main, &upper, &r.credit, -1);
        assert_memory_equal(&main, &blank, sizeof(blank));
        assert_memory_equal(&upper, &blank, sizeof(blank));
    }
}

static void a_loan_counts_on_its_line(void **unused)
{
    (void)unused;
    struct credit_account loan, line;
    struct record r;
    sample_credit(&r);
    credit_account_init(&loan);
    credit_account_init(&line);
    assert_false(credit_account_known(&loan));
    credit_account_add(&loan, &line, &r.credit, 1);
    r.credit.event = CREDIT_REPAYMENT;
    r.credit.amount_fen = 100000000;
    credit_account_add(&loan, &line, &r.credit, 1);
    assert_true(credit_account_balance(&loan) == 400000000 && credit_account_balance(&line) == 400000000);
    assert_true(credit_account_known(&loan) && !credit_account_known(&line));
    r.credit.event = CREDIT_WRITTEN_OFF;
    r.credit.amount_fen = AMOUNT_NONE;
    credit_account_add(&loan, NULL, &r.credit, 1);
    assert_true(credit_account_balance(&loan) == 400000000 && loan.written == 1);
}

static void decisions_about_firms_are_five_kinds(void **unused)
{
    (void)unused;
    int n = 0;
    for (int k = 0; k < RECORD_KIND_COUNT; k++)
        n += record_decides((enum record_kind)k);
    assert_int_equal(n, 5);
    assert_true(record_decides(RECORD_OBJECTION) && record_decides(RECORD_ENTERPRISE) && !record_decides(RECORD_CREDIT));
}

static void enterprise_data_leave_certification_and_doubt(void **unused)
{
    (void)unused;
    struct firm firm;
    struct record r;
    sample_firm(&firm);
    firm.doubtful = true;
    record_init(&r, RECORD_ENTERPRISE);
    r.seq = 3000;
    r.row.scale = "2";
    r.row.name = "山西新名科技有限公司";
    r.name_waits = true;
    r.listing = firm.listing;
    firm_apply(&firm, &r);
    assert_string_equal(firm.scale, "2");
    assert_string_equal(firm.name_pending, "山西新名科技有限公司");
    assert_string_equal(firm.name, "山西示例科技有限公司");
    assert_true(firm.doubtful && firm.certification.state == CERT_IN_FORCE && firm.certification.sequence == 1234);
    assert_true(firm.listing.sequence == 2001 && firm.last_sequence == 3000);
}

static void a_dispute_is_part_of_the_listing(void **unused)
{
    (void)unused;
    struct firm firm;
    struct record r;
    sample_firm(&firm);
    record_init(&r, RECORD_OBJECTION);
    r.seq = 3000;
    r.act = "raised";
    r.listing = firm.listing;
    r.listing.disputed = true;
    firm_apply(&firm, &r);
    assert_true(firm.listing.disputed && firm.listing.status == LISTING_SUSPENDED && firm.exclusion_n == 1);
    assert_true(firm.listing.sequence == 2001 && firm.last_sequence == 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_the_messages),
        cmocka_unit_test(what_is_taken_back_leaves_nothing),
        cmocka_unit_test(a_loan_counts_on_its_line),
        cmocka_unit_test(decisions_about_firms_are_five_kinds),
        cmocka_unit_test(enterprise_data_leave_certification_and_doubt),
        cmocka_unit_test(a_dispute_is_part_of_the_listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
