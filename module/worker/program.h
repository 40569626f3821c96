/* The run() of classes that are programs: any executable, spoken to by lines of JSON (docs/programs.md).
 * job_shared() is its struct child_class. */
#ifndef WORKER_PROGRAM_H
#define WORKER_PROGRAM_H
#include "module/jobs.h"

int program_class_run(struct job *job);
/* The run() of C classes of kind process: in a child host (jobs-host). */
int host_run(struct job *job);
#endif
