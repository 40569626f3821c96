/* Moving a tenant with all its jobs from one datasource (the source) to another (the target). What
 * is under way is written down in t_tenant.settings.move at both ends, so that a move that was
 * killed at any point is taken up by doing it again:
 *
 *   source          target      what is done                                        decided by
 *   ─────────────   ─────────   ─────────────────────────────────────────────────   ──────────
 *   (its own)       –           mark: MAINTENANCE, phase LEAVING                    source commit
 *   LEAVING         –           wait until those who were writing then have ended,
 *                               until nothing runs, and a while for the broker to
 *                               confirm its events
 *   LEAVING, row    –           one transaction each, on both at a time: its rows
 *   locked                      are deleted at the source and given out as they
 *                               go, and copied in at the target
 *   LEAVING, row    ARRIVING    … the target commits first: MAINTENANCE, nothing   target commit
 *   locked                      of it is chosen, due or changed
 *   LEFT            ARRIVING    … then the source: all there is of it is the row   SOURCE COMMIT
 *   LEFT            (as it was) activate: its timers run, it gets its state back    target commit
 *   –               (as it was) the row at the source is deleted                    source commit
 *
 * The second commit of the source decides. Taken up again:
 *   LEAVING and –          go on
 *   LEAVING and ARRIVING   the copy is discarded (under the lock of the source's row: nobody else
 *                          is at work) and made again
 *   LEFT and ARRIVING      activate
 *   LEFT and (as it was)   delete the row at the source
 *   – and (as it was)      it is done: nothing
 * From the source's freezing to its commit nobody can change a job there: the rows are locked. At
 * the target nobody can before it is active: so no event is made twice with different content.
 * Events that are not confirmed by then go along, before any that is made at the target; a relay of
 * the source that still has one in hand sends a duplicate, no more. */
#ifndef TENANT_MOVE_H
#define TENANT_MOVE_H
#include "tenant/tenant.h"

struct tenant_move {
    const char *name;
    const struct job_info_service *source, *target; /* no transaction open */
    const char *target_name;                        /* of the datasource, for messages */
    bool stop;          /* what runs is asked to stop; else it is waited for */
    int64_t timeout;    /* ms to wait for what runs and writes, 0: 60,000 */
    int64_t events_for; /* ms to wait for the broker; what is left goes along */
    void (*progress)(void *arg, const char *what); /* may be NULL */
    void *arg;
};

/* *ret_jobs (may be NULL): how many came. JOBS_ENOENT: no such tenant at the source;
 * JOBS_EREFUSED: the target has one of its own, or it is being moved elsewhere; JOBS_ETIMEOUT: names
 * what is waited for, the tenant stays LEAVING (do it again, or cancel); JOBS_ESCHEMA: the tables are
 * of different releases. */
int tenant_move(const struct tenant_move *move, int64_t *ret_jobs, struct jobs_error *err);
/* Takes a move back that has not been decided: the tenant stays at the source, with the state it
 * had. JOBS_EREFUSED: it has left already, or is not being moved. */
int tenant_move_cancel(const struct tenant_move *move, struct jobs_error *err);
#endif
