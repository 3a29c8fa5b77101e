/* os: what the service manager wants to know (sd_notify). Each call does nothing when no manager asked for it.
 */
#ifndef OS_OS_H
#define OS_OS_H

#include "base/base.h"

void os_notify_ready(void);
void os_notify_reloading(void);           /* until os_notify_ready */
void os_notify_stopping(void);
/* One line for `systemctl status`. */
void os_notify_status(const char *text);
/* True when the manager expects a sign of life: at least every *every_ms_out (half of its limit). */
bool os_watchdog(int64_t *every_ms_out);
void os_notify_watchdog(void);

#endif
