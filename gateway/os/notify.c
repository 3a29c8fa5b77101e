/* notify: sd_notify and its watchdog. */
#include "os/os.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

void os_notify_ready(void)
{
    (void)sd_notify(0, "READY=1");
}

void os_notify_reloading(void)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_ms() * 1000);
}

void os_notify_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1");
}

void os_notify_status(const char *text)
{
    (void)sd_notifyf(0, "STATUS=%s", text);
}

bool os_watchdog(int64_t *every_ms_out)
{
    uint64_t limit_us = 0;

    if (sd_watchdog_enabled(0, &limit_us) <= 0)
        return false;
    *every_ms_out = (int64_t)(limit_us / 2000);
    return true;
}

void os_notify_watchdog(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}
