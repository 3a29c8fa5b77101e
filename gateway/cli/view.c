/* Shows JSON objects to people: one member a line, objects and tables inside indented. */
#include <string.h>

#include "cli/internal.h"

#define LINE_MAX_BYTES 4096

static const json_value *own_member(const struct cli *cli, const json_value *object, const char *name)
{
    char local[128];
    snprintf(local, sizeof local, "%s_%s", name, cli->zh ? "zh" : "en");
    const json_value *value = json_member(object, local);
    if (!value)
        value = json_member(object, name);
    /* a sentence in both languages */
    return json_member(value, "en") && json_member(value, "zh") ? json_member(value, cli->zh ? "zh" : "en") : value;
}

const json_value *view_member(const struct cli *cli, const json_value *object, const char *name)
{
    char part[64];
    for (const char *dot; (dot = strchr(name, '.')); name = dot + 1) {
        snprintf(part, sizeof part, "%.*s", (int)(dot - name), name);
        object = json_member(object, part);
    }
    return object ? own_member(cli, object, name) : NULL;
}

static void put_value(struct cli *cli, struct buf *out, const json_value *value);

static void put_members(struct cli *cli, struct buf *out, const json_value *object)
{
    const char *name;
    const json_value *value;
    void *cursor = NULL;
    while (json_next(object, &cursor, &name, &value)) {
        size_t before = out->n;
        if (before > 0)
            buf_byte(out, ' ');
        put_value(cli, out, value);
    }
}

static void put_elements(struct cli *cli, struct buf *out, const json_value *array)
{
    for (size_t i = 0; i < json_count(array); i++) {
        if (i > 0)
            buf_str(out, ",");
        put_value(cli, out, json_at(array, i));
    }
}

static void put_value(struct cli *cli, struct buf *out, const json_value *value)
{
    int64_t number;
    bool truth;
    if (json_string(value))
        buf_str(out, json_string(value));
    else if (json_integer(value, &number))
        buf_printf(out, "%lld", (long long)number);
    else if (json_boolean(value, &truth))
        buf_str(out, cli->zh ? (truth ? "是" : "否") : (truth ? "yes" : "no"));
    else if (json_type_of(value) == JSON_TYPE_OBJECT)
        put_members(cli, out, value);
    else if (json_type_of(value) == JSON_TYPE_ARRAY)
        put_elements(cli, out, value);
}

const char *view_text(struct cli *cli, struct arena *arena, const json_value *value)
{
    struct buf text;
    if (!value)
        return "";
    buf_init(&text, LINE_MAX_BYTES);
    put_value(cli, &text, value);
    const char *out = arena_strndup(arena, text.n ? (const char *)text.p : "", text.n);
    buf_free(&text);
    return out;
}

static bool ends_with(const char *name, const char *end, char base_out[64])
{
    size_t n = strlen(name), m = strlen(end);
    if (n <= m || strcmp(name + n - m, end) != 0)
        return false;
    snprintf(base_out, 64, "%.*s", (int)(n - m), name);
    return true;
}

/* The name under which a member is shown: x for x_en; NULL for an x_zh that stands beside x or x_en, and for an x_ms
 * that stands beside x. */
static const char *shown_name(const json_value *object, const char *name, char base[64])
{
    char twin[72];
    if (ends_with(name, "_en", base))
        return base;
    if (ends_with(name, "_ms", base))
        return json_member(object, base) ? NULL : name;
    if (!ends_with(name, "_zh", base))
        return name;
    snprintf(twin, sizeof twin, "%s_en", base);
    return json_member(object, base) || json_member(object, twin) ? NULL : base;
}

static bool is_table(const json_value *value)
{
    return json_count(value) > 0 && json_type_of(json_at(value, 0)) == JSON_TYPE_OBJECT;
}

/* Columns are the members of the first element. */
static void view_table(struct cli *cli, const json_value *array, int indent)
{
    const char *members[CLI_COLUMNS_MAX], *titles[CLI_COLUMNS_MAX], *name;
    size_t n = 0;
    const json_value *first = json_at(array, 0), *value;
    void *cursor = NULL;
    while (n < CLI_COLUMNS_MAX && json_next(first, &cursor, &name, &value)) {
        char base[64];
        const char *shown = shown_name(first, name, base);
        if (!shown)
            continue;
        members[n] = arena_strdup(cli->arena, shown);
        titles[n] = cli_label(cli, members[n]);
        n++;
    }
    struct cli_grid grid;
    grid_begin(&grid, cli, indent, titles, n);
    for (size_t i = 0; i < json_count(array); i++) {
        struct cli_cell cells[CLI_COLUMNS_MAX];
        for (size_t c = 0; c < n; c++) {
            const char *text = view_text(cli, grid.arena, view_member(cli, json_at(array, i), members[c]));
            cells[c] = (struct cli_cell){cli_word(cli, text), cli_word_colour(text)};
        }
        grid_row(&grid, cells);
    }
    grid_end(&grid);
}

static size_t label_width(const struct cli *cli, const json_value *object)
{
    const char *name;
    const json_value *value;
    void *cursor = NULL;
    size_t widest = 0;
    while (json_next(object, &cursor, &name, &value)) {
        char base[64];
        const char *shown = shown_name(object, name, base);
        size_t width = shown ? cli_width(cli_label(cli, shown)) : 0;
        widest = width > widest ? width : widest;
    }
    return widest;
}

/* A text of several lines, each below the other. */
static void put_lines(struct cli *cli, struct arena *arena, const char *text, size_t column)
{
    enum cli_colour colour = cli_word_colour(text);
    for (const char *line = cli_word(cli, text); *line;) {
        size_t n = strcspn(line, "\n");
        cli_put(cli, colour, cli_clean(arena, arena_strndup(arena, line, n)));
        fputc('\n', cli->out);
        line += n + (line[n] == '\n');
        if (*line)
            fprintf(cli->out, "%*s", (int)column, "");
    }
}

static void view_line(struct cli *cli, const char *label, const json_value *value, int indent, size_t width)
{
    AUTO_ARENA arena = arena_new();
    const char *text = view_text(cli, arena, value);
    if (!text[0])
        return;
    fprintf(cli->out, "%*s", indent, "");
    cli_put(cli, CLI_BOLD, cli_clean(arena, label));
    fprintf(cli->out, "%*s  ", (int)(width - cli_width(label)), "");
    put_lines(cli, arena, text, (size_t)indent + width + 2);
}

void view_object(struct cli *cli, const json_value *object, int indent)
{
    const char *name;
    const json_value *member;
    void *cursor = NULL;
    size_t width = label_width(cli, object);
    while (json_next(object, &cursor, &name, &member)) {
        char base[64];
        const char *shown = shown_name(object, name, base);
        if (!shown)
            continue;
        const json_value *value = own_member(cli, object, shown);
        bool inside = value && json_type_of(value) == JSON_TYPE_OBJECT;
        if (!inside && !is_table(value)) {
            view_line(cli, cli_label(cli, shown), value, indent, width);
            continue;
        }
        fprintf(cli->out, "%*s", indent, "");
        cli_put(cli, CLI_BOLD, cli_clean(cli->arena, cli_label(cli, shown)));
        fputc('\n', cli->out);
        if (inside)
            view_object(cli, value, indent + 2);
        else
            view_table(cli, value, indent + 2);
    }
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

/* Some JSON of ours ends with a line feed, some does not. */
void cli_put_json(struct cli *cli, struct bytes json)
{
    while (json.n > 0 && (json.p[json.n - 1] == '\n' || json.p[json.n - 1] == '\r'))
        json.n--;
    fwrite(json.p, 1, json.n, cli->out);
    fputc('\n', cli->out);
}

void cli_put_listed(struct cli *cli, struct bytes json)
{
    fputs(cli->listed++ == 0 ? "[" : ",\n", cli->out);
    fwrite(json.p, 1, json.n, cli->out);
}

void cli_put_list_end(struct cli *cli)
{
    fputs(cli->listed == 0 ? "[]\n" : "]\n", cli->out);
}

int cli_parse_answer(struct cli *cli, struct bytes body, struct json_doc **doc_out)
{
    struct err err = {0};
    if (json_parse(body, doc_out, &err) && json_type_of(json_root(*doc_out)) == JSON_TYPE_OBJECT)
        return CLI_OK;
    cli_say(cli, "%s", cli->zh ? "网关的应答无法读取" : "the gateway's answer cannot be read");
    if (err.code != ERR_NONE)
        cli_fail(cli, &err);
    return CLI_FAILED;
}

int cli_show_bytes(struct cli *cli, struct bytes json)
{
    AUTO_JSON doc = NULL;
    if (cli->json) {
        cli_put_json(cli, json);
        return CLI_OK;
    }
    int code = cli_parse_answer(cli, json, &doc);
    if (code == CLI_OK)
        view_object(cli, json_root(doc), 0);
    return code;
}

int cli_show(struct cli *cli, const char *method, const char *path, struct bytes body, int64_t total_ms)
{
    struct cli_answer answer;
    int code = cli_ask(cli, method, path, body, total_ms, &answer);
    return code == CLI_OK ? cli_show_bytes(cli, answer.body) : code;
}
