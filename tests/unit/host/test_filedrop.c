/* The filedrop adapter under a host that the test plays, over a real folder: files as offices make them, what is handed
 * over, what is refused, what is written beside them. Workbooks are made by libxlsxwriter, odd ones by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>
#include <xlsxwriter.h>
#include <zip.h>
#include <zlib.h>
#include <zstd.h>

#include "filedrop.h"

#include "adapters/common/files/internal.h"
#include "file_world.h"

#define CODE "91140106MA00PFCM02"
#define CODE2 "91140105MA000000X1"
#define HEAD "统一社会信用代码,企业名称,所在地,文号,认定日期,有效期至\n"
#define ROW CODE ",山西示例科技有限公司,太原市小店区,晋民营发〔2026〕1号,2026/3/1,长期\n"
#define FIELDS "uscc=" CODE " name=山西示例科技有限公司 region_code=140105 document_no=晋民营发〔2026〕1号 " \
               "valid_from=2026-03-01 status=certified\n"

/* ---- CSV ------------------------------------------------------------------------------------------------------ */

static void reads_a_csv_with_titles_totals_and_notes(void **state)
{
    (void)state;
    drop("list.csv", "\xef\xbb\xbf附件1\r\n山西省优质民营企业名单（第一批）,,,\r\n,,\r\n"
                     "序号,统一社会信用代码（18位）,企业 名称*,所在 县（市、区）,地市,认定批次,认定文号,认定日期,有效期至,级别,行业,规模\r\n"
                     "1," CODE ",\"山西示例科技\n有限公司\",小店,太原,2026-1,晋民营发〔2026〕1号,2026年3月1日,长期,省级,C2669,3\r\n"
                     ",,,,,,,,,,,\r\n"
                     "序号,统一社会信用代码（18位）,企业 名称*,,,,,,,,,\r\n"
                     "2," CODE2 ",\"山西\"\"引号\"\"公司\",城区,阳泉市,2026-1,晋民营发〔2026〕1号,46082,20270228,省级,C2669,3\r\n"
                     "合 计,2家,,,,,,,,,,\r\n"
                     "注：本名单有效期见各行,,,\r\n填表人：,,,,\r\n");
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(world.rows, 2);
    expect_log("5 [" CODE "] uscc=" CODE " name=山西示例科技 有限公司 region_code=140105 industry_code=C2669 scale=3 "
               "level=省级 batch=2026-1 document_no=晋民营发〔2026〕1号 valid_from=2026-03-01 status=certified\n");
    expect_log("9 [" CODE2 "] uscc=" CODE2 " name=山西\"引号\"公司 region_code=140302 industry_code=C2669 scale=3 level=省级 "
               "batch=2026-1 document_no=晋民营发〔2026〕1号 valid_from=2026-03-01 valid_until=2027-02-28 status=certified\n");
}

static void reads_gb18030_whatever_was_declared(void **state)
{
    (void)state;
    /* a character of two bytes, one that GBK lacks (䶮) and one of four bytes (𠮷) */
    drop_gb18030("gbk.csv", HEAD CODE ",山西汾酒䶮𠮷有限公司,太原市,晋1号,2026-03-01,\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("2 [" CODE "] uscc=" CODE " name=山西汾酒䶮𠮷有限公司 region_code=140100 ");
}

static void finds_tabs_and_semicolons(void **state)
{
    (void)state;
    drop("list.txt", "名单\n统一社会信用代码\t单位名称\t文号\n" CODE "\t甲,乙;丙公司\t1号\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("3 [" CODE "] uscc=" CODE " name=甲,乙;丙公司 document_no=1号 ");
    unlink(path_of("list.txt"));
    drop("list.csv", "信用代码;名称\n" CODE ";甲公司\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("uscc=" CODE " name=甲公司 ");
}

static void one_bad_row_spoils_nothing(void **state)
{
    static char text[200000];
    char *long_name = malloc(70001);

    (void)state;
    memset(long_name, 'x', 70000);
    long_name[70000] = '\0';
    (void)snprintf(text, sizeof(text), HEAD "9.11401E+17,科学记数公司,太原市,1号,2026-3-1,\n"
                   CODE ",乙,火星,1号,2026-3-1,\n" CODE ",丙,城市,1号,2026-3-1,\n" CODE ",丁,太原,1号,2026-13-1,\n"
                   CODE ",%s,太原,1号,2026-3-1,\n,无码公司,太原,1号,2026-3-1,\n" ROW, long_name);
    free(long_name);
    drop("list.csv", text);
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("2 [9.11401E+17] uscc=9.11401E+17 name=科学记数公司 "); /* the code is judged by the gateway */
    expect_log("3 [" CODE "] bad region_code: not a place of the province\n");
    expect_log("5 [" CODE "] bad valid_from: not a date\n");
    expect_log("6 [] bad row: too long\n");
    expect_log("7 [] name=无码公司 ");
    expect_log("8 [" CODE "] " FIELDS);
    assert_int_equal(world.rows, 7);
}

static void a_county_of_several_cities_needs_its_city(void **state)
{
    (void)state;
    drop("list.csv", HEAD CODE ",甲,大同市矿区,1号,2026-3-1,\n" CODE ",乙,山西省长治市郊区,1号,2026-3-1,\n" CODE
         ",丙,综改示范区,1号,2026-3-1,\n" CODE ",丁,140581,1号,2026-3-1,\n" CODE ",戊,大同,1号,2026-3-1,\n" CODE
         ",己,山西省,1号,2026-3-1,\n" CODE ",庚,晋中 祁县,1号,2026-3-1,\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("name=甲 region_code=140203 ");
    expect_log("name=乙 region_code=140411 ");
    expect_log("name=丙 region_code=140171 ");
    expect_log("name=丁 region_code=140581 ");
    expect_log("name=戊 region_code=140200 ");
    expect_log("name=己 region_code=140000 ");
    expect_log("name=庚 region_code=140727 ");
}

static void status_and_date_words(void **state)
{
    (void)state;
    drop("list.csv", "统一社会信用代码,企业名称,状态,有效期,发证日期\n" CODE ",甲,有效,至2027年2月28日,2026.3.1\n" CODE
         ",乙,已撤销,2026.3.1至2029.2.28,46082.5\n" CODE ",丙,也许,,\n" CODE ",丁,,长期有效,20260301\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("name=甲 valid_from=2026-03-01 valid_until=2027-02-28 status=certified\n");
    expect_log("name=乙 valid_from=2026-03-01 valid_until=2029-02-28 status=withdrawn\n");
    expect_log("bad status: not a word");
    expect_log("name=丁 valid_from=2026-03-01 status=certified\n");
}

static void refuses_what_is_no_list(void **state)
{
    static const struct {
        const char *name, *text, *why;
    } cases[] = {
        {"a.csv", "一,二,三\n1,2,3\n", "list.header"},
        {"a.csv", "", "list.header"},
        {"a.csv", "\xff\xfe" "a\n", "UTF-16"},
        {"a.xls", "\xd0\xcf\x11\xe0", "save an old .xls"},
        {"a.xlsx", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "protected by a password"},
        {"a.xlsx", "", "not a workbook"},
        {"a.xlsx", "PK\x03\x04 and nothing", "not a workbook"},
        {"a.ndjson", "[{\"uscc\":\"1\"}]", "a JSON array"},
        {"a.ndjson", "\x1f\x8b\x08 broken", "damaged"},
        {"a.ndjson.zst", "\x28\xb5\x2f\xfd\x04 broken", "damaged"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        drop(cases[i].name, cases[i].text);
        assert_int_equal(fetch(), GWA_REJECTED);
        expect_why(cases[i].why);
        unlink(path_of(cases[i].name));
    }
}

static void a_quote_that_is_never_closed_ends(void **state)
{
    static char text[20000];
    size_t n = (size_t)snprintf(text, sizeof(text), HEAD CODE ",\"甲公司,太原,1号,2026-3-1,\n");

    (void)state;
    for (int i = 0; i < 150; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, CODE2 ",乙,太原,1号,2026-3-1,\n");
    drop("list.csv", text);
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("2 [] bad line: a quote is never closed\n");
    expect_log("152 [" CODE2 "] ");
}

/* ---- NDJSON --------------------------------------------------------------------------------------------------- */

#define OBJECT "{\"uscc\":\"" CODE "\",\"name\":\"甲公司\",\"regionCode\":\"140105\",\"batch\":\"2026-1\",\"documentNo\":\"1号\"," \
               "\"certifiedOn\":\"2026-03-01\",\"validUntil\":\"2027-02-28\",\"status\":\"certified\",\"scale\":3}"
#define OBJECT_FIELDS "uscc=" CODE " name=甲公司 region_code=140105 scale=3 batch=2026-1 document_no=1号 " \
                      "valid_from=2026-03-01 valid_until=2027-02-28 status=certified\n"

static void reads_ndjson_by_either_language(void **state)
{
    (void)state;
    drop("a.ndjson", "\xef\xbb\xbf" OBJECT "\r\n\n{\"统一社会信用代码\":\"" CODE2 "\",\"企业名称\":\"乙公司\",\"状态\":null}\n"
                     "{\"uscc\":\"" CODE "\",\"name\":[1]}\nnot json\n{\"uscc\":\"1\",\"uscc\":\"2\"}\n" OBJECT);
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("1 [" CODE "] " OBJECT_FIELDS);
    expect_log("3 [" CODE2 "] uscc=" CODE2 " name=乙公司 status=certified\n");
    expect_log("4 [" CODE "] bad name: neither a text nor a whole number\n");
    expect_log("5 [] bad line: not a JSON object");
    expect_log("6 [1] bad line: not a JSON object");
    expect_log("7 [" CODE "] " OBJECT_FIELDS);
}

static void unpacks_gzip_and_zstd(void **state)
{
    static char plain[1 << 22];
    size_t n = 0;
    uLongf packed_n = sizeof(plain);

    (void)state;
    while (n < sizeof(plain) - 1024)
        n += (size_t)snprintf(plain + n, 1024, OBJECT "%s", n % 3 == 0 ? "\r\n" : "\n");
    n -= 1; /* the last line has no break */
    uint64_t rows = 0;
    for (const char *p = plain; (p = memmem(p, n - (size_t)(p - plain), "{\"uscc", 6)) != NULL; p++)
        rows++;

    gzFile gz = gzopen(path_of("a.ndjson.gz"), "wb");
    assert_int_equal(gzwrite(gz, plain, (unsigned)(n / 2)), n / 2);
    gzclose(gz);
    gz = gzopen(path_of("a.ndjson.gz"), "ab"); /* a second member, as appending makes one */
    assert_int_equal(gzwrite(gz, plain + n / 2, (unsigned)(n - n / 2)), n - n / 2);
    gzclose(gz);
    age("a.ndjson.gz", 100);
    world.known = "*";
    world.quiet = true;
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(world.rows, rows);
    unlink(path_of("a.ndjson.gz"));

    char *packed = malloc(packed_n);
    size_t made = ZSTD_compress(packed, packed_n, plain, n, 19);
    assert_false(ZSTD_isError(made));
    drop_bytes("a.ndjson.zst", packed, made);
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(world.rows, rows);
    drop_bytes("a.ndjson.zst", packed, made - 3);
    assert_int_equal(fetch(), GWA_REJECTED);
    expect_why("cut off");
    unlink(path_of("a.ndjson.zst"));

    /* a CSV may be packed as well; its encoding is found out in a pass of its own */
    made = ZSTD_compress(packed, packed_n, HEAD ROW, strlen(HEAD ROW), 3);
    drop_bytes("a.csv.zst", packed, made);
    free(packed);
    world.known = NULL;
    world.quiet = false;
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("2 [" CODE "] " FIELDS);
}

static void a_bomb_is_refused_early(void **state)
{
    size_t n = 512u << 20, made;
    void *zeros = calloc(1, n);
    char *packed = malloc(ZSTD_compressBound(n));

    (void)state;
    memset(zeros, ' ', n);
    made = ZSTD_compress(packed, ZSTD_compressBound(n), zeros, n, 1);
    free(zeros);
    drop_bytes("bomb.ndjson", packed, made);
    free(packed);
    assert_int_equal(fetch(), GWA_REJECTED);
    expect_why("unpacks to far more");
    assert_true(world.steps < 12);
}

static void keeps_line_numbers_over_chunks(void **state)
{
    size_t n = 5u << 20, at = 0;
    char *text = malloc(n + 4096);
    uint64_t rows = 0;

    (void)state;
    while (at < n) {
        at += (size_t)snprintf(text + at, 512, OBJECT "\n");
        rows++;
        if (rows == 5000) { /* one that is longer than a chunk */
            memset(text + at, 'x', 3u << 20);
            at += 3u << 20;
            text[at++] = '\n';
            rows++;
        }
    }
    drop_bytes("a.ndjson", text, at);
    free(text);
    world.known = CODE;
    world.quiet = true;
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(world.rows, rows);
    assert_int_equal(world.bad, 1);
}

/* ---- which file ------------------------------------------------------------------------------------------------- */

static void takes_the_oldest_that_is_whole_and_not_done(void **state)
{
    (void)state;
    assert_int_equal(fetch(), GWA_DONE); /* an empty folder: nothing is told */
    assert_int_equal(world.pages, 0);
    drop("b.csv", HEAD ROW);
    drop("a.csv", HEAD CODE2 ",乙,太原,1号,2026-3-1,\n");
    age("a.csv", 100);
    drop("fresh.csv", HEAD ROW);
    age("fresh.csv", 5);
    drop("~$b.xlsx", "lock");
    drop("notes.pdf", "%PDF");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("name=山西示例科技有限公司");
    assert_int_equal(answer("row,code,field,text\r\n,\"done\",\"\",\"好\"\r\n"), GWA_DONE);
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("name=乙");
    assert_int_equal(answer("row,code,field,text\r\n"), GWA_DONE);
    assert_int_equal(fetch(), GWA_DONE); /* both are done, the third may still be growing */
    assert_int_equal(world.pages, 0);
    drop("fresh.csv.ok", "");
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(world.rows, 1);
    drop("b.csv", HEAD CODE2 ",丙,太原,1号,2026-3-1,\n"); /* under the name of one that is done */
    age("b.csv", 50);
    (void)answer("x");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("name=丙");
}

static void the_result_stands_beside_the_file(void **state)
{
    char text[256] = {0};
    FILE *file;

    (void)state;
    drop("名单.csv", HEAD ROW);
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(answer("row,code,field,text\r\n2,\"uscc.check_char\",\"uscc\",\"错\"\r\n"), GWA_DONE);
    file = fopen(path_of("名单.result.csv"), "rb");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, "\xef\xbb\xbfrow,code,field,text\r\n2,\"uscc.check_char\",\"uscc\",\"错\"\r\n");
    /* asked later: it had arrived; after something else was written: it had not */
    assert_int_equal(drive(gwa_entry.resolve), GWA_DONE);
    drop("名单.result.csv", "other");
    assert_int_equal(drive(gwa_entry.resolve), GWA_RETRY);
}

static void with_flags_only_a_flag_counts(void **state)
{
    static const char *const settings[] = {"ready", "ok", NULL};

    (void)state;
    world.settings = settings;
    drop("a.csv", HEAD ROW);
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(world.pages, 0);
    drop("a.ok", "");
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(world.rows, 1);
}

static void grow(unsigned step)
{
    if (step == 4)
        drop("a.csv", HEAD ROW ROW);
}

static void a_file_that_changes_is_tried_again(void **state)
{
    (void)state;
    drop("a.csv", HEAD ROW);
    world.between = grow;
    assert_int_equal(fetch(), GWA_RETRY);
    expect_why("changed while it was read");
}

static void a_named_file_is_read_without_waiting(void **state)
{
    char path[256];

    (void)state;
    drop("a.csv", HEAD ROW);
    age("a.csv", 0);
    (void)snprintf(path, sizeof(path), "%s/a.csv", world.folder);
    world.job.file = path;
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(world.rows, 1);
    world.stop_at = 2;
    assert_int_equal(fetch(), GWA_RETRY);
    (void)snprintf(path, sizeof(path), "%s/gone.csv", world.folder);
    assert_int_equal(fetch(), GWA_REJECTED);
    expect_why("no such file");
}

static void a_source_may_name_its_columns(void **state)
{
    static const char *const settings[] = {"fields.uscc", "主体标识", "fields.name", "主体,主体名", "status.withdrawn", "除名", NULL};

    (void)state;
    world.settings = settings;
    drop("a.csv", "主体标识,主体名,状态\n" CODE ",甲,除名\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("uscc=" CODE " name=甲 status=withdrawn\n");
    unlink(path_of("a.csv"));
    drop("a.ndjson", "{\"主体标识\":\"" CODE "\",\"主体\":\"甲\"}\n");
    assert_int_equal(fetch(), GWA_DONE);
    expect_log("1 [" CODE "] uscc=" CODE " name=甲 status=certified\n");
}

/* ---- workbooks -------------------------------------------------------------------------------------------------- */

static void write_row(lxw_worksheet *sheet, lxw_row_t row, const char *const *cells, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cells[i] != NULL)
            worksheet_write_string(sheet, row, (lxw_col_t)i, cells[i], NULL);
}

static void reads_an_awkward_workbook(void **state)
{
    static const char *const head[] = {"序号", "社会信用代码", "单位名称", "县区", "批次", "文号", "发证日期", "截止日期"};
    lxw_workbook *book = workbook_new(path_of("a.xlsx"));
    lxw_worksheet *hidden = workbook_add_worksheet(book, "旧"), *sheet = workbook_add_worksheet(book, "名单");
    lxw_format *date = workbook_add_format(book);
    lxw_datetime day = {2026, 3, 1, 0, 0, 0};

    (void)state;
    format_set_num_format(date, "yyyy\"年\"m\"月\"d\"日\"");
    worksheet_activate(sheet);
    worksheet_hide(hidden);
    worksheet_write_string(hidden, 0, 0, "统一社会信用代码", NULL);
    worksheet_merge_range(sheet, 0, 0, 1, 7, "山西省优质民营企业名单", NULL);
    write_row(sheet, 3, head, 8);
    worksheet_write_number(sheet, 4, 0, 1, NULL);
    worksheet_write_string(sheet, 4, 1, CODE, NULL);
    worksheet_write_formula_str(sheet, 4, 2, "=\"甲\"&\"公司\"", NULL, "甲公司");
    worksheet_write_string(sheet, 4, 3, "太原市迎泽区", NULL);
    worksheet_write_string(sheet, 4, 4, "2026-1", NULL);
    worksheet_write_string(sheet, 4, 5, "〔2026〕1号", NULL);
    worksheet_write_datetime(sheet, 4, 6, &day, date);
    worksheet_write_string(sheet, 4, 7, "长期", NULL);
    worksheet_write_number(sheet, 6, 1, 911401060000000123.0, NULL); /* the code as a number */
    worksheet_write_string(sheet, 6, 2, "乙", NULL);
    worksheet_write_number(sheet, 6, 6, 20260301, NULL);
    worksheet_write_string(sheet, 7, 1, CODE, NULL);
    worksheet_write_string(sheet, 7, 2, "丙", NULL);
    worksheet_write_datetime(sheet, 7, 4, &day, date); /* 2026-3 became a date */
    worksheet_write_string(sheet, 8, 1, CODE, NULL);
    worksheet_write_string(sheet, 8, 2, "丁", NULL);
    worksheet_write_number(sheet, 8, 6, 46082, NULL);
    worksheet_write_number(sheet, 8, 7, 46446, NULL);
    worksheet_write_string(sheet, 9, 0, "合计", NULL);
    worksheet_write_formula_num(sheet, 9, 2, "=COUNTA(B5:B9)", NULL, 4);
    assert_int_equal(workbook_close(book), LXW_NO_ERROR);
    age("a.xlsx", 100);
    assert_int_equal(fetch(), GWA_DONE);
    assert_int_equal(world.rows, 4);
    expect_log("5 [" CODE "] uscc=" CODE " name=甲公司 region_code=140106 batch=2026-1 document_no=〔2026〕1号 "
               "valid_from=2026-03-01 status=certified\n");
    expect_log("7 [9.11401060000000");
    expect_log("name=乙 valid_from=2026-03-01 ");
    expect_log("8 [" CODE "] bad batch: the spreadsheet turned it into a date\n");
    expect_log("name=丁 valid_from=2026-03-01 valid_until=2027-02-28 ");
}

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void reads_fifty_thousand_rows(void **state)
{
    static const char *const head[] = {"统一社会信用代码", "企业名称", "所在地", "行业", "规模", "级别", "批次", "文号", "状态"};
    lxw_workbook_options options = {.constant_memory = LXW_FALSE};
    lxw_workbook *book = workbook_new_opt(path_of("big.xlsx"), &options);
    lxw_worksheet *sheet = workbook_add_worksheet(book, "名单");
    double began;

    (void)state;
    write_row(sheet, 0, head, 9);
    for (lxw_row_t i = 1; i <= 50000; i++) {
        char code[32], name[64];
        const char *cells[] = {code, name, "太原市小店区", "C2669", "3", "省级", "2026-1", "晋民营发〔2026〕1号", "有效"};

        (void)snprintf(code, sizeof(code), "91140105MA%08u", i);
        (void)snprintf(name, sizeof(name), "山西示例第%u号科技有限责任公司", i);
        write_row(sheet, i, cells, 9);
        worksheet_write_number(sheet, i, 9, 46082, NULL);
    }
    assert_int_equal(workbook_close(book), LXW_NO_ERROR);
    age("big.xlsx", 100);
    world.quiet = true;
    began = cpu_seconds();
    assert_int_equal(fetch(), GWA_DONE);
    printf("50,000 rows: %.2f s of CPU in %u steps\n", cpu_seconds() - began, world.steps);
    assert_int_equal(world.parsed, 50000);
    assert_int_equal(world.bad, 0);
}

struct part {
    const char *name, *text;
};

static void drop_zip(const char *name, const struct part *parts, size_t n)
{
    int fault = 0;
    zip_t *zip = zip_open(path_of(name), ZIP_CREATE | ZIP_TRUNCATE, &fault);

    assert_non_null(zip);
    for (size_t i = 0; i < n; i++)
        assert_true(zip_file_add(zip, parts[i].name, zip_source_buffer(zip, parts[i].text, strlen(parts[i].text), 0), 0) >= 0);
    assert_int_equal(zip_close(zip), 0);
    age(name, 100);
}

#define RELS                                                                                                          \
    {"_rels/.rels", "<Relationships><Relationship Id='r' Type='t/officeDocument' Target='/b/book.xml'/></Relationships>"}, \
    {"b/_rels/book.xml.rels", "<Relationships><Relationship Id='r1' Type='t/worksheet' Target='s.xml'/></Relationships>"}
#define BOOK {"b/book.xml", "<x:workbook xmlns:x='u' xmlns:r='v'><x:workbookPr date1904='1'/><x:sheets><x:sheet name='s' r:id='r1'/></x:sheets></x:workbook>"}

static enum gwa_verdict fetch_sheet(const char *sheet)
{
    const struct part parts[] = {RELS, BOOK, {"b/s.xml", sheet}};

    drop_zip("a.xlsx", parts, 4);
    return fetch();
}

#define INLINE(r, text) "<x:c r='" r "' t='inlineStr'><x:is><x:t>" text "</x:t></x:is></x:c>"
#define SHEET_HEAD "<x:worksheet xmlns:x='u'><x:sheetData><x:row r='1'>" INLINE("A1", "信用代码") INLINE("B1", "名称") INLINE("C1", "认定日期") "</x:row>"

static void reads_inline_text_prefixes_and_days_since_1904(void **state)
{
    (void)state;
    assert_int_equal(fetch_sheet(SHEET_HEAD "<x:row><x:c t='str'><x:v>" CODE "</x:v></x:c>"
                                 "<x:c t='inlineStr'><x:is><x:r><x:t>甲&amp;</x:t></x:r><x:r><x:t><![CDATA[<乙>]]></x:t></x:r></x:is></x:c>"
                                 "<x:c><x:v>44620</x:v></x:c></x:row>"
                                 "<x:row r='5'>" INLINE("A5", CODE2) "<x:c r='B5'><x:f>A1</x:f></x:c></x:row>"
                                 "</x:sheetData></x:worksheet>"),
                     GWA_DONE);
    expect_log("2 [" CODE "] uscc=" CODE " name=甲&<乙> valid_from=2026-03-01 status=certified\n");
    expect_log("5 [" CODE2 "] bad name: a formula that was saved without its value\n");
}

static void goes_on_where_a_step_ended_whatever_the_prefix(void **state)
{
    size_t size = 40u << 20, n;
    char *sheet = malloc(size);

    (void)state;
    n = (size_t)snprintf(sheet, size, SHEET_HEAD);
    for (int i = 2; i <= 20001; i++)
        n += (size_t)snprintf(sheet + n, size - n, "<x:row r='%d' y:odd='1' xmlns:y='z'><x:c r='A%d' t='str'><x:v>911401050000%06d</x:v></x:c>"
                              "<x:c r='B%d' t='str'><x:v>甲%d</x:v></x:c></x:row>\n", i, i, i, i, i);
    (void)snprintf(sheet + n, size - n, "</x:sheetData></x:worksheet>");
    assert_int_equal(fetch_sheet(sheet), GWA_DONE);
    free(sheet);
    assert_int_equal(world.parsed, 20000);
    assert_int_equal(world.bad, 0);
    expect_log("2 [911401050000000002] ");
}

static void refuses_hostile_workbooks(void **state)
{
    size_t n = 40u << 20;
    char *spaces = malloc(n + 1);

    (void)state;
    assert_int_equal(fetch_sheet("<!DOCTYPE w [<!ENTITY a 'aaaa'>]><w><sheetData/></w>"), GWA_REJECTED);
    expect_why("document type declaration");
    assert_int_equal(fetch_sheet("<!DOCTYPE w SYSTEM 'file:///etc/passwd'><w><sheetData/></w>"), GWA_REJECTED);
    expect_why("document type declaration");
    assert_int_equal(fetch_sheet(SHEET_HEAD "<x:row r='2'>" INLINE("A2", "&secret;") "</x:row></x:sheetData></x:worksheet>"), GWA_REJECTED);
    expect_why("damaged");
    assert_int_equal(fetch_sheet(SHEET_HEAD "<x:row r='2'>"), GWA_REJECTED);
    expect_why("damaged");
    assert_int_equal(fetch_sheet(SHEET_HEAD "<x:row r='1'/></x:sheetData></x:worksheet>"), GWA_REJECTED);
    expect_why("out of order");
    assert_int_equal(fetch_sheet(SHEET_HEAD "<x:row r='99999999'/></x:sheetData></x:worksheet>"), GWA_REJECTED);
    expect_why("out of order");
    assert_int_equal(fetch_sheet(SHEET_HEAD "<x:row r='2'><x:c r='A2' t='s'><x:v>7</x:v></x:c></x:row></x:sheetData></x:worksheet>"), GWA_REJECTED);
    expect_why("a text that is not there");
    assert_int_equal(fetch_sheet("<w><sheetData><row r='1'><c r='A1' t='str'><v>x</v></c></row></sheetData></w>"), GWA_REJECTED);
    expect_why("list.header");
    assert_int_equal(fetch_sheet("<?xml version='1.0' encoding='GBK'?><w><sheetData/></w>"), GWA_REJECTED);
    expect_why("not in UTF-8");
    memset(spaces, ' ', n);
    spaces[n] = '\0';
    memcpy(spaces, "<w>", 3);
    assert_int_equal(fetch_sheet(spaces), GWA_REJECTED);
    expect_why("unpacks to far more");
    free(spaces);
}

static void a_workbook_has_bounds(void **state)
{
    static const struct part hidden[] = {RELS, {"b/book.xml", "<workbook xmlns:r='v'><sheets><sheet state='veryHidden' r:id='r1'/></sheets></workbook>"}};
    static struct part many[2500];
    static char names[2500][16];

    (void)state;
    drop_zip("a.xlsx", hidden, 3);
    assert_int_equal(fetch(), GWA_REJECTED);
    expect_why("no visible sheet");
    for (size_t i = 0; i < 2500; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "p%zu", i);
        many[i] = (struct part){names[i], "x"};
    }
    drop_zip("a.xlsx", many, 2500);
    assert_int_equal(fetch(), GWA_REJECTED);
    expect_why("too many parts");
    char *large = calloc(1, XLSX_BYTES_MAX + 1);
    drop_bytes("a.xlsx", large, XLSX_BYTES_MAX + 1);
    free(large);
    assert_int_equal(fetch(), GWA_REJECTED);
    expect_why("12 MiB");
}

/* Far-right cells and long cells are left out or refused; they never reach beyond the row. */
static void wide_and_long_cells(void **state)
{
    char *sheet = malloc(300000), *text = malloc(80001);

    (void)state;
    memset(text, 'x', 80000);
    text[80000] = '\0';
    (void)snprintf(sheet, 300000, SHEET_HEAD "<x:row r='2'>" INLINE("A2", CODE) INLINE("B2", "甲") INLINE("XFD2", "far")
                   "</x:row><x:row r='3'>" INLINE("A3", CODE) "<x:c r='B3' t='str'><x:v>%s</x:v></x:c></x:row>"
                   "<x:row r='4'>" INLINE("A4", CODE2) INLINE("B4", "乙") "</x:row></x:sheetData></x:worksheet>", text);
    assert_int_equal(fetch_sheet(sheet), GWA_DONE);
    free(sheet);
    free(text);
    expect_log("2 [" CODE "] uscc=" CODE " name=甲 status=certified\n");
    expect_log("3 [] bad row: too long\n");
    expect_log("4 [" CODE2 "] uscc=" CODE2 " name=乙 status=certified\n");
}

/* ---- speed ------------------------------------------------------------------------------------------------------ */

static void passes_over_known_lines_quickly(void **state)
{
    size_t size = 64u << 20, n = 0;
    char *text = malloc(size);
    uint64_t rows = 0;
    double began, took;

    (void)state;
    for (; n < size - 1024; rows++)
        n += (size_t)snprintf(text + n, 1024,
                              "{\"uscc\":\"91140105MA%08llu\",\"name\":\"山西示例第%llu号科技有限公司\",\"regionCode\":\"140105\","
                              "\"industryCode\":\"C2669\",\"scale\":\"3\",\"level\":\"省级\",\"batch\":\"2026-1\","
                              "\"documentNo\":\"晋民营发〔2026〕1号\",\"certifiedOn\":\"2026-03-01\",\"status\":\"certified\"}\n",
                              (unsigned long long)rows, (unsigned long long)rows);
    drop_bytes("a.ndjson", text, n);
    free(text);
    world.known = "*";
    world.quiet = true;
    began = cpu_seconds();
    assert_int_equal(fetch(), GWA_DONE);
    took = cpu_seconds() - began;
    printf("%llu known lines: %.0f a second of CPU, without the gateway's part\n", (unsigned long long)rows, (double)rows / took);
    assert_int_equal(world.rows, rows);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_a_csv_with_titles_totals_and_notes),
        TEST(reads_gb18030_whatever_was_declared),
        TEST(finds_tabs_and_semicolons),
        TEST(one_bad_row_spoils_nothing),
        TEST(a_county_of_several_cities_needs_its_city),
        TEST(status_and_date_words),
        TEST(refuses_what_is_no_list),
        TEST(a_quote_that_is_never_closed_ends),
        TEST(reads_ndjson_by_either_language),
        TEST(unpacks_gzip_and_zstd),
        TEST(a_bomb_is_refused_early),
        TEST(keeps_line_numbers_over_chunks),
        TEST(takes_the_oldest_that_is_whole_and_not_done),
        TEST(the_result_stands_beside_the_file),
        TEST(with_flags_only_a_flag_counts),
        TEST(a_file_that_changes_is_tried_again),
        TEST(a_named_file_is_read_without_waiting),
        TEST(a_source_may_name_its_columns),
        TEST(reads_an_awkward_workbook),
        TEST(reads_fifty_thousand_rows),
        TEST(reads_inline_text_prefixes_and_days_since_1904),
        TEST(goes_on_where_a_step_ended_whatever_the_prefix),
        TEST(refuses_hostile_workbooks),
        TEST(a_workbook_has_bounds),
        TEST(wide_and_long_cells),
        TEST(passes_over_known_lines_quickly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
