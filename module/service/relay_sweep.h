/* Once in a while the relay looks at all ids of the outbox, whatever it thinks it knows
 * (relay_floor.h): a *sweep*. Where another session holds a snapshot all rows deleted since lie in its
 * way, so it goes in pieces, each so long that it takes no more than a moment. No I/O. */
#ifndef SERVICE_RELAY_SWEEP_H
#define SERVICE_RELAY_SWEEP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay_sweep {
    int64_t from,
        to; /* ids of the present piece; the first one has all lower ones, the last all above */
    int64_t span; /* ids in a piece */
};

void relay_sweep_init(struct relay_sweep *sweep); /* at the first piece, which is all */
/* Sets `to`. high: the highest id known. */
void relay_sweep_begin(struct relay_sweep *sweep, int64_t high);
/* The piece was looked at up to an id, in `took` microseconds, with so many rows. Returns whether that
 * was the last one; goes on to the next or the first. */
bool relay_sweep_end(struct relay_sweep *sweep, int64_t high, int64_t up_to, int64_t took,
                     size_t found);
#endif
