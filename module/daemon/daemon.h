/* The service as a process: started, reloaded and stopped by signals. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H
#include "module/daemon/options.h"

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CONFIG = 78 /* EX_CONFIG of sysexits.h */
};

/* Runs until SIGTERM or SIGINT. Returns the exit status. Call before any thread was made. */
int daemon_run(const struct options *options);
#endif
