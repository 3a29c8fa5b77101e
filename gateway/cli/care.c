/* db: backup, verify, restore, compact, purge. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "care/care.h"
#include "cli/offline.h"

/* The daemon runs elsewhere: what it is told must not depend on where we stand. */
static int absolute(struct cli *cli, const char *path, const char **out)
{
    char here[PATH_MAX];

    *out = path;
    if (path[0] == '\0')
        return cli_usage(cli, "DIR is empty");
    if (path[0] == '/')
        return CLI_OK;
    if (!getcwd(here, sizeof here))
        return cli_usage(cli, "DIR must be an absolute path");
    *out = arena_printf(cli->arena, "%s/%s", here, path);
    return CLI_OK;
}

static struct bytes text_of(struct cli *cli, struct buf *text)
{
    struct bytes out = bytes_dup(cli->arena, buf_bytes(text));

    buf_free(text);
    return out;
}

static int show_report(struct cli *cli, const char *directory, const struct care_report *report, uint64_t bytes_before)
{
    struct buf text;
    struct json_out json;

    buf_init(&text, CLI_BODY_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string_opt(&json, "directory", directory);
    if (bytes_before > 0)
        json_add_integer(&json, "bytes_before", (int64_t)bytes_before);
    care_report_write(&json, report);
    json_end_object(&json);
    return cli_show_bytes(cli, text_of(cli, &text));
}

/* ---- backup ---- */

static int backup_offline(struct cli *cli, const char *directory)
{
    struct offline data;
    struct care_report report;
    struct err err = {0};
    int code = offline_open(cli, &data);

    if (code == CLI_OK) {
        const struct care_backup backup = {
            .store = data.store,
            .journal = data.journal,
            .access_dir = arena_printf(cli->arena, "%s/access", data.config->data_dir),
            .config = data.config,
        };
        code = care_backup(&backup, directory, &report, &err) ? show_report(cli, directory, &report, 0)
                                                              : cli_fail(cli, &err);
    }
    offline_close(&data);
    return code;
}

int cli_do_db_backup(struct cli *cli)
{
    const char *directory;
    struct buf text;
    struct json_out json;
    int code = absolute(cli, cli->args[0], &directory);

    if (code != CLI_OK)
        return code;
    if (cli_offline(cli))
        return backup_offline(cli, directory);
    buf_init(&text, CLI_BODY_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string(&json, "directory", directory);
    json_end_object(&json);
    return cli_show(cli, "POST", "/db/backup", text_of(cli, &text), CLI_LONG_MS);
}

/* ---- verify, restore, compact ---- */

static int ended(struct cli *cli, bool ok, const char *directory, const struct care_report *report,
                 uint64_t bytes_before, const struct err *err)
{
    if (!ok && interrupted())
        return CLI_INTERRUPTED;
    return ok ? show_report(cli, directory, report, bytes_before) : cli_fail(cli, err);
}

int cli_do_db_verify(struct cli *cli)
{
    struct cli_progress progress;
    struct care_report report;
    struct err err = {0};
    const char *directory;
    int code = absolute(cli, cli->args[0], &directory);

    if (code != CLI_OK)
        return code;
    interrupt_asks();
    progress_begin(&progress, cli, "db verify");
    bool ok = care_verify(directory, progress_step, &progress, &report, &err);
    progress_end(&progress);
    return ended(cli, ok, directory, &report, 0, &err);
}

/* Of --config, or where a package puts it. */
static int load_config(struct cli *cli, struct config **out)
{
    struct config_faults faults = {0};
    const char *named = cli->option[OPTION_CONFIG];

    if (cli_daemon_named(cli))
        return cli_usage(cli, "this works on the data directory of a stopped daemon: give --config");
    if (!config_load(named ? named : CLI_CONFIG_DEFAULT, out, cli->arena, &faults))
        return cli_fail(cli, &faults.items[0]);
    return CLI_OK;
}

int cli_do_db_restore(struct cli *cli)
{
    struct config *config = NULL;
    struct cli_progress progress;
    struct care_report report;
    struct err err = {0};
    const char *directory;
    int code = absolute(cli, cli->args[0], &directory);

    if (code == CLI_OK)
        code = load_config(cli, &config);
    if (code != CLI_OK)
        return code;
    interrupt_asks();
    progress_begin(&progress, cli, "db restore");
    bool ok = care_restore(config, directory, progress_step, &progress, &report, &err);
    progress_end(&progress);
    config_free(&config);
    return ended(cli, ok, directory, &report, 0, &err);
}

int cli_do_db_compact(struct cli *cli)
{
    struct config *config = NULL;
    struct care_report report;
    uint64_t bytes_before = 0;
    struct err err = {0};
    int code = load_config(cli, &config);

    if (code != CLI_OK)
        return code;
    bool ok = care_compact(config, &bytes_before, &report, &err);
    config_free(&config);
    return ended(cli, ok, NULL, &report, bytes_before, &err);
}

/* ---- purge ---- */

int cli_do_db_purge(struct cli *cli)
{
    const char *reason = cli->option[OPTION_REASON];
    bool dry_run = cli->option[OPTION_DRY_RUN] != NULL;
    struct buf text;
    struct json_out json;

    if (!dry_run && !reason)
        return cli_usage(cli, "--reason is required");
    if (!utf8_valid(bytes_str(reason)) || !utf8_valid(bytes_str(cli->option[OPTION_BEFORE])))
        return cli_usage(cli, "--reason and --before are UTF-8 text");
    buf_init(&text, CLI_BODY_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string(&json, "before", cli->option[OPTION_BEFORE]);
    json_add_string_opt(&json, "reason", reason);
    json_add_boolean(&json, "dry_run", dry_run);
    json_end_object(&json);
    int code = cli_show(cli, "POST", "/db/purge", text_of(cli, &text), CLI_LONG_MS);
    if (code == CLI_OK && !dry_run)
        cli_say(cli, "%s", cli->zh ? "已登记，须由他人批准" : "recorded; another person must approve it");
    return code;
}
