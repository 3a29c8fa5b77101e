/* The unified social credit code of GB 32100-2015 with the organisation code of GB 11714 inside it.
 *
 *     9 1 140000 112359966 0
 *     | | |      |         check character, modulo 31
 *     | | |      organisation code, its last place a check digit modulo 11
 *     | | region of first registration
 *     | type of body
 *     registering department
 *
 * Modulo 31 alone accepts three of a hundred citizen numbers, so both sums are judged. */
#include "ident/ident.h"

#include <string.h>

#include "ident/internal.h"

enum { DEPARTMENT_AT = 0, TYPE_AT = 1, REGION_AT = 2, ORG_AT = 8, ORG_CHECK_AT = 16, CHECK_AT = 17 };

static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/* Value in the alphabet plus one; 0 marks characters outside it. */
static const uint8_t value31[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    ['G'] = 17, ['H'] = 18, ['J'] = 19, ['K'] = 20, ['L'] = 21, ['M'] = 22, ['N'] = 23, ['P'] = 24,
    ['Q'] = 25, ['R'] = 26, ['T'] = 27, ['U'] = 28, ['W'] = 29, ['X'] = 30, ['Y'] = 31,
};

static bool is_clean(const uint8_t *p)
{
    for (size_t i = 0; i < USCC_LENGTH; i++) {
        if (value31[p[i]] == 0)
            return false;
    }
    return true;
}

static char check_char(const char *code)
{
    /* powers of 3 modulo 31 */
    static const uint8_t weights[CHECK_AT] = {1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28};
    unsigned sum = 0;
    for (size_t i = 0; i < CHECK_AT; i++)
        sum += (value31[(uint8_t)code[i]] - 1u) * weights[i];
    return alphabet[(31 - sum % 31) % 31];
}

/* GB 11714 counts letters A = 10 to Z = 35, unlike the alphabet above, which leaves letters out. */
static unsigned value36(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

static char org_check_digit(const char *code)
{
    static const uint8_t weights[ORG_CHECK_AT - ORG_AT] = {3, 7, 9, 10, 5, 8, 4, 2};
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof(weights); i++)
        sum += value36(code[ORG_AT + i]) * weights[i];
    return "0X987654321"[sum % 11];
}

/* Which types of body a department registers (GB 32100-2015, table of its first two places, and the later additions
 * for rural collectives and the army). */
static bool pair_exists(char department, char type)
{
    static const char *const types[256] = {
        ['1'] = "1239", ['2'] = "19", ['3'] = "123459", ['4'] = "19", ['5'] = "1239", ['6'] = "129",
        ['7'] = "129",  ['8'] = "19", ['9'] = "123",    ['A'] = "19", ['N'] = "1239", ['Y'] = "1",
    };
    const char *known = types[(uint8_t)department];
    return known && strchr(known, type);
}

/* A spreadsheet keeps fifteen significant digits: the rest of an all-digit code turns to zeros. */
static bool lost_digits(const char *code)
{
    return memcmp(code + USCC_LENGTH - 3, "000", 3) == 0 && strspn(code, "0123456789") == USCC_LENGTH &&
           code[CHECK_AT] != check_char(code);
}

/* 9.1140E+17 and its like. */
static bool is_scientific(const char *p)
{
    if (*p < '1' || *p > '9')
        return false;
    p++;
    if (*p == '.')
        p += 1 + strspn(p + 1, "0123456789");
    if (*p++ != 'E')
        return false;
    p += *p == '+';
    size_t exponent = strspn(p, "0123456789");
    return exponent >= 1 && exponent <= 2 && p[exponent] == '\0';
}

static void judge_region(const char *code, struct ident_result *out)
{
    switch (region_classify(code + REGION_AT)) {
    case REGION_NEVER:
        result_add(out, ERR_USCC_REGION_UNKNOWN, IDENT_INVALID);
        break;
    case REGION_GONE:
        result_add(out, ERR_USCC_REGION_ABOLISHED, IDENT_VALID);
        break;
    case REGION_ELSEWHERE:
        result_add(out, ERR_USCC_OTHER_PROVINCE, IDENT_VALID);
        break;
    case REGION_HERE:
        break;
    }
}

/* Judges 18 characters of the alphabet. */
static void judge(const char *characters, struct ident_result *out)
{
    result_normal(out, characters, USCC_LENGTH);
    const char *code = out->normal;
    if (lost_digits(code))
        result_add(out, ERR_USCC_SPREADSHEET, IDENT_INVALID);
    if (!pair_exists(code[DEPARTMENT_AT], code[TYPE_AT]))
        result_add(out, ERR_USCC_STRUCTURE, IDENT_INVALID);
    judge_region(code, out);
    if (code[ORG_CHECK_AT] != org_check_digit(code))
        result_add(out, ERR_USCC_ORG_CODE, IDENT_DOUBTFUL);
    if (code[CHECK_AT] != check_char(code))
        result_add(out, ERR_USCC_CHECK_CHAR, IDENT_INVALID);
}

static bool all_in_alphabet(const struct fold *fold)
{
    for (size_t i = 0; i < fold->n; i++) {
        if (value31[(uint8_t)fold->text[i]] == 0)
            return false;
    }
    return true;
}

static void judge_folded(struct bytes input, struct ident_result *out)
{
    struct fold fold;
    if (!fold_value(input, &fold)) {
        result_add(out, ERR_USCC_LENGTH, IDENT_INVALID);
        return;
    }
    if (fold.changed)
        result_add(out, ERR_USCC_FOLDED, IDENT_VALID);
    if (is_scientific(fold.text)) {
        result_add(out, ERR_USCC_SPREADSHEET, IDENT_INVALID);
        return;
    }
    if (fold.n != USCC_LENGTH)
        result_add(out, ERR_USCC_LENGTH, IDENT_INVALID);
    if (!all_in_alphabet(&fold))
        result_add(out, ERR_USCC_CHARSET, IDENT_INVALID);
    if (out->verdict == IDENT_VALID)
        judge(fold.text, out);
}

void ident_uscc(struct bytes input, struct ident_result *out)
{
    *out = (struct ident_result){.kind = IDENT_USCC};
    /* nearly every code arrives clean and needs no folding */
    if (input.n == USCC_LENGTH && is_clean(input.p))
        judge((const char *)input.p, out);
    else
        judge_folded(input, out);
}
