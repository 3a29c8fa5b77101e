/* What an error says, in Chinese: the table itself, looking it up, printing with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/base.h"
#include "base/phrase.h"

static const struct pair {
    const char *en, *zh;
} pairs[] = {
#define PHRASE(en, zh) {en, zh},
#include "base/phrase.def"
#undef PHRASE
};
static const size_t pair_n = sizeof(pairs) / sizeof(pairs[0]);

/* The next conversion of a format, as it is written; empty at the end. */
static struct bytes conversion(const char **p)
{
    while ((*p = strchr(*p, '%')) != NULL) {
        const char *start = (*p)++;
        if (**p == '%') {
            (*p)++;
            continue;
        }
        *p += strspn(*p, "-+ #0123456789.*lz");
        if (!strchr("csdiuxX", **p) || **p == '\0')
            continue;
        (*p)++;
        return bytes_of(start, (size_t)(*p - start));
    }
    return (struct bytes){NULL, 0};
}

static void both_languages_take_the_same_arguments(void **state)
{
    (void)state;
    for (size_t i = 0; i < pair_n; i++) {
        const char *en = pairs[i].en, *zh = pairs[i].zh;
        struct bytes one, other;
        assert_true(utf8_valid(bytes_str(zh)) && zh[0] != '\0');
        do {
            one = conversion(&en);
            other = conversion(&zh);
            if (!bytes_equal(one, other))
                fail_msg("%s\n%s", pairs[i].en, pairs[i].zh);
        } while (one.n > 0);
    }
}

static void every_phrase_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < pair_n; i++)
        assert_string_equal(phrase_find(pairs[i].en), pairs[i].zh);
    assert_null(phrase_find("no sentence of ours"));
    assert_null(phrase_find(""));
    assert_string_equal(err_phrase("the member is missing"), "缺少该成员");
    assert_string_equal(err_phrase("no sentence of ours"), "no sentence of ours");
}

static void chinese_is_said_in_chinese(void **state)
{
    (void)state;
    struct err err = {0};
    char text[256];
    err_set(&err, ERR_SENDER_ROLE, NULL, "one of %s is needed", "approver");
    assert_string_equal(err_text(&err, false, text, sizeof(text)),
                        "the role of this partner does not allow this: one of approver is needed");
    assert_string_equal(err_text(&err, true, text, sizeof(text)), "该机构的角色不允许此操作：需要以下角色之一：approver");
}

static void without_an_entry_both_say_the_same(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_IO, NULL, "%d gremlins", 3);
    assert_string_equal(err_detail(&err, true), "3 gremlins");
    err_set(&err, ERR_IO, NULL, "%5.1f percent", 2.5);
    assert_string_equal(err_detail(&err, true), "  2.5 percent");
    err_set(&err, ERR_IO, NULL, "%05d", 42);
    assert_string_equal(err_detail(&err, true), "00042");
    err_set(&err, ERR_IO, NULL, "%s", "");
    assert_string_equal(err_detail(&err, true), "");
}

static void numbers_are_printed_as_in_english(void **state)
{
    (void)state;
    struct err err = {0};
    const long long least = INT64_MIN;
    const unsigned long long most = UINT64_MAX;
    err_set(&err, ERR_IO, NULL, "a %d %u %x %c %lld %llu %zu %" PRId64 " %.3d %%", INT32_MIN, UINT32_MAX, 0xfeu, 'z',
            least, most, SIZE_MAX, INT64_MAX, 7);
    assert_string_equal(err.detail_zh, err.detail);
    err_set(&err, ERR_HTTP_QUERY, NULL, "a number from %llu to %llu is expected", 1ULL, most);
    assert_string_equal(err.detail_zh, "应为 1 至 18446744073709551615 之间的数");
}

static void a_sentence_among_the_arguments_is_put_in_chinese(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_SCHEMA_INVALID, NULL, "%s", "the member is missing");
    assert_string_equal(err.detail_zh, "缺少该成员");
    err_set(&err, ERR_FIRM_STATE, NULL, "%s (%s)", "no certification is in force", "removed");
    assert_string_equal(err.detail_zh, "没有有效的认定（removed）");
    assert_string_equal(err.detail, "no certification is in force (removed)");
}

static void a_name_stays_a_name(void **state)
{
    (void)state;
    struct err err = {0};
    assert_non_null(phrase_find("open"));
    err_set(&err, ERR_PARTNER_UNKNOWN, NULL, "%s", "open");
    assert_string_equal(err.detail_zh, "open");
}

static void text_without_an_end_is_not_read_beyond_its_length(void **state)
{
    (void)state;
    struct err err = {0};
    const char bytes[] = {'t', 'h', 'e', ' ', 'x'};
    err_set(&err, ERR_IO, NULL, "%.*s", (int)sizeof(bytes), bytes);
    assert_string_equal(err.detail_zh, "the x");
}

static void a_cut_argument_keeps_whole_characters(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_IO, NULL, "key %s", "汾");
    assert_string_equal(err.detail_zh, "键 汾");
    err_set(&err, ERR_IO, NULL, "not an adapter's name: %.64s", "汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾");
    assert_string_equal(err.detail_zh, "不是适配器名称：汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾汾");
}

static void context_and_errno_speak_chinese(void **state)
{
    (void)state;
    struct err err = {0};
    errno = ENOENT;
    err_errno(&err, ERR_IO, "/x", "open");
    assert_string_equal(err.detail_zh, "打开：No such file or directory");
    err_context(&err, "record %llu", 7ULL);
    assert_string_equal(err.detail, "record 7: open: No such file or directory");
    assert_string_equal(err.detail_zh, "记录 7：打开：No such file or directory");
}

static void own_detail_keeps_its_chinese(void **state)
{
    (void)state;
    struct err err = {0}, other = {0};
    err_set(&err, ERR_IO, NULL, "more than %d files", 9);
    err_set(&err, ERR_IO, NULL, "certificate %s", err.detail);
    assert_string_equal(err.detail_zh, "证书 超过 9 个文件");
    err_set_both(&other, ERR_INTERNAL, "here", err_detail(&err, false), err_detail(&err, true));
    assert_string_equal(other.detail_zh, "证书 超过 9 个文件");
    assert_string_equal(other.place, "here");
}

/* What hides the English hides the Chinese, and an error filled by hand has one text for both. */
static void the_english_decides(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_STORE_CORRUPT, NULL, "signing key");
    err.detail[0] = '\0';
    assert_string_equal(err_detail(&err, true), "");
    struct err by_hand = {.code = ERR_IO, .detail = "seen"};
    assert_string_equal(err_detail(&by_hand, true), "seen");
}

static void long_chinese_is_cut_between_characters(void **state)
{
    (void)state;
    struct err err = {0};
    char name[400];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    for (size_t n = 280; n < 330; n++) {
        err_set(&err, ERR_IO, NULL, "%.*s", (int)n, name);
        err_context(&err, "it cannot be made in %s: %s", "/a", "b");
        assert_true(utf8_valid(bytes_str(err.detail_zh)));
        assert_true(strlen(err.detail_zh) < sizeof(err.detail_zh));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_languages_take_the_same_arguments),
        cmocka_unit_test(every_phrase_is_found),
        cmocka_unit_test(chinese_is_said_in_chinese),
        cmocka_unit_test(without_an_entry_both_say_the_same),
        cmocka_unit_test(numbers_are_printed_as_in_english),
        cmocka_unit_test(a_sentence_among_the_arguments_is_put_in_chinese),
        cmocka_unit_test(a_name_stays_a_name),
        cmocka_unit_test(text_without_an_end_is_not_read_beyond_its_length),
        cmocka_unit_test(a_cut_argument_keeps_whole_characters),
        cmocka_unit_test(context_and_errno_speak_chinese),
        cmocka_unit_test(own_detail_keeps_its_chinese),
        cmocka_unit_test(the_english_decides),
        cmocka_unit_test(long_chinese_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
