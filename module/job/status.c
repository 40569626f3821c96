#include "module/job/status.h"

#include <string.h>

#define BIT(s) (1u << (s))

/* One row a status: its name, whether it is final, where it may go (the diagram of the header). */
static const struct {
    const char *name;
    bool final;
    unsigned next;
} statuses[JOB_STATUS_COUNT] = {
    [JOB_PENDING] = {"PENDING", false, BIT(JOB_QUEUED) | BIT(JOB_ABORTED)},
    [JOB_QUEUED] = {"QUEUED", false, BIT(JOB_TO_BE_RUN) | BIT(JOB_ABORTED)},
    [JOB_TO_BE_RUN] = {"TO_BE_RUN", false,
                       BIT(JOB_RUNNING) | BIT(JOB_QUEUED) | BIT(JOB_PENDING) | BIT(JOB_FAILED) |
                           BIT(JOB_ABORTED)},
    [JOB_RUNNING] = {"RUNNING", false,
                     BIT(JOB_SUCCEEDED) | BIT(JOB_FAILED) | BIT(JOB_ABORTED) | BIT(JOB_PENDING) |
                         BIT(JOB_QUEUED)},
    [JOB_SUCCEEDED] = {"SUCCEEDED", true, 0},
    [JOB_FAILED] = {"FAILED", true, BIT(JOB_QUEUED)},   /* retry */
    [JOB_ABORTED] = {"ABORTED", true, BIT(JOB_QUEUED)}, /* retry */
};

const char *status_name(enum job_status status) {
    return (unsigned)status < JOB_STATUS_COUNT ? statuses[status].name : "?";
}

int status_of_name(const char *name) {
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        if (strcmp(statuses[i].name, name) == 0)
            return i;
    return -1;
}

bool status_is_final(enum job_status status) { return statuses[status].final; }

bool status_may_move(enum job_status from, enum job_status to) {
    return statuses[from].next & BIT(to);
}
