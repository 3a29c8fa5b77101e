/* The adapter's entry: its settings, and a run from the first page to the last. */
#include "bureau.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct gwa_setting settings[] = {
    {"url", GWA_TEXT, true, NULL, "address of the bureau's interface, https://host[:port][/prefix]"},
    {"path", GWA_TEXT, false, "/quality-enterprises", "path of the list below the address"},
    {"query", GWA_TEXT, false, NULL, "fixed query parameters, written as they go into the URL: a=1&b=2"},
    {"method", GWA_TEXT, false, "get", "get or post"},
    {"body", GWA_TEXT, false, "json", "post: parameters as json or form"},
    {"page_parameter", GWA_TEXT, false, "pageNo", "name of the page parameter"},
    {"size_parameter", GWA_TEXT, false, "pageSize", "name of the page size parameter"},
    {"since_parameter", GWA_TEXT, false, "updatedSince", "name of the parameter of delta runs"},
    {"since_format", GWA_TEXT, false, "rfc3339", "rfc3339, or datetime: YYYY-MM-DD HH:MM:SS in +08:00"},
    {"page_size", GWA_INTEGER, false, "500", "rows asked for in a page, 1 to 10000"},
    {"first_page", GWA_INTEGER, false, "1", "number of the first page, 0 or 1"},
    {"timeout", GWA_DURATION, false, "30s", "for one page"},
    {"success", GWA_TEXT, false, "0", "codes that mean success, separated by commas"},
    {"auth", GWA_TEXT, false, "mtls", "mtls alone, or with it token or hmac"},
    {"token_file", GWA_SECRET_FILE, false, NULL, "auth token: file with the token"},
    {"token_header", GWA_TEXT, false, "Authorization", "auth token: header that carries it"},
    {"token_prefix", GWA_TEXT, false, "Bearer ", "auth token: text before it"},
    {"rid", GWA_TEXT, false, NULL, "auth hmac: gjgxjhpt_rid, who asks"},
    {"sid", GWA_TEXT, false, NULL, "auth hmac: gjgxjhpt_sid, which service"},
    {"secret_file", GWA_SECRET_FILE, false, NULL, "auth hmac: file with the secret"},
    {"members", GWA_MAP, false, "code message data rows total list_version page_no",
     "wrapper: dotted paths; the last four begin at data, at the root when data is empty"},
    {"fields", GWA_MAP, false,
     "uscc name region_code industry_code scale ownership level batch document_no valid_from valid_until status reason",
     "names in a row by canonical field, dotted paths: fields.uscc: creditCode"},
    {"status", GWA_MAP, false, "certified withdrawn absent",
     "words separated by commas; absent: certified or withdrawn, what a row without status means"},
    {NULL, GWA_TEXT, false, NULL, NULL},
};

/* ---- open ----------------------------------------------------------------------------------------------- */

static const char *or_else(const char *value, const char *fallback)
{
    return value == NULL ? fallback : value;
}

static bool refuse(struct gwa_job *job, const char *text)
{
    job->host->why(job, text);
    return false;
}

/* *out is true for `yes`, false for `no`; other words are refused. */
static bool choose(struct gwa_job *job, const char *name, const char *no, const char *yes, bool *out)
{
    const char *value = job->host->setting(job, name);
    char text[128];

    *out = strcmp(value, yes) == 0;
    if (*out || strcmp(value, no) == 0)
        return true;
    (void)snprintf(text, sizeof(text), "%s must be %s or %s", name, no, yes);
    return refuse(job, text);
}

static bool number(struct gwa_job *job, const char *name, int64_t least, int64_t most, int64_t *out)
{
    char text[128];

    *out = strtoll(job->host->setting(job, name), NULL, 10);
    if (*out >= least && *out <= most)
        return true;
    (void)snprintf(text, sizeof(text), "%s must be %lld to %lld", name, (long long)least, (long long)most);
    return refuse(job, text);
}

static bool path_of(struct gwa_job *job, const char *name, const char *value, struct scan_path *out)
{
    char text[128];

    if (scan_path_parse(value, out))
        return true;
    (void)snprintf(text, sizeof(text), "%s must be a path of 1 to %d names", name, SCAN_PATH_MAX);
    return refuse(job, text);
}

static bool take_fields(struct gwa_job *job, struct bureau *bureau)
{
    static const char *const names[FIELD_COUNT][2] = {
        [FIELD_USCC] = {"fields.uscc", "uscc"},
        [FIELD_NAME] = {"fields.name", "name"},
        [FIELD_REGION] = {"fields.region_code", "regionCode"},
        [FIELD_INDUSTRY] = {"fields.industry_code", "industryCode"},
        [FIELD_SCALE] = {"fields.scale", "scale"},
        [FIELD_OWNERSHIP] = {"fields.ownership", "ownership"},
        [FIELD_LEVEL] = {"fields.level", "level"},
        [FIELD_BATCH] = {"fields.batch", "batch"},
        [FIELD_DOCUMENT] = {"fields.document_no", "documentNo"},
        [FIELD_FROM] = {"fields.valid_from", "certifiedOn"},
        [FIELD_UNTIL] = {"fields.valid_until", "validUntil"},
        [FIELD_STATUS] = {"fields.status", "status"},
        [FIELD_REASON] = {"fields.reason", "reason"},
    };

    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (!path_of(job, names[i][0], or_else(job->host->setting(job, names[i][0]), names[i][1]), &bureau->fields[i]))
            return false;
    return true;
}

/* The members below data; either part may be empty, not both. */
static bool take_below(struct gwa_job *job, struct bureau *bureau, size_t i, const char *name, const char *fallback,
                       struct scan_path *out)
{
    const char *data = or_else(job->host->setting(job, "members.data"), "data");
    const char *value = or_else(job->host->setting(job, name), fallback);
    int n = snprintf(bureau->joined[i], sizeof(bureau->joined[i]), "%s%s%s", data,
                     data[0] != '\0' && value[0] != '\0' ? "." : "", value);

    if (n < 0 || (size_t)n >= sizeof(bureau->joined[i]))
        return refuse(job, "a path of members is too long");
    return path_of(job, name, bureau->joined[i], out);
}

static bool take_members(struct gwa_job *job, struct bureau *bureau)
{
    const char *code = or_else(job->host->setting(job, "members.code"), "code");
    const char *message = or_else(job->host->setting(job, "members.message"), "message");

    return path_of(job, "members.code", code, &bureau->code) &&
           path_of(job, "members.message", message, &bureau->message) &&
           take_below(job, bureau, 0, "members.rows", "rows", &bureau->rows) &&
           take_below(job, bureau, 1, "members.total", "total", &bureau->total) &&
           take_below(job, bureau, 2, "members.list_version", "listVersion", &bureau->version) &&
           take_below(job, bureau, 3, "members.page_no", "pageNo", &bureau->page_no);
}

static bool take_auth(struct gwa_job *job, struct bureau *bureau)
{
    const struct gwa_host *host = job->host;
    const char *auth = host->setting(job, "auth");

    bureau->token = host->setting(job, "token_file");
    bureau->token_header = host->setting(job, "token_header");
    bureau->token_prefix = host->setting(job, "token_prefix");
    bureau->rid = host->setting(job, "rid");
    bureau->sid = host->setting(job, "sid");
    if (strcmp(auth, "token") == 0) {
        bureau->auth = AUTH_TOKEN;
        return bureau->token != NULL || refuse(job, "auth token needs token_file");
    }
    if (strcmp(auth, "hmac") == 0) {
        bureau->auth = AUTH_HMAC;
        return (bureau->rid != NULL && bureau->sid != NULL && host->setting(job, "secret_file") != NULL) ||
               refuse(job, "auth hmac needs rid, sid and secret_file");
    }
    return strcmp(auth, "mtls") == 0 || refuse(job, "auth must be mtls, token or hmac");
}

static bool take_request(struct gwa_job *job, struct bureau *bureau)
{
    const struct gwa_host *host = job->host;

    bureau->base = host->setting(job, "url");
    bureau->path = host->setting(job, "path");
    bureau->query = host->setting(job, "query");
    bureau->page_parameter = host->setting(job, "page_parameter");
    bureau->size_parameter = host->setting(job, "size_parameter");
    bureau->since_parameter = host->setting(job, "since_parameter");
    bureau->timeout_ms = strtoll(host->setting(job, "timeout"), NULL, 10);
    if (strncmp(bureau->base, "https://", 8) != 0 && strncmp(bureau->base, "http://", 7) != 0)
        return refuse(job, "url must begin with https:// or http://");
    return choose(job, "method", "get", "post", &bureau->post) && choose(job, "body", "json", "form", &bureau->form) &&
           choose(job, "since_format", "rfc3339", "datetime", &bureau->since_plain) &&
           number(job, "page_size", 1, 10000, &bureau->page_size) &&
           number(job, "first_page", 0, 1, &bureau->first_page);
}

static bool take_status(struct gwa_job *job, struct bureau *bureau)
{
    const struct gwa_host *host = job->host;

    bureau->success = host->setting(job, "success");
    bureau->certified = or_else(host->setting(job, "status.certified"), "certified");
    bureau->withdrawn = or_else(host->setting(job, "status.withdrawn"), "withdrawn");
    bureau->absent = host->setting(job, "status.absent");
    return bureau->absent == NULL || strcmp(bureau->absent, "certified") == 0 ||
           strcmp(bureau->absent, "withdrawn") == 0 || refuse(job, "status.absent must be certified or withdrawn");
}

static bool open_bureau(struct gwa_job *job, void **instance_out)
{
    struct bureau *bureau = calloc(1, sizeof(*bureau));

    if (bureau == NULL)
        return refuse(job, "no memory");
    if (!take_request(job, bureau) || !take_auth(job, bureau) || !take_members(job, bureau) ||
        !take_fields(job, bureau) || !take_status(job, bureau)) {
        free(bureau);
        return false;
    }
    *instance_out = bureau;
    return true;
}

static void close_bureau(void *instance)
{
    free(instance);
}

/* ---- a run ---------------------------------------------------------------------------------------------- */

static enum gwa_verdict ask(struct gwa_job *job, struct run *run)
{
    if (request_ask(job, run))
        return GWA_WAIT;
    job->host->why(job, "the request cannot be written: too long, or the secret is missing");
    return GWA_BROKEN;
}

static enum gwa_verdict begin(struct gwa_job *job)
{
    const struct bureau *bureau = job->instance;
    struct run *run;

    if (job->file != NULL) {
        job->host->why(job, "this adapter asks a bureau and reads no files");
        return GWA_REJECTED;
    }
    run = job->host->alloc(job, sizeof(*run));
    if (run == NULL) {
        job->host->why(job, "no memory");
        return GWA_RETRY;
    }
    run->page = bureau->first_page;
    job->state = run;
    return ask(job, run);
}

static enum gwa_verdict changed(struct gwa_job *job, const char *what)
{
    char text[160];

    (void)snprintf(text, sizeof(text), "list.changed: %s", what);
    job->host->why(job, text);
    return GWA_RETRY;
}

static uint64_t hash_of(struct gwa_bytes bytes)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ bytes.n;
    size_t i = 0;

    for (; i + 8 <= bytes.n; i += 8) {
        uint64_t word;

        memcpy(&word, bytes.p + i, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    for (; i < bytes.n; i++)
        hash = (hash ^ bytes.p[i]) * UINT64_C(0xff51afd7ed558ccd);
    return hash;
}

/* Page by page the list must stay the same list. The first page says what it is. */
static enum gwa_verdict compare(struct gwa_job *job, struct run *run, const struct page *page)
{
    uint64_t hash = hash_of(page->rows);
    bool repeated = run->pages > 0 && page->rows.n > 2 && hash == run->rows_hash;

    run->rows_hash = hash;
    if (page->number >= 0 && page->number != run->page)
        return changed(job, page->number < run->page ? "an earlier page came again" : "a page was left out");
    if (run->pages == 0) {
        run->total = page->total;
        (void)snprintf(run->version, sizeof(run->version), "%s", page->version);
        return GWA_DONE;
    }
    if (strcmp(run->version, page->version) != 0)
        return changed(job, "listVersion differs from the first page's");
    if (run->total != page->total)
        return changed(job, "total differs from the first page's");
    return repeated ? changed(job, "the same rows came twice") : GWA_DONE;
}

/* The page is announced before it is compared, so that the host sees the change as well. */
static enum gwa_verdict take_page(struct gwa_job *job, struct run *run, const struct page *page)
{
    struct gwa_page announced = {.size = sizeof(announced),
                                 .number = run->pages + 1,
                                 .list_version = page->version[0] == '\0' ? NULL : page->version,
                                 .total = page->total,
                                 .raw = job->result.body};
    enum gwa_verdict verdict;

    if (!job->host->page(job, &announced)) {
        (void)compare(job, run, page);
        return GWA_RETRY;
    }
    verdict = compare(job, run, page);
    return verdict == GWA_DONE ? page_rows(job, run, page) : verdict;
}

static bool is_last(const struct run *run, uint64_t rows)
{
    return rows == 0 || (run->total >= 0 && run->seen >= (uint64_t)run->total);
}

static enum gwa_verdict fetch(struct gwa_job *job)
{
    struct run *run = job->state;
    struct page page;
    enum gwa_verdict verdict;
    uint64_t before;

    if (run == NULL)
        return begin(job);
    before = run->seen;
    verdict = page_read(job, &page);
    if (verdict == GWA_DONE)
        verdict = take_page(job, run, &page);
    if (verdict != GWA_DONE || is_last(run, run->seen - before))
        return verdict;
    if (++run->pages == BUREAU_PAGES_MAX) {
        job->host->why(job, "list.page: the list does not end");
        return GWA_BROKEN;
    }
    run->page++;
    return ask(job, run);
}

GWA_EXPORT const uint32_t gwa_abi = GWA_ABI_VERSION;
GWA_EXPORT const struct gwa_adapter gwa_entry = {
    .size = sizeof(struct gwa_adapter),
    .name = "bureau",
    .settings = settings,
    .open = open_bureau,
    .fetch = fetch,
    .close = close_bureau,
};
