#include "tests/lib/servers.h"

#include <stdlib.h>
#include <time.h>

int test_time_factor(void) {
    const char *text = getenv("JOBS_TEST_TIME_FACTOR");
    long factor = text ? strtol(text, NULL, 10) : 1;
    return factor > 0 && factor < 1000 ? (int)factor : 1;
}

/* Real time, also for tests that inject a clock of their own. */
static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool test_wait(bool (*ready)(void *arg), void *arg, int64_t timeout) {
    int64_t deadline = now_ms() + timeout * test_time_factor();
    int64_t pause = 1;
    while (!ready(arg)) {
        if (now_ms() >= deadline)
            return ready(arg);
        nanosleep(&(struct timespec){.tv_nsec = (long)pause * 1000000}, NULL);
        pause = pause < 20 ? pause * 2 : 20;
    }
    return true;
}
