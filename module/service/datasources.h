/* The datasources of a service: started together, changed by a reload, stopped together. Of who
 * starts, reloads and stops the service; one call at a time.
 *
 * A reload makes those that are new first: one that cannot be used (schema, pooler) refuses it all.
 * What is no longer configured is left: it claims no more, hands back what has not begun, its runs
 * may go on for jobs.shutdown.grace.ms, then they are stopped and queued again; then its threads
 * end. Another URL or schema means both, at the same time: what runs ends where it began, with an
 * instance id of its own, and what is claimed comes from the new place. If that is the same database
 * at another address, the old one's sessions go there too when they have to be opened anew. */
#ifndef SERVICE_DATASOURCES_H
#define SERVICE_DATASOURCES_H
#include "module/service/datasource.h"

int datasources_start(struct job_service *service, struct jobs_error *err);

struct datasources_change {
    struct datasource **added; /* made, they do not run yet */
    size_t count;
};
/* What `next` has that is not served. On failure nothing has changed. */
int datasources_prepare(struct job_service *service, const struct config *next,
                        struct datasources_change *ret, struct jobs_error *err);
void datasources_give_up(struct datasources_change *change);
/* Runs what was prepared and leaves what the service's config (replaced meanwhile) has no more. */
void datasources_carry_out(struct job_service *service, struct datasources_change *change);

void datasources_drain(struct job_service *service);
void datasources_stop_runs(struct job_service *service);
/* All that are there, those that are being left too. */
bool datasources_are_drained(const struct job_service *service);
/* Ends all threads. Then, once the pool is gone, frees them. */
void datasources_stop(struct job_service *service);
void datasources_free(struct job_service *service);
#endif
