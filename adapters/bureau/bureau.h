/* bureau: a list of certified firms over HTTP, page by page. bureau.c holds the settings and turns the pages,
 * request.c writes what is asked, page.c reads what comes, map.c turns a row into canonical fields. */
#ifndef BUREAU_BUREAU_H
#define BUREAU_BUREAU_H

#include "adapters/adapter.h"
#include "adapters/common/date.h"
#include "adapters/common/header.h"
#include "adapters/common/scan.h"
#include "adapters/common/text.h"

#define BUREAU_ROW_MAX (64u << 10)       /* a longer row is refused alone */
#define BUREAU_PAGES_MAX 200000u         /* pages of one run: a list that never ends is given up */
#define BUREAU_URL_MAX 4096
#define BUREAU_VERSION_MAX 128
#define BUREAU_TEXT_MAX 160              /* of the other side's own words */

enum bureau_field {
    FIELD_USCC, FIELD_NAME, FIELD_REGION, FIELD_INDUSTRY, FIELD_SCALE, FIELD_OWNERSHIP, FIELD_LEVEL, FIELD_BATCH,
    FIELD_DOCUMENT, FIELD_FROM, FIELD_UNTIL, FIELD_STATUS, FIELD_REASON, FIELD_COUNT
};

/* One source's dialect; read-only after open. Texts are the host's. */
struct bureau {
    const char *base, *path, *query;
    bool post, form;
    const char *page_parameter, *size_parameter, *since_parameter;
    bool since_plain;                    /* "YYYY-MM-DD HH:MM:SS" instead of RFC 3339 */
    int64_t page_size, first_page, timeout_ms;
    enum { AUTH_MTLS, AUTH_TOKEN, AUTH_HMAC } auth;
    const char *token_header, *token_prefix, *token, *rid, *sid;
    const char *success;                 /* comma-separated codes */
    const char *certified, *withdrawn, *absent;   /* comma-separated status words; what a missing status means */
    struct scan_path code, message, rows, total, version, page_no;
    struct scan_path fields[FIELD_COUNT];
    char joined[4][512];                 /* texts of the paths that begin at the data member */
};

/* One run. */
struct run {
    int64_t page;                        /* number asked for */
    uint64_t pages, seen;                /* answered; rows */
    int64_t total;                       /* of the first page; -1 not said */
    char version[BUREAU_VERSION_MAX + 1];   /* of the first page; "" not said */
    uint64_t rows_hash;                  /* of the page before: the same rows again mean a page was repeated */
    char url[BUREAU_URL_MAX], body[512];
    struct headers headers;
};

/* What a page said about itself. */
struct page {
    struct gwa_bytes rows;               /* raw array; empty list when p is NULL */
    char version[BUREAU_VERSION_MAX + 1];
    int64_t total, number;               /* -1: not said */
};

/* Asks for run->page. False when it cannot be written or signed. */
bool request_ask(struct gwa_job *job, struct run *run);
void request_time(int64_t ms, bool plain, char out[32]);

/* Judges the answer to the last io. GWA_DONE: *page is filled; else the verdict, and why was told. */
enum gwa_verdict page_read(struct gwa_job *job, struct page *page);
/* Hands over the rows from line run->seen + 1 on. GWA_DONE when all were. */
enum gwa_verdict page_rows(struct gwa_job *job, struct run *run, const struct page *page);
/* The other side's words on one line: tags, control characters and long digit runs taken out, cut. */
void page_words(struct gwa_bytes in, char out[BUREAU_TEXT_MAX]);
/* A raw JSON string or number as text; false for anything else or what does not fit. */
bool page_scalar(struct gwa_bytes raw, char *out, size_t size);

/* The announced row was not known: reads it strictly and hands over its fields, or says why not. */
void map_row(struct gwa_job *job, struct gwa_bytes raw);

#endif
