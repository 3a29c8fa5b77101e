/* XML in a partner's charset and back: known characters, what a charset lacks, and every name of the real registrations
 * as a peer reads it that is strict about what was declared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "charset/charset.h"

#define ROOM (1u << 20)

static struct err err;

static struct bytes hex(const char *digits)
{
    static uint8_t out[256];
    size_t n = strlen(digits) / 2;
    assert_true(hex_decode(digits, out, n));
    return bytes_of(out, n);
}

/* What is written behind the declaration, as hex digits; the code of the error when it is refused. */
static const char *written(enum charset to, bool references, const char *xml)
{
    static char out[512];
    struct buf made;
    buf_init(&made, ROOM);
    err = (struct err){0};
    if (charset_write(to, references, bytes_str(xml), &made, &err)) {
        const uint8_t *end = memchr(made.p, '>', made.n);
        assert_memory_equal(made.p, "<?xml version=\"1.0\" encoding=\"GB", 32);
        hex_encode(end + 1, made.n - (size_t)(end + 1 - made.p), out);
    } else {
        snprintf(out, sizeof(out), "%s", err_info(err.code)->code);
    }
    buf_free(&made);
    return out;
}

static const char *text_hex(const char *text)
{
    static char out[512];
    return hex_encode((const uint8_t *)text, strlen(text), out);
}

static const char *read_back(enum charset from, struct bytes in)
{
    static char out[512];
    struct buf made;
    buf_init(&made, sizeof(out) - 1);
    err = (struct err){0};
    bool ok = charset_read(from, in, &made, &err);
    snprintf(out, sizeof(out), "%s", ok ? (const char *)made.p : err_info(err.code)->code);
    buf_free(&made);
    return out;
}

static void names_are_read(void **state)
{
    enum charset charset;
    (void)state;
    assert_true(charset_parse("GB2312", &charset));
    assert_int_equal(charset, CHARSET_GB2312);
    assert_true(charset_parse("utf-8", &charset));
    assert_int_equal(charset, CHARSET_UTF_8);
    assert_false(charset_parse("big5", &charset));
    assert_false(charset_parse("", &charset));
}

static void known_characters_have_their_bytes(void **state)
{
    (void)state;
    assert_string_equal(written(CHARSET_GB18030, true, "山西杏花村汾酒厂股份有限公司"),
                        "c9bdcef7d0d3bba8b4e5b7dabec6b3a7b9c9b7ddd3d0cfdeb9abcbbe");
    assert_string_equal(written(CHARSET_GB18030, false, "𠮷"), "9534b235");
    assert_string_equal(written(CHARSET_GB18030, false, "䶮"), "fe9f");
    assert_string_equal(written(CHARSET_GB18030, false, "€"), "a2e3");
}

static void what_a_charset_lacks_becomes_a_reference_or_is_refused(void **state)
{
    char want[64];
    (void)state;
    snprintf(want, sizeof(want), "%s", text_hex("&#x20BB7;"));
    assert_string_equal(written(CHARSET_GBK, true, "𠮷"), want);
    assert_string_equal(written(CHARSET_GBK, false, "𠮷"), "schema.unmappable");
    snprintf(want, sizeof(want), "%s", text_hex("&#x6607;"));
    assert_string_equal(written(CHARSET_GB2312, true, "昇"), want);
    assert_string_equal(written(CHARSET_GB2312, false, "昇"), "schema.unmappable");
    assert_string_equal(written(CHARSET_GBK, false, "昇"), "954e");
    /* in GB18030's bytes, but not GBK's own */
    assert_string_equal(written(CHARSET_GBK, false, "€"), "schema.unmappable");
    /* A1AA: a dash there, a bar here */
    assert_string_equal(written(CHARSET_GB2312, false, "—"), "schema.unmappable");
    /* moved between the editions of GB18030 */
    assert_string_equal(written(CHARSET_GB18030, false, "龴"), "schema.unmappable");
}

static void references_stand_only_where_xml_reads_them(void **state)
{
    static const char *const good[] = {"<a>昇</a>",           "<a b='>昇'/>",           "<a b=\"'昇\"/>",
                                       "<!-- x --><a>昇</a>", "<a><![CDATA[>]]>昇</a>", "<?x?><a>昇</a>"};
    static const char *const bad[] = {"<昇/>",    "<a 昇='1'/>", "<!-- 昇 -->", "<a><![CDATA[x>昇]]></a>",
                                      "<?x 昇?>", "<!昇>"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        if (!strstr(written(CHARSET_GB2312, true, good[i]), text_hex("&#x6607;")))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (strcmp(written(CHARSET_GB2312, true, bad[i]), "schema.unmappable") != 0)
            fail_msg("%s", bad[i]);
}

static void the_declaration_follows_the_charset(void **state)
{
    struct buf made;
    (void)state;
    buf_init(&made, ROOM);
    err = (struct err){0};
    struct bytes in = BYTES_LIT("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a/>");
    assert_true(charset_write(CHARSET_GB2312, true, in, &made, &err));
    assert_string_equal(made.p, "<?xml version=\"1.0\" encoding=\"GB2312\"?>\n<a/>");
    buf_reset(&made);
    assert_true(charset_write(CHARSET_UTF_8, false, in, &made, &err));
    assert_true(bytes_equal(buf_bytes(&made), in));
    buf_free(&made);
}

static void whatever_is_declared_is_read_as_gb18030(void **state)
{
    (void)state;
    for (enum charset from = CHARSET_GB18030; from <= CHARSET_GB2312; from++) {
        assert_string_equal(read_back(from, hex("9534b235fe9fa2e3c9bd")), "𠮷䶮€山");
        assert_string_equal(read_back(from, BYTES_LIT("<?xml version='1.0' encoding='GB2312'?><a>\x95\x4e</a>")),
                            "<a>昇</a>");
        assert_string_equal(read_back(from, BYTES_LIT("<?xml-stylesheet?><a/>")), "<?xml-stylesheet?><a/>");
        assert_string_equal(read_back(from, BYTES_LIT("\x81")), "schema.encoding");
        assert_string_equal(read_back(from, BYTES_LIT("ab\xff")), "schema.encoding");
    }
    assert_string_equal(read_back(CHARSET_UTF_8, BYTES_LIT("<?xml version='1.0'?>\xff")), "<?xml version='1.0'?>\xff");
}

static void what_is_no_utf_8_is_not_written(void **state)
{
    static const char *const bad[] = {
        "\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe6\x98", "\xf9\x80\x80\x80", "\xff"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_string_equal(written(CHARSET_GB18030, true, bad[i]), "schema.encoding");
}

static void too_small_a_room_is_told(void **state)
{
    struct buf made;
    (void)state;
    buf_init(&made, 64);
    assert_false(charset_write(CHARSET_GBK, true, BYTES_LIT("<a>0123456789012345678901234567</a>"), &made, &err));
    assert_int_equal(err.code, ERR_MESSAGE_TOO_LARGE);
    buf_free(&made);
}

/* ---- real names ---------------------------------------------------------------------------------------------- */

/* A peer that believes the declaration: the C library's own table of that set, then the references. */
static bool strict_peer_reads(iconv_t table, struct bytes in, const char *name)
{
    char text[1024], plain[1024], *from = (char *)(uintptr_t)in.p, *to = text;
    size_t from_n = in.n, to_n = sizeof(text) - 1, n = 0;
    iconv(table, NULL, NULL, NULL, NULL);
    if (iconv(table, &from, &from_n, &to, &to_n) != 0)
        return false;
    *to = '\0';
    for (const char *at = strchr(text, '>') + 1; *at;) {
        unsigned long c = strncmp(at, "&#x", 3) == 0 ? strtoul(at + 3, (char **)&at, 16) : 0;
        if (c == 0) {
            plain[n++] = *at++;
            continue;
        }
        at++;
        plain[n++] = (char)(0xe0 | c >> 12); /* all of them have three bytes */
        plain[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        plain[n++] = (char)(0x80 | (c & 0x3f));
    }
    plain[n] = '\0';
    return strcmp(plain, name) == 0;
}

/* The next name of the registrations; false at the end. */
static bool next_name(FILE *file, char name[512])
{
    char line[1024];
    if (!fgets(line, sizeof(line), file))
        return false;
    char *at = strchr(line, '\t') + 1;
    snprintf(name, 512, "%.*s", (int)strcspn(at, "\t"), at);
    return true;
}

static unsigned names_that_do_not_fit(enum charset to, const char *table)
{
    FILE *file = fopen(SHARED_VECTORS "/registrations/shanxi.tsv", "r");
    iconv_t strict = iconv_open("UTF-8", table), wide = iconv_open("UTF-8", "GB18030");
    struct buf plain, made;
    char name[512];
    unsigned misfits = 0, n = 0;
    assert_non_null(file);
    buf_init(&plain, ROOM);
    buf_init(&made, ROOM);
    while (next_name(file, name)) {
        buf_reset(&plain);
        buf_reset(&made);
        misfits += !charset_write(to, false, bytes_str(name), &plain, &err);
        assert_true(charset_write(to, true, bytes_str(name), &made, &err));
        if (!strict_peer_reads(strict, buf_bytes(&made), name) || !strict_peer_reads(wide, buf_bytes(&made), name))
            fail_msg("%s", name);
        n++;
    }
    assert_true(n > 16000);
    buf_free(&plain);
    buf_free(&made);
    iconv_close(strict);
    iconv_close(wide);
    fclose(file);
    return misfits;
}

static void every_real_name_arrives_intact(void **state)
{
    (void)state;
    if (access(SHARED_VECTORS "/registrations/shanxi.tsv", R_OK) != 0)
        skip();
    assert_int_equal(names_that_do_not_fit(CHARSET_GB2312, "EUC-CN"), 32);
    assert_int_equal(names_that_do_not_fit(CHARSET_GBK, "GBK"), 0);
    assert_int_equal(names_that_do_not_fit(CHARSET_GB18030, "GB18030"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read),
        cmocka_unit_test(known_characters_have_their_bytes),
        cmocka_unit_test(what_a_charset_lacks_becomes_a_reference_or_is_refused),
        cmocka_unit_test(references_stand_only_where_xml_reads_them),
        cmocka_unit_test(the_declaration_follows_the_charset),
        cmocka_unit_test(whatever_is_declared_is_read_as_gb18030),
        cmocka_unit_test(what_is_no_utf_8_is_not_written),
        cmocka_unit_test(too_small_a_room_is_told),
        cmocka_unit_test(every_real_name_arrives_intact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
