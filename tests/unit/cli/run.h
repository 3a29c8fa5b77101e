/* A run of pledgectl whose stdout and stderr are kept in memory. */
#ifndef TESTS_UNIT_CLI_RUN_H
#define TESTS_UNIT_CLI_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

struct run {
    struct cli cli;
    char *out, *err;                      /* after run_end */
    size_t out_n, err_n;
    bool help;
};

static inline void run_begin(struct run *run)
{
    *run = (struct run){.cli = {.arena = arena_new()}};
    run->cli.out = open_memstream(&run->out, &run->out_n);
    run->cli.err = open_memstream(&run->err, &run->err_n);
}

static inline void run_end(struct run *run)
{
    fclose(run->cli.out);
    fclose(run->cli.err);
}

static inline void run_free(struct run *run)
{
    arena_free(&run->cli.arena);
    free(run->out);
    free(run->err);
}

#endif
