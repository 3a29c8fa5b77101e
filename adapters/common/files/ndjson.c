/* NDJSON: an object a line. The code is found by scanning; only a row that is not known is parsed. */
#include "adapters/common/files/internal.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---- the code ----------------------------------------------------------------------------------------------- */

static struct gwa_bytes member(struct gwa_bytes line, const char *name, size_t n)
{
    const struct scan_path path = {{{(const uint8_t *)name, n}}, 1};

    return scan_member(line, &path);
}

static struct gwa_bytes unquoted(struct gwa_bytes raw)
{
    if (raw.n < 2 || raw.p[0] != '"' || memchr(raw.p, '\\', raw.n) != NULL)
        return (struct gwa_bytes){NULL, 0};
    return (struct gwa_bytes){raw.p + 1, raw.n - 2};
}

/* Tries the name that the row before had first. */
static struct gwa_bytes code_of(struct gwa_job *job, struct gwa_bytes line)
{
    struct run *run = run_of(job);
    const struct columns *columns = files_of(job)->columns;
    const char *own = files_of(job)->names[0];
    const char *last = columns->known[run->code_name].name;
    struct gwa_bytes raw = member(line, last, strlen(last));

    for (; raw.p == NULL && own != NULL && *own != '\0'; own += strspn(own, ",")) {
        size_t n = strcspn(own, ",");

        raw = member(line, own, n);
        own += n;
    }
    for (size_t i = 0; raw.p == NULL && i < columns->known_n; i++) {
        if (columns->known[i].column != 0)
            continue;
        raw = member(line, columns->known[i].name, strlen(columns->known[i].name));
        run->code_name = raw.p == NULL ? run->code_name : i;
    }
    return unquoted(raw);
}

/* ---- a row that is not known ---------------------------------------------------------------------------------- */

/* NULL: a value that is no text. Numbers are written into room. */
static const char *text_of(const json_t *value, char room[24])
{
    if (json_is_null(value))
        return "";
    if (!json_is_integer(value))
        return json_string_value(value);
    (void)snprintf(room, 24, "%lld", (long long)json_integer_value(value));
    return room;
}

/* A parsed row: its cells are the parser's own memory, or rooms. */
struct object {
    struct cell cells[COLUMNS_MAX];
    char rooms[COLUMNS_MAX][24], heads[COLUMNS_MAX][HEAD_SIZE];
    unsigned ranks[COLUMNS_MAX];         /* 1 more than that of the name; 0: not there */
};

/* -1; else the column whose value is neither a text nor a whole number. */
static int read_members(const struct files *files, json_t *row, struct object *out)
{
    unsigned rank = 0;
    const char *name, *text;
    json_t *value;

    json_object_foreach(row, name, value) {
        const struct gwa_bytes head = {(const uint8_t *)name, strlen(name)};
        int column = column_of(files, head, &rank);

        if (column < 0 || (out->ranks[column] != 0 && out->ranks[column] <= rank + 1))
            continue;
        text = text_of(value, out->rooms[column]);
        if (text == NULL)
            return column;
        out->cells[column].text = cell_trim((uint8_t *)(uintptr_t)text, strlen(text));
        head_copy(out->heads[column], head);
        out->ranks[column] = rank + 1;
    }
    return -1;
}

/* A row that was announced is refused; any other is announced for that. */
static bool refuse(struct gwa_job *job, uint64_t line, struct gwa_bytes raw, const char *field, const char *why)
{
    if (files_of(job)->columns->gathers)
        return row_refuse(job, line, raw, field, why);
    job->host->row_bad(job, field, why);
    return true;
}

static bool take_object(struct gwa_job *job, uint64_t number, struct gwa_bytes line, json_t *row)
{
    const struct columns *columns = files_of(job)->columns;
    const char *heads[COLUMNS_MAX];
    struct object object = {0};
    int bad = read_members(files_of(job), row, &object);

    if (bad >= 0)
        return refuse(job, number, line, columns->names[bad], "neither a text nor a whole number");
    for (int i = 0; i < columns->count; i++)
        heads[i] = object.heads[i];
    return columns->take(job, &(struct row){number, line, object.cells, heads, false});
}

static bool parse_line(struct gwa_job *job, uint64_t number, struct gwa_bytes line)
{
    json_t *row = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
    bool go_on = json_is_object(row)
                     ? take_object(job, number, line, row)
                     : refuse(job, number, line, "line", "not a JSON object in UTF-8 whose members differ");

    json_decref(row);
    return go_on;
}

/* ---- lines -------------------------------------------------------------------------------------------------- */

static struct gwa_bytes without_blanks(struct gwa_bytes line)
{
    while (line.n > 0 && line.p[line.n - 1] <= ' ')
        line.n--;
    while (line.n > 0 && line.p[0] <= ' ')
        line = (struct gwa_bytes){line.p + 1, line.n - 1};
    return line;
}

static enum line_answer take_line(struct gwa_job *job, struct gwa_bytes line, uint64_t number, bool too_long)
{
    enum gwa_row_answer answer = GWA_ROW_PARSE;

    if (too_long)
        return row_refuse(job, number, line, "row", "too long") ? LINE_GO : LINE_STOP;
    if (number == 1 && line.n >= 3 && memcmp(line.p, "\xef\xbb\xbf", 3) == 0)
        line = (struct gwa_bytes){line.p + 3, line.n - 3};
    line = without_blanks(line);
    if (line.n == 0)
        return LINE_GO;
    if (number == 1 && line.p[0] == '[') {
        (void)run_fail(job, GWA_REJECTED, "list.file: a JSON array; one object a line is expected");
        return LINE_REFUSE;
    }
    if (!files_of(job)->columns->gathers)
        answer = job->host->row(job, number, code_of(job, line), line);
    if (answer == GWA_ROW_PARSE)
        return parse_line(job, number, line) ? LINE_GO : LINE_STOP;
    return answer == GWA_ROW_STOP ? LINE_STOP : LINE_GO;
}

enum gwa_verdict ndjson_take(struct gwa_job *job)
{
    return lines_take(job, take_line);
}
