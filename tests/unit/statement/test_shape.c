/* What a statement says, member by member: golden texts written from the contract. */
#include "fixture.h"

#include "statement/internal.h"

#define CERTIFICATION                                                                                                      \
    "\"certification\":{\"level\":\"省级\",\"batch\":\"2026-1\",\"document_no\":\"晋民营发〔2026〕1号\",\"valid_" \
    "from\":\"2026-03-01\""
#define TAIL(head)                                                                                                     \
    "\"head\":" head ",\"rules\":\"2026-1\",\"issuer\":{\"name\":\"" ISSUER "\",\"uscc\":\"" ISSUER_USCC "\"},"        \
    "\"source\":{\"id\":\"bureau-sx\",\"list_version\":\"2026-11\",\"completed_at\":\"2026-11-24T09:00:00+08:00\","    \
    "\"freshness\":\"on_time\"},"                                                                                      \
    "\"as_of\":\"2026-11-24T10:00:00+08:00\",\"this_update\":\"2026-11-24T10:00:00+08:00\",\"next_update\":\"2026-11-" \
    "25T10:00:00+08:00\"}"

static struct statement_facts facts_of(struct world *w, const struct firm *firm)
{
    return (struct statement_facts){
        .id = "st-x",
        .firm = firm,

        .rules = policy_in_force(w->context.policy, date_of_ms(T0)),
        .view = POLICY_VIEW_BANK,
        .issuer_name = ISSUER,
        .issuer_uscc = ISSUER_USCC,
        .head = 5678,
        .now_ms = T0,
        .next_update_ms = T0 + DAY,
        .source = {.id = "bureau-sx", .list_version = "2026-11", .completed_ms = T0 - HOUR, .freshness = FRESH_ON_TIME},
    };
}

static void assert_says(const struct statement_facts *facts, const char *expected)
{
    struct buf out;
    buf_init(&out, STATEMENT_BODY_MAX);
    statement_build(facts, &out);
    assert_string_equal((char *)out.p, expected);
    buf_free(&out);
}

static void a_listed_firm_in_the_contracts_order(void **state)
{
    struct firm firm = listed_firm(USCC, 1234);
    firm.listing.valid_until = firm.certification.valid_until = day("2027-02-28");
    struct statement_facts facts = facts_of(*state, &firm);
    assert_says(
        &facts,
        "{\"id\":\"st-x\",\"uscc\":\"" USCC
        "\",\"name\":\"山西杏花村汾酒厂股份有限公司\",\"status\":\"listed\",\"status_zh\":\"已入名单\","
        "\"lane\":\"priority\",\"since\":\"2026-03-01\",\"listed_since\":\"2026-03-01\",\"valid_until\":\"2027-02-28\","
        "\"reasons\":[\"certified\"],\"reasons_zh\":[\"经认定为优质民营企业并已入名单\"],\"disputed\":"
        "false," CERTIFICATION ",\"valid_until\":\"2027-02-28\"},\"sequence\":1234," TAIL("5678"));
}

static void a_firm_nobody_knows(void **state)
{
    struct firm firm;
    firm_init(&firm, USCC);
    struct statement_facts facts = facts_of(*state, &firm);
    assert_says(
        &facts,
        "{\"id\":\"st-x\",\"uscc\":\"" USCC "\",\"status\":\"not_listed\",\"status_zh\":\"未入名单\","
        "\"reasons\":[\"never_listed\"],\"reasons_zh\":[\"从未进入名单\"],\"disputed\":false,\"sequence\":0," TAIL(
            "5678"));
}

static void a_firm_in_checking_reads_not_listed_to_all(void **state)
{
    for (int view = POLICY_VIEW_BANK; view <= POLICY_VIEW_FULL; view++) {
        struct firm firm = listed_firm(USCC, 77);
        firm.listing.status = LISTING_CHECKING;
        firm.listing.reasons[0] = REASON_UNDER_REVIEW;
        firm.listing.reasons[1] = REASON_WITHDRAWN;
        firm.listing.reason_n = 2;
        struct statement_facts facts = facts_of(*state, &firm);
        facts.view = (enum policy_view)view;
        assert_says(&facts, "{\"id\":\"st-x\",\"uscc\":\"" USCC
                            "\",\"name\":\"山西杏花村汾酒厂股份有限公司\",\"status\":\"not_listed\","
                            "\"status_zh\":\"未入名单\",\"reasons\":[\"under_review\"],\"reasons_zh\":["
                            "\"正在人工核查\"],\"disputed\":false," CERTIFICATION "},\"sequence\":77," TAIL("5678"));
    }
}

static struct firm suspended_firm(void)
{
    struct firm firm = listed_firm(USCC, 90);
    firm.listing.status = LISTING_SUSPENDED;
    firm.listing.reasons[0] = REASON_EXCLUSION;
    firm.listing.since = day("2026-10-01");
    firm.listing.disputed = true;
    firm.exclusions[0] = (struct exclusion){.ground = GROUND_ABNORMAL_PATENTS,
                                            .imposed_by = "operator-1",
                                            .document_no = "秘",
                                            .effective = day("2026-10-01"),
                                            .until = DATE_NONE,
                                            .sequence = 90};
    firm.exclusion_n = 1;
    return firm;
}

static void a_bank_is_told_the_category_and_a_platform_the_ground(void **state)
{
    struct firm firm = suspended_firm();
    struct statement_facts facts = facts_of(*state, &firm);
    for (int view = POLICY_VIEW_BANK; view <= POLICY_VIEW_FULL; view++) {
        struct buf out;
        facts.view = (enum policy_view)view;
        buf_init(&out, STATEMENT_BODY_MAX);
        statement_build(&facts, &out);
        struct json_doc *doc = parse(buf_bytes(&out));
        assert_string_equal(text_of(doc, NULL, "status"), "suspended");
        assert_string_equal(text_of(doc, NULL, "since"), "2026-10-01");
        assert_string_equal(text_of(doc, NULL, "listed_since"), "2026-03-01");
        const json_value *reasons = json_member(json_root(doc), "reasons");
        assert_int_equal(json_count(reasons), 1);
        assert_string_equal(json_string(json_at(reasons, 0)),
                            view == POLICY_VIEW_BANK ? "exclusion.ip" : "exclusion.abnormal_patents");
        assert_int_equal(json_count(json_member(json_root(doc), "reasons_zh")), 1);
        bool disputed = false;
        assert_true(json_boolean(json_member(json_root(doc), "disputed"), &disputed) && disputed);
        if (view == POLICY_VIEW_BANK)
            assert_null(strstr((char *)out.p, "patents"));
        assert_null(strstr((char *)out.p, "operator-1"));
        assert_null(strstr((char *)out.p, "秘"));
        json_free(&doc);
        buf_free(&out);
    }
}

/* Past membership and past certification are not shown as if they lasted. */
static void a_removed_firm_shows_no_membership(void **state)
{
    struct firm firm = listed_firm(USCC, 91);
    firm.listing.status = LISTING_REMOVED;
    firm.listing.reasons[0] = REASON_WITHDRAWN;
    firm.listing.lane = LANE_NONE;
    firm.listing.since = day("2026-11-01");
    firm.certification.state = CERT_WITHDRAWN;
    struct statement_facts facts = facts_of(*state, &firm);
    assert_says(&facts, "{\"id\":\"st-x\",\"uscc\":\"" USCC
                        "\",\"name\":\"山西杏花村汾酒厂股份有限公司\",\"status\":\"removed\",\"status_zh\":\"已移出\","
                        "\"since\":\"2026-11-01\",\"reasons\":[\"withdrawn\"],\"reasons_zh\":[\"认定已被撤销\"],"
                        "\"disputed\":false,\"sequence\":91," TAIL("5678"));
}

static void text_is_escaped(void **state)
{
    struct firm firm = listed_firm(USCC, 5);
    firm.name = "a\"b\\c\n\x01";
    struct statement_facts facts = facts_of(*state, &firm);
    struct buf out;
    buf_init(&out, STATEMENT_BODY_MAX);
    statement_build(&facts, &out);
    struct json_doc *doc = parse(buf_bytes(&out));
    assert_string_equal(text_of(doc, NULL, "name"), firm.name);
    json_free(&doc);
    buf_free(&out);
}

/* The largest firm that can be stored still fits. */
static void the_largest_statement_fits(void **state)
{
    char name[RECORD_NAME_MAX + 1], text[RECORD_TEXT_MAX + 1];
    memset(name, '\x01', sizeof(name) - 1);
    memset(text, '\x01', sizeof(text) - 1);
    name[sizeof(name) - 1] = text[sizeof(text) - 1] = '\0';
    struct firm firm = suspended_firm();
    firm.name = name;
    firm.certification.level = firm.certification.batch = firm.certification.document_no = text;
    firm.exclusion_n = FIRM_EXCLUSIONS_MAX;
    for (int i = 0; i < FIRM_EXCLUSIONS_MAX; i++) {
        firm.exclusions[i] = firm.exclusions[0];
        firm.exclusions[i].ground = (enum ground)(i % GROUND_COUNT);
    }
    struct statement_facts facts = facts_of(*state, &firm);
    facts.view = POLICY_VIEW_FULL;
    struct buf out;
    buf_init(&out, STATEMENT_BODY_MAX);
    statement_build(&facts, &out);
    assert_false(out.overflow);
    buf_free(&out);
}

static int64_t next_of(struct world *w, const struct firm *firm, int64_t now, int64_t changes)
{
    struct statement_facts facts = facts_of(w, firm);
    facts.now_ms = now;
    facts.source.changes_ms = changes;
    return statement_next_update(&facts, w->context.policy, DAY);
}

static void next_update_comes_before_anything_changes(void **state)
{
    struct firm firm = listed_firm(USCC, 5);
    assert_int_equal(next_of(*state, &firm, T0, 0), T0 + DAY);
    assert_int_equal(next_of(*state, &firm, T0 + 999, 0), T0 + DAY);
    assert_int_equal(next_of(*state, &firm, T0, T0 + 5 * HOUR + 1), T0 + 5 * HOUR);
    /* inclusive: it ends at 00:00:00+08:00 of the next day, 14 hours after ten o'clock */
    firm.listing.valid_until = day("2026-11-24");
    assert_int_equal(next_of(*state, &firm, T0, 0), T0 + 14 * HOUR);
    firm.listing.valid_until = day("2026-11-25");
    assert_int_equal(next_of(*state, &firm, T0, 0), T0 + DAY);
    firm.listing.valid_until = DATE_NONE;
    firm.certification.valid_until = day("2026-11-24");
    assert_int_equal(next_of(*state, &firm, T0, 0), T0 + 14 * HOUR);
    /* the day has passed and the record of it is about to be written */
    firm.certification.valid_until = day("2026-11-23");
    assert_int_equal(next_of(*state, &firm, T0, 0), T0 + SECOND);
    firm.certification.valid_until = DATE_NONE;
    firm.certification.state = CERT_PENDING;
    firm.certification.valid_from = day("2026-11-25");
    assert_int_equal(next_of(*state, &firm, T0, 0), T0 + 14 * HOUR);
    struct firm suspended = suspended_firm();
    suspended.exclusions[0].until = day("2026-11-24");
    assert_int_equal(next_of(*state, &suspended, T0, 0), T0 + 14 * HOUR);
    /* other rules from 2027-01-01 */
    firm_init(&firm, USCC);
    int64_t eve = date_start_ms(day("2026-12-31")) + 20 * HOUR;
    assert_int_equal(next_of(*state, &firm, eve, 0), eve + 4 * HOUR);
}

static void ids_are_unguessable_and_never_repeat(void **state)
{
    static char ids[20000][STATEMENT_ID_SIZE];
    struct statement_ids stock = {.lock = PTHREAD_MUTEX_INITIALIZER};
    unsigned seen[26] = {0};
    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        statement_new_id(&stock, ids[i]);
        assert_int_equal(strlen(ids[i]), 29);
        assert_memory_equal(ids[i], "st-", 3);
        assert_int_equal(strspn(ids[i] + 3, "abcdefghijklmnopqrstuvwxyz234567"), 26);
        for (int k = 0; k < 26; k++)
            seen[k] |=
                1u << (strchr("abcdefghijklmnopqrstuvwxyz234567", ids[i][3 + k]) - "abcdefghijklmnopqrstuvwxyz234567");
    }
    for (int k = 0; k < 25; k++)
        assert_int_equal(seen[k], 0xffffffffu);
    assert_int_equal(__builtin_popcount(seen[25]), 8); /* 128 bits: three of the last digit's five */
    qsort(ids, 20000, STATEMENT_ID_SIZE, (int (*)(const void *, const void *))strcmp);
    for (size_t i = 1; i < 20000; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listed_firm_in_the_contracts_order),
        cmocka_unit_test(a_firm_nobody_knows),
        cmocka_unit_test(a_firm_in_checking_reads_not_listed_to_all),
        cmocka_unit_test(a_bank_is_told_the_category_and_a_platform_the_ground),
        cmocka_unit_test(a_removed_firm_shows_no_membership),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(the_largest_statement_fits),
        cmocka_unit_test(next_update_comes_before_anything_changes),
        cmocka_unit_test(ids_are_unguessable_and_never_repeat),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, setup, teardown);
}
