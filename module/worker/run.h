/* One run of a job: the object behind `struct job` of <jobs.h>. The service makes it from a claim,
 * a pool thread executes it, the service reads its outcome and frees it.
 *
 * Threads: order and class never change after run_new. Completion and stop are atomics that any
 * thread may touch while the run is not freed. The outcome is written by the executing thread
 * inside run_execute and may be read by others once run_execute has returned (the pool's ended
 * callback orders this). */
#ifndef WORKER_RUN_H
#define WORKER_RUN_H
#include "module/jobs.h"

#define RUN_RESULT_MAX ((size_t)1 << 20) /* bytes of a result's text; more is FAILED/RESULT */
#define RUN_ERROR_MAX ((size_t)64 << 10) /* bytes of an error's text; more is cut and marked */
#define RUN_RESULT_CLASS_NAME_MAX ((size_t)255)
#define RUN_LOG_MAX ((size_t)64 << 10) /* bytes of what is kept of log and outputs */

/* What is to be run. run_new copies all texts. NULL counts as "". */
struct run_order {
    const char *id, *tenant, *class_name;
    const char *parameters; /* a JSON object as text, as the database gave it; "" counts as {} */
    const char *traceparent;
    unsigned attempt, version;
    unsigned attempts; /* how many there may be, 0 = not known: for programs to read */
    int64_t timeout;   /* ms from the begin of run_execute, 0 = none (job and class are settled) */
    /* Directory under which <tenant>/<id>/<version> is made; NULL: the class may not need one. */
    const char *workspace_base;
    int workspace; /* configured: 1 made, -1 not made, 0 what the class says */
};

enum run_end {
    RUN_SUCCEEDED,
    RUN_FAILED, /* again while attempts last */
    RUN_FAILED_FOR_GOOD,
    RUN_RETRY_IN,
    RUN_SNOOZED,
    RUN_ABORTED
};

struct run_outcome {
    enum run_end end;
    int64_t delay; /* ms, not negative, of RUN_RETRY_IN and RUN_SNOOZED */
    /* Of failures "ERROR", "TIMEOUT", "CRASH", "CLASS", "PARAMETER", "WORKSPACE" or "RESULT"
     * (static), else NULL. */
    const char *error_kind;
    /* Owned by the run, NULL if none. */
    char *error;  /* valid UTF-8, at most 64 KiB */
    char *result; /* UTF-8, JSON as the class gave it, not yet judged; at most 1 MiB */
    char *result_class_name;
    char *log; /* the last of what it logged, of stdout and of stderr: valid UTF-8, <= 64 KiB */
};

enum run_stop_reason {
    RUN_STOP_NONE,
    RUN_STOP_REQUESTED, /* stopJob */
    RUN_STOP_TIMEOUT,
    RUN_STOP_SHUTDOWN,
    RUN_STOP_LOST
};

/* `class`: as struct class_entry has it, or any of this release; not copied. `shared` is what
 * job_shared() gives. */
struct job *run_new(const struct run_order *order, const struct job_class *class, void *shared);
void run_free(struct job *job); /* not while run_execute is under way; NULL is fine */

/* Checks the declared parameters, makes the workspace if the class needs one, calls class->run,
 * removes the workspace. Blocks; for the pool's threads (or jobctl run). Always leaves an outcome.
 * What the class returned is normalised: after RUN_STOP_REQUESTED every end but success is
 * RUN_ABORTED; after RUN_STOP_TIMEOUT every end but success is RUN_FAILED with kind TIMEOUT; after
 * the other reasons it stays. A run that was stopped before it began is not called: RUN_ABORTED,
 * and the same normalisation. The timeout needs nobody's help: job_is_stopped, job_sleep and the
 * stop descriptor notice it by themselves, and so does the outcome. */
void run_execute(struct job *job);
/* The part of it that a child host does for the process that checked parameters and made the
 * workspace ("" or NULL: none): calls class->run and settles. */
void run_call(struct job *job, const char *workspace);
const struct run_outcome *run_outcome(const struct job *job);
/* Replaces the outcome by RUN_FAILED_FOR_GOOD of this kind (static text), dropping result and error
 * (a result the database refuses). Only after run_execute. */
void run_refuse(struct job *job, const char *error_kind, const char *text);

/* Sets the flag and makes the stop descriptor readable. The first reason stays. Any thread. */
void run_stop(struct job *job, enum run_stop_reason reason);
enum run_stop_reason run_stop_reason(const struct job *job);
/* 0 to 100, never less than the last time; 100 after a success. Any thread. */
unsigned run_percent(const struct job *job);
/* How far a child is: sets count and ticks (as the child counts them), or a percentage of the count.
 * What is not positive, or less than before, changes nothing. */
void run_set_progress(struct job *job, int64_t count, int64_t done);
void run_set_completion(struct job *job, double percent);
/* What the job says it is doing (UTF-8; the beginning of it is kept), for those who watch it run.
 * The executing thread's to set, any thread's to read: a copy that the caller frees, or NULL. */
void run_set_text(struct job *job, const char *text);
char *run_text(struct job *job);
void run_get_progress(const struct job *job, int64_t *ret_count, int64_t *ret_done);
/* Since how many ms has it been told to stop (or is over its timeout)? Negative: it has not. */
int64_t run_stopping_for(const struct job *job);
/* What job_log writes goes to `sink` (valid UTF-8, at most 2 KiB), on the thread that called
 * job_log; without a sink it is dropped. Set before run_execute. */
void run_set_log(struct job *job,
                 void (*sink)(void *arg, const struct job *job, int level, const char *text),
                 void *arg);
#endif
