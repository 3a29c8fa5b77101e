/* frames: starts the peer of frames.py and stops it. */
#ifndef TESTS_NET_FRAMES_H
#define TESTS_NET_FRAMES_H

#include "../program.h"

struct frames_peer {
    pid_t pid;
    int port;
};

/* Identity NAME.pem and NAME.key of the PKI in dir; charset NULL: any bytes. */
static inline struct frames_peer frames_start(const char *dir, const char *name, const char *charset)
{
    char command[1024], line[32] = "";
    (void)snprintf(command, sizeof(command),
                   "exec /usr/bin/python3 -B %s/tests/unit/net/frames.py %s/%s.pem %s/%s.key %s/ca.pem %s", SOURCE_DIR,
                   dir, name, dir, name, dir, charset == NULL ? "" : charset);
    struct frames_peer peer = {.pid = program_start(command, line, sizeof(line))};
    peer.port = atoi(line);
    return peer;
}

static inline void frames_stop(struct frames_peer *peer)
{
    program_stop(peer->pid);
}

#endif
