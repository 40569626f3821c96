/* Live progress: tells on the transient exchange "<service>.progress" how far running jobs are.
 * One per instance, for all its datasources: every instance has runs, not only the holder of a
 * relay's lease.
 *
 * Nothing here is kept or repeated: what the broker does not take at once is dropped, and what no
 * queue is bound for is dropped by the broker. Whoever must know reads the job, or its events.
 *
 * A thread of its own, all signals blocked, with a broker connection (without confirms) that is
 * made at the first note and closed after a minute without one. */
#ifndef SERVICE_PROGRESS_H
#define SERVICE_PROGRESS_H
#include "module/base/log.h"
#include "module/job/progress.h"

struct progress;

struct progress_options {  /* texts are copied */
    const struct log *log; /* outlives it */
    const char *service;   /* jobs.service */
    const char *amqp_url;
};

struct progress_stats { /* since progress_start */
    uint64_t published, dropped;
    bool connected;
};

int progress_start(const struct progress_options *options, struct progress **ret,
                   struct jobs_error *err);
/* Takes a copy of everything and returns at once, whatever the broker does. NULL is fine. Any
 * thread. */
void progress_tell(struct progress *progress, const struct job_progress *what);
void progress_get_stats(struct progress *progress, struct progress_stats *ret);
/* Ends the thread and frees it; a broker that hangs at that moment may hold it for 2 s. What waits
 * is dropped. NULL is fine. */
void progress_stop(struct progress *progress);
#endif
