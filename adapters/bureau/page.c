/* What came: is it a page at all, does its code mean success, what does it say about the list; then its rows, each
 * found by the scanner and mapped only when the host does not know its bytes. */
#include "bureau.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MASK_DIGITS 8 /* a run of digits this long may be a person's number */

/* ---- the other side's words ----------------------------------------------------------------------------- */

static size_t digits_at(struct gwa_bytes in, size_t i)
{
    size_t n = 0;

    while (i + n < in.n && in.p[i + n] >= '0' && in.p[i + n] <= '9')
        n++;
    return n;
}

/* Length of a well-formed character of two bytes or more at i, else 0. The decoder of the host judges the rest. */
static size_t wide_at(struct gwa_bytes in, size_t i)
{
    uint8_t c = in.p[i];
    size_t n = c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;

    if (c >= 0xf5 || n > in.n - i)
        return 0;
    for (size_t k = 1; k < n; k++)
        if ((in.p[i + k] & 0xc0) != 0x80)
            return 0;
    return n;
}

static size_t tag_at(struct gwa_bytes in, size_t i)
{
    const uint8_t *close = in.p[i] == '<' ? memchr(in.p + i, '>', in.n - i) : NULL;

    return close == NULL ? 0 : (size_t)(close - in.p) - i + 1;
}

static void add_word(struct text *text, struct gwa_bytes in, size_t i, size_t n)
{
    if (n == 1 && (in.p[i] <= ' ' || in.p[i] >= 0x7f)) {
        if (text->n > 0 && text->p[text->n - 1] != ' ')
            text_add(text, " ");
        return;
    }
    text_add_bytes(text, (struct gwa_bytes){in.p + i, n});
}

void page_words(struct gwa_bytes in, char out[BUREAU_TEXT_MAX])
{
    struct text text;

    text_init(&text, out, BUREAU_TEXT_MAX);
    for (size_t i = 0; i < in.n && !text.full;) {
        size_t digits = digits_at(in, i);
        size_t skipped = digits >= MASK_DIGITS ? digits : tag_at(in, i);
        size_t wide = wide_at(in, i);

        if (skipped > 0)
            text_add(&text, digits > 0 ? "#" : text.n > 0 && text.p[text.n - 1] != ' ' ? " " : "");
        else
            add_word(&text, in, i, digits > 0 ? digits : wide > 0 ? wide : 1);
        i += skipped > 0 ? skipped : digits > 0 ? digits : wide > 0 ? wide : 1;
    }
    while (text.n > 0 && out[text.n - 1] == ' ')
        out[--text.n] = '\0';
}

static enum gwa_verdict fail(struct gwa_job *job, enum gwa_verdict verdict, const char *what, struct gwa_bytes theirs)
{
    char words[BUREAU_TEXT_MAX], text[BUREAU_TEXT_MAX + 128];

    page_words(theirs, words);
    (void)snprintf(text, sizeof(text), "%s%s%s", what, words[0] == '\0' ? "" : ": ", words);
    job->host->why(job, text);
    return verdict;
}

/* ---- is it a page ----------------------------------------------------------------------------------------- */

static struct gwa_bytes none(void)
{
    return (struct gwa_bytes){NULL, 0};
}

/* A refusal that time does not heal is REJECTED: wrong address, wrong identity, a redirect. */
static enum gwa_verdict of_status(int status)
{
    if (status >= 500 || status == 408 || status == 425 || status == 429)
        return GWA_RETRY;
    return status >= 300 ? GWA_REJECTED : GWA_RETRY;
}

static enum gwa_verdict judge_answer(struct gwa_job *job, struct gwa_bytes *body_out)
{
    const struct gwa_io_result *result = &job->result;
    char what[64];

    *body_out = result->body;
    if (result->state != GWA_IO_OK)
        return fail(job, GWA_RETRY, "source.failed: no answer",
                    (struct gwa_bytes){(const uint8_t *)result->why, result->why == NULL ? 0 : strlen(result->why)});
    (void)snprintf(what, sizeof(what), "source.failed: HTTP status %d", result->status);
    if (result->status != 200)
        return fail(job, of_status(result->status), what, result->body);
    if (body_out->n >= 3 && memcmp(body_out->p, "\xef\xbb\xbf", 3) == 0)
        *body_out = (struct gwa_bytes){body_out->p + 3, body_out->n - 3};
    while (body_out->n > 0 && body_out->p[0] <= ' ')
        *body_out = (struct gwa_bytes){body_out->p + 1, body_out->n - 1};
    if (scan_is(*body_out, '<'))
        return fail(job, GWA_RETRY, "source.failed: a web page instead of a list", *body_out);
    return GWA_DONE;
}

/* ---- what it says ----------------------------------------------------------------------------------------- */

static bool decode(struct gwa_bytes raw, char *out, size_t size)
{
    json_t *value = json_loadb((const char *)raw.p, raw.n, JSON_DECODE_ANY, NULL);
    const char *s = json_string_value(value);
    bool fits = s != NULL && strlen(s) < size;

    if (fits)
        (void)snprintf(out, size, "%s", s);
    json_decref(value);
    return fits;
}

bool page_scalar(struct gwa_bytes raw, char *out, size_t size)
{
    if (raw.n == 0 || raw.p[0] == '{' || raw.p[0] == '[')
        return false;
    if (raw.p[0] == '"')
        return decode(raw, out, size);
    if (raw.n >= size)
        return false;
    memcpy(out, raw.p, raw.n);
    out[raw.n] = '\0';
    return true;
}

static bool is_nothing(struct gwa_bytes raw)
{
    return raw.n == 0 || (raw.n == 4 && memcmp(raw.p, "null", 4) == 0);
}

/* -1 when not said; false when said but not a number of rows or pages. */
static bool count_of(struct gwa_bytes raw, int64_t *out)
{
    char text[24];
    size_t n;

    *out = -1;
    if (is_nothing(raw))
        return true;
    if (!page_scalar(raw, text, sizeof(text)))
        return false;
    n = strspn(text, "0123456789");
    if (n == 0 || n > 15 || text[n] != '\0')
        return false;
    *out = strtoll(text, NULL, 10);
    return true;
}

static enum gwa_verdict judge_code(struct gwa_job *job, struct gwa_bytes code, struct gwa_bytes message)
{
    const struct bureau *bureau = job->instance;
    char text[64], words[512], clean[BUREAU_TEXT_MAX], what[BUREAU_TEXT_MAX + 32];
    struct gwa_bytes value;

    if (!page_scalar(code, text, sizeof(text)))
        return fail(job, GWA_RETRY, "list.page: the code is missing or not a short text", none());
    value = (struct gwa_bytes){(const uint8_t *)text, strlen(text)};
    if (text_is_one_of(value, bureau->success))
        return GWA_DONE;
    if (!page_scalar(message, words, sizeof(words)))
        words[0] = '\0';
    page_words(value, clean);
    (void)snprintf(what, sizeof(what), "source.failed: code %s", clean);
    return fail(job, GWA_RETRY, what, (struct gwa_bytes){(const uint8_t *)words, strlen(words)});
}

enum { W_CODE, W_MESSAGE, W_ROWS, W_TOTAL, W_VERSION, W_PAGE, W_COUNT };

static enum gwa_verdict fill(struct gwa_job *job, const struct scan_wanted *wanted, struct page *page)
{
    struct gwa_bytes version = wanted[W_VERSION].value;

    page->rows = wanted[W_ROWS].value;
    page->version[0] = '\0';
    if (page->rows.p == NULL)
        return fail(job, GWA_RETRY, "list.page: there are no rows in it", none());
    if (is_nothing(page->rows))
        page->rows = none();
    else if (!scan_is(page->rows, '['))
        return fail(job, GWA_RETRY, "list.page: its rows are not a list", none());
    if (!count_of(wanted[W_TOTAL].value, &page->total) || !count_of(wanted[W_PAGE].value, &page->number))
        return fail(job, GWA_RETRY, "list.page: its total or page number is not a number", none());
    if (!is_nothing(version) && !page_scalar(version, page->version, sizeof(page->version)))
        return fail(job, GWA_RETRY, "list.page: its list version is not a short text", none());
    return GWA_DONE;
}

enum gwa_verdict page_read(struct gwa_job *job, struct page *page)
{
    const struct bureau *bureau = job->instance;
    struct scan_wanted wanted[W_COUNT] = {
        [W_CODE] = {&bureau->code, {NULL, 0}},       [W_MESSAGE] = {&bureau->message, {NULL, 0}},
        [W_ROWS] = {&bureau->rows, {NULL, 0}},       [W_TOTAL] = {&bureau->total, {NULL, 0}},
        [W_VERSION] = {&bureau->version, {NULL, 0}}, [W_PAGE] = {&bureau->page_no, {NULL, 0}},
    };
    struct gwa_bytes body;
    enum gwa_verdict verdict = judge_answer(job, &body);

    if (verdict != GWA_DONE)
        return verdict;
    if (!scan_object(body, wanted, W_COUNT))
        return fail(job, GWA_RETRY, "list.page: not a whole JSON object, or a member is there twice", none());
    verdict = judge_code(job, wanted[W_CODE].value, wanted[W_MESSAGE].value);
    return verdict == GWA_DONE ? fill(job, wanted, page) : verdict;
}

/* ---- rows ----------------------------------------------------------------------------------------------- */

/* The code as it stands; only one written with escapes is copied. */
static struct gwa_bytes code_of(struct gwa_bytes raw, char *room, size_t size)
{
    if (raw.n >= 2 && raw.p[0] == '"' && memchr(raw.p, '\\', raw.n) == NULL)
        return (struct gwa_bytes){raw.p + 1, raw.n - 2};
    if (is_nothing(raw) || !page_scalar(raw, room, size))
        return none();
    return (struct gwa_bytes){(const uint8_t *)room, strlen(room)};
}

static enum gwa_row_answer take_row(struct gwa_job *job, uint64_t line, struct gwa_bytes row)
{
    const struct bureau *bureau = job->instance;
    bool too_long = row.n > BUREAU_ROW_MAX;
    char room[128];
    struct gwa_bytes code = none();
    enum gwa_row_answer answer;

    if (!too_long)
        code = code_of(scan_member(row, &bureau->fields[FIELD_USCC]), room, sizeof(room));
    answer = job->host->row(job, line, code, (struct gwa_bytes){row.p, too_long ? BUREAU_ROW_MAX : row.n});
    if (answer != GWA_ROW_PARSE)
        return answer;
    if (too_long)
        job->host->row_bad(job, "row", "too long");
    else
        map_row(job, row);
    return answer;
}

enum gwa_verdict page_rows(struct gwa_job *job, struct run *run, const struct page *page)
{
    const uint8_t *at = page->rows.p;
    struct gwa_bytes row;
    bool broken = false;

    while (page->rows.p != NULL && scan_element(page->rows, &at, &row, &broken))
        if (take_row(job, ++run->seen, row) == GWA_ROW_STOP)
            return fail(job, GWA_RETRY, "the run was stopped", none());
    return broken ? fail(job, GWA_RETRY, "list.page: its rows cannot be told apart", none()) : GWA_DONE;
}
