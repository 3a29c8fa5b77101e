/* What the commands over messages share. */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include "cli/seal.h"

/* The catalogue of --schemas, else that of --config, else that of this installation; *out NULL when it fails. */
bool cli_catalog(struct cli *cli, struct catalog **out, struct err *err);
/* Written whole or not at all. */
bool cli_write_file(const char *path, struct bytes bytes, struct err *err);

#endif
