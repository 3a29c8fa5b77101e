/* The data directory of a configuration, read without a daemon. */
#ifndef CLI_OFFLINE_H
#define CLI_OFFLINE_H

#include "cli/internal.h"
#include "config/config.h"
#include "journal/journal.h"
#include "store/store.h"

struct offline {
    struct config *config;
    struct store *store;                  /* read only: a daemon may be running beside it */
    struct journal *journal;
};
/* CLI_OK, or what was told on stderr. Close it in either case. */
int offline_open(struct cli *cli, struct offline *out);
void offline_close(struct offline *offline);

#endif
