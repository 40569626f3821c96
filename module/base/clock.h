/* Time on this host. Durations are measured with the monotonic clock; leases and due times belong to the
 * database's clock. Tests put their own clock in. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stdint.h>

/* Microseconds of the monotonic clock (arbitrary origin), or of the injected one. */
int64_t clock_now(void);
/* Tests: clock_now() calls this from now on; NULL = the real clock. Set before threads start. */
void clock_inject(int64_t (*now)(void));

/* The date as this host has it: microseconds since 1970. */
int64_t clock_date(void);

#define CLOCK_MS ((int64_t)1000)
#define CLOCK_SECOND ((int64_t)1000000)
#endif
