/* A list as a table: titles, then a header by which each column is known, then rows, then perhaps totals and notes. */
#include "adapters/common/files/internal.h"

#include <string.h>

#define TITLE_ROWS_MAX 50u               /* rows looked at for the header */
#define NAME_SIZE 64

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

int column_of(const struct files *files, struct gwa_bytes name, unsigned *rank_out)
{
    const struct columns *columns = files->columns;
    char plain[NAME_SIZE];

    plain_name(name, plain);
    if (plain[0] == '\0')
        return -1;
    for (int i = 0; i < columns->count; i++) {
        if (!is_configured(files->names[i], plain))
            continue;
        *rank_out = 0;
        return i;
    }
    for (unsigned i = 0; i < columns->known_n; i++) {
        if (strcasecmp(columns->known[i].name, plain) != 0)
            continue;
        *rank_out = i + 1;
        return columns->known[i].column;
    }
    return -1;
}

/* Cut between characters. */
void head_copy(char out[HEAD_SIZE], struct gwa_bytes name)
{
    size_t n = name.n < HEAD_SIZE ? name.n : HEAD_SIZE - 1;

    while (n < name.n && n > 0 && (name.p[n] & 0xc0) == 0x80)
        n--;
    if (n > 0)
        memcpy(out, name.p, n);
    out[n] = '\0';
}

bool table_find(const struct files *files, struct table *table, const struct cell *cells, size_t n)
{
    unsigned ranks[COLUMNS_MAX], rank = 0;

    memset(table->at, 0, sizeof(table->at));
    for (size_t i = 0; i < n; i++) {
        int column = column_of(files, cells[i].text, &rank);

        if (column < 0 || (table->at[column] != 0 && ranks[column] <= rank))
            continue;
        table->at[column] = (uint16_t)(i + 1);
        head_copy(table->heads[column], cells[i].text);
        ranks[column] = rank;
    }
    table->found = table->at[0] != 0 && table->at[1] != 0;
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

/* Totals, notes and signatures below the list: one of their words first, and nothing that makes it surely a row. */
static bool is_closing(const struct columns *columns, const struct cell *values, const struct cell *cells, size_t n)
{
    static const char *const words[] = {"合计", "共计", "总计", "小计", "注：", "注:", "备注", "说明",
                                        "填表", "制表", "审核", "填报", "单位负责人"};
    const size_t count = sizeof(words) / sizeof(*words);
    size_t first = 0;

    while (first < n && cells[first].text.n == 0)
        first++;
    if (columns->is_row(values))
        return false;
    if (values[0].text.n == 0 && values[1].text.n == 0 && !values[1].no_value)
        return true;
    return (first < n && begins_plain(cells[first].text, words, count)) ||
           begins_plain(values[0].text, words, count) || begins_plain(values[1].text, words, count);
}

/* A header printed again at the top of a page. */
static bool is_header(const struct files *files, const struct cell *values)
{
    unsigned rank;

    return !files->columns->is_row(values) && column_of(files, values[0].text, &rank) == 0 &&
           column_of(files, values[1].text, &rank) == 1;
}

/* The row as it is kept and compared: what it says under which name, however the columns stand. */
static bool write_raw(struct text *raw, const struct columns *columns, const struct table *table,
                      const struct cell *values)
{
    if (table->from_1904)
        text_add(raw, "1904\t");
    for (int i = 0; i < columns->count; i++) {
        if (values[i].text.n == 0 && !values[i].no_value)
            continue;
        text_add(raw, columns->names[i]);
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
    const struct columns *columns = files_of(job)->columns;
    const char *heads[COLUMNS_MAX];
    char room[ROW_MAX];
    struct text text;
    enum gwa_row_answer answer = GWA_ROW_PARSE;

    text_init(&text, room, sizeof(room));
    bool fits = write_raw(&text, columns, table, values);
    struct gwa_bytes raw = {(const uint8_t *)room, text.n};
    if (!fits)
        return row_refuse(job, line, raw, "row", "too long");
    if (!columns->gathers)
        answer = job->host->row(job, line, values[0].text, raw);
    if (answer != GWA_ROW_PARSE)
        return answer != GWA_ROW_STOP;
    for (int i = 0; i < columns->count; i++)
        heads[i] = table->heads[i];
    return columns->take(job, &(struct row){line, raw, values, heads, table->from_1904});
}

static void pick_cells(const struct table *table, int count, const struct cell *cells, size_t n, struct cell *values)
{
    for (int i = 0; i < count; i++)
        if (table->at[i] != 0 && table->at[i] <= n)
            values[i] = cells[table->at[i] - 1];
}

enum table_answer table_take(struct gwa_job *job, struct table *table, uint64_t line, const struct cell *cells,
                             size_t n)
{
    const struct files *files = files_of(job);
    struct cell values[COLUMNS_MAX] = {0};

    if (!table->found)
        return table_find(files, table, cells, n) || ++table->looked < TITLE_ROWS_MAX ? TABLE_GO : TABLE_NO_HEADER;
    pick_cells(table, files->columns->count, cells, n, values);
    if (is_blank(cells, n) || is_closing(files->columns, values, cells, n) || is_header(files, values))
        return TABLE_GO;
    return take_row(job, table, line, values) ? TABLE_GO : TABLE_STOP;
}
