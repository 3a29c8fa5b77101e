/* sync: run, list, show, diff, cancel, pause, resume; list import, which is a run with a file. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/internal.h"

#define RUN_COLUMNS                                                                                                    \
    "id source state started list_version counts.received counts.added counts.withdrawn counts.rejected dry_run"
#define DIFF_COLUMNS "uscc action name from to line code field detail"

int cli_do_sync_list(struct cli *cli)
{
    return cli_show_items(cli, cli_with(cli, "/runs", "source", cli->option[OPTION_SOURCE]), NULL, RUN_COLUMNS);
}

int cli_do_sync_show(struct cli *cli)
{
    return cli_show(cli, "GET", cli_path(cli, "/runs/", cli->args[0], ""), bytes_str(""), CLI_CALL_MS);
}

int cli_do_sync_diff(struct cli *cli)
{
    return cli_show_items(cli, cli_path(cli, "/runs/", cli->args[0], "/diff"), "after", DIFF_COLUMNS);
}

/* An act whose answer says nothing: a sentence for people, the answer for programs. */
static int act(struct cli *cli, const char *path, const char *en, const char *zh)
{
    struct cli_answer answer;
    int code = cli_ask(cli, "POST", path, bytes_str("{}"), CLI_CALL_MS, &answer);
    if (code != CLI_OK)
        return code;
    if (cli->json)
        cli_put_json(cli, answer.body);
    cli_say(cli, "%s: %s", cli->zh ? zh : en, cli->args[0]);
    return CLI_OK;
}

int cli_do_sync_cancel(struct cli *cli)
{
    return act(cli, cli_path(cli, "/runs/", cli->args[0], "/cancel"), "asked to stop", "已要求取消");
}

int cli_do_sync_pause(struct cli *cli)
{
    return act(cli, cli_path(cli, "/sources/", cli->args[0], "/pause"), "paused", "已暂停");
}

int cli_do_sync_resume(struct cli *cli)
{
    return act(cli, cli_path(cli, "/sources/", cli->args[0], "/resume"), "resumed", "已恢复");
}

/* ---- run -------------------------------------------------------------------------------------------------- */

int cli_run_exit(const char *state, int64_t rejected)
{
    if (strcmp(state, "done") == 0)
        return rejected > 0 ? CLI_PARTIAL : CLI_OK;
    return strcmp(state, "held") == 0 ? CLI_CONFLICT : CLI_FAILED;
}

static void sleep_ms(int64_t ms)
{
    struct timespec pause = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

/* One look at the run. *code_out is set when it has ended or cannot be seen; then false. */
static bool still_running(struct cli *cli, const char *path, struct cli_progress *progress, int *code_out)
{
    AUTO_ARENA arena = arena_new();
    AUTO_JSON doc = NULL;
    struct cli look = *cli;
    struct cli_answer answer;
    int64_t received = 0, total = 0, rejected = 0;
    look.arena = arena;
    *code_out = cli_ask(&look, "GET", path, bytes_str(""), CLI_CALL_MS, &answer);
    if (*code_out == CLI_OK)
        *code_out = cli_parse_answer(&look, answer.body, &doc);
    if (*code_out != CLI_OK)
        return false;
    const char *state = json_string(json_member(json_root(doc), "state"));
    json_integer(view_member(cli, json_root(doc), "counts.received"), &received);
    json_integer(view_member(cli, json_root(doc), "counts.rejected"), &rejected);
    json_integer(json_member(json_root(doc), "total"), &total);
    total = total > 0 ? total : 0;
    if (state && strcmp(state, "running") == 0) {
        progress_step(progress, (uint64_t)received, (uint64_t)total);
        return true;
    }
    progress_end(progress);
    *code_out = cli_show_bytes(cli, answer.body);
    *code_out = cli_worse(*code_out, cli_run_exit(state ? state : "", rejected));
    return false;
}

static int wait_for(struct cli *cli, const char *run)
{
    struct cli_progress progress;
    const char *path = cli_path(cli, "/runs/", run, "");
    int64_t until = clock_mono_ms() + CLI_WAIT_MS;
    int code = CLI_OK;
    interrupt_ends(arena_printf(cli->arena, "pledgectl: run %s goes on; see: pledgectl sync show %s", run, run));
    progress_begin(&progress, cli, run);
    while (still_running(cli, path, &progress, &code)) {
        if (clock_mono_ms() > until) {
            progress_end(&progress);
            cli_say(cli, "%s", cli->zh ? "等待已到时限，同步仍在进行" : "waited long enough; the run goes on");
            return CLI_FAILED;
        }
        sleep_ms(CLI_POLL_MS);
    }
    progress_end(&progress);
    interrupt_ends(NULL);
    return code;
}

/* The daemon knows nothing of this directory, so a path is made absolute here; links are the daemon's to judge. */
static const char *absolute(struct cli *cli, const char *path)
{
    char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    const char *whole = here == NULL ? path : arena_printf(cli->arena, "%s/%s", here, path);
    char *out = arena_alloc(cli->arena, strlen(whole) + 2), *save = NULL;
    size_t n = 0;
    free(here);
    for (char *part = strtok_r(arena_strdup(cli->arena, whole), "/", &save); part; part = strtok_r(NULL, "/", &save)) {
        if (strcmp(part, "..") == 0) {
            while (n > 0 && out[--n] != '/')
                ;
        } else if (strcmp(part, ".") != 0) {
            out[n++] = '/';
            memcpy(out + n, part, strlen(part));
            n += strlen(part);
        }
    }
    out[n] = '\0';
    return out;
}

static struct bytes start_body(struct cli *cli, const char *source)
{
    struct buf text;
    struct json_out json;
    buf_init(&text, CLI_BODY_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string(&json, "source", source);
    if (cli->option[OPTION_FILE])
        json_add_string(&json, "file", absolute(cli, cli->option[OPTION_FILE]));
    if (cli->option[OPTION_FULL])
        json_add_boolean(&json, "full", true);
    if (cli->option[OPTION_INITIAL])
        json_add_boolean(&json, "initial", true);
    if (cli->option[OPTION_DRY_RUN])
        json_add_boolean(&json, "dry_run", true);
    json_end_object(&json);
    struct bytes body = bytes_dup(cli->arena, buf_bytes(&text));
    buf_free(&text);
    return body;
}

static int run_source(struct cli *cli, const char *source)
{
    AUTO_JSON doc = NULL;
    struct cli_answer answer;
    int code = cli_ask(cli, "POST", "/runs", start_body(cli, source), CLI_CALL_MS, &answer);
    if (code == CLI_OK)
        code = cli_parse_answer(cli, answer.body, &doc);
    if (code != CLI_OK)
        return code;
    const char *run = json_string(json_member(json_root(doc), "run"));
    if (!cli->option[OPTION_WAIT] || !run)
        return cli_show_bytes(cli, answer.body);
    cli_say(cli, "%s: %s", cli->zh ? "已开始" : "started", run);
    return wait_for(cli, run);
}

static int run_all(struct cli *cli, const json_value *sources)
{
    int code = CLI_OK;
    for (size_t i = 0; i < json_count(sources); i++) {
        const char *id = json_string(json_member(json_at(sources, i), "id"));
        bool paused = false;
        json_boolean(json_member(json_at(sources, i), "paused"), &paused);
        if (id && paused)
            cli_say(cli, "%s: %s", cli->zh ? "已暂停，跳过" : "paused, left out", id);
        else if (id)
            code = cli_worse(code, run_source(cli, id));
    }
    return code;
}

int cli_do_sync_run(struct cli *cli)
{
    AUTO_JSON doc = NULL;
    struct cli_answer answer;
    if (cli->option[OPTION_FILE] && !utf8_valid(bytes_str(cli->option[OPTION_FILE])))
        return cli_usage(cli, "--file is a path in UTF-8");
    if (cli->option[OPTION_FILE] && !cli->option[OPTION_SOURCE])
        return cli_usage(cli, "--file needs --source: the source says how its lists are read");
    if (cli->option[OPTION_SOURCE])
        return run_source(cli, cli->option[OPTION_SOURCE]);
    int code = cli_ask(cli, "GET", "/sources", bytes_str(""), CLI_CALL_MS, &answer);
    if (code == CLI_OK)
        code = cli_parse_answer(cli, answer.body, &doc);
    return code == CLI_OK ? run_all(cli, json_member(json_root(doc), "items")) : code;
}

int cli_do_list_import(struct cli *cli)
{
    cli->option[OPTION_FILE] = cli->args[0];
    cli->option[OPTION_WAIT] = "";
    return cli_do_sync_run(cli);
}
