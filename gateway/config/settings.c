/* settings: the table made of settings.def, and one value stored or shown. */
#include "config/settings.h"

#include "config/value.h"

#include <stdio.h>
#include <string.h>

#define CONFIG_PATH_MAX 4095

const struct setting setting_table[] = {
#define SETTING_TEXT(field, name, def, needed, english, chinese)                                                       \
    {.path = name, .kind = SETTING_IS_TEXT, .required = needed, .offset = offsetof(struct config, field),              \
     .fallback = def, .en = english, .zh = chinese},
#define SETTING_PATH(field, name, def, needed, english, chinese)                                                       \
    {.path = name, .kind = SETTING_IS_PATH, .required = needed, .offset = offsetof(struct config, field),              \
     .fallback = def, .en = english, .zh = chinese},
#define SETTING_INTEGER(field, name, def, low, high, english, chinese)                                                 \
    {.path = name, .kind = SETTING_IS_INTEGER, .required = true, .offset = offsetof(struct config, field),             \
     .fallback = #def, .min = #low, .max = #high, .en = english, .zh = chinese},
#define SETTING_DURATION(field, name, def, low, high, english, chinese)                                                \
    {.path = name, .kind = SETTING_IS_DURATION, .required = true, .offset = offsetof(struct config, field),            \
     .fallback = def, .min = low, .max = high, .en = english, .zh = chinese},
#define SETTING_SIZE(field, name, def, low, high, english, chinese)                                                    \
    {.path = name, .kind = SETTING_IS_SIZE, .required = true, .offset = offsetof(struct config, field),                \
     .fallback = def, .min = low, .max = high, .en = english, .zh = chinese},
#define SETTING_BOOLEAN(field, name, def, english, chinese)                                                            \
    {.path = name, .kind = SETTING_IS_BOOLEAN, .required = true, .offset = offsetof(struct config, field),             \
     .fallback = #def, .en = english, .zh = chinese},
#define SETTING_CHOICE(field, name, def, names, english, chinese)                                                      \
    {.path = name, .kind = SETTING_IS_CHOICE, .required = true, .offset = offsetof(struct config, field),              \
     .fallback = def, .choices = names, .en = english, .zh = chinese},
#include "config/settings.def"
#undef SETTING_TEXT
#undef SETTING_PATH
#undef SETTING_INTEGER
#undef SETTING_DURATION
#undef SETTING_SIZE
#undef SETTING_BOOLEAN
#undef SETTING_CHOICE
};
const size_t setting_count = sizeof(setting_table) / sizeof(*setting_table);

void *setting_field(const struct config *config, const struct setting *setting)
{
    return (char *)(uintptr_t)config + setting->offset;
}

static bool refuse(const struct setting *setting, struct err *err, const char *expected)
{
    return err_set(err, ERR_CONFIG_VALUE, NULL, "%s: %s is expected", setting->path, expected);
}

static bool store_text(struct config *config, const struct setting *setting, const char *text, struct err *err)
{
    const char **field = setting_field(config, setting);

    if (text[0] == '\0')
        return err_set(err, ERR_CONFIG_VALUE, NULL, "%s: the text is empty", setting->path);
    if (!value_printable(text))
        return err_set(err, ERR_CONFIG_VALUE, NULL, "%s: a control or invisible character is not accepted",
                       setting->path);
    *field = arena_strdup(config->arena, text);
    return true;
}

static bool store_path(struct config *config, const struct setting *setting, const char *text, struct err *err)
{
    const char **field = setting_field(config, setting);
    size_t folder = (size_t)(strrchr(config->file, '/') - config->file);

    CHECK(store_text(config, setting, text, err));
    while (strncmp(text, "./", 2) == 0)
        text += 2;
    if (text[0] != '/')
        *field = arena_printf(config->arena, "%.*s/%s", (int)folder, config->file, text);
    if (strlen(*field) > CONFIG_PATH_MAX)
        return err_set(err, ERR_CONFIG_VALUE, NULL, "%s: the path is longer than %d bytes", setting->path,
                       CONFIG_PATH_MAX);
    return true;
}

static bool number_parse(const struct setting *setting, const char *text, int64_t *out)
{
    switch (setting->kind) {
    case SETTING_IS_DURATION:
        return duration_parse(text, out);
    case SETTING_IS_SIZE:
        return value_size(text, out);
    default:
        return value_integer(text, out);
    }
}

static bool store_number(struct config *config, const struct setting *setting, const char *text, struct err *err)
{
    int64_t value, min = 0, max = 0;

    if (!number_parse(setting, text, &value))
        return refuse(setting, err,
                      setting->kind == SETTING_IS_DURATION ? "a duration such as 500ms, 30s, 10min, 6h or 7d"
                      : setting->kind == SETTING_IS_SIZE   ? "a size such as 64KiB, 16MiB or 1TiB"
                                                           : "a whole number");
    (void)number_parse(setting, setting->min, &min);
    (void)number_parse(setting, setting->max, &max);
    if (value < min || value > max)
        return err_set(err, ERR_CONFIG_VALUE, NULL, "%s: %.40s is not between %s and %s", setting->path, text,
                       setting->min, setting->max);
    *(int64_t *)setting_field(config, setting) = value;
    return true;
}

static bool store_choice(struct config *config, const struct setting *setting, const char *text, struct err *err)
{
    int i = value_choice(setting->choices, text);

    if (i < 0)
        return err_set(err, ERR_CONFIG_VALUE, NULL, "%s: one of %s is expected", setting->path, setting->choices);
    *(int *)setting_field(config, setting) = i;
    return true;
}

bool setting_store(struct config *config, const struct setting *setting, const char *text, struct err *err)
{
    switch (setting->kind) {
    case SETTING_IS_TEXT:
        return store_text(config, setting, text, err);
    case SETTING_IS_PATH:
        return store_path(config, setting, text, err);
    case SETTING_IS_BOOLEAN:
        return value_boolean(text, setting_field(config, setting)) || refuse(setting, err, "true or false");
    case SETTING_IS_CHOICE:
        return store_choice(config, setting, text, err);
    case SETTING_IS_INTEGER:
    case SETTING_IS_DURATION:
    case SETTING_IS_SIZE:
        break;
    }
    return store_number(config, setting, text, err);
}

static const char *number_text(struct arena *arena, const struct setting *setting, int64_t value)
{
    char text[VALUE_TEXT_SIZE];
    int64_t fallback = 0;

    if (number_parse(setting, setting->fallback, &fallback) && fallback == value)
        return setting->fallback;
    if (setting->kind == SETTING_IS_DURATION)
        return arena_strdup(arena, value_duration_text(value, text));
    if (setting->kind == SETTING_IS_SIZE)
        return arena_strdup(arena, value_size_text(value, text));
    return arena_printf(arena, "%lld", (long long)value);
}

const char *setting_text(struct arena *arena, const struct config *config, const struct setting *setting)
{
    const void *field = setting_field(config, setting);

    switch (setting->kind) {
    case SETTING_IS_TEXT:
    case SETTING_IS_PATH:
        return *(const char *const *)field;
    case SETTING_IS_BOOLEAN:
        return *(const bool *)field ? "true" : "false";
    case SETTING_IS_CHOICE:
        return value_choice_text(arena, setting->choices, *(const int *)field);
    case SETTING_IS_INTEGER:
    case SETTING_IS_DURATION:
    case SETTING_IS_SIZE:
        break;
    }
    return number_text(arena, setting, *(const int64_t *)field);
}
