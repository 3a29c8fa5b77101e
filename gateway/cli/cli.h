/* cli: pledgectl, the command line of people and scripts. Floor 10: it may use every lower module, but nearly all of
 * its commands only ask a running daemon through the admin routes; `id`, `verify`, `config check`, `adapter check` and,
 * with --config, `journal verify` and `db rebuild` work without one.
 *
 * What others rely on: stdout is data, stderr is talk; --json prints the daemon's answer as it is (a list as one object
 * a line); exit codes 0 ok, 1 failed, 2 usage, 3 partial, 4 denied, 5 not found, 6 conflict or needs approval, 7 daemon
 * unreachable, 8 signature or integrity, 130 interrupted; colours only on a terminal and never with NO_COLOR.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/* Runs one command and returns the exit code. Owns the process while it runs: sets the log level and SIGINT. */
int cli_main(int argc, char **argv);

#endif
