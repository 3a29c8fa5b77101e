/* CSV: lines to records, records to cells. UTF-8 when every byte of the file is; else GB18030, whatever anybody
 * declared, since it holds GBK and GB2312. Commas, tabs or semicolons: the one by which the header is found. */
#include "adapters/common/files/internal.h"

#include <iconv.h>
#include <string.h>

#define RECORD_LINES_MAX 100u            /* lines of one record: a quote that nobody closes ends there */
#define RECORD_SIZE (2 * ROW_MAX)        /* GB18030 grows by half at most */

struct csv {
    bool gb18030;
    char mark;                           /* between cells; 0: not known yet */
    bool open;                           /* a quote is open at the end of record */
    uint64_t line;                       /* the record's first */
    unsigned lines;
    uint8_t record[RECORD_SIZE], work[RECORD_SIZE];
    size_t n;
    struct cell cells[CELLS_MAX];
};

/* The converter lives for one step, so that a job that ends early leaves nothing behind. */
static _Thread_local iconv_t converter;

/* ---- which encoding ----------------------------------------------------------------------------------------- */

/* Length of the well-formed UTF-8 character at p, 0 when there is none. */
static size_t character(const uint8_t *p, size_t n)
{
    uint8_t c = p[0];
    size_t k = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;

    if (k == 0 || k > n)
        return 0;
    for (size_t i = 1; i < k; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return k;
}

static bool is_utf8(struct gwa_bytes text)
{
    for (size_t i = 0; i < text.n;) {
        size_t k = character(text.p + i, text.n - i);

        if (k == 0)
            return false;
        i += k;
    }
    return true;
}

static enum line_answer probe_line(struct gwa_job *job, struct gwa_bytes line, uint64_t number, bool too_long)
{
    struct csv *csv = run_of(job)->csv;

    if (number == 1 && line.n >= 2 &&
        ((line.p[0] == 0xff && line.p[1] == 0xfe) || (line.p[0] == 0xfe && line.p[1] == 0xff))) {
        (void)run_fail(job, GWA_REJECTED, "list.file: the file is in UTF-16; save it as CSV in UTF-8");
        return LINE_REFUSE;
    }
    if (too_long || is_utf8(line))
        return LINE_GO;
    csv->gb18030 = true;
    return LINE_ENOUGH;
}

enum gwa_verdict csv_probe(struct gwa_job *job)
{
    struct run *run = run_of(job);

    if (run->csv == NULL)
        run->csv = job->host->alloc(job, sizeof(*run->csv));
    if (run->csv == NULL)
        return run_fail(job, GWA_RETRY, "no memory to read the file");
    return lines_take(job, probe_line);
}

/* ---- records ------------------------------------------------------------------------------------------------ */

/* Appends the line in UTF-8. False: it does not fit, or is not text. */
static bool append(struct csv *csv, struct gwa_bytes line)
{
    char *from = (char *)(uintptr_t)line.p, *to = (char *)csv->record + csv->n;
    size_t from_n = line.n, to_n = RECORD_SIZE - csv->n;

    if (!csv->gb18030) {
        if (line.n > to_n)
            return false;
        memcpy(to, from, line.n);
        csv->n += line.n;
        return is_utf8(line);
    }
    (void)iconv(converter, NULL, NULL, NULL, NULL);
    if (iconv(converter, &from, &from_n, &to, &to_n) == (size_t)-1)
        return false;
    csv->n = RECORD_SIZE - to_n;
    return true;
}

/* The quoted cell that begins behind a quote at p, taken out of its quotes in place. Answers where it ends, NULL when
 * its quote is never closed. */
static uint8_t *quoted(uint8_t *p, uint8_t *end, struct gwa_bytes *out)
{
    uint8_t *to = p;

    *out = (struct gwa_bytes){p, 0};
    for (; p < end; p++) {
        if (*p == '"' && (p + 1 == end || p[1] != '"')) {
            out->n = (size_t)(to - out->p);
            return p + 1;
        }
        p += *p == '"';
        *to++ = *p;
    }
    return NULL;
}

/* Cells of the record by `mark`; false when a quote is open at its end. The record is changed. */
static bool split(struct csv *csv, uint8_t *p, size_t size, char mark, size_t *n_out)
{
    uint8_t *end = p + size;
    size_t n = 0;

    for (;;) {
        struct gwa_bytes text = {p, 0};
        uint8_t *stop = p < end && *p == '"' ? quoted(p + 1, end, &text) : p;

        if (stop == NULL)
            return false;
        p = stop == end ? NULL : memchr(stop, mark, (size_t)(end - stop));
        if (stop == text.p)
            text.n = (size_t)((p == NULL ? end : p) - text.p);
        if (n < CELLS_MAX)
            csv->cells[n++] = (struct cell){.text = cell_trim((uint8_t *)(uintptr_t)text.p, text.n)};
        if (p == NULL)
            break;
        p++;
    }
    *n_out = n;
    return true;
}

/* A header can be looked for by each mark, as long as none was found; the first mark stays when there is none. */
static bool split_by_some(struct gwa_job *job, struct csv *csv, size_t *n_out)
{
    static const char marks[] = {',', '\t', ';'};
    struct table look = {0};

    if (csv->mark != 0) {
        memcpy(csv->work, csv->record, csv->n);
        return split(csv, csv->work, csv->n, csv->mark, n_out);
    }
    for (size_t i = 0; i < sizeof(marks); i++) {
        memcpy(csv->work, csv->record, csv->n);
        if (!split(csv, csv->work, csv->n, marks[i], n_out))
            continue;
        if (!table_find(files_of(job), &look, csv->cells, *n_out))
            continue;
        csv->mark = marks[i];
        return true;
    }
    memcpy(csv->work, csv->record, csv->n);
    return split(csv, csv->work, csv->n, ',', n_out);
}

static enum line_answer no_header(struct gwa_job *job)
{
    (void)run_fail(job, GWA_REJECTED, files_of(job)->columns->no_header);
    return LINE_REFUSE;
}

static enum line_answer refuse(struct gwa_job *job, struct csv *csv, const char *field, const char *why)
{
    struct gwa_bytes raw = {csv->record, csv->n > ROW_MAX ? ROW_MAX : csv->n};

    csv->n = 0;
    csv->open = false;
    if (!run_of(job)->table.found) {
        run_of(job)->table.looked++;
        return LINE_GO;
    }
    return row_refuse(job, csv->line, raw, field, why) ? LINE_GO : LINE_STOP;
}

static enum line_answer take_record(struct gwa_job *job, struct csv *csv)
{
    struct run *run = run_of(job);
    size_t n = 0;
    enum table_answer answer;

    csv->open = !split_by_some(job, csv, &n);
    if (csv->open && csv->lines < RECORD_LINES_MAX)
        return LINE_GO;
    if (csv->open)
        return refuse(job, csv, "line", "a quote is never closed");
    csv->n = 0;
    answer = table_take(job, &run->table, csv->line, csv->cells, n);
    if (answer == TABLE_NO_HEADER)
        return no_header(job);
    return answer == TABLE_STOP ? LINE_STOP : LINE_GO;
}

static enum line_answer take_line(struct gwa_job *job, struct gwa_bytes line, uint64_t number, bool too_long)
{
    struct csv *csv = run_of(job)->csv;

    if (number == 1 && line.n >= 3 && memcmp(line.p, "\xef\xbb\xbf", 3) == 0)
        line = (struct gwa_bytes){line.p + 3, line.n - 3};
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (!csv->open) {
        csv->n = csv->lines = 0;
        csv->line = number;
    } else if (csv->n < RECORD_SIZE) {
        csv->record[csv->n++] = '\n';
    }
    csv->lines++;
    if (too_long || csv->n + line.n > ROW_MAX)
        return refuse(job, csv, "row", "too long");
    if (!append(csv, line))
        return refuse(job, csv, "line", csv->gb18030 ? "not text in GB18030" : "not text in UTF-8");
    return take_record(job, csv);
}

static enum gwa_verdict at_end(struct gwa_job *job, struct csv *csv, enum gwa_verdict verdict)
{
    enum line_answer answer = LINE_GO;

    if (verdict != GWA_DONE)
        return verdict;
    if (csv->open)
        answer = refuse(job, csv, "line", "a quote is never closed");
    if (answer == LINE_GO && !run_of(job)->table.found)
        answer = no_header(job);
    return answer == LINE_GO ? GWA_DONE : answer == LINE_REFUSE ? GWA_REJECTED : run_fail(job, GWA_RETRY, "stopped");
}

enum gwa_verdict csv_take(struct gwa_job *job)
{
    struct csv *csv = run_of(job)->csv;
    enum gwa_verdict verdict;

    converter = iconv_open("UTF-8", "GB18030");
    if (converter == (iconv_t)-1)
        return run_fail(job, GWA_BROKEN, "this machine cannot convert GB18030");
    verdict = at_end(job, csv, lines_take(job, take_line));
    (void)iconv_close(converter);
    return verdict;
}
