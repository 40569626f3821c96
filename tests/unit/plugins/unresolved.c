/* Calls a function that nobody has: must show at loading, not in the first run. */
#include <jobs.h>

int function_that_nobody_has(void);

static int run(struct job *job) {
    (void)job;
    return function_that_nobody_has();
}

static const struct job_class unresolved = JOB_CLASS(.name = "plugin-unresolved", .run = run);

JOB_CLASSES(&unresolved);
