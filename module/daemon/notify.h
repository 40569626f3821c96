/* What systemd is told; nothing happens without it. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H
#include <stdint.h>

void notify_ready(const char *status);
void notify_status(const char *status);
void notify_reloading(void);
/* Asks for the time (ms) that draining may take. */
void notify_stopping(int64_t grace);
#endif
