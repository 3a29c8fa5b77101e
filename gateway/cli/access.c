/* access find: who asked about whom. */
#include "cli/internal.h"

#define ALL_LINES "10000"                 /* as many as the gateway gives at once */

/* A time with zone, a date (its start in +08:00), or how long ago, as the time that the daemon takes. */
static int since(struct cli *cli, const char *text, const char **out)
{
    char time[TIME_TEXT_SIZE];
    struct bytes in = bytes_str(text);
    int64_t ms = 0;
    date_day day;
    if (time_parse(in, &ms))
        ;
    else if (date_parse(in, &day))
        ms = date_start_ms(day);
    else if (duration_parse(text, &ms))
        ms = clock_wall_ms() - ms;
    else
        return cli_usage(
            cli, "--since is a time (2026-11-24T10:00:00+08:00), a date (2026-11-24) or how long ago (24h, 7d)");
    *out = arena_strdup(cli->arena, time_format(ms, time));
    return CLI_OK;
}

int cli_do_access_find(struct cli *cli)
{
    const char *path = "/access", *from = NULL;
    int code = cli->option[OPTION_SINCE] ? since(cli, cli->option[OPTION_SINCE], &from) : CLI_OK;
    if (code != CLI_OK)
        return code;
    path = cli_with(cli, path, "uscc", cli->option[OPTION_USCC]);
    path = cli_with(cli, path, "partner", cli->option[OPTION_PARTNER]);
    path = cli_with(cli, path, "since", from);
    if (!cli->option[OPTION_LIMIT])
        path = cli_with(cli, path, "limit", ALL_LINES);
    return cli_show_items(cli, path, NULL, "time partner address uscc route status outcome sequence");
}
