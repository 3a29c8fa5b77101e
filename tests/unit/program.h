/* program: starts what a test talks to, in a process of its own that says in its first line where it listens. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The command of a shell, which begins with exec so that the pid is the program's; its first line into line. */
static inline pid_t program_start(const char *command, char *line, int size)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that dies leaves nobody behind */
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *file = fdopen(out[0], "r");
    assert_non_null(fgets(line, size, file));
    fclose(file);
    return pid;
}

static inline void program_stop(pid_t pid)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

#endif
