/* Kinds that are judged as a whole, and what a person decides about them. */
#include "fixture.h"

static struct partner registry;

static int setup_kinds(void **state)
{
    static const char *const kinds[] = {"objection", "pledge.registration", "reconciliation", NULL};
    setup(state);
    struct world *w = *state;
    partner_init(w, &registry, "registry-ty", ROLE_REGISTRY, 4);
    registry.kinds = w->platform.kinds = kinds;
    return 0;
}

static uint64_t imposed(struct world *w)
{
    static const char *const kinds[] = {"exclusion.notice", NULL};
    w->bureau.kinds = kinds;
    list_firms(w, 1, 5);
    SAY(w, .id = "x-1", .kind = "exclusion.notice",
        .body = arena_printf(w->arena,
                             "{\"rows\":[{\"action\":\"impose\",\"uscc\":\"%s\",\"name\":\"firm\",\"ground\":"
                             "\"abnormal_operation\",\"effective\":\"2026-11-20\"}]}",
                             code(w, 1)));
    assert_int_equal(status_of(w, code(w, 1)), LISTING_SUSPENDED);
    return journal_length(w);
}

static struct answer object(struct world *w, const char *id, const char *statement)
{
    return SAY(w, .from = &w->platform, .id = id, .kind = "objection",
               .body = arena_printf(w->arena,
                                    "{\"uscc\":\"%s\",\"name\":\"firm\",\"against\":\"abnormal_operation\","
                                    "\"statement\":\"%s\",\"attachments\":[]}",
                                    code(w, 1), statement));
}

static uint64_t seq_of(struct world *w, const char *sender, const char *id)
{
    return state_of(w, sender, id).seq;
}

/* ---- objections ---- */

static void an_upheld_objection_puts_the_firm_back(void **state)
{
    struct world *w = *state;
    imposed(w);
    struct answer answer = object(w, "o-1", "we do operate");
    assert_true(answer.pending);
    decide_by(w, open_proposal(w, "objection", code(w, 1)), true, "they do");
    const json_value *later = later_receipt(w, "onestop-sx", "o-1", seq_of(w, "onestop-sx", "o-1"));
    assert_string_equal(told(later, "result"), "accepted");
    assert_int_equal(status_of(w, code(w, 1)), LISTING_LISTED);
    assert_int_equal(entries(w, TABLE_OBJECTION), 0);
    rebuild_is_equal(w);
}

/* As long as its kind allows: 4,000 characters of three bytes. */
static void a_long_statement_is_kept_for_the_person(void **state)
{
    struct world *w = *state;
    struct buf statement;
    buf_init(&statement, 1 << 20);
    for (int i = 0; i < 2000; i++)
        buf_str(&statement, "冤屈");
    imposed(w);
    struct answer answer = object(w, "o-1", (const char *)kept(w, &statement).p);
    assert_string_equal(answer.code, "");
    assert_true(answer.pending);
    (void)open_proposal(w, "objection", code(w, 1));
    rebuild_is_equal(w);
}

static bool erase_raw(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct world *w = arg;
    struct store_key key = key_seq(seq_of(w, "onestop-sx", "o-1"));
    (void)err;
    store_delete(ledger_txn(tx), TABLE_RAW, &key);
    return true;
}

/* Answering needs nothing of the message, so the firm does not stay disputed for ever. */
static void an_objection_is_answered_without_its_bytes(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    imposed(w);
    object(w, "o-1", "no");
    NEED(ledger_run(w->ledger, erase_raw, w, &err), err);
    decide_by(w, open_proposal(w, "objection", code(w, 1)), false, "they do not");
    const json_value *later = later_receipt(w, "onestop-sx", "o-1", seq_of(w, "onestop-sx", "o-1"));
    assert_string_equal(told(later, "result"), "rejected");
    assert_string_equal(told(later, "code"), "objection.dismissed");
    assert_int_equal(entries(w, TABLE_OBJECTION), 0);
}

/* ---- pledges ---- */

static const char *pledge(struct world *w, const char *number, unsigned rights)
{
    struct buf list;
    buf_init(&list, MESSAGE_MAX);
    for (unsigned i = 0; i < rights; i++)
        buf_printf(&list, "%s{\"number\":\"%u\",\"class\":\"9\",\"title\":\"一种用于测试很长很长的清单的商标\"}",
                   i == 0 ? "" : ",", 10000000 + i);
    return arena_printf(w->arena,
                        "{\"registration_no\":\"%s\",\"event\":\"registered\",\"date\":\"2026-11-20\",\"right_kind\":"
                        "\"trademark\",\"pledgors\":[{\"uscc\":\"%s\",\"name\":\"firm\"}],\"pledgee\":{\"name\":"
                        "\"bank\"},\"valid_until\":\"2028-11-20\",\"rights\":[%s]}",
                        number, code(w, 1), (const char *)kept(w, &list).p);
}

static struct answer registered(struct world *w, const char *id, const char *body)
{
    return SAY(w, .from = &registry, .id = id, .kind = "pledge.registration", .body = body);
}

static void a_pledge_of_many_rights_is_kept(void **state)
{
    struct world *w = *state;
    struct answer answer = registered(w, "p-1", pledge(w, "Y2026140000001", 500));
    assert_string_equal(told(answer.body, "result"), "accepted");
    assert_int_equal(entries(w, TABLE_PLEDGE), 1);
    rebuild_is_equal(w);
}

static void more_rights_than_fit_are_refused_in_no_time(void **state)
{
    struct world *w = *state;
    struct answer answer = registered(w, "p-1", pledge(w, "Y2026140000001", 30000));
    assert_true(strcmp(told(answer.body, "result"), "rejected") == 0 || answer.code[0] != '\0');
    assert_int_equal(entries(w, TABLE_PLEDGE), 0);
}

static void a_right_held_elsewhere_waits_and_passes_when_granted(void **state)
{
    struct world *w = *state;
    registered(w, "p-1", pledge(w, "Y2026140000001", 1));
    struct answer answer = registered(w, "p-2", pledge(w, "Y2026140000002", 1));
    assert_true(answer.pending);
    decide_by(w, open_proposal(w, "pledge", "Y2026140000002"), true, "the register is right");
    const json_value *later = later_receipt(w, "registry-ty", "p-2", seq_of(w, "registry-ty", "p-2"));
    assert_string_equal(told(later, "result"), "accepted");
    assert_int_equal(entries(w, TABLE_HELD), 0);
    rebuild_is_equal(w);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_kinds, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_upheld_objection_puts_the_firm_back),      TEST(a_long_statement_is_kept_for_the_person),
        TEST(an_objection_is_answered_without_its_bytes),  TEST(a_pledge_of_many_rights_is_kept),
        TEST(more_rights_than_fit_are_refused_in_no_time), TEST(a_right_held_elsewhere_waits_and_passes_when_granted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
