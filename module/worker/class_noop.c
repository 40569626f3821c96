/* noop: does nothing, takes any parameters. For measuring what a job costs. */
#include "module/worker/builtin.h"

static int run(struct job *job) {
    (void)job;
    return 0;
}

const struct job_class class_noop = JOB_CLASS(.name = "noop", .run = run);
