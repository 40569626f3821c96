/* Removal of a tenant, with all that is stored of it:
 *
 *     close: MAINTENANCE, marked ──► writers of that moment end ──► (forced: all is stopped)
 *        ──► nothing lives ──► its events are broadcast ──► jobs deleted, batch by batch ──► gone
 *
 * Each step is a transaction of its own or many. A removal that is interrupted or runs out of time
 * leaves the tenant closed; done again it goes on, and setting a state ends it. */
#ifndef TENANT_REMOVE_H
#define TENANT_REMOVE_H
#include "tenant/tenant.h"

struct tenant_removal {
    bool force;          /* stop what lives; else it is refused */
    bool discard_events; /* do not wait until they are broadcast */
    int64_t timeout;     /* ms for all of it, 0: 60,000 */
};

/* *ret_jobs (may be NULL): how many jobs were deleted, on failure too. JOBS_EREFUSED: jobs live and
 * `force` is not given (the tenant is open again as it was), it is being moved, or it was opened by
 * somebody else meanwhile; JOBS_ETIMEOUT: names what is waited for; JOBS_EINVAL inside a
 * transaction. */
int tenant_remove(const struct job_info_service *s, const char *name,
                  const struct tenant_removal *how, int64_t *ret_jobs, struct jobs_error *err);
#endif
