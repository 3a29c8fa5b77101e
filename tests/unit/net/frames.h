/* frames: starts the peer of frames.py and stops it. */
#ifndef TESTS_NET_FRAMES_H
#define TESTS_NET_FRAMES_H

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct frames_peer {
    pid_t pid;
    int port;
};

/* Identity NAME.pem and NAME.key of the PKI in dir; charset NULL: any bytes. */
static inline struct frames_peer frames_start(const char *dir, const char *name, const char *charset)
{
    char cert[256], key[256], ca[256], line[32] = "";
    struct frames_peer peer;
    int out[2];
    snprintf(cert, sizeof(cert), "%s/%s.pem", dir, name);
    snprintf(key, sizeof(key), "%s/%s.key", dir, name);
    snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
    assert_int_equal(pipe(out), 0);
    peer.pid = fork();
    if (peer.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that dies leaves nobody behind */
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execl("/usr/bin/python3", "python3", "-B", SOURCE_DIR "/tests/unit/net/frames.py", cert, key, ca, charset,
              (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *file = fdopen(out[0], "r");
    assert_non_null(fgets(line, sizeof(line), file));
    fclose(file);
    peer.port = atoi(line);
    return peer;
}

static inline void frames_stop(struct frames_peer *peer)
{
    kill(peer->pid, SIGTERM);
    waitpid(peer->pid, NULL, 0);
}

#endif
