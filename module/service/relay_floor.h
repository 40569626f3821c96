/* What the relay knows of the ids of the outbox, so that a read need not begin at the very first
 * one: where another session holds a snapshot, all rows deleted since lie in its way.
 *
 * It is no cursor. Rows become visible late with lower ids, so every id that was passed over is
 * looked at again, in each read: ids are drawn one by one, a *gap* is a range of those that were
 * not seen. It is closed when nothing can appear in it any more: its *fence* is a transaction id
 * that was assigned after the gap was seen, and whoever drew an id had one before that (it had
 * changed the job's row). So once no transaction below the fence runs, a look that finds nothing
 * is the last one needed: those who drew the ids have rolled back, or another relay was quicker.
 *
 * A *sparse* floor is one in which most ids are somebody else's (a tenant's part of the outbox): its
 * only gaps are those that it is told of, and one look closes them. No I/O. */
#ifndef SERVICE_RELAY_FLOOR_H
#define SERVICE_RELAY_FLOOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay_gap {
    int64_t first, last; /* ids */
    int64_t fence;       /* transaction id; 0: none yet */
};

struct relay_floor {
    bool sparse;
    int64_t high;           /* the highest id seen; all above are unknown */
    struct relay_gap *gaps; /* below it, in order of id */
    size_t count, capacity;
};

void floor_init(struct relay_floor *floor, bool sparse); /* nothing is known */
void floor_done(struct relay_floor *floor);
/* This id was seen; it is not asked for again. */
void floor_take(struct relay_floor *floor, int64_t id);
/* These ids are to be looked at again; what of them is above `high` is anyway. */
void floor_reopen(struct relay_floor *floor, int64_t first, int64_t last);
/* All unknown ids were looked at, in order, up to `id`; no transaction below `oldest` ran then.
 * Calls `closed` (may be NULL) for each gap that is closed. */
void floor_looked(struct relay_floor *floor, int64_t id, int64_t oldest,
                  void (*closed)(void *arg, int64_t first, int64_t last), void *arg);
/* Gaps that have no fence get this one. */
void floor_fence(struct relay_floor *floor, int64_t fence);
bool floor_wants_fence(const struct relay_floor *floor);
/* The lowest id that is not known; INT64_MAX: none below `high`. */
int64_t floor_lowest(const struct relay_floor *floor);
#endif
