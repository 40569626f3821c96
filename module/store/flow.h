/* How many jobs have come and ended since the tables were made: differences are throughput. */
#ifndef STORE_FLOW_H
#define STORE_FLOW_H
#include "module/job/status.h"
#include "module/jobs.h"

struct store_flow {
    int64_t succeeded, failed, aborted; /* how often a job came to that status; only grow */
    int64_t n[JOB_STATUS_COUNT];        /* jobs now */
};
/* Adds those of a tenant, NULL: of all. */
int store_flow_add(const struct job_info_service *s, const char *tenant, struct store_flow *to,
                   struct jobs_error *err);
#endif
