/* struct job from the inside: for the run_*.c files of this folder alone. */
#ifndef WORKER_RUN_OBJECT_H
#define WORKER_RUN_OBJECT_H
#include "module/job/parameters.h"
#include "module/worker/run.h"
#include "module/worker/tail.h"

#include <pthread.h>
#include <stdatomic.h>

/* What run() returns to name its end: 0 or one of these. Far from 1 and -1, and from the JOBS_E…
 * codes, so that a class that returns a number of its own making is found out. */
#define RUN_CODE(end) (0x4a4f4200 + (int)(end))

struct job {
    /* Set by run_new, or by run_execute before the class is called; then constant. */
    struct job *self; /* for the const calls that make something on first use */
    const struct job_class *class;
    void *shared;
    /* In `texts`. */
    const char *id, *tenant, *class_name, *parameters_text, *traceparent, *workspace_base;
    unsigned attempt, attempts, version;
    bool need_workspace;
    int64_t timeout;
    char *workspace;    /* NULL: none */
    int workspace_hold; /* descriptor; of one that run_execute made */
    void (*log_sink)(void *arg, const struct job *job, int level, const char *text);
    void *log_arg;
    struct run_outcome outcome; /* written by the executing thread at its end */
    struct tail output, errors; /* of a child: the executing thread's */

    /* Any thread. */
    _Atomic int64_t deadline; /* clock_now() from which on it is stopped, 0 = none */
    _Atomic int64_t count, done;
    atomic_uint percent_shown;
    atomic_int stop_reason;
    _Atomic int64_t stopped_at;              /* clock_now() of the stop, 0 = none */
    atomic_int stop_fd;                      /* -1: not made yet */
    _Atomic(struct parameters *) parameters; /* NULL: not parsed yet */

    /* Under lock. */
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool parameters_tried;
    bool result_refused; /* the last result given was none: `error` says why */
    int64_t delay;
    const char *error_kind; /* of run_fail_kind; static */
    enum run_end error_end;
    struct tail log;
    char *error, *result, *result_class_name;
    char *text; /* of run_set_text */

    char texts[];
};

/* Parses the parameters on first use; NULL with err filled when they are no JSON object. */
const struct parameters *run_parameters(struct job *job, struct jobs_error *err);

/* For the run functions of this folder, to be returned: a failure of another kind than ERROR (static
 * text). `end`: RUN_FAILED or RUN_FAILED_FOR_GOOD. */
int run_fail_kind(struct job *job, enum run_end end, const char *error_kind, const char *format,
                  ...) JOBS_PRINTF(4, 5);

/* Settles the outcome from what run() returned. */
void run_settle(struct job *job, int returned);
/* The same for a failure before run() was called. */
void run_settle_failure(struct job *job, enum run_end end, const char *error_kind,
                        const char *text);
/* Has the deadline passed? Then the stop is put. */
void run_check_deadline(struct job *job);
#endif
