/* pledged: the gateway's daemon. daemon/daemon.h says what it does. */
#include "daemon/daemon.h"

int main(int argc, char **argv)
{
    return daemon_main(argc, argv);
}
