/* Names, the envelope, reading and faults: the same for both forms, each fault where its sender wrote it. */
#include "fixture.h"
#include "message/name.h"

static struct catalog *catalog;

static void names_in_both_forms(void **state)
{
    (void)state;
    static const struct {
        const char *json, *xml;
        bool list;
    } names[] = {
        {"uscc", "Uscc", false},           {"rate_bp", "RateBp", false},
        {"sha256", "Sha256", false},       {"rows", "Row", true},
        {"reasons_zh", "ReasonZh", true},  {"codes", "Code", true},
        {"statements", "Statement", true}, {"registration_no", "RegistrationNo", false},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char json[NAME_SIZE];
        assert_true(name_matches(names[i].json, names[i].xml, names[i].list));
        assert_true(name_to_json(names[i].xml, names[i].list, json));
        assert_string_equal(json, names[i].json);
    }
    assert_true(name_matches("for", "For", true));
    assert_true(name_matches("sent", "Sent", true));
    assert_false(name_matches("rows", "Row", false));
    assert_false(name_matches("ratebp", "RateBp", false));
    assert_false(name_matches("rate__bp", "RateBp", false));
    assert_false(name_matches("RateBp", "RateBp", false));
    assert_false(name_matches("", "", false));
    char json[NAME_SIZE];
    assert_false(name_to_json("lower", false, json));
    assert_false(name_to_json("With-Dash", false, json));
}

/* ---- the envelope ----------------------------------------------------------------------------------------- */

static void an_envelope_reads_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"body\":{},\"envelope\":{\"created\":\"2026-11-24T02:00:00Z\",\"receiver\":\"*\",\"sender\":\"g\","
        "\"version\":7,"
        "\"kind\":\"any.thing\",\"id\":\"a:1\",\"in_reply_to\":\"b\"}}",
        "<m:Message xmlns:m=\"" MESSAGE_NAMESPACE "\"><m:Envelope><m:Created> 2026-11-24T02:00:00Z </m:Created>"
        "<m:Receiver>*</m:Receiver><m:Sender>g</m:Sender><m:Version>7</m:Version><m:Kind>any.thing</m:Kind><m:Id>a:1</"
        "m:Id>"
        "<m:InReplyTo>b</m:InReplyTo></m:Envelope></m:Message>",
    };
    for (int i = 0; i < 2; i++) {
        struct message *message;
        struct message_envelope envelope;
        struct err err = {0};
        assert_true((i ? message_read_xml : message_read_json)(bytes_str(texts[i]), &message, &err));
        assert_int_equal(message_form(message), i ? MESSAGE_XML : MESSAGE_JSON);
        assert_true(message_envelope(message, &envelope, &err));
        assert_string_equal(envelope.id, "a:1");
        assert_string_equal(envelope.kind, "any.thing");
        assert_string_equal(envelope.sender, "g");
        assert_string_equal(envelope.receiver, "*");
        assert_string_equal(envelope.in_reply_to, "b");
        assert_string_equal(envelope.traceparent, "");
        assert_int_equal(envelope.version, 7);
        assert_int_equal(envelope.created_ms, 1795485600000);
        message_free(&message);
    }
}

/* ---- faults ------------------------------------------------------------------------------------------------ */

static void faults_name_their_place(void **state)
{
    (void)state;
    static const struct {
        enum message_form form;
        const char *text, *verdict;
    } cases[] = {
        {MESSAGE_JSON, "[]", "schema.type "},
        {MESSAGE_JSON, "{}", "schema.invalid /envelope"},
        {MESSAGE_JSON, "{\"envelope\":5}", "schema.type /envelope"},
        {MESSAGE_JSON, "{\"envelope\":" ENVELOPE_JSON("echo") "}", "schema.invalid /body"},
        {MESSAGE_JSON, "{\"envelope\":" ENVELOPE_JSON("echo") ",\"body\":{},\"more\":1}", "schema.invalid /more"},
        {MESSAGE_JSON, JSON_MESSAGE("none.such", "{}"), "schema.kind_unknown /envelope/kind"},
        {MESSAGE_JSON, JSON_MESSAGE("echo", "[]"), "schema.type /body"},
        {MESSAGE_JSON, JSON_MESSAGE("echo", "{\"text\":null}"), "schema.type /body/text"},
        {MESSAGE_JSON, JSON_MESSAGE("echo", "{\"text\":7}"), "schema.type /body/text"},
        {MESSAGE_JSON, JSON_MESSAGE("echo", "{\"text\":\"\\u0001\"}"), "schema.invalid /body/text"},
        {MESSAGE_JSON, JSON_MESSAGE("echo", "{\"a/b~\":\"\"}"), "schema.invalid /body/a~1b~0"},
        {MESSAGE_JSON, JSON_MESSAGE("whitelist.query", "{\"codes\":[]}"), "schema.invalid /body/codes"},
        {MESSAGE_JSON, JSON_MESSAGE("whitelist.query", "{\"codes\":\"a\"}"), "schema.type /body/codes"},
        {MESSAGE_JSON, JSON_MESSAGE("whitelist.query", "{\"codes\":[\"a\",7]}"), "schema.type /body/codes/1"},
        {MESSAGE_JSON, JSON_MESSAGE("mailbox.pull", "{\"after\":1.5}"), "schema.type /body/after"},
        {MESSAGE_JSON, JSON_MESSAGE("mailbox.pull", "{\"after\":1e3}"), "schema.type /body/after"},
        {MESSAGE_JSON, JSON_MESSAGE("mailbox.pull", "{\"after\":\"1\"}"), "schema.type /body/after"},
        {MESSAGE_JSON, JSON_MESSAGE("mailbox.pull", "{\"after\":-1}"), "schema.invalid /body/after"},
        {MESSAGE_XML, "<Other/>", "schema.invalid /"},
        {MESSAGE_XML, "<Message/>", "schema.invalid /"},
        {MESSAGE_XML, "<Message xmlns='" MESSAGE_NAMESPACE "'/>", "schema.invalid /Message/Envelope"},
        {MESSAGE_XML, XML_MESSAGE("none.such", ""), "schema.kind_unknown /Message/Envelope/Kind"},
        {MESSAGE_XML, XML_MESSAGE("echo", "<Text/><Text>x</Text>"), "schema.invalid /Message/Body/Text[1]"},
        {MESSAGE_XML, XML_MESSAGE("echo", "<Text>x</Text><Text>x</Text>"), "schema.invalid /Message/Body/Text[2]"},
        {MESSAGE_XML, XML_MESSAGE("echo", "<Text><b/></Text>"), "schema.type /Message/Body/Text"},
        {MESSAGE_XML, XML_MESSAGE("echo", "<Text a='b'>x</Text>"), "schema.invalid /Message/Body/Text"},
        {MESSAGE_XML, XML_MESSAGE("echo", "<Text>x<!-- -->y</Text>"), "schema.invalid /Message/Body/Text"},
        {MESSAGE_XML, XML_MESSAGE("echo", "<Text>x<![CDATA[y]]></Text>"), "schema.invalid /Message/Body/Text"},
        {MESSAGE_XML, XML_MESSAGE("whitelist.query", ""), "schema.invalid /Message/Body/Code"},
        {MESSAGE_XML, XML_MESSAGE("whitelist.query", "<Code>a</Code><Code> </Code>"),
         "schema.invalid /Message/Body/Code[2]"},
        {MESSAGE_XML, XML_MESSAGE("mailbox.pull", "<After>1.5</After>"), "schema.type /Message/Body/After"},
        {MESSAGE_XML, XML_MESSAGE("mailbox.pull", "<Last>1</Last><After>1</After>"),
         "schema.invalid /Message/Body/After"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = verdict(catalog, cases[i].form, bytes_str(cases[i].text));
        if (strcmp(found, cases[i].verdict) != 0)
            fail_msg("%s: \"%s\", expected \"%s\"", cases[i].text, found, cases[i].verdict);
    }
}

/* Another version of a kind that there is; duplicates; too long ids. */
static void envelopes_that_do_not_hold(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *verdict;
    } cases[] = {
        {"\"version\":1", "\"version\":2", "schema.version_unknown /envelope/version"},
        {"\"version\":1", "\"version\":4294967297", "schema.version_unknown /envelope/version"},
        {"\"version\":1", "\"version\":-1", "schema.type /envelope/version"},
        {"\"version\":1", "\"version\":\"1\"", "schema.type /envelope/version"},
        {"\"version\":1", "\"version\":1,\"version\":1", "schema.invalid 1:38"},
        {"\"version\":1", "\"Version\":1", "schema.invalid /envelope/version"},
        {"\"id\":\"m-1\"", "\"id\":\"\"", "schema.invalid /envelope/id"},
        {"\"id\":\"m-1\"", "\"id\":\"m 1\"", "schema.invalid /envelope/id"},
        {"\"id\":\"m-1\"", "\"id\":\"a2345678901234567890123456789012345678901234567890123456789012345\"",
         "schema.invalid /envelope/id"},
        {"+08:00", "", "schema.invalid /envelope/created"},
        {"T10", "T25", "schema.invalid /envelope/created"},
        {"\"sender\":\"bank-a\",", "", "schema.invalid /envelope/sender"},
        {"\"sender\":\"bank-a\",", "\"sender\":\"bank-a\",\"extra\":\"\",", "schema.invalid /envelope/extra"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const char good[] = JSON_MESSAGE("echo", "{}");
        char text[1024];
        const char *at = strstr(good, cases[i].from);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, cases[i].to, at + strlen(cases[i].from));
        const char *found = verdict(catalog, MESSAGE_JSON, bytes_str(text));
        if (strncmp(found, cases[i].verdict, i == 4 ? 14 : 200) != 0)
            fail_msg("%s: \"%s\", expected \"%s\"", text, found, cases[i].verdict);
    }
}

static size_t faults_of(enum message_form form, const char *text, struct err *errors, size_t max)
{
    struct message *message;
    struct err err = {0};
    size_t n;
    assert_true((form == MESSAGE_XML ? message_read_xml : message_read_json)(bytes_str(text), &message, &err));
    assert_false(message_validate(catalog, message, errors, max, &n));
    message_free(&message);
    return n;
}

static void all_faults_are_told_once(void **state)
{
    (void)state;
    static const char json[] = JSON_MESSAGE(
        "enterprise.update", "{\"rows\":[{\"uscc\":7,\"x\":1},{},{\"uscc\":\"u\",\"scale\":\"\"},{\"uscc\":\"u\"}]}");
    static const char xml[] =
        XML_MESSAGE("enterprise.update", "<Row><X/></Row><Row><Uscc>u</Uscc><Scale> </Scale></Row><Row/>");
    static const char *const json_places[] = {"/body/rows/0/uscc", "/body/rows/0/x", "/body/rows/1/uscc",
                                              "/body/rows/2/scale"};
    static const char *const xml_places[] = {"/Message/Body/Row[1]/X", "/Message/Body/Row[1]/Uscc",
                                             "/Message/Body/Row[2]/Scale", "/Message/Body/Row[3]/Uscc"};
    for (int form = 0; form < 2; form++) {
        struct err errors[16];
        size_t n = faults_of(form, form ? xml : json, errors, 16);
        assert_int_equal(n, 4);
        for (size_t i = 0; i < 4; i++) {
            size_t j = 0;
            while (j < n && strcmp(errors[j].place, form ? xml_places[i] : json_places[i]) != 0)
                j++;
            if (j == n)
                fail_msg("%s is not among them", form ? xml_places[i] : json_places[i]);
        }
        assert_int_equal(faults_of(form, form ? xml : json, errors, 2), 2);
    }
}

static void faults_never_quote_values(void **state)
{
    (void)state;
    struct err errors[8];
    size_t n =
        faults_of(MESSAGE_XML, XML_MESSAGE("mailbox.pull", "<After>SECRET</After><Last>SECRET</Last>"), errors, 8);
    assert_int_equal(n, 2);
    n += faults_of(MESSAGE_JSON,
                   JSON_MESSAGE("enterprise.update", "{\"rows\":[{\"uscc\":\"SECRET\",\"scale\":{\"a\":\"SECRET\"}}]}"),
                   errors + n, 4);
    for (size_t i = 0; i < n; i++)
        assert_null(strstr(errors[i].detail, "SECRET"));
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

static char *query(enum message_form form, size_t n)
{
    char *text = malloc(64 * n + 1024), *end = text;
    end +=
        sprintf(end, "%s",
                form == MESSAGE_XML ? "<Message xmlns='" MESSAGE_NAMESPACE "'>" ENVELOPE_XML("whitelist.query") "<Body>"
                                    : "{\"envelope\":" ENVELOPE_JSON("whitelist.query") ",\"body\":{\"codes\":[");
    for (size_t i = 0; i < n; i++)
        end += sprintf(end, form == MESSAGE_XML ? "<Code>c%zu</Code>\n" : i ? ",\"c%zu\"" : "\"c%zu\"", i);
    strcpy(end, form == MESSAGE_XML ? "</Body></Message>" : "]}}");
    return text;
}

static void ten_thousand_rows_and_no_more(void **state)
{
    (void)state;
    for (enum message_form form = MESSAGE_JSON; form <= MESSAGE_XML; form++) {
        char *text = query(form, MESSAGE_ROWS_MAX + 1);
        assert_int_equal(strncmp(verdict(catalog, form, bytes_str(text)), "batch.too_many_rows ", 20), 0);
        free(text);
        text = query(form, MESSAGE_ROWS_MAX);
        struct message *message;
        struct err err = {0};
        size_t n;
        char code[16];
        assert_true((form == MESSAGE_XML ? message_read_xml : message_read_json)(bytes_str(text), &message, &err));
        assert_true(message_validate(catalog, message, &err, 1, &n));
        assert_int_equal(message_count(message_body(message), "codes"), MESSAGE_ROWS_MAX);
        for (size_t i = 0; i < MESSAGE_ROWS_MAX; i++) {
            snprintf(code, sizeof code, "c%zu", i);
            assert_string_equal(message_text(message_at(message_body(message), "codes", i)), code);
        }
        assert_string_equal(message_text(message_at(message_body(message), "codes", 3)), "c3");
        assert_null(message_at(message_body(message), "codes", MESSAGE_ROWS_MAX));
        message_free(&message);
        free(text);
    }
}

static void check_body(const struct message *message)
{
    const struct message_node *body = message_body(message), *row = message_at(body, "rows", 1);
    assert_int_equal(message_count(body, "rows"), 2);
    assert_string_equal(message_text(message_member(row, "event")), "drawdown");
    assert_string_equal(message_text(message_member(row, "loan_no")), "借 & 1");
    assert_int_equal(message_integer(message_member(row, "amount_fen"), -1), 9007199254740991);
    assert_int_equal(message_integer(message_member(row, "rate_bp"), -1), 435);
    assert_int_equal(message_integer(message_member(row, "due"), -1), -1);
    assert_null(message_member(row, "due"));
    assert_string_equal(message_text(message_member(row, "due")), "");
    assert_int_equal(message_count(row, "rows"), 0);
    assert_null(message_at(body, "codes", 0));
    assert_null(message_at(NULL, "rows", 0));
    assert_null(message_member(NULL, "event"));
}

static void a_body_reads_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        JSON_MESSAGE("credit.report",
                     "{\"rows\":[{\"event\":\"contact\",\"uscc\":\"u\",\"date\":\"2026-01-01\"},{\"rate_bp\":435,"
                     "\"event\":\"drawdown\",\"amount_fen\":9007199254740991,\"loan_no\":\" 借 & 1\\n\","
                     "\"uscc\":\"v\",\"date\":\"2026-01-02\"}]}"),
        XML_MESSAGE("credit.report",
                    "\n<Row><Event>contact</Event><Uscc>u</Uscc><Date>2026-01-01</Date></Row><!-- next "
                    "-->\n<Row><Event> drawdown"
                    "</Event><Uscc>v</Uscc><LoanNo><![CDATA[ 借 & 1]]></LoanNo><AmountFen>+9007199254740991</AmountFen>"
                    "<RateBp>\n0435\n</RateBp><Date>2026-01-02</Date></Row>"),
    };
    for (int i = 0; i < 2; i++) {
        struct message *message;
        struct err err = {0};
        size_t n;
        assert_true((i ? message_read_xml : message_read_json)(bytes_str(texts[i]), &message, &err));
        assert_true(message_validate(catalog, message, &err, 1, &n));
        check_body(message);
        assert_true(message_validate(catalog, message, &err, 1, &n)); /* once more: what was read stays readable */
        check_body(message);
        message_free(&message);
        assert_null(message);
    }
}

static void what_is_written_is_bounded(void **state)
{
    (void)state;
    struct buf out;
    struct err err = {0};
    buf_init(&out, 200);
    assert_false(message_write(catalog,
                               BYTES_LIT(JSON_MESSAGE("echo", "{\"text\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}")),
                               MESSAGE_XML, &out, &err));
    assert_int_equal(err.code, ERR_MESSAGE_TOO_LARGE);
    buf_reset(&out);
    assert_false(message_write(catalog, BYTES_LIT(JSON_MESSAGE("echo", "{\"text\":5}")), MESSAGE_XML, &out, &err));
    assert_int_equal(err.code, ERR_SCHEMA_TYPE);
    assert_int_equal(out.n, 0);
    buf_free(&out);
}

/* A statement as it is answered over HTTP, in XML. */
static void a_statement_on_its_own(void **state)
{
    (void)state;
#define TIMES "\"as_of\":\"2026-11-24T10:00:00+08:00\",\"this_update\":\"2026-11-24T10:00:00+08:00\""
#define STATEMENT(disputed)                                                                                            \
    "{\"id\":\"s-1\",\"uscc\":\"u\",\"status\":\"not_listed\",\"status_zh\":\"未入名单\",\"reasons\":[\"never_"    \
    "listed\"],"                                                                                                       \
    "\"reasons_zh\":[\"从未进入名单\"],\"disputed\":" disputed ",\"sequence\":0,\"head\":12,\"rules\":\"2026-1\","     \
    "\"issuer\":{\"name\":\"局\",\"uscc\":\"v\"},\"source\":{\"id\":\"bureau-sx\",\"freshness\":\"on_time\"}," TIMES   \
    "}"
    struct buf out;
    struct err err = {0};
    const struct message_kind *kind = catalog_find(catalog, "whitelist.statement", 1, &err);
    buf_init(&out, 4096);
    assert_true(message_write_element(catalog, kind, "Statement", BYTES_LIT(STATEMENT("false")), &out, &err));
    assert_string_equal(
        (char *)out.p,
        "<Statement xmlns=\"" MESSAGE_NAMESPACE "\"><Id>s-1</Id><Uscc>u</Uscc><Status>not_listed</Status>"
        "<StatusZh>未入名单</StatusZh><Reason>never_listed</Reason><ReasonZh>从未进入名单</ReasonZh>"
        "<Disputed>false</Disputed><Sequence>0</Sequence><Head>12</Head><Rules>2026-1</Rules><Issuer><Name>局</Name>"
        "<Uscc>v</Uscc></Issuer><Source><Id>bureau-sx</Id><Freshness>on_time</Freshness></Source>"
        "<AsOf>2026-11-24T10:00:00+08:00</AsOf><ThisUpdate>2026-11-24T10:00:00+08:00</ThisUpdate></Statement>");
    assert_false(message_write_element(catalog, kind, "Statement", BYTES_LIT(STATEMENT("0")), &out, &err));
    assert_int_equal(err.code, ERR_SCHEMA_TYPE);
    assert_string_equal(err.place, "/disputed");
    assert_false(message_write_element(catalog, kind, "Other", BYTES_LIT("{}"), &out, &err));
    assert_string_equal(verdict(catalog, MESSAGE_XML, buf_bytes(&out)), "schema.invalid /");
    buf_free(&out);
}

static void a_signature_can_be_left_out(void **state)
{
    (void)state;
#define SIGNED "<Message xmlns='" MESSAGE_NAMESPACE "'>" ENVELOPE_XML("echo") "<Body/>%s</Message>"
    static const char *const tails[] = {"", "<d:Signature xmlns:d='http://www.w3.org/2000/09/xmldsig#' Id='x'/>\n ",
                                        "<Signature xmlns='urn:other'/>"};
    for (int i = 0; i < 3; i++) {
        char text[1024];
        struct message *message;
        struct err err = {0};
        size_t n;
        snprintf(text, sizeof text, SIGNED, tails[i]);
        assert_true(message_read_xml(bytes_str(text), &message, &err));
        message_drop_signature(message);
        assert_int_equal(message_validate(catalog, message, &err, 1, &n), i < 2);
        message_free(&message);
    }
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
        cmocka_unit_test(names_in_both_forms),           cmocka_unit_test(an_envelope_reads_the_same),
        cmocka_unit_test(faults_name_their_place),       cmocka_unit_test(envelopes_that_do_not_hold),
        cmocka_unit_test(all_faults_are_told_once),      cmocka_unit_test(faults_never_quote_values),
        cmocka_unit_test(ten_thousand_rows_and_no_more), cmocka_unit_test(a_body_reads_the_same),
        cmocka_unit_test(what_is_written_is_bounded),    cmocka_unit_test(a_statement_on_its_own),
        cmocka_unit_test(a_signature_can_be_left_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
