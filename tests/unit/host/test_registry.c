/* The registry adapter under a host that the test plays: lines of files that belong together become one registration in
 * the contract's names and order, what contradicts itself is refused by row and column, money is exact; pages. */
#include "file_world.h"

#include "registry.h"

#define CODE "91140106MA00PFCM02"
#define BANK "91140105MA000000X1"
#define HEAD "序号,登记号,状态,登记日期,权利类型,专利号/注册号,类别,名称,出质人,出质人统一社会信用代码,质权人,质权人统一社会信用代码," \
             "被担保债权数额（万元）,债务履行期限起,债务履行期限止,有效期至\n"
#define PARTIES "甲公司," CODE ",乙银行," BANK

/* ---- money ------------------------------------------------------------------------------------------------------ */

static void fen(const char *text, const char *head, const char *expected)
{
    char out[24] = "";
    const char *why = amount_read((struct gwa_bytes){(const uint8_t *)text, strlen(text)}, head, out);

    if (strcmp(why == NULL ? out : why, expected) != 0)
        fail_msg("%s under %s is %s, not %s", text, head, why == NULL ? out : why, expected);
}

static void money_is_exact(void **state)
{
    (void)state;
    fen("500", "主债权金额（万元）", "500000000");
    fen("500.5", "主债权金额(万元)", "500500000");
    fen("0.0001", "金额（万元）", "100");
    fen("0.000001", "金额（万元）", "1");
    fen("0.0000001", "金额（万元）", "finer than a fen");
    fen("1,234,567.89", "被担保债权数额", "123456789");
    fen("５００．５", "金额（元）", "50050");
    fen("人民币 500万元整", "主债权金额", "500000000");
    fen("¥1.2亿元", "主债权金额（万元）", "12000000000");
    fen("12345", "secured_amount_fen", "12345");
    fen("1.0E7", "金额", "1000000000");
    fen("1E+2", "金额（亿元）", "1000000000000");
    fen("2.5E-1", "金额", "25");
    fen("0.30000000000000004", "金额", "30");
    fen("999.99999999999999", "金额", "100000");
    fen("1234567890123", "金额", "123456789012300");
    fen("99999999999999", "金额", "9999999999999900");
    fen("100000000000000", "金额", "larger than any amount");
    fen("0", "金额", "0");
    fen("00500.00", "金额", "50000");
}

static void what_is_no_money_is_said(void **state)
{
    (void)state;
    fen("五百万", "金额", "not an amount");
    fen("-5", "金额", "not an amount");
    fen("1,,000", "金额", "not an amount");
    fen("1e", "金额", "not an amount");
    fen("1E999", "金额", "larger than any amount");
    fen("500万美元", "金额", "not in yuan, 万元 or 亿元");
    fen("500 USD", "金额", "not in yuan, 万元 or 亿元");
    fen("1.2.3", "金额", "not in yuan, 万元 or 亿元");
    fen("111111111111111111111111111111111111111111111111111111111111", "金额", "not an amount");
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static void lines_become_one_registration(void **state)
{
    (void)state;
    drop("list.csv", "专利权质押登记表,,,\n" HEAD
                     "1,Y1,登记,2026/11/3,专利,ZL202510000001.1,,一种装置," PARTIES ",500.5,2026年11月1日,20271101,\n"
                     "2,Y2,登记,2026-11-04,商标,12345678,第35类,\"某\"\"标\"," PARTIES ",,,,2031-11-03\n"
                     "3,Y1,登记,2026.11.3,,ZL202510000002.2,,,丙公司,,,,500.50,,,\n"
                     "合计,3项,,,,,,,,,,,,,,\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("3 [Y1] body={\"registration_no\":\"Y1\",\"event\":\"registered\",\"date\":\"2026-11-03\",\"right_kind\":"
               "\"patent\",\"pledgors\":[{\"uscc\":\"" CODE "\",\"name\":\"甲公司\"},{\"name\":\"丙公司\"}],\"pledgee\":"
               "{\"uscc\":\"" BANK "\",\"name\":\"乙银行\"},\"secured_amount_fen\":500500000,\"debt_from\":\"2026-11-01\","
               "\"debt_until\":\"2027-11-01\",\"rights\":[{\"number\":\"ZL202510000001.1\",\"title\":\"一种装置\"},"
               "{\"number\":\"ZL202510000002.2\"}]}\n");
    expect_log("4 [Y2] body={\"registration_no\":\"Y2\",\"event\":\"registered\",\"date\":\"2026-11-04\",\"right_kind\":"
               "\"trademark\",\"pledgors\":[{\"uscc\":\"" CODE "\",\"name\":\"甲公司\"}],\"pledgee\":{\"uscc\":\"" BANK
               "\",\"name\":\"乙银行\"},\"valid_until\":\"2031-11-03\",\"rights\":[{\"number\":\"12345678\",\"class\":\"35\","
               "\"title\":\"某\\\"标\"}]}\n");
    assert_int_equal(world.rows, 2);
}

static void contradictions_are_refused_by_row_and_column(void **state)
{
    (void)state;
    drop("list.csv", HEAD "1,Y1,登记,2026-11-3,专利,1,,," PARTIES ",500,,,\n"
                     "2,Y2,登记,2026-11-3,专利,2,,," PARTIES ",500,,,\n"
                     "3,Y1,登记,2026-11-3,专利,3,,," PARTIES ",501,,,\n"
                     "4,Y3,登记,2026-11-3,专利,4,,," PARTIES ",,,,\n"
                     "5,Y3,登记,2026-11-3,商标,5,1,," PARTIES ",,,,\n"
                     "6,Y4,登记,2026-11-3,专利,6,,,甲公司,,乙银行,,,,,\n"
                     "7,Y4,登记,2026-11-3,专利,6,,另一名称,甲公司," CODE ",乙银行,,,,,\n"
                     "8,Y4,登记,2026-11-3,专利,6,,名称,甲公司," BANK ",乙银行,,,,,\n"
                     "9,Y1,注销,2026-11-9,专利,1,,," PARTIES ",,,,\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("4 [Y1] bad secured_amount: differs from what another line of this registration says\n");
    expect_log("3 [Y2] body={");
    expect_log("6 [Y3] bad right_kind: differs");
    expect_log("9 [Y4] bad pledgor_uscc: differs");
    expect_log("10 [Y1] body={\"registration_no\":\"Y1\",\"event\":\"cancelled\""); /* another event stands by itself */
    assert_int_equal(world.rows, 5);
}

static void half_a_registration_is_none(void **state)
{
    (void)state;
    drop("list.csv", HEAD "1,Y1,登记,2026-11-3,专利,1,,," PARTIES ",,,,\n"
                     "2,Y1,登记,2026-13-3,专利,2,,," PARTIES ",,,,\n"
                     "3,Y2,登记,2026-11-3,专利,3,,," PARTIES ",,,,\n"
                     "4,Y2,登记,2026-11-3,专利,,,," PARTIES ",,,,\n"
                     "5,Y3,也许,2026-11-3,专利,5,,," PARTIES ",,,,\n"
                     "6,,登记,2026-11-3,专利,6,,," PARTIES ",,,,\n"
                     "7,Y5,登记,2026-11-3,,7,,," PARTIES ",,,,\n"
                     "8,Y6,登记,2026-11-3,专利,8,,,,,乙银行,,,,,\n"
                     "9,Y7,登记,2026-11-3,专利,9,,," PARTIES ",5百万,,,\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("3 [Y1] bad date: not a date\n");
    expect_log("2 [Y1] bad registration_no: line 3 of this number cannot be read\n");
    expect_log("5 [Y2] bad number: missing\n");
    expect_log("6 [Y3] bad event: not a word for what happens to a registration\n");
    expect_log("7 [] bad registration_no: missing\n");
    expect_log("8 [Y5] bad right_kind: missing\n");
    expect_log("9 [Y6] bad pledgor: missing\n");
    expect_log("10 [Y7] bad secured_amount: not in yuan, 万元 or 亿元\n");
    assert_null(strstr(world.log, "body="));
}

static void columns_say_the_kind(void **state)
{
    (void)state;
    drop("list.csv", "质押登记号,登记状态,登记日,专利号,商标注册号,类别,出质人,质权人,主债权金额(亿元)\n"
                     "Y1,准予登记,2026-11-3,1,,,甲,乙,1.5\nY2,登记,2026-11-3,,2,9,甲,乙,\nY3,登记,2026-11-3,3,3,9,甲,乙,\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("2 [Y1] body={\"registration_no\":\"Y1\",\"event\":\"registered\",\"date\":\"2026-11-03\",\"right_kind\":\"patent\"");
    expect_log("\"secured_amount_fen\":15000000000,");
    expect_log("\"right_kind\":\"trademark\"");
    expect_log("4 [Y3] bad trademark: ");
}

static void words_of_the_sources_own(void **state)
{
    static const char *const settings[] = {"events.registered", "落地,成", "fields.registration_no", "编码", NULL};

    (void)state;
    world.settings = settings;
    drop("list.csv", "编码,状态,日期,专利号,出质人,质权人\nY1,成,2026-11-3,1,甲,乙\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("\"event\":\"registered\"");
}

static void json_lines_and_charsets(void **state)
{
    (void)state;
    drop("a.ndjson", "{\"登记号\":\"Y1\",\"event\":\"PC01\",\"date\":\"20261120\",\"right_kind\":\"patent\",\"number\":\"1\","
                     "\"pledgor\":\"甲\",\"pledgee\":\"乙\",\"secured_amount_fen\":12345}\n"
                     "{\"登记号\":\"Y2\",\"event\":1.5}\nnothing\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("1 [Y1] body={\"registration_no\":\"Y1\",\"event\":\"cancelled\",\"date\":\"2026-11-20\",");
    expect_log("\"secured_amount_fen\":12345,");
    expect_log("2 [] bad event: neither a text nor a whole number\n");
    expect_log("3 [] bad line: not a JSON object in UTF-8 whose members differ\n");
    unlink(path_of("a.ndjson"));
    drop_gb18030("b.csv", HEAD "1,Y1,登记,2026-11-3,专利,1,,,太原䶮公司,,乙,,,,,\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("\"name\":\"太原䶮公司\"");
}

static void more_than_can_be_gathered_is_told(void **state)
{
    enum { LINES = 60000 };
    char *text = malloc(LINES * 300ul + 1000), *at = text;

    (void)state;
    at += sprintf(at, HEAD);
    for (int i = 0; i < LINES; i++)
        at += sprintf(at, "%d,Y%d,登记,2026-11-3,专利,%d,,一种很长的名称的装置一种很长的名称的装置," PARTIES ",500,,,\n", i, i, i);
    world.quiet = true;
    drop_bytes("list.csv", text, (size_t)(at - text));
    free(text);
    assert_int_equal(fetch(), GWA_REJECTED);
    expect_why("divide the file");
    assert_int_equal(world.rows, 0);
}

static void a_file_without_a_header_is_none(void **state)
{
    (void)state;
    drop("list.csv", "统一社会信用代码,企业名称\n" CODE ",甲\n");
    assert_int_equal(fetch(), GWA_REJECTED);
    expect_why("登记号");
    assert_int_equal(answer("row,code,field,text\r\n,list.header,,\r\n"), GWA_DONE);
    assert_int_equal(access(path_of("list.result.csv"), F_OK), 0);
}

/* ---- workbooks as offices make them ----------------------------------------------------------------------------- */

/* Workbooks that python3-openpyxl wrote; a machine without it skips this. */
static void reads_what_openpyxl_writes(void **state)
{
    char command[2048];

    (void)state;
    (void)snprintf(command, sizeof(command),
                   "/usr/bin/python3 - '%s' <<'END'\n"
                   "import datetime, sys, openpyxl\n"
                   "book = openpyxl.Workbook(); sheet = book.active\n"
                   "sheet.append(['质押登记情况表']); sheet.merge_cells('A1:H1')\n"
                   "sheet.append(['登记号', '状态', '登记日期', '专利号', '名称', '出质人', '质权人', '主债权金额（万元）'])\n"
                   "sheet.append(['Y1', '登记', datetime.date(2026, 11, 3), 'ZL202510000001.1', '装置', '甲', '乙', 123.45])\n"
                   "sheet.append(['Y1', '登记', datetime.datetime(2026, 11, 3, 9, 30), 202510000002.0, None, '甲', '乙', '=1+2'])\n"
                   "sheet.append(['Y2', '登记', 46329, 'X', None, '甲', '乙', 0.1 + 0.2])\n"
                   "book.save(sys.argv[1])\nEND\n",
                   path_of("book.xlsx"));
    if (system("/usr/bin/python3 -c 'import openpyxl' 2>/dev/null") != 0)
        skip();
    assert_int_equal(system(command), 0);
    age("book.xlsx", 3600);
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("4 [Y1] bad secured_amount: a formula that was saved without its value\n");
    expect_log("5 [Y2] body={\"registration_no\":\"Y2\",\"event\":\"registered\",\"date\":\"2026-11-03\",\"right_kind\":\"patent\"");
    expect_log("\"secured_amount_fen\":300000,");
}

/* ---- pages ------------------------------------------------------------------------------------------------------ */

static const char *const url_settings[] = {"url", "https://registry.example/pledges", "page_size", "2", NULL};

static void pull_from(const char *const *pages)
{
    world.no_folder = true;
    world.settings = url_settings;
    world.status = 200;
    world.pages_told = pages;
}

static void pages_are_pulled_in_the_contracts_order(void **state)
{
    static const char *const pages[] = {
        "{\"code\":0,\"message\":\"ok\",\"data\":{\"total\":3,\"pageNo\":1,\"rows\":[{\"rights\":[{\"title\":\"t\",\"number\":\"1\","
        "\"id\":7}],\"registration_no\":\"Y1\",\"updatedAt\":\"x\",\"pledgee\":{\"name\":\"乙\",\"uscc\":null},\"event\":\"registered\"},"
        "{\"registration_no\":5}]}}",
        "{\"code\":\"0000\",\"data\":{\"total\":3,\"rows\":[\"Y3\"]}}", NULL};

    (void)state;
    pull_from(pages);
    world.job.scope = GWA_DELTA;
    world.job.updated_since_ms = INT64_C(1764000000000);
    assert_int_equal(fetch(), GWA_DONE);
    assert_string_equal(world.url, "https://registry.example/pledges?pageNo=2&pageSize=2&updatedSince=2025-11-25T00%3A00%3A00%2B08%3A00");
    expect_log("1 [Y1] body={\"registration_no\":\"Y1\",\"event\":\"registered\",\"pledgee\":{\"name\":\"乙\"},\"rights\":"
               "[{\"number\":\"1\",\"title\":\"t\"}]}\n");
    expect_log("2 [] body={\"registration_no\":5}\n"); /* the gateway's schema judges */
    expect_log("3 [] bad line: not a registration\n");
    assert_string_equal(world.origin, "");
}

static void pull_fails(const char *page, int status, enum gwa_verdict verdict, const char *why)
{
    const char *pages[] = {page, NULL};

    pull_from(pages);
    world.status = status;
    assert_int_equal(fetch(), verdict);
    expect_why(why);
    world.pages_told = NULL;
}

static void what_is_no_page_is_said(void **state)
{
    (void)state;
    pull_fails("<html>", 200, GWA_RETRY, "list.page: not a JSON object");
    pull_fails("{\"code\":\"0\",\"code\":\"0\"}", 200, GWA_RETRY, "list.page: not a JSON object");
    pull_fails("{\"code\":\"0\",\"data\":{\"rows\":{}}}", 200, GWA_RETRY, "there are no rows");
    pull_fails("{\"code\":\"0\",\"data\":{\"rows\":[],\"total\":-1}}", 200, GWA_RETRY, "not a number");
    pull_fails("{\"code\":\"0\",\"data\":{\"rows\":[],\"pageNo\":2}}", 200, GWA_RETRY, "another page");
    pull_fails("{\"code\":\"0\",\"data\":{\"rows\":[],\"total\":1}}", 200, GWA_RETRY, "fewer rows");
    pull_fails("{\"code\":\"E7\",\"message\":\"张三\"}", 200, GWA_RETRY, "source.failed: code E7");
    pull_fails("{\"code\":\"错 误\"}", 200, GWA_RETRY, "code that is no code");
    pull_fails("", 503, GWA_RETRY, "HTTP status 503");
    pull_fails("", 403, GWA_REJECTED, "HTTP status 403");
    pull_fails(NULL, 0, GWA_RETRY, "no answer");
    assert_int_equal(world.rows, 0);
}

static void one_way_to_be_told_must_be_set(void **state)
{
    static const char *const bad[][3] = {{"url", "https://a/b", NULL}, {NULL}, {"page_size", "0", NULL}};
    void *instance = NULL;

    (void)state;
    world.job.host = &fake;
    world.settings = bad[0]; /* and directory */
    assert_false(gwa_entry.open(&world.job, &instance));
    expect_why("either directory or url");
    world.no_folder = true;
    world.settings = bad[1];
    assert_false(gwa_entry.open(&world.job, &instance));
    world.no_folder = false;
    world.settings = bad[2];
    assert_false(gwa_entry.open(&world.job, &instance));
    expect_why("page_size");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(money_is_exact),
        TEST(what_is_no_money_is_said),
        TEST(lines_become_one_registration),
        TEST(contradictions_are_refused_by_row_and_column),
        TEST(half_a_registration_is_none),
        TEST(columns_say_the_kind),
        TEST(words_of_the_sources_own),
        TEST(json_lines_and_charsets),
        TEST(more_than_can_be_gathered_is_told),
        TEST(a_file_without_a_header_is_none),
        TEST(reads_what_openpyxl_writes),
        TEST(pages_are_pulled_in_the_contracts_order),
        TEST(what_is_no_page_is_said),
        TEST(one_way_to_be_told_must_be_set),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
