/* Aligned tables. Rows are kept until a flush, which prints them under the titles; widths only grow. */
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

void cli_put(struct cli *cli, enum cli_colour colour, const char *text)
{
    static const char *const codes[] = {"", "\033[1m", "\033[32m", "\033[33m", "\033[31m"};
    bool coloured = cli->colour && colour != CLI_PLAIN;
    fprintf(cli->out, "%s%s%s", coloured ? codes[colour] : "", text, coloured ? "\033[0m" : "");
}

void grid_begin(struct cli_grid *grid, struct cli *cli, int indent, const char *const *titles, size_t n)
{
    *grid = (struct cli_grid){.cli = cli, .arena = arena_new(), .indent = indent};
    grid->column_n = n < CLI_COLUMNS_MAX ? n : CLI_COLUMNS_MAX;
    for (size_t i = 0; i < grid->column_n; i++) {
        grid->title[i] = titles[i];
        grid->width[i] = cli_width(titles[i]);
        grid->number[i] = true;
    }
}

static bool is_number(const char *text)
{
    return text[strspn(text, "0123456789-")] == '\0';
}

void grid_row(struct cli_grid *grid, const struct cli_cell *cells)
{
    size_t n = grid->column_n;
    if (grid->row_n == grid->room) {
        grid->room = grid->room ? 2 * grid->room : 64;
        grid->cells = xrealloc(grid->cells, grid->room * n * sizeof *grid->cells);
    }
    struct cli_cell *row = grid->cells + grid->row_n++ * n;
    for (size_t i = 0; i < n; i++) {
        row[i] = cells[i];
        row[i].text = cli_clean(grid->arena, arena_strdup(grid->arena, cells[i].text));
        size_t width = cli_width(row[i].text);
        grid->width[i] = width > grid->width[i] ? width : grid->width[i];
        /* codes of eighteen digits and dates are names, not amounts */
        grid->number[i] = grid->number[i] && is_number(row[i].text) && width < 10;
    }
}

static void put_row(struct cli_grid *grid, const struct cli_cell *row)
{
    FILE *out = grid->cli->out;
    fprintf(out, "%*s", grid->indent, "");
    for (size_t i = 0; i < grid->column_n; i++) {
        int pad = (int)(grid->width[i] - cli_width(row[i].text));
        bool last = i + 1 == grid->column_n;
        if (grid->number[i])
            fprintf(out, "%*s", pad, "");
        cli_put(grid->cli, row[i].colour, row[i].text);
        if (!grid->number[i] && !last)
            fprintf(out, "%*s", pad, "");
        fputs(last ? "\n" : "  ", out);
    }
}

void grid_flush(struct cli_grid *grid)
{
    struct cli_cell titles[CLI_COLUMNS_MAX];
    for (size_t i = 0; i < grid->column_n; i++)
        titles[i] = (struct cli_cell){grid->title[i], CLI_BOLD};
    if (!grid->titled && grid->row_n > 0) {
        put_row(grid, titles);
        grid->titled = true;
    }
    for (size_t i = 0; i < grid->row_n; i++)
        put_row(grid, grid->cells + i * grid->column_n);
    grid->row_n = 0;
    arena_reset(grid->arena);
}

void grid_end(struct cli_grid *grid)
{
    grid_flush(grid);
    free(grid->cells);
    arena_free(&grid->arena);
}
