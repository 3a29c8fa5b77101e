/* The bureau adapter under a host that the test plays: pages as they come, what is asked for, what is handed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "bureau.h"
#include "crypto/crypto.h"

extern const uint32_t gwa_abi;
extern const struct gwa_adapter gwa_entry;

/* ---- the host --------------------------------------------------------------------------------------------- */

struct answer {
    enum gwa_io_state state; /* NONE: OK with status 200 */
    int status;
    const char *body;
    size_t n; /* 0: strlen(body) */
};

static struct world {
    struct gwa_job job;
    const char *const *settings; /* name, value, … NULL */
    const struct answer *answers;
    size_t asked;
    char url[8][512], body[8][512], method[8][8], headers[8][1024];
    char log[1 << 16]; /* what was handed over, one line each */
    size_t log_n;
    char why[512];
    void *blocks[16];
    size_t block_n;
    const char *known; /* this code's rows are known */
    uint64_t stop_at;  /* line that is answered with STOP; 0 none */
    bool quiet;        /* log nothing, know everything */
} world;

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    world.log_n += (size_t)vsnprintf(world.log + world.log_n, sizeof(world.log) - world.log_n, format, args);
    va_end(args);
}

static void *fake_alloc(struct gwa_job *job, size_t n)
{
    (void)job;
    assert_true(world.block_n < 16);
    return world.blocks[world.block_n++] = calloc(1, n);
}

static void fake_say(struct gwa_job *job, int level, const char *text)
{
    (void)job;
    (void)level;
    (void)text;
}

static void fake_io(struct gwa_job *job, const struct gwa_io *io)
{
    size_t i = world.asked++;

    (void)job;
    assert_int_equal(io->kind, GWA_HTTP);
    if (world.quiet)
        return;
    assert_true(i < 8);
    (void)snprintf(world.url[i], sizeof(world.url[i]), "%s", io->target);
    (void)snprintf(world.method[i], sizeof(world.method[i]), "%s", io->method);
    (void)snprintf(world.body[i], sizeof(world.body[i]), "%.*s", (int)io->body.n, (const char *)io->body.p);
    world.headers[i][0] = '\0';
    for (size_t k = 0; io->headers[k] != NULL; k++) {
        strcat(world.headers[i], io->headers[k]);
        strcat(world.headers[i], "\n");
    }
}

static bool fake_hmac(struct gwa_job *job, const char *name, struct gwa_bytes in, char *out, size_t size)
{
    uint8_t mac[CRYPTO_DIGEST_SIZE];
    struct buf text;

    (void)job;
    assert_string_equal(name, "secret_file");
    crypto_hmac_sha256(bytes_str("TEST-SECRET-32-CHARS-ABCDEFGHIJKL"), bytes_of(in.p, in.n), mac);
    buf_init(&text, 64);
    base64_encode(&text, bytes_of(mac, sizeof(mac)), false);
    (void)snprintf(out, size, "%s", (const char *)text.p);
    buf_free(&text);
    return true;
}

static const char *fake_setting(const struct gwa_job *job, const char *name)
{
    (void)job;
    for (size_t i = 0; world.settings[i] != NULL; i += 2)
        if (strcmp(world.settings[i], name) == 0)
            return world.settings[i + 1];
    for (const struct gwa_setting *s = gwa_entry.settings; s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            return s->type == GWA_MAP ? NULL : s->type == GWA_DURATION ? "30000" : s->fallback;
    return NULL;
}

static int64_t fake_now(const struct gwa_job *job)
{
    (void)job;
    return 1700000000000;
}

static bool fake_page(struct gwa_job *job, const struct gwa_page *page)
{
    (void)job;
    if (!world.quiet)
        put("page %llu version=%s total=%lld bytes=%zu\n", (unsigned long long)page->number,
            page->list_version == NULL ? "-" : page->list_version, (long long)page->total, page->raw.n);
    return true;
}

static enum gwa_row_answer fake_row(struct gwa_job *job, uint64_t line, struct gwa_bytes code, struct gwa_bytes raw)
{
    (void)job;
    assert_true(raw.n > 0 && raw.n <= 64 << 10);
    if (world.quiet)
        return GWA_ROW_KNOWN;
    put("%llu [%.*s]", (unsigned long long)line, (int)code.n, (const char *)code.p);
    if (line == world.stop_at) {
        put(" stop\n");
        return GWA_ROW_STOP;
    }
    if (world.known == NULL || code.n != strlen(world.known) || memcmp(code.p, world.known, code.n) != 0)
        return GWA_ROW_PARSE;
    put(" known\n");
    return GWA_ROW_KNOWN;
}

static void fake_fields(struct gwa_job *job, const struct gwa_field *fields, size_t n)
{
    (void)job;
    for (size_t i = 0; i < n; i++)
        put(" %s=%.*s", fields[i].name, (int)fields[i].value.n, (const char *)fields[i].value.p);
    put("\n");
}

static void fake_bad(struct gwa_job *job, const char *field, const char *text)
{
    (void)job;
    put(" bad %s: %s\n", field, text);
}

static void fake_why(struct gwa_job *job, const char *text)
{
    (void)job;
    (void)snprintf(world.why, sizeof(world.why), "%s", text);
}

static const struct gwa_host fake = {
    sizeof(fake), fake_alloc, fake_say, fake_io,     fake_hmac, fake_setting,
    fake_now,     fake_page,  fake_row, fake_fields, fake_bad,  fake_why,
};

static void reset(const char *const *settings, const struct answer *answers)
{
    memset(&world, 0, sizeof(world));
    world.settings = settings;
    world.answers = answers;
    world.job.host = &fake;
}

static enum gwa_verdict go(void)
{
    enum gwa_verdict verdict;
    void *instance = NULL;

    if (!gwa_entry.open(&world.job, &instance))
        fail_msg("not opened: %s", world.why);
    world.job.instance = instance;
    while ((verdict = gwa_entry.fetch(&world.job)) == GWA_WAIT) {
        const struct answer *answer = &world.answers[world.asked - 1];
        struct gwa_io_result *result = &world.job.result;

        result->state = answer->state == GWA_IO_NONE ? GWA_IO_OK : answer->state;
        result->status = answer->status == 0 ? 200 : answer->status;
        result->headers = "";
        result->why = answer->state == GWA_IO_NONE ? "" : "the connection could not be made";
        result->body =
            (struct gwa_bytes){(const uint8_t *)answer->body, answer->n == 0 ? strlen(answer->body) : answer->n};
        /* a copy without a byte to spare, so that reading beyond it is seen */
        if (!world.quiet && result->body.n > 0) {
            uint8_t *exact = fake_alloc(&world.job, result->body.n);

            memcpy(exact, result->body.p, result->body.n);
            result->body.p = exact;
        }
    }
    gwa_entry.close(instance);
    for (size_t i = 0; i < world.block_n; i++)
        free(world.blocks[i]);
    return verdict;
}

#define URL "url", "https://bureau.example/api"
static const char *const plain[] = {URL, NULL};
#define PAGE(version, total, number, rows)                                                                             \
    "{\"code\":\"0\",\"message\":\"ok\",\"data\":{\"listVersion\":\"" version "\",\"total\":" total                    \
    ",\"pageNo\":" number ",\"pageSize\":500,\"rows\":[" rows "]}}"
#define ROW(code) "{\"uscc\":\"" code "\",\"name\":\"N\",\"status\":\"certified\"}"

static enum gwa_verdict one(const char *const *settings, const char *body)
{
    static struct answer answers[1];

    answers[0] = (struct answer){.body = body};
    reset(settings, answers);
    return go();
}

static void expect_why(const char *words)
{
    if (strstr(world.why, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, world.why);
}

static void expect_log(const char *text)
{
    if (strstr(world.log, text) == NULL)
        fail_msg("\"%s\" is not in:\n%s", text, world.log);
}

/* ---- the default dialect ------------------------------------------------------------------------------------ */

static void reads_the_contracts_page(void **state)
{
    const char *body =
        "{\"code\":\"0\",\"message\":\"ok\",\"data\":{\"listVersion\":\"2026-11\",\"total\":1,\"pageNo\":1,"
        "\"pageSize\":500,\n"
        " \"rows\":[{\"uscc\":\"91140106MA00PFCM02\",\"name\":\"山西示例科技有限公司\",\"regionCode\":\"140105\","
        "\"industryCode\":\"C2669\",\"scale\":\"3\",\"level\":\"省级\",\"batch\":\"2026-1\","
        "\"documentNo\":\"晋民营发〔2026〕1号\",\"certifiedOn\":\"2026-03-01\",\"validUntil\":\"2027-02-28\","
        "\"status\":\"certified\"}]}}";

    (void)state;
    assert_int_equal(one(plain, body), GWA_DONE);
    assert_int_equal(world.asked, 1);
    assert_string_equal(world.url[0], "https://bureau.example/api/quality-enterprises?pageNo=1&pageSize=500");
    assert_string_equal(world.method[0], "GET");
    assert_string_equal(world.headers[0], "Accept: application/json\n");
    expect_log("page 1 version=2026-11 total=1 ");
    expect_log("1 [91140106MA00PFCM02] uscc=91140106MA00PFCM02 name=山西示例科技有限公司 region_code=140105 "
               "industry_code=C2669 scale=3 level=省级 batch=2026-1 document_no=晋民营发〔2026〕1号 "
               "valid_from=2026-03-01 valid_until=2027-02-28 status=certified\n");
}

static void the_sample_is_what_the_readme_says(void **state)
{
    static char text[4096];
    FILE *f = fopen(SOURCE_DIR "/adapters/bureau/sample.json", "r");

    (void)state;
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
    (void)fclose(f);
    assert_int_equal(one(plain, text), GWA_DONE);
    expect_log("page 1 version=2026-11 total=3 ");
    expect_log(
        "2 [91140213MA00PFCP5W] uscc=91140213MA00PFCP5W name=大同示例二号装备有限公司 region_code=140213 "
        "industry_code=C3489 scale=2 level=省级 batch=2026-1 document_no=晋民营发〔2026〕1号 valid_from=2026-03-01 "
        "status=certified\n");
    expect_log(" valid_from=2025-03-01 status=withdrawn reason=企业申请\n");
}

static void turns_pages_until_the_total(void **state)
{
    static const struct answer answers[] = {
        {.body = PAGE("v1", "3", "1", ROW("A") "," ROW("B"))},
        {.body = PAGE("v1", "3", "2", ROW("C"))},
    };

    (void)state;
    reset(plain, answers);
    assert_int_equal(go(), GWA_DONE);
    assert_int_equal(world.asked, 2);
    assert_string_equal(world.url[1], "https://bureau.example/api/quality-enterprises?pageNo=2&pageSize=500");
    expect_log("page 2 version=v1 total=3");
    expect_log("3 [C] uscc=C name=N status=certified\n");
}

static void turns_pages_until_an_empty_one(void **state)
{
    static const struct answer unsaid[] = {
        {.body = "{\"code\":\"0\",\"data\":{\"rows\":[" ROW("A") "]}}"},
        {.body = "{\"code\":\"0\",\"data\":{\"rows\":[ ]}}"},
    };
    static const struct answer more_announced[] = {
        {.body = PAGE("v1", "9", "1", ROW("A"))},
        {.body = PAGE("v1", "9", "2", "")},
    };

    (void)state;
    reset(plain, unsaid);
    assert_int_equal(go(), GWA_DONE);
    assert_int_equal(world.asked, 2);
    expect_log("page 1 version=- total=-1");
    reset(plain, more_announced);
    assert_int_equal(go(), GWA_DONE);
    assert_int_equal(world.asked, 2);
    assert_int_equal(one(plain, PAGE("v1", "0", "1", "")), GWA_DONE);
    assert_int_equal(one(plain, "{\"code\":\"0\",\"data\":{\"total\":0,\"rows\":null}}"), GWA_DONE);
}

static void a_known_row_is_not_parsed(void **state)
{
    (void)state;
    reset(plain, (const struct answer[]){{.body = PAGE("v", "2", "1", "{\"uscc\":\"A\",\"name\":broken}," ROW("B"))}});
    world.known = "A";
    assert_int_equal(go(), GWA_DONE);
    expect_log("1 [A] known\n2 [B] uscc=B");
}

static void stops_when_told(void **state)
{
    (void)state;
    reset(plain, (const struct answer[]){{.body = PAGE("v", "3", "1", ROW("A") "," ROW("B") "," ROW("C"))}});
    world.stop_at = 2;
    assert_int_equal(go(), GWA_RETRY);
    assert_null(strstr(world.log, "[C]"));
}

/* ---- lists that move, pages that are none ------------------------------------------------------------------- */

static void expect_change(const char *second, const char *words)
{
    struct answer answers[] = {{.body = PAGE("v1", "4", "1", ROW("A") "," ROW("B"))}, {.body = second}};

    reset(plain, answers);
    assert_int_equal(go(), GWA_RETRY);
    expect_why("list.changed: ");
    expect_why(words);
}

static void a_list_that_changes_is_told(void **state)
{
    (void)state;
    expect_change(PAGE("v2", "4", "2", ROW("C")), "listVersion");
    expect_change(PAGE("v1", "5", "2", ROW("C")), "total");
    expect_change(PAGE("v1", "4", "1", ROW("A")), "came again");
    expect_change(PAGE("v1", "4", "3", ROW("C")), "left out");
    /* the page calls itself the second but is the first once more */
    expect_change(PAGE("v1", "4", "2", ROW("A") "," ROW("B")), "same rows");
    /* the host hears of it as well */
    expect_change(PAGE("v2", "4", "2", ROW("C")), "");
    expect_log("page 2 version=v2");
}

static void expect_no_page(const char *body, const char *words)
{
    if (one(plain, body) != GWA_RETRY)
        fail_msg("accepted: %s", body);
    expect_why(words);
    assert_int_equal(world.log_n == 0 || strstr(world.log, "uscc=") == NULL, 1);
}

static void what_is_no_page_is_tried_again(void **state)
{
    (void)state;
    expect_no_page("", "list.page: not a whole JSON object");
    expect_no_page("[]", "not a whole JSON object");
    expect_no_page("{\"code\":\"0\",\"data\":{\"rows\":[" ROW("A"), "not a whole JSON object");
    expect_no_page(PAGE("v", "1", "1", ROW("A")) "x", "not a whole JSON object");
    expect_no_page("{\"code\":\"0\",\"code\":\"0\",\"data\":{\"rows\":[]}}", "there twice");
    expect_no_page("{\"code\":\"0\",\"data\":{\"rows\":[],\"rows\":[" ROW("A") "]}}", "there twice");
    expect_no_page("{\"code\":\"0\",\"data\":{\"rows\":[1 2]}}", "cannot be told apart");
    expect_no_page("{\"code\":\"0\",\"data\":{\"rows\":[1,]}}", "cannot be told apart");
    expect_no_page("{\"code\":\"0\",\"data\":{\"rows\":[\"a\" \"b\"]}}", "cannot be told apart");
    expect_no_page("{\"code\":\"0\",\"data\":{}}", "no rows");
    expect_no_page("{\"code\":\"0\",\"data\":{\"rows\":{}}}", "not a list");
    expect_no_page("{\"data\":{\"rows\":[]}}", "the code is missing");
    expect_no_page("{\"code\":{},\"data\":{\"rows\":[]}}", "the code is missing");
    expect_no_page(PAGE("v", "-1", "1", ""), "not a number");
    expect_no_page(PAGE("v", "1.5", "1", ""), "not a number");
    expect_no_page(PAGE("v", "\"many\"", "1", ""), "not a number");
    expect_no_page("{\"code\":\"0\",\"data\":{\"listVersion\":[],\"rows\":[]}}", "list version");
}

static void failures_keep_their_words(void **state)
{
    static const struct answer html = {
        .body = "\n<!DOCTYPE html><html><title>502 Bad Gateway</title><body><h1>稍后再试</h1>"
                "<p>call 13800138000</p></body></html>"};
    static const struct answer error = {.status = 500, .body = "Internal\r\n\tError \xff caf\xc3\xa9"};
    static const struct answer denied = {.status = 403, .body = "no such certificate"};
    static const struct answer moved = {.status = 302, .body = ""};
    static const struct answer busy = {.status = 429, .body = ""};
    static const struct answer down = {.state = GWA_IO_FAILED, .body = ""};
    static const struct answer unsure = {.state = GWA_IO_UNSURE, .body = ""};

    (void)state;
    expect_no_page("{\"code\":\"E4001\",\"message\":\"系统\\n繁忙\",\"data\":null}",
                   "source.failed: code E4001: 系统 繁忙");
    expect_no_page("{\"code\":500}", "source.failed: code 500");
    reset(plain, &html);
    assert_int_equal(go(), GWA_RETRY);
    expect_why("a web page instead of a list: 502 Bad Gateway 稍后再试 call #");
    reset(plain, &error);
    assert_int_equal(go(), GWA_RETRY);
    expect_why("HTTP status 500: Internal Error café");
    reset(plain, &denied);
    assert_int_equal(go(), GWA_REJECTED);
    expect_why("HTTP status 403: no such certificate");
    reset(plain, &moved);
    assert_int_equal(go(), GWA_REJECTED);
    reset(plain, &busy);
    assert_int_equal(go(), GWA_RETRY);
    reset(plain, &down);
    assert_int_equal(go(), GWA_RETRY);
    expect_why("no answer: the connection could not be made");
    reset(plain, &unsure);
    assert_int_equal(go(), GWA_RETRY);
}

static void long_words_are_cut(void **state)
{
    char text[4096];
    char out[BUREAU_TEXT_MAX];

    (void)state;
    memset(text, 'x', sizeof(text));
    page_words((struct gwa_bytes){(uint8_t *)text, sizeof(text)}, out);
    assert_int_equal(strlen(out), BUREAU_TEXT_MAX - 1);
    memset(text, '9', sizeof(text));
    page_words((struct gwa_bytes){(uint8_t *)text, sizeof(text)}, out);
    assert_string_equal(out, "#");
    page_words((struct gwa_bytes){(const uint8_t *)"a<b <i>c</i>\x01\x02 d<", 18}, out);
    assert_string_equal(out, "a c d<");
}

/* ---- other dialects ------------------------------------------------------------------------------------------- */

static void names_and_wrappers_are_settings(void **state)
{
    static const char *const settings[] = {URL,           "path",
                                           "open/list",   "success",
                                           "0000,200",    "members.code",
                                           "head.status", "members.data",
                                           "body",        "members.rows",
                                           "page.items",  "members.total",
                                           "page.count",  "members.list_version",
                                           "edition",     "members.page_no",
                                           "page.index",  "fields.uscc",
                                           "creditCode",  "fields.name",
                                           "base.title",  "fields.valid_from",
                                           "from",        "status.certified",
                                           "有效,1",      "status.withdrawn",
                                           "撤销,0",      "fields.status",
                                           "state",       NULL};
    const char *body =
        "{\"head\":{\"status\":200},\"body\":{\"edition\":202611,\"page\":{\"items\":[{\"creditCode\":\"A\","
        "\"base\":{\"title\":\"T\"},\"from\":20260301,\"state\":1},{\"creditCode\":\"B\",\"base\":{},"
        "\"state\":\" 撤销 \"}],\"count\":\"2\",\"index\":1}}}";

    (void)state;
    assert_int_equal(one(settings, body), GWA_DONE);
    assert_string_equal(world.url[0], "https://bureau.example/api/open/list?pageNo=1&pageSize=500");
    expect_log("page 1 version=202611 total=2");
    expect_log("1 [A] uscc=A name=T valid_from=2026-03-01 status=certified\n2 [B] uscc=B status=withdrawn\n");
}

static void rows_may_be_the_data_or_the_root_may_hold_all(void **state)
{
    static const char *const data[] = {URL, "members.rows", "", NULL};
    static const char *const root[] = {URL, "members.data", "", NULL};
    static const char *const neither[] = {URL, "members.data", "", "members.rows", "", NULL};
    void *instance;

    (void)state;
    reset(data, (const struct answer[]){{.body = "{\"code\":\"0\",\"data\":[" ROW("A") "]}"},
                                        {.body = "{\"code\":\"0\",\"data\":[]}"}});
    assert_int_equal(go(), GWA_DONE);
    expect_log("1 [A] uscc=A");
    assert_int_equal(one(root, "{\"code\":\"0\",\"total\":1,\"rows\":[" ROW("B") "]}"), GWA_DONE);
    expect_log("1 [B] uscc=B");
    reset(neither, NULL);
    assert_false(gwa_entry.open(&world.job, &instance));
}

static void posts_json_and_forms(void **state)
{
    static const char *const json[] = {"url",
                                       "https://b.example//",
                                       "method",
                                       "post",
                                       "page_parameter",
                                       "page.no",
                                       "size_parameter",
                                       "limit",
                                       "page_size",
                                       "20",
                                       "first_page",
                                       "0",
                                       "query",
                                       "k=v",
                                       NULL};
    static const char *const form[] = {URL,        "method", "post",      "body", "form", "since_format",
                                       "datetime", "path",   "/list?x=y", NULL};
    static const struct answer pages[] = {{.body = PAGE("v", "2", "0", ROW("A"))},
                                          {.body = PAGE("v", "2", "1", ROW("B"))}};

    (void)state;
    reset(json, pages);
    assert_int_equal(go(), GWA_DONE);
    assert_string_equal(world.url[0], "https://b.example/quality-enterprises?k=v");
    assert_string_equal(world.method[0], "POST");
    assert_string_equal(world.body[0], "{\"page.no\":0,\"limit\":20}");
    assert_string_equal(world.body[1], "{\"page.no\":1,\"limit\":20}");
    expect_log("page 1 ");
    assert_non_null(strstr(world.headers[0], "Content-Type: application/json\n"));
    reset(form, (const struct answer[]){{.body = PAGE("v", "0", "1", "")}});
    world.job.scope = GWA_DELTA;
    world.job.updated_since_ms = 1764000000000;
    assert_int_equal(go(), GWA_DONE);
    assert_string_equal(world.url[0], "https://bureau.example/api/list?x=y");
    assert_string_equal(world.body[0], "pageNo=1&pageSize=500&updatedSince=2025-11-25%2000%3A00%3A00");
    assert_non_null(strstr(world.headers[0], "Content-Type: application/x-www-form-urlencoded\n"));
}

static void delta_runs_say_since_when(void **state)
{
    static const struct answer empty[] = {{.body = PAGE("v", "0", "1", "")}};

    (void)state;
    reset(plain, empty);
    world.job.scope = GWA_DELTA;
    world.job.updated_since_ms = 1764000000000;
    assert_int_equal(go(), GWA_DONE);
    assert_string_equal(world.url[0], "https://bureau.example/api/quality-enterprises?pageNo=1&pageSize=500"
                                      "&updatedSince=2025-11-25T00%3A00%3A00%2B08%3A00");
    reset(plain, empty);
    world.job.scope = GWA_DELTA;
    assert_int_equal(go(), GWA_DONE);
    assert_null(strstr(world.url[0], "updatedSince"));
    reset(plain, empty);
    world.job.scope = GWA_FULL;
    world.job.updated_since_ms = 1764000000000;
    assert_int_equal(go(), GWA_DONE);
    assert_null(strstr(world.url[0], "updatedSince"));
}

static void tokens_and_hmac_go_into_headers(void **state)
{
    static const char *const token[] = {URL, "auth", "token", "token_file", "secret-handle", NULL};
    static const char *const named[] = {URL,       "auth",         "token", "token_file", "h", "token_header",
                                        "X-Token", "token_prefix", "",      NULL};
    static const char *const hmac[] = {URL,   "auth",        "hmac",        "rid", "rid-TEST",
                                       "sid", "s_TEST_0001", "secret_file", "h",   NULL};

    (void)state;
    assert_int_equal(one(token, PAGE("v", "0", "1", "")), GWA_DONE);
    assert_non_null(strstr(world.headers[0], "\nAuthorization: Bearer secret-handle\n"));
    assert_int_equal(one(named, PAGE("v", "0", "1", "")), GWA_DONE);
    assert_non_null(strstr(world.headers[0], "\nX-Token: h\n"));
    assert_int_equal(one(hmac, PAGE("v", "0", "1", "")), GWA_DONE);
    assert_non_null(strstr(world.headers[0], "gjgxjhpt_rid: rid-TEST\ngjgxjhpt_sid: s_TEST_0001\n"
                                             "gjgxjhpt_rtime: 1700000000000\n"
                                             "gjgxjhpt_sign: KAtvfHG/Q7zMjmKbhg3jx31mBq7oFIpHL/DrDDGdIt4=\n"));
}

static void settings_that_make_no_sense_are_refused(void **state)
{
    static const char *const bad[][6] = {
        {"url", "ftp://x", NULL},
        {URL, "method", "put", NULL},
        {URL, "body", "xml", NULL},
        {URL, "since_format", "unix", NULL},
        {URL, "page_size", "0", NULL},
        {URL, "page_size", "10001", NULL},
        {URL, "first_page", "2", NULL},
        {URL, "auth", "none", NULL},
        {URL, "auth", "token", NULL},
        {URL, "auth", "hmac", NULL},
        {URL, "fields.uscc", "a..b", NULL},
        {URL, "fields.uscc", "", NULL},
        {URL, "members.code", "a.b.c.d.e", NULL},
        {URL, "status.absent", "maybe", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        void *instance;

        reset(bad[i], NULL);
        if (gwa_entry.open(&world.job, &instance))
            fail_msg("%s %s was accepted", bad[i][2], bad[i][3]);
        assert_true(world.why[0] != '\0');
    }
}

static void a_given_file_is_not_this_adapters_work(void **state)
{
    (void)state;
    reset(plain, NULL);
    world.job.file = "/tmp/list.xlsx";
    assert_int_equal(go(), GWA_REJECTED);
    expect_why("reads no files");
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void row(const char *const *settings, const char *text)
{
    static char body[512 << 10];
    size_t n = (size_t)snprintf(body, sizeof(body), "{\"code\":\"0\",\"data\":{\"total\":1,\"rows\":[%s]}}", text);

    assert_true(n < sizeof(body));
    assert_int_equal(one(settings, body), GWA_DONE);
}

static void expect_row(const char *text, const char *log)
{
    row(plain, text);
    expect_log(log);
}

static void bad_rows_say_what_is_wrong(void **state)
{
    (void)state;
    expect_row("{\"name\":\"N\",\"status\":\"certified\"}", "1 [] bad uscc: missing");
    expect_row("{\"uscc\":null,\"status\":\"certified\"}", "1 [] bad uscc: missing");
    expect_row("{\"uscc\":\"  \",\"status\":\"certified\"}", "bad uscc: missing");
    expect_row("{\"uscc\":[\"A\"],\"status\":\"certified\"}", "1 [] bad uscc: neither");
    expect_row("{\"uscc\":\"A\"}", "1 [A] bad status: missing");
    expect_row("{\"uscc\":\"A\",\"status\":\"gone\"}", "1 [A] bad status: not a word");
    expect_row("{\"uscc\":\"A\",\"status\":true}", "1 [A] bad status: neither");
    expect_row("{\"uscc\":\"A\",\"scale\":1.5,\"status\":\"certified\"}", "1 [A] bad scale: neither");
    expect_row("{\"uscc\":\"A\",\"name\":{},\"status\":\"certified\"}", "1 [A] bad name: neither");
    expect_row("{\"uscc\":\"A\",\"certifiedOn\":\"soon\",\"status\":\"certified\"}",
               "1 [A] bad valid_from: not a date");
    expect_row("{\"uscc\":\"A\",\"certifiedOn\":\"长期\",\"status\":\"certified\"}",
               "1 [A] bad valid_from: not a date");
    expect_row("{\"uscc\":\"A\",\"validUntil\":\"2026-02-30\",\"status\":\"certified\"}",
               "1 [A] bad valid_until: not a date");
    expect_row("{\"uscc\":\"A\",\"uscc\":\"B\",\"status\":\"certified\"}", "1 [A] bad row: not a JSON object");
    expect_row("{\"uscc\":\"A\",\"name\":\"\xff\",\"status\":\"certified\"}", "1 [A] bad row: not a JSON object");
    expect_row("{\"uscc\":\"A\",\"name\":x}", "1 [A] bad row: not a JSON object");
    expect_row("\"text\"", "1 [] bad row: not a JSON object");
    expect_row("7", "1 [] bad row: not a JSON object");
}

static void good_rows_in_odd_forms(void **state)
{
    static const char *const lenient[] = {URL, "status.absent", "certified", NULL};

    (void)state;
    expect_row("{\"status\":\"certified\",\"x\":{\"uscc\":\"no\"},\"uscc\":\"\\u0041\\\"\"}",
               "1 [A\"] uscc=A\" status=certified");
    expect_row("{\"uscc\":911401000000000001,\"scale\":3,\"status\":\"certified\"}",
               "1 [911401000000000001] uscc=911401000000000001 scale=3 status=certified");
    expect_row("{ \"uscc\" : \" A \" , \"name\":\" N \",\"status\":\"withdrawn\"}",
               "1 [ A ] uscc=A name=N status=withdrawn");
    expect_row("{\"uscc\":\"A\",\"name\":\"\",\"level\":null,\"validUntil\":\"长期\",\"status\":\"certified\"}",
               "1 [A] uscc=A status=certified\n");
    row(lenient, "{\"uscc\":\"A\"}");
    expect_log("1 [A] uscc=A status=certified\n");
}

static void a_long_row_is_refused_alone(void **state)
{
    static char text[200 << 10];
    static char name[(64 << 10) + 1];

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    (void)snprintf(text, sizeof(text), "{\"uscc\":\"A\",\"name\":\"%s\"}," ROW("B"), name);
    row(plain, text);
    expect_log("1 [] bad row: too long\n2 [B] uscc=B name=N status=certified\n");
}

static void dates_as_bureaus_write_them(void **state)
{
    static const struct {
        const char *in;
        enum date_kind verdict;
        const char *out;
    } dates[] = {
        {"2026-03-01", DATE_GOOD, "2026-03-01"},
        {"2026/3/1", DATE_GOOD, "2026-03-01"},
        {"2026.03.1", DATE_GOOD, "2026-03-01"},
        {"2026年3月1日", DATE_GOOD, "2026-03-01"},
        {"20260301", DATE_GOOD, "2026-03-01"},
        {"2024-02-29", DATE_GOOD, "2024-02-29"},
        {"2026-03-01 23:59:59", DATE_GOOD, "2026-03-01"},
        {"2026-03-01T00:00:00+08:00", DATE_GOOD, "2026-03-01"},
        {"2026-02-28T16:00:00Z", DATE_GOOD, "2026-03-01"},
        {"2026-12-31T20:00:00.123Z", DATE_GOOD, "2027-01-01"},
        {"2026-03-01T00:30:00+09:00", DATE_GOOD, "2026-02-28"},
        {"1772294400000", DATE_GOOD, "2026-03-01"}, /* 2026-02-28T16:00:00Z */
        {"1772294399999", DATE_GOOD, "2026-02-28"},
        {"长期", DATE_OPEN, ""},
        {"长期有效", DATE_OPEN, ""},
        {"", DATE_BAD, ""},
        {"2026-02-29", DATE_BAD, ""},
        {"1900-02-29", DATE_BAD, ""},
        {"2026-13-01", DATE_BAD, ""},
        {"2026-00-10", DATE_BAD, ""},
        {"2026/3-1", DATE_BAD, ""},
        {"2026-3", DATE_BAD, ""},
        {"2026年3月1", DATE_BAD, ""},
        {"20261301", DATE_BAD, ""},
        {"2026030", DATE_BAD, ""},
        {"46082", DATE_BAD, ""},
        {"26-03-01", DATE_BAD, ""},
        {"2026-03-01x", DATE_BAD, ""},
        {"2026-03-01 25:00", DATE_BAD, ""},
        {"2026-03-01T00:00:00+", DATE_BAD, ""},
        {"2026-03-01T00:00:00+08:", DATE_BAD, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++) {
        char out[11] = "";

        if (date_read(dates[i].in, out) != dates[i].verdict)
            fail_msg("%s is judged wrongly", dates[i].in);
        if (dates[i].verdict == DATE_GOOD)
            assert_string_equal(out, dates[i].out);
    }
}

static void times_are_written_in_beijing_time(void **state)
{
    char out[32];

    (void)state;
    request_time(0, false, out);
    assert_string_equal(out, "1970-01-01T08:00:00+08:00");
    request_time(1700000000000, true, out);
    assert_string_equal(out, "2023-11-15 06:13:20");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_contracts_page),
        cmocka_unit_test(the_sample_is_what_the_readme_says),
        cmocka_unit_test(turns_pages_until_the_total),
        cmocka_unit_test(turns_pages_until_an_empty_one),
        cmocka_unit_test(a_known_row_is_not_parsed),
        cmocka_unit_test(stops_when_told),
        cmocka_unit_test(a_list_that_changes_is_told),
        cmocka_unit_test(what_is_no_page_is_tried_again),
        cmocka_unit_test(failures_keep_their_words),
        cmocka_unit_test(long_words_are_cut),
        cmocka_unit_test(names_and_wrappers_are_settings),
        cmocka_unit_test(rows_may_be_the_data_or_the_root_may_hold_all),
        cmocka_unit_test(posts_json_and_forms),
        cmocka_unit_test(delta_runs_say_since_when),
        cmocka_unit_test(tokens_and_hmac_go_into_headers),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
        cmocka_unit_test(a_given_file_is_not_this_adapters_work),
        cmocka_unit_test(bad_rows_say_what_is_wrong),
        cmocka_unit_test(good_rows_in_odd_forms),
        cmocka_unit_test(a_long_row_is_refused_alone),
        cmocka_unit_test(dates_as_bureaus_write_them),
        cmocka_unit_test(times_are_written_in_beijing_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
