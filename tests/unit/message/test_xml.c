/* What is refused before or while XML is read, each with its code, and how fast. */
#include <dirent.h>
#include <time.h>

#include "fixture.h"

#define GOOD XML_MESSAGE("echo", "<Text>x</Text>")

static struct catalog *catalog;

static const char *xml(const char *text)
{
    return verdict(catalog, MESSAGE_XML, bytes_str(text));
}

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static size_t attack(const char *folder)
{
    size_t n = 0;
    DIR *files = opendir(folder);
    if (!files) {
        print_message("skipped: no vectors (0 of %s)\n", folder);
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(files));) {
        char path[512];
        size_t size;
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".xml") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        char *text = read_file(path, &size);
        double before = cpu_ms();
        const char *found = verdict(catalog, MESSAGE_XML, bytes_of(text, size));
        assert_true(cpu_ms() - before < 20);
        if (strstr(text, "<!DOCTYPE") ? strncmp(found, "schema.doctype ", 15) != 0 : !*found)
            fail_msg("%s: %s", path, found);
        free(text);
        n++;
    }
    closedir(files);
    return n;
}

static void attacks_are_refused_in_milliseconds(void **state)
{
    (void)state;
    size_t n = attack(SHARED_VECTORS "/xml-attacks") + attack(SHARED_VECTORS "/xml-attacks/recurse");
    print_message("%zu documents\n", n);
}

static void a_doctype_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    assert_string_equal(xml("<!DOCTYPE Message>" GOOD), "schema.doctype 1:1");
    assert_string_equal(xml("<?xml version=\"1.0\"?>\n <!DOCTYPE Message [<!ENTITY a \"b\">]>" GOOD),
                        "schema.doctype 2:2");
    assert_string_equal(xml("<!-- x --><!doctype Message>" GOOD), "schema.doctype 1:11");
    assert_string_equal(xml(GOOD "\n<!DOCTYPE Message>"), "schema.doctype 2:1");
    assert_string_equal(xml("<!-- <!DOCTYPE Message> -->" GOOD), "");
}

static void bytes_that_are_not_plain_utf8(void **state)
{
    (void)state;
    static const char utf16[] = "<\0M\0/\0>", nul[] = "<Message>\0</Message>";
    assert_string_equal(xml(GOOD), "");
    assert_string_equal(xml("<?xml version='1.0' encoding='UTF-8' standalone='yes'?>" GOOD), "");
    assert_string_equal(xml("\xef\xbb\xbf" GOOD), "schema.encoding 1:1");
    assert_string_equal(xml("\xff\xfe<"), "schema.encoding 1:1");
    assert_string_equal(verdict(catalog, MESSAGE_XML, bytes_of(utf16, 8)), "schema.encoding 1:2");
    assert_string_equal(verdict(catalog, MESSAGE_XML, bytes_of(nul, sizeof nul - 1)), "message.malformed 1:10");
    assert_string_equal(xml(XML_MESSAGE("echo", "<Text>\xd0\xd5</Text>")), "schema.encoding ");
    assert_string_equal(xml("<?xml version=\"1.0\" encoding=\"GB18030\"?>" GOOD), "schema.encoding 1:1");
    assert_string_equal(xml("<?xml version='1.0' encoding = 'utf-16'?>" GOOD), "schema.encoding 1:1");
    assert_string_equal(xml("<?xml version=\"1.1\"?>" GOOD), "message.malformed 1:1");
}

static void things_of_xml_that_messages_have_no_use_for(void **state)
{
    (void)state;
    assert_string_equal(xml("<?xml-stylesheet href=\"x\"?>" GOOD), "message.malformed 1:1");
    assert_string_equal(xml(XML_MESSAGE("echo", "\n<?php 1 ?><Text>x</Text>")), "message.malformed 2:1");
    assert_string_equal(xml(" <?xml version=\"1.0\"?>" GOOD), "message.malformed 1:2");
    assert_string_equal(xml(XML_MESSAGE("echo", "<Text>&x;</Text>")), "message.malformed 1");
    assert_string_equal(xml(XML_MESSAGE("echo", "<Text>&#0;</Text>")), "message.malformed 1");
    assert_string_equal(xml(XML_MESSAGE("echo", "<Text>&amp;&lt;&gt;&quot;&apos;&#x4e2d;</Text>")), "");
    assert_string_equal(xml(XML_MESSAGE("echo", "<a:Text>x</a:Text>")), "message.malformed 1");
    assert_string_equal(xml(""), "message.malformed ");
    assert_string_equal(xml("  \n"), "message.malformed 2");
    assert_string_equal(xml("{}"), "message.malformed 1");
    assert_string_equal(xml(GOOD "<Message/>"), "message.malformed 1");
    assert_string_equal(xml(GOOD "text"), "message.malformed 1");
}

static void every_truncation_is_malformed(void **state)
{
    (void)state;
    static const char text[] = "<?xml version=\"1.0\"?>" GOOD;
    for (size_t n = 0; n + 1 < sizeof text; n++)
        if (strncmp(verdict(catalog, MESSAGE_XML, bytes_of(text, n)), "message.malformed", 17) != 0)
            fail_msg("%zu bytes", n);
    assert_string_equal(xml(text), "");
}

/* The text in memory of its own: `head`, `n` times `part`, `tail`. */
static char *repeat(const char *head, const char *part, size_t n, const char *tail)
{
    size_t size = strlen(part);
    char *text = malloc(strlen(head) + n * size + strlen(tail) + 1), *end = stpcpy(text, head);
    for (size_t i = 0; i < n; i++, end += size)
        memcpy(end, part, size);
    strcpy(end, tail);
    return text;
}

static void bombs_are_refused_in_milliseconds(void **state)
{
    (void)state;
    struct {
        const char *head, *part;
        size_t n;
        const char *tail, *code;
    } bombs[] = {
        {"", "<a>", 1000000, "", "message.malformed 1:99"},
        {"<a>", "<b/>", 1000000, "</a>", "message.too_large"},
        {"<a>", "<!---->", 500000, "</a>", "message.too_large"},
        {"<a>", "x<![CDATA[]]>", 300000, "</a>", "message.too_large"},
        {"<a ", "b='' ", 800000, "/>", "message.malformed 1:86"},
        {"<a ", "xmlns:b='' ", 300000, "/>", "message.malformed"},
        {"<", "a", 4000000, "/>", "message.malformed"},
        {"<a>", "&#48;", 4u << 20, "</a>", "message.too_large"},
        {"<a>", "a", 4u << 20, "</a>", "message.too_large"},
    };
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++) {
        char *text = repeat(bombs[i].head, bombs[i].part, bombs[i].n, bombs[i].tail);
        double before = cpu_ms();
        const char *found = xml(text);
        double took = cpu_ms() - before;
        if (strncmp(found, bombs[i].code, strlen(bombs[i].code)) != 0 || took > 300)
            fail_msg("bomb %zu: %s in %.0f ms", i, found, took);
        free(text);
    }
}

/* Well-formed and within the limits, but made so that telling what is wrong could cost a look at everything each time.
 */
static void faults_by_the_hundred_thousand(void **state)
{
    (void)state;
#define HEAD "<Message xmlns='" MESSAGE_NAMESPACE "'>" ENVELOPE_XML("enterprise.update")
#define JSON_HEAD "{\"envelope\":" ENVELOPE_JSON("enterprise.update") ",\"body\":{\"rows\":["
    struct {
        enum message_form form;
        const char *head, *part;
        size_t n;
        const char *tail;
    } cases[] = {
        {MESSAGE_XML, HEAD "<Body><Row><Uscc>", "x<!---->", 190000, "</Uscc></Row></Body></Message>"},
        {MESSAGE_XML, HEAD "<Body><Row><Uscc>", "<![CDATA[x]]>y", 190000, "</Uscc></Row></Body></Message>"},
        {MESSAGE_XML, HEAD "<Body a=''>", "<Row a=''/>", 350000, "</Body></Message>"},
        {MESSAGE_XML, HEAD "<Body>", "<X/>", 390000, "</Body></Message>"},
        {MESSAGE_XML, HEAD "<Body>", "<Row/><X/>", 190000, "</Body></Message>"},
        {MESSAGE_XML, HEAD "<Body>", "<Row><Uscc/></Row>", 9999, "</Body></Message>"},
        {MESSAGE_XML, HEAD "<Body><Row><Uscc>", "&#48;", 800000, "</Uscc></Row></Body></Message>"},
        {MESSAGE_JSON, JSON_HEAD "null", ",null", 390000, "]}}"},
        {MESSAGE_JSON, JSON_HEAD "{\"uscc\":\"\"}", ",{\"uscc\":\"\"}", 9999, "]}}"},
        {MESSAGE_JSON, JSON_HEAD "{}", ",{}", 190000, "]}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = repeat(cases[i].head, cases[i].part, cases[i].n, cases[i].tail);
        double before = cpu_ms();
        struct err errors[32];
        struct message *message = NULL;
        size_t n = 0;
        assert_true(
            (cases[i].form == MESSAGE_XML ? message_read_xml : message_read_json)(bytes_str(text), &message, errors));
        assert_false(message_validate(catalog, message, errors, 32, &n));
        assert_true(n > 0);
        message_free(&message);
        double took = cpu_ms() - before;
        if (took > 2000)
            fail_msg("case %zu: %.0f ms", i, took);
        free(text);
    }
}

static void a_json_bomb_too(void **state)
{
    (void)state;
    char *text = repeat("[", "0,", 1000000, "0]");
    assert_string_equal(verdict(catalog, MESSAGE_JSON, bytes_str(text)), "message.too_large ");
    free(text);
    text = repeat("", "[", 1000000, "");
    assert_int_equal(strncmp(verdict(catalog, MESSAGE_JSON, bytes_str(text)), "message.", 8), 0);
    free(text);
    assert_string_equal(verdict(catalog, MESSAGE_JSON, BYTES_LIT("\xef\xbb\xbf{}")), "schema.encoding 1:1");
}

static int set_up(void **state)
{
    (void)state;
    catalog = load_catalog(SCHEMAS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_free(&catalog);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attacks_are_refused_in_milliseconds),
        cmocka_unit_test(a_doctype_is_refused_wherever_it_stands),
        cmocka_unit_test(bytes_that_are_not_plain_utf8),
        cmocka_unit_test(things_of_xml_that_messages_have_no_use_for),
        cmocka_unit_test(every_truncation_is_malformed),
        cmocka_unit_test(bombs_are_refused_in_milliseconds),
        cmocka_unit_test(faults_by_the_hundred_thousand),
        cmocka_unit_test(a_json_bomb_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
