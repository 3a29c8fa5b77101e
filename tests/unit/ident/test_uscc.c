/* Unified social credit codes: every finding by name, and every vector as its source lists it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ident/ident.h"

#define GOOD "911400001123599660" /* 山西杏花村汾酒厂股份有限公司 */

static struct ident_result judge(const char *code)
{
    struct ident_result result;
    ident_uscc(bytes_str(code), &result);
    return result;
}

/* The findings of a code as one word list, "-" for none. */
static const char *findings(const char *code)
{
    static char text[256];
    struct ident_result result = judge(code);
    text[0] = '\0';
    for (size_t i = 0; i < result.finding_n; i++) {
        strcat(text, i ? "," : "");
        strcat(text, err_info(result.findings[i])->code);
    }
    return text[0] ? text : "-";
}

static void expect(const char *code, enum ident_verdict verdict, const char *normal, const char *found)
{
    struct ident_result result = judge(code);
    if (result.verdict != verdict || strcmp(result.normal, normal) != 0 || strcmp(findings(code), found) != 0)
        fail_msg("%s: %s %s %s", code, ident_verdict_name(result.verdict), result.normal, findings(code));
    assert_int_equal(result.cause == ERR_NONE, verdict == IDENT_VALID);
    assert_int_equal(result.kind, IDENT_USCC);
}

static void clean_code_has_no_findings(void **state)
{
    (void)state;
    expect(GOOD, IDENT_VALID, GOOD, "-");
}

static void folding_is_a_remark(void **state)
{
    (void)state;
    expect("９１１４００００１１２３５９９６６０", IDENT_VALID, GOOD, "uscc.folded");
    expect(" 911400001123599660", IDENT_VALID, GOOD, "uscc.folded");
    expect("911400001123599660\t", IDENT_VALID, GOOD, "uscc.folded");
    expect("9114 0000 1123 5996 60", IDENT_VALID, GOOD, "uscc.folded");
    expect("9114\xc2\xa0" "0000\xe3\x80\x80" "1123599660", IDENT_VALID, GOOD, "uscc.folded");
    expect("91140000701011888x", IDENT_VALID, "91140000701011888X", "uscc.folded");
    expect("９１１４００００７０１０１１８８８ｘ", IDENT_VALID, "91140000701011888X", "uscc.folded");
}

static void length_counts_characters(void **state)
{
    (void)state;
    expect("", IDENT_INVALID, "", "uscc.length");
    expect("   ", IDENT_INVALID, "", "uscc.folded,uscc.length");
    expect("91140000112359966", IDENT_INVALID, "", "uscc.length");
    expect("9114000011235996600", IDENT_INVALID, "", "uscc.length");
    expect("91140000112359966山", IDENT_INVALID, "", "uscc.charset");
    expect("911400001123599山西", IDENT_INVALID, "", "uscc.length,uscc.charset");
    char wide[2 * IDENT_INPUT_MAX];
    memset(wide, '1', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    expect(wide, IDENT_INVALID, "", "uscc.length");
}

static void letters_left_out_are_refused(void **state)
{
    (void)state;
    static const char *const bad = "IOSVZ-.'\"\n\r\\\x7f";
    for (const char *p = bad; *p; p++) {
        char code[] = GOOD;
        code[17] = *p;
        expect(code, IDENT_INVALID, "", "uscc.charset");
    }
    struct ident_result result;
    ident_uscc(bytes_of("91140000112359966\0", 18), &result);
    assert_true(ident_has(&result, ERR_USCC_CHARSET));
    ident_uscc(bytes_of("91140000112359966\xff", 18), &result);
    assert_true(ident_has(&result, ERR_USCC_CHARSET));
}

static void sums_are_told_apart(void **state)
{
    (void)state;
    expect("911400001123599669", IDENT_INVALID, "911400001123599669", "uscc.check_char");
    expect("911400001132599660", IDENT_INVALID, "911400001132599660", "uscc.org_code,uscc.check_char");
    expect("91140622770121181X", IDENT_DOUBTFUL, "91140622770121181X", "uscc.org_code");
    expect("000000000000000000", IDENT_INVALID, "000000000000000000", "uscc.structure,uscc.region_unknown");
}

static void regions_are_judged(void **state)
{
    (void)state;
    expect("91140402100000016B", IDENT_VALID, "91140402100000016B", "uscc.region_abolished");
    expect("914403001922038216", IDENT_VALID, "914403001922038216", "uscc.other_province");
    expect("91100000100003962T", IDENT_VALID, "91100000100003962T", "uscc.other_province");
    assert_true(ident_has(&(struct ident_result){0}, ERR_NONE) == false);
    struct ident_result result = judge("911499001123599660");
    assert_int_equal(result.verdict, IDENT_INVALID);
    assert_true(ident_has(&result, ERR_USCC_REGION_UNKNOWN));
    result = judge("911600001123599660");
    assert_true(ident_has(&result, ERR_USCC_REGION_UNKNOWN));
    result = judge("91A400001123599660");
    assert_true(ident_has(&result, ERR_USCC_REGION_UNKNOWN));
}

static void pairs_of_department_and_type(void **state)
{
    (void)state;
    static const char *const pairs[] = {"11", "12", "13", "19", "21", "29", "31", "32", "33", "34", "35", "39",
                                        "41", "49", "51", "52", "53", "59", "61", "62", "69", "71", "72", "79",
                                        "81", "89", "91", "92", "93", "A1", "A9", "N1", "N2", "N3", "N9", "Y1"};
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    size_t known = 0;
    for (const char *department = alphabet; *department; department++) {
        for (const char *type = alphabet; *type; type++) {
            char code[] = GOOD;
            code[0] = *department;
            code[1] = *type;
            bool listed = false;
            for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
                listed |= memcmp(pairs[i], code, 2) == 0;
            struct ident_result result = judge(code);
            assert_int_equal(ident_has(&result, ERR_USCC_STRUCTURE), !listed);
            known += listed;
        }
    }
    assert_int_equal(known, sizeof(pairs) / sizeof(pairs[0]));
}

static void spreadsheet_numbers_are_recognised(void **state)
{
    (void)state;
    static const char *const scientific[] = {"9.1140E+17", "9.114E+17", "9.1140E17", "9E+17", "9.11400001123599E+17",
                                             "9.114000011235E+17"};
    for (size_t i = 0; i < sizeof(scientific) / sizeof(scientific[0]); i++)
        expect(scientific[i], IDENT_INVALID, "", "uscc.spreadsheet_number");
    expect("９.１１４Ｅ+17", IDENT_INVALID, "", "uscc.folded,uscc.spreadsheet_number");
    expect("9.1140e+17", IDENT_INVALID, "", "uscc.folded,uscc.spreadsheet_number");
    static const char *const other[] = {"9.1140", "E+17", "9.1140E+", "9.1140E+177", "9.1140E+17x", ".1140E+17"};
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        struct ident_result result = judge(other[i]);
        assert_false(ident_has(&result, ERR_USCC_SPREADSHEET));
        assert_true(ident_has(&result, ERR_USCC_LENGTH));
    }
    struct ident_result result = judge("911400001123599000");
    assert_int_equal(result.verdict, IDENT_INVALID);
    assert_int_equal(result.cause, ERR_USCC_SPREADSHEET);
}

/* A code of digits only that honestly ends in 000 exists; the sums tell. Found by search over serial numbers. */
static void honest_zeros_are_no_spreadsheet(void **state)
{
    (void)state;
    static const unsigned org_weights[] = {3, 7, 9, 10, 5, 8, 4, 2};
    char code[19];
    for (unsigned serial = 1; serial < 100000; serial++) {
        snprintf(code, sizeof(code), "91140000%07u000", serial);
        unsigned sum = 0;
        for (int i = 0; i < 8; i++)
            sum += (unsigned)(code[8 + i] - '0') * org_weights[i];
        struct ident_result result = judge(code);
        if (sum % 11 == 0 && !ident_has(&result, ERR_USCC_CHECK_CHAR)) {
            expect(code, IDENT_VALID, code, "-");
            return;
        }
    }
    fail_msg("none found");
}

/* Reads a tab-separated vector file; counts what was judged. */
static size_t each_line(const char *path, void (*use)(char **fields, size_t n))
{
    char name[512], line[2048];
    snprintf(name, sizeof(name), "%s/%s", SHARED_VECTORS, path);
    FILE *file = fopen(name, "r");
    if (!file) {
        print_message("skipped: no vectors (0 of %s)\n", path);
        return 0;
    }
    size_t count = 0;
    assert_non_null(fgets(line, sizeof(line), file));
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        char *fields[8] = {line};
        size_t n = 1;
        for (char *p = line; *p && n < 8; p++) {
            if (*p == '\t') {
                *p = '\0';
                fields[n++] = p + 1;
            }
        }
        use(fields, n);
        count++;
    }
    fclose(file);
    print_message("%zu lines of %s\n", count, path);
    return count;
}

static void use_vector(char **fields, size_t n)
{
    assert_true(n >= 3);
    struct ident_result result = judge(fields[0]);
    bool folded = strcmp(fields[2], "folded") == 0;
    const char *want = folded ? "valid" : fields[2];
    if (strcmp(ident_verdict_name(result.verdict), want) != 0 || ident_has(&result, ERR_USCC_FOLDED) != folded)
        fail_msg("%s: %s, %s", fields[0], ident_verdict_name(result.verdict), findings(fields[0]));
}

static void vectors_are_judged_as_listed(void **state)
{
    (void)state;
    each_line("identifiers/uscc.tsv", use_vector);
}

static void use_registration(char **fields, size_t n)
{
    assert_true(n >= 1);
    struct ident_result result = judge(fields[0]);
    if (result.verdict != IDENT_VALID || strcmp(result.normal, fields[0]) != 0 || ident_has(&result, ERR_USCC_FOLDED))
        fail_msg("%s: %s", fields[0], findings(fields[0]));
}

static void registrations_pass(void **state)
{
    (void)state;
    size_t count = each_line("registrations/shanxi.tsv", use_registration);
    assert_true(count == 0 || count == 16540);
}

static void use_irregular(char **fields, size_t n)
{
    assert_true(n >= 3);
    struct ident_result result = judge(fields[0]);
    bool org = strcmp(fields[2], "org") == 0;
    bool right = org ? result.verdict == IDENT_DOUBTFUL && result.cause == ERR_USCC_ORG_CODE
                     : result.verdict == IDENT_VALID && ident_has(&result, ERR_USCC_FOLDED);
    if (!right)
        fail_msg("%s %s: %s", fields[0], fields[2], findings(fields[0]));
}

static void irregular_registrations_are_doubts_or_folded(void **state)
{
    (void)state;
    each_line("registrations/irregular.tsv", use_irregular);
}

/* Clears what one wrong key does: every single changed character of a real code is noticed. */
static void every_single_typo_is_noticed(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    for (size_t i = 0; i < USCC_LENGTH; i++) {
        for (const char *c = alphabet; *c; c++) {
            char code[] = GOOD;
            code[i] = *c;
            assert_int_equal(judge(code).verdict == IDENT_VALID, *c == GOOD[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_code_has_no_findings),
        cmocka_unit_test(folding_is_a_remark),
        cmocka_unit_test(length_counts_characters),
        cmocka_unit_test(letters_left_out_are_refused),
        cmocka_unit_test(sums_are_told_apart),
        cmocka_unit_test(regions_are_judged),
        cmocka_unit_test(pairs_of_department_and_type),
        cmocka_unit_test(spreadsheet_numbers_are_recognised),
        cmocka_unit_test(honest_zeros_are_no_spreadsheet),
        cmocka_unit_test(vectors_are_judged_as_listed),
        cmocka_unit_test(registrations_pass),
        cmocka_unit_test(irregular_registrations_are_doubts_or_folded),
        cmocka_unit_test(every_single_typo_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
