/* The folder of schemas: what a kind needs, what is refused with its line, and that threads share it. */
#include <pthread.h>

#include "fixture.h"

static const char *in_dir(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/schemas/%s", dir, name);
    return path;
}

static void fresh_copy(void)
{
    assert_int_equal(run("rm -rf %s/schemas && mkdir %s/schemas && cp %s/* %s/schemas", dir, dir, SCHEMAS, dir), 0);
}

static const char *load_error(void)
{
    static char text[512];
    struct catalog *catalog = NULL;
    struct err err = {0};
    bool ok = catalog_load(in_dir(""), &catalog, &err);
    catalog_free(&catalog);
    if (ok)
        return "";
    snprintf(text, sizeof text, "%s %s", err_info(err.code)->code, err.place);
    return text;
}

/* ---- the list ---------------------------------------------------------------------------------------------- */

static void the_kinds_of_the_contract(void **state)
{
    (void)state;
    static const char *const names[] = {
        "certification.batch", "exclusion.notice", "objection",    "whitelist.change", "whitelist.query",
        "whitelist.statement", "mailbox.pull",     "echo",         "credit.report",    "pledge.registration",
        "guidance.request",    "guidance.answer",  "right.status", "basedata.update",  "policy.document",
        "enterprise.update",   "reconciliation",   "receipt",
    };
    struct catalog *catalog = load_catalog(SCHEMAS);
    struct err err = {0};
    assert_int_equal(catalog_kinds(catalog), sizeof names / sizeof names[0]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct message_kind *kind = catalog_find(catalog, names[i], 1, &err);
        assert_non_null(kind);
        assert_true(kind->inbound || kind->outbound);
        bool asks = strcmp(names[i], "whitelist.query") == 0 || strcmp(names[i], "mailbox.pull") == 0 ||
                    strcmp(names[i], "echo") == 0;
        assert_int_equal(kind->asks, asks);
        if (asks)
            assert_int_equal(kind->max_age_ms, 300000);
    }
    assert_int_equal(catalog_find(catalog, "credit.report", 1, &err)->max_age_ms, 72 * 3600000);
    assert_string_equal(catalog_find(catalog, "exclusion.notice", 1, &err)->roles, "bureau platform");
    assert_null(catalog_find(catalog, "none", 1, &err));
    assert_int_equal(err.code, ERR_SCHEMA_KIND_UNKNOWN);
    assert_null(catalog_find(catalog, "echo", 2, &err));
    assert_int_equal(err.code, ERR_SCHEMA_VERSION_UNKNOWN);
    catalog_free(&catalog);
    assert_null(catalog);
}

/* ---- a kind added by files alone ------------------------------------------------------------------------------ */

#define HEAD                                                                                                           \
    "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns='" MESSAGE_NAMESPACE "'\n"                           \
    " targetNamespace='" MESSAGE_NAMESPACE "' elementFormDefault='qualified'>\n"
#define START                                                                                                          \
    HEAD "<xs:include schemaLocation='common.xsd'/>\n"                                                                 \
         "<xs:element name='Message' type='Message'/>\n"                                                               \
         "<xs:complexType name='Message'><xs:sequence><xs:element name='Envelope' type='Envelope'/>"                   \
         "<xs:element name='Body' type='Body'/></xs:sequence></xs:complexType>\n"
#define BODY(elements)                                                                                                 \
    START "<xs:complexType name='Body'><xs:sequence>\n" elements "</xs:sequence></xs:complexType>\n</xs:schema>\n"
#define NEW_LINE "case.lead,1,in,platform,case.lead-1.xsd,receipt,journal,72h,kept,sender operator,uscc"

static void add_kind(const char *line, const char *xsd)
{
    fresh_copy();
    FILE *file = fopen(in_dir("catalog.csv"), "a");
    fprintf(file, "%s\n", line);
    fclose(file);
    write_file(in_dir("case.lead-1.xsd"), xsd);
}

static void a_kind_is_added_by_files_alone(void **state)
{
    (void)state;
    add_kind(NEW_LINE,
             BODY("<xs:element name='Uscc' type='Uscc'/><xs:element name='Urgent' type='Flag' minOccurs='0'/>\n"
                  "<xs:element name='Near' type='xs:string' minOccurs='0' maxOccurs='unbounded'>"
                  "<xs:annotation><xs:appinfo>near</xs:appinfo></xs:annotation></xs:element>\n"
                  "<xs:element name='NoteZh' type='Text' maxOccurs='unbounded'/>"));
    struct catalog *catalog = load_catalog(in_dir(""));
    static const char json[] =
        JSON_MESSAGE("case.lead", "{\"uscc\":\"u\",\"urgent\":true,\"near\":[\"a\",\"\"],\"notes_zh\":[\"注\"]}");
    static const char xml[] =
        XML_MESSAGE("case.lead", "<Uscc>u</Uscc><Urgent>true</Urgent><Near>a</Near><Near></Near><NoteZh>注</NoteZh>");
    struct err err = {0};
    struct buf out;
    buf_init(&out, 4096);
    assert_true(message_write(catalog, BYTES_LIT(json), MESSAGE_XML, &out, &err));
    assert_string_equal((char *)out.p, xml);
    assert_string_equal(verdict(catalog, MESSAGE_XML, BYTES_LIT(xml)), "");
    struct message *message;
    size_t n;
    assert_true(message_read_xml(BYTES_LIT(xml), &message, &err));
    assert_true(message_validate(catalog, message, &err, 1, &n));
    assert_true(message_boolean(message_member(message_body(message), "urgent"), false));
    buf_reset(&out);
    assert_true(message_convert(catalog, message, MESSAGE_JSON, &out, &err));
    assert_string_equal((char *)out.p, json);
    message_free(&message);
    buf_free(&out);
    assert_string_equal(
        verdict(catalog, MESSAGE_JSON,
                BYTES_LIT(JSON_MESSAGE("case.lead", "{\"uscc\":\"u\",\"nears\":[],\"notes_zh\":[\"x\"]}"))),
        "schema.invalid /body/nears");
    assert_string_equal(
        verdict(catalog, MESSAGE_JSON,
                BYTES_LIT(JSON_MESSAGE("case.lead", "{\"uscc\":\"u\",\"urgent\":1,\"notes_zh\":[\"x\"]}"))),
        "schema.type /body/urgent");
    catalog_free(&catalog);
}

/* ---- what is refused ------------------------------------------------------------------------------------------ */

static void lines_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        const char *line, *error;
    } cases[] = {
        {NEW_LINE, ""},
        {"# a remark", ""},
        {"case.lead,1,in,platform,case.lead-1.xsd,receipt,journal,72h,kept,sender", "config.syntax"},
        {NEW_LINE ",more", "config.syntax"},
        {"case.lead,one,in,platform,case.lead-1.xsd,receipt,journal,72h,kept,sender,", "config.value"},
        {"case.lead,1,inward,platform,case.lead-1.xsd,receipt,journal,72h,kept,sender,", "config.value"},
        {"case.lead,1,in,platform,case.lead-1.xsd,maybe,journal,72h,kept,sender,", "config.value"},
        {"case.lead,1,in,platform,case.lead-1.xsd,receipt,random,72h,kept,sender,", "config.value"},
        {"case.lead,1,in,platform,case.lead-1.xsd,receipt,journal,72,kept,sender,", "config.value"},
        {"case.lead,1,in,platform,../case.lead-1.xsd,receipt,journal,72h,kept,sender,", "config.value"},
        {"echo,1,in,platform,case.lead-1.xsd,receipt,journal,72h,kept,sender,", "config.duplicate"},
        {"case.lead,1,in,platform,common.xsd,receipt,journal,72h,kept,sender,", "config.value common.xsd:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        add_kind(cases[i].line, BODY(""));
        const char *found = load_error();
        if (strncmp(found, cases[i].error, strlen(cases[i].error)) != 0 || (*found && !cases[i].error[0]))
            fail_msg("%s: %s", cases[i].line, found);
        if (*found && !strchr(cases[i].error, ' '))
            assert_non_null(strstr(found, " catalog.csv:21"));
    }
    add_kind("case.lead,1,in,platform,case.lead-2.xsd,receipt,journal,72h,kept,sender,", BODY(""));
    assert_int_equal(strncmp(load_error(), "config.file ", 12), 0);
    write_file(in_dir("catalog.csv"), "");
    assert_string_equal(load_error(), "config.syntax catalog.csv:0");
    assert_int_equal(remove(in_dir("catalog.csv")), 0);
    assert_int_equal(strncmp(load_error(), "config.file ", 12), 0);
}

static void schemas_outside_the_subset(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "not XML",
        "<schema/>",
        "<!DOCTYPE x>" BODY(""),
        HEAD "</xs:schema>",
        HEAD "<xs:include schemaLocation='http://127.0.0.1:9/common.xsd'/><xs:element name='Message' "
             "type='xs:string'/></xs:schema>",
        HEAD "<xs:include schemaLocation='echo-1.xsd'/></xs:schema>",
        HEAD "<xs:import namespace='urn:x' schemaLocation='echo-1.xsd'/></xs:schema>",
        START "</xs:schema>",
        START "<xs:complexType name='Body'><xs:choice/></xs:complexType></xs:schema>",
        START "<xs:complexType name='Body'><xs:all/></xs:complexType></xs:schema>",
        START "<xs:complexType name='Body' mixed='true'><xs:sequence/></xs:complexType></xs:schema>",
        START "<xs:complexType name='Body'><xs:sequence/><xs:attribute name='a'/></xs:complexType></xs:schema>",
        START "<xs:complexType name='Body'><xs:sequence maxOccurs='2'/></xs:complexType></xs:schema>",
        BODY("<xs:any/>"),
        BODY("<xs:sequence/>"),
        BODY("<xs:element ref='Message'/>"),
        BODY("<xs:element name='A'/>"),
        BODY("<xs:element name='A'><xs:complexType/></xs:element>"),
        BODY("<xs:element name='A' type='NoSuch'/>"),
        BODY("<xs:element name='A' type='xs:noSuch'/>"),
        BODY("<xs:element name='A' type='xs:anyType'/>"),
        BODY("<xs:element name='A' type='Uscc' minOccurs='2'/>"),
        BODY("<xs:element name='A' type='Uscc' maxOccurs='3'/>"),
        BODY("<xs:element name='A' type='Uscc' nillable='true'/>"),
        BODY("<xs:element name='A' type='Uscc' default='x'/>"),
        BODY("<xs:element name='a_b' type='Uscc'/>"),
        BODY("<xs:element name='A' type='Uscc'/><xs:element name='A' type='Uscc'/>"),
        BODY("<xs:element name='A' type='Uscc'><xs:annotation><xs:appinfo>b</xs:appinfo></xs:annotation></xs:element>"),
        START "<xs:simpleType name='Body'><xs:list itemType='Uscc'/></xs:simpleType></xs:schema>",
        START "<xs:simpleType name='Body'><xs:restriction base='Body'/></xs:simpleType></xs:schema>",
        START "<xs:simpleType name='Body'><xs:restriction base='Envelope'/></xs:simpleType></xs:schema>",
        START "<xs:simpleType name='Body'><xs:restriction base='xs:string'><xs:pattern "
              "value='('/></xs:restriction></xs:simpleType></xs:schema>",
    };
    add_kind(NEW_LINE, BODY("<xs:element name='A' type='Uscc'/>"));
    assert_string_equal(load_error(), "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(in_dir("case.lead-1.xsd"), cases[i]);
        const char *found = load_error();
        if (strncmp(found, "config.value case.lead-1.xsd:", 29) != 0)
            fail_msg("case %zu: %s: %s", i, found, cases[i]);
    }
}

/* ---- files ------------------------------------------------------------------------------------------------- */

static void its_files_are_kept_as_they_are(void **state)
{
    (void)state;
    struct catalog *shipped = load_catalog(SCHEMAS), *copy, *changed;
    fresh_copy();
    copy = load_catalog(in_dir(""));
    assert_string_equal(catalog_digest(copy), catalog_digest(shipped));
    add_kind(NEW_LINE, BODY("<xs:element name='A' type='Uscc'/>"));
    changed = load_catalog(in_dir(""));
    assert_string_not_equal(catalog_digest(changed), catalog_digest(shipped));
    assert_int_equal(catalog_files(shipped), catalog_kinds(shipped) + 2);
    assert_int_equal(catalog_files(changed), catalog_kinds(shipped) + 3);
    assert_string_equal(catalog_file(changed, 0)->name, "catalog.csv");
    assert_string_equal(catalog_file(changed, 1)->name, "common.xsd");
    const struct catalog_file *last = catalog_file(changed, catalog_files(changed) - 1);
    assert_string_equal(last->name, "case.lead-1.xsd");
    assert_true(bytes_equal(last->bytes, bytes_str(BODY("<xs:element name='A' type='Uscc'/>"))));
    catalog_free(&shipped);
    catalog_free(&copy);
    catalog_free(&changed);
}

/* ---- threads ----------------------------------------------------------------------------------------------- */

static void *judge_many(void *data)
{
    static const char good[] =
        XML_MESSAGE("credit.report", "<Row><Event>contact</Event><Uscc>u</Uscc><Date>2026-01-01</Date></Row>");
    static const char bad[] =
        JSON_MESSAGE("credit.report", "{\"rows\":[{\"event\":\"contact\",\"uscc\":\"u\",\"date\":\"2026-01-32\"}]}");
    size_t wrong = 0;
    for (int i = 0; i < 500; i++) {
        struct message *message;
        struct err err = {0};
        size_t n;
        bool xml = i % 2;
        if (!(xml ? message_read_xml(BYTES_LIT(good), &message, &err)
                  : message_read_json(BYTES_LIT(bad), &message, &err)))
            return "unread";
        wrong += message_validate(data, message, &err, 1, &n) != xml;
        message_free(&message);
    }
    return wrong ? "wrong" : NULL;
}

static void threads_share_a_catalogue(void **state)
{
    (void)state;
    struct catalog *catalog = load_catalog(SCHEMAS);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, judge_many, catalog), 0);
    for (int i = 0; i < 4; i++) {
        void *said;
        assert_int_equal(pthread_join(threads[i], &said), 0);
        assert_null(said);
    }
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kinds_of_the_contract), cmocka_unit_test(a_kind_is_added_by_files_alone),
        cmocka_unit_test(lines_that_make_no_sense),  cmocka_unit_test(schemas_outside_the_subset),
        cmocka_unit_test(its_files_are_kept_as_they_are), cmocka_unit_test(threads_share_a_catalogue),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
