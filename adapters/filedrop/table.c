/* A list as a table: titles, then a header by which each column is known, then rows, then perhaps totals and notes. */
#include "filedrop.h"

#include <string.h>

#define TITLE_ROWS_MAX 50u               /* rows looked at for the header */
#define NAME_SIZE 64

const char *const column_names[COLUMN_COUNT] = {
    "uscc",  "name",        "region_code", "industry_code", "scale",  "ownership", "level",
    "batch", "document_no", "valid_from",  "valid_until",   "status", "reason",    "city",
};

const struct column_name column_known[] = {
#define COLUMN(field, name) {COLUMN_##field, name},
#include "adapters/filedrop/columns.def"
#undef COLUMN
};
const size_t column_known_count = sizeof(column_known) / sizeof(*column_known);

/* ---- text --------------------------------------------------------------------------------------------------- */

/* Bytes of a blank at the start of in: white space, control characters, the spaces of typesetters, byte order marks. */
static size_t blank_at(struct gwa_bytes in)
{
    static const char *const wide[] = {"\xe3\x80\x80", "\xc2\xa0", "\xef\xbb\xbf", "\xe2\x80\x8b", "\xe2\x80\x83"};

    if (in.n > 0 && (in.p[0] <= ' ' || in.p[0] == 0x7f))
        return 1;
    for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++) {
        size_t n = strlen(wide[i]);

        if (in.n >= n && memcmp(in.p, wide[i], n) == 0)
            return n;
    }
    return 0;
}

static size_t blank_before(struct gwa_bytes in)
{
    for (size_t n = 1; n <= 3 && n <= in.n; n++)
        if (blank_at((struct gwa_bytes){in.p + in.n - n, n}) == n)
            return n;
    return 0;
}

struct gwa_bytes cell_trim(uint8_t *p, size_t n)
{
    struct gwa_bytes text = {p, n};
    size_t blank;

    while ((blank = blank_at(text)) > 0)
        text = (struct gwa_bytes){text.p + blank, text.n - blank};
    while ((blank = blank_before(text)) > 0)
        text.n -= blank;
    p += text.p - p;
    for (size_t i = 0; i < text.n; i++)
        if (p[i] < ' ' || p[i] == 0x7f)
            p[i] = ' ';
    return text;
}

static bool begins(struct gwa_bytes text, const char *with)
{
    size_t n = strlen(with);

    return text.n >= n && memcmp(text.p, with, n) == 0;
}

/* Bytes at the start of in that are left out of a column's name. */
static size_t mark_at(struct gwa_bytes in)
{
    static const char *const marks[] = {"*", "＊", ":", "：", "、", "/", "／", "|"};
    static const char *const brackets[][2] = {{"(", ")"}, {"（", "）"}, {"【", "】"}};
    size_t blank = blank_at(in);

    if (blank > 0)
        return blank;
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (begins(in, marks[i]))
            return strlen(marks[i]);
    for (size_t i = 0; i < sizeof(brackets) / sizeof(*brackets); i++) {
        const uint8_t *close =
            begins(in, brackets[i][0]) ? memmem(in.p, in.n, brackets[i][1], strlen(brackets[i][1])) : NULL;

        if (close != NULL)
            return (size_t)(close - in.p) + strlen(brackets[i][1]);
    }
    return 0;
}

/* "" when it is longer than any name. */
static void plain_name(struct gwa_bytes in, char out[NAME_SIZE])
{
    size_t n = 0;

    while (in.n > 0 && n < NAME_SIZE - 1) {
        size_t mark = mark_at(in);

        if (mark == 0) {
            uint8_t c = in.p[0];

            out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
        mark = mark == 0 ? 1 : mark;
        in = (struct gwa_bytes){in.p + mark, in.n - mark};
    }
    out[in.n > 0 ? 0 : n] = '\0';
}

/* ---- columns ------------------------------------------------------------------------------------------------ */

static bool is_configured(const char *list, const char *name)
{
    char plain[NAME_SIZE];

    for (; list != NULL && *list != '\0'; list += strspn(list, ",")) {
        size_t n = strcspn(list, ",");

        plain_name((struct gwa_bytes){(const uint8_t *)list, n}, plain);
        if (strcmp(plain, name) == 0)
            return true;
        list += n;
    }
    return false;
}

int column_of(const struct filedrop *filedrop, struct gwa_bytes name, unsigned *rank_out)
{
    char plain[NAME_SIZE];

    plain_name(name, plain);
    if (plain[0] == '\0')
        return -1;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (!is_configured(filedrop->names[i], plain))
            continue;
        *rank_out = 0;
        return i;
    }
    for (unsigned i = 0; i < column_known_count; i++) {
        if (strcasecmp(column_known[i].name, plain) != 0)
            continue;
        *rank_out = i + 1;
        return (int)column_known[i].column;
    }
    return -1;
}

bool table_find(const struct filedrop *filedrop, struct table *table, const struct cell *cells, size_t n)
{
    unsigned ranks[COLUMN_COUNT], rank = 0;

    memset(table->at, 0, sizeof(table->at));
    for (size_t i = 0; i < n; i++) {
        int column = column_of(filedrop, cells[i].text, &rank);

        if (column < 0 || (table->at[column] != 0 && ranks[column] <= rank))
            continue;
        table->at[column] = (uint16_t)(i + 1);
        ranks[column] = rank;
    }
    table->found = table->at[COLUMN_USCC] != 0 && table->at[COLUMN_NAME] != 0;
    return table->found;
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

static bool is_blank(const struct cell *cells, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cells[i].text.n > 0 || cells[i].no_value)
            return false;
    return true;
}

/* Without spaces, since totals are often written 合 计. */
static bool begins_plain(struct gwa_bytes text, const char *const *words, size_t n)
{
    char plain[NAME_SIZE] = "";
    size_t k = 0;

    while (text.n > 0 && k < NAME_SIZE - 4) {
        size_t blank = blank_at(text);

        if (blank == 0)
            plain[k++] = (char)text.p[0];
        blank = blank == 0 ? 1 : blank;
        text = (struct gwa_bytes){text.p + blank, text.n - blank};
    }
    plain[k] = '\0';
    for (size_t i = 0; i < n; i++)
        if (strncmp(plain, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

/* Totals, notes and signatures below the list: one of their words first, and no firm in the row. A firm called
 * 合计… has a code. */
static bool is_closing(const struct cell *values, const struct cell *cells, size_t n)
{
    static const char *const words[] = {"合计", "共计", "总计", "小计", "注：", "注:", "备注", "说明",
                                        "填表", "制表", "审核", "填报", "单位负责人"};
    const size_t count = sizeof(words) / sizeof(*words);
    size_t first = 0;

    while (first < n && cells[first].text.n == 0)
        first++;
    if (values[COLUMN_USCC].no_value || values[COLUMN_USCC].text.n == 18)
        return false;
    if (values[COLUMN_USCC].text.n == 0 && values[COLUMN_NAME].text.n == 0 && !values[COLUMN_NAME].no_value)
        return true;
    return (first < n && begins_plain(cells[first].text, words, count)) ||
           begins_plain(values[COLUMN_USCC].text, words, count) || begins_plain(values[COLUMN_NAME].text, words, count);
}

/* A header printed again at the top of a page. */
static bool is_header(const struct filedrop *filedrop, const struct cell *values)
{
    unsigned rank;

    return values[COLUMN_USCC].text.n != 18 && column_of(filedrop, values[COLUMN_USCC].text, &rank) == COLUMN_USCC &&
           column_of(filedrop, values[COLUMN_NAME].text, &rank) == COLUMN_NAME;
}

/* The row as it is kept and compared: what it says under which name, however the columns stand. */
static bool write_raw(struct text *raw, const struct table *table, const struct cell *values)
{
    if (table->from_1904)
        text_add(raw, "1904\t");
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (values[i].text.n == 0 && !values[i].no_value)
            continue;
        text_add(raw, column_names[i]);
        text_add(raw, values[i].no_value ? "?" : values[i].is_date ? "@" : "=");
        text_add_bytes(raw, values[i].text);
        text_add(raw, "\t");
    }
    return !raw->full;
}

bool row_refuse(struct gwa_job *job, uint64_t line, struct gwa_bytes raw, const char *field, const char *why)
{
    enum gwa_row_answer answer = job->host->row(job, line, (struct gwa_bytes){NULL, 0}, raw);

    if (answer == GWA_ROW_PARSE)
        job->host->row_bad(job, field, why);
    return answer != GWA_ROW_STOP;
}

static bool take_row(struct gwa_job *job, const struct table *table, uint64_t line, const struct cell *values)
{
    char room[ROW_MAX];
    struct text raw;
    enum gwa_row_answer answer;

    text_init(&raw, room, sizeof(room));
    if (!write_raw(&raw, table, values))
        return row_refuse(job, line, (struct gwa_bytes){(const uint8_t *)room, raw.n}, "row", "too long");
    answer = job->host->row(job, line, values[COLUMN_USCC].text, (struct gwa_bytes){(const uint8_t *)room, raw.n});
    if (answer == GWA_ROW_PARSE)
        map_row(job, values, table->from_1904);
    return answer != GWA_ROW_STOP;
}

enum table_answer table_take(struct gwa_job *job, struct table *table, uint64_t line, const struct cell *cells,
                             size_t n)
{
    struct cell values[COLUMN_COUNT] = {0};

    if (!table->found)
        return table_find(job->instance, table, cells, n) || ++table->looked < TITLE_ROWS_MAX ? TABLE_GO
                                                                                                : TABLE_NO_HEADER;
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (table->at[i] != 0 && table->at[i] <= n)
            values[i] = cells[table->at[i] - 1];
    if (is_blank(cells, n) || is_closing(values, cells, n) || is_header(job->instance, values))
        return TABLE_GO;
    return take_row(job, table, line, values) ? TABLE_GO : TABLE_STOP;
}
