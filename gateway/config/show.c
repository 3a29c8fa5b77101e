/* show: the configuration in force as a file that explains itself and loads again. */
#include "config/settings.h"

#include <string.h>

#define INDENT 2

static void indent(struct buf *out, size_t depth)
{
    for (size_t i = 0; i < depth * INDENT; i++)
        buf_byte(out, ' ');
}

/* Groups that `path` shares with the path before it; the table keeps groups together. */
static size_t common_groups(const char *path, const char *before)
{
    size_t groups = 0;

    for (size_t i = 0; path[i] != '\0' && path[i] == before[i]; i++)
        groups += path[i] == '.';
    return groups;
}

/* Writes the group lines that are new; answers the depth and the last part of the path. */
static const char *open_groups(struct buf *out, const char *path, const char *before, size_t *depth_out)
{
    size_t known = common_groups(path, before);
    size_t depth = 0;
    size_t n = strcspn(path, ".");

    for (; path[n] == '.'; depth++, path += n + 1, n = strcspn(path, ".")) {
        if (depth < known)
            continue;
        indent(out, depth);
        buf_put(out, path, n);
        buf_str(out, ":\n");
    }
    *depth_out = depth;
    return path;
}

static void put_comment(struct buf *out, const struct setting *setting, bool is_default, size_t depth)
{
    indent(out, depth);
    buf_printf(out, "# %s · %s", setting->en, setting->zh);
    if (setting->min != NULL)
        buf_printf(out, " [%s .. %s]", setting->min, setting->max);
    if (setting->choices != NULL)
        buf_printf(out, " [%s]", setting->choices);
    if (is_default)
        buf_str(out, " (default · 默认)");
    buf_byte(out, '\n');
}

/* Values hold no control characters: settings with them do not load. */
static void put_quoted(struct buf *out, const char *text)
{
    buf_byte(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_byte(out, '\\');
        buf_byte(out, (uint8_t)*text);
    }
    buf_byte(out, '"');
}

static void put_value(struct buf *out, const struct setting *setting, const char *text)
{
    if (text == NULL)
        buf_byte(out, '~');
    else if (setting->kind == SETTING_IS_TEXT || setting->kind == SETTING_IS_PATH)
        put_quoted(out, text);
    else
        buf_str(out, text);
}

static bool is_default(const struct setting *setting, const char *text)
{
    if (text == NULL || setting->fallback == NULL)
        return text == setting->fallback;
    return strcmp(text, setting->fallback) == 0;
}

static void show_setting(struct buf *out, struct arena *arena, const struct config *config,
                         const struct setting *setting, const char *before)
{
    const char *text = setting_text(arena, config, setting);
    size_t depth;
    const char *name = open_groups(out, setting->path, before, &depth);

    put_comment(out, setting, is_default(setting, text), depth);
    indent(out, depth);
    buf_printf(out, "%s: ", name);
    put_value(out, setting, text);
    buf_byte(out, '\n');
}

void config_show(const struct config *config, struct buf *out)
{
    AUTO_ARENA arena = arena_new();
    const char *before = "";

    for (size_t i = 0; i < setting_count; i++) {
        show_setting(out, arena, config, &setting_table[i], before);
        before = setting_table[i].path;
    }
}
