/* What a datasource counts while it works. Written where things happen, mostly by the dispatcher;
 * any thread may read. All zero at start. */
#ifndef SERVICE_COUNTERS_H
#define SERVICE_COUNTERS_H
#include "module/base/histogram.h"

#include <stdatomic.h>

enum tick_outcome {
    TICK_COMMITTED,
    TICK_LOOKED,   /* it had nothing to write */
    TICK_NARROWED, /* a value in it was refused: done again in smaller parts */
    TICK_AGAIN,    /* a lock, a deadlock, a timeout of a statement: the same again */
    TICK_LOST,     /* the session went; whether it was committed is found out by the next one */
    TICK_FAILED,   /* anything else */
    TICK_OUTCOMES
};
extern const char *const tick_outcome_names[TICK_OUTCOMES];

enum run_result { /* what became of a job that was claimed here */
                  RESULT_SUCCEEDED,
                  RESULT_FAILED,
                  RESULT_ABORTED,
                  RESULT_RETRIED,
                  RESULT_SNOOZED,
                  RESULT_HANDED_BACK, /* a shutdown, no slot in time, no class here, a quarantine, no disk */
                  RUN_RESULTS
};
extern const char *const run_result_names[RUN_RESULTS];

#define ERROR_KINDS 8
extern const char *const error_kind_names[ERROR_KINDS]; /* ERROR, TIMEOUT, … */

struct datasource_counters {
    /* Counters. */
    atomic_llong ticks, claimed, ended, fenced, busy, handed_back, refused, taken_over;
    atomic_llong set_aside;     /* ends that the database does not take though they stand alone */
    atomic_llong expired;       /* chosen too late */
    atomic_llong promoted;      /* timers that were due */
    atomic_llong stops;         /* runs and waiting jobs that were told to stop */
    atomic_llong notifications; /* heard */
    atomic_llong sessions;      /* of the tick, opened */
    atomic_llong controls;      /* control sessions opened */
    atomic_llong lost_others;   /* instances that this one declared lost */
    atomic_llong lost_self;     /* times this one was declared lost */
    atomic_llong parked_quarantine, parked_workspace; /* claimed and put back for that reason */
    atomic_llong outcomes[TICK_OUTCOMES];
    atomic_llong results[RUN_RESULTS];
    atomic_llong errors[ERROR_KINDS]; /* of attempts, those that are tried again too */

    /* Histograms. */
    struct histogram tick_time, commit_time, claim_time; /* ticks that write; that claim */
    struct histogram claim_size, end_size;               /* jobs in one tick */
    struct histogram waited;                             /* from QUEUED to chosen */
    struct histogram run_time;

    /* As it is now. */
    atomic_llong live, quarantined; /* jobs at hand, classes of tenants in quarantine */
    atomic_llong session_since;     /* clock_now() when the tick's session was opened; 0: none */
    atomic_llong ticked_at;         /* clock_now() of the last tick that went through; 0: none */
    atomic_llong control_moved_at;  /* clock_now() when the control thread last came round */
    atomic_llong workspace_used;    /* per cent of the workspaces' file system, when last needed */
};

static inline void count(atomic_llong *counter, long long n) {
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* The attempt of a job ended in `status` ("" is unknown: nothing is counted), for t_job_attempt
 * called `outcome`, with an error of `kind` or NULL. */
void count_result(struct datasource_counters *counters, const char *status, const char *outcome,
                  const char *kind);
#endif
