/* Rules files: the sample loads; whatever does not make sense is refused with its place. */
#include "firms.h"

#define HEAD                                                                                                           \
    "versions:\n"                                                                                                      \
    "  - version: \"1\"\n"                                                                                             \
    "    document_no: D1\n"                                                                                            \
    "    decided_by: office\n"                                                                                         \
    "    review: {body: board, date: 2025-12-20}\n"                                                                    \
    "    valid_from: 2026-01-01\n"
#define GROUNDS                                                                                                        \
    "    grounds: {serious_dishonesty: remove, abnormal_operation: suspend, deregistered: remove,\n"                   \
    "      abnormal_patents: suspend, false_material: remove, rights_lapsed: suspend, moved_out: remove,\n"            \
    "      own_request: remove}\n"
#define SECOND(name, from)                                                                                             \
    "  - version: " name "\n"                                                                                          \
    "    document_no: D2\n"                                                                                            \
    "    decided_by: office\n"                                                                                         \
    "    review: {body: board, date: 2026-01-20}\n"                                                                    \
    "    valid_from: " from "\n" GROUNDS

static bool load(struct arena *arena, const char *text, enum policy_admission admission, const struct policy **out,
                 struct err *err)
{
    const struct yaml_node *root;
    CHECK(yaml_parse(arena, "rules.yaml", bytes_str(text), &root, err));
    return policy_load(arena, root, admission, out, err);
}

static void the_sample_loads_as_it_reads(void **unused)
{
    (void)unused;
    const struct rules *rules = rules_of("auto");
    assert_string_equal(rules->version, "2026-1");
    assert_string_equal(rules->decided_by, "山西省知识产权局");
    assert_int_equal(rules->review_date, day("2025-12-20"));
    assert_int_equal(rules->admission, POLICY_ADMISSION_AUTOMATIC);
    assert_int_equal(rules->effect[GROUND_ABNORMAL_PATENTS], POLICY_SUSPEND);
    assert_int_equal(rules->effect[GROUND_MOVED_OUT], POLICY_REMOVE);
    assert_int_equal(rules->guard_floor, 2);
    assert_int_equal(rules->guard_percent, 5);
    assert_int_equal(rules->absence, POLICY_ABSENCE_TWICE);
    assert_int_equal(rules->disclose, POLICY_DISCLOSE_CATEGORY);
    assert_true(rules->name_mismatch_checks);
    assert_string_equal(rules->home_region, "14");
    assert_int_equal(rules->default_term_days, 0);
    assert_int_equal(rules->ordinary_term_days, 365);
}

static void what_is_left_out_has_the_documented_meaning(void **unused)
{
    (void)unused;
    AUTO_ARENA arena = arena_new();
    const struct policy *policy;
    struct err err = {0};
    assert_true(load(arena, HEAD GROUNDS, POLICY_ADMISSION_APPROVAL, &policy, &err));
    const struct rules *rules = policy_version(policy, 0);
    assert_int_equal(rules->admission, POLICY_ADMISSION_APPROVAL);
    assert_int_equal(rules->guard_floor, 2);
    assert_int_equal(rules->guard_percent, 5);
    assert_int_equal(rules->disclose, POLICY_DISCLOSE_CATEGORY);
    assert_true(rules->name_mismatch_checks);
    assert_int_equal(rules->ordinary_term_days, 0);
    assert_true(load(arena, HEAD GROUNDS, POLICY_ADMISSION_AUTOMATIC, &policy, &err));
    assert_int_equal(policy_version(policy, 0)->admission, POLICY_ADMISSION_AUTOMATIC);
}

static void the_version_in_force_is_the_last_begun(void **unused)
{
    (void)unused;
    AUTO_ARENA arena = arena_new();
    const struct policy *policy;
    struct err err = {0};
    assert_true(load(arena, HEAD GROUNDS SECOND("\"2\"", "2026-07-01"), POLICY_ADMISSION_APPROVAL, &policy, &err));
    assert_int_equal(policy_versions(policy), 2);
    assert_null(policy_in_force(policy, day("2025-12-31")));
    assert_string_equal(policy_in_force(policy, day("2026-01-01"))->version, "1");
    assert_string_equal(policy_in_force(policy, day("2026-06-30"))->version, "1");
    assert_string_equal(policy_in_force(policy, day("2026-07-01"))->version, "2");
    assert_null(policy_version(policy, 2));
}

static void nonsense_is_refused_with_its_place(void **unused)
{
    (void)unused;
    static const struct { const char *text; enum err_code code; const char *place; } bad[] = {
        {"versions: []\n", ERR_RULES_INVALID, "rules.yaml:1:11"},
        {"version: 1\n", ERR_RULES_INVALID, "rules.yaml:1:1"},
        {"- a\n", ERR_RULES_INVALID, "rules.yaml:1:1"},
        {"versions: [text]\n", ERR_RULES_INVALID, "rules.yaml:1:12"},
        {HEAD, ERR_RULES_INVALID, "rules.yaml:2:5"},
        {HEAD GROUNDS "    surprise: 1\n", ERR_CONFIG_UNKNOWN, "rules.yaml:10:5"},
        {HEAD "    grounds: {serious_dishonesty: warn}\n", ERR_CONFIG_VALUE, "rules.yaml:7:35"},
        {HEAD "    grounds: {serious_dishonesty: remove}\n", ERR_CONFIG_MISSING, "rules.yaml:7:14"},
        {HEAD "    grounds: {tax_debt: remove}\n", ERR_CONFIG_UNKNOWN, "rules.yaml:7:15"},
        {HEAD "    grounds: all\n", ERR_RULES_INVALID, "rules.yaml:7:14"},
        {HEAD GROUNDS "    guard: {floor: -1}\n", ERR_CONFIG_VALUE, "rules.yaml:10:20"},
        {HEAD GROUNDS "    guard: {percent: 101}\n", ERR_CONFIG_VALUE, "rules.yaml:10:22"},
        {HEAD GROUNDS "    ordinary: {term: 36h}\n", ERR_RULES_INVALID, "rules.yaml:10:22"},
        {HEAD GROUNDS "    certification: {default_term: 999999d}\n", ERR_RULES_INVALID, "rules.yaml:10:35"},
        {HEAD GROUNDS "    admission: manual\n", ERR_CONFIG_VALUE, "rules.yaml:10:16"},
        {HEAD GROUNDS "    home_region: Shanxi\n", ERR_RULES_INVALID, "rules.yaml:10:18"},
        {HEAD GROUNDS "    home_region: \"\"\n", ERR_RULES_INVALID, "rules.yaml:10:18"},
        {HEAD GROUNDS SECOND("\"2\"", "2026-01-01"), ERR_RULES_INVALID, "rules.yaml:14:17"},
        {HEAD GROUNDS SECOND("\"1\"", "2026-02-01"), ERR_RULES_INVALID, "rules.yaml:10:14"},
        {"versions:\n  - version: \"1\"\n    document_no: D1\n    decided_by: o\n    valid_from: 2026-01-01\n" GROUNDS,
         ERR_RULES_INVALID, "rules.yaml:2:5"},
        {"versions:\n  - version: \"1\"\n    document_no: D1\n    valid_from: 2026-01-01\n" GROUNDS, ERR_CONFIG_MISSING,
         "rules.yaml:2:5"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        AUTO_ARENA arena = arena_new();
        const struct policy *policy;
        struct err err = {0};
        if (load(arena, bad[i].text, POLICY_ADMISSION_APPROVAL, &policy, &err))
            fail_msg("accepted:\n%s", bad[i].text);
        if (err.code != bad[i].code || strcmp(err.place, bad[i].place) != 0)
            fail_msg("%s at %s wanted, got %s at %s (%s) for\n%s", err_info(bad[i].code)->code, bad[i].place,
                     err_info(err.code)->code, err.place, err.detail, bad[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_loads_as_it_reads),
        cmocka_unit_test(what_is_left_out_has_the_documented_meaning),
        cmocka_unit_test(the_version_in_force_is_the_last_begun),
        cmocka_unit_test(nonsense_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
