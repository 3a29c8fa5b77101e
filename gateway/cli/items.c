/* Lists: page after page, each item as a row or, with --json, as an element of one JSON array. */
#include <string.h>

#include "cli/internal.h"

#define NEXT_MAX 512                      /* bytes of a cursor */

struct list {
    struct cli *cli;
    struct cli_grid grid;
    const char *members[CLI_COLUMNS_MAX];
    size_t column_n;
    int64_t left;                         /* items still wanted */
    cli_each *each;                       /* takes the items instead of the grid */
    void *arg;
    int64_t shown;
};

static void list_begin(struct list *list, struct cli *cli, const char *columns)
{
    const char *titles[CLI_COLUMNS_MAX];
    char *save = NULL, *text = arena_strdup(cli->arena, columns);
    *list = (struct list){.cli = cli, .left = INT64_MAX};
    for (char *word = strtok_r(text, " ", &save); word && list->column_n < CLI_COLUMNS_MAX;
         word = strtok_r(NULL, " ", &save)) {
        const char *last = strrchr(word, '.');
        titles[list->column_n] = cli_label(cli, last ? last + 1 : word);
        list->members[list->column_n++] = word;
    }
    grid_begin(&list->grid, cli, 0, titles, list->column_n);
}

static int show_item(struct list *list, struct bytes raw)
{
    AUTO_JSON doc = NULL;
    struct cli *cli = list->cli;
    struct cli_cell cells[CLI_COLUMNS_MAX];
    if (cli->json) {
        cli_put_listed(cli, raw);
        return CLI_OK;
    }
    int code = cli_parse_answer(cli, raw, &doc);
    if (code != CLI_OK)
        return code;
    for (size_t i = 0; i < list->column_n; i++) {
        const char *text = view_text(cli, list->grid.arena, view_member(cli, json_root(doc), list->members[i]));
        cells[i] = (struct cli_cell){cli_word(cli, text), cli_word_colour(text)};
    }
    grid_row(&list->grid, cells);
    return CLI_OK;
}

static int show_page(struct list *list, struct bytes items)
{
    struct bytes item;
    size_t at = 0;
    bool broken = false;
    int code = CLI_OK;
    while (list->left > 0 && code == CLI_OK && json_scan_next(items, &at, &item, &broken)) {
        code = list->each ? list->each(list->arg, item) : show_item(list, item);
        list->left--;
        list->shown++;
    }
    if (!list->each)
        grid_flush(&list->grid);
    if (code == CLI_OK && broken) {
        cli_say(list->cli, "%s", list->cli->zh ? "网关的应答无法读取" : "the gateway's answer cannot be read");
        code = CLI_FAILED;
    }
    return code;
}

/* The cursor of the next page, empty at the end. */
static void next_of(struct bytes body, char next_out[NEXT_MAX], bool *more_out)
{
    AUTO_JSON doc = NULL;
    struct err err = {0};
    struct bytes more, next;
    next_out[0] = '\0';
    *more_out = json_scan_member(body, "more", &more) && bytes_equal(more, BYTES_LIT("true"));
    if (!*more_out || !json_scan_member(body, "next", &next) || !json_parse(next, &doc, &err))
        return;
    const char *text = json_string(json_root(doc));
    if (text && strlen(text) < NEXT_MAX)
        snprintf(next_out, NEXT_MAX, "%s", text);
}

/* A page's memory ends with it: a list may be a million firms long. */
static int fetch_page(struct list *list, const char *path, const char *cursor, char next[NEXT_MAX], bool *more_out)
{
    AUTO_ARENA arena = arena_new();
    struct cli page = *list->cli;
    struct cli_answer answer;
    struct bytes items;
    page.arena = arena;
    int code = cli_ask(&page, "GET", next[0] ? cli_with(&page, path, cursor, next) : path, bytes_str(""), CLI_CALL_MS,
                       &answer);
    if (code != CLI_OK)
        return code;
    if (!json_scan_member(answer.body, "items", &items)) {
        cli_say(list->cli, "%s", list->cli->zh ? "网关的应答无法读取" : "the gateway's answer cannot be read");
        return CLI_FAILED;
    }
    next_of(answer.body, next, more_out);
    return show_page(list, items);
}

static int show_pages(struct list *list, const char *path, const char *cursor)
{
    struct cli *cli = list->cli;
    char next[NEXT_MAX] = "";
    bool more = true;
    int code = CLI_OK;
    do
        code = fetch_page(list, path, cursor, next, &more);
    while (code == CLI_OK && more && cursor && next[0] && list->left > 0);
    if (code == CLI_OK && more)
        cli_say(cli, "%s", cli->zh ? "还有更多未显示" : "there are more than shown");
    return code;
}

int cli_show_items(struct cli *cli, const char *path, const char *cursor, const char *columns)
{
    struct list list;
    int64_t limit = 0;
    int code = cli_number(cli, OPTION_LIMIT, 1, &limit);
    if (code != CLI_OK)
        return code;
    list_begin(&list, cli, columns);
    if (limit > 0)
        list.left = limit;
    int64_t page = limit > 0 && (!cursor || limit < CLI_PAGE) ? limit : cursor ? CLI_PAGE : 0;
    if (page > 0)
        path = cli_with(cli, path, "limit", arena_printf(cli->arena, "%lld", (long long)page));
    code = show_pages(&list, path, cursor);
    grid_end(&list.grid);
    if (cli->json && (code == CLI_OK || cli->listed > 0))
        cli_put_list_end(cli);
    if (code == CLI_OK && list.shown == 0)
        cli_say(cli, "%s", cli->zh ? "没有符合的内容" : "nothing found");
    return code;
}

int cli_each_item(struct cli *cli, const char *path, const char *cursor, cli_each *each, void *arg)
{
    struct list list = {.cli = cli, .left = INT64_MAX, .each = each, .arg = arg};
    return show_pages(&list, cli_with(cli, path, "limit", arena_printf(cli->arena, "%d", CLI_PAGE)), cursor);
}
