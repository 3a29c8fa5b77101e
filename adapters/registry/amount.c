/* Money as registers write it, to whole fen by moving a decimal point: no step of it rounds what a person wrote. */
#include "registry.h"

#include <string.h>

#define DIGITS_MAX 48
#define SHEET_DIGITS 15 /* what a spreadsheet's number holds for sure; the rest of it is noise */
#define FEN_DIGITS_MAX 16

struct decimal {
    char digits[DIGITS_MAX];
    int n, point; /* digits before the decimal point; may lie outside of them */
    bool fraction;
};

static bool skip(struct gwa_bytes *text, const char *word)
{
    size_t n = strlen(word);

    if (text->n < n || memcmp(text->p, word, n) != 0)
        return false;
    *text = (struct gwa_bytes){text->p + n, text->n - n};
    return true;
}

static void skip_blanks(struct gwa_bytes *text)
{
    while (skip(text, " ") || skip(text, "\xe3\x80\x80") || skip(text, "\xc2\xa0"))
        ;
}

/* ---- digits ---------------------------------------------------------------------------------------------------- */

/* The next digit, ASCII or full-width; -1: none. */
static int take_digit(struct gwa_bytes *text)
{
    int digit = -1;

    if (text->n >= 1 && text->p[0] >= '0' && text->p[0] <= '9') {
        digit = text->p[0] - '0';
        *text = (struct gwa_bytes){text->p + 1, text->n - 1};
    } else if (text->n >= 3 && text->p[0] == 0xef && text->p[1] == 0xbc && text->p[2] >= 0x90 && text->p[2] <= 0x99) {
        digit = text->p[2] - 0x90;
        *text = (struct gwa_bytes){text->p + 3, text->n - 3};
    }
    return digit;
}

/* Leading zeros are not kept. False: more digits than any amount has. */
static bool add_digit(struct decimal *out, int digit)
{
    if (out->n == 0 && digit == 0) {
        out->point -= out->fraction;
        return true;
    }
    if (out->n == DIGITS_MAX)
        return false;
    out->digits[out->n++] = (char)('0' + digit);
    out->point += !out->fraction;
    return true;
}

static bool take_point(struct gwa_bytes *text)
{
    return skip(text, ".") || skip(text, "．");
}

/* 5,000,000.00; thousands are marked between digits only. False: not a number. */
static bool take_number(struct gwa_bytes *text, struct decimal *out)
{
    int digit = take_digit(text);

    if (digit < 0)
        return false;
    while (digit >= 0) {
        if (!add_digit(out, digit))
            return false;
        if (!out->fraction && (skip(text, ",") || skip(text, "，"))) {
            digit = take_digit(text);
            if (digit < 0)
                return false;
            continue;
        }
        if (!out->fraction && take_point(text))
            out->fraction = true;
        digit = take_digit(text);
    }
    return true;
}

/* 1.0E7, as some programs save a large number: exact as long as the mantissa is. */
static bool take_exponent(struct gwa_bytes *text, struct decimal *out)
{
    int digit, value = 0;
    bool down;

    if (!skip(text, "E") && !skip(text, "e"))
        return true;
    down = skip(text, "-");
    if (!down)
        (void)skip(text, "+");
    if ((digit = take_digit(text)) < 0)
        return false;
    for (; digit >= 0 && value < 100; digit = take_digit(text))
        value = value * 10 + digit;
    out->point += down ? -value : value;
    return digit < 0;
}

/* A fraction that is longer than a spreadsheet's number can be is the number beside it: 0.1 saved as
 * 0.10000000000000001. */
static void drop_noise(struct decimal *out)
{
    int i = SHEET_DIGITS;

    if (out->n <= SHEET_DIGITS || out->point >= out->n)
        return;
    bool up = out->digits[SHEET_DIGITS] >= '5';
    out->n = SHEET_DIGITS;
    while (up && i > 0 && out->digits[i - 1] == '9')
        out->digits[--i] = '0';
    if (up && i > 0) {
        out->digits[i - 1]++;
    } else if (up) {
        out->digits[0] = '1'; /* 99…9 became 100…0 */
        out->point++;
    }
}

/* ---- units ------------------------------------------------------------------------------------------------------- */

struct unit {
    const char *word;
    int shift; /* decimal places from the unit to fen */
};

/* -1: a unit that is none of ours; -2: none was written. */
static int unit_of(struct gwa_bytes text)
{
    static const struct unit units[] = {{"亿元", 10}, {"亿", 10}, {"万元", 6}, {"万", 6},
                                        {"元", 2},    {"圆", 2},  {"分", 0}};

    if (text.n == 0)
        return -2;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        struct gwa_bytes rest = text;

        if (!skip(&rest, units[i].word))
            continue;
        (void)(skip(&rest, "人民币") || skip(&rest, "整"));
        skip_blanks(&rest);
        if (rest.n == 0)
            return units[i].shift;
    }
    return -1;
}

static int unit_of_head(const char *head)
{
    if (strstr(head, "亿") != NULL)
        return 10;
    if (strstr(head, "万") != NULL)
        return 6;
    return strstr(head, "fen") != NULL || strstr(head, "分") != NULL ? 0 : 2;
}

static const char *write_fen(const struct decimal *value, char out[24])
{
    int n = 0;

    for (int i = value->point < 0 ? 0 : value->point; i < value->n; i++)
        if (value->digits[i] != '0')
            return "finer than a fen";
    if (value->n > 0 && value->point > FEN_DIGITS_MAX)
        return "larger than any amount";
    for (int i = 0; value->n > 0 && i < value->point; i++)
        out[n++] = i < value->n ? value->digits[i] : '0';
    if (n == 0)
        out[n++] = '0';
    out[n] = '\0';
    return NULL;
}

const char *amount_read(struct gwa_bytes text, const char *head, char out[24])
{
    struct decimal value = {.n = 0};
    int shift;

    while (skip(&text, "人民币") || skip(&text, "RMB") || skip(&text, "CNY") || skip(&text, "￥") || skip(&text, "¥"))
        skip_blanks(&text);
    if (!take_number(&text, &value) || !take_exponent(&text, &value))
        return "not an amount";
    skip_blanks(&text);
    shift = unit_of(text);
    if (shift == -1)
        return "not in yuan, 万元 or 亿元";
    drop_noise(&value);
    value.point += shift == -2 ? unit_of_head(head) : shift;
    return write_fen(&value, out);
}
