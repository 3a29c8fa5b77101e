/* Opens the data directory that --config names. */
#include "cli/offline.h"

static bool open_store(struct cli *cli, struct offline *out, struct err *err)
{
    struct store_options options = {
        .directory = arena_printf(cli->arena, "%s/store", out->config->data_dir),
        .map_size = out->config->data_map_size,
        .read_only = true,
    };
    CHECK(store_open(&options, &out->store, err));
    out->journal = journal_lmdb();
    return true;
}

int offline_open(struct cli *cli, struct offline *out)
{
    struct config_faults faults = {0};
    struct err err = {0};
    *out = (struct offline){0};
    if (!config_load(cli->option[OPTION_CONFIG], &out->config, cli->arena, &faults))
        return cli_fail(cli, &faults.items[0]);
    return open_store(cli, out, &err) ? CLI_OK : cli_fail(cli, &err);
}

void offline_close(struct offline *offline)
{
    journal_free(&offline->journal);
    store_close(&offline->store);
    config_free(&offline->config);
}
