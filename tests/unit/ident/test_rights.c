/* Patents, trademarks, regions and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ident/ident.h"

static void expect(enum ident_kind kind, const char *value, enum ident_verdict verdict, const char *normal,
                   enum err_code finding)
{
    struct ident_result result;
    ident_check(kind, bytes_str(value), &result);
    if (result.verdict != verdict || strcmp(result.normal, normal) != 0 || result.kind != kind)
        fail_msg("%s: %s %s", value, ident_verdict_name(result.verdict), result.normal);
    assert_int_equal(result.finding_n == 0, finding == ERR_NONE);
    if (finding != ERR_NONE && !ident_has(&result, finding))
        fail_msg("%s: %s", value, err_info(result.findings[0])->code);
}

static void patents_in_both_forms(void **state)
{
    (void)state;
    expect(IDENT_PATENT, "202010566088.9", IDENT_VALID, "2020105660889", ERR_NONE);
    expect(IDENT_PATENT, "2020105660889", IDENT_VALID, "2020105660889", ERR_NONE);
    expect(IDENT_PATENT, "201811564288.X", IDENT_VALID, "201811564288X", ERR_NONE);
    expect(IDENT_PATENT, "201811564288.x", IDENT_VALID, "201811564288X", ERR_PATENT_FOLDED);
    expect(IDENT_PATENT, "ZL 2019 1 0197190.3", IDENT_VALID, "2019101971903", ERR_PATENT_FOLDED);
    expect(IDENT_PATENT, "zl201910197190.3", IDENT_VALID, "2019101971903", ERR_PATENT_FOLDED);
    expect(IDENT_PATENT, "CN201910197190.3", IDENT_VALID, "2019101971903", ERR_PATENT_FOLDED);
    expect(IDENT_PATENT, "ＺＬ２０１９１０１９７１９０．３", IDENT_VALID, "2019101971903", ERR_PATENT_FOLDED);
    /* eight digits before October 2003: 9·2 + 8·3 + 1·4 + 2·5 + 3·6 + 4·7 + 5·8 + 6·9 = 196 = 17·11 + 9 */
    expect(IDENT_PATENT, "98123456.9", IDENT_VALID, "981234569", ERR_NONE);
    expect(IDENT_PATENT, "ZL98123456.9", IDENT_VALID, "981234569", ERR_PATENT_FOLDED);
    expect(IDENT_PATENT, "98123456.7", IDENT_INVALID, "981234567", ERR_PATENT_CHECK);
}

static void patents_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "ZL", "202010566088", "2020105660888.9", "20201056608.89", "20201056608X.9",
                                      "202010566088..9", "CN101234567A", "X020105660889", "1234567890", "98123456",
                                      "202010566088.", "202010566088-9", "ZLCN202010566088.9", "专利"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ident_result result;
        ident_patent(bytes_str(bad[i]), &result);
        assert_int_equal(result.cause, ERR_PATENT_FORM);
        assert_string_equal(result.normal, "");
    }
    expect(IDENT_PATENT, "202070566088.9", IDENT_INVALID, "2020705660889", ERR_PATENT_TYPE);
    expect(IDENT_PATENT, "0000000000000", IDENT_INVALID, "0000000000000", ERR_PATENT_TYPE);
    expect(IDENT_PATENT, "202310123456.7", IDENT_INVALID, "2023101234567", ERR_PATENT_CHECK);
    char wide[4 * IDENT_INPUT_MAX];
    memset(wide, '1', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    expect(IDENT_PATENT, wide, IDENT_INVALID, "", ERR_PATENT_FORM);
    expect(IDENT_TRADEMARK, wide, IDENT_INVALID, "", ERR_TRADEMARK_FORM);
    expect(IDENT_REGION, wide, IDENT_INVALID, "", ERR_REGION_FORM);
}

static void patent_vectors_as_listed(void **state)
{
    (void)state;
    char line[512];
    FILE *file = fopen(SHARED_VECTORS "/identifiers/patent-numbers.tsv", "r");
    if (!file) {
        print_message("skipped: no vectors (0 patents)\n");
        return;
    }
    size_t count = 0;
    assert_non_null(fgets(line, sizeof(line), file));
    while (fgets(line, sizeof(line), file)) {
        char *number = strtok(line, "\t\n");
        const char *valid = strtok(NULL, "\t\n");
        struct ident_result result;
        ident_patent(bytes_str(number), &result);
        if ((strcmp(valid, "yes") == 0) != (result.verdict == IDENT_VALID))
            fail_msg("%s", number);
        count++;
    }
    fclose(file);
    print_message("%zu patents\n", count);
}

static void trademarks(void **state)
{
    (void)state;
    expect(IDENT_TRADEMARK, "1234567", IDENT_VALID, "1234567", ERR_NONE);
    expect(IDENT_TRADEMARK, "12345678", IDENT_VALID, "12345678", ERR_NONE);
    expect(IDENT_TRADEMARK, "1", IDENT_VALID, "1", ERR_NONE);
    expect(IDENT_TRADEMARK, "12345678A", IDENT_VALID, "12345678A", ERR_NONE);
    expect(IDENT_TRADEMARK, "12345678a", IDENT_VALID, "12345678A", ERR_TRADEMARK_FOLDED);
    expect(IDENT_TRADEMARK, "G1234567", IDENT_VALID, "G1234567", ERR_NONE);
    expect(IDENT_TRADEMARK, "g 1234567", IDENT_VALID, "G1234567", ERR_TRADEMARK_FOLDED);
    expect(IDENT_TRADEMARK, "Ｇ１２３４５６７", IDENT_VALID, "G1234567", ERR_TRADEMARK_FOLDED);
    static const char *const bad[] = {"", "G", "A", "A1234567", "123456789", "1234567AB", "GG123", "12-34", "12.3",
                                      "00000000", "G0", "123号", "1234A567", "G123456789"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect(IDENT_TRADEMARK, bad[i], IDENT_INVALID, "", ERR_TRADEMARK_FORM);
}

static void region_codes(void **state)
{
    (void)state;
    expect(IDENT_REGION, "140100", IDENT_VALID, "140100", ERR_NONE);
    expect(IDENT_REGION, "140171", IDENT_VALID, "140171", ERR_NONE);
    expect(IDENT_REGION, "140402", IDENT_VALID, "140402", ERR_REGION_ABOLISHED);
    expect(IDENT_REGION, "１４０１００", IDENT_VALID, "140100", ERR_REGION_FOLDED);
    expect(IDENT_REGION, "110108", IDENT_VALID, "110108", ERR_NONE);
    expect(IDENT_REGION, "820000", IDENT_VALID, "820000", ERR_NONE);
    expect(IDENT_REGION, "100000", IDENT_VALID, "100000", ERR_NONE);
    static const char *const never[] = {"000000", "100001", "149999", "140001", "142000", "160000", "999999", "470000"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        expect(IDENT_REGION, never[i], IDENT_INVALID, never[i], ERR_REGION_UNKNOWN);
    static const char *const bad[] = {"", "14010", "1401000", "14010A", "太原市", "14-100"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect(IDENT_REGION, bad[i], IDENT_INVALID, "", ERR_REGION_FORM);
}

static void region_table(void **state)
{
    (void)state;
    const struct ident_region_info *all;
    size_t n = ident_regions(&all);
    assert_int_equal(n, 144);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || strcmp(all[i - 1].code, all[i].code) < 0);
        assert_ptr_equal(ident_region_find(all[i].code), &all[i]);
        if (i > 0) {
            const struct ident_region_info *city = ident_region_find(all[i].city);
            assert_non_null(city);
            assert_memory_equal(city->code, all[i].code, 4);
        }
        if (all[i].successor[0])
            assert_int_equal(ident_region_find(all[i].successor)->state, REGION_CURRENT);
    }
    assert_string_equal(ident_region_find("140000")->city, "");
    assert_string_equal(ident_region_find("140100")->city, "140100");
    assert_string_equal(ident_region_find("140171")->name, "山西转型综合改革示范区");
    assert_int_equal(ident_region_find("140171")->state, REGION_STATISTICS);
    assert_string_equal(ident_region_find("140227")->successor, "140215");
    assert_true(ident_region_in_shanxi("140402"));
    static const char *const none[] = {"", "14", "1401000", "110000", "149999", "14010x", "999999", "139999", "141200"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_null(ident_region_find(none[i]));
        assert_false(ident_region_in_shanxi(none[i]));
    }
}

static void region_table_is_the_listed_one(void **state)
{
    (void)state;
    static const char *const states[] = {"current", "statistics", "abolished"};
    char line[512];
    FILE *file = fopen(SHARED_VECTORS "/identifiers/shanxi-regions.csv", "r");
    if (!file) {
        print_message("skipped: no vectors (0 regions)\n");
        return;
    }
    size_t count = 0;
    assert_non_null(fgets(line, sizeof(line), file));
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\r\n")] = '\0';
        char *rest = line;
        const char *code = strsep(&rest, ","), *name = strsep(&rest, ","), *city = strsep(&rest, ",");
        const char *region_state = strsep(&rest, ","), *successor = strsep(&rest, ",");
        const struct ident_region_info *info = ident_region_find(code);
        assert_non_null(info);
        assert_string_equal(info->name, name);
        assert_string_equal(states[info->state], region_state);
        assert_string_equal(info->successor, successor);
        if (city[0])
            assert_string_equal(info->city, city);
        count++;
    }
    fclose(file);
    const struct ident_region_info *all;
    assert_int_equal(count, ident_regions(&all));
    print_message("%zu regions\n", count);
}

static void kinds_by_name(void **state)
{
    (void)state;
    enum ident_kind kind = IDENT_REGION;
    assert_true(ident_kind_parse("uscc", &kind));
    assert_int_equal(kind, IDENT_USCC);
    assert_false(ident_kind_parse("USCC", &kind));
    assert_false(ident_kind_parse("", &kind));
    for (int i = IDENT_USCC; i <= IDENT_REGION; i++) {
        assert_true(ident_kind_parse(ident_kind_name((enum ident_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_string_equal(ident_verdict_name(IDENT_DOUBTFUL), "doubtful");
}

static void same_name(const char *a, const char *b)
{
    char left[256], right[256];
    assert_true(ident_name_fold(bytes_str(a), left, sizeof(left)));
    assert_true(ident_name_fold(bytes_str(b), right, sizeof(right)));
    assert_string_equal(left, right);
}

static void names_compare_folded(void **state)
{
    (void)state;
    same_name("西山煤电（集团）有限责任公司", "西山煤电(集团) 有限责任公司");
    same_name("西山煤电【集团】有限责任公司", "西山煤电〔集团〕有限责任公司　");
    same_name("ＡＢＣ科技", "abc科技");
    same_name("\xef\xbb\xbf山西\xe2\x80\x8b汾酒\r\n", "山西汾酒");
    char out[16];
    assert_true(ident_name_fold(bytes_str("a（b）"), out, sizeof(out)));
    assert_string_equal(out, "A(B)");
    assert_true(ident_name_fold(bytes_str(""), out, sizeof(out)));
    assert_string_equal(out, "");
}

static void names_that_do_not_fit(void **state)
{
    (void)state;
    char out[7];
    assert_true(ident_name_fold(bytes_str("汾酒"), out, sizeof(out)));
    assert_true(ident_name_fold(bytes_str("（汾）ab  "), out, 8 - 1) == false);
    assert_true(ident_name_fold(bytes_str("（汾）a  "), out, sizeof(out)));
    assert_string_equal(out, "(汾)A");
    assert_false(ident_name_fold(bytes_str("汾酒厂"), out, sizeof(out)));
    assert_false(ident_name_fold(bytes_str("汾\xe5\xb1"), out, sizeof(out)));
    assert_false(ident_name_fold(bytes_str(""), out, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patents_in_both_forms),
        cmocka_unit_test(patents_that_are_none),
        cmocka_unit_test(patent_vectors_as_listed),
        cmocka_unit_test(trademarks),
        cmocka_unit_test(region_codes),
        cmocka_unit_test(region_table),
        cmocka_unit_test(region_table_is_the_listed_one),
        cmocka_unit_test(kinds_by_name),
        cmocka_unit_test(names_compare_folded),
        cmocka_unit_test(names_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
