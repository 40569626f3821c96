/* Figures about a whole datasource for metrics and health, read by the keeper on the holder of the
 * relay's lease: jobs by tenant, class and status, how long the oldest waits, what waits to be
 * broadcast. They cost the same whatever the backlog, and a twentieth of the time at most. */
#ifndef SERVICE_FIGURES_H
#define SERVICE_FIGURES_H
#include "sql/sql.h"

#include <pthread.h>

#define FIGURES_OTHER "_other" /* stands for the tenants and classes that are not named */

struct figures {
    size_t tenants; /* how many by name; never changes */

    /* The keeper's thread only. */
    int64_t next_outbox, next_counts;

    /* Guarded by `lock`. Read some seconds ago, as the clock_now() beside them says; 0: not yet. */
    pthread_mutex_t lock;
    int64_t outbox_at, outbox_rows, outbox_age; /* microseconds; 0: nothing waits */
    int64_t counts_at;
    struct sql_result *counts; /* rows of figure_counts.sql */
    struct sql_result *ages;   /* rows of figure_ages.sql */
};

void figures_init(struct figures *figures, size_t tenants);
void figures_done(struct figures *figures);
/* Reads what is due. Negative: the database failed. */
int figures_work(struct figures *figures, struct sql *sql, struct jobs_error *err);
/* When something is due, clock_now(). */
int64_t figures_at(const struct figures *figures);

/* Lends the figures to the caller's thread until figures_unlock. Those older than `most`
 * microseconds are not shown (their _at is 0, their rows NULL): the lease may have gone to another
 * instance, which tells them now. */
struct figures_view {
    int64_t outbox_at, outbox_rows, outbox_age, counts_at;
    const struct sql_result *counts, *ages;
};
void figures_lock(struct figures *figures, int64_t most, struct figures_view *ret);
void figures_unlock(struct figures *figures);
#endif
