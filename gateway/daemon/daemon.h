/* daemon: the wiring of `pledged`. Opens everything in reading order, says ready when nothing is left half done,
 * reloads on SIGHUP, stops in order on SIGTERM or SIGINT. With --check it opens the same things and keeps nothing.
 *
 *     pledged --config FILE [--check]
 *
 * Talks on standard error only. Exit codes: 0 stopped in order, or nothing to complain about; 1 could not start, or
 * faults were found; 2 not understood.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "base/base.h"

int daemon_main(int argc, char **argv);

#endif
