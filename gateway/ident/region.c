/* Regions: the table of Shanxi, the provinces of GB/T 2260, and the judgement of a region code. */
#include "ident/ident.h"

#include <string.h>

#include "ident/internal.h"

enum { REGION_DIGITS = 6, FIRST_CODE = 140000, CODE_SPAN = 1200 };

static const struct ident_region_info regions[] = {
#define REGION(code, name, city, state, successor) {#code, name, city, REGION_##state, successor},
#include "ident/regions.def"
#undef REGION
};

enum position {
#define REGION(code, name, city, state, successor) POSITION_##code,
#include "ident/regions.def"
#undef REGION
    REGION_COUNT
};

/* Position plus one by the four digits behind 14, so that a look-up is one load. */
static const uint8_t by_code[CODE_SPAN] = {
#define REGION(code, name, city, state, successor) [code - FIRST_CODE] = POSITION_##code + 1,
#include "ident/regions.def"
#undef REGION
};
_Static_assert(REGION_COUNT < UINT8_MAX, "positions fit into by_code");

/* The number of six digits, -1 when they are not digits. */
static int number_of(const char *code)
{
    int value = 0;
    for (int i = 0; i < REGION_DIGITS; i++) {
        if (code[i] < '0' || code[i] > '9')
            return -1;
        value = value * 10 + (code[i] - '0');
    }
    return value;
}

static const struct ident_region_info *find(const char *code)
{
    int slot = number_of(code) - FIRST_CODE;
    if (slot < 0 || slot >= CODE_SPAN || by_code[slot] == 0)
        return NULL;
    return &regions[by_code[slot] - 1];
}

const struct ident_region_info *ident_region_find(const char *code)
{
    return strnlen(code, REGION_DIGITS + 1) == REGION_DIGITS ? find(code) : NULL;
}

size_t ident_regions(const struct ident_region_info **out)
{
    *out = regions;
    return REGION_COUNT;
}

bool ident_region_in_shanxi(const char *code)
{
    return ident_region_find(code) != NULL;
}

/* Provinces, autonomous regions, municipalities and special regions by their two digits. */
static bool is_province(int number)
{
    static const bool known[100] = {
        [11] = true, [12] = true, [13] = true, [14] = true, [15] = true, [21] = true, [22] = true,
        [23] = true, [31] = true, [32] = true, [33] = true, [34] = true, [35] = true, [36] = true,
        [37] = true, [41] = true, [42] = true, [43] = true, [44] = true, [45] = true, [46] = true,
        [50] = true, [51] = true, [52] = true, [53] = true, [54] = true, [61] = true, [62] = true,
        [63] = true, [64] = true, [65] = true, [71] = true, [81] = true, [82] = true,
    };
    return known[number / 10000];
}

enum region_class region_classify(const char *code)
{
    static const int country = 100000;
    int number = number_of(code);
    if (number < 0)
        return REGION_NEVER;
    if (number / 10000 != FIRST_CODE / 10000)
        return number == country || is_province(number) ? REGION_ELSEWHERE : REGION_NEVER;
    const struct ident_region_info *info = find(code);
    if (!info)
        return REGION_NEVER;
    return info->state == REGION_ABOLISHED ? REGION_GONE : REGION_HERE;
}

void ident_region(struct bytes input, struct ident_result *out)
{
    *out = (struct ident_result){.kind = IDENT_REGION};
    struct fold fold;
    bool short_enough = fold_value(input, &fold);
    if (fold.changed)
        result_add(out, ERR_REGION_FOLDED, IDENT_VALID);
    if (!short_enough || fold.n != REGION_DIGITS || number_of(fold.text) < 0) {
        result_add(out, ERR_REGION_FORM, IDENT_INVALID);
        return;
    }
    result_normal(out, fold.text, fold.n);
    enum region_class class = region_classify(fold.text);
    if (class == REGION_NEVER)
        result_add(out, ERR_REGION_UNKNOWN, IDENT_INVALID);
    else if (class == REGION_GONE)
        result_add(out, ERR_REGION_ABOLISHED, IDENT_VALID);
}
