/* db: stat, rebuild. */
#include <unistd.h>

#include "cli/offline.h"
#include "ledger/ledger.h"

int cli_do_db_stat(struct cli *cli)
{
    return cli_show(cli, "GET", "/db/stat", bytes_str(""), CLI_CALL_MS);
}

/* The answer of POST /admin/v1/db/rebuild. */
static int show_rebuilt(struct cli *cli, const struct ledger_rebuild *rebuilt)
{
    const char *json = arena_printf(cli->arena, "{\"records\":%llu,\"entries\":%llu,\"equal\":true}",
                                    (unsigned long long)rebuilt->records, (unsigned long long)rebuilt->entries);
    return cli_show_bytes(cli, bytes_str(json));
}

static int rebuild_store(struct cli *cli, struct offline *data)
{
    struct ledger_rebuild rebuilt = {0};
    struct cli_progress progress;
    struct err err = {0};
    const char *scratch = arena_printf(cli->arena, "%s/rebuild.%ld", data->config->data_dir, (long)getpid());
    interrupt_asks();
    progress_begin(&progress, cli, "db rebuild");
    bool ok = ledger_rebuild(data->store, data->journal, scratch, progress_step, &progress, &rebuilt, &err);
    progress_end(&progress);
    if (interrupted())
        return CLI_INTERRUPTED;
    return ok ? show_rebuilt(cli, &rebuilt) : cli_fail(cli, &err);
}

static int rebuild_offline(struct cli *cli)
{
    struct offline data;
    int code = offline_open(cli, &data);
    if (code == CLI_OK)
        code = rebuild_store(cli, &data);
    offline_close(&data);
    return code;
}

int cli_do_db_rebuild(struct cli *cli)
{
    if (cli_offline(cli))
        return rebuild_offline(cli);
    int code = cli_show(cli, "POST", "/db/rebuild", bytes_str("{}"), CLI_LONG_MS);
    if (code != CLI_UNREACHABLE || !cli->option[OPTION_CONFIG])
        return code;
    cli_say(cli, "%s", cli->zh ? "改为直接读取数据目录" : "reading the data directory instead");
    return rebuild_offline(cli);
}
