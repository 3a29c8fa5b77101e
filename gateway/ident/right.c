/* Numbers of intellectual property rights: patents by CNIPA ZC 0006-2003 and the form before it, trademarks, and
 * international (Madrid) registrations. */
#include "ident/ident.h"

#include <string.h>

#include "ident/internal.h"

enum {
    PATENT_DIGITS = 12, /* year, type, serial number; the check digit follows */
    PATENT_TYPE_AT = 4,
    OLD_PATENT_DIGITS = 8, /* before October 2003: year of two digits */
    OLD_PATENT_TYPE_AT = 2,
    TRADEMARK_DIGITS_MAX = 8
};

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* Takes ZL or CN off the front and the point before the check digit out. */
static void strip_patent(struct fold *fold)
{
    if (strncmp(fold->text, "ZL", 2) == 0 || strncmp(fold->text, "CN", 2) == 0) {
        fold->n -= 2;
        memmove(fold->text, fold->text + 2, fold->n + 1);
        fold->changed = true;
    }
    if (fold->n > 2 && fold->text[fold->n - 2] == '.') {
        /* the usual spelling, no correction */
        fold->text[fold->n - 2] = fold->text[fold->n - 1];
        fold->text[--fold->n] = '\0';
    }
}

/* Weights 2 to 9 and again from 2, modulo 11 with X for ten. */
static char patent_check(const char *digits, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (unsigned)(digits[i] - '0') * (unsigned)(i % 8 + 2);
    return "0123456789X"[sum % 11];
}

static bool is_patent_form(const struct fold *fold, size_t digits)
{
    return fold->n == digits + 1 && (count_digits(fold->text) == digits + 1 ||
                                     (count_digits(fold->text) == digits && fold->text[digits] == 'X'));
}

void ident_patent(struct bytes input, struct ident_result *out)
{
    *out = (struct ident_result){.kind = IDENT_PATENT};
    struct fold fold;
    bool short_enough = fold_value(input, &fold);
    strip_patent(&fold);
    if (fold.changed)
        result_add(out, ERR_PATENT_FOLDED, IDENT_VALID);
    bool old = is_patent_form(&fold, OLD_PATENT_DIGITS);
    if (!short_enough || (!old && !is_patent_form(&fold, PATENT_DIGITS))) {
        result_add(out, ERR_PATENT_FORM, IDENT_INVALID);
        return;
    }
    result_normal(out, fold.text, fold.n);
    size_t digits = fold.n - 1;
    if (!strchr("12389", fold.text[old ? OLD_PATENT_TYPE_AT : PATENT_TYPE_AT]))
        result_add(out, ERR_PATENT_TYPE, IDENT_INVALID);
    if (fold.text[digits] != patent_check(fold.text, digits))
        result_add(out, ERR_PATENT_CHECK, IDENT_INVALID);
}

void ident_trademark(struct bytes input, struct ident_result *out)
{
    *out = (struct ident_result){.kind = IDENT_TRADEMARK};
    struct fold fold;
    bool short_enough = fold_value(input, &fold);
    if (fold.changed)
        result_add(out, ERR_TRADEMARK_FOLDED, IDENT_VALID);
    const char *number = fold.text + (fold.text[0] == 'G');
    size_t digits = count_digits(number);
    const char *end = number + digits;
    end += *end >= 'A' && *end <= 'Z';
    bool zero = strspn(number, "0") == digits;
    if (!short_enough || zero || digits > TRADEMARK_DIGITS_MAX || end != fold.text + fold.n) {
        result_add(out, ERR_TRADEMARK_FORM, IDENT_INVALID);
        return;
    }
    result_normal(out, fold.text, fold.n);
}
