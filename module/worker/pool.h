/* The pool: a number of slots, one thread each, shared by all tenants and datasources of an
 * instance. Tasks are begun in the order they were put. All functions may be called from any
 * thread, also from the callbacks of a task, but for pool_free and pool_resize. */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H
#include "module/base/list.h"
#include "module/jobs.h"

struct pool;
/* Embedded in the owner's struct; owned by the pool from pool_put until ended() was called. */
struct pool_task {
    struct list link; /* the pool's; needs no init. Not for the owner's own lists meanwhile */
    struct job *job;
    /* Both run on the slot's thread, without any lock of the pool held; each may be NULL. started:
     * just before run_execute; ended: just after, with the slot already counted as free; the task
     * is the owner's again once it is called (the owner may free it at once, and put it again). */
    void (*started)(struct pool_task *task);
    void (*ended)(struct pool_task *task);
};

/* Threads block all signals. JOBS_EINVAL: no slots, or more than 10,000; JOBS_ENOMEM: a thread
 * cannot be started. */
int pool_new(size_t slots, struct pool **ret, struct jobs_error *err);
/* Waits for queued and running tasks to end, joins the threads. NULL is fine. */
void pool_free(struct pool *pool);

void pool_put(struct pool *pool, struct pool_task *task);
/* All tasks of a list (by pool_task.link), in order; the list is empty afterwards. Threads are woken
 * once, not once for each: quick tasks cost less than waking somebody does. */
void pool_put_all(struct pool *pool, struct list *tasks);
/* Takes a task back that has not begun; false: it has (or is not here, having never been put since
 * it was zeroed or taken back). The task must still exist: it is the owner who knows whether
 * ended() was called. */
bool pool_withdraw(struct pool *pool, struct pool_task *task);

/* Free slots = slots - running - queued - reserved, not below 0. pool_reserve takes up to `want` of
 * them for the caller and returns how many it got; pool_release gives n back (a reservation is not
 * tied to a task: release, then put). */
size_t pool_reserve(struct pool *pool, size_t want);
void pool_release(struct pool *pool, size_t n);
size_t pool_slots(const struct pool *pool);
/* Grows or shrinks to `slots`: new threads start at once, surplus ones leave when their run has
 * ended. Waits for none that runs. On failure the pool keeps as many slots as it got, at least
 * those it had. One call at a time. */
int pool_resize(struct pool *pool, size_t slots, struct jobs_error *err);

struct pool_stats {
    size_t slots, running, queued, reserved;
    size_t stuck; /* running, but told to stop for POOL_STUCK_MS or longer */
};
void pool_get_stats(struct pool *pool, struct pool_stats *ret);

/* More than the ladder of a child takes: only code on a thread that ignores its stop is stuck. */
#define POOL_STUCK_MS 10000
/* Calls `report` for every run that is stuck and was not reported yet, with the ms since it was told
 * to stop. Under the pool's lock: it must not call the pool. */
void pool_report_stuck(struct pool *pool,
                       void (*report)(void *arg, const struct job *job, int64_t ms), void *arg);
#endif
