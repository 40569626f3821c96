#include "module/daemon/notify.h"
#include "module/base/clock.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

/* For what comes after the grace: stopping the runs and writing their ends. */
enum { END_MS = 60000 };

void notify_ready(const char *status) { sd_notifyf(0, "READY=1\nSTATUS=%s", status); }

void notify_status(const char *status) { sd_notifyf(0, "STATUS=%s", status); }

void notify_reloading(void) {
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading the settings again",
               clock_now());
}

void notify_stopping(int64_t grace) {
    sd_notifyf(0,
               "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64
               "\nSTATUS=stopping: running jobs may go on for %" PRId64 " ms",
               (grace + END_MS) * CLOCK_MS, grace);
}
