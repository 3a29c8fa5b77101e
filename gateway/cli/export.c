/* list export: every firm, as lines of JSON or as CSV that a spreadsheet opens. */
#include <string.h>

#include "cli/internal.h"

static const char *const columns[] = {"uscc", "name", "status", "lane", "region_code", "since", "valid_until"};
#define COLUMN_N (sizeof columns / sizeof columns[0])

static int put_line(void *arg, struct bytes item)
{
    cli_put_json(arg, item);
    return CLI_OK;
}

/* Quoted when it must be. What begins with = + - @ would be a formula. */
static void put_cell(struct buf *out, const char *text, bool last)
{
    bool formula = text[0] != '\0' && strchr("=+-@", text[0]), quoted = formula || strpbrk(text, ",\"\r\n");
    buf_printf(out, "%s%s", quoted ? "\"" : "", formula ? "'" : "");
    for (; *text; text++) {
        if (*text == '"')
            buf_put(out, "\"", 1);
        buf_put(out, text, 1);
    }
    buf_printf(out, "%s%s", quoted ? "\"" : "", last ? "\r\n" : ",");
}

static void put_row(struct cli *cli, const char *const cells[COLUMN_N])
{
    struct buf row;
    buf_init(&row, CLI_BODY_MAX);
    for (size_t i = 0; i < COLUMN_N; i++)
        put_cell(&row, cells[i], i + 1 == COLUMN_N);
    fwrite(row.p, 1, row.n, cli->out);
    buf_free(&row);
}

static int put_csv(void *arg, struct bytes item)
{
    struct cli *cli = arg;
    AUTO_JSON doc = NULL;
    const char *cells[COLUMN_N];
    int code = cli_parse_answer(cli, item, &doc);
    if (code != CLI_OK)
        return code;
    for (size_t i = 0; i < COLUMN_N; i++) {
        const char *text = json_string(json_member(json_root(doc), columns[i]));
        cells[i] = text ? text : "";
    }
    put_row(cli, cells);
    return CLI_OK;
}

int cli_do_list_export(struct cli *cli)
{
    const char *format = cli->option[OPTION_FORMAT], *path = "/firms";
    bool csv = format && strcmp(format, "csv") == 0;
    if (format && !csv && strcmp(format, "ndjson") != 0)
        return cli_usage(cli, "--format is csv or ndjson");
    path = cli_with(cli, path, "city", cli->option[OPTION_CITY]);
    path = cli_with(cli, path, "state", cli->option[OPTION_STATE]);
    if (csv) {
        fwrite("\xef\xbb\xbf", 1, 3, cli->out); /* what a spreadsheet knows UTF-8 by */
        put_row(cli, columns);
    }
    return cli_each_item(cli, path, "after", csv ? put_csv : put_line, cli);
}
