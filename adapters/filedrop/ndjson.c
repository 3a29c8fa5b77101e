/* NDJSON: an object a line. The code is found by scanning; only a row that is not known is parsed. */
#include "filedrop.h"

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
    const struct filedrop *filedrop = job->instance;
    const char *own = filedrop->names[COLUMN_USCC];
    const char *last = column_known[run->code_name].name;
    struct gwa_bytes raw = member(line, last, strlen(last));

    for (; raw.p == NULL && own != NULL && *own != '\0'; own += strspn(own, ",")) {
        size_t n = strcspn(own, ",");

        raw = member(line, own, n);
        own += n;
    }
    for (size_t i = 0; raw.p == NULL && i < column_known_count; i++) {
        if (column_known[i].column != COLUMN_USCC)
            continue;
        raw = member(line, column_known[i].name, strlen(column_known[i].name));
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

static void map_object(struct gwa_job *job, json_t *row)
{
    struct cell values[COLUMN_COUNT] = {0};
    char rooms[COLUMN_COUNT][24];
    unsigned ranks[COLUMN_COUNT] = {0}, rank = 0;
    const char *name, *text;
    json_t *value;

    json_object_foreach(row, name, value) {
        int column = column_of(job->instance, (struct gwa_bytes){(const uint8_t *)name, strlen(name)}, &rank);

        if (column < 0 || (ranks[column] != 0 && ranks[column] <= rank + 1))
            continue;
        text = text_of(value, rooms[column]);
        if (text == NULL) {
            job->host->row_bad(job, column_names[column], "neither a text nor a whole number");
            return;
        }
        /* the text is the parser's own memory, or the room */
        values[column].text = cell_trim((uint8_t *)(uintptr_t)text, strlen(text));
        ranks[column] = rank + 1;
    }
    map_row(job, values, false);
}

static void map_line(struct gwa_job *job, struct gwa_bytes line)
{
    json_t *row = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(row))
        map_object(job, row);
    else
        job->host->row_bad(job, "line", "not a JSON object in UTF-8 whose members differ");
    json_decref(row);
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
    enum gwa_row_answer answer;

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
    answer = job->host->row(job, number, code_of(job, line), line);
    if (answer == GWA_ROW_PARSE)
        map_line(job, line);
    return answer == GWA_ROW_STOP ? LINE_STOP : LINE_GO;
}

enum gwa_verdict ndjson_take(struct gwa_job *job)
{
    return lines_take(job, take_line);
}
