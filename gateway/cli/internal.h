/* What the files of pledgectl share: the run of the program, its command table, talking to the daemon, showing. */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include <stdio.h>

#include "base/base.h"
#include "json/json.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_PARTIAL = 3,
    CLI_DENIED = 4,
    CLI_MISSING = 5,
    CLI_CONFLICT = 6,
    CLI_UNREACHABLE = 7,
    CLI_SIGNATURE = 8,
    CLI_INTERRUPTED = 130
};

#define CLI_SOCKET_DEFAULT "/run/pledged/pledged.sock"
#define CLI_CONFIG_DEFAULT "/etc/pledged/pledged.yaml"
#define CLI_CONNECT_MS 5000
#define CLI_CALL_MS 60000                 /* an ordinary answer */
#define CLI_LONG_MS (3600 * 1000)         /* verify and rebuild of a long journal */
#define CLI_WAIT_MS (24 * 3600 * 1000)    /* sync run --wait */
#define CLI_POLL_MS 500
#define CLI_ANSWER_MAX (64u << 20)
#define CLI_BODY_MAX (64u << 10)          /* what we send */
#define CLI_FILE_MAX (8u << 20)           /* a file read for verify */
#define CLI_PAGE 500                      /* items asked for at once */
#define CLI_EXPORT_PAGE 1000
#define CLI_COLUMNS_MAX 16

/* ---- options and commands (command.c, parse.c, help.c) ------------------------------------------------- */

enum cli_option {
#define OPTION(id, name, value, en, zh) OPTION_##id,
#include "cli/option.def"
#undef OPTION
    OPTION_COUNT
};
struct cli_option_info {
    const char *name, *value, *en, *zh;
};
const struct cli_option_info *cli_option_info(enum cli_option option);
#define O(id) (UINT64_C(1) << OPTION_##id)
#define CLI_COMMON                                                                                                     \
    (O(SOCKET) | O(URL) | O(CERT) | O(KEY) | O(CA) | O(CONFIG) | O(JSON) | O(LANG) | O(HELP) | O(VERSION))

/* One run of the program. */
struct cli {
    struct arena *arena;                  /* of the whole run */
    FILE *out, *err;
    bool json, zh;
    bool colour;                          /* stdout is a terminal and NO_COLOR is not set */
    bool terminal;                        /* stderr is one: progress may be shown */
    const struct cli_command *command;
    const char *option[OPTION_COUNT];     /* NULL: not given; "" for a flag */
    int64_t listed;                       /* items of a JSON list put out so far */
    const char **args;                    /* behind the command's words */
    size_t arg_n;
};

typedef int cli_do(struct cli *cli);      /* returns the exit code */
struct cli_command {
    const char *words, *arguments;
    uint64_t options, required;
    int least, most;
    cli_do *run;
    const char *en, *zh, *examples;
};
const struct cli_command *cli_commands(size_t *n_out);
/* The command that the first words name; *used_out of them. NULL: none. */
const struct cli_command *cli_command_find(const char *const *words, size_t n, size_t *used_out);
bool cli_is_group(const char *word);      /* "sync": first word of commands of two words */

/* Reads the command line into *cli. Anything but CLI_OK has been told on stderr. *help_out: show help (for
 * cli->command, or the words left in args) instead of running. */
int cli_parse(struct cli *cli, int argc, const char *const *argv, bool *help_out);
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));   /* CLI_USAGE */
/* A decimal number from `least` up; otherwise CLI_USAGE. *out stays as it was when the option is absent. */
int cli_number(struct cli *cli, enum cli_option option, int64_t least, int64_t *out);
void cli_help_command(struct cli *cli, const struct cli_command *command);
void cli_help_all(struct cli *cli, const char *group);      /* NULL: every command */

/* ---- saying what went wrong (say.c) ---------------------------------------------------------------------- */

void cli_say(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));   /* one line on stderr */
int cli_fail(struct cli *cli, const struct err *err);       /* says it; the exit code of its kind */
/* An answer with status >= 400: says code, detail and each of errors[]; the exit code. */
int cli_problem(struct cli *cli, int status, struct bytes body);
int cli_worse(int a, int b);              /* of several outcomes the one to report: the first that is not 0 */

/* ---- the daemon (client.c) -------------------------------------------------------------------------------- */

struct cli_answer {
    int status;
    struct bytes body;
};
/* One exchange. `path` begins behind /admin/v1, or with /v1 for what partners ask as well. CLI_OK: an answer below 400; otherwise it has been told. */
int cli_ask(struct cli *cli, const char *method, const char *path, struct bytes body, int64_t total_ms,
            struct cli_answer *out);
/* True when --config is given and no daemon is named beside it: then work on the data directory. */
bool cli_offline(const struct cli *cli);
bool cli_daemon_named(const struct cli *cli);
/* `path` with name=value appended, percent-encoded; unchanged when value is NULL. */
const char *cli_with(struct cli *cli, const char *path, const char *name, const char *value);
/* The format's one %s replaced by the percent-encoded segment. */
const char *cli_path(struct cli *cli, const char *before, const char *segment, const char *after);

/* ---- text and tables (text.c, grid.c) ---------------------------------------------------------------------- */

size_t cli_width(const char *text);       /* columns on a terminal: wide characters count 2, combining ones 0 */
/* Without control characters, so that nobody's data can steer a terminal; in the arena when it had to change. */
const char *cli_clean(struct arena *arena, const char *text);

enum cli_colour { CLI_PLAIN, CLI_BOLD, CLI_GREEN, CLI_YELLOW, CLI_RED };
/* Label of a member, and the Chinese of a state word; the same text when there is none. */
const char *cli_label(const struct cli *cli, const char *member);
const char *cli_word(const struct cli *cli, const char *word);
enum cli_colour cli_word_colour(const char *word);

struct cli_cell {
    const char *text;
    enum cli_colour colour;
};
struct cli_grid {
    struct cli *cli;
    struct arena *arena;                  /* of the rows, reset by each flush */
    size_t column_n, row_n, room;
    const char *title[CLI_COLUMNS_MAX];
    size_t width[CLI_COLUMNS_MAX];
    bool number[CLI_COLUMNS_MAX];         /* nothing but numbers so far: to the right */
    struct cli_cell *cells;
    int indent;
    bool titled;
};
void grid_begin(struct cli_grid *grid, struct cli *cli, int indent, const char *const *titles, size_t n);
void grid_row(struct cli_grid *grid, const struct cli_cell *cells);
void grid_flush(struct cli_grid *grid);   /* prints the rows so far, titles only once */
void grid_end(struct cli_grid *grid);
void cli_put(struct cli *cli, enum cli_colour colour, const char *text);

/* ---- showing answers (view.c, items.c) ------------------------------------------------------------------------ */

/* The member `name` (dots go into objects) in the language of the run: name_zh or name_en where there is one. */
const json_value *view_member(const struct cli *cli, const json_value *object, const char *name);
const char *view_text(struct cli *cli, struct arena *arena, const json_value *value);   /* one line; "" for nothing */
void view_object(struct cli *cli, const json_value *object, int indent);
/* JSON as it is, or as a view of the object. */
int cli_show_bytes(struct cli *cli, struct bytes json);
int cli_show(struct cli *cli, const char *method, const char *path, struct bytes body, int64_t total_ms);
/* All pages of a list; `columns` are members with a space between. `cursor` names the query parameter that takes
 * "next" (NULL: the route has one page). --limit bounds the items. */
int cli_show_items(struct cli *cli, const char *path, const char *cursor, const char *columns);
/* The same pages, each item to `each` as it came; it answers an exit code, and anything but CLI_OK ends the walk. */
typedef int cli_each(void *arg, struct bytes item);
int cli_each_item(struct cli *cli, const char *path, const char *cursor, cli_each *each, void *arg);
void cli_put_json(struct cli *cli, struct bytes json);      /* one line on stdout */
/* A list is one JSON array, an item a line: _listed for each, _list_end behind the last, also when there was none. */
void cli_put_listed(struct cli *cli, struct bytes json);
void cli_put_list_end(struct cli *cli);
int cli_parse_answer(struct cli *cli, struct bytes body, struct json_doc **doc_out);

/* ---- progress and interruption (progress.c) -------------------------------------------------------------------- */

struct cli_progress {
    struct cli *cli;
    const char *what;
    int64_t started_ms, shown_ms;
};
void progress_begin(struct cli_progress *progress, struct cli *cli, const char *what);
bool progress_step(void *arg, uint64_t done, uint64_t total);   /* as journal_progress; false when interrupted */
void progress_end(struct cli_progress *progress);
/* "512 of 2048 (25 %), 100/s, 15 s left" */
const char *progress_text(char *out, size_t size, uint64_t done, uint64_t total, int64_t elapsed_ms);
/* From now on SIGINT ends the program with 130, saying `note` (may be NULL) first. */
void interrupt_ends(const char *note);
/* From now on the first SIGINT only makes progress_step answer false; the second ends the program. */
void interrupt_asks(void);
bool interrupted(void);

/* What `sync run --wait` exits with when the run has left `running`. */
int cli_run_exit(const char *state, int64_t rejected);

/* ---- files (file.c) ------------------------------------------------------------------------------------------ */

/* The whole file, "-" is standard input; in the arena. */
bool cli_read_file(struct cli *cli, const char *path, size_t max, struct bytes *out, struct err *err);

/* ---- the commands ------------------------------------------------------------------------------------------------ */

#define COMMAND(words, arguments, options, required, least, most, function, en, zh, examples) cli_do function;
#include "cli/command.def"
#undef COMMAND

#endif
