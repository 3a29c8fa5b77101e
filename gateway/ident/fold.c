/* How values are folded before they are judged: width, case and spaces, as spreadsheets and typing leave them. */
#include "ident/internal.h"

#include <string.h>

bool fold_is_space(uint32_t c)
{
    return c == ' ' || c == '\t' || c == 0xA0 || c == 0x3000;
}

uint32_t fold_width(uint32_t c)
{
    return c >= 0xFF01 && c <= 0xFF5E ? c - 0xFF01 + '!' : c;
}

static uint32_t upper(uint32_t c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

bool fold_value(struct bytes input, struct fold *out)
{
    out->n = 0;
    out->changed = false;
    out->text[0] = '\0';
    if (input.n > IDENT_INPUT_MAX)
        return false;
    while (input.n > 0) {
        uint32_t c = 0;
        size_t length = utf8_next(input, &c);
        input = bytes_of(input.p + (length ? length : 1), input.n - (length ? length : 1));
        if (length > 0 && fold_is_space(c)) {
            out->changed = true;
            continue;
        }
        uint32_t folded = upper(fold_width(c));
        bool foreign = length == 0 || folded <= ' ' || folded >= 0x7F;
        out->changed |= !foreign && folded != c;
        out->text[out->n++] = foreign ? FOLD_FOREIGN : (char)folded;
    }
    out->text[out->n] = '\0';
    return true;
}

static uint32_t fold_bracket(uint32_t c)
{
    switch (c) {
    case '[':
    case '{':
    case 0x3010: /* 【 */
    case 0x3014: /* 〔 */
    case 0x3016: /* 〖 */
    case 0xFE59: /* ﹙ */
    case 0xFE5D: /* ﹝ */
        return '(';
    case ']':
    case '}':
    case 0x3011:
    case 0x3015:
    case 0x3017:
    case 0xFE5A:
    case 0xFE5E:
        return ')';
    default:
        return c;
    }
}

/* White space and marks without width, as pasted text carries them. */
static bool is_blank(uint32_t c)
{
    return fold_is_space(c) || (c >= '\n' && c <= '\r') || c == 0x85 || (c >= 0x2000 && c <= 0x200F) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x2060 || c == 0xFEFF;
}

bool ident_name_fold(struct bytes name, char *out, size_t size)
{
    size_t n = 0;
    while (name.n > 0) {
        uint32_t c;
        size_t length = utf8_next(name, &c);
        if (length == 0)
            return false;
        uint32_t folded = fold_bracket(upper(fold_width(c)));
        size_t width = is_blank(c) ? 0 : folded < 0x80 ? 1 : length;
        if (n + width >= size)
            return false;
        if (folded < 0x80)
            out[n] = (char)folded;
        else
            memcpy(out + n, name.p, width);
        n += width;
        name = bytes_of(name.p + length, name.n - length);
    }
    if (size == 0)
        return false;
    out[n] = '\0';
    return true;
}
