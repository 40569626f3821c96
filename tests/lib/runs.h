/* What the job classes of tests write down about their runs: in memory, and so independently of
 * the database. One record per process, since a class has no argument of its own; any thread. */
#ifndef TESTS_LIB_RUNS_H
#define TESTS_LIB_RUNS_H
#include "module/jobs.h"

/* Forgets everything and opens the gate. Not while something runs. */
void runs_reset(void);

/* For run(): called first and last by the classes of a test. */
void runs_begin(const struct job *job);
void runs_end(const struct job *job);

size_t runs_count(void);               /* begun */
size_t runs_going(void);               /* begun and not ended */
size_t runs_most(void);                /* the most at a time since this was asked last */
size_t runs_of(const char *id);        /* begun, of one job */
int64_t runs_began_at(const char *id); /* clock_now() when its last one began; 0: none */
/* Wrong in any case: one attempt begun twice, or two runs of a job at the same time. */
size_t runs_doubled(void);
/* Parameter "n" of the jobs in the order in which they began: "3 1 2". Caller frees. */
char *runs_order(void);
/* How many of the first `count` runs were of that tenant. */
size_t runs_of_tenant(const char *tenant, size_t count);
bool runs_wait(size_t count, int64_t timeout); /* until so many have begun */
bool runs_wait_of(const char *id, size_t count, int64_t timeout);

/* Runs of class "gate" go on only while it is open. */
void runs_gate(bool open);

/* Ready-made classes; all of them record themselves.
 *   count     succeeds at once
 *   gate      waits for the gate or a stop; ABORTED when stopped
 *   nap       sleeps for parameter "ms" unless it is stopped
 *   stubborn  sleeps for parameter "ms" without looking, then succeeds
 *   mixed     by parameter "n" modulo 8: 0, 1, 2 succeed at once; 3 after a nap of 5 ms; 4 fails
 *             its first run, to be tried again (submit with attempts => 2); 5 fails for good; 6
 *             snoozes its first run; 7 succeeds with a result of 3 KiB
 *   once      as count, at_most_once */
extern const struct job_class runs_class_count, runs_class_gate, runs_class_nap,
    runs_class_stubborn, runs_class_mixed, runs_class_once;
extern const struct job_class *const runs_classes[]; /* all of them; last NULL */
#endif
