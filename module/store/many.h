/* Stop and retry by filter: a walk over a tenant's jobs in the order of their ids, in batches that
 * are a transaction each. What is done stays done when a later batch fails. */
#ifndef STORE_MANY_H
#define STORE_MANY_H
#include "module/jobs.h"

/* Every field but the tenant narrows; 0 or NULL = any. */
struct store_many {
    const char *tenant, *class_name, *owner, *related_type, *related_id;
    const char *error_kind;         /* of FAILED jobs */
    unsigned statuses;              /* 1u << JOB_…; 0 = all that can be stopped, or tried again */
    int64_t older_than, newer_than; /* ms since the job was created */
    int64_t most;                   /* stop after about so many jobs (the batch is done); 0 = all */
};

struct store_many_done {
    int64_t aborted; /* stop: they were PENDING or QUEUED */
    int64_t asked;   /* stop: TO_BE_RUN or RUNNING, their runs will end soon */
    int64_t queued;  /* retry */
    int64_t batches;
};

/* *ret_done counts on failure too. A batch that met a deadlock or a serialization failure is done
 * again, ten times at most. JOBS_EINVAL inside a transaction, or for a status that cannot be;
 * JOBS_ENOENT: no such tenant; JOBS_EREFUSED (retry): it is in maintenance. */
int store_stop_many(const struct job_info_service *s, const struct store_many *many,
                    struct store_many_done *ret_done, struct jobs_error *err);
int store_retry_many(const struct job_info_service *s, const struct store_many *many,
                     struct store_many_done *ret_done, struct jobs_error *err);
#endif
