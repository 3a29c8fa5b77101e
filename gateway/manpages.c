/* manpages: fills the lists of a manual page from the tables that the programs are made of. Runs during the build:
 *
 *     manpages PAGE.in > PAGE
 *
 * A line "@settings@", "@commands@" or "@options@" stands for such a list; all others are copied. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text where mdoc would see a request, an escape or the end of an argument. */
static void put(const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            (void)fputs("\\e", stdout);
        else if (*text == '"')
            (void)fputs("\\(dq", stdout);
        else if (*text == '-')
            (void)fputs("\\-", stdout);
        else
            (void)putchar(*text);
    }
}

/* What is said in English, and the same in Chinese. */
static void put_meaning(const char *en, const char *zh)
{
    put(en);
    (void)fputs(".\n.br\n", stdout);
    put(zh);
    (void)fputs("。\n", stdout);
}

static void put_setting(const char *path, const char *en, const char *zh, const char *kind)
{
    (void)fputs(".It Va ", stdout);
    put(path);
    (void)putchar('\n');
    put_meaning(en, zh);
    (void)printf(".br\n%s", kind);
}

static void put_default(const char *fallback, bool needed)
{
    if (fallback != NULL) {
        (void)fputs("; default ", stdout);
        put(fallback);
    } else {
        (void)fputs(needed ? "; required" : "; optional", stdout);
    }
    (void)fputs(".\n", stdout);
}

static void put_range(const char *low, const char *high, const char *fallback)
{
    (void)fputs(" from ", stdout);
    put(low);
    (void)fputs(" to ", stdout);
    put(high);
    put_default(fallback, true);
}

static void put_choices(const char *names, const char *fallback)
{
    for (; *names != '\0'; names++) {
        if (*names == '|')
            (void)fputs(" or ", stdout);
        else
            (void)putchar(*names);
    }
    put_default(fallback, true);
}

static void put_settings(void)
{
#define SETTING_TEXT(field, path, def, needed, en, zh) put_setting(path, en, zh, "Text"), put_default(def, needed);
#define SETTING_PATH(field, path, def, needed, en, zh) put_setting(path, en, zh, "Path"), put_default(def, needed);
#define SETTING_INTEGER(field, path, def, low, high, en, zh)                                                           \
    put_setting(path, en, zh, "Number"), put_range(#low, #high, #def);
#define SETTING_DURATION(field, path, def, low, high, en, zh)                                                          \
    put_setting(path, en, zh, "Duration"), put_range(low, high, def);
#define SETTING_SIZE(field, path, def, low, high, en, zh) put_setting(path, en, zh, "Size"), put_range(low, high, def);
#define SETTING_BOOLEAN(field, path, def, en, zh) put_setting(path, en, zh, "true or false"), put_default(#def, true);
#define SETTING_CHOICE(field, path, def, names, en, zh) put_setting(path, en, zh, "One of "), put_choices(names, def);
#include "config/settings.def"
}

static void put_examples(const char *lines)
{
    (void)fputs(".Bd -literal -offset indent -compact\n", stdout);
    for (const char *end; *lines != '\0'; lines = end + (*end != '\0')) {
        char line[512];

        end = lines + strcspn(lines, "\n");
        (void)snprintf(line, sizeof(line), "%.*s", (int)(end - lines), lines);
        put(line);
        (void)putchar('\n');
    }
    (void)fputs(".Ed\n", stdout);
}

static void put_command(const char *words, const char *arguments, const char *en, const char *zh, const char *examples)
{
    (void)fputs(".It Ic \"", stdout);
    put(words);
    (void)fputs("\"", stdout);
    if (arguments[0] != '\0') {
        (void)fputs(" Ar \"", stdout);
        put(arguments);
        (void)fputs("\"", stdout);
    }
    (void)putchar('\n');
    put_meaning(en, zh);
    put_examples(examples);
}

static void put_commands(void)
{
#define COMMAND(words, arguments, options, required, least, most, function, en, zh, examples)                          \
    put_command(words, arguments, en, zh, examples);
#include "cli/command.def"
}

static void put_option(const char *name, const char *value, const char *en, const char *zh)
{
    (void)fputs(".It Fl \\-", stdout);
    put(name);
    if (value != NULL) {
        (void)fputs(" Ar \"", stdout);
        put(value);
        (void)fputs("\"", stdout);
    }
    (void)putchar('\n');
    put_meaning(en, zh);
}

static void put_options(void)
{
#define OPTION(id, name, value, en, zh) put_option(name, value, en, zh);
#include "cli/option.def"
}

static void put_line(const char *line)
{
    if (strcmp(line, "@settings@\n") == 0)
        put_settings();
    else if (strcmp(line, "@commands@\n") == 0)
        put_commands();
    else if (strcmp(line, "@options@\n") == 0)
        put_options();
    else
        (void)fputs(line, stdout);
}

int main(int argc, char **argv)
{
    FILE *page = argc == 2 ? fopen(argv[1], "r") : NULL;
    char *line = NULL;
    size_t room = 0;
    bool ok;

    if (page == NULL) {
        (void)fprintf(stderr, "usage: manpages PAGE.in > PAGE\n");
        return 2;
    }
    while (getline(&line, &room, page) > 0)
        put_line(line);
    ok = !ferror(page);
    free(line);
    (void)fclose(page);
    return ok && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
