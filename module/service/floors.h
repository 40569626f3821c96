/* Where a claim need not look any more. Rows that were deleted stay in the index of t_job_ready while
 * any session holds an older snapshot, and until the next vacuum; a claim that begins at the first entry
 * of a tenant walks over all of them. So for each tenant, lane and priority the highest place (seq) that
 * was claimed is remembered, and, a moment later, taken as the *floor* that the next claim begins above.
 *
 * Nothing here decides who gets a job; the locks of the rows do. A floor that is too high (a submit that
 * became visible late, a claim that was rolled back, a job put back at its old place) delays that one row
 * until the sweep (sweep.h) finds it and lowers the floor. One thread. */
#ifndef SERVICE_FLOORS_H
#define SERVICE_FLOORS_H
#include "module/base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct floor;             /* of one priority */
struct floors {           /* of one tenant in one lane; zeroed: none */
    struct floor *levels; /* highest priority first */
    size_t count, capacity;
};
void floors_done(struct floors *floors);

/* The row at that place was claimed, and that is committed. `now`: clock_now(). */
void floors_note(struct floors *floors, int priority, int64_t seq, int64_t now);
/* There is a row at that place, or may be again. */
void floors_lower(struct floors *floors, int priority, int64_t seq);
/* All of them are as if nothing had been claimed. */
void floors_clear(struct floors *floors);

/* A sweep sets out; what it finds at or below the floor of then was passed over. */
void floors_sweep_begins(struct floors *floors);
/* It found this row, the first one of its priority. */
void floors_sweep_found(struct floors *floors, int priority, int64_t seq);

/* The places that a claim has to look at, as ranges in the order of claiming: appends the highest and the
 * lowest priority of each (array elements) and the seq that it begins above. Returns how many. floors NULL:
 * one range, everything. */
size_t floors_ranges(const struct floors *floors, struct buf *his, struct buf *los,
                     struct buf *seqs);
#endif
