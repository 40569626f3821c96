/* A name that another file has (good.so comes first). */
#include <jobs.h>

static int run(struct job *job) {
    (void)job;
    return 0;
}

static const struct job_class again = JOB_CLASS(.name = "plugin-count", .run = run);

JOB_CLASSES(&again);
