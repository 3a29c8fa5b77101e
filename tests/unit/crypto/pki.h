/* The development PKI in a folder of its own, for the life of a test program. */
#ifndef TESTS_CRYPTO_PKI_H
#define TESTS_CRYPTO_PKI_H

#include <stdio.h>
#include <stdlib.h>

static char dir[64];

static inline int make_pki(void **state)
{
    (void)state;
    char command[256];
    snprintf(dir, sizeof dir, "/tmp/test-tls-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command, "sh %s/certs/make-dev-pki.sh %s", SOURCE_DIR, dir);
    return system(command);
}

static inline int remove_pki(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

/* A path in the PKI; the last 32 stay. */
static inline const char *at(const char *name, const char *suffix)
{
    static char paths[32][160];
    static unsigned next;
    char *path = paths[next++ % 32];
    snprintf(path, sizeof paths[0], "%s/%s%s", dir, name, suffix);
    return path;
}

#endif
