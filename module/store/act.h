/* One change of one job with its entry in the audit log, in one transaction. For the HTTP
 * interface. */
#ifndef STORE_ACT_H
#define STORE_ACT_H
#include "module/store/access.h"

enum store_action {
    STORE_RELEASE,
    STORE_STOP,
    STORE_RETRY,
    STORE_LOCK,
    STORE_UNLOCK,
    STORE_SET,   /* priority, expires of a job that waits */
    STORE_DELETE /* of one that has ended and is not locked */
};
struct store_act {
    enum store_action action;
    const char *tenant, *id;
    bool has_priority, has_expires; /* of STORE_SET */
    int32_t priority;
    int64_t expires; /* microseconds since 1970; 0: never */
};
/* Begins and ends a transaction of its own. `entry`: all but the outcome. *ret_now: the status after
 * it (of STORE_DELETE: what it was). What fails is undone, and written down as failed. */
int store_act(const struct job_info_service *s, const struct store_act *act,
              struct store_audit *entry, enum job_status *ret_now, struct jobs_error *err);
#endif
