/* Batches: each row by itself, in one transaction, answered row by row. */
#include "fixture.h"

static struct answer batch(struct world *w, const char *id, const char *body)
{
    return SAY(w, .id = id, .kind = "certification.batch", .body = body);
}

/* ---- rows ---- */

static void a_good_batch_is_accepted_and_on_the_list(void **state)
{
    struct world *w = *state;
    struct answer answer = batch(w, "m-1", many_rows(w, "grant", 1, 3));
    assert_string_equal(told(answer.body, "result"), "accepted");
    assert_string_equal(told(answer.body, "of"), "m-1");
    assert_null(json_member(answer.body, "rows"));
    assert_string_equal(answer.id, "r-4");
    assert_int_equal(status_of(w, code(w, 3)), LISTING_LISTED);
    rebuild_is_equal(w);
}

static void a_bad_row_does_not_spoil_the_good_ones(void **state)
{
    struct world *w = *state;
    char wrong[19];
    memcpy(wrong, code(w, 2), sizeof(wrong));
    wrong[17] = wrong[17] == 'A' ? 'B' : 'A';
    struct answer answer =
        batch(w, "m-1",
              batch_of(w, arena_printf(w->arena, "%s,%s,%s,%s,%s", cert_row(w, "grant", code(w, 1), ""),
                                       cert_row(w, "grant", wrong, ""),
                                       cert_row(w, "grant", code(w, 3), ",\"valid_until\":\"2025-12-31\""),
                                       cert_row(w, "grant", code(w, 4), ",\"region_code\":\"999999\""),
                                       cert_row(w, "grant", code(w, 5), ""))));
    assert_string_equal(told(answer.body, "result"), "partial");
    assert_false(answer.pending);
    assert_int_equal(json_count(json_member(answer.body, "rows")), 3);
    row_is(answer.body, 1, "rejected", "uscc.check_char");
    row_is(answer.body, 2, "rejected", "list.row_field");
    assert_string_equal(told(row_told(answer.body, 2), "field"), "valid_until");
    assert_string_equal(told(row_told(answer.body, 3), "field"), "region_code");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
    assert_int_equal(status_of(w, code(w, 5)), LISTING_LISTED);
    assert_int_equal(status_of(w, code(w, 4)), LISTING_NONE);
}

static void a_batch_of_bad_rows_only_is_rejected_and_kept(void **state)
{
    struct world *w = *state;
    struct answer answer = batch(w, "m-1", one_row(w, "grant", "91140100"));
    assert_string_equal(told(answer.body, "result"), "rejected");
    assert_int_equal(journal_length(w), 1);
    assert_int_equal(entries(w, TABLE_HELD), 0);
}

/* Four bytes a character: within the schema's characters, over what a record keeps. */
static void a_text_of_too_many_bytes_names_its_member(void **state)
{
    struct world *w = *state;
    struct buf text;
    buf_init(&text, 4096);
    for (int i = 0; i < 66; i++)
        buf_str(&text, "𠮷");
    const char *body = arena_printf(w->arena, "{\"list_version\":\"%s\",\"rows\":[%s]}", (const char *)text.p,
                                    cert_row(w, "grant", code(w, 1), ""));
    struct answer answer = batch(w, "m-1", body);
    row_is(answer.body, 0, "rejected", "schema.invalid");
    assert_string_equal(told(row_told(answer.body, 0), "field"), "list_version");
    buf_free(&text);
}

/* ---- firms in doubt ---- */

static void a_doubtful_code_waits_for_its_own_question(void **state)
{
    struct world *w = *state;
    const char *uscc = code_of(w, 7, true);
    struct answer answer = batch(w, "m-1", one_row(w, "grant", uscc));
    assert_true(answer.pending);
    assert_string_equal(told(answer.body, "result"), "pending");
    row_is(answer.body, 0, "pending", "uscc.org_code");
    assert_int_equal(status_of(w, uscc), LISTING_CHECKING);
    decide_by(w, open_proposal(w, "firm", uscc), true, "seen");
    const json_value *later = later_receipt(w, "bureau-1", "m-1", state_of(w, "bureau-1", "m-1").seq);
    assert_string_equal(told(later, "of"), "m-1");
    assert_string_equal(told(later, "result"), "accepted");
    row_is(later, 0, "accepted", "");
    assert_int_equal(status_of(w, uscc), LISTING_LISTED);
    assert_int_equal(entries(w, TABLE_HELD), 0);
    rebuild_is_equal(w);
}

static void a_doubtful_row_beside_a_good_one_is_partial(void **state)
{
    struct world *w = *state;
    const char *uscc = code_of(w, 7, true);
    struct answer answer = batch(w, "m-1",
                                 batch_of(w, arena_printf(w->arena, "%s,%s", cert_row(w, "grant", code(w, 1), ""),
                                                          cert_row(w, "grant", uscc, ""))));
    assert_string_equal(told(answer.body, "result"), "partial");
    assert_false(answer.pending);
    assert_int_equal(json_count(json_member(answer.body, "rows")), 1);
    row_is(answer.body, 1, "pending", "uscc.org_code");
}

static void a_rejection_is_told_with_its_comment(void **state)
{
    struct world *w = *state;
    const char *uscc = code_of(w, 7, true);
    struct buf comment;
    buf_init(&comment, 1024);
    buf_str(&comment, "x");
    for (int i = 0; i < 100; i++)
        buf_str(&comment, "否");
    batch(w, "m-1", one_row(w, "grant", uscc));
    decide_by(w, open_proposal(w, "firm", uscc), false, (const char *)comment.p);
    /* a Chinese comment is cut between two characters: the receipt is valid JSON */
    const json_value *later = later_receipt(w, "bureau-1", "m-1", state_of(w, "bureau-1", "m-1").seq);
    assert_string_equal(told(later, "result"), "rejected");
    row_is(later, 0, "rejected", "approval.rejected");
    size_t n = strlen(told(row_told(later, 0), "detail"));
    assert_true(n > 150 && n < 160 && n % 3 == 1);
    assert_int_not_equal(status_of(w, uscc), LISTING_LISTED);
    buf_free(&comment);
}

/* ---- a question that is asked anew ---- */

/* Two messages about one firm in doubt: the second asks anew. Both get their answer, each its own. */
static void two_messages_wait_for_one_question(void **state)
{
    struct world *w = *state;
    const char *uscc = code_of(w, 7, true);
    batch(w, "m-1", one_row(w, "grant", uscc));
    struct answer second = batch(w, "m-2", batch_of(w, cert_row(w, "renew", uscc, ",\"valid_until\":\"2027-12-31\"")));
    assert_true(second.pending);
    assert_int_equal(entries(w, TABLE_HELD), 2);
    decide_by(w, open_proposal(w, "firm", uscc), false, "another firm");
    static const char *const ids[] = {"m-1", "m-2"};
    for (int i = 0; i < 2; i++) {
        const json_value *later = later_receipt(w, "bureau-1", ids[i], state_of(w, "bureau-1", ids[i]).seq);
        assert_string_equal(told(later, "of"), ids[i]);
        row_is(later, 0, "rejected", "approval.rejected");
    }
    assert_int_equal(entries(w, TABLE_HELD), 0);
    rebuild_is_equal(w);
}

static void two_rows_of_one_message_wait_for_one_question(void **state)
{
    struct world *w = *state;
    const char *uscc = code_of(w, 7, true);
    batch(w, "m-1",
          batch_of(w, arena_printf(w->arena, "%s,%s", cert_row(w, "grant", uscc, ""),
                                   cert_row(w, "renew", uscc, ",\"valid_until\":\"2027-12-31\""))));
    decide_by(w, open_proposal(w, "firm", uscc), false, "no");
    const json_value *later = later_receipt(w, "bureau-1", "m-1", state_of(w, "bureau-1", "m-1").seq);
    assert_int_equal(json_count(json_member(later, "rows")), 2);
    row_is(later, 0, "rejected", "approval.rejected");
    row_is(later, 1, "rejected", "approval.rejected");
}

/* A list asks anew about the firm while the message waits. */
static bool list_row_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct ledger_outcome outcome;
    struct fact fact;
    ledger_fact_init(&fact, FACT_ROW, arg);
    fact.actor = (struct actor){ACTOR_SOURCE, "source"};
    fact.origin = "run-1";
    fact.uscc_doubtful = fact.row.doubtful = true;
    fact.row.name = "firm";
    fact.row.document_no = "doc 2";
    return ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err);
}

static void a_list_may_ask_anew_what_a_message_waits_for(void **state)
{
    struct world *w = *state;
    char *uscc = arena_strdup(w->arena, code_of(w, 7, true));
    struct err err = {0};
    batch(w, "m-1", one_row(w, "grant", uscc));
    const char *old = open_proposal(w, "firm", uscc);
    NEED(ledger_run(w->ledger, list_row_job, uscc, &err), err);
    const char *new = open_proposal(w, "firm", uscc);
    assert_string_not_equal(old, new);
    decide_by(w, new, false, "no");
    row_is(later_receipt(w, "bureau-1", "m-1", state_of(w, "bureau-1", "m-1").seq), 0, "rejected", "approval.rejected");
}

/* Nothing is left to ask: no person decides, the next tick answers. */
static void a_question_that_falls_away_is_answered_by_the_tick(void **state)
{
    struct world *w = *state;
    const char *uscc = code_of(w, 7, true);
    batch(w, "m-1", one_row(w, "grant", uscc));
    batch(w, "m-2", one_row(w, "withdraw", uscc));
    assert_int_equal(status_of(w, uscc), LISTING_NONE);
    uint64_t first = state_of(w, "bureau-1", "m-1").seq;
    assert_int_equal(state_of(w, "bureau-1", "m-1").latest, first);
    intake_tick(w->intake);
    assert_true(state_of(w, "bureau-1", "m-1").latest > first);
    assert_int_equal(entries(w, TABLE_HELD), 0);
}

/* ---- admission ---- */

static int setup_approval(void **state)
{
    struct world *w = world_new();
    w->policy = load_policy(w, POLICY_ADMISSION_APPROVAL);
    ledger_set_policy(w->ledger, w->policy);
    world_start(w);
    *state = w;
    return 0;
}

static void one_approval_admits_the_firms_of_a_message(void **state)
{
    struct world *w = *state;
    struct answer answer = batch(w, "m-1", many_rows(w, "grant", 1, 20));
    assert_string_equal(told(answer.body, "result"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_CHECKING);
    uint64_t seen = commits_of(w);
    decide_by(w, open_proposal(w, "admit", "bureau-1/m-1"), true, "welcome");
    while (tally_of(w, "listed") < 20 && wait_for_commit(w, seen))
        seen = commits_of(w);
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
    assert_int_equal(status_of(w, code(w, 20)), LISTING_LISTED);
    assert_int_equal(tally_of(w, "open_proposals"), 0);
    rebuild_is_equal(w);
}

/* ---- receipts ---- */

static void a_receipt_follows_from_its_record_alone(void **state)
{
    struct world *w = *state;
    struct answer answer = batch(w, "m-1", one_row(w, "grant", code_of(w, 7, true)));
    struct message_state found = state_of(w, "bureau-1", "m-1");
    assert_true(bytes_equal(answer.receipt, receipt_of(w, found.seq)));
    world_close(w);
    clock_test_set(T0 + 5 * DAY, 5000);
    world_open(w);
    world_start(w);
    assert_true(bytes_equal(answer.receipt, receipt_of(w, found.seq)));
}

static void an_xml_message_is_answered_in_xml(void **state)
{
    struct world *w = *state;
    const struct message_profile profile = {0};
    struct message *receipt = NULL;
    struct err err = {0};
    size_t n;
    struct answer answer =
        SAY(w, .form = INTAKE_XML, .id = "m-1", .kind = "certification.batch", .body = one_row(w, "grant", "91140100"));
    assert_string_equal(answer.code, "");
    NEED(message_read_xml(answer.receipt, &receipt, &err), err);
    NEED(message_verify_xml(receipt, &w->bureau.signing, &profile, NULL, &err), err);
    NEED(message_validate(w->catalog, receipt, &err, 1, &n), err);
    assert_string_equal(message_text(message_member(message_body(receipt), "of")), "m-1");
    assert_int_equal(message_count(message_body(receipt), "rows"), 1);
    message_free(&receipt);
}

/* ---- the largest ---- */

static void ten_thousand_rows_are_one_transaction(void **state)
{
    struct world *w = *state;
    uint64_t commits = commits_of(w);
    struct answer answer = batch(w, "m-1", many_rows(w, "grant", 1, MESSAGE_ROWS_MAX));
    assert_string_equal(told(answer.body, "result"), "accepted");
    assert_int_equal(commits_of(w), commits + 1);
    assert_int_equal(tally_of(w, "listed"), MESSAGE_ROWS_MAX);
    assert_int_equal(journal_length(w), MESSAGE_ROWS_MAX + 1);
    rebuild_is_equal(w);
}

/* The longest verdicts there are: the receipt fits its record, JSON and XML. */
static void ten_thousand_refused_rows_fit_a_receipt(void **state)
{
    struct world *w = *state;
    struct buf rows;
    buf_init(&rows, MESSAGE_MAX);
    for (unsigned i = 0; i < MESSAGE_ROWS_MAX; i++)
        buf_printf(&rows, "%s%s", i == 0 ? "" : ",",
                   cert_row(w, "grant", code(w, i + 1), ",\"valid_until\":\"2025-12-31\""));
    const char *body = batch_of(w, (const char *)kept(w, &rows).p);
    struct answer answer = batch(w, "m-1", body);
    assert_string_equal(told(answer.body, "result"), "rejected");
    assert_int_equal(json_count(json_member(answer.body, "rows")), MESSAGE_ROWS_MAX);
    row_is(answer.body, MESSAGE_ROWS_MAX - 1, "rejected", "list.row_field");
    struct answer xml = SAY(w, .form = INTAKE_XML, .id = "m-2", .kind = "certification.batch", .body = body);
    assert_string_equal(xml.code, "");
    assert_int_equal(journal_length(w), 2);
}

static void one_row_more_is_refused(void **state)
{
    struct world *w = *state;
    struct answer answer = batch(w, "m-1", many_rows(w, "grant", 1, MESSAGE_ROWS_MAX + 1));
    assert_string_equal(answer.code, "batch.too_many_rows");
    assert_int_equal(journal_length(w), 0);
}

/* ---- a kind without consequences ---- */

static void a_kind_without_consequences_is_only_recorded(void **state)
{
    struct world *w = *state;
    struct answer answer =
        SAY(w, .id = "m-1", .kind = "reconciliation", .body = "{\"day\":\"2026-11-23\",\"sent\":[],\"received\":[]}");
    if (answer.code[0] != '\0') /* the lists may not be empty */
        answer = SAY(w, .id = "m-2", .kind = "receipt", .body = "{\"of\":\"wc-1-2\",\"result\":\"accepted\"}");
    assert_string_equal(told(answer.body, "result"), "accepted");
    assert_int_equal(journal_length(w), 1);
}

static void a_kind_that_only_asks_is_handed_back(void **state)
{
    struct world *w = *state;
    struct intake_in in = letter(w, &(const struct say){.id = "m-1", .kind = "echo", .body = "{\"text\":\"hello\"}"});
    struct intake_case *c;
    struct err err = {0};
    NEED(intake_read(w->intake, &in, &c, &err), err);
    assert_true(intake_asks(c));
    assert_string_equal(intake_envelope(c)->id, "m-1");
    assert_string_equal(message_text(message_member(message_body(intake_message(c)), "text")), "hello");
    intake_close(&c);
    assert_int_equal(journal_length(w), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_good_batch_is_accepted_and_on_the_list),
        TEST(a_bad_row_does_not_spoil_the_good_ones),
        TEST(a_batch_of_bad_rows_only_is_rejected_and_kept),
        TEST(a_text_of_too_many_bytes_names_its_member),
        TEST(a_doubtful_code_waits_for_its_own_question),
        TEST(a_doubtful_row_beside_a_good_one_is_partial),
        TEST(a_rejection_is_told_with_its_comment),
        TEST(two_messages_wait_for_one_question),
        TEST(two_rows_of_one_message_wait_for_one_question),
        TEST(a_list_may_ask_anew_what_a_message_waits_for),
        TEST(a_question_that_falls_away_is_answered_by_the_tick),
        cmocka_unit_test_setup_teardown(one_approval_admits_the_firms_of_a_message, setup_approval, teardown),
        TEST(a_receipt_follows_from_its_record_alone),
        TEST(an_xml_message_is_answered_in_xml),
        TEST(ten_thousand_rows_are_one_transaction),
        TEST(ten_thousand_refused_rows_fit_a_receipt),
        TEST(one_row_more_is_refused),
        TEST(a_kind_without_consequences_is_only_recorded),
        TEST(a_kind_that_only_asks_is_handed_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
