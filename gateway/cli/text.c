/* Text on a terminal: how wide it is, what must not reach it, what people read instead of names. */
#include <string.h>

#include "cli/internal.h"

struct range {
    uint32_t first, last;
};

/* Unicode TR 11: W and F; and characters that take no column of their own. Both in order. */
static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},   {0x25FD, 0x25FE},
    {0x2614, 0x2615},   {0x26AA, 0x26AB},   {0x2705, 0x2705},   {0x274C, 0x274C},   {0x2753, 0x2755},
    {0x2795, 0x2797},   {0x2B1B, 0x2B1C},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},
    {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18DFF}, {0x1AFF0, 0x1B2FF},
    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};
static const struct range none[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2064}, {0x2066, 0x206F}, {0x20D0, 0x20F0},
    {0x302A, 0x302D}, {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF},
};

static bool within(uint32_t c, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n && ranges[i].first <= c; i++) {
        if (c <= ranges[i].last)
            return true;
    }
    return false;
}

size_t cli_width(const char *text)
{
    struct bytes left = bytes_str(text);
    size_t columns = 0;
    while (left.n > 0) {
        uint32_t c = 0;
        size_t n = utf8_next(left, &c);
        if (n == 0 || !within(c, none, sizeof none / sizeof none[0]))
            columns += n > 0 && within(c, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
        left = bytes_of(left.p + (n ? n : 1), left.n - (n ? n : 1));
    }
    return columns;
}

/* C0, C1, DEL, and what turns the direction of text around. */
static bool steers(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

static bool harmless(struct bytes left)
{
    while (left.n > 0) {
        uint32_t c = 0;
        size_t n = utf8_next(left, &c);
        if (n == 0 || steers(c))
            return false;
        left = bytes_of(left.p + n, left.n - n);
    }
    return true;
}

const char *cli_clean(struct arena *arena, const char *text)
{
    struct bytes left = bytes_str(text);
    if (harmless(left))
        return text;
    char *out = arena_alloc(arena, left.n + 1), *p = out;
    while (left.n > 0) {
        uint32_t c = 0;
        size_t n = utf8_next(left, &c);
        if (n == 0 || steers(c))
            *p++ = '?';
        else
            p = (char *)memcpy(p, left.p, n) + n;
        left = bytes_of(left.p + (n ? n : 1), left.n - (n ? n : 1));
    }
    return out;
}

/* ---- labels and words ----------------------------------------------------------------------------------- */

static const struct {
    const char *member, *en, *zh;
} labels[] = {
#define LABEL(member, en, zh) {member, en, zh},
#include "cli/word.def"
#undef LABEL
};
static const struct {
    const char *word, *zh;
    enum cli_colour colour;
} words[] = {
#define WORD(word, colour, zh) {word, zh, CLI_##colour},
#include "cli/word.def"
#undef WORD
};

const char *cli_label(const struct cli *cli, const char *member)
{
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        if (strcmp(labels[i].member, member) == 0)
            return cli->zh ? labels[i].zh : labels[i].en;
    }
    return member;
}

const char *cli_word(const struct cli *cli, const char *word)
{
    for (size_t i = 0; cli->zh && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, word) == 0)
            return words[i].zh;
    }
    return word;
}

enum cli_colour cli_word_colour(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, word) == 0)
            return words[i].colour;
    }
    return CLI_PLAIN;
}
