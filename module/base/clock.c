#include "module/base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t real_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000;
}

int64_t clock_date(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000;
}

static int64_t (*source)(void) = real_now;

int64_t clock_now(void) { return source(); }

void clock_inject(int64_t (*now)(void)) { source = now ? now : real_now; }
