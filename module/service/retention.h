/* Retention: what the keeper removes, a small batch at a time with pauses, so that neither the tick
 * nor a command waits for it: jobs that ended long enough ago, and instances that were lost long
 * ago. The keeper's thread only. */
#ifndef SERVICE_RETENTION_H
#define SERVICE_RETENTION_H
#include "module/base/log.h"
#include "module/store/store.h"
#include "sql/sql.h"

struct retention {
    /* Set by retention_init. */
    const struct log *log;
    const char *datasource; /* the keeper's */
    struct store_keep keep;
    int64_t audit_days; /* 0: for ever */

    struct store_purge walk; /* the pass under way; goes on where it was after a lost session */
    int64_t batch;           /* jobs to look at; halved by a failure */
    int64_t next, next_forget, next_audit; /* clock_now() */
    bool failing;                          /* logged */
};

/* Days; 0: for ever. Texts and log outlive it. */
void retention_init(struct retention *r, const struct log *log, const char *datasource,
                    int64_t succeeded_days, int64_t failed_days, int64_t audit_days);
/* Does what is due, one batch at most; *ret_removed: how many jobs. Negative: the session is
 * broken; other failures are logged and tried again. */
int retention_work(struct retention *r, struct sql *sql, int64_t *ret_removed,
                   struct jobs_error *err);
int64_t retention_at(const struct retention *r); /* when something is due */
#endif
